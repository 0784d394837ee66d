//! Reads the JSON Schema of a domain's stored file.

mod place;

use std::collections::BTreeMap;

use super::problem::{Objection, meant};
use super::shape::{Shape, ShapeId, ShapeNode};
use crate::canonical::read_str;
use crate::model::{DomainId, Object, Pointer, Value, nearest};
use place::offset_of;

/// The types that a schema may name; a member that is null is stored as absent.
const TYPES: [&str; 6] = ["string", "integer", "number", "boolean", "array", "object"];

/// Words of JSON Schema that say what a value looks like in a way that is not read.
const UNREAD: [&str; 8] =
    ["oneOf", "allOf", "not", "if", "prefixItems", "patternProperties", "dependentSchemas", "$dynamicRef"];

/// Where the definitions of a schema are.
const DEFINITIONS: &str = "#/$defs/";

/// A schema that was read.
pub(super) struct Schema {
    pub(super) shape: Shape,
    /// Where in its text it describes an entity.
    pub(super) entity: usize,
}

impl Schema {
    /// Reads a schema as far as that can be done, noting all that is wrong: what a faulty place is meant to describe counts as
    /// unknown. `version` is the one of the domain file, where that is known.
    pub(super) fn read(text: &str, id: &DomainId, version: Option<u32>, problems: &mut Vec<Objection>) -> Option<Self> {
        let schema = read_str(text)
            .map_err(|error| problems.push(Objection::new(error.offset, format!("not JSON: {}", error.problem))))
            .ok()?;
        let mut builder =
            Builder { schema: &schema, nodes: Vec::new(), definitions: BTreeMap::new(), faults: Vec::new() };
        builder.check_constant("domain", &Value::from(id.as_str()));
        if let Some(version) = version {
            builder.check_constant("schema_version", &Value::from(u64::from(version)));
        }
        let mut at = Pointer::root();
        let mut entity = Some(&schema);
        for member in ["properties", "entities", "additionalProperties"] {
            entity = entity.and_then(|value| value.get(member));
            at = at.child(member);
        }
        let node = entity.map(|entity| builder.node(entity, &at));
        if node.is_none() {
            let member = at.as_str().trim_start_matches('/').replace('/', ".");
            builder.fault(&at, format!("{member} is missing, which describes an entity"));
        }
        let described = entity.and_then(|entity| definition_of(entity.get("$ref")?.as_str()?));
        let described = described.map_or(at, |name| Pointer::root().child("$defs").child(name));
        let place = |(at, problem): (Pointer, String)| Objection::new(offset_of(text, &at), problem);
        problems.extend(builder.faults.into_iter().map(place));
        Some(Self { shape: Shape::new(builder.nodes, node?), entity: offset_of(text, &described) })
    }
}

/// The name of the definition that a reference leads to.
fn definition_of(reference: &str) -> Option<&str> {
    reference.strip_prefix(DEFINITIONS).filter(|name| !name.is_empty())
}

struct Builder<'s> {
    schema: &'s Value<'s>,
    nodes: Vec<ShapeNode>,
    definitions: BTreeMap<String, ShapeId>,
    faults: Vec<(Pointer, String)>,
}

impl<'s> Builder<'s> {
    fn fault(&mut self, at: &Pointer, problem: impl Into<String>) {
        self.faults.push((at.clone(), problem.into()));
    }

    /// Where the schema says what a member of the file always is, it has to be this.
    fn check_constant(&mut self, member: &str, expected: &Value<'_>) {
        let described = self.schema.get("properties").and_then(|all| all.get(member));
        if let Some(found) = described.and_then(|described| described.get("const"))
            && found != expected
        {
            let at = Pointer::root().child("properties").child(member).child("const");
            let expected = crate::canonical::canonical_text(expected);
            self.fault(&at, format!("properties.{member}.const must be {}", expected.as_str()));
        }
    }

    fn node(&mut self, schema: &'s Value<'s>, at: &Pointer) -> ShapeId {
        let Some(object) = schema.as_object() else {
            if schema.as_bool() != Some(true) {
                self.fault(at, format!("a schema must be an object, not {}", a_kind(schema)));
            }
            return self.reserve();
        };
        if let Some(target) = object.get("$ref") {
            return self.definition(target, &at.child("$ref"));
        }
        if let Some(alternatives) = object.get("anyOf") {
            let at = at.child("anyOf");
            if let Some([first, ..]) = alternatives.as_array() {
                return self.node(first, &at.child("0"));
            }
            self.fault(&at, "anyOf must be a list of schemas");
        }
        let id = self.reserve();
        self.fill(id, object, at);
        id
    }

    fn reserve(&mut self) -> ShapeId {
        self.nodes.push(ShapeNode::default());
        ShapeId(self.nodes.len() - 1)
    }

    fn definition(&mut self, target: &'s Value<'s>, at: &Pointer) -> ShapeId {
        let Some(name) = target.as_str().and_then(definition_of) else {
            self.fault(at, format!("$ref must begin with {DEFINITIONS}: only definitions of the same file are read"));
            return self.reserve();
        };
        if let Some(&id) = self.definitions.get(name) {
            return id;
        }
        let definitions = self.schema.get("$defs").and_then(Value::as_object);
        // Entered before it is filled, so that a model which contains itself ends here.
        let id = self.reserve();
        self.definitions.insert(name.to_owned(), id);
        match definitions.and_then(|all| all.get(name)) {
            Some(Value::Object(definition)) => self.fill(id, definition, &Pointer::root().child("$defs").child(name)),
            Some(other) => {
                let at = Pointer::root().child("$defs").child(name);
                self.fault(&at, format!("a schema must be an object, not {}", a_kind(other)));
            }
            None => {
                let names = definitions.into_iter().flat_map(|all| all.iter().map(|(name, _)| name));
                self.fault(at, format!("$defs has no {name}{}", meant(nearest(name, names))));
            }
        }
        id
    }

    fn fill(&mut self, id: ShapeId, schema: &'s Object<'s>, at: &Pointer) {
        let mut node = ShapeNode::default();
        let mut faults = Vec::new();
        take_types(&mut node, schema, at, &mut faults);
        match schema.get("properties").map(|members| (members, members.as_object())) {
            Some((_, Some(members))) => {
                let at = at.child("properties");
                for (name, member) in members.iter() {
                    node.members.insert(name.to_owned(), self.node(member, &at.child(name)));
                }
            }
            Some((other, None)) => {
                let problem = format!("properties must be an object, not {}", a_kind(other));
                faults.push((at.child("properties"), problem));
            }
            None => {}
        }
        for word in ["additionalProperties", "items"] {
            match schema.get(word) {
                None | Some(Value::Bool(_)) => {}
                Some(rest) if node.rest.is_none() => node.rest = Some(self.node(rest, &at.child(word))),
                Some(_) => faults.push((at.child(word), "a place is a map or a list, not both".to_owned())),
            }
        }
        for word in UNREAD.into_iter().filter(|word| schema.get(word).is_some()) {
            let problem =
                format!("{word} is not read: say it with properties, additionalProperties, items, anyOf or $ref");
            faults.push((at.child(word), problem));
        }
        node.format = schema.get("format").and_then(Value::as_str).map(ToOwned::to_owned);
        let values = schema.get("x-values").and_then(Value::as_array).unwrap_or_default();
        node.values = values.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
        if faults.is_empty() {
            self.nodes[id.0] = node;
        }
        self.faults.append(&mut faults);
    }
}

fn take_types(node: &mut ShapeNode, schema: &Object<'_>, at: &Pointer, faults: &mut Vec<(Pointer, String)>) {
    let Some(named) = schema.get("type") else { return };
    for name in named.as_array().unwrap_or(std::slice::from_ref(named)) {
        let problem = match name.as_str() {
            Some(word) if node.types.add(word) => continue,
            Some(word) => {
                let known = TYPES.map(|known| format!("{known:?}")).join(", ");
                format!("type {word:?} is none of {known}{}", meant(nearest(word, TYPES)))
            }
            None => format!("type must be a string, not {}", a_kind(name)),
        };
        faults.push((at.child("type"), problem));
    }
}

/// What a value is, as a person says it.
fn a_kind(value: &Value<'_>) -> String {
    match value.kind() {
        kind @ ("array" | "object") => format!("an {kind}"),
        "null" => "null".to_owned(),
        kind => format!("a {kind}"),
    }
}
