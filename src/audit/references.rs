//! References that lead nowhere, and those that lead to another organisation.

use std::collections::BTreeMap;

use super::edges::Edges;
use super::graph::{Completeness, Graph, Node, Unresolved};
use super::orphans::{LastChange, fingerprint};
use crate::canonical::value_of;
use crate::catalogue::Catalogue;
use crate::model::{DomainId, EntityKey, EntitySource, Evidence, Finding, Severity, Subject, Value};

/// The rule of a reference whose target is not there.
pub const DANGLING: &str = "dangling-reference";

/// The rule of a reference to something of another organisation.
pub const FOREIGN: &str = "foreign-reference";

/// The references that lead nowhere or to another organisation, and those of which it cannot be told.
#[derive(Debug, Default)]
pub struct BrokenReferences {
    /// Their targets are not there, and would be if they existed.
    pub dangling: Vec<Unresolved>,
    /// They name another organisation.
    pub foreign: Vec<Foreign>,
    /// Their targets are not there and may exist all the same: a domain is not known whole or was captured earlier, or the target may
    /// be of an organisation that is trusted here.
    pub unknown: Vec<Unresolved>,
}

/// A place that names another organisation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Foreign {
    /// The entity that it is in.
    pub node: Node,
    /// Where it is, as declared.
    pub path: String,
    /// The id of the organisation.
    pub organisation: String,
    /// What it is called, where it is one that trusts or is trusted.
    pub name: Option<String>,
}

/// Looks for references that lead nowhere or to another organisation; `org` is the id of the one at hand.
#[must_use]
pub fn broken_references(
    graph: &Graph,
    catalogue: &Catalogue,
    org: &str,
    entities: &dyn EntitySource,
) -> BrokenReferences {
    let edges = Edges::built_in();
    let others: BTreeMap<&str, Node> = edges
        .organisations
        .iter()
        .flat_map(|domain| graph.nodes_of(domain))
        .map(|node| (graph.key(node).as_str(), node))
        .collect();
    let name_of = |id: &str| others.get(id).and_then(|node| graph.name(*node)).map(ToOwned::to_owned);
    let mut found = BrokenReferences::default();
    for unresolved in graph.unresolved() {
        let is_stranger = |target: &DomainId| edges.may_be_a_stranger(&unresolved.domain, &unresolved.path, target);
        // What is captured less often than its target may only be older.
        let tier = |domain: &DomainId| catalogue.get(domain).map(|domain| domain.tier);
        let is_of_a_version = catalogue.get(&unresolved.domain).is_some_and(|domain| !domain.source.stamp.is_empty());
        let is_older = |target: &DomainId| !is_of_a_version && tier(&unresolved.domain) > tier(target);
        let is_whole = |domain: &DomainId| graph.completeness(domain) == Completeness::Complete;
        if others.contains_key(&*unresolved.id) {
            found.foreign.push(Foreign {
                node: unresolved.from,
                path: unresolved.path.clone(),
                organisation: unresolved.id.to_string(),
                name: name_of(&unresolved.id),
            });
        } else if unresolved.targets.iter().all(is_whole)
            && is_whole(&unresolved.domain)
            && !unresolved.targets.iter().any(is_older)
            && (others.is_empty() || !unresolved.targets.iter().any(is_stranger))
        {
            found.dangling.push(unresolved.clone());
        } else {
            found.unknown.push(unresolved.clone());
        }
    }
    for named in &edges.names_organisation {
        for node in graph.nodes_of(&named.domain) {
            let Some(text) = entities.entity(&named.domain, graph.key(node)) else { continue };
            for id in named.path.find_all(&value_of(&text)).into_iter().filter_map(Value::as_str) {
                if id != org && !id.is_empty() {
                    found.foreign.push(Foreign {
                        node,
                        path: named.path.to_string(),
                        organisation: id.to_owned(),
                        name: name_of(id),
                    });
                }
            }
        }
    }
    found.foreign.sort();
    found
}

impl BrokenReferences {
    /// What a person should look at. `gone` tells when a target was last there, for those that ever were.
    #[must_use]
    pub fn findings(&self, graph: &Graph, gone: &BTreeMap<(DomainId, EntityKey), LastChange>) -> Vec<Finding> {
        let dangling = self.dangling.iter().map(|one| dangling(graph, one, gone));
        dangling.chain(self.foreign.iter().map(|one| foreign(graph, one))).collect()
    }
}

fn dangling(graph: &Graph, one: &Unresolved, gone: &BTreeMap<(DomainId, EntityKey), LastChange>) -> Finding {
    let targets: Vec<&str> = one.targets.iter().map(DomainId::as_str).collect();
    let key = EntityKey::new(&one.id);
    let last = one.targets.iter().find_map(|target| gone.get(&(target.clone(), key.clone())));
    let was = match last {
        Some(last) => format!("it was there until {}", last.at),
        None => "it was never on record in this trail".to_owned(),
    };
    let carries = graph.kinds().iter().any(|kind| {
        kind.carries && kind.domain == one.domain && kind.path == one.path && one.targets.contains(&kind.target)
    });
    let mut finding = finding(
        graph,
        one.from,
        DANGLING,
        // Where an interaction would go on, it ends.
        if carries { Severity::High } else { Severity::Medium },
        &one.path,
        &one.id,
    );
    finding.message = format!("{} of {} points to something that is not there", one.path, called(graph, one.from));
    finding.remedy = String::from("Choose something else there, or take the reference out.");
    finding.evidence = vec![
        Evidence::new("points to", one.id.to_string()),
        Evidence::new("looked in", targets.join(", ")),
        Evidence::new("history", was),
    ];
    if one.domain != *graph.domain(one.from) {
        finding.evidence.push(Evidence::new("said by", one.domain.to_string()));
    }
    finding.actors = last.map(|last| last.actors.clone()).unwrap_or_default();
    finding
}

fn foreign(graph: &Graph, one: &Foreign) -> Finding {
    let mut finding = finding(graph, one.node, FOREIGN, Severity::Medium, &one.path, &one.organisation);
    let whose = one.name.as_deref().unwrap_or(&one.organisation);
    finding.message = format!("{} of {} belongs to another organisation: {whose}", one.path, called(graph, one.node));
    finding.remedy = String::from("Check with whoever answers for the other organisation that it is meant to be so.");
    finding.evidence = vec![Evidence::new("organisation", one.organisation.clone())];
    finding
}

fn called(graph: &Graph, node: Node) -> String {
    format!("{} {}", graph.domain(node), super::orphans::called(graph, node))
}

fn finding(graph: &Graph, node: Node, rule: &str, severity: Severity, path: &str, id: &str) -> Finding {
    let (domain, key) = (graph.domain(node).clone(), graph.key(node).clone());
    Finding {
        rule: rule.to_owned(),
        severity,
        message: String::new(),
        remedy: String::new(),
        evidence: Vec::new(),
        actors: Vec::new(),
        place: None,
        fingerprint: fingerprint(&[rule, domain.as_str(), key.as_str(), path, id]),
        subject: Subject::Entity { domain, key, name: graph.name(node).map(ToOwned::to_owned), path: None },
        acknowledged: None,
    }
}
