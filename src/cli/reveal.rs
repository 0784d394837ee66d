//! `orgtrail reveal`

use std::path::PathBuf;

use clap::Args;

use super::args::Global;
use super::print::{Plain, plain};
use super::{Exit, Exits, Failure, Ui, now, open};
use crate::config::Environment;
use crate::model::Pointer;
use crate::report;
use crate::session::{Requester, RevealWish, Sides, Target, fetch_all, identities, resolve, reveal, share};

/// Open sealed secrets, for whoever holds an identity
///
/// Values are sealed to the recipients that `[secrets] recipients` names. Each time that one is opened is an entry in the log
/// `refs/orgtrail/reveals`: who, when, what and why, before anything is printed. With --push the log is on the remote by then.
///
/// The identity is that of --identity, else the one that `ORGTRAIL_AGE_IDENTITY` holds. Who opens them is --by, else who
/// `GIT_AUTHOR_NAME` and `GIT_AUTHOR_EMAIL` name, else the `user.name` and `user.email` of git.
#[derive(Debug, Args)]
pub(super) struct RevealArgs {
    /// The entity, by its key or its name
    #[arg(value_name = "DOMAIN/ENTITY")]
    entity: String,

    /// The place of the secret, or what it lies in, as a JSON Pointer
    #[arg(value_name = "PATH")]
    path: Option<String>,

    /// Open what is on record at this revision
    #[arg(long, value_name = "REV", conflicts_with_all = ["from", "to"])]
    at: Option<String>,

    /// Open both sides of the last change
    #[arg(long, conflicts_with_all = ["from", "to"])]
    both: bool,

    /// Open both sides of what changed since this revision
    #[arg(long, value_name = "REV")]
    from: Option<String>,

    /// Open both sides of what changed up to this revision
    #[arg(long, value_name = "REV", requires = "from")]
    to: Option<String>,

    /// Open with the identity in this file
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,

    /// Say why
    #[arg(long, value_name = "TEXT")]
    reason: String,

    /// Say who
    #[arg(long, value_name = "NAME <EMAIL>")]
    by: Option<String>,

    /// Fetch what is sealed first, and push the log before anything is printed
    #[arg(long)]
    push: bool,
}

pub(super) fn run(args: &RevealArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let format = plain("reveal", global)?;
    let environment = Environment::of_process();
    let workspace = open(global)?.signing(&environment)?;
    let identities = identities(&workspace, args.identity.as_deref(), &environment)?;
    let (name, email) = environment.person(args.by.as_deref(), &workspace.trail.user()?)?;
    let by = Requester { name, email, reason: args.reason.clone(), now: now(global) };
    let _lock = workspace.trail.lock()?;
    if args.push {
        fetch_all(&workspace, now(global), ui)?;
    }
    let revision = |named: &Option<String>| resolve(&workspace, named.as_deref().unwrap_or(&workspace.branch));
    let sides = match &args.from {
        Some(from) => Sides::Between(resolve(&workspace, from)?, revision(&args.to)?),
        None if args.both => Sides::OfLastChange(revision(&args.at)?),
        None => Sides::At(revision(&args.at)?),
    };
    let target = Target::read(&args.entity, &workspace.catalogue)?;
    let place = args.path.as_deref().map_or_else(Pointer::root, Pointer::from_text);
    // Without the key a value is shown as well, and said to be unchecked.
    let secrets = environment.secret_key().ok();
    let (revealed, exits) =
        reveal(&workspace, &RevealWish { target, place, sides }, &identities, secrets.as_ref(), &by)?;
    if args.push {
        share(&workspace, now(global), ui)?;
    }
    let mut out = zeroize::Zeroizing::new(Vec::new());
    let written = match format {
        Plain::Json => report::reveal::render_json(&revealed, &mut *out),
        Plain::Text => report::reveal::render_text(&revealed, ui.style(), &mut *out),
        Plain::Markdown => report::reveal::render_markdown(&revealed, &mut *out),
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)?;
    Ok(exits)
}
