//! Times of runs: where there was none for long.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::fault::Fault;
use crate::model::{Evidence, Finding, Subject};

/// How many times as long as between two runs usually is still usual.
const PATIENCE: i32 = 4;

/// Up to this, no gap is told unless somebody asks for less.
const LEAST: Duration = Duration::from_secs(60 * 60);

/// How long there may be no run: four times as long as usual, and an hour or more. `None` where too few runs are known.
#[must_use]
pub fn typical_gap(runs: &[DateTime<Utc>]) -> Option<Duration> {
    let mut gaps: Vec<Duration> = runs.windows(2).filter_map(|pair| (pair[1] - pair[0]).to_std().ok()).collect();
    gaps.sort_unstable();
    let median = *gaps.get(gaps.len() / 2)?;
    Some(median.saturating_mul(PATIENCE.unsigned_abs()).max(LEAST))
}

/// A finding for each time longer than `most` in which there was no run; the times are in order.
#[must_use]
pub fn gaps(runs: &[DateTime<Utc>], most: Duration) -> Vec<Finding> {
    let told = |at: &DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let is_long = |pair: &&[DateTime<Utc>]| (pair[1] - pair[0]).to_std().is_ok_and(|gap| gap > most);
    let gap = |pair: &[DateTime<Utc>]| {
        let (from, to) = (told(&pair[0]), told(&pair[1]));
        let minutes = (pair[1] - pair[0]).num_minutes();
        let message = format!("there was no run from {from} to {to}, for {}", length(minutes));
        let evidence = vec![Evidence::new("from", from), Evidence::new("to", to)];
        Fault::HeartbeatGap.finding(Subject::Trail, message, evidence)
    };
    runs.windows(2).filter(is_long).map(gap).collect()
}

fn length(minutes: i64) -> String {
    match (minutes / (24 * 60), minutes / 60, minutes) {
        (days @ 2.., _, _) => format!("{days} days"),
        (_, hours @ 2.., _) => format!("{hours} hours"),
        (_, _, minutes) => format!("{minutes} minutes"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn runs(minutes: &[i64]) -> Vec<DateTime<Utc>> {
        minutes.iter().map(|minutes| DateTime::from_timestamp(minutes * 60, 0).unwrap()).collect()
    }

    #[test]
    fn four_times_the_usual_is_a_gap_and_an_hour_never_is() {
        let every_quarter = runs(&[0, 15, 30, 45, 60, 300, 315]);
        let most = typical_gap(&every_quarter).unwrap();
        assert_eq!(most, LEAST);
        let found = gaps(&every_quarter, most);
        let messages: Vec<&str> = found.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages, ["there was no run from 1970-01-01T01:00:00Z to 1970-01-01T05:00:00Z, for 4 hours"]);
        assert_eq!(typical_gap(&runs(&[0, 60, 120, 180])).unwrap(), Duration::from_secs(4 * 60 * 60));
        assert_eq!(gaps(&runs(&[0, 60]), LEAST), []);
    }

    #[test]
    fn one_run_has_no_gap() {
        assert_eq!(typical_gap(&runs(&[5])), None);
        assert_eq!(typical_gap(&[]), None);
        assert_eq!(gaps(&runs(&[5]), Duration::ZERO), []);
    }
}
