//! Secrets are replaced before anything is stored or shown.
//!
//! What takes the place of a secret is a fingerprint under a key that is never in the repository. It tells that a secret
//! changed, not what it is. The domain and the key of the entity are part of what is fingerprinted, so that two entities with
//! the same weak PIN do not show the same fingerprint.

use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Digest;
use super::jcs::compact;
use crate::model::{DomainId, EntityKey, Object, OwnedValue, Value};

/// Fewest characters of a secrets key.
pub const MIN_KEY_LENGTH: usize = 32;

/// The member that marks the place of a secret.
pub const SECRET_MEMBER: &str = "$secret";

/// What a fingerprint begins with.
const ALGORITHM: &str = "hmac-sha256:";

/// The key that secrets are fingerprinted with.
pub struct SecretKey {
    key: SecretBox<Vec<u8>>,
    previous: Option<Box<SecretKey>>,
}

/// A secrets key that is too short to protect what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secrets key has {0} characters, fewer than {MIN_KEY_LENGTH}")]
pub struct SecretKeyTooShort(pub usize);

impl SecretKey {
    /// Takes a key.
    ///
    /// # Errors
    /// [`SecretKeyTooShort`] below [`MIN_KEY_LENGTH`] characters.
    pub fn new(key: &str) -> Result<Self, SecretKeyTooShort> {
        let length = key.chars().count();
        if length < MIN_KEY_LENGTH {
            return Err(SecretKeyTooShort(length));
        }
        Ok(Self { key: SecretBox::new(Box::new(key.as_bytes().to_vec())), previous: None })
    }

    /// Knows the key that was in use before as well, so that a secret can be recognised across the change of key.
    #[must_use]
    pub fn with_previous(self, previous: Self) -> Self {
        Self { previous: Some(Box::new(previous)), ..self }
    }

    /// The key that was in use before.
    #[must_use]
    pub fn previous(&self) -> Option<&Self> {
        self.previous.as_deref()
    }

    /// Names the key without giving it away: 16 hex digits.
    #[must_use]
    pub fn id(&self) -> String {
        Digest::of(&self.mac(&[b"key id"])).short()
    }

    /// What takes the place of a secret value of an entity.
    #[must_use]
    pub fn fingerprint(&self, domain: &DomainId, key: &EntityKey, secret: &Value<'_>) -> OwnedValue {
        let clear = Zeroizing::new(compact(secret));
        let mac = self.mac(&[b"value", domain.as_str().as_bytes(), key.as_str().as_bytes(), clear.as_bytes()]);
        let text = mac.iter().fold(ALGORITHM.to_owned(), |text, byte| format!("{text}{byte:02x}"));
        let mut object = Object::default();
        object.insert(SECRET_MEMBER, Value::from(text));
        Value::Object(object)
    }

    /// The code over parts, each with its length before it so that no two lists of parts are the same message.
    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        // HMAC takes a key of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.key.expose_secret()) else { return [0; 32] };
        for part in parts {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// Whether a value stands in the place of a secret.
#[must_use]
pub fn is_fingerprint(value: &Value<'_>) -> bool {
    let text = value.as_object().filter(|object| object.len() == 1).and_then(|object| object.get(SECRET_MEMBER));
    let digits = text.and_then(Value::as_str).and_then(|text| text.strip_prefix(ALGORITHM));
    digits.is_some_and(|digits| digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn fingerprint(key: &str, entity: &str, secret: &str) -> OwnedValue {
        let key = SecretKey::new(key).unwrap();
        key.fingerprint(&"oauth.clients".parse().unwrap(), &EntityKey::new(entity), &Value::from(secret))
    }

    #[test]
    fn a_fingerprint_depends_on_key_entity_and_secret_and_shows_none_of_them() {
        let (one, other) = ("k".repeat(32), "j".repeat(32));
        let print = fingerprint(&one, "c1", "hunter2");
        assert!(is_fingerprint(&print));
        assert_eq!(print, fingerprint(&one, "c1", "hunter2"));
        for different in [
            fingerprint(&other, "c1", "hunter2"),
            fingerprint(&one, "c2", "hunter2"),
            fingerprint(&one, "c1", "hunter3"),
        ] {
            assert_ne!(print, different);
        }
        assert!(!format!("{print:?} {:?}", SecretKey::new(&one)).contains("hunter2"));
        assert!(!format!("{:?}", SecretKey::new(&one)).contains("kkkk"));
    }

    #[test]
    fn a_short_key_is_refused() {
        assert_eq!(SecretKey::new(&"é".repeat(31)).unwrap_err(), SecretKeyTooShort(31));
        assert_ne!(SecretKey::new(&"a".repeat(32)).unwrap().id(), SecretKey::new(&"b".repeat(32)).unwrap().id());
    }
}
