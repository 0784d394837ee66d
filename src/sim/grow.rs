//! Lets an entity have something where its domain file says that there is something.

use std::borrow::Cow;

use super::rng::Rng;
use super::sample;
use crate::catalogue::{Segment, Shape, ShapeId};
use crate::model::{Object, OwnedValue, Value};

/// How deep something is filled that grows alone.
const DEPTH: usize = 2;

/// Makes everything on a path that is missing.
pub(super) fn grow(shape: &Shape, entity: &mut OwnedValue, path: &[Segment], rng: &mut Rng) {
    step(shape, Some(shape.entity()), entity, path, "value", rng);
}

fn step(shape: &Shape, place: Option<ShapeId>, value: &mut OwnedValue, path: &[Segment], name: &str, rng: &mut Rng) {
    let Some((segment, rest)) = path.split_first() else { return };
    let below = place.and_then(|place| sample::place_at(shape, place, std::slice::from_ref(segment)));
    let is_list = place.is_some_and(|place| shape.node(place).types.array);
    if *segment == Segment::Each && (is_list || matches!(value, Value::Array(_))) {
        if !matches!(value, Value::Array(_)) {
            *value = Value::Array(Vec::new());
        }
        let Value::Array(items) = value else { return };
        if items.is_empty() {
            items.push(seedling(shape, below, name, rest, rng));
        }
        for item in items.iter_mut() {
            step(shape, below, item, rest, name, rng);
        }
        return;
    }
    if !matches!(value, Value::Object(_)) {
        *value = Value::Object(Object::default());
    }
    let Value::Object(object) = value else { return };
    if !object.iter().any(|(name, _)| segment.matches(name)) {
        let name = match segment {
            Segment::Name(name) => name.clone(),
            Segment::Pattern(pattern) => pattern.replace('*', ""),
            Segment::Each => "one".to_owned(),
        };
        let seedling = seedling(shape, below, &name, rest, rng);
        object.insert(Cow::Owned(name), seedling);
    }
    object.retain_mut(|name, member| {
        if segment.matches(name) {
            step(shape, below, member, rest, name, rng);
        }
        true
    });
}

/// What stands at a place before the rest of the path grows in it.
fn seedling(shape: &Shape, place: Option<ShapeId>, name: &str, rest: &[Segment], rng: &mut Rng) -> OwnedValue {
    if rest.is_empty() {
        // What has no schema is a text where something is expected of it.
        let described = place.filter(|place| !sample::is_any(shape.node(*place)));
        let made = described.and_then(|place| sample::value(shape, place, name, DEPTH, rng));
        return made.unwrap_or_else(|| sample::words(name, rng));
    }
    Value::Object(Object::default())
}
