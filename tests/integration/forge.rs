//! Histories that somebody tampered with: commits written anew, object by object, under whatever name.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;

use crate::harness::git_command;
use crate::terminal::git_in;

/// A commit, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub(crate) tree: String,
    /// Parents besides the first one.
    pub(crate) merged: Vec<String>,
    /// The lines between parents and message: who, when, signature.
    pub(crate) head: String,
    pub(crate) message: String,
}

impl Raw {
    pub(crate) fn trailer(&self, name: &str) -> Option<&str> {
        self.message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Gives a trailer another value.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let old = format!("{name}: {}\n", self.trailer(name).unwrap());
        assert!(self.message.contains(&old));
        self.message = self.message.replace(&old, &format!("{name}: {value}\n"));
    }
}

/// The commits of the branch by first parents, oldest first.
pub(crate) fn commits(dir: &Path) -> Vec<Raw> {
    let ids = git_in(dir, &["rev-list", "--first-parent", "--reverse", "main"]);
    let raw = |id: &str| {
        let text = git_in(dir, &["cat-file", "commit", id]);
        let (head, message) = text.split_once("\n\n").unwrap();
        let of =
            |name: &str| head.lines().filter_map(|line| line.strip_prefix(name)).map(str::to_owned).collect::<Vec<_>>();
        let rest = head.lines().filter(|line| !line.starts_with("tree ") && !line.starts_with("parent "));
        Raw {
            tree: of("tree ")[0].clone(),
            merged: of("parent ").into_iter().skip(1).collect(),
            head: rest.collect::<Vec<_>>().join("\n"),
            message: message.to_owned(),
        }
    };
    ids.lines().map(raw).collect()
}

/// Makes the branch these commits, one on the other; what did not change keeps its id.
pub(crate) fn rewrite(dir: &Path, commits: &[Raw]) {
    let mut parent: Option<String> = None;
    for commit in commits {
        let mut text = format!("tree {}\n", commit.tree);
        for id in parent.iter().chain(&commit.merged) {
            text.extend(["parent ", id, "\n"]);
        }
        text.extend([commit.head.as_str(), "\n\n", &commit.message]);
        parent = Some(piped(dir, &["hash-object", "-t", "commit", "-w", "--stdin"], text.as_bytes()));
    }
    git_in(dir, &["update-ref", "refs/heads/main", &parent.unwrap()]);
}

/// A tree with one file set to other content, or taken out.
pub(crate) fn tree_with(dir: &Path, tree: &str, path: &str, content: Option<&[u8]>) -> String {
    let index = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let mut command = git_command(dir, arguments);
        let output = command.env("GIT_INDEX_FILE", index.path().join("index")).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    git(&["read-tree", tree]);
    match content {
        Some(content) => {
            let blob = piped(dir, &["hash-object", "-w", "--stdin"], content);
            git(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{path}")]);
        }
        None => drop(git(&["update-index", "--force-remove", path])),
    }
    git(&["write-tree"])
}

/// The content of a file in a tree or commit.
pub(crate) fn file(dir: &Path, at: &str, path: &str) -> String {
    git_in(dir, &["cat-file", "blob", &format!("{at}:{path}")])
}

/// Takes away what git logged of its branches.
pub(crate) fn forget_logs(dir: &Path) {
    let logs = [dir.join(".git/logs"), dir.join("logs")];
    for logs in logs.iter().filter(|logs| logs.exists()) {
        std::fs::remove_dir_all(logs).unwrap();
    }
}

/// A copy of a folder, of its own.
pub(crate) fn copy(from: &Path) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("trail");
    copy_into(from, &to);
    (dir, to)
}

fn copy_into(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_into(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

fn piped(dir: &Path, arguments: &[&str], input: &[u8]) -> String {
    let mut child = git_command(dir, arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
