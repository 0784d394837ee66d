//! Opens what was sealed.

use std::io::Read;

use age::{DecryptError, Decryptor};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::keys::Identities;
use crate::canonical::{compact, read};
use crate::model::{DomainId, EntityKey, Pointer, Value};

/// A value that was sealed, and where it stood.
#[derive(Debug)]
pub struct Opened {
    /// What took its place.
    pub fingerprint: String,
    /// The id of the secrets key that this was made with.
    pub secret_key: String,
    /// The domain that it was in.
    pub domain: DomainId,
    /// The entity that it was of.
    pub key: EntityKey,
    /// Where it stood there.
    pub path: Pointer,
    /// When it was seen first, RFC 3339.
    pub seen_at: String,
    /// The value as canonical JSON.
    pub value: SecretString,
}

/// Something sealed that cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It was sealed to others.
    #[error("it was sealed to other recipients")]
    OtherRecipients,
    /// It is not what orgtrail seals, or not whole.
    #[error("it is damaged, or something else than orgtrail made it")]
    Damaged,
}

impl Identities {
    /// Opens a sealed value.
    ///
    /// # Errors
    /// [`OpenError`] where none of the identities can, or what is inside is no sealed value.
    pub fn open(&self, sealed: &[u8]) -> Result<Opened, OpenError> {
        let decryptor = Decryptor::new_buffered(sealed).map_err(|_| OpenError::Damaged)?;
        let mut reader = decryptor.decrypt(self.keys()).map_err(|error| match error {
            DecryptError::NoMatchingKeys => OpenError::OtherRecipients,
            _ => OpenError::Damaged,
        })?;
        // What is inside is never larger than what is around it.
        let mut clear = Zeroizing::new(Vec::with_capacity(sealed.len()));
        reader.read_to_end(&mut clear).map_err(|_| OpenError::Damaged)?;
        understood(&clear).ok_or(OpenError::Damaged)
    }
}

fn understood(clear: &[u8]) -> Option<Opened> {
    let document = read(clear).ok()?;
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    let is_known = matches!(document.get("schema_version"), Some(Value::Number(number)) if number.as_str() == "1");
    if !is_known {
        return None;
    }
    Some(Opened {
        fingerprint: text("fingerprint")?.to_owned(),
        secret_key: text("secret_key")?.to_owned(),
        domain: text("domain")?.parse().ok()?,
        key: EntityKey::new(text("entity")?),
        path: Pointer::from_text(text("path")?),
        seen_at: text("seen_at")?.to_owned(),
        value: SecretString::from(compact(document.get("value")?)),
    })
}
