//! Takes the pages of one listing and keeps their entities in canonical form.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::page::split;
use crate::canonical::{Canonical, Canonicaliser, EntityError, Misplaced, Notes};
use crate::catalogue::{Domain, Under};
use crate::genesys::{MalformedPage, PageFacts, PageSink};
use crate::model::{CanonicalText, EntityKey, Object, Value};

/// The entities of one listing.
pub(super) type Entities = BTreeMap<EntityKey, CanonicalText>;

/// Keeps the entities of the pages it is given.
pub(super) struct Collector<'c> {
    domain: &'c Domain,
    canonicaliser: &'c Canonicaliser<'c>,
    under: Option<&'c Under>,
    pub(super) entities: Entities,
    pub(super) notes: Notes,
    /// The first key that came twice.
    pub(super) duplicate: Option<EntityKey>,
    /// The first secret that nothing can take the place of.
    pub(super) misplaced: Option<Misplaced>,
}

impl<'c> Collector<'c> {
    pub(super) fn new(domain: &'c Domain, canonicaliser: &'c Canonicaliser<'c>, under: Option<&'c Under>) -> Self {
        let (entities, notes) = (Entities::new(), Notes::default());
        Self { domain, canonicaliser, under, entities, notes, duplicate: None, misplaced: None }
    }

    /// An item of a listing as an entity, with what its listing says of it.
    fn dressed<'v>(&self, item: Value<'v>) -> Value<'v> {
        let mut entity = match (item, &self.domain.source.text_items) {
            (text @ Value::String(_), Some(member)) => {
                Value::Object(Object::from_iter([(Cow::Owned(member.clone()), text)]))
            }
            (item, _) => item,
        };
        stamp(self.domain, self.under, &mut entity);
        entity
    }
}

/// Puts into an entity what its listing took of the parent and its domain keeps.
pub(super) fn stamp(domain: &Domain, under: Option<&Under>, entity: &mut Value<'_>) {
    if let Value::Object(object) = entity {
        for (name, value) in domain.source.stamps(under) {
            object.insert(name.to_owned(), Value::from(value.to_owned()));
        }
    }
}

impl PageSink for Collector<'_> {
    fn page(&mut self, _index: usize, body: &[u8]) -> Result<PageFacts, MalformedPage> {
        let malformed = |reason: String| MalformedPage { reason };
        let (raw, facts) = split(&self.domain.source, body)?;
        let mut notes = Notes::default();
        let parent = self.under.map(|under| &under.parent);
        let taken = raw.into_iter().map(|item| self.canonicaliser.entity(self.dressed(item), parent, &mut notes));
        let taken: Vec<Canonical> = match taken.collect::<Result<_, _>>() {
            Ok(taken) => taken,
            // The answer is sound: asking again would bring the same.
            Err(EntityError::Misplaced(misplaced)) => {
                self.misplaced.get_or_insert(misplaced);
                return Ok(facts);
            }
            Err(error) => return Err(malformed(error.to_string())),
        };
        self.notes.merge(notes);
        for entity in taken {
            if let Canonical::Entity(key, text) = entity
                && self.entities.insert(key.clone(), text).is_some()
            {
                self.duplicate.get_or_insert(key);
            }
        }
        Ok(facts)
    }
}
