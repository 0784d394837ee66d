//! The JSON Schema of the stored form of a domain.
//!
//! It has the models of the contract as far as they are stored. A member that is dropped keeps its type where that is a single
//! value and is left open otherwise; a reference is reduced to a flat object, as nothing below it is stored.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::contract::{Contract, Kind, Member, Model};
use super::domain_file::DomainFile;
use super::node::{Document, FileNode, Node, Rest};
use super::treatment::{Mark, Place, Treatment};

/// The members that every reference may have.
const OF_A_REFERENCE: [&str; 3] = ["id", "name", "selfUri"];

/// A schema and what it took from the contract.
pub(crate) struct Written {
    /// The text of the file.
    pub(crate) text: String,
    /// The models whose members it shows.
    pub(crate) models: BTreeSet<String>,
}

/// Writes the schema of a domain.
pub(crate) fn write(domain: &DomainFile, contract: &Contract) -> Result<Written, String> {
    let mut writer = Writer {
        contract,
        treatment: Treatment::of(domain),
        around: Vec::new(),
        seen: BTreeSet::new(),
        definitions: BTreeMap::new(),
        models: BTreeSet::new(),
    };
    let (entity, described) = writer.entity(domain)?;
    let id = &domain.id;
    let properties = BTreeMap::from([
        ("domain", Node::constant(Value::from(id.as_str()))),
        ("entities", Node::map(entity)),
        ("schema_version", Node::constant(Value::from(domain.schema_version))),
    ]);
    let document = Document {
        dialect: "https://json-schema.org/draft/2020-12/schema",
        id: format!("urn:orgtrail:schema:{id}:v{}", domain.schema_version),
        title: id.clone(),
        description: format!("The stored form of {id}. {described}"),
        file: FileNode {
            r#type: "object",
            additional_properties: false,
            required: ["domain", "entities", "schema_version"],
            properties,
        },
        definitions: writer.definitions,
    };
    let text = serde_json::to_string_pretty(&document).map_err(|error| error.to_string())?;
    Ok(Written { text: text + "\n", models: writer.models })
}

struct Writer<'c> {
    contract: &'c Contract,
    treatment: Treatment,
    /// The models that the one being written is part of. One that contains itself is treated at every depth as at the first.
    around: Vec<&'c str>,
    seen: BTreeSet<(&'c str, Place)>,
    definitions: BTreeMap<String, Node>,
    models: BTreeSet<String>,
}

impl<'c> Writer<'c> {
    /// The schema of an entity and a sentence about it.
    fn entity(&mut self, domain: &DomainFile) -> Result<(Node, String), String> {
        let added: BTreeMap<String, Node> = domain
            .source
            .stamp
            .iter()
            .chain(&domain.source.text_items)
            .map(|name| (name.clone(), Node::scalar("string", None, None)))
            .collect();
        let kind = domain.entity(self.contract)?;
        if let Kind::Model(name) = kind {
            if !self.contract.models.contains_key(name) {
                return Err(format!("the contract lacks the model {name}"));
            }
            let start = self.treatment.start();
            let entity = self.node(&kind, None, &start);
            if let Some(properties) = self.definitions.get_mut(name).and_then(|node| node.properties.as_mut()) {
                for (name, node) in added {
                    properties.entry(name).or_insert(node);
                }
            }
            let described =
                format!("An entity is the API model {name} as of Python SDK {}.", self.contract.sdk_version());
            return Ok((entity, described));
        }
        if domain.source.text_items.is_some() {
            return Ok((Node::object(added), "The API lists it as bare text.".to_owned()));
        }
        let entity = Node {
            r#type: Some("object"),
            properties: (!added.is_empty()).then_some(added),
            additional_properties: Some(Rest::Such(Box::default())),
            ..Node::default()
        };
        Ok((entity, "The API leaves open what an entity looks like.".to_owned()))
    }

    fn model(&mut self, name: &'c str, place: &Place) {
        let Some(model) = self.contract.models.get(name) else { return };
        if self.around.contains(&name) || !self.seen.insert((name, place.clone())) {
            return;
        }
        self.around.push(name);
        self.models.insert(name.to_owned());
        let mut properties = BTreeMap::new();
        for (member, about) in &model.props {
            let place = self.treatment.member(place, member);
            properties.insert(member.clone(), self.member(about, &place));
        }
        self.define(name, properties);
        self.around.pop();
    }

    /// Enters a model; where it was met before under another treatment, what says more of a member is kept.
    fn define(&mut self, name: &str, properties: BTreeMap<String, Node>) {
        let known = self.definitions.entry(name.to_owned()).or_insert_with(|| Node::object(BTreeMap::new()));
        let known = known.properties.get_or_insert_default();
        for (member, node) in properties {
            match known.get(&member) {
                Some(other) if other.fullness() >= node.fullness() => {}
                _ => {
                    known.insert(member, node);
                }
            }
        }
    }

    fn member(&mut self, member: &'c Member, place: &Place) -> Node {
        self.node(&Kind::parse(&member.r#type), member.r#enum.as_ref(), place)
    }

    fn node(&mut self, kind: &Kind<'c>, values: Option<&Vec<Value>>, place: &Place) -> Node {
        let (mut dropped, mut secret, mut keep) = (false, false, None);
        for mark in self.treatment.marks(place) {
            match mark {
                Mark::Dropped => dropped = true,
                Mark::Secret => secret = true,
                Mark::Reference(members) => keep = Some(members.clone()),
            }
        }
        if dropped {
            return match kind {
                Kind::Scalar(name, format) => Node::scalar(name, *format, values.cloned()),
                _ => Node::default(),
            };
        }
        let node = match (kind, keep) {
            (Kind::Model(name), Some(keep)) => self.reference(name, &keep, place),
            _ => self.plain(kind, values, place),
        };
        if secret { self.fingerprinted(node) } else { node }
    }

    fn plain(&mut self, kind: &Kind<'c>, values: Option<&Vec<Value>>, place: &Place) -> Node {
        match kind {
            Kind::Scalar(name, format) => Node::scalar(name, *format, values.cloned()),
            Kind::Array(item) => Node::array(Some(self.node(item, values, &self.treatment.each(place)))),
            Kind::Map(value) => Node::map(self.node(value, values, &self.treatment.each(place))),
            Kind::Model(name) if self.contract.models.contains_key(*name) => {
                self.model(name, place);
                Node::to(name)
            }
            Kind::Any | Kind::Model(_) => Node::default(),
        }
    }

    /// A reference: shared by all where the target is told by id and name only, of its own where the API copies more, and in
    /// place where the relation has members of its own.
    fn reference(&mut self, name: &'c str, keep: &[String], place: &Place) -> Node {
        let Some(model) = self.contract.models.get(name) else { return Node::default() };
        self.models.insert(name.to_owned());
        if !keep.is_empty() {
            return self.reference_in_place(model, keep, place);
        }
        if model.props.keys().all(|member| OF_A_REFERENCE.contains(&member.as_str())) {
            let members = OF_A_REFERENCE.map(|member| (member.to_owned(), Node::scalar("string", None, None)));
            self.definitions.insert("reference".to_owned(), Node::object(BTreeMap::from(members)));
            return Node::to("reference");
        }
        let members = model.props.iter().map(|(member, about)| (member.clone(), flat(about, None)));
        let defined = self.name_of_reference(name);
        self.definitions.insert(defined.clone(), Node::object(members.collect()));
        Node::to(&defined)
    }

    /// `Reference` behind the name of the model, unless that is a model of its own.
    fn name_of_reference(&self, name: &str) -> String {
        let named = if name.ends_with("Reference") { name.to_owned() } else { format!("{name}Reference") };
        let taken = self.seen.iter().any(|(other, _)| *other == named);
        if taken { format!("{named}Reduced") } else { named }
    }

    fn reference_in_place(&mut self, model: &'c Model, keep: &[String], place: &Place) -> Node {
        let mut members: BTreeMap<String, Node> =
            OF_A_REFERENCE.iter().map(|member| ((*member).to_owned(), Node::scalar("string", None, None))).collect();
        for (member, about) in &model.props {
            let node = if keep.contains(member) {
                self.member(about, &self.treatment.member(place, member))
            } else {
                flat(about, about.r#enum.as_ref())
            };
            members.insert(member.clone(), node);
        }
        Node::object(members)
    }

    fn fingerprinted(&mut self, node: Node) -> Node {
        self.definitions.entry("secret".to_owned()).or_insert_with(|| {
            let fingerprint =
                Node { pattern: Some("^hmac-sha256:[0-9a-f]{64}$"), ..Node::scalar("string", None, None) };
            Node {
                required: Some(vec!["$secret"]),
                additional_properties: Some(Rest::Allowed(false)),
                ..Node::object(BTreeMap::from([("$secret".to_owned(), fingerprint)]))
            }
        });
        Node { any_of: Some(vec![node, Node::to("secret")]), ..Node::default() }
    }
}

/// A member of a reference, of which nothing below is stored.
fn flat(member: &Member, values: Option<&Vec<Value>>) -> Node {
    match Kind::parse(&member.r#type) {
        Kind::Scalar(name, format) => Node::scalar(name, format, values.cloned()),
        Kind::Array(_) => Node::array(None),
        Kind::Any | Kind::Map(_) | Kind::Model(_) => Node::default(),
    }
}
