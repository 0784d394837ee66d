//! Exchanging commits with another repository on this file system.
//!
//! Both directions are the same two steps: copy the objects that the other side lacks as one pack, then move its
//! references together, each only from where it was seen. So two pushes at once cannot both win.

use std::collections::BTreeMap;

use git2::{ObjectType, Oid, Repository};

use super::Trail;
use super::address::local_path;
use super::error::{TrailError, doing};
use super::history::Signature;
use super::id::{CommitId, ObjectId};
use super::notes::NOTES_REF;
use super::refs::{From, RefMove, move_refs};
use super::repository::{DurableRepository, absent_as_none, branch_ref, target};
use super::staging::send_pack;

/// Kept without history, so that what the remote has replaces what is here.
const REPLACED: &str = "refs/orgtrail/";

/// The references of a remote as one fetch saw them; a push is made only if they are still there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteRefs(BTreeMap<String, ObjectId>);

impl RemoteRefs {
    /// Returns where a reference was, by its full name.
    #[must_use]
    pub fn get(&self, reference: &str) -> Option<ObjectId> {
        self.0.get(reference).copied()
    }
}

/// What a fetch found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchOutcome {
    /// The tip of the remote's branch, if it has the branch.
    pub remote_tip: Option<CommitId>,
    /// Everything the remote had.
    pub seen: RemoteRefs,
}

/// How a push ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushOutcome {
    /// The remote has everything.
    Pushed,
    /// The remote is as it was.
    Refused {
        /// The full name of the reference that could not be moved.
        reference: String,
        /// Why not.
        reason: Refusal,
    },
}

/// Why a push was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody moved the reference since it was seen.
    Moved {
        /// Where it is now.
        found: Option<ObjectId>,
    },
    /// Somebody is moving the reference at this moment.
    Busy,
    /// The remote's branch has commits that ours does not build on.
    NotFastForward,
    /// The remote has a working tree, with this branch in it.
    CheckedOut,
}

impl Trail {
    /// Says whether a remote has this name.
    pub fn has_remote(&self, remote: &str) -> Result<bool, TrailError> {
        absent_as_none(self.repo.find_remote(remote))
            .map(|found| found.is_some())
            .map_err(doing("look for the remote", remote))
    }

    /// Copies a branch of a remote into `refs/remotes`, and the tool's own references over those of the same name.
    ///
    /// Own references that the remote does not have stay. If the branch no longer holds what it once did, nothing moves.
    pub fn fetch(&self, remote: &str, branch: &str, by: &Signature) -> Result<FetchOutcome, TrailError> {
        let theirs = self.open_remote(remote)?;
        let seen = list_refs(&theirs).map_err(doing("list the references of the remote", remote))?;
        let found = seen.get(&branch_ref(branch));
        let tracking = tracking_ref(remote, branch);
        let mut moves: Vec<RefMove> = seen
            .0
            .iter()
            .filter(|(name, _)| name.starts_with(REPLACED) || *name == NOTES_REF)
            .map(|(name, id)| anywhere(name.clone(), *id))
            .collect();
        moves.extend(found.map(|id| anywhere(tracking.clone(), id)));

        let ours = self.durable()?;
        let wanted: Vec<Oid> = moves.iter().map(|step| step.to).collect();
        copy_objects(&theirs, &ours, &wanted).map_err(doing("fetch from the remote", remote))?;

        let remote_tip = found.map(|id| CommitId(id.0));
        if let Some(known) = target(&self.repo, &tracking)?.map(CommitId) {
            let is_kept = match &remote_tip {
                Some(tip) => self.is_ancestor(&known, tip)?,
                None => false,
            };
            if !is_kept {
                return Err(TrailError::RemoteRewritten {
                    remote: remote.to_owned(),
                    branch: branch.to_owned(),
                    known,
                    found: remote_tip,
                });
            }
        }
        self.renew_mark();
        move_refs(&ours, &moves, by, "fetch")?;
        Ok(FetchOutcome { remote_tip, seen })
    }

    /// Sends a branch and further references, by full name, to a remote: all of them, or none.
    ///
    /// None of them may have moved there since it was seen. The branch may only grow; the others are replaced, and those
    /// that do not exist here are passed over.
    pub fn push(
        &self,
        remote: &str,
        branch: &str,
        others: &[&str],
        seen: &RemoteRefs,
        by: &Signature,
    ) -> Result<PushOutcome, TrailError> {
        let ours = self.durable()?;
        let theirs = self.open_remote(remote)?;
        let main = branch_ref(branch);
        let Some(tip) = self.tip(branch)? else {
            return Err(TrailError::UnknownRevision { spec: main });
        };
        let refused = |reference: String, reason| Ok(PushOutcome::Refused { reference, reason });
        if let Some(id) = seen.get(&main)
            && !self.is_ancestor(&CommitId(id.0), &tip)?
        {
            return refused(main, Refusal::NotFastForward);
        }
        let mut moves = vec![leased(main, tip.0, seen)];
        for name in others {
            let id = target(&self.repo, name)?;
            moves.extend(id.map(|id| leased((*name).to_owned(), id, seen)));
        }
        if let Some(name) = checked_out_among(&theirs, &moves) {
            return refused(name, Refusal::CheckedOut);
        }
        let wanted: Vec<Oid> = moves.iter().map(|step| step.to).collect();
        copy_objects(&ours, &theirs, &wanted).map_err(doing("push to the remote", remote))?;
        match move_refs(&theirs, &moves, by, "push") {
            Ok(()) => {}
            Err(TrailError::Moved { reference, found, .. }) => return refused(reference, Refusal::Moved { found }),
            Err(TrailError::Busy { reference }) => return refused(reference, Refusal::Busy),
            Err(error) => return Err(error),
        }
        let tracking = anywhere(tracking_ref(remote, branch), tip.into());
        self.renew_mark();
        move_refs(&ours, &[tracking], by, "push")?;
        Ok(PushOutcome::Pushed)
    }

    fn open_remote(&self, name: &str) -> Result<DurableRepository, TrailError> {
        let found = absent_as_none(self.repo.find_remote(name)).map_err(doing("look for the remote", name))?;
        let Some(remote) = found else {
            return Err(TrailError::UnknownRemote { remote: name.to_owned() });
        };
        let address = remote.url().map_err(doing("read the address of", name))?;
        let path = local_path(address).map_err(|scheme| TrailError::UnsupportedTransport {
            remote: name.to_owned(),
            scheme: scheme.to_owned(),
        })?;
        // git reads a relative address from the top of the working tree.
        let base = self.workdir().unwrap_or_else(|| self.git_dir());
        DurableRepository::open(&base.join(path))
    }
}

pub(super) fn tracking_ref(remote: &str, branch: &str) -> String {
    format!("refs/remotes/{remote}/{branch}")
}

fn anywhere(reference: String, to: ObjectId) -> RefMove {
    RefMove { reference, from: From::Anywhere, to: to.0 }
}

fn leased(reference: String, to: Oid, seen: &RemoteRefs) -> RefMove {
    let from = From::Exactly(seen.get(&reference));
    RefMove { reference, from, to }
}

fn checked_out_among(repo: &Repository, moves: &[RefMove]) -> Option<String> {
    if repo.is_bare() {
        return None;
    }
    let head = repo.find_reference("HEAD").ok()?;
    let head = head.symbolic_target().ok()??;
    let is_head = |step: &&RefMove| step.reference == head;
    moves.iter().find(is_head).map(|step| step.reference.clone())
}

fn list_refs(repo: &Repository) -> Result<RemoteRefs, git2::Error> {
    let mut refs = BTreeMap::new();
    for reference in repo.references()? {
        let reference = reference?;
        if let (Ok(name), Some(id)) = (reference.name(), reference.target()) {
            refs.insert(name.to_owned(), ObjectId(id));
        }
    }
    Ok(RemoteRefs(refs))
}

/// Copies objects, and all they refer to, as far as the receiver does not have them.
fn copy_objects(from: &Repository, to: &Repository, wanted: &[Oid]) -> Result<(), git2::Error> {
    let source = from.odb()?;
    let receiver = to.odb()?;
    let mut pack = from.packbuilder()?;
    let mut walk = from.revwalk()?;
    for id in wanted.iter().filter(|id| !receiver.exists(**id)) {
        match source.read_header(*id)?.1 {
            ObjectType::Commit => walk.push(*id)?,
            _ => pack.insert_recursive(*id, None)?,
        }
    }
    for id in list_refs(to)?.0.into_values() {
        let shared = source.exists(id.0) && source.read_header(id.0)?.1 == ObjectType::Commit;
        if shared {
            walk.hide(id.0)?;
        }
    }
    pack.insert_walk(&mut walk)?;
    if pack.object_count() == 0 {
        return Ok(());
    }
    send_pack(&mut pack, &receiver)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
