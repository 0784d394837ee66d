//! The pull request that proposes what is observed.

use chrono::{DateTime, Utc};

use super::acks::acknowledge;
use super::agreed::{Agreed, tip};
use super::approve::propose;
use super::drift::differences;
use super::failure::Failure;
use super::observer::Observer;
use super::remote::{fetch_all, publish};
use super::workspace::Workspace;
use crate::host::{Branches, HostClient, MOST_CHARACTERS, Posted};
use crate::model::SeverityCounts;
use crate::record::{SNAPSHOT_DIR, trailer};
use crate::report::{ChangeSet, review};
use crate::trail::CommitId;

/// What became of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The number of the pull request; absent where there is none.
    pub number: Option<u64>,
    /// What was done about it.
    pub posted: Posted,
    /// What it proposes.
    pub counts: SeverityCounts,
    /// How many changes were seen since that it does not propose.
    pub newer: u64,
    /// What it says, in Markdown; absent where there is none.
    pub text: Option<String>,
}

/// What is to be reviewed: the last run against what is agreed.
///
/// # Errors
/// [`Failure`] where nothing is agreed yet or a state cannot be read.
pub fn review_set(workspace: &Workspace, to: CommitId, observer: &dyn Observer) -> Result<ChangeSet, Failure> {
    differences(workspace, &Agreed::or_fail(workspace)?, to, observer)
}

/// Opens the pull request that proposes a commit of the observed branch, or brings the open one up to date. The caller holds the
/// lock.
///
/// What is under review stays as it is: later runs are told of in its text, and taken in only where that is asked for
/// (`refresh`), or where what it builds on was moved by another approval.
///
/// # Errors
/// [`Failure`] where the remote or the host refuses.
pub async fn propose_by_request(
    workspace: &Workspace,
    host: &HostClient,
    refresh: bool,
    now: DateTime<Utc>,
    observer: &dyn Observer,
) -> Result<Proposal, Failure> {
    fetch_all(workspace, now, observer)?;
    let Some(agreed) = Agreed::of(workspace)? else {
        // A scheduled run goes on until somebody agrees for the first time.
        observer.warn(&format!(
            "nothing is agreed yet: there is no branch {}; `orgtrail approve --reason TEXT --push` makes it",
            workspace.config.approved
        ));
        return Ok(Proposal {
            number: None,
            posted: Posted::Nothing,
            counts: SeverityCounts::default(),
            newer: 0,
            text: None,
        });
    };
    let newest = super::revision::last_run(workspace)?.1;
    let today = now.date_naive();
    let current = acknowledge(workspace, differences(workspace, &agreed, newest, observer)?, today)?;
    let config = &workspace.config;
    let branches = Branches { head: &config.proposal, base: &config.approved };
    let known = host.pull_request(branches).await?;
    let differs = current.open().next().is_some() || !current.baselines.is_empty();
    if known.is_none() && !differs {
        let counts = current.counts();
        return Ok(Proposal { number: None, posted: Posted::Nothing, counts, newer: 0, text: None });
    }
    let under_review = match &known {
        Some(_) if !refresh => proposed(workspace)?,
        _ => None,
    };
    let (subject, set) = match under_review {
        Some(under_review) if under_review != newest => {
            (under_review, acknowledge(workspace, differences(workspace, &agreed, under_review, observer)?, today)?)
        }
        _ => (newest, current.clone()),
    };
    if known.is_none() || refresh || !builds_on(workspace, &agreed.commit)? {
        propose(workspace, subject, &set.counts(), now)?;
        publish(workspace, &config.proposal, false, now, observer)?;
    }
    let newer = newer(&set, &current);
    let mut body = review::body(&set, MOST_CHARACTERS - review::ROOM_FOR_NEWER);
    body.push_str(&review::newer_line(newer, current.changes.is_empty()));
    let title = review::title(&set);
    let counts = set.counts();
    let (number, posted) = if let Some(request) = known {
        let posted = host.describe(&request, &title, &body).await?;
        (request.number, if refresh { Posted::Updated } else { posted })
    } else {
        (host.open(branches, &title, &body).await?.number, Posted::Created)
    };
    Ok(Proposal { number: Some(number), posted, counts, newer, text: Some(body) })
}

/// The commit of the observed branch that the proposal proposes, where that can still be told.
fn proposed(workspace: &Workspace) -> Result<Option<CommitId>, Failure> {
    let Some(proposal) = tip_of_proposal(workspace)? else { return Ok(None) };
    let info = workspace.trail.commit_info(&proposal)?;
    let named = info.trailer(trailer::OBSERVED).and_then(|id| id.parse::<CommitId>().ok());
    let Some(named) = named else { return Ok(None) };
    let is_known = workspace.trail.commit_info(&named).is_ok()
        && workspace.trail.tree_entry(&named, SNAPSHOT_DIR)? == workspace.trail.tree_entry(&proposal, SNAPSHOT_DIR)?;
    Ok(is_known.then_some(named))
}

/// Whether the proposal is one commit on top of what is agreed.
fn builds_on(workspace: &Workspace, agreed: &CommitId) -> Result<bool, Failure> {
    let Some(proposal) = tip_of_proposal(workspace)? else { return Ok(false) };
    Ok(workspace.trail.commit_info(&proposal)?.parents == [*agreed])
}

/// Where the proposal is: on the remote, where it is reviewed.
fn tip_of_proposal(workspace: &Workspace) -> Result<Option<CommitId>, Failure> {
    let branch = &workspace.config.proposal;
    match workspace.trail.remote_tip(&workspace.config.remote, branch)? {
        Some(theirs) => Ok(Some(theirs)),
        None => tip(workspace, branch),
    }
}

/// How many of the current changes are not those under review.
fn newer(under_review: &ChangeSet, current: &ChangeSet) -> u64 {
    let known: std::collections::BTreeSet<&str> =
        under_review.changes.iter().map(|change| change.fingerprint.as_str()).collect();
    let new = current.changes.iter().filter(|change| !known.contains(change.fingerprint.as_str()));
    u64::try_from(new.count()).unwrap_or(u64::MAX)
}
