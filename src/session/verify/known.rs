//! What the repository knows besides the history: where the branch and that of the remote were, the heartbeat, notes.

use std::collections::BTreeSet;

use super::Read;
use crate::integrity::{ChainCommit, Fault, Role, gaps, typical_gap};
use crate::model::{Evidence, Finding, Subject};
use crate::record::{Heartbeat, trailer};
use crate::report::RemoteView;
use crate::session::time::instant;
use crate::session::{Failure, HEARTBEAT_REF, Workspace};
use crate::trail::{Abandoned, BranchLog, CommitId, Trail};

/// Compares a history with everything that was known of it at another time.
pub(super) fn check(read: &Read<'_>) -> Result<(RemoteView, Vec<Finding>), Failure> {
    let mut findings = Vec::new();
    if !read.is_to_tip {
        return Ok((RemoteView::NotAsked, findings));
    }
    let Workspace { trail, branch, config, .. } = read.workspace;
    let own_log = trail.branch_log(None, branch)?;
    if let Some(log) = &own_log {
        findings.extend(lost(read, log, "the branch")?);
    }
    let remote = match trail.tracked_tip(&config.remote, branch)? {
        None if trail.has_remote(&config.remote)? => RemoteView::NeverSeen,
        None => RemoteView::None,
        Some(theirs) => {
            let name = format!("{}/{branch}", config.remote);
            let their_log = trail.branch_log(Some(&config.remote), branch)?;
            if let Some(log) = &their_log {
                findings.extend(lost(read, log, &name)?);
            }
            let view = remote_view(trail, &read.to, &theirs, own_log.as_ref(), their_log.as_ref())?;
            if view == RemoteView::Contradicts && findings.is_empty() {
                let message = format!(
                    "{name} was at {} when it was last seen, which is not part of this history",
                    theirs.short()
                );
                let evidence = vec![Evidence::new("reference", name)];
                findings.push(Fault::HistoryRewritten.finding(Subject::Commit(theirs.to_string()), message, evidence));
            }
            view
        }
    };
    findings.extend(heartbeat(read, remote)?);
    if read.is_whole {
        findings.extend(notes(read)?);
    }
    Ok((remote, findings))
}

/// Commits of the tool that somebody moved a branch away from.
fn lost(read: &Read<'_>, log: &BranchLog, what: &str) -> Result<Vec<Finding>, Failure> {
    let trail = &read.workspace.trail;
    let mut findings = Vec::new();
    for Abandoned { commit, reason } in &log.abandoned {
        let gone = trail.only_in(commit, &read.to)?;
        let mut own = 0_usize;
        for id in &gone {
            let is_own =
                super::history::chain_commit(read.workspace, id).is_ok_and(|(commit, _)| commit.role() == Role::Tool);
            own += usize::from(is_own && !read.rebuilt(id));
        }
        if own > 0 {
            let message = format!(
                "{what} was at {} once, and {} of orgtrail that led there {} not part of this history: {reason}",
                commit.short(),
                if own == 1 { "a commit".to_owned() } else { format!("{own} commits") },
                if own == 1 { "is" } else { "are" },
            );
            let evidence = vec![Evidence::new("reference", what)];
            findings.push(Fault::HistoryRewritten.finding(Subject::Commit(commit.to_string()), message, evidence));
        }
    }
    Ok(findings)
}

/// How the remote's branch, as it was last seen, and this history go together.
pub(in crate::session) fn remote_view(
    trail: &Trail,
    tip: &CommitId,
    theirs: &CommitId,
    own_log: Option<&BranchLog>,
    their_log: Option<&BranchLog>,
) -> Result<RemoteView, Failure> {
    if !trail.has_commit(theirs)? {
        return Ok(RemoteView::Contradicts);
    }
    if trail.is_ancestor(theirs, tip)? {
        let ahead = trail.only_in(tip, theirs)?.len();
        return Ok(RemoteView::Agrees { unpushed: u64::try_from(ahead).unwrap_or(u64::MAX) });
    }
    if trail.is_ancestor(tip, theirs)? {
        // A branch that has never been there lags behind; one that has been was set back.
        let was_there = own_log.is_some_and(|log| log.been_at.contains(theirs));
        return Ok(if was_there { RemoteView::Contradicts } else { RemoteView::Ahead });
    }
    // What was never pushed and what others pushed since stand side by side until the next run rebuilds the one on the other.
    // That can be told from a history that was rewritten only where it is known where both branches have been.
    let never_here = own_log.is_some_and(|log| !log.been_at.contains(theirs));
    let always_grew = their_log.is_some_and(|log| log.abandoned.is_empty());
    Ok(if never_here && always_grew { RemoteView::Beside } else { RemoteView::Contradicts })
}

fn heartbeat(read: &Read<'_>, remote: RemoteView) -> Result<Vec<Finding>, Failure> {
    let missing = |message: String| vec![Fault::HeartbeatMissing.finding(Subject::Trail, message, Vec::new())];
    let bytes = read.workspace.trail.read_ref_blob(HEARTBEAT_REF)?;
    let last = read.tools().next_back().map(|(_, commit)| commit);
    let Some(heartbeat) = bytes.and_then(|bytes| Heartbeat::read(&bytes)) else {
        let is_expected = last.is_some();
        return Ok(if is_expected {
            missing("there is no heartbeat, which every run leaves".to_owned())
        } else {
            Vec::new()
        });
    };
    let mut findings = Vec::new();
    if let Some(last) = last.filter(|last| heartbeat.time < last.at) {
        findings.extend(missing(format!("the heartbeat is of {}, and the last commit of {}", heartbeat.time, last.at)));
    }
    let digest = |commit: &ChainCommit| commit.trailer(trailer::DIGEST).map(ToOwned::to_owned);
    let known: BTreeSet<String> = read.tools().filter_map(|(_, commit)| digest(commit)).collect();
    // A heartbeat may have been fetched before the branch was.
    let may_be_elsewhere = matches!(remote, RemoteView::Ahead | RemoteView::Beside) || !read.is_whole;
    if let Some(digest) = heartbeat.digest.as_ref().filter(|digest| !known.contains(*digest) && !may_be_elsewhere) {
        let message = format!(
            "the last run, {}, ended with another state than any commit of this history has: what it put on record is gone",
            heartbeat.run
        );
        let evidence = vec![Evidence::new("run", &*heartbeat.run), Evidence::new("digest", digest)];
        findings.push(Fault::HistoryRewritten.finding(Subject::Trail, message, evidence));
    }
    let runs: Vec<_> = heartbeat.runs.iter().filter_map(|at| instant(at)).collect();
    if let Some(most) = read.options.max_gap.or_else(|| typical_gap(&runs)) {
        findings.extend(gaps(&runs, most));
    }
    Ok(findings)
}

/// Notes of commits that are not part of the history, and were not before they were rebuilt.
fn notes(read: &Read<'_>) -> Result<Vec<Finding>, Failure> {
    let here: BTreeSet<&CommitId> = read.commits.iter().map(|(id, _)| id).collect();
    let mut findings = Vec::new();
    for commit in read.workspace.trail.noted()? {
        if !here.contains(&commit) && !read.rebuilt(&commit) {
            let message = format!("there is a note about {}, which is not part of this history", commit.short());
            findings.push(Fault::NoteAstray.finding(Subject::Commit(commit.to_string()), message, Vec::new()));
        }
    }
    Ok(findings)
}

impl Read<'_> {
    /// Whether a commit is what a commit of the history was before the tool rebuilt it.
    fn rebuilt(&self, id: &CommitId) -> bool {
        let text = id.to_string();
        self.commits.iter().any(|(_, commit)| commit.former.contains(&text))
    }
}
