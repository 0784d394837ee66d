use serde::Deserialize;

use super::super::references::broken_references;
use super::super::testing::{ORG, State, cases};
use super::*;

/// A state, what is excluded, and all that is found, as `rule what`.
#[derive(Deserialize)]
struct Case {
    #[serde(flatten)]
    state: State,
    #[serde(default)]
    exclude: Vec<(String, String)>,
    finds: BTreeSet<String>,
}

fn ages() -> Ages {
    Ages { now: "2026-06-30T00:00:00Z".parse().unwrap(), review_after: TimeDelta::days(90) }
}

fn told(finding: &Finding) -> String {
    let subject = match &finding.subject {
        Subject::Entity { domain, key, name, .. } => {
            format!("{domain}/{}", name.clone().unwrap_or_else(|| key.to_string()))
        }
        Subject::Domain(domain) => domain.to_string(),
        _ => "the trail".to_owned(),
    };
    format!("{} {subject}", finding.rule)
}

/// What is found in a state, with the finding of each.
fn found(catalogue: &Catalogue, state: &State, exclude: &[(String, String)]) -> Vec<Finding> {
    let archive = state.archive(catalogue);
    let graph = Graph::of(catalogue, &archive).unwrap();
    let usages = Usage::built_in().unwrap();
    let exclusions: Vec<Exclusion> =
        exclude.iter().map(|(entity, reason)| Exclusion::new(entity, reason).unwrap()).collect();
    let audit = orphans(&graph, &usages, &exclusions, &archive);
    let mut findings = audit.findings(&graph, catalogue, &usages, &archive, &BTreeMap::new(), ages());
    findings.extend(broken_references(&graph, catalogue, ORG, &archive).findings(&graph, &BTreeMap::new()));
    for domain in &audit.domains {
        let left: usize = domain.exempt.values().chain(domain.excluded.values()).sum();
        let all = domain.used + left + domain.orphans.len() + domain.unknown.len();
        assert_eq!(all, domain.considered, "{}", domain.rule);
    }
    findings
}

fn all_told(findings: &[Finding]) -> BTreeSet<String> {
    findings.iter().map(told).collect()
}

#[test]
fn every_fixture_finds_exactly_what_it_says() {
    let catalogue = Catalogue::built_in().unwrap();
    let mut wrong = Vec::new();
    for (name, case) in cases::<Case>("orphans") {
        let found = all_told(&found(&catalogue, &case.state, &case.exclude));
        if found != case.finds {
            wrong.push(format!("{name}\t{}", serde_json::to_string(&found).unwrap()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_a_fixture_of_its_name_that_it_fires_on_and_that_it_leaves_something_alone_in() {
    let all = cases::<Case>("orphans");
    for usage in Usage::built_in().unwrap() {
        let case = all.iter().find(|(name, _)| *name == usage.rule).map(|(_, case)| case);
        let case = case.unwrap_or_else(|| panic!("{} has no fixture", usage.rule));
        let fired = case.finds.iter().filter(|found| found.starts_with(&format!("{} ", usage.rule))).count();
        let there = case.state.state[&usage.domain].len();
        assert!(fired > 0 && fired < there, "{}: {fired} of {there}", usage.rule);
    }
}

#[test]
fn the_rules_name_domains_paths_and_edges_that_there_are() {
    let catalogue = Catalogue::built_in().unwrap();
    let graph = Graph::of(&catalogue, &State::default().archive(&catalogue)).unwrap();
    let mut idle = Vec::new();
    for usage in Usage::built_in().unwrap() {
        assert!(catalogue.get(&usage.domain).is_some(), "{}", usage.rule);
        assert!(usage.about.starts_with('A') && usage.about.ends_with('.'), "{}", usage.rule);
        assert!(!usage.sources(&graph).is_empty(), "{} can be used by nothing", usage.rule);
        idle.extend(usage.idle_selectors(&graph).into_iter().map(|selector| format!("{}: {selector}", usage.rule)));
        let owner = |path: &String| graph.kinds().iter().any(|kind| kind.domain == usage.domain && kind.path == *path);
        assert!(usage.owner.as_ref().is_none_or(owner), "{}", usage.rule);
    }
    assert!(idle.is_empty(), "{}", idle.join("\n"));
}

/// The largest fixture of all: every state at once would mix their keys, so each is looked at for itself.
#[test]
fn an_unrelated_object_changes_no_result_and_neither_does_another_name() {
    let catalogue = Catalogue::built_in().unwrap();
    for (name, case) in cases::<Case>("orphans") {
        let fingerprints = |state: &State| -> BTreeSet<String> {
            found(&catalogue, state, &[]).into_iter().map(|finding| finding.fingerprint).collect()
        };
        let before = fingerprints(&case.state);
        let mut more = case.state.clone();
        let unrelated = serde_json::json!({ "name": "Unrelated", "type": "social", "state": "active" });
        more.state.entry("directory.groups".parse().unwrap()).or_default().insert("unrelated".to_owned(), unrelated);
        assert_eq!(fingerprints(&more), before, "{name}");
        let mut renamed = case.state.clone();
        for body in renamed.state.values_mut().flat_map(BTreeMap::values_mut) {
            if let Some(called) = body.get_mut("name") {
                *called = serde_json::json!("<b>Called</b> otherwise");
            }
        }
        assert_eq!(fingerprints(&renamed), before, "{name}");
    }
}

/// Whatever is not known: nothing is called an orphan of which the missing domain could have said otherwise, and nothing is called one
/// that was none before.
#[test]
fn a_domain_that_is_not_known_only_takes_orphans_away() {
    let catalogue = Catalogue::built_in().unwrap();
    let usages = Usage::built_in().unwrap();
    for (name, case) in cases::<Case>("orphans") {
        let of = |state: &State| -> BTreeMap<String, (BTreeSet<String>, BTreeSet<DomainId>)> {
            let archive = state.archive(&catalogue);
            let graph = Graph::of(&catalogue, &archive).unwrap();
            let audit = orphans(&graph, &usages, &[], &archive);
            let keys = |nodes: &[Node]| nodes.iter().map(|node| graph.key(*node).to_string()).collect();
            let sources = |audit: &DomainAudit| audit.sources.iter().map(|source| source.domain.clone()).collect();
            audit.domains.iter().map(|audit| (audit.rule.clone(), (keys(&audit.orphans), sources(audit)))).collect()
        };
        let before = of(&case.state);
        for domain in case.state.state.keys() {
            let mut partial = case.state.clone();
            partial.status.insert(domain.clone(), Some(crate::record::LedgerStatus::Stale));
            for (rule, (orphans, sources)) in of(&partial) {
                let known = &before[&rule].0;
                assert!(orphans.is_subset(known), "{name}: {rule} without {domain}");
                assert!(orphans.is_empty() || !sources.contains(domain), "{name}: {rule} without {domain}");
            }
        }
    }
}

#[test]
fn an_orphan_says_what_shows_that_it_is_one() {
    let catalogue = Catalogue::built_in().unwrap();
    let state: State = serde_json::from_str(
        r#"{"state": {"authorization.divisions": {"d": {"name": "East"}},
            "directory.groups": {"g": {"name": "Old", "type": "official", "owners": [{"id": "u"}]}},
            "users.users": {"u": {"name": "Ann"}},
            "architect.flow-configuration": {"f": {"versionId": "3.0"}},
            "architect.flows": {"f": {"name": "Night", "division": {"id": "d"}, "publishedVersion": {"id": "3.0"}}}}}"#,
    )
    .unwrap();
    let archive = state.archive(&catalogue);
    let graph = Graph::of(&catalogue, &archive).unwrap();
    let usages = Usage::built_in().unwrap();
    let audit = orphans(&graph, &usages, &[], &archive);
    let flow = audit.found().find(|node| graph.name(*node) == Some("Night")).unwrap();
    let told = |at: &str, is_as_first_recorded| {
        let last = LastChange { at: at.to_owned(), is_as_first_recorded, actors: Vec::new() };
        let last = BTreeMap::from([(flow, last)]);
        let findings = audit.findings(&graph, &catalogue, &usages, &archive, &last, ages());
        let night = findings.into_iter().find(|finding| finding.rule == "orphan-flow").unwrap();
        let evidence = |name: &str| night.evidence.iter().find(|one| one.name == name).map(|one| one.text.clone());
        (
            [evidence("version"), evidence("division"), evidence("last changed"), evidence("confidence")]
                .map(Option::unwrap),
            night.message,
            night.remedy,
        )
    };
    let (evidence, message, remedy) = told("2026-06-20T00:00:00Z", false);
    assert_eq!(evidence, ["3.0", "East", "at 2026-06-20T00:00:00Z, 10 days ago", "low"]);
    assert_eq!(message, "Night is a published flow that nothing leads to");
    assert!(remedy.starts_with("Wait until it has been as it is for 90 days"));
    let (evidence, _, remedy) = told("2026-01-01T00:00:00Z", true);
    let since = "not since it was first recorded at 2026-01-01T00:00:00Z, 180 days ago";
    assert_eq!(evidence, ["3.0", "East", since, "medium"]);
    assert!(remedy.starts_with("Ask its owner."));
    let findings = audit.findings(&graph, &catalogue, &usages, &archive, &BTreeMap::new(), ages());
    let group = findings.iter().find(|finding| finding.rule == "orphan-group").unwrap();
    let owner = group.evidence.iter().find(|one| one.name == "owner").unwrap();
    assert_eq!(owner.text, "Ann");
}

/// As many entities as an organisation of ten thousand people has.
#[test]
fn the_planted_orphans_of_a_large_organisation_are_found() {
    let catalogue = Catalogue::built_in().unwrap();
    let mut state = State::default();
    let mut add =
        |domain: &str, count: usize, key: &dyn Fn(usize) -> String, body: &dyn Fn(usize) -> serde_json::Value| {
            let entities = state.state.entry(domain.parse().unwrap()).or_default();
            entities.extend((0..count).map(|number| (key(number), body(number))));
        };
    let id = |prefix: &'static str| move |number: usize| format!("{prefix}{number:05}");
    let json = |text: String| -> serde_json::Value { serde_json::from_str(&text).unwrap() };
    add("users.users", 10_000, &id("u"), &|n| {
        json(format!(r#"{{"name":"U {n}","skills":[{{"id":"s{:05}"}}]}}"#, n % 500))
    });
    add("routing.skills", 501, &id("s"), &|n| json(format!(r#"{{"name":"S {n}","state":"active"}}"#)));
    add("routing.queues", 2_000, &id("q"), &|n| json(format!(r#"{{"name":"Q {n}"}}"#)));
    let member = |n: usize| format!("q{:05}:u{:05}", n % 2_000, (n % 2_000 * 5 + n / 2_000 * 113) % 10_000);
    add("routing.queue-members", 160_000, &member, &|_| json(r#"{"joined":true}"#.to_owned()));
    add("architect.flows", 1_500, &id("f"), &|n| {
        json(format!(r#"{{"name":"F {n}","publishedVersion":{{"id":"1.0"}}}}"#))
    });
    add("architect.flow-configuration", 1_500, &id("f"), &|n| {
        json(format!(
            r#"{{"versionId":"1.0","manifest":{{"queue":[{{"id":"q{:05}"}},{{"id":"q{:05}"}}],"flow":[{{"id":"f{:05}"}}]}}}}"#,
            n,
            (n + 499) % 1_999,
            (n + 1) % 1_499
        ))
    });
    let archive = state.archive(&catalogue);
    let graph = Graph::of(&catalogue, &archive).unwrap();
    let usages = Usage::built_in().unwrap();
    let audit = orphans(&graph, &usages, &[], &archive);
    let found: Vec<String> = audit.found().map(|node| called(&graph, node)).collect();
    assert_eq!(found, ["F 1499", "Q 1999", "S 500"]);
    assert_eq!(graph.len(), 14_001);
    // A member is an edge, a user has a skill, a flow two queues and a flow.
    assert_eq!(graph.edge_count(), 160_000 + 10_000 + 1_500 * 3);
}
