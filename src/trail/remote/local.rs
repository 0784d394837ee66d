//! A repository on this file system, whose objects and references are written directly.

use git2::{Oid, Repository};

use super::objects::pack_of;
use super::{Refusal, Refused, list_refs};
use crate::trail::error::{TrailError, doing};
use crate::trail::history::Signature;
use crate::trail::refs::{RefMove, move_refs};
use crate::trail::staging::send_pack;

/// Moves references of another repository, after it has the objects for it.
pub(super) fn push(
    ours: &Repository,
    theirs: &Repository,
    moves: &[RefMove],
    by: &Signature,
    remote: &str,
) -> Result<Option<Refused>, TrailError> {
    if let Some(name) = checked_out_among(theirs, moves) {
        return Ok(Some((name, Refusal::CheckedOut)));
    }
    let wanted: Vec<Oid> = moves.iter().map(|step| step.to).collect();
    copy_objects(ours, theirs, &wanted).map_err(doing("push to the remote", remote))?;
    match move_refs(theirs, moves, by, "push") {
        Ok(()) => Ok(None),
        Err(TrailError::Moved { reference, found, .. }) => Ok(Some((reference, Refusal::Moved { found }))),
        Err(TrailError::Busy { reference }) => Ok(Some((reference, Refusal::Busy))),
        Err(error) => Err(error),
    }
}

/// Copies objects, and all they refer to, as far as the receiver does not have them.
pub(super) fn copy_objects(from: &Repository, to: &Repository, wanted: &[Oid]) -> Result<(), git2::Error> {
    let receiver = to.odb()?;
    let lacking = wanted.iter().copied().filter(|id| !receiver.exists(*id));
    let known = list_refs(to)?.0.into_values().map(|id| id.0);
    let mut pack = pack_of(from, lacking, known)?;
    if pack.object_count() == 0 {
        return Ok(());
    }
    send_pack(&mut pack, &receiver)
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
