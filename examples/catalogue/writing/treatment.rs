//! Where the paths of a domain file lead while its models are walked.

use std::collections::BTreeSet;

use orgtrail::catalogue::{FieldPath, Segment};

use super::domain_file::{DomainFile, Reference};

/// What is done with a place.
pub(crate) enum Mark {
    /// It is not stored.
    Dropped,
    /// Its fingerprint is stored.
    Secret,
    /// What it copies from its target is not stored, but for these members.
    Reference(Vec<String>),
}

/// All paths of a domain file that change what is stored.
pub(crate) struct Treatment(Vec<(FieldPath, Mark)>);

/// How far along which paths a place is: an entry for each, with the number of steps taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(BTreeSet<(usize, usize)>);

impl Treatment {
    /// The paths of a domain file.
    pub(crate) fn of(domain: &DomainFile) -> Self {
        let treat = &domain.treat;
        let dropped = [&treat.volatile, &treat.state, &treat.metadata, &treat.copied].into_iter().flatten();
        let dropped = dropped.map(|path| (path.clone(), Mark::Dropped));
        let secret = treat.secret.iter().map(|path| (path.clone(), Mark::Secret));
        let references = domain.references.iter().map(|(path, reference)| {
            let keep = match reference {
                Reference::Target(_) => Vec::new(),
                Reference::Full { keep, .. } => keep.clone(),
            };
            (path.clone(), Mark::Reference(keep))
        });
        Self(dropped.chain(secret).chain(references).collect())
    }

    /// The place where every path begins.
    pub(crate) fn start(&self) -> Place {
        Place((0..self.0.len()).map(|path| (path, 0)).collect())
    }

    /// The place of a member.
    pub(crate) fn member(&self, place: &Place, name: &str) -> Place {
        self.step(place, |segment, _| segment.matches(name))
    }

    /// The place of all items of an array or values of a map. Some values of a map may be secrets, by their names.
    pub(crate) fn each(&self, place: &Place) -> Place {
        self.step(place, |segment, mark| match segment {
            Segment::Each => true,
            Segment::Pattern(_) => matches!(mark, Mark::Secret),
            Segment::Name(_) => false,
        })
    }

    fn step(&self, place: &Place, matches: impl Fn(&Segment, &Mark) -> bool) -> Place {
        let taken = |&(path, steps): &(usize, usize)| {
            let (field, mark) = self.0.get(path)?;
            matches(field.segments().get(steps)?, mark).then_some((path, steps + 1))
        };
        Place(place.0.iter().filter_map(taken).collect())
    }

    /// What is done with a place itself.
    pub(crate) fn marks<'t>(&'t self, place: &'t Place) -> impl Iterator<Item = &'t Mark> {
        place.0.iter().filter_map(|&(path, steps)| {
            let (field, mark) = self.0.get(path)?;
            (field.segments().len() == steps).then_some(mark)
        })
    }
}
