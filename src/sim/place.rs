//! Places of an entity by JSON Pointer; a position in an array is its index.

use crate::catalogue::FieldPath;
use crate::model::{Object, OwnedValue, Pointer, Value};

/// The value at a place.
pub(super) fn find_mut<'v>(value: &'v mut OwnedValue, place: &Pointer) -> Option<&'v mut OwnedValue> {
    place.segments().try_fold(value, |value, segment| step(value, &segment))
}

/// Puts a value where a path of plain names leads, as far as the way is not blocked.
pub(super) fn put(value: &mut OwnedValue, path: &FieldPath, new: OwnedValue) {
    let pointer = path.to_string().split('.').fold(Pointer::root(), |pointer, name| pointer.child(name));
    if let Some(place) = make(value, &pointer) {
        *place = new;
    }
}

/// The value at a place, made with all objects on the way where it is missing; `None` where the way is blocked.
pub(super) fn make<'v>(value: &'v mut OwnedValue, place: &Pointer) -> Option<&'v mut OwnedValue> {
    place.segments().try_fold(value, |value, segment| {
        if matches!(value, Value::Null) {
            *value = Value::Object(Object::default());
        }
        if let Value::Object(object) = value
            && object.get(&segment).is_none()
        {
            object.insert(segment.clone(), Value::Null);
        }
        step(value, &segment)
    })
}

/// Takes the value at a place out.
pub(super) fn remove(value: &mut OwnedValue, place: &Pointer) -> Option<OwnedValue> {
    let mut segments: Vec<String> = place.segments().collect();
    let last = segments.pop()?;
    match segments.iter().try_fold(value, |value, segment| step(value, segment))? {
        Value::Object(object) => object.remove(&last),
        Value::Array(items) => {
            let index = last.parse().ok().filter(|index| *index < items.len())?;
            Some(items.remove(index))
        }
        _ => None,
    }
}

fn step<'v>(value: &'v mut OwnedValue, segment: &str) -> Option<&'v mut OwnedValue> {
    match value {
        Value::Object(object) => object.get_mut(segment),
        Value::Array(items) => items.get_mut(segment.parse::<usize>().ok()?),
        _ => None,
    }
}
