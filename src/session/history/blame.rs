//! Who gave each field of an entity its value.

use super::History;
use super::tracks::{Step, Tracks};
use crate::canonical::value_of;
use crate::catalogue::Domain;
use crate::history::Leaves;
use crate::model::{Actor, Attribution, CanonicalText, DomainId, Pointer, nearest};
use crate::policy::{Judgement, Names};
use crate::record::CommitKind;
use crate::report::{Blame, BlamedField, Moment, Subject};
use crate::session::{Exit, Failure, kind};
use crate::trail::CommitId;

/// What gave a leaf its value.
#[derive(Clone, Default)]
struct Origin {
    moment: Option<Moment>,
    judgement: Option<Judgement>,
}

impl History<'_> {
    /// For each leaf of an entity at or below a place, the commit that gave it its value.
    pub fn blame(&self, domain: &DomainId, entity: &str, place: &Pointer, at: &CommitId) -> Result<Blame, Failure> {
        let definition = self.domain(domain)?;
        let meant = self.find(definition, entity, at)?;
        let mut tracks = Tracks::from(self, at, [(domain.clone(), meant.key().clone())])?;
        let mut value = tracks.value(0);
        let mut gone = None;
        while value.is_none() {
            // Of an entity that is gone the last state is told.
            let Some(step) = tracks.next_step(None)? else { break };
            gone =
                gone.or(Some(Self::moment(&step.commit, self.attribution(&step.commit)?.of_change(domain, &step.key))));
            value.clone_from(&step.before);
        }
        let value = value.unwrap_or_else(|| crate::canonical::canonical_text(&crate::model::Value::Null));
        let mut leaves = leaves_at(definition, &value, place)?;
        let mut origins = vec![Origin::default(); leaves.leaves().len()];
        while !leaves.is_done() {
            let Some(step) = tracks.next_step(None)? else { break };
            if step.is_cut_off {
                break;
            }
            self.go_back(definition, &step, &mut leaves, &mut origins)?;
        }
        let state = self.state(Some(*at));
        let names = Names::new(&self.workspace.catalogue, &state, &state);
        let field = |(leaf, origin): (&crate::history::BlamedLeaf, Origin)| BlamedField {
            shown: names.place(definition, &leaf.place),
            name: names.of_reference(definition, &leaf.place, &leaf.value),
            place: leaf.place.clone(),
            value: leaf.value.clone(),
            origin: origin.moment,
            judgement: origin.judgement,
        };
        let fields = leaves.leaves().iter().zip(origins).map(field).collect();
        let name = self.name_of(definition, meant.key(), &value, at);
        let subject = Subject { domain: domain.clone(), key: Some(meant.key().clone()), name };
        let is_cut_off = !leaves.is_done() && self.workspace.trail.is_shallow();
        Ok(Blame { subject, at: self.endpoint(at)?, fields, gone, is_cut_off })
    }

    fn go_back(
        &self,
        domain: &Domain,
        step: &Step,
        leaves: &mut Leaves,
        origins: &mut [Origin],
    ) -> Result<(), Failure> {
        let Some(after) = &step.after else { return Ok(()) };
        let before = step.before.as_ref().map(value_of);
        let keeps_values = !step.is_observed();
        let given = leaves.go_back(domain, before.as_ref(), &value_of(after), keeps_values);
        if given.is_empty() {
            return Ok(());
        }
        let is_change = !matches!(kind(&step.commit), Some(kind) if kind != CommitKind::Observed);
        let change = if is_change { step.change(self)? } else { None };
        let classified = change.map(|change| self.classified(change, &step.commit)).transpose()?;
        for (index, place) in given {
            let (attribution, judgement) = match &classified {
                Some(classified) => {
                    let field = classified.fields.iter().find(|field| is_at_or_below(&place, &field.field.path));
                    let judgement = field.map_or(&classified.judgement, |field| &field.judgement);
                    let path = field.map_or(&place, |field| &field.field.path);
                    (narrowed(&classified.attribution, path), Some(judgement.clone()))
                }
                // What only follows another change is by whoever made that.
                None => (self.attribution(&step.commit)?.of_change(&step.domain, &step.key), None),
            };
            origins[index] = Origin { moment: Some(Self::moment(&step.commit, attribution)), judgement };
        }
        Ok(())
    }
}

/// Who of those that had a part in a change changed a field of it.
fn narrowed(whole: &Attribution, path: &Pointer) -> Attribution {
    let by = whole.of_field(path);
    let is_of_field = |actor: &&Actor| by.actors.iter().any(|key| key == actor.key());
    Attribution {
        explained: by.explained,
        actors: whole.actors.iter().filter(is_of_field).cloned().collect(),
        fields: std::collections::BTreeMap::new(),
    }
}

pub(super) fn is_at_or_below(place: &Pointer, above: &Pointer) -> bool {
    let mut segments = place.segments();
    above.segments().all(|wanted| segments.next().as_ref() == Some(&wanted))
}

fn leaves_at(domain: &Domain, value: &CanonicalText, place: &Pointer) -> Result<Leaves, Failure> {
    let body = value_of(value);
    let leaves = Leaves::of(domain, &body, place);
    if !leaves.leaves().is_empty() || *place == Pointer::root() {
        return Ok(leaves);
    }
    let failure = Failure::new(Exit::Usage, format!("there is nothing at {place}"));
    let all = Leaves::of(domain, &body, &Pointer::root());
    let near = nearest(place.as_str(), all.leaves().iter().map(|leaf| leaf.place.as_str()));
    Err(match near {
        Some(near) => failure.hint(format!("did you mean {near}?")),
        None => failure.hint("a place is a JSON Pointer such as /acwSettings/timeoutMs"),
    })
}
