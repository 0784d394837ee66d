//! Who can open what is sealed: recipients in the settings, identities in the hands of people.

use std::fmt;
use std::str::FromStr;

use age::x25519;
use secrecy::{ExposeSecret, SecretString};

/// What a recipient begins with.
const RECIPIENT: &str = "age1";

/// What an identity begins with.
const IDENTITY: &str = "AGE-SECRET-KEY-";

/// The public half of a key: what values are sealed to.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(x25519::Recipient);

/// A text that values cannot be sealed to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    /// It is the secret half of a key.
    #[error(
        "an identity opens what is sealed and belongs in no file of the trail; `age-keygen -y` prints its recipient"
    )]
    Identity,
    /// It begins as a recipient does.
    #[error("{0:?} is no recipient of age: it has a typing error")]
    Mistyped(String),
    /// It is something else.
    #[error("a recipient of age begins with {RECIPIENT:?}; no other kind is sealed to")]
    Kind,
}

impl Recipient {
    pub(super) fn key(&self) -> &x25519::Recipient {
        &self.0
    }
}

impl FromStr for Recipient {
    type Err = RecipientError;

    fn from_str(text: &str) -> Result<Self, RecipientError> {
        if text.to_ascii_uppercase().starts_with(IDENTITY) {
            return Err(RecipientError::Identity);
        }
        if !text.starts_with(RECIPIENT) {
            return Err(RecipientError::Kind);
        }
        text.parse().map(Self).map_err(|_| RecipientError::Mistyped(text.to_owned()))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({})", self.0)
    }
}

/// The secret halves of keys: what opens what was sealed to them.
pub struct Identities(Vec<x25519::Identity>);

/// A text that holds no usable identity; none of this shows any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// There is no line with one.
    #[error("it holds no identity of age")]
    None,
    /// A line is not one.
    #[error("its line {0} is no identity of age")]
    Line(usize),
}

impl Identities {
    /// Reads identities as `age-keygen` writes them: one to a line, with comments.
    ///
    /// # Errors
    /// [`IdentityError`] where there is none, or something else.
    pub fn read(text: &SecretString) -> Result<Self, IdentityError> {
        let mut identities = Vec::new();
        for (index, line) in text.expose_secret().lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            identities.push(line.parse().map_err(|_| IdentityError::Line(index + 1))?);
        }
        if identities.is_empty() { Err(IdentityError::None) } else { Ok(Self(identities)) }
    }

    /// The recipients that belong to them.
    #[must_use]
    pub fn recipients(&self) -> Vec<String> {
        self.0.iter().map(|identity| identity.to_public().to_string()).collect()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.0.iter().map(|identity| identity as &dyn age::Identity)
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identities").field(&self.recipients()).finish()
    }
}
