//! `orgtrail doctor`

mod checks;

use std::sync::Arc;

use clap::Args;

use super::args::Global;
use super::print::{Plain, plain};
use super::selection::SelectionArgs;
use super::ui::Ui;
use super::{Exit, Exits, Failure, open, runtime};
use crate::capture::OWN_PERMISSIONS;
use crate::catalogue::LeastRole;
use crate::config::Environment;
use crate::genesys::SystemClock;
use crate::report;
use crate::session::{Workspace, noise};

/// Check credentials, organisation, permissions, secrets key and remote
///
/// Sends one small request per domain, and writes nothing. A domain that is listed per parent is asked for one parent that is on
/// record. Names each missing permission with the domains that it costs, and the line of orgtrail.toml that accepts the loss.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    selection: SelectionArgs,

    /// Print the least role for the domains instead, without asking anybody; as JSON, the body that makes the role
    ///
    /// `--format json` prints what POST /api/v2/authorization/roles takes.
    #[arg(long)]
    role: bool,

    /// Read the domains twice instead, and name every path that moved by itself and is told as a change
    ///
    /// Each comes with the line that covers it in the domain file. What somebody changed between the two reads looks the same.
    /// No value is shown.
    #[arg(long, conflicts_with = "role")]
    noise: bool,
}

pub(super) fn run(args: &DoctorArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let format = plain("doctor", global)?;
    let workspace = open(global)?;
    if args.role {
        return print_role(args, format, &workspace, ui);
    }
    if args.noise {
        return print_noise(args, format, &workspace, ui);
    }
    checks::run(&args.selection.domains(&workspace)?, format, &workspace, ui)
}

fn print_role(args: &DoctorArgs, format: Plain, workspace: &Workspace, ui: &Ui) -> Result<Exits, Failure> {
    let role = LeastRole::of(&workspace.catalogue, &args.selection.domains(workspace)?.0, &OWN_PERMISSIONS);
    let mut out = Vec::new();
    let written = match format {
        Plain::Json => report::role::render_json(&role, &mut out),
        Plain::Markdown => report::role::render_markdown(&role, &mut out),
        Plain::Text => report::role::render_text(&role, &mut out),
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)?;
    Ok(Exits::default())
}

fn print_noise(args: &DoctorArgs, format: Plain, workspace: &Workspace, ui: &Ui) -> Result<Exits, Failure> {
    let selection = args.selection.domains(workspace)?;
    let connection = Environment::of_process().connection(&workspace.config)?;
    let reads = noise(workspace, connection, &selection, Arc::new(SystemClock::new()), ui);
    let (told, exits) = runtime()?.block_on(reads)?;
    let mut out = Vec::new();
    let written = match format {
        Plain::Json => report::noise::render_json(&told, &workspace.catalogue, &mut out),
        Plain::Text | Plain::Markdown => report::noise::render_text(&told, &workspace.catalogue, ui.style(), &mut out),
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)?;
    Ok(exits)
}
