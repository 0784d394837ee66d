//! Where findings that are no changes come from: what runs found, what `status` says, and the checks that `[alerts] audits` names.
//!
//! A check is a line in [`audit`] and a word in [`crate::alert::AUDITS`].

use chrono::{DateTime, Utc};

use crate::canonical::Digest;
use crate::integrity::Fault;
use crate::model::{Explained, Finding, Subject};
use crate::record::{Heartbeat, HeartbeatFinding, RunFinding};
use crate::report::Findings;
use crate::session::recording::HEARTBEAT_REF;
use crate::session::revision::last_run;
use crate::session::verify::{VerifyOptions, verify};
use crate::session::{Failure, Workspace, acknowledge_findings, check_acks, compare, status};

/// What holds at present, with who can say that it is over.
pub(super) struct Holding {
    pub(super) source: &'static str,
    pub(super) findings: Vec<Finding>,
}

/// What a run found that happened once.
pub(super) struct Once {
    pub(super) run: String,
    pub(super) at: String,
    pub(super) finding: Finding,
    pub(super) explained: Option<Explained>,
}

/// The rules of what runs find that `status` tells for as long as it holds.
fn is_told_by_status(rule: &str) -> bool {
    rule == Fault::CoverageLost.id()
}

/// The rules of what `status` says that a run told with more of what it is about.
fn is_told_by_runs(rule: &str) -> bool {
    rule == Fault::Unexplained.id()
}

/// Everything that holds at present: what `status` says, and the checks that the settings name.
pub(super) fn holding(workspace: &Workspace, now: DateTime<Utc>) -> Result<Vec<Holding>, Failure> {
    let mut all = Vec::new();
    let found = status(workspace, workspace.config.alerts.max_age, now)?.findings;
    let own = found.into_iter().filter(|finding| !is_told_by_runs(&finding.rule)).collect();
    all.push(Holding { source: "status", findings: own });
    for name in crate::alert::AUDITS {
        if workspace.config.alerts.audits.iter().any(|wanted| wanted == name) {
            all.push(Holding { source: name, findings: audit(name, workspace, now)? });
        }
    }
    for one in &mut all {
        let found = Findings { findings: std::mem::take(&mut one.findings), ..Findings::default() };
        let seen = acknowledge_findings(workspace, found, now.date_naive())?.findings;
        one.findings = seen.into_iter().filter(|finding| finding.acknowledged.is_none()).collect();
    }
    Ok(all)
}

/// What a check finds, by the word that the settings have for it.
pub(super) fn audit(name: &str, workspace: &Workspace, now: DateTime<Utc>) -> Result<Vec<Finding>, Failure> {
    match name {
        "acks" => {
            let (from, to) = last_run(workspace)?;
            let set = compare(workspace, from, to, &crate::session::Unobserved)?;
            Ok(check_acks(workspace, &set, now.date_naive())?.findings)
        }
        "verify" => {
            let options = VerifyOptions { until: None, since: None, max_gap: None, now };
            Ok(verify(workspace, &options)?.0.findings)
        }
        _ => Ok(Vec::new()),
    }
}

/// What runs found that happened once, after an instant (RFC 3339); of none where nothing was told yet but the last run.
pub(super) fn once(workspace: &Workspace, after: Option<&str>) -> Result<(Vec<Once>, Option<String>), Failure> {
    let heartbeat = workspace.trail.read_ref_blob(HEARTBEAT_REF)?.and_then(|bytes| Heartbeat::read(&bytes));
    let Some(heartbeat) = heartbeat else { return Ok((Vec::new(), None)) };
    let is_new = |one: &&HeartbeatFinding| after.map_or(one.at == heartbeat.time, |after| one.at.as_str() > after);
    let new = heartbeat.findings.iter().filter(is_new).filter(|one| !is_told_by_status(&one.finding.rule));
    let is_first = |one: &&HeartbeatFinding| {
        // What the run before found as well goes on, and was told.
        let before = heartbeat.runs.iter().filter(|at| **at < one.at).max();
        let is_same = |other: &HeartbeatFinding| Some(&other.at) == before && other.finding == one.finding;
        !heartbeat.findings.iter().any(is_same)
    };
    let found = new.filter(is_first).map(|one| Once {
        run: one.run.clone(),
        at: one.at.clone(),
        finding: of_run(&one.finding),
        explained: (one.finding.rule == Fault::Unexplained.id()).then_some(Explained::None),
    });
    Ok((found.collect(), Some(heartbeat.time.clone())))
}

/// A finding of a run in the form of all findings.
fn of_run(found: &RunFinding) -> Finding {
    let RunFinding { rule, severity, domain, entity, place, message, remedy, actors } = found;
    let subject = match (domain, entity) {
        (Some(domain), Some(key)) => {
            Subject::Entity { domain: domain.clone(), key: key.clone(), name: None, path: None }
        }
        (Some(domain), None) => Subject::Domain(domain.clone()),
        (None, _) => Subject::Trail,
    };
    let parts = [
        rule.as_str(),
        domain.as_ref().map_or("", crate::model::DomainId::as_str),
        entity.as_ref().map_or("", crate::model::EntityKey::as_str),
        place.as_deref().unwrap_or_default(),
        message,
    ];
    Finding {
        rule: rule.clone(),
        severity: *severity,
        subject,
        message: message.clone(),
        remedy: remedy.clone(),
        evidence: place.iter().map(|place| crate::model::Evidence::new("place", place)).collect(),
        actors: actors.clone(),
        place: None,
        fingerprint: Digest::of(parts.join("\n").as_bytes()).short(),
        acknowledged: None,
    }
}
