//! Handles on one repository that obey its own configuration and nobody else's.
//!
//! libgit2 adds the configuration of the user and of the machine to every handle. They must not change what a trail
//! holds, so each handle gets the repository's own file only, read by git2 itself for `safe.directory` beforehand.

use std::io::Write;
use std::path::Path;

use git2::{Config, ConfigLevel, ErrorCode, Oid, Repository};
use tempfile::NamedTempFile;

use super::error::{TrailError, doing, handling};

/// Every object and reference reaches the disk before the call returns. A pack is not searched for deltas: sixty
/// megabytes take one second instead of eighteen, and git finds the deltas when it packs anew. libgit2 1.9 reads the size
/// above which it does not search from `pack.deltaCacheSize`, other versions from where git documents it.
const SETTINGS: &[u8] = b"\
[core]
\tfsyncObjectFiles = true
\tbigFileThreshold = 0
[pack]
\tdeltaCacheSize = 0
";

/// A handle for writing, whose writes survive a power cut.
///
/// The settings sit above the repository's own file and not in it, where they would be the user's, and where newer
/// versions of git warn about the first.
pub(super) struct DurableRepository {
    repo: Repository,
    _settings: NamedTempFile,
}

impl DurableRepository {
    pub(super) fn open(dir: &Path) -> Result<Self, TrailError> {
        let mut settings = NamedTempFile::new().map_err(handling("make a file in", &std::env::temp_dir()))?;
        settings.write_all(SETTINGS).map_err(handling("write", settings.path()))?;
        Ok(Self { repo: open(dir, Some(settings.path()))?, _settings: settings })
    }
}

impl std::ops::Deref for DurableRepository {
    type Target = Repository;

    fn deref(&self) -> &Repository {
        &self.repo
    }
}

/// Opens exactly this folder, never a parent of it.
pub(super) fn open_isolated(dir: &Path) -> Result<Repository, TrailError> {
    open(dir, None)
}

fn open(dir: &Path, above: Option<&Path>) -> Result<Repository, TrailError> {
    let repo = Repository::open(dir).map_err(|source| match source.code() {
        ErrorCode::NotFound if !dir.exists() => TrailError::NoFolder { dir: dir.to_owned() },
        ErrorCode::NotFound => TrailError::NotARepository { dir: dir.to_owned() },
        ErrorCode::Owner => TrailError::NotOwned { dir: dir.to_owned() },
        _ => doing("open", dir.display())(source),
    })?;
    isolate(&repo, above).map_err(doing("read the configuration of", dir.display()))?;
    Ok(repo)
}

fn isolate(repo: &Repository, above: Option<&Path>) -> Result<(), git2::Error> {
    let mut config = Config::new()?;
    config.add_file(&repo.commondir().join("config"), ConfigLevel::Local, false)?;
    if let Some(path) = above {
        config.add_file(path, ConfigLevel::App, false)?;
    }
    repo.set_config(&config)
}

/// Returns what a reference points to in the end, or nothing if there is none.
pub(super) fn target(repo: &Repository, reference: &str) -> Result<Option<Oid>, TrailError> {
    absent_as_none(repo.refname_to_id(reference)).map_err(doing("read", reference))
}

/// Turns "not found" into a value.
pub(super) fn absent_as_none<T>(result: Result<T, git2::Error>) -> Result<Option<T>, git2::Error> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the full name of a branch.
pub(super) fn branch_ref(branch: &str) -> String {
    format!("refs/heads/{branch}")
}
