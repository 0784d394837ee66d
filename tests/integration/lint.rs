//! What `lint` finds in a state, and how far changes reach.

use serde_json::Value;

use crate::harness::Org;
use crate::terminal::{Terminal, assert_follows, set};

const NOW: &str = "2026-03-03T12:00:00Z";

/// A trail whose snapshot has two things that should not be so: an emergency that goes on, and a login without a second factor.
fn troubled() -> Terminal {
    let org = Org::small();
    set(&org, "architect.emergencygroups", "/enabled", true);
    set(&org, "organization.authentication-settings", "/multifactorAuthenticationRequired", false);
    let terminal = Terminal::at(&org);
    terminal.snapshot(0, &[]).ends_with(0);
    terminal
}

fn lint(terminal: &Terminal, arguments: &[&str]) -> Value {
    let document = terminal.run(&[&["lint", "--now", NOW, "--format", "json"], arguments].concat()).json(0);
    assert_follows("findings", &document);
    document
}

fn rules(document: &Value) -> Vec<&str> {
    let findings = document["findings"].as_array().unwrap();
    let mut rules: Vec<&str> = findings.iter().map(|finding| finding["rule"].as_str().unwrap()).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

#[test]
fn what_does_not_hold_is_found_where_it_is_written() {
    let terminal = troubled();
    let document = lint(&terminal, &[]);
    assert!(rules(&document).contains(&"emergency-declared") && rules(&document).contains(&"second-factor-optional"));
    for finding in document["findings"].as_array().unwrap() {
        let place = &finding["place"];
        let text = std::fs::read_to_string(terminal.trail().join(place["file"].as_str().unwrap())).unwrap();
        let number = usize::try_from(place["line"].as_u64().unwrap()).unwrap();
        let line = text.lines().nth(number - 1).unwrap();
        let last = finding["path"].as_str().and_then(|path| path.rsplit('/').next());
        let key = finding["entity"]["id"].as_str().unwrap();
        let is_there = last.is_some_and(|member| line.contains(&format!("\"{member}\""))) || line.contains(key);
        assert!(is_there, "{finding}: {line}");
    }
    assert_eq!(rules(&lint(&terminal, &["--rule", "emergency-*"])), ["emergency-declared"]);
    assert_eq!(rules(&lint(&terminal, &["--only", "organization.*"])), ["second-factor-optional"]);
    let before = terminal.run(&["lint", "HEAD", "--now", NOW, "--fail-on", "high", "--rule", "second-factor-optional"]);
    assert!(before.ends_with(1).contains("Nobody needs a second factor"));
    assert!(
        terminal.failure(&["lint", "--rule", "second-factor-optionl"]).contains("did you mean second-factor-optional?")
    );
}

#[test]
fn what_was_not_captured_is_told_and_not_guessed() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    terminal.snapshot(0, &["--only", "routing.queues"]).ends_with(0);
    let document = lint(&terminal, &["--rule", "queue-*"]);
    assert_eq!(document["findings"], serde_json::json!([]));
    let untold = document["untold"].as_array().unwrap();
    let of = |rule: &str| untold.iter().find(|one| one["rule"] == rule).unwrap_or_else(|| panic!("{rule}"));
    assert_eq!(of("queue-member-inactive")["entities"], Value::Null);
    assert!(of("queue-empty-on-live-route")["entities"].as_u64() > Some(0));
    for (format, expected) in [
        (
            "text",
            "queue-member-inactive could not be told of routing.queue-members: routing.queue-members: not captured",
        ),
        ("markdown", "could not be told"),
        ("html", "could not be told"),
        ("junit", "<skipped message=\"queue-member-inactive could not be told"),
        ("github", "that could not be told"),
        ("sarif", "toolExecutionNotifications"),
    ] {
        let text = terminal.run(&["lint", "--now", NOW, "--rule", "queue-*", "--format", format]).ends_with(0);
        assert!(text.contains(expected), "{format}: {text}");
    }
}

#[test]
fn a_finding_can_be_acknowledged_and_a_rule_of_ones_own_is_used() {
    let terminal = troubled();
    let own = "[[lint]]\nid = \"flow-without-description\"\nlevel = \"low\"\nmatch = { domain = \"architect.flows\" }\n\
        when = \"!has(entity.description)\"\nmessage = \"{name} says nothing of itself\"\nremedy = \"Say what it is for.\"\n";
    std::fs::write(terminal.trail().join("rules.toml"), own).unwrap();
    terminal.run(&["config", "check"]).ends_with(0);
    assert!(terminal.run(&["rules", "explain", "flow-without-description"]).ends_with(0).contains("state"));
    lint(&terminal, &["--rule", "flow-without-description"]);
    let ack = "[[ack]]\nrule = \"emergency-declared\"\ndomain = \"architect.*\"\nowner = \"ann@example.com\"\n\
        reason = \"exercise\"\nexpires = 2026-12-31\n";
    std::fs::create_dir_all(terminal.trail().join("acks")).unwrap();
    std::fs::write(terminal.trail().join("acks/exercise.toml"), ack).unwrap();
    let document = lint(&terminal, &["--rule", "emergency-declared"]);
    assert!(document["acknowledged"].as_u64() > Some(0));
    assert_eq!(document["counts"]["medium"], 0);
    std::fs::write(terminal.trail().join("rules.toml"), own.replace("has(", "is_used_by('architect.ivr') || has("))
        .unwrap();
    let failure = terminal.failure(&["config", "check"]);
    assert!(
        failure.contains("rules.toml:1: rule flow-without-description: when: is_used_by: no domain is named"),
        "{failure}"
    );
}

#[test]
fn a_change_says_what_it_reaches_and_a_rule_can_ask_for_it() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    terminal.snapshot(0, &[]).ends_with(0);
    let rule = "[[rule]]\nid = \"queue-with-agents\"\nlevel = \"critical\"\n\
        match = { domain = \"routing.queues\", kind = \"modified\" }\nwhen = \"reach['users.users'] > 0\"\n\
        message = \"{name} has agents\"\nremedy = \"Tell them.\"\n";
    std::fs::write(terminal.trail().join("rules.toml"), rule).unwrap();
    set(&org, "routing.queues", "/description", "Another one");
    terminal.snapshot(15, &[]).ends_with(0);
    assert!(terminal.git(&["log", "-1", "--format=%(trailers:key=Orgtrail-Severity,valueonly)"]).contains("critical"));
    let changes = terminal.run(&["diff", "--format", "json"]).json(0);
    assert_follows("changes", &changes);
    let queue = changes["changes"].as_array().unwrap().iter().find(|one| one["domain"] == "routing.queues").unwrap();
    assert_eq!((&queue["rule"], &queue["severity"]), (&"queue-with-agents".into(), &"critical".into()));
    let agents = queue["reach"]["counts"]["users.users"].as_u64().unwrap();
    assert!(agents > 0 && queue["reach"]["whole"].is_boolean(), "{queue}");
    for format in ["text", "markdown", "html", "sarif", "csv", "junit", "github"] {
        let text = terminal.run(&["diff", "--format", format]).ends_with(0);
        assert!(text.contains("reaches ") && text.contains(&format!("{agents} ")), "{format}: {text}");
    }
}

#[test]
fn an_entity_is_shown_with_what_depends_on_it_where_that_is_asked_for() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    terminal.snapshot(0, &[]).ends_with(0);
    let queues = terminal.run(&["show", "routing.queues", "--format", "json"]).json(0);
    let queue = format!("routing.queues/{}", queues["entities"][0]["id"].as_str().unwrap());
    let shown = terminal.run(&["show", &queue, "--reach", "--format", "json"]).json(0);
    assert_follows("entity", &shown);
    assert!(shown["reach"]["counts"]["users.users"].as_u64() > Some(0), "{shown}");
    assert!(terminal.run(&["show", &queue, "--reach"]).ends_with(0).contains("It reaches "));
    assert!(!terminal.run(&["show", &queue]).ends_with(0).contains("It reaches "));
}

/// The whole state is read to tell what refers to what; a file of another domain that cannot be read would show it.
#[test]
fn where_nothing_changed_nothing_is_followed() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    terminal.snapshot(0, &[]).ends_with(0);
    let broken = orgtrail::trail::FileChange::write("snapshot/routing/skills.json", b"{}".to_vec());
    terminal.commit_as("Ann", vec![broken]);
    terminal.run(&["diff", "HEAD", "HEAD"]).ends_with(0);
}
