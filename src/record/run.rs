//! The document of a run: what was asked, what came, what was done.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::canonical::Digest;
use crate::model::{Actor, DomainId, EntityKey, Severity, SeverityCounts};

/// Names a run: the second it began, and a short digest of what it began from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// The id of a run of an organisation that begins at an instant (RFC 3339, UTC) from a commit.
    #[must_use]
    pub fn new(org: &str, at: &str, tip: Option<&str>) -> Self {
        let compact: String = at.chars().filter(char::is_ascii_alphanumeric).collect();
        let digest = Digest::of(format!("{org}\n{at}\n{}", tip.unwrap_or_default()).as_bytes());
        Self(format!("{compact}-{}", &digest.short()[..8]))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What became of a domain in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// All of it came.
    Complete,
    /// Some of it came; of the rest the last good content stays.
    Partial,
    /// The client lacks the permission.
    Forbidden,
    /// The organisation does not have it.
    Absent,
    /// Nothing of it could be used; the last good content stays.
    Failed,
    /// It was left out on purpose.
    Skipped,
}

impl RunStatus {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Forbidden => "forbidden",
            Self::Absent => "absent",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// What `snapshot --format json` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunDocument {
    /// The version of this form.
    pub schema_version: u32,
    /// The run.
    pub run: String,
    /// The organisation.
    pub org: String,
    /// The commits that the run made, oldest first.
    pub commits: Vec<String>,
    /// Whether there was anything to commit.
    pub changed: bool,
    /// Whether a later run was on the remote already, so that this one was dropped.
    pub superseded: bool,
    /// The changes seen, by severity.
    pub counts: SeverityCounts,
    /// The domains captured for the first time, with their number of entities.
    pub baselines: BTreeMap<DomainId, u64>,
    /// How many requests were sent.
    pub requests: u64,
    /// How long it took.
    pub duration_ms: u64,
    /// Every exit code that applies; the process returns the first in order of rank.
    pub exit_codes: Vec<u8>,
    /// What became of each domain.
    pub domains: BTreeMap<DomainId, RunDomain>,
    /// Findings that are not changes.
    pub findings: Vec<RunFinding>,
}

/// What became of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunDomain {
    /// What became of it.
    pub status: RunStatus,
    /// How many entities are on record after the run.
    pub entities: u64,
    /// How many the API promised; absent where it promises none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    /// How many came.
    pub received: u64,
    /// How many pages they came on.
    pub pages: u64,
    /// How many requests were sent for it.
    pub requests: u64,
    /// Whether no more was read than what the audit log names.
    pub targeted: bool,
    /// Why it is not complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// A finding that is not a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFinding {
    /// What kind of finding it is.
    pub rule: String,
    /// How much it matters.
    pub severity: Severity,
    /// The domain it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub domain: Option<DomainId>,
    /// The entity it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub entity: Option<EntityKey>,
    /// The place it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub place: Option<String>,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// Who did it, in order of time, where the audit log says so.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub actors: Vec<Actor>,
}
