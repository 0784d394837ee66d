//! How fresh a trail is, from what is in it: when the last run was, what is known how well, what waits to be pushed or explained.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::alerting::undelivered;
use super::attributing::said_by;
use super::failure::Failure;
use super::recording::HEARTBEAT_REF;
use super::time::{instant, of_seconds, written};
use super::verify::remote_view;
use super::workspace::{Workspace, archive};
use crate::integrity::{Fault, findings_in_order};
use crate::model::{DomainId, Evidence, Explained, Finding, Subject};
use crate::record::{Heartbeat, Ledger, LedgerEntry, LedgerStatus, RunStatus, trailer};
use crate::report::{LastRun, RemoteView, Status, StatusDomain};
use crate::trail::{CommitId, CommitInfo};

/// Commits further back than this are no longer asked who made them.
const LOOKED_BACK: TimeDelta = TimeDelta::days(7);

/// How fresh a trail is at an instant. A last run that is older than `max_age` is a finding.
///
/// # Errors
/// [`Failure`] where the trail cannot be read.
pub fn status(workspace: &Workspace, max_age: Option<Duration>, now: DateTime<Utc>) -> Result<Status, Failure> {
    let Workspace { trail, branch, config, .. } = workspace;
    let tip = workspace.tip()?;
    let archive = archive(workspace, tip)?;
    let heartbeat = trail.read_ref_blob(HEARTBEAT_REF)?.and_then(|bytes| Heartbeat::read(&bytes));
    let last_run = last_run(workspace, tip.as_ref(), heartbeat.as_ref(), now)?;
    let remote = match (trail.tracked_tip(&config.remote, branch)?, &tip) {
        (Some(theirs), Some(tip)) => {
            let log = |remote| trail.branch_log(remote, branch);
            remote_view(trail, tip, &theirs, log(None)?.as_ref(), log(Some(&config.remote))?.as_ref())?
        }
        _ if trail.has_remote(&config.remote)? => RemoteView::NeverSeen,
        _ => RemoteView::None,
    };
    let domains = archive.ledger().map(|ledger| domains(workspace, ledger, heartbeat.as_ref())).unwrap_or_default();
    let (pending, mut findings) = explained(workspace, tip.as_ref(), now)?;
    findings.extend(max_age.and_then(|most| overdue(last_run.as_ref(), most)));
    findings.extend(domains.iter().filter_map(|(id, domain)| finding_of(id, domain)));
    Ok(Status {
        org: archive.ledger().map(|ledger| ledger.org.clone()),
        branch: branch.clone(),
        tip: tip
            .map(|tip| trail.commit_info(&tip))
            .transpose()?
            .map(|info| (info.id.to_string(), of_seconds(info.committer.seconds))),
        last_run,
        remote,
        pending,
        domains,
        undelivered: undelivered(workspace)?,
        findings: findings_in_order(findings),
    })
}

/// The last run: what the heartbeat tells of it, or the last commit of one where that is later or there is no heartbeat.
fn last_run(
    workspace: &Workspace,
    tip: Option<&CommitId>,
    heartbeat: Option<&Heartbeat>,
    now: DateTime<Utc>,
) -> Result<Option<LastRun>, Failure> {
    let of_run = |commit: &CommitInfo| commit.trailer(trailer::RUN).map(ToOwned::to_owned);
    let mut committed = None;
    if let Some(tip) = tip {
        for commit in workspace.trail.first_parents(tip) {
            let commit = commit?;
            if let Some(run) = of_run(&commit) {
                committed = Some((run, of_seconds(commit.committer.seconds)));
                break;
            }
        }
    }
    let beat = heartbeat.map(|heartbeat| (heartbeat.run.clone(), heartbeat.time.clone()));
    let is_from_heartbeat = match (&beat, &committed) {
        (Some((_, beat)), Some((_, committed))) => beat >= committed,
        (beat, _) => beat.is_some(),
    };
    let last = if is_from_heartbeat { beat } else { committed };
    Ok(last.map(|(run, at)| {
        let age = instant(&at).and_then(|at| (now - at).to_std().ok()).unwrap_or_default();
        LastRun { run, at, age, is_from_heartbeat }
    }))
}

fn overdue(last_run: Option<&LastRun>, most: Duration) -> Option<Finding> {
    let minutes = most.as_secs() / 60;
    let (message, at) = match last_run {
        Some(last) if last.age <= most => return None,
        Some(last) => (format!("the last run was at {}, more than {minutes} minutes ago", last.at), last.at.clone()),
        None => ("there was no run yet".to_owned(), "never".to_owned()),
    };
    Some(Fault::RunOverdue.finding(Subject::Trail, message, vec![Evidence::new("last run", at)]))
}

fn domains(workspace: &Workspace, ledger: &Ledger, heartbeat: Option<&Heartbeat>) -> BTreeMap<DomainId, StatusDomain> {
    let of = |id: &DomainId, entry: &LedgerEntry| {
        let beat = heartbeat.and_then(|heartbeat| heartbeat.domains.get(id));
        StatusDomain {
            status: entry.status,
            last_run: beat.map(|beat| beat.status),
            // A portion that ended where it should is no trouble.
            is_under_way: beat.is_some_and(|beat| beat.resume.as_ref().is_some_and(|resume| resume.trouble.is_none())),
            cause: beat.and_then(|beat| beat.cause.clone()),
            captured_at: beat.and_then(|beat| beat.captured_at.clone()),
            followed_at: beat.and_then(|beat| beat.followed_at.clone()),
            entities: entry.entities,
            was_complete: entry.digest.is_some(),
            is_accepted: workspace.config.accept.is_match(id),
        }
    };
    ledger.domains.iter().map(|(id, entry)| (id.clone(), of(id, entry))).collect()
}

fn finding_of(id: &DomainId, domain: &StatusDomain) -> Option<Finding> {
    let status = domain.status.as_str();
    let (fault, message) = match domain.status {
        LedgerStatus::Forbidden | LedgerStatus::Absent if domain.is_accepted => return None,
        LedgerStatus::Forbidden | LedgerStatus::Absent if domain.was_complete => {
            (Fault::CoverageLost, format!("{id} was complete and is {status} now"))
        }
        LedgerStatus::Forbidden | LedgerStatus::Absent => (Fault::CoverageMissing, format!("{id} is {status}")),
        LedgerStatus::Stale => {
            let since = domain.captured_at.as_deref().unwrap_or("an unknown time");
            (Fault::DomainStale, format!("{id} was last captured whole at {since}"))
        }
        LedgerStatus::Complete if !domain.is_under_way => match domain.last_run {
            Some(run @ (RunStatus::Partial | RunStatus::Failed)) => {
                let cause = domain.cause.as_deref().unwrap_or("no cause is known");
                (Fault::DomainIncomplete, format!("{id} was {} in its last run: {cause}", run.as_str()))
            }
            _ => return None,
        },
        LedgerStatus::Complete | LedgerStatus::Skipped => return None,
    };
    let evidence = vec![Evidence::new("status", status)];
    Some(fault.finding(Subject::Domain(id.clone()), message, evidence))
}

/// How many of the last commits wait for an audit record, and a finding for each that none explains.
fn explained(
    workspace: &Workspace,
    tip: Option<&CommitId>,
    now: DateTime<Utc>,
) -> Result<(u64, Vec<Finding>), Failure> {
    let (mut pending, mut findings) = (0, Vec::new());
    let settle = TimeDelta::from_std(workspace.config.attribution_settle).unwrap_or(LOOKED_BACK);
    let commits = tip.map(|tip| workspace.trail.first_parents(tip));
    for commit in commits.into_iter().flatten() {
        let commit = commit?;
        let at = DateTime::from_timestamp(commit.committer.seconds, 0).unwrap_or_default();
        if commit.trailer(trailer::RUN).is_some() && at < now - LOOKED_BACK {
            break;
        }
        if super::kind(&commit) != Some(crate::record::CommitKind::Observed) {
            continue;
        }
        let note = workspace.trail.note(&commit.id)?;
        match said_by(&commit, note.as_deref()).in_sum().explained {
            Explained::Pending if at >= now - settle => pending += 1,
            Explained::Pending | Explained::None => {
                let message = format!("no audit record explains what was seen at {}: {}", written(at), commit.subject);
                findings.push(Fault::Unexplained.finding(Subject::Commit(commit.id.to_string()), message, Vec::new()));
            }
            _ => {}
        }
    }
    Ok((pending, findings))
}
