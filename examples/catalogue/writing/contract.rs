//! The contract of the API: paths with their parameters, and models with their members.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The contract, whole or reduced.
#[derive(Deserialize)]
pub(crate) struct Contract {
    /// Where it comes from.
    #[serde(rename = "_meta")]
    pub(crate) meta: Value,
    /// The operations, by path and method.
    pub(crate) paths: BTreeMap<String, BTreeMap<String, Operation>>,
    /// The models, by name.
    pub(crate) models: BTreeMap<String, Model>,
}

/// One method of one path.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Operation {
    /// The query parameters.
    pub(crate) query: Vec<Parameter>,
    /// The type of the reply.
    pub(crate) response: Option<String>,
    /// The type of the request's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
    /// What the reader needs.
    #[serde(default)]
    pub(crate) permissions: Vec<String>,
    /// Whether it needs any or all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) permission_mode: Option<String>,
    /// The scopes of a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scopes: Option<Vec<String>>,
}

/// A query parameter.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: String,
    /// Its type.
    pub(crate) r#type: String,
    /// Whether it must be given.
    pub(crate) required: bool,
    /// The value it has where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<Value>,
    /// The largest value it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max: Option<u64>,
    /// Who says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_from: Option<String>,
    /// The values known to be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) r#enum: Option<Vec<Value>>,
}

/// A model.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Model {
    /// Its members, by name.
    pub(crate) props: BTreeMap<String, Member>,
}

/// A member of a model.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Member {
    /// Its type.
    pub(crate) r#type: String,
    /// Whether only the API sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) read_only: Option<bool>,
    /// Whether it must be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) required: Option<bool>,
    /// The values known to occur.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) r#enum: Option<Vec<Value>>,
}

/// A type as the contract writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'c> {
    /// A string, number or boolean: the type and the format of JSON Schema.
    Scalar(&'static str, Option<&'static str>),
    /// JSON without a type.
    Any,
    /// An array of such items.
    Array(Box<Kind<'c>>),
    /// An object whose values are such.
    Map(Box<Kind<'c>>),
    /// A model.
    Model(&'c str),
}

impl<'c> Kind<'c> {
    /// Reads `array<Queue>`, `string(date-time)` and the like.
    pub(crate) fn parse(text: &'c str) -> Self {
        let inside = |prefix: &str| text.strip_prefix(prefix)?.strip_suffix('>');
        if let Some(items) = inside("array<") {
            return Self::Array(Box::new(Self::parse(items)));
        }
        if let Some(values) = inside("map<") {
            return Self::Map(Box::new(Self::parse(values)));
        }
        match text {
            "string" | "LocalDateTime" => Self::Scalar("string", None),
            "string(date-time)" => Self::Scalar("string", Some("date-time")),
            "string(date)" => Self::Scalar("string", Some("date")),
            "integer" => Self::Scalar("integer", None),
            "number" => Self::Scalar("number", None),
            "boolean" => Self::Scalar("boolean", None),
            "any" | "object" => Self::Any,
            model => Self::Model(model),
        }
    }

    /// The model in it, under arrays and maps.
    pub(crate) fn model(&self) -> Option<&'c str> {
        match self {
            Self::Array(inner) | Self::Map(inner) => inner.model(),
            Self::Model(name) => Some(name),
            Self::Scalar(..) | Self::Any => None,
        }
    }
}

/// A path with its placeholders made alike, so that `{id}` and `{queueId}` are the same place.
pub(crate) fn shape_of(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

impl Contract {
    /// Reads a contract.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| format!("the contract is not what it should be: {error}"))
    }

    /// A path as the contract spells it, with the operation.
    pub(crate) fn operation(&self, path: &str, method: &str) -> Option<(&str, &Operation)> {
        let wanted = shape_of(path);
        let (spelled, methods) = self.paths.iter().find(|(known, _)| shape_of(known) == wanted)?;
        Some((spelled, methods.get(method)?))
    }

    /// The version of the SDK that it was read from.
    pub(crate) fn sdk_version(&self) -> &str {
        let text = ["sdk", "source"].iter().find_map(|name| self.meta.get(name)?.as_str()).unwrap_or_default();
        let mut words = text.split([' ', ':', ',']);
        words.find(|word| is_dotted(word, '.')).unwrap_or("unknown")
    }

    /// The day of the specification that it was read from.
    pub(crate) fn date(&self) -> Option<&str> {
        let text = ["date", "swagger"].iter().find_map(|name| self.meta.get(name)?.as_str())?;
        text.split(['(', ')', ',', ' ']).find(|word| is_dotted(word, '-'))
    }
}

/// Whether a word is three numbers with such a sign between them.
fn is_dotted(word: &str, sign: char) -> bool {
    let numbers: Vec<&str> = word.split(sign).collect();
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    numbers.len() == 3 && numbers.iter().all(number)
}

impl Operation {
    /// The query parameter of a name.
    pub(crate) fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.query.iter().find(|parameter| parameter.name == name)
    }
}
