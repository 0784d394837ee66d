//! Clear values of secrets, handed on before a fingerprint takes their place.
//!
//! Nothing in the core keeps one. Whoever may keep them says which it wants, and wipes them from memory when it is done.

use std::fmt::Debug;

use secrecy::SecretString;

use crate::model::{DomainId, EntityKey, Pointer};

/// A secret as it came.
#[derive(Debug)]
pub struct ClearSecret {
    /// What takes its place.
    pub fingerprint: String,
    /// The id of the secrets key that this was made with.
    pub secret_key: String,
    /// The domain that it is in.
    pub domain: DomainId,
    /// The entity that it is of.
    pub key: EntityKey,
    /// Where it stands there, with `*` for a member of a set.
    pub place: Pointer,
    /// The value as canonical JSON; wiped when it is dropped.
    pub value: SecretString,
}

/// Somebody who may keep the clear values of secrets.
pub trait KeepsSecrets: Debug + Sync {
    /// Whether the secret of a fingerprint is wanted: one that is kept already is not.
    fn wants(&self, fingerprint: &str) -> bool;

    /// Takes a secret that is wanted.
    fn keep(&self, secret: ClearSecret);
}
