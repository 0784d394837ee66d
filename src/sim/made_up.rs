//! Entities of a domain that no recipe describes: whatever its schema allows, and all that its domain file speaks of.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::census::Census;
use super::contract::Contract;
use super::filter::member_of;
use super::grow::grow;
use super::rng::Rng;
use super::sample;
use super::template::Targets;
use crate::canonical::set_identity;
use crate::catalogue::{Binding, Domain, FieldPath, KeyPart, Reference, Under};
use crate::model::{DomainId, Number, Object, OwnedValue, Value};

/// What all entities of a domain that are made up have in common.
#[derive(Clone, Debug)]
pub(super) struct Outline {
    /// How deep they are filled.
    depth: usize,
    /// Where each must have something.
    spoken_of: Vec<FieldPath>,
    /// What the listing wants of them where a request does not say it.
    by_default: Vec<(String, String)>,
}

impl Outline {
    pub(super) fn of(domain: &Domain, children: &[&Domain]) -> Self {
        let key = domain.identity.key.iter().filter_map(|part| match part {
            KeyPart::Field(path) => Some(path),
            KeyPart::Parent | KeyPart::Org => None,
        });
        let bound = children.iter().flat_map(|child| child.source.bind.values()).filter_map(|binding| match binding {
            Binding::Field(path) => Some(path).filter(|path| sample::can_lead(&domain.shape, path.segments())),
            Binding::Key | Binding::KeyPart(_) => None,
        });
        let references = domain.references.iter().map(|reference| &reference.path);
        let all = references.chain(key).chain(&domain.identity.name).chain(&domain.identity.natural);
        let endpoint = Contract::embedded().listing(&domain.source);
        let by_default = endpoint.iter().flat_map(|endpoint| endpoint.defaults());
        Self {
            depth: sample::affordable_depth(&domain.shape),
            spoken_of: all.chain(&domain.treat.secret).chain(bound).cloned().collect(),
            by_default: by_default.map(|(name, value)| (name.to_owned(), value)).collect(),
        }
    }
}

/// An entity that is made up.
pub(super) struct Making<'m> {
    pub(super) census: &'m Census,
    pub(super) domain: &'m Domain,
    pub(super) outline: &'m Outline,
    pub(super) under: Option<&'m Under>,
    pub(super) scope: &'m str,
    pub(super) index: usize,
    pub(super) attempt: u32,
    pub(super) id: &'m str,
    pub(super) rng: Rng,
}

impl Making<'_> {
    /// The entity.
    pub(super) fn entity(mut self) -> OwnedValue {
        let domain = self.domain;
        let shape = &domain.shape;
        let made = sample::value(shape, shape.entity(), domain.id.short_name(), self.outline.depth, &mut self.rng);
        let mut value = made.filter(|made| made.as_object().is_some()).unwrap_or(Value::Object(Object::default()));
        for path in &self.outline.spoken_of {
            grow(shape, &mut value, path.segments(), &mut self.rng);
        }
        if let Value::Object(object) = &mut value
            && !domain.references.iter().any(|reference| reference.path == FieldPath::parse("id"))
        {
            // An entity is given its id, like one of a recipe.
            object.remove("id");
        }
        for reference in &domain.references {
            self.refer(reference, &mut value);
        }
        self.name(&mut value);
        for path in &domain.treat.secret {
            let text = format!("nobody must see this {}", super::names::word(&mut self.rng));
            path.for_each_mut(&mut value, &mut |place| {
                if let Value::String(secret) = place {
                    *secret = Cow::Owned(text.clone());
                }
            });
        }
        self.make_listed(&mut value);
        make_distinct(&mut value);
        for (path, key) in &domain.treat.sets {
            path.for_each_mut(&mut value, &mut |place| {
                if let Value::Array(items) = place {
                    let mut seen = BTreeSet::new();
                    items.retain(|item| seen.insert(set_identity(item, key)));
                }
            });
        }
        value
    }

    /// Makes every place of a reference refer to an entity.
    fn refer(&mut self, reference: &Reference, value: &mut OwnedValue) {
        let shape = &self.domain.shape;
        let node = sample::place_at(shape, shape.entity(), reference.path.segments()).map(|place| shape.node(place));
        let has_id = node.is_none_or(|node| node.members.is_empty() || node.members.contains_key("id"));
        let mut number = self.index + self.attempt as usize;
        reference.path.for_each_mut(value, &mut |place| {
            let id = self.target(reference, number);
            number += 1;
            match place {
                Value::Object(object) if has_id => {
                    object.retain_mut(|name, _| reference.keep.iter().any(|kept| kept == name));
                    object.insert(Cow::Borrowed("id"), Value::from(id));
                }
                Value::Object(_) | Value::Array(_) => {}
                leaf => *leaf = Value::from(id),
            }
        });
    }

    /// Whom a place refers to.
    fn target(&mut self, reference: &Reference, number: usize) -> String {
        let is_in_key = is_key(self.domain, &reference.path);
        let has_parent_in_key = self.domain.identity.key.contains(&KeyPart::Parent);
        if !is_in_key || !has_parent_in_key {
            let mut above = self.census.above(self.domain, self.under).into_iter();
            if let Some((_, id)) = above.find(|(above, _)| reference.targets.contains(above)) {
                return id;
            }
        }
        let targets: Vec<&DomainId> =
            reference.targets.iter().filter(|target| self.census.catalogue.get(target).is_some()).collect();
        let found = targets.get(number % targets.len().max(1)).and_then(|target| {
            let start = Rng::keyed(self.census.seed, &["reference", self.domain.id.as_str(), self.scope]).below(1000);
            let in_turn = is_in_key.then(|| self.census.reference(target, start + number)).flatten();
            let near = in_turn.or_else(|| self.child_of_itself(target));
            near.or_else(|| self.census.any(target.as_str(), None, Some(self.id), &mut self.rng))
        });
        found.unwrap_or_else(|| self.rng.uuid())
    }

    /// An entity of the target that belongs to this one, such as one of its versions.
    fn child_of_itself(&self, target: &DomainId) -> Option<String> {
        let target = self.census.catalogue.get(target)?;
        if target.source.parent.as_ref() != Some(&self.domain.id) {
            return None;
        }
        let own = self.census.key(self.domain, self.under.map(|under| &under.parent), self.index)?;
        let below = self.census.key_below(target, Some(&own), &mut Rng::keyed(self.census.seed, &[own.as_str()]))?;
        Some(self.census.id_in_key(&target.id, &below))
    }

    /// Gives the entity its name, and what else tells it from the others of its domain.
    fn name(&self, value: &mut OwnedValue) {
        let domain = self.domain;
        let key = domain.identity.key.iter().filter_map(|part| match part {
            KeyPart::Field(path) if *path != FieldPath::parse("id") => Some(path),
            _ => None,
        });
        let natural = domain.identity.natural.iter().find(|path| is_free_text(domain, path));
        for path in key.chain(&domain.identity.name).chain(natural) {
            let Some(text) = own_text(domain, path, self.scope, self.index + self.attempt as usize) else { continue };
            let shape = &domain.shape;
            let types = sample::place_at(shape, shape.entity(), path.segments()).map(|place| shape.node(place).types);
            let is_number = types.is_some_and(|types| (types.integer || types.number) && !types.string);
            let number = Number::parse(&text).ok().filter(|_| is_number);
            let named = number.map_or_else(|| Value::from(text.as_str()), |number| Value::Number(number.into_owned()));
            path.for_each_mut(value, &mut |place| *place = named.clone());
        }
    }

    /// Makes the entity one that the listing shows, and not a deleted one.
    fn make_listed(&self, value: &mut OwnedValue) {
        let source = &self.domain.source;
        for (path, mark) in &self.domain.removal.gone_when {
            path.for_each_mut(value, &mut |place| {
                if place == mark {
                    *place = mark.as_bool().map_or_else(|| Value::from("active"), |flag| Value::from(!flag));
                }
            });
        }
        let Value::Object(object) = value else { return };
        let pass = source.passes.get(self.index % source.passes.len().max(1));
        let by_default = self.outline.by_default.iter().map(|(name, value)| (name, value));
        for (name, wanted) in by_default.chain(&source.query).chain(pass.into_iter().flatten()) {
            let wanted: Vec<&str> = wanted.split(',').collect();
            let wanted = wanted[self.index % wanted.len()];
            match object.get_mut(member_of(self.domain, name)) {
                Some(Value::Bool(flag)) => *flag = wanted == "true",
                Some(Value::String(text)) if wanted != "any" => *text = Cow::Owned(wanted.to_owned()),
                _ => {}
            }
        }
    }
}

/// The value of a field that tells an entity from the others of its listing, and a text from those of all listings; `None` where
/// it refers to something.
pub(super) fn own_text(domain: &Domain, path: &FieldPath, scope: &str, index: usize) -> Option<String> {
    let is_reference = |reference: &Reference| path.segments().starts_with(reference.path.segments());
    if domain.references.iter().any(is_reference) {
        return None;
    }
    let node = sample::place_at(&domain.shape, domain.shape.entity(), path.segments());
    let node = node.map(|place| domain.shape.node(place));
    let number = index + 1;
    match node {
        Some(node) if (node.types.integer || node.types.number) && !node.types.string => Some(number.to_string()),
        Some(node) if !node.values.is_empty() => {
            let known = node.values.get(index).cloned();
            Some(known.unwrap_or_else(|| format!("{} {number}", node.values[index % node.values.len()])))
        }
        _ => {
            let name = domain.id.short_name().replace('-', " ");
            let of = scope.split(' ').filter_map(|part| Some(part.rsplit(':').next()?.get(..8).unwrap_or(part)));
            let of = of.collect::<Vec<_>>().join(" ");
            Some(if of.is_empty() { format!("{name} {number}") } else { format!("{name} {number} of {of}") })
        }
    }
}

fn is_free_text(domain: &Domain, path: &FieldPath) -> bool {
    let place = sample::place_at(&domain.shape, domain.shape.entity(), path.segments());
    place.map(|place| domain.shape.node(place)).is_some_and(|node| node.types.string && node.values.is_empty())
}

/// Whether a path leads to a part of the key, or to what holds one.
fn is_key(domain: &Domain, path: &FieldPath) -> bool {
    let holds = |part: &KeyPart| matches!(part, KeyPart::Field(key) if key.segments().starts_with(path.segments()));
    domain.identity.key.iter().any(holds)
}

/// Takes items out that a list has already.
fn make_distinct(value: &mut OwnedValue) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(make_distinct);
            let mut seen: Vec<OwnedValue> = Vec::new();
            items.retain(|item| {
                let is_new = !seen.contains(item);
                if is_new {
                    seen.push(item.clone());
                }
                is_new
            });
        }
        Value::Object(object) => object.retain_mut(|_, member| {
            make_distinct(member);
            true
        }),
        _ => {}
    }
}
