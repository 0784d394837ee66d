//! `orgtrail diff`

use clap::Args;

use super::args::{Format, Global};
use super::{Exit, Exits, Failure, Ui, open};
use crate::report::{self, ChangeSet};
use crate::session::{compare, last_run, resolve};

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
    show(&changes, global, ui)
}

/// Prints a change set in the format that was asked for.
pub(super) fn show(changes: &ChangeSet, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let mut exits = Exits::default();
    if global.fail_on.is_some_and(|level| changes.counts().worst().is_some_and(|worst| worst >= level)) {
        exits.add(Exit::Findings);
    }
    let shown = global.min_severity.map_or_else(|| changes.clone(), |level| changes.clone().at_least(level));
    let mut out = Vec::new();
    let written = match global.format {
        Format::Text => report::text::render(&shown, ui.style(), &mut out),
        Format::Json => report::json::render(&shown, &mut out),
        Format::Markdown => report::markdown::render(&shown, &mut out),
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)?;
    Ok(exits)
}
