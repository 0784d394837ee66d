use std::fs;
use std::path::Path;

use super::*;
use crate::trail::testing::{Sandbox, assert_sound, commit, git};

/// Adds one commit to `main`.
fn add(trail: &Trail, files: impl IntoIterator<Item = FileChange>) -> CommitId {
    let tip = trail.tip("main").unwrap();
    trail.commit("main", tip.as_ref(), &[commit("change", files)]).unwrap()[0]
}

fn stored_files(dir: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            found.extend(stored_files(&entry.path()));
        } else {
            let name = entry.file_name().into_string().unwrap();
            found.push((name, entry.metadata().unwrap().len()));
        }
    }
    found
}

#[test]
fn several_commits_move_the_branch_once() {
    let sandbox = Sandbox::new();
    let trail = sandbox.checked_out();
    let first = trail.tip("main").unwrap().unwrap();
    let steps = ["1", "2", "3"].map(|step| commit(step, [FileChange::write("s/a", step)]));
    let made = trail.commit("main", Some(&first), &steps).unwrap();

    assert_eq!(trail.tip("main").unwrap(), made.last().copied());
    let subjects: Vec<String> = trail.first_parents(&made[2]).map(|info| info.unwrap().subject).collect();
    assert_eq!(subjects, ["3", "2", "1", "start"]);
    let log = git(trail.git_dir(), &["reflog", "main", "--format=%gn"]);
    assert_eq!(log, "orgtrail\norgtrail\n");
    assert_sound(&trail);
}

#[test]
fn nothing_to_commit_moves_nothing() {
    let sandbox = Sandbox::new();
    let trail = sandbox.bare();
    let tip = trail.tip("main").unwrap();
    assert_eq!(trail.commit("main", tip.as_ref(), &[]).unwrap(), []);
    assert_eq!(trail.tip("main").unwrap(), tip);
}

#[test]
fn a_branch_that_moved_meanwhile_stays_where_it_is() {
    let sandbox = Sandbox::new();
    let trail = sandbox.bare();
    let first = trail.tip("main").unwrap().unwrap();
    let theirs = trail.record("a", "theirs");
    let ours = commit("ours", [FileChange::write("a", "ours")]);

    for expected in [Some(&first), None] {
        let error = trail.commit("main", expected, std::slice::from_ref(&ours)).unwrap_err();
        let TrailError::Moved { reference, found, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(reference, "refs/heads/main");
        assert_eq!(found, Some(theirs.into()));
    }
    assert_eq!(trail.tip("main").unwrap(), Some(theirs));
}

#[test]
fn a_reference_that_git_is_writing_is_not_moved() {
    let sandbox = Sandbox::new();
    let trail = sandbox.bare();
    let tip = trail.tip("main").unwrap();
    fs::write(trail.git_dir().join("refs/heads/main.lock"), "").unwrap();
    let new = commit("ours", [FileChange::write("a", "1")]);
    let error = trail.commit("main", tip.as_ref(), &[new]).unwrap_err();
    assert!(matches!(error, TrailError::Busy { .. }), "{error:?}");
    assert_eq!(trail.tip("main").unwrap(), tip);
}

#[test]
fn what_a_commit_does_not_name_stays() {
    let sandbox = Sandbox::new();
    let trail = sandbox.bare();
    trail.record("s/a/x", "1");
    let tip = trail.record("s/b/y", "1");
    assert_eq!(trail.paths(&tip), ["orgtrail.toml", "s/a/x", "s/b/y"]);
    assert_sound(&trail);
}

#[test]
fn a_folder_goes_with_its_last_file() {
    let sandbox = Sandbox::new();
    let trail = sandbox.bare();
    add(&trail, ["s/a/b/x", "s/y"].map(|path| FileChange::write(path, "1")));
    let tip = add(&trail, [FileChange::remove("s/a/b/x")]);
    assert_eq!(trail.paths(&tip), ["orgtrail.toml", "s/y"]);
    assert_eq!(trail.tree_entry(&tip, "s/a").unwrap(), None);
    let tip = add(&trail, ["s/y", "orgtrail.toml"].map(FileChange::remove));
    assert_eq!(trail.paths(&tip), [""; 0]);
    assert_sound(&trail);
}

#[test]
fn changes_apply_in_order() {
    let sandbox = Sandbox::new();
    let trail = sandbox.bare();
    let write = |path| FileChange::write(path, "1");
    let base = add(&trail, [write("s/a/x"), write("s/a/y"), write("s/b")]);
    for (changes, expected) in [
        (vec![FileChange::remove("s/a")], vec!["s/b"]),
        (vec![FileChange::remove("s/a"), write("s/a/z")], vec!["s/a/z", "s/b"]),
        (vec![write("s/a/z"), FileChange::remove("s/a")], vec!["s/b"]),
        (vec![FileChange::remove("s/b"), write("s/b/z")], vec!["s/a/x", "s/a/y", "s/b/z"]),
        (vec![write("s/a")], vec!["s/a", "s/b"]),
        (vec![FileChange::remove("s/c/d")], vec!["s/a/x", "s/a/y", "s/b"]),
        (vec![FileChange::remove("s/b/d")], vec!["s/a/x", "s/a/y", "s/b"]),
    ] {
        let new = commit("change", changes.clone());
        let made = trail.write_commits(Some(&base), &[new]).unwrap();
        let paths = trail.paths(&made[0]);
        assert_eq!(paths[1..], expected, "{changes:?}");
    }
}

#[test]
fn a_path_that_leaves_the_trail_is_refused() {
    let sandbox = Sandbox::new();
    let trail = sandbox.bare();
    let tip = trail.tip("main").unwrap();
    for path in ["", "/a", "a//b", "../a", "a/./b", ".git/hooks/x", "a/.GIT/x", "a\\b", "c:/a"] {
        let new = commit("bad", [FileChange::write(path, "1")]);
        let error = trail.commit("main", tip.as_ref(), &[new]).unwrap_err();
        assert!(matches!(error, TrailError::InvalidPath { .. }), "{path:?}: {error:?}");
    }
}

#[test]
fn a_run_of_many_objects_is_one_pack() {
    let sandbox = Sandbox::new();
    let trail = sandbox.bare();
    let objects = trail.git_dir().join("objects");
    let before = stored_files(&objects).len();
    add(&trail, (0..40).map(|n| FileChange::write(format!("s/{n}.json"), format!("{n}"))));
    let mut new: Vec<String> = stored_files(&objects.join("pack")).into_iter().map(|(name, _)| name).collect();
    new.sort();
    assert_eq!(stored_files(&objects).len(), before + new.len());
    let kinds: Vec<&str> = new.iter().filter_map(|name| name.rsplit('.').next()).collect();
    assert_eq!(kinds, ["idx", "pack"]);
    assert_sound(&trail);
}

#[test]
fn a_commit_costs_what_changed_and_not_what_is_there() {
    let sandbox = Sandbox::new();
    let trail = sandbox.bare();
    let noise = |seed: usize| -> Vec<u8> {
        let numbers = (0..4_000_usize).map(|n| (n + seed * 7919).wrapping_mul(2_654_435_761));
        numbers.flat_map(usize::to_le_bytes).collect()
    };
    add(&trail, (0..60).map(|n| FileChange::write(format!("s/f{}/{n}.json", n % 6), noise(n))));
    let size = || stored_files(&trail.git_dir().join("objects")).iter().map(|(_, size)| size).sum::<u64>();
    let before = size();
    add(&trail, (0..3).map(|n| FileChange::write(format!("s/f{n}/{n}.json"), "small")));
    assert!(size() - before < 8_000, "{} bytes", size() - before);
    assert_sound(&trail);
}

#[test]
fn the_same_commit_has_the_same_id_on_every_machine() {
    let sandbox = Sandbox::new();
    let trail = sandbox.bare();
    let config =
        "[user]\nname = Mallory\nemail = m@example.invalid\n[commit]\ngpgSign = true\n[core]\nautocrlf = true\n";
    let path = trail.git_dir().join("config");
    let own = fs::read_to_string(&path).unwrap();
    fs::write(&path, own + config).unwrap();
    let configured = Trail::open(trail.git_dir()).unwrap();
    let new = commit("same", [FileChange::write("a", "1\r\n2\n")]);
    let made = configured.write_commits(None, &[new]).unwrap();
    assert_eq!(made[0].to_string(), "db31d3fdee74d3cd98976c7113b988ba5bdaa322");
    assert_eq!(configured.text(&made[0], "a").unwrap(), "1\r\n2\n");
}
