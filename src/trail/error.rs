//! What can go wrong with a trail.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use super::id::{CommitId, ObjectId};
use super::remote::RemoteError;

/// Why an operation on a trail was not done; the cause, where there is one, is the source.
#[derive(Debug, thiserror::Error)]
pub enum TrailError {
    /// There is no folder of this name.
    #[error("could not open {}: there is no such folder", dir.display())]
    NoFolder {
        /// The name.
        dir: PathBuf,
    },
    /// The folder is neither the top of a working tree nor a bare repository.
    #[error("could not open {}: it is not a git repository", dir.display())]
    NotARepository {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder belongs to another user of this machine, and git's `safe.directory` does not name it.
    #[error("could not open {}: the repository belongs to another user", dir.display())]
    NotOwned {
        /// The folder.
        dir: PathBuf,
    },
    /// A new trail was asked for where there is history already.
    #[error("could not make a trail in {}: the repository has commits already", dir.display())]
    HasCommits {
        /// The folder.
        dir: PathBuf,
    },
    /// A bare repository has no working tree that a file could be put into.
    #[error("could not put files into {}: a bare repository has no working tree", dir.display())]
    NoWorkingTree {
        /// The folder.
        dir: PathBuf,
    },
    /// Another process holds the lock.
    #[error("could not start: another run holds {}", lock.display())]
    AlreadyRunning {
        /// The lock file.
        lock: PathBuf,
    },
    /// A reference is not where it was when the work began.
    #[error(
        "could not move {reference}: it is at {}, not at {}",
        or_nothing(found.as_ref()),
        or_nothing(expected.as_ref())
    )]
    Moved {
        /// The full name of the reference.
        reference: String,
        /// Where it was expected.
        expected: Option<ObjectId>,
        /// Where it is.
        found: Option<ObjectId>,
    },
    /// Another git process is writing the reference at this moment.
    #[error("could not move {reference}: another process is writing it")]
    Busy {
        /// The full name of the reference.
        reference: String,
    },
    /// No commit has this name.
    #[error("could not find the revision {spec:?}")]
    UnknownRevision {
        /// What was asked for.
        spec: String,
    },
    /// More than one object has this name.
    #[error("could not tell which commit {spec:?} means: it names more than one object")]
    AmbiguousRevision {
        /// What was asked for.
        spec: String,
    },
    /// The path cannot be a file of a commit.
    #[error("could not use the path {path:?} in a commit")]
    InvalidPath {
        /// The path.
        path: String,
    },
    /// No remote has this name.
    #[error("could not find the remote {remote:?}")]
    UnknownRemote {
        /// The name that was asked for.
        remote: String,
    },
    /// The remote's address names a protocol that is not spoken.
    #[error("could not reach the remote {remote:?}: {scheme} is not supported")]
    UnsupportedTransport {
        /// The remote.
        remote: String,
        /// The protocol that its address names.
        scheme: String,
    },
    /// The remote could not be reached, or did not do its part.
    #[error("could not {action} the remote {remote:?}")]
    Remote {
        /// What was being done.
        action: &'static str,
        /// With which remote.
        remote: String,
        /// The cause.
        source: RemoteError,
    },
    /// What would be sent has no beginning here, and the remote does not have it either.
    #[error("could not push to the remote {remote:?}: this clone is shallow, and the remote lacks what was left out")]
    ShallowHistory {
        /// The remote.
        remote: String,
    },
    /// The remote's branch no longer holds a commit that it held before.
    #[error(
        "could not follow {branch} of the remote {remote:?}: it is at {}, which does not build on {known} any more",
        or_nothing(found.as_ref())
    )]
    RemoteRewritten {
        /// The remote.
        remote: String,
        /// The branch.
        branch: String,
        /// The tip that was last seen there.
        known: CommitId,
        /// The tip that is there now.
        found: Option<CommitId>,
    },
    /// An unpushed commit is not the tool's to rebuild.
    #[error(
        "could not rebuild {branch} on what others pushed: {commit}, which the remote does not have, is not the tool's own"
    )]
    NotOurs {
        /// The branch.
        branch: String,
        /// The oldest such commit.
        commit: CommitId,
    },
    /// A file of the working tree or of the repository could not be used.
    #[error("could not {action} {}", path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// git could not do its part.
    #[error("could not {action} {subject}")]
    Git {
        /// What was being done.
        action: &'static str,
        /// To what.
        subject: String,
        /// The cause.
        source: git2::Error,
    },
}

impl TrailError {
    /// Says whether the machine refused (a full disk, a read-only folder), rather than the repository.
    #[must_use]
    pub fn is_from_system(&self) -> bool {
        match self {
            Self::Io { .. } => true,
            Self::Git { source, .. } => matches!(source.class(), git2::ErrorClass::Os | git2::ErrorClass::Filesystem),
            _ => false,
        }
    }
}

fn or_nothing<T: Display>(id: Option<&T>) -> String {
    id.map_or_else(|| "nothing".to_owned(), T::to_string)
}

/// Explains a git error by what was being done to what.
pub(super) fn doing<S: Display>(action: &'static str, subject: S) -> impl FnOnce(git2::Error) -> TrailError {
    move |source| TrailError::Git { action, subject: subject.to_string(), source }
}

/// Explains a file error by what was being done to which file.
pub(super) fn handling(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> TrailError {
    move |source| TrailError::Io { action, path: path.to_owned(), source }
}
