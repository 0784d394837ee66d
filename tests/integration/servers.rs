//! Remotes behind a server: git's own programs over HTTP and over SSH, and everything that can go wrong in between.

mod reached;
mod runs;

use std::path::Path;

use orgtrail::sim::Rng;
use orgtrail::trail::{
    CommitId, FetchOutcome, FileChange, NOTES_REF, NewCommit, PushOutcome, Refusal, RemoteRefs, Signature, Trail,
    TrailError,
};

use crate::git_server::{By, Host, PASSWORD, basic};
use crate::terminal::git_in;

const HEARTBEAT: &str = "refs/orgtrail/heartbeat";
const MAIN: &str = "refs/heads/main";

const BOTH: [By; 2] = [By::Http, By::Ssh];

fn tool() -> Signature {
    Signature { name: "orgtrail".to_owned(), email: "orgtrail@org.invalid".to_owned(), seconds: 1_700_000_000 }
}

fn open(dir: &Path) -> Trail {
    Trail::open(dir).unwrap()
}

/// A commit that builds on nothing.
fn beginning(trail: &Trail, text: &str) -> CommitId {
    trail.commit("elsewhere", None, &[of_one_file("snapshot/a", text)]).unwrap()[0]
}

fn of_one_file(path: &str, text: &str) -> NewCommit {
    let files = vec![FileChange::write(path, text)];
    NewCommit { author: tool(), committer: tool(), message: format!("{path}\n"), files }
}

/// Records one file on top of `main`.
fn record(trail: &Trail, path: &str, text: &str) -> CommitId {
    let tip = trail.tip("main").unwrap();
    trail.commit("main", tip.as_ref(), &[of_one_file(path, text)]).unwrap()[0]
}

fn try_fetch(trail: &Trail) -> Result<FetchOutcome, TrailError> {
    trail.fetch("origin", "main", &tool())
}

fn fetch(trail: &Trail) -> FetchOutcome {
    try_fetch(trail).unwrap_or_else(|error| panic!("{}", told(&error)))
}

fn try_push(trail: &Trail, seen: &RemoteRefs) -> Result<PushOutcome, TrailError> {
    trail.push("origin", "main", &[HEARTBEAT, NOTES_REF], seen, &tool())
}

#[track_caller]
fn push(trail: &Trail, seen: &RemoteRefs) {
    let outcome = try_push(trail, seen).unwrap_or_else(|error| panic!("{}", told(&error)));
    assert_eq!(outcome, PushOutcome::Pushed);
}

/// An error with its causes. Neither they nor what a developer is shown of them holds a secret.
fn told(error: &TrailError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let words = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    for text in [&words, &format!("{error:?}")] {
        for secret in [PASSWORD.to_owned(), basic("x-access-token", PASSWORD)] {
            assert!(!text.contains(&secret), "{text}");
        }
    }
    words
}

/// What a repository has, apart from what it knows of others.
fn refs(dir: &Path) -> String {
    git_in(dir, &["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/orgtrail", "refs/notes"])
}

#[track_caller]
fn assert_sound(dir: &Path) {
    git_in(dir, &["fsck", "--strict", "--no-dangling"]);
}

/// A host that has a commit, a heartbeat and a note, and the clone that pushed them.
fn begun(by: By) -> (Host, Trail) {
    let host = Host::new(by);
    let dir = host.clone_into("one", &[]);
    git_in(&dir, &["symbolic-ref", "HEAD", MAIN]);
    let one = open(&dir);
    let first = record(&one, "snapshot/a", "1");
    one.write_ref_blob(HEARTBEAT, b"first").unwrap();
    one.write_note(&first, "seen\n", &tool()).unwrap();
    let found = fetch(&one);
    assert_eq!(found, FetchOutcome { remote_tip: None, seen: RemoteRefs::default() });
    push(&one, &found.seen);
    (host, one)
}

#[test]
fn a_first_push_brings_everything_and_a_later_one_what_is_new() {
    for by in BOTH {
        let (host, one) = begun(by);
        assert_eq!(refs(&host.hub()), refs(one.git_dir()), "{by:?}");
        assert_eq!(one.resolve("origin/main").unwrap(), one.tip("main").unwrap().unwrap());
        for text in ["2", "3"] {
            let seen = fetch(&one).seen;
            let tip = record(&one, "snapshot/a", text);
            one.write_ref_blob(HEARTBEAT, text.as_bytes()).unwrap();
            push(&one, &seen);
            let hub = open(&host.hub());
            assert_eq!(hub.tip("main").unwrap(), Some(tip));
            assert_eq!(hub.read_ref_blob(HEARTBEAT).unwrap().unwrap(), text.as_bytes());
        }
        assert_eq!(refs(&host.hub()), refs(one.git_dir()));
        let counted = git_in(&host.hub(), &["rev-list", "--all", "--count"]);
        assert_eq!(counted.trim(), "4");
        assert_sound(&host.hub());
    }
}

#[test]
fn what_has_nothing_to_say_sends_nothing() {
    let (host, one) = begun(By::Http);
    host.server.asked();
    push(&one, &fetch(&one).seen);
    let asked: Vec<String> = host.server.asked().into_iter().map(|asked| asked.what).collect();
    let get = |service: &str| format!("GET /hub.git/info/refs?service={service}");
    assert_eq!(asked, [get("git-upload-pack"), get("git-receive-pack")]);

    let ssh = begun(By::Ssh);
    push(&ssh.1, &fetch(&ssh.1).seen);
}

#[test]
fn a_fresh_clone_gets_what_no_clone_brings_and_goes_on() {
    for by in BOTH {
        let (host, one) = begun(by);
        let two = open(&host.clone_into("two", &[]));
        let found = fetch(&two);
        assert_eq!(found.remote_tip, one.tip("main").unwrap());
        assert_eq!(two.read_ref_blob(HEARTBEAT).unwrap().unwrap(), b"first");
        assert_eq!(two.note(&found.remote_tip.unwrap()).unwrap().as_deref(), Some("seen\n"));
        let tip = record(&two, "snapshot/b", "2");
        two.write_ref_blob(HEARTBEAT, b"second").unwrap();
        two.write_note(&tip, "seen as well\n", &tool()).unwrap();
        push(&two, &found.seen);

        assert_eq!(fetch(&one).remote_tip, Some(tip));
        assert_eq!(one.file(&tip, "snapshot/b").unwrap().unwrap(), b"2");
        assert_eq!(one.read_ref_blob(HEARTBEAT).unwrap().unwrap(), b"second");
        assert_eq!(one.note(&tip).unwrap().as_deref(), Some("seen as well\n"));
        for dir in [&host.hub(), one.git_dir(), two.git_dir()] {
            assert_sound(dir);
        }
    }
}

#[test]
fn what_is_large_and_what_is_stored_as_differences_arrives_whole() {
    for by in BOTH {
        let (host, one) = begun(by);
        let two = open(&host.clone_into("two", &[]));
        let seen = fetch(&one).seen;
        let large = Rng::keyed(1, &["large"]).hex(3_000_000);
        record(&one, "snapshot/large", &large);
        let versions: Vec<CommitId> = (0..20)
            .map(|version| {
                record(&one, "snapshot/b", &format!("{}{version}\n{}", &large[..20_000], &large[20_000..40_000]))
            })
            .collect();
        push(&one, &seen);
        git_in(&host.hub(), &["repack", "-adf", "--quiet"]);
        let packs = git_in(&host.hub(), &["count-objects", "-v"]);
        let size = packs.lines().find_map(|line| line.strip_prefix("size-pack: ")).unwrap().parse::<u64>().unwrap();
        assert!((1024..2048).contains(&size), "there are no differences: {packs}");

        assert_eq!(fetch(&two).remote_tip.as_ref(), versions.last());
        assert_eq!(two.file(&versions[19], "snapshot/large").unwrap().unwrap(), large.as_bytes());
        for id in &versions {
            assert_eq!(two.file(id, "snapshot/b").unwrap(), one.file(id, "snapshot/b").unwrap());
        }
        assert_sound(two.git_dir());
    }
}

#[test]
fn a_shallow_clone_is_enough_unless_the_remote_lost_what_it_lacks() {
    for by in BOTH {
        let (host, one) = begun(by);
        record(&one, "snapshot/a", "2");
        push(&one, &fetch(&one).seen);
        let two = open(&host.clone_into("two", &["--depth=1"]));
        assert!(two.is_shallow());
        let theirs = record(&one, "snapshot/a", "3");
        push(&one, &fetch(&one).seen);
        let found = fetch(&two);
        assert_eq!(found.remote_tip, Some(theirs));
        two.move_branch("main", two.tip("main").unwrap().as_ref(), &theirs, &tool()).unwrap();
        let tip = record(&two, "snapshot/a", "4");
        push(&two, &found.seen);
        assert_eq!(open(&host.hub()).first_parents(&tip).map(Result::unwrap).count(), 4);
        assert_sound(&host.hub());
        assert_sound(two.git_dir());

        let other = Host::new(by);
        other.add_to(two.workdir().unwrap());
        let error = try_push(&two, &RemoteRefs::default()).unwrap_err();
        assert!(matches!(error, TrailError::ShallowHistory { .. }), "{error:?}");
        assert_eq!(refs(&other.hub()), "");
    }
}

#[test]
fn who_comes_second_is_refused_and_nothing_of_it_is_there() {
    for by in BOTH {
        let (host, one) = begun(by);
        let two = open(&host.clone_into("two", &[]));
        let (seen_one, seen_two) = (fetch(&one).seen, fetch(&two).seen);
        let theirs = record(&one, "snapshot/a", "one");
        push(&one, &seen_one);
        record(&two, "snapshot/a", "two");
        two.write_ref_blob(HEARTBEAT, b"two").unwrap();
        let before = refs(&host.hub());
        let refused =
            PushOutcome::Refused { reference: MAIN.to_owned(), reason: Refusal::Moved { found: Some(theirs.into()) } };
        assert_eq!(try_push(&two, &seen_two).unwrap(), refused);
        let refused = PushOutcome::Refused { reference: MAIN.to_owned(), reason: Refusal::NotFastForward };
        assert_eq!(try_push(&two, &fetch(&two).seen).unwrap(), refused);
        assert_eq!(refs(&host.hub()), before);

        // The branch is where it was seen, and what goes along is not.
        let seen = fetch(&one).seen;
        open(&host.hub()).write_ref_blob(HEARTBEAT, b"somebody").unwrap();
        let before = refs(&host.hub());
        record(&one, "snapshot/a", "once more");
        one.write_ref_blob(HEARTBEAT, b"one").unwrap();
        let outcome = try_push(&one, &seen).unwrap();
        let is_moved = matches!(
            &outcome,
            PushOutcome::Refused { reference, reason: Refusal::Moved { .. } } if reference == HEARTBEAT
        );
        assert!(is_moved, "{outcome:?}");
        assert_eq!(refs(&host.hub()), before);
    }
}

#[test]
fn who_is_overtaken_while_the_server_works_is_refused_too() {
    for by in BOTH {
        let (host, one) = begun(by);
        let seen = fetch(&one).seen;
        let first = one.tip("main").unwrap().unwrap();
        record(&one, "snapshot/a", "2");
        one.write_ref_blob(HEARTBEAT, b"one").unwrap();
        // Between what the server says it has and what it is told, somebody else moves the heartbeat.
        let hook = format!(
            "unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n\
             git update-ref {HEARTBEAT} $(echo other | git hash-object -w --stdin)\n"
        );
        host.hook("pre-receive", &hook);
        let outcome = try_push(&one, &seen).unwrap();
        let is_moved = matches!(
            &outcome,
            PushOutcome::Refused { reference, reason: Refusal::Moved { .. } } if reference == HEARTBEAT
        );
        assert!(is_moved, "{by:?}: {outcome:?}");
        let hub = open(&host.hub());
        assert_eq!(hub.tip("main").unwrap(), Some(first));
        assert_eq!(hub.read_ref_blob(HEARTBEAT).unwrap().unwrap(), b"other\n");
    }
}

#[test]
fn a_server_that_moves_one_reference_at_a_time_gets_the_branch_first() {
    for by in BOTH {
        let (host, one) = begun(by);
        git_in(&host.hub(), &["config", "receive.advertiseAtomic", "false"]);
        let seen = fetch(&one).seen;
        let tip = record(&one, "snapshot/a", "2");
        one.write_ref_blob(HEARTBEAT, b"second").unwrap();
        push(&one, &seen);
        assert_eq!(refs(&host.hub()), refs(one.git_dir()));

        host.hook("update", "test \"$1\" = refs/heads/main\n");
        let seen = fetch(&one).seen;
        let last = record(&one, "snapshot/a", "3");
        one.write_ref_blob(HEARTBEAT, b"third").unwrap();
        let outcome = try_push(&one, &seen).unwrap();
        let said = "hook declined | error: hook declined to update refs/orgtrail/heartbeat";
        let declined = Refusal::Declined { said: said.to_owned() };
        assert_eq!(outcome, PushOutcome::Refused { reference: HEARTBEAT.to_owned(), reason: declined });
        let hub = open(&host.hub());
        assert_eq!(hub.tip("main").unwrap(), Some(last));
        assert_eq!(hub.read_ref_blob(HEARTBEAT).unwrap().unwrap(), b"second");

        host.hook("update", "exit 1\n");
        let seen = fetch(&one).seen;
        record(&one, "snapshot/a", "4");
        let outcome = try_push(&one, &seen).unwrap();
        assert!(matches!(&outcome, PushOutcome::Refused { reference, .. } if reference == MAIN), "{outcome:?}");
        assert_ne!(tip, last);
        assert_eq!(open(&host.hub()).tip("main").unwrap(), Some(last));
    }
}

#[test]
fn what_a_hook_declines_is_told_in_its_words() {
    for by in BOTH {
        let (host, one) = begun(by);
        let seen = fetch(&one).seen;
        record(&one, "snapshot/a", "2");
        one.write_ref_blob(HEARTBEAT, b"second").unwrap();
        let before = refs(&host.hub());
        host.hook("pre-receive", "printf 'error: GH006: Protected branch\\n\\033[31merror: \\tred\\n' >&2\nexit 1\n");
        let said = "pre-receive hook declined | error: GH006: Protected branch | \\u{1b}[31merror: \\u{9}red";
        let expected = |said: &str| PushOutcome::Refused {
            reference: MAIN.to_owned(),
            reason: Refusal::Declined { said: said.to_owned() },
        };
        assert_eq!(try_push(&one, &seen).unwrap(), expected(said));
        assert_eq!(refs(&host.hub()), before);

        // One reference that is declined stops the others.
        host.hook("pre-receive", "exit 0\n");
        host.hook("update", "test \"$1\" != refs/orgtrail/heartbeat\n");
        let said = "refs/heads/main: atomic push failure | refs/orgtrail/heartbeat: hook declined | \
                    error: hook declined to update refs/orgtrail/heartbeat";
        assert_eq!(try_push(&one, &seen).unwrap(), expected(said));
        assert_eq!(refs(&host.hub()), before);

        host.hook("update", "printf 'x%.0s' $(seq 1000) >&2\necho >&2\nexit 1\n");
        let PushOutcome::Refused { reason: Refusal::Declined { said }, .. } = try_push(&one, &seen).unwrap() else {
            panic!("it was not declined");
        };
        assert!(said.ends_with("x… and 649 more characters"), "{said}");

        host.hook("update", "exit 0\n");
        push(&one, &seen);
        assert_eq!(refs(&host.hub()), refs(one.git_dir()));
    }
}

#[test]
fn a_remote_that_lost_known_commits_is_noticed() {
    for by in BOTH {
        let (host, one) = begun(by);
        let first = one.tip("main").unwrap().unwrap();
        let lost = record(&one, "snapshot/a", "2");
        push(&one, &fetch(&one).seen);
        let hub = open(&host.hub());
        hub.move_branch("main", Some(&lost), &first, &tool()).unwrap();
        hub.write_ref_blob(HEARTBEAT, b"rewritten").unwrap();
        for _ in 0..2 {
            let error = try_fetch(&one).unwrap_err();
            let is_told = matches!(
                &error,
                TrailError::RemoteRewritten { known, found, .. } if *known == lost && *found == Some(first)
            );
            assert!(is_told, "{error:?}");
        }
        assert_eq!(one.read_ref_blob(HEARTBEAT).unwrap().unwrap(), b"first");
    }
}

#[test]
fn any_branch_is_fetched_and_may_be_replaced_with_a_lease() {
    const REVIEW: &str = "refs/heads/orgtrail/review";
    for by in BOTH {
        let (host, one) = begun(by);
        let first = one.tip("main").unwrap().unwrap();
        let push = |to: &CommitId| {
            let seen = fetch(&one).seen;
            one.move_branch("orgtrail/review", one.tip("orgtrail/review").unwrap().as_ref(), to, &tool()).unwrap();
            assert_eq!(one.push("origin", "main", &[REVIEW], &seen, &tool()).unwrap(), PushOutcome::Pushed);
            assert_eq!(open(&host.hub()).tip("orgtrail/review").unwrap(), Some(*to));
            assert_eq!(one.resolve("origin/orgtrail/review").unwrap(), *to);
        };
        // No object is new, and the server needs an empty pack all the same.
        push(&first);
        let other = beginning(&one, "another");
        push(&other);
        let two = open(&host.clone_into("two", &["--single-branch"]));
        assert!(two.resolve("origin/orgtrail/review").is_err());
        assert_eq!(fetch(&two).seen.get(REVIEW), Some(other.into()));
        assert_eq!(two.resolve("origin/orgtrail/review").unwrap(), other);
    }
}
