//! `orgtrail approve`

use clap::Args;

use super::args::Global;
use super::{Exits, Failure, Ui, now, open};
use crate::config::Environment;
use crate::model::{Severity, SeverityCounts};
use crate::session::{Approver, Choice, approve, fetch_all, last_run, publish, resolve};

/// Agree to what is observed, as a whole or in part
///
/// Makes a commit on the branch of what is agreed, `approved`, with who agreed and why. Its author is --by, else who
/// `GIT_AUTHOR_NAME` and `GIT_AUTHOR_EMAIL` name, else the `user.name` and `user.email` of git. The first approval makes the
/// branch.
///
/// With --change or --entity only these are taken; everything else stays open.
#[derive(Debug, Args)]
pub(super) struct ApproveArgs {
    /// Agree to the state of this revision instead of the last run's
    #[arg(value_name = "REV")]
    revision: Option<String>,

    /// Say why
    #[arg(long, value_name = "TEXT")]
    reason: String,

    /// Say who
    #[arg(long, value_name = "NAME <EMAIL>")]
    by: Option<String>,

    /// Agree only to the change or the field of this fingerprint; repeat for more
    #[arg(long, value_name = "FINGERPRINT")]
    change: Vec<String>,

    /// Agree only to what differs of this entity; repeat for more
    #[arg(long, value_name = "DOMAIN/ENTITY")]
    entity: Vec<String>,

    /// Push the branch to the remote afterwards
    #[arg(long)]
    push: bool,
}

pub(super) fn run(args: &ApproveArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let environment = Environment::of_process();
    let workspace = open(global)?.signing(&environment)?;
    let observed = match &args.revision {
        Some(revision) => resolve(&workspace, revision)?,
        None => last_run(&workspace)?.1,
    };
    let (name, email) = environment.person(args.by.as_deref(), &workspace.trail.user()?)?;
    let choice = if args.change.is_empty() && args.entity.is_empty() {
        Choice::Whole
    } else {
        Choice::Some { fingerprints: args.change.clone(), entities: args.entity.clone() }
    };
    let by = Approver { name, email, reason: args.reason.clone(), now: now(global) };
    let _lock = workspace.trail.lock()?;
    if args.push {
        // Somebody else may have agreed to something meanwhile.
        fetch_all(&workspace, now(global), ui)?;
    }
    let approved = approve(&workspace, observed, &choice, &by, ui)?;
    let branch = &workspace.config.approved;
    match &approved.commit {
        None => ui.say("nothing differs from what is agreed"),
        Some(_) if approved.is_first => ui.say(format!("{branch} holds the state of {observed} now")),
        Some(_) => {
            ui.say(format!(
                "{} agreed to on {branch}, {} open",
                in_words(&approved.accepted),
                in_words(&approved.left)
            ));
        }
    }
    if let Some(commit) = approved.commit {
        ui.data(format!("{commit}\n").as_bytes())?;
    }
    if args.push {
        publish(&workspace, branch, true, now(global), ui)?;
        ui.say(format!("{branch} is on the remote"));
    }
    Ok(Exits::default())
}

fn in_words(counts: &SeverityCounts) -> String {
    if counts.total() == 0 {
        return "none".to_owned();
    }
    let levels = Severity::WORST_FIRST.into_iter().filter(|level| counts.of(*level) > 0);
    levels.map(|level| format!("{} {level}", counts.of(level))).collect::<Vec<_>>().join(", ")
}
