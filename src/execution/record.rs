//! A record as it is kept and sent: what the query told of a run, and what was downloaded of it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::instance::Instance;
use super::redact::Leak;
use super::window::written;
use crate::canonical::{Digest, compact};
use crate::model::{Object, OwnedValue, Value};

/// The form of a record.
const SCHEMA_VERSION: u64 = 1;

/// Whether a record has its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataStatus {
    /// It has.
    Complete,
    /// It could not be had.
    Missing,
    /// Nobody asked for it.
    NotAsked,
}

/// A record as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What a receiver recognises the same record by.
    pub event_id: String,
    /// The id of the run.
    pub id: String,
    /// When the run began.
    pub at: DateTime<Utc>,
    /// All of it.
    pub body: OwnedValue,
}

/// The id of the event that is a run: the same whenever it is told.
#[must_use]
pub fn event_id(org: &str, instance: &str) -> String {
    let mut digits = Digest::of(format!("{org}\nflow-execution\n{instance}").as_bytes()).to_string();
    digits.truncate(32);
    digits
}

impl DataStatus {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Missing => "missing",
            Self::NotAsked => "not-asked",
        }
    }
}

impl Kept {
    /// The record of a run, with what was downloaded of it; entry and data have been masked as far as they are to be.
    #[must_use]
    pub fn new(org: &str, instance: Instance, data: Option<OwnedValue>, status: DataStatus, leaks: &[Leak]) -> Self {
        let Instance { id, started, mut entry, .. } = instance;
        if let Value::Object(entry) = &mut entry {
            entry.remove("selfUri");
        }
        let mut kept = Self::of(org, id, started, ("instance", entry), leaks);
        if let Value::Object(body) = &mut kept.body {
            body.insert("at", Value::from(written(started)));
            body.insert("data_status", Value::from(status.as_str()));
            if let Some(data) = data {
                body.insert("data", data);
            }
        }
        kept
    }

    /// The record of something that was asked for by its id alone, by the name of the member that it stands in.
    #[must_use]
    pub fn of(
        org: &str,
        id: String,
        at: DateTime<Utc>,
        (name, value): (&'static str, OwnedValue),
        leaks: &[Leak],
    ) -> Self {
        let event_id = event_id(org, &id);
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for leak in leaks {
            *counts.entry(&leak.kind).or_default() += 1;
        }
        let count = |(kind, count): (&str, u64)| (Cow::Owned(kind.to_owned()), Value::from(count));
        let body = Object::from_iter([
            (Cow::Borrowed("schema_version"), Value::from(SCHEMA_VERSION)),
            (Cow::Borrowed("event_id"), Value::from(event_id.as_str())),
            (Cow::Borrowed("id"), Value::from(id.as_str())),
            (Cow::Borrowed("org"), Value::from(org)),
            (Cow::Borrowed(name), value),
            (Cow::Borrowed("in_clear"), Value::Object(counts.into_iter().map(count).collect())),
        ]);
        Self { event_id, id, at, body: Value::Object(body) }
    }

    /// The record as a line.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = compact(&self.body);
        line.push('\n');
        line
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::read_str;

    #[test]
    fn a_record_is_one_line_and_its_event_has_one_id() {
        let entry = r#"{"id":"a-1","startDateTime":"2026-03-03T12:00:00Z","selfUri":"/api","flowName":"x"}"#;
        let instance = Instance::read(read_str(entry).unwrap().into_owned()).unwrap();
        let leak = Leak { kind: "mail address".to_owned(), place: "/a".to_owned() };
        let data = read_str(r#"{"n":1.50}"#).unwrap().into_owned();
        let kept = Kept::new("org", instance, Some(data), DataStatus::Complete, &[leak.clone(), leak]);
        let id = event_id("org", "a-1");
        assert_eq!(
            kept.line(),
            format!(
                "{{\"at\":\"2026-03-03T12:00:00.000Z\",\"data\":{{\"n\":1.5}},\"data_status\":\"complete\",\"event_id\":\"{id}\",\
                 \"id\":\"a-1\",\"in_clear\":{{\"mail address\":2}},\"instance\":{{\"flowName\":\"x\",\"id\":\"a-1\",\
                 \"startDateTime\":\"2026-03-03T12:00:00Z\"}},\"org\":\"org\",\"schema_version\":1}}\n"
            )
        );
        assert_eq!(id.len(), 32);
        assert_ne!(id, event_id("other", "a-1"));
    }
}
