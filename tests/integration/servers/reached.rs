//! Servers that give no answer, a bad one or none to these credentials; and who gets which credentials.

use axum::http::StatusCode;
use orgtrail::trail::{Access, RemoteError, RemoteRefs, Trail, TrailError};

use super::{assert_sound, begun, fetch, open, push, record, refs, told, try_fetch, try_push};
use crate::git_server::{By, Host, Mood, PASSWORD, basic};
use crate::terminal::git_in;

fn why(error: TrailError) -> RemoteError {
    told(&error);
    match error {
        TrailError::Remote { source, .. } => source,
        other => panic!("{other:?}"),
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
