use std::fs;

use super::*;
use crate::trail::FileChange;
use crate::trail::testing::{DIR, Sandbox, assert_sound, commit, git, is_tool, tool};

const HEARTBEAT: &str = "refs/orgtrail/heartbeat";

/// A bare trail and two clones of it.
fn three(sandbox: &Sandbox) -> (Trail, Trail, Trail) {
    let hub = sandbox.bare();
    let one = sandbox.clone_of(&hub, "one");
    let two = sandbox.clone_of(&hub, "two");
    (hub, one, two)
}

fn fetch(trail: &Trail) -> FetchOutcome {
    trail.fetch("origin", "main", &tool()).unwrap()
}

fn push(trail: &Trail, seen: &RemoteRefs) -> PushOutcome {
    trail.push("origin", "main", &[HEARTBEAT], seen, &tool()).unwrap()
}

#[test]
fn a_push_reaches_the_other_clone() {
    let sandbox = Sandbox::new();
    let (hub, one, two) = three(&sandbox);
    let seen = fetch(&one).seen;
    let tip = one.record("snapshot/a", "1");
    one.write_ref_blob(HEARTBEAT, b"alive").unwrap();
    assert_eq!(push(&one, &seen), PushOutcome::Pushed);
    assert_eq!(hub.tip("main").unwrap(), Some(tip));

    let found = fetch(&two);
    assert_eq!(found.remote_tip, Some(tip));
    assert_eq!(found.seen.get("refs/heads/main"), Some(tip.into()));
    assert_eq!(two.text(&tip, "snapshot/a").unwrap(), "1");
    assert_eq!(two.read_ref_blob(HEARTBEAT).unwrap().unwrap(), b"alive");
    assert_eq!(two.resolve("origin/main").unwrap(), tip);
    for trail in [&hub, &one, &two] {
        assert_sound(trail);
    }
}

#[test]
fn a_push_is_refused_when_the_remote_moved_and_succeeds_when_rebuilt() {
    let sandbox = Sandbox::new();
    let (hub, one, two) = three(&sandbox);
    let (seen_one, seen_two) = (fetch(&one).seen, fetch(&two).seen);
    let theirs = one.record("orgtrail.toml", "theirs");
    assert_eq!(push(&one, &seen_one), PushOutcome::Pushed);

    two.record("snapshot/a", "1");
    two.write_ref_blob(HEARTBEAT, b"two").unwrap();
    let refused = PushOutcome::Refused {
        reference: "refs/heads/main".to_owned(),
        reason: Refusal::Moved { found: Some(theirs.into()) },
    };
    assert_eq!(push(&two, &seen_two), refused);
    assert_eq!(hub.tip("main").unwrap(), Some(theirs));
    assert_eq!(hub.read_ref_blob(HEARTBEAT).unwrap(), None);

    let found = fetch(&two);
    let tip = two.rebase_onto("main", &found.remote_tip.unwrap(), DIR, is_tool, &tool()).unwrap();
    assert_eq!(push(&two, &found.seen), PushOutcome::Pushed);
    assert_eq!(hub.tip("main").unwrap(), Some(tip));
    assert_eq!(hub.text(&tip, "orgtrail.toml").unwrap(), "theirs");
    assert_sound(&hub);
}

#[test]
fn a_moved_reference_beside_the_branch_refuses_the_whole_push() {
    let sandbox = Sandbox::new();
    let (hub, one, _) = three(&sandbox);
    let seen = fetch(&one).seen;
    let before = hub.tip("main").unwrap();
    hub.write_ref_blob(HEARTBEAT, b"hub").unwrap();
    one.record("snapshot/a", "1");
    one.write_ref_blob(HEARTBEAT, b"one").unwrap();
    let outcome = push(&one, &seen);
    assert!(
        matches!(&outcome, PushOutcome::Refused { reference, reason: Refusal::Moved { .. } } if reference == HEARTBEAT),
        "{outcome:?}"
    );
    assert_eq!(hub.tip("main").unwrap(), before);
    assert_eq!(hub.read_ref_blob(HEARTBEAT).unwrap().unwrap(), b"hub");
}

#[test]
fn a_branch_on_the_remote_only_grows() {
    let sandbox = Sandbox::new();
    let (hub, one, two) = three(&sandbox);
    let seen = fetch(&one).seen;
    let theirs = one.record("snapshot/a", "1");
    push(&one, &seen);
    two.record("snapshot/a", "2");
    let seen = fetch(&two).seen;
    let refused = PushOutcome::Refused { reference: "refs/heads/main".to_owned(), reason: Refusal::NotFastForward };
    assert_eq!(push(&two, &seen), refused);
    assert_eq!(hub.tip("main").unwrap(), Some(theirs));
}

#[test]
fn every_branch_of_the_remote_is_fetched_and_any_may_be_pushed_with_a_lease() {
    const REVIEW: &str = "refs/heads/orgtrail/review";
    let sandbox = Sandbox::new();
    let (hub, one, two) = three(&sandbox);
    let first = hub.tip("main").unwrap().unwrap();
    hub.move_branch("approved", None, &first, &tool()).unwrap();
    let review = |trail: &Trail, text: &str| {
        let made = trail.write_commits(Some(&first), &[commit("review", [FileChange::write("a", text)])]).unwrap()[0];
        trail.move_branch("orgtrail/review", trail.tip("orgtrail/review").unwrap().as_ref(), &made, &tool()).unwrap();
        made
    };
    let push = |trail: &Trail, seen: &RemoteRefs| trail.push("origin", "main", &[REVIEW], seen, &tool()).unwrap();

    let seen = fetch(&one).seen;
    assert_eq!(seen.get("refs/heads/approved"), Some(first.into()));
    assert_eq!(one.resolve("origin/approved").unwrap(), first);
    let mut last = review(&one, "1");
    assert_eq!(push(&one, &seen), PushOutcome::Pushed);
    assert_eq!(one.resolve("origin/orgtrail/review").unwrap(), last);
    let stale = fetch(&two).seen;
    assert_eq!(two.resolve("origin/orgtrail/review").unwrap(), last);

    // It does not build on what was there before.
    last = review(&one, "2");
    assert_eq!(push(&one, &fetch(&one).seen), PushOutcome::Pushed);
    assert_eq!(hub.tip("orgtrail/review").unwrap(), Some(last));
    review(&two, "3");
    let refused =
        PushOutcome::Refused { reference: REVIEW.to_owned(), reason: Refusal::Moved { found: Some(last.into()) } };
    assert_eq!(push(&two, &stale), refused);
    assert_eq!(fetch(&two).seen.get(REVIEW), Some(last.into()));
    assert_eq!(two.resolve("origin/orgtrail/review").unwrap(), last);
}

#[test]
fn a_branch_whose_name_became_a_folder_does_not_stop_a_fetch() {
    let sandbox = Sandbox::new();
    let (hub, one, _) = three(&sandbox);
    let first = hub.tip("main").unwrap().unwrap();
    hub.move_branch("review", None, &first, &tool()).unwrap();
    hub.move_branch("deep/one", None, &first, &tool()).unwrap();
    fetch(&one);
    git(hub.git_dir(), &["branch", "-D", "review", "deep/one"]);
    hub.move_branch("review/new", None, &first, &tool()).unwrap();
    hub.move_branch("deep", None, &first, &tool()).unwrap();
    let tip = hub.record("snapshot/a", "1");
    let found = fetch(&one);
    assert_eq!(found.remote_tip, Some(tip));
    assert_eq!(found.seen.get("refs/heads/review/new"), Some(first.into()));
    assert!(one.resolve("origin/review/new").is_err());
}

#[test]
fn a_reference_that_somebody_is_writing_refuses_the_push() {
    let sandbox = Sandbox::new();
    let (hub, one, _) = three(&sandbox);
    let seen = fetch(&one).seen;
    one.record("snapshot/a", "1");
    fs::write(hub.git_dir().join("refs/heads/main.lock"), "").unwrap();
    let outcome = push(&one, &seen);
    assert!(matches!(outcome, PushOutcome::Refused { reason: Refusal::Busy, .. }), "{outcome:?}");
}

#[test]
fn a_branch_in_a_working_tree_is_not_pushed_to() {
    let sandbox = Sandbox::new();
    let hub = sandbox.checked_out();
    let one = sandbox.clone_of(&hub, "one");
    let seen = fetch(&one).seen;
    one.record("snapshot/a", "1");
    let outcome = push(&one, &seen);
    assert!(matches!(outcome, PushOutcome::Refused { reason: Refusal::CheckedOut, .. }), "{outcome:?}");
}

#[test]
fn a_remote_that_lost_known_commits_is_noticed_every_time() {
    let sandbox = Sandbox::new();
    let (hub, one, _) = three(&sandbox);
    let first = hub.tip("main").unwrap().unwrap();
    let lost = hub.record("snapshot/a", "1");
    fetch(&one);
    hub.move_branch("main", Some(&lost), &first, &tool()).unwrap();
    hub.write_ref_blob(HEARTBEAT, b"rewritten").unwrap();
    for _ in 0..2 {
        let error = one.fetch("origin", "main", &tool()).unwrap_err();
        assert!(
            matches!(&error, TrailError::RemoteRewritten { known, found, .. } if *known == lost && *found == Some(first)),
            "{error:?}"
        );
    }
    assert_eq!(one.read_ref_blob(HEARTBEAT).unwrap(), None);

    git(hub.git_dir(), &["update-ref", "-d", "refs/heads/main"]);
    let error = one.fetch("origin", "main", &tool()).unwrap_err();
    assert!(matches!(error, TrailError::RemoteRewritten { found: None, .. }), "{error:?}");
}

#[test]
fn a_fetch_from_a_remote_without_the_branch_finds_nothing() {
    let sandbox = Sandbox::new();
    let one = sandbox.checked_out();
    let dir = one.workdir().unwrap();
    git(dir, &["init", "--quiet", "--bare", "../hub.git"]);
    git(dir, &["remote", "add", "origin", "../hub.git"]);
    one.write_ref_blob(HEARTBEAT, b"ours").unwrap();

    let found = fetch(&one);
    assert_eq!(found.remote_tip, None);
    assert_eq!(one.read_ref_blob(HEARTBEAT).unwrap().unwrap(), b"ours");
    assert_eq!(push(&one, &found.seen), PushOutcome::Pushed);
    assert_eq!(fetch(&one).remote_tip, one.tip("main").unwrap());
}

#[test]
fn notes_and_own_references_are_fetched_over_ours() {
    let sandbox = Sandbox::new();
    let (hub, one, _) = three(&sandbox);
    git(hub.git_dir(), &["notes", "--ref=orgtrail", "add", "-m", "seen", "main"]);
    hub.write_ref_blob(HEARTBEAT, b"theirs").unwrap();
    one.write_ref_blob(HEARTBEAT, b"ours").unwrap();
    one.write_ref_blob("refs/orgtrail/mine", b"ours").unwrap();
    fetch(&one);
    assert_eq!(one.read_ref_blob(HEARTBEAT).unwrap().unwrap(), b"theirs");
    assert_eq!(one.read_ref_blob("refs/orgtrail/mine").unwrap().unwrap(), b"ours");
    assert_eq!(git(one.git_dir(), &["notes", "--ref=orgtrail", "show", "main"]), "seen\n");
}

#[test]
fn a_shallow_clone_can_push_and_knows_that_it_is_shallow() {
    let sandbox = Sandbox::new();
    let hub = sandbox.bare();
    hub.record("snapshot/a", "1");
    let from = format!("file://{}", hub.git_dir().display());
    let dir = sandbox.path("shallow");
    git(hub.git_dir(), &["clone", "--quiet", "--depth=1", &from, dir.to_str().unwrap()]);
    let one = Trail::open(&dir).unwrap();
    assert!(one.is_shallow());
    let seen = fetch(&one).seen;
    let tip = one.record("snapshot/a", "2");
    assert_eq!(one.first_parents(&tip).map(Result::unwrap).count(), 2);
    assert_eq!(push(&one, &seen), PushOutcome::Pushed);
    assert_eq!(hub.first_parents(&tip).map(Result::unwrap).count(), 3);
    assert_sound(&hub);
}

#[test]
fn an_unknown_remote_and_an_unsupported_one_are_named() {
    let sandbox = Sandbox::new();
    let trail = sandbox.checked_out();
    assert!(!trail.has_remote("origin").unwrap());
    let error = trail.fetch("origin", "main", &tool()).unwrap_err();
    assert!(matches!(error, TrailError::UnknownRemote { .. }), "{error:?}");

    let address = "git://user:word@host.invalid/trail.git";
    git(trail.workdir().unwrap(), &["remote", "add", "origin", address]);
    assert!(trail.has_remote("origin").unwrap());
    let error = trail.fetch("origin", "main", &tool()).unwrap_err();
    assert_eq!(error.to_string(), "could not reach the remote \"origin\": git is not supported");
}
