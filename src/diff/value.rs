//! Recursive comparison of two values.

use super::array::compare_array;
use crate::canonical::{is_fingerprint, set_segments};
use crate::catalogue::{Domain, Segment, SetKey};
use crate::model::{FieldChange, FieldKind, Object, Pointer, Value, utf16_order};

/// The arrays below a place whose order has no meaning: the way that is left to each, and what identifies its members.
#[derive(Clone, Debug)]
pub(super) struct Sets<'d>(Vec<(&'d [Segment], &'d SetKey)>);

impl<'d> Sets<'d> {
    pub(super) fn of(domain: &'d Domain) -> Self {
        Self(domain.treat.sets.iter().map(|(path, key)| (path.segments(), key)).collect())
    }

    /// The sets below a member.
    pub(super) fn member(&self, name: &str) -> Self {
        self.step(|segment| segment.matches(name))
    }

    /// The sets below the items of an array.
    pub(super) fn item(&self) -> Self {
        self.step(|segment| *segment == Segment::Each)
    }

    /// What identifies the members of the array here, if it is a set.
    pub(super) fn here(&self) -> Option<&'d SetKey> {
        self.0.iter().find(|(rest, _)| rest.is_empty()).map(|(_, key)| *key)
    }

    fn step(&self, takes: impl Fn(&Segment) -> bool) -> Self {
        let below = self.0.iter().filter_map(|(path, key)| {
            let (first, rest) = path.split_first()?;
            takes(first).then_some((rest, *key))
        });
        Self(below.collect())
    }
}

/// The fields in which two values of an entity differ, in canonical order.
#[must_use]
pub fn compare(domain: &Domain, old: &Value<'_>, new: &Value<'_>) -> Vec<FieldChange> {
    let mut fields = Vec::new();
    compare_at(old, new, &Pointer::root(), &Sets::of(domain), &mut fields);
    fields
}

pub(super) fn compare_at(
    old: &Value<'_>,
    new: &Value<'_>,
    path: &Pointer,
    sets: &Sets<'_>,
    fields: &mut Vec<FieldChange>,
) {
    match (old, new) {
        _ if old == new => {}
        (Value::Object(left), Value::Object(right)) if !is_fingerprint(old) && !is_fingerprint(new) => {
            compare_objects(left, right, path, sets, fields);
        }
        (Value::Array(old), Value::Array(new)) => compare_array(old, new, path, sets, fields),
        _ => fields.push(FieldChange {
            path: path.clone(),
            kind: FieldKind::Modified,
            old: Some(old.clone().into_owned()),
            new: Some(new.clone().into_owned()),
        }),
    }
}

fn compare_objects(old: &Object<'_>, new: &Object<'_>, path: &Pointer, sets: &Sets<'_>, fields: &mut Vec<FieldChange>) {
    let (mut left, mut right) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (Some((l, _)), Some((r, _))) => utf16_order(l, r),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => break,
        };
        let gone = if order.is_le() { left.next() } else { None };
        let come = if order.is_ge() { right.next() } else { None };
        match (gone, come) {
            (Some((name, old)), Some((_, new))) => {
                compare_at(old, new, &path.child(name), &sets.member(name), fields);
            }
            (Some((name, old)), None) => fields.push(removed(path.child(name), old)),
            (None, Some((name, new))) => fields.push(added(path.child(name), new)),
            (None, None) => break,
        }
    }
}

pub(super) fn added(path: Pointer, new: &Value<'_>) -> FieldChange {
    FieldChange { path, kind: FieldKind::Added, old: None, new: Some(new.clone().into_owned()) }
}

pub(super) fn removed(path: Pointer, old: &Value<'_>) -> FieldChange {
    FieldChange { path, kind: FieldKind::Removed, old: Some(old.clone().into_owned()), new: None }
}

/// The way to a place of an entity: which member or element of what is around it each step is, counted from 0, as far as the
/// entity has it.
#[must_use]
pub fn positions(domain: &Domain, entity: &Value<'_>, path: &Pointer) -> Vec<usize> {
    let (mut value, mut sets, mut way) = (entity, Sets::of(domain), Vec::new());
    for segment in path.segments() {
        let found = match value {
            Value::Object(object) => {
                sets = sets.member(&segment);
                object.iter().enumerate().find(|(_, (name, _))| *name == segment).map(|(at, (_, value))| (at, value))
            }
            Value::Array(items) => {
                let at = match sets.here() {
                    Some(key) => set_segments(items, key).iter().position(|identity| *identity == segment),
                    None => segment.parse().ok(),
                };
                sets = sets.item();
                at.and_then(|at: usize| Some((at, items.get(at)?)))
            }
            _ => None,
        };
        let Some((at, below)) = found else { break };
        way.push(at);
        value = below;
    }
    way
}

/// The ordered list that a place of an entity is in, the outermost of several; `None` where it is in none.
///
/// Positions in such a list only mean something together, so what is told of its items belongs together too.
#[must_use]
pub fn list_around(domain: &Domain, entity: &Value<'_>, path: &Pointer) -> Option<Pointer> {
    let (mut value, mut sets, mut here) = (entity, Sets::of(domain), Pointer::root());
    for segment in path.segments() {
        match value {
            Value::Object(object) => {
                value = object.get(&segment)?;
                sets = sets.member(&segment);
            }
            Value::Array(items) => {
                let Some(key) = sets.here() else { return Some(here) };
                let position = set_segments(items, key).iter().position(|identity| *identity == segment)?;
                value = items.get(position)?;
                sets = sets.item();
            }
            _ => return None,
        }
        here = here.child(&segment);
    }
    None
}
