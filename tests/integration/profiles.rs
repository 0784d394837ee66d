//! Which domains a run captures: `tier`, `include` and `exclude` of `[capture]`, and what the command line says instead.

use std::collections::BTreeSet;

use orgtrail::catalogue::{Catalogue, Domain, Tier};
use orgtrail::model::DomainId;
use orgtrail::session::{Workspace, profile};

use crate::harness::Org;
use crate::terminal::{Terminal, set};

/// A trail with these settings under `[capture]` and, apart from what comes with orgtrail, a domain of the deepest tier.
fn captured_by(org: &Org, settings: &str) -> Terminal {
    let terminal = Terminal::at(org);
    let own = terminal.trail().join("orgtrail.d/own");
    std::fs::create_dir_all(&own).unwrap();
    let domain_file = "about = \"Rows.\"\nschema_version = 1\ntier = \"content\"\n[source]\npath = \"/api/v2/own/rows\"\n\
                       paging = \"array\"\n[identity]\nkey = [\"id\"]\n[risk]\nadded = \"low\"\nremoved = \"low\"\nmodified = \"low\"\n";
    let schema = r#"{"properties":{"entities":{"additionalProperties":{"properties":{"id":{"type":"string"}}}}}}"#;
    std::fs::write(own.join("rows.toml"), domain_file).unwrap();
    std::fs::write(own.join("rows.v1.json"), schema).unwrap();
    std::fs::write(terminal.trail().join("orgtrail.toml"), format!("[capture]\n{settings}\n")).unwrap();
    terminal
}

/// The domains of a profile beyond the standard tier, and those of the standard tier that it lacks.
fn differs(terminal: &Terminal, tier: Option<Tier>) -> (Vec<String>, Vec<String>) {
    let workspace = Workspace::open(&terminal.trail(), None).unwrap();
    let profile = profile(&workspace, tier);
    let of_tier = |domain: &&Domain| domain.tier == Tier::Standard;
    let standard: BTreeSet<DomainId> =
        workspace.catalogue.iter().filter(of_tier).map(|domain| domain.id.clone()).collect();
    let names = |one: &BTreeSet<DomainId>, other: &BTreeSet<DomainId>| {
        one.difference(other).map(ToString::to_string).collect::<Vec<_>>()
    };
    (names(&profile, &standard), names(&standard, &profile))
}

fn deep() -> Vec<String> {
    let catalogue = Catalogue::built_in().unwrap();
    let deep = catalogue.iter().filter(|domain| domain.tier == Tier::Deep);
    deep.map(|domain| domain.id.to_string()).collect()
}

#[test]
fn a_tier_brings_itself_and_those_below_it() {
    let org = Org::small();
    assert_eq!(differs(&captured_by(&org, ""), None), (vec![], vec![]));
    let terminal = captured_by(&org, "tier = \"deep\"");
    assert!(!deep().is_empty());
    assert_eq!(differs(&terminal, None), (deep(), vec![]));
    assert!(differs(&terminal, Some(Tier::Content)).0.contains(&"own.rows".to_owned()));
    // What the command line says counts instead.
    assert_eq!(differs(&terminal, Some(Tier::Standard)), (vec![], vec![]));
}

#[test]
fn include_brings_single_domains_of_any_tier() {
    let org = Org::small();
    let include = "include = [\"routing.queue-members\", \"own.*\"]";
    assert_eq!(
        differs(&captured_by(&org, include), None),
        (vec!["own.rows".to_owned(), "routing.queue-members".to_owned()], vec![])
    );
    let both = differs(&captured_by(&org, "tier = \"deep\"\ninclude = [\"own.rows\"]"), None).0;
    assert!(both.len() == deep().len() + 1 && both.contains(&"own.rows".to_owned()), "{both:?}");
}

#[test]
fn exclude_wins_over_tier_include_and_command_line() {
    let org = Org::small();
    let settings = "tier = \"deep\"\ninclude = [\"own.*\", \"routing.*\"]\n\
                    exclude = [\"routing.queue-*\", \"routing.skills\", \"own.rows\"]";
    let terminal = captured_by(&org, settings);
    for tier in [None, Some(Tier::Content)] {
        let (more, fewer) = differs(&terminal, tier);
        assert!(!more.iter().any(|name| name.starts_with("own.") || name.starts_with("routing.queue-")), "{more:?}");
        assert!(fewer.contains(&"routing.skills".to_owned()) && fewer.iter().all(|name| name.starts_with("routing.")));
    }
    insta::assert_snapshot!(terminal.failure(&["snapshot", "--only", "routing.skills", "--only", "own.*"]), @r"
    exit 2
    error: no domain is left to capture
    hint: see --only, --skip, and [capture] in orgtrail.toml
    ");
    assert_eq!(org.running.requests().len(), 0);
    let taken =
        terminal.snapshot(0, &["--only", "routing.skills", "--only", "routing.queues", "--format", "json"]).json(0);
    assert_eq!(taken["domains"].as_object().unwrap().keys().collect::<Vec<_>>(), ["routing.queues"]);
}

#[test]
fn a_domain_is_captured_although_its_parent_is_excluded_and_the_parent_is_not() {
    let org = Org::small();
    let terminal = captured_by(&org, "exclude = [\"routing.queues\"]");
    let taken = terminal.snapshot(0, &["--only", "routing.queue-members", "--format", "json"]).json(0);
    assert_eq!(taken["domains"]["routing.queue-members"]["status"], "complete");
    assert!(taken["domains"]["routing.queue-members"]["entities"].as_u64() > Some(0));
    assert!(taken["domains"].get("routing.queues").is_none());
    assert!(!terminal.trail().join("snapshot/routing/queues.json").exists());
}

#[test]
fn what_is_excluded_later_stays_on_record_and_is_told_as_skipped() {
    let org = Org::small();
    let terminal = captured_by(&org, "");
    let only = ["--only", "routing.skills", "--only", "routing.queues", "--format", "json"];
    terminal.snapshot(0, &only).ends_with(0);
    let stored = std::fs::read(terminal.trail().join("snapshot/routing/skills.json")).unwrap();
    std::fs::write(terminal.trail().join("orgtrail.toml"), "[capture]\nexclude = [\"routing.skills\"]\n").unwrap();
    set(&org, "routing.skills", "/name", "Another name");
    let taken = terminal.snapshot(15, &only).json(0);
    assert!(taken["domains"].get("routing.skills").is_none());
    assert_eq!(std::fs::read(terminal.trail().join("snapshot/routing/skills.json")).unwrap(), stored);
    assert_eq!(terminal.read_json("snapshot/ledger.json")["domains"]["routing.skills"]["status"], "skipped");
}
