//! How far changes reach: how many entities depend on what changed, in the state that still has it.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use super::failure::Failure;
use super::workspace::{CommitTree, Workspace, archive};
use crate::audit::{Graph, Reach, ReachWords};
use crate::model::{Change, ChangeKind, DomainId, EntityKey};
use crate::policy::{ClassifiedChange, Reached};
use crate::record::{Archive, ArchiveError};
use crate::trail::CommitId;

/// What depends on an entity in a recorded state; absent where nothing does or it is not there.
///
/// # Errors
/// [`Failure`] where the state cannot be read.
pub fn reach_of(
    workspace: &Workspace,
    commit: CommitId,
    domain: &DomainId,
    key: &EntityKey,
) -> Result<Option<Reached>, Failure> {
    let graph = Graph::of(&workspace.catalogue, &archive(workspace, Some(commit))?)?;
    Ok(Reach::of(&graph, domain, key).and_then(|reach| reached(&reach, &ReachWords::built_in())))
}

/// What is told of a reach; nothing where nothing is reached.
fn reached(reach: &Reach, words: &ReachWords) -> Option<Reached> {
    let counts = reach.counts();
    (!counts.is_empty()).then(|| Reached { counts, is_whole: reach.is_whole, words: reach.in_words(words) })
}

/// The states before and after changes, and who refers to what in them. Neither is looked at before it is asked for.
pub(super) struct Reaching<'r> {
    workspace: &'r Workspace,
    before: Side<'r>,
    after: Side<'r>,
    words: OnceCell<ReachWords>,
}

struct Side<'r> {
    state: &'r Archive<CommitTree<'r>>,
    graph: OnceCell<Graph>,
}

impl<'r> Reaching<'r> {
    pub(super) fn new(
        workspace: &'r Workspace,
        before: &'r Archive<CommitTree<'r>>,
        after: &'r Archive<CommitTree<'r>>,
    ) -> Self {
        let side = |state| Side { state, graph: OnceCell::new() };
        Self { workspace, before: side(before), after: side(after), words: OnceCell::new() }
    }

    /// How many entities of each domain depend on what changed, for the conditions of rules.
    ///
    /// # Errors
    /// Why it could not be counted.
    pub(super) fn counts(&self, change: &Change) -> Result<BTreeMap<DomainId, u64>, String> {
        let reach = self.reach(change).map_err(|error| error.to_string())?;
        Ok(reach.map(|reach| reach.counts()).unwrap_or_default())
    }

    /// Changes with how far each reaches.
    pub(super) fn told(&self, changes: Vec<ClassifiedChange>) -> Result<Vec<ClassifiedChange>, Failure> {
        let words = self.words.get_or_init(ReachWords::built_in);
        let with_reach = |classified: ClassifiedChange| {
            let reach = self.reach(&classified.change)?.and_then(|reach| reached(&reach, words));
            Ok(ClassifiedChange { reach, ..classified })
        };
        changes.into_iter().map(with_reach).collect()
    }

    /// What depends on what changed: afterwards, of what is gone before.
    fn reach(&self, change: &Change) -> Result<Option<Reach>, ArchiveError> {
        let side = if change.kind == ChangeKind::Removed { &self.before } else { &self.after };
        let graph = if let Some(graph) = side.graph.get() {
            graph
        } else {
            let built = Graph::of(&self.workspace.catalogue, side.state)?;
            side.graph.get_or_init(|| built)
        };
        Ok(Reach::of(graph, &change.domain, &change.key))
    }
}
