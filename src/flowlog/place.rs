//! Files that hold what is personal: nobody but the user reads them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Something that could not be done with a file.
#[derive(Debug, thiserror::Error)]
#[error("could not {doing} {}", path.display())]
pub struct PlaceError {
    /// What was to be done.
    doing: &'static str,
    /// With which file.
    path: PathBuf,
    /// Why not.
    #[source]
    source: io::Error,
}

impl PlaceError {
    pub(super) fn while_doing(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { doing, path, source }
    }
}

/// Makes a folder that nobody but the user reads, with those above it.
pub fn private_folder(path: &Path) -> Result<(), PlaceError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(PlaceError::while_doing("make the folder", path))
}

/// Opens a file to append to.
pub(super) fn appending(path: &Path) -> Result<File, PlaceError> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    private(&mut options);
    options.open(path).map_err(PlaceError::while_doing("open", path))
}

/// Replaces a file as a whole, or not at all.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), PlaceError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = (|| {
        // Such a file is the user's own alone.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    })();
    written.map_err(PlaceError::while_doing("write", path))
}

/// The bytes of a file; `None` where there is none.
pub(super) fn content(path: &Path) -> Result<Option<Vec<u8>>, PlaceError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PlaceError::while_doing("read", path)(error)),
    }
}

/// Takes a file away, where there is one.
pub(super) fn take_away(path: &Path) -> Result<(), PlaceError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(PlaceError::while_doing("remove", path)(error)),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(not(unix))]
fn private(_: &mut OpenOptions) {}

/// Takes a file for as long as the process needs it; `None` while another one has it.
pub fn alone(path: &Path) -> Result<Option<File>, PlaceError> {
    let file = appending(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(PlaceError::while_doing("lock", path)(error)),
    }
}

/// Where a path leads, whether or not there is something: the folder that there is, without links, and the rest as it stands.
#[must_use]
pub fn whole_path(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut rest = Vec::new();
    let mut known = absolute.as_path();
    loop {
        if let Ok(found) = known.canonicalize() {
            return rest.iter().rev().fold(found, |path, part| path.join(part));
        }
        match (known.parent(), known.file_name()) {
            (Some(parent), Some(name)) => {
                rest.push(name.to_owned());
                known = parent;
            }
            _ => return absolute,
        }
    }
}
