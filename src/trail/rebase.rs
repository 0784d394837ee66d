//! Rebuilding own commits on what others pushed meanwhile.

use std::collections::BTreeMap;

use git2::{ObjectType, Oid, Sort};

use super::Trail;
use super::error::{TrailError, doing};
use super::history::{CommitInfo, Signature};
use super::id::CommitId;
use super::message::Message;
use super::signing::{Draft, SigningKey};
use super::staging::{Edit, Staging};

/// The trailer of a commit that was rebuilt: which one it was before, once for each time, and those before it that were left out.
pub const REBUILT: &str = "Orgtrail-Rebuilt";

impl Trail {
    /// Rebuilds the commits of a branch that `onto` does not have on top of it, and returns the branch's new tip.
    ///
    /// Of each commit, what lies in `dir`, a folder at the top, is kept, with author, message and dates, and the trailer
    /// [`REBUILT`] says what it was; everything else is as in `onto`. A commit that changes nothing there is left out. A merge, or a commit that is not `is_ours`, is
    /// refused, and the branch stays. With nothing to rebuild the branch moves forward to `onto`, or is ahead and stays.
    pub fn rebase_onto(
        &self,
        branch: &str,
        onto: &CommitId,
        dir: &str,
        is_ours: impl Fn(&CommitInfo) -> bool,
        by: &Signature,
    ) -> Result<CommitId, TrailError> {
        let tip = self.tip(branch)?;
        let own = match &tip {
            Some(tip) if self.is_ancestor(onto, tip)? => return Ok(*tip),
            Some(tip) => self.only_in(tip, onto)?,
            None => Vec::new(),
        };
        for id in &own {
            let info = self.commit_info(id)?;
            if info.parents.len() > 1 || !is_ours(&info) {
                return Err(TrailError::NotOurs { branch: branch.to_owned(), commit: *id });
            }
        }
        let new_tip = self.rebuild(&own, onto, dir)?;
        self.move_branch(branch, tip.as_ref(), &new_tip, by)?;
        Ok(new_tip)
    }

    /// Lists the commits that lead to one and not to the other, oldest first.
    pub fn only_in(&self, tip: &CommitId, other: &CommitId) -> Result<Vec<CommitId>, TrailError> {
        let walk = || {
            let mut walk = self.repo.revwalk()?;
            walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)?;
            walk.push(tip.0)?;
            walk.hide(other.0)?;
            walk.map(|id| id.map(CommitId)).collect::<Result<Vec<_>, _>>()
        };
        walk().map_err(doing("read the history of", tip))
    }

    fn rebuild(&self, commits: &[CommitId], onto: &CommitId, dir: &str) -> Result<CommitId, TrailError> {
        let staging = Staging::open(&self.repo)?;
        let (mut made, mut former) = (Vec::new(), Vec::new());
        for id in commits {
            let parent = made.last().copied().unwrap_or(onto.0);
            let key = self.signing_key.as_ref();
            former.push(id.0);
            let rebuilt = rebuild_one(&staging, &former, parent, dir, key).map_err(doing("rebuild", id))?;
            if let Some(rebuilt) = rebuilt {
                made.push(rebuilt);
                former.clear();
            }
        }
        staging.store(&made, &self.durable()?)?;
        Ok(made.last().copied().map_or(*onto, CommitId))
    }
}

/// Rebuilds the last of some commits, of which those before it are left out.
fn rebuild_one(
    staging: &Staging,
    former: &[Oid],
    parent: Oid,
    dir: &str,
    key: Option<&SigningKey>,
) -> Result<Option<Oid>, git2::Error> {
    let repo = staging.repo();
    let Some(last) = former.last() else { return Ok(None) };
    let commit = repo.find_commit(*last)?;
    let parent = repo.find_commit(parent)?;
    let ours = commit
        .tree()?
        .get_name(dir)
        .filter(|entry| entry.kind() == Some(ObjectType::Tree))
        .map_or(Edit::Remove, |entry| Edit::Folder(entry.id()));
    let edits = BTreeMap::from([(dir.to_owned(), ours)]);
    let tree = staging.root(Some(&parent.tree()?), &edits)?;
    if tree.id() == parent.tree_id() {
        return Ok(None);
    }
    let message = with_former_ids(commit.message_raw()?, former);
    let (author, committer) = (commit.author(), commit.committer());
    let draft = Draft { author: &author, committer: &committer, message: &message, tree: &tree, parents: &[&parent] };
    draft.write(repo, key).map(Some)
}

/// Adds what a commit was to its trailers, or begins them with it.
fn with_former_ids(message: &str, former: &[Oid]) -> String {
    let message = message.trim_end();
    let gap = if Message::parse(message).trailers.is_empty() { "\n\n" } else { "\n" };
    let trailers: Vec<String> = former.iter().map(|id| format!("{REBUILT}: {id}\n")).collect();
    format!("{message}{gap}{}", trailers.concat())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::trail::testing::{DIR, Sandbox, assert_sound, commit, is_tool, tool};
    use crate::trail::{FileChange, TrailError};

    fn built_on(trail: &Trail, parent: &CommitId, files: &[(&str, &str)]) -> CommitId {
        let files = files.iter().map(|(path, text)| FileChange::write(*path, *text));
        trail.write_commits(Some(parent), &[commit("theirs", files)]).unwrap()[0]
    }

    fn rebase(trail: &Trail, onto: &CommitId) -> Result<CommitId, TrailError> {
        trail.rebase_onto("main", onto, DIR, is_tool, &tool())
    }

    #[test]
    fn own_commits_keep_their_snapshot_and_take_all_else_from_theirs() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let base = trail.record("snapshot/a", "1");
        let theirs = built_on(&trail, &base, &[("orgtrail.toml", "theirs"), ("snapshot/b", "theirs")]);
        let old = [trail.record("snapshot/a", "2"), trail.record("snapshot/a", "3")];

        let tip = rebase(&trail, &theirs).unwrap();
        assert_eq!(trail.tip("main").unwrap(), Some(tip));
        assert_eq!(trail.paths(&tip), ["orgtrail.toml", "snapshot/a"]);
        assert_eq!(trail.text(&tip, "orgtrail.toml").unwrap(), "theirs");
        let walked: Vec<CommitInfo> = trail.first_parents(&tip).take(3).map(Result::unwrap).collect();
        for (new, old) in walked.iter().rev().skip(1).zip(&old) {
            let old = trail.commit_info(old).unwrap();
            assert_eq!((&new.author, &new.committer), (&old.author, &old.committer));
            assert_eq!((&new.subject, new.trailer(REBUILT)), (&old.subject, Some(old.id.to_string().as_str())));
            assert_eq!(trail.tree_entry(&new.id, DIR).unwrap(), trail.tree_entry(&old.id, DIR).unwrap());
        }
        assert_eq!(walked[2].id, theirs);
        assert_sound(&trail);
    }

    #[test]
    fn a_commit_that_theirs_made_superfluous_is_left_out() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let base = trail.record("snapshot/a", "1");
        let theirs = built_on(&trail, &base, &[("snapshot/a", "2")]);
        trail.record("snapshot/a", "2");
        trail.record("snapshot/a", "3");
        let tip = rebase(&trail, &theirs).unwrap();
        assert_eq!(trail.commit_info(&tip).unwrap().parents, [theirs]);
        assert_eq!(trail.text(&tip, "snapshot/a").unwrap(), "3");
    }

    #[test]
    fn without_own_commits_the_branch_moves_forward() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let base = trail.record("snapshot/a", "1");
        let theirs = built_on(&trail, &base, &[("x", "1")]);
        assert_eq!(rebase(&trail, &theirs).unwrap(), theirs);
        assert_eq!(trail.tip("main").unwrap(), Some(theirs));
        assert_eq!(rebase(&trail, &base).unwrap(), theirs);
        assert_eq!(trail.tip("main").unwrap(), Some(theirs));
    }

    #[test]
    fn a_branch_that_does_not_exist_yet_begins_at_theirs() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let theirs = trail.record("a", "1");
        let made = trail.rebase_onto("new", &theirs, DIR, is_tool, &tool()).unwrap();
        assert_eq!(made, theirs);
        assert_eq!(trail.tip("new").unwrap(), Some(theirs));
    }

    #[test]
    fn a_commit_of_somebody_else_is_never_rebuilt() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let base = trail.record("snapshot/a", "1");
        let theirs = built_on(&trail, &base, &[("x", "1")]);
        let mut foreign = commit("mine", [FileChange::write("orgtrail.toml", "mine")]);
        foreign.committer.name = "Uma User".to_owned();
        let foreign = trail.commit("main", Some(&base), &[foreign]).unwrap()[0];
        let tip = trail.record("snapshot/a", "2");

        let error = rebase(&trail, &theirs).unwrap_err();
        assert!(matches!(&error, TrailError::NotOurs { commit, .. } if *commit == foreign), "{error:?}");
        assert_eq!(trail.tip("main").unwrap(), Some(tip));
    }
}
