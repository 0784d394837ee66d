//! `orgtrail verify`

use std::time::Duration;

use clap::Args;

use super::args::{Format, Global};
use super::{Exit, Exits, Failure, Ui, now, open, print};
use crate::config::time;
use crate::report;
use crate::report::{Findings, Verified};
use crate::session::{VerifyOptions, resolve, resolve_start, verify};

/// Check that the history is what orgtrail wrote, commit by commit
///
/// Uses no network. Looks at every commit of the branch by first parents, at signatures where the trail asks for them, and at
/// what the repository knows besides: the branch of the remote as it was last seen, the log of the branch, notes, and the times
/// of runs. Exits with 6 where the history cannot be trusted.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Last commit to look at; by default the tip of the branch
    #[arg(value_name = "REV")]
    revision: Option<String>,

    /// Begin behind this revision or date, which is taken as it is
    #[arg(long, value_name = "REV")]
    since: Option<String>,

    /// Tell of every longer time without a run, such as 2h; by default of four times as long as usual
    #[arg(long, value_name = "TIME", value_parser = length)]
    max_gap: Option<Duration>,
}

pub(super) fn run(args: &VerifyArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let workspace = open(global)?;
    let options = VerifyOptions {
        until: args.revision.as_deref().map(|revision| resolve(&workspace, revision)).transpose()?,
        since: args.since.as_deref().map(|revision| resolve_start(&workspace, revision)).transpose()?.flatten(),
        max_gap: args.max_gap,
        now: now(global),
    };
    let (mut verified, mut exits) = verify(&workspace, &options)?;
    if global.fail_on.is_some_and(|level| verified.findings.iter().any(|finding| finding.severity >= level)) {
        exits.add(Exit::Findings);
    }
    if let Some(least) = global.min_severity {
        verified.findings.retain(|finding| finding.severity >= least);
    }
    print_verified(&verified, global, ui)?;
    Ok(exits)
}

fn print_verified(verified: &Verified, global: &Global, ui: &Ui) -> Result<(), Failure> {
    let mut out = Vec::new();
    let written = match global.format {
        Format::Json => report::verify::render_json(verified, &mut out),
        Format::Text => report::verify::render_text(verified, ui.style(), &mut out),
        _ => {
            // The exit code is that of the whole, whatever is shown.
            let found = Findings::arranged("The history", None, verified.findings.clone());
            return print::findings(&found, global, ui).map(drop);
        }
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)
}

pub(super) fn length(text: &str) -> Result<Duration, String> {
    time(text).ok_or_else(|| "expected a time such as 90m, 2h or 1d".to_owned())
}
