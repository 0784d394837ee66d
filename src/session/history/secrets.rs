//! The secrets of an entity, where they were on record.

use std::collections::BTreeMap;

use super::History;
use super::tracks::Tracks;
use crate::canonical::{SECRET_MEMBER, is_fingerprint, value_of};
use crate::diff::trace;
use crate::model::{CanonicalText, DomainId, EntityKey, Pointer, Value};
use crate::session::Failure;
use crate::trail::CommitId;

/// Fingerprints, by the place of the secret.
pub(in crate::session) type Fingerprints = BTreeMap<Pointer, String>;

/// A commit in which somebody changed secrets of an entity.
pub(in crate::session) struct Rotation {
    /// The commit.
    pub(in crate::session) commit: CommitId,
    /// The state before it.
    pub(in crate::session) parent: Option<CommitId>,
    /// The fingerprints before.
    pub(in crate::session) before: Fingerprints,
    /// The fingerprints after.
    pub(in crate::session) after: Fingerprints,
}

impl History<'_> {
    /// The fingerprints in an entity, at a place or below it.
    pub(in crate::session) fn fingerprints(
        &self,
        domain: &DomainId,
        value: &CanonicalText,
        place: &Pointer,
    ) -> Result<Fingerprints, Failure> {
        let definition = self.domain(domain)?;
        let value = value_of(value);
        let leaves = trace(definition, None, &value).into_iter().filter(|leaf| is_fingerprint(leaf.value));
        let inside = leaves.filter(|leaf| super::blame::is_at_or_below(&leaf.place, place));
        Ok(inside.filter_map(|leaf| Some((leaf.place, fingerprint_in(leaf.value)?))).collect())
    }

    /// The last commit up to a state in which somebody changed what is secret at a place of an entity. What only came under
    /// another key of the tool is the same secret.
    pub(in crate::session) fn last_rotation(
        &self,
        domain: &DomainId,
        key: &EntityKey,
        place: &Pointer,
        at: &CommitId,
    ) -> Result<Option<Rotation>, Failure> {
        let mut tracks = Tracks::from(self, at, [(domain.clone(), key.clone())])?;
        while let Some(step) = tracks.next_step(None)? {
            if !step.is_observed() || step.is_cut_off {
                continue;
            }
            let side = |value: &Option<CanonicalText>| {
                value.as_ref().map_or_else(|| Ok(Fingerprints::new()), |value| self.fingerprints(domain, value, place))
            };
            let (before, after) = (side(&step.before)?, side(&step.after)?);
            if before != after && !before.is_empty() {
                let parent = step.commit.parents.first().copied();
                return Ok(Some(Rotation { commit: step.commit.id, parent, before, after }));
            }
        }
        Ok(None)
    }
}

fn fingerprint_in(value: &Value<'_>) -> Option<String> {
    value.get(SECRET_MEMBER).and_then(Value::as_str).map(ToOwned::to_owned)
}
