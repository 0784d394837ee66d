//! Notes: what is said of a commit after it was made.

use git2::{ErrorCode, Oid};

use super::Trail;
use super::error::{TrailError, doing};
use super::history::Signature;
use super::id::CommitId;

/// The reference that the notes of the tool are behind.
pub const NOTES_REF: &str = "refs/notes/orgtrail";

impl Trail {
    /// Reads the note of a commit, if it has one.
    pub fn note(&self, commit: &CommitId) -> Result<Option<String>, TrailError> {
        match self.repo.find_note(Some(NOTES_REF), commit.0) {
            Ok(note) => Ok(Some(String::from_utf8_lossy(note.message_bytes()).into_owned())),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(doing("read the note of", commit)(error)),
        }
    }

    /// Says whether any commit has a note.
    pub fn has_notes(&self) -> Result<bool, TrailError> {
        Ok(super::repository::target(&self.repo, NOTES_REF)?.is_some())
    }

    /// Gives a commit a note, in place of the one that it has.
    pub fn write_note(&self, commit: &CommitId, text: &str, by: &Signature) -> Result<(), TrailError> {
        let by = by.to_git()?;
        let repo = self.durable()?;
        let written: Result<Oid, _> = repo.note(&by, &by, Some(NOTES_REF), commit.0, text, true);
        written.map(|_| ()).map_err(doing("write the note of", commit))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use crate::trail::testing::{Sandbox, assert_sound, git, tool};

    #[test]
    fn a_note_is_replaced_and_git_shows_it() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        let (first, second) = (trail.record("a", "1"), trail.record("a", "2"));
        assert!(!trail.has_notes().unwrap());
        for text in ["one\n", "two\n"] {
            trail.write_note(&first, text, &tool()).unwrap();
            assert_eq!(trail.note(&first).unwrap().as_deref(), Some(text));
        }
        assert_eq!(trail.note(&second).unwrap(), None);
        assert!(trail.has_notes().unwrap());
        let shown = git(trail.git_dir(), &["log", "-1", "--notes=orgtrail", "--format=%N", &first.to_string()]);
        assert_eq!(shown.trim(), "two");
        assert_sound(&trail);
    }
}
