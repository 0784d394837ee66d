//! The one definition of a digest and of a fingerprint.
//!
//! A digest is SHA-256 over compact canonical bytes. A fingerprint is the first 16 hex digits of one; it depends on what
//! changed, never on wording, rule, severity or position in a report.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::jcs::{write_compact, write_string};
use crate::model::{CanonicalText, Change, DomainId, DomainSnapshot, EntityKey, FieldChange, Value};

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of a domain as one document (`domain`, `entities`, `schema_version`), however its files are laid out.
    #[must_use]
    pub fn of_domain(snapshot: &DomainSnapshot) -> Self {
        Self::of_entities(&snapshot.domain, snapshot.schema_version, &snapshot.entities)
    }

    /// The digest of a domain likewise, from its entities in order of key.
    #[must_use]
    pub fn of_entities<'e>(
        domain: &DomainId,
        schema_version: u32,
        entities: impl IntoIterator<Item = (&'e EntityKey, &'e CanonicalText)>,
    ) -> Self {
        let mut hash = Sha256::new();
        let mut piece = "{\"domain\":".to_owned();
        write_string(domain.as_str(), &mut piece);
        piece.push_str(",\"entities\":{");
        for (index, (key, entity)) in entities.into_iter().enumerate() {
            if index > 0 {
                piece.push(',');
            }
            write_string(key.as_str(), &mut piece);
            piece.push(':');
            hash.update(piece.as_bytes());
            hash.update(entity.as_str());
            piece.clear();
        }
        piece.push_str("},\"schema_version\":");
        piece.push_str(&schema_version.to_string());
        piece.push('}');
        hash.update(piece.as_bytes());
        Self(hash.finalize().into())
    }

    /// The first 16 hex digits.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string()[..16].to_owned()
    }

    /// The digest's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The fingerprint of one field of a change: over `[domain, key, kind, path, old, new]`, an absent value as `null`.
#[must_use]
pub fn fingerprint_of_field(change: &Change, field: &FieldChange) -> String {
    fingerprint(
        change,
        field.kind.as_str(),
        field.path.as_str(),
        &Side::of(field.old.as_ref()),
        &Side::of(field.new.as_ref()),
    )
}

/// The fingerprint of a change: over those of its fields in order; without fields, over the whole entity like a field at the
/// root.
#[must_use]
pub fn fingerprint_of_change(change: &Change) -> String {
    if change.fields.is_empty() {
        let before = change.before.as_ref().map_or(Side::Absent, Side::Text);
        let after = change.after.as_ref().map_or(Side::Absent, Side::Text);
        return fingerprint(change, change.kind.as_str(), "", &before, &after);
    }
    let mut text = "[".to_owned();
    for (index, field) in change.fields.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write_string(&fingerprint_of_field(change, field), &mut text);
    }
    text.push(']');
    Digest::of(text.as_bytes()).short()
}

enum Side<'a> {
    Absent,
    Value(&'a Value<'static>),
    Text(&'a CanonicalText),
}

impl<'a> Side<'a> {
    fn of(value: Option<&'a Value<'static>>) -> Self {
        value.map_or(Self::Absent, Self::Value)
    }
}

fn fingerprint(change: &Change, kind: &str, path: &str, old: &Side<'_>, new: &Side<'_>) -> String {
    let mut text = "[".to_owned();
    for part in [change.domain.as_str(), change.key.as_str(), kind, path] {
        write_string(part, &mut text);
        text.push(',');
    }
    for (side, end) in [(old, ','), (new, ']')] {
        match side {
            Side::Absent => text.push_str("null"),
            Side::Value(value) => write_compact(value, &mut text),
            Side::Text(stored) => text.push_str(stored.as_str()),
        }
        text.push(end);
    }
    Digest::of(text.as_bytes()).short()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::{canonical_text, read_str};
    use crate::model::{ChangeKind, FieldKind, Pointer};

    #[test]
    fn the_digest_of_a_domain_is_that_of_its_compact_document() {
        let mut snapshot = DomainSnapshot::empty("routing.skills".parse().unwrap(), 3);
        let entity = |text: &str| canonical_text(&read_str(text).unwrap());
        snapshot.entities.insert(EntityKey::new("b\"1"), entity(r#"{"name":"B"}"#));
        snapshot.entities.insert(EntityKey::new("a"), entity(r#"{"name":"A"}"#));
        let document =
            r#"{"domain":"routing.skills","entities":{"a":{"name":"A"},"b\"1":{"name":"B"}},"schema_version":3}"#;
        assert_eq!(Digest::of_domain(&snapshot), Digest::of(document.as_bytes()));
        assert_eq!(Digest::of(b"abc").to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_fingerprint_is_the_digest_of_what_changed() {
        let field = FieldChange {
            path: Pointer::from_text("/timeoutMs"),
            kind: FieldKind::Modified,
            old: Some(30_000_u64.into()),
            new: Some(10_000_u64.into()),
        };
        let mut change = Change {
            domain: "routing.queues".parse().unwrap(),
            key: EntityKey::new("q1"),
            kind: ChangeKind::Modified,
            previous_key: None,
            before: None,
            after: None,
            fields: vec![field.clone()],
            because: None,
            followers: 0,
        };
        let of_field = Digest::of(br#"["routing.queues","q1","modified","/timeoutMs",30000,10000]"#).short();
        assert_eq!(fingerprint_of_field(&change, &field), of_field);
        assert_eq!(fingerprint_of_change(&change), Digest::of(format!("[\"{of_field}\"]").as_bytes()).short());
        change.fields.clear();
        change.kind = ChangeKind::Removed;
        change.before = Some(canonical_text(&read_str(r#"{"name":"A"}"#).unwrap()));
        let removed = Digest::of(br#"["routing.queues","q1","removed","",{"name":"A"},null]"#).short();
        assert_eq!(fingerprint_of_change(&change), removed);
    }
}
