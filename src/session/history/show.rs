//! An entity at a revision.

use super::History;
use super::tracks::{Step, Tracks};
use crate::canonical::value_of;
use crate::catalogue::Domain;
use crate::diff::{Leaf, trace};
use crate::model::{CanonicalText, DomainId, EntityKey, Pointer};
use crate::policy::Names;
use crate::record::CommitKind;
use crate::report::{Entities, Fate, Moment, Shown, Subject};
use crate::session::{Failure, kind};
use crate::trail::CommitId;

impl History<'_> {
    /// Every entity of a domain at a revision.
    pub fn entities(&self, domain: &DomainId, at: &CommitId) -> Result<Entities, Failure> {
        let definition = self.domain(domain)?;
        let entities = self.names_of(definition, at)?;
        Ok(Entities { domain: domain.clone(), at: self.endpoint(at)?, entities })
    }

    /// An entity at a revision; of one that is not there, when it came or went and by whom.
    pub fn show(&self, domain: &DomainId, entity: &str, at: &CommitId) -> Result<Shown, Failure> {
        let definition = self.domain(domain)?;
        let (key, later, newer) = if let Some(meant) = self.search(definition, entity, at)? {
            (meant.key().clone(), None, None)
        } else {
            let (key, comes, value) = self.find_later(definition, entity, at)?;
            (key, Some(comes), value)
        };
        let mut tracks = Tracks::from(self, at, [(domain.clone(), key.clone())])?;
        let value = tracks.value(0);
        let mut last = None;
        let mut known = value.clone().or(newer);
        while last.is_none() {
            let Some(step) = tracks.next_step(None)? else { break };
            known = known.or_else(|| step.before.clone());
            last = self.moment_of(&step)?;
        }
        let is_cut_off = last.is_none() && self.workspace.trail.is_shallow();
        let fate = match (later, &last) {
            _ if value.is_some() => None,
            (Some(came), _) => Some(Fate::NotYet(came)),
            (None, Some(went)) => Some(Fate::Gone(went.clone())),
            (None, None) => None,
        };
        let name = known.as_ref().and_then(|value| self.name_of(definition, &key, value, at));
        let leaves = value.as_ref().map(|value| self.leaves_of(definition, value, at)).unwrap_or_default();
        let last = last.filter(|_| value.is_some());
        let subject = Subject { domain: domain.clone(), key: Some(key), name };
        Ok(Shown { subject, at: self.endpoint(at)?, value, leaves, last, fate, is_cut_off, reach: None })
    }

    /// An entity that is known on the branch only after a state: the key that it has in the state or comes with, and, where it
    /// is not there yet, the commit in which it comes, and what it is then.
    fn find_later(
        &self,
        domain: &Domain,
        entity: &str,
        at: &CommitId,
    ) -> Result<(EntityKey, Option<Moment>, Option<CanonicalText>), Failure> {
        let tip = self.tip()?;
        let meant = self.find(domain, entity, &tip)?.key().clone();
        let mut tracks = Tracks::from(self, &tip, [(domain.id.clone(), meant)])?;
        let (mut came, mut value) = (None, None);
        while let Some(step) = tracks.next_step(Some(at))? {
            if step.before.is_none() {
                came = Some(self.moment_with(&step)?);
                value = step.after;
            }
        }
        let is_there = tracks.value(0).is_some();
        Ok((tracks.key(0).clone(), came.filter(|_| !is_there), value))
    }

    /// The commit of a step with who made the change; `None` where nobody changed the entity in it.
    fn moment_of(&self, step: &Step) -> Result<Option<Moment>, Failure> {
        if step.is_cut_off {
            return Ok(None);
        }
        let is_first = step.before.is_none() && kind(&step.commit) == Some(CommitKind::Baseline);
        if is_first || (step.is_observed() && step.change(self)?.is_some()) {
            return self.moment_with(step).map(Some);
        }
        Ok(None)
    }

    fn moment_with(&self, step: &Step) -> Result<Moment, Failure> {
        let attribution = self.attribution(&step.commit)?.of_change(&step.domain, &step.key);
        Ok(Self::moment(&step.commit, attribution))
    }

    /// What an entity is called in the state of a commit.
    pub(super) fn name_of(
        &self,
        domain: &Domain,
        key: &EntityKey,
        value: &CanonicalText,
        at: &CommitId,
    ) -> Option<String> {
        let state = self.state(Some(*at));
        Names::new(&self.workspace.catalogue, &state, &state).of_entity(domain, key, &value_of(value))
    }

    /// The places of the leaves of an entity, with the name of what one refers to.
    fn leaves_of(&self, domain: &Domain, value: &CanonicalText, at: &CommitId) -> Vec<(Pointer, Option<String>)> {
        let state = self.state(Some(*at));
        let names = Names::new(&self.workspace.catalogue, &state, &state);
        let value = value_of(value);
        let place_and_name = |leaf: Leaf<'_>| {
            let name = names.of_reference(domain, &leaf.place, leaf.value);
            (leaf.place, name)
        };
        trace(domain, None, &value).into_iter().map(place_and_name).collect()
    }
}
