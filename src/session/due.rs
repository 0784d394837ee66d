//! Which domains a run captures now: every domain of the standard tier, and of the deeper ones those whose turn it is.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::run::RunOptions;
use super::time::instant;
use super::workspace::Workspace;
use crate::capture::{DomainCapture, Portions, Selection, Targets, Trouble, TroubleKind};
use crate::catalogue::Tier;
use crate::model::DomainId;
use crate::record::{Heartbeat, HeartbeatDomain, Resume, RunStatus};

/// What a run captures now.
pub(super) struct Due {
    /// The domains.
    pub(super) selection: Selection,
    /// Those of them that are captured portion by portion.
    pub(super) portions: Portions,
    /// The rounds that are under way.
    pub(super) rounds: BTreeMap<DomainId, Resume>,
}

impl Due {
    pub(super) fn of(workspace: &Workspace, options: &RunOptions, heartbeat: Option<&Heartbeat>) -> Self {
        let config = &workspace.config;
        let mut due = Self {
            selection: options.selection.clone(),
            portions: Portions { requests_left: AtomicUsize::new(config.deep_requests), ..Portions::default() },
            rounds: BTreeMap::new(),
        };
        if !options.by_cadence {
            return due;
        }
        for domain in workspace.catalogue.iter() {
            if domain.tier == Tier::Standard || !due.selection.0.contains(&domain.id) {
                continue;
            }
            let known = heartbeat.and_then(|heartbeat| heartbeat.domains.get(&domain.id));
            if !is_due(known, options.now, config.deep_every) {
                due.selection.0.remove(&domain.id);
                continue;
            }
            let resume = known.and_then(|known| known.resume.clone());
            due.portions.after.insert(domain.id.clone(), resume.as_ref().and_then(|resume| resume.after.clone()));
            due.rounds.extend(resume.map(|resume| (domain.id.clone(), resume)));
        }
        due
    }

    /// Takes up what the audit log tells: also domains whose turn it is not, as following them costs next to nothing. A round
    /// that is under way goes on as it began.
    pub(super) fn followed_by(&mut self, mut targets: Targets, wanted: &Selection) -> Targets {
        targets.0.retain(|id, _| !self.portions.after.contains_key(id));
        self.selection.0.extend(targets.0.keys().filter(|id| wanted.0.contains(*id)).cloned());
        targets
    }

    /// Lets a round that had trouble in an earlier run not end as a complete one.
    pub(super) fn settle(&self, captured: &mut BTreeMap<DomainId, DomainCapture>) {
        for (id, round) in &self.rounds {
            if let (Some(capture), Some(trouble)) = (captured.get_mut(id), &round.trouble)
                && capture.status == RunStatus::Complete
            {
                capture.status = RunStatus::Partial;
                capture.trouble = Some(Trouble { kind: TroubleKind::Failed, cause: trouble.clone() });
            }
        }
    }
}

/// Whether it is a domain's turn: a round is under way, or the last one ended long enough ago.
fn is_due(known: Option<&HeartbeatDomain>, now: DateTime<Utc>, every: Duration) -> bool {
    let Some(known) = known else { return true };
    let ended = known.round_ended_at.as_deref().and_then(instant);
    known.resume.is_some() || ended.is_none_or(|ended| (now - ended).to_std().is_ok_and(|age| age >= every))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_round_that_ended_rests_and_one_under_way_goes_on() {
        let now: DateTime<Utc> = "2026-03-03T12:00:00Z".parse().unwrap();
        let day = Duration::from_secs(24 * 60 * 60);
        let known = |ended: Option<&str>, resume: bool| HeartbeatDomain {
            status: RunStatus::Complete,
            cause: None,
            captured_at: None,
            followed_at: None,
            round_ended_at: ended.map(ToOwned::to_owned),
            resume: resume.then(|| Resume {
                began_at: "2026-03-03T11:00:00Z".to_owned(),
                after: None,
                done: 0,
                parents: 1,
                trouble: None,
            }),
        };
        assert!(is_due(None, now, day));
        assert!(is_due(Some(&known(None, false)), now, day));
        assert!(!is_due(Some(&known(Some("2026-03-02T12:00:01Z"), false)), now, day));
        assert!(is_due(Some(&known(Some("2026-03-02T12:00:00Z"), false)), now, day));
        assert!(is_due(Some(&known(Some("2026-03-03T11:59:00Z"), true)), now, day));
        // A clock that was wrong once must not stop a domain for good, but neither does it make it due.
        assert!(!is_due(Some(&known(Some("2026-04-01T00:00:00Z"), false)), now, day));
    }
}
