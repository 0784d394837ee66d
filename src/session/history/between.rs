//! Who made the changes between two states.

use super::History;
use super::tracks::Tracks;
use crate::attribution::CommitAttribution;
use crate::history::of_change;
use crate::model::{Attribution, Change, DomainId, EntityKey};
use crate::session::Failure;
use crate::trail::CommitId;

impl History<'_> {
    /// Who made each of some changes, all of which are between two states on one way of first parents.
    pub fn attributions(
        &self,
        from: &CommitId,
        to: &CommitId,
        changes: &[Change],
    ) -> Result<Vec<Attribution>, Failure> {
        let mut parts: Vec<Vec<(Change, Attribution)>> = changes.iter().map(|_| Vec::new()).collect();
        let mut latest: Vec<Option<CommitId>> = changes.iter().map(|_| None).collect();
        // What was removed in one commit and made again in another has a history under each of its keys.
        let mut tracked: Vec<((DomainId, EntityKey), usize)> = Vec::new();
        for (index, change) in changes.iter().enumerate() {
            let keys = change.previous_key.iter().chain([&change.key]);
            tracked.extend(keys.map(|key| ((change.domain.clone(), key.clone()), index)));
        }
        let mut tracks = Tracks::from(self, to, tracked.iter().map(|(entity, _)| entity.clone()))?;
        let mut said: Option<(CommitId, CommitAttribution)> = None;
        while let Some(step) = tracks.next_step(Some(from))? {
            let index = tracked[step.track].1;
            if !step.is_observed() || step.is_cut_off || latest[index] == Some(step.commit.id) {
                continue;
            }
            let Some(change) = step.change(self)? else { continue };
            if said.as_ref().is_none_or(|(commit, _)| *commit != step.commit.id) {
                said = Some((step.commit.id, self.attribution(&step.commit)?));
            }
            let Some((_, said)) = &said else { continue };
            let by = said.of_change(&change.domain, &change.key);
            latest[index] = Some(step.commit.id);
            parts[index].push((change, by));
        }
        let whole = |(change, parts): (&Change, &mut Vec<(Change, Attribution)>)| {
            parts.reverse();
            of_change(change, parts)
        };
        Ok(changes.iter().zip(&mut parts).map(whole).collect())
    }
}
