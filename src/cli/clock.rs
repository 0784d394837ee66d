//! The present, as an input.

use chrono::{DateTime, SecondsFormat, Utc};

use super::args::Global;

/// The instant that the command takes for the present: `--now`, else the clock's.
pub(super) fn now(global: &Global) -> DateTime<Utc> {
    global.now.unwrap_or_else(Utc::now)
}

/// An instant as it is written everywhere: RFC 3339, UTC, whole seconds.
pub(super) fn written(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The instant of so many seconds since 1970.
pub(super) fn of_seconds(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).map(written).unwrap_or_default()
}
