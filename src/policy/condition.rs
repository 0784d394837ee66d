//! Conditions of rules, in CEL (<https://cel.dev>).

use std::collections::HashMap;
use std::sync::Arc;

use cel::objects::Key;
use cel::{Context, Program};

use crate::model::Value;

/// The name of the function that gives the entity a reference points to.
const TARGET: &str = "target";

/// A compiled condition.
pub struct Condition {
    source: String,
    program: Program,
    uses_target: bool,
}

/// What a condition can speak of.
pub(super) struct Facts<'f> {
    /// Values by variable name; the absent ones are empty maps or null.
    pub(super) variables: Vec<(&'static str, Fact<'f>)>,
    /// The stored entity that a reference path points to.
    pub(super) target: &'f dyn Fn(&str) -> Option<Value<'static>>,
    /// The reference paths that `target` can be asked for.
    pub(super) reference_paths: Vec<String>,
}

/// The value of a variable.
pub(super) enum Fact<'f> {
    /// A JSON value.
    Json(Option<&'f Value<'f>>),
    /// An entity; the empty map where there is none.
    Entity(Option<&'f Value<'f>>),
    /// A text.
    Text(&'f str),
    /// A truth value.
    Flag(bool),
}

impl Condition {
    /// Compiles a condition.
    ///
    /// # Errors
    /// What the parser says.
    pub fn compile(source: &str) -> Result<Self, String> {
        let program = Program::compile(source).map_err(|errors| errors.to_string())?;
        let uses_target = program.references().has_function(TARGET);
        Ok(Self { source: source.to_owned(), program, uses_target })
    }

    /// The text of the condition.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the condition holds.
    ///
    /// # Errors
    /// Why it could not be told.
    pub(super) fn holds(&self, facts: &Facts<'_>) -> Result<bool, String> {
        let mut context = Context::default();
        for (name, fact) in &facts.variables {
            let value = match fact {
                Fact::Json(value) => value.map_or(cel::Value::Null, to_cel),
                Fact::Entity(value) => value.map_or_else(empty, to_cel),
                Fact::Text(text) => cel::Value::from(*text),
                Fact::Flag(flag) => cel::Value::Bool(*flag),
            };
            context.add_variable_from_value(*name, value);
        }
        if self.uses_target {
            let targets: HashMap<String, cel::Value> = facts
                .reference_paths
                .iter()
                .filter_map(|path| Some((path.clone(), to_cel(&(facts.target)(path)?))))
                .collect();
            let target = move |path: Arc<String>| targets.get(path.as_str()).cloned().unwrap_or_else(empty);
            context.add_function(TARGET, target).map_err(|error| error.to_string())?;
        }
        match self.program.execute(&context) {
            Ok(cel::Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(format!("it gives {}, not true or false", other.type_of())),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Condition").field(&self.source).finish()
    }
}

fn empty() -> cel::Value {
    cel::Value::from(HashMap::<Key, cel::Value>::new())
}

/// A JSON value as CEL sees it; a number beyond 64 bits becomes a double, which is enough to compare it.
fn to_cel(value: &Value<'_>) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(value) => cel::Value::Bool(*value),
        Value::Number(number) => match number.as_str().parse() {
            Ok(integer) => cel::Value::Int(integer),
            Err(_) => cel::Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        },
        Value::String(text) => cel::Value::from(text.as_ref()),
        Value::Array(items) => cel::Value::from(items.iter().map(to_cel).collect::<Vec<_>>()),
        Value::Object(object) => {
            let members: HashMap<Key, cel::Value> =
                object.iter().map(|(name, value)| (Key::from(name), to_cel(value))).collect();
            cel::Value::from(members)
        }
    }
}
