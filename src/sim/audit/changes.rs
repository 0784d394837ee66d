//! What differs between two states of an entity, as the audit log tells it: properties with texts for people.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::canonical::compact;
use crate::catalogue::{Domain, FieldPath};
use crate::model::{Object, OwnedValue, Value};

/// What stands in the place of a value that is a secret.
const HIDDEN: &str = "***";

/// A property that has another value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PropertyChange {
    /// The names on the way to it.
    path: Vec<String>,
    old: Vec<String>,
    new: Vec<String>,
}

impl PropertyChange {
    /// As the API has it; a secret is only said to be another one.
    pub(super) fn told(&self, domain: &Domain) -> Json {
        let is_secret = domain.treat.secret.iter().any(|secret| self.touches(secret));
        let texts = |values: &[String]| {
            let shown = values.iter().map(|value| if is_secret { HIDDEN } else { value });
            shown.map(Json::from).collect::<Vec<_>>()
        };
        json!({ "property": self.path.join("."), "oldValues": texts(&self.old), "newValues": texts(&self.new) })
    }

    /// Whether a path leads to the property, through it or to what it is in. A list counts whole.
    fn touches(&self, path: &FieldPath) -> bool {
        self.path.iter().zip(path.segments()).all(|(name, segment)| segment.matches(name))
    }
}

/// Everything that differs, in order of path. What is in a list is told with the list: the items that only one of both has.
pub(super) fn between(old: &OwnedValue, new: &OwnedValue) -> Vec<PropertyChange> {
    let mut changes = Vec::new();
    walk(&mut Vec::new(), old, new, &mut changes);
    changes
}

fn walk(path: &mut Vec<String>, old: &OwnedValue, new: &OwnedValue, changes: &mut Vec<PropertyChange>) {
    if old == new {
        return;
    }
    let is_object = |value: &OwnedValue| matches!(value, Value::Object(_));
    let is_nothing = |value: &OwnedValue| matches!(value, Value::Null);
    let goes_on = (is_object(old) || is_nothing(old))
        && (is_object(new) || is_nothing(new))
        && (is_object(old) || is_object(new));
    if !goes_on {
        let (mut old, mut new) = (texts(old), texts(new));
        if old.len() > 1 || new.len() > 1 {
            (old, new) = (without(&old, &new), without(&new, &old));
        }
        return changes.push(PropertyChange { path: path.clone(), old, new });
    }
    let nothing = Object::default();
    let members = |value| match value {
        Value::Object(object) => object,
        _ => nothing.clone(),
    };
    let (old, new) = (members(old.clone()), members(new.clone()));
    let names: BTreeSet<&str> = old.iter().chain(new.iter()).map(|(name, _)| name).collect();
    for name in names {
        let member = |object: &Object<'static>| object.get(name).cloned().unwrap_or(Value::Null);
        path.push(name.to_owned());
        walk(path, &member(&old), &member(&new), changes);
        path.pop();
    }
}

/// The texts that one side has and the other has not; of what is only in another order both sides are told.
fn without(own: &[String], other: &[String]) -> Vec<String> {
    let left: Vec<String> = own.iter().filter(|one| !other.contains(one)).cloned().collect();
    let is_same = left.is_empty() && other.iter().all(|one| own.contains(one));
    if is_same { own.to_vec() } else { left }
}

/// A value as texts: a list has one for each item.
fn texts(value: &OwnedValue) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().map(|item| text(item).into_owned()).collect(),
        plain => vec![text(plain).into_owned()],
    }
}

/// A value for people: an object by its name.
fn text(value: &OwnedValue) -> Cow<'_, str> {
    let name = || ["name", "id"].into_iter().find_map(|member| value.get(member)?.as_str());
    match value.as_str().or_else(name) {
        Some(text) => Cow::Borrowed(text),
        None => Cow::Owned(compact(value)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::read_str;
    use crate::catalogue::Catalogue;

    fn told(domain: &str, old: &'static str, new: &'static str) -> Vec<String> {
        let catalogue = Catalogue::built_in().unwrap();
        let domain = catalogue.get(&domain.parse().unwrap()).unwrap();
        let line = |change: PropertyChange| {
            let told = change.told(domain);
            format!("{} {} {}", told["property"].as_str().unwrap(), told["oldValues"], told["newValues"])
        };
        between(&read_str(old).unwrap(), &read_str(new).unwrap()).into_iter().map(line).collect()
    }

    #[test]
    fn a_change_is_told_by_the_names_on_the_way_and_texts() {
        let told = told(
            "routing.queues",
            r#"{"name":"A","acw":{"timeoutMs":30000,"prompt":"X"},"gone":{"deep":true},"same":[1]}"#,
            r#"{"name":"A","acw":{"timeoutMs":10000,"prompt":"X"},"same":[1],"new":{"b":"c"}}"#,
        );
        assert_eq!(told, [r#"acw.timeoutMs ["30000"] ["10000"]"#, r#"gone.deep ["true"] []"#, r#"new.b [] ["c"]"#]);
    }

    #[test]
    fn a_list_is_told_by_the_items_that_one_side_has() {
        let told = told(
            "routing.queues",
            r#"{"ids":["a","b"],"rules":[{"name":"R","x":1},{"y":2}],"turned":[1,2]}"#,
            r#"{"ids":["b","c"],"rules":[{"y":2}],"turned":[2,1]}"#,
        );
        assert_eq!(told, [r#"ids ["a"] ["c"]"#, r#"rules ["R"] []"#, r#"turned ["1","2"] ["2","1"]"#]);
    }

    #[test]
    fn a_secret_is_only_said_to_be_another_one() {
        let told = told("oauth.clients", r#"{"secret":"old","name":"A"}"#, r#"{"secret":"new","name":"B"}"#);
        assert_eq!(told, [r#"name ["A"] ["B"]"#, r#"secret ["***"] ["***"]"#]);
    }
}
