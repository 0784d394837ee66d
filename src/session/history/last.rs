//! When entities were last changed, many at once.

use std::collections::BTreeMap;

use super::History;
use super::tracks::Tracks;
use crate::audit::orphans::LastChange;
use crate::model::{DomainId, EntityKey};
use crate::session::Failure;
use crate::session::time::of_seconds;
use crate::trail::CommitId;

impl History<'_> {
    /// When each of some entities was last changed up to a commit; of one that is not there, when it went. Nothing is said of
    /// those that this clone does not know the last change of.
    pub(in crate::session) fn last_changes(
        &self,
        at: &CommitId,
        mut entities: Vec<(DomainId, EntityKey)>,
    ) -> Result<BTreeMap<(DomainId, EntityKey), LastChange>, Failure> {
        entities.sort();
        entities.dedup();
        let mut tracks = Tracks::from(self, at, entities.iter().cloned())?;
        let mut found = BTreeMap::new();
        while found.len() < entities.len() {
            let Some(step) = tracks.next_step(None)? else { break };
            let entity = &entities[step.track];
            if found.contains_key(entity) || step.is_cut_off {
                continue;
            }
            let is_first = step.before.is_none();
            let is_change = step.is_observed() && step.change(self)?.is_some();
            if !is_first && !is_change {
                continue;
            }
            let attribution = self.attribution(&step.commit)?.of_change(&step.domain, &step.key);
            let last = LastChange {
                at: of_seconds(step.commit.committer.seconds),
                is_as_first_recorded: is_first && !is_change,
                actors: attribution.actors,
            };
            found.insert(entity.clone(), last);
        }
        Ok(found)
    }
}
