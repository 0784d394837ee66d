//! What the API answers *this time*: an entity with everything around it that changes by itself.
//!
//! Members come in any order, set-like arrays too; fields declared volatile, state or metadata have a new value on every read;
//! references and relations carry what they copy from their targets; some absent members are `null`; some integers are spelled
//! `3.0`. Nothing of it is a change of the entity, and whoever takes it for one breaks the first law of the trail.

use std::borrow::Cow;

use super::place;
use super::population::{Member, text_in};
use super::rng::Rng;
use super::sample;
use super::world::World;
use crate::canonical::compact;
use crate::catalogue::{Domain, FieldPath, Reference, Segment, ShapeId};
use crate::model::{DomainId, EntityKey, Object, OwnedValue, Value};

/// How deep made-up live state is.
const DEPTH: usize = 2;

/// How often something else is drawn in place of the mark of a deleted entity.
const DRAWS: usize = 8;

/// Most absent members that are spelled out as `null`.
const MOST_NULLS: usize = 3;

/// Integers of at most this many digits may be spelled with a fraction.
const SHORT_INTEGER: usize = 12;

impl World {
    /// The text of an entity as the API would give it this time, without the members named.
    #[must_use]
    pub fn answer(&self, domain: &DomainId, key: &EntityKey, leave_out: &[String], rng: &mut Rng) -> Option<Vec<u8>> {
        let definition = self.catalogue().get(domain)?;
        Some(Noise::of(definition).answer(self, self.member(domain, key)?, leave_out, rng))
    }
}

/// How the answers of one domain vary.
pub(super) struct Noise<'d> {
    domain: &'d Domain,
    fills: Vec<Fill<'d>>,
}

/// A place that has another value on every read.
struct Fill<'d> {
    holder: &'d [Segment],
    member: &'d Segment,
    shape: ShapeId,
    /// The value that would say that the entity is deleted.
    mark: Option<&'d OwnedValue>,
}

impl<'d> Noise<'d> {
    pub(super) fn of(domain: &'d Domain) -> Self {
        let treat = &domain.treat;
        let paths = [&treat.volatile, &treat.state, &treat.metadata, &treat.copied].into_iter().flatten();
        Self { domain, fills: paths.filter_map(|path| Fill::at(domain, path)).collect() }
    }

    /// The text of an entity this time.
    pub(super) fn answer(&self, world: &World, member: &Member, leave_out: &[String], rng: &mut Rng) -> Vec<u8> {
        self.answer_with(world, member, &[], leave_out, rng)
    }

    /// The text of a removed entity this time, with the marks of one.
    pub(super) fn answer_of_gone(
        &self,
        world: &World,
        member: &Member,
        leave_out: &[String],
        rng: &mut Rng,
    ) -> Vec<u8> {
        self.answer_with(world, member, &self.domain.removal.gone_when, leave_out, rng)
    }

    fn answer_with(
        &self,
        world: &World,
        member: &Member,
        marks: &[(FieldPath, OwnedValue)],
        leave_out: &[String],
        rng: &mut Rng,
    ) -> Vec<u8> {
        let mut value = member.value.clone();
        let address = address_of(self.domain, member);
        for fill in &self.fills {
            each(&mut value, fill.holder, &mut |holder| fill.put(self.domain, holder, &address, rng));
        }
        self.copy_from_targets(world, &mut value);
        for (path, _) in &self.domain.treat.sets {
            each(&mut value, path.segments(), &mut |set| {
                if let Value::Array(items) = set {
                    rng.shuffle(items);
                }
            });
        }
        if let Value::Object(entity) = &mut value {
            self.spell_out_nulls(entity, rng);
            let is_served = |name: &str| !leave_out.iter().chain(&self.domain.source.stamp).any(|left| left == name);
            entity.retain_mut(|name, _| is_served(name));
        }
        for (path, mark) in marks {
            place::put(&mut value, path, mark.clone());
        }
        let mut text = Vec::with_capacity(1024);
        write(&value, rng, &mut text);
        text
    }

    /// Fills embedded references, and what a relation copies from the entity that it is about.
    fn copy_from_targets(&self, world: &World, value: &mut OwnedValue) {
        for reference in &self.domain.references {
            if let ([Segment::Name(_)], Some(Value::String(id))) =
                (reference.path.segments(), reference.path.find(value))
                && let Some(target) = Target::find(world, reference, id)
            {
                for path in &self.domain.treat.copied {
                    self.copy(&target, path, value);
                }
            }
            each(value, reference.path.segments(), &mut |place| {
                if let Value::Object(object) = place
                    && let Some(target) = object.get("id").and_then(Value::as_str)
                    && let Some(target) = Target::find(world, reference, target)
                {
                    target.fill(object, &reference.keep);
                }
            });
        }
    }

    fn copy(&self, target: &Target<'_>, path: &FieldPath, value: &mut OwnedValue) {
        let ([Segment::Name(name)], Value::Object(entity)) = (path.segments(), value) else { return };
        let shape = self.domain.shape.step(self.domain.shape.entity(), Some(name));
        let is_text = shape.is_some_and(|shape| self.domain.shape.node(shape).types.string);
        let copied = if is_text {
            target.name.map(Value::from)
        } else {
            let mut object = Object::from_iter([(Cow::Borrowed("id"), Value::from(target.id))]);
            target.fill(&mut object, &[]);
            Some(Value::Object(object))
        };
        if let Some(copied) = copied {
            entity.insert(name.clone(), copied);
        }
    }

    fn spell_out_nulls(&self, entity: &mut Object<'static>, rng: &mut Rng) {
        let shape = self.domain.shape.node(self.domain.shape.entity());
        let absent: Vec<&String> = shape.members.keys().filter(|name| entity.get(name).is_none()).collect();
        for _ in 0..rng.below(MOST_NULLS + 1) {
            if let Some(name) = rng.pick(&absent) {
                entity.insert((*name).clone(), Value::Null);
            }
        }
    }
}

impl<'d> Fill<'d> {
    fn at(domain: &'d Domain, path: &'d FieldPath) -> Option<Self> {
        let (member, holder) = path.segments().split_last()?;
        let shape = sample::place_at(&domain.shape, domain.shape.entity(), path.segments())?;
        let mark = domain.removal.gone_when.iter().find(|(place, _)| place == path).map(|(_, mark)| mark);
        Some(Self { holder, member, shape, mark })
    }

    fn put(&self, domain: &Domain, holder: &mut OwnedValue, address: &str, rng: &mut Rng) {
        let mut draw = |name: &str| match name {
            "selfUri" => Value::from(address),
            _ => self.drawn(domain, name, rng),
        };
        match (holder, self.member) {
            (Value::Object(holder), Segment::Name(name)) => {
                holder.insert(name.clone(), draw(name));
            }
            (Value::Object(holder), pattern) => holder.retain_mut(|name, member| {
                if pattern.matches(name) {
                    *member = draw(name);
                }
                true
            }),
            (Value::Array(items), Segment::Each) => items.iter_mut().for_each(|item| *item = draw("item")),
            _ => {}
        }
    }

    fn drawn(&self, domain: &Domain, name: &str, rng: &mut Rng) -> OwnedValue {
        let mut draws = (0..DRAWS).filter_map(|_| sample::value(&domain.shape, self.shape, name, DEPTH, rng));
        let found = draws.find(|drawn| Some(drawn) != self.mark);
        found.unwrap_or_else(|| match self.mark {
            Some(Value::Bool(mark)) => Value::from(!mark),
            _ => Value::from("active"),
        })
    }
}

/// The entity that a reference leads to.
struct Target<'w> {
    id: &'w str,
    name: Option<&'w str>,
    division: Option<&'w OwnedValue>,
    address: String,
}

impl<'w> Target<'w> {
    fn find(world: &'w World, reference: &Reference, id: &str) -> Option<Self> {
        let key = EntityKey::new(id);
        let (domain, member) =
            reference.targets.iter().find_map(|domain| Some((domain, world.member(domain, &key)?)))?;
        Some(Self {
            id: member.key.as_str(),
            name: world.name_of(domain, &member.key),
            division: member.value.get("division"),
            address: address_of(world.catalogue().get(domain)?, member),
        })
    }

    /// Puts in what a reference copies; what it keeps is its own.
    fn fill(&self, reference: &mut Object<'static>, keep: &[String]) {
        let name = self.name.map(|name| ("name", Value::from(name)));
        let division = self.division.map(|division| ("division", division.clone()));
        let address = Some(("selfUri", Value::from(self.address.as_str())));
        for (member, copied) in [name, division, address].into_iter().flatten() {
            if !keep.iter().any(|kept| kept == member) {
                reference.insert(member, copied);
            }
        }
    }
}

/// The path that reads an entity.
pub(super) fn address_of(domain: &Domain, member: &Member) -> String {
    let listing = domain.source.listing_path(member.under.as_deref());
    let id = FieldPath::parse("id").find(&member.value).and_then(text_in);
    match (domain.detail_path(&member.key, member.under.as_deref()), id) {
        (Some(detail), _) => detail,
        (None, Some(id)) => format!("{listing}/{id}"),
        (None, None) => listing,
    }
}

/// Calls `visit` with every value that a path leads to.
fn each(value: &mut OwnedValue, path: &[Segment], visit: &mut dyn FnMut(&mut OwnedValue)) {
    let Some((segment, rest)) = path.split_first() else { return visit(value) };
    match (value, segment) {
        (Value::Object(object), Segment::Name(name)) => {
            if let Some(member) = object.get_mut(name) {
                each(member, rest, visit);
            }
        }
        (Value::Object(object), _) => object.retain_mut(|name, member| {
            if segment.matches(name) {
                each(member, rest, visit);
            }
            true
        }),
        (Value::Array(items), Segment::Each) => items.iter_mut().for_each(|item| each(item, rest, visit)),
        _ => {}
    }
}

/// Writes a value with its members in any order and some integers spelled with a fraction.
pub(super) fn write(value: &OwnedValue, rng: &mut Rng, out: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, rng, out);
            }
            out.push(b']');
        }
        Value::Object(object) => {
            let mut members: Vec<(&str, &OwnedValue)> = object.iter().collect();
            rng.shuffle(&mut members);
            out.push(b'{');
            for (index, (name, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(compact(&Value::String(Cow::Borrowed(name))).as_bytes());
                out.push(b':');
                write(member, rng, out);
            }
            out.push(b'}');
        }
        Value::Number(number) => {
            let literal = number.as_str();
            out.extend_from_slice(literal.as_bytes());
            let is_short = literal.len() <= SHORT_INTEGER && literal.bytes().all(|byte| byte.is_ascii_digit());
            if is_short && rng.chance(0.1) {
                out.extend_from_slice(b".0");
            }
        }
        leaf => out.extend_from_slice(compact(leaf).as_bytes()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use super::*;
    use crate::canonical::{Canonical, Canonicaliser, Notes, Scan, SecretKey, read};
    use crate::catalogue::Catalogue;
    use crate::sim::Scale;
    use crate::sim::making::give_stamps;

    fn world() -> World {
        World::generate(&Arc::new(Catalogue::built_in().unwrap()), Scale::Small, 1)
    }

    /// The canonical text of every entity of a domain, read from answers.
    fn canonical(world: &World, domain: &Domain, leave_out: &[String], rng: &mut Rng) -> BTreeMap<EntityKey, String> {
        let secrets = SecretKey::new("a key that is long enough for a test").unwrap();
        let scan = Scan::built_in().unwrap();
        let canonicaliser = Canonicaliser::new(domain, &secrets, &scan, world.org_id());
        let mut notes = Notes::default();
        let noise = Noise::of(domain);
        let read_one = |member: &Member| {
            let text = noise.answer(world, member, leave_out, rng);
            let mut raw = read(&text).unwrap().into_owned();
            give_stamps(domain, &mut raw, member.under.as_deref());
            match canonicaliser.entity(raw, member.parent(), &mut notes).unwrap() {
                Canonical::Entity(key, text) => (key, text.as_str().to_owned()),
                Canonical::Deleted(key) => panic!("{} {key} is deleted", domain.id),
            }
        };
        let entities = world.members(&domain.id).iter().map(read_one).collect();
        assert_eq!(notes, Notes::default(), "{}", domain.id);
        entities
    }

    #[test]
    fn every_read_of_an_unchanged_entity_has_one_canonical_text() {
        let world = world();
        for domain in world.catalogue().iter() {
            for leave_out in [&[][..], world.detail_only(&domain.id)] {
                let first = canonical(&world, domain, leave_out, &mut Rng::new(0));
                assert!(first.keys().eq(world.keys(&domain.id).collect::<BTreeSet<_>>()), "{}", domain.id);
                for seed in 1..6 {
                    assert_eq!(canonical(&world, domain, leave_out, &mut Rng::new(seed)), first, "{}", domain.id);
                }
            }
        }
    }

    #[test]
    fn an_answer_depends_on_the_entity_and_the_draws_alone() {
        let (world, again) = (world(), self::world());
        let mut texts = BTreeSet::new();
        for domain in world.domains() {
            let Some(key) = world.keys(domain).next() else { continue };
            let answer = |world: &World, seed| world.answer(domain, key, &[], &mut Rng::new(seed)).unwrap();
            assert_eq!(answer(&world, 1), answer(&again, 1));
            texts.extend([answer(&world, 1), answer(&world, 2)]);
        }
        // An entity of a single flag cannot vary; all others do.
        assert!(texts.len() > world.domains().count() * 3 / 2);
    }

    #[test]
    fn references_show_the_name_that_their_target_has_now() {
        let mut world = world();
        let catalogue = Arc::clone(world.catalogue());
        let is_division = |reference: &&Reference| reference.path == FieldPath::parse("division");
        let (domain, reference) =
            catalogue.iter().find_map(|domain| Some((domain, domain.references.iter().find(is_division)?))).unwrap();
        let key = world.keys(&domain.id).next().unwrap().clone();
        let id = FieldPath::parse("division.id").find(world.entity(&domain.id, &key).unwrap()).unwrap().clone();
        let division = EntityKey::new(id.as_str().unwrap());
        let Some(Value::Object(target)) = world.entity_mut(&reference.targets[0], &division) else { panic!() };
        target.insert("name", Value::from("Renamed"));
        let answer = world.answer(&domain.id, &key, &[], &mut Rng::new(1)).unwrap();
        let shown = read(&answer).unwrap().get("division").unwrap().clone().into_owned();
        assert_eq!(shown.get("name").and_then(Value::as_str), Some("Renamed"));
        assert_eq!(shown.get("id"), Some(&id));
    }
}
