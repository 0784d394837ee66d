//! Bringing the working tree and the index in step with a branch that has moved.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use git2::{IndexEntry, IndexTime};

use super::Trail;
use super::commit::is_plain;
use super::error::{TrailError, doing, handling};
use super::id::{BlobId, CommitId};
use super::survey::{UNFINISHED, content_id, stamp};

const FILE_MODE: u32 = 0o100_644;

/// Where the flags of an index entry hold its stage, which is not zero in a conflict.
const STAGE_SHIFT: u16 = 12;
const STAGE_MASK: u16 = 3;

impl Trail {
    /// Gives every file below `dir`, in the working tree and in the index, the content it has at the branch's new tip.
    ///
    /// Does nothing where the branch is not checked out. Each file is replaced in one step. What is staged or changed
    /// elsewhere stays as it is, and so does a file below `dir` that holds what was never committed; these are returned.
    pub fn sync_worktree(&self, branch: &str, new_tip: &CommitId, dir: &str) -> Result<Vec<String>, TrailError> {
        let Some(workdir) = self.checked_out(branch)? else {
            return Ok(Vec::new());
        };
        let survey = self.survey(workdir, branch, new_tip, dir)?;
        let wanted: BTreeMap<String, BlobId> = self.files_under(new_tip, dir)?.into_iter().collect();
        let mut kept = survey.edited;
        let (new, gone): (Vec<_>, Vec<_>) =
            survey.stale.into_iter().chain(survey.unfinished).partition(|path| wanted.contains_key(path));
        for path in gone {
            remove(workdir, &path, dir)?;
        }
        for path in new {
            if is_blocked(&path, &kept) {
                kept.insert(path);
            } else {
                self.place(workdir, &path, &wanted[&path])?;
            }
        }
        self.sync_index(workdir, &wanted, &kept, |path| is_below(dir, path))?;
        Ok(kept.into_iter().collect())
    }

    /// Brings files outside `dir` from what they were at one commit to what they are at another.
    ///
    /// Only files that the user has neither staged nor changed; whatever differs from the first commit stays as it is. Does
    /// nothing where the branch is not checked out.
    pub fn forward_worktree(&self, branch: &str, from: &CommitId, to: &CommitId, dir: &str) -> Result<(), TrailError> {
        let Some(workdir) = self.checked_out(branch)? else {
            return Ok(());
        };
        let outside = |commit| -> Result<BTreeMap<String, BlobId>, TrailError> {
            Ok(self.files_under(commit, "")?.into_iter().filter(|(path, _)| !is_below(dir, path)).collect())
        };
        let (old, new) = (outside(from)?, outside(to)?);
        let differs = |path: &&String| old.get(*path) != new.get(*path);
        let paths: BTreeSet<&String> = old.keys().chain(new.keys()).filter(differs).collect();
        if paths.is_empty() {
            return Ok(());
        }
        let mut index = self.repo.index().map_err(doing("open", "the index"))?;
        index.read(true).map_err(doing("read", "the index"))?;
        let staged = |path: &str| index.get_path(Path::new(path), 0).map(|entry| BlobId(entry.id));
        let mut untouched = BTreeSet::new();
        for path in paths {
            let before = old.get(path).copied();
            if staged(path) == before && !is_behind_link(workdir, path) && is_on_disk(&workdir.join(path), before)? {
                untouched.insert(path.clone());
            }
        }
        for path in &untouched {
            match new.get(path) {
                Some(id) => self.place(workdir, path, id)?,
                None => remove(workdir, path, "")?,
            }
        }
        let wanted = new.into_iter().filter(|(path, _)| untouched.contains(path)).collect();
        self.sync_index(workdir, &wanted, &BTreeSet::new(), |path| untouched.contains(path))
    }

    /// Puts the files of a commit where there are none, and all of them into the index.
    pub(super) fn place_missing(&self, commit: &CommitId) -> Result<(), TrailError> {
        let Some(workdir) = self.workdir() else {
            return Ok(());
        };
        let wanted: BTreeMap<String, BlobId> = self.files_under(commit, "")?.into_iter().collect();
        let mut kept = BTreeSet::new();
        for (path, id) in &wanted {
            match fs::symlink_metadata(workdir.join(path)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.place(workdir, path, id)?;
                }
                _ => {
                    kept.insert(path.clone());
                }
            }
        }
        self.sync_index(workdir, &wanted, &kept, |path| wanted.contains_key(path))
    }

    fn place(&self, workdir: &Path, path: &str, id: &BlobId) -> Result<(), TrailError> {
        if !is_plain(path) {
            return Err(TrailError::InvalidPath { path: path.to_owned() });
        }
        replace_file(&workdir.join(path), &self.blob(id)?)
    }

    /// Makes the index say `wanted`, and nothing else, about the paths in scope.
    fn sync_index(
        &self,
        workdir: &Path,
        wanted: &BTreeMap<String, BlobId>,
        kept: &BTreeSet<String>,
        is_in_scope: impl Fn(&str) -> bool,
    ) -> Result<(), TrailError> {
        let sync = || {
            let mut index = self.repo.index()?;
            index.read(true)?;
            let mut missing = wanted.clone();
            let mut wrong = Vec::new();
            for entry in index.iter() {
                let path = String::from_utf8_lossy(&entry.path).into_owned();
                let stage = i32::from(entry.flags >> STAGE_SHIFT & STAGE_MASK);
                if stage == 0 && missing.get(&path).is_some_and(|id| id.0 == entry.id) {
                    missing.remove(&path);
                } else if is_in_scope(&path) {
                    wrong.push((path, stage));
                }
            }
            if wrong.is_empty() && missing.is_empty() {
                return Ok(());
            }
            for (path, stage) in wrong {
                index.remove(Path::new(&path), stage)?;
            }
            for (path, id) in &missing {
                index.add(&index_entry(workdir, path, id, !kept.contains(path)))?;
            }
            self.renew_mark();
            index.write()
        };
        sync().map_err(doing("bring in step with the branch", "the index"))
    }
}

/// Makes an entry that says when the file was last seen equal, or leaves that for git to find out.
fn index_entry(workdir: &Path, path: &str, id: &BlobId, untouched: bool) -> IndexEntry {
    let seen = untouched
        .then(|| fs::symlink_metadata(workdir.join(path)).ok())
        .flatten()
        .and_then(|metadata| stamp(&metadata));
    let (mtime, file_size) = seen.unwrap_or((IndexTime::new(0, 0), 0));
    IndexEntry {
        ctime: IndexTime::new(0, 0),
        mtime,
        dev: 0,
        ino: 0,
        mode: FILE_MODE,
        uid: 0,
        gid: 0,
        file_size,
        id: id.0,
        flags: 0,
        flags_extended: 0,
        path: path.as_bytes().to_vec(),
    }
}

fn is_below(dir: &str, path: &str) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| dir.is_empty() || rest.is_empty() || rest.starts_with('/'))
}

/// Says whether a file that stays stands where a folder of this path would have to be.
fn is_blocked(path: &str, kept: &BTreeSet<String>) -> bool {
    path.match_indices('/').any(|(end, _)| kept.contains(&path[..end]))
}

/// Writes beside the file and renames, so that a reader sees the old content or the new.
pub(super) fn replace_file(path: &Path, content: &[u8]) -> Result<(), TrailError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(handling("make the folder", folder))?;
    }
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(UNFINISHED);
    let unfinished = PathBuf::from(unfinished);
    File::create(&unfinished)
        .and_then(|mut file| {
            file.write_all(content)?;
            // After a power cut an empty file would pass for an edit of the user's.
            file.sync_all()
        })
        .map_err(handling("write", &unfinished))?;
    fs::rename(&unfinished, path).map_err(handling("replace", path))
}

/// Whether a folder on the way to a file is a link, which may lead out of the working tree.
pub(super) fn is_behind_link(workdir: &Path, path: &str) -> bool {
    path.match_indices('/').any(|(end, _)| workdir.join(&path[..end]).is_symlink())
}

/// Whether a file on disk holds this content, or is not there where there is none.
fn is_on_disk(path: &Path, content: Option<BlobId>) -> Result<bool, TrailError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(false),
        Ok(metadata) => Ok(Some(BlobId(content_id(path, &metadata)?)) == content),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(content.is_none()),
        // A file stands where a folder would have to be.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(handling("look at", path)(error)),
    }
}

/// Removes a file, and the folders it leaves empty below `dir`.
fn remove(workdir: &Path, path: &str, dir: &str) -> Result<(), TrailError> {
    let full = workdir.join(path);
    fs::remove_file(&full).map_err(handling("remove", &full))?;
    let top = workdir.join(dir);
    for folder in full.ancestors().skip(1).take_while(|folder| *folder != top) {
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::trail::FileChange;
    use crate::trail::testing::{DIR, Sandbox, assert_sound, commit, git};

    fn status(trail: &Trail) -> String {
        git(trail.workdir().unwrap(), &["status", "--porcelain"])
    }

    fn sync(trail: &Trail) -> Vec<String> {
        let tip = trail.tip("main").unwrap().unwrap();
        trail.sync_worktree("main", &tip, DIR).unwrap()
    }

    fn change(trail: &Trail, files: impl IntoIterator<Item = FileChange>) {
        let tip = trail.tip("main").unwrap();
        let new = commit("change", files);
        trail.commit("main", tip.as_ref(), &[new]).unwrap();
    }

    #[test]
    fn files_outside_go_forward_unless_the_user_touched_them() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        let forward = |files: Vec<FileChange>| {
            let from = trail.tip("main").unwrap().unwrap();
            change(&trail, files);
            let to = trail.tip("main").unwrap().unwrap();
            trail.forward_worktree("main", &from, &to, DIR).unwrap();
        };
        let write = |paths: &[&str], text: &str| paths.iter().map(|path| FileChange::write(*path, text)).collect();
        forward(write(&["a/calm", "a/edited", "a/staged", "gone", "kept"], "1"));
        assert_eq!(status(&trail), "");
        trail.edit("a/edited", "mine");
        trail.edit("a/staged", "mine");
        trail.edit("kept", "mine");
        trail.edit("new", "mine");
        git(trail.workdir().unwrap(), &["add", "a/staged"]);
        let mut files: Vec<FileChange> = write(&["a/calm", "a/edited", "a/staged", "new", "deep/new"], "2");
        files.extend(["gone", "kept"].map(FileChange::remove));
        forward(files);
        for (path, text) in
            [("a/calm", "2"), ("deep/new", "2"), ("a/edited", "mine"), ("a/staged", "mine"), ("new", "mine")]
        {
            assert_eq!(trail.on_disk_text(path).unwrap(), text, "{path}");
        }
        let on_disk = |path: &str| trail.workdir().unwrap().join(path).exists();
        assert!(!on_disk("gone") && on_disk("kept"));
        assert_eq!(
            git(trail.workdir().unwrap(), &["diff", "--cached", "--name-only"]),
            "a/edited\na/staged\nkept\nnew\n"
        );
    }

    #[test]
    fn new_changed_and_removed_files_follow_the_branch() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        change(&trail, ["s/x", "t/u/y", "z"].map(|path| FileChange::write(format!("snapshot/{path}"), "1")));
        assert_eq!(sync(&trail), [""; 0]);
        assert_eq!(status(&trail), "");

        change(
            &trail,
            [
                FileChange::write("snapshot/s/x", "2"),
                FileChange::remove("snapshot/t"),
                FileChange::write("snapshot/new/w", "1"),
            ],
        );
        assert_eq!(sync(&trail), [""; 0]);
        assert_eq!(status(&trail), "");
        assert_eq!(trail.on_disk_text("snapshot/s/x").unwrap(), "2");
        assert!(!trail.workdir().unwrap().join("snapshot/t").exists());
        assert_sound(&trail);
    }

    #[test]
    fn what_the_user_staged_and_changed_elsewhere_is_kept() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        let dir = trail.workdir().unwrap();
        trail.edit("notes.md", "staged");
        trail.edit("orgtrail.toml", "staged");
        git(dir, &["add", "."]);
        trail.edit("orgtrail.toml", "changed");
        trail.edit("untracked", "");

        change(&trail, [FileChange::write("snapshot/a", "1")]);
        sync(&trail);
        assert_eq!(status(&trail), "A  notes.md\nMM orgtrail.toml\n?? untracked\n");
        assert_eq!(git(dir, &["show", ":orgtrail.toml"]), "staged");
        assert_eq!(trail.on_disk_text("orgtrail.toml").unwrap(), "changed");
    }

    #[test]
    fn runs_that_never_reached_the_tree_are_made_good() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        change(&trail, ["snapshot/a", "snapshot/b"].map(|path| FileChange::write(path, "1")));
        sync(&trail);
        change(&trail, [FileChange::write("snapshot/a", "2")]);
        change(&trail, [FileChange::write("snapshot/a", "3"), FileChange::remove("snapshot/b")]);
        trail.edit(&format!("snapshot/a{UNFINISHED}"), "hal");

        assert_eq!(sync(&trail), [""; 0]);
        assert_eq!(status(&trail), "");
        assert_eq!(trail.on_disk_text("snapshot/a").unwrap(), "3");
    }

    #[test]
    fn an_edit_is_neither_overwritten_nor_removed() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        change(&trail, ["snapshot/a", "snapshot/b"].map(|path| FileChange::write(path, "1")));
        sync(&trail);
        trail.edit("snapshot/a", "mine");
        trail.edit("snapshot/b", "mine");
        trail.edit("snapshot/c", "mine");
        change(&trail, [FileChange::write("snapshot/a", "2"), FileChange::remove("snapshot/b")]);

        assert_eq!(sync(&trail), ["snapshot/a", "snapshot/b", "snapshot/c"]);
        for path in ["a", "b", "c"] {
            assert_eq!(trail.on_disk_text(&format!("snapshot/{path}")).unwrap(), "mine");
        }
        assert_eq!(status(&trail), " M snapshot/a\n?? snapshot/b\n?? snapshot/c\n");
    }

    #[test]
    fn a_file_in_the_way_of_a_folder_is_kept() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        trail.edit("snapshot/a", "mine");
        change(&trail, [FileChange::write("snapshot/a/x", "1"), FileChange::write("snapshot/b", "1")]);
        assert_eq!(sync(&trail), ["snapshot/a", "snapshot/a/x"]);
        assert_eq!(trail.on_disk_text("snapshot/a").unwrap(), "mine");
        assert_eq!(trail.on_disk_text("snapshot/b").unwrap(), "1");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_never_leads_out_of_the_tree() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        let outside = sandbox.path("outside");
        fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, trail.workdir().unwrap().join(DIR)).unwrap();
        change(&trail, [FileChange::write("snapshot/a", "1")]);
        assert_eq!(sync(&trail), ["snapshot", "snapshot/a"]);
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    }

    #[test]
    fn a_branch_that_is_not_checked_out_leaves_the_tree_alone() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        git(trail.workdir().unwrap(), &["checkout", "--quiet", "-b", "other"]);
        change(&trail, [FileChange::write("snapshot/a", "1")]);
        assert_eq!(sync(&trail), [""; 0]);
        assert_eq!(status(&trail), "");
        assert_eq!(trail.on_disk_text("snapshot/a"), None);
    }

    #[test]
    fn bytes_reach_the_tree_unchanged_whatever_git_is_told() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        git(trail.workdir().unwrap(), &["config", "core.autocrlf", "true"]);
        let trail = Trail::open(trail.workdir().unwrap()).unwrap();
        change(&trail, [FileChange::write("snapshot/a", "1\n2\n")]);
        sync(&trail);
        assert_eq!(trail.on_disk_text("snapshot/a").unwrap(), "1\n2\n");
        assert_eq!(sync(&trail), [""; 0]);
    }

    #[test]
    fn a_linked_working_tree_shares_history_and_lock() {
        let sandbox = Sandbox::new();
        let main = sandbox.checked_out();
        let dir = sandbox.path("linked");
        let add = ["worktree", "add", "--quiet", "-b", "side", dir.to_str().unwrap()];
        git(main.workdir().unwrap(), &add);
        let linked = Trail::open(&dir).unwrap();
        let _lock = main.lock().unwrap();
        assert!(matches!(linked.lock(), Err(TrailError::AlreadyRunning { .. })));

        let tip = linked.tip("side").unwrap();
        let new = commit("change", [FileChange::write("snapshot/a", "1")]);
        let made = linked.commit("side", tip.as_ref(), &[new]).unwrap();
        assert_eq!(linked.sync_worktree("side", &made[0], DIR).unwrap(), [""; 0]);
        assert_eq!(status(&linked), "");
        assert_eq!(main.tip("side").unwrap(), Some(made[0]));
        assert_eq!(status(&main), "");
    }
}
