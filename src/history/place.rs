//! Lines and columns of what is in the text of a domain's file.
//!
//! A file has one member or element a line and two spaces a level, so the line of a place follows from how many lines each of
//! its predecessors takes.

use super::cut::cut;
use crate::canonical::read_str;
use crate::catalogue::Domain;
use crate::diff::positions;
use crate::model::{EntityKey, Pointer, Value};

/// The column of an entity's key.
const KEY_COLUMN: usize = 5;

/// Spaces of a level.
const INDENT: usize = 2;

/// A line and a column, from 1; the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Position {
    /// Where a file begins.
    pub const START: Self = Self { line: 1, column: 1 };

    fn of(line: usize, column: usize) -> Self {
        let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Self { line: number(line), column: number(column) }
    }
}

/// An entity in the text of a file of its domain.
#[derive(Debug)]
pub struct Written<'t> {
    /// The line of its key, from 1.
    line: usize,
    value: Value<'t>,
}

impl<'t> Written<'t> {
    /// Finds an entity in the text of a file of its domain.
    #[must_use]
    pub fn find(text: &'t str, key: &EntityKey) -> Option<Self> {
        let value = cut(text, key)?;
        let before = value.as_ptr().addr() - text.as_ptr().addr();
        let line = text[..before].matches('\n').count() + 1;
        Some(Self { line, value: read_str(value).ok()? })
    }

    /// Where a place of the entity is written; of what is not there, the nearest thing around it that is.
    #[must_use]
    pub fn position(&self, domain: &Domain, path: &Pointer) -> Position {
        let (mut line, mut column, mut value) = (self.line, KEY_COLUMN, &self.value);
        for position in positions(domain, &self.value, path) {
            let (before, below): (usize, Option<&Value<'_>>) = match value {
                Value::Object(object) => (
                    object.iter().take(position).map(|(_, member)| height(member)).sum(),
                    object.iter().nth(position).map(|(_, member)| member),
                ),
                Value::Array(items) => (items.iter().take(position).map(height).sum(), items.get(position)),
                _ => break,
            };
            let Some(below) = below else { break };
            (line, column, value) = (line + 1 + before, column + INDENT, below);
        }
        Position::of(line, column)
    }
}

/// How many lines a value takes.
fn height(value: &Value<'_>) -> usize {
    match value {
        Value::Object(object) if !object.is_empty() => {
            2 + object.iter().map(|(_, member)| height(member)).sum::<usize>()
        }
        Value::Array(items) if !items.is_empty() => 2 + items.iter().map(height).sum::<usize>(),
        _ => 1,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::{canonical_text, write_document};
    use crate::catalogue::Catalogue;
    use crate::diff::trace;
    use crate::model::DomainSnapshot;

    /// The text of a file of queues; the second has sets, lists and strings that look like lines.
    fn file() -> String {
        let mut snapshot = DomainSnapshot::empty("routing.queues".parse().unwrap(), 1);
        let entities = [
            ("a", r#"{"name":"A","rings":[]}"#),
            (
                "b\n\"",
                r#"{"a/b":{"~":1},"bullseye":{"rings":[{"memberGroups":[{"id":"g2","type":"TEAM"},{"id":"g1"}],"x":{}},[2,[]]]},"memberGroups":[{"id":"x/y","type":"GROUP"},{"id":"g\n","type":"TEAM"}],"name":"\n    \"b\": {"}"#,
            ),
        ];
        for (key, text) in entities {
            snapshot.entities.insert(EntityKey::new(key), canonical_text(&read_str(text).unwrap()));
        }
        String::from_utf8(write_document(&snapshot.domain, 1, &snapshot.entities)).unwrap()
    }

    /// What stands in the text at a position.
    fn at(text: &str, position: Position) -> &str {
        let line = text.lines().nth(position.line as usize - 1).unwrap();
        &line[position.column as usize - 1..]
    }

    #[test]
    fn every_leaf_is_found_on_its_line() {
        let (text, catalogue) = (file(), Catalogue::built_in().unwrap());
        let domain = catalogue.get(&"routing.queues".parse().unwrap()).unwrap();
        let mut found = Vec::new();
        for key in ["a", "b\n\""] {
            let written = Written::find(&text, &EntityKey::new(key)).unwrap();
            for leaf in trace(domain, None, &written.value) {
                found.push(format!(
                    "{} {}",
                    leaf.place.as_str().escape_debug(),
                    at(&text, written.position(domain, &leaf.place))
                ));
            }
        }
        insta::assert_snapshot!(found.join("\n"), @r#"
        /name "name": "A",
        /rings "rings": []
        /a~1b/~0 "~": 1
        /bullseye/rings/0/memberGroups/g2/id "id": "g2",
        /bullseye/rings/0/memberGroups/g2/type "type": "TEAM"
        /bullseye/rings/0/memberGroups/g1/id "id": "g1"
        /bullseye/rings/0/x "x": {}
        /bullseye/rings/1/0 2,
        /bullseye/rings/1/1 []
        /memberGroups/x~1y/id "id": "x/y",
        /memberGroups/x~1y/type "type": "GROUP"
        /memberGroups/g\n/id "id": "g\n",
        /memberGroups/g\n/type "type": "TEAM"
        /name "name": "\n    \"b\": {"
        "#);
    }

    #[test]
    fn what_is_not_there_is_where_it_would_be() {
        let (text, catalogue) = (file(), Catalogue::built_in().unwrap());
        let domain = catalogue.get(&"routing.queues".parse().unwrap()).unwrap();
        let written = Written::find(&text, &EntityKey::new("b\n\"")).unwrap();
        let nearest = |path: &str| at(&text, written.position(domain, &Pointer::from_text(path)));
        assert_eq!(nearest(""), r#""b\n\"": {"#);
        assert_eq!(nearest("/gone/below"), r#""b\n\"": {"#);
        assert_eq!(nearest("/memberGroups/gone"), r#""memberGroups": ["#);
        assert_eq!(nearest("/memberGroups/x~1y/gone"), "{");
        assert_eq!(nearest("/bullseye/rings/7"), r#""rings": ["#);
        assert_eq!(nearest("/name/below"), r#""name": "\n    \"b\": {""#);
        assert!(Written::find(&text, &EntityKey::new("name")).is_none());
    }
}
