//! What the JSON Schema of a domain says about the shape of its entities.
//!
//! A graph, because API models refer to each other in circles. Only the part of JSON Schema that our schemas use is read:
//! `type`, `properties`, `additionalProperties`, `items`, `$ref` into `$defs`, `anyOf` (the first alternative counts), `format`
//! and the annotation `x-values` (an open list of known values).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::Value;

/// The index of a node in a [`Shape`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ShapeId(pub(super) usize);

/// The kinds of value that a place may hold; none named means any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(clippy::struct_excessive_bools, reason = "one flag for each type of JSON Schema")]
pub struct Types {
    /// Strings.
    pub string: bool,
    /// Numbers without a fraction.
    pub integer: bool,
    /// Any numbers.
    pub number: bool,
    /// `true` and `false`.
    pub boolean: bool,
    /// Arrays.
    pub array: bool,
    /// Objects.
    pub object: bool,
}

impl Types {
    /// Whether the schema leaves the kind open.
    #[must_use]
    pub fn is_open(self) -> bool {
        self == Self::default()
    }

    /// Whether the schema expects such a value here.
    #[must_use]
    pub fn allow(self, value: &Value<'_>) -> bool {
        self.is_open()
            || match value {
                Value::Null => false,
                Value::Bool(_) => self.boolean,
                Value::Number(number) => self.number || (self.integer && number.is_integer()),
                Value::String(_) => self.string,
                Value::Array(_) => self.array,
                Value::Object(_) => self.object,
            }
    }

    pub(super) fn add(&mut self, name: &str) -> bool {
        match name {
            "string" => self.string = true,
            "integer" => self.integer = true,
            "number" => self.number = true,
            "boolean" => self.boolean = true,
            "array" => self.array = true,
            "object" => self.object = true,
            _ => return false,
        }
        true
    }
}

/// What the schema says of one place.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ShapeNode {
    /// The kinds of value it may hold.
    pub types: Types,
    /// The members that the schema names.
    pub members: BTreeMap<String, ShapeId>,
    /// Every other member of a map, every item of an array.
    pub rest: Option<ShapeId>,
    /// The `format` annotation of a string.
    #[serde(skip)]
    pub format: Option<String>,
    /// Values known to occur; the list is open.
    #[serde(skip)]
    pub values: Vec<String>,
}

/// The shape of the entities of a domain.
#[derive(Clone, Debug, Serialize)]
pub struct Shape {
    nodes: Vec<ShapeNode>,
    entity: ShapeId,
}

impl Shape {
    pub(super) fn new(nodes: Vec<ShapeNode>, entity: ShapeId) -> Self {
        Self { nodes, entity }
    }

    /// The node of an entity.
    #[must_use]
    pub fn entity(&self) -> ShapeId {
        self.entity
    }

    /// What the schema says of a place.
    #[must_use]
    pub fn node(&self, id: ShapeId) -> &ShapeNode {
        &self.nodes[id.0]
    }

    /// The node of a member, item or map value.
    #[must_use]
    pub fn step(&self, id: ShapeId, name: Option<&str>) -> Option<ShapeId> {
        let node = self.node(id);
        name.and_then(|name| node.members.get(name).copied()).or(node.rest)
    }
}
