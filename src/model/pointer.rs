//! Where in an entity something is.

use std::fmt;

/// A JSON Pointer (RFC 6901) into an entity.
///
/// A member of a set has no position of its own, so it is addressed by its identity: `/memberGroups/<id>/type`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pointer(String);

impl Pointer {
    /// The pointer to the whole entity.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The pointer to a member of what this one points to.
    #[must_use]
    pub fn child(&self, segment: &str) -> Self {
        let mut text = self.0.clone();
        text.push('/');
        text.push_str(&segment.replace('~', "~0").replace('/', "~1"));
        Self(text)
    }

    /// The pointer to what this one points into; none of the whole entity.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.to_owned()))
    }

    /// Takes a pointer as it is written.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The segments, decoded.
    pub fn segments(&self) -> impl Iterator<Item = String> {
        self.0.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~"))
    }

    /// The pointer as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl serde::Serialize for Pointer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Pointer {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(String::deserialize(deserializer)?))
    }
}

/// A pattern of pointers: `*` stands for one segment or for any run of characters inside one, `**` for any number of segments.
///
/// A pattern also matches everything below what it names, since a change below a field is a change of the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointerGlob(Vec<String>);

impl PointerGlob {
    /// Reads a pattern such as `/bullseye/rings/*/expansionCriteria`.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self(Pointer::from_text(pattern).segments().collect())
    }

    /// Whether the pointer is named by the pattern or lies below what it names.
    #[must_use]
    pub fn matches(&self, pointer: &Pointer) -> bool {
        let segments: Vec<String> = pointer.segments().collect();
        matches_from(&self.0, &segments)
    }
}

impl fmt::Display for PointerGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = self.0.iter().fold(Pointer::root(), |pointer, segment| pointer.child(segment));
        pointer.fmt(f)
    }
}

fn matches_from(pattern: &[String], segments: &[String]) -> bool {
    match pattern.split_first() {
        None => true,
        Some((first, rest)) if first == "**" => (0..=segments.len()).any(|skip| matches_from(rest, &segments[skip..])),
        Some((first, rest)) => match segments.split_first() {
            Some((segment, below)) => wildcard(first, segment) && matches_from(rest, below),
            None => false,
        },
    }
}

/// Whether a text matches a pattern in which `*` stands for any run of characters.
#[must_use]
pub(crate) fn wildcard(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_come_back_as_they_went_in() {
        let pointer = Pointer::root().child("a/b").child("m~n").child("");
        assert_eq!(pointer.as_str(), "/a~1b/m~0n/");
        assert_eq!(pointer.segments().collect::<Vec<_>>(), ["a/b", "m~n", ""]);
        assert_eq!(pointer.parent(), Some(Pointer::from_text("/a~1b/m~0n")));
        assert_eq!(Pointer::root().parent(), None);
    }

    #[test]
    fn a_pattern_matches_what_it_names_and_what_lies_below() {
        let matches = |pattern: &str, pointer: &str| PointerGlob::new(pattern).matches(&Pointer::from_text(pointer));
        assert!(matches("/a/*/c", "/a/b/c"));
        assert!(matches("/a/*/c", "/a/b/c/d"));
        assert!(!matches("/a/*/c", "/a/c"));
        assert!(matches("/**/c", "/a/b/c") && matches("/**/c", "/c"));
        assert!(matches("/properties/*password*", "/properties/sip_password_1/value"));
        assert!(!matches("/properties/*password*", "/properties/realm"));
        assert!(matches("/a*", "/a") && !matches("/ab*ab", "/ab"));
        assert!(matches("", "/anything"));
    }
}
