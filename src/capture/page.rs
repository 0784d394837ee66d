//! One page of a listing: its items, and what the walk must know of it.

use crate::canonical::read;
use crate::catalogue::{Counting, Paging, Source};
use crate::genesys::{MalformedPage, PageFacts};
use crate::model::Value;

/// Takes a page apart.
pub(super) fn split<'b>(source: &Source, body: &'b [u8]) -> Result<(Vec<Value<'b>>, PageFacts), MalformedPage> {
    let malformed = |reason: String| MalformedPage { reason };
    let mut page = read(body).map_err(|error| malformed(format!("it is not JSON that can be taken: {error}")))?;
    match source.paging {
        Paging::Singleton => {
            if page.as_object().is_none() {
                return Err(malformed(format!("it is {}, not an object", page.kind())));
            }
            Ok((vec![page], PageFacts { entities: 1, ..PageFacts::default() }))
        }
        Paging::Array => {
            let kind = page.kind();
            let Value::Array(items) = page else { return Err(malformed(format!("it is {kind}, not an array"))) };
            let facts = PageFacts { entities: items.len(), ..PageFacts::default() };
            Ok((items, facts))
        }
        Paging::PageNumber | Paging::Cursor | Paging::Unpaged => {
            let member = source.entities.as_str();
            let items = match &mut page {
                Value::Object(envelope) => envelope.remove(member),
                _ => None,
            };
            let Some(Value::Array(items)) = items else {
                return Err(malformed(format!("it has no array {member:?}")));
            };
            let facts = facts(source, &page, items.len());
            Ok((items, facts))
        }
    }
}

fn facts(source: &Source, envelope: &Value<'_>, entities: usize) -> PageFacts {
    let number = |name| envelope.get(name).and_then(Value::as_u64);
    let counted = source.paging == Paging::PageNumber && source.counting == Counting::Counted;
    let count = |name| if counted { number(name) } else { None };
    PageFacts {
        entities,
        total: count("total"),
        page_count: count("pageCount"),
        page_number: number("pageNumber").filter(|_| source.paging == Paging::PageNumber),
        next_uri: match source.cursor.next {
            Some(_) => None,
            None => envelope.get("nextUri").and_then(Value::as_str).map(ToOwned::to_owned),
        },
        next_cursor: next_cursor(source, envelope),
    }
}

fn next_cursor(source: &Source, envelope: &Value<'_>) -> Option<String> {
    let place = source.cursor.next.as_ref()?.find(envelope)?;
    place.as_str().filter(|cursor| !cursor.is_empty()).map(ToOwned::to_owned)
}
