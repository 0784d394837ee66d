//! Arrays: sets by the identity of their members, everything else as ordered lists.

use std::collections::BTreeMap;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::value::{Sets, added, compare_at, removed};
use crate::canonical::{compact, set_segments};
use crate::model::{FieldChange, Pointer, Value};

pub(super) fn compare_array(
    old: &[Value<'_>],
    new: &[Value<'_>],
    path: &Pointer,
    sets: &Sets<'_>,
    fields: &mut Vec<FieldChange>,
) {
    match sets.here() {
        Some(key) => {
            let old = set_segments(old, key).into_iter().zip(old).collect();
            let new = set_segments(new, key).into_iter().zip(new).collect();
            compare_set(&old, &new, path, sets, fields);
        }
        None => compare_list(old, new, path, sets, fields),
    }
}

fn compare_set(
    old: &BTreeMap<String, &Value<'_>>,
    new: &BTreeMap<String, &Value<'_>>,
    path: &Pointer,
    sets: &Sets<'_>,
    fields: &mut Vec<FieldChange>,
) {
    let mut identities: Vec<&String> = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))).collect();
    identities.sort();
    for identity in identities {
        let place = path.child(identity);
        match (old.get(identity), new.get(identity)) {
            (Some(old), Some(new)) => compare_at(old, new, &place, &sets.item(), fields),
            (Some(old), None) => fields.push(removed(place, old)),
            (None, Some(new)) => fields.push(added(place, new)),
            (None, None) => {}
        }
    }
}

/// Elements that are equal are matched up first; what is left between two matches is compared one by one.
fn compare_list(old: &[Value<'_>], new: &[Value<'_>], path: &Pointer, sets: &Sets<'_>, fields: &mut Vec<FieldChange>) {
    let old_texts: Vec<String> = old.iter().map(compact).collect();
    let new_texts: Vec<String> = new.iter().map(compact).collect();
    let place = |index: usize| path.child(&index.to_string());
    for operation in capture_diff_slices(Algorithm::Myers, &old_texts, &new_texts) {
        let (old_range, new_range) = (operation.old_range(), operation.new_range());
        if matches!(operation, DiffOp::Equal { .. }) {
            continue;
        }
        let paired = old_range.len().min(new_range.len());
        for (from, to) in old_range.clone().zip(new_range.clone()) {
            compare_at(&old[from], &new[to], &place(to), &sets.item(), fields);
        }
        for index in old_range.skip(paired) {
            fields.push(removed(place(index), &old[index]));
        }
        for index in new_range.skip(paired) {
            fields.push(added(place(index), &new[index]));
        }
    }
}
