//! Which commit holds a change, and where it can be looked at.

use crate::attribution::trailer;
use crate::model::Change;
use crate::policy::ClassifiedChange;
use crate::record::{SNAPSHOT_DIR, domain_of};
use crate::session::{Failure, Workspace};
use crate::trail::CommitInfo;

/// Where commits can be looked at.
pub(super) struct Links {
    template: Option<String>,
}

impl Links {
    pub(super) fn of(workspace: &Workspace) -> Result<Self, Failure> {
        let config = &workspace.config;
        let template = match &config.alerts.link {
            Some(link) => Some(link.clone()),
            None => workspace.trail.commit_page(&config.remote)?,
        };
        Ok(Self { template })
    }

    pub(super) fn to(&self, commit: &str) -> Option<String> {
        self.template.as_ref().map(|template| template.replace("{commit}", commit))
    }
}

/// The commits of a run, with the domains that each touched.
pub(super) struct CommitsOfRun {
    commits: Vec<(CommitInfo, Vec<String>)>,
}

impl CommitsOfRun {
    pub(super) fn of(workspace: &Workspace, commits: &[CommitInfo]) -> Result<Self, Failure> {
        let mut found = Vec::new();
        for commit in commits {
            let files = workspace.trail.files_between(commit.parents.first(), &commit.id, SNAPSHOT_DIR)?;
            let mut domains: Vec<String> =
                files.iter().filter_map(|file| domain_of(&file.path)).map(|domain| domain.to_string()).collect();
            domains.dedup();
            found.push((commit.clone(), domains));
        }
        Ok(Self { commits: found })
    }

    /// The commit that holds a change: of those that touched its domain the one by who made it, else the last.
    pub(super) fn holding(&self, classified: &ClassifiedChange) -> Option<String> {
        let Change { domain, .. } = &classified.change;
        let touching = || self.commits.iter().filter(|(_, domains)| domains.iter().any(|one| one == domain.as_str()));
        let actor = classified.attribution.actors.last().map(|actor| actor.key().to_owned());
        let is_by = |commit: &CommitInfo| {
            actor.as_deref().is_some_and(|actor| {
                [trailer::ACTOR, trailer::CLIENT].iter().any(|name| commit.trailer(name) == Some(actor))
            })
        };
        let own = touching().rfind(|(commit, _)| is_by(commit));
        let found = own.or_else(|| touching().next_back()).or_else(|| self.commits.last());
        found.map(|(commit, _)| commit.id.to_string())
    }
}
