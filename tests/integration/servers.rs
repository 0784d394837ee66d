//! Remotes behind a server: git's own programs over HTTP and over SSH, and everything that can go wrong in between.

use std::path::Path;

use axum::http::StatusCode;
use orgtrail::trail::{
    Access, CommitId, FetchOutcome, FileChange, NOTES_REF, NewCommit, PushOutcome, Refusal, RemoteError, RemoteRefs,
    Signature, Trail, TrailError,
};

use crate::git_server::{By, Host, Mood, PASSWORD, basic};
use crate::harness::Org;
use crate::terminal::{Terminal, git_in, set};

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

fn why(error: TrailError) -> RemoteError {
    told(&error);
    match error {
        TrailError::Remote { source, .. } => source,
        other => panic!("{other:?}"),
    }
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

#[test]
fn a_server_that_breaks_off_harms_nothing() {
    let (host, one) = begun(By::Http);
    let two = open(&host.clone_into("two", &[]));
    let seen = fetch(&two).seen;
    let theirs = record(&one, "snapshot/a", "2");
    push(&one, &fetch(&one).seen);
    let known = two.resolve("origin/main").unwrap();
    let packs = || std::fs::read_dir(two.git_dir().join("objects/pack")).unwrap().count();
    let before = packs();
    for mood in [Mood::HangsUp, Mood::BreaksOff(0), Mood::BreaksOff(60), Mood::BreaksOff(200)] {
        host.server.set_mood(mood.clone());
        let error = why(try_fetch(&two).unwrap_err());
        assert!(matches!(error, RemoteError::CutOff | RemoteError::Unreachable { .. }), "{mood:?}: {error:?}");
        assert_eq!(two.resolve("origin/main").unwrap(), known);
        assert_eq!(packs(), before, "an unfinished pack is left");
    }
    host.server.set_mood(None);
    assert_eq!(fetch(&two).remote_tip, Some(theirs));
    assert_ne!(seen, fetch(&two).seen);
    assert_sound(two.git_dir());

    // It does not matter whether the push was made before the answer was lost.
    for mood in [Mood::HangsUp, Mood::BreaksOff(0), Mood::BreaksOff(30)] {
        let tip = record(&one, "snapshot/a", &format!("{mood:?}"));
        let seen = fetch(&one).seen;
        host.server.set_mood(mood);
        why(try_push(&one, &seen).unwrap_err());
        host.server.set_mood(None);
        push(&one, &fetch(&one).seen);
        assert_eq!(open(&host.hub()).tip("main").unwrap(), Some(tip));
        assert_sound(&host.hub());
    }
}

#[test]
fn every_answer_that_is_none_is_told_as_what_it_is() {
    let (host, one) = begun(By::Http);
    let at = &host.server.address;
    let tell = |mood: Mood| {
        host.server.set_mood(mood);
        let errors = [try_fetch(&one).unwrap_err(), try_push(&one, &RemoteRefs::default()).unwrap_err()];
        let [fetched, pushed] = errors.map(|error| told(&error).replace(at, "HOST"));
        let shown = fetched.strip_prefix("could not fetch from the remote \"origin\": ").unwrap().to_owned();
        assert_eq!(pushed, format!("could not push to the remote \"origin\": {shown}"));
        shown
    };
    let by_whom = "the credentials of http.extraHeader in the repository's configuration";
    let says = |status: u16, text| Mood::Says(StatusCode::from_u16(status).unwrap(), text);
    assert_eq!(tell(says(401, "no")), format!("HOST does not accept {by_whom}"));
    assert_eq!(
        tell(says(403, "Permission to acme/trail.git denied.\u{1b}\n")),
        format!("HOST does not permit it to {by_whom}: Permission to acme/trail.git denied.\\u{{1b}}")
    );
    assert_eq!(tell(says(404, "what?")), format!("HOST has no repository /hub.git, or does not show it to {by_whom}"));
    assert_eq!(tell(says(503, "later")), "HOST answered with the status 503: later");
    assert_eq!(tell(says(200, "hello")), "HOST does not answer as a git server does");
    assert_eq!(tell(Mood::ShowsAPage), "HOST does not answer as a git server does");
    host.server.set_mood(None);
    push(&one, &fetch(&one).seen);

    git_in(one.git_dir(), &["config", "remote.origin.url", &host.server.url("nothing.git")]);
    let error = why(try_fetch(&one).unwrap_err());
    assert!(matches!(&error, RemoteError::NotFound { path, .. } if path == "/nothing.git"), "{error:?}");
    git_in(one.git_dir(), &["config", "remote.origin.url", "http://127.0.0.1:1/hub.git"]);
    let error = why(try_fetch(&one).unwrap_err());
    assert!(matches!(&error, RemoteError::Unreachable { host, .. } if host == "127.0.0.1:1"), "{error:?}");
}

#[test]
fn credentials_go_to_the_host_that_they_are_for_and_to_no_other() {
    let (host, one) = begun(By::Http);
    let elsewhere = Host::new(By::Http);
    host.server.set_mood(Mood::SendsTo(elsewhere.server.url("").trim_end_matches('/').to_owned()));
    let to = format!("http://{}/hub.git/info/refs", elsewhere.server.address);
    for error in [try_fetch(&one).unwrap_err(), try_push(&one, &RemoteRefs::default()).unwrap_err()] {
        let error = why(error);
        assert!(matches!(&error, RemoteError::Redirected { to: found, .. } if *found == to), "{error:?}");
    }
    assert_eq!(elsewhere.server.asked(), []);

    // Another name on the same host is followed, for what is sent as well.
    host.server.set_mood(Mood::Renamed { from: "hub.git", to: "new.git" });
    host.server.asked();
    record(&one, "snapshot/a", "2");
    push(&one, &fetch(&one).seen);
    assert_eq!(refs(&host.hub()), refs(one.git_dir()));
    let asked = host.server.asked();
    assert_eq!(asked.last().unwrap().what, "POST /new.git/git-receive-pack");
    let expected = basic("x-access-token", PASSWORD);
    assert!(asked.iter().all(|asked| asked.authorization.as_ref() == Some(&expected)));

    // In a circle nobody goes for ever.
    host.server.set_mood(Mood::Renamed { from: "git", to: "git" });
    let error = why(try_fetch(&one).unwrap_err());
    assert!(matches!(error, RemoteError::Redirected { .. }), "{error:?}");

    // A header for one host is none for another.
    git_in(one.git_dir(), &["config", "remote.origin.url", &elsewhere.server.url("hub.git")]);
    elsewhere.server.set_mood(Mood::Says(StatusCode::FORBIDDEN, "no"));
    let error = why(try_fetch(&one).unwrap_err());
    assert!(matches!(error, RemoteError::Forbidden { to: None, .. }), "{error:?}");
    assert!(elsewhere.server.asked().iter().all(|asked| asked.authorization.is_none()));
}

#[test]
fn a_token_and_the_address_name_credentials_too() {
    let (host, mut one) = begun(By::Http);
    let header = format!("http.{}.extraHeader", host.server.url(""));
    git_in(one.git_dir(), &["config", &header, "Authorization: Basic d3Jvbmc6d3Jvbmc="]);
    let error = why(try_fetch(&one).unwrap_err());
    assert!(matches!(error, RemoteError::CredentialsRefused { .. }), "{error:?}");

    one.set_access(Access { token: Some(PASSWORD.into()), ssh_command: None });
    fetch(&one);
    host.server.set_mood(Mood::Says(StatusCode::FORBIDDEN, "no entry for zq7canary-password"));
    assert!(told(&try_fetch(&one).unwrap_err()).ends_with("ORGTRAIL_GIT_TOKEN: no entry for …"));
    host.server.set_mood(None);

    one.set_access(Access::default());
    git_in(one.git_dir(), &["config", "--unset", &header]);
    let with_login = |login: &str| host.url().replace("://", &format!("://{login}@"));
    git_in(one.git_dir(), &["config", "remote.origin.url", &with_login(&format!("ann:{PASSWORD}"))]);
    fetch(&one);
    git_in(one.git_dir(), &["config", "remote.origin.url", &with_login(&format!("bob:{PASSWORD}"))]);
    let words = told(&try_fetch(&one).unwrap_err());
    assert!(words.ends_with("does not accept the credentials in the address of the remote"), "{words}");
}

#[test]
fn what_ssh_says_is_told_and_nothing_of_it_steers_the_terminal() {
    let (host, mut one) = begun(By::Ssh);
    let refused = |one: &Trail| match why(try_fetch(one).unwrap_err()) {
        RemoteError::Ssh { host, said } => (host, said),
        other => panic!("{other:?}"),
    };
    host.write_script("ssh", "printf 'git@host.invalid: \\033]0;Permission denied (publickey).\\r\\n' >&2\nexit 255\n");
    let said = "git@host.invalid: \\u{1b}]0;Permission denied (publickey).";
    assert_eq!(refused(&one), ("host.invalid".to_owned(), said.to_owned()));
    host.write_script("ssh", "printf '00'\n");
    assert_eq!(refused(&one).1, "");
    host.write_script("ssh", "echo 'Welcome to the host'\n");
    let error = why(try_fetch(&one).unwrap_err());
    assert!(matches!(error, RemoteError::Malformed { .. }), "{error:?}");

    // What it is called with: nobody is asked, and nothing can be taken for an option or another command.
    let log = host.path("log");
    host.write_script("other", &format!("printf '%s\\n' \"$@\" >{}\nexit 1\n", log.display()));
    git_in(one.git_dir(), &["config", "remote.origin.url", "ssh://git@host.invalid:2222/a b;c"]);
    one.set_access(Access { token: None, ssh_command: Some(format!("{} -v", host.path("other").display())) });
    refused(&one);
    let called = std::fs::read_to_string(&log).unwrap();
    let expected = "-v\n-oBatchMode=yes\n-oConnectTimeout=10\n-oServerAliveInterval=30\n-p\n2222\n--\n\
                    git@host.invalid\ngit-upload-pack '/a b;c'\n";
    assert_eq!(called, expected);

    git_in(one.git_dir(), &["config", "remote.origin.url", "ssh://-oProxyCommand=touch/x"]);
    let error = why(try_push(&one, &RemoteRefs::default()).unwrap_err());
    assert!(matches!(error, RemoteError::Address { .. }), "{error:?}");
}

#[test]
fn an_ssh_that_ends_early_harms_nothing() {
    let (host, one) = begun(By::Ssh);
    let good = std::fs::read_to_string(host.path("ssh")).unwrap().replace("#!/bin/sh\n", "");
    let two = open(&host.clone_into("two", &[]));
    let theirs = record(&one, "snapshot/a", "2");
    push(&one, &fetch(&one).seen);
    let known = two.resolve("origin/main").unwrap();
    let size = git_in(&host.hub(), &["for-each-ref"]).len() * 2;
    host.write_script("ssh", &good.replace("exec sh -c \"$*\"", &format!("sh -c \"$*\" | (head -c {size}; kill $$)")));
    let error = why(try_fetch(&two).unwrap_err());
    assert!(matches!(error, RemoteError::CutOff | RemoteError::Ssh { .. }), "{error:?}");
    assert_eq!(two.resolve("origin/main").unwrap(), known);
    host.write_script("ssh", &good);
    assert_eq!(fetch(&two).remote_tip, Some(theirs));
    assert_sound(two.git_dir());
}

/// A trail of a simulated organisation whose remote is behind the web server.
fn terminal_at(host: &Host, org: &Org) -> Terminal {
    let mut terminal = Terminal::at(org);
    terminal.git(&["remote", "add", "origin", &host.url()]);
    terminal.set("PATH", &std::env::var("PATH").unwrap());
    terminal
}

#[test]
fn snapshots_of_fresh_clones_are_pushed_to_a_server() {
    let (org, host) = (Org::small(), Host::new(By::Http));
    let mut terminal = terminal_at(&host, &org);
    terminal.set("ORGTRAIL_GIT_TOKEN", PASSWORD);
    let loud = ["--push", "-vvv", "--format", "json"];
    let mut said = vec![terminal.snapshot(0, &loud)];
    let runs = |dir: &Path| -> serde_json::Value {
        serde_json::from_str(&git_in(dir, &["cat-file", "-p", HEARTBEAT])).unwrap()
    };
    for (run, minutes) in [(1, 15), (2, 30)] {
        if run == 2 {
            set(&org, "routing.queues", "/name", "Another name");
        }
        let from = format!("file://{}", host.hub().display());
        git_in(&terminal.path(""), &["clone", "--quiet", "--depth=1", &from, "runner"]);
        let runner = terminal.path("runner");
        git_in(&runner, &["remote", "set-url", "origin", &host.url()]);
        said.push(terminal.snapshot_in(&runner, minutes, &loud));
        assert_eq!(git_in(&runner, &["status", "--porcelain"]), "");
        assert_eq!(runs(&host.hub())["runs"].as_array().unwrap().len(), run + 1);
        let count = git_in(&host.hub(), &["rev-list", "--count", "main"]);
        assert_eq!(count.trim().parse::<usize>().unwrap(), 1 + run);
        std::fs::remove_dir_all(runner).unwrap();
    }
    assert_sound(&host.hub());
    for told in &said {
        let secrets = [PASSWORD.to_owned(), basic("x-access-token", PASSWORD)];
        for secret in secrets.iter().filter_map(|secret| secret.split(' ').next_back()) {
            assert!(!told.stdout.contains(secret) && !told.stderr.contains(secret), "{}", told.stderr);
        }
        assert_eq!(told.code, 0, "{}", told.stderr);
    }
}

#[test]
fn a_person_is_told_what_is_missing_for_a_push() {
    let (org, host) = (Org::small(), Host::new(By::Http));
    let mut terminal = terminal_at(&host, &org);
    let fails = |terminal: &Terminal| terminal.failure(&["snapshot", "--push"]).replace(&host.server.address, "HOST");
    insta::assert_snapshot!(fails(&terminal), @r#"
    exit 5
    error: could not fetch from the remote "origin": HOST asks for credentials, and there are none
    hint: set ORGTRAIL_GIT_TOKEN to a token that may read and write the repository, or set up a credential helper of git
    "#);
    let helper = format!("!f() {{ echo username=ann; echo password={PASSWORD}; }}; f");
    std::fs::create_dir_all(terminal.path("home")).unwrap();
    let home = terminal.path("home/.gitconfig");
    git_in(&terminal.path(""), &["config", "--file", home.to_str().unwrap(), "credential.helper", &helper]);
    terminal.snapshot(0, &["--push"]).ends_with(0);
    assert_eq!(refs(&host.hub()), refs(&terminal.trail()));
    let checks = terminal.run(&["doctor"]).ends_with(0);
    assert!(checks.lines().any(|line| line == "ok       remote: \"origin\" can be reached"), "{checks}");

    terminal.set("ORGTRAIL_GIT_TOKEN", "zq7canary-wrong");
    insta::assert_snapshot!(fails(&terminal), @r#"
    exit 5
    error: could not fetch from the remote "origin": HOST does not accept the credentials of ORGTRAIL_GIT_TOKEN
    hint: check whether they have expired, or were revoked
    "#);
    let checks = terminal.run(&["doctor", "--format", "json"]).json(5);
    let remote = checks["checks"].as_array().unwrap().iter().find(|check| check["check"] == "remote").unwrap();
    assert_eq!(remote["status"], "failed");
    terminal.set("ORGTRAIL_GIT_TOKEN", PASSWORD);
    set(&org, "routing.queues", "/name", "Another name");
    host.hook("pre-receive", "echo 'error: GH006: Protected branch update failed for refs/heads/main.' >&2\nexit 1\n");
    insta::assert_snapshot!(fails(&terminal), @r#"
    exit 5
    error: the remote "origin" does not take refs/heads/main: pre-receive hook declined | error: GH006: Protected branch update failed for refs/heads/main.
    hint: if refs/heads/main is protected, let the account or app that pushes bypass the protection; what was not pushed goes along with the next push
    "#);
}
