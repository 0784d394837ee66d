//! `orgtrail status`

use std::time::Duration;

use clap::Args;

use super::args::Global;
use super::print::{Plain, plain};
use super::verify::length;
use super::{Exit, Exits, Failure, Ui, now, open};
use crate::report;
use crate::report::Status;
use crate::session::status;

/// Tell how fresh the trail is: the last run, what is known how well, what waits
///
/// Uses no network: tells what the trail itself knows. With `--max-age` it is a dead man's switch for whatever takes the
/// snapshots: it exits with 1 where the last run is older.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Exit with 1 where the last run is longer ago than this, such as 1h
    #[arg(long, value_name = "AGE", value_parser = length)]
    max_age: Option<Duration>,
}

pub(super) fn run(args: &StatusArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let workspace = open(global)?;
    let mut status = status(&workspace, args.max_age, now(global))?;
    let mut exits = Exits::default();
    let is_overdue = status.last_run.as_ref().is_none_or(|last| args.max_age.is_some_and(|most| last.age > most));
    let is_bad = |level| status.findings.iter().any(|finding| finding.severity >= level);
    if (args.max_age.is_some() && is_overdue) || global.fail_on.is_some_and(is_bad) {
        exits.add(Exit::Findings);
    }
    if let Some(least) = global.min_severity {
        status.findings.retain(|finding| finding.severity >= least);
    }
    print(&status, global, ui)?;
    Ok(exits)
}

fn print(status: &Status, global: &Global, ui: &Ui) -> Result<(), Failure> {
    let mut out = Vec::new();
    let written = match plain("status", global)? {
        Plain::Json => report::status::render_json(status, &mut out),
        Plain::Text | Plain::Markdown => report::status::render_text(status, ui.style(), &mut out),
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)
}
