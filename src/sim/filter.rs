//! Which entities a request lets be seen.

use crate::catalogue::FieldPath;
use crate::model::{OwnedValue, Value};

/// Wanted values by place: a parameter that is named like a member of an entity wants one of its values there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Filter(Vec<(FieldPath, Vec<String>)>);

impl Filter {
    /// Adds what a parameter wants; several values are separated by commas.
    pub(super) fn want(&mut self, parameter: &str, values: &str) {
        self.0.push((FieldPath::parse(parameter), values.split(',').map(ToOwned::to_owned).collect()));
    }

    /// Whether an entity can be seen.
    pub(super) fn shows(&self, entity: &OwnedValue) -> bool {
        self.0.iter().all(|(path, wanted)| {
            let actual = match path.find(entity) {
                Some(Value::String(text)) => text.as_ref(),
                Some(Value::Bool(true)) => "true",
                Some(Value::Bool(false)) => "false",
                _ => return true,
            };
            wanted.iter().any(|wanted| wanted == "any" || wanted.eq_ignore_ascii_case(actual))
        })
    }
}
