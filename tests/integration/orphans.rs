//! `audit orphans` and `impact`, on a history in which things come to be used by nobody.

use orgtrail::audit::Usage;
use orgtrail::record::CommitKind;

use crate::chronicle::{ANN, BO, Chronicle, Entry, key};
use crate::fixtures::catalogue;
use crate::terminal::assert_follows;

const NOW: &str = "2026-06-30T08:00:00Z";

/// A call route with all that belongs to it, and some things that nothing uses. Every domain is known whole, but for those named.
fn story(without: &[&str]) -> Chronicle {
    let mut story = Chronicle::new();
    for domain in catalogue().names().filter(|name| !without.contains(&name.as_str())) {
        story.set(domain.as_str(), "none", None);
    }
    let (did, ivr, main, night) = (key("d1"), key("11"), key("f1"), key("f2"));
    let (office, queue, ann) = (key("5a"), key("1a"), key("0a"));
    let flow = |name: &str| format!(r#"{{"name":"{name}","type":"INBOUNDCALL","publishedVersion":{{"id":"1.0"}}}}"#);
    let route = format!(
        r#"{{"name":"Service Line","dnis":["+13175550100"],"openHoursFlow":{{"id":"{main}"}},"scheduleGroup":{{"id":"{office}"}}}}"#
    );
    story.set("telephony.dids", &did, Some(r#"{"name":"+13175550100","phoneNumber":"+13175550100"}"#));
    story.set("architect.ivrs", &ivr, Some(&route));
    story.set("architect.flows", &main, Some(&flow("Main Menu")));
    story.set("architect.flows", &night, Some(&flow("Night")));
    story.set("architect.schedulegroups", &office, Some(r#"{"name":"Office"}"#));
    story.set("routing.queues", &queue, Some(r#"{"name":"Sales \"]; <b>|","division":{"id":"d1"}}"#));
    story.set("authorization.divisions", "d1", Some(r#"{"name":"Home","homeDivision":true}"#));
    story.set("users.users", &ann, Some(r#"{"name":"Ann Lee"}"#));
    story.set("routing.queue-members", &format!("{queue}:{ann}"), Some(r#"{"joined":true}"#));
    for flow in [&main, &night].into_iter().filter(|_| !without.contains(&"architect.flow-configuration")) {
        let uses = if flow == &main { format!(r#"{{"queue":[{{"id":"{queue}"}}]}}"#) } else { "{}".to_owned() };
        let text = format!(r#"{{"manifest":{uses},"versionId":"1.0"}}"#);
        story.set("architect.flow-configuration", flow, Some(&text));
    }
    story.commit(&Entry::of(CommitKind::Baseline, 0, "baseline"), &[]);
    story.set("architect.flows", &night, Some(&flow("Night Shift")));
    story.commit(&Entry::by(ANN, 15, "medium: Night has another name"), &[]);
    story.set("architect.schedulegroups", &office, None);
    story.commit(&Entry::by(BO, 30, "critical: Office was removed"), &[]);
    story
}

fn rules(document: &serde_json::Value) -> Vec<&str> {
    document["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

#[test]
fn what_nothing_uses_is_told_with_since_when_and_by_whom() {
    let story = story(&[]);
    let asked = ["audit", "orphans", "--now", NOW];
    let document = story.terminal.run(&[&asked[..], &["--format", "json"]].concat()).json(0);
    assert_follows("orphans", &document);
    assert_eq!(rules(&document), ["orphan-flow", "dangling-reference"]);
    let [flow, dangling] = [0, 1].map(|index| &document["findings"][index]);
    let evidence = |finding: &serde_json::Value, name: &str| {
        let found = finding["evidence"].as_array().unwrap().iter().find(|one| one["name"] == name);
        found.map(|one| one["text"].as_str().unwrap().to_owned()).unwrap()
    };
    assert_eq!(evidence(dangling, "history"), "it was there until 2026-03-02T08:30:00Z");
    assert_eq!(dangling["actors"][0]["name"], BO.0);
    assert_eq!(flow["message"], "Night Shift is a published flow that nothing leads to");
    assert_eq!(evidence(flow, "last changed"), "at 2026-03-02T08:15:00Z, 119 days ago");
    assert_eq!(evidence(flow, "confidence"), "medium");
    assert_eq!(flow["actors"][0]["email"], ANN.2);
    assert_eq!(flow["place"]["file"], "snapshot/architect/flows.json");
    assert!(evidence(flow, "looked in").contains("architect.ivrs (complete)"));
    let recommended = document["recommendations"][0].as_str().unwrap();
    assert!(recommended.starts_with("1 unchanged for 90 days or longer"), "{recommended}");

    // The state in which the schedule group was still there, and the limit for what is old.
    let earlier = story.terminal.run(&[&asked[..], &["--at", "HEAD~1", "--format", "json"]].concat()).json(0);
    assert_eq!(rules(&earlier), ["orphan-flow"]);
    let young = ["audit", "orphans", "--now", "2026-03-05T08:00:00Z"];
    let told = story.terminal.run(&young).ends_with(0);
    assert!(told.contains("Recommended: 1 changed within 90 days"), "{told}");
    assert!(told.contains("remedy: Wait until it has been as it is for 90 days"), "{told}");
    for format in ["text", "jsonl", "markdown", "html", "csv", "sarif", "junit", "github"] {
        let told = story.terminal.run(&[&asked[..], &["--format", format]].concat()).ends_with(0);
        assert!(told.contains("orphan-flow"), "{format}");
    }
    assert_eq!(story.terminal.run(&[&asked[..], &["--fail-on", "medium"]].concat()).code, 1);
    assert_eq!(story.terminal.run(&[&asked[..], &["--fail-on", "high"]].concat()).code, 0);
}

#[test]
fn what_is_excluded_stays_and_an_exclusion_of_nothing_is_told() {
    let story = story(&[]);
    let settings = story.terminal.trail().join("orgtrail.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    let excluded = r#"
        [[orphans.exclude]]
        entity = "architect.flows/Night*"
        reason = "opened in a crisis"
        [[orphans.exclude]]
        entity = "routing.queues/Nobody"
        reason = "not there"
    "#;
    std::fs::write(&settings, text.replace("[orphans]\n", "") + excluded).unwrap();
    let document = story.terminal.run(&["audit", "orphans", "--now", NOW, "--format", "json"]).json(0);
    assert_follows("orphans", &document);
    assert_eq!(rules(&document), ["dangling-reference", "orphans-exclusion-unused"]);
    let counts = document["domains"].as_array().unwrap().iter().find(|one| one["rule"] == "orphan-flow").unwrap();
    assert_eq!(counts["excluded"], serde_json::json!({ "opened in a crisis": 1 }));
    std::fs::write(&settings, "orphans.exclude = [{ entity = 'routing.queues', reason = 'x' }, { reason = 'x' }]")
        .unwrap();
    let refused = story.terminal.failure(&["config", "check"]);
    assert!(
        refused.contains("is not a domain, a slash and a name") && refused.contains("entity and reason"),
        "{refused}"
    );
}

#[test]
fn without_the_definitions_of_flows_nothing_is_called_an_orphan_that_a_flow_might_use() {
    let story = story(&["architect.flow-configuration"]);
    let document = story.terminal.run(&["audit", "orphans", "--now", NOW, "--format", "json"]).json(0);
    assert_follows("orphans", &document);
    assert_eq!(rules(&document), ["dangling-reference", "orphans-unknown", "orphans-unknown"]);
    let told = story.terminal.run(&["audit", "orphans", "--now", NOW]).ends_with(0);
    assert!(told.contains("architect.flow-configuration (not captured)"), "{told}");
}

#[test]
fn impact_leads_from_a_number_to_the_members_of_a_queue_and_back() {
    let story = story(&[]);
    let told = story.terminal.run(&["impact", "telephony.dids/+13175550100"]).ends_with(0);
    let lines = [
        r#"telephony.dids "+13175550100""#,
        "A change of it reaches 1 call route, 1 flow, 1 queue, 1 agent",
        "Nothing on record depends on it",
        "What it depends on",
        r#"  architect.ivrs "Service Line""#,
        r#"    architect.flows "Main Menu""#,
        "      routing.queues",
        r#"        users.users "Ann Lee""#,
    ];
    let mut rest = told.lines();
    for line in lines {
        assert!(rest.any(|told| told.starts_with(line)), "{line}:\n{told}");
    }
    let up =
        story.terminal.run(&["impact", &format!("routing.queues/{}", key("1a")), "--format", "json", "--up"]).json(0);
    assert_follows("impact", &up);
    assert_eq!(up["reach"]["words"], "reaches 1 DID, 1 call route, 1 flow, 1 agent");
    let names: Vec<&str> = up["up"].as_array().unwrap().iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Main Menu", "Service Line", "+13175550100"]);
    assert_eq!(up.get("down"), None);
    assert_follows("impact", &story.terminal.run(&["impact", "architect.flows/Night", "--format", "json"]).json(0));

    let dot = story.terminal.run(&["impact", "architect.ivrs/Service Line", "--graph", "dot"]).ends_with(0);
    assert!(dot.contains(r#"[label="routing.queues Sales \"]; <b>|"];"#), "{dot}");
    let drawn = story.terminal.run(&["impact", "architect.ivrs/Service Line", "--format", "markdown"]).ends_with(0);
    assert!(drawn.contains("routing.queues Sales #34;#93;#59; #60;b#62;#124;"), "{drawn}");
    let short = story.terminal.run(&["impact", "architect.ivrs/Service Line", "--down", "--depth", "1"]).ends_with(0);
    assert!(short.contains("Main Menu") && !short.contains("routing.queues"), "{short}");
    let nothing = story.terminal.failure(&["impact", "architect.flows/Nobody"]);
    assert!(nothing.starts_with("exit 2\nerror: "), "{nothing}");
    let gone = story.terminal.failure(&["impact", "architect.schedulegroups/Office"]);
    assert!(gone.contains("is not there at that revision") && gone.contains("--at"), "{gone}");
    story.terminal.run(&["impact", "architect.schedulegroups/Office", "--at", "HEAD~1"]).ends_with(0);
}

#[test]
fn the_page_of_audits_has_every_rule_about_orphans() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/audits.md")).unwrap();
    let rules = Usage::built_in().unwrap();
    let row = |usage: &Usage| format!("| `{}` | {} | {} |", usage.rule, usage.severity, usage.about);
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `orphan-") && !line.contains('…')).collect();
    assert_eq!(rows, rules.iter().map(row).collect::<Vec<_>>());
}

#[test]
fn an_acknowledgement_of_an_orphan_is_about_something() {
    let story = story(&[]);
    let acks = story.terminal.trail().join("acks");
    std::fs::create_dir_all(&acks).unwrap();
    let ack = "[[ack]]\nrule = 'orphan-flow'\nentity = 'Night*'\nowner = 'ann@example.com'\nreason = 'opened in a crisis'\nexpires = 2026-07-31\n";
    std::fs::write(acks.join("flows.toml"), ack).unwrap();
    let checked = story.terminal.run(&["ack", "check", "--now", NOW]).ends_with(0);
    assert!(!checked.contains("ack-unused"), "{checked}");
    let told = story.terminal.run(&["audit", "orphans", "--now", NOW]).ends_with(0);
    assert!(told.contains("1 acknowledged") && told.contains("acknowledged by ann@example.com"), "{told}");
}
