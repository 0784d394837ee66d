//! Keeps the values of a run that are not sealed yet, and seals them at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::keys::Recipient;
use super::path_of;
use crate::canonical::{ClearSecret, KeepsSecrets, canonical_text};
use crate::model::Value;

/// What is encrypted is filled up to a multiple of so many bytes: a PIN is not told from a password by its length.
const BLOCK: usize = 512;

/// Gathers secrets, and seals them.
pub struct Sealer {
    recipients: Vec<Recipient>,
    /// The fingerprints of what is sealed already.
    sealed: BTreeSet<String>,
    /// What is to be sealed, by fingerprint.
    gathered: Mutex<BTreeMap<String, ClearSecret>>,
}

/// A sealed value, and where it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedFile {
    /// The path.
    pub path: String,
    /// What only its recipients can read.
    pub content: Vec<u8>,
}

/// A value that could not be sealed.
#[derive(Debug, thiserror::Error)]
#[error("could not seal the value of {fingerprint}")]
pub struct SealError {
    /// What took its place.
    pub fingerprint: String,
    /// Why.
    pub source: Box<age::EncryptError>,
}

impl Sealer {
    /// Seals to these recipients what is not sealed already; to nobody, nothing.
    #[must_use]
    pub fn new(recipients: Vec<Recipient>, sealed: BTreeSet<String>) -> Self {
        Self { recipients, sealed, gathered: Mutex::default() }
    }

    /// Seals what was gathered, in order of fingerprint, and wipes it.
    ///
    /// # Errors
    /// [`SealError`] for the first value that could not be sealed.
    pub fn seal(self, seen_at: &str) -> Result<Vec<SealedFile>, SealError> {
        let Self { recipients, gathered, .. } = self;
        let mut files = Vec::new();
        for secret in gathered.into_inner().unwrap_or_else(PoisonError::into_inner).into_values() {
            let Some(path) = path_of(&secret.fingerprint) else { continue };
            let content = encrypted(&recipients, &document(&secret, seen_at))
                .map_err(|error| SealError { fingerprint: secret.fingerprint.clone(), source: Box::new(error) })?;
            files.push(SealedFile { path, content });
        }
        Ok(files)
    }

    fn gathered(&self) -> MutexGuard<'_, BTreeMap<String, ClearSecret>> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeepsSecrets for Sealer {
    fn wants(&self, fingerprint: &str) -> bool {
        !self.recipients.is_empty()
            && path_of(fingerprint).is_some()
            && !self.sealed.contains(fingerprint)
            && !self.gathered().contains_key(fingerprint)
    }

    fn keep(&self, secret: ClearSecret) {
        self.gathered().entry(secret.fingerprint.clone()).or_insert(secret);
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gathered = self.gathered().len();
        f.debug_struct("Sealer")
            .field("recipients", &self.recipients)
            .field("gathered", &gathered)
            .finish_non_exhaustive()
    }
}

/// What is encrypted: the value with where it stood, filled up with spaces.
fn document(secret: &ClearSecret, seen_at: &str) -> Zeroizing<String> {
    let quoted = |text: &str| canonical_text(&Value::from(text.to_owned()));
    let value = secret.value.expose_secret();
    let members = [
        ("domain", quoted(secret.domain.as_str())),
        ("entity", quoted(secret.key.as_str())),
        ("fingerprint", quoted(&secret.fingerprint)),
        ("path", quoted(secret.place.as_str())),
        ("secret_key", quoted(&secret.secret_key)),
        ("seen_at", quoted(seen_at)),
    ];
    let around: usize = members.iter().map(|(name, text)| name.len() + text.as_str().len() + 4).sum();
    let room = (around + value.len() + BLOCK).next_multiple_of(BLOCK);
    // Made large enough at once: a text that grows leaves copies of itself in memory.
    let mut text = Zeroizing::new(String::with_capacity(room));
    text.push('{');
    for (name, member) in &members {
        text.extend(["\"", name, "\":", member.as_str(), ","]);
    }
    text.extend(["\"schema_version\":1,\"value\":", value, "}"]);
    let length = text.len().next_multiple_of(BLOCK);
    while text.len() < length {
        text.push(' ');
    }
    text
}

fn encrypted(recipients: &[Recipient], text: &str) -> Result<Vec<u8>, age::EncryptError> {
    let keys = recipients.iter().map(|recipient| recipient.key() as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(keys)?;
    let mut sealed = Vec::new();
    let mut writer = encryptor.wrap_output(&mut sealed)?;
    writer.write_all(text.as_bytes())?;
    writer.finish()?;
    Ok(sealed)
}
