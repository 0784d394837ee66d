//! A domain's file: its indented text, written and read.

use std::borrow::Cow;

use super::canonical_text;
use super::jcs::{break_line, write_indented, write_string};
use super::read::{MAX_DEPTH, ReadError, read_to_depth};
use crate::model::{CanonicalText, DomainId, DomainSnapshot, EntityKey, Value};

/// How deep in its file an entity is; a singleton that the API gives at depth 0 must read back too.
const ENVELOPE: usize = 2;

/// Why a stored file is not the document of a domain.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The file is not JSON.
    #[error("it is not JSON: {0}")]
    Json(#[from] ReadError),
    /// A member is missing or of the wrong kind.
    #[error("member {0:?} is missing or not what it must be")]
    Member(&'static str),
}

/// Writes the document of some entities of a domain: the whole domain or one shard of it.
#[must_use]
pub fn write_document<'e>(
    domain: &DomainId,
    schema_version: u32,
    entities: impl IntoIterator<Item = (&'e EntityKey, &'e CanonicalText)>,
) -> Vec<u8> {
    let mut out = "{\n  \"domain\": ".to_owned();
    write_string(domain.as_str(), &mut out);
    out.push_str(",\n  \"entities\": {");
    let mut entities = entities.into_iter().peekable();
    let any = entities.peek().is_some();
    while let Some((key, entity)) = entities.next() {
        break_line(2, &mut out);
        write_string(key.as_str(), &mut out);
        out.push_str(": ");
        write_indented(entity.as_str(), 2, &mut out);
        if entities.peek().is_some() {
            out.push(',');
        }
    }
    if any {
        break_line(1, &mut out);
    }
    out.push_str("},\n  \"schema_version\": ");
    out.push_str(&schema_version.to_string());
    out.push_str("\n}\n");
    out.into_bytes()
}

/// Reads the document of a domain or of one of its shards.
///
/// # Errors
/// [`DocumentError`] where the bytes are not such a document.
pub fn read_document(bytes: &[u8]) -> Result<DomainSnapshot, DocumentError> {
    let Value::Object(mut document) = read_to_depth(bytes, MAX_DEPTH + ENVELOPE)? else {
        return Err(DocumentError::Member("domain"));
    };
    let domain = document
        .get("domain")
        .and_then(Value::as_str)
        .and_then(|name| name.parse().ok())
        .ok_or(DocumentError::Member("domain"))?;
    let schema_version = document
        .get("schema_version")
        .and_then(Value::as_u64)
        .and_then(|version| u32::try_from(version).ok())
        .ok_or(DocumentError::Member("schema_version"))?;
    let Some(Value::Object(entities)) = document.remove("entities") else {
        return Err(DocumentError::Member("entities"));
    };
    let entities = entities.into_iter().map(entry).collect();
    Ok(DomainSnapshot { domain, schema_version, entities })
}

#[allow(clippy::needless_pass_by_value, reason = "the entity is freed as soon as it is written")]
fn entry((key, entity): (Cow<'_, str>, Value<'_>)) -> (EntityKey, CanonicalText) {
    (EntityKey::new(&key), canonical_text(&entity))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::read_str;

    fn snapshot(entities: &[(&str, &str)]) -> DomainSnapshot {
        let mut snapshot = DomainSnapshot::empty("routing.queues".parse().unwrap(), 1);
        for (key, text) in entities {
            snapshot.entities.insert(EntityKey::new(key), canonical_text(&read_str(text).unwrap()));
        }
        snapshot
    }

    #[test]
    fn a_file_is_the_indented_document() {
        let queues =
            snapshot(&[("q2", r#"{"name":"B","rings":[]}"#), ("q1", r#"{"acw":{"timeoutMs":30000},"name":"A"}"#)]);
        let text = write_document(&queues.domain, 1, &queues.entities);
        let expected = r#"{
  "domain": "routing.queues",
  "entities": {
    "q1": {
      "acw": {
        "timeoutMs": 30000
      },
      "name": "A"
    },
    "q2": {
      "name": "B",
      "rings": []
    }
  },
  "schema_version": 1
}
"#;
        assert_eq!(String::from_utf8(text.clone()).unwrap(), expected);
        assert_eq!(read_document(&text).unwrap(), queues);
    }

    #[test]
    fn a_domain_without_entities_has_a_file_too() {
        let none = snapshot(&[]);
        let text = write_document(&none.domain, 1, &none.entities);
        assert_eq!(
            String::from_utf8(text.clone()).unwrap(),
            "{\n  \"domain\": \"routing.queues\",\n  \"entities\": {},\n  \"schema_version\": 1\n}\n"
        );
        assert_eq!(read_document(&text).unwrap(), none);
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in ["", "[]", "{}", r#"{"domain":"x","entities":{},"schema_version":1}"#] {
            assert!(read_document(text.as_bytes()).is_err(), "{text}");
        }
        let without_version = r#"{"domain":"a.b","entities":{}}"#;
        assert!(matches!(read_document(without_version.as_bytes()), Err(DocumentError::Member("schema_version"))));
    }
}
