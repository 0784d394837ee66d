use std::collections::BTreeSet;

use serde::Deserialize;

use super::super::testing::{State, cases};
use super::*;

/// A state and all edges of it, as `who -> what by domain path`.
#[derive(Deserialize)]
struct Case {
    #[serde(flatten)]
    state: State,
    edges: BTreeSet<String>,
    /// References whose target is not there, as `who -> id by domain path`.
    #[serde(default)]
    unresolved: BTreeSet<String>,
}

fn catalogue() -> Catalogue {
    Catalogue::built_in().unwrap()
}

fn called(graph: &Graph, node: Node) -> String {
    format!("{}/{}", graph.domain(node), graph.name(node).unwrap_or(graph.key(node).as_str()))
}

fn edges_of(graph: &Graph) -> BTreeSet<String> {
    let nodes = graph.domains.iter().flat_map(|part| graph.nodes_of(&part.domain));
    let links = nodes.flat_map(|node| graph.uses(node));
    links
        .map(|Link { from, to, kind }| {
            format!("{} -> {} by {} {}", called(graph, from), called(graph, to), kind.domain, kind.path)
        })
        .collect()
}

fn unresolved_of(graph: &Graph) -> BTreeSet<String> {
    let told = |one: &Unresolved| format!("{} -> {} by {} {}", called(graph, one.from), one.id, one.domain, one.path);
    graph.unresolved().iter().map(told).collect()
}

#[test]
fn every_fixture_has_exactly_the_edges_that_it_says() {
    let catalogue = catalogue();
    for (name, case) in cases::<Case>("edges") {
        let graph = Graph::of(&catalogue, &case.state.archive(&catalogue)).unwrap();
        assert_eq!(edges_of(&graph), case.edges, "{name}");
        assert_eq!(unresolved_of(&graph), case.unresolved, "{name}");
        let mut seen_from_behind = BTreeSet::new();
        for node in graph.domains.iter().flat_map(|part| graph.nodes_of(&part.domain)) {
            for link in graph.used_by(node) {
                assert_eq!(link.to, node);
                seen_from_behind.insert((link.from, link.to, link.kind.path.clone()));
            }
        }
        assert_eq!(seen_from_behind.len(), case.edges.len(), "{name}");
    }
}

#[test]
fn every_edge_that_is_data_has_a_fixture() {
    let (catalogue, edges) = (catalogue(), Edges::built_in());
    let mut shown = BTreeSet::new();
    for (_, case) in cases::<Case>("edges") {
        let graph = Graph::of(&catalogue, &case.state.archive(&catalogue)).unwrap();
        for node in graph.domains.iter().flat_map(|part| graph.nodes_of(&part.domain)) {
            shown.extend(graph.uses(node).map(|link| (link.kind.domain.clone(), link.kind.path.clone())));
        }
    }
    for relation in &edges.relation {
        assert!(shown.contains(&(relation.domain.clone(), relation.to.clone())), "{}", relation.domain);
    }
    for edge in &edges.edge {
        assert!(shown.contains(&(edge.from.clone(), edge.path.to_string())), "{} {}", edge.from, edge.path);
    }
}

#[test]
fn the_edges_that_are_data_name_domains_and_paths_that_there_are() {
    let catalogue = catalogue();
    let edges = Edges::read(crate::catalogue::embedded_file("reach/edges.toml").unwrap()).unwrap();
    for relation in &edges.relation {
        let key = &catalogue.get(&relation.domain).unwrap().identity.key;
        let (from, to) = relation.ends();
        assert!(key.contains(&from) && key.contains(&to), "{}", relation.domain);
    }
    for (domain, other) in &edges.told_by {
        assert!(catalogue.get(domain).is_some() && catalogue.get(other).is_some(), "{domain}");
    }
    for edge in &edges.edge {
        assert!(catalogue.get(&edge.from).is_some(), "{}", edge.from);
        for target in &edge.to {
            assert!(catalogue.get(target).is_some(), "{target}");
        }
    }
    let mut kinds = Vec::new();
    for domain in catalogue.iter() {
        kinds::sayings_of(domain, &catalogue, &edges, &mut kinds);
    }
    for selector in edges.carries.iter().chain(&edges.stops) {
        let selects = |kind: &EdgeKind| selector.selects(&kind.domain, &kind.path, &kind.target);
        assert!(kinds.iter().any(selects), "{selector:?} selects nothing");
    }
}

#[test]
fn a_domain_that_is_not_complete_says_so() {
    let catalogue = catalogue();
    let flows: DomainId = "architect.flows".parse().unwrap();
    let of = |text: &str, domain: &str| {
        let state: State = serde_json::from_str(text).unwrap();
        let graph = Graph::of(&catalogue, &state.archive(&catalogue)).unwrap();
        graph.completeness(&domain.parse().unwrap())
    };
    assert_eq!(of("{}", "architect.flows"), Completeness::Complete);
    assert_eq!(of(r#"{"status": {"architect.flows": null}}"#, "architect.flows"), Completeness::NotCaptured);
    let forbidden = of(r#"{"status": {"architect.flows": "forbidden"}}"#, flows.as_str());
    assert_eq!(forbidden, Completeness::Partial(LedgerStatus::Forbidden));
    assert!(of(r#"{"status": {"architect.flows": "absent"}}"#, "architect.flows").is_known());
    // A published flow whose definition is that of an earlier version, one that has none yet, and one that is not published.
    let flow = |published: &str, configured: &str| {
        format!(
            r#"{{"state": {{"architect.flows": {{"f": {{"publishedVersion": {{"id": "{published}"}}}}, "g": {{}}}},
                "architect.flow-configuration": {{"f": {{"versionId": "{configured}"}}}}}}}}"#
        )
    };
    assert_eq!(of(&flow("2.0", "1.0"), "architect.flow-configuration"), Completeness::Behind(1));
    assert_eq!(of(&flow("2.0", "2.0"), "architect.flow-configuration"), Completeness::Complete);
    assert_eq!(of(&flow("2.0", "2.0"), "a.b"), Completeness::NotCaptured);
}

#[test]
fn what_is_part_of_an_entity_or_relates_it_is_found_as_that_entity() {
    let catalogue = catalogue();
    let state: State = serde_json::from_str(
        r#"{"state": {"architect.flows": {"f": {"name": "Main"}}, "architect.flow-configuration": {"f": {}},
            "routing.queues": {"q": {"name": "Sales"}}, "users.users": {"u": {"name": "Ann"}},
            "routing.queue-members": {"q:u": {"joined": true}}}}"#,
    )
    .unwrap();
    let graph = Graph::of(&catalogue, &state.archive(&catalogue)).unwrap();
    let node = |domain: &str, key: &str| graph.node(&domain.parse().unwrap(), &EntityKey::new(key));
    let told = |domain: &str, key: &str| node(domain, key).map(|node| called(&graph, node));
    assert_eq!(told("architect.flow-configuration", "f").as_deref(), Some("architect.flows/Main"));
    assert_eq!(told("routing.queue-members", "q:u").as_deref(), Some("routing.queues/Sales"));
    assert_eq!(told("architect.flows", "g"), None);
    assert_eq!((graph.len(), graph.edge_count()), (3, 1));
}
