//! What is read again where the audit log tells what may have changed.
//!
//! The rest stays as it is on record. What is read is read as in a whole capture, by the same listings and reads, so that the
//! result is the same to the byte.

use std::collections::{BTreeMap, BTreeSet};

use crate::canonical::value_of;
use crate::catalogue::{Domain, Under};
use crate::model::{DomainId, DomainSnapshot, EntityKey};

/// What of a domain is read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nothing: no record speaks of it.
    Nothing,
    /// The listing, and of the reads that each entity takes those of these entities and of new ones.
    Entities(BTreeSet<EntityKey>),
    /// The listings of these parents, and of those that are new or listed otherwise than before.
    Parents(BTreeSet<EntityKey>),
}

/// What of each domain is read again; domains that are not here are captured whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets(pub BTreeMap<DomainId, Target>);

impl Targets {
    pub(super) fn of(&self, domain: &Domain) -> Option<&Target> {
        self.0.get(&domain.id)
    }
}

/// The listings of a per-parent domain that are made again: of the named parents, and those that were not made before.
pub(super) fn named_listings(
    domain: &Domain,
    listings: &BTreeSet<Under>,
    parents: &BTreeSet<EntityKey>,
    recorded: Option<&DomainSnapshot>,
) -> BTreeSet<Under> {
    let listed_before = |parent: &EntityKey| -> BTreeSet<Under> {
        let text = recorded.and_then(|recorded| recorded.entities.get(parent));
        text.map(|text| domain.source.listings_under(parent, &value_of(text)).into_iter().collect()).unwrap_or_default()
    };
    let mut before: BTreeMap<&EntityKey, BTreeSet<Under>> = BTreeMap::new();
    let mut named = BTreeSet::new();
    for under in listings {
        let before = before.entry(&under.parent).or_insert_with(|| listed_before(&under.parent));
        if parents.contains(&under.parent) || !before.contains(under) {
            named.insert(under.clone());
        }
    }
    named
}
