//! Two snapshots in, an ordered list of changes out.
//!
//! Laws, each a property test: `diff(a, a)` is empty; applying `diff(a, b)` to `a` gives `b`; the order of the output is that
//! of keys and canonical member order. Knows nothing of severity, people or formats.
//!
//! [`diff_domain`] keeps the laws domain by domain. [`follow`] then reads the changes of all domains together and folds what is
//! only a consequence of something else: references that follow a re-created entity, children that went with their parent.

mod apply;
mod array;
mod lineage;
mod noise;
mod patch;
mod trace;
mod value;

use std::collections::BTreeMap;

pub use apply::{ApplyError, apply, apply_fields};
pub use lineage::{follow, predecessors};
pub use noise::{Line, Moved, Movement, Noise};
pub use patch::{Operation, patch};
pub use trace::{Leaf, trace};
pub use value::{compare, list_around, positions};

use crate::canonical::{compact, value_of};
use crate::catalogue::Domain;
use crate::model::{CanonicalText, Change, ChangeKind, DomainSnapshot, EntityKey};

/// What differs between two snapshots of a domain, in order of key.
///
/// An entity that is gone and one that is new are one change where the domain's natural identity says that they are the same
/// thing made again, and no other entity claims to be it.
#[must_use]
pub fn diff_domain(domain: &Domain, before: &DomainSnapshot, after: &DomainSnapshot) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut removed = Vec::new();
    let mut added = Vec::new();
    for (key, old) in &before.entities {
        match after.entities.get(key) {
            None => removed.push((key, old)),
            Some(new) if new != old => changes.push(modified(domain, key, old, new)),
            Some(_) => {}
        }
    }
    added.extend(after.entities.iter().filter(|(key, _)| !before.entities.contains_key(key)));
    let recreated = pair_recreated(domain, &removed, &added);
    for (key, old) in removed {
        if !recreated.contains_key(key) {
            let change = Change { before: Some(old.clone()), ..change(domain, key, ChangeKind::Removed) };
            changes.push(change);
        }
    }
    let successors: BTreeMap<&EntityKey, (&EntityKey, &CanonicalText)> =
        recreated.iter().map(|(previous, (key, old))| (*key, (*previous, *old))).collect();
    for (key, new) in added {
        let change = match successors.get(key) {
            Some((previous, old)) => Change {
                previous_key: Some((*previous).clone()),
                ..Change { kind: ChangeKind::Recreated, ..modified(domain, key, old, new) }
            },
            None => Change { after: Some(new.clone()), ..change(domain, key, ChangeKind::Added) },
        };
        changes.push(change);
    }
    changes.sort_by(|left, right| left.key.cmp(&right.key));
    changes
}

fn change(domain: &Domain, key: &EntityKey, kind: ChangeKind) -> Change {
    Change { kind, ..Change::bare(domain.id.clone(), key.clone()) }
}

fn modified(domain: &Domain, key: &EntityKey, old: &CanonicalText, new: &CanonicalText) -> Change {
    Change {
        before: Some(old.clone()),
        after: Some(new.clone()),
        fields: compare(domain, &value_of(old), &value_of(new)),
        ..change(domain, key, ChangeKind::Modified)
    }
}

type Entities<'e> = [(&'e EntityKey, &'e CanonicalText)];

/// Previous key → new key and old text of the entities that were made again.
fn pair_recreated<'e>(
    domain: &Domain,
    removed: &Entities<'e>,
    added: &Entities<'e>,
) -> BTreeMap<&'e EntityKey, (&'e EntityKey, &'e CanonicalText)> {
    if domain.identity.natural.is_empty() || removed.is_empty() || added.is_empty() {
        return BTreeMap::new();
    }
    let (gone, new) = (by_natural_identity(domain, removed), by_natural_identity(domain, added));
    gone.into_iter()
        .filter_map(|(identity, gone)| match (gone.as_slice(), new.get(&identity)?.as_slice()) {
            ([(previous, old)], [(key, _)]) => Some((*previous, (*key, *old))),
            _ => None,
        })
        .collect()
}

fn by_natural_identity<'e>(
    domain: &Domain,
    entities: &Entities<'e>,
) -> BTreeMap<Vec<String>, Vec<(&'e EntityKey, &'e CanonicalText)>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (key, text) in entities {
        let value = value_of(text);
        let parts = domain.identity.natural.iter().map(|path| path.find(&value).map(compact));
        // An entity that lacks a part of its natural identity has none.
        if let Some(identity) = parts.collect::<Option<Vec<_>>>() {
            groups.entry(identity).or_default().push((*key, *text));
        }
    }
    groups
}
