//! Something that a person should look at.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::actor::Actor;
use super::name::{DomainId, EntityKey};
use super::pointer::Pointer;
use super::severity::Severity;

/// Something that a person should look at: a change that was judged, or something that does not hold at rest.
///
/// Every check ends in these, and every format is made from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The permanent id of the rule, in kebab case.
    pub rule: String,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// What was found, as a sentence.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// What shows that it is so: names and texts, in reading order.
    pub evidence: Vec<Evidence>,
    /// Who did it, in order of time; empty where nobody did or nobody knows.
    pub actors: Vec<Actor>,
    /// Where it is written in a file of the trail.
    pub place: Option<Place>,
    /// 16 hex digits that stay the same as long as it is the same finding, whatever it is called and wherever it stands.
    pub fingerprint: String,
    /// Who has seen it and why it may stay; absent where nobody has.
    pub acknowledged: Option<Acknowledged>,
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "of", rename_all = "lowercase")]
pub enum Subject {
    /// The trail as a whole.
    Trail,
    /// A domain as a whole.
    Domain(DomainId),
    /// An entity, or a place in it.
    Entity {
        /// Its domain.
        domain: DomainId,
        /// Its key.
        key: EntityKey,
        /// What it is called.
        name: Option<String>,
        /// The place in it; absent where it is about the whole entity.
        path: Option<Pointer>,
    },
    /// A commit, by its full id.
    Commit(String),
    /// A file, by its path in the trail.
    File(String),
}

/// One thing that shows that a finding is so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// What it is, such as `before`.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file, relative to the top of the trail, with `/`.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
}

/// That somebody has seen a finding, and lets it stay for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Acknowledged {
    /// Who answers for it.
    pub owner: String,
    /// Why it may stay.
    pub reason: String,
    /// Where it is followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// The last day on which it may, as `YYYY-MM-DD`.
    pub until: String,
}

/// What a check could not tell, because what it asked for is not known whole: neither a finding nor the absence of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Untold {
    /// The permanent id of the rule that asked.
    pub rule: String,
    /// The domain that it looked at.
    pub domain: DomainId,
    /// Of how many of its entities it could not be told; absent where it was none that it could be told of.
    pub entities: Option<u64>,
    /// What is not known.
    pub reason: String,
}

impl Untold {
    /// That a rule could not be told of a whole domain.
    #[must_use]
    pub fn of_domain(rule: &str, domain: &DomainId, reason: &str) -> Self {
        Self { rule: rule.to_owned(), domain: domain.clone(), entities: None, reason: reason.to_owned() }
    }
}

impl fmt::Display for Untold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, domain, entities, reason } = self;
        match entities {
            None => write!(f, "{rule} could not be told of {domain}: {reason}"),
            Some(1) => write!(f, "{rule} could not be told of 1 entity of {domain}: {reason}"),
            Some(count) => write!(f, "{rule} could not be told of {count} entities of {domain}: {reason}"),
        }
    }
}

impl Evidence {
    /// The name of what was so before a change.
    pub const BEFORE: &str = "before";

    /// The name of what is so after a change.
    pub const AFTER: &str = "after";

    /// Something by its name.
    #[must_use]
    pub fn new(name: &str, text: impl Into<String>) -> Self {
        Self { name: name.to_owned(), text: text.into() }
    }
}

impl Subject {
    /// The domain it is in, where it is in one.
    #[must_use]
    pub fn domain(&self) -> Option<&DomainId> {
        match self {
            Self::Domain(domain) | Self::Entity { domain, .. } => Some(domain),
            Self::Trail | Self::Commit(_) | Self::File(_) => None,
        }
    }
}
