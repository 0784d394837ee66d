use serde::Deserialize;

use super::*;
use crate::audit::testing::{State, cases};
use crate::catalogue::embedded_file;
use crate::model::Severity;
use crate::policy::{built_in_lints, lints_in_force, user_lints};

/// What a rule finds in a state.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    state: BTreeMap<DomainId, BTreeMap<String, serde_json::Value>>,
    /// What is said of which entity; nothing of any other.
    finds: BTreeMap<String, String>,
    /// The domains without any of which nothing can be told.
    needs: Vec<DomainId>,
    /// The domains without any of which less can be told, and nothing else.
    #[serde(default)]
    undecided_without: Vec<DomainId>,
    /// Further entities, or with `null` fewer, with which nothing is found.
    #[serde(default)]
    quiet_with: Vec<BTreeMap<DomainId, BTreeMap<String, serde_json::Value>>>,
}

const NOW: &str = "2026-03-03T12:00:00Z";

fn catalogue() -> Catalogue {
    Catalogue::built_in().unwrap()
}

fn rules(catalogue: &Catalogue) -> Vec<LintRule> {
    built_in_lints(catalogue).unwrap()
}

fn linted(catalogue: &Catalogue, rules: &[LintRule], state: &State) -> Linted {
    let (state, production) = (state.archive(catalogue), Production::default());
    let examined = Examined { catalogue, state: &state, production: &production, now: NOW.parse().unwrap() };
    lint(&examined, rules, &catalogue.names().cloned().collect()).unwrap()
}

fn state(case: &Case) -> State {
    State { state: case.state.clone(), ..State::default() }
}

/// The state of a case without a domain.
fn without(case: &Case, domain: &DomainId) -> State {
    State { status: [(domain.clone(), None)].into(), ..state(case) }
}

/// What was said of which entity.
fn told(linted: &Linted) -> BTreeMap<String, String> {
    let key = |finding: &Finding| match &finding.subject {
        Subject::Entity { key, .. } => key.to_string(),
        other => panic!("{other:?}"),
    };
    linted.findings.iter().map(|finding| (key(finding), finding.message.clone())).collect()
}

/// Every rule with its case.
fn each_rule(look: impl Fn(&Catalogue, &[LintRule], &Case)) {
    let catalogue = catalogue();
    let mut cases: BTreeMap<String, Case> = cases("lint").into_iter().collect();
    for rule in rules(&catalogue) {
        let case = cases.remove(&rule.id).unwrap_or_else(|| panic!("{} has no fixture", rule.id));
        look(&catalogue, std::slice::from_ref(&rule), &case);
    }
    assert!(cases.is_empty(), "fixtures of no rule: {:?}", cases.keys());
}

#[test]
fn every_rule_finds_what_its_fixture_says_and_nothing_else() {
    each_rule(|catalogue, rule, case| {
        let linted = linted(catalogue, rule, &state(case));
        assert_eq!((told(&linted), &linted.untold), (case.finds.clone(), &Vec::new()), "{}", rule[0].id);
        assert!(!case.finds.is_empty() && !case.needs.is_empty(), "{}", rule[0].id);
        let says = |finding: &Finding| finding.evidence.iter().all(|one| !one.text.is_empty());
        assert!(linted.findings.iter().all(says), "{:?}", linted.findings);
    });
}

#[test]
fn the_entities_of_a_fixture_are_such_as_the_api_has() {
    each_rule(|catalogue, rule, case| {
        for (id, entities) in &case.state {
            let schema = embedded_file(&catalogue.get(id).unwrap().schema_file).unwrap();
            let validator = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
            let version = catalogue.get(id).unwrap().schema_version;
            let document = serde_json::json!({ "domain": id, "entities": entities, "schema_version": version });
            let problems: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
            assert!(problems.is_empty(), "{}: {id}: {problems:?}", rule[0].id);
        }
    });
}

#[test]
fn what_is_not_captured_is_told_and_nothing_is_concluded_from_it() {
    each_rule(|catalogue, rule, case| {
        for domain in &case.needs {
            let linted = linted(catalogue, rule, &without(case, domain));
            assert!(told(&linted).is_empty(), "{} without {domain}: {:?}", rule[0].id, linted.findings);
            let is_reason = |untold: &Untold| untold.reason.contains(&format!("{domain}: not captured"));
            assert!(linted.untold.iter().any(is_reason), "{} without {domain}: {:?}", rule[0].id, linted.untold);
        }
        for domain in &case.undecided_without {
            let linted = linted(catalogue, rule, &without(case, domain));
            let less = told(&linted);
            assert!(less.iter().all(|(key, message)| case.finds.get(key) == Some(message)), "{}: {less:?}", rule[0].id);
            let is_reason = |untold: &Untold| untold.reason.contains(domain.as_str()) && untold.entities > Some(0);
            assert!(linted.untold.iter().any(is_reason), "{} without {domain}: {:?}", rule[0].id, linted.untold);
        }
    });
}

#[test]
fn a_listing_that_is_not_whole_is_no_better_than_none() {
    each_rule(|catalogue, rule, case| {
        for status in [crate::record::LedgerStatus::Forbidden, crate::record::LedgerStatus::Stale] {
            for domain in &case.needs {
                let state = State { status: [(domain.clone(), Some(status))].into(), ..state(case) };
                // What an entity refers to is there, whatever else of its domain is not.
                let whole = told(&linted(catalogue, rule, &self::state(case)));
                let partial = linted(catalogue, rule, &state);
                assert!(told(&partial).iter().all(|(key, message)| whole.get(key) == Some(message)));
                assert!(!told(&partial).is_empty() || !partial.untold.is_empty(), "{} {domain}", rule[0].id);
            }
        }
    });
}

#[test]
fn an_object_that_has_nothing_to_do_with_it_changes_no_finding() {
    each_rule(|catalogue, rule, case| {
        let whole = linted(catalogue, rule, &state(case)).findings;
        for domain in catalogue.iter() {
            let mut more = case.clone();
            let key = vec!["unrelated"; domain.identity.key.len()].join(":");
            let unrelated = serde_json::json!({ "name": "Unrelated" });
            more.state.entry(domain.id.clone()).or_default().insert(key.clone(), unrelated);
            let mut findings = linted(catalogue, rule, &state(&more)).findings;
            findings.retain(|finding| {
                !finding.message.contains("Unrelated") && {
                    !matches!(&finding.subject, Subject::Entity { key: found, .. } if found.as_str() == key)
                }
            });
            // How many entities were looked at may be told beside a finding.
            let plain = |findings: &[Finding]| -> Vec<Finding> {
                findings.iter().map(|finding| Finding { evidence: Vec::new(), ..finding.clone() }).collect()
            };
            assert_eq!(plain(&findings), plain(&whole), "{} with one more of {}", rule[0].id, domain.id);
        }
    });
}

#[test]
fn what_a_fixture_calls_quiet_has_no_finding() {
    each_rule(|catalogue, rule, case| {
        for change in &case.quiet_with {
            let mut other = case.clone();
            for (domain, entities) in change {
                let known = other.state.entry(domain.clone()).or_default();
                for (key, body) in entities {
                    match body {
                        serde_json::Value::Null => known.remove(key),
                        body => known.insert(key.clone(), body.clone()),
                    };
                }
            }
            assert_eq!(told(&linted(catalogue, rule, &state(&other))), BTreeMap::new(), "{} {change:?}", rule[0].id);
        }
    });
}

#[test]
fn a_finding_is_the_same_whatever_its_entity_is_called() {
    each_rule(|catalogue, rule, case| {
        let fingerprints = |case: &Case| -> Vec<String> {
            linted(catalogue, rule, &state(case)).findings.into_iter().map(|finding| finding.fingerprint).collect()
        };
        let mut renamed = case.clone();
        for entities in renamed.state.values_mut() {
            for body in entities.values_mut().filter_map(serde_json::Value::as_object_mut) {
                if let Some(name) = body.get_mut("name") {
                    *name = "Another Name".into();
                }
            }
        }
        assert_eq!(fingerprints(case), fingerprints(&renamed), "{}", rule[0].id);
    });
}

#[test]
fn a_finding_shows_what_was_asked_for_and_came_back() {
    let (catalogue, cases) = (catalogue(), cases::<Case>("lint"));
    let evidence = |id: &str| {
        let rule: Vec<LintRule> = rules(&catalogue).into_iter().filter(|rule| rule.id == id).collect();
        let case = &cases.iter().find(|(name, _)| name == id).unwrap().1;
        let finding = linted(&catalogue, &rule, &state(case)).findings.remove(0);
        finding.evidence.iter().map(|one| format!("{}: {}", one.name, one.text)).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(evidence("schedule-ended"), @r"
    start: 2025-06-01T08:00:00.000
    end: 2025-06-01T18:00:00.000
    rrule: nothing
    used by architect.schedulegroups: Office Hours
    ");
    insta::assert_snapshot!(evidence("queue-empty-on-live-route"), @r"
    division: nothing
    members routing.queue-members: none
    reached from architect.ivrs: yes
    ");
    insta::assert_snapshot!(evidence("queue-without-retention-policy"), @r"
    division: nothing
    entities recording.media-retention-policies: 5 looked at
    ");
    insta::assert_snapshot!(evidence("ivr-without-holiday-flow"), @r"
    closedHoursFlow: f1
    openHoursFlow: f1
    target scheduleGroup: Office Hours
    ");
}

#[test]
fn a_user_adds_rules_and_replaces_those_that_come_with_the_program() {
    let catalogue = catalogue();
    let text = r#"
[[lint]]
id = "queue-name"
level = "low"
match = { domain = "routing.queues", entity = "*_*" }
when = "uses('architect.flows').exists(f, f.key == 'f1') && !production && name != ''"
message = "{name} has an underscore, and waits in {queueFlow}"
remedy = "Give it a name that people can read."

[[lint]]
id = "emergency-declared"
level = "critical"
match = { domain = "architect.emergencygroups" }
when = "false"
message = "never"
remedy = "never"
"#;
    let own = user_lints("rules.toml", text, &catalogue).unwrap();
    let rules = lints_in_force(rules(&catalogue), own);
    let severity = |id: &str| rules.iter().find(|rule| rule.id == id).map(|rule| rule.severity);
    assert_eq!(severity("emergency-declared"), Some(Severity::Critical));
    let ids: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    assert!(ids.is_sorted() && ids.iter().filter(|id| **id == "emergency-declared").count() == 1);
    let state = r#"{"state": {
        "routing.queues": {"a": {"name": "a_b", "queueFlow": {"id": "f1"}}, "b": {"name": "b", "queueFlow": {"id": "f1"}}},
        "architect.flows": {"f1": {"name": "Music", "publishedVersion": {"id": "1.0"}}},
        "architect.emergencygroups": {"e": {"name": "Fire", "enabled": true}}}}"#;
    let found = linted(&catalogue, &rules, &serde_json::from_str(state).unwrap());
    let found: Vec<&str> = found.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert!(found.contains(&"a_b has an underscore, and waits in Music") && !found.contains(&"never"), "{found:?}");
}

#[test]
fn what_is_wrong_with_a_users_rule_is_told_at_its_line() {
    let rule = |lines: &str| format!("[[lint]]\n{lines}\nlevel = \"low\"\nmessage = \"m\"\nremedy = \"r\"\n");
    let text = [
        rule("id = \"Bad Id\"\nmatch = { kind = \"added\" }\nwhen = \"true\""),
        rule("id = \"a\"\nmatch = { domain = \"routing.queue\" }\nwhen = \"used_by('routing.queus') ==\""),
        rule(
            "id = \"a\"\nmatch = { domain = \"routing.queues\" }\nwhen = \"size(used_by('routing.queus')) > 0\"\nat = \"name\"",
        ),
        rule("match = { domain = \"routing.queues\" }\nwhen = \"true\""),
        rule("id = \"b\"\nmatch = { domain = \"routing.queues\" }"),
        rule("id = \"c\"\nmatch = { domain = \"routing.queues\" }\nwhen = \"true\"\nwhy = \"\""),
    ];
    let problems = user_lints("rules.toml", &text.concat(), &catalogue()).unwrap_err();
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    rules.toml:1: rule Bad Id: its id is not in kebab case
    rules.toml:1: rule Bad Id: match.domain: a lint rule says which domain it looks at
    rules.toml:1: rule Bad Id: match: a state has neither kinds nor paths of changes; `at` names a place
    rules.toml:8: rule a: match.domain: no domain is named "routing.queue"; did you mean "routing.queues"?
    rules.toml:8: rule a: when: ERROR: <input>:1:28: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}
    | used_by('routing.queus') ==
    | ...........................^
    rules.toml:15: rule a: another rule has the same id
    rules.toml:15: rule a: at: "name" does not begin with a slash
    rules.toml:15: rule a: when: used_by: no domain is named "routing.queus"; did you mean "routing.queues"?
    rules.toml:23: a rule has no id
    rules.toml:29: rule b: missing field `when`
    rules.toml:35: rule c: unknown field `why`, expected one of `about`, `level`, `match`, `when`, `message`, `remedy`, `at`, `show`
    "#);
}

#[test]
fn a_condition_that_makes_no_sense_is_told_and_finds_nothing() {
    let catalogue = catalogue();
    let text = "[[lint]]\nid = \"a\"\nlevel = \"low\"\nmatch = { domain = \"routing.skills\" }\nwhen = \"entity.missing\"\n\
        message = \"m\"\nremedy = \"r\"\n";
    let rules = user_lints("rules.toml", text, &catalogue).unwrap();
    let state = r#"{"state": {"routing.skills": {"s1": {"name": "Latin"}, "s2": {"name": "Greek"}}}}"#;
    let linted = linted(&catalogue, &rules, &serde_json::from_str(state).unwrap());
    assert!(linted.findings.is_empty());
    let untold: Vec<String> = linted.untold.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(untold.join("\n"), @"a could not be told of 2 entities of routing.skills: the condition makes no sense of it: No such key: missing");
}

#[test]
fn every_rule_says_why_and_what_to_do() {
    for rule in rules(&catalogue()) {
        assert!(rule.about.len() > 40 && rule.remedy.len() > 20 && rule.message.len() > 10, "{}", rule.id);
    }
}
