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
use super::refs::{From, RefMove, move_refs};
use super::repository::{DurableRepository, absent_as_none, branch_ref, target};
use super::staging::send_pack;

/// Kept without history, so that what the remote has replaces what is here.
const REPLACED: &str = "refs/orgtrail/";
const NOTES: &str = "refs/notes/orgtrail";

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
            .filter(|(name, _)| name.starts_with(REPLACED) || *name == NOTES)
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
        let theirs = DurableRepository::open(self.open_remote(remote)?.path())?;
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
        copy_objects(&self.repo, &theirs, &wanted).map_err(doing("push to the remote", remote))?;
        match move_refs(&theirs, &moves, by, "push") {
            Ok(()) => {}
            Err(TrailError::Moved { reference, found, .. }) => return refused(reference, Refusal::Moved { found }),
            Err(TrailError::Busy { reference }) => return refused(reference, Refusal::Busy),
            Err(error) => return Err(error),
        }
        let tracking = anywhere(tracking_ref(remote, branch), tip.into());
        move_refs(&*self.durable()?, &[tracking], by, "push")?;
        Ok(PushOutcome::Pushed)
    }

    fn open_remote(&self, name: &str) -> Result<Repository, TrailError> {
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
        super::repository::open_isolated(&base.join(path))
    }
}

fn tracking_ref(remote: &str, branch: &str) -> String {
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
mod tests {
    use std::fs;

    use super::*;
    use crate::trail::testing::{DIR, Sandbox, assert_sound, git, is_tool, tool};

    const HEARTBEAT: &str = "refs/orgtrail/heartbeat";

    /// A bare trail and two clones of it.
    fn three(sandbox: &Sandbox) -> (Trail, Trail, Trail) {
        let hub = sandbox.bare();
        let one = sandbox.clone_of(&hub, "one");
        let two = sandbox.clone_of(&hub, "two");
        (hub, one, two)
    }

    fn fetch(trail: &Trail) -> FetchOutcome {
        trail.fetch("origin", "main", &tool()).unwrap()
    }

    fn push(trail: &Trail, seen: &RemoteRefs) -> PushOutcome {
        trail.push("origin", "main", &[HEARTBEAT], seen, &tool()).unwrap()
    }

    #[test]
    fn a_push_reaches_the_other_clone() {
        let sandbox = Sandbox::new();
        let (hub, one, two) = three(&sandbox);
        let seen = fetch(&one).seen;
        let tip = one.record("snapshot/a", "1");
        one.write_ref_blob(HEARTBEAT, b"alive").unwrap();
        assert_eq!(push(&one, &seen), PushOutcome::Pushed);
        assert_eq!(hub.tip("main").unwrap(), Some(tip));

        let found = fetch(&two);
        assert_eq!(found.remote_tip, Some(tip));
        assert_eq!(found.seen.get("refs/heads/main"), Some(tip.into()));
        assert_eq!(two.text(&tip, "snapshot/a").unwrap(), "1");
        assert_eq!(two.read_ref_blob(HEARTBEAT).unwrap().unwrap(), b"alive");
        assert_eq!(two.resolve("origin/main").unwrap(), tip);
        for trail in [&hub, &one, &two] {
            assert_sound(trail);
        }
    }

    #[test]
    fn a_push_is_refused_when_the_remote_moved_and_succeeds_when_rebuilt() {
        let sandbox = Sandbox::new();
        let (hub, one, two) = three(&sandbox);
        let (seen_one, seen_two) = (fetch(&one).seen, fetch(&two).seen);
        let theirs = one.record("orgtrail.toml", "theirs");
        assert_eq!(push(&one, &seen_one), PushOutcome::Pushed);

        two.record("snapshot/a", "1");
        two.write_ref_blob(HEARTBEAT, b"two").unwrap();
        let refused = PushOutcome::Refused {
            reference: "refs/heads/main".to_owned(),
            reason: Refusal::Moved { found: Some(theirs.into()) },
        };
        assert_eq!(push(&two, &seen_two), refused);
        assert_eq!(hub.tip("main").unwrap(), Some(theirs));
        assert_eq!(hub.read_ref_blob(HEARTBEAT).unwrap(), None);

        let found = fetch(&two);
        let tip = two.rebase_onto("main", &found.remote_tip.unwrap(), DIR, is_tool, &tool()).unwrap();
        assert_eq!(push(&two, &found.seen), PushOutcome::Pushed);
        assert_eq!(hub.tip("main").unwrap(), Some(tip));
        assert_eq!(hub.text(&tip, "orgtrail.toml").unwrap(), "theirs");
        assert_sound(&hub);
    }

    #[test]
    fn a_moved_reference_beside_the_branch_refuses_the_whole_push() {
        let sandbox = Sandbox::new();
        let (hub, one, _) = three(&sandbox);
        let seen = fetch(&one).seen;
        let before = hub.tip("main").unwrap();
        hub.write_ref_blob(HEARTBEAT, b"hub").unwrap();
        one.record("snapshot/a", "1");
        one.write_ref_blob(HEARTBEAT, b"one").unwrap();
        let outcome = push(&one, &seen);
        assert!(
            matches!(&outcome, PushOutcome::Refused { reference, reason: Refusal::Moved { .. } } if reference == HEARTBEAT),
            "{outcome:?}"
        );
        assert_eq!(hub.tip("main").unwrap(), before);
        assert_eq!(hub.read_ref_blob(HEARTBEAT).unwrap().unwrap(), b"hub");
    }

    #[test]
    fn a_branch_on_the_remote_only_grows() {
        let sandbox = Sandbox::new();
        let (hub, one, two) = three(&sandbox);
        let seen = fetch(&one).seen;
        let theirs = one.record("snapshot/a", "1");
        push(&one, &seen);
        two.record("snapshot/a", "2");
        let seen = fetch(&two).seen;
        let refused = PushOutcome::Refused { reference: "refs/heads/main".to_owned(), reason: Refusal::NotFastForward };
        assert_eq!(push(&two, &seen), refused);
        assert_eq!(hub.tip("main").unwrap(), Some(theirs));
    }

    #[test]
    fn a_reference_that_somebody_is_writing_refuses_the_push() {
        let sandbox = Sandbox::new();
        let (hub, one, _) = three(&sandbox);
        let seen = fetch(&one).seen;
        one.record("snapshot/a", "1");
        fs::write(hub.git_dir().join("refs/heads/main.lock"), "").unwrap();
        let outcome = push(&one, &seen);
        assert!(matches!(outcome, PushOutcome::Refused { reason: Refusal::Busy, .. }), "{outcome:?}");
    }

    #[test]
    fn a_branch_in_a_working_tree_is_not_pushed_to() {
        let sandbox = Sandbox::new();
        let hub = sandbox.checked_out();
        let one = sandbox.clone_of(&hub, "one");
        let seen = fetch(&one).seen;
        one.record("snapshot/a", "1");
        let outcome = push(&one, &seen);
        assert!(matches!(outcome, PushOutcome::Refused { reason: Refusal::CheckedOut, .. }), "{outcome:?}");
    }

    #[test]
    fn a_remote_that_lost_known_commits_is_noticed_every_time() {
        let sandbox = Sandbox::new();
        let (hub, one, _) = three(&sandbox);
        let first = hub.tip("main").unwrap().unwrap();
        let lost = hub.record("snapshot/a", "1");
        fetch(&one);
        hub.move_branch("main", Some(&lost), &first, &tool()).unwrap();
        hub.write_ref_blob(HEARTBEAT, b"rewritten").unwrap();
        for _ in 0..2 {
            let error = one.fetch("origin", "main", &tool()).unwrap_err();
            assert!(
                matches!(&error, TrailError::RemoteRewritten { known, found, .. } if *known == lost && *found == Some(first)),
                "{error:?}"
            );
        }
        assert_eq!(one.read_ref_blob(HEARTBEAT).unwrap(), None);

        git(hub.git_dir(), &["update-ref", "-d", "refs/heads/main"]);
        let error = one.fetch("origin", "main", &tool()).unwrap_err();
        assert!(matches!(error, TrailError::RemoteRewritten { found: None, .. }), "{error:?}");
    }

    #[test]
    fn a_fetch_from_a_remote_without_the_branch_finds_nothing() {
        let sandbox = Sandbox::new();
        let one = sandbox.checked_out();
        let dir = one.workdir().unwrap();
        git(dir, &["init", "--quiet", "--bare", "../hub.git"]);
        git(dir, &["remote", "add", "origin", "../hub.git"]);
        one.write_ref_blob(HEARTBEAT, b"ours").unwrap();

        let found = fetch(&one);
        assert_eq!(found.remote_tip, None);
        assert_eq!(one.read_ref_blob(HEARTBEAT).unwrap().unwrap(), b"ours");
        assert_eq!(push(&one, &found.seen), PushOutcome::Pushed);
        assert_eq!(fetch(&one).remote_tip, one.tip("main").unwrap());
    }

    #[test]
    fn notes_and_own_references_are_fetched_over_ours() {
        let sandbox = Sandbox::new();
        let (hub, one, _) = three(&sandbox);
        git(hub.git_dir(), &["notes", "--ref=orgtrail", "add", "-m", "seen", "main"]);
        hub.write_ref_blob(HEARTBEAT, b"theirs").unwrap();
        one.write_ref_blob(HEARTBEAT, b"ours").unwrap();
        one.write_ref_blob("refs/orgtrail/mine", b"ours").unwrap();
        fetch(&one);
        assert_eq!(one.read_ref_blob(HEARTBEAT).unwrap().unwrap(), b"theirs");
        assert_eq!(one.read_ref_blob("refs/orgtrail/mine").unwrap().unwrap(), b"ours");
        assert_eq!(git(one.git_dir(), &["notes", "--ref=orgtrail", "show", "main"]), "seen\n");
    }

    #[test]
    fn a_shallow_clone_can_push_and_knows_that_it_is_shallow() {
        let sandbox = Sandbox::new();
        let hub = sandbox.bare();
        hub.record("snapshot/a", "1");
        let from = format!("file://{}", hub.git_dir().display());
        let dir = sandbox.path("shallow");
        git(hub.git_dir(), &["clone", "--quiet", "--depth=1", &from, dir.to_str().unwrap()]);
        let one = Trail::open(&dir).unwrap();
        assert!(one.is_shallow());
        let seen = fetch(&one).seen;
        let tip = one.record("snapshot/a", "2");
        assert_eq!(one.first_parents(&tip).map(Result::unwrap).count(), 2);
        assert_eq!(push(&one, &seen), PushOutcome::Pushed);
        assert_eq!(hub.first_parents(&tip).map(Result::unwrap).count(), 3);
        assert_sound(&hub);
    }

    #[test]
    fn an_unknown_remote_and_an_unsupported_one_are_named() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        assert!(!trail.has_remote("origin").unwrap());
        let error = trail.fetch("origin", "main", &tool()).unwrap_err();
        assert!(matches!(error, TrailError::UnknownRemote { .. }), "{error:?}");

        let address = "https://user:word@host.invalid/trail.git";
        git(trail.workdir().unwrap(), &["remote", "add", "origin", address]);
        assert!(trail.has_remote("origin").unwrap());
        let error = trail.fetch("origin", "main", &tool()).unwrap_err();
        assert_eq!(error.to_string(), "could not reach the remote \"origin\": https is not supported");
    }
}
