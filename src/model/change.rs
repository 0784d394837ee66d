//! What differs between two snapshots of a domain.

use serde::Serialize;

use super::name::{DomainId, EntityKey};
use super::pointer::Pointer;
use super::snapshot::CanonicalText;
use super::value::OwnedValue;

/// What happened to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Some of its fields differ.
    Modified,
    /// It was made again under another key.
    Recreated,
}

impl ChangeKind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Modified => "modified",
            Self::Recreated => "recreated",
        }
    }
}

/// What happened to a field of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It has another value.
    Modified,
}

impl FieldKind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Modified => "modified",
        }
    }
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// Where it is. In an ordered array a removed element has its old position, any other its new one.
    pub path: Pointer,
    /// What happened to it.
    pub kind: FieldKind,
    /// Its value before; absent exactly when it is added.
    pub old: Option<OwnedValue>,
    /// Its value after; absent exactly when it is removed.
    pub new: Option<OwnedValue>,
}

/// One entity that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The domain of the entity.
    pub domain: DomainId,
    /// Its key, after the change.
    pub key: EntityKey,
    /// What happened to it.
    pub kind: ChangeKind,
    /// The key it had before it was made again.
    pub previous_key: Option<EntityKey>,
    /// The whole entity before; absent when it is added.
    pub before: Option<CanonicalText>,
    /// The whole entity after; absent when it is removed.
    pub after: Option<CanonicalText>,
    /// The fields that differ, in order of path; empty when the entity is added or removed.
    pub fields: Vec<FieldChange>,
    /// The key of the parent that took this entity with it when it went.
    pub because: Option<EntityKey>,
    /// How many places elsewhere only follow the new key of this entity.
    pub followers: u64,
}

impl Change {
    /// A change of which nothing is known but what it is of.
    #[must_use]
    pub fn bare(domain: DomainId, key: EntityKey) -> Self {
        Self {
            domain,
            key,
            kind: ChangeKind::Modified,
            previous_key: None,
            before: None,
            after: None,
            fields: Vec::new(),
            because: None,
            followers: 0,
        }
    }
}
