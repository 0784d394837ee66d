//! How far a change of an entity reaches: who depends on it, and who is at the end of interactions that go through it.
//!
//! Up, a change passes from what is referred to to who refers to it, but not along edges of which [`Edges`](super::Edges) says that it stops there.
//! Down, it goes along edges that an interaction goes on along: from a flow to the queues that it leads to and the agents in
//! them. The two are not mixed: who shares no more than a neighbour with the entity is not reached.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::graph::{Graph, Node};
use super::walk::{Direction, passes_up, walk};
use crate::catalogue::embedded_file;
use crate::model::{DomainId, EntityKey};

/// The file of words, below `schemas/`.
const WORDS_FILE: &str = "reach/words.toml";

/// What a change of an entity reaches, without the entity itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// How many entities of each domain depend on it.
    pub up: BTreeMap<DomainId, u64>,
    /// How many entities of each domain interactions go on to that come through it, without those that depend on it.
    pub down: BTreeMap<DomainId, u64>,
    /// Whether that is all: nothing that could have told more is missing on record.
    pub is_whole: bool,
}

/// What is counted where a reach is told, and what it is called.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReachWords {
    word: Vec<Word>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    domain: DomainId,
    #[serde(flatten)]
    called: Called,
    /// What it is called where interactions go on to it.
    downstream: Option<Called>,
}

#[derive(Debug, Deserialize)]
struct Called {
    one: String,
    many: String,
}

impl Reach {
    /// What a change of an entity reaches; none where the state does not have it.
    ///
    /// A change of what only relates two entities reaches the one that is used, and whoever depends on the one that uses.
    #[must_use]
    pub fn of(graph: &Graph, domain: &DomainId, key: &EntityKey) -> Option<Self> {
        let mut found = Found::default();
        match graph.ends(domain, key) {
            Some((None, None)) => return None,
            Some((from, to)) => {
                if let Some(from) = from {
                    found.up(graph, from);
                    found.up.insert(from);
                }
                found.down.extend(to);
            }
            None => {
                let node = graph.node(domain, key)?;
                found.up(graph, node);
                found.down(graph, node);
            }
        }
        Some(found.counted(graph))
    }

    /// How many entities of each domain it reaches, whichever way.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<DomainId, u64> {
        let mut counts = self.up.clone();
        for (domain, count) in &self.down {
            *counts.entry(domain.clone()).or_default() += count;
        }
        counts
    }

    /// As a person is told it, such as `reaches 3 DIDs, 14 flows, 212 agents`; none where it reaches nothing that there is a word
    /// for.
    #[must_use]
    pub fn in_words(&self, words: &ReachWords) -> Option<String> {
        let mut told = Vec::new();
        for word in &words.word {
            let up = self.up.get(&word.domain).copied().unwrap_or_default();
            let down = self.down.get(&word.domain).copied().unwrap_or_default();
            match &word.downstream {
                Some(downstream) => told.extend([word.called.count(up), downstream.count(down)]),
                None => told.push(word.called.count(up + down)),
            }
        }
        let told: Vec<String> = told.into_iter().flatten().collect();
        let at_least = if self.is_whole { "" } else { "at least " };
        (!told.is_empty()).then(|| format!("reaches {at_least}{}", told.join(", ")))
    }
}

impl ReachWords {
    /// The words compiled into the binary, which can be read: a test does.
    #[must_use]
    pub fn built_in() -> Self {
        embedded_file(WORDS_FILE).and_then(|text| toml::from_str(text).ok()).unwrap_or_default()
    }

    /// The domains that are counted, in the order in which they are told.
    pub fn domains(&self) -> impl Iterator<Item = &DomainId> {
        self.word.iter().map(|word| &word.domain)
    }
}

impl Called {
    fn count(&self, count: u64) -> Option<String> {
        match count {
            0 => None,
            1 => Some(format!("1 {}", self.one)),
            count => Some(format!("{count} {}", self.many)),
        }
    }
}

/// What was found on the way.
#[derive(Default)]
struct Found {
    start: BTreeSet<Node>,
    up: BTreeSet<Node>,
    down: BTreeSet<Node>,
}

impl Found {
    fn up(&mut self, graph: &Graph, node: Node) {
        self.start.insert(node);
        self.up.extend(walk(graph, node, Direction::Up, None, passes_up).iter().map(|visit| visit.node));
    }

    fn down(&mut self, graph: &Graph, node: Node) {
        self.start.insert(node);
        let visits = walk(graph, node, Direction::Down, None, |link, _| link.kind.carries);
        self.down.extend(visits.iter().map(|visit| visit.node));
    }

    fn counted(self, graph: &Graph) -> Reach {
        let Self { start, up, down } = self;
        let domains_of = |nodes: &BTreeSet<Node>| -> BTreeSet<DomainId> {
            nodes.iter().chain(&start).map(|node| graph.domain(*node).clone()).collect()
        };
        let (above, below) = (domains_of(&up), domains_of(&down));
        // An edge is said by one side or, where it is reversed, by the other: both have to be known.
        let is_whole = graph.kinds().iter().all(|kind| {
            let is_asked = |domains: &BTreeSet<DomainId>, end: &DomainId| domains.contains(graph.carrier(end));
            let (user, target) =
                if kind.is_reversed { (&kind.target, &kind.domain) } else { (&kind.domain, &kind.target) };
            let matters = (kind.passes && is_asked(&above, target)) || (kind.carries && is_asked(&below, user));
            !matters || graph.completeness(&kind.domain).is_known()
        });
        let counted = |nodes: &mut dyn Iterator<Item = &Node>| {
            let mut counts = BTreeMap::new();
            for node in nodes {
                *counts.entry(graph.domain(*node).clone()).or_default() += 1;
            }
            counts
        };
        Reach { up: counted(&mut up.iter()), down: counted(&mut down.difference(&up)), is_whole }
    }
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
        /// What is told of entities, as `domain/key`.
        reaches: BTreeMap<String, Option<String>>,
    }

    #[test]
    fn every_fixture_reaches_what_it_says() {
        let (catalogue, words) = (Catalogue::built_in().unwrap(), ReachWords::built_in());
        for (name, case) in cases::<Case>("reach") {
            let graph = Graph::of(&catalogue, &case.state.archive(&catalogue)).unwrap();
            for (entity, told) in &case.reaches {
                let (domain, key) = entity.split_once('/').unwrap();
                let reach = Reach::of(&graph, &domain.parse().unwrap(), &EntityKey::new(key)).unwrap();
                assert_eq!(reach.in_words(&words), *told, "{name}: {entity}");
            }
        }
    }

    #[test]
    fn what_is_not_there_reaches_nothing() {
        let catalogue = Catalogue::built_in().unwrap();
        let graph = Graph::of(&catalogue, &State::default().archive(&catalogue)).unwrap();
        for (domain, key) in [("architect.flows", "f"), ("routing.queue-members", "q:u")] {
            assert_eq!(Reach::of(&graph, &domain.parse().unwrap(), &EntityKey::new(key)), None);
        }
    }

    #[test]
    fn the_words_are_of_domains_that_there_are() {
        let catalogue = Catalogue::built_in().unwrap();
        let words: ReachWords = toml::from_str(embedded_file(WORDS_FILE).unwrap()).unwrap();
        assert!(words.domains().all(|domain| catalogue.get(domain).is_some()));
        assert!(words.domains().count() > 8);
    }
}
