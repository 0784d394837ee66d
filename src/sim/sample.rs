//! Values made up from nothing but the shape that a schema describes.

use std::borrow::Cow;
use std::collections::HashMap;

use super::names::word;
use super::rng::Rng;
use crate::catalogue::{Segment, Shape, ShapeId, ShapeNode};
use crate::model::{Number, Object, OwnedValue, Value};

/// Made-up names of the members of a map.
const MAP_MEMBERS: [&str; 2] = ["one", "two"];

/// How many items a made-up list has.
const ITEMS: usize = 2;

/// How many single values something made up may have; a wide model is filled less deeply.
const MOST_LEAVES: usize = 200;

/// The deepest that anything is filled; API models contain themselves.
const MOST_DEPTH: usize = 6;

/// Makes up a value for a place of a shape; objects and lists nested deeper than `depth` are left out.
pub(super) fn value(shape: &Shape, place: ShapeId, name: &str, depth: usize, rng: &mut Rng) -> Option<OwnedValue> {
    let node = shape.node(place);
    let types = node.types;
    if is_any(node) {
        return Some(if depth > 0 { anything(rng) } else { words(name, rng) });
    }
    if types.object || !node.members.is_empty() {
        return (depth > 0).then(|| object(shape, node, depth - 1, rng));
    }
    if types.array {
        return (depth > 0).then(|| list(shape, node, name, depth - 1, rng));
    }
    Some(if types.boolean {
        Value::from(rng.chance(0.5))
    } else if types.integer {
        Value::from(rng.draw() % 1000)
    } else if types.number {
        let literal = format!("{}.{}", rng.below(100), 1 + rng.below(9));
        Value::Number(Number::parse(&literal).map_or(Number::from(1), Number::into_owned))
    } else {
        text(node, name, rng)
    })
}

fn object(shape: &Shape, node: &ShapeNode, depth: usize, rng: &mut Rng) -> OwnedValue {
    let mut object = Object::default();
    for (member, place) in &node.members {
        if let Some(value) = value(shape, *place, member, depth, rng) {
            object.insert(Cow::Owned(member.clone()), value);
        }
    }
    if node.members.is_empty() {
        let Some(rest) = node.rest else { return anything(rng) };
        for name in MAP_MEMBERS {
            if let Some(value) = value(shape, rest, name, depth, rng) {
                object.insert(name, value);
            }
        }
    }
    Value::Object(object)
}

fn list(shape: &Shape, node: &ShapeNode, name: &str, depth: usize, rng: &mut Rng) -> OwnedValue {
    let mut items: Vec<OwnedValue> = Vec::new();
    for _ in 0..ITEMS {
        let item = match node.rest {
            Some(item) => value(shape, item, name, depth, rng),
            None => Some(words(name, rng)),
        };
        items.extend(item.filter(|item| !items.contains(item)));
    }
    Value::Array(items)
}

/// How deep a shape can be filled without too many values; at least its own members are.
pub(super) fn affordable_depth(shape: &Shape) -> usize {
    let mut known = HashMap::new();
    let fits = |depth: &usize| leaves(shape, shape.entity(), *depth, &mut known) <= MOST_LEAVES;
    (2..=MOST_DEPTH).take_while(fits).last().unwrap_or(1)
}

fn leaves(shape: &Shape, place: ShapeId, depth: usize, known: &mut HashMap<(ShapeId, usize), usize>) -> usize {
    if let Some(&leaves) = known.get(&(place, depth)) {
        return leaves;
    }
    let node = shape.node(place);
    let is_nested = node.types.object || node.types.array || !node.members.is_empty();
    let found = match (is_nested, depth.checked_sub(1)) {
        (false, _) => 1,
        (true, None) => 0,
        (true, Some(depth)) => {
            let members = node.members.values().map(|member| leaves(shape, *member, depth, known)).sum::<usize>();
            members + node.rest.map_or(1, |rest| ITEMS * leaves(shape, rest, depth, known))
        }
    };
    known.insert((place, depth), found);
    found
}

/// The place that a path leads to from another; `None` where the schema describes none.
pub(super) fn place_at(shape: &Shape, from: ShapeId, path: &[Segment]) -> Option<ShapeId> {
    path.iter().try_fold(from, |place, segment| match segment {
        Segment::Name(name) => shape.step(place, Some(name)),
        Segment::Each => shape.step(place, None),
        Segment::Pattern(_) => {
            let named = shape.node(place).members.iter().find(|(name, _)| segment.matches(name));
            named.map(|(_, place)| *place).or_else(|| shape.step(place, None))
        }
    })
}

/// Whether a schema allows that there is something on a path.
pub(super) fn can_lead(shape: &Shape, path: &[Segment]) -> bool {
    let is_open = |length: usize| {
        let place = path.get(..length).and_then(|path| place_at(shape, shape.entity(), path));
        place.is_some_and(|place| is_any(shape.node(place)))
    };
    place_at(shape, shape.entity(), path).is_some() || (0..path.len()).any(is_open)
}

/// Whether a schema says nothing of a place.
pub(super) fn is_any(node: &ShapeNode) -> bool {
    node.types.is_open() && node.members.is_empty() && node.rest.is_none() && node.values.is_empty()
}

/// A small tree in place of what has no schema.
fn anything(rng: &mut Rng) -> OwnedValue {
    let step = |rng: &mut Rng| object_of([("name", words("step", rng)), ("seconds", Value::from(rng.draw() % 600))]);
    let steps = Value::Array((0..ITEMS).map(|_| step(rng)).collect());
    let bounds = object_of([("low", Value::from(rng.draw() % 100)), ("high", Value::from(100 + rng.draw() % 100))]);
    let tags = Value::Array((0..ITEMS).map(|_| Value::from(word(rng))).collect());
    object_of([
        ("title", words("title", rng)),
        ("enabled", Value::from(rng.chance(0.5))),
        ("bounds", bounds),
        ("steps", steps),
        ("tags", tags),
    ])
}

fn object_of<const N: usize>(members: [(&'static str, OwnedValue); N]) -> OwnedValue {
    Value::Object(members.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect())
}

fn text(node: &ShapeNode, name: &str, rng: &mut Rng) -> OwnedValue {
    match (node.format.as_deref(), rng.pick(&node.values)) {
        (Some("date-time"), _) => Value::from(moment(rng)),
        (Some("date"), _) => Value::from(date(rng)),
        (_, Some(known)) => Value::from(known.as_str()),
        _ if name == "id" || name.ends_with("Id") => Value::from(rng.uuid()),
        _ => words(name, rng),
    }
}

/// A text that tells where it is and nothing else.
pub(super) fn words(name: &str, rng: &mut Rng) -> OwnedValue {
    Value::from(format!("{name} {} {}", word(rng), word(rng)))
}

fn date(rng: &mut Rng) -> String {
    format!("20{:02}-{:02}-{:02}", 20 + rng.below(6), 1 + rng.below(12), 1 + rng.below(28))
}

/// A moment as the API writes it.
fn moment(rng: &mut Rng) -> String {
    let date = date(rng);
    format!("{date}T{:02}:{:02}:{:02}.{:03}Z", rng.below(24), rng.below(60), rng.below(60), rng.below(1000))
}
