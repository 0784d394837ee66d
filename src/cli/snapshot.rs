//! `orgtrail snapshot`

use std::io::{self, Write};

use clap::{Args, ValueEnum};

use super::alert::tell;
use super::args::Global;
use super::print::{Plain, plain};
use super::selection::SelectionArgs;
use super::{Exit, Exits, Failure, Ui, open, runtime};
use crate::config::Environment;
use crate::report;
use crate::session::{Agreed, Effect, RunOptions, Taken, Workspace, matching_domains, take};

/// Capture the configuration and commit what changed
///
/// Reads every domain of the profile over the public API and never writes to it. A domain that cannot be read completely keeps
/// its last good content, and the exit code says so. What vanished is confirmed to be gone before its removal is recorded.
///
/// The profile is the tier, plus `include` and minus `exclude` of orgtrail.toml.
#[derive(Debug, Args)]
pub(super) struct SnapshotArgs {
    #[command(flatten)]
    selection: SelectionArgs,

    /// Refuse to begin where more requests are to be expected, and never send more; tokens do not count
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_requests: Option<u64>,

    /// Read again only what the audit log names; by default as `[capture] targeted` says
    #[arg(long, value_name = "HOW", num_args = 0..=1, default_missing_value = "yes")]
    targeted: Option<Targeted>,

    /// Record removals in the domains that match without proof; repeat for more
    #[arg(long, value_name = "GLOB")]
    accept_removals: Vec<String>,

    /// Say what would be committed, and write nothing
    #[arg(long)]
    dry_run: bool,

    /// Push the branch and the heartbeat to the remote afterwards
    #[arg(long, conflicts_with = "dry_run")]
    push: bool,

    /// Tell what changed and what was found afterwards, as `orgtrail alert` does
    #[arg(long, conflicts_with = "dry_run")]
    alert: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Targeted {
    /// What the audit log names, where it is known to tell
    Yes,
    /// Everything
    No,
}

pub(super) fn run(args: &SnapshotArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let format = plain("snapshot", global)?;
    let environment = Environment::of_process();
    let workspace = open(global)?;
    let options = options(args, global, &workspace)?;
    let workspace = if options.effect == Effect::None { workspace } else { workspace.signing(&environment)? };
    let connection = environment.connection(&workspace.config)?;
    let secrets = environment.secret_key()?;
    // A dry run leaves no trace, not even the file of the lock.
    let _lock = if options.effect == Effect::None { None } else { Some(workspace.trail.lock()?) };
    let runtime = runtime()?;
    let mut taken = runtime.block_on(take(&workspace, connection, &secrets, &options, ui))?;
    if args.alert {
        let told = runtime.block_on(tell(&workspace, &environment, options.effect, global, ui));
        // What is on record stays to be told.
        taken.exits.extend(&told.unwrap_or_else(|failure| {
            ui.fail(&failure);
            failure.exit.into()
        }));
        taken.document.exit_codes = taken.exits.codes();
    }

    let taken = judged(taken, global);
    let mut out = Vec::new();
    match format {
        Plain::Json => report::run::render_json(&taken.document, &mut out),
        Plain::Text | Plain::Markdown => render(&taken, format, global, ui, &mut out),
    }
    .map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)?;
    if options.effect != Effect::None && !taken.document.baselines.is_empty() && Agreed::of(&workspace)?.is_none() {
        ui.say("nothing is agreed yet: `orgtrail approve --reason TEXT` agrees to this state, and `orgtrail drift` tells what differs from then on");
    }
    Ok(taken.exits)
}

/// A run with what `--fail-on` makes of it.
pub(super) fn judged(mut taken: Taken, global: &Global) -> Taken {
    if global.fail_on.is_some_and(|level| taken.changes.counts().worst().is_some_and(|worst| worst >= level)) {
        taken.exits.add(Exit::Findings);
        taken.document.exit_codes = taken.exits.codes();
    }
    taken
}

/// Writes a run for people: what it did, and what `--min-severity` leaves of the changes.
pub(super) fn render(taken: &Taken, format: Plain, global: &Global, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    let changes = taken.changes.clone();
    let changes = match global.min_severity {
        Some(level) => changes.at_least(level),
        None => changes,
    };
    if format == Plain::Markdown {
        return report::markdown::render(&changes, out);
    }
    report::run::render_text(&taken.document, ui.style(), out)?;
    if changes.changes.is_empty() { Ok(()) } else { report::text::render(&changes, ui.style(), out) }
}

fn options(args: &SnapshotArgs, global: &Global, workspace: &Workspace) -> Result<RunOptions, Failure> {
    let effect = match (args.dry_run, args.push) {
        (true, _) => Effect::None,
        (false, true) => Effect::Push,
        (false, false) => Effect::Commit,
    };
    Ok(RunOptions {
        accepted_removals: matching_domains("--accept-removals", &args.accept_removals, &workspace.catalogue)?,
        max_requests: args.max_requests,
        targeted: args.targeted.map_or(workspace.config.targeted, |how| how == Targeted::Yes),
        effect,
        ..args.selection.run(workspace, global)?
    })
}
