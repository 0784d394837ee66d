//! What a domain looked like at one moment.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::name::{DomainId, EntityKey};

/// A value in compact canonical form; two of them are equal exactly when their values are. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CanonicalText(Arc<str>);

impl CanonicalText {
    /// Takes a text that a canonical writer made.
    pub(crate) fn from_writer(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CanonicalText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The entities of one domain at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainSnapshot {
    /// Which domain it is.
    pub domain: DomainId,
    /// The version of the domain's schema that the entities follow.
    pub schema_version: u32,
    /// The entities by key.
    pub entities: BTreeMap<EntityKey, CanonicalText>,
}

impl DomainSnapshot {
    /// A domain without entities.
    #[must_use]
    pub fn empty(domain: DomainId, schema_version: u32) -> Self {
        Self { domain, schema_version, entities: BTreeMap::new() }
    }
}

/// Gives entities by domain and key; what a reference is resolved with.
pub trait EntitySource {
    /// The entity, where the source has it.
    fn entity(&self, domain: &DomainId, key: &EntityKey) -> Option<CanonicalText>;
}

impl EntitySource for BTreeMap<DomainId, DomainSnapshot> {
    fn entity(&self, domain: &DomainId, key: &EntityKey) -> Option<CanonicalText> {
        self.get(domain)?.entities.get(key).cloned()
    }
}
