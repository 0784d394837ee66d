//! `orgtrail drift`

use clap::Args;

use super::args::{Format, Global};
use super::selection::SelectionArgs;
use super::{Exit, Exits, Failure, Ui, now, open, print, runtime};
use crate::config::Environment;
use crate::report;
use crate::report::drift::Drift;
use crate::session::{Effect, RunOptions, Wanted, Workspace, acknowledge, drift, last_run, live_drift, resolve, take};

/// Show what differs from what is agreed
///
/// Compares the branch of what is agreed with the last run. Each difference is open until it is accepted (`orgtrail approve`, or
/// the pull request of `orgtrail review --open-pr`) or reverted in the organisation, and keeps its fingerprint from first sight
/// to the end.
#[derive(Debug, Args)]
pub(super) struct DriftArgs {
    /// Compare with the state of this revision instead of the last run's
    #[arg(value_name = "REV", conflicts_with = "live")]
    revision: Option<String>,

    /// Also tell what the last approval accepted, and what was reverted since
    #[arg(long, conflicts_with = "live")]
    all: bool,

    /// Compare with the organisation as it is now, and write nothing
    #[arg(long)]
    live: bool,

    #[command(flatten)]
    selection: SelectionArgs,
}

pub(super) fn run(args: &DriftArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let workspace = open(global)?;
    let mut exits = Exits::default();
    let mut found = if args.live {
        // Nothing is asked of the organisation where there is nothing to compare it with.
        crate::session::Agreed::or_fail(&workspace)?;
        let options = RunOptions { effect: Effect::None, ..args.selection.run(&workspace, global)? };
        let environment = Environment::of_process();
        let connection = environment.connection(&workspace.config)?;
        let secrets = environment.secret_key()?;
        let taken = runtime()?.block_on(take(&workspace, connection, &secrets, &options, ui))?;
        exits = taken.exits.clone();
        live_drift(&workspace, &taken, ui)?
    } else {
        let to = match &args.revision {
            Some(revision) => resolve(&workspace, revision)?,
            None => last_run(&workspace)?.1,
        };
        let wanted = if args.all { Wanted::All } else { Wanted::Open };
        drift(&workspace, to, wanted, ui)?
    };
    found.changes = acknowledge(&workspace, found.changes, now(global).date_naive())?;
    print_drift(&workspace, &found, global, ui)?;
    if print::is_too_bad(found.changes.counts().worst(), global) {
        exits.add(Exit::Findings);
    }
    Ok(exits)
}

fn print_drift(workspace: &Workspace, drift: &Drift, global: &Global, ui: &Ui) -> Result<(), Failure> {
    let mut shown = drift.clone();
    if let Some(level) = global.min_severity {
        shown.changes = shown.changes.at_least(level);
    }
    let mut out = Vec::new();
    let written = match global.format {
        Format::Text => report::drift::render_text(&shown, ui.style(), &mut out),
        Format::Markdown => report::drift::render_markdown(&shown, &mut out),
        Format::Json => report::drift::render_json(&shown, &mut out),
        // The other formats tell of changes alone.
        _ => return print::changes(workspace, &drift.changes, global, ui).map(drop),
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)
}
