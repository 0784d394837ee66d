//! Revisions: any git revision, an instant or a date; and what a run is.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::exit::Exit;
use super::failure::Failure;
use super::recording::HEARTBEAT_REF;
use super::workspace::Workspace;
use crate::record::{CommitKind, Heartbeat, trailer};
use crate::trail::{CommitId, CommitInfo};

/// The commit that a revision names: a git revision, or the last finished run at or before an instant or the end of a date.
pub fn resolve(workspace: &Workspace, revision: &str) -> Result<CommitId, Failure> {
    match instant(revision) {
        Some(at) => at_instant(workspace, revision, at),
        None => Ok(workspace.trail.resolve(revision)?),
    }
}

/// The commit that a revision names as the state to begin behind; `None` for an instant or a date before the first run.
pub fn resolve_start(workspace: &Workspace, revision: &str) -> Result<Option<CommitId>, Failure> {
    match instant(revision) {
        Some(at) => Ok(run_at(workspace, at)?.ok()),
        None => Ok(Some(workspace.trail.resolve(revision)?)),
    }
}

/// The last run and the state before it. A run that saw no change made no commit: then both are the tip.
pub fn last_run(workspace: &Workspace) -> Result<(CommitId, CommitId), Failure> {
    let tip = workspace.tip()?.ok_or_else(no_snapshot)?;
    let heartbeat = workspace.trail.read_ref_blob(HEARTBEAT_REF)?.and_then(|bytes| Heartbeat::read(&bytes));
    let mut run: Option<String> = None;
    let mut from = None;
    for commit in workspace.trail.first_parents(&tip) {
        let commit = commit?;
        match (commit.trailer(trailer::RUN), &run) {
            (None, _) => {}
            (Some(this), None) => {
                if heartbeat.as_ref().is_some_and(|heartbeat| heartbeat.run != this) {
                    return Ok((tip, tip));
                }
                run = Some(this.to_owned());
                from = commit.parents.first().copied();
            }
            (Some(this), Some(run)) if this == run => from = commit.parents.first().copied(),
            (Some(_), Some(_)) => break,
        }
    }
    from.map(|from| (from, tip)).ok_or_else(no_snapshot)
}

/// The commits after `from` up to `to` on the way of first parents, oldest first; `None` where `from` is not on that way.
pub fn commits_between(
    workspace: &Workspace,
    from: &CommitId,
    to: &CommitId,
) -> Result<Option<Vec<CommitInfo>>, Failure> {
    let mut commits = Vec::new();
    for commit in workspace.trail.first_parents(to) {
        let commit = commit?;
        if commit.id == *from {
            commits.reverse();
            return Ok(Some(commits));
        }
        commits.push(commit);
    }
    Ok(None)
}

/// The kind of a commit; `None` where the tool did not make it.
pub fn kind(commit: &CommitInfo) -> Option<CommitKind> {
    commit.trailer(trailer::KIND).and_then(CommitKind::from_word)
}

fn at_instant(workspace: &Workspace, revision: &str, at: DateTime<Utc>) -> Result<CommitId, Failure> {
    run_at(workspace, at)?.map_err(|earliest| {
        let failure = Failure::new(Exit::Usage, format!("there is no run at or before {revision}"));
        match earliest {
            Some(seconds) => failure.hint(format!("the first run was at {}", super::time::of_seconds(seconds))),
            None => failure.hint("`orgtrail snapshot` makes the first run"),
        }
    })
}

/// The state that the last run at or before an instant saw; where there is none, when the first run was.
fn run_at(workspace: &Workspace, at: DateTime<Utc>) -> Result<Result<CommitId, Option<i64>>, Failure> {
    let tip = workspace.tip()?.ok_or_else(no_snapshot)?;
    let mut earliest = None;
    for commit in workspace.trail.first_parents(&tip) {
        let commit = commit?;
        if commit.trailer(trailer::RUN).is_none() || !ends_its_run(&commit) {
            continue;
        }
        if commit.committer.seconds <= at.timestamp() {
            return Ok(Ok(commit.id));
        }
        earliest = Some(commit.committer.seconds);
    }
    Ok(Err(earliest))
}

/// Whether the organisation was ever in the state of a commit: of several observed commits of a run only in that of the last.
fn ends_its_run(commit: &CommitInfo) -> bool {
    let step = commit.trailer(trailer::STEP).and_then(|step| step.split_once('/'));
    step.is_none_or(|(step, steps)| step == steps)
}

/// The instant that a text means: RFC 3339 as it is, a date its end in UTC.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.to_utc());
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    let next = date.succ_opt()?.and_time(NaiveTime::MIN).and_utc();
    Some(next - chrono::TimeDelta::seconds(1))
}

pub(super) fn no_snapshot() -> Failure {
    Failure::new(Exit::Usage, "the trail has no snapshot yet").hint("`orgtrail snapshot` takes the first one")
}
