//! One run at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::error::{TrailError, handling};

/// The right to write to a trail, given back when dropped and by the system when the process dies.
///
/// The lock is advisory and belongs to the open file, so a lock file left behind means nothing by itself.
#[derive(Debug)]
#[must_use = "the lock is given back when this value is dropped"]
pub struct RunLock {
    _file: File,
}

pub(super) fn acquire(path: &Path) -> Result<RunLock, TrailError> {
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(handling("open", path))?;
    match file.try_lock() {
        Ok(()) => Ok(RunLock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(TrailError::AlreadyRunning { lock: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(handling("lock", path)(source)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use crate::trail::testing::Sandbox;
    use crate::trail::{Trail, TrailError};

    #[test]
    fn a_second_run_is_refused_until_the_first_is_over() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let other = Trail::open(&sandbox.path("trail.git")).unwrap();

        let lock = trail.lock().unwrap();
        let error = other.lock().unwrap_err();
        assert!(matches!(error, TrailError::AlreadyRunning { .. }), "{error}");
        drop(lock);
        let _lock = other.lock().unwrap();
    }

    #[test]
    fn a_lock_file_left_behind_locks_nothing() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        std::fs::write(trail.git_dir().join("orgtrail.lock"), "").unwrap();
        let _lock = trail.lock().unwrap();
    }
}
