//! What is new: the changes of the runs that nobody was told of, and what was found besides.

use super::links::{CommitsOfRun, Links};
use crate::alert::{Deliveries, Occasion, Raised, Teller, Told, Watermark};
use crate::canonical::Scan;
use crate::model::{Acknowledged, ChangeKind};
use crate::policy::{ClassifiedChange, Names};
use crate::record::{CommitKind, trailer};
use crate::session::observer::Observer;
use crate::session::revision::{kind, last_run};
use crate::session::time::of_seconds;
use crate::session::workspace::archive;
use crate::session::{Exit, Failure, Workspace, acknowledge, compare};
use crate::trail::{CommitId, CommitInfo};

/// Something that is new.
pub(super) struct News {
    pub(super) told: Told,
    pub(super) raised: Raised,
    /// Who lets it stay; then nobody is told.
    pub(super) acknowledged: Option<Acknowledged>,
}

/// What the runs after a commit changed.
pub(super) struct RunsSince {
    pub(super) news: Vec<News>,
    /// How far that goes.
    pub(super) watermark: Option<Watermark>,
}

/// Where to begin.
pub(super) enum Begin {
    /// Behind what was told.
    Watermark(Watermark),
    /// Behind a commit.
    Commit(CommitId),
}

impl Begin {
    /// Where telling begins: where it is asked to, where it stopped, or with the last run.
    pub(super) fn of(
        workspace: &Workspace,
        since: Option<CommitId>,
        known: Option<&Deliveries>,
    ) -> Result<Self, Failure> {
        match (since, known.and_then(|known| known.watermark.clone())) {
            (Some(commit), _) => Ok(Self::Commit(commit)),
            (None, Some(watermark)) => Ok(Self::Watermark(watermark)),
            (None, None) => last_run(workspace).map(|(from, _)| Self::Commit(from)),
        }
    }

    fn is_at(&self, commit: &CommitInfo) -> bool {
        match self {
            Self::Commit(begin) => commit.id == *begin,
            // A commit that was rebuilt on another one has another id; what is older was told.
            Self::Watermark(mark) => {
                let run = commit.trailer(trailer::RUN);
                commit.id.to_string() == mark.commit
                    || (run.is_some() && run == mark.run.as_deref())
                    || (run.is_some() && of_seconds(commit.committer.seconds) < mark.at)
            }
        }
    }
}

/// What the runs since a commit changed, oldest first.
pub(super) fn since(
    workspace: &Workspace,
    begin: &Begin,
    teller: &Teller<'_>,
    observer: &dyn Observer,
) -> Result<RunsSince, Failure> {
    let Some(tip) = workspace.tip()? else { return Ok(RunsSince { news: Vec::new(), watermark: None }) };
    let mut commits = Vec::new();
    let mut is_whole = false;
    for commit in workspace.trail.first_parents(&tip) {
        let commit = commit?;
        if begin.is_at(&commit) {
            is_whole = true;
            break;
        }
        commits.push(commit);
    }
    if !is_whole && workspace.trail.is_shallow() {
        let failure =
            Failure::new(Exit::Usage, "could not tell what is new: this clone lacks the history since the last alert");
        return Err(failure.hint("`git fetch --unshallow` brings what was left out"));
    }
    commits.reverse();
    let links = Links::of(workspace)?;
    let mut news = Vec::new();
    for run in runs_of(&commits) {
        news.extend(of_run(workspace, &run, teller, &links, observer)?);
    }
    Ok(RunsSince { news, watermark: watermark(workspace, &tip)? })
}

/// How far a branch goes: its tip, and the last run on it. What its users commit has other times.
fn watermark(workspace: &Workspace, tip: &CommitId) -> Result<Option<Watermark>, Failure> {
    for commit in workspace.trail.first_parents(tip) {
        let commit = commit?;
        if let Some(run) = commit.trailer(trailer::RUN) {
            let at = of_seconds(commit.committer.seconds);
            return Ok(Some(Watermark { at, commit: tip.to_string(), run: Some(run.to_owned()) }));
        }
    }
    Ok(None)
}

/// The observed commits, run by run.
fn runs_of(commits: &[CommitInfo]) -> Vec<Vec<CommitInfo>> {
    let mut runs: Vec<Vec<CommitInfo>> = Vec::new();
    for commit in commits.iter().filter(|commit| kind(commit) == Some(CommitKind::Observed)) {
        let run = commit.trailer(trailer::RUN);
        match runs.last_mut() {
            Some(last) if last.first().and_then(|first| first.trailer(trailer::RUN)) == run => {
                last.push(commit.clone())
            }
            _ => runs.push(vec![commit.clone()]),
        }
    }
    runs
}

fn of_run(
    workspace: &Workspace,
    commits: &[CommitInfo],
    teller: &Teller<'_>,
    links: &Links,
    observer: &dyn Observer,
) -> Result<Vec<News>, Failure> {
    let (Some(first), Some(last)) = (commits.first(), commits.last()) else { return Ok(Vec::new()) };
    let Some(from) = first.parents.first().copied() else { return Ok(Vec::new()) };
    let at = of_seconds(last.committer.seconds);
    let set = compare(workspace, from, last.id, observer)?;
    let today = chrono::DateTime::from_timestamp(last.committer.seconds, 0).unwrap_or_default().date_naive();
    let set = acknowledge(workspace, set, today)?;
    let (before, after) = (archive(workspace, Some(from))?, archive(workspace, Some(last.id))?);
    let names = Names::new(&workspace.catalogue, &before, &after);
    let holders = CommitsOfRun::of(workspace, commits)?;
    let news = set.changes.iter().map(|classified| {
        let commit = holders.holding(classified);
        let occasion = Occasion {
            run: first.trailer(trailer::RUN).unwrap_or_default().to_owned(),
            at: at.clone(),
            link: commit.as_deref().and_then(|commit| links.to(commit)),
            commit,
        };
        News {
            told: teller.change(classified, &names, &occasion),
            raised: raised(classified, from),
            acknowledged: set.acknowledged(classified).cloned(),
        }
    });
    Ok(news.collect())
}

fn raised(classified: &ClassifiedChange, before: CommitId) -> Raised {
    let change = &classified.change;
    if change.kind == ChangeKind::Recreated {
        // The one that was there before cannot come back under its key.
        return Raised::Once;
    }
    Raised::Change {
        before: before.to_string(),
        domain: change.domain.clone(),
        key: change.key.clone(),
        kind: change.kind,
        paths: change.fields.iter().map(|field| field.path.clone()).collect(),
    }
}

/// Who makes alerts of what a trail has on record.
pub(super) fn teller<'t>(workspace: &'t Workspace, scan: &'t Scan, org: &'t str) -> Teller<'t> {
    Teller { catalogue: &workspace.catalogue, scan, people: workspace.config.alerts.people, org }
}
