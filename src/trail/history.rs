//! Commits as a reader meets them.

use git2::Oid;

use super::Trail;
use super::error::{TrailError, doing};
use super::id::CommitId;
use super::message::Message;

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The name, as people write it.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// Seconds since 1970, UTC; git2 can write none before that, and none from 2106 on.
    pub seconds: i64,
}

/// What a commit says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// The commit.
    pub id: CommitId,
    /// Its parents; none for the first commit, and for the last one that a shallow clone knows.
    pub parents: Vec<CommitId>,
    /// Who made the change.
    pub author: Signature,
    /// Who recorded it.
    pub committer: Signature,
    /// The first paragraph of the message.
    pub subject: String,
    /// The message between subject and trailers.
    pub body: String,
    /// The trailers, in order; a key may occur more than once.
    pub trailers: Vec<(String, String)>,
}

impl CommitInfo {
    /// Returns the first value of a trailer.
    #[must_use]
    pub fn trailer(&self, key: &str) -> Option<&str> {
        let named = |(name, _): &&(String, String)| name == key;
        self.trailers.iter().find(named).map(|(_, value)| value.as_str())
    }
}

/// The commits of a branch, newest first, without what was merged into it.
///
/// A commit that cannot be read is an error, and the last item.
pub struct FirstParents<'trail> {
    trail: &'trail Trail,
    next: Option<CommitId>,
}

impl Iterator for FirstParents<'_> {
    type Item = Result<CommitInfo, TrailError>;

    fn next(&mut self) -> Option<Self::Item> {
        let info = self.trail.commit_info(&self.next.take()?);
        if let Ok(info) = &info {
            self.next = info.parents.first().copied();
        }
        Some(info)
    }
}

impl Trail {
    /// Reads what a commit says about itself.
    pub fn commit_info(&self, id: &CommitId) -> Result<CommitInfo, TrailError> {
        let commit = self.find_commit(id.0)?;
        let message = Message::parse(&String::from_utf8_lossy(commit.message_raw_bytes()));
        Ok(CommitInfo {
            id: *id,
            parents: commit.parent_ids().map(CommitId).collect(),
            author: signature(&commit.author()),
            committer: signature(&commit.committer()),
            subject: message.subject,
            body: message.body,
            trailers: message.trailers,
        })
    }

    /// Walks from a commit along first parents, itself first.
    #[must_use]
    pub fn first_parents(&self, from: &CommitId) -> FirstParents<'_> {
        FirstParents { trail: self, next: Some(*from) }
    }

    /// Says whether `descendant` is `ancestor` or was built on it.
    pub fn is_ancestor(&self, ancestor: &CommitId, descendant: &CommitId) -> Result<bool, TrailError> {
        if ancestor == descendant {
            return Ok(true);
        }
        self.repo.graph_descendant_of(descendant.0, ancestor.0).map_err(doing("read the history of", descendant))
    }

    pub(super) fn find_commit(&self, id: Oid) -> Result<git2::Commit<'_>, TrailError> {
        self.repo.find_commit(id).map_err(doing("read the commit", id))
    }
}

fn signature(found: &git2::Signature<'_>) -> Signature {
    Signature {
        name: String::from_utf8_lossy(found.name_bytes()).into_owned(),
        email: String::from_utf8_lossy(found.email_bytes()).into_owned(),
        seconds: found.when().seconds(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::trail::testing::{Sandbox, commit, git, tool};
    use crate::trail::{FileChange, NewCommit};

    #[test]
    fn a_commit_says_who_when_and_why() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let first = trail.tip("main").unwrap().unwrap();
        let message =
            "high: a queue changed\n\nSupport EN\n\nOrgtrail-Kind: observed\nGenesys-Actor: 7\nGenesys-Actor: 8\n";
        let new = commit(message, [FileChange::write("a", "1")]);
        let id = trail.commit("main", Some(&first), std::slice::from_ref(&new)).unwrap()[0];

        let info = trail.commit_info(&id).unwrap();
        assert_eq!(info.parents, [first]);
        assert_eq!(info.author, new.author);
        assert_eq!(info.committer, tool());
        assert_eq!(info.subject, "high: a queue changed");
        assert_eq!(info.body, "Support EN");
        assert_eq!(info.trailer("Orgtrail-Kind"), Some("observed"));
        assert_eq!(info.trailer("Genesys-Actor"), Some("7"));
        assert_eq!(info.trailer("Orgtrail-Run"), None);
        assert_eq!(git(trail.git_dir(), &["log", "-1", "--format=%at %ct"]), "1700000000 1700000100\n");
    }

    #[test]
    fn what_a_header_cannot_hold_is_left_out_of_a_signature() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        for (name, email, kept_name, kept_email) in [
            ("Ann <root>\nx", "a\n@b", "Ann root x", "a @b"),
            (" <> ", "ann@b", "ann@b", "ann@b"),
            ("Zoë 🦊", "", "Zoë 🦊", "unknown"),
            ("a\0b", "\"", "a b", "unknown"),
        ] {
            let author = Signature { name: name.to_owned(), email: email.to_owned(), seconds: 0 };
            let new = NewCommit { author, ..commit("signed", []) };
            let made = trail.write_commits(None, &[new]).unwrap();
            let found = trail.commit_info(&made[0]).unwrap().author;
            assert_eq!((found.name.as_str(), found.email.as_str()), (kept_name, kept_email));
        }
    }

    #[test]
    fn first_parents_pass_over_what_was_merged() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        let first = trail.tip("main").unwrap().unwrap();
        let main = trail.record("a", "1");
        let dir = trail.workdir().unwrap();
        git(dir, &["reset", "--quiet", "--hard"]);
        git(dir, &["checkout", "--quiet", "-b", "side", "HEAD~1"]);
        git(dir, &["commit", "--quiet", "--allow-empty", "-m", "aside"]);
        git(dir, &["checkout", "--quiet", "main"]);
        git(dir, &["merge", "--quiet", "--no-ff", "side", "-m", "merged"]);
        let merged = trail.tip("main").unwrap().unwrap();

        let walked: Vec<CommitId> = trail.first_parents(&merged).map(|info| info.unwrap().id).collect();
        assert_eq!(walked, [merged, main, first]);
    }

    #[test]
    fn an_unreadable_commit_is_an_error_and_the_end() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let first = trail.tip("main").unwrap().unwrap().to_string();
        let tip = trail.record("a", "1");
        let object = trail.git_dir().join("objects").join(&first[..2]).join(&first[2..]);
        std::fs::remove_file(object).unwrap();
        let trail = crate::trail::Trail::open(trail.git_dir()).unwrap();

        let walked: Vec<bool> = trail.first_parents(&tip).map(|info| info.is_ok()).collect();
        assert_eq!(walked, [true, false]);
    }

    #[test]
    fn a_commit_is_an_ancestor_of_itself_and_of_what_follows() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let one = trail.record("a", "1");
        let two = trail.record("a", "2");
        assert!(trail.is_ancestor(&one, &one).unwrap());
        assert!(trail.is_ancestor(&one, &two).unwrap());
        assert!(!trail.is_ancestor(&two, &one).unwrap());
    }
}
