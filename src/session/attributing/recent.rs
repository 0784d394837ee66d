//! What recent commits say of the audit log.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::Attributing;
use crate::attribution::{CommitAttribution, Note, Use, trailer};
use crate::model::{Change, Explained};
use crate::record::{CommitKind, between};
use crate::session::failure::Failure;
use crate::session::revision::kind;
use crate::session::time::instant;
use crate::session::workspace::archive;
use crate::trail::{CommitId, CommitInfo};

/// Most commits that are looked at for changes without a record.
const MOST_COMMITS: usize = 400;

/// How far back changes without a record are looked for, at most.
const LONGEST_PENDING: TimeDelta = TimeDelta::days(8);

/// Changes of an earlier run that no record explained so far.
pub(super) struct Pending {
    pub(super) commit: CommitInfo,
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) changes: Vec<Change>,
}

/// What recent commits say of the audit log.
#[derive(Default)]
pub(super) struct Recent {
    pub(super) pending: Vec<Pending>,
    pub(super) used: HashSet<Use>,
    pub(super) told: HashSet<String>,
    pub(super) last_run: Option<DateTime<Utc>>,
}

impl Pending {
    /// When the change was recorded.
    pub(super) fn at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.commit.committer.seconds, 0).unwrap_or_default()
    }
}

/// What an observed commit and its note say of who made its changes.
pub(in crate::session) fn said_by(commit: &CommitInfo, note: Option<&str>) -> CommitAttribution {
    let at = crate::session::time::of_seconds(commit.author.seconds);
    let note = note.and_then(Note::read);
    CommitAttribution::read((&commit.author.name, &commit.author.email, &at), &commit.trailers, note.as_ref())
}

impl Attributing<'_, '_> {
    /// What the last commits say: which records they are explained by, and which changes wait for one.
    pub(super) fn recent(&self, tip: Option<&CommitId>) -> Result<Recent, Failure> {
        let mut recent = Recent::default();
        let Some(tip) = tip else { return Ok(recent) };
        let trail = &self.workspace.trail;
        let oldest = self.options.now - LONGEST_PENDING;
        for commit in trail.first_parents(tip).take(MOST_COMMITS) {
            let commit = commit?;
            let at = DateTime::from_timestamp(commit.committer.seconds, 0).unwrap_or_default();
            if at < oldest {
                break;
            }
            if kind(&commit).is_some() {
                recent.last_run.get_or_insert(at);
            }
            if kind(&commit) != Some(CommitKind::Observed) {
                continue;
            }
            let said = said_by(&commit, trail.note(&commit.id)?.as_deref());
            recent.told.extend(said.audit_ids().map(ToOwned::to_owned));
            recent.used.extend(said.uses());
            if said.is_pending() {
                recent.pending.extend(self.pending(commit, &said)?);
            }
        }
        // The oldest first: a record explains the first change that it fits.
        recent.pending.reverse();
        Ok(recent)
    }

    fn pending(&self, commit: CommitInfo, said: &CommitAttribution) -> Result<Option<Pending>, Failure> {
        let (before, after) =
            (archive(self.workspace, commit.parents.first().copied())?, archive(self.workspace, Some(commit.id))?);
        let mut changes = between(&self.workspace.catalogue, &before, &after, &[])?.changes;
        changes.retain(|change| said.of_change(&change.domain, &change.key).explained == Explained::Pending);
        let interval = commit.trailer(trailer::INTERVAL).and_then(|interval| interval.split_once('/'));
        let since = interval.and_then(|(start, _)| instant(start));
        Ok((!changes.is_empty()).then_some(Pending { commit, since, changes }))
    }
}
