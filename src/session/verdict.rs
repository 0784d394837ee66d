//! How a run ends, and what it found that is no change.

use super::exit::{Exit, Exits};
use super::workspace::Workspace;
use crate::capture::{CaptureRun, DomainCapture, Trouble, TroubleKind};
use crate::model::{DomainId, Severity};
use crate::record::{InHistory, Ledger, LedgerStatus, RecordPlan, RunDomain, RunFinding, RunStatus};

/// What became of a domain, for the document of the run.
pub(super) fn run_domain(capture: &DomainCapture, ledger: &Ledger, id: &DomainId) -> RunDomain {
    RunDomain {
        status: capture.status,
        entities: ledger.domains.get(id).map_or(0, |entry| entry.entities),
        expected: capture.promised,
        requests: capture.requests,
        cause: capture.trouble.as_ref().map(|trouble| trouble.cause.clone()),
    }
}

/// How the run ends, and what it found that is no change.
pub(super) fn judge(
    workspace: &Workspace,
    before: &Ledger,
    planned: &RecordPlan,
    captured: &CaptureRun,
) -> (Exits, Vec<RunFinding>) {
    let mut exits = Exits::default();
    let after = &planned.ledger;
    let mut findings: Vec<RunFinding> = planned.in_history.iter().map(in_history).collect();
    let accept = &workspace.config.accept;
    let mut troubles: Vec<&Trouble> = Vec::new();
    for (id, capture) in &captured.domains {
        let is_accepted = matches!(capture.status, RunStatus::Forbidden | RunStatus::Absent) && accept.is_match(id);
        if matches!(capture.status, RunStatus::Complete | RunStatus::Skipped) || is_accepted {
            continue;
        }
        exits.add(Exit::Partial);
        if capture.trouble.as_ref().is_some_and(is_secret) {
            exits.add(Exit::HeldBack);
        }
        troubles.extend(&capture.trouble);
        let status = |ledger: &Ledger| ledger.domains.get(id).map(|entry| entry.status);
        if status(before) == Some(LedgerStatus::Complete) && status(after) != Some(LedgerStatus::Complete) {
            findings.push(RunFinding {
                rule: "coverage-lost".to_owned(),
                severity: Severity::High,
                domain: Some(id.clone()),
                entity: None,
                place: None,
                message: format!("{id} was complete and is {} now", capture.status.as_str()),
                remedy: "Give the OAuth client its permission back, or accept the loss in orgtrail.toml.".to_owned(),
            });
        }
    }
    let is_captured = |capture: &DomainCapture| matches!(capture.status, RunStatus::Complete | RunStatus::Partial);
    let nothing_came = !captured.domains.values().any(is_captured);
    let is_refusal = |trouble: &&Trouble| matches!(trouble.kind, TroubleKind::Forbidden | TroubleKind::Unauthorised);
    if nothing_came && !troubles.iter().all(|trouble| is_secret(trouble)) {
        let exit = if troubles.iter().all(is_refusal) { Exit::Authentication } else { Exit::Upstream };
        let is_held_back = troubles.iter().any(|trouble| is_secret(trouble));
        exits = Exits::from(exit);
        if is_held_back {
            exits.add(Exit::HeldBack);
        }
    }
    (exits, findings)
}

fn is_secret(trouble: &Trouble) -> bool {
    trouble.kind == TroubleKind::Secret
}

/// A secret that was put on record in clear before it was known for one.
fn in_history(found: &InHistory) -> RunFinding {
    let InHistory { domain, entity, place, rule } = found;
    let of = entity.as_ref().map_or_else(|| domain.to_string(), |entity| format!("{domain} {entity}"));
    RunFinding {
        rule: "secret-in-history".to_owned(),
        severity: Severity::High,
        domain: Some(domain.clone()),
        entity: entity.clone(),
        place: Some(place.clone()),
        message: format!("{place} of {of} holds a secret (rule {rule}), and the clear value is in history"),
        remedy: "Rotate the secret: whoever can read the trail can read the old one.".to_owned(),
    }
}
