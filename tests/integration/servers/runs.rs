//! Whole runs of the binary whose remote is behind a server.

use std::path::Path;

use super::{HEARTBEAT, assert_sound, refs};
use crate::git_server::{By, Host, PASSWORD, basic};
use crate::harness::Org;
use crate::terminal::{Terminal, git_in, set};

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
