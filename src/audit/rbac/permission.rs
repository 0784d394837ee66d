//! Permissions as roles name them.

use std::fmt;

use crate::model::wildcard;

/// What stands for any word of a permission, and alone for every permission.
const ANY: &str = "*";

/// A permission that a role names: `domain:entity:action`, any of which may be `*`, or a single word of old.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission(Box<str>);

impl Permission {
    /// A permission as it is written.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The permission of an action on an entity of a domain.
    #[must_use]
    pub fn of(domain: &str, entity: &str, action: &str) -> Self {
        Self(format!("{domain}:{entity}:{action}").into())
    }

    /// The permission as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first word.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// Whether some permission is meant by both this one and a pattern, in whose words `*` stands for any run of characters.
    #[must_use]
    pub fn meets(&self, pattern: &str) -> bool {
        if &*self.0 == ANY || pattern == ANY {
            return true;
        }
        let (mut own, mut asked) = (self.0.split(':'), pattern.split(':'));
        loop {
            match (own.next(), asked.next()) {
                (None, None) => return true,
                (Some(own), Some(asked)) if own == ANY || wildcard(asked, own) => {}
                _ => return false,
            }
        }
    }

    /// Whether whoever has this one has the other.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        if &*self.0 == ANY || self == other {
            return true;
        }
        let (mut own, mut others) = (self.0.split(':'), other.0.split(':'));
        loop {
            match (own.next(), others.next()) {
                (None, None) => return true,
                (Some(own), Some(other)) if own == ANY || own == other => {}
                _ => return false,
            }
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_meets_what_it_has_something_in_common_with() {
        for (own, pattern, expected) in [
            ("routing:queue:view", "routing:queue:view", true),
            ("routing:queue:view", "routing:queue:*", true),
            ("routing:queue:view", "routing:q*:*", true),
            ("routing:queue:view", "routing:queue", false),
            ("routing:queue:view", "Routing:queue:view", false),
            ("routing:*:*", "routing:queue:view", true),
            ("routing:*:*", "telephony:*:*", false),
            ("*:*:*", "telephony:plugin:all", true),
            ("*", "telephony:plugin:all", true),
            ("admin", "admin", true),
            ("admin", "*", true),
            ("admin", "*:*:*", false),
            ("a**b:c:d", "a**b:c:d", true),
        ] {
            assert_eq!(Permission::new(own).meets(pattern), expected, "{own} {pattern}");
        }
    }

    #[test]
    fn a_permission_covers_what_is_not_wider() {
        for (own, other, expected) in [
            ("routing:*:*", "routing:queue:view", true),
            ("routing:*:*", "routing:queue:*", true),
            ("routing:queue:*", "routing:*:*", false),
            ("*", "admin", true),
            ("*:*:*", "admin", false),
            ("routing:queue:view", "routing:queue:view", true),
            ("routing:queue", "routing:queue:view", false),
        ] {
            assert_eq!(Permission::new(own).covers(&Permission::new(other)), expected, "{own} {other}");
        }
    }
}
