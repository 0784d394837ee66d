//! Globs over the names of domains.

use std::fmt;

use globset::{Glob, GlobMatcher};

use crate::catalogue::Catalogue;
use crate::model::DomainId;

/// What makes a text a pattern rather than a name.
const WILDCARDS: [char; 5] = ['*', '?', '[', '{', '\\'];

/// Globs over the names of domains; without any, nothing matches.
#[derive(Clone, Default)]
pub struct DomainGlobs(Vec<GlobMatcher>);

/// A glob that cannot mean any domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainGlobError {
    /// It is not a glob.
    #[error("{pattern:?} is not a glob: {reason}")]
    Syntax {
        /// The glob.
        pattern: String,
        /// What is wrong with it.
        reason: globset::ErrorKind,
    },
    /// No domain of the catalogue matches it.
    #[error("{pattern:?} matches no domain")]
    NoDomain {
        /// The glob.
        pattern: String,
        /// The domain that was probably meant, where the glob is a plain name.
        nearest: Option<DomainId>,
    },
}

impl DomainGlobs {
    /// Takes globs, each of which has to match a domain of the catalogue.
    ///
    /// # Errors
    /// Every glob that cannot be used, in order.
    pub fn parse<'p>(
        patterns: impl IntoIterator<Item = &'p str>,
        catalogue: &Catalogue,
    ) -> Result<Self, Vec<DomainGlobError>> {
        let mut globs = Vec::new();
        let mut problems = Vec::new();
        for pattern in patterns {
            match domain_glob(pattern, catalogue) {
                Ok(glob) => globs.push(glob),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(Self(globs)) } else { Err(problems) }
    }

    /// Takes globs that are known to match a domain.
    pub(super) fn of(globs: Vec<GlobMatcher>) -> Self {
        Self(globs)
    }

    /// Returns whether one of the globs matches the domain.
    #[must_use]
    pub fn is_match(&self, domain: &DomainId) -> bool {
        self.0.iter().any(|glob| glob.is_match(domain.as_str()))
    }

    /// Returns the globs as they are written.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|glob| glob.glob().glob())
    }
}

impl PartialEq for DomainGlobs {
    fn eq(&self, other: &Self) -> bool {
        self.patterns().eq(other.patterns())
    }
}

impl Eq for DomainGlobs {}

impl fmt::Debug for DomainGlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.patterns()).finish()
    }
}

/// Compiles a glob that has to match a domain.
pub(super) fn domain_glob(pattern: &str, catalogue: &Catalogue) -> Result<GlobMatcher, DomainGlobError> {
    let glob = Glob::new(pattern)
        .map_err(|error| DomainGlobError::Syntax { pattern: pattern.to_owned(), reason: error.kind().clone() })?;
    let matcher = glob.compile_matcher();
    if catalogue.names().any(|name| matcher.is_match(name.as_str())) {
        return Ok(matcher);
    }
    let is_name = !pattern.contains(WILDCARDS);
    let nearest = is_name.then(|| catalogue.nearest(pattern)).flatten();
    Err(DomainGlobError::NoDomain { pattern: pattern.to_owned(), nearest: nearest.cloned() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn id(name: &str) -> DomainId {
        name.parse().unwrap()
    }

    #[test]
    fn a_domain_matches_when_one_of_the_globs_does() {
        let catalogue = Catalogue::built_in().unwrap();
        let globs = DomainGlobs::parse(["routing.*", "users.users"], &catalogue).unwrap();
        assert!(globs.is_match(&id("routing.queues")));
        assert!(globs.is_match(&id("users.users")));
        assert!(!globs.is_match(&id("teams.teams")));
        assert!(!DomainGlobs::default().is_match(&id("teams.teams")));
    }

    #[test]
    fn every_glob_that_means_no_domain_is_named_and_a_plain_name_gets_the_nearest() {
        let catalogue = Catalogue::built_in().unwrap();
        let no_domain = |pattern: &str, nearest: Option<&str>| DomainGlobError::NoDomain {
            pattern: pattern.to_owned(),
            nearest: nearest.map(id),
        };
        let patterns = ["routing.queue", "queues", "rooting.*", "moon.phases", "routing.*"];
        assert_eq!(
            DomainGlobs::parse(patterns, &catalogue).unwrap_err(),
            [
                no_domain("routing.queue", Some("routing.queues")),
                no_domain("queues", Some("routing.queues")),
                no_domain("rooting.*", None),
                no_domain("moon.phases", None),
            ]
        );
        let broken = DomainGlobs::parse(["routing.["], &catalogue).unwrap_err();
        assert!(matches!(&broken[..], [DomainGlobError::Syntax { pattern, .. }] if pattern == "routing.["));
    }
}
