//! The trail's remote: met before a run, given its commits after it.

use chrono::{DateTime, Utc};

use super::alerting::{DELIVERIES_REF, keep_deliveries};
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
            let others = [HEARTBEAT_REF, NOTES_REF, DELIVERIES_REF];
            let outcome = workspace.trail.push(&self.name, &workspace.branch, &others, &self.seen, &by)?;
            let PushOutcome::Refused { reference, reason } = outcome else { return Ok(Pushed::Done) };
            if let Some(failure) = final_refusal(&self.name, &reference, &reason) {
                return Err(failure);
            }
            // Somebody else was there first. Own commits are rebuilt on theirs, unless theirs are newer.
            let own = workspace.trail.read_ref_blob(HEARTBEAT_REF)?;
            let outcome = keep_deliveries(workspace, || workspace.trail.fetch(&self.name, &workspace.branch, &by))?;
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

    /// Gives the remote all there is, once; says whether nobody else was there first. Where somebody was, nothing is fetched.
    pub(super) fn offer(&self, workspace: &Workspace, now: DateTime<Utc>) -> Result<bool, Failure> {
        let others = [HEARTBEAT_REF, NOTES_REF, DELIVERIES_REF];
        let by = tool("localhost", now);
        match workspace.trail.push(&self.name, &workspace.branch, &others, &self.seen, &by)? {
            PushOutcome::Pushed => Ok(true),
            PushOutcome::Refused { reference, reason } => match final_refusal(&self.name, &reference, &reason) {
                Some(failure) => Err(failure),
                None => Ok(false),
            },
        }
    }
}

/// Gives the remote another branch of the tool, beside that of the snapshots: one that only grows, or one that is replaced.
///
/// # Errors
/// [`Failure`] where there is no remote, somebody moved the branch there meanwhile, or the remote refuses.
pub fn publish(
    workspace: &Workspace,
    branch: &str,
    only_grows: bool,
    now: DateTime<Utc>,
    observer: &dyn Observer,
) -> Result<(), Failure> {
    let Some(remote) = Remote::meet(workspace, Effect::Push, now, observer)? else { return Ok(()) };
    let (trail, name) = (&workspace.trail, &remote.name);
    let moved = || {
        let message = format!("the branch {branch} was moved on the remote {name:?} meanwhile");
        Failure::new(Exit::Upstream, message).hint("run again: what was fetched is taken into account then")
    };
    if let (true, Some(ours), Some(theirs)) = (only_grows, trail.tip(branch)?, trail.remote_tip(name, branch)?)
        && !trail.is_ancestor(&theirs, &ours)?
    {
        return Err(moved());
    }
    let reference = format!("refs/heads/{branch}");
    let by = tool("localhost", now);
    match trail.push(name, &workspace.branch, &[&reference, HEARTBEAT_REF, NOTES_REF], &remote.seen, &by)? {
        PushOutcome::Pushed => Ok(()),
        PushOutcome::Refused { reference, reason } => {
            Err(final_refusal(name, &reference, &reason).unwrap_or_else(moved))
        }
    }
}

/// Fetches what the remote has, so that what is agreed there is known here.
///
/// # Errors
/// [`Failure`] where there is no such remote or it cannot be asked.
pub fn fetch_all(workspace: &Workspace, now: DateTime<Utc>, observer: &dyn Observer) -> Result<(), Failure> {
    Remote::meet(workspace, Effect::Push, now, observer).map(drop)
}

/// The failure of a push that no second attempt can help.
fn final_refusal(remote: &str, reference: &str, reason: &Refusal) -> Option<Failure> {
    let (message, hint) = match reason {
        Refusal::Moved { .. } | Refusal::Busy | Refusal::NotFastForward => return None,
        Refusal::CheckedOut => (
            format!("the remote {remote:?} has {reference} checked out and takes no push"),
            "push to a bare repository".to_owned(),
        ),
        Refusal::Declined { said } => (
            format!("the remote {remote:?} does not take {reference}: {said}"),
            format!(
                "if {reference} is protected, let the account or app that pushes bypass the protection; what was not \
                 pushed goes along with the next push"
            ),
        ),
    };
    Some(Failure::new(Exit::Upstream, message).hint(hint))
}

fn fetch(workspace: &Workspace, name: &str, by: &Signature, observer: &dyn Observer) -> Result<Remote, Failure> {
    let own = heartbeat(workspace)?;
    let outcome = keep_deliveries(workspace, || workspace.trail.fetch(name, &workspace.branch, by))?;
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
