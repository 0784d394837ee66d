//! Instants in the forms that receivers ask for.

use chrono::{DateTime, SecondsFormat, Utc};

/// An instant as RFC 3339; what is none is the beginning of 1970, as every receiver asks for one.
fn instant(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()).unwrap_or_default()
}

/// Milliseconds since 1970.
pub(super) fn milliseconds(text: &str) -> i64 {
    instant(text).timestamp_millis()
}

/// Seconds since 1970, with milliseconds behind the point.
pub(super) fn seconds(text: &str) -> String {
    let milliseconds = milliseconds(text);
    format!("{}.{:03}", milliseconds.div_euclid(1000), milliseconds.rem_euclid(1000))
}

/// RFC 3339 with milliseconds, in UTC.
pub(super) fn rfc3339(text: &str) -> String {
    instant(text).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// As the standard library has it.
pub(super) fn system_time(text: &str) -> std::time::SystemTime {
    instant(text).into()
}
