//! The trail's remote: met before a run, given its commits after it.

use chrono::{DateTime, Utc};

use super::exit::Exit;
use super::failure::Failure;
use super::observer::Observer;
use super::recording::{HEARTBEAT_REF, TOOL_NAME, tool};
use super::run::Effect;
use super::workspace::Workspace;
use crate::record::SNAPSHOT_DIR;
use crate::trail::{CommitId, CommitInfo, PushOutcome, Refusal, RemoteRefs, Signature};

/// How often a push is tried again after somebody else pushed first.
const ATTEMPTS: u32 = 4;

/// A remote as it was seen when the run began.
pub(super) struct Remote {
    name: String,
    seen: RemoteRefs,
}

impl Remote {
    /// Fetches, and rebuilds own commits that the remote does not have on top of what it has.
    pub(super) fn meet(
        workspace: &Workspace,
        effect: Effect,
        now: DateTime<Utc>,
        observer: &dyn Observer,
    ) -> Result<Option<Self>, Failure> {
        let name = workspace.config.remote.clone();
        if effect == Effect::None || !workspace.trail.has_remote(&name)? {
            if effect == Effect::Push {
                let failure = Failure::new(Exit::Usage, format!("there is no remote {name:?} to push to"));
                return Err(failure.hint("`git remote add origin URL` names one"));
            }
            return Ok(None);
        }
        let by = tool("localhost", now);
        match fetch(workspace, &name, &by) {
            Ok(remote) => Ok(Some(remote)),
            Err(failure) if effect == Effect::Push || failure.exit == Exit::Integrity => Err(failure),
            Err(failure) => {
                observer.warn(&format!("{}; going on without the remote", failure.message));
                Ok(None)
            }
        }
    }

    /// Gives the remote the branch and the heartbeat. The answer is what the commits of this run are called there: other ids
    /// where they had to be rebuilt, none where a later run was there already and this one gave way.
    pub(super) fn push(
        mut self,
        workspace: &Workspace,
        mut commits: Vec<CommitId>,
        now: DateTime<Utc>,
        observer: &dyn Observer,
    ) -> Result<Vec<CommitId>, Failure> {
        let by = tool("localhost", now);
        for _ in 0..ATTEMPTS {
            let outcome = workspace.trail.push(&self.name, &workspace.branch, &[HEARTBEAT_REF], &self.seen, &by)?;
            let PushOutcome::Refused { reference, reason } = outcome else { return Ok(commits) };
            if reason == Refusal::CheckedOut {
                let message = format!("the remote {:?} has {reference} checked out and takes no push", self.name);
                return Err(Failure::new(Exit::Upstream, message).hint("push to a bare repository"));
            }
            // Somebody else was there first. Own commits are rebuilt on theirs, unless theirs are newer.
            let ours = workspace.tip()?;
            let heartbeat = workspace.trail.read_ref_blob(HEARTBEAT_REF)?;
            let outcome = workspace.trail.fetch(&self.name, &workspace.branch, &by)?;
            if let (Some(ours), Some(theirs)) = (ours, outcome.remote_tip)
                && is_newer(workspace, &theirs, &ours)?
            {
                workspace.trail.move_branch(&workspace.branch, Some(&ours), &theirs, &by)?;
                workspace.trail.sync_worktree(&workspace.branch, &theirs, SNAPSHOT_DIR)?;
                observer.note("a later run is on the remote already; this one is superseded");
                return Ok(Vec::new());
            }
            if let Some(theirs) = outcome.remote_tip {
                let tip = rebuild(workspace, &theirs, &by)?;
                commits = last_commits(workspace, &tip, commits.len())?;
            }
            if let Some(heartbeat) = heartbeat {
                workspace.trail.write_ref_blob(HEARTBEAT_REF, &heartbeat)?;
            }
            self.seen = outcome.seen;
        }
        let failure =
            Failure::new(Exit::Upstream, format!("could not push to {:?}: others keep pushing first", self.name));
        Err(failure.hint("run again"))
    }
}

fn fetch(workspace: &Workspace, name: &str, by: &Signature) -> Result<Remote, Failure> {
    let outcome = workspace.trail.fetch(name, &workspace.branch, by)?;
    if let Some(theirs) = outcome.remote_tip {
        rebuild(workspace, &theirs, by)?;
    }
    Ok(Remote { name: name.to_owned(), seen: outcome.seen })
}

fn rebuild(workspace: &Workspace, theirs: &CommitId, by: &Signature) -> Result<CommitId, Failure> {
    let is_ours = |commit: &CommitInfo| commit.committer.name == TOOL_NAME;
    let tip = workspace.trail.rebase_onto(&workspace.branch, theirs, SNAPSHOT_DIR, is_ours, by)?;
    workspace.trail.sync_worktree(&workspace.branch, &tip, SNAPSHOT_DIR)?;
    Ok(tip)
}

/// The last commits up to a tip, oldest first.
fn last_commits(workspace: &Workspace, tip: &CommitId, count: usize) -> Result<Vec<CommitId>, Failure> {
    let ids = workspace.trail.first_parents(tip).take(count).map(|commit| commit.map(|commit| commit.id));
    let mut commits: Vec<CommitId> = ids.collect::<Result<_, _>>()?;
    commits.reverse();
    Ok(commits)
}

/// Whether the last run on one tip is later than that on another.
fn is_newer(workspace: &Workspace, one: &CommitId, other: &CommitId) -> Result<bool, Failure> {
    let last_run = |tip: &CommitId| {
        workspace.trail.first_parents(tip).find_map(|commit| match commit {
            Ok(commit) if commit.trailer(crate::record::trailer::RUN).is_some() => Some(Ok(commit.committer.seconds)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    };
    Ok(last_run(one).transpose()? > last_run(other).transpose()?)
}
