//! `orgtrail diff`

use clap::Args;

use super::args::Global;
use super::{Exits, Failure, Ui, now, open, print};
use crate::session::{acknowledge, compare, last_run, resolve};

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
    let changes = acknowledge(&workspace, compare(&workspace, from, to, ui)?, now(global).date_naive())?;
    print::changes(&workspace, &changes, global, ui)
}
