//! A moment as it is written on the command line.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

/// The units of a time before the present, in seconds.
const UNITS: [(char, i64); 4] = [('s', 1), ('m', 60), ('h', 60 * 60), ('d', 24 * 60 * 60)];

/// Reads `now`, `-2h`, an instant (RFC 3339) or a date (its begin, UTC); `None` for anything else.
#[must_use]
pub fn moment(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if text == "now" {
        return Some(now);
    }
    if let Some(ago) = text.strip_prefix('-') {
        let (unit, seconds) = UNITS.into_iter().find(|(unit, _)| ago.ends_with(*unit))?;
        let count: u32 = ago.strip_suffix(unit)?.parse().ok()?;
        return now.checked_sub_signed(TimeDelta::try_seconds(i64::from(count).checked_mul(seconds)?)?);
    }
    let date = || Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN).and_utc());
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc()).or_else(date)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_relative_an_instant_or_a_date() {
        let now: DateTime<Utc> = "2026-03-03T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("now", Some("2026-03-03T12:00:00Z")),
            ("-90s", Some("2026-03-03T11:58:30Z")),
            ("-2h", Some("2026-03-03T10:00:00Z")),
            ("-1d", Some("2026-03-02T12:00:00Z")),
            ("2026-03-01", Some("2026-03-01T00:00:00Z")),
            ("2026-03-01T08:30:00+01:00", Some("2026-03-01T07:30:00Z")),
            ("-2", None),
            ("-2w", None),
            ("-99999999999h", None),
            ("2h", None),
            ("yesterday", None),
            ("-é", None),
            ("", None),
        ] {
            assert_eq!(moment(text, now), expected.map(|at| at.parse().unwrap()), "{text}");
        }
    }
}
