//! `orgtrail log`

use clap::Args;

use super::args::Global;
use super::print::{Plain, plain};
use super::{Exit, Exits, Failure, Ui, open};
use crate::report;
use crate::session::{History, LogQuery, Observer, Target, resolve, resolve_start};

/// Show the commits in which somebody changed something, newest first
///
/// Of a domain or an entity also what was changed. An entity is named by its key or by a name that it has or had; its history
/// goes on where it was made again under another key. A revision is any git revision, an instant or a date, as for `diff`.
#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// Domain, or entity of a domain, such as "routing.queues/Support EN"
    #[arg(value_name = "DOMAIN[/ENTITY]")]
    target: Option<String>,

    /// Begin behind this revision or date
    #[arg(long, value_name = "REV")]
    since: Option<String>,

    /// End with this revision or date
    #[arg(long, value_name = "REV")]
    until: Option<String>,

    /// Only changes by whoever has this in id, name or mail address
    #[arg(long, value_name = "TEXT")]
    actor: Option<String>,

    /// Only so many commits
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// Also commits that hold no changes: first captures, new forms, coverage
    #[arg(long)]
    all: bool,
}

pub(super) fn run(args: &LogArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let format = plain("log", global)?;
    let workspace = open(global)?;
    let query = LogQuery {
        target: args.target.as_deref().map(|text| Target::read(text, &workspace.catalogue)).transpose()?,
        since: args.since.as_deref().map(|revision| resolve_start(&workspace, revision)).transpose()?.flatten(),
        until: args.until.as_deref().map(|revision| resolve(&workspace, revision)).transpose()?,
        actor: args.actor.clone(),
        least: global.min_severity,
        limit: args.limit,
        all: args.all,
    };
    let log = History::of(&workspace)?.log(&query)?;
    if log.is_cut_off {
        tell_shallow(ui);
    }
    for problem in &log.unjudged {
        ui.warn(&problem.to_string());
    }
    let mut exits = Exits::default();
    let worst = log.entries.iter().filter_map(|entry| match &entry.changes {
        Some(changes) => changes.iter().map(|change| change.judgement.severity).max(),
        None => entry.moment.level,
    });
    if global.fail_on.is_some_and(|level| worst.max() >= Some(level)) {
        exits.add(Exit::Findings);
    }
    let mut out = Vec::new();
    let written = match format {
        Plain::Text => report::log::render_text(&log, ui.style(), &mut out),
        Plain::Json => report::log::render_json(&log, &mut out),
        Plain::Markdown => report::log::render_markdown(&log, &mut out),
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)?;
    Ok(exits)
}

/// Says that this clone does not have all of the history.
pub(super) fn tell_shallow(ui: &Ui) {
    ui.warn("this clone is shallow, its history ends early; `git fetch --unshallow` brings the rest");
}
