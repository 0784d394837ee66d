//! References: moving several at once, each only from where it was expected, and documents kept without history.

use git2::{ErrorCode, Oid, Repository};

use super::Trail;
use super::error::{TrailError, doing};
use super::evidence::MOVED_BY_TOOL;
use super::history::Signature;
use super::id::{CommitId, ObjectId};
use super::repository::{DurableRepository, branch_ref, target};

/// One reference, and where it goes.
pub(super) struct RefMove {
    pub(super) reference: String,
    pub(super) from: From,
    pub(super) to: Oid,
}

/// Where a reference has to be for a move to be made.
pub(super) enum From {
    Anywhere,
    Exactly(Option<ObjectId>),
}

/// Moves all references or, if one is not where it has to be, none.
///
/// All are locked before the first is read, as git locks them, so no other git process comes between.
/// `by` goes into the reflog, where git would put whoever is configured on this machine.
pub(super) fn move_refs(repo: &Repository, moves: &[RefMove], by: &Signature, why: &str) -> Result<(), TrailError> {
    let by = by.to_git()?;
    let mut transaction = repo.transaction().map_err(doing("begin to move references of", repo.path().display()))?;
    for RefMove { reference, from, .. } in moves {
        transaction.lock_ref(reference).map_err(|source| match source.code() {
            ErrorCode::Locked => TrailError::Busy { reference: reference.clone() },
            _ => doing("lock", reference)(source),
        })?;
        let From::Exactly(expected) = *from else {
            continue;
        };
        let found = target(repo, reference)?.map(ObjectId);
        if found != expected {
            return Err(TrailError::Moved { reference: reference.clone(), expected, found });
        }
    }
    for RefMove { reference, to, .. } in moves {
        transaction.set_target(reference, *to, Some(&by), why).map_err(doing("move", reference))?;
    }
    transaction.commit().map_err(doing("move references of", repo.path().display()))
}

impl Trail {
    /// Moves a branch to another commit, or makes it, only if its tip is the expected one.
    pub fn move_branch(
        &self,
        branch: &str,
        expected_tip: Option<&CommitId>,
        to: &CommitId,
        by: &Signature,
    ) -> Result<(), TrailError> {
        let step = RefMove {
            reference: branch_ref(branch),
            from: From::Exactly(expected_tip.copied().map(ObjectId::from)),
            to: to.0,
        };
        move_refs(&*self.durable()?, &[step], by, MOVED_BY_TOOL)
    }

    /// Reads the document that a reference points to, if there is one.
    pub fn read_ref_blob(&self, reference: &str) -> Result<Option<Vec<u8>>, TrailError> {
        let Some(id) = target(&self.repo, reference)? else {
            return Ok(None);
        };
        let blob = self.repo.find_blob(id).map_err(doing("read", reference))?;
        Ok(Some(blob.content().to_vec()))
    }

    /// Replaces the document that a reference points to; what it was before is not kept.
    pub fn write_ref_blob(&self, reference: &str, content: &[u8]) -> Result<(), TrailError> {
        let repo: DurableRepository = self.durable()?;
        repo.blob(content).and_then(|id| repo.reference(reference, id, true, "")).map_err(doing("write", reference))?;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fs;

    use crate::trail::TrailError;
    use crate::trail::testing::{Sandbox, assert_sound, tool};

    #[test]
    fn a_document_behind_a_reference_is_replaced_without_history() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        let name = "refs/orgtrail/heartbeat";
        assert_eq!(trail.read_ref_blob(name).unwrap(), None);
        for content in ["one", "two", "two"] {
            trail.write_ref_blob(name, content.as_bytes()).unwrap();
            assert_eq!(trail.read_ref_blob(name).unwrap().unwrap(), content.as_bytes());
        }
        assert!(!trail.git_dir().join("logs/refs/orgtrail").exists());
        assert_sound(&trail);
    }

    #[test]
    fn a_branch_moves_only_from_where_it_was_expected() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let first = trail.tip("main").unwrap().unwrap();
        let second = trail.record("a", "1");

        trail.move_branch("approved", None, &first, &tool()).unwrap();
        trail.move_branch("approved", Some(&first), &second, &tool()).unwrap();
        for expected in [None, Some(&first)] {
            let error = trail.move_branch("approved", expected, &first, &tool()).unwrap_err();
            assert!(matches!(error, TrailError::Moved { .. }), "{error:?}");
        }
        assert_eq!(trail.tip("approved").unwrap(), Some(second));
    }

    #[test]
    fn a_packed_reference_moves_like_any_other() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let first = trail.tip("main").unwrap().unwrap();
        let second = trail.record("a", "1");
        crate::trail::testing::git(trail.git_dir(), &["pack-refs", "--all"]);
        assert!(!trail.git_dir().join("refs/heads/main").exists());
        trail.move_branch("main", Some(&second), &first, &tool()).unwrap();
        assert_eq!(trail.tip("main").unwrap(), Some(first));
        let left = fs::read_dir(trail.git_dir().join("refs/heads")).unwrap();
        assert_eq!(left.count(), 1);
    }
}
