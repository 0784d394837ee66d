//! What depends on an entity, and what it depends on, step by step.

use std::collections::BTreeMap;

use super::edges::Edges;
use super::graph::{Bond, Completeness, EdgeKind, Graph, Link, Node};
use super::reach::Reach;
use super::walk::{Direction, Visit, passes_up, walk};
use crate::model::{DomainId, EntityKey};

/// What depends on an entity, and what it depends on.
#[derive(Clone, Debug)]
pub struct Impact {
    /// The entity.
    pub start: Entity,
    /// What depends on it, the near before the far; absent where it was not asked for.
    pub up: Option<Vec<Step>>,
    /// What it depends on, likewise.
    pub down: Option<Vec<Step>>,
    /// How far a change of it reaches.
    pub reach: Reach,
    /// The edges between everything that was found, by their places: 0 is the entity, then what depends on it, then what it
    /// depends on.
    pub edges: Vec<Edge>,
    /// The domains that are not known whole and could say more.
    pub missing: BTreeMap<DomainId, Completeness>,
}

/// An entity as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Its domain.
    pub domain: DomainId,
    /// Its key.
    pub key: EntityKey,
    /// What it is called; absent where it has no name.
    pub name: Option<String>,
}

/// An entity that was found on the way.
#[derive(Clone, Debug)]
pub struct Step {
    /// The entity.
    pub entity: Entity,
    /// How many edges it is away.
    pub depth: usize,
    /// The place in the same list of the one that it was found from; absent where that is where the way began.
    pub before: Option<usize>,
    /// What leads there.
    pub via: Via,
}

/// What an edge is made of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Via {
    /// The domain that says it.
    pub domain: DomainId,
    /// Where it says it, as declared.
    pub path: String,
    /// What makes it.
    pub bond: Bond,
}

/// An edge between two places.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Who refers.
    pub from: usize,
    /// What is referred to.
    pub to: usize,
    /// What makes it.
    pub via: Via,
}

/// What of an impact is asked for.
#[derive(Clone, Copy, Debug)]
pub struct ImpactOptions {
    /// Whether to look for what depends on the entity.
    pub up: bool,
    /// Whether to look for what it depends on.
    pub down: bool,
    /// How many edges to go at most.
    pub depth: Option<usize>,
}

impl Impact {
    /// Looks for what depends on an entity and what it depends on; none where the state does not have it.
    ///
    /// From the entity itself every edge is followed, further on only those that pass a change on or carry an interaction, and
    /// downwards none from where a way ends.
    #[must_use]
    pub fn of(graph: &Graph, domain: &DomainId, key: &EntityKey, options: ImpactOptions) -> Option<Self> {
        let start = graph.node(domain, key)?;
        let reach = Reach::of(graph, domain, key)?;
        let edges = Edges::built_in();
        let rises = |link: &Link<'_>, before: Option<&EdgeKind>| before.is_none() || passes_up(link, before);
        let falls = |link: &Link<'_>, before: Option<&EdgeKind>| {
            let goes_on = link.kind.passes || link.kind.carries;
            before.is_none() || (goes_on && !edges.ends.contains(graph.domain(link.from)))
        };
        let up = options.up.then(|| walk(graph, start, Direction::Up, options.depth, rises));
        let down = options.down.then(|| walk(graph, start, Direction::Down, options.depth, falls));
        let mut places: BTreeMap<Node, usize> = BTreeMap::from([(start, 0)]);
        for visit in up.iter().chain(&down).flatten() {
            let next = places.len();
            places.entry(visit.node).or_insert(next);
        }
        let mut found = Vec::new();
        for (node, from) in &places {
            for link in graph.uses(*node) {
                let is_meant = link.kind.passes || link.kind.carries || link.from == start || link.to == start;
                if let Some(to) = places.get(&link.to).filter(|_| is_meant) {
                    found.push(Edge { from: *from, to: *to, via: Via::of(link.kind) });
                }
            }
        }
        found.sort();
        let missing = missing(graph, places.keys().copied(), options);
        Some(Self {
            start: entity(graph, start),
            up: up.map(|visits| steps(graph, start, &visits)),
            down: down.map(|visits| steps(graph, start, &visits)),
            reach,
            edges: found,
            missing,
        })
    }

    /// Everything that was found, by place, each once.
    #[must_use]
    pub fn entities(&self) -> Vec<&Entity> {
        let mut entities = vec![&self.start];
        let mut seen = std::collections::BTreeSet::from([(&self.start.domain, &self.start.key)]);
        for step in self.up.iter().chain(&self.down).flatten() {
            if seen.insert((&step.entity.domain, &step.entity.key)) {
                entities.push(&step.entity);
            }
        }
        entities
    }
}

impl Via {
    fn of(kind: &EdgeKind) -> Self {
        Self { domain: kind.domain.clone(), path: kind.path.clone(), bond: kind.bond }
    }
}

fn entity(graph: &Graph, node: Node) -> Entity {
    Entity {
        domain: graph.domain(node).clone(),
        key: graph.key(node).clone(),
        name: graph.name(node).map(ToOwned::to_owned),
    }
}

fn steps(graph: &Graph, start: Node, visits: &[Visit<'_>]) -> Vec<Step> {
    let places: BTreeMap<Node, usize> = visits.iter().enumerate().map(|(place, visit)| (visit.node, place)).collect();
    let step = |visit: &Visit<'_>| Step {
        entity: entity(graph, visit.node),
        depth: visit.depth,
        before: (visit.before != start).then(|| places.get(&visit.before).copied()).flatten(),
        via: Via::of(visit.kind),
    };
    visits.iter().map(step).collect()
}

/// The domains that say something of entities like those that were found, and are not known whole.
fn missing(
    graph: &Graph,
    nodes: impl Iterator<Item = Node>,
    options: ImpactOptions,
) -> BTreeMap<DomainId, Completeness> {
    let domains: std::collections::BTreeSet<&DomainId> = nodes.map(|node| graph.domain(node)).collect();
    let says = |kind: &&EdgeKind| {
        let passes = kind.passes || kind.carries;
        let up = options.up && domains.iter().any(|domain| graph.is_used_by(kind, domain));
        let down = options.down && domains.iter().any(|domain| graph.uses_by(kind, domain));
        passes && (up || down)
    };
    let kinds = graph.kinds().iter().filter(says);
    kinds
        .map(|kind| (kind.domain.clone(), graph.completeness(&kind.domain)))
        .filter(|(_, completeness)| !completeness.is_known())
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde::Deserialize;

    use super::super::testing::{State, cases};
    use super::*;
    use crate::catalogue::Catalogue;

    #[derive(Deserialize)]
    struct Case {
        #[serde(flatten)]
        state: State,
        /// The entity, as `domain/key`.
        of: String,
        depth: Option<usize>,
        /// Each as `depth domain/name by domain path`, in order.
        up: Vec<String>,
        down: Vec<String>,
        edges: usize,
        missing: Vec<String>,
    }

    fn told(steps: Option<&[Step]>) -> Vec<String> {
        let told = |step: &Step| {
            let Step { entity, depth, via, .. } = step;
            let name = entity.name.as_deref().unwrap_or(entity.key.as_str());
            format!("{depth} {}/{name} by {} {}", entity.domain, via.domain, via.path)
        };
        steps.unwrap().iter().map(told).collect()
    }

    #[test]
    fn every_fixture_depends_on_what_it_says() {
        let catalogue = Catalogue::built_in().unwrap();
        let mut wrong = Vec::new();
        for (name, case) in cases::<Case>("impact") {
            let graph = Graph::of(&catalogue, &case.state.archive(&catalogue)).unwrap();
            let (domain, key) = case.of.split_once('/').unwrap();
            let options = ImpactOptions { up: true, down: true, depth: case.depth };
            let impact = Impact::of(&graph, &domain.parse().unwrap(), &EntityKey::new(key), options).unwrap();
            let missing: Vec<String> = impact.missing.keys().map(ToString::to_string).collect();
            let found = (told(impact.up.as_deref()), told(impact.down.as_deref()), impact.edges.len(), missing);
            let wanted = (case.up, case.down, case.edges, case.missing);
            if found != wanted {
                wrong.push(format!("{name}: {found:#?}"));
            }
            let entities = impact.entities();
            for edge in &impact.edges {
                assert!(edge.from < entities.len() && edge.to < entities.len(), "{name}");
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
