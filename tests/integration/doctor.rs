//! What stands between a client and a complete snapshot: permissions that are missing, and fields that move by themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use orgtrail::capture::Selection;
use orgtrail::catalogue::{Catalogue, Domain, embedded_file};
use orgtrail::diff::Noise;
use orgtrail::genesys::InstantClock;
use orgtrail::model::DomainId;
use orgtrail::session::{Unobserved, noise};
use orgtrail::sim::{Effect, Fault, Repeat, When};

use crate::fixtures::catalogue;
use crate::harness::{Org, TestTrail, id, is_core};
use crate::terminal::Terminal;

/// The built-in domains, of which one has another domain file.
fn catalogue_with(name: &str, edit: impl Fn(&str) -> String) -> Catalogue {
    let built_in = catalogue();
    let domains = built_in.iter().map(|domain| {
        if domain.id.as_str() != name {
            return domain.clone();
        }
        let text = edit(embedded_file(&domain.file).unwrap());
        let schema = format!("{}/{}.v{}.json", domain.id.family(), domain.id.short_name(), domain.schema_version);
        Domain::read(domain.id.clone(), &domain.file, &text, &schema, embedded_file(&schema).unwrap()).unwrap()
    });
    Catalogue::from_domains(domains.collect()).unwrap()
}

/// What moves between two reads of some domains of a small org, as some domain files see it.
fn noise_under(catalogue: Catalogue, is_read: fn(&DomainId) -> bool) -> BTreeMap<DomainId, Result<Noise, String>> {
    let (org, mut trail) = (Org::small(), TestTrail::new());
    let selection = Selection(catalogue.names().filter(|id| is_read(id)).cloned().collect());
    trail.workspace.catalogue = catalogue;
    let connection = trail.connection(&org);
    let clock = Arc::new(InstantClock::new());
    let read = noise(&trail.workspace, connection, &selection, clock, &Unobserved);
    org.block_on(read).unwrap_or_else(|failure| panic!("{}", failure.message)).0
}

/// The lines that the files of the core domains need, where they need any.
fn lines(catalogue: Catalogue) -> Vec<String> {
    let domains: BTreeMap<DomainId, Domain> =
        catalogue.iter().map(|domain| (domain.id.clone(), domain.clone())).collect();
    let told = noise_under(catalogue, is_core);
    let of_domain = |(id, noise): (DomainId, Result<Noise, String>)| {
        let lines = noise.unwrap().lines(&domains[&id]);
        lines.into_iter().map(move |line| format!("{id} [{}] {}", line.table, line.text)).collect::<Vec<_>>()
    };
    told.into_iter().flat_map(of_domain).collect()
}

#[test]
fn the_built_in_domains_cover_all_that_moves() {
    let told = noise_under(catalogue(), |_| true);
    for (domain, noise) in &told {
        let Ok(noise) = noise else {
            assert!(!is_core(domain), "{domain}: {noise:?}");
            continue;
        };
        assert_eq!((noise.apart, noise.uncovered.len()), (0, 0), "{domain}: {:?}", noise.uncovered);
    }
    assert!(told.values().flatten().map(|noise| noise.covered).sum::<u64>() > 100);
}

#[test]
fn a_volatile_field_that_a_domain_file_lacks_is_found_with_its_line() {
    let queues = embedded_file("routing/queues.toml").unwrap();
    assert!(queues.contains("\"joinedMemberCount\""));
    let told = lines(catalogue_with("routing.queues", |text| text.replace("\"joinedMemberCount\",", "")));
    let [line] = told.as_slice() else { panic!("{told:?}") };
    assert!(line.starts_with("routing.queues [treat] volatile = [\""), "{line}");
    assert!(line.ends_with(", \"joinedMemberCount\"]"), "{line}");
    // The line does what it promises.
    let (_, line) = line.split_once("[treat] ").unwrap();
    let mended = catalogue_with("routing.queues", |text| {
        let (before, rest) = text.split_once("\nvolatile = [").unwrap();
        let (_, after) = rest.split_once("]\n").unwrap();
        format!("{before}\n{line}\n{after}")
    });
    assert_eq!(lines(mended), [""; 0]);
}

#[test]
fn a_set_that_a_domain_file_lacks_is_found_with_its_identity() {
    let without = |text: &str| {
        let line = "\"permissionPolicies.*.actionSet\" = \".\"\n";
        assert!(text.contains(line));
        text.replace(line, "")
    };
    let told = lines(catalogue_with("authorization.roles", without));
    assert_eq!(told, [r#"authorization.roles [treat.sets] "permissionPolicies.*.actionSet" = ".""#]);
}

#[test]
fn noise_is_told_on_the_terminal_without_values() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    let text = terminal
        .run(&["doctor", "--noise", "--only", "routing.queues", "--only", "routing.queue-members"])
        .ends_with(0);
    assert!(
        text.starts_with("40 entities of 2 domains read twice: ") && text.ends_with(", 0 that they do not\n"),
        "{text}"
    );
    let document = terminal.run(&["doctor", "--noise", "--only", "oauth.clients", "--format", "json"]).json(0);
    assert_eq!(document["domains"]["oauth.clients"]["moved"], serde_json::json!([]));
    org.running.fault(Fault {
        when: When::Path("/api/v2/oauth/clients".to_owned()),
        effect: Effect::Forbidden,
        repeat: Repeat::Sticky,
    });
    let told = terminal.run(&["doctor", "--noise", "--only", "oauth.clients"]).ends_with(4);
    assert!(told.contains("oauth.clients could not be compared"), "{told}");
}

#[test]
fn the_least_role_is_told_without_asking_anybody() {
    let mut terminal = Terminal::at(&Org::small());
    terminal.environment.clear();
    let text =
        terminal.run(&["doctor", "--role", "--only", "routing.queues", "--only", "routing.queue-members"]).ends_with(0);
    insta::assert_snapshot!(text, @r#"
    PERMISSION                FOR
    audits:audit:view         orgtrail itself: tells who made a change
    authorization:grant:view  orgtrail itself: tells a lost grant from a removal
    routing:queue:view        routing.queue-members
                              routing.queues

    Give the role in every division: the API leaves out what lies in others without saying so.
    A new role shows in the role picker of the OAuth client only after it has a member; give it to a person first.
    "#);
    let role = terminal.run(&["doctor", "--role", "--tier", "deep", "--format", "json"]).json(0);
    let policies = role["permissionPolicies"].as_array().unwrap();
    let queue = serde_json::json!({
        "domain": "routing", "entityName": "queue", "actionSet": ["view"], "allowConditions": false
    });
    assert!(policies.contains(&queue));
}

#[test]
fn a_permission_that_only_a_listing_per_parent_needs_is_asked_for_once_a_parent_is_on_record() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    let members = ["doctor", "--only", "routing.queue-members"];
    assert!(terminal.run(&members).ends_with(0).contains("no parent of theirs is on record: routing.queue-members"));
    terminal.snapshot(0, &["--only", "routing.queues"]).ends_with(0);
    let key = org.running.world(|world| world.keys(&id("routing.queues")).min().unwrap().clone());
    let told = terminal.run(&members).ends_with(0);
    assert!(!told.contains("not asked"), "{told}");
    let path = format!("/api/v2/routing/queues/{key}/members");
    assert!(org.running.requests().iter().any(|request| request.path == path));

    let fault = |effect| Fault { when: When::Path("*/members".to_owned()), effect, repeat: Repeat::Once };
    org.running.fault(fault(Effect::Forbidden));
    let told = terminal.run(&members).ends_with(4);
    assert!(told.contains("is missing; it costs routing.queue-members"), "{told}");
    // A queue that is on record and was deleted meanwhile says nothing of its members.
    org.running.fault(fault(Effect::NotFound));
    terminal.run(&members).ends_with(0);
}
