//! How a run ends, and what it found that is no change.

use super::exit::{Exit, Exits};
use super::workspace::Workspace;
use crate::capture::{CaptureRun, DomainCapture, Trouble, TroubleKind};
use crate::model::{DomainId, Severity};
use crate::record::{Ledger, LedgerStatus, RunDomain, RunFinding, RunStatus};

/// What became of a domain, for the document of the run.
pub(super) fn run_domain(capture: &DomainCapture, ledger: &Ledger, id: &DomainId) -> RunDomain {
    RunDomain {
        status: capture.status,
        entities: ledger.domains.get(id).map_or(0, |entry| entry.entities),
        expected: capture.promised,
        requests: capture.requests,
        cause: cause(capture),
    }
}

/// Why a domain is not complete.
pub(super) fn cause(capture: &DomainCapture) -> Option<String> {
    let under_way = capture.reach.as_ref().filter(|reach| !reach.is_end());
    let under_way = under_way
        .map(|reach| format!("{} of {} parents are captured; the next run goes on", reach.done, reach.parents));
    capture.trouble.as_ref().map(|trouble| trouble.cause.clone()).or(under_way)
}

/// How the run ends, and what it found that is no change.
pub(super) fn judge(
    workspace: &Workspace,
    before: &Ledger,
    after: &Ledger,
    captured: &CaptureRun,
) -> (Exits, Vec<RunFinding>) {
    let mut exits = Exits::default();
    let mut findings = Vec::new();
    let accept = &workspace.config.accept;
    let mut troubles: Vec<&Trouble> = Vec::new();
    for (id, capture) in &captured.domains {
        let is_accepted = matches!(capture.status, RunStatus::Forbidden | RunStatus::Absent) && accept.is_match(id);
        // A portion that ended where it should is all that the run was to capture.
        let is_portion = capture.status == RunStatus::Partial && capture.trouble.is_none();
        if matches!(capture.status, RunStatus::Complete | RunStatus::Skipped) || is_accepted || is_portion {
            continue;
        }
        exits.add(Exit::Partial);
        troubles.extend(&capture.trouble);
        let status = |ledger: &Ledger| ledger.domains.get(id).map(|entry| entry.status);
        if status(before) == Some(LedgerStatus::Complete) && status(after) != Some(LedgerStatus::Complete) {
            findings.push(RunFinding {
                rule: "coverage-lost".to_owned(),
                severity: Severity::High,
                domain: Some(id.clone()),
                message: format!("{id} was complete and is {} now", capture.status.as_str()),
                remedy: "Give the OAuth client its permission back, or accept the loss in orgtrail.toml.".to_owned(),
            });
        }
    }
    let is_captured = |capture: &DomainCapture| matches!(capture.status, RunStatus::Complete | RunStatus::Partial);
    let nothing_came = !captured.domains.values().any(is_captured);
    let is_refusal = |trouble: &&Trouble| matches!(trouble.kind, TroubleKind::Forbidden | TroubleKind::Unauthorised);
    if nothing_came && !troubles.is_empty() {
        let exit = if troubles.iter().all(is_refusal) { Exit::Authentication } else { Exit::Upstream };
        exits = Exits::from(exit);
    }
    (exits, findings)
}
