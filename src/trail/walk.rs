//! Where, on the way of first parents, what certain paths hold became something else.

use std::collections::{BTreeMap, BTreeSet};

use git2::{ObjectType, Oid, Tree};

use super::Trail;
use super::error::{TrailError, doing};
use super::id::{BlobId, CommitId, ObjectId};
use super::read::{entry_below, join};

/// A path that is watched by a [`PathWalk`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Watched(usize);

/// What became of a watched path in a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathTurn {
    /// The path.
    pub path: Watched,
    /// What was there in the first parent.
    pub before: Option<ObjectId>,
    /// What is there in the commit.
    pub after: Option<ObjectId>,
}

/// A commit in which watched paths hold something else than in its first parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The commit.
    pub commit: CommitId,
    /// Its first parent; none for the first commit, and for the last one that a shallow clone knows.
    pub parent: Option<CommitId>,
    /// The paths that hold something else.
    pub paths: Vec<PathTurn>,
}

/// What became of a file between two commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileTurn {
    /// Where it is.
    pub path: String,
    /// Its content before.
    pub before: Option<BlobId>,
    /// Its content after.
    pub after: Option<BlobId>,
}

/// Walks from a commit along first parents and stops where watched paths turn.
///
/// Folders are opened only where their ids differ, and only on the way to a watched path; files are never opened.
pub struct PathWalk<'trail> {
    trail: &'trail Trail,
    at: Option<CommitId>,
    nodes: Vec<Node>,
}

/// A step on the way to watched paths, as it is at the commit that the walk has come to.
#[derive(Debug, Default)]
struct Node {
    entry: Option<Entry>,
    children: BTreeMap<String, usize>,
    is_watched: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    id: Oid,
    is_folder: bool,
}

impl Trail {
    /// Begins a walk at a commit; nothing is watched yet.
    pub fn path_walk(&self, from: &CommitId) -> Result<PathWalk<'_>, TrailError> {
        let root = Node { entry: Some(self.root_entry(from)?), ..Node::default() };
        Ok(PathWalk { trail: self, at: Some(*from), nodes: vec![root] })
    }

    /// Lists the files below a folder, or the one file of this path, that differ between two commits, by path.
    pub fn files_between(
        &self,
        before: Option<&CommitId>,
        after: &CommitId,
        path: &str,
    ) -> Result<Vec<FileTurn>, TrailError> {
        let entry = |commit: &CommitId| {
            let tree = self.find_commit(commit.0)?.tree().map_err(doing("read the commit", commit))?;
            let found = entry_below(&tree, path)?;
            Ok::<_, TrailError>(found.map(|(id, kind)| Entry { id, is_folder: kind == ObjectType::Tree }))
        };
        let (before, after) = (before.map(entry).transpose()?.flatten(), entry(after)?);
        let mut files = Vec::new();
        self.compare_entries(path, before, after, &mut files).map_err(doing("compare two states of", path))?;
        files.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(files)
    }

    fn compare_entries(
        &self,
        path: &str,
        before: Option<Entry>,
        after: Option<Entry>,
        files: &mut Vec<FileTurn>,
    ) -> Result<(), git2::Error> {
        if before == after {
            return Ok(());
        }
        let file = |entry: Option<Entry>| entry.filter(|entry| !entry.is_folder).map(|entry| BlobId(entry.id));
        if file(before).is_some() || file(after).is_some() {
            files.push(FileTurn { path: path.to_owned(), before: file(before), after: file(after) });
        }
        let (before, after) = (self.folder(before)?, self.folder(after)?);
        let names = |tree: &Option<Tree<'_>>| -> Result<Vec<String>, git2::Error> {
            tree.iter().flat_map(Tree::iter).map(|entry| entry.name().map(str::to_owned)).collect()
        };
        let all: BTreeSet<String> = names(&before)?.into_iter().chain(names(&after)?).collect();
        for name in all {
            let entry = |tree: &Option<Tree<'_>>| tree.as_ref().and_then(|tree| child(tree, &name));
            self.compare_entries(&join(path, &name), entry(&before), entry(&after), files)?;
        }
        Ok(())
    }

    fn folder(&self, entry: Option<Entry>) -> Result<Option<Tree<'_>>, git2::Error> {
        entry.filter(|entry| entry.is_folder).map(|entry| self.repo.find_tree(entry.id)).transpose()
    }

    fn root_entry(&self, commit: &CommitId) -> Result<Entry, TrailError> {
        Ok(Entry { id: self.find_commit(commit.0)?.tree_id(), is_folder: true })
    }
}

fn child(tree: &Tree<'_>, name: &str) -> Option<Entry> {
    let entry = tree.get_name(name)?;
    Some(Entry { id: entry.id(), is_folder: entry.kind() == Some(ObjectType::Tree) })
}

impl PathWalk<'_> {
    /// Watches one more path from the commit on that the walk has come to.
    pub fn watch(&mut self, path: &str) -> Result<Watched, TrailError> {
        let mut node = 0;
        for name in path.split('/') {
            node = if let Some(known) = self.nodes[node].children.get(name) {
                *known
            } else {
                let folder = self.trail.folder(self.nodes[node].entry).map_err(doing("read", path))?;
                let entry = folder.and_then(|tree| child(&tree, name));
                let new = self.nodes.len();
                self.nodes.push(Node { entry, ..Node::default() });
                self.nodes[node].children.insert(name.to_owned(), new);
                new
            };
        }
        self.nodes[node].is_watched = true;
        Ok(Watched(node))
    }

    /// What a path holds at the commit that the walk has come to.
    #[must_use]
    pub fn entry(&self, path: Watched) -> Option<ObjectId> {
        self.nodes[path.0].entry.map(|entry| ObjectId(entry.id))
    }

    /// The commit that the walk has come to; none behind the first one.
    #[must_use]
    pub fn at(&self) -> Option<CommitId> {
        self.at
    }

    /// Goes to the next commit in which a watched path turns, and on to its first parent; `None` at the end of the history, and
    /// where the walk comes to `stop`.
    pub fn next_turn(&mut self, stop: Option<&CommitId>) -> Result<Option<Turn>, TrailError> {
        while let Some(commit) = self.at.filter(|at| Some(at) != stop) {
            let parent = self.trail.find_commit(commit.0)?.parent_ids().next().map(CommitId);
            let root = parent.as_ref().map(|parent| self.trail.root_entry(parent)).transpose()?;
            let mut paths = Vec::new();
            self.turn(0, root, &mut paths).map_err(doing("read the files of", commit))?;
            self.at = parent;
            if !paths.is_empty() {
                return Ok(Some(Turn { commit, parent, paths }));
            }
        }
        Ok(None)
    }

    fn turn(&mut self, node: usize, before: Option<Entry>, paths: &mut Vec<PathTurn>) -> Result<(), git2::Error> {
        let after = std::mem::replace(&mut self.nodes[node].entry, before);
        if after == before {
            return Ok(());
        }
        if self.nodes[node].is_watched {
            let id = |entry: Option<Entry>| entry.map(|entry| ObjectId(entry.id));
            paths.push(PathTurn { path: Watched(node), before: id(before), after: id(after) });
        }
        if self.nodes[node].children.is_empty() {
            return Ok(());
        }
        let folder = self.trail.folder(before)?;
        let children: Vec<(usize, Option<Entry>)> = self.nodes[node]
            .children
            .iter()
            .map(|(name, index)| (*index, folder.as_ref().and_then(|tree| child(tree, name))))
            .collect();
        children.into_iter().try_for_each(|(index, entry)| self.turn(index, entry, paths))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::trail::FileChange;
    use crate::trail::testing::{Sandbox, commit, git};

    #[test]
    fn a_walk_stops_where_a_watched_path_turns_and_nowhere_else() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let one = trail.record("s/a/x.json", "1");
        trail.record("s/b.json", "1");
        let two = trail.record("s/a/x.json", "2");
        let other = trail.record("s/a/y.json", "1");
        let tip = trail.record("t", "1");

        let mut walk = trail.path_walk(&tip).unwrap();
        let file = walk.watch("s/a/x.json").unwrap();
        let folder = walk.watch("s/a").unwrap();
        let nothing = walk.watch("s/b.json/x").unwrap();
        assert_eq!((walk.entry(file).is_some(), walk.entry(nothing)), (true, None));
        let mut turns = Vec::new();
        while let Some(turn) = walk.next_turn(None).unwrap() {
            let paths: Vec<Watched> = turn.paths.iter().map(|turn| turn.path).collect();
            turns.push((turn.commit, paths));
        }
        assert_eq!(turns, [(other, vec![folder]), (two, vec![folder, file]), (one, vec![folder, file])]);
        assert_eq!(walk.at(), None);

        let mut walk = trail.path_walk(&tip).unwrap();
        let file = walk.watch("s/a/x.json").unwrap();
        let turn = walk.next_turn(None).unwrap().unwrap();
        assert_eq!((turn.commit, turn.paths[0].path), (two, file));
        // What is watched later is watched from there on.
        walk.watch("s/b.json").unwrap();
        assert_eq!(walk.next_turn(Some(&one)).unwrap().unwrap().paths.len(), 1);
        assert_eq!(walk.next_turn(Some(&one)).unwrap(), None);
        assert_eq!(walk.at(), Some(one));
    }

    #[test]
    fn a_file_that_becomes_a_folder_turns_and_so_does_what_is_in_it() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let one = trail.record("s/a", "1");
        let files = [FileChange::remove("s/a"), FileChange::write("s/a/x", "1"), FileChange::write("s/a/y", "2")];
        let two = trail.commit("main", Some(&one), &[commit("shards", files)]).unwrap()[0];
        let paths = |before: Option<&CommitId>, after: &CommitId| -> Vec<(String, bool, bool)> {
            let files = trail.files_between(before, after, "s").unwrap();
            files.into_iter().map(|file| (file.path, file.before.is_some(), file.after.is_some())).collect()
        };
        let turned = |path: &str, before: bool, after: bool| (path.to_owned(), before, after);
        let expected = [turned("s/a", true, false), turned("s/a/x", false, true), turned("s/a/y", false, true)];
        assert_eq!(paths(Some(&one), &two), expected);
        assert_eq!(paths(Some(&one), &one), []);
        assert_eq!(paths(None, &one), [turned("s/a", false, true)]);

        let mut walk = trail.path_walk(&two).unwrap();
        walk.watch("s/a/x").unwrap();
        assert_eq!(walk.next_turn(None).unwrap().unwrap().commit, two);
        assert_eq!(walk.next_turn(None).unwrap(), None);
    }

    #[test]
    fn what_was_merged_in_is_not_walked_and_a_shallow_clone_ends_early() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        trail.record("s/a", "1");
        let main = trail.record("s/a", "2");
        let dir = trail.workdir().unwrap();
        git(dir, &["reset", "--quiet", "--hard"]);
        git(dir, &["checkout", "--quiet", "-b", "side", "HEAD~1"]);
        git(dir, &["commit", "--quiet", "--allow-empty", "-m", "aside"]);
        git(dir, &["checkout", "--quiet", "main"]);
        git(dir, &["merge", "--quiet", "--no-ff", "side", "-m", "merged"]);
        let tip = trail.tip("main").unwrap().unwrap();
        let mut walk = trail.path_walk(&tip).unwrap();
        walk.watch("s/a").unwrap();
        assert_eq!(walk.next_turn(None).unwrap().unwrap().commit, main);

        let url = format!("file://{}", dir.display());
        git(&sandbox.path(""), &["clone", "--quiet", "--depth", "2", &url, "shallow"]);
        let shallow = Trail::open(&sandbox.path("shallow")).unwrap();
        assert!(shallow.is_shallow());
        let mut walk = shallow.path_walk(&tip).unwrap();
        walk.watch("s/a").unwrap();
        let turn = walk.next_turn(None).unwrap().unwrap();
        assert_eq!((turn.commit, turn.parent), (main, None));
    }
}
