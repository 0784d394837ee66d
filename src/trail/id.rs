//! Object names: a type for each kind of thing that git names by its content.

use std::fmt;
use std::str::FromStr;

use git2::Oid;

/// A text that is not the full hexadecimal name of a git object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not read {text:?} as an object id: it is not 40 hexadecimal digits")]
pub struct InvalidId {
    /// What was given.
    pub text: String,
}

const FULL_HEX_DIGITS: usize = 40;
const SHORT_HEX_DIGITS: usize = 12;

macro_rules! object_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(super) Oid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                // git2 alone would take an abbreviation and fill it with zeros.
                let invalid = || InvalidId { text: text.to_owned() };
                if text.len() != FULL_HEX_DIGITS {
                    return Err(invalid());
                }
                Oid::from_str(text).map($name).map_err(|_| invalid())
            }
        }
    };
}

object_name! {
    /// Names a commit.
    CommitId
}

object_name! {
    /// Names the content of a file.
    BlobId
}

object_name! {
    /// Names an object of any kind; for a file or a folder, equal ids mean equal content.
    ObjectId
}

impl CommitId {
    /// Returns the first twelve digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(SHORT_HEX_DIGITS);
        text
    }
}

impl From<CommitId> for ObjectId {
    fn from(id: CommitId) -> Self {
        Self(id.0)
    }
}

impl From<BlobId> for ObjectId {
    fn from(id: BlobId) -> Self {
        Self(id.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_prints() {
        let text = "0123456789abcdef0123456789abcdef01234567";
        let id: CommitId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(id.short(), "0123456789ab");
    }

    #[test]
    fn an_abbreviation_is_not_an_id() {
        for text in ["", "0123456789ab", "0123456789abcdef0123456789abcdef0123456z"] {
            let error = text.parse::<CommitId>().unwrap_err();
            assert_eq!(error.text, text);
        }
    }
}
