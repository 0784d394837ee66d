//! Agreeing to what is observed, as a whole or in part; and proposing it.

use chrono::{DateTime, Utc};

use super::agreed::{Agreed, tip};
use super::compare::steps_between;
use super::drift::differences;
use super::exit::Exit;
use super::failure::Failure;
use super::observer::Observer;
use super::recording::tool;
use super::workspace::{Workspace, archive};
use crate::attribution::PartChange;
use crate::model::{Change, ChangeKind, SeverityCounts};
use crate::policy::ClassifiedChange;
use crate::record::{ApprovalFacts, Ledger, SNAPSHOT_DIR, agree, approval_message, proposal_message, reason_in_a_line};
use crate::report::ChangeSet;
use crate::trail::{CommitId, FileChange, NewCommit, Signature};

/// Who agrees, why, and when.
#[derive(Clone, Debug)]
pub struct Approver {
    /// The name.
    pub name: String,
    /// The mail address.
    pub email: String,
    /// Why.
    pub reason: String,
    /// The instant.
    pub now: DateTime<Utc>,
}

/// What is agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// All that differs.
    Whole,
    /// Only what these name.
    Some {
        /// Fingerprints of changes or fields.
        fingerprints: Vec<String>,
        /// Entities, as `DOMAIN/KEY` or `DOMAIN/NAME`.
        entities: Vec<String>,
    },
}

/// What was agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// The commit that says so; absent where there was nothing to agree to.
    pub commit: Option<CommitId>,
    /// Whether it is the first one.
    pub is_first: bool,
    /// How many of the changes were agreed to, by level.
    pub accepted: SeverityCounts,
    /// How many are still open, by level.
    pub left: SeverityCounts,
}

/// Agrees to the state of a commit of the observed branch, or to some of what differs from it. The caller holds the lock.
///
/// # Errors
/// [`Failure`] where a choice names nothing that differs, or the branch moved meanwhile.
pub fn approve(
    workspace: &Workspace,
    state: CommitId,
    choice: &Choice,
    by: &Approver,
    observer: &dyn Observer,
) -> Result<Approved, Failure> {
    if reason_in_a_line(&by.reason).is_empty() {
        return Err(Failure::new(Exit::Usage, "an approval has to say why")
            .hint("`--reason` takes a sentence or the number of a request"));
    }
    let branch = &workspace.config.approved;
    let parent = tip(workspace, branch)?;
    let Some(agreed) = Agreed::of(workspace)? else {
        if *choice != Choice::Whole {
            return Err(Failure::new(Exit::Usage, format!("nothing is agreed yet, so there is no {branch} to add to"))
                .hint("approve the whole state first: `orgtrail approve --reason TEXT`"));
        }
        let ledger = ledger_at(workspace, state)?;
        let id = state.to_string();
        let facts = ApprovalFacts { ledger: &ledger, observed: &id, changes: None, fingerprints: &[] };
        let message = approval_message(&facts, &by.reason);
        let files = files_between(workspace, None, &state)?;
        let commit = record(workspace, by, &ledger, None, (message, files))?;
        let none = SeverityCounts::default();
        return Ok(Approved { commit: Some(commit), is_first: true, accepted: none, left: none });
    };
    let set = differences(workspace, &agreed, state, observer)?;
    let chosen = chosen(&set, choice)?;
    let is_whole = *choice == Choice::Whole;
    let (ledger, files) = if is_whole {
        (ledger_at(workspace, state)?, files_between(workspace, Some(&agreed.commit), &state)?)
    } else {
        let (before, after) = (archive(workspace, Some(agreed.commit))?, archive(workspace, Some(state))?);
        let steps = agreed.observed.map(|from| steps_between(workspace, &from, &state)).transpose()?;
        let changes: Vec<Change> = set.changes.iter().map(|one| one.change.clone()).collect();
        let agreement = agree(&workspace.catalogue, (&before, &after), &steps.unwrap_or_default(), &changes, &chosen)?;
        let files = agreement.files.into_iter().map(|(path, content)| FileChange { path, content });
        (agreement.ledger, files.collect())
    };
    let (accepted, left) = counts(&set, &chosen);
    if files.is_empty() {
        return Ok(Approved { commit: None, is_first: false, accepted, left });
    }
    let fingerprints = if is_whole { Vec::new() } else { fingerprints(&set, &chosen) };
    let facts = ApprovalFacts {
        ledger: &ledger,
        observed: &state.to_string(),
        changes: Some(&accepted),
        fingerprints: &fingerprints,
    };
    let message = approval_message(&facts, &by.reason);
    let commit = record(workspace, by, &ledger, parent, (message, files))?;
    Ok(Approved { commit: Some(commit), is_first: false, accepted, left })
}

/// Proposes the state of a commit: one commit on top of what is agreed, on a branch that is the tool's own. The caller holds the
/// lock.
///
/// # Errors
/// [`Failure`] where nothing is agreed yet.
pub(super) fn propose(
    workspace: &Workspace,
    state: CommitId,
    counts: &SeverityCounts,
    now: DateTime<Utc>,
) -> Result<CommitId, Failure> {
    let agreed = Agreed::or_fail(workspace)?;
    let branch = &workspace.config.proposal;
    let ledger = ledger_at(workspace, state)?;
    let signature = tool(&ledger.org, now);
    let id = state.to_string();
    let facts = ApprovalFacts { ledger: &ledger, observed: &id, changes: Some(counts), fingerprints: &[] };
    let message = proposal_message(&facts);
    let commit = NewCommit {
        author: signature.clone(),
        committer: signature.clone(),
        message,
        files: files_between(workspace, Some(&agreed.commit), &state)?,
    };
    let made = workspace.trail.write_commits(Some(&agreed.commit), &[commit])?;
    let proposed = made.last().copied().unwrap_or(agreed.commit);
    let known = workspace.trail.tip(branch)?;
    workspace.trail.move_branch(branch, known.as_ref(), &proposed, &signature)?;
    Ok(proposed)
}

/// What of the changes a choice names.
fn chosen(set: &ChangeSet, choice: &Choice) -> Result<Vec<PartChange>, Failure> {
    let Choice::Some { fingerprints, entities } = choice else {
        return Ok((0..set.changes.len()).map(|change| PartChange { change, fields: None }).collect());
    };
    let mut chosen: Vec<PartChange> = Vec::new();
    for wanted in fingerprints {
        let before = chosen.len();
        for (index, classified) in set.changes.iter().enumerate() {
            let fields: Vec<usize> =
                (0..classified.fields.len()).filter(|field| classified.fields[*field].fingerprint == *wanted).collect();
            if classified.fingerprint == *wanted {
                chosen.push(PartChange { change: index, fields: None });
            } else if !fields.is_empty() {
                let is_whole = classified.change.kind != ChangeKind::Modified;
                chosen.push(PartChange { change: index, fields: (!is_whole).then_some(fields) });
            }
        }
        if chosen.len() == before {
            return Err(no_drift(&format!("no drift has the fingerprint {wanted}")));
        }
    }
    for wanted in entities {
        let Some((domain, entity)) = wanted.split_once('/') else {
            return Err(Failure::new(Exit::Usage, format!("{wanted} is no entity"))
                .hint("name one as DOMAIN/KEY or DOMAIN/NAME, as in routing.queues/Support"));
        };
        let before = chosen.len();
        let is_meant = |one: &ClassifiedChange| {
            one.change.domain.as_str() == domain
                && (one.change.key.as_str() == entity || one.name.as_deref() == Some(entity))
        };
        let meant = (0..set.changes.len()).filter(|index| is_meant(&set.changes[*index]));
        chosen.extend(meant.map(|change| PartChange { change, fields: None }));
        if chosen.len() == before {
            return Err(no_drift(&format!("{wanted} does not differ from what is agreed")));
        }
    }
    Ok(chosen)
}

fn no_drift(what: &str) -> Failure {
    Failure::new(Exit::Usage, what).hint("`orgtrail drift` lists what differs, with fingerprints")
}

/// How many changes are agreed to and how many are left; one of which only some fields are counts on both sides.
fn counts(set: &ChangeSet, chosen: &[PartChange]) -> (SeverityCounts, SeverityCounts) {
    let taken_of = |index: usize| chosen.iter().filter(move |part| part.change == index);
    let is_whole = |index: usize| {
        let fields = &set.changes[index].fields;
        taken_of(index).any(|part| part.fields.is_none())
            || (!fields.is_empty()
                && (0..fields.len()).all(|field| {
                    taken_of(index).any(|part| part.fields.as_ref().is_some_and(|taken| taken.contains(&field)))
                }))
    };
    let level = |index: usize| set.changes[index].judgement.severity;
    let all = 0..set.changes.len();
    let accepted = all.clone().filter(|index| taken_of(*index).next().is_some()).map(level).collect();
    (accepted, all.filter(|index| !is_whole(*index)).map(level).collect())
}

fn fingerprints(set: &ChangeSet, chosen: &[PartChange]) -> Vec<String> {
    let of = |part: &PartChange| {
        let change = &set.changes[part.change];
        let fields = part
            .fields
            .as_ref()
            .map(|fields| fields.iter().map(|field| change.fields[*field].fingerprint.clone()).collect::<Vec<_>>());
        fields.unwrap_or_else(|| vec![change.fingerprint.clone()])
    };
    let mut all: Vec<String> = chosen.iter().flat_map(of).collect();
    all.sort();
    all.dedup();
    all
}

fn ledger_at(workspace: &Workspace, commit: CommitId) -> Result<Ledger, Failure> {
    archive(workspace, Some(commit))?.ledger().cloned().ok_or_else(|| {
        Failure::new(Exit::Usage, format!("{commit} holds no snapshot"))
            .hint("name a commit of the branch that snapshots are committed to")
    })
}

/// What makes the snapshot of one commit that of another.
fn files_between(workspace: &Workspace, from: Option<&CommitId>, to: &CommitId) -> Result<Vec<FileChange>, Failure> {
    let mut files: Vec<FileChange> = Vec::new();
    for file in workspace.trail.files_between(from, to, SNAPSHOT_DIR)? {
        let content = file.after.map(|blob| workspace.trail.blob(&blob)).transpose()?;
        files.push(FileChange { path: file.path, content });
    }
    // What goes, goes first: a file may become a folder.
    files.sort_by_key(|file| file.content.is_some());
    Ok(files)
}

fn record(
    workspace: &Workspace,
    by: &Approver,
    ledger: &Ledger,
    parent: Option<CommitId>,
    (message, files): (String, Vec<FileChange>),
) -> Result<CommitId, Failure> {
    let author = Signature { name: by.name.clone(), email: by.email.clone(), seconds: by.now.timestamp() };
    let committer = tool(&ledger.org, by.now);
    let (trail, branch) = (&workspace.trail, &workspace.config.approved);
    // The remote's may be further than the local branch, which then follows it.
    if let Some(parent) = &parent
        && trail.tip(branch)?.as_ref() != Some(parent)
    {
        trail.move_branch(branch, trail.tip(branch)?.as_ref(), parent, &committer)?;
    }
    let made = trail.commit(branch, parent.as_ref(), &[NewCommit { author, committer, message, files }])?;
    made.last().copied().ok_or_else(|| Failure::new(Exit::Internal, "an approval was made without a commit"))
}
