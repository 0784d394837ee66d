//! The ledger: what is known of each domain, and how well.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::archive::ArchiveError;
use super::layout::{LEDGER_PATH, Width};
use crate::canonical::{canonical_text, read_str, write_indented};
use crate::model::DomainId;

/// The version of the ledger's own form.
const SCHEMA_VERSION: u32 = 1;

/// What `snapshot/ledger.json` holds: only what lasts beyond a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// The version of this form.
    pub schema_version: u32,
    /// The id of the organisation.
    pub org: String,
    /// The id of the key that secrets are fingerprinted with.
    pub secret_key: String,
    /// The version of the scan for secrets.
    pub scan: u32,
    /// A digest of the client's own grants; absent where they cannot be read.
    pub view: Option<String>,
    /// The domains.
    pub domains: BTreeMap<DomainId, LedgerEntry>,
}

/// What is known of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerEntry {
    /// How well it is known.
    pub status: LedgerStatus,
    /// How many entities there are.
    pub entities: u64,
    /// The version of the schema that its files follow.
    pub schema_version: u32,
    /// The digest of the effective domain file.
    pub treatment: String,
    /// How its files are laid out.
    pub width: Width,
    /// The digest of the domain as one document; absent until its first complete capture.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<String>,
    /// Whether its first capture takes several runs and has not come to its end: what comes is baseline, not change.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub baseline_under_way: bool,
    /// The id of the key that some of its fingerprints are still made with, where that is not the ledger's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub secret_key: Option<String>,
    /// Members that the API gave and the schema does not know.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub new_fields: Vec<String>,
}

/// How well a domain is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LedgerStatus {
    /// Everything that the client may see is on record.
    Complete,
    /// The client lacks the permission.
    Forbidden,
    /// The organisation does not have it.
    Absent,
    /// It is left out on purpose.
    Skipped,
    /// It was not captured for long.
    Stale,
}

impl LedgerStatus {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Forbidden => "forbidden",
            Self::Absent => "absent",
            Self::Skipped => "skipped",
            Self::Stale => "stale",
        }
    }
}

impl Ledger {
    /// A ledger that knows nothing yet.
    #[must_use]
    pub fn new(org: &str, secret_key: &str, scan: u32) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            org: org.to_owned(),
            secret_key: secret_key.to_owned(),
            scan,
            view: None,
            domains: BTreeMap::new(),
        }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`ArchiveError`] where it is not what the tool wrote, or a later version of it did.
    pub fn read(bytes: &[u8]) -> Result<Self, ArchiveError> {
        #[derive(Deserialize)]
        struct Version {
            schema_version: u32,
        }
        let unread = |error: serde_json::Error| ArchiveError::Ledger(error.to_string());
        let Version { schema_version: found } = serde_json::from_slice(bytes).map_err(unread)?;
        if found > SCHEMA_VERSION {
            return Err(ArchiveError::Newer { what: LEDGER_PATH.to_owned(), found, known: SCHEMA_VERSION });
        }
        serde_json::from_slice(bytes).map_err(unread)
    }

    /// The bytes of the file: canonical, indented.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut text = String::new();
        write_indented(&self.compact(), 0, &mut text);
        text.push('\n');
        text.into_bytes()
    }

    /// The compact form, which the commit's digest trailer is taken over.
    #[must_use]
    pub fn compact(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        read_str(&json).map(|value| canonical_text(&value).as_str().to_owned()).unwrap_or_default()
    }

    /// How many domains there are of each status.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<LedgerStatus, u64> {
        let mut counts = BTreeMap::new();
        for entry in self.domains.values() {
            *counts.entry(entry.status).or_default() += 1;
        }
        counts
    }
}
