//! Which change of the configuration may have made a flow fail: when the errors began, and what changed before that within reach.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::moment::moment;
use crate::catalogue::embedded_file;
use crate::model::{Actor, DomainId, EntityKey, Severity};

/// How what may be the cause is weighed, as data.
const FILE: &str = "execution/suspects.toml";

/// When the errors of a flow began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Onset {
    /// The first error of those that came thicker than before.
    pub began: DateTime<Utc>,
    /// How many came since.
    pub errors: usize,
    /// How many there were before it.
    pub before: usize,
}

/// A change that may be the cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The fingerprint of the change.
    pub fingerprint: String,
    /// The commit that has it.
    pub commit: String,
    /// The domain of what changed.
    pub domain: DomainId,
    /// The key of what changed.
    pub key: EntityKey,
    /// What it is called.
    pub name: Option<String>,
    /// How much the change matters.
    pub severity: Severity,
    /// What happened, as a sentence.
    pub message: String,
    /// Who did it.
    pub actors: Vec<Actor>,
    /// From when on it can have been made: the run before did not see it.
    pub earliest: DateTime<Utc>,
    /// By when it was made: the audit log says so, or a run saw it.
    pub latest: DateTime<Utc>,
    /// How many steps lead from the flow to what changed; absent where none do.
    pub distance: Option<usize>,
}

/// A change with its weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// The change.
    pub candidate: Candidate,
    /// How likely it is the cause, from 0 to 1, next to the others.
    pub score: f64,
    /// Why, in words.
    pub because: Vec<String>,
}

/// How candidates are weighed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    lookback: String,
    half_life: String,
    step: f64,
    /// The most steps between a flow and what made it fail.
    pub depth: usize,
    severity: BTreeMap<Severity, f64>,
}

/// When errors began to come thicker than before: of all moments at which one came, the one that divides the window most clearly
/// into a time with few and a time with many. `None` without errors.
///
/// `errors` are in order of time, and in the window.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts and milliseconds of some days are exact in a double")]
pub fn onset(errors: &[DateTime<Utc>], from: DateTime<Utc>, to: DateTime<Utc>) -> Option<Onset> {
    let milliseconds = |length: TimeDelta| length.num_milliseconds().max(1) as f64;
    // The logarithm of how likely so many events are in so much time, as far as it depends on where the time is divided.
    let likely = |count: usize, time: f64| if count == 0 { 0.0 } else { count as f64 * (count as f64 / time).ln() };
    let mut best: Option<(f64, usize)> = None;
    for (index, at) in errors.iter().enumerate() {
        let (before, after) = (index, errors.len() - index);
        let (quiet, busy) = (milliseconds(*at - from), milliseconds(to - *at));
        if (after as f64) / busy < (before as f64) / quiet {
            continue;
        }
        let fit = likely(before, quiet) + likely(after, busy);
        if best.is_none_or(|(found, _)| fit > found) {
            best = Some((fit, index));
        }
    }
    let index = best.map_or(0, |(_, index)| index);
    errors.get(index).map(|began| Onset { began: *began, errors: errors.len() - index, before: index })
}

impl Weights {
    /// What is compiled in.
    ///
    /// # Errors
    /// What is wrong with the file, which the tests read.
    pub fn built_in() -> Result<Self, toml::de::Error> {
        toml::from_str(embedded_file(FILE).unwrap_or_default())
    }

    /// The first moment that a change is looked at from.
    #[must_use]
    pub fn since(&self, began: DateTime<Utc>) -> DateTime<Utc> {
        moment(&format!("-{}", self.lookback), began).unwrap_or(began)
    }

    /// The candidates that can be the cause, the likeliest first.
    #[must_use]
    pub fn ranked(&self, onset: &Onset, candidates: Vec<Candidate>) -> Vec<Suspect> {
        let mut suspects: Vec<Suspect> =
            candidates.into_iter().filter_map(|candidate| self.suspect(onset, candidate)).collect();
        suspects.sort_by(|left, right| {
            let other = |one: &Suspect| (one.candidate.latest, one.candidate.fingerprint.clone());
            right.score.total_cmp(&left.score).then_with(|| other(right).cmp(&other(left)))
        });
        suspects
    }

    fn suspect(&self, onset: &Onset, candidate: Candidate) -> Option<Suspect> {
        let distance = candidate.distance?;
        let began = onset.began;
        if candidate.earliest > began || candidate.latest < self.since(began) {
            return None;
        }
        let age = (began - candidate.latest).max(TimeDelta::zero());
        // A run that came after the errors may have seen what was changed before them: as likely as the share of that time.
        let before = seconds((began - candidate.earliest).max(TimeDelta::zero()));
        let span = seconds(candidate.latest - candidate.earliest);
        let share = if candidate.latest > began { before / span.max(1.0) } else { 1.0 };
        let of_time = share * 0.5_f64.powf(seconds(age) / seconds(self.half_life()).max(1.0));
        let of_reach = (1.0 - self.step).powi(i32::try_from(distance).unwrap_or(i32::MAX));
        let of_severity = self.severity.get(&candidate.severity).copied().unwrap_or_default();
        let minutes = age.num_minutes();
        let time = match (minutes, candidate.latest > began) {
            (_, true) => "made between the run before the errors and the one after them".to_owned(),
            (0, false) => "made within the minute before the errors began".to_owned(),
            (minutes, false) => format!("made {minutes} minutes before the errors began"),
        };
        let reach = match distance {
            0 => "of the flow itself".to_owned(),
            1 => "of something that the flow uses".to_owned(),
            steps => format!("of something that the flow uses in {steps} steps"),
        };
        let because = vec![time, reach, format!("judged {}", candidate.severity)];
        Some(Suspect { candidate, score: of_time * of_reach * of_severity, because })
    }

    fn half_life(&self) -> TimeDelta {
        let now = DateTime::<Utc>::UNIX_EPOCH;
        moment(&format!("-{}", self.half_life), now).map_or(TimeDelta::hours(1), |then| now - then)
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds of some days are exact in a double")]
fn seconds(length: TimeDelta) -> f64 {
    length.num_seconds() as f64
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-03-03T{text}Z").parse().unwrap()
    }

    fn candidate(name: &str, time: &str, severity: Severity, distance: Option<usize>) -> Candidate {
        Candidate {
            fingerprint: name.to_owned(),
            commit: "c".to_owned(),
            domain: "routing.queues".parse().unwrap(),
            key: EntityKey::new(name),
            name: None,
            severity,
            message: "changed".to_owned(),
            actors: Vec::new(),
            earliest: at(time) - TimeDelta::minutes(15),
            latest: at(time),
            distance,
        }
    }

    #[test]
    fn the_onset_is_where_errors_come_thicker() {
        let (from, to) = (at("08:00:00"), at("12:00:00"));
        assert_eq!(onset(&[], from, to), None);
        let alone = onset(&[at("09:00:00")], from, to).unwrap();
        assert_eq!((alone.began, alone.errors), (at("09:00:00"), 1));
        let mut errors = vec![at("08:10:00"), at("08:50:00"), at("09:30:00")];
        errors.extend((0..60).map(|minute| at("11:00:00") + TimeDelta::minutes(minute)));
        let found = onset(&errors, from, to).unwrap();
        assert_eq!((found.began, found.errors, found.before), (at("11:00:00"), 60, 3));
    }

    #[test]
    fn what_is_nearer_in_time_and_reach_and_worse_comes_first() {
        let weights = Weights::built_in().unwrap();
        let onset = Onset { began: at("11:00:00"), errors: 60, before: 3 };
        let ranked = weights.ranked(
            &onset,
            vec![
                candidate("old", "03:00:00", Severity::High, Some(1)),
                candidate("after", "11:30:00", Severity::Critical, Some(0)),
                candidate("elsewhere", "10:59:00", Severity::Critical, None),
                candidate("cause", "10:50:00", Severity::High, Some(1)),
                candidate("far", "10:55:00", Severity::High, Some(4)),
                candidate("small", "10:58:00", Severity::Low, Some(1)),
                candidate("seen late", "11:05:00", Severity::Medium, Some(2)),
            ],
        );
        let order: Vec<&str> = ranked.iter().map(|suspect| suspect.candidate.fingerprint.as_str()).collect();
        assert_eq!(order, ["cause", "far", "seen late", "small", "old"]);
        assert!(ranked.iter().all(|suspect| suspect.score > 0.0 && suspect.score <= 1.0));
        assert_eq!(
            ranked[0].because,
            ["made 10 minutes before the errors began", "of something that the flow uses", "judged high"]
        );
    }
}
