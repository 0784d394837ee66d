//! Which entity refers to which: the whole state of an organisation as nodes and edges.
//!
//! A node is an entity. What there is once per entity of another domain, such as the definition of a flow, is part of that
//! entity, and what only relates two entities, such as the membership of an agent in a queue, is an edge between the two. Nodes
//! and edges are numbers into sorted tables, so that a state of some hundred thousand entities takes some ten megabytes, and two
//! builds of one state are equal.
//!
//! An edge leads from who refers to what is referred to. A reference whose target is not there is kept apart.

mod build;
mod kinds;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;

use std::collections::BTreeMap;

use super::edges::Edges;
use crate::catalogue::Catalogue;
use crate::model::{DomainId, EntityKey};
use crate::record::{Archive, ArchiveError, LedgerEntry, LedgerStatus, Tree};

/// An entity of a [`Graph`]; nodes sort by domain, then by key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node(u32);

/// What makes an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bond {
    /// A declared reference.
    Reference,
    /// The entity is listed under the other one.
    Parent,
    /// A third entity says that the two belong together.
    Relation,
    /// A reference that no domain file declares, by [`Edges`].
    Found,
}

impl Bond {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Parent => "parent",
            Self::Relation => "relation",
            Self::Found => "found",
        }
    }
}

/// What all edges of one path have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeKind {
    /// The domain whose entities say it.
    pub domain: DomainId,
    /// Where they say it.
    pub path: String,
    /// The domain of what it leads to, or with `is_reversed` comes from.
    pub target: DomainId,
    /// What makes it.
    pub bond: Bond,
    /// Whether who is referred to is who uses.
    pub is_reversed: bool,
    /// Whether a change of what is referred to reaches who refers to it.
    pub passes: bool,
    /// Whether an interaction goes on along it.
    pub carries: bool,
}

/// An edge as it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Link<'g> {
    /// Who refers.
    pub from: Node,
    /// What is referred to.
    pub to: Node,
    /// What kind of edge it is.
    pub kind: &'g EdgeKind,
}

/// A reference to something that is in none of the domains that it may belong to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unresolved {
    /// Who refers.
    pub from: Node,
    /// The domain that says it: that of the node, or one that is part of it.
    pub domain: DomainId,
    /// The path of the reference, as declared.
    pub path: String,
    /// The domains that the target may belong to.
    pub targets: Vec<DomainId>,
    /// What it says.
    pub id: Box<str>,
    /// Whether what is not there is who uses the entity, as a grant to somebody who is in no domain says of its role.
    pub is_user: bool,
}

/// How much may be concluded from what is not there in a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// All of it is on record.
    Complete,
    /// The organisation does not have it, so there is nothing in it.
    Absent,
    /// It is not on record.
    NotCaptured,
    /// Its first capture has not come to its end.
    UnderWay,
    /// It is on record as far as it was seen, and that is not all.
    Partial(LedgerStatus),
    /// It holds what belongs to entities of another domain, and of so many the newest is not on record.
    Behind(usize),
}

impl Completeness {
    /// What the ledger says of a domain.
    #[must_use]
    pub fn of_entry(entry: Option<&LedgerEntry>) -> Self {
        match entry {
            None => Self::NotCaptured,
            Some(entry) if entry.baseline_under_way => Self::UnderWay,
            Some(entry) => match entry.status {
                LedgerStatus::Complete => Self::Complete,
                LedgerStatus::Absent => Self::Absent,
                LedgerStatus::Skipped if entry.digest.is_none() => Self::NotCaptured,
                status => Self::Partial(status),
            },
        }
    }

    /// Whether something that is not there is known not to be there.
    #[must_use]
    pub fn is_known(self) -> bool {
        matches!(self, Self::Complete | Self::Absent)
    }

    /// What is said of it.
    #[must_use]
    pub fn in_words(self) -> String {
        match self {
            Self::Complete => "complete".to_owned(),
            Self::Absent => "the organisation does not have it".to_owned(),
            Self::NotCaptured => "not captured".to_owned(),
            Self::UnderWay => "its first capture is under way".to_owned(),
            Self::Partial(status) => status.as_str().to_owned(),
            Self::Behind(1) => "the newest of 1 entity is not on record".to_owned(),
            Self::Behind(count) => format!("the newest of {count} entities is not on record"),
        }
    }
}

/// The whole state of an organisation as nodes and edges.
#[derive(Debug)]
pub struct Graph {
    domains: Vec<Part>,
    /// In order.
    keys: Vec<EntityKey>,
    names: Vec<Option<Box<str>>>,
    kinds: Vec<EdgeKind>,
    /// In order of who refers, kind, what is referred to.
    edges: Vec<Edge>,
    /// The edges in order of what is referred to.
    incoming: Vec<u32>,
    unresolved: Vec<Unresolved>,
    completeness: BTreeMap<DomainId, Completeness>,
}

/// What there is of a domain.
#[derive(Debug)]
struct Part {
    domain: DomainId,
    form: Form,
    /// Its nodes.
    start: u32,
    end: u32,
    /// Where a key has several parts and one of them is the entity's own: that part, with the node, in order.
    own_parts: Vec<(Box<str>, Node)>,
}

/// What the entities of a domain are in the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// Nodes.
    Nodes,
    /// Part of the entity of another domain that has the same key.
    PartOf(DomainId),
    /// Edges between two others.
    Relation(Ends),
    /// What another domain tells better.
    Left,
}

/// The two that an entity relates: the part of its key that names who uses, the one that names what is used, and the domains that
/// each may belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ends {
    from: (usize, Vec<DomainId>),
    to: (usize, Vec<DomainId>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    from: Node,
    kind: u32,
    to: Node,
}

impl Graph {
    /// The graph of a recorded state.
    ///
    /// # Errors
    /// [`ArchiveError`] where a domain of it cannot be read.
    pub fn of<T: Tree>(catalogue: &Catalogue, archive: &Archive<T>) -> Result<Self, ArchiveError> {
        build::build(catalogue, archive, &Edges::built_in())
    }

    /// The entity of a key; what is part of another entity is found as that one, what relates two as the one that uses.
    #[must_use]
    pub fn node(&self, domain: &DomainId, key: &EntityKey) -> Option<Node> {
        let part = self.part(domain)?;
        match &part.form {
            Form::Nodes => {
                let keys = self.keys.get(part.start as usize..part.end as usize)?;
                let at = keys.binary_search(key).ok()?;
                Some(Node(part.start + u32::try_from(at).ok()?))
            }
            Form::PartOf(parent) => self.node(parent, key),
            Form::Relation(ends) => self.end(&ends.from, key),
            Form::Left => None,
        }
    }

    /// The two that an entity relates, as far as they are there: who uses and what is used. None where it is no relation.
    #[must_use]
    pub fn ends(&self, domain: &DomainId, key: &EntityKey) -> Option<(Option<Node>, Option<Node>)> {
        match &self.part(domain)?.form {
            Form::Relation(ends) => Some((self.end(&ends.from, key), self.end(&ends.to, key))),
            _ => None,
        }
    }

    fn end(&self, (position, targets): &(usize, Vec<DomainId>), key: &EntityKey) -> Option<Node> {
        let id = key.parts().nth(*position)?;
        self.resolve(targets, &id).first().copied()
    }

    /// Every entity of some domains that an id may mean, in order: none, one, or several where the id is only unique among what
    /// is listed under one parent.
    #[must_use]
    pub fn resolve<'t>(&self, targets: impl IntoIterator<Item = &'t DomainId>, id: &str) -> Vec<Node> {
        let key = EntityKey::new(id);
        let mut found = Vec::new();
        for target in targets {
            found.extend(self.node(target, &key));
            let Some(part) = self.part(target) else { continue };
            let start = part.own_parts.partition_point(|(own, _)| **own < *id);
            let same = part.own_parts[start..].iter().take_while(|(own, _)| **own == *id);
            found.extend(same.map(|(_, node)| *node));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The domain of an entity.
    #[must_use]
    pub fn domain(&self, node: Node) -> &DomainId {
        let at = self.domains.partition_point(|part| part.end <= node.0);
        &self.domains[at].domain
    }

    /// The key of an entity.
    #[must_use]
    pub fn key(&self, node: Node) -> &EntityKey {
        &self.keys[node.0 as usize]
    }

    /// What an entity is called; absent where it has no name.
    #[must_use]
    pub fn name(&self, node: Node) -> Option<&str> {
        self.names[node.0 as usize].as_deref()
    }

    /// The entities of a domain, in order of key.
    pub fn nodes_of(&self, domain: &DomainId) -> impl Iterator<Item = Node> + use<> {
        let (start, end) = self.part(domain).map_or((0, 0), |part| (part.start, part.end));
        (start..end).map(Node)
    }

    /// How many entities there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no entity.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many edges there are.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// What an entity refers to, in order of kind and target.
    pub fn uses(&self, node: Node) -> impl Iterator<Item = Link<'_>> {
        let start = self.edges.partition_point(|edge| edge.from < node);
        self.edges[start..].iter().take_while(move |edge| edge.from == node).map(|edge| self.link(*edge))
    }

    /// What refers to an entity, in order of who refers and of kind.
    pub fn used_by(&self, node: Node) -> impl Iterator<Item = Link<'_>> {
        let target = |index: &u32| self.edges[*index as usize].to;
        let start = self.incoming.partition_point(|index| target(index) < node);
        let here = self.incoming[start..].iter().take_while(move |index| target(index) == node);
        here.map(|index| self.link(self.edges[*index as usize]))
    }

    /// Every kind of edge there can be between the domains, whether or not there is one.
    #[must_use]
    pub fn kinds(&self) -> &[EdgeKind] {
        &self.kinds
    }

    /// Whether edges of a kind can lead to an entity of a domain.
    #[must_use]
    pub fn is_used_by(&self, kind: &EdgeKind, domain: &DomainId) -> bool {
        self.carrier(if kind.is_reversed { &kind.domain } else { &kind.target }) == domain
    }

    /// Whether edges of a kind can come from an entity of a domain.
    #[must_use]
    pub fn uses_by(&self, kind: &EdgeKind, domain: &DomainId) -> bool {
        self.carrier(if kind.is_reversed { &kind.target } else { &kind.domain }) == domain
    }

    /// The declared references whose targets are not there, in order of who refers.
    #[must_use]
    pub fn unresolved(&self) -> &[Unresolved] {
        &self.unresolved
    }

    /// How much may be concluded from what is not there in a domain.
    #[must_use]
    pub fn completeness(&self, domain: &DomainId) -> Completeness {
        self.completeness.get(domain).copied().unwrap_or(Completeness::NotCaptured)
    }

    /// The domain whose nodes the entities of a domain are part of: itself, where they are nodes of their own.
    #[must_use]
    pub fn carrier<'g>(&'g self, domain: &'g DomainId) -> &'g DomainId {
        match self.part(domain).map(|part| &part.form) {
            Some(Form::PartOf(parent)) => self.carrier(parent),
            _ => domain,
        }
    }

    fn part(&self, domain: &DomainId) -> Option<&Part> {
        let at = self.domains.binary_search_by(|part| part.domain.cmp(domain)).ok()?;
        Some(&self.domains[at])
    }

    fn link(&self, edge: Edge) -> Link<'_> {
        Link { from: edge.from, to: edge.to, kind: &self.kinds[edge.kind as usize] }
    }
}
