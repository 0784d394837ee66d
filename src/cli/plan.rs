//! `orgtrail plan`

use clap::Args;

use super::args::Global;
use super::print::{Plain, plain};
use super::selection::SelectionArgs;
use super::{Exit, Exits, Failure, Ui, open, runtime};
use crate::config::Environment;
use crate::report;
use crate::session::{RunOptions, plan};

/// Tell how many requests a snapshot takes, and how long; write nothing
///
/// The sizes of domains are taken from the record. A listing that is not on record yet is asked for one page, the smallest that
/// tells how much there is. Costs that neither tells are assumed, and said to be. What is tried again and what confirms a removal
/// comes on top.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    selection: SelectionArgs,

    /// Fail if a snapshot with this limit of requests would be refused
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_requests: Option<u64>,
}

pub(super) fn run(args: &PlanArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let format = plain("plan", global)?;
    let workspace = open(global)?;
    let options = RunOptions { max_requests: args.max_requests, ..args.selection.run(&workspace, global)? };
    let connection = Environment::of_process().connection(&workspace.config)?;
    let planned = runtime()?.block_on(plan(&workspace, connection, &options))?;
    let mut out = Vec::new();
    let written = match format {
        Plain::Json => report::plan::render_json(&planned.org, &planned.estimate, &mut out),
        Plain::Markdown => report::plan::render_markdown(&planned.estimate, &mut out),
        Plain::Text => report::plan::render_text(&planned.estimate, ui.style(), &mut out),
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)?;
    Ok(Exits::default())
}
