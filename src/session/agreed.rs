//! What is agreed: the branch that holds it, and the run that it was taken from.

use super::exit::Exit;
use super::failure::Failure;
use super::workspace::Workspace;
use crate::record::{SNAPSHOT_DIR, trailer};
use crate::trail::{CommitId, CommitInfo};

/// What is agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The tip of the branch that holds it.
    pub commit: CommitId,
    /// The commit of the observed branch that it was last brought up to; absent where that cannot be told, because somebody
    /// wrote the branch by other means.
    pub observed: Option<CommitId>,
    /// The commit of the observed branch that was last agreed to as a whole: what is open may be as old. Absent likewise.
    pub since: Option<CommitId>,
}

impl Agreed {
    /// What is agreed; `None` where nothing is yet.
    ///
    /// The branch is the local one or the remote's as it was last fetched, whichever goes further: a pull request is merged on
    /// the remote.
    ///
    /// # Errors
    /// [`Failure`] where the two went different ways.
    pub fn of(workspace: &Workspace) -> Result<Option<Self>, Failure> {
        let Some(commit) = tip(workspace, &workspace.config.approved)? else { return Ok(None) };
        Self::at(workspace, commit).map(Some)
    }

    /// What was agreed by a commit of the branch that holds it.
    pub(super) fn at(workspace: &Workspace, commit: CommitId) -> Result<Self, Failure> {
        let mut whole = commit;
        for approval in workspace.trail.first_parents(&commit) {
            let approval = approval?;
            whole = approval.id;
            if approval.trailer(trailer::APPROVED).is_none() {
                break;
            }
        }
        let observed = observed(workspace, &commit)?;
        let since = if whole == commit { observed } else { self::observed(workspace, &whole)? };
        Ok(Self { commit, observed, since })
    }

    /// What is agreed, or how to agree.
    ///
    /// # Errors
    /// [`Failure`] where nothing is agreed yet.
    pub fn or_fail(workspace: &Workspace) -> Result<Self, Failure> {
        Self::of(workspace)?.ok_or_else(|| {
            let branch = &workspace.config.approved;
            Failure::new(Exit::Usage, format!("nothing is agreed yet: there is no branch {branch}"))
                .hint("`orgtrail approve --reason TEXT` agrees to the last snapshot as it is")
        })
    }
}

/// Where a branch is, here or on the remote as it was last fetched, whichever goes further.
pub(super) fn tip(workspace: &Workspace, branch: &str) -> Result<Option<CommitId>, Failure> {
    let (trail, remote) = (&workspace.trail, &workspace.config.remote);
    match (trail.tip(branch)?, trail.remote_tip(remote, branch)?) {
        (None, theirs) => Ok(theirs),
        (ours, None) => Ok(ours),
        (Some(ours), Some(theirs)) if trail.is_ancestor(&ours, &theirs)? => Ok(Some(theirs)),
        (Some(ours), Some(theirs)) if trail.is_ancestor(&theirs, &ours)? => Ok(Some(ours)),
        (Some(ours), Some(theirs)) => {
            let message = format!(
                "the branch {branch} is at {ours} here and at {theirs} on {remote}, and neither follows the other"
            );
            Err(Failure::new(Exit::Integrity, message)
                .hint(format!("`git branch --force {branch} {remote}/{branch}` takes the remote's")))
        }
    }
}

/// The commit of the observed branch whose state, or whose form, an agreed one has.
fn observed(workspace: &Workspace, agreed: &CommitId) -> Result<Option<CommitId>, Failure> {
    let Some(tip) = workspace.tip()? else { return Ok(None) };
    let trail = &workspace.trail;
    let state = trail.tree_entry(agreed, SNAPSHOT_DIR)?;
    for commit in trail.first_parents(agreed) {
        let commit = commit?;
        // A host merges with a message of its own, and then the proposal is the second parent.
        let merged =
            commit.parents.iter().skip(1).map(|parent| trail.commit_info(parent)).collect::<Result<Vec<_>, _>>()?;
        let same_state = |other: &CommitInfo| Ok::<_, Failure>(trail.tree_entry(&other.id, SNAPSHOT_DIR)? == state);
        if !same_state(&commit)? {
            break;
        }
        for told in std::iter::once(&commit).chain(&merged) {
            if same_state(told)?
                && let Some(named) = told.trailer(trailer::OBSERVED).and_then(|id| id.parse::<CommitId>().ok())
                && trail.commit_info(&named).is_ok()
                && trail.is_ancestor(&named, &tip)?
            {
                return Ok(Some(named));
            }
        }
    }
    // A squash leaves no trailer behind: then the state itself tells.
    for commit in trail.first_parents(&tip) {
        let commit = commit?;
        if trail.tree_entry(&commit.id, SNAPSHOT_DIR)? == state {
            return Ok(Some(commit.id));
        }
    }
    Ok(None)
}
