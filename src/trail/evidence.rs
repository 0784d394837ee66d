//! What a repository knows of a history besides the history itself: signatures, where branches were, which commits have notes.

use std::collections::BTreeSet;

use git2::{ErrorCode, ObjectType};

use super::Trail;
use super::error::{TrailError, doing};
use super::id::CommitId;
use super::notes::NOTES_REF;
use super::remote::tracking_ref;
use super::repository::{absent_as_none, branch_ref, target};

/// What the log of a branch says where the tool moved it.
pub(super) const MOVED_BY_TOOL: &str = "orgtrail";

/// The signature of a commit, and what it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitSignature {
    /// The commit without its signature, to the byte.
    pub content: Vec<u8>,
    /// The signature as it is written in the commit.
    pub signature: String,
}

/// A commit that a branch was at, until somebody moved the branch to one that does not build on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abandoned {
    /// Where the branch was.
    pub commit: CommitId,
    /// What git says of the move.
    pub reason: String,
}

/// What is logged of a branch.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct BranchLog {
    /// Where it was before somebody else than the tool moved it elsewhere than forward, oldest first; commits that are not in the
    /// repository any more are passed over.
    pub abandoned: Vec<Abandoned>,
    /// Every commit that it was moved to.
    pub been_at: BTreeSet<CommitId>,
}

impl Trail {
    /// Reads the signature of a commit, if it has one.
    pub fn signature(&self, commit: &CommitId) -> Result<Option<CommitSignature>, TrailError> {
        match self.repo.extract_signature(&commit.0, None) {
            Ok((signature, content)) => Ok(Some(CommitSignature {
                content: content.to_vec(),
                signature: String::from_utf8_lossy(&signature).into_owned(),
            })),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(doing("read the signature of", commit)(error)),
        }
    }

    /// Returns where the branch of a remote was when it was last seen.
    pub fn tracked_tip(&self, remote: &str, branch: &str) -> Result<Option<CommitId>, TrailError> {
        Ok(target(&self.repo, &tracking_ref(remote, branch))?.map(CommitId))
    }

    /// Lists the commits that have a note, in order of id; they need not exist any more.
    pub fn noted(&self) -> Result<Vec<CommitId>, TrailError> {
        if !self.has_notes()? {
            return Ok(Vec::new());
        }
        let list = || {
            let notes = self.repo.notes(Some(NOTES_REF))?;
            notes.map(|note| note.map(|(_, commit)| CommitId(commit))).collect::<Result<Vec<_>, _>>()
        };
        let mut commits = list().map_err(doing("list the notes behind", NOTES_REF))?;
        commits.sort_unstable();
        commits.dedup();
        Ok(commits)
    }

    /// Says whether a commit is in the repository, in whatever history.
    pub fn has_commit(&self, commit: &CommitId) -> Result<bool, TrailError> {
        let found = absent_as_none(self.repo.find_object(commit.0, Some(ObjectType::Commit)));
        Ok(found.map_err(doing("look for the commit", commit))?.is_some())
    }

    /// Returns what is logged of a branch, or of one of a remote as it was seen; none where nothing is logged.
    pub fn branch_log(&self, remote: Option<&str>, branch: &str) -> Result<Option<BranchLog>, TrailError> {
        let reference = remote.map_or_else(|| branch_ref(branch), |remote| tracking_ref(remote, branch));
        // Asked first: reading a log that does not exist makes it.
        if !self.repo.reference_has_log(&reference).map_err(doing("look for the log of", &reference))? {
            return Ok(None);
        }
        let log = self.repo.reflog(&reference).map_err(doing("read the log of", &reference))?;
        let mut found = BranchLog::default();
        for entry in log.iter().rev() {
            let (old, new) = (CommitId(entry.id_old()), CommitId(entry.id_new()));
            let reason = String::from_utf8_lossy(entry.message_bytes().unwrap_or_default()).into_owned();
            found.been_at.insert(new);
            if reason == MOVED_BY_TOOL || old.0.is_zero() || !self.has_commit(&old)? || !self.has_commit(&new)? {
                continue;
            }
            if !self.is_ancestor(&old, &new)? {
                found.abandoned.push(Abandoned { commit: old, reason });
            }
        }
        Ok(Some(found))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::trail::testing::{Sandbox, git, tool};

    #[test]
    fn a_commit_without_a_signature_has_none() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let commit = trail.record("a", "1");
        assert_eq!(trail.signature(&commit).unwrap(), None);
    }

    #[test]
    fn commits_with_notes_are_listed_whether_they_exist_or_not() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        assert_eq!(trail.noted().unwrap(), []);
        let commit = trail.record("a", "1");
        let gone: CommitId = "0123456789abcdef0123456789abcdef01234567".parse().unwrap();
        for id in [&commit, &gone] {
            trail.write_note(id, "note\n", &tool()).unwrap();
        }
        let mut expected = [commit, gone];
        expected.sort_unstable();
        assert_eq!(trail.noted().unwrap(), expected);
        assert_eq!([commit, gone].map(|id| trail.has_commit(&id).unwrap()), [true, false]);
    }

    #[test]
    fn the_log_of_a_branch_tells_what_was_left_behind_by_others_than_the_tool() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        let first = trail.tip("main").unwrap().unwrap();
        let second = trail.record("a", "1");
        let log = |branch: &str| trail.branch_log(None, branch).unwrap();
        assert_eq!(log("main").unwrap().abandoned, []);
        trail.move_branch("main", Some(&second), &first, &tool()).unwrap();
        assert_eq!(log("main").unwrap().abandoned, []);
        let third = trail.record("b", "1");
        git(trail.workdir().unwrap(), &["reset", "--quiet", "--hard", "HEAD~1"]);
        let found = log("main").unwrap();
        let reason = "reset: moving to HEAD~1".to_owned();
        assert_eq!(found.abandoned, [Abandoned { commit: third, reason }]);
        assert_eq!(found.been_at, BTreeSet::from([first, second, third]));
        assert_eq!(log("nowhere"), None);
        assert!(!trail.git_dir().join("logs/refs/heads/nowhere").exists());
    }

    #[test]
    fn the_tip_of_a_remote_is_where_it_was_last_seen() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let tip = trail.record("a", "1");
        let clone = sandbox.clone_of(&trail, "clone");
        assert_eq!(clone.tracked_tip("origin", "main").unwrap(), Some(tip));
        trail.record("a", "2");
        assert_eq!(clone.tracked_tip("origin", "main").unwrap(), Some(tip));
        assert_eq!(clone.tracked_tip("elsewhere", "main").unwrap(), None);
    }
}
