//! What the JSON Schema of a domain says about the shape of its entities.
//!
//! A graph, because API models refer to each other in circles. Only the part of JSON Schema that our schemas use is read:
//! `type`, `properties`, `additionalProperties`, `items`, `$ref` into `$defs`, `anyOf` (the first alternative counts), `format`
//! and the annotation `x-values` (an open list of known values).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::canonical::read_str;
use crate::model::Value;

/// The index of a node in a [`Shape`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ShapeId(usize);

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

    fn add(&mut self, name: &str) -> bool {
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
    /// Reads the JSON Schema of a domain's stored file.
    ///
    /// # Errors
    /// A sentence that says what the schema lacks.
    pub fn read(schema: &str) -> Result<Self, String> {
        let schema = read_str(schema).map_err(|error| format!("its schema is not JSON: {error}"))?;
        let entity = ["properties", "entities", "additionalProperties"]
            .iter()
            .try_fold(&schema, |value, member| value.get(member))
            .ok_or("its schema has no properties.entities.additionalProperties")?;
        let mut builder = Builder { schema: &schema, nodes: Vec::new(), definitions: BTreeMap::new() };
        let entity = builder.node(entity)?;
        Ok(Self { nodes: builder.nodes, entity })
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

struct Builder<'s> {
    schema: &'s Value<'s>,
    nodes: Vec<ShapeNode>,
    definitions: BTreeMap<String, ShapeId>,
}

impl<'s> Builder<'s> {
    fn node(&mut self, schema: &'s Value<'s>) -> Result<ShapeId, String> {
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            return self.definition(target);
        }
        if let Some([first, ..]) = schema.get("anyOf").and_then(Value::as_array) {
            return self.node(first);
        }
        let id = self.reserve();
        self.fill(id, schema)?;
        Ok(id)
    }

    fn reserve(&mut self) -> ShapeId {
        self.nodes.push(ShapeNode::default());
        ShapeId(self.nodes.len() - 1)
    }

    fn definition(&mut self, target: &str) -> Result<ShapeId, String> {
        let name = target.strip_prefix("#/$defs/").ok_or_else(|| format!("its schema refers to {target}"))?;
        if let Some(&id) = self.definitions.get(name) {
            return Ok(id);
        }
        let schema = self.schema;
        let definition =
            schema.get("$defs").and_then(|all| all.get(name)).ok_or_else(|| format!("its schema lacks {target}"))?;
        // Entered before it is filled, so that a model which contains itself ends here.
        let id = self.reserve();
        self.definitions.insert(name.to_owned(), id);
        self.fill(id, definition)?;
        Ok(id)
    }

    fn fill(&mut self, id: ShapeId, schema: &'s Value<'s>) -> Result<(), String> {
        let mut node = ShapeNode::default();
        let named = match schema.get("type") {
            Some(Value::String(name)) => vec![name.as_ref()],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        for name in named {
            if !node.types.add(name) {
                return Err(format!("its schema names the type {name:?}"));
            }
        }
        if let Some(members) = schema.get("properties").and_then(Value::as_object) {
            for (name, member) in members.iter() {
                node.members.insert(name.to_owned(), self.node(member)?);
            }
        }
        node.rest = match (schema.get("additionalProperties"), schema.get("items")) {
            (Some(rest @ Value::Object(_)), _) | (_, Some(rest @ Value::Object(_))) => Some(self.node(rest)?),
            _ => None,
        };
        node.format = schema.get("format").and_then(Value::as_str).map(ToOwned::to_owned);
        let values = schema.get("x-values").and_then(Value::as_array).unwrap_or_default();
        node.values = values.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
        self.nodes[id.0] = node;
        Ok(())
    }
}
