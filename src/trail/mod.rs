//! The git façade: commits, paths and bytes; the only module that names `git2`.
//!
//! It knows nothing of Genesys, domains, schemas, the command line or configuration, and takes author, time and message
//! as arguments. What it promises:
//!
//! - Objects are written first and a branch moves last, once, by compare-and-swap: whatever happens, a branch is where
//!   it was or where it was meant to go. Everything is synced to disk before.
//! - History is never rewritten. The one exception is [`Trail::rebase_onto`], for own commits nobody else has seen.
//! - Commits do not depend on the machine: the configuration of its users is not read, no hook runs, and nothing is signed but
//!   with the key that [`Trail::sign_with`] gives.
//! - Content of the working tree that no commit holds is neither overwritten nor deleted.
//!
//! Limits: object ids are SHA-1. Hooks of a remote on this file system do not run, those of a server do. A split or
//! sparse index is refused. Links and modes of files are not kept: a trail holds plain files.

mod address;
mod beside;
mod carrier;
mod commit;
mod config;
mod error;
mod evidence;
mod history;
mod hooks;
mod id;
mod init;
mod lock;
mod message;
mod notes;
mod read;
mod rebase;
mod refs;
mod remote;
mod repository;
mod shared;
mod signing;
mod smart;
mod staging;
mod survey;
mod walk;
mod worktree;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod testing;

use std::fmt;
use std::path::{Path, PathBuf};

use git2::Repository;

pub use beside::Placed;
pub use carrier::Access;
pub use commit::{FileChange, NewCommit};
pub use error::TrailError;
pub use evidence::{Abandoned, BranchLog, CommitSignature};
pub use history::{CommitInfo, FirstParents, Signature};
pub use hooks::{Hooks, StagedFile};
pub use id::{BlobId, CommitId, InvalidId, ObjectId};
pub use init::InitOptions;
pub use lock::RunLock;
pub use message::trailers_of;
pub use notes::NOTES_REF;
pub use rebase::REBUILT;
pub use remote::{CredentialSource, FetchOutcome, PushOutcome, Refusal, RemoteError, RemoteRefs};
pub use signing::{SigningKey, SigningKeyError};
pub use walk::{FileTurn, PathTurn, PathWalk, Turn, Watched};

use repository::DurableRepository;

/// An open trail.
pub struct Trail {
    repo: Repository,
    access: Access,
    signing_key: Option<SigningKey>,
}

impl Trail {
    /// Opens the trail in this very folder: the top of a working tree, or a bare repository.
    pub fn open(dir: &Path) -> Result<Self, TrailError> {
        let repo = repository::open_isolated(dir)?;
        Ok(Self { repo, access: Access::default(), signing_key: None })
    }

    /// Says what to reach remotes with, besides what git itself is configured to do.
    pub fn set_access(&mut self, access: Access) {
        self.access = access;
    }

    /// Signs commits from now on, or no longer; notes and what is kept without history are not signed.
    pub fn sign_with(&mut self, key: Option<SigningKey>) {
        self.signing_key = key;
    }

    /// Says whether there is no working tree.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.repo.is_bare()
    }

    /// Says whether older history was left out when this clone was made.
    #[must_use]
    pub fn is_shallow(&self) -> bool {
        self.repo.is_shallow()
    }

    /// Returns the folder that holds the history, shared by all working trees of the repository.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        self.repo.commondir()
    }

    /// Returns the top of the working tree, if there is one.
    #[must_use]
    pub fn workdir(&self) -> Option<&Path> {
        self.repo.workdir()
    }

    /// Opens a handle for writing, which whoever holds the lock is about to do.
    fn durable(&self) -> Result<DurableRepository, TrailError> {
        self.renew_mark();
        DurableRepository::open(self.repo.path())
    }
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dir: PathBuf = self.git_dir().to_owned();
        f.debug_tuple("Trail").field(&dir).finish()
    }
}
