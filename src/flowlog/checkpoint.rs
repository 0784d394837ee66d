//! How far a run has come, so that the next one goes on from there.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::place::{PlaceError, content, replace, take_away};
use super::store::Extent;
use crate::execution::{Asked, Tally, Window};

/// The form of the file.
const SCHEMA_VERSION: u32 = 1;

/// How far a run has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    schema_version: u32,
    /// What tells the question from others.
    pub question: String,
    /// The begin of the window.
    pub from: DateTime<Utc>,
    /// The end of the window.
    pub to: DateTime<Utc>,
    /// Up to when all records are kept.
    pub done_until: DateTime<Utc>,
    /// How long the next part is at most, in milliseconds.
    pub part_ms: i64,
    /// How many records are kept.
    pub records: u64,
    /// How far the files were written.
    pub files: Extent,
    /// What was found so far.
    pub found: Tally,
    /// The records of the last while with their begin, which may come again.
    pub recent: BTreeMap<String, DateTime<Utc>>,
}

/// A checkpoint that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It cannot be read or written.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// It is not what it should be.
    #[error("could not use the checkpoint {path}: {cause}")]
    Unreadable {
        /// Where it is.
        path: String,
        /// Why.
        cause: String,
    },
}

impl Checkpoint {
    /// The begin of a run over a window.
    #[must_use]
    pub fn new(question: String, from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            question,
            from,
            to,
            done_until: from,
            part_ms: Asked::new(Window { from, to }).length().num_milliseconds(),
            records: 0,
            files: Extent::default(),
            found: Tally::default(),
            recent: BTreeMap::new(),
        }
    }

    /// Reads one; `None` where there is none.
    pub fn read(path: &Path) -> Result<Option<Self>, CheckpointError> {
        let Some(bytes) = content(path)? else { return Ok(None) };
        let unreadable = |cause: String| CheckpointError::Unreadable { path: path.display().to_string(), cause };
        let found: Self = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        if found.schema_version != SCHEMA_VERSION {
            return Err(unreadable(format!("it has the form {}, and {SCHEMA_VERSION} is known", found.schema_version)));
        }
        Ok(Some(found))
    }

    /// Writes it, in the place of the one before.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let bytes = serde_json::to_vec(self).map_err(|error| CheckpointError::Unreadable {
            path: path.display().to_string(),
            cause: error.to_string(),
        })?;
        Ok(replace(path, &bytes)?)
    }

    /// Takes one away.
    pub fn remove(path: &Path) -> Result<(), CheckpointError> {
        Ok(take_away(path)?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_comes_back_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        assert_eq!(Checkpoint::read(&path).unwrap(), None);
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let (from, to) = (at("2026-03-03T10:00:00.001Z"), at("2026-03-03T12:00:00Z"));
        let mut checkpoint = Checkpoint::new("q".to_owned(), from, to);
        checkpoint.found.incomplete(&Window { from, to });
        checkpoint.files.0.insert("a.jsonl".to_owned(), 7);
        checkpoint.recent.insert("id".to_owned(), from);
        checkpoint.write(&path).unwrap();
        assert_eq!(Checkpoint::read(&path).unwrap(), Some(checkpoint));
        std::fs::write(&path, "{}").unwrap();
        assert!(matches!(Checkpoint::read(&path), Err(CheckpointError::Unreadable { .. })));
        Checkpoint::remove(&path).unwrap();
        assert_eq!(Checkpoint::read(&path).unwrap(), None);
    }
}
