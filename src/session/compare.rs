//! What differs between two states of a trail, judged, with names and people.

use std::collections::BTreeSet;

use super::failure::Failure;
use super::history::History;
use super::observer::Observer;
use super::reaching::Reaching;
use super::revision::{commits_between, kind};
use super::run::endpoint;
use super::workspace::{CommitTree, Workspace, archive};
use crate::attribution::trailer as attribution;
use crate::model::Attribution;
use crate::policy::Names;
use crate::record::{Archive, CommitKind, Step, between};
use crate::report::ChangeSet;
use crate::trail::CommitId;

/// What is compared.
pub(super) struct Sides<'s> {
    /// The state before.
    pub(super) before: &'s Archive<CommitTree<'s>>,
    /// The state after.
    pub(super) after: &'s Archive<CommitTree<'s>>,
    /// What was done between the two and is no administrator's doing.
    pub(super) steps: Vec<Step<CommitTree<'s>>>,
    /// The first and the last commit of the branch that lead from one to the other; absent where no way does.
    pub(super) way: Option<(CommitId, CommitId)>,
    /// Of which changes it is told how far they reach.
    pub(super) reach: ReachOf,
}

/// Of which changes it is told how far they reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReachOf {
    /// Of each.
    Each,
    /// Of none; a rule that asks for it still gets it.
    None,
}

/// Compares two commits of a trail.
///
/// # Errors
/// [`Failure`] where one of the states cannot be read.
pub fn compare(
    workspace: &Workspace,
    from: CommitId,
    to: CommitId,
    observer: &dyn Observer,
) -> Result<ChangeSet, Failure> {
    let (before, after) = (archive(workspace, Some(from))?, archive(workspace, Some(to))?);
    let steps = steps_between(workspace, &from, &to)?;
    let sides = Sides { before: &before, after: &after, steps, way: Some((from, to)), reach: ReachOf::Each };
    let set = compare_sides(workspace, &sides, observer)?;
    Ok(ChangeSet { from: Some(endpoint(workspace, from)?), to: Some(endpoint(workspace, to)?), ..set })
}

/// Compares two states, wherever they come from.
pub(super) fn compare_sides(
    workspace: &Workspace,
    sides: &Sides<'_>,
    observer: &dyn Observer,
) -> Result<ChangeSet, Failure> {
    let found = between(&workspace.catalogue, sides.before, sides.after, &sides.steps)?;
    let policy = workspace.policy()?;
    let names = Names::new(&workspace.catalogue, sides.before, sides.after);
    let by = match &sides.way {
        Some((from, to)) if is_attributed(workspace, from, to)? => {
            History::of(workspace)?.attributions(from, to, &found.changes)?
        }
        _ => found.changes.iter().map(|_| Attribution::default()).collect(),
    };
    let reaching = Reaching::new(workspace, sides.before, sides.after);
    let mut unjudged = BTreeSet::new();
    let mut changes = Vec::new();
    for (change, attribution) in found.changes.into_iter().zip(by) {
        let judged = policy.classify(change, &names, &|change| reaching.counts(change), &mut unjudged);
        changes.push(crate::policy::ClassifiedChange { attribution, ..judged });
    }
    if sides.reach == ReachOf::Each {
        changes = reaching.told(changes)?;
    }
    for problem in &unjudged {
        observer.warn(&problem.to_string());
    }
    Ok(ChangeSet {
        baselines: found.baselines,
        new_fields: found.new_fields,
        migrations: found.migrations,
        coverage: found.coverage,
        unjudged,
        ..ChangeSet::arranged(None, None, changes)
    })
}

/// What the commits after one and up to another did that is no administrator's doing.
pub(super) fn steps_between<'w>(
    workspace: &'w Workspace,
    from: &CommitId,
    to: &CommitId,
) -> Result<Vec<Step<CommitTree<'w>>>, Failure> {
    let mut steps = Vec::new();
    for commit in commits_between(workspace, from, to)?.unwrap_or_default() {
        if let Some(kind) = kind(&commit)
            && kind != CommitKind::Observed
        {
            let (before, after) = (commit.parents.first().copied(), Some(commit.id));
            steps.push(Step { kind, before: archive(workspace, before)?, after: archive(workspace, after)? });
        }
    }
    Ok(steps)
}

/// Whether anything was ever said of who made the changes between two commits.
fn is_attributed(workspace: &Workspace, from: &CommitId, to: &CommitId) -> Result<bool, Failure> {
    let commits = commits_between(workspace, from, to)?.unwrap_or_default();
    let is_told = commits.iter().any(|commit| commit.trailer(attribution::EXPLAINED).is_some());
    Ok(is_told || (!commits.is_empty() && workspace.trail.has_notes()?))
}
