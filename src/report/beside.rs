//! Names beside the ids in the text of a stored file.
//!
//! Every line stays what it is and where it is: a name only comes behind it. So whatever git knows by the number of a line
//! holds for both texts.

use super::shown::visible;
use crate::canonical::read_str;
use crate::catalogue::FieldPath;
use crate::model::DomainId;

/// What a line of an entity's key is indented by, in levels.
const KEY_LEVEL: usize = 2;

/// Spaces of a level.
const INDENT: usize = 2;

/// Where a domain refers to others: a path, and the domains that its target may belong to.
pub type ReferencePath = (FieldPath, Vec<DomainId>);

/// Finds names.
pub trait Named {
    /// What an entity of the file's domain is called.
    fn of_key(&self, key: &str) -> Option<String>;

    /// What an entity of one of some domains is called.
    fn of_target(&self, targets: &[DomainId], key: &str) -> Option<String>;
}

/// The domain that a text says it is the file of; `None` for what is no file of a domain.
#[must_use]
pub fn domain_of_text(text: &str) -> Option<DomainId> {
    let line = text.strip_prefix("{\n  \"domain\": \"")?.lines().next()?;
    line.strip_suffix("\",")?.parse().ok()
}

/// The text of a file with names behind the keys of entities and the ids that refer to others, line by line.
#[must_use]
pub fn with_names(text: &str, references: &[ReferencePath], names: &dyn Named) -> String {
    let mut shown = String::with_capacity(text.len() + text.len() / 8);
    let mut place: Vec<String> = Vec::new();
    for line in text.split_inclusive('\n') {
        let core = line.strip_suffix('\n').unwrap_or(line);
        shown.push_str(core);
        if let Some(name) = name_of_line(core, &mut place, references, names) {
            shown.extend([" (", &visible(&name), ")"]);
        }
        shown.push_str(&line[core.len()..]);
    }
    shown
}

/// The name that belongs behind a line. `place` is where the line is: the member that is open at each level.
fn name_of_line(
    line: &str,
    place: &mut Vec<String>,
    references: &[ReferencePath],
    names: &dyn Named,
) -> Option<String> {
    let content = line.trim_start_matches(' ');
    let level = (line.len() - content.len()) / INDENT;
    place.truncate(level);
    let (member, value) = member_of(content);
    if value.ends_with(['{', '[']) {
        let key = member.clone().unwrap_or_default();
        let is_entity = level == KEY_LEVEL && place.get(1).is_some_and(|open| open == "entities");
        let name = if is_entity { names.of_key(&key) } else { None };
        if place.len() == level {
            place.push(key);
        }
        return name;
    }
    if level <= KEY_LEVEL || place.len() < level || place[1] != "entities" {
        return None;
    }
    let value = value.strip_suffix(',').unwrap_or(value);
    if !value.starts_with('"') {
        return None;
    }
    let member = member.unwrap_or_default();
    let segments: Vec<&str> = place[KEY_LEVEL + 1..].iter().map(String::as_str).chain([member.as_str()]).collect();
    let fits = |(path, _): &&ReferencePath| {
        let steps = path.segments();
        let rest = segments.len().checked_sub(steps.len());
        let is_id = rest == Some(0) || (rest == Some(1) && member == "id");
        is_id && steps.iter().zip(&segments).all(|(step, segment)| step.matches(segment))
    };
    let (_, targets) = references.iter().find(fits)?;
    names.of_target(targets, read_str(value).ok()?.as_str()?)
}

/// The name of the member that a line holds, none for an element of an array, and what stands behind it.
fn member_of(content: &str) -> (Option<String>, &str) {
    let Some(end) = end_of_string(content) else { return (None, content) };
    match content[end..].strip_prefix(": ") {
        Some(value) => {
            let name = read_str(&content[..end]).ok().and_then(|name| name.as_str().map(ToOwned::to_owned));
            (Some(name.unwrap_or_default()), value)
        }
        None => (None, content),
    }
}

/// Where the JSON string that a text begins with ends.
fn end_of_string(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match (at, byte) {
            (0, b'"') => {}
            (0, _) => return None,
            _ if is_escaped => is_escaped = false,
            (_, b'\\') => is_escaped = true,
            (_, b'"') => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::canonical::{canonical_text, write_document};
    use crate::model::{DomainSnapshot, EntityKey, Object, OwnedValue, Value};

    /// Names everything after its id.
    struct Mirror;

    impl Named for Mirror {
        fn of_key(&self, key: &str) -> Option<String> {
            Some(format!("key {key}"))
        }

        fn of_target(&self, targets: &[DomainId], key: &str) -> Option<String> {
            Some(format!("{} {key}", targets[0]))
        }
    }

    fn references(paths: &[&str]) -> Vec<ReferencePath> {
        paths.iter().map(|path| (FieldPath::parse(path), vec!["a.b".parse().unwrap()])).collect()
    }

    fn file(key: &str, entity: &str) -> String {
        let mut snapshot = DomainSnapshot::empty("routing.queues".parse().unwrap(), 1);
        snapshot.entities.insert(EntityKey::new(key), canonical_text(&read_str(entity).unwrap()));
        String::from_utf8(write_document(&snapshot.domain, 1, &snapshot.entities)).unwrap()
    }

    #[test]
    fn names_stand_behind_keys_and_references_and_nowhere_else() {
        let text = file(
            "q\n1",
            r#"{"division":{"id":"d1"},"flow":"f1","groups":[{"id":"g1","type":"TEAM"}],"id":"x","other":{"id":"o"},"tags":["t1","t2"]}"#,
        );
        assert_eq!(domain_of_text(&text).unwrap().as_str(), "routing.queues");
        let shown = with_names(&text, &references(&["division", "flow", "groups.*", "tags.*"]), &Mirror);
        insta::assert_snapshot!(shown, @r#"
        {
          "domain": "routing.queues",
          "entities": {
            "q\n1": { (key q\n1)
              "division": {
                "id": "d1" (a.b d1)
              },
              "flow": "f1", (a.b f1)
              "groups": [
                {
                  "id": "g1", (a.b g1)
                  "type": "TEAM"
                }
              ],
              "id": "x",
              "other": {
                "id": "o"
              },
              "tags": [
                "t1", (a.b t1)
                "t2" (a.b t2)
              ]
            }
          },
          "schema_version": 1
        }
        "#);
        for other in
            ["", "{\n}", "{\n  \"domain\": 1,", "{\n  \"domain\": \"x\",\n", "text\n", "{\n  \"domains\": {}\n}\n"]
        {
            assert_eq!(domain_of_text(other), None, "{other}");
        }
    }

    fn value() -> impl Strategy<Value = OwnedValue> {
        let text = prop_oneof![any::<String>(), "[a{}\\[\\]\":, \\\\]{0,6}"];
        let scalar = prop_oneof![any::<bool>().prop_map(Value::Bool), text.prop_map(Value::from)];
        scalar.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map("id|a|b|[\"{\n ]{0,2}", inner, 0..4).prop_map(|members| {
                    let members = members.into_iter().map(|(name, value)| (name.into(), value)).collect();
                    Value::Object(Object::from_members(members).unwrap())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn each_line_is_what_it_was_with_at_most_a_name_behind_it(key in any::<String>(), entity in value()) {
            let text = file(&key, canonical_text(&entity).as_str());
            let shown = with_names(&text, &references(&["a", "b.*", "a.*.b", "*.*", "."]), &Mirror);
            let lines: Vec<&str> = text.split('\n').collect();
            let shown: Vec<&str> = shown.split('\n').collect();
            prop_assert_eq!(lines.len(), shown.len());
            for (line, shown) in lines.iter().zip(shown) {
                let rest = shown.strip_prefix(line);
                prop_assert!(rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with(" (") && rest.ends_with(')'))));
            }
        }

        #[test]
        fn any_text_keeps_its_lines(text in "([ \\[\\]{}\":,a\\\\]|\n|  |\"id\": ){0,60}") {
            let shown = with_names(&text, &references(&["a", "*.*"]), &Mirror);
            prop_assert_eq!(text.matches('\n').count(), shown.matches('\n').count());
        }
    }
}
