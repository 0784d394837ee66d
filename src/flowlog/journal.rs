//! What was asked, when, how long it took and what came: a line for each request.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::place::{PlaceError, appending};

/// The form of a line.
const SCHEMA_VERSION: u32 = 1;

/// Where lines go; nowhere where nobody wants them.
#[derive(Debug, Default)]
pub struct Journal(Option<(Mutex<File>, PathBuf)>);

/// What is told of a request.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Entry {
    /// What was asked: `capabilities`, `query`, `job`, `poll`, `download`, `execution`, `deliver` or `run`.
    pub request: &'static str,
    /// The begin of the window that it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    /// The end of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<DateTime<Utc>>,
    /// The record or the receiver that it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// How many records it brought or was for.
    pub records: u64,
    /// How long it took, with all that was tried again.
    pub latency_ms: u64,
    /// `ok`, or the kind of failure.
    pub outcome: &'static str,
}

#[derive(Serialize)]
struct Line<'l> {
    schema_version: u32,
    at: String,
    #[serde(flatten)]
    entry: &'l Entry,
}

impl Journal {
    /// Appends to a file.
    pub fn open(path: &Path) -> Result<Self, PlaceError> {
        Ok(Self(Some((Mutex::new(appending(path)?), path.to_owned()))))
    }

    /// Takes note of a request.
    pub fn note(&self, at: DateTime<Utc>, entry: &Entry) -> Result<(), PlaceError> {
        let Some((file, path)) = &self.0 else { return Ok(()) };
        let at = at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let line =
            serde_json::to_string(&Line { schema_version: SCHEMA_VERSION, at, entry }).map_err(std::io::Error::from);
        let written = line.and_then(|line| {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.write_all(format!("{line}\n").as_bytes())
        });
        written.map_err(PlaceError::while_doing("write", path))
    }
}

impl Entry {
    /// A request that took some time.
    #[must_use]
    pub fn new(request: &'static str, took: Duration, outcome: &'static str) -> Self {
        let latency_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Self { request, latency_ms, outcome, ..Self::default() }
    }
}
