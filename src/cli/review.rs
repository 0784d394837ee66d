//! `orgtrail review`

use clap::Args;

use super::args::{Format, Global};
use super::{Exits, Failure, Ui, now, open, print, runtime};
use crate::config::Environment;
use crate::host::{HostClient, MOST_CHARACTERS, Posted};
use crate::report::{self, ChangeSet};
use crate::session::{Agreed, Exit, acknowledge, compare, last_run, propose_by_request, resolve, review_set};

/// Write changes as the text of a pull request
///
/// Compares the last run with what is agreed, or two revisions. The text is Markdown: a summary, then each decision, worst
/// first; the same thing done to many entities is one decision.
///
/// --post makes it a comment of a pull request, always the same one; --open-pr opens the pull request that proposes what is
/// observed, and keeps its text up to date. Both work with the REST API of GitHub and take `GITHUB_TOKEN`,
/// `GITHUB_REPOSITORY` and `GITHUB_API_URL` from the environment. Nothing is posted where nothing differs.
#[derive(Debug, Args)]
pub(super) struct ReviewArgs {
    /// Revision to compare from, instead of what is agreed
    #[arg(value_name = "FROM", conflicts_with = "open_pr")]
    from: Option<String>,

    /// Revision to compare to, instead of the last run
    #[arg(value_name = "TO", conflicts_with = "open_pr")]
    to: Option<String>,

    /// Post the text as a comment of the pull request, or bring that comment up to date
    #[arg(long)]
    post: bool,

    /// Number of the pull request; by default the one that the job is about
    #[arg(long, value_name = "N", requires = "post")]
    pull_request: Option<u64>,

    /// Open the pull request that proposes what is observed, or bring its text up to date
    #[arg(long, conflicts_with = "post")]
    open_pr: bool,

    /// Take what is observed now into the open pull request
    #[arg(long, requires = "open_pr")]
    refresh: bool,
}

pub(super) fn run(args: &ReviewArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let workspace = open(global)?;
    if args.open_pr {
        return open_pr(args, global, ui);
    }
    let set = match (&args.from, &args.to) {
        (None, None) if Agreed::of(&workspace)?.is_some() => review_set(&workspace, last_run(&workspace)?.1, ui)?,
        (None, None) => {
            ui.say(format!(
                "nothing is agreed yet ({} is missing), so this is the last run",
                workspace.config.approved
            ));
            let (from, to) = last_run(&workspace)?;
            compare(&workspace, from, to, ui)?
        }
        (Some(from), to) => {
            let to = to.as_ref().unwrap_or(&workspace.branch);
            compare(&workspace, resolve(&workspace, from)?, resolve(&workspace, to)?, ui)?
        }
        (None, Some(_)) => return Err(Failure::new(Exit::Usage, "TO without FROM")),
    };
    let set = acknowledge(&workspace, set, now(global).date_naive())?;
    let shown = global.min_severity.map_or_else(|| set.clone(), |level| set.clone().at_least(level));
    if args.post {
        post(args, &shown, ui)?;
    }
    match global.format {
        Format::Text | Format::Markdown => {
            let mut out = Vec::new();
            report::review::render(&shown, &mut out).map_err(|error| Failure::of(Exit::Internal, &error))?;
            ui.data(&out)?;
            Ok(print::exits(set.counts().worst(), global))
        }
        _ => print::changes(&workspace, &set, global, ui),
    }
}

/// Makes the text the one comment of a pull request.
fn post(args: &ReviewArgs, set: &ChangeSet, ui: &Ui) -> Result<(), Failure> {
    let place = Environment::of_process().host()?;
    let number = args.pull_request.or(place.pull_request).ok_or_else(|| {
        Failure::new(Exit::Usage, "no pull request to post to")
            .hint("`--pull-request N` names one; a job that a pull request started knows it")
    })?;
    let host = HostClient::new(&place.url, &place.repository, &place.token)?;
    let marker = "<!-- orgtrail review -->";
    let posted = runtime()?.block_on(async {
        let nothing = set.open().next().is_none() && !host.has_comment(number, marker).await?;
        let text = (!nothing).then(|| report::review::body(set, MOST_CHARACTERS - marker.len() - 1));
        host.stick(number, marker, text.as_deref()).await
    })?;
    ui.say(match posted {
        Posted::Created => format!("commented on pull request {number}"),
        Posted::Updated => format!("brought the comment on pull request {number} up to date"),
        Posted::Unchanged => format!("the comment on pull request {number} says so already"),
        Posted::Nothing => "nothing differs, so nothing was posted".to_owned(),
    });
    Ok(())
}

fn open_pr(args: &ReviewArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let environment = Environment::of_process();
    let workspace = open(global)?.signing(&environment)?;
    let place = environment.host()?;
    let host = HostClient::new(&place.url, &place.repository, &place.token)?;
    let _lock = workspace.trail.lock()?;
    let proposal = runtime()?.block_on(propose_by_request(&workspace, &host, args.refresh, now(global), ui))?;
    let number = proposal.number.map(|number| number.to_string()).unwrap_or_default();
    ui.say(match proposal.posted {
        Posted::Created => format!("opened pull request {number}"),
        Posted::Updated => format!("brought pull request {number} up to date"),
        Posted::Unchanged => format!("pull request {number} says so already"),
        Posted::Nothing => "nothing differs from what is agreed, so nothing was proposed".to_owned(),
    });
    if proposal.newer > 0 {
        ui.say(format!("{} more changes since then are not part of it; --refresh takes them in", proposal.newer));
    }
    if let Some(text) = &proposal.text {
        ui.data(text.as_bytes())?;
    }
    Ok(print::exits(proposal.counts.worst(), global))
}
