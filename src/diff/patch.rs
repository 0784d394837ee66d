//! What turns one form of a domain into another, as operations of JSON Patch (RFC 6902).
//!
//! The operations apply to the domain as one document, in their order. A pointer of ours names a member of a set by what
//! identifies it; RFC 6902 knows positions only, so every array is patched by position, from its end to its beginning: what is
//! done to an element then moves none that is still to come.

use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::canonical::{compact, value_of};
use crate::model::{DomainSnapshot, Object, OwnedValue, Pointer, Value};

/// An operation of JSON Patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Fails unless the value at a place is this one.
    Test {
        /// The place.
        path: Pointer,
        /// The value.
        value: OwnedValue,
    },
    /// Puts a value at a place: a new member, or an element before the one that is there.
    Add {
        /// The place.
        path: Pointer,
        /// The value.
        value: OwnedValue,
    },
    /// Takes away what is at a place.
    Remove {
        /// The place.
        path: Pointer,
    },
    /// Puts another value at a place.
    Replace {
        /// The place.
        path: Pointer,
        /// The value.
        value: OwnedValue,
    },
}

/// The operations that turn one form of a domain into another; a domain that is not on record is `null`.
///
/// What is replaced or removed is tested first, so that they apply to nothing but that form.
#[must_use]
pub fn patch(before: Option<&DomainSnapshot>, after: Option<&DomainSnapshot>) -> Vec<Operation> {
    let mut operations = Vec::new();
    let root = Pointer::root();
    let (Some(old), Some(new)) = (before, after) else {
        replace(&root, &document(before), &document(after), &mut operations);
        return operations;
    };
    let entities = root.child("entities");
    for (key, text) in &old.entities {
        let place = entities.child(key.as_str());
        match new.entities.get(key) {
            None => remove(place, &value_of(text), &mut operations),
            Some(other) if other != text => patch_at(&value_of(text), &value_of(other), &place, &mut operations),
            Some(_) => {}
        }
    }
    for (key, text) in new.entities.iter().filter(|(key, _)| !old.entities.contains_key(*key)) {
        let value = value_of(text).into_owned();
        operations.push(Operation::Add { path: entities.child(key.as_str()), value });
    }
    let version = |snapshot: &DomainSnapshot| Value::from(u64::from(snapshot.schema_version));
    patch_at(&version(old), &version(new), &root.child("schema_version"), &mut operations);
    operations
}

/// A domain as one document.
fn document(snapshot: Option<&DomainSnapshot>) -> OwnedValue {
    let Some(snapshot) = snapshot else { return Value::Null };
    let entities = snapshot.entities.iter().map(|(key, text)| (key.as_str(), value_of(text).into_owned()));
    object([
        ("domain", Value::from(snapshot.domain.as_str())),
        ("entities", object(entities)),
        ("schema_version", Value::from(u64::from(snapshot.schema_version))),
    ])
}

fn object<'m>(members: impl IntoIterator<Item = (&'m str, OwnedValue)>) -> OwnedValue {
    let mut object = Object::default();
    for (name, value) in members {
        object.insert(name.to_owned(), value);
    }
    Value::Object(object)
}

fn patch_at(old: &Value<'_>, new: &Value<'_>, place: &Pointer, operations: &mut Vec<Operation>) {
    match (old, new) {
        _ if old == new => {}
        (Value::Object(old), Value::Object(new)) => patch_object(old, new, place, operations),
        (Value::Array(old), Value::Array(new)) => patch_array(old, new, place, operations),
        _ => replace(place, old, new, operations),
    }
}

fn patch_object(old: &Object<'_>, new: &Object<'_>, place: &Pointer, operations: &mut Vec<Operation>) {
    for (name, value) in old.iter() {
        match new.get(name) {
            Some(other) => patch_at(value, other, &place.child(name), operations),
            None => remove(place.child(name), value, operations),
        }
    }
    for (name, value) in new.iter().filter(|(name, _)| old.get(name).is_none()) {
        operations.push(Operation::Add { path: place.child(name), value: value.clone().into_owned() });
    }
}

fn patch_array(old: &[Value<'_>], new: &[Value<'_>], place: &Pointer, operations: &mut Vec<Operation>) {
    let old_texts: Vec<String> = old.iter().map(compact).collect();
    let new_texts: Vec<String> = new.iter().map(compact).collect();
    let at = |index: usize| place.child(&index.to_string());
    for step in capture_diff_slices(Algorithm::Myers, &old_texts, &new_texts).into_iter().rev() {
        let (from, to) = (step.old_range(), step.new_range());
        if matches!(step, DiffOp::Equal { .. }) {
            continue;
        }
        let paired = from.len().min(to.len());
        for index in from.clone().skip(paired).rev() {
            remove(at(index), &old[index], operations);
        }
        for index in to.clone().skip(paired).rev() {
            operations.push(Operation::Add { path: at(from.start + paired), value: new[index].clone().into_owned() });
        }
        for (index, other) in from.zip(to).take(paired).rev() {
            patch_at(&old[index], &new[other], &at(index), operations);
        }
    }
}

fn remove(path: Pointer, old: &Value<'_>, operations: &mut Vec<Operation>) {
    operations.push(Operation::Test { path: path.clone(), value: old.clone().into_owned() });
    operations.push(Operation::Remove { path });
}

fn replace(place: &Pointer, old: &Value<'_>, new: &Value<'_>, operations: &mut Vec<Operation>) {
    if old != new {
        operations.push(Operation::Test { path: place.clone(), value: old.clone().into_owned() });
        operations.push(Operation::Replace { path: place.clone(), value: new.clone().into_owned() });
    }
}
