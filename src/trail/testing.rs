//! Real repositories in a temporary folder, and the `git` program without any configuration.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{CommitId, CommitInfo, FileChange, InitOptions, NewCommit, Signature, Trail};

pub(super) const DIR: &str = "snapshot";

/// A folder that holds the repositories of one test.
pub(super) struct Sandbox {
    dir: TempDir,
}

impl Sandbox {
    pub(super) fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes a trail whose first commit holds `orgtrail.toml`.
    pub(super) fn trail(&self, name: &str, bare: bool) -> Trail {
        let first = commit("start", [FileChange::write("orgtrail.toml", "[trail]\n")]);
        let options = InitOptions { branch: None, bare, first };
        Trail::init(&self.path(name), &options).unwrap()
    }

    pub(super) fn bare(&self) -> Trail {
        self.trail("trail.git", true)
    }

    pub(super) fn checked_out(&self) -> Trail {
        self.trail("trail", false)
    }

    /// Clones with `git`, into a trail whose remote `origin` is the other.
    pub(super) fn clone_of(&self, trail: &Trail, name: &str) -> Trail {
        let from = trail.git_dir().to_str().unwrap();
        git(self.dir.path(), &["clone", "--quiet", from, name]);
        Trail::open(&self.path(name)).unwrap()
    }
}

/// Runs `git` and returns what it prints.
pub(super) fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("HOME", dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_AUTHOR_NAME", "Uma User")
        .env("GIT_AUTHOR_EMAIL", "uma@example.invalid")
        .env("GIT_COMMITTER_NAME", "Uma User")
        .env("GIT_COMMITTER_EMAIL", "uma@example.invalid")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Asserts that git finds nothing wrong with a repository.
pub(super) fn assert_sound(trail: &Trail) {
    git(trail.git_dir(), &["fsck", "--strict", "--no-dangling"]);
}

pub(super) fn tool() -> Signature {
    Signature { name: "orgtrail".to_owned(), email: "orgtrail@org.invalid".to_owned(), seconds: 1_700_000_100 }
}

pub(super) fn is_tool(commit: &CommitInfo) -> bool {
    commit.committer.name == "orgtrail"
}

pub(super) fn commit(message: &str, files: impl IntoIterator<Item = FileChange>) -> NewCommit {
    NewCommit {
        author: Signature {
            name: "Ann Admin".to_owned(),
            email: "ann@example.invalid".to_owned(),
            seconds: 1_700_000_000,
        },
        committer: tool(),
        message: message.to_owned(),
        files: files.into_iter().collect(),
    }
}

impl Trail {
    /// Records one file on top of `main`.
    pub(super) fn record(&self, path: &str, content: &str) -> CommitId {
        let tip = self.tip("main").unwrap();
        let new = commit(path, [FileChange::write(path, content)]);
        self.commit("main", tip.as_ref(), &[new]).unwrap()[0]
    }

    pub(super) fn text(&self, at: &CommitId, path: &str) -> Option<String> {
        let content = self.file(at, path).unwrap()?;
        Some(String::from_utf8(content).unwrap())
    }

    pub(super) fn paths(&self, at: &CommitId) -> Vec<String> {
        let files = self.files_under(at, "").unwrap();
        files.into_iter().map(|(path, _)| path).collect()
    }

    /// Reads a file of the working tree.
    pub(super) fn on_disk_text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.workdir().unwrap().join(path)).ok()
    }

    /// Writes a file of the working tree as a user would.
    pub(super) fn edit(&self, path: &str, content: &str) {
        let full = self.workdir().unwrap().join(path);
        fs::create_dir_all(full.parent().unwrap()).unwrap();
        fs::write(full, content).unwrap();
    }
}
