//! Files of the working tree that are the user's to commit.

use std::fs;
use std::io;
use std::path::Path;

use super::Trail;
use super::commit::is_plain;
use super::error::{TrailError, doing, handling};
use super::repository::open_isolated;
use super::worktree::{is_behind_link, replace_file};

/// What became of a file that was to be put into the working tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It is there now.
    New,
    /// It was there.
    Same,
    /// Something else is there, and stays.
    Other,
}

impl Trail {
    /// Whether git would take up what is put at a path, or the path is among its own files; the path leads through no links.
    pub fn would_hold(&self, path: &Path) -> Result<bool, TrailError> {
        let real = |dir: &Path| dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
        if path.starts_with(real(self.git_dir())) {
            return Ok(true);
        }
        let Some(inside) = self.workdir().and_then(|dir| path.strip_prefix(real(dir)).ok().map(Path::to_owned)) else {
            return Ok(false);
        };
        let repo = open_isolated(self.git_dir())?;
        let is_ignored =
            repo.is_path_ignored(&inside).map_err(doing("look for what is ignored in", self.git_dir().display()))?;
        Ok(!is_ignored)
    }

    /// Puts a file into the working tree, where there is none of this path; neither the index nor a commit gets it.
    ///
    /// What is behind a link is something else: it may lie anywhere. A bare repository has nowhere to put it.
    pub fn place_new(&self, path: &str, content: &[u8]) -> Result<Placed, TrailError> {
        if !is_plain(path) {
            return Err(TrailError::InvalidPath { path: path.to_owned() });
        }
        let Some(workdir) = self.workdir() else {
            return Err(TrailError::NoWorkingTree { dir: self.git_dir().to_owned() });
        };
        let file = workdir.join(path);
        if is_behind_link(workdir, path) {
            return Ok(Placed::Other);
        }
        match fs::symlink_metadata(&file) {
            Ok(metadata) if metadata.is_file() => {
                let found = fs::read(&file).map_err(handling("read", &file))?;
                Ok(if found == content { Placed::Same } else { Placed::Other })
            }
            Ok(_) => Ok(Placed::Other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                replace_file(&file, content)?;
                Ok(Placed::New)
            }
            // A file stands where a folder would have to be.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(Placed::Other),
            Err(error) => Err(handling("look at", &file)(error)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::trail::testing::{Sandbox, git};

    const PATH: &str = ".github/workflows/orgtrail.yml";

    #[test]
    fn a_file_is_put_where_there_is_none() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        assert_eq!(trail.place_new(PATH, b"ours\n").unwrap(), Placed::New);
        assert_eq!(trail.on_disk_text(PATH).unwrap(), "ours\n");
        assert_eq!(git(trail.workdir().unwrap(), &["status", "--porcelain"]), "?? .github/\n");
        assert_eq!(trail.place_new(PATH, b"ours\n").unwrap(), Placed::Same);
        assert_eq!(trail.place_new(PATH, b"ours, later\n").unwrap(), Placed::Other);
        assert_eq!(trail.on_disk_text(PATH).unwrap(), "ours\n");
    }

    #[test]
    fn what_stands_in_the_way_stays() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        trail.edit(".github", "mine");
        assert_eq!(trail.place_new(PATH, b"ours\n").unwrap(), Placed::Other);
        assert_eq!(trail.on_disk_text(".github").unwrap(), "mine");
        fs::create_dir_all(trail.workdir().unwrap().join("a/b")).unwrap();
        assert_eq!(trail.place_new("a/b", b"ours\n").unwrap(), Placed::Other);
    }

    #[test]
    fn git_takes_up_what_lies_in_the_working_tree_and_is_not_ignored() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        trail.edit(".gitignore", "/records/\n");
        let workdir = trail.workdir().unwrap().canonicalize().unwrap();
        let holds = |path: &Path| trail.would_hold(path).unwrap();
        assert!(holds(&workdir.join("a.jsonl")) && holds(&workdir.join("deep/er/a.jsonl")));
        assert!(holds(&workdir.join(".git/a.jsonl")));
        assert!(!holds(&workdir.join("records/a.jsonl")));
        assert!(!holds(&sandbox.path("elsewhere.jsonl")));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        let outside = sandbox.path("outside");
        fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, trail.workdir().unwrap().join(".github")).unwrap();
        assert_eq!(trail.place_new(PATH, b"ours\n").unwrap(), Placed::Other);
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    }

    #[test]
    fn a_bare_repository_and_a_path_that_leads_out_are_refused() {
        let sandbox = Sandbox::new();
        let error = sandbox.bare().place_new(PATH, b"ours\n").unwrap_err();
        assert!(matches!(error, TrailError::NoWorkingTree { .. }), "{error:?}");
        let error = sandbox.checked_out().place_new("../ours", b"ours\n").unwrap_err();
        assert!(matches!(error, TrailError::InvalidPath { .. }), "{error:?}");
    }
}
