//! Whether the history of a trail is what the tool wrote: every commit by first parents, what the repository knows besides, and
//! the runs that the heartbeat tells of.

mod contents;
mod history;
mod known;
mod signatures;

pub(super) use known::remote_view;

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::exit::{Exit, Exits};
use super::failure::Failure;
use super::workspace::{Workspace, archive};
use crate::integrity::{AllowedSigners, ChainCommit, Fault, Role, View, check_chain, findings_in_order};
use crate::model::Finding;
use crate::report::{RemoteView, Signed, Verified};
use crate::trail::CommitId;
use contents::Contents;
use history::Walked;

/// What is to be verified.
#[derive(Clone, Copy, Debug)]
pub struct VerifyOptions {
    /// The last commit; the tip of the branch where there is none.
    pub until: Option<CommitId>,
    /// The commit to begin behind, which is taken as it is; everything where there is none.
    pub since: Option<CommitId>,
    /// How long there may be no run; four times as long as usual where nothing is said.
    pub max_gap: Option<Duration>,
    /// The present.
    pub now: DateTime<Utc>,
}

/// A history as far as it was read.
pub(super) struct Read<'w> {
    workspace: &'w Workspace,
    options: VerifyOptions,
    /// The commits, oldest first, each with its id.
    commits: Vec<(CommitId, ChainCommit)>,
    base: Option<ChainCommit>,
    /// How many of them there are before each that cannot be read.
    gaps: Vec<usize>,
    to: CommitId,
    is_whole: bool,
    is_to_tip: bool,
}

/// Verifies commits by themselves, whatever else is known, with the keys that are given or else with those of the trail.
///
/// # Errors
/// [`Failure`] as for [`verify`].
pub(super) fn verify_alone(
    workspace: &Workspace,
    options: &VerifyOptions,
    allowed: Option<&AllowedSigners>,
) -> Result<Vec<Finding>, Failure> {
    let to = options.until.ok_or_else(super::revision::no_snapshot)?;
    let (read, mut findings, _) = read(workspace, options, to, Reach::Commits)?;
    let allowed = allowed.cloned().map_or_else(|| workspace.allowed_signers(), |allowed| Ok(Some(allowed)))?;
    findings.extend(signatures::check(&read, allowed)?.1);
    Ok(findings_in_order(findings))
}

/// Verifies a history, offline.
///
/// # Errors
/// [`Failure`] where there is nothing to verify, or the trail is of a later version; what is wrong with it is found, not failed on.
pub fn verify(workspace: &Workspace, options: &VerifyOptions) -> Result<(Verified, Exits), Failure> {
    let tip = workspace.tip()?;
    let to = options.until.or(tip).ok_or_else(super::revision::no_snapshot)?;
    let reach = if Some(to) == tip { Reach::Tip } else { Reach::Commits };
    let (read, mut findings, mut contents) = read(workspace, options, to, reach)?;
    if read.is_to_tip {
        let found = contents.check_forms(&to);
        findings.extend(found.unwrap_or_else(|failure| vec![history::unreadable(&to, &failure.message)]));
    }
    let (signed, of_signatures) = signatures::check(&read, workspace.allowed_signers()?)?;
    findings.extend(of_signatures);
    let (remote, of_others) = known::check(&read).unwrap_or_else(|failure| {
        // The way to what was known before leads through what cannot be read.
        (RemoteView::CouldNotTell, vec![history::unreadable(&to, &failure.message)])
    });
    findings.extend(of_others);
    Ok(told(&read, findings_in_order(findings), signed, remote))
}

/// Whether commits are all that is looked at, or they lead to the tip of the branch, of which more is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Commits,
    Tip,
}

/// Reads the commits and checks what they put on record, and that each could follow the one before.
fn read<'w>(
    workspace: &'w Workspace,
    options: &VerifyOptions,
    to: CommitId,
    reach: Reach,
) -> Result<(Read<'w>, Vec<Finding>, Contents<'w>), Failure> {
    // What a later version wrote cannot be judged here.
    refuse_newer(workspace, to)?;
    let Walked { ids, base, is_whole, mut findings } = history::walk(workspace, to, options.since)?;
    let mut contents = Contents::of(workspace, base);
    let mut read = Read {
        workspace,
        options: *options,
        commits: Vec::with_capacity(ids.len()),
        base: None,
        gaps: Vec::new(),
        to,
        is_whole,
        is_to_tip: reach == Reach::Tip,
    };
    if let Some(base) = base {
        read.base = Some(history::chain_commit(workspace, &base)?.0);
    }
    for id in ids {
        match history::chain_commit(workspace, &id) {
            Ok((commit, turns)) => {
                let found = contents.check(&id, &commit, &turns);
                findings.extend(found.unwrap_or_else(|failure| vec![history::unreadable(&id, &failure.message)]));
                read.commits.push((id, commit));
            }
            Err(error) => {
                findings.push(history::unreadable(&id, &error.to_string()));
                read.is_whole = false;
                read.gaps.push(read.commits.len());
            }
        }
    }
    findings.extend(read.check_chain());
    Ok((read, findings, contents))
}

fn told(read: &Read<'_>, findings: Vec<Finding>, signed: Signed, remote: RemoteView) -> (Verified, Exits) {
    let is_broken = |finding: &Finding| Fault::from_id(&finding.rule).is_some_and(Fault::breaks_integrity);
    let mut exits = Exits::default();
    if findings.iter().any(is_broken) {
        exits.add(Exit::Integrity);
    }
    let count = |commits: usize| u64::try_from(commits).unwrap_or(u64::MAX);
    let verified = Verified {
        branch: read.workspace.branch.clone(),
        commit: read.to.to_string(),
        since: read.base.as_ref().map(|base| base.id.clone()),
        is_whole: read.is_whole,
        commits: count(read.commits.len()),
        own_commits: count(read.tools().count()),
        is_sound: exits.codes() == [0],
        signed,
        remote,
        findings,
    };
    (verified, exits)
}

/// The state of a commit has to be one that this version knows; what is damaged is a matter of the findings.
fn refuse_newer(workspace: &Workspace, commit: CommitId) -> Result<(), Failure> {
    match archive(workspace, Some(commit)) {
        Err(failure) if failure.is_of_later_version => Err(failure),
        _ => Ok(()),
    }
}

impl Read<'_> {
    /// Checks the commits one after the other. What comes behind one that cannot be read begins anew, with a commit that is taken
    /// as it is.
    fn check_chain(&self) -> Vec<Finding> {
        let commits: Vec<ChainCommit> = self.commits.iter().map(|(_, commit)| commit.clone()).collect();
        let view = View { is_whole: self.is_whole, is_to_tip: self.is_to_tip, now: self.options.now.timestamp() };
        let (mut findings, mut rest, mut base, mut from) = (Vec::new(), commits.as_slice(), self.base.as_ref(), 0);
        for gap in &self.gaps {
            // Of several that cannot be read in a row, the first has begun anew already.
            let Some(count) = gap.checked_sub(from) else { continue };
            let (before, after) = rest.split_at(count);
            findings.extend(check_chain(base, before, View { is_to_tip: false, ..view }));
            (base, rest) = match after.split_first() {
                Some((first, after)) => (Some(first), after),
                None => (None, after),
            };
            from = commits.len() - rest.len();
        }
        findings.extend(check_chain(base, rest, view));
        findings
    }

    /// The commits of the tool, oldest first.
    fn tools(&self) -> impl DoubleEndedIterator<Item = &(CommitId, ChainCommit)> {
        self.commits.iter().filter(|(_, commit)| commit.role() == Role::Tool)
    }
}
