//! What `status` tells of a trail, and the dead man's switch.

use orgtrail::sim::Effect;

use crate::faults::block;
use crate::harness::Org;
use crate::terminal::{Terminal, assert_follows, set};

const SKILLS: &str = "/api/v2/routing/skills";

/// The document at an instant of the day.
fn status(terminal: &Terminal, time: &str, arguments: &[&str], code: i32) -> serde_json::Value {
    let now = format!("2026-03-02T{time}:00Z");
    let own = ["status", "--format", "json", "--now", &now];
    let document = terminal.run(&[&own, arguments].concat()).json(code);
    assert_follows("status", &document);
    document
}

fn rules(document: &serde_json::Value) -> Vec<&str> {
    document["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

#[test]
fn a_last_run_that_is_too_long_ago_is_a_finding() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    let before = status(&terminal, "08:00", &["--max-age", "1h"], 1);
    assert_eq!((rules(&before), &before["last_run"]), (vec!["run-overdue"], &serde_json::Value::Null));
    assert!(rules(&status(&terminal, "08:00", &[], 0)).is_empty());
    terminal.snapshot_core(0, &[]).ends_with(0);
    terminal.snapshot_core(30, &[]).ends_with(0);
    let fresh = status(&terminal, "09:30", &["--max-age", "1h"], 0);
    assert_eq!(fresh["last_run"]["age_seconds"], 3600);
    assert_eq!(fresh["last_run"]["from_heartbeat"], true);
    assert!(rules(&fresh).is_empty());
    let late = status(&terminal, "09:31", &["--max-age", "1h"], 1);
    assert_eq!(rules(&late), ["run-overdue"]);
    let told = terminal.run(&["status", "--max-age", "1h", "--now", "2026-03-02T09:31:00Z"]).ends_with(1);
    assert!(told.starts_with("The last run was 1 h 1 min ago, at 2026-03-02T08:30:00Z\n"), "{told}");
    assert!(told.contains("HIGH run-overdue\n  the last run was at 2026-03-02T08:30:00Z, more than 60 minutes ago\n"));
    // Without a heartbeat the last commit is all that is known, which is said.
    terminal.git(&["update-ref", "-d", "refs/orgtrail/heartbeat"]);
    let committed = status(&terminal, "09:00", &[], 0);
    assert_eq!(
        (&committed["last_run"]["from_heartbeat"], &committed["last_run"]["age_seconds"]),
        (&false.into(), &3600.into())
    );
    let told = terminal.run(&["status", "--now", "2026-03-02T09:00:00Z"]).ends_with(0);
    assert!(told.contains("There is no heartbeat of it"), "{told}");
    assert_eq!(terminal.run(&["status", "--max-age", "soon"]).code, 2);
}

#[test]
fn domains_that_are_known_less_well_are_told_until_that_is_accepted() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    terminal.snapshot_core(0, &[]).ends_with(0);
    block(&org, SKILLS, Effect::InternalError);
    terminal.snapshot_core(15, &[]);
    let failed = status(&terminal, "08:16", &[], 0);
    assert_eq!(rules(&failed), ["domain-incomplete"]);
    let skills = &failed["domains"]["routing.skills"];
    assert_eq!((&skills["status"], &skills["last_run"]), (&"complete".into(), &"failed".into()));
    assert_eq!(skills["captured_at"], "2026-03-02T08:00:00Z");
    terminal.snapshot_core(26 * 60, &[]);
    let stale =
        terminal.run(&["status", "--format", "json", "--now", "2026-03-03T10:01:00Z", "--fail-on", "medium"]).json(1);
    assert_eq!(rules(&stale), ["domain-stale"]);
    org.running.clear_faults();
    block(&org, SKILLS, Effect::Forbidden);
    terminal.snapshot_core(27 * 60, &[]);
    let told = terminal.run(&["status", "--now", "2026-03-03T11:01:00Z"]).ends_with(0);
    assert!(told.contains("HIGH coverage-lost routing.skills\n"), "{told}");
    assert!(told.contains("DOMAIN"), "{told}");
    let path = terminal.trail().join("orgtrail.toml");
    let toml = std::fs::read_to_string(&path).unwrap().replace("# accept = []", "accept = [\"routing.skills\"]");
    std::fs::write(path, toml).unwrap();
    let accepted = terminal.run(&["status", "--format", "json", "--now", "2026-03-03T11:01:00Z"]).json(0);
    assert!(rules(&accepted).is_empty());
    assert_eq!(accepted["domains"]["routing.skills"]["accepted"], true);
}

#[test]
fn what_was_not_pushed_is_counted() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    assert_eq!(status(&terminal, "08:00", &[], 0)["remote"], "none");
    terminal.add_remote();
    assert_eq!(status(&terminal, "08:00", &[], 0)["remote"], "never-seen");
    terminal.snapshot_core(0, &["--push"]).ends_with(0);
    assert_eq!(status(&terminal, "08:00", &[], 0)["unpushed"], 0);
    set(&org, "routing.queues", "/name", "Another");
    terminal.snapshot_core(15, &[]).ends_with(0);
    assert_eq!(status(&terminal, "08:15", &[], 0)["unpushed"], 1);
}

#[test]
fn what_is_over_or_soon_will_be_is_told_by_how_far_away_it_is() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    set(&org, "oauth.clients", "/dateToDelete", "2026-03-20T12:00:00Z");
    terminal.snapshot_core(0, &[]).ends_with(0);
    let found = status(&terminal, "08:01", &[], 0);
    assert_eq!(rules(&found), ["oauth-client-expires"]);
    let finding = &found["findings"][0];
    assert_eq!((&finding["severity"], &finding["domain"]), (&"medium".into(), &"oauth.clients".into()));
    let told = terminal.run(&["status", "--now", "2026-03-21T12:00:00Z", "--fail-on", "medium"]).ends_with(1);
    assert!(told.contains("MEDIUM oauth-client-expired oauth.clients/"), "{told}");
    let path = terminal.trail().join("orgtrail.toml");
    let toml = std::fs::read_to_string(&path).unwrap().replace("# expires_within = \"30d\"", "expires_within = \"7d\"");
    std::fs::write(path, toml).unwrap();
    assert!(rules(&status(&terminal, "08:01", &[], 0)).is_empty());

    // What is on record of a domain that is not known well may be over in the organisation already.
    block(&org, "/api/v2/oauth/clients", Effect::Forbidden);
    terminal.snapshot_core(15, &[]);
    let late = terminal.run(&["status", "--format", "json", "--now", "2026-03-16T08:00:00Z"]).json(0);
    let findings = late["findings"].as_array().unwrap();
    let one = findings.iter().find(|finding| finding["rule"] == "oauth-client-expires").unwrap();
    let evidence = one["evidence"].as_array().unwrap().last().unwrap();
    assert_eq!(evidence["text"], "forbidden, as it was last seen");
}
