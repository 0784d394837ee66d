//! What several clones add to: folders and logs behind references of the tool, which no fetch and no push takes anything from.
//!
//! Three kinds of things stand behind `refs/orgtrail/`, and the object says which. A document is replaced by a newer one. A folder
//! of files holds, brought together with another one, what either of them has; a file without content says that what it held was
//! erased, and wins. A log of commits is continued, and two that parted are joined by a commit with both for parents.

use std::collections::BTreeMap;

use git2::{ObjectType, Oid, Repository, Sort, Tree};

use super::Trail;
use super::commit::edits;
use super::error::{TrailError, doing};
use super::history::{CommitInfo, Signature};
use super::id::{BlobId, CommitId, ObjectId};
use super::refs::{From, RefMove, move_refs};
use super::repository::{DurableRepository, target};
use super::signing::{Draft, SigningKey};
use super::staging::Staging;
use super::{FileChange, NewCommit};

/// What the commit says that joins two logs.
const JOINED: &str = "join two logs that parted\n";

impl Trail {
    /// Lists the files of the folder that a reference points to, by path; none where there is no such reference.
    pub fn shared_files(&self, reference: &str) -> Result<BTreeMap<String, BlobId>, TrailError> {
        let Some(tree) = self.shared_folder(reference)? else { return Ok(BTreeMap::new()) };
        let mut files = Vec::new();
        self.collect_files(&tree, "", &mut files).map_err(doing("list the files of", reference))?;
        Ok(files.into_iter().collect())
    }

    /// Reads a file of the folder that a reference points to, if it is there.
    pub fn shared_file(&self, reference: &str, path: &str) -> Result<Option<Vec<u8>>, TrailError> {
        let Some(tree) = self.shared_folder(reference)? else { return Ok(None) };
        match super::read::entry_below(&tree, path)? {
            Some((id, ObjectType::Blob)) => self.blob(&BlobId(id)).map(Some),
            _ => Ok(None),
        }
    }

    /// Puts files into the folder that a reference points to, beside those that are there; the caller holds the lock.
    pub fn share_files(&self, reference: &str, files: &[FileChange]) -> Result<(), TrailError> {
        if files.is_empty() {
            return Ok(());
        }
        let staging = Staging::open(&self.repo)?;
        let edits = edits(&staging, files)?;
        let folder = self.shared_folder(reference)?;
        let built = staging.root(folder.as_ref(), &edits).map(|tree| tree.id()).map_err(doing("write", reference))?;
        let repo = self.durable()?;
        staging.store(&[built], &repo)?;
        repo.reference(reference, built, true, "").map_err(doing("write", reference))?;
        Ok(())
    }

    /// Adds an entry to the log that a reference points to, or begins it; the caller holds the lock.
    pub fn append(&self, reference: &str, entry: &NewCommit) -> Result<CommitId, TrailError> {
        let tip = target(&self.repo, reference)?.map(CommitId);
        let made = self.write_commits(tip.as_ref(), std::slice::from_ref(entry))?;
        let last = made.last().copied().ok_or_else(|| TrailError::UnknownRevision { spec: reference.to_owned() })?;
        let from = From::Exactly(tip.map(ObjectId::from));
        let step = RefMove { reference: reference.to_owned(), from, to: last.0 };
        move_refs(&*self.durable()?, &[step], &entry.committer, "append")?;
        Ok(last)
    }

    /// Lists the entries of the log that a reference points to, newest first; what joins two logs is none.
    pub fn log_of(&self, reference: &str) -> Result<Vec<CommitInfo>, TrailError> {
        let Some(tip) = target(&self.repo, reference)? else { return Ok(Vec::new()) };
        let list = || {
            let mut walk = self.repo.revwalk()?;
            walk.set_sorting(Sort::TIME | Sort::TOPOLOGICAL)?;
            walk.push(tip)?;
            walk.collect::<Result<Vec<Oid>, git2::Error>>()
        };
        let ids = list().map_err(doing("read the log behind", reference))?;
        let entries = ids.into_iter().map(|id| self.commit_info(&CommitId(id)));
        entries.filter(|entry| entry.as_ref().map_or(true, |entry| entry.parents.len() < 2)).collect()
    }

    fn shared_folder(&self, reference: &str) -> Result<Option<Tree<'_>>, TrailError> {
        let Some(id) = target(&self.repo, reference)? else { return Ok(None) };
        self.repo.find_tree(id).map(Some).map_err(doing("read the folder behind", reference))
    }

    /// Where a reference of the tool goes that is somewhere else here than there; `None` where it stays.
    pub(super) fn brought_together(
        &self,
        repo: &DurableRepository,
        reference: &str,
        (ours, theirs): (Oid, Oid),
        by: &Signature,
    ) -> Result<Option<Oid>, TrailError> {
        let by = by.to_git()?;
        let join = || {
            let odb = repo.odb()?;
            let kinds = (odb.read_header(ours)?.1, odb.read_header(theirs)?.1);
            Ok(match kinds {
                (ObjectType::Tree, ObjectType::Tree) => {
                    Some(united(repo, &repo.find_tree(ours)?, &repo.find_tree(theirs)?)?)
                }
                (ObjectType::Commit, ObjectType::Commit) => {
                    Some(joined(repo, ours, theirs, &by, self.signing_key.as_ref())?)
                }
                // What is shared is not given up for something that cannot be brought together with it.
                (ObjectType::Tree | ObjectType::Commit, _) => None,
                _ => Some(theirs),
            })
        };
        join().map_err(doing("bring together with that of the remote", reference))
    }
}

/// A folder with the files of both; of two of one name theirs, unless ours says that it was erased.
fn united(repo: &Repository, ours: &Tree<'_>, theirs: &Tree<'_>) -> Result<Oid, git2::Error> {
    let erased = Oid::hash_object(ObjectType::Blob, b"")?;
    let mut builder = repo.treebuilder(Some(theirs))?;
    for entry in ours {
        let name = entry.name()?;
        let Some(other) = theirs.get_name(name) else {
            builder.insert(name, entry.id(), entry.filemode())?;
            continue;
        };
        if other.id() == entry.id() {
            continue;
        }
        if let (Some(ObjectType::Tree), Some(ObjectType::Tree)) = (entry.kind(), other.kind()) {
            let both = united(repo, &repo.find_tree(entry.id())?, &repo.find_tree(other.id())?)?;
            builder.insert(name, both, entry.filemode())?;
        } else if entry.id() == erased {
            builder.insert(name, erased, entry.filemode())?;
        }
    }
    builder.write()
}

/// The end of a log that holds the entries of both.
fn joined(
    repo: &Repository,
    ours: Oid,
    theirs: Oid,
    by: &git2::Signature<'_>,
    key: Option<&SigningKey>,
) -> Result<Oid, git2::Error> {
    if repo.graph_descendant_of(theirs, ours)? {
        return Ok(theirs);
    }
    if repo.graph_descendant_of(ours, theirs)? {
        return Ok(ours);
    }
    let (theirs, ours) = (repo.find_commit(theirs)?, repo.find_commit(ours)?);
    let draft = Draft { author: by, committer: by, message: JOINED, tree: &theirs.tree()?, parents: &[&theirs, &ours] };
    draft.write(repo, key)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use crate::trail::testing::{Sandbox, assert_sound, commit, git, tool};
    use crate::trail::{FileChange, PushOutcome, Refusal, RemoteRefs, Trail};

    const FOLDER: &str = "refs/orgtrail/folder";
    const LOG: &str = "refs/orgtrail/log";

    fn put(trail: &Trail, path: &str, content: &str) {
        trail.share_files(FOLDER, &[FileChange::write(path, content)]).unwrap();
    }

    fn note(trail: &Trail, text: &str) {
        trail.append(LOG, &commit(text, [])).unwrap();
    }

    fn files(trail: &Trail) -> Vec<(String, String)> {
        let text = |path: &str| String::from_utf8(trail.shared_file(FOLDER, path).unwrap().unwrap()).unwrap();
        trail.shared_files(FOLDER).unwrap().into_keys().map(|path| (path.clone(), text(&path))).collect()
    }

    fn entries(trail: &Trail) -> Vec<String> {
        let mut subjects: Vec<String> = trail.log_of(LOG).unwrap().into_iter().map(|entry| entry.subject).collect();
        subjects.sort();
        subjects
    }

    fn push(trail: &Trail, seen: &RemoteRefs) -> PushOutcome {
        trail.push("origin", "main", &[FOLDER, LOG], seen, &tool()).unwrap()
    }

    #[test]
    fn a_folder_only_gains_files_and_has_no_history() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        assert_eq!(trail.shared_files(FOLDER).unwrap().len(), 0);
        assert_eq!(trail.shared_file(FOLDER, "ab/c").unwrap(), None);
        trail.share_files(FOLDER, &[]).unwrap();
        assert_eq!(git(trail.git_dir(), &["for-each-ref", "refs/orgtrail"]), "");
        put(&trail, "ab/c", "1");
        put(&trail, "ab/d", "2");
        let written = [("ab/c", "1"), ("ab/d", "2")].map(|(path, text)| (path.to_owned(), text.to_owned()));
        assert_eq!(files(&trail), written);
        assert_eq!(git(trail.git_dir(), &["cat-file", "-t", FOLDER]), "tree\n");
        assert_sound(&trail);
    }

    #[test]
    fn two_clones_that_write_at_once_end_with_what_either_wrote() {
        let sandbox = Sandbox::new();
        let hub = sandbox.bare();
        let (one, two) = (sandbox.clone_of(&hub, "one"), sandbox.clone_of(&hub, "two"));
        put(&hub, "00/a", "before");
        put(&hub, "00/gone", "was here");
        note(&hub, "before");
        let fetch = |trail: &Trail| trail.fetch("origin", "main", &tool()).unwrap().seen;
        let (seen_one, seen_two) = (fetch(&one), fetch(&two));
        for (trail, name) in [(&one, "one"), (&two, "two")] {
            put(trail, &format!("00/{name}"), name);
            put(trail, "11/both", name);
            note(trail, name);
        }
        put(&two, "00/gone", "");
        assert_eq!(push(&one, &seen_one), PushOutcome::Pushed);
        let refused = push(&two, &seen_two);
        let is_moved = matches!(&refused, PushOutcome::Refused { reason: Refusal::Moved { .. }, .. });
        assert!(is_moved, "{refused:?}");

        let seen = fetch(&two);
        assert_eq!(push(&two, &seen), PushOutcome::Pushed);
        fetch(&one);
        let whole = [("00/a", "before"), ("00/gone", ""), ("00/one", "one"), ("00/two", "two"), ("11/both", "one")];
        for trail in [&hub, &one, &two] {
            assert_eq!(files(trail), whole.map(|(path, text)| (path.to_owned(), text.to_owned())));
            assert_eq!(entries(trail), ["before", "one", "two"]);
            assert_sound(trail);
        }
    }

    #[test]
    fn a_push_sends_of_a_folder_only_what_is_new() {
        let sandbox = Sandbox::new();
        let hub = sandbox.bare();
        let one = sandbox.clone_of(&hub, "one");
        let seen = |trail: &Trail| trail.fetch("origin", "main", &tool()).unwrap().seen;
        put(&one, "00/a", "1");
        put(&one, "11/a", "2");
        assert_eq!(push(&one, &seen(&one)), PushOutcome::Pushed);
        let objects = |trail: &Trail| {
            let all = git(trail.git_dir(), &["cat-file", "--batch-all-objects", "--batch-check"]);
            all.lines().map(ToOwned::to_owned).collect::<std::collections::BTreeSet<_>>()
        };
        let before = objects(&hub);
        git(hub.git_dir(), &["repack", "-adq"]);
        put(&one, "00/b", "3");
        assert_eq!(push(&one, &seen(&one)), PushOutcome::Pushed);
        assert_eq!(objects(&hub).difference(&before).count(), 3, "a file and the two folders around it");
        let packed = git(hub.git_dir(), &["count-objects", "-v"]);
        assert!(packed.contains(&format!("in-pack: {}\n", before.len() + 3)), "{packed}");
        assert_eq!(files(&hub), files(&one));
        assert_sound(&hub);
    }

    #[test]
    fn what_was_never_pushed_survives_a_fetch_and_what_is_shared_is_not_given_up_for_a_document() {
        let sandbox = Sandbox::new();
        let hub = sandbox.bare();
        let one = sandbox.clone_of(&hub, "one");
        put(&hub, "00/a", "theirs");
        note(&hub, "theirs");
        put(&one, "00/b", "ours");
        note(&one, "ours");
        note(&one, "ours again");
        one.fetch("origin", "main", &tool()).unwrap();
        let written = [("00/a", "theirs"), ("00/b", "ours")].map(|(path, text)| (path.to_owned(), text.to_owned()));
        assert_eq!(files(&one), written);
        assert_eq!(entries(&one), ["ours", "ours again", "theirs"]);

        git(hub.git_dir(), &["update-ref", "-d", FOLDER]);
        hub.write_ref_blob(FOLDER, b"a document").unwrap();
        one.fetch("origin", "main", &tool()).unwrap();
        assert_eq!(files(&one), written);
    }
}
