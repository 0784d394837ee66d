//! What changed between two recorded states, without what other commits between them account for.

use std::collections::{BTreeMap, BTreeSet};

use super::archive::{Archive, ArchiveError, Tree};
use super::ledger::Ledger;
use super::plan::CommitKind;
use crate::canonical::{canonical_text, value_of};
use crate::catalogue::{Catalogue, Domain};
use crate::diff::{apply_fields, diff_domain, follow};
use crate::model::{Change, DomainId, DomainSnapshot};

/// A commit between the two states that is not an administrator's doing.
pub struct Step<T> {
    /// Its kind.
    pub kind: CommitKind,
    /// The state before it.
    pub before: Archive<T>,
    /// The state after it.
    pub after: Archive<T>,
}

/// What changed between two states.
#[derive(Debug, Default)]
pub struct Between {
    /// What somebody changed, in order of domain and key.
    pub changes: Vec<Change>,
    /// Domains captured for the first time, with their number of entities.
    pub baselines: BTreeMap<DomainId, u64>,
    /// Members that the API began to give.
    pub new_fields: BTreeMap<DomainId, Vec<String>>,
    /// Domains whose stored form was migrated, laid out anew or fingerprinted under a new key.
    pub migrations: BTreeMap<DomainId, Vec<CommitKind>>,
    /// Domains that are known better or less well: status before and after.
    pub coverage: BTreeMap<DomainId, (String, String)>,
}

/// Compares two states.
///
/// # Errors
/// [`ArchiveError`] where one of the states cannot be read.
pub fn between<T: Tree>(
    catalogue: &Catalogue,
    from: &Archive<T>,
    to: &Archive<T>,
    steps: &[Step<T>],
) -> Result<Between, ArchiveError> {
    let mut found = Between::default();
    let mut changes = Vec::new();
    for id in domains_of([from.ledger(), to.ledger()]) {
        found.note_coverage(&id, from.ledger(), to.ledger());
        let Some(domain) = catalogue.get(&id) else { continue };
        if digest(from.ledger(), &id) == digest(to.ledger(), &id) {
            continue;
        }
        let Some(end) = to.domain(&id)? else { continue };
        let start = carried(domain, from, steps, |step| found.note_step(&id, step))?;
        match start {
            Some(start) => {
                if !has_digest(from.ledger(), &id) {
                    found.baselines.insert(id.clone(), count(&start));
                }
                changes.extend(diff_domain(domain, &start, &end));
            }
            None => {
                found.baselines.insert(id.clone(), count(&end));
            }
        }
    }
    found.changes = follow(catalogue, changes);
    Ok(found)
}

impl Between {
    fn note_coverage(&mut self, id: &DomainId, from: Option<&Ledger>, to: Option<&Ledger>) {
        let status = |ledger: Option<&Ledger>| Some(ledger?.domains.get(id)?.status);
        if let (Some(before), Some(after)) = (status(from), status(to))
            && before != after
        {
            self.coverage.insert(id.clone(), (before.as_str().to_owned(), after.as_str().to_owned()));
        }
    }

    fn note_step<T: Tree>(&mut self, id: &DomainId, step: &Step<T>) {
        let fields = |archive: &Archive<T>| {
            let entry = archive.ledger().and_then(|ledger| ledger.domains.get(id));
            entry.map(|entry| entry.new_fields.clone()).unwrap_or_default()
        };
        if step.kind == CommitKind::NewField {
            let known = fields(&step.before);
            let new = fields(&step.after).into_iter().filter(|field| !known.contains(field));
            self.new_fields.entry(id.clone()).or_default().extend(new);
        } else {
            self.migrations.entry(id.clone()).or_default().push(step.kind);
        }
    }
}

/// A domain of a state in the form that it has after some commits that are no administrator's doing; each that did something to
/// it is told. `None` where it is in none of the states.
pub(super) fn carried<T: Tree>(
    domain: &Domain,
    from: &Archive<T>,
    steps: &[Step<T>],
    mut told: impl FnMut(&Step<T>),
) -> Result<Option<DomainSnapshot>, ArchiveError> {
    let id = &domain.id;
    let mut start = from.domain(id)?.map(|snapshot| (*snapshot).clone());
    for step in steps.iter().filter(|step| digest(step.before.ledger(), id) != digest(step.after.ledger(), id)) {
        match (&mut start, step.before.domain(id)?, step.after.domain(id)?) {
            (Some(start), Some(before), Some(after)) => {
                carry_over(domain, start, &before, &after);
                told(step);
            }
            (None, _, Some(after)) => start = Some((*after).clone()),
            _ => {}
        }
    }
    Ok(start)
}

/// Does to `content` what a commit did to the state before it, as far as it applies.
fn carry_over(domain: &Domain, content: &mut DomainSnapshot, before: &DomainSnapshot, after: &DomainSnapshot) {
    content.schema_version = after.schema_version;
    for change in diff_domain(domain, before, after) {
        if let (Some(old), Some(new)) = (&change.before, &change.after) {
            let Some(entity) = content.entities.get_mut(&change.key) else { continue };
            if entity == old {
                entity.clone_from(new);
                continue;
            }
            // The entity differs from what the commit saw, so its fields are taken one by one.
            for field in &change.fields {
                let value = value_of(entity).into_owned();
                if let Ok(value) = apply_fields(domain, value, std::slice::from_ref(field)) {
                    *entity = canonical_text(&value);
                }
            }
        }
    }
}

pub(super) fn domains_of(ledgers: [Option<&Ledger>; 2]) -> BTreeSet<DomainId> {
    ledgers.into_iter().flatten().flat_map(|ledger| ledger.domains.keys().cloned()).collect()
}

pub(super) fn digest<'l>(ledger: Option<&'l Ledger>, id: &DomainId) -> Option<&'l str> {
    ledger?.domains.get(id)?.digest.as_deref()
}

pub(super) fn has_digest(ledger: Option<&Ledger>, id: &DomainId) -> bool {
    digest(ledger, id).is_some()
}

pub(super) fn count(content: &DomainSnapshot) -> u64 {
    u64::try_from(content.entities.len()).unwrap_or(u64::MAX)
}
