//! Since when entities differ from what is agreed, and what of it is over.

use std::collections::{BTreeMap, BTreeSet};

use super::History;
use crate::model::{CanonicalText, DomainId, EntityKey};
use crate::record::{CommitKind, SNAPSHOT_DIR, domain_of, trailer};
use crate::review::{Lifetime, lifetimes};
use crate::session::{Failure, commits_between, kind};
use crate::trail::{CommitId, CommitInfo, FileTurn};

/// The differences of an entity from what is agreed, over time.
pub(in crate::session) struct EntityLifetimes {
    pub(in crate::session) domain: DomainId,
    pub(in crate::session) key: EntityKey,
    pub(in crate::session) lifetimes: Vec<Lifetime<CommitId>>,
    /// Whether the stored form of the domain changed meanwhile, so that what is over cannot be told from what is written
    /// otherwise.
    pub(in crate::session) is_reshaped: bool,
}

/// The states that an entity was seen in, oldest first.
type States = Vec<(CommitId, Option<CanonicalText>)>;

impl History<'_> {
    /// How the entities that changed after one commit and up to another differed from what is agreed, by domain and key.
    ///
    /// Only states that the organisation was in count: of several commits of a run that of the last.
    pub(in crate::session) fn lifetimes(
        &self,
        agreed: &CommitId,
        from: &CommitId,
        to: &CommitId,
    ) -> Result<Vec<EntityLifetimes>, Failure> {
        let commits = commits_between(self.workspace, from, to)?.unwrap_or_default();
        let mut states: BTreeMap<(DomainId, EntityKey), States> = BTreeMap::new();
        let mut reshaped: BTreeSet<DomainId> = BTreeSet::new();
        let mut before = *from;
        for run in runs(&commits) {
            let Some(last) = run.last() else { continue };
            for commit in run.iter().filter(|commit| kind(commit).is_some_and(|kind| kind != CommitKind::Observed)) {
                let files = self.workspace.trail.files_between(commit.parents.first(), &commit.id, SNAPSHOT_DIR)?;
                reshaped.extend(files.iter().filter_map(|file| domain_of(&file.path)));
            }
            let mut files: BTreeMap<DomainId, Vec<FileTurn>> = BTreeMap::new();
            for file in self.workspace.trail.files_between(Some(&before), &last.id, SNAPSHOT_DIR)? {
                if let Some(id) = domain_of(&file.path) {
                    files.entry(id).or_default().push(file);
                }
            }
            for (id, files) in files {
                let (old, mut new) = self.differing(&id, &files)?;
                let keys: BTreeSet<EntityKey> = old.entities.into_keys().chain(new.entities.keys().cloned()).collect();
                for key in keys {
                    let state = new.entities.remove(&key);
                    states.entry((id.clone(), key)).or_default().push((last.id, state));
                }
            }
            before = last.id;
        }
        let mut found = Vec::new();
        for ((id, key), states) in states {
            let Some(domain) = self.workspace.catalogue.get(&id) else { continue };
            let agreed = self.state(Some(*agreed)).find(&id, &key)?;
            let lifetimes = lifetimes(domain, &key, agreed.as_ref(), &states);
            found.push(EntityLifetimes { is_reshaped: reshaped.contains(&id), domain: id, key, lifetimes });
        }
        Ok(found)
    }
}

/// Commits by the run that made them, oldest first; what the tool did not make stands alone.
fn runs(commits: &[CommitInfo]) -> impl Iterator<Item = &[CommitInfo]> {
    commits.chunk_by(|one, next| {
        let run = |commit: &CommitInfo| commit.trailer(trailer::RUN).map(ToOwned::to_owned);
        run(one).is_some() && run(one) == run(next)
    })
}
