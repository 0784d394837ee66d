//! Values made up from nothing but the shape that a schema describes.

use std::borrow::Cow;

use super::rng::Rng;
use crate::catalogue::{Shape, ShapeId};
use crate::model::{Number, Object, OwnedValue, Value};

/// Made-up names of the members of a map.
const MAP_MEMBERS: [&str; 2] = ["one", "two"];

/// Makes up a value for a place of a shape; objects nested deeper than `depth` stay empty.
pub(super) fn value(shape: &Shape, place: ShapeId, name: &str, depth: usize, rng: &mut Rng) -> OwnedValue {
    let node = shape.node(place);
    let types = node.types;
    if types.object || !node.members.is_empty() {
        let mut object = Object::default();
        if depth > 0 {
            for (member, place) in &node.members {
                object.insert(Cow::Owned(member.clone()), value(shape, *place, member, depth - 1, rng));
            }
            if let (true, Some(rest)) = (node.members.is_empty(), node.rest) {
                for name in MAP_MEMBERS {
                    object.insert(name, value(shape, rest, name, depth - 1, rng));
                }
            }
        }
        Value::Object(object)
    } else if types.array {
        let items = node.rest.filter(|_| depth > 0);
        let made = items.iter().flat_map(|item| (0..2).map(move |_| *item));
        Value::Array(made.map(|item| value(shape, item, name, depth - 1, rng)).collect())
    } else if types.boolean {
        Value::from(rng.chance(0.5))
    } else if types.integer {
        Value::from(rng.draw() % 1000)
    } else if types.number {
        let literal = format!("{}.{}", rng.below(100), 1 + rng.below(9));
        Value::Number(Number::parse(&literal).map_or(Number::from(1), Number::into_owned))
    } else {
        Value::from(text(node.format.as_deref(), &node.values, name, rng))
    }
}

fn text(format: Option<&str>, known: &[String], name: &str, rng: &mut Rng) -> String {
    match (format, rng.pick(known)) {
        (Some("date-time"), _) => moment(rng),
        (Some("date"), _) => date(rng),
        (_, Some(known)) => known.clone(),
        _ => format!("{name} {}", rng.hex(6)),
    }
}

fn date(rng: &mut Rng) -> String {
    format!("20{:02}-{:02}-{:02}", 20 + rng.below(6), 1 + rng.below(12), 1 + rng.below(28))
}

/// A moment as the API writes it.
fn moment(rng: &mut Rng) -> String {
    let date = date(rng);
    format!("{date}T{:02}:{:02}:{:02}.{:03}Z", rng.below(24), rng.below(60), rng.below(60), rng.below(1000))
}
