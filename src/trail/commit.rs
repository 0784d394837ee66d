//! Recording commits.

use std::collections::BTreeMap;

use git2::{Oid, Time};

use super::Trail;
use super::error::{TrailError, doing};
use super::history::Signature;
use super::id::{CommitId, ObjectId};
use super::repository::{branch_ref, target};
use super::signing::{Draft, SigningKey};
use super::staging::{Edit, Staging};

/// A commit to be made.
#[derive(Debug, Clone)]
pub struct NewCommit {
    /// Who made the change.
    pub author: Signature,
    /// Who records it.
    pub committer: Signature,
    /// The whole message, trailers included.
    pub message: String,
    /// What is different from the commit before, in order, so that of two that overlap the later counts; all else stays.
    pub files: Vec<FileChange>,
}

/// What becomes of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The path from the top of the trail, with `/` between folders.
    pub path: String,
    /// The new content; none removes the file, or the whole folder, and every folder left empty by that.
    pub content: Option<Vec<u8>>,
}

impl FileChange {
    /// Gives a file this content.
    pub fn write(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), content: Some(content.into()) }
    }

    /// Removes a file or a folder; what is not there may be removed.
    pub fn remove(path: impl Into<String>) -> Self {
        Self { path: path.into(), content: None }
    }
}

impl Trail {
    /// Adds commits to a branch, all or none, only if its tip is the expected one; returns them, oldest first.
    pub fn commit(
        &self,
        branch: &str,
        expected_tip: Option<&CommitId>,
        commits: &[NewCommit],
    ) -> Result<Vec<CommitId>, TrailError> {
        let Some(last) = commits.last() else {
            return Ok(Vec::new());
        };
        // Asked again, for good, when the branch moves; asked now so that no object is written in vain.
        let reference = branch_ref(branch);
        let expected = expected_tip.copied().map(ObjectId::from);
        let found = target(&self.repo, &reference)?.map(ObjectId);
        if found != expected {
            return Err(TrailError::Moved { reference, expected, found });
        }
        let made = self.write_commits(expected_tip, commits)?;
        if let Some(tip) = made.last() {
            self.move_branch(branch, expected_tip, tip, &last.committer)?;
        }
        Ok(made)
    }

    /// Writes commits on top of another without moving any branch; returns them, oldest first.
    pub fn write_commits(&self, parent: Option<&CommitId>, commits: &[NewCommit]) -> Result<Vec<CommitId>, TrailError> {
        let staging = Staging::open(&self.repo)?;
        let mut made: Vec<Oid> = Vec::with_capacity(commits.len());
        for commit in commits {
            let parent = made.last().copied().or(parent.map(|id| id.0));
            made.push(stage(&staging, parent, commit, self.signing_key.as_ref())?);
        }
        staging.store(&made, &self.durable()?)?;
        Ok(made.into_iter().map(CommitId).collect())
    }
}

fn stage(staging: &Staging, parent: Option<Oid>, new: &NewCommit, key: Option<&SigningKey>) -> Result<Oid, TrailError> {
    let edits = edits(staging, &new.files)?;
    let author = new.author.to_git()?;
    let committer = new.committer.to_git()?;
    let repo = staging.repo();
    let stage = || {
        let parent = parent.map(|id| repo.find_commit(id)).transpose()?;
        let base = parent.as_ref().map(git2::Commit::tree).transpose()?;
        let tree = staging.root(base.as_ref(), &edits)?;
        let parents: Vec<_> = parent.iter().collect();
        let draft =
            Draft { author: &author, committer: &committer, message: &new.message, tree: &tree, parents: &parents };
        draft.write(repo, key)
    };
    let subject = new.message.lines().next().unwrap_or_default();
    stage().map_err(doing("build the commit", format!("{subject:?}")))
}

pub(super) fn edits(staging: &Staging, files: &[FileChange]) -> Result<BTreeMap<String, Edit>, TrailError> {
    let mut root = BTreeMap::new();
    for FileChange { path, content } in files {
        if !is_plain(path) {
            return Err(TrailError::InvalidPath { path: path.clone() });
        }
        let edit = match content {
            None => Edit::Remove,
            Some(content) => Edit::File(staging.repo().blob(content).map_err(doing("write", path))?),
        };
        put(&mut root, path, edit);
    }
    Ok(root)
}

fn put(folder: &mut BTreeMap<String, Edit>, path: &str, edit: Edit) {
    let Some((name, rest)) = path.split_once('/') else {
        folder.insert(path.to_owned(), edit);
        return;
    };
    let below = folder.entry(name.to_owned()).or_insert_with(|| Edit::Within(BTreeMap::new()));
    match below {
        Edit::Within(edits) | Edit::Anew(edits) => put(edits, rest, edit),
        Edit::Remove | Edit::File(_) | Edit::Folder(_) => {
            let mut edits = BTreeMap::new();
            put(&mut edits, rest, edit);
            *below = Edit::Anew(edits);
        }
    }
}

/// Says whether a path stays inside the trail and outside `.git` on every system.
pub(super) fn is_plain(path: &str) -> bool {
    path.split('/').all(|name| {
        !matches!(name, "" | "." | "..") && !name.eq_ignore_ascii_case(".git") && !name.contains(['\\', ':', '\0'])
    })
}

impl Signature {
    /// Writes the signature as git does: without the characters that a commit's header cannot hold.
    pub(super) fn to_git(&self) -> Result<git2::Signature<'static>, TrailError> {
        let email = header_text(&self.email).unwrap_or_else(|| "unknown".to_owned());
        let name = header_text(&self.name).unwrap_or_else(|| email.clone());
        // libgit2 writes the time as an unsigned 32-bit number, and wraps silently.
        let seconds = self.seconds.clamp(0, u32::MAX.into());
        git2::Signature::new(&name, &email, &Time::new(seconds, 0)).map_err(doing("write the signature of", &self.name))
    }
}

fn header_text(text: &str) -> Option<String> {
    let kept: String =
        text.chars().filter(|c| !matches!(c, '<' | '>')).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let kept = kept.trim_matches([' ', ',', ':', ';', '"', '\\', '\'']);
    (!kept.is_empty()).then(|| kept.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
