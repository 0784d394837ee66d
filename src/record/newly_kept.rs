//! Members that a new treatment of a domain begins to keep.
//!
//! They come with the first capture under it and are nobody's change. They are told from a change by their place: no stored
//! entity of the domain has anything there.

use std::collections::BTreeSet;

use crate::canonical::value_of;
use crate::catalogue::{Shape, ShapeId};
use crate::model::{DomainSnapshot, Pointer, Value};

/// What stands for any item, map value or member of a set.
const ANY: &str = "*";

/// The places at which the stored entities of a domain have something.
pub(super) struct Places<'s> {
    shape: &'s Shape,
    stored: BTreeSet<Vec<String>>,
}

impl<'s> Places<'s> {
    pub(super) fn of(shape: &'s Shape, content: &DomainSnapshot) -> Self {
        let mut places = Self { shape, stored: BTreeSet::new() };
        for text in content.entities.values() {
            places.take(&value_of(text), Some(shape.entity()), &mut Vec::new());
        }
        places
    }

    /// Whether no stored entity has anything at the place that a pointer leads to, in whichever items it lies.
    pub(super) fn is_new(&self, pointer: &Pointer) -> bool {
        let mut node = Some(self.shape.entity());
        let mut place = Vec::new();
        for segment in pointer.segments() {
            let (name, next) = self.step(node, &segment);
            place.push(name.to_owned());
            node = next;
        }
        !self.stored.contains(&place)
    }

    fn take(&mut self, value: &Value<'_>, node: Option<ShapeId>, place: &mut Vec<String>) {
        if !place.is_empty() && !self.stored.contains(place) {
            self.stored.insert(place.clone());
        }
        match value {
            Value::Object(object) => {
                for (name, member) in object.iter() {
                    let (name, next) = self.step(node, name);
                    place.push(name.to_owned());
                    self.take(member, next, place);
                    place.pop();
                }
            }
            Value::Array(items) => {
                let next = node.and_then(|node| self.shape.step(node, None));
                for item in items {
                    place.push(ANY.to_owned());
                    self.take(item, next, place);
                    place.pop();
                }
            }
            _ => {}
        }
    }

    /// What a segment is called among places, and where it leads to.
    fn step<'n>(&self, node: Option<ShapeId>, segment: &'n str) -> (&'n str, Option<ShapeId>) {
        let Some(node) = node.map(|id| self.shape.node(id)) else { return (segment, None) };
        match (node.members.get(segment), node.rest) {
            (Some(member), _) => (segment, Some(*member)),
            (None, Some(rest)) => (ANY, Some(rest)),
            (None, None) => (segment, None),
        }
    }
}
