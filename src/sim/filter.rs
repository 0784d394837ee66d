//! Which entities a request lets be seen.

use crate::catalogue::{Domain, FieldPath};
use crate::model::{OwnedValue, Value};

/// The member of an entity that a parameter is about: that of its name, or, where it takes several values, that of its singular.
pub(super) fn member_of<'p>(domain: &Domain, parameter: &'p str) -> &'p str {
    let members = &domain.shape.node(domain.shape.entity()).members;
    let singular = parameter.strip_suffix('s').filter(|singular| members.contains_key(*singular));
    singular.filter(|_| !members.contains_key(parameter)).unwrap_or(parameter)
}

/// Wanted values by place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Filter(Vec<(FieldPath, Vec<String>)>);

impl Filter {
    /// Adds what is wanted of a member; several values are separated by commas.
    pub(super) fn want(&mut self, member: &str, values: &str) {
        self.0.push((FieldPath::parse(member), values.split(',').map(ToOwned::to_owned).collect()));
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
