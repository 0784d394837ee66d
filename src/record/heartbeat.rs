//! The heartbeat: that a run happened, also when it saw no change.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::run::{RunFinding, RunStatus};
use crate::model::{DomainId, EntityKey};

/// How many times of past runs a heartbeat remembers.
pub const MAX_RUN_TIMES: usize = 400;

/// How many findings of past runs a heartbeat remembers, and how many of one run.
const MAX_FINDINGS: usize = 400;
const MAX_FINDINGS_OF_RUN: usize = 100;

/// What the heartbeat ref points to; replaced by every run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The version of this form.
    pub schema_version: u32,
    /// The run.
    pub run: String,
    /// When it began, RFC 3339.
    pub time: String,
    /// The version of the tool.
    pub version: String,
    /// Up to when the audit log was read, RFC 3339; absent as long as it was not.
    pub audit_watermark: Option<String>,
    /// What later runs have to know of the audit log.
    #[serde(default, skip_serializing_if = "AuditMemory::is_empty")]
    pub audits: AuditMemory,
    /// What became of each domain; one that the run did not touch keeps what the last one said.
    pub domains: BTreeMap<DomainId, HeartbeatDomain>,
    /// The client's own grants, as role and division; absent where they cannot be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub grants: Option<Vec<String>>,
    /// The digest of the ledger that the run ended with, as the commits say it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<String>,
    /// When the last runs began, oldest first.
    pub runs: Vec<String>,
    /// What the last runs found that is no change, oldest first, so that who was not there can tell it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub findings: Vec<HeartbeatFinding>,
}

/// What a run found that is no change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatFinding {
    /// The run.
    pub run: String,
    /// When it began, RFC 3339.
    pub at: String,
    /// What it found.
    pub finding: RunFinding,
}

/// What a run knows of the audit log from those before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditMemory {
    /// The domains that records have spoken of.
    #[serde(default)]
    pub spoken_of: BTreeSet<DomainId>,
    /// The records that told of something done and undone, by id, with their time: each is told once.
    #[serde(default)]
    pub transient: BTreeMap<String, String>,
}

impl AuditMemory {
    fn is_empty(&self) -> bool {
        self.spoken_of.is_empty() && self.transient.is_empty()
    }
}

/// What became of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatDomain {
    /// The status in its last run.
    pub status: RunStatus,
    /// Why it is not complete.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<String>,
    /// When it was last captured completely, RFC 3339.
    pub captured_at: Option<String>,
    /// Up to when what the audit log names was read again, RFC 3339; absent where it was captured whole since.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub followed_at: Option<String>,
    /// When its last round ended, complete or not; absent for a domain that every run captures whole.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub round_ended_at: Option<String>,
    /// Where the next run goes on, while a round is under way.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resume: Option<Resume>,
}

/// Where a capture that takes several runs goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// When the round began, RFC 3339.
    pub began_at: String,
    /// The last parent that it has come to; absent where it came to none.
    pub after: Option<EntityKey>,
    /// How many parents it has come to.
    pub done: u64,
    /// How many parents there are.
    pub parents: u64,
    /// The first thing that went wrong in it; a round with trouble does not end complete.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trouble: Option<String>,
}

impl Heartbeat {
    /// Reads the blob; `None` for bytes that are no heartbeat, which the next run replaces.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The bytes of the blob.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Takes note of what the run found that is no change, the worst first where it is too much.
    #[must_use]
    pub fn with_findings(mut self, findings: &[RunFinding]) -> Self {
        let mut worst_first: Vec<&RunFinding> = findings.iter().collect();
        worst_first.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        worst_first.truncate(MAX_FINDINGS_OF_RUN);
        let told = worst_first.into_iter().cloned();
        self.findings =
            told.map(|finding| HeartbeatFinding { run: self.run.clone(), at: self.time.clone(), finding }).collect();
        self
    }

    /// Adds what an earlier heartbeat knows and this run did not touch.
    #[must_use]
    pub fn after(mut self, earlier: Option<Self>) -> Self {
        self.runs.push(self.time.clone());
        self.beside(earlier)
    }

    /// Adds what the heartbeat of another run knows and this one does not.
    #[must_use]
    pub fn beside(mut self, other: Option<Self>) -> Self {
        let Some(other) = other else { return self };
        for (id, known) in other.domains {
            match self.domains.get_mut(&id) {
                // RFC 3339 in UTC and whole seconds sorts as text.
                Some(now) => {
                    now.captured_at = now.captured_at.take().max(known.captured_at);
                    if now.followed_at.is_some() {
                        now.round_ended_at = now.round_ended_at.take().or(known.round_ended_at);
                    }
                }
                None => {
                    self.domains.insert(id, known);
                }
            }
        }
        self.grants = self.grants.take().or(other.grants);
        self.audit_watermark = self.audit_watermark.take().max(other.audit_watermark);
        self.audits.spoken_of.extend(other.audits.spoken_of);
        self.audits.transient.extend(other.audits.transient);
        self.runs.extend(other.runs);
        self.runs.sort();
        self.runs.dedup();
        let excess = self.runs.len().saturating_sub(MAX_RUN_TIMES);
        self.runs.drain(..excess);
        for finding in other.findings {
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
        self.findings.sort_by(|left, right| (&left.at, &left.run).cmp(&(&right.at, &right.run)));
        let excess = self.findings.len().saturating_sub(MAX_FINDINGS);
        self.findings.drain(..excess);
        self
    }
}
