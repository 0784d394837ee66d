//! How a run ends, and what it found that is no change.

use std::collections::BTreeMap;

use super::exit::{Exit, Exits};
use super::workspace::Workspace;
use crate::capture::{CaptureRun, DomainCapture, Trouble, TroubleKind};
use crate::model::{DomainId, EntitySource, Severity};
use crate::policy::Names;
use crate::record::{InHistory, Ledger, LedgerStatus, RecordPlan, RunDomain, RunFinding, RunStatus};

/// What became of a domain, for the document of the run.
pub(super) fn run_domain(capture: &DomainCapture, ledger: &Ledger, id: &DomainId) -> RunDomain {
    RunDomain {
        status: capture.status,
        entities: ledger.domains.get(id).map_or(0, |entry| entry.entities),
        expected: capture.promised,
        received: capture.received,
        pages: capture.pages,
        requests: capture.requests,
        targeted: capture.is_targeted,
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
///
/// `grants` are the client's own as an earlier run saw them, `names` the state after the run, to call roles and divisions by
/// their names.
pub(super) fn judge(
    workspace: &Workspace,
    before: &Ledger,
    planned: &RecordPlan,
    captured: &CaptureRun,
    grants: Option<&[String]>,
    names: &dyn EntitySource,
) -> (Exits, Vec<RunFinding>) {
    let mut exits = Exits::default();
    let after = &planned.ledger;
    let mut findings = lost_views(workspace, before, captured, grants, names);
    findings.extend(planned.in_history.iter().map(in_history));
    findings.extend(planned.anew.iter().map(begun_anew));
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
        if capture.trouble.as_ref().is_some_and(is_secret) {
            exits.add(Exit::HeldBack);
        }
        troubles.extend(&capture.trouble);
        let status = |ledger: &Ledger| ledger.domains.get(id).map(|entry| entry.status);
        if status(before) == Some(LedgerStatus::Complete) && status(after) != Some(LedgerStatus::Complete) {
            findings.push(RunFinding {
                rule: "coverage-lost".to_owned(),
                actors: Vec::new(),
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
        actors: Vec::new(),
        severity: Severity::High,
        domain: Some(domain.clone()),
        entity: entity.clone(),
        place: Some(place.clone()),
        message: format!("{place} of {of} holds a secret (rule {rule}), and the clear value is in history"),
        remedy: "Rotate the secret: whoever can read the trail can read the old one.".to_owned(),
    }
}

/// What is told of a domain whose stored form could not be migrated.
fn begun_anew(id: &DomainId) -> RunFinding {
    RunFinding {
        rule: "new-baseline".to_owned(),
        actors: Vec::new(),
        severity: Severity::Medium,
        domain: Some(id.clone()),
        entity: None,
        place: None,
        message: format!("{id} begins anew: its entities have other keys than those on record"),
        remedy: "Compare the two by hand where what changed in between matters.".to_owned(),
    }
}

/// What the client could see and cannot any more: grants of its own, and divisions whose entities vanished.
fn lost_views(
    workspace: &Workspace,
    before: &Ledger,
    captured: &CaptureRun,
    grants: Option<&[String]>,
    names: &dyn EntitySource,
) -> Vec<RunFinding> {
    let known = Names::new(&workspace.catalogue, names, names);
    let called = |id: &str| match known.of_id(id) {
        Some(name) => format!("{name} ({id})"),
        None => id.to_owned(),
    };
    let lost = captured.view.lost(before.view.as_deref(), grants).unwrap_or_default();
    let mut findings: Vec<RunFinding> = lost
        .iter()
        .map(|grant| {
            let (role, division) = grant.split_once(' ').unwrap_or((grant, ""));
            RunFinding {
                rule: "permission-lost".to_owned(),
                actors: Vec::new(),
                severity: Severity::High,
                domain: None,
                entity: None,
                place: None,
                message: format!(
                    "the OAuth client lost the role {} in the division {}",
                    called(role),
                    called(division)
                ),
                remedy: "Give the role back. Until every domain was captured whole without it, no removal is recorded."
                    .to_owned(),
            }
        })
        .collect();
    let mut divisions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, capture) in &captured.domains {
        for division in &capture.out_of_view {
            divisions.entry(division).or_default().push(id.as_str());
        }
    }
    findings.extend(divisions.into_iter().map(|(division, domains)| {
        RunFinding {
            rule: "division-out-of-view".to_owned(),
            actors: Vec::new(),
            severity: Severity::High,
            domain: None,
            entity: None,
            place: None,
            message: format!("nothing of the division {} is seen any more in {}", called(division), domains.join(", ")),
            remedy: "Check the divisions of the OAuth client's roles; if everything there was deleted, take it with \
                 `orgtrail snapshot --accept-removals GLOB`."
                .to_owned(),
        }
    }));
    findings
}
