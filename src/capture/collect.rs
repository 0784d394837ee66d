//! Takes the pages of one listing and keeps their entities in canonical form.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::canonical::{Canonical, Canonicaliser, EntityError, Misplaced, Notes, read};
use crate::catalogue::{Counting, Domain, Paging, Under};
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

    fn facts(&self, envelope: &Value<'_>, entities: usize) -> PageFacts {
        let number = |name| envelope.get(name).and_then(Value::as_u64);
        let counted =
            self.domain.source.paging == Paging::PageNumber && self.domain.source.counting == Counting::Counted;
        let count = |name| if counted { number(name) } else { None };
        PageFacts {
            entities,
            total: count("total"),
            page_count: count("pageCount"),
            page_number: number("pageNumber").filter(|_| self.domain.source.paging == Paging::PageNumber),
            next_uri: match self.domain.source.cursor.next {
                Some(_) => None,
                None => envelope.get("nextUri").and_then(Value::as_str).map(ToOwned::to_owned),
            },
            next_cursor: self.next_cursor(envelope),
        }
    }
}

impl Collector<'_> {
    fn next_cursor(&self, envelope: &Value<'_>) -> Option<String> {
        let place = self.domain.source.cursor.next.as_ref()?.find(envelope)?;
        place.as_str().filter(|cursor| !cursor.is_empty()).map(ToOwned::to_owned)
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
        let mut page = read(body).map_err(|error| malformed(format!("it is not JSON that can be taken: {error}")))?;
        let (raw, facts) = match self.domain.source.paging {
            Paging::Singleton => {
                if page.as_object().is_none() {
                    return Err(malformed(format!("it is {}, not an object", page.kind())));
                }
                (vec![page], PageFacts { entities: 1, ..PageFacts::default() })
            }
            Paging::Array => {
                let kind = page.kind();
                let Value::Array(items) = page else { return Err(malformed(format!("it is {kind}, not an array"))) };
                let facts = PageFacts { entities: items.len(), ..PageFacts::default() };
                (items, facts)
            }
            Paging::PageNumber | Paging::Cursor | Paging::Unpaged => {
                let member = self.domain.source.entities.as_str();
                let items = match &mut page {
                    Value::Object(envelope) => envelope.remove(member),
                    _ => None,
                };
                let Some(Value::Array(items)) = items else {
                    return Err(malformed(format!("it has no array {member:?}")));
                };
                let facts = self.facts(&page, items.len());
                (items, facts)
            }
        };
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
