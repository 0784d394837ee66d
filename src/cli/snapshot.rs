//! `orgtrail snapshot`

use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::args::{Format, Global};
use super::{Exit, Exits, Failure, Ui, now, open, runtime};
use crate::capture::Selection;
use crate::catalogue::Tier;
use crate::config::Environment;
use crate::genesys::SystemClock;
use crate::report;
use crate::session::{Effect, RunOptions, profile, take};
use crate::session::{Workspace, matching_domains};

/// Capture the configuration and commit what changed
///
/// Reads every domain of the profile over the public API and never writes to it. A domain that cannot be read completely keeps
/// its last good content, and the exit code says so. What vanished is confirmed to be gone before its removal is recorded.
///
/// The profile is the tier, plus `include` and minus `exclude` of orgtrail.toml.
#[derive(Debug, Args)]
pub(super) struct SnapshotArgs {
    /// Capture only the domains that match, of any tier; repeat for more
    #[arg(long, value_name = "GLOB")]
    only: Vec<String>,

    /// Leave out the domains that match; repeat for more
    #[arg(long, value_name = "GLOB")]
    skip: Vec<String>,

    /// Capture this tier and those below it
    #[arg(long, value_name = "TIER")]
    tier: Option<TierChoice>,

    /// Record removals in the domains that match without proof; repeat for more
    #[arg(long, value_name = "GLOB")]
    accept_removals: Vec<String>,

    /// Say what would be committed, and write nothing
    #[arg(long)]
    dry_run: bool,

    /// Push the branch and the heartbeat to the remote afterwards
    #[arg(long, conflicts_with = "dry_run")]
    push: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TierChoice {
    /// Lists, settings, listings of few parents
    Standard,
    /// Listings per queue, flow and user as well
    Deep,
    /// Content as well
    Content,
}

impl From<TierChoice> for Tier {
    fn from(choice: TierChoice) -> Self {
        match choice {
            TierChoice::Standard => Self::Standard,
            TierChoice::Deep => Self::Deep,
            TierChoice::Content => Self::Content,
        }
    }
}

pub(super) fn run(args: &SnapshotArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let workspace = open(global)?;
    let options = options(args, global, &workspace)?;
    let environment = Environment::of_process();
    let connection = environment.connection(&workspace.config)?;
    let secrets = environment.secret_key()?;
    // A dry run leaves no trace, not even the file of the lock.
    let _lock = if options.effect == Effect::None { None } else { Some(workspace.trail.lock()?) };
    let taken = runtime()?.block_on(take(&workspace, connection, &secrets, &options, ui))?;

    let mut exits = taken.exits;
    let mut document = taken.document;
    if global.fail_on.is_some_and(|level| taken.changes.counts().worst().is_some_and(|worst| worst >= level)) {
        exits.add(Exit::Findings);
        document.exit_codes = exits.codes();
    }
    let changes = global.min_severity.map_or(taken.changes.clone(), |level| taken.changes.at_least(level));
    let mut out = Vec::new();
    let style = ui.style();
    let written = match global.format {
        Format::Json => report::run::render_json(&document, &mut out),
        Format::Markdown => report::markdown::render(&changes, &mut out),
        Format::Text => report::run::render_text(&document, style, &mut out).and_then(|()| {
            if changes.changes.is_empty() { Ok(()) } else { report::text::render(&changes, style, &mut out) }
        }),
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)?;
    Ok(exits)
}

fn options(args: &SnapshotArgs, global: &Global, workspace: &Workspace) -> Result<RunOptions, Failure> {
    let catalogue = &workspace.catalogue;
    let only = matching_domains("--only", &args.only, catalogue)?;
    let skip = matching_domains("--skip", &args.skip, catalogue)?;
    let accepted_removals = matching_domains("--accept-removals", &args.accept_removals, catalogue)?;
    let profile = profile(workspace, args.tier.map(Tier::from));
    let chosen = catalogue.names().filter(|id| {
        let is_wanted = if args.only.is_empty() { profile.contains(id) } else { only.contains(id) };
        is_wanted && !skip.contains(id)
    });
    let selection = Selection(chosen.cloned().collect());
    if selection.0.is_empty() {
        let failure = Failure::new(Exit::Usage, "no domain is left to capture");
        return Err(failure.hint("see --only, --skip, and [capture] in orgtrail.toml"));
    }
    let effect = match (args.dry_run, args.push) {
        (true, _) => Effect::None,
        (false, true) => Effect::Push,
        (false, false) => Effect::Commit,
    };
    Ok(RunOptions {
        selection,
        profile,
        by_cadence: args.only.is_empty() && args.tier.is_none(),
        accepted_removals,
        effect,
        now: now(global),
        clock: Arc::new(SystemClock::new()),
    })
}
