//! `orgtrail diff`

use std::collections::BTreeSet;

use clap::Args;

use super::args::Global;
use super::{Exits, Failure, Ui, open, print};
use crate::attribution::trailer as attribution;
use crate::model::Attribution;
use crate::policy::{ClassifiedChange, Names};
use crate::record::{CommitKind, Step, between};
use crate::report::ChangeSet;
use crate::session::Observer;
use crate::session::endpoint;
use crate::session::{History, commits_between, kind, last_run, resolve};
use crate::session::{Workspace, archive};
use crate::trail::CommitId;

/// Show what changed between two states, judged and with names
///
/// A revision is any git revision, or an instant (RFC 3339) or a date (its end, UTC), which mean the last run until then.
/// Without a revision the last run is compared with the state before it, with one that state with the newest.
///
/// What is not an administrator's doing (a first capture, a new schema, another secrets key) is named, but is no change.
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// Revision to compare from
    #[arg(value_name = "FROM")]
    from: Option<String>,

    /// Revision to compare to
    #[arg(value_name = "TO")]
    to: Option<String>,
}

pub(super) fn run(args: &DiffArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let workspace = open(global)?;
    let (from, to) = match (&args.from, &args.to) {
        (None, _) => last_run(&workspace)?,
        (Some(from), None) => (resolve(&workspace, from)?, resolve(&workspace, &workspace.branch)?),
        (Some(from), Some(to)) => (resolve(&workspace, from)?, resolve(&workspace, to)?),
    };
    let changes = compare(&workspace, from, to, ui)?;
    print::changes(&workspace, &changes, global, ui)
}

/// Compares two commits of a trail.
pub(super) fn compare(workspace: &Workspace, from: CommitId, to: CommitId, ui: &Ui) -> Result<ChangeSet, Failure> {
    let archive = |commit| archive(workspace, commit);
    let mut steps = Vec::new();
    let commits = commits_between(workspace, &from, &to)?.unwrap_or_default();
    let is_attributed = commits.iter().any(|commit| commit.trailer(attribution::EXPLAINED).is_some())
        || (!commits.is_empty() && workspace.trail.has_notes()?);
    for commit in commits {
        if let Some(kind) = kind(&commit)
            && kind != CommitKind::Observed
        {
            steps.push(Step {
                kind,
                before: archive(commit.parents.first().copied())?,
                after: archive(Some(commit.id))?,
            });
        }
    }
    let (before, after) = (archive(Some(from))?, archive(Some(to))?);
    let found = between(&workspace.catalogue, &before, &after, &steps)?;
    let policy = workspace.policy()?;
    let names = Names::new(&workspace.catalogue, &before, &after);
    let mut unjudged = BTreeSet::new();
    let mut changes: Vec<ClassifiedChange> = Vec::new();
    let by = if is_attributed {
        History::of(workspace)?.attributions(&from, &to, &found.changes)?
    } else {
        found.changes.iter().map(|_| Attribution::default()).collect()
    };
    for (change, attribution) in found.changes.into_iter().zip(by) {
        changes.push(ClassifiedChange { attribution, ..policy.classify(change, &names, &mut unjudged) });
    }
    for problem in &unjudged {
        ui.warn(&problem.to_string());
    }
    let set = ChangeSet::arranged(Some(endpoint(workspace, from)?), Some(endpoint(workspace, to)?), changes);
    Ok(ChangeSet {
        baselines: found.baselines,
        new_fields: found.new_fields,
        migrations: found.migrations,
        coverage: found.coverage,
        unjudged,
        ..set
    })
}
