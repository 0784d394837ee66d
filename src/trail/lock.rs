//! One run at a time, and what a run that died leaves in the way of the next.
//!
//! git and libgit2 guard a file that they replace by a `*.lock` beside it. A process that is killed in that moment leaves it
//! there for good, and nobody can write the file again. Whose it is cannot be read from it, and a user's own git may hold
//! one right now. So a leftover is removed only where everything speaks for the dead run:
//!
//! - The lock file of the trail holds a mark while a run is under way, renewed right before each write, so its time is that of
//!   the dead run's last write. A run that ended, well or badly, empties it; then nothing is removed.
//! - The leftover was written at that time or within [`LAST_WRITE`] of it. An older one is not the dead run's, which could
//!   not have written past it; a younger one is somebody else's. Both times are those of one file system's clock.
//! - It stands there unchanged after [`SETTLE`]: git holds such a lock for less.
//! - It guards a file that a run replaces: a reference, its log, the index, `HEAD`, the packed references. Or it is an object or
//!   a pack that libgit2 had not finished: in nobody's way, but git never clears it away.
//!
//! What speaks against is left alone, and the run says which file is in its way. The one git command that may hold such a lock
//! for longer is a commit of given paths with its editor open; it would have to be begun in the minute after the death.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Trail;
use super::error::{TrailError, handling};

/// The lock file, in the folder that holds the history.
const LOCK_FILE: &str = "orgtrail.lock";

/// What the lock file holds while a run is under way.
const MARK: &[u8] = b"a run is under way\n";

/// The longest that one write of a reference or of the index takes.
const LAST_WRITE: Duration = Duration::from_secs(60);

/// How long a leftover must stay as it is.
const SETTLE: Duration = Duration::from_millis(250);

/// Files that a run replaces, besides those of [`REPLACED_FOLDERS`].
const REPLACED_FILES: [&str; 3] = ["HEAD.lock", "index.lock", "packed-refs.lock"];

/// Folders of which a run replaces files, at any depth.
const REPLACED_FOLDERS: [&str; 2] = ["refs", "logs"];

/// Folders in which libgit2 writes objects and packs before it gives them their names.
const SCRATCH_FOLDERS: [&str; 2] = ["objects", "objects/pack"];

/// What libgit2 has in such a name; git itself has other ones.
const SCRATCH: &str = "_git2_";

/// The right to write to a trail, given back when dropped and by the system when the process dies.
///
/// The lock is advisory and belongs to the open file, so a lock file left behind locks nothing.
#[derive(Debug)]
#[must_use = "the lock is given back when this value is dropped"]
pub struct RunLock {
    file: File,
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // A mark that stays makes the next run look for leftovers, and find none.
        let _ = self.file.set_len(0);
        // A process that was started this moment may still hold the file open, and with it the lock.
        let _ = self.file.unlock();
    }
}

impl Trail {
    /// Takes the right to write to this trail; it belongs to one process at a time.
    ///
    /// Where the run before died, what it left in the way is removed.
    pub fn lock(&self) -> Result<RunLock, TrailError> {
        self.lock_after(|| std::thread::sleep(SETTLE))
    }

    /// Takes the lock, waiting in a given way where a leftover has to stay unchanged.
    fn lock_after(&self, settle: impl FnOnce()) -> Result<RunLock, TrailError> {
        let path = self.git_dir().join(LOCK_FILE);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(handling("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(TrailError::AlreadyRunning { lock: path }),
            Err(TryLockError::Error(source)) => return Err(handling("lock", &path)(source)),
        }
        if let Some(died) = last_write(&file).map_err(handling("read", &path))? {
            self.remove_leftovers(died, settle)?;
        }
        file.set_len(0).and_then(|()| file.write_all(MARK)).map_err(handling("write", &path))?;
        Ok(RunLock { file })
    }

    /// Renews the mark of the run that is under way, right before something is written; without one there is nothing to do.
    pub(super) fn renew_mark(&self) {
        let path = self.git_dir().join(LOCK_FILE);
        let is_marked = fs::metadata(&path).is_ok_and(|metadata| metadata.len() > 0);
        if is_marked {
            // Bytes are written rather than a time set, so that the time is the file system's own. Where that fails the mark is
            // older than it could be, and less is taken for a leftover.
            let _ = OpenOptions::new().write(true).open(&path).and_then(|mut file| file.write_all(MARK));
        }
    }

    fn remove_leftovers(&self, died: SystemTime, settle: impl FnOnce()) -> Result<(), TrailError> {
        let left: Vec<Leftover> = self.in_the_way().into_iter().filter(|left| left.is_of(died)).collect();
        if left.is_empty() {
            return Ok(());
        }
        settle();
        for left in left.into_iter().filter(Leftover::is_unchanged) {
            match fs::remove_file(&left.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(handling("remove the leftover", &left.path)(error));
                }
                _ => tracing::warn!(path = %left.path.display(), "removed what a run that died left behind"),
            }
        }
        Ok(())
    }

    /// Lists the locks that git or a run holds, or held when it died, and unfinished objects.
    fn in_the_way(&self) -> Vec<Leftover> {
        let mut found = Vec::new();
        // A linked working tree has an index and a HEAD of its own.
        let own = self.repo.path();
        let shared = self.git_dir();
        for dir in [Some(shared), (own != shared).then_some(own)].into_iter().flatten() {
            found.extend(REPLACED_FILES.iter().filter_map(|name| Leftover::at(dir.join(name))));
            for folder in REPLACED_FOLDERS {
                locks_below(&dir.join(folder), &mut found);
            }
        }
        for folder in SCRATCH_FOLDERS {
            let entries = fs::read_dir(shared.join(folder)).into_iter().flatten().flatten();
            let scratch = entries.filter(|entry| entry.file_name().to_string_lossy().contains(SCRATCH));
            found.extend(scratch.filter_map(|entry| Leftover::at(entry.path())));
        }
        found
    }
}

/// When the run that holds the lock no more wrote last; nothing where it came to its end.
fn last_write(file: &File) -> io::Result<Option<SystemTime>> {
    let metadata = file.metadata()?;
    if metadata.len() == 0 { Ok(None) } else { metadata.modified().map(Some) }
}

fn locks_below(folder: &Path, found: &mut Vec<Leftover>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => locks_below(&path, found),
            Ok(_) if path.extension().is_some_and(|extension| extension == "lock") => found.extend(Leftover::at(path)),
            _ => {}
        }
    }
}

/// A lock or an unfinished object, as it was found.
#[derive(Debug)]
struct Leftover {
    path: PathBuf,
    modified: SystemTime,
    size: u64,
}

impl Leftover {
    fn at(path: PathBuf) -> Option<Self> {
        let metadata: Metadata = fs::symlink_metadata(&path).ok().filter(Metadata::is_file)?;
        Some(Self { path, modified: metadata.modified().ok()?, size: metadata.len() })
    }

    /// Whether a run that wrote last at some time can have left it.
    fn is_of(&self, died: SystemTime) -> bool {
        self.modified >= died && self.modified <= died + LAST_WRITE
    }

    fn is_unchanged(&self) -> bool {
        Self::at(self.path.clone()).is_some_and(|now| now.modified == self.modified && now.size == self.size)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::trail::testing::{DIR, Sandbox, assert_sound, git};

    /// What a killed run leaves: a mark, and locks of git's that are as old as it or younger by some seconds.
    fn die(trail: &Trail, locks: &[(&str, i64)]) {
        let mark = trail.git_dir().join(LOCK_FILE);
        fs::write(&mark, MARK).unwrap();
        let died = fs::metadata(&mark).unwrap().modified().unwrap();
        for (name, seconds) in locks {
            let path = trail.git_dir().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let age = Duration::from_secs(seconds.unsigned_abs());
            let time = if *seconds < 0 { died - age } else { died + age };
            File::create(&path).unwrap().set_modified(time).unwrap();
        }
    }

    fn left(trail: &Trail) -> Vec<String> {
        let name = |left: Leftover| left.path.strip_prefix(trail.git_dir()).unwrap().to_str().unwrap().to_owned();
        let mut names: Vec<String> = trail.in_the_way().into_iter().map(name).collect();
        names.sort();
        names
    }

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
        for content in [&b""[..], MARK, b"something else"] {
            fs::write(trail.git_dir().join(LOCK_FILE), content).unwrap();
            let _lock = trail.lock().unwrap();
        }
    }

    #[test]
    fn the_mark_is_there_while_a_run_is_under_way_and_no_longer() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let path = trail.git_dir().join(LOCK_FILE);
        let lock = trail.lock().unwrap();
        assert_eq!(fs::read(&path).unwrap(), MARK);
        trail.renew_mark();
        assert_eq!(fs::read(&path).unwrap(), MARK);
        drop(lock);
        assert_eq!(fs::read(&path).unwrap(), b"");
        trail.renew_mark();
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn what_a_dead_run_left_in_the_way_is_removed_and_the_next_run_writes() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        let locks = [
            ("HEAD.lock", 0),
            ("index.lock", 1),
            ("logs/refs/heads/main.lock", 0),
            ("objects/pack/pack_git2_0123", 2),
            ("objects/tmp_object_git2_4567", 0),
            ("packed-refs.lock", 0),
            ("refs/heads/main.lock", 0),
            ("refs/orgtrail/heartbeat.lock", 59),
        ];
        die(&trail, &locks);
        assert_eq!(left(&trail), locks.map(|(name, _)| name));
        let _lock = trail.lock_after(|| {}).unwrap();
        assert_eq!(left(&trail), [""; 0]);
        let tip = trail.record("snapshot/a", "1");
        trail.sync_worktree("main", &tip, DIR).unwrap();
        trail.write_ref_blob("refs/orgtrail/heartbeat", b"beat").unwrap();
        assert_eq!(git(trail.workdir().unwrap(), &["status", "--porcelain"]), "");
        assert_sound(&trail);
    }

    #[test]
    fn a_lock_from_before_or_long_after_the_last_write_is_not_the_dead_runs() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        die(&trail, &[("index.lock", -1), ("refs/heads/main.lock", 61)]);
        let _lock = trail.lock_after(|| {}).unwrap();
        assert_eq!(left(&trail), ["index.lock", "refs/heads/main.lock"]);
    }

    #[test]
    fn a_lock_that_somebody_is_writing_is_left_alone() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        die(&trail, &[("index.lock", 0), ("HEAD.lock", 0)]);
        let index = trail.git_dir().join("index.lock");
        let _lock = trail.lock_after(|| fs::write(&index, "an index").unwrap()).unwrap();
        assert_eq!(left(&trail), ["index.lock"]);
    }

    #[test]
    fn after_a_run_that_ended_no_lock_is_taken_for_a_leftover() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        drop(trail.lock().unwrap());
        fs::write(trail.git_dir().join("index.lock"), "").unwrap();
        let _lock = trail.lock_after(|| panic!("there is nothing to wait for")).unwrap();
        assert_eq!(left(&trail), ["index.lock"]);
    }

    #[test]
    fn a_linked_working_tree_is_rid_of_its_own_leftovers() {
        let sandbox = Sandbox::new();
        let main = sandbox.checked_out();
        let dir = sandbox.path("linked");
        git(main.workdir().unwrap(), &["worktree", "add", "--quiet", "-b", "side", dir.to_str().unwrap()]);
        let linked = Trail::open(&dir).unwrap();
        die(&main, &[("worktrees/linked/index.lock", 0), ("refs/heads/side.lock", 0)]);
        let _lock = linked.lock_after(|| {}).unwrap();
        assert!(linked.in_the_way().is_empty());
    }
}
