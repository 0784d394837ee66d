//! Listings, in every style of paging that the API has.

use std::borrow::Cow;

use super::api::Asked;
use super::fault::Effect;
use super::lookup::Bound;
use super::noise::{Noise, write};
use super::path::Placeholders;
use super::place;
use super::population::Member;
use super::query;
use super::reply::Refusal;
use super::rng::Rng;
use super::world::World;
use crate::canonical::compact;
use crate::catalogue::{Counting, CursorNames, Domain, FieldPath, KeyPart, Paging, Segment};
use crate::model::{Object, OwnedValue, Value};

/// The page size where neither the request nor the contract names one.
const DEFAULT_SIZE: usize = 25;

/// The body of a listing's answer.
pub(super) fn answer(
    world: &World,
    domain: &Domain,
    asked: &Asked<'_>,
    placeholders: &Placeholders,
    effect: Option<Effect>,
    rng: &mut Rng,
) -> Result<Vec<u8>, Refusal> {
    let filter = asked.filter(domain);
    if domain.source.parent.is_none() {
        if domain.source.optional && world.members(&domain.id).is_empty() {
            return Err(Refusal::not_found(asked.path));
        }
        return of_members(world, domain, asked, world.shown(domain, filter), effect, rng);
    }
    let listings = world.listings_for(domain, &bound(domain, asked, placeholders)?);
    let lists: Vec<_> = listings.iter().map(|under| world.list(domain, under)).collect();
    let members = lists.iter().flat_map(|list| list.iter());
    if listings.is_empty() || (domain.source.optional && members.clone().next().is_none()) {
        return Err(Refusal::not_found(asked.path));
    }
    let shown = members.filter(|member| filter.shows(&member.value) && !world.is_hidden(&domain.id, &member.key));
    of_members(world, domain, asked, shown.collect(), effect, rng)
}

/// What a request has in the places of what comes from a parent.
fn bound(domain: &Domain, asked: &Asked<'_>, placeholders: &Placeholders) -> Result<Bound, Refusal> {
    let value = |name: &String| {
        let in_path = placeholders.iter().find(|(placeholder, _)| placeholder == name).map(|(_, value)| value.clone());
        let value = in_path.or_else(|| asked.parameter(name));
        let missing = || Refusal::bad_request(format!("{} needs the parameter {name}.", asked.path));
        Ok((name.clone(), value.ok_or_else(missing)?))
    };
    domain.source.bind.keys().map(value).collect()
}

/// An answer of the entities that a request lets be seen.
fn of_members(
    world: &World,
    domain: &Domain,
    asked: &Asked<'_>,
    mut members: Vec<&Member>,
    effect: Option<Effect>,
    rng: &mut Rng,
) -> Result<Vec<u8>, Refusal> {
    let noise = Noise::of(domain);
    if domain.source.paging == Paging::Singleton {
        let only = members.first().ok_or_else(|| Refusal::not_found(asked.path))?;
        return Ok(noise.answer(world, only, &asked.left_out(&[]), rng));
    }
    if asked.parameter("sortOrder").is_some_and(|order| order.to_ascii_lowercase().starts_with("desc")) {
        members.reverse();
    }
    let page = Page::of(domain, asked, &members, effect)?;
    let left_out = asked.left_out(world.detail_only(&domain.id));
    let has_no_key = |index: usize| effect == Some(Effect::EntityWithoutId) && index == 0;
    let item = |(index, member): (usize, &&Member)| {
        if let Some(text) = &domain.source.text_items {
            let text = member.value.get(text).filter(|_| !has_no_key(index));
            return compact(text.unwrap_or(&Value::from(""))).into_bytes();
        }
        let mut left_out = left_out.clone();
        if has_no_key(index) {
            left_out.extend(key_member(domain));
        }
        noise.answer(world, member, &left_out, rng)
    };
    let items: Vec<Vec<u8>> = page.members.iter().enumerate().map(item).collect();
    let items = [b"[".to_vec(), items.join(&b','), b"]".to_vec()].concat();
    if domain.source.paging == Paging::Array {
        return Ok(items);
    }
    Ok(envelope(&domain.source.entities, items, &page.facts, rng))
}

/// The entities of one page and what is said about it.
struct Page<'w> {
    members: Vec<&'w Member>,
    facts: Object<'static>,
}

impl<'w> Page<'w> {
    fn of(domain: &Domain, asked: &Asked<'_>, all: &[&'w Member], effect: Option<Effect>) -> Result<Self, Refusal> {
        let contradiction = usize::from(effect == Some(Effect::ContradictingTotal));
        let total = all.len() + contradiction;
        let mut page = match domain.source.paging {
            Paging::PageNumber => Self::of_number(domain.source.counting, asked, all, total)?,
            Paging::Cursor => Self::of_cursor(domain, asked, all, total)?,
            Paging::Unpaged | Paging::Array | Paging::Singleton => Self::of_all(asked, all, total),
        };
        match effect {
            Some(Effect::ShortPage) => drop(page.members.pop()),
            Some(Effect::EmptyPage) => page.members.clear(),
            Some(Effect::DuplicateId) => {
                if page.members.len() > 1 {
                    page.members.pop();
                }
                page.members.extend(page.members.first().copied());
            }
            _ => {}
        }
        Ok(page)
    }

    fn of_number(counting: Counting, asked: &Asked<'_>, all: &[&'w Member], total: usize) -> Result<Self, Refusal> {
        let size = page_size(asked, "pageSize")?;
        let number = positive(asked, "pageNumber")?.unwrap_or(1);
        let members = all.iter().skip((number - 1).saturating_mul(size)).take(size).copied().collect();
        let count = all.len().div_ceil(size).max(1);
        let address = |number: usize| uri(asked, &[("pageNumber", number.to_string()), ("pageSize", size.to_string())]);
        let mut facts = Object::default();
        facts.insert("pageNumber", number_value(number));
        facts.insert("pageSize", number_value(size));
        facts.insert("firstUri", address(1));
        facts.insert("selfUri", address(number));
        if counting == Counting::Counted {
            facts.insert("total", number_value(total));
            facts.insert("pageCount", number_value(count));
            facts.insert("lastUri", address(count));
        }
        if number < count {
            facts.insert("nextUri", address(number + 1));
        }
        if number > 1 {
            facts.insert("previousUri", address(number - 1));
        }
        Ok(Self { members, facts })
    }

    fn of_cursor(domain: &Domain, asked: &Asked<'_>, all: &[&'w Member], total: usize) -> Result<Self, Refusal> {
        let CursorNames { parameter, size: size_parameter, next } = &domain.source.cursor;
        let size = page_size(asked, size_parameter)?;
        let start = match asked.parameter(parameter) {
            None => 0,
            Some(cursor) => read_cursor(&cursor)
                .filter(|start| *start <= all.len())
                .ok_or_else(|| Refusal::bad_request("The cursor is none of this listing."))?,
        };
        let end = all.len().min(start.saturating_add(size));
        let address =
            |start: usize| uri(asked, &[(parameter, write_cursor(start)), (size_parameter, size.to_string())]);
        let mut facts = Object::default();
        facts.insert("selfUri", address(start));
        if domain.source.counting == Counting::Counted {
            facts.insert("total", number_value(total));
        }
        let mut facts = Value::Object(facts);
        if end < all.len() {
            match next {
                Some(next) => place::put(&mut facts, next, Value::from(write_cursor(end))),
                None => place::put(&mut facts, &FieldPath::parse("nextUri"), address(end)),
            }
        }
        let Value::Object(facts) = facts else { return Err(Refusal::not_found(asked.path)) };
        Ok(Self { members: all[start..end].to_vec(), facts })
    }

    /// All at once; the envelope shows paging fields all the same.
    fn of_all(asked: &Asked<'_>, all: &[&'w Member], total: usize) -> Self {
        let facts = [
            ("pageNumber", number_value(1)),
            ("pageSize", number_value(DEFAULT_SIZE.max(total))),
            ("pageCount", number_value(1)),
            ("total", number_value(total)),
            ("selfUri", uri(asked, &[])),
        ];
        let facts = facts.into_iter().map(|(name, fact)| (Cow::Borrowed(name), fact)).collect();
        Self { members: all.to_vec(), facts }
    }
}

pub(super) fn page_size(asked: &Asked<'_>, parameter: &str) -> Result<usize, Refusal> {
    let size = positive(asked, parameter)?.unwrap_or(DEFAULT_SIZE);
    let most = asked.endpoint.and_then(|endpoint| endpoint.parameter(parameter)?.max());
    match most.and_then(|most| usize::try_from(most).ok()) {
        Some(most) if size > most && asked.query.iter().any(|(name, _)| name == parameter) => {
            Err(Refusal::bad_request(format!("The page size {size} is more than {most}.")))
        }
        most => Ok(most.map_or(size, |most| most.min(size))),
    }
}

pub(super) fn positive(asked: &Asked<'_>, name: &str) -> Result<Option<usize>, Refusal> {
    let Some(text) = asked.parameter(name) else { return Ok(None) };
    let number = text.parse().ok().filter(|number| *number > 0);
    number.map(Some).ok_or_else(|| Refusal::bad_request(format!("{name} must be a positive number, not {text}.")))
}

/// Cursors are opaque; ours hide a position.
pub(super) fn write_cursor(start: usize) -> String {
    format!("c{start:08x}")
}

pub(super) fn read_cursor(text: &str) -> Option<usize> {
    usize::from_str_radix(text.strip_prefix('c')?, 16).ok()
}

/// The address of the request with other values of some parameters.
fn uri(asked: &Asked<'_>, changed: &[(&str, String)]) -> OwnedValue {
    let is_kept = |pair: &&(String, String)| changed.iter().all(|(name, _)| *name != pair.0);
    let kept = asked.query.iter().filter(is_kept).map(|(name, value)| (name.as_str(), value.as_str()));
    let query = query::write(kept.chain(changed.iter().map(|(name, value)| (*name, value.as_str()))));
    Value::from(if query.is_empty() { asked.path.to_owned() } else { format!("{}?{query}", asked.path) })
}

fn number_value(number: usize) -> OwnedValue {
    Value::from(number as u64)
}

/// The member of an entity that the first field of its key is in.
fn key_member(domain: &Domain) -> Option<String> {
    domain.identity.key.iter().find_map(|part| match part {
        KeyPart::Field(path) => match path.segments() {
            [Segment::Name(name), ..] => Some(name.clone()),
            _ => None,
        },
        KeyPart::Parent | KeyPart::Org => None,
    })
}

fn envelope(entities: &str, items: Vec<u8>, facts: &Object<'static>, rng: &mut Rng) -> Vec<u8> {
    let text = |value: &OwnedValue, rng: &mut Rng| {
        let mut text = Vec::new();
        write(value, rng, &mut text);
        text
    };
    let mut members = vec![(entities, items)];
    for (name, value) in facts.iter() {
        members.push((name, text(value, rng)));
    }
    rng.shuffle(&mut members);
    let members: Vec<Vec<u8>> =
        members.into_iter().map(|(name, value)| [text(&Value::from(name), rng), value].join(&b':')).collect();
    [b"{".to_vec(), members.join(&b','), b"}".to_vec()].concat()
}
