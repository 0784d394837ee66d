//! Tells what the user changed in the working tree from what is merely old.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use git2::{Index, IndexEntry, IndexTime, ObjectType, Oid};

use super::Trail;
use super::error::{TrailError, doing, handling};
use super::id::CommitId;
use super::read::{entry_below, join};
use super::repository::{absent_as_none, branch_ref};

/// Ends the name of a file that is being written; one that is left behind means nothing.
pub(super) const UNFINISHED: &str = ".orgtrail-unfinished";

/// How the files below a folder of the working tree differ from a commit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Survey {
    /// Missing, or equal to what some older commit had there.
    pub(super) stale: BTreeSet<String>,
    /// Equal to nothing that was ever committed there.
    pub(super) edited: BTreeSet<String>,
    /// Left behind by a process that was killed while it wrote.
    pub(super) unfinished: BTreeSet<String>,
}

impl Trail {
    /// Lists the files below a folder of the working tree that hold what no commit of the branch ever had there.
    ///
    /// A missing file is none of them: to bring it back loses nothing. Nor is one that git ignores. Where the branch is not
    /// checked out there are none.
    pub fn foreign_edits(&self, branch: &str, tip: &CommitId, dir: &str) -> Result<Vec<String>, TrailError> {
        match self.checked_out(branch)? {
            Some(workdir) => {
                let survey = self.survey(workdir, branch, tip, dir)?;
                Ok(survey.edited.into_iter().collect())
            }
            None => Ok(Vec::new()),
        }
    }

    /// Returns the working tree if `HEAD` names the branch.
    pub(super) fn checked_out(&self, branch: &str) -> Result<Option<&Path>, TrailError> {
        let is_head = self.head_branch()?.as_deref() == Some(branch);
        Ok(self.workdir().filter(|_| is_head))
    }

    pub(super) fn survey(&self, workdir: &Path, branch: &str, tip: &CommitId, dir: &str) -> Result<Survey, TrailError> {
        let mut survey = Survey::default();
        let mut open = self.on_disk(workdir, dir, &mut survey.unfinished)?;
        for (path, id) in self.files_under(tip, dir)? {
            match open.get(&path) {
                Some(found) if *found == id.0 => {
                    open.remove(&path);
                }
                Some(_) => {}
                None => {
                    survey.stale.insert(path);
                }
            }
        }
        if open.is_empty() {
            return Ok(survey);
        }
        self.settle_by_history(branch, tip, dir, &mut open, &mut survey.stale)?;
        for path in open.into_keys() {
            let is_new = self.tree_entry(tip, &path)?.is_none();
            let ignored = || self.repo.is_path_ignored(&path).map_err(doing("look for an ignore rule for", &path));
            if !(is_new && ignored()?) {
                survey.edited.insert(path);
            }
        }
        Ok(survey)
    }

    /// Moves every file that equals an older version of itself to `stale`, and stops when none is left.
    ///
    /// Beside the ancestors of the tip, the reflog counts: own commits that were rebuilt are no ancestors any more.
    fn settle_by_history(
        &self,
        branch: &str,
        tip: &CommitId,
        dir: &str,
        open: &mut BTreeMap<String, Oid>,
        stale: &mut BTreeSet<String>,
    ) -> Result<(), TrailError> {
        let mut seen = HashSet::new();
        let mut last_folder = None;
        let formerly = self.former_tips(branch)?;
        for start in std::iter::once(tip.0).chain(formerly) {
            let mut next = Some(start);
            while let Some(id) = next.filter(|id| !open.is_empty() && seen.insert(*id)) {
                let commit = self.find_commit(id)?;
                next = commit.parent_ids().next();
                let tree = commit.tree().map_err(doing("read the commit", id))?;
                let folder = entry_below(&tree, dir)?;
                if folder.is_none() || folder == last_folder {
                    continue;
                }
                last_folder = folder;
                let mut known = Vec::new();
                for (path, found) in &*open {
                    if entry_below(&tree, path)? == Some((*found, ObjectType::Blob)) {
                        known.push(path.clone());
                    }
                }
                for path in known {
                    open.remove(&path);
                    stale.insert(path);
                }
            }
        }
        Ok(())
    }

    /// Lists where the branch was on this machine, newest first, as far as those commits still exist.
    fn former_tips(&self, branch: &str) -> Result<Vec<Oid>, TrailError> {
        let reference = branch_ref(branch);
        let read = || {
            let Some(log) = absent_as_none(self.repo.reflog(&reference))? else {
                return Ok(Vec::new());
            };
            let odb = self.repo.odb()?;
            let tips = log.iter().map(|entry| entry.id_new());
            Ok(tips.filter(|id| odb.exists(*id)).collect())
        };
        read().map_err(doing("read the log of", &reference))
    }

    /// Lists the files below a folder of the working tree with the ids that git would give them.
    fn on_disk(
        &self,
        workdir: &Path,
        dir: &str,
        unfinished: &mut BTreeSet<String>,
    ) -> Result<BTreeMap<String, Oid>, TrailError> {
        let mut index = self.repo.index().map_err(doing("open", "the index"))?;
        index.read(true).map_err(doing("read", "the index"))?;
        let known = KnownFiles::new(&index);
        let mut files = BTreeMap::new();
        let mut folders = Vec::new();
        let mut visit = |path: String, folders: &mut Vec<String>| -> Result<(), TrailError> {
            let full = workdir.join(&path);
            let metadata = match fs::symlink_metadata(&full) {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(handling("look at", &full)(error)),
            };
            if metadata.is_dir() {
                folders.push(path);
            } else if path.ends_with(UNFINISHED) {
                unfinished.insert(path);
            } else {
                let id = match known.id_if_untouched(&path, &metadata) {
                    Some(id) => id,
                    None => content_id(&full, &metadata)?,
                };
                files.insert(path, id);
            }
            Ok(())
        };
        visit(dir.to_owned(), &mut folders)?;
        while let Some(folder) = folders.pop() {
            let full = workdir.join(&folder);
            for entry in fs::read_dir(&full).map_err(handling("list", &full))? {
                let name = entry.map_err(handling("list", &full))?.file_name();
                visit(join(&folder, &name.to_string_lossy()), &mut folders)?;
            }
        }
        Ok(files)
    }
}

/// Hashes a file as git does, a link by where it points.
pub(super) fn content_id(path: &Path, metadata: &Metadata) -> Result<Oid, TrailError> {
    let content = if metadata.is_symlink() {
        let target = fs::read_link(path).map_err(handling("read the link", path))?;
        // Never equal to a file that holds the same text: a trail has no links.
        format!("link to {}\0", target.display()).into_bytes()
    } else {
        fs::read(path).map_err(handling("read", path))?
    };
    Oid::hash_object(ObjectType::Blob, &content).map_err(doing("hash", path.display()))
}

/// What the index knows about files, so that an untouched file need not be read.
struct KnownFiles {
    entries: BTreeMap<String, IndexEntry>,
    written: Option<SystemTime>,
}

impl KnownFiles {
    fn new(index: &Index) -> Self {
        let named = |entry: IndexEntry| Some((String::from_utf8(entry.path.clone()).ok()?, entry));
        let written = index.path().and_then(|path| fs::metadata(path).ok()?.modified().ok());
        Self { entries: index.iter().filter_map(named).collect(), written }
    }

    fn id_if_untouched(&self, path: &str, metadata: &Metadata) -> Option<Oid> {
        let entry = self.entries.get(path)?;
        let (time, size) = stamp(metadata)?;
        // A file written in the same moment as the index may have changed since without a new time.
        let settled = metadata.modified().ok()? < self.written?;
        let untouched = settled && size != 0 && metadata.is_file();
        (untouched && entry.mtime == time && entry.file_size == size).then_some(entry.id)
    }
}

/// Returns time and size as an index holds them, where it can.
pub(super) fn stamp(metadata: &Metadata) -> Option<(IndexTime, u32)> {
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let seconds = i32::try_from(since.as_secs()).ok()?;
    let size = u32::try_from(metadata.len()).ok()?;
    Some((IndexTime::new(seconds, since.subsec_nanos()), size))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::trail::FileChange;
    use crate::trail::testing::{DIR, Sandbox, commit, git, tool};

    fn edits(trail: &Trail) -> Vec<String> {
        let tip = trail.tip("main").unwrap().unwrap();
        trail.foreign_edits("main", &tip, DIR).unwrap()
    }

    /// A trail with two versions of `snapshot/a.json`, in step with the second.
    fn two_versions(sandbox: &Sandbox) -> Trail {
        let trail = sandbox.checked_out();
        for content in ["one", "two"] {
            let tip = trail.record("snapshot/a.json", content);
            trail.sync_worktree("main", &tip, DIR).unwrap();
        }
        trail
    }

    #[test]
    fn a_tree_in_step_has_no_edits() {
        let sandbox = Sandbox::new();
        assert_eq!(edits(&two_versions(&sandbox)), [""; 0]);
    }

    #[test]
    fn an_older_version_is_stale_and_no_edit() {
        let sandbox = Sandbox::new();
        let trail = two_versions(&sandbox);
        trail.edit("snapshot/a.json", "one");
        assert_eq!(edits(&trail), [""; 0]);
    }

    #[test]
    fn content_that_was_never_committed_there_is_an_edit() {
        let sandbox = Sandbox::new();
        let trail = two_versions(&sandbox);
        trail.edit("snapshot/a.json", "ten");
        trail.edit("snapshot/new/b.json", "one");
        trail.edit("elsewhere.json", "ten");
        assert_eq!(edits(&trail), ["snapshot/a.json", "snapshot/new/b.json"]);
    }

    #[test]
    fn a_missing_file_is_no_edit() {
        let sandbox = Sandbox::new();
        let trail = two_versions(&sandbox);
        fs::remove_dir_all(trail.workdir().unwrap().join(DIR)).unwrap();
        assert_eq!(edits(&trail), [""; 0]);
    }

    #[test]
    fn a_file_that_was_removed_since_is_stale() {
        let sandbox = Sandbox::new();
        let trail = two_versions(&sandbox);
        let tip = trail.tip("main").unwrap();
        let remove = commit("gone", [FileChange::remove("snapshot/a.json")]);
        trail.commit("main", tip.as_ref(), &[remove]).unwrap();
        assert_eq!(edits(&trail), [""; 0]);
    }

    #[test]
    fn what_git_ignores_is_no_edit_unless_it_is_committed() {
        let sandbox = Sandbox::new();
        let trail = two_versions(&sandbox);
        trail.edit(".gitignore", "*.tmp\na.json\n");
        trail.edit("snapshot/x.tmp", "scratch");
        trail.edit("snapshot/a.json", "ten");
        assert_eq!(edits(&trail), ["snapshot/a.json"]);
    }

    #[test]
    fn the_version_of_a_commit_that_left_the_branch_is_stale() {
        let sandbox = Sandbox::new();
        let trail = two_versions(&sandbox);
        let ours = trail.tip("main").unwrap().unwrap();
        let start = trail.resolve("main~2").unwrap();
        let theirs = commit("theirs", [FileChange::write("snapshot/a.json", "three")]);
        let theirs = trail.write_commits(Some(&start), &[theirs]).unwrap()[0];
        trail.move_branch("main", Some(&ours), &theirs, &tool()).unwrap();
        assert_eq!(edits(&trail), [""; 0]);
    }

    #[test]
    fn a_branch_that_is_not_checked_out_has_no_edits() {
        let sandbox = Sandbox::new();
        let trail = two_versions(&sandbox);
        trail.edit("snapshot/a.json", "ten");
        git(trail.workdir().unwrap(), &["checkout", "--quiet", "-b", "other"]);
        assert_eq!(edits(&trail), [""; 0]);
    }

    #[test]
    fn an_edit_that_keeps_the_size_is_seen_at_once() {
        let sandbox = Sandbox::new();
        let trail = two_versions(&sandbox);
        for content in ["six", "ten", "nil"] {
            trail.edit("snapshot/a.json", content);
            assert_eq!(edits(&trail), ["snapshot/a.json"]);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_a_file_is_an_edit() {
        let sandbox = Sandbox::new();
        let trail = two_versions(&sandbox);
        let path = trail.workdir().unwrap().join("snapshot/a.json");
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("two", &path).unwrap();
        assert_eq!(edits(&trail), ["snapshot/a.json"]);
    }
}
