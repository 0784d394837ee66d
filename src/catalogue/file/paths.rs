//! Every path that a domain file names must lead to something that its schema describes.

use std::collections::BTreeSet;

use super::{Placed, RawDomain};
use crate::catalogue::definition::KeyPart;
use crate::catalogue::field_path::{FieldPath, Segment};
use crate::catalogue::problem::{Objection, meant};
use crate::catalogue::shape::{Shape, ShapeId};
use crate::model::{Pointer, nearest};

/// Notes every path that leads nowhere.
pub(super) fn check(raw: &RawDomain, shape: &Shape, problems: &mut Vec<Objection>) {
    let mut check = |list: &str, path: &FieldPath, offset: usize| {
        if let Some(dead_end) = dead_end(shape, path) {
            let problem = format!("{list}: the schema has no {path}{}", meant(dead_end.nearest.as_deref()));
            problems.push(Objection::new(offset, problem));
        }
    };
    let (treat, identity, source) = (&raw.treat, &raw.identity, &raw.source);
    for (list, paths) in [
        ("treat.volatile", &treat.volatile),
        ("treat.state", &treat.state),
        ("treat.metadata", &treat.metadata),
        ("treat.copied", &treat.copied),
        ("treat.secret", &treat.secret),
        ("treat.personal", &treat.personal),
        ("identity.natural", &identity.natural),
    ] {
        for path in paths {
            check(list, &path.value, path.offset);
        }
    }
    for (path, keys) in &treat.sets {
        if dead_end(shape, &path.value).is_some() {
            check("treat.sets", &path.value, path.offset);
        } else {
            let members = path.value.then(&FieldPath::parse("*"));
            for key in keys {
                check("treat.sets", &members.then(&key.value), key.offset);
            }
        }
    }
    for reference in &raw.references {
        let path = &reference.path;
        check("references", &path.value, path.offset);
        if dead_end(shape, &path.value).is_none() {
            for name in &reference.keep {
                check("references", &path.value.then(&FieldPath::parse(&name.value)), name.offset);
            }
        }
    }
    let single =
        [("identity.name", &identity.name), ("identity.live", &identity.live), ("identity.email", &identity.email)];
    for (list, path) in single {
        if let Some(path) = path {
            check(list, &path.value, path.offset);
        }
    }
    for part in &identity.key {
        if let KeyPart::Field(path) = KeyPart::parse(&part.value) {
            check("identity.key", &path, part.offset);
        }
    }
    for (path, _) in &raw.removal.gone_when {
        check("removal.gone_when", &path.value, path.offset);
    }
    for (list, members) in [("source.stamp", &source.stamp[..]), ("source.text_items", source.text_items.as_slice())] {
        for member in members {
            check(list, &FieldPath::parse(&member.value), member.offset);
        }
    }
    for rule in &raw.risk.paths {
        if let Some(path) = path_of_pattern(&rule.path) {
            check("risk", &path, rule.path.offset);
        }
    }
}

/// The path that a JSON Pointer pattern means, where it means one: `**` in the midst of it means many.
fn path_of_pattern(pattern: &Placed<String>) -> Option<FieldPath> {
    let segments: Vec<String> = Pointer::from_text(&pattern.value).segments().collect();
    let segments = segments.strip_suffix(&["**".to_owned()]).unwrap_or(&segments);
    let is_one = !segments.is_empty() && !segments.iter().any(|segment| segment == "**" || segment.contains('.'));
    is_one.then(|| FieldPath::parse(&segments.join(".")))
}

/// The end of a path that the schema does not describe.
pub(in crate::catalogue) struct DeadEnd {
    /// The path that was probably meant.
    pub(in crate::catalogue) nearest: Option<String>,
}

/// Where a path leads beyond what a schema describes.
pub(in crate::catalogue) fn dead_end(shape: &Shape, path: &FieldPath) -> Option<DeadEnd> {
    let mut places = vec![shape.entity()];
    for (index, segment) in path.segments().iter().enumerate() {
        if places.iter().any(|place| is_unknown(shape, *place, segment)) {
            return None;
        }
        let next: BTreeSet<ShapeId> = places.iter().flat_map(|place| step(shape, *place, segment)).collect();
        if next.is_empty() {
            let Segment::Name(name) = segment else { return Some(DeadEnd { nearest: None }) };
            let members = places.iter().flat_map(|place| shape.node(*place).members.keys());
            let nearest = nearest(name, members.map(String::as_str)).map(|nearest| path.with_name(index, nearest));
            return Some(DeadEnd { nearest: nearest.map(|path| path.to_string()) });
        }
        places = next.into_iter().collect();
    }
    None
}

/// Whether the schema leaves open what a segment leads to: nothing is said of the place, or it is a list of whatever items.
fn is_unknown(shape: &Shape, place: ShapeId, segment: &Segment) -> bool {
    let node = shape.node(place);
    let is_bare = node.members.is_empty() && node.rest.is_none();
    is_bare && (node.types.is_open() || (node.types.array && *segment == Segment::Each))
}

fn step(shape: &Shape, place: ShapeId, segment: &Segment) -> Vec<ShapeId> {
    let node = shape.node(place);
    match segment {
        // The items of an array have no names.
        Segment::Name(name) if node.types.array && !node.types.object => {
            node.members.get(name).copied().into_iter().collect()
        }
        Segment::Name(name) => shape.step(place, Some(name)).into_iter().collect(),
        Segment::Pattern(_) | Segment::Each => {
            let named = node.members.iter().filter(|(name, _)| segment.matches(name)).map(|(_, id)| *id);
            named.chain(node.rest).collect()
        }
    }
}
