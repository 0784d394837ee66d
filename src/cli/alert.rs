//! `orgtrail alert`

use std::sync::Arc;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use super::args::Global;
use super::print::{Plain, plain};
use super::{Exit, Exits, Failure, Ui, now, open, runtime};
use crate::config::Environment;
use crate::genesys::SystemClock;
use crate::notify::Courier;
use crate::report::alerts::{self, AlertReport};
use crate::session::{
    AlertOptions, Effect, Observer, Workspace, alert, has_routes, outlet, outlets, resolve_start, try_channel,
};

/// Tell what has not been told, as the routes of orgtrail.toml say
///
/// Changes and findings since the last time go over the routes to their channels. What a channel does not take now is tried
/// again next time, and the exit code says so. The first time, the last run is told.
///
/// What was told is kept in the trail, and with `--push` on the remote, so that several machines neither lose nor repeat anything.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct AlertArgs {
    #[command(subcommand)]
    command: Option<AlertCommand>,

    /// Begin behind this revision, instead of where telling stopped; what was told is not told again
    #[arg(long, value_name = "REV")]
    since: Option<String>,

    /// Tell the remote what is about to be sent, and what was
    #[arg(long, conflicts_with = "dry_run")]
    push: bool,

    /// Print what would be sent, without its secrets, and send and note nothing
    #[arg(long)]
    dry_run: bool,

    /// Tell of each alert why it is sent or not
    #[arg(long)]
    explain: bool,
}

#[derive(Debug, Subcommand)]
enum AlertCommand {
    /// Send a message to a channel that says that it is a test
    Test {
        /// The channel, as orgtrail.toml calls it
        #[arg(value_name = "CHANNEL")]
        channel: String,
    },
}

pub(super) fn run(args: &AlertArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let format = plain("alert", global)?;
    let environment = Environment::of_process();
    let workspace = open(global)?;
    if let Some(AlertCommand::Test { channel }) = &args.command {
        return test(&workspace, &environment, channel, global, ui);
    }
    if !has_routes(&workspace) {
        let failure = Failure::new(Exit::Usage, "there is nobody to tell: orgtrail.toml has no route with a channel");
        return Err(failure.hint("`orgtrail config template` shows a [[route]] and a section [channels.NAME]"));
    }
    let effect = match (args.dry_run, args.push) {
        (true, _) => Effect::None,
        (false, true) => Effect::Push,
        (false, false) => Effect::Commit,
    };
    let workspace = if effect == Effect::None { workspace } else { workspace.signing(&environment)? };
    let since = args.since.as_deref().map(|revision| resolve_start(&workspace, revision)).transpose()?.flatten();
    let _lock = if effect == Effect::None { None } else { Some(workspace.trail.lock()?) };
    let options = AlertOptions { since, effect, explains: args.explain, ..options(global) };
    let outlets = outlets(&workspace, &environment)?;
    let told = runtime()?.block_on(alert(&workspace, &outlets, &courier(global), &options, ui));
    let (report, exits) = told?;
    print(&report, args.explain, format, ui)?;
    Ok(exits)
}

/// Tells what a run has put on record; what became of it is said beside the run.
pub(super) async fn tell(
    workspace: &Workspace,
    environment: &Environment,
    effect: Effect,
    global: &Global,
    observer: &dyn Observer,
) -> Result<Exits, Failure> {
    let outlets = outlets(workspace, environment)?;
    let options = AlertOptions { effect, ..options(global) };
    let (report, exits) = alert(workspace, &outlets, &courier(global), &options, observer).await?;
    for message in report.messages.iter().filter(|message| message.reason.is_some()) {
        let reason = message.reason.as_deref().unwrap_or_default();
        observer.note(&format!("{} was not told by {}: {reason}", message.channel, message.route));
    }
    Ok(exits)
}

fn options(global: &Global) -> AlertOptions {
    AlertOptions {
        since: None,
        effect: Effect::None,
        explains: false,
        now: now(global),
        clock: Arc::new(SystemClock::new()),
    }
}

/// What sends, by the present of the command line.
pub(super) fn courier(global: &Global) -> Courier {
    let given: Option<DateTime<Utc>> = global.now;
    Courier::new(move || given.unwrap_or_else(Utc::now).timestamp())
}

fn test(
    workspace: &Workspace,
    environment: &Environment,
    channel: &str,
    global: &Global,
    ui: &Ui,
) -> Result<Exits, Failure> {
    let outlets = outlet(workspace, environment, channel)?;
    let (post, options) = (courier(global), options(global));
    runtime()?.block_on(try_channel(workspace, &outlets, &post, channel, &options))?;
    ui.say(format!("{channel} took the message"));
    Ok(Exits::default())
}

fn print(report: &AlertReport, explains: bool, format: Plain, ui: &Ui) -> Result<(), Failure> {
    let mut out = Vec::new();
    match format {
        Plain::Json => alerts::render_json(report, &mut out),
        Plain::Text | Plain::Markdown => alerts::render_text(report, explains, ui.style(), &mut out),
    }
    .map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)
}
