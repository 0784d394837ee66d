//! What moved by itself between two reads of a domain in which nobody changed anything.
//!
//! Entities are compared as they come and as the domain file treats them: what differs in the second comparison is noise that
//! the file does not cover, and would be told as a change. Each path of it comes with the line that covers it. What somebody did
//! change between the two reads looks the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::canonical::{is_fingerprint, set_identity, value_of};
use crate::catalogue::{Domain, FieldPath, SetKey, Shape, ShapeId};
use crate::model::{CanonicalText, EntityKey, Object, Value};

/// The members that usually tell the members of a set apart, the likeliest first.
const LIKELY_IDENTITIES: [&str; 3] = ["id", "key", "name"];

/// What moved in a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Noise {
    /// Entities that were compared.
    pub compared: u64,
    /// Entities that came in one of the two reads only.
    pub apart: u64,
    /// Paths that moved and that the domain file covers.
    pub covered: u64,
    /// Paths that moved and that it does not cover.
    pub uncovered: BTreeMap<FieldPath, Moved>,
}

/// How a path moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// In how many entities.
    pub entities: u64,
    /// What moved.
    pub what: Movement,
    /// Whether the schema has the path; otherwise it has to be added there too.
    pub is_in_schema: bool,
}

/// What moved at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Movement {
    /// The value.
    Value,
    /// The order of an array alone; with what may identify its members.
    Order(SetKey),
}

/// A line for the domain file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The table that it belongs to.
    pub table: &'static str,
    /// The line; one for a key that the table has already replaces it.
    pub text: String,
}

impl Noise {
    /// Compares two reads of a domain, given without any treatment, and again after it.
    #[must_use]
    pub fn between(
        domain: &Domain,
        first: &BTreeMap<EntityKey, CanonicalText>,
        second: &BTreeMap<EntityKey, CanonicalText>,
        treated: &dyn Fn(&EntityKey, &CanonicalText) -> CanonicalText,
    ) -> Self {
        let (mut bare, mut uncovered) = (Found::default(), Found::default());
        let mut noise = Self::default();
        for (key, one) in first {
            let Some(other) = second.get(key) else { continue };
            noise.compared += 1;
            if one != other {
                bare.add(movements(&domain.shape, one, other));
                uncovered.add(movements(&domain.shape, &treated(key, one), &treated(key, other)));
            }
        }
        noise.apart = (first.len() + second.len()) as u64 - 2 * noise.compared;
        let is_told = |path: &FieldPath| uncovered.0.keys().any(|told| is_within(path, told) || is_within(told, path));
        noise.covered = bare.0.keys().filter(|path| !is_told(path)).count() as u64;
        noise.uncovered = uncovered.0.into_iter().map(|(path, trace)| (path, trace.moved())).collect();
        noise
    }

    /// The lines of the domain file that cover what it does not.
    #[must_use]
    pub fn lines(&self, domain: &Domain) -> Vec<Line> {
        let mut lines = Vec::new();
        let is_value =
            |(path, moved): &(&FieldPath, &Moved)| moved.what == Movement::Value && !path.segments().is_empty();
        let moved: Vec<&FieldPath> = self.uncovered.iter().filter(is_value).map(|(path, _)| path).collect();
        if !moved.is_empty() {
            let paths = domain.treat.volatile.iter().chain(moved).map(quoted);
            let text = format!("volatile = [{}]", paths.collect::<Vec<_>>().join(", "));
            lines.push(Line { table: "treat", text });
        }
        for (path, moved) in &self.uncovered {
            if let Movement::Order(identity) = &moved.what {
                let parts: Vec<String> = identity.0.iter().map(quoted).collect();
                let identity = match parts.as_slice() {
                    [part] => part.clone(),
                    parts => format!("[{}]", parts.join(", ")),
                };
                lines.push(Line { table: "treat.sets", text: format!("{} = {identity}", quoted(path)) });
            }
        }
        lines
    }
}

fn quoted(path: &FieldPath) -> String {
    toml::Value::String(path.to_string()).to_string()
}

/// Whether a path leads to a place below another, or to the same.
fn is_within(path: &FieldPath, other: &FieldPath) -> bool {
    path.segments().starts_with(other.segments())
}

/// What moved at each path, over all entities.
#[derive(Default)]
struct Found(BTreeMap<FieldPath, Trace>);

struct Trace {
    entities: u64,
    /// What may identify the members of the array whose order moved; absent where a value moved.
    identities: Option<Vec<SetKey>>,
    is_in_schema: bool,
}

impl Found {
    fn add(&mut self, other: Self) {
        for (path, trace) in other.0 {
            match self.0.get_mut(&path) {
                Some(known) => {
                    known.entities += trace.entities;
                    known.meet(trace.identities);
                }
                None => drop(self.0.insert(path, trace)),
            }
        }
    }
}

impl Trace {
    /// Keeps what fits both here and there.
    fn meet(&mut self, other: Option<Vec<SetKey>>) {
        self.identities = self.identities.take().zip(other).map(|(mut identities, other)| {
            identities.retain(|identity| other.contains(identity));
            identities
        });
    }

    fn moved(self) -> Moved {
        let what = match self.identities {
            None => Movement::Value,
            Some(identities) => Movement::Order(identities.into_iter().next().unwrap_or_else(whole)),
        };
        Moved { entities: self.entities, what, is_in_schema: self.is_in_schema }
    }
}

/// The identity of a member that is nothing but all it says.
fn whole() -> SetKey {
    SetKey(vec![FieldPath::default()])
}

/// What differs between two forms of one entity.
fn movements(shape: &Shape, one: &CanonicalText, other: &CanonicalText) -> Found {
    let mut walk = Walk { shape, found: Found::default() };
    let (one, other) = (value_of(one), value_of(other));
    let entity = Place { path: Vec::new(), droppable: 0, shape: Some(shape.entity()) };
    walk.compare(&one, &other, &entity);
    walk.found
}

/// Where the walk is.
#[derive(Clone)]
struct Place {
    path: Vec<String>,
    /// How much of the path leads to a member of an object: items of an array cannot be dropped.
    droppable: usize,
    shape: Option<ShapeId>,
}

struct Walk<'s> {
    shape: &'s Shape,
    found: Found,
}

impl Walk<'_> {
    fn compare(&mut self, one: &Value<'_>, other: &Value<'_>, place: &Place) {
        match (one, other) {
            _ if one == other => {}
            (Value::Object(left), Value::Object(right)) if !is_fingerprint(one) && !is_fingerprint(other) => {
                self.compare_objects(left, right, place);
            }
            (Value::Array(left), Value::Array(right)) => self.compare_arrays(left, right, place),
            _ => self.moved(place, None),
        }
    }

    fn compare_objects(&mut self, one: &Object<'_>, other: &Object<'_>, place: &Place) {
        let names: BTreeSet<&str> = one.iter().chain(other.iter()).map(|(name, _)| name).collect();
        for name in names {
            match (self.member(place, name), one.get(name), other.get(name)) {
                (_, left, right) if left == right => {}
                (Some(member), Some(left), Some(right)) => self.compare(left, right, &member),
                (Some(member), _, _) => self.moved(&member, None),
                (None, _, _) => self.moved(place, None),
            }
        }
    }

    fn compare_arrays(&mut self, one: &[Value<'_>], other: &[Value<'_>], place: &Place) {
        let identities = identities(&[one, other]);
        let of = |items: &[Value<'_>], identity: &SetKey| -> Vec<String> {
            items.iter().map(|item| set_identity(item, identity)).collect()
        };
        let sorted = |mut texts: Vec<String>| {
            texts.sort();
            texts
        };
        let fits = |identity: &&SetKey| sorted(of(one, identity)) == sorted(of(other, identity));
        let Some(identity) = identities.iter().find(fits) else {
            if one.len() == other.len() {
                self.compare_items(one.iter().zip(other), place);
            } else {
                self.moved(place, None);
            }
            return;
        };
        if of(one, identity) != of(other, identity) {
            self.moved(place, Some(identities.clone()));
        }
        let mut partners: BTreeMap<String, Vec<&Value<'_>>> = BTreeMap::new();
        for item in other.iter().rev() {
            partners.entry(set_identity(item, identity)).or_default().push(item);
        }
        let partner = |item| Some((item, partners.get_mut(&set_identity(item, identity))?.pop()?));
        let pairs: Vec<_> = one.iter().filter_map(partner).collect();
        self.compare_items(pairs.into_iter(), place);
    }

    fn compare_items<'v, 'a: 'v>(
        &mut self,
        pairs: impl Iterator<Item = (&'v Value<'a>, &'v Value<'a>)>,
        place: &Place,
    ) {
        let mut item = place.clone();
        item.path.push("*".to_owned());
        item.shape = place.shape.and_then(|shape| self.shape.step(shape, None));
        pairs.for_each(|(one, other)| self.compare(one, other, &item));
    }

    /// The place of a member; `None` where no path can name it.
    fn member(&self, place: &Place, name: &str) -> Option<Place> {
        let node = place.shape.map(|shape| self.shape.node(shape));
        let is_named = node.is_some_and(|node| node.members.contains_key(name));
        let step = if !is_named && node.is_some_and(|node| node.rest.is_some()) { "*" } else { name };
        if step != "*" && (name.is_empty() || name.contains(['.', '*'])) {
            return None;
        }
        let mut path = place.path.clone();
        path.push(step.to_owned());
        let shape = place.shape.and_then(|shape| self.shape.step(shape, Some(name)));
        // A schema that leaves a place open has every member of it.
        let is_open = node.is_some_and(|node| node.types.is_open() && node.members.is_empty() && node.rest.is_none());
        Some(Place { droppable: path.len(), path, shape: shape.or(place.shape.filter(|_| is_open)) })
    }

    fn moved(&mut self, place: &Place, identities: Option<Vec<SetKey>>) {
        let path = if identities.is_some() { &place.path[..] } else { &place.path[..place.droppable] };
        let path = if path.is_empty() { FieldPath::default() } else { FieldPath::parse(&path.join(".")) };
        let trace = Trace { entities: 1, identities, is_in_schema: place.shape.is_some() };
        match self.found.0.get_mut(&path) {
            // Several items of one entity are still one entity.
            Some(known) => known.meet(trace.identities),
            None => drop(self.found.0.insert(path, trace)),
        }
    }
}

/// What tells the items of each of some arrays apart, the likeliest first; in the end all that they say.
fn identities(arrays: &[&[Value<'_>]]) -> Vec<SetKey> {
    let items: Vec<&Value<'_>> = arrays.iter().flat_map(|items| items.iter()).collect();
    let tells_apart = |identity: &SetKey| {
        arrays.iter().all(|items| {
            let seen: BTreeSet<String> = items.iter().map(|item| set_identity(item, identity)).collect();
            seen.len() == items.len()
        })
    };
    let single = scalars(&items);
    let mut found: Vec<SetKey> = single.iter().map(|path| SetKey(vec![path.clone()])).filter(tells_apart).collect();
    if found.is_empty() {
        let pairs = single.iter().enumerate().flat_map(|(index, one)| {
            single[index + 1..].iter().map(move |other| SetKey(vec![one.clone(), other.clone()]))
        });
        found = pairs.filter(tells_apart).collect();
    }
    found.push(whole());
    found
}

/// The paths to a text or number that every item has, the likeliest identity first.
fn scalars(items: &[&Value<'_>]) -> Vec<FieldPath> {
    let is_scalar = |value: Option<&Value<'_>>| matches!(value, Some(Value::String(_) | Value::Number(_)));
    let Some(first) = items.first().and_then(|item| item.as_object()) else { return Vec::new() };
    let names = first.iter().map(|(name, _)| name).filter(|name| !name.is_empty() && !name.contains(['.', '*']));
    let own_and_ids = names.flat_map(|name| [name.to_owned(), format!("{name}.id")]);
    let mut paths: Vec<FieldPath> = own_and_ids.map(|path| FieldPath::parse(&path)).collect();
    paths.retain(|path| items.iter().all(|item| is_scalar(path.find(item))));
    let rank = |path: &FieldPath| {
        let text = path.to_string();
        let likely = LIKELY_IDENTITIES.iter().position(|name| *name == text);
        (likely.unwrap_or(LIKELY_IDENTITIES.len()), path.segments().len() == 1, text)
    };
    paths.sort_by_cached_key(rank);
    paths
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
