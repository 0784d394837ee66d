//! The single values of an entity that are configuration, and random changes of them: how the tests ask whether any change at
//! all is missed.

use super::contract::Contract;
use super::filter::member_of;
use super::names::word;
use super::place;
use super::rng::Rng;
use super::template::Targets;
use super::world::World;
use crate::catalogue::{Binding, Domain, FieldPath, KeyPart, Reference, Segment};
use crate::model::{DomainId, EntityKey, Number, OwnedValue, Pointer, Value};

/// A step from a value to one inside it.
#[derive(Clone, Debug)]
enum Step {
    Member(String),
    Item,
}

impl World {
    /// The places of an entity's configuration: strings, numbers and flags that no declaration drops, that are no part of its
    /// key and that do not decide whether it is seen. Positions in arrays are indexes.
    #[must_use]
    pub fn leaves(&self, domain: &DomainId, key: &EntityKey) -> Vec<Pointer> {
        let (Some(definition), Some(entity)) = (self.catalogue().get(domain), self.entity(domain, key)) else {
            return Vec::new();
        };
        if definition.source.immutable {
            return Vec::new();
        }
        let children = self.children(domain);
        let bound = children.iter().filter_map(|child| self.catalogue().get(child)).flat_map(bound_fields).collect();
        let mut leaves = Leaves { domain: definition, bound, trail: Vec::new(), found: Vec::new() };
        leaves.walk(entity, &Pointer::root());
        leaves.found
    }

    /// Gives a leaf another value of its kind; the answer is what was there and what is there now.
    pub fn mutate(
        &mut self,
        domain: &DomainId,
        key: &EntityKey,
        leaf: &Pointer,
        rng: &mut Rng,
    ) -> Option<(OwnedValue, OwnedValue)> {
        let catalogue = std::sync::Arc::clone(self.catalogue());
        let definition = catalogue.get(domain)?;
        let mut entity = self.entity(domain, key)?.clone();
        let trail = trail_of(&entity, leaf);
        let place = place::find_mut(&mut entity, leaf)?;
        let old = place.clone();
        let new = match reference_at(definition, &trail) {
            Some(reference) => self.other_target(reference, old.as_str()?, rng),
            None => other_pass(definition, &trail, &old).unwrap_or_else(|| other_value(&old, rng)),
        };
        *place = new.clone();
        self.replace(domain, key, entity).ok()?;
        Some((old, new))
    }

    fn other_target(&self, reference: &Reference, id: &str, rng: &mut Rng) -> OwnedValue {
        let found = reference.targets.iter().find_map(|target| self.any(target.as_str(), None, Some(id), rng));
        Value::from(found.unwrap_or_else(|| rng.uuid()))
    }
}

struct Leaves<'d> {
    domain: &'d Domain,
    /// What decides which listings there are below the entity.
    bound: Vec<&'d FieldPath>,
    trail: Vec<Step>,
    found: Vec<Pointer>,
}

impl Leaves<'_> {
    fn walk(&mut self, value: &OwnedValue, place: &Pointer) {
        let treat = &self.domain.treat;
        let mut dropped = [&treat.volatile, &treat.state, &treat.metadata, &treat.copied].into_iter().flatten();
        if dropped.any(|path| leads_to(path, &self.trail)) {
            return;
        }
        match value {
            Value::Object(object) => {
                let reference = self.domain.references.iter().find(|reference| leads_to(&reference.path, &self.trail));
                let is_content = |name: &str| {
                    reference.is_none_or(|reference| name == "id" || reference.keep.iter().any(|kept| kept == name))
                };
                for (name, member) in object.iter().filter(|(name, _)| is_content(name)) {
                    self.step(Step::Member(name.to_owned()), member, &place.child(name));
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.step(Step::Item, item, &place.child(&index.to_string()));
                }
            }
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                if !self.is_fixed() {
                    self.found.push(place.clone());
                }
            }
        }
    }

    fn step(&mut self, step: Step, value: &OwnedValue, place: &Pointer) {
        self.trail.push(step);
        self.walk(value, place);
        self.trail.pop();
    }

    /// Whether another value would make it another entity, or hide it.
    fn is_fixed(&self) -> bool {
        let is_key = |part: &KeyPart| matches!(part, KeyPart::Field(path) if leads_to(path, &self.trail));
        let is_mark = self.domain.removal.gone_when.iter().any(|(path, _)| leads_to(path, &self.trail));
        let has_other_passes = pass_values(self.domain, &self.trail).len() > 1;
        let is_bound = self.bound.iter().any(|path| leads_to(path, &self.trail));
        let is_filtered = is_filtered(self.domain, &self.trail);
        self.domain.identity.key.iter().any(is_key) || is_bound || ((is_mark || is_filtered) && !has_other_passes)
    }
}

fn trail_of(entity: &OwnedValue, leaf: &Pointer) -> Vec<Step> {
    let mut value = Some(entity);
    let mut trail = Vec::new();
    for segment in leaf.segments() {
        if let Some(Value::Array(items)) = value {
            value = segment.parse::<usize>().ok().and_then(|index| items.get(index));
            trail.push(Step::Item);
        } else {
            value = value.and_then(|value| value.get(&segment));
            trail.push(Step::Member(segment));
        }
    }
    trail
}

fn leads_to(path: &FieldPath, trail: &[Step]) -> bool {
    let fits = |segment: &Segment, step: &Step| match step {
        Step::Member(name) => segment.matches(name),
        Step::Item => *segment == Segment::Each,
    };
    path.segments().len() == trail.len() && path.segments().iter().zip(trail).all(|(segment, step)| fits(segment, step))
}

/// The reference whose target a leaf names.
fn reference_at<'d>(domain: &'d Domain, trail: &[Step]) -> Option<&'d Reference> {
    let object = match trail.split_last() {
        Some((Step::Member(name), object)) if name == "id" => Some(object),
        _ => None,
    };
    let leads = |path: &FieldPath| leads_to(path, trail) || object.is_some_and(|object| leads_to(path, object));
    domain.references.iter().find(|reference| leads(&reference.path))
}

/// The values of a member under which the passes of a listing show an entity.
fn pass_values<'d>(domain: &'d Domain, trail: &[Step]) -> Vec<&'d str> {
    let [Step::Member(name)] = trail else { return Vec::new() };
    let asked = domain.source.passes.iter().flatten();
    asked.filter(|(parameter, _)| member_of(domain, parameter) == name).map(|(_, value)| value.as_str()).collect()
}

/// Whether the listing wants a value of its own there.
fn is_filtered(domain: &Domain, trail: &[Step]) -> bool {
    let [Step::Member(name)] = trail else { return false };
    let source = &domain.source;
    let asked = source.query.keys().chain(source.passes.iter().flat_map(|pass| pass.keys()));
    let endpoint = Contract::embedded().listing(source);
    let by_default = endpoint.iter().flat_map(|endpoint| endpoint.defaults()).map(|(parameter, _)| parameter);
    asked.map(String::as_str).chain(by_default).any(|parameter| member_of(domain, parameter) == name)
}

fn bound_fields(child: &Domain) -> impl Iterator<Item = &FieldPath> {
    child.source.bind.values().filter_map(|binding| match binding {
        Binding::Field(path) => Some(path),
        Binding::Key | Binding::KeyPart(_) => None,
    })
}

fn other_pass(domain: &Domain, trail: &[Step], old: &OwnedValue) -> Option<OwnedValue> {
    let values = pass_values(domain, trail);
    match old {
        Value::Bool(flag) if values.len() > 1 => Some(Value::from(!flag)),
        _ => values.into_iter().find(|value| Some(*value) != old.as_str()).map(Value::from),
    }
}

fn other_value(old: &OwnedValue, rng: &mut Rng) -> OwnedValue {
    match old {
        Value::Bool(flag) => Value::from(!flag),
        Value::Number(number) => {
            let more = 1 + rng.draw() % 100;
            let literal = match number.as_str().parse::<i64>() {
                Ok(integer) => integer.wrapping_add_unsigned(more).to_string(),
                Err(_) => super::template::number_as_f64(number).map_or(0.0, |fraction| fraction + 1.0).to_string(),
            };
            Number::parse(&literal).map_or_else(|_| Value::from(more), |number| Value::Number(number.into_owned()))
        }
        other => Value::from(format!("{} {}", other.as_str().unwrap_or_default(), word(rng))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::canonical::{Canonical, Canonicaliser, Notes, Scan, SecretKey, read};
    use crate::catalogue::Catalogue;
    use crate::diff::diff_domain;
    use crate::model::{ChangeKind, DomainSnapshot};
    use crate::sim::Scale;
    use crate::sim::making::give_stamps;

    /// The canonical text of an entity, read from an answer.
    fn canonical(
        world: &World,
        canonicaliser: &Canonicaliser<'_>,
        domain: &Domain,
        key: &EntityKey,
        rng: &mut Rng,
    ) -> DomainSnapshot {
        let text = world.answer(&domain.id, key, &[], rng).unwrap();
        let member = world.member(&domain.id, key).unwrap();
        let mut raw = read(&text).unwrap().into_owned();
        give_stamps(domain, &mut raw, member.under.as_deref());
        match canonicaliser.entity(raw, member.parent(), &mut Notes::default()).unwrap() {
            Canonical::Entity(found, text) if found == *key => DomainSnapshot {
                domain: domain.id.clone(),
                schema_version: domain.schema_version,
                entities: [(found, text)].into(),
            },
            other => panic!("{} {key} became {other:?}", domain.id),
        }
    }

    #[test]
    fn every_leaf_of_every_domain_can_change_and_each_change_is_told_once() {
        let mut world = World::generate(&Arc::new(Catalogue::built_in().unwrap()), Scale::Small, 1);
        let (mut rng, mut without) = (Rng::new(1), 0);
        let (catalogue, org) = (Arc::clone(world.catalogue()), world.org_id().to_owned());
        let secrets = SecretKey::new("a key that is long enough for a test").unwrap();
        let scan = Scan::built_in().unwrap();
        for domain in catalogue.iter() {
            let Some(key) = world.keys(&domain.id).next().cloned() else { continue };
            let canonicaliser = Canonicaliser::new(domain, &secrets, &scan, &org);
            let mut before = canonical(&world, &canonicaliser, domain, &key, &mut rng);
            let leaves = world.leaves(&domain.id, &key);
            without += usize::from(leaves.is_empty());
            for leaf in leaves {
                let (old, new) = world.mutate(&domain.id, &key, &leaf, &mut rng).unwrap();
                assert_ne!(old, new);
                let after = canonical(&world, &canonicaliser, domain, &key, &mut rng);
                let changes = diff_domain(domain, &before, &after);
                let kinds: Vec<_> = changes.iter().map(|change| (&change.key, change.kind)).collect();
                assert_eq!(kinds, [(&key, ChangeKind::Modified)], "{} {leaf}: {old:?} to {new:?}", domain.id);
                // In a list a member may have gone and another come, each with all it says; elsewhere it is one field.
                let trail = trail_of(world.entity(&domain.id, &key).unwrap(), &leaf);
                let is_in_list = trail.iter().any(|step| matches!(step, Step::Item));
                let fields = changes[0].fields.len();
                assert!(fields == 1 || (is_in_list && fields > 1), "{} {leaf}: {changes:#?}", domain.id);
                before = after;
            }
        }
        // What is a relation and nothing else cannot change, nor what is there once and for all.
        assert!(without * 10 < catalogue.iter().count(), "{without} domains have nothing that could change");
    }
}
