//! Names of domains and entities.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::value::utf16_order;

/// The name of a configuration domain: `<family>.<name>`, such as `routing.queues`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainId(Box<str>);

/// A text that cannot name a domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a domain name: it must be <family>.<name>, in lower-case letters, digits and hyphens")]
pub struct DomainIdError(pub String);

impl DomainId {
    /// The part before the dot: the folder the domain lives in.
    #[must_use]
    pub fn family(&self) -> &str {
        self.0.split_once('.').map_or(&self.0, |(family, _)| family)
    }

    /// The part after the dot: the name of the domain's file.
    #[must_use]
    pub fn short_name(&self) -> &str {
        self.0.split_once('.').map_or(&self.0, |(_, name)| name)
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DomainId {
    type Err = DomainIdError;

    fn from_str(text: &str) -> Result<Self, DomainIdError> {
        let is_word = |word: &str| {
            word.starts_with(|first: char| first.is_ascii_lowercase())
                && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        match text.split_once('.') {
            Some((family, name)) if is_word(family) && is_word(name) => Ok(Self(text.into())),
            _ => Err(DomainIdError(text.to_owned())),
        }
    }
}

impl fmt::Display for DomainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl serde::Serialize for DomainId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for DomainId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The key of an entity within its domain; keys sort as members do in a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntityKey(Box<str>);

impl EntityKey {
    /// Makes a key of one part, as it is.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Joins the parts of a key with `:`. A `:` or `%` inside one of several parts is written `%3A` or `%25`, so that two
    /// lists of parts never make one key.
    #[must_use]
    pub fn join(parts: &[&str]) -> Self {
        if let [only] = parts {
            return Self::new(only);
        }
        let escaped: Vec<String> = parts.iter().map(|part| part.replace('%', "%25").replace(':', "%3A")).collect();
        Self(escaped.join(":").into())
    }

    /// The parts that [`EntityKey::join`] joined.
    pub fn parts(&self) -> impl Iterator<Item = String> {
        let several = self.0.contains(':');
        self.0.split(':').map(
            move |part| {
                if several { part.replace("%3A", ":").replace("%25", "%") } else { part.to_owned() }
            },
        )
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Ord for EntityKey {
    fn cmp(&self, other: &Self) -> Ordering {
        utf16_order(&self.0, &other.0)
    }
}

impl PartialOrd for EntityKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl serde::Serialize for EntityKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for EntityKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_named_by_family_and_name() {
        let id: DomainId = "routing.queue-members".parse().unwrap();
        assert_eq!((id.family(), id.short_name()), ("routing", "queue-members"));
        for wrong in ["", "routing", "routing.", ".queues", "Routing.queues", "a.b.c", "../x.y", "a/b.c", "a.-b"] {
            assert!(wrong.parse::<DomainId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn parts_of_a_key_come_back_as_they_were_joined() {
        for parts in [&["a", "b:c"][..], &["a:b", "c"], &["100%", "%3A"], &["", ""]] {
            let key = EntityKey::join(parts);
            assert_eq!(key.parts().collect::<Vec<_>>(), parts);
        }
        assert_ne!(EntityKey::join(&["a", "b:c"]), EntityKey::join(&["a:b", "c"]));
        assert_eq!(EntityKey::join(&["plain%3A"]).as_str(), "plain%3A");
        assert_eq!(EntityKey::join(&["plain%3A"]).parts().collect::<Vec<_>>(), ["plain%3A"]);
    }
}
