//! Entities of a domain that no recipe describes, such as one that the user added: whatever its schema allows.

use std::borrow::Cow;

use super::sample;
use super::template::Filling;
use crate::catalogue::{Domain, FieldPath};
use crate::model::{Object, OwnedValue, Value};

/// How deep such entities are filled; API models contain themselves.
const DEPTH: usize = 4;

/// Makes up the entity of an index.
pub(super) fn entity(domain: &Domain, index: usize, filling: &mut Filling<'_>) -> OwnedValue {
    let mut value = sample::value(&domain.shape, domain.shape.entity(), "value", DEPTH, &mut filling.rng);
    let id = FieldPath::parse("id");
    if !domain.references.iter().any(|reference| reference.path == id)
        && let Value::Object(object) = &mut value
    {
        object.remove("id");
    }
    for reference in &domain.references {
        let Some(target) = reference.targets.first() else { continue };
        reference.path.for_each_mut(&mut value, &mut |place| refer(place, target.as_str(), &reference.keep, filling));
    }
    if let Some(name) = &domain.identity.name {
        name.for_each_mut(&mut value, &mut |place| {
            *place = Value::from(format!("{} {}", domain.id.short_name(), index + 1));
        });
    }
    make_listed(domain, index, &mut value);
    value
}

/// Makes a place refer to an entity of the target.
fn refer(place: &mut OwnedValue, target: &str, keep: &[String], filling: &mut Filling<'_>) {
    let rng = &mut filling.rng;
    let id = filling.targets.any(target, None, filling.itself, rng).unwrap_or_else(|| rng.uuid());
    match place {
        Value::Object(object) => {
            object.retain_mut(|name, _| keep.iter().any(|kept| kept == name));
            object.insert(Cow::Borrowed("id"), Value::from(id));
        }
        Value::Array(_) => {}
        leaf => *leaf = Value::from(id),
    }
}

/// Makes an entity one that a pass of the listing shows, and not a deleted one.
fn make_listed(domain: &Domain, index: usize, value: &mut OwnedValue) {
    for (path, mark) in &domain.removal.gone_when {
        path.for_each_mut(value, &mut |place| {
            if place == mark {
                *place = mark.as_bool().map_or_else(|| Value::from("active"), |flag| Value::from(!flag));
            }
        });
    }
    let passes = &domain.source.passes;
    let Value::Object(object) = value else { return };
    for (parameter, wanted) in passes.get(index % passes.len().max(1)).into_iter().flatten() {
        if domain.shape.node(domain.shape.entity()).members.contains_key(parameter) {
            insert(object, parameter, wanted);
        }
    }
}

fn insert(object: &mut Object<'static>, name: &str, value: &str) {
    object.insert(name.to_owned(), Value::from(value));
}
