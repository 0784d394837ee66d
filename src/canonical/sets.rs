//! Arrays whose order has no meaning, brought into one order.

use std::collections::BTreeSet;

use super::compact;
use crate::catalogue::{Domain, FieldPath, SetKey};
use crate::model::{OwnedValue, Value};

/// Orders a set by the identity of its members; members of one identity by all they say.
pub(super) fn sort_set(items: &mut [Value<'_>], key: &SetKey) {
    if let [path] = key.0.as_slice()
        && items.iter().all(|item| matches!(path.find(item), Some(Value::String(_))))
    {
        items.sort_by(|left, right| {
            let identity = |item| path.find(item).and_then(Value::as_str);
            identity(left).cmp(&identity(right)).then_with(|| compact(left).cmp(&compact(right)))
        });
    } else {
        items.sort_by_cached_key(|item| (set_identity(item, key), compact(item)));
    }
}

/// Puts the sets of an entity back in order after members of them were changed.
pub(crate) fn reorder_sets(domain: &Domain, entity: &mut OwnedValue) {
    let mut sets: Vec<&(FieldPath, SetKey)> = domain.treat.sets.iter().collect();
    // A set inside a member of another decides where that member stands, so the inner one comes first.
    sets.sort_by_key(|(path, _)| std::cmp::Reverse(path.segments().len()));
    for (path, key) in sets {
        path.for_each_mut(entity, &mut |place| {
            if let Value::Array(items) = place {
                sort_set(items, key);
            }
        });
    }
}

/// The identity of a member of a set: the text of the one string that identifies it, else the canonical text of all that does.
pub(crate) fn set_identity(item: &Value<'_>, key: &SetKey) -> String {
    let found: Vec<Option<&Value<'_>>> = key.0.iter().map(|path| path.find(item)).collect();
    match found.as_slice() {
        [Some(Value::String(text))] => text.clone().into_owned(),
        [Some(value)] => compact(value),
        _ => {
            let parts: Vec<Value<'_>> = found.into_iter().map(|part| part.cloned().unwrap_or(Value::Null)).collect();
            compact(&Value::Array(parts))
        }
    }
}

/// The identities of the members of a set as pointer segments; of several members with one identity the second is `<identity>#2`.
pub(crate) fn set_segments(items: &[Value<'_>], key: &SetKey) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let distinct = |item| {
        let identity = set_identity(item, key);
        let mut segment = identity.clone();
        for number in 2.. {
            if seen.insert(segment.clone()) {
                break;
            }
            segment = format!("{identity}#{number}");
        }
        segment
    };
    items.iter().map(distinct).collect()
}
