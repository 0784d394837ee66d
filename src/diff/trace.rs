//! Where in an older form of an entity each of its leaves was.

use std::collections::BTreeMap;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::value::Sets;
use crate::canonical::{compact, is_fingerprint, set_segments};
use crate::catalogue::{Domain, SetKey};
use crate::model::{Pointer, Value};

/// A leaf of an entity: a value that has nothing below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf<'v> {
    /// Where it is.
    pub place: Pointer,
    /// Its value.
    pub value: &'v Value<'v>,
    /// Where it was, if it was a leaf before.
    pub origin: Option<Pointer>,
    /// Whether it has the value that it had there.
    pub is_same: bool,
}

/// The leaves of an entity in canonical order, each with where it was in the older form.
///
/// Arrays are matched up as [`compare`](super::compare) does it: sets by the identity of their members, everything else as
/// ordered lists, so that an element that was moved down by another one is still the same.
#[must_use]
pub fn trace<'v>(domain: &Domain, older: Option<&Value<'_>>, newer: &'v Value<'v>) -> Vec<Leaf<'v>> {
    let mut leaves = Vec::new();
    let root = Pointer::root();
    let older = older.map(|value| Older { value, place: root.clone() });
    trace_at(older.as_ref(), newer, &root, &Sets::of(domain), &mut leaves);
    leaves
}

/// What a value is compared with, and where that is.
struct Older<'o, 'v> {
    value: &'o Value<'v>,
    place: Pointer,
}

fn trace_at<'v>(
    older: Option<&Older<'_, '_>>,
    newer: &'v Value<'v>,
    place: &Pointer,
    sets: &Sets<'_>,
    leaves: &mut Vec<Leaf<'v>>,
) {
    match newer {
        _ if is_leaf(newer) => {
            let origin = older.filter(|older| is_leaf(older.value));
            leaves.push(Leaf {
                place: place.clone(),
                value: newer,
                origin: origin.map(|older| older.place.clone()),
                is_same: origin.is_some_and(|older| older.value == newer),
            });
        }
        Value::Object(object) => {
            let before = older.filter(|older| !is_leaf(older.value));
            for (name, value) in object.iter() {
                let below = before.and_then(|older| {
                    let Value::Object(object) = older.value else { return None };
                    Some(Older { value: object.get(name)?, place: older.place.child(name) })
                });
                trace_at(below.as_ref(), value, &place.child(name), &sets.member(name), leaves);
            }
        }
        Value::Array(items) => {
            let before = older.and_then(|older| match older.value {
                Value::Array(items) => Some((items.as_slice(), &older.place)),
                _ => None,
            });
            match sets.here() {
                Some(key) => trace_set(before, items, key, place, sets, leaves),
                None => trace_list(before, items, place, sets, leaves),
            }
        }
        _ => {}
    }
}

fn trace_set<'v>(
    before: Option<(&[Value<'_>], &Pointer)>,
    items: &'v [Value<'v>],
    key: &SetKey,
    place: &Pointer,
    sets: &Sets<'_>,
    leaves: &mut Vec<Leaf<'v>>,
) {
    let known: BTreeMap<String, Older<'_, '_>> = before
        .map(|(items, place)| {
            let segments = set_segments(items, key).into_iter().zip(items);
            segments
                .map(|(segment, value)| {
                    let place = place.child(&segment);
                    (segment, Older { value, place })
                })
                .collect()
        })
        .unwrap_or_default();
    for (segment, item) in set_segments(items, key).into_iter().zip(items) {
        trace_at(known.get(&segment), item, &place.child(&segment), &sets.item(), leaves);
    }
}

fn trace_list<'v>(
    before: Option<(&[Value<'_>], &Pointer)>,
    items: &'v [Value<'v>],
    place: &Pointer,
    sets: &Sets<'_>,
    leaves: &mut Vec<Leaf<'v>>,
) {
    let mut origins: Vec<Option<Older<'_, '_>>> = items.iter().map(|_| None).collect();
    if let Some((old, from)) = before {
        let old_texts: Vec<String> = old.iter().map(compact).collect();
        let new_texts: Vec<String> = items.iter().map(compact).collect();
        for operation in capture_diff_slices(Algorithm::Myers, &old_texts, &new_texts) {
            // What is left between two matches is compared one by one, and so are the matches themselves.
            debug_assert!(
                !matches!(operation, DiffOp::Equal { .. })
                    || operation.old_range().len() == operation.new_range().len()
            );
            for (index, to) in operation.old_range().zip(operation.new_range()) {
                origins[to] = Some(Older { value: &old[index], place: from.child(&index.to_string()) });
            }
        }
    }
    for (index, (item, origin)) in items.iter().zip(origins).enumerate() {
        trace_at(origin.as_ref(), item, &place.child(&index.to_string()), &sets.item(), leaves);
    }
}

/// Whether a value has nothing below it that could change by itself.
fn is_leaf(value: &Value<'_>) -> bool {
    match value {
        Value::Object(object) => object.is_empty() || is_fingerprint(value),
        Value::Array(items) => items.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::read_str;
    use crate::catalogue::Catalogue;

    /// `place`, and where it was; `=` where the value is the same.
    fn traced(domain: &str, older: Option<&str>, newer: &str) -> Vec<String> {
        let catalogue = Catalogue::built_in().unwrap();
        let domain = catalogue.get(&domain.parse().unwrap()).unwrap();
        let older = older.map(|text| read_str(text).unwrap());
        let newer = read_str(newer).unwrap();
        let leaves = trace(domain, older.as_ref(), &newer);
        let shown = |leaf: &Leaf<'_>| match &leaf.origin {
            Some(origin) => format!("{} {} {origin}", leaf.place, if leaf.is_same { "=" } else { "<" }),
            None => format!("{} new", leaf.place),
        };
        leaves.iter().map(shown).collect()
    }

    #[test]
    fn a_leaf_is_the_same_where_its_value_and_its_place_are() {
        let older = r#"{"acwSettings":{"timeoutMs":1,"wrapupPrompt":"A"},"gone":1,"list":[],"name":"A"}"#;
        let newer = r#"{"acwSettings":{"timeoutMs":2,"wrapupPrompt":"A"},"list":[],"name":"A","object":{"a":1}}"#;
        let expected = [
            "/acwSettings/timeoutMs < /acwSettings/timeoutMs",
            "/acwSettings/wrapupPrompt = /acwSettings/wrapupPrompt",
            "/list = /list",
            "/name = /name",
            "/object/a new",
        ];
        assert_eq!(traced("routing.queues", Some(older), newer), expected);
        assert!(traced("routing.queues", None, newer).iter().all(|line| line.ends_with(" new")));
        // What was a leaf and is none any more has no origin for what is below it now.
        assert_eq!(traced("routing.queues", Some(r#"{"a":1}"#), r#"{"a":{"b":1}}"#), ["/a/b new"]);
        assert_eq!(traced("routing.queues", Some(r#"{"a":{"b":1}}"#), r#"{"a":1}"#), ["/a new"]);
    }

    #[test]
    fn an_element_that_another_one_moved_down_is_still_the_same() {
        let older = r#"{"list":[{"a":1},{"a":2},{"a":3}]}"#;
        let newer = r#"{"list":[{"a":0},{"a":1},{"a":2},{"a":4}]}"#;
        let expected = ["/list/0/a new", "/list/1/a = /list/0/a", "/list/2/a = /list/1/a", "/list/3/a < /list/2/a"];
        assert_eq!(traced("routing.queues", Some(older), newer), expected);
    }

    #[test]
    fn members_of_sets_are_known_by_their_identity() {
        let older = r#"{"memberGroups":[{"id":"b","type":"TEAM"},{"id":"c","type":"TEAM"}]}"#;
        let newer = r#"{"memberGroups":[{"id":"a","type":"TEAM"},{"id":"c","type":"GROUP"}]}"#;
        let expected = [
            "/memberGroups/a/id new",
            "/memberGroups/a/type new",
            "/memberGroups/c/id = /memberGroups/c/id",
            "/memberGroups/c/type < /memberGroups/c/type",
        ];
        assert_eq!(traced("routing.queues", Some(older), newer), expected);
    }
}
