//! Reading a trail at a commit.

use std::path::Path;

use git2::{ErrorCode, ObjectType, Oid, Tree};

use super::Trail;
use super::error::{TrailError, doing};
use super::id::{BlobId, CommitId, ObjectId};
use super::repository::{absent_as_none, branch_ref, target};

impl Trail {
    /// Returns the branch that `HEAD` names, born or not; none where `HEAD` is detached.
    pub fn head_branch(&self) -> Result<Option<String>, TrailError> {
        let read = || {
            let head = self.repo.find_reference("HEAD")?;
            let name = head.symbolic_target()?;
            Ok(name.and_then(|name| name.strip_prefix("refs/heads/")).map(str::to_owned))
        };
        read().map_err(doing("read", "HEAD"))
    }

    /// Returns the newest commit of a branch, if the branch exists.
    pub fn tip(&self, branch: &str) -> Result<Option<CommitId>, TrailError> {
        Ok(target(&self.repo, &branch_ref(branch))?.map(CommitId))
    }

    /// Returns where a branch of a remote was when it was last fetched, if it was there.
    pub fn remote_tip(&self, remote: &str, branch: &str) -> Result<Option<CommitId>, TrailError> {
        Ok(target(&self.repo, &format!("refs/remotes/{remote}/{branch}"))?.map(CommitId))
    }

    /// Lists the newest commit of every branch, also of those of remotes as they were last seen.
    pub fn branch_tips(&self) -> Result<Vec<CommitId>, TrailError> {
        let list = || {
            let branches = self.repo.branches(None)?.map(|branch| branch.map(|(branch, _)| branch.get().target()));
            branches.collect::<Result<Vec<_>, git2::Error>>()
        };
        let found = list().map_err(doing("list the branches of", self.git_dir().display()))?;
        // What only names another branch has no commit of its own.
        Ok(found.into_iter().flatten().map(CommitId).collect())
    }

    /// Finds the commit that any git revision means.
    pub fn resolve(&self, spec: &str) -> Result<CommitId, TrailError> {
        let spec = spec.to_owned();
        let found = self.repo.revparse_single(&spec).and_then(|object| object.peel_to_commit());
        match found {
            Ok(commit) => Ok(CommitId(commit.id())),
            Err(error) => Err(match error.code() {
                ErrorCode::NotFound | ErrorCode::InvalidSpec | ErrorCode::Peel => TrailError::UnknownRevision { spec },
                ErrorCode::Ambiguous => TrailError::AmbiguousRevision { spec },
                _ => doing("find the revision", spec)(error),
            }),
        }
    }

    /// Reads a file as it was at a commit, if it was there.
    pub fn file(&self, at: &CommitId, path: &str) -> Result<Option<Vec<u8>>, TrailError> {
        match self.entry(at, path)? {
            Some((id, ObjectType::Blob)) => self.blob(&BlobId(id)).map(Some),
            _ => Ok(None),
        }
    }

    /// Reads a file's content by its id.
    pub fn blob(&self, id: &BlobId) -> Result<Vec<u8>, TrailError> {
        let blob = self.repo.find_blob(id.0).map_err(doing("read the file content", id))?;
        Ok(blob.content().to_vec())
    }

    /// Reads the content of a file by the id that it has as part of a commit; `None` where that is a folder.
    pub fn content(&self, id: &ObjectId) -> Result<Option<Vec<u8>>, TrailError> {
        let object = self.repo.find_object(id.0, None).map_err(doing("read the file content", id))?;
        Ok(object.as_blob().map(|blob| blob.content().to_vec()))
    }

    /// Returns what a path was at a commit, file or folder: where two ids are equal, so is everything below.
    pub fn tree_entry(&self, at: &CommitId, path: &str) -> Result<Option<ObjectId>, TrailError> {
        Ok(self.entry(at, path)?.map(|(id, _)| ObjectId(id)))
    }

    /// Lists every file below a folder at a commit, by path; the empty path is the whole commit.
    pub fn files_under(&self, at: &CommitId, dir: &str) -> Result<Vec<(String, BlobId)>, TrailError> {
        let Some((id, ObjectType::Tree)) = self.entry(at, dir)? else {
            return Ok(Vec::new());
        };
        let mut files = Vec::new();
        self.repo
            .find_tree(id)
            .and_then(|tree| self.collect_files(&tree, dir, &mut files))
            .map_err(doing("list the files of", at))?;
        // git sorts a folder as if its name ended in a slash; readers expect plain text order.
        files.sort();
        Ok(files)
    }

    pub(super) fn collect_files(
        &self,
        tree: &Tree<'_>,
        dir: &str,
        files: &mut Vec<(String, BlobId)>,
    ) -> Result<(), git2::Error> {
        for entry in tree {
            let path = join(dir, entry.name()?);
            match entry.kind() {
                Some(ObjectType::Blob) => files.push((path, BlobId(entry.id()))),
                Some(ObjectType::Tree) => {
                    self.collect_files(&self.repo.find_tree(entry.id())?, &path, files)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn entry(&self, at: &CommitId, path: &str) -> Result<Option<(Oid, ObjectType)>, TrailError> {
        let tree = self.find_commit(at.0)?.tree().map_err(doing("read the commit", at))?;
        entry_below(&tree, path)
    }
}

/// Looks up what a path is in a folder; the empty path is the folder itself.
pub(super) fn entry_below(tree: &Tree<'_>, path: &str) -> Result<Option<(Oid, ObjectType)>, TrailError> {
    if path.is_empty() {
        return Ok(Some((tree.id(), ObjectType::Tree)));
    }
    let entry = absent_as_none(tree.get_path(Path::new(path))).map_err(doing("read", path))?;
    Ok(entry.and_then(|entry| Some((entry.id(), entry.kind()?))))
}

/// Joins a folder of a commit, or the whole of it, with a name in it.
pub(super) fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::trail::FileChange;
    use crate::trail::testing::{Sandbox, commit};

    #[test]
    fn a_file_is_read_as_it_was_at_a_commit() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let one = trail.record("snapshot/routing/queues.json", "1");
        let two = trail.record("snapshot/routing/queues.json", "2");
        assert_eq!(trail.text(&one, "snapshot/routing/queues.json").unwrap(), "1");
        assert_eq!(trail.text(&two, "snapshot/routing/queues.json").unwrap(), "2");
        assert_eq!(trail.text(&two, "snapshot/routing"), None);
        assert_eq!(trail.text(&two, "snapshot/nothing.json"), None);
        assert_eq!(trail.text(&two, "snapshot/routing/queues.json/x"), None);
    }

    #[test]
    fn equal_folders_have_equal_ids() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let one = trail.record("snapshot/a/x.json", "1");
        let two = trail.record("snapshot/b/y.json", "1");
        let entry = |at, path| trail.tree_entry(at, path).unwrap();
        assert_eq!(entry(&one, "snapshot/a"), entry(&two, "snapshot/a"));
        assert_ne!(entry(&one, "snapshot"), entry(&two, "snapshot"));
        assert_eq!(entry(&one, "snapshot/b"), None);
        assert_eq!(entry(&two, "snapshot/a/x.json"), entry(&two, "snapshot/b/y.json"));
    }

    #[test]
    fn files_are_listed_in_text_order_with_their_content() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let tip = trail.tip("main").unwrap();
        let files = ["s/a/x", "s/a.json", "s/b", "t"].map(|path| FileChange::write(path, path));
        let made = trail.commit("main", tip.as_ref(), &[commit("all", files)]).unwrap();
        let listed = trail.files_under(&made[0], "s").unwrap();
        let paths: Vec<&str> = listed.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["s/a.json", "s/a/x", "s/b"]);
        for (path, id) in &listed {
            assert_eq!(trail.blob(id).unwrap(), path.as_bytes());
        }
        assert_eq!(trail.files_under(&made[0], "t").unwrap(), []);
        assert_eq!(trail.files_under(&made[0], "nothing").unwrap(), []);
    }

    #[test]
    fn any_git_revision_names_a_commit() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let first = trail.tip("main").unwrap().unwrap();
        let second = trail.record("a", "1");
        assert_eq!(trail.resolve("main").unwrap(), second);
        assert_eq!(trail.resolve("HEAD~1").unwrap(), first);
        assert_eq!(trail.resolve(&first.short()).unwrap(), first);
        assert_eq!(trail.resolve(&second.to_string()).unwrap(), second);
    }

    #[test]
    fn an_unknown_revision_is_named_in_the_error() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        for asked in ["nowhere", "HEAD~9", "HEAD:orgtrail.toml", "a..b", "", "0000000000"] {
            let error = trail.resolve(asked).unwrap_err();
            let named = matches!(&error, TrailError::UnknownRevision { spec } if spec == asked);
            assert!(named, "{asked:?}: {error:?}");
        }
    }
}
