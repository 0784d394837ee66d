//! The trail's remote: met before a run, given its commits after it.

use chrono::{DateTime, Utc};

use super::exit::Exit;
use super::failure::Failure;
use super::observer::Observer;
use super::recording::{HEARTBEAT_REF, tool};
use super::run::Effect;
use super::workspace::Workspace;
use crate::record::{Heartbeat, SNAPSHOT_DIR, TOOL_NAME};
use crate::trail::{CommitId, CommitInfo, NOTES_REF, PushOutcome, Refusal, RemoteRefs, Signature};

/// How often a push is tried again after somebody else pushed first.
const ATTEMPTS: u32 = 4;

/// A remote as it was seen when the run began.
pub(super) struct Remote {
    name: String,
    seen: RemoteRefs,
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// The remote has the run.
    Done,
    /// A later run was there already, and this one gave way.
    Superseded,
}

impl Pushed {
    pub(super) fn is_superseded(self) -> bool {
        self == Self::Superseded
    }
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
        match fetch(workspace, &name, &by, observer) {
            Ok(remote) => Ok(Some(remote)),
            Err(failure) if effect == Effect::Push || failure.exit == Exit::Integrity => Err(failure),
            Err(failure) => {
                observer.warn(&format!("{}; going on without the remote", failure.message));
                Ok(None)
            }
        }
    }

    /// Gives the remote the branch and the heartbeat.
    pub(super) fn push(
        mut self,
        workspace: &Workspace,
        now: DateTime<Utc>,
        observer: &dyn Observer,
    ) -> Result<Pushed, Failure> {
        let by = tool("localhost", now);
        for _ in 0..ATTEMPTS {
            let outcome =
                workspace.trail.push(&self.name, &workspace.branch, &[HEARTBEAT_REF, NOTES_REF], &self.seen, &by)?;
            let PushOutcome::Refused { reference, reason } = outcome else { return Ok(Pushed::Done) };
            if reason == Refusal::CheckedOut {
                let message = format!("the remote {:?} has {reference} checked out and takes no push", self.name);
                return Err(Failure::new(Exit::Upstream, message).hint("push to a bare repository"));
            }
            // Somebody else was there first. Own commits are rebuilt on theirs, unless theirs are newer.
            let own = workspace.trail.read_ref_blob(HEARTBEAT_REF)?;
            let outcome = workspace.trail.fetch(&self.name, &workspace.branch, &by)?;
            let heartbeats = (own.and_then(|bytes| Heartbeat::read(&bytes)), heartbeat(workspace)?);
            let is_later = match (&heartbeats, outcome.remote_tip) {
                ((Some(own), Some(theirs)), _) if own.run != theirs.run => theirs.time > own.time,
                (_, Some(theirs)) => is_newer(workspace, &theirs)?,
                (_, None) => false,
            };
            if let Some(theirs) = outcome.remote_tip {
                join(workspace, &theirs, is_later, &by)?;
            }
            if is_later {
                observer.note("a later run is on the remote already; this one is superseded");
                return Ok(Pushed::Superseded);
            }
            if let (Some(own), theirs) = heartbeats {
                workspace.trail.write_ref_blob(HEARTBEAT_REF, &own.beside(theirs).write())?;
            }
            self.seen = outcome.seen;
        }
        let failure =
            Failure::new(Exit::Upstream, format!("could not push to {:?}: others keep pushing first", self.name));
        Err(failure.hint("run again"))
    }
}

fn fetch(workspace: &Workspace, name: &str, by: &Signature, observer: &dyn Observer) -> Result<Remote, Failure> {
    let own = heartbeat(workspace)?;
    let outcome = workspace.trail.fetch(name, &workspace.branch, by)?;
    if let (Some(own), Some(theirs)) = (own, heartbeat(workspace)?)
        && own != theirs
    {
        // Runs that were never pushed happened all the same.
        let whole = if theirs.time > own.time { theirs.beside(Some(own)) } else { own.beside(Some(theirs)) };
        workspace.trail.write_ref_blob(HEARTBEAT_REF, &whole.write())?;
    }
    if let Some(theirs) = outcome.remote_tip {
        let is_later = is_newer(workspace, &theirs)?;
        if join(workspace, &theirs, is_later, by)? {
            observer.note("commits that were never pushed are superseded by a later run on the remote");
            // What they put on record is not part of the history any more.
            if let Some(heartbeat) = heartbeat(workspace)? {
                let heartbeat = Heartbeat { digest: None, ..heartbeat };
                workspace.trail.write_ref_blob(HEARTBEAT_REF, &heartbeat.write())?;
            }
        }
    }
    Ok(Remote { name: name.to_owned(), seen: outcome.seen })
}

/// Brings the branch onto the remote's tip: own commits that the remote does not have are rebuilt on it, or, where the remote
/// has a later run, dropped. Says whether any was dropped.
fn join(workspace: &Workspace, theirs: &CommitId, drops_own: bool, by: &Signature) -> Result<bool, Failure> {
    let Workspace { trail, branch, .. } = workspace;
    let is_ours = |commit: &CommitInfo| commit.committer.name == TOOL_NAME;
    let before = workspace.tip()?;
    let mut tip = trail.rebase_onto(branch, theirs, SNAPSHOT_DIR, is_ours, by)?;
    let drops = drops_own && tip != *theirs;
    if drops {
        trail.move_branch(branch, Some(&tip), theirs, by)?;
        tip = *theirs;
    }
    trail.sync_worktree(branch, &tip, SNAPSHOT_DIR)?;
    if let Some(before) = before {
        trail.forward_worktree(branch, &before, &tip, SNAPSHOT_DIR)?;
    }
    Ok(drops)
}

/// Whether the last run on a tip is later than that on the branch.
fn is_newer(workspace: &Workspace, theirs: &CommitId) -> Result<bool, Failure> {
    let last_run = |tip: &CommitId| {
        workspace.trail.first_parents(tip).find_map(|commit| match commit {
            Ok(commit) if commit.trailer(crate::record::trailer::RUN).is_some() => Some(Ok(commit.committer.seconds)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    };
    let Some(ours) = workspace.tip()? else { return Ok(false) };
    Ok(last_run(theirs).transpose()? > last_run(&ours).transpose()?)
}

fn heartbeat(workspace: &Workspace) -> Result<Option<Heartbeat>, Failure> {
    Ok(workspace.trail.read_ref_blob(HEARTBEAT_REF)?.and_then(|bytes| Heartbeat::read(&bytes)))
}
