//! The part of JSON Schema that the stored forms are described with.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// A schema.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Node {
    /// Another schema of the same file.
    #[serde(rename = "$ref", skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<String>,
    /// Alternatives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) any_of: Option<Vec<Node>>,
    /// The type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) r#type: Option<&'static str>,
    /// The format of a string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<&'static str>,
    /// Members that must be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) required: Option<Vec<&'static str>>,
    /// All members that have no name here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) additional_properties: Option<Rest>,
    /// What a string looks like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pattern: Option<&'static str>,
    /// The only value.
    #[serde(rename = "const", skip_serializing_if = "Option::is_none")]
    pub(crate) constant: Option<Value>,
    /// The members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) properties: Option<BTreeMap<String, Node>>,
    /// The items of an array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) items: Option<Box<Node>>,
    /// Values known to occur.
    #[serde(rename = "x-values", skip_serializing_if = "Option::is_none")]
    pub(crate) values: Option<Vec<Value>>,
}

/// What members without a name of their own may be.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Rest {
    /// Whether there may be any.
    Allowed(bool),
    /// What they are.
    Such(Box<Node>),
}

/// The schema of a stored file.
#[derive(Serialize)]
pub(crate) struct Document {
    /// The dialect.
    #[serde(rename = "$schema")]
    pub(crate) dialect: &'static str,
    /// The permanent name.
    #[serde(rename = "$id")]
    pub(crate) id: String,
    /// The domain.
    pub(crate) title: String,
    /// What it describes.
    pub(crate) description: String,
    /// The file as a whole.
    #[serde(flatten)]
    pub(crate) file: FileNode,
    /// The schemas that it refers to.
    #[serde(rename = "$defs", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) definitions: BTreeMap<String, Node>,
}

/// The outermost object of a stored file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileNode {
    /// An object
    pub(crate) r#type: &'static str,
    /// without other members,
    pub(crate) additional_properties: bool,
    /// with all of these,
    pub(crate) required: [&'static str; 3],
    /// which are such.
    pub(crate) properties: BTreeMap<&'static str, Node>,
}

impl Node {
    /// A schema of the same file.
    pub(crate) fn to(definition: &str) -> Self {
        Self { reference: Some(format!("#/$defs/{definition}")), ..Self::default() }
    }

    /// A string, number or boolean.
    pub(crate) fn scalar(name: &'static str, format: Option<&'static str>, values: Option<Vec<Value>>) -> Self {
        Self { r#type: Some(name), format, values, ..Self::default() }
    }

    /// An array.
    pub(crate) fn array(items: Option<Self>) -> Self {
        Self { r#type: Some("array"), items: items.map(Box::new), ..Self::default() }
    }

    /// An object whose values are such.
    pub(crate) fn map(values: Self) -> Self {
        Self { r#type: Some("object"), additional_properties: Some(Rest::Such(Box::new(values))), ..Self::default() }
    }

    /// An object with such members.
    pub(crate) fn object(properties: BTreeMap<String, Self>) -> Self {
        Self { r#type: Some("object"), properties: Some(properties), ..Self::default() }
    }

    /// One value.
    pub(crate) fn constant(value: Value) -> Self {
        Self { constant: Some(value), ..Self::default() }
    }

    /// How much it says of a place that is reached in two ways: the fuller one is taken.
    pub(crate) fn fullness(&self) -> u8 {
        let inner = self.items.as_deref().or(match &self.additional_properties {
            Some(Rest::Such(values)) => Some(values),
            _ => None,
        });
        match (inner, &self.reference) {
            _ if self.any_of.is_some() => 4,
            (Some(inner), _) => inner.fullness().max(1),
            (None, Some(target)) if target == "#/$defs/reference" => 1,
            (None, Some(target)) if target.ends_with("Reference") => 2,
            _ if *self == Self::default() => 0,
            _ => 3,
        }
    }
}
