//! Ways through the graph: what is reached from an entity, and over what.

use std::collections::BTreeSet;

use super::graph::{Bond, EdgeKind, Graph, Link, Node};

/// Which way edges are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From what is used to who uses it.
    Up,
    /// From who uses to what is used.
    Down,
}

impl Direction {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Up, Self::Down];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// An entity that a walk comes to, for the first time.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'g> {
    /// The entity.
    pub node: Node,
    /// How many edges it is away.
    pub depth: usize,
    /// Where the walk came from.
    pub before: Node,
    /// The edge that it came over.
    pub kind: &'g EdgeKind,
}

/// Everything that is reached from an entity over the edges that `follows` says yes to, the near before the far and each
/// once; `follows` is told over what the walk came to the entity that the edge leads on from, and nothing at the start.
#[must_use]
pub fn walk<'g>(
    graph: &'g Graph,
    start: Node,
    direction: Direction,
    deepest: Option<usize>,
    follows: impl Fn(&Link<'g>, Option<&EdgeKind>) -> bool,
) -> Vec<Visit<'g>> {
    let mut seen = BTreeSet::from([start]);
    let mut visits: Vec<Visit<'g>> = Vec::new();
    let mut next = Some((start, 0, None));
    let mut at = 0;
    while let Some((here, depth, before)) = next {
        if deepest.is_none_or(|deepest| depth < deepest) {
            let mut visit = |link: Link<'g>, node: Node| {
                if follows(&link, before) && seen.insert(node) {
                    visits.push(Visit { node, depth: depth + 1, before: here, kind: link.kind });
                }
            };
            match direction {
                Direction::Up => graph.used_by(here).for_each(|link| visit(link, link.from)),
                Direction::Down => graph.uses(here).for_each(|link| visit(link, link.to)),
            }
        }
        next = visits.get(at).map(|visit| (visit.node, visit.depth, Some(visit.kind)));
        at += 1;
    }
    visits
}

/// Whether a change that came over one edge goes up over another: what is listed under an entity depends on it, but not on
/// everything that the entity refers to.
#[must_use]
pub fn passes_up(link: &Link<'_>, before: Option<&EdgeKind>) -> bool {
    let is_below = before.is_none_or(|kind| kind.bond == Bond::Parent);
    link.kind.passes && (is_below || link.kind.bond != Bond::Parent)
}
