//! What differs between what is agreed and what is observed, since when, and what of it is over.

use std::collections::{BTreeMap, BTreeSet};

use super::agreed::Agreed;
use super::compare::{ReachOf, Sides, compare_sides, steps_between};
use super::failure::Failure;
use super::history::{EntityLifetimes, History};
use super::observer::Observer;
use super::revision::commits_between;
use super::run::{Taken, endpoint};
use super::time::of_seconds;
use super::workspace::{CommitTree, Workspace, archive, archive_of};
use crate::model::{Attribution, ChangeKind, DomainId, EntityKey};
use crate::policy::{ClassifiedChange, Names};
use crate::record::{CommitKind, FileEdits, PlannedCommit, Step, trailer};
use crate::report::ChangeSet;
use crate::report::drift::{Drift, Ended, Sighting, State};
use crate::review::Ending;
use crate::trail::CommitId;

/// What of a drift is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What is open.
    Open,
    /// Also what was accepted by the approval in force, or is over since.
    All,
}

/// What differs between what is agreed and the state of a commit of the observed branch.
///
/// # Errors
/// [`Failure`] where nothing is agreed yet or a state cannot be read.
pub fn drift(workspace: &Workspace, to: CommitId, wanted: Wanted, observer: &dyn Observer) -> Result<Drift, Failure> {
    let agreed = Agreed::or_fail(workspace)?;
    let changes = differences(workspace, &agreed, to, observer)?;
    let history = History::of(workspace)?;
    let lifetimes = match &agreed.since {
        Some(from) => history.lifetimes(&agreed.commit, from, &to)?,
        None => Vec::new(),
    };
    let sightings = Sightings { workspace, times: BTreeMap::new() };
    let ended = match wanted {
        Wanted::Open => Vec::new(),
        Wanted::All => ended(workspace, &history, &agreed, &to, &lifetimes, observer)?,
    };
    let first_seen = sightings.of_open(&changes, &lifetimes)?;
    Ok(Drift { changes, first_seen, ended })
}

/// What differs between what is agreed and the state of a commit.
pub(super) fn differences(
    workspace: &Workspace,
    agreed: &Agreed,
    to: CommitId,
    observer: &dyn Observer,
) -> Result<ChangeSet, Failure> {
    let (before, after) = (archive(workspace, Some(agreed.commit))?, archive(workspace, Some(to))?);
    let steps = agreed.observed.map(|from| steps_between(workspace, &from, &to)).transpose()?.unwrap_or_default();
    let way = agreed.since.map(|from| (from, to));
    let set = compare_sides(
        workspace,
        &Sides { before: &before, after: &after, steps, way, reach: ReachOf::Each },
        observer,
    )?;
    Ok(ChangeSet { from: Some(endpoint(workspace, agreed.commit)?), to: Some(endpoint(workspace, to)?), ..set })
}

/// What differs between what is agreed and what a run saw that wrote nothing.
///
/// # Errors
/// [`Failure`] where nothing is agreed yet or a state cannot be read.
pub fn live_drift(workspace: &Workspace, taken: &Taken, observer: &dyn Observer) -> Result<Drift, Failure> {
    let agreed = Agreed::or_fail(workspace)?;
    let tip = workspace.tip()?;
    let mut steps = match (agreed.observed, tip) {
        (Some(from), Some(tip)) => steps_between(workspace, &from, &tip)?,
        _ => Vec::new(),
    };
    let mut edits = FileEdits::new();
    let tree = |edits: &FileEdits| CommitTree::new(&workspace.trail, tip).edited(edits);
    for PlannedCommit { kind, edits: own, .. } in &taken.planned {
        let before = archive_of(workspace, tree(&edits))?;
        edits.extend(own.clone());
        if *kind != CommitKind::Observed {
            steps.push(Step { kind: *kind, before, after: archive_of(workspace, tree(&edits))? });
        }
    }
    let (before, after) = (archive(workspace, Some(agreed.commit))?, archive_of(workspace, tree(&edits))?);
    let way = agreed.since.zip(tip);
    let mut set = compare_sides(
        workspace,
        &Sides { before: &before, after: &after, steps, way, reach: ReachOf::Each },
        observer,
    )?;
    let live: BTreeMap<(&DomainId, &EntityKey), &Attribution> =
        taken.changes.changes.iter().map(|one| ((&one.change.domain, &one.change.key), &one.attribution)).collect();
    for classified in &mut set.changes {
        // Whoever touched it last is known from the run itself.
        if let Some(by) = live.get(&(&classified.change.domain, &classified.change.key)) {
            classified.attribution = (*by).clone();
        }
    }
    let from = Some(endpoint(workspace, agreed.commit)?);
    Ok(Drift {
        changes: ChangeSet { from, to: taken.changes.to.clone(), ..set },
        first_seen: BTreeMap::new(),
        ended: Vec::new(),
    })
}

/// Tells when commits were made.
struct Sightings<'w> {
    workspace: &'w Workspace,
    times: BTreeMap<CommitId, Sighting>,
}

impl Sightings<'_> {
    fn at(&mut self, commit: &CommitId) -> Result<Sighting, Failure> {
        if let Some(known) = self.times.get(commit) {
            return Ok(known.clone());
        }
        let seconds = self.workspace.trail.commit_info(commit)?.committer.seconds;
        let sighting = Sighting { at: of_seconds(seconds), commit: commit.to_string() };
        self.times.insert(*commit, sighting.clone());
        Ok(sighting)
    }

    /// When each change was first seen: the earliest of its fields that are still as they are.
    fn of_open(
        mut self,
        changes: &ChangeSet,
        lifetimes: &[EntityLifetimes],
    ) -> Result<BTreeMap<String, Sighting>, Failure> {
        let mut entities: BTreeMap<(&DomainId, &EntityKey), &EntityLifetimes> = BTreeMap::new();
        entities.extend(lifetimes.iter().map(|one| ((&one.domain, &one.key), one)));
        let mut found = BTreeMap::new();
        for classified in &changes.changes {
            let ClassifiedChange { change, fields, fingerprint, .. } = classified;
            let Some(entity) = entities.get(&(&change.domain, &change.key)) else { continue };
            let own: BTreeSet<&str> =
                fields.iter().map(|field| field.fingerprint.as_str()).chain([fingerprint.as_str()]).collect();
            let is_own = |seen: &str| change.kind == ChangeKind::Recreated || own.contains(seen);
            let mut first: Option<Sighting> = None;
            for lifetime in entity.lifetimes.iter().filter(|one| one.end.is_none()) {
                if is_own(&lifetime.difference.fingerprint) {
                    let seen = self.at(&lifetime.first_seen)?;
                    first = Some(first.map_or_else(|| seen.clone(), |first| first.min(seen.clone())));
                }
            }
            found.extend(first.map(|first| (fingerprint.clone(), first)));
        }
        Ok(found)
    }
}

/// What was accepted by the approval in force, and what is over since, in order of time.
fn ended(
    workspace: &Workspace,
    history: &History<'_>,
    agreed: &Agreed,
    to: &CommitId,
    lifetimes: &[EntityLifetimes],
    observer: &dyn Observer,
) -> Result<Vec<Ended>, Failure> {
    let mut sightings = Sightings { workspace, times: BTreeMap::new() };
    // What was over before the approval was a difference from something that was agreed before it.
    let after: BTreeSet<CommitId> = match &agreed.observed {
        Some(from) => commits_between(workspace, from, to)?.unwrap_or_default().iter().map(|one| one.id).collect(),
        None => BTreeSet::new(),
    };
    let mut ended = accepted(workspace, history, agreed, observer)?;
    let (old, new) = (archive(workspace, Some(agreed.commit))?, archive(workspace, Some(*to))?);
    let names = Names::new(&workspace.catalogue, &old, &new);
    for EntityLifetimes { domain, key, lifetimes, is_reshaped } in lifetimes {
        let name = workspace.catalogue.get(domain).and_then(|found| {
            let text = names.entity(domain, key)?;
            names.of_entity(found, key, &crate::canonical::value_of(&text))
        });
        for lifetime in lifetimes.iter().filter(|_| !is_reshaped) {
            let Some(end) = lifetime.end.as_ref().filter(|end| after.contains(&end.at)) else { continue };
            ended.push(Ended {
                fingerprint: lifetime.difference.fingerprint.clone(),
                state: match end.how {
                    Ending::Reverted => State::Reverted,
                    Ending::Replaced => State::Replaced,
                },
                domain: domain.clone(),
                key: key.clone(),
                name: name.clone(),
                path: lifetime.difference.path.clone(),
                first_seen: Some(sightings.at(&lifetime.first_seen)?),
                ended: sightings.at(&end.at)?,
            });
        }
    }
    ended.sort_by(|left, right| {
        let order = |one: &Ended| (one.ended.at.clone(), one.domain.clone(), one.key.clone(), one.path.clone());
        order(left).cmp(&order(right))
    });
    Ok(ended)
}

/// What the approval in force accepted.
fn accepted(
    workspace: &Workspace,
    history: &History<'_>,
    agreed: &Agreed,
    observer: &dyn Observer,
) -> Result<Vec<Ended>, Failure> {
    let info = workspace.trail.commit_info(&agreed.commit)?;
    let Some(earlier) = info.parents.first().copied() else { return Ok(Vec::new()) };
    let earlier = Agreed::at(workspace, earlier)?;
    let (before, after) = (archive(workspace, Some(earlier.commit))?, archive(workspace, Some(agreed.commit))?);
    let way = earlier.observed.zip(agreed.observed);
    let steps = way.map(|(from, to)| steps_between(workspace, &from, &to)).transpose()?.unwrap_or_default();
    let set = compare_sides(
        workspace,
        &Sides { before: &before, after: &after, steps, way: None, reach: ReachOf::None },
        observer,
    )?;
    let lifetimes = match earlier.since.zip(agreed.observed) {
        Some((from, to)) => history.lifetimes(&earlier.commit, &from, &to)?,
        None => Vec::new(),
    };
    let mut first_seen: BTreeMap<&str, CommitId> = BTreeMap::new();
    for lifetime in lifetimes.iter().flat_map(|one| &one.lifetimes).filter(|one| one.end.is_none()) {
        first_seen.insert(&lifetime.difference.fingerprint, lifetime.first_seen);
    }
    let mut sightings = Sightings { workspace, times: BTreeMap::new() };
    let state =
        State::Accepted { by: info.author.name.clone(), reason: info.trailer(trailer::REASON).map(ToOwned::to_owned) };
    let at = sightings.at(&agreed.commit)?;
    let mut ended = Vec::new();
    for ClassifiedChange { change, name, fields, fingerprint, .. } in &set.changes {
        let fields = fields.iter().map(|field| (field.fingerprint.clone(), Some(field.field.path.clone())));
        let whole = (change.kind != ChangeKind::Modified).then(|| (fingerprint.clone(), None));
        for (fingerprint, path) in whole.map_or_else(|| fields.collect::<Vec<_>>(), |whole| vec![whole]) {
            let seen = first_seen.get(fingerprint.as_str()).map(|commit| sightings.at(commit)).transpose()?;
            ended.push(Ended {
                fingerprint,
                state: state.clone(),
                domain: change.domain.clone(),
                key: change.key.clone(),
                name: name.clone(),
                path,
                first_seen: seen,
                ended: at.clone(),
            });
        }
    }
    Ok(ended)
}
