//! Entities cut out of the text of a domain's file, without reading all of it.
//!
//! A file has one member or element a line and two spaces a level, and no string holds a raw line break. So an entity begins in
//! the line `    "<key>": ` and ends with the next line that is indented by four spaces and no more.

use crate::canonical::{canonical_text, compact, read_str};
use crate::catalogue::{Domain, Segment};
use crate::model::{CanonicalText, EntityKey, Value};

/// What an entity's line begins with.
const INDENT: &str = "\n    \"";

/// An entity that is in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<'t> {
    /// Its key.
    pub key: EntityKey,
    /// Its value, as it stands there.
    pub text: &'t str,
}

/// The text of an entity's value in the text of a file of its domain; equal texts of one key are equal values.
#[must_use]
pub fn cut<'t>(text: &'t str, key: &EntityKey) -> Option<&'t str> {
    let line = format!("\n    {}: ", compact(&Value::from(key.as_str())));
    let start = text.find(&line)? + line.len();
    Some(value_at(text, start))
}

/// The value of an entity, cut out of the text of a file of its domain.
#[must_use]
pub fn entity_of(text: &str, key: &EntityKey) -> Option<CanonicalText> {
    cut(text, key).and_then(read_cut)
}

/// A cut text as a value.
pub(super) fn read_cut(text: &str) -> Option<CanonicalText> {
    read_str(text).ok().map(|value| canonical_text(&value))
}

/// Every entity in the text of a file of a domain.
pub fn entities_of(text: &str) -> impl Iterator<Item = Found<'_>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            // The quote of the key is part of it.
            let start = from + text.get(from..)?.find(INDENT)? + INDENT.len() - 1;
            let line = text[start..].lines().next().unwrap_or_default();
            let Some(end) = end_of_string(line) else {
                from = start;
                continue;
            };
            let value = start + end + ": ".len();
            let Some(Value::String(key)) = read_str(&line[..end]).ok() else {
                from = start;
                continue;
            };
            let key = EntityKey::new(&key);
            if !text[start + end..].starts_with(": ") {
                from = start;
                continue;
            }
            let found = Found { key, text: value_at(text, value) };
            from = value + found.text.len();
            return Some(found);
        }
    })
}

impl Found<'_> {
    /// The name that the domain file says where to find.
    #[must_use]
    pub fn name(&self, domain: &Domain) -> Option<String> {
        let path = domain.identity.name.as_ref()?;
        if let [Segment::Name(member)] = path.segments() {
            let line = format!("\n      {}: ", compact(&Value::from(member.as_str())));
            let start = self.text.find(&line)? + line.len();
            let rest = self.text[start..].lines().next()?;
            let value = read_str(rest.strip_suffix(',').unwrap_or(rest)).ok()?;
            return value.as_str().map(ToOwned::to_owned);
        }
        let value = read_str(self.text).ok()?;
        path.find(&value)?.as_str().map(ToOwned::to_owned)
    }
}

/// The value that begins at a place: to the end of the line, or to the line that closes it.
fn value_at(text: &str, start: usize) -> &str {
    let rest = &text[start..];
    let line_end = rest.find('\n').unwrap_or(rest.len());
    let line = rest[..line_end].trim_end_matches(',');
    if !line.ends_with(['{', '[']) {
        return line;
    }
    let mut from = line_end;
    while let Some(found) = rest[from..].find("\n    ") {
        let closing = from + found + "\n    ".len();
        if rest[closing..].starts_with(['}', ']']) {
            return &rest[..=closing];
        }
        from = closing;
    }
    line
}

/// Where a JSON string that a line begins with ends.
fn end_of_string(line: &str) -> Option<usize> {
    let mut bytes = line.bytes().enumerate().skip(1);
    loop {
        match bytes.next()? {
            (at, b'"') => return Some(at + 1),
            (_, b'\\') => {
                bytes.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::canonical::write_document;
    use crate::catalogue::Catalogue;
    use crate::model::{DomainSnapshot, OwnedValue};

    fn written(entities: &[(&str, &str)]) -> (DomainSnapshot, String) {
        let mut snapshot = DomainSnapshot::empty("routing.queues".parse().unwrap(), 1);
        for (key, text) in entities {
            snapshot.entities.insert(EntityKey::new(key), canonical_text(&read_str(text).unwrap()));
        }
        let text = write_document(&snapshot.domain, 1, &snapshot.entities);
        (snapshot, String::from_utf8(text).unwrap())
    }

    #[test]
    fn an_entity_is_found_by_its_line_and_not_by_what_another_one_says() {
        let (snapshot, text) = written(&[
            ("a", r#"{"b":{"name":"not me"},"name":"A\n    \"b\": {"}"#),
            ("b", r#"{"list":[[],{"x":[1]}],"name":"B"}"#),
            ("q\"1\\", "{}"),
            ("s", r#""text""#),
        ]);
        for (key, value) in &snapshot.entities {
            assert_eq!(entity_of(&text, key).as_ref(), Some(value), "{key}");
        }
        assert_eq!(cut(&text, &EntityKey::new("c")), None);
        assert_eq!(cut(&text, &EntityKey::new("list")), None);
        let found: Vec<String> = entities_of(&text).map(|found| found.key.to_string()).collect();
        assert_eq!(found, ["a", "b", "q\"1\\", "s"]);
        let catalogue = Catalogue::built_in().unwrap();
        let queues = catalogue.get(&snapshot.domain).unwrap();
        let names: Vec<Option<String>> = entities_of(&text).map(|found| found.name(queues)).collect();
        assert_eq!(names, [Some("A\n    \"b\": {".to_owned()), Some("B".to_owned()), None, None]);
        for odd in ["", "{", "{\n  \"domain\"", "\n    \"a", "\n    \"a\": {", "\n    \"a\"", "not json"] {
            let _ = (entities_of(odd).count(), cut(odd, &EntityKey::new("a")));
        }
    }

    fn value() -> impl Strategy<Value = OwnedValue> {
        let scalar = prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<String>().prop_map(Value::from),
            Just(Value::Null),
            "[\\\\\"\n{}: ,]{0,8}".prop_map(Value::from),
        ];
        scalar.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map("[a\" \n]{0,3}", inner, 0..4).prop_map(|members| {
                    let members = members.into_iter().map(|(name, value)| (name.into(), value)).collect();
                    Value::Object(crate::model::Object::from_members(members).unwrap())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_was_written_is_cut_out_again(entities in prop::collection::btree_map(any::<String>(), value(), 0..6)) {
            let mut snapshot = DomainSnapshot::empty("a.b".parse().unwrap(), 1);
            for (key, value) in entities {
                snapshot.entities.insert(EntityKey::new(&key), canonical_text(&value));
            }
            let text = String::from_utf8(write_document(&snapshot.domain, 1, &snapshot.entities)).unwrap();
            for (key, value) in &snapshot.entities {
                let found = entity_of(&text, key);
                prop_assert_eq!(found.as_ref(), Some(value));
            }
            let found: Vec<_> = entities_of(&text).map(|one| (one.key.clone(), read_cut(one.text).unwrap())).collect();
            prop_assert_eq!(found, snapshot.entities.into_iter().collect::<Vec<_>>());
        }
    }
}
