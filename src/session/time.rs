//! Instants as they are written.

use chrono::{DateTime, SecondsFormat, Utc};

/// An instant as it is written everywhere: RFC 3339, UTC, whole seconds.
#[must_use]
pub fn written(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The instant of so many seconds since 1970.
#[must_use]
pub fn of_seconds(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).map(written).unwrap_or_default()
}

/// The instant that a text of ours says, as [`written`] writes it or finer; `None` for anything else.
pub(super) fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
}
