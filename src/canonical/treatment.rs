//! What a domain's two files ask for, place by place, compiled for one walk over an entity.
//!
//! The paths of the domain file and the shape of its schema are merged into one graph, so that a walk looks up each member
//! once. The graph is finite although shapes are circular: below the last path of the domain file a node stands for a place of
//! the shape alone and is shared.

use std::collections::{BTreeMap, HashMap};

use super::scan::Scan;
use crate::catalogue::{Domain, FieldPath, Segment, SetKey, Shape, ShapeId, Types};
use crate::model::{utf16_order, wildcard};

/// The index of a node in a [`Treatment`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(usize);

/// What is done at one place.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is asked for by itself")]
pub(super) struct Node {
    /// The field is not content.
    pub(super) dropped: bool,
    /// Every leaf here is a secret.
    pub(super) secret: bool,
    /// The array is a set with this identity.
    pub(super) set: Option<SetKey>,
    /// The object refers to another entity; these members stay besides its id.
    pub(super) reference: Option<Vec<String>>,
    /// The kinds of value that the schema expects.
    pub(super) types: Types,
    /// The schema names the members, so another one is new.
    pub(super) closed: bool,
    /// There may be two members of which one names the other.
    pub(super) may_pair: bool,
    members: Vec<Member>,
    patterns: Vec<(String, NodeId)>,
    rest: Option<NodeId>,
}

/// A member that the schema or the domain file names.
#[derive(Clone, Debug)]
struct Member {
    name: Box<str>,
    node: NodeId,
    is_described: bool,
}

/// What is known of a member by its name.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// Its node.
    pub(super) node: Option<NodeId>,
    /// Whether the schema or the domain file names it.
    pub(super) is_named: bool,
    /// Whether the schema names it.
    pub(super) is_described: bool,
}

/// The compiled treatment of a domain.
#[derive(Debug)]
pub(super) struct Treatment {
    nodes: Vec<Node>,
}

impl Treatment {
    pub(super) const ROOT: NodeId = NodeId(0);

    pub(super) fn compile(domain: &Domain, scan: &Scan) -> Self {
        let mut trie = Trie::default();
        let treat = &domain.treat;
        for path in [&treat.volatile, &treat.state, &treat.metadata, &treat.copied].into_iter().flatten() {
            trie.at(path).dropped = true;
        }
        for path in &treat.secret {
            trie.at(path).secret = true;
        }
        for (path, key) in &treat.sets {
            trie.at(path).set = Some(key.clone());
        }
        for reference in &domain.references {
            trie.at(&reference.path).reference = Some(reference.keep.clone());
        }
        let mut compiler = Compiler { shape: &domain.shape, scan, nodes: Vec::new(), shared: HashMap::new() };
        compiler.node(Some(&trie), Some(domain.shape.entity()));
        Self { nodes: compiler.nodes }
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }
}

impl Node {
    /// What is known of a member.
    pub(super) fn member(&self, name: &str) -> Known {
        if let Ok(index) = self.members.binary_search_by(|member| utf16_order(&member.name, name)) {
            let Member { node, is_described, .. } = self.members[index];
            return Known { node: Some(node), is_named: true, is_described };
        }
        let pattern = self.patterns.iter().find(|(pattern, _)| wildcard(pattern, name));
        Known { node: pattern.map(|(_, id)| *id).or(self.rest), is_named: false, is_described: false }
    }

    /// The node of the items of an array.
    pub(super) fn item(&self) -> Option<NodeId> {
        self.rest
    }

    /// Whether the schema names this member itself.
    pub(super) fn names(&self, name: &str) -> bool {
        self.members.binary_search_by(|member| utf16_order(&member.name, name)).is_ok()
    }
}

/// The paths of a domain file as a tree.
#[derive(Default)]
struct Trie {
    dropped: bool,
    secret: bool,
    set: Option<SetKey>,
    reference: Option<Vec<String>>,
    below: BTreeMap<Segment, Trie>,
}

impl Trie {
    fn at(&mut self, path: &FieldPath) -> &mut Self {
        path.segments().iter().fold(self, |trie, segment| trie.below.entry(segment.clone()).or_default())
    }
}

struct Compiler<'d> {
    shape: &'d Shape,
    scan: &'d Scan,
    nodes: Vec<Node>,
    shared: HashMap<ShapeId, NodeId>,
}

impl Compiler<'_> {
    fn node(&mut self, trie: Option<&Trie>, shape: Option<ShapeId>) -> NodeId {
        let id = NodeId(self.nodes.len());
        if let (None, Some(shape)) = (trie, shape) {
            if let Some(&shared) = self.shared.get(&shape) {
                return shared;
            }
            self.shared.insert(shape, id);
        }
        self.nodes.push(Node::default());
        let mut node = Node::default();
        if let Some(trie) = trie {
            node.dropped = trie.dropped;
            node.secret = trie.secret;
            node.set.clone_from(&trie.set);
            node.reference.clone_from(&trie.reference);
        }
        let described = shape.map(|shape| self.shape.node(shape).clone()).unwrap_or_default();
        node.types = described.types;
        node.closed = !described.members.is_empty() && described.rest.is_none();
        let each = trie.and_then(|trie| trie.below.get(&Segment::Each));
        let mut names: BTreeMap<&str, Option<ShapeId>> =
            described.members.iter().map(|(name, id)| (name.as_str(), Some(*id))).collect();
        for segment in trie.iter().flat_map(|trie| trie.below.keys()) {
            if let Segment::Name(name) = segment {
                names.entry(name).or_insert(described.rest);
            }
        }
        for (name, shape) in names {
            let below = trie.and_then(|trie| trie.best(name));
            let is_described = described.members.contains_key(name);
            node.members.push(Member { name: name.into(), node: self.node(below, shape), is_described });
        }
        node.members.sort_by(|left, right| utf16_order(&left.name, &right.name));
        node.may_pair = !node.closed || self.scan.is_pair(described.members.keys().map(String::as_str));
        for (segment, below) in trie.iter().flat_map(|trie| &trie.below) {
            if let Segment::Pattern(pattern) = segment {
                node.patterns.push((pattern.clone(), self.node(Some(below), described.rest)));
            }
        }
        if each.is_some() || described.rest.is_some() {
            node.rest = Some(self.node(each, described.rest));
        }
        self.nodes[id.0] = node;
        id
    }
}

impl Trie {
    /// What the domain file says of a member: by its name, else by the first pattern that matches, else by `*`.
    fn best(&self, name: &str) -> Option<&Self> {
        let pattern =
            || self.below.iter().find(|(segment, _)| matches!(segment, Segment::Pattern(_)) && segment.matches(name));
        self.below
            .get(&Segment::Name(name.to_owned()))
            .or_else(|| pattern().map(|(_, trie)| trie))
            .or_else(|| self.below.get(&Segment::Each))
    }
}
