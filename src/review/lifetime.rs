//! From when to when an entity differed from what is agreed, and in what.

use std::collections::BTreeMap;

use crate::canonical::{fingerprint_of_change, fingerprint_of_field, value_of};
use crate::catalogue::Domain;
use crate::diff::compare;
use crate::model::{CanonicalText, Change, ChangeKind, EntityKey, Pointer};

/// One thing in which an entity differs from what is agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Identifies it, from first sight to the end.
    pub fingerprint: String,
    /// The field; absent where the whole entity is new or gone.
    pub path: Option<Pointer>,
}

/// From when to when there was a difference; `M` tells a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifetime<M> {
    /// The difference.
    pub difference: Difference,
    /// When it was first seen.
    pub first_seen: M,
    /// How it ended; absent while it is open.
    pub end: Option<End<M>>,
}

/// How and when a difference ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End<M> {
    /// How.
    pub how: Ending,
    /// When it was first seen to be over.
    pub at: M,
}

/// How a difference ended without anybody agreeing to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The place is again as agreed.
    Reverted,
    /// The place differs in another way.
    Replaced,
}

/// In what an entity differs from what is agreed, in order of place.
#[must_use]
pub fn differences(
    domain: &Domain,
    key: &EntityKey,
    agreed: Option<&CanonicalText>,
    observed: Option<&CanonicalText>,
) -> Vec<Difference> {
    let bare = Change::bare(domain.id.clone(), key.clone());
    let whole = |kind, before: Option<&CanonicalText>, after: Option<&CanonicalText>| {
        let change = Change { kind, before: before.cloned(), after: after.cloned(), ..bare.clone() };
        vec![Difference { fingerprint: fingerprint_of_change(&change), path: None }]
    };
    match (agreed, observed) {
        (None, None) => Vec::new(),
        (None, Some(_)) => whole(ChangeKind::Added, None, observed),
        (Some(_), None) => whole(ChangeKind::Removed, agreed, None),
        (Some(before), Some(after)) if before == after => Vec::new(),
        (Some(before), Some(after)) => {
            let fields = compare(domain, &value_of(before), &value_of(after));
            let told = fields.iter().map(|field| Difference {
                fingerprint: fingerprint_of_field(&bare, field),
                path: Some(field.path.clone()),
            });
            told.collect()
        }
    }
}

/// From when to when an entity differed from what is agreed, given the states it was seen in, oldest first; in order of first
/// sight and place. What came again after it was gone has a lifetime of its own.
#[must_use]
pub fn lifetimes<M: Clone>(
    domain: &Domain,
    key: &EntityKey,
    agreed: Option<&CanonicalText>,
    states: &[(M, Option<CanonicalText>)],
) -> Vec<Lifetime<M>> {
    let mut lifetimes: Vec<Lifetime<M>> = Vec::new();
    let mut open: BTreeMap<String, usize> = BTreeMap::new();
    for (moment, state) in states {
        let now = differences(domain, key, agreed, state.as_ref());
        open.retain(|fingerprint, index| {
            if now.iter().any(|difference| difference.fingerprint == *fingerprint) {
                return true;
            }
            let ended = &mut lifetimes[*index];
            let is_replaced = now.iter().any(|other| overlap(&ended.difference, other));
            let how = if is_replaced { Ending::Replaced } else { Ending::Reverted };
            ended.end = Some(End { how, at: moment.clone() });
            false
        });
        for difference in now {
            open.entry(difference.fingerprint.clone()).or_insert_with(|| {
                lifetimes.push(Lifetime { difference, first_seen: moment.clone(), end: None });
                lifetimes.len() - 1
            });
        }
    }
    lifetimes
}

/// Whether two differences of an entity are about places of which one lies in the other.
fn overlap(one: &Difference, other: &Difference) -> bool {
    let (Some(one), Some(other)) = (&one.path, &other.path) else { return true };
    one.segments().zip(other.segments()).all(|(left, right)| left == right)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::{canonical_text, read_str};
    use crate::catalogue::Catalogue;

    fn text(json: &str) -> Option<CanonicalText> {
        (!json.is_empty()).then(|| canonical_text(&read_str(json).unwrap()))
    }

    /// How each difference of a queue fared, as `place first–end how`.
    fn told(agreed: &str, states: &[&str]) -> Vec<String> {
        let catalogue = Catalogue::built_in().unwrap();
        let domain = catalogue.get(&"routing.queues".parse().unwrap()).unwrap();
        let states: Vec<_> = states.iter().enumerate().map(|(moment, state)| (moment, text(state))).collect();
        let found = lifetimes(domain, &EntityKey::new("q"), text(agreed).as_ref(), &states);
        let line = |one: &Lifetime<usize>| {
            let place = one.difference.path.as_ref().map_or("whole", Pointer::as_str);
            let end = one.end.as_ref().map_or("open".to_owned(), |end| format!("{} {:?}", end.at, end.how));
            format!("{place} {} {end}", one.first_seen)
        };
        found.iter().map(line).collect()
    }

    #[test]
    fn a_difference_is_open_until_the_place_is_as_agreed() {
        assert_eq!(
            told(r#"{"a":1}"#, &[r#"{"a":2}"#, r#"{"a":2,"b":1}"#, r#"{"a":1,"b":1}"#]),
            ["/a 0 2 Reverted", "/b 1 open"]
        );
    }

    #[test]
    fn another_value_at_the_place_is_no_revert() {
        assert_eq!(
            told(r#"{"a":1}"#, &[r#"{"a":2}"#, r#"{"a":3}"#, r#"{"a":1}"#]),
            ["/a 0 1 Replaced", "/a 1 2 Reverted"]
        );
        assert_eq!(told(r#"{"a":{"b":1}}"#, &[r#"{"a":{"b":2}}"#, "{}"]), ["/a/b 0 1 Replaced", "/a 1 open"]);
        assert_eq!(told(r#"{"a":1}"#, &[r#"{"a":2}"#, ""]), ["/a 0 1 Replaced", "whole 1 open"]);
    }

    #[test]
    fn what_comes_again_is_another_lifetime_of_the_same_difference() {
        let found = told("", &["{}", "", "{}"]);
        assert_eq!(found, ["whole 0 1 Reverted", "whole 2 open"]);
    }

    #[test]
    fn nothing_is_told_of_what_never_differed() {
        assert_eq!(told("{}", &["{}", "{}"]), Vec::<String>::new());
        assert_eq!(told("", &["", ""]), Vec::<String>::new());
    }
}
