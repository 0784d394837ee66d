//! Domains that cost too much for one run: captured portion by portion, each run going on where the last one stopped.
//!
//! A round goes through the parents in the order of their keys. What a portion does not come to stays as it is on record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::catalogue::Under;
use crate::model::{DomainId, EntityKey};

/// The domains that a run captures portion by portion, and what it may spend on them.
#[derive(Debug, Default)]
pub struct Portions {
    /// The domains; with the last parent that the round has come to, where it has begun.
    pub after: BTreeMap<DomainId, Option<EntityKey>>,
    /// Requests left for all of them together.
    pub requests_left: AtomicUsize,
}

/// How far a portion came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The last parent that the round has come to; absent where it came to none.
    pub after: Option<EntityKey>,
    /// The parents that the round has come to.
    pub done: u64,
    /// All parents.
    pub parents: u64,
}

impl Reach {
    /// Whether the round has come to its end.
    #[must_use]
    pub fn is_end(&self) -> bool {
        self.done == self.parents
    }
}

impl Portions {
    /// Takes a request from what is left; false where nothing is.
    pub(super) fn take(&self) -> bool {
        self.requests_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Takes what a listing took beyond its first request.
    pub(super) fn take_more(&self, requests: u64) {
        let requests = usize::try_from(requests).unwrap_or(usize::MAX);
        let subtract = |left: usize| Some(left.saturating_sub(requests));
        // The update never refuses.
        let _ = self.requests_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, subtract);
    }

    /// The listings of a domain that the round has not come to yet.
    pub(super) fn rest<'u>(&self, domain: &DomainId, listings: &'u BTreeSet<Under>) -> impl Iterator<Item = &'u Under> {
        let after = self.after.get(domain).cloned().flatten();
        listings.iter().filter(move |under| after.as_ref().is_none_or(|after| under.parent > *after))
    }
}

/// How far a round is when these listings of it were not reached.
pub(super) fn reach(listings: &BTreeSet<Under>, missed: &BTreeSet<&Under>) -> Reach {
    let parents: BTreeSet<&EntityKey> = listings.iter().map(|under| &under.parent).collect();
    let missed: BTreeSet<&EntityKey> = missed.iter().map(|under| &under.parent).collect();
    let done: Vec<&EntityKey> = match missed.first() {
        Some(first) => parents.iter().copied().filter(|parent| parent < first).collect(),
        None => parents.iter().copied().collect(),
    };
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Reach { after: done.last().map(|key| (*key).clone()), done: count(done.len()), parents: count(parents.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under(parent: &str, value: &str) -> Under {
        Under { parent: EntityKey::new(parent), values: BTreeMap::from([("v".to_owned(), value.to_owned())]) }
    }

    #[test]
    fn a_round_has_come_to_a_parent_only_with_all_its_listings() {
        let listings: BTreeSet<Under> = [under("a", "1"), under("b", "1"), under("b", "2"), under("c", "1")].into();
        let missed = |count: usize| listings.iter().rev().take(count).collect::<BTreeSet<_>>();
        let told = |count| {
            let reach = reach(&listings, &missed(count));
            (reach.after.map(|key| key.to_string()), reach.done, reach.parents)
        };
        assert_eq!(told(0), (Some("c".to_owned()), 3, 3));
        assert_eq!(told(1), (Some("b".to_owned()), 2, 3));
        assert_eq!(told(2), (Some("a".to_owned()), 1, 3));
        assert_eq!(told(4), (None, 0, 3));
    }

    #[test]
    fn what_is_spent_is_never_less_than_nothing() {
        let portions = Portions { requests_left: AtomicUsize::new(2), ..Portions::default() };
        assert!(portions.take());
        portions.take_more(5);
        assert!(!portions.take());
    }
}
