//! The way from a commit back by first parents.

use crate::integrity::{ChainCommit, Fault};
use crate::model::{Evidence, Finding, Subject};
use crate::record::SNAPSHOT_DIR;
use crate::session::time::of_seconds;
use crate::session::{Exit, Failure, Workspace};
use crate::trail::{CommitId, FileTurn, REBUILT, TrailError};

/// The commits on the way.
pub(super) struct Walked {
    /// Those to check, oldest first.
    pub(super) ids: Vec<CommitId>,
    /// The one before them, which is taken as it is; none where they begin with the first one.
    pub(super) base: Option<CommitId>,
    /// Whether they begin with the first one there is.
    pub(super) is_whole: bool,
    /// Why they do not, where nobody asked for it.
    pub(super) findings: Vec<Finding>,
}

/// Goes back from a commit to the first one, or to the one to begin behind.
pub(super) fn walk(workspace: &Workspace, to: CommitId, since: Option<CommitId>) -> Result<Walked, Failure> {
    let trail = &workspace.trail;
    let mut ids: Vec<CommitId> = Vec::new();
    let mut walked = Walked { ids: Vec::new(), base: None, is_whole: true, findings: Vec::new() };
    let mut next = Some(to);
    while let Some(id) = next.take() {
        if Some(id) == since {
            walked.base = since;
            break;
        }
        match trail.commit_info(&id) {
            Ok(commit) => {
                next = commit.parents.first().copied();
                ids.push(id);
            }
            Err(error) => {
                walked.findings.push(unreadable(&id, &error.to_string()));
                walked.is_whole = false;
            }
        }
    }
    if let Some(since) = since.filter(|_| walked.base.is_none() && walked.is_whole) {
        let message = format!("{} is not on the way of first parents from {}", since.short(), to.short());
        return Err(Failure::new(Exit::Usage, message).hint("`git log --first-parent` lists the commits that are"));
    }
    if walked.base.is_none() && walked.is_whole && trail.is_shallow() {
        // The last commit that a shallow clone knows cannot be compared with the one before it.
        walked.base = ids.pop();
        if let Some(base) = walked.base {
            let message =
                format!("this clone is shallow: it could not be told what is in {} and before it", base.short());
            let subject = Subject::Commit(base.to_string());
            walked.findings.push(Fault::HistoryCut.finding(subject, message, Vec::new()));
        }
    }
    walked.is_whole &= walked.base.is_none();
    ids.reverse();
    walked.ids = ids;
    Ok(walked)
}

pub(super) fn unreadable(id: &CommitId, why: &str) -> Finding {
    let message =
        format!("something of the history cannot be read, and it could not be told what is in it and before it: {why}");
    Fault::Unreadable.finding(Subject::Commit(id.to_string()), message, Vec::new())
}

/// A commit with what it changes, and the files under `snapshot/` that it changes.
pub(super) fn chain_commit(workspace: &Workspace, id: &CommitId) -> Result<(ChainCommit, Vec<FileTurn>), TrailError> {
    let trail = &workspace.trail;
    let info = trail.commit_info(id)?;
    let parent = info.parents.first();
    let snapshot = |commit: &CommitId| trail.tree_entry(commit, SNAPSHOT_DIR);
    let touches = snapshot(id)? != parent.map(snapshot).transpose()?.flatten();
    let turns = trail.files_between(parent, id, "")?;
    let is_inside = |turn: &FileTurn| {
        turn.path.strip_prefix(SNAPSHOT_DIR).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let (inside, outside): (Vec<FileTurn>, Vec<FileTurn>) = turns.into_iter().partition(is_inside);
    let paths = |turns: &[FileTurn]| turns.iter().map(|turn| turn.path.clone()).collect();
    let former = info.trailers.iter().filter(|(name, _)| name == REBUILT).map(|(_, id)| id.clone());
    let commit = ChainCommit {
        id: id.to_string(),
        parents: info.parents.iter().map(ToString::to_string).collect(),
        former: former.collect(),
        at: of_seconds(info.committer.seconds),
        seconds: info.committer.seconds,
        committer: info.committer.name,
        email: info.committer.email,
        subject: info.subject,
        trailers: info.trailers,
        touches,
        inside: paths(&inside),
        outside: paths(&outside),
    };
    Ok((commit, inside))
}

/// What shows in which commit a finding was made.
pub(super) fn in_commit(mut finding: Finding, id: &CommitId) -> Finding {
    if finding.evidence.iter().all(|one| one.name != "commit") {
        finding.evidence.push(Evidence::new("commit", id.to_string()));
    }
    finding
}
