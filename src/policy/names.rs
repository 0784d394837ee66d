//! Names put back where the stored form has only ids.

use crate::canonical::value_of;
use crate::catalogue::{Catalogue, Domain, FieldPath, Reference, Segment};
use crate::model::{CanonicalText, DomainId, EntityKey, EntitySource, Pointer, Value};

/// Finds names for showing: of entities, of what references point to, of members of sets.
///
/// Looks in the state after a change first and in the state before it where the entity is gone.
pub struct Names<'n> {
    catalogue: &'n Catalogue,
    before: &'n dyn EntitySource,
    after: &'n dyn EntitySource,
}

impl<'n> Names<'n> {
    /// Looks names up in two states of an organisation.
    #[must_use]
    pub fn new(catalogue: &'n Catalogue, before: &'n dyn EntitySource, after: &'n dyn EntitySource) -> Self {
        Self { catalogue, before, after }
    }

    /// The stored entity of a key.
    #[must_use]
    pub fn entity(&self, domain: &DomainId, key: &EntityKey) -> Option<CanonicalText> {
        self.after.entity(domain, key).or_else(|| self.before.entity(domain, key))
    }

    /// The name of an entity that is at hand. A relation is named after what it relates, a nameless singleton after nothing.
    #[must_use]
    pub fn of_entity(&self, domain: &Domain, key: &EntityKey, body: &Value<'_>) -> Option<String> {
        if let Some(name) = domain.identity.name.as_ref().and_then(|path| path.find(body)).and_then(Value::as_str) {
            return Some(name.to_owned());
        }
        let parts: Vec<String> = key.parts().collect();
        if parts.len() < 2 {
            return None;
        }
        let called = |(targets, text): (Vec<&DomainId>, String)| self.of_key(targets, &text).unwrap_or(text);
        let named = domain.key_targets().zip(parts).map(called);
        Some(named.collect::<Vec<_>>().join(" · "))
    }

    /// The name of the entity of a key, in the first of some domains that has it.
    pub fn of_key<'t>(&self, targets: impl IntoIterator<Item = &'t DomainId>, key: &str) -> Option<String> {
        let key = EntityKey::new(key);
        targets.into_iter().find_map(|target| {
            let text = self.entity(target, &key)?;
            let domain = self.catalogue.get(target)?;
            let body = value_of(&text);
            let name = domain.identity.name.as_ref()?.find(&body)?.as_str()?;
            Some(name.to_owned())
        })
    }

    /// The name of the entity of an id, whatever its domain; what is listed under parents has none of its own.
    #[must_use]
    pub fn of_id(&self, id: &str) -> Option<String> {
        let own = self.catalogue.iter().filter(|domain| domain.source.parent.is_none());
        self.of_key(own.map(|domain| &domain.id), id)
    }

    /// The name of what a value at a place of an entity refers to.
    #[must_use]
    pub fn of_reference(&self, domain: &Domain, place: &Pointer, value: &Value<'_>) -> Option<String> {
        let segments: Vec<String> = place.segments().collect();
        let (reference, rest) = domain.references.iter().find_map(|reference| {
            let rest = strip_path(&reference.path, &segments)?;
            Some((reference, rest))
        })?;
        let id = match rest {
            [] => value.get("id").unwrap_or(value),
            [id] if id == "id" => value,
            _ => return None,
        };
        self.of_key(&reference.targets, id.as_str()?)
    }

    /// A place of an entity as a person reads it: member names with dots, members of sets by their names.
    #[must_use]
    pub fn place(&self, domain: &Domain, place: &Pointer) -> String {
        let segments: Vec<String> = place.segments().collect();
        let mut shown = String::new();
        for (index, segment) in segments.iter().enumerate() {
            let item_of = domain.references.iter().find(|reference| {
                reference.path.segments().last() == Some(&Segment::Each)
                    && strip_path(&reference.path, &segments[..=index]).is_some_and(<[String]>::is_empty)
            });
            let name = item_of.and_then(|reference| self.of_key(&reference.targets, segment));
            let is_index = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
            match name.as_deref().or(is_index.then_some(segment.as_str())) {
                Some(item) => shown.extend(["[", item, "]"]),
                None if shown.is_empty() => shown.push_str(segment),
                None => shown.extend([".", segment]),
            }
        }
        shown
    }

    /// What a message may show of a member path of an entity: the name of what it refers to, else the value itself.
    #[must_use]
    pub fn show(&self, domain: &Domain, body: &Value<'_>, path: &FieldPath) -> Option<String> {
        let value = path.find(body)?;
        let id = value.get("id").unwrap_or(value).as_str();
        let name = reference_at(domain, path).zip(id).and_then(|(reference, id)| self.of_key(&reference.targets, id));
        name.or_else(|| id.map(ToOwned::to_owned)).or_else(|| match value {
            Value::Bool(value) => Some(value.to_string()),
            Value::Number(number) => Some(number.as_str().to_owned()),
            _ => None,
        })
    }

    /// The stored entity that a reference path of an entity points to.
    #[must_use]
    pub fn target(&self, domain: &Domain, body: &Value<'_>, path: &str) -> Option<CanonicalText> {
        let path = FieldPath::parse(path);
        let reference = reference_at(domain, &path)?;
        let value = path.find(body)?;
        let key = EntityKey::new(value.get("id").unwrap_or(value).as_str()?);
        reference.targets.iter().find_map(|target| self.entity(target, &key))
    }
}

/// The reference at a path, or at the path whose `id` is meant.
fn reference_at<'d>(domain: &'d Domain, path: &FieldPath) -> Option<&'d Reference> {
    let of_id = path.to_string().strip_suffix(".id").map(FieldPath::parse);
    domain.references.iter().find(|reference| reference.path == *path || Some(&reference.path) == of_id.as_ref())
}

/// What is left of a pointer after a path; `None` where it does not begin with it.
fn strip_path<'s>(path: &FieldPath, segments: &'s [String]) -> Option<&'s [String]> {
    let (head, rest) = segments.split_at_checked(path.segments().len())?;
    path.segments().iter().zip(head).all(|(step, segment)| step.matches(segment)).then_some(rest)
}
