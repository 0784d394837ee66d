//! The commits in which something was changed.

use super::History;
use super::find::Target;
use super::tracks::Tracks;
use crate::history::together;
use crate::model::{Actor, Attribution, Change, Severity};
use crate::policy::ClassifiedChange;
use crate::record::{CommitKind, roots_of};
use crate::report::{Log, LogEntry, Subject};
use crate::session::{Failure, kind};
use crate::trail::{CommitId, CommitInfo};

/// What is asked of the history.
#[derive(Clone, Debug, Default)]
pub struct LogQuery {
    /// The domain or the entity; everything where there is none.
    pub target: Option<Target>,
    /// The state to begin behind.
    pub since: Option<CommitId>,
    /// The last state; the tip of the branch where there is none.
    pub until: Option<CommitId>,
    /// A part of the id, the name or the mail address of who made the changes.
    pub actor: Option<String>,
    /// The least severity.
    pub least: Option<Severity>,
    /// Most commits.
    pub limit: Option<usize>,
    /// Whether commits count that hold no changes.
    pub all: bool,
}

impl LogQuery {
    fn is_full(&self, log: &Log) -> bool {
        self.limit.is_some_and(|limit| log.entries.len() >= limit)
    }

    /// Whether a commit is of a kind that is asked for.
    fn wants(&self, commit: &CommitInfo) -> bool {
        self.all || kind(commit) == Some(CommitKind::Observed)
    }

    fn is_by(&self, attribution: &Attribution) -> bool {
        let Some(wanted) = self.actor.as_ref().map(|wanted| wanted.to_lowercase()) else { return true };
        let fits = |text: &Option<String>| text.as_ref().is_some_and(|text| text.to_lowercase().contains(&wanted));
        let is_it = |actor: &Actor| [&actor.id, &actor.name, &actor.email, &actor.client_id].into_iter().any(fits);
        attribution.actors.iter().any(is_it)
    }
}

impl History<'_> {
    /// The commits in which something was changed, newest first.
    pub fn log(&self, query: &LogQuery) -> Result<Log, Failure> {
        let from = match query.until {
            Some(until) => until,
            None => self.tip()?,
        };
        let mut log = match &query.target {
            None => self.log_of_all(query, &from)?,
            Some(Target { domain, entity: None }) => self.log_of_domain(query, domain, &from)?,
            Some(Target { domain, entity: Some(entity) }) => self.log_of_entity(query, domain, entity, &from)?,
        };
        log.unjudged = self.unjudged();
        Ok(log)
    }

    fn log_of_all(&self, query: &LogQuery, from: &CommitId) -> Result<Log, Failure> {
        let mut log = Log::default();
        let mut is_at_end = true;
        for commit in self.workspace.trail.first_parents(from) {
            let commit = commit?;
            if query.is_full(&log) || Some(commit.id) == query.since {
                is_at_end = false;
                break;
            }
            if !query.wants(&commit) {
                continue;
            }
            let moment = Self::moment(&commit, self.attribution(&commit)?.in_sum());
            let is_bad_enough = query.least.is_none_or(|least| moment.level >= Some(least));
            if is_bad_enough && query.is_by(&moment.attribution) {
                log.entries.push(LogEntry { moment, changes: None });
            }
        }
        log.is_cut_off = is_at_end && self.workspace.trail.is_shallow();
        Ok(log)
    }

    fn log_of_domain(
        &self,
        query: &LogQuery,
        domain: &crate::model::DomainId,
        from: &CommitId,
    ) -> Result<Log, Failure> {
        let definition = self.domain(domain)?;
        let subject = Subject { domain: domain.clone(), key: None, name: None };
        let mut log = Log { subject: Some(subject), ..Log::default() };
        let mut walk = self.workspace.trail.path_walk(from)?;
        for root in roots_of(domain) {
            walk.watch(&root)?;
        }
        while !query.is_full(&log) {
            let Some(turn) = walk.next_turn(query.since.as_ref())? else { break };
            let commit = self.workspace.trail.commit_info(&turn.commit)?;
            if !query.wants(&commit) || (turn.parent.is_none() && self.workspace.trail.is_shallow()) {
                continue;
            }
            let changes = match kind(&commit) {
                Some(CommitKind::Observed) | None => {
                    let around = self.changes_around(&commit, definition)?;
                    around.changes.iter().filter(|change| change.domain == *domain).cloned().collect()
                }
                Some(_) => Vec::new(),
            };
            self.push(query, &mut log, &commit, changes)?;
        }
        log.is_cut_off = walk.at().is_none() && self.workspace.trail.is_shallow();
        Ok(log)
    }

    fn log_of_entity(
        &self,
        query: &LogQuery,
        domain: &crate::model::DomainId,
        entity: &str,
        from: &CommitId,
    ) -> Result<Log, Failure> {
        let definition = self.domain(domain)?;
        let meant = self.find(definition, entity, from)?;
        let mut tracks = Tracks::from(self, from, [(domain.clone(), meant.key().clone())])?;
        let mut last = tracks.value(0);
        let mut log = Log::default();
        while !query.is_full(&log) {
            let Some(step) = tracks.next_step(query.since.as_ref())? else { break };
            last = last.or_else(|| step.before.clone());
            if step.is_cut_off || !query.wants(&step.commit) {
                continue;
            }
            let change = if step.is_observed() { step.change(self)? } else { None };
            if change.is_none() && step.is_observed() {
                continue;
            }
            self.push(query, &mut log, &step.commit, change.into_iter().collect())?;
        }
        log.is_cut_off = tracks.at().is_none() && self.workspace.trail.is_shallow();
        let name = last.and_then(|value| self.name_of(definition, meant.key(), &value, from));
        log.subject = Some(Subject { domain: domain.clone(), key: Some(meant.key().clone()), name });
        Ok(log)
    }

    /// Adds a commit with its changes, as far as they are asked for.
    fn push(&self, query: &LogQuery, log: &mut Log, commit: &CommitInfo, changes: Vec<Change>) -> Result<(), Failure> {
        let is_housekeeping = kind(commit).is_some_and(|kind| kind != CommitKind::Observed);
        let mut shown: Vec<ClassifiedChange> = Vec::new();
        for change in changes {
            let change = self.classified(change, commit)?;
            if query.least.is_none_or(|least| change.judgement.severity >= least) && query.is_by(&change.attribution) {
                shown.push(change);
            }
        }
        if shown.is_empty() && !(is_housekeeping && query.least.is_none() && query.actor.is_none()) {
            return Ok(());
        }
        shown.sort_by_key(|change| std::cmp::Reverse(change.judgement.severity));
        let moment = Self::moment(commit, together(shown.iter().map(|change| &change.attribution)));
        log.entries.push(LogEntry { moment, changes: (!is_housekeeping).then_some(shown) });
        Ok(())
    }
}
