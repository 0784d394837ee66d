//! `audit rbac`, `who-can` and `what-can`: a fixture for every rule, and the verbs as a person uses them.

use std::collections::{BTreeMap, BTreeSet};

use orgtrail::audit::rbac::{Access, Baseline, Model, NOT_READ, NOT_TOLD, Rules, Source, Sources, Standing, find};
use orgtrail::catalogue::{Catalogue, embedded_file};
use orgtrail::model::{DomainSnapshot, EntityKey, Finding, Object, OwnedValue, Subject, Value};
use orgtrail::policy::built_in_rules;
use orgtrail::record::CommitKind;
use serde_json::Value as Json;

use crate::chronicle::{ANN, Chronicle, Entry};
use crate::fixtures::{catalogue, folder, json, text};
use crate::harness::id;
use crate::terminal::assert_follows;

/// What is known of a case: every domain that it does not name is empty, but for those that it calls unknown.
fn sources(model: &Model, case: &OwnedValue, member: &str) -> Sources {
    let unknown: Vec<&str> =
        case.get("unknown").and_then(Value::as_array).unwrap_or_default().iter().filter_map(Value::as_str).collect();
    let entities = case.get(member).and_then(Value::as_object).expect("a case has a state");
    for (name, _) in entities.iter() {
        assert!(model.domains().contains(&id(name)), "{name} has nothing to do with it");
    }
    let source = |domain: orgtrail::model::DomainId| {
        let mut snapshot = DomainSnapshot::empty(domain.clone(), 1);
        let own = entities.get(domain.as_str()).and_then(Value::as_object);
        for (key, body) in own.into_iter().flat_map(Object::iter) {
            snapshot.entities.insert(EntityKey::new(key), text(body));
        }
        let source = if unknown.contains(&domain.as_str()) {
            Source { content: None, standing: Standing::NotCaptured }
        } else {
            Source::complete(snapshot)
        };
        (domain, source)
    };
    model.domains().into_iter().map(source).collect()
}

fn found(catalogue: &Catalogue, case: &OwnedValue) -> Vec<Finding> {
    let (model, rules) = (Model::built_in().unwrap(), Rules::built_in().unwrap());
    let names = BTreeMap::new();
    let resolve = |member| Access::resolve(&model, catalogue, &sources(&model, case, member), &names);
    let earlier = case.get("earlier").map(|_| resolve("earlier"));
    let baseline = earlier.as_ref().map(|access| Baseline { access, at: "the state of 2 March".to_owned() });
    let mut found = find(&resolve("state"), &model, &rules, baseline.as_ref());
    found.sort_by(|left, right| (&left.rule, &left.message).cmp(&(&right.rule, &right.message)));
    found
}

fn told(finding: &Finding) -> String {
    let subject = match &finding.subject {
        Subject::Entity { domain, key, .. } => format!("{domain} {key}"),
        Subject::Domain(domain) => domain.to_string(),
        other => format!("{other:?}"),
    };
    let mut lines = vec![format!("{} {} [{subject}] {}", finding.severity, finding.rule, finding.message)];
    lines.extend(finding.evidence.iter().map(|one| format!("  {}: {}", one.name, one.text)));
    lines.join("\n")
}

fn rules_of(found: &[Finding]) -> BTreeSet<&str> {
    found.iter().map(|finding| finding.rule.as_str()).collect()
}

/// The ids of everything that can be found, each of which has a fixture.
fn all_rules() -> BTreeSet<String> {
    let rules = Rules::built_in().unwrap();
    rules.ids().chain([NOT_READ, NOT_TOLD]).map(str::to_owned).collect()
}

#[test]
fn every_rule_finds_its_fixture_and_says_so() {
    let catalogue = catalogue();
    for rule in all_rules() {
        let fixture = json(&folder().join("audit/rbac").join(format!("{rule}.json")));
        let findings = found(&catalogue, &fixture);
        assert!(rules_of(&findings).contains(rule.as_str()), "{rule} found nothing, but {:?}", rules_of(&findings));
        let lines: Vec<String> = findings.iter().map(told).collect();
        insta::with_settings!({ snapshot_suffix => rule.clone(), omit_expression => true }, {
            insta::assert_snapshot!("rbac_finds", lines.join("\n"));
        });
    }
}

#[test]
fn every_rule_leaves_alone_what_it_has_nothing_to_say_of() {
    let catalogue = catalogue();
    for rule in all_rules() {
        let fixture = json(&folder().join("audit/rbac").join(format!("{rule}.json")));
        let cases = fixture.get("not").and_then(Value::as_array).unwrap_or_default();
        assert!(!cases.is_empty(), "{rule} has no case that it leaves alone");
        for case in cases {
            let findings = found(&catalogue, case);
            assert!(!rules_of(&findings).contains(rule.as_str()), "{rule} was found in {case:?}");
        }
    }
}

#[test]
fn every_fixture_has_its_rule_and_every_rule_a_name_of_its_own() {
    let rules = all_rules();
    for entry in std::fs::read_dir(folder().join("audit/rbac")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(rules.contains(name.trim_end_matches(".json")), "{name} has no rule");
    }
    for rule in built_in_rules(&catalogue()).unwrap() {
        assert!(!rules.contains(&rule.id), "{} is the name of another rule", rule.id);
    }
}

#[test]
fn every_rule_says_what_to_do_and_fills_in_what_it_names() {
    for rule in Rules::built_in().unwrap().iter() {
        assert!(rule.message.len() > 15 && rule.remedy.len() > 30, "{} says too little", rule.id);
    }
    let catalogue = catalogue();
    for rule in all_rules() {
        let fixture = json(&folder().join("audit/rbac").join(format!("{rule}.json")));
        for finding in found(&catalogue, &fixture) {
            assert!(!finding.message.contains(['{', '}']), "{}: {}", finding.rule, finding.message);
            assert!(finding.fingerprint.len() == 16 && !finding.remedy.is_empty());
        }
    }
}

#[test]
fn the_page_of_audits_has_every_rule_with_its_level() {
    let page = std::fs::read_to_string(folder().join("../../docs/audits.md")).unwrap();
    for rule in Rules::built_in().unwrap().iter() {
        assert!(page.contains(&format!("\n| `{}` | {} | ", rule.id, rule.level)), "{}", rule.id);
    }
    let (_, own) = page.split_once("```toml\n").unwrap();
    Rules::with_user("docs/audits.md", own.split("```").next().unwrap()).unwrap();
}

/// Whether a path of a model leads somewhere by the schema of its domain.
fn exists(schema: &Json, path: &str) -> bool {
    let resolve = |node: &Json| match node["$ref"].as_str() {
        Some(reference) => schema.pointer(&reference[1..]).unwrap().clone(),
        None => node.clone(),
    };
    let mut node = resolve(&schema["properties"]["entities"]["additionalProperties"]);
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let below = if step == "*" { node.get("items").cloned() } else { node["properties"].get(step).cloned() };
        match below {
            Some(below) => node = resolve(&below),
            // What a reference leads to has an id, and an open list has items of any form.
            None => return step == "id" || (step == "*" && node["type"] == "array"),
        }
    }
    true
}

#[test]
fn every_place_of_the_model_exists_in_its_schema() {
    let (model, catalogue) = (Model::built_in().unwrap(), catalogue());
    assert!(model.places().len() > 25);
    for (domain, path) in model.places() {
        let definition = catalogue.get(domain).unwrap_or_else(|| panic!("there is no domain {domain}"));
        let schema: Json = serde_json::from_str(embedded_file(&definition.schema_file).unwrap()).unwrap();
        assert!(exists(&schema, &path), "{domain} has no {path}");
    }
    for domain in model.domains() {
        assert!(catalogue.get(&domain).is_some(), "there is no domain {domain}");
    }
}

const USER: &str = "10000000-0000-4000-8000-000000000001";
const OTHER: &str = "20000000-0000-4000-8000-000000000002";
const GROUP: &str = "30000000-0000-4000-8000-000000000003";

/// A trail in which Ann is an administrator through a group, and then gets a grant of her own.
fn story() -> Chronicle {
    let mut story = Chronicle::new();
    let role = |actions: &str| {
        format!(
            r#"{{"name":"Keys","default":false,"permissions":[],"permissionPolicies":[{{"domain":"authorization","entityName":"grant","actionSet":{actions}}}]}}"#
        )
    };
    story.set("authorization.divisions", "d1", Some(r#"{"name":"Home","homeDivision":true}"#));
    story.set("authorization.roles", "r1", Some(&role(r#"["add","view"]"#)));
    let queue = r#"{"name":"Queues | =1+1","default":false,"permissions":[],"permissionPolicies":[{"domain":"routing","entityName":"queue","actionSet":["*"],"resourceConditionNode":{"variableName":"queue.id","operator":"EQ","operands":[{"type":"QUEUE","queue":{"id":"q1"}}]},"allowConditions":true}]}"#;
    story.set("authorization.roles", "r2", Some(queue));
    story.set("routing.queues", "q1", Some(r#"{"name":"Support"}"#));
    story.set("directory.groups", GROUP, Some(r#"{"name":"Access Administrators"}"#));
    let user = |name: &str, groups: &str| format!(r#"{{"name":"{name}","state":"active","groups":[{groups}]}}"#);
    let in_group = format!(r#"{{"id":"{GROUP}"}}"#);
    story.set("users.users", USER, Some(&user("Ann", &in_group)));
    story.set("users.users", OTHER, Some(&user("Bo", "")));
    story.set("authorization.division-grants", &format!("{GROUP}:r1:d1"), Some(r#"{"role":{"id":"r1"}}"#));
    story.commit(&Entry::of(CommitKind::Baseline, 0, "baseline: 6 domains"), &[]);
    story.set("authorization.division-grants", &format!("{OTHER}:r2:d1"), Some(r#"{"role":{"id":"r2"}}"#));
    story.set("users.users", OTHER, Some(&user("Bo", &in_group)));
    story.commit(&Entry::by(ANN, 15, "high: Bo can more"), &[]);
    story.set("authorization.roles", "r1", Some(&role(r#"["add","delete","view"]"#)));
    story.set("authorization.divisions", "d1", Some(r#"{"name":"Head office","homeDivision":true}"#));
    story.commit(&Entry::by(ANN, 30, "high: Keys"), &[]);
    story
}

#[test]
fn who_can_and_what_can_answer_in_every_format_they_have() {
    let story = story();
    let run = |arguments: &[&str]| story.terminal.run(arguments);
    insta::assert_snapshot!("who_can", story.terminal.shown(&run(&["who-can", "authorization:grant:*"]).ends_with(0)));
    insta::assert_snapshot!(
        "what_can",
        story.terminal.shown(&run(&["what-can", "Bo", "--division", "Head office"]).ends_with(0))
    );
    insta::assert_snapshot!(
        "what_can_markdown",
        story.terminal.shown(&run(&["what-can", "Bo", "--format", "markdown"]).ends_with(0))
    );
    let table = run(&["audit", "rbac", "--access", "--format", "csv"]).ends_with(0);
    insta::assert_snapshot!("access_csv", table.replace('\r', ""));
    for arguments in [&["who-can", "routing:queue:edit"][..], &["what-can", "Ann"], &["audit", "rbac", "--access"]] {
        let document = run(&[arguments, &["--format", "json"]].concat()).json(0);
        assert_follows("access", &document);
        assert_eq!(document["complete"], false, "there are no clients on record");
        assert!(!document["principals"].as_array().unwrap().is_empty(), "{arguments:?}");
    }
    let earlier = run(&["who-can", "authorization:grant:add", "--at", "HEAD~2", "--format", "json"]).json(0);
    let names: Vec<&str> =
        earlier["principals"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Ann", "Access Administrators"]);
}

#[test]
fn what_nothing_is_called_is_refused_with_what_was_probably_meant() {
    let story = story();
    insta::assert_snapshot!(story.terminal.failure(&["what-can", "Anm"]), @r#"
    exit 2
    error: no user, group or program has the name or id "Anm" in this state
    hint: did you mean "Ann"?
    "#);
    insta::assert_snapshot!(story.terminal.failure(&["who-can", "a:b:c", "--division", "Head ofice"]), @r#"
    exit 2
    error: no division has the name or id "Head ofice" in this state
    hint: did you mean "Head office"?
    "#);
    insta::assert_snapshot!(story.terminal.failure(&["who-can", "a:b:c", "--format", "sarif"]), @r"
    exit 2
    error: `orgtrail who-can` cannot print sarif
    hint: `--format` takes text, json, markdown or csv here
    ");
    let told = story.terminal.run(&["who-can", "routing:queue:vew"]).ends_with(0);
    assert!(told.contains("No role names routing:queue:vew but by a `*`"), "{told}");
    let document = story.terminal.run(&["who-can", "authorization:grant:ad", "--format", "json"]).json(0);
    assert_eq!(document["nearest"], "authorization:grant:add");
}

#[test]
fn findings_are_told_in_every_format_and_can_be_acknowledged() {
    let story = story();
    let run = |arguments: &[&str]| story.terminal.run(&[&["audit", "rbac"], arguments].concat());
    insta::assert_snapshot!("findings", story.terminal.shown(&run(&[]).ends_with(0)));
    for format in ["jsonl", "markdown", "html", "csv", "sarif", "junit", "github"] {
        assert!(run(&["--format", format]).ends_with(0).contains("admin-rights"), "{format}");
    }
    let document = run(&["--format", "json"]).json(0);
    assert_follows("findings", &document);
    let finding = document["findings"].as_array().unwrap().iter().find(|one| one["rule"] == "admin-rights").unwrap();
    assert_eq!(finding["place"]["file"], "snapshot/directory/groups.json");
    run(&["--fail-on", "medium"]).ends_with(1);
    let ack = format!(
        "[[ack]]\nrule = \"admin-rights\"\nentity = \"{GROUP}\"\nowner = \"ann@example.com\"\nreason = \"meant\"\nexpires = 2026-06-30\n"
    );
    std::fs::create_dir_all(story.terminal.trail().join("acks")).unwrap();
    std::fs::write(story.terminal.trail().join("acks/rbac.toml"), ack).unwrap();
    let document = run(&["--format", "json", "--now", "2026-03-02T12:00:00Z"]).json(0);
    assert_eq!(document["acknowledged"], 1);
    let checked = story.terminal.run(&["ack", "check", "--format", "json", "--now", "2026-03-02T12:00:00Z"]).json(0);
    assert_eq!(checked["findings"].as_array().unwrap().len(), 0, "{checked:#}");
}

#[test]
fn a_file_of_the_user_adds_and_switches_off() {
    let story = story();
    let file = story.terminal.trail().join("rbac.toml");
    std::fs::write(&file, "[off]\nrules = [\"admin-rights\"]\n").unwrap();
    let told = story.terminal.run(&["audit", "rbac", "--format", "json"]).json(0);
    assert!(told["findings"].as_array().unwrap().iter().all(|one| one["rule"] != "admin-rights"));
    for format in ["text", "markdown"] {
        let listed = story.terminal.run(&["audit", "rbac", "--rules", "--format", format]).ends_with(0);
        assert!(listed.contains("role-unused") && !listed.contains("admin-rights`"), "{listed}");
    }
    let listed = story.terminal.run(&["audit", "rbac", "--rules", "--format", "json"]).json(0);
    assert_follows("access-rules", &listed);
    assert_eq!(listed["rules"].as_array().unwrap().len(), Rules::built_in().unwrap().ids().count() - 1);
    std::fs::write(&file, "[off]\nrules = [\"admin-right\"]\n").unwrap();
    insta::assert_snapshot!(story.terminal.failure(&["config", "check"]), @r#"
    exit 2
    error: rbac.toml: off.rules: there is no rule "admin-right"; did you mean "admin-rights"?
    hint: `orgtrail config check` checks again
    "#);
}

#[test]
fn what_was_gained_and_lost_is_told_with_its_cause() {
    let story = story();
    let run = |arguments: &[&str]| story.terminal.run(&[&["audit", "rbac"], arguments].concat());
    insta::assert_snapshot!("drift", story.terminal.shown(&run(&["--from", "HEAD~2"]).ends_with(0)));
    insta::assert_snapshot!(
        "drift_markdown",
        story.terminal.shown(&run(&["--from", "HEAD~1", "--format", "markdown"]).ends_with(0))
    );
    let table = run(&["--from", "HEAD~2", "--to", "HEAD~1", "--format", "csv"]).ends_with(0);
    insta::assert_snapshot!("drift_csv", table.replace('\r', ""));
    let document = run(&["--from", "HEAD~2", "--format", "json"]).json(0);
    assert_follows("access-drift", &document);
    let back = run(&["--from", "HEAD", "--to", "HEAD~2", "--format", "json"]).json(0);
    assert_eq!(back["counts"]["low"], back["principals"].as_array().unwrap().len());
    let same = run(&["--from", "HEAD", "--format", "json"]).json(0);
    assert_eq!(same["principals"].as_array().unwrap().len(), 0);
    run(&["--from", "HEAD~2", "--fail-on", "critical"]).ends_with(1);
    let worst = run(&["--from", "HEAD~2", "--min-severity", "critical", "--format", "json"]).json(0);
    assert_eq!((worst["left_out"]["principals"].as_u64(), worst["principals"].as_array().unwrap().len()), (Some(2), 1));
    assert!(run(&["--from", "HEAD~2", "--format", "sarif"]).ends_with(0).contains("access-gained"));
}
