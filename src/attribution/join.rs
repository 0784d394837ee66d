//! Which audit records explain which changes: by entity and time, then by property.
//!
//! A record explains a change of the entity that it names, within the time in which the change was made. What it says of
//! properties is in words for people, so a property that is found among the changed fields counts, and one that is not proves
//! nothing: the record then stands for whatever changed. Only where all properties of a record are found does it explain these
//! fields and no others.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::coverage::{Coverage, plain, singular, speaks_of};
use super::record::AuditRecord;
use crate::canonical::value_of;
use crate::catalogue::{Catalogue, Domain, FieldPath, KeyPart};
use crate::model::{Change, ChangeKind, DomainId, EntityKey, Explained, Pointer};

/// How far the clock of whoever captures may be from that of the organisation.
pub const SKEW: TimeDelta = TimeDelta::minutes(5);

/// What is to be explained, and by what.
pub struct Inquiry<'i> {
    /// The domains.
    pub catalogue: &'i Catalogue,
    /// The id of the organisation.
    pub org: &'i str,
    /// The changes.
    pub changes: &'i [Change],
    /// The records, in order of time and each once ([`AuditRecord::in_order`]).
    pub records: &'i [AuditRecord],
    /// When a domain was captured before the change; absent where that is not known.
    pub since: &'i dyn Fn(&DomainId) -> Option<DateTime<Utc>>,
    /// When the changes had been made at the latest; absent where every record may count.
    pub until: Option<DateTime<Utc>>,
    /// Records that explain an earlier change of an entity already.
    pub used: &'i HashSet<Use>,
    /// What can be said of a change without a record.
    pub coverage: &'i Coverage,
}

/// A record by its id, and the entity whose change it explains.
pub type Use = (String, DomainId, EntityKey);

/// The records behind one change, as positions in the list of records, in order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Behind the change as a whole: an entity that came, went or was made again.
    Whole(Vec<usize>),
    /// Behind each of its fields.
    Fields(Vec<Vec<usize>>),
}

/// What was found of one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The records behind it.
    pub behind: Behind,
    /// What holds where there are none.
    pub otherwise: Explained,
}

impl Joined {
    /// Every record behind the change or one of its fields, in order of time.
    #[must_use]
    pub fn records(&self) -> Vec<usize> {
        let mut records: Vec<usize> = match &self.behind {
            Behind::Whole(records) => records.clone(),
            Behind::Fields(fields) => fields.iter().flatten().copied().collect(),
        };
        records.sort_unstable();
        records.dedup();
        records
    }

    /// Whether there is a record behind every part of the change.
    #[must_use]
    pub fn is_explained(&self) -> bool {
        match &self.behind {
            Behind::Whole(records) => !records.is_empty(),
            Behind::Fields(fields) => !fields.is_empty() && fields.iter().all(|records| !records.is_empty()),
        }
    }
}

/// What holds for a change without a record, by domain.
type Without<'w> = BTreeMap<&'w DomainId, Explained>;

/// How sure it is that a record is about a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    /// It names what the entity belongs to.
    Around,
    /// It names the entity.
    Named,
}

impl Inquiry<'_> {
    /// Finds the records behind each change.
    #[must_use]
    pub fn join(&self) -> Vec<Joined> {
        let mut evidence: Vec<Evidence> = self.changes.iter().map(Evidence::of).collect();
        let domains: BTreeSet<&DomainId> = self.changes.iter().map(|change| &change.domain).collect();
        let without: Without<'_> = domains.into_iter().map(|id| (id, self.without_record(id))).collect();
        let about = self.changes_by_record();
        for (index, record) in self.records.iter().enumerate() {
            let Some(candidates) = about.get(&index) else { continue };
            self.weigh(index, record, candidates, &without, &mut evidence);
        }
        let settled = |(change, evidence): (&Change, Evidence)| Joined {
            behind: self.settled(change, evidence),
            otherwise: without[&change.domain],
        };
        let mut joined: Vec<Joined> = self.changes.iter().zip(evidence).map(settled).collect();
        self.let_children_follow(&mut joined);
        joined
    }

    /// The changes that each record may be about.
    fn changes_by_record(&self) -> HashMap<usize, Vec<(usize, Strength)>> {
        let mut by_id: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, record) in self.records.iter().enumerate().filter(|(_, record)| record.is_done) {
            by_id.entry(record.entity_id.as_deref().unwrap_or(self.org)).or_default().push(index);
        }
        let mut found: HashMap<usize, Vec<(usize, Strength)>> = HashMap::new();
        for (position, change) in self.changes.iter().enumerate() {
            let Some(domain) = self.catalogue.get(&change.domain) else { continue };
            let ids = Ids::of(domain, change);
            let from = (self.since)(&change.domain).map(|since| since - SKEW);
            for (id, strength) in ids.all() {
                for index in by_id.get(id).into_iter().flatten() {
                    let record = &self.records[*index];
                    let is_in_time = from.is_none_or(|from| record.at >= from)
                        && self.until.is_none_or(|until| record.at <= until + SKEW);
                    let is_used = self.used.contains(&(record.id.clone(), change.domain.clone(), change.key.clone()));
                    if is_in_time && !is_used && self.is_about(domain, record, &ids, strength) {
                        found.entry(*index).or_default().push((position, strength));
                    }
                }
            }
        }
        found
    }

    fn is_about(&self, domain: &Domain, record: &AuditRecord, ids: &Ids, strength: Strength) -> bool {
        let speaks = || speaks_of(domain, &record.service, &record.entity_type);
        let is_of_org = record.entity_id.as_deref().is_none_or(|id| id == self.org);
        match strength {
            // All that is settled for an organisation as a whole has the id of the organisation.
            _ if is_of_org => speaks() == Some(true),
            Strength::Named => true,
            Strength::Around => {
                record.others.iter().any(|other| ids.names(other))
                    || (record.others.is_empty() && speaks() != Some(false))
            }
        }
    }

    /// Adds what a record says to the evidence of the changes that it may be about.
    fn weigh(
        &self,
        index: usize,
        record: &AuditRecord,
        about: &[(usize, Strength)],
        without: &Without<'_>,
        evidence: &mut [Evidence],
    ) {
        let is_meant = |position: usize, field: usize| {
            let path = &self.changes[position].fields[field].path;
            record.properties.iter().any(|change| is_property(&change.property, path))
        };
        let paths = || about.iter().flat_map(|(position, _)| &self.changes[*position].fields).map(|field| &field.path);
        let is_found = |property: &str| paths().any(|path| is_property(property, path));
        let says_all =
            !record.properties.is_empty() && record.properties.iter().all(|change| is_found(&change.property));
        for (position, strength) in about {
            // What no service records by itself has no other record than that of what it belongs to.
            let says_all = says_all && without[&self.changes[*position].domain] != Explained::NotCovered;
            let evidence = &mut evidence[*position];
            match self.changes[*position].kind {
                ChangeKind::Modified => {
                    for (field, found) in evidence.fields.iter_mut().enumerate() {
                        if is_meant(*position, field) {
                            found.exact.push(index);
                        } else if !says_all {
                            found.add(*strength, index);
                        }
                    }
                }
                _ if *strength == Strength::Around && says_all => {}
                _ => evidence.whole.add(*strength, index),
            }
        }
    }

    /// What holds for a change of a domain without a record.
    fn without_record(&self, id: &DomainId) -> Explained {
        self.catalogue.get(id).map_or(Explained::NotCovered, |domain| self.coverage.without_record(domain))
    }

    fn settled(&self, change: &Change, evidence: Evidence) -> Behind {
        match change.kind {
            ChangeKind::Modified => Behind::Fields(evidence.fields.into_iter().map(Found::best).collect()),
            ChangeKind::Removed => Behind::Whole(self.last_act(evidence.whole.best())),
            ChangeKind::Added | ChangeKind::Recreated => Behind::Whole(evidence.whole.best()),
        }
    }

    /// Of the records of an entity that is gone, those of whoever took it away: what others did to it before is gone with it.
    fn last_act(&self, records: Vec<usize>) -> Vec<usize> {
        let Some(last) = records.last().map(|index| &self.records[*index]) else { return records };
        let by = (&last.user, &last.client);
        let is_theirs = |index: &usize| (&self.records[*index].user, &self.records[*index].client) == by;
        records.into_iter().filter(is_theirs).collect()
    }

    /// What went with its parent was taken away by whoever took the parent.
    fn let_children_follow(&self, joined: &mut [Joined]) {
        let removed: BTreeMap<(&DomainId, &EntityKey), usize> = self
            .changes
            .iter()
            .enumerate()
            .filter(|(_, change)| change.kind == ChangeKind::Removed)
            .map(|(index, change)| ((&change.domain, &change.key), index))
            .collect();
        // Parents may be children themselves.
        for _ in 0..MOST_GENERATIONS {
            for (index, change) in self.changes.iter().enumerate() {
                let parents = self.catalogue.get(&change.domain).and_then(|domain| domain.source.parent.as_ref());
                let (Some(parents), Some(because)) = (parents, &change.because) else { continue };
                if let Some(parent) = removed.get(&(parents, because)).map(|parent| joined[*parent].clone())
                    && !joined[index].is_explained()
                {
                    joined[index] = parent;
                }
            }
        }
    }
}

/// How deep children hang below each other, at most.
const MOST_GENERATIONS: usize = 4;

/// The ids that a record about a change may name.
struct Ids {
    own: Vec<String>,
    around: Vec<String>,
}

impl Ids {
    fn of(domain: &Domain, change: &Change) -> Self {
        let id = KeyPart::Field(FieldPath::parse("id"));
        let mut own = Vec::new();
        let mut around = Vec::new();
        for key in std::iter::once(&change.key).chain(&change.previous_key) {
            own.push(key.as_str().to_owned());
            let parts: Vec<String> = key.parts().collect();
            for (part, text) in domain.identity.key.iter().zip(parts) {
                if *part == id { own.push(text) } else { around.push(text) }
            }
        }
        let body = change.after.as_ref().or(change.before.as_ref()).map(value_of);
        let parent = body.and_then(|body| domain.parent_of(&change.key, &body));
        around.extend(parent.map(|parent| parent.as_str().to_owned()));
        own.dedup();
        let mut seen: HashSet<String> = own.iter().cloned().collect();
        around.retain(|id| seen.insert(id.clone()));
        Self { own, around }
    }

    fn all(&self) -> impl Iterator<Item = (&str, Strength)> {
        let own = self.own.iter().map(|id| (id.as_str(), Strength::Named));
        own.chain(self.around.iter().map(|id| (id.as_str(), Strength::Around)))
    }

    fn names(&self, id: &str) -> bool {
        self.all().any(|(own, _)| own == id)
    }
}

/// The records that may be behind a change.
struct Evidence {
    whole: Found,
    fields: Vec<Found>,
}

impl Evidence {
    fn of(change: &Change) -> Self {
        Self { whole: Found::default(), fields: change.fields.iter().map(|_| Found::default()).collect() }
    }
}

/// Records by how sure it is that they are meant.
#[derive(Default)]
struct Found {
    exact: Vec<usize>,
    named: Vec<usize>,
    around: Vec<usize>,
}

impl Found {
    fn add(&mut self, strength: Strength, index: usize) {
        match strength {
            Strength::Named => self.named.push(index),
            Strength::Around => self.around.push(index),
        }
    }

    fn best(self) -> Vec<usize> {
        let found = [self.exact, self.named, self.around];
        found.into_iter().find(|records| !records.is_empty()).unwrap_or_default()
    }
}

/// Whether a property, as a record calls it, is the field or holds it: `acwSettings.timeoutMs`, `acwSettings` and `TimeoutMs`
/// all mean `/acwSettings/timeoutMs`.
pub(super) fn is_property(property: &str, path: &Pointer) -> bool {
    let wanted = singular(&plain(property));
    if wanted.is_empty() {
        return false;
    }
    let mut way = String::new();
    path.segments().any(|segment| {
        let segment = plain(&segment);
        way.push_str(&segment);
        singular(&way) == wanted || singular(&segment) == wanted
    })
}
