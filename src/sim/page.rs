//! Listings, in every style of paging that the API has.

use super::api::Asked;
use super::fault::Effect;
use super::noise::{Noise, write};
use super::path::Placeholders;
use super::population::Member;
use super::query;
use super::reply::Refusal;
use super::rng::Rng;
use super::world::World;
use crate::catalogue::{Counting, Domain, KeyPart, Paging, Segment};
use crate::model::{EntityKey, OwnedValue, Value};

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
    let parent = placeholders.first().map(|(_, key)| EntityKey::new(key));
    if let (Some(parent), Some(parents)) = (&parent, &domain.source.parent)
        && world.member(parents, parent).is_none()
    {
        return Err(Refusal::not_found(asked.path));
    }
    let filter = asked.filter();
    let is_shown = |member: &Member| !world.is_hidden(&domain.id, &member.key);
    let members = world.members(&domain.id).iter();
    let mut members: Vec<&Member> =
        members.filter(|member| member.parent == parent && filter.shows(&member.value) && is_shown(member)).collect();
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
    let items: Vec<Vec<u8>> = page
        .members
        .iter()
        .enumerate()
        .map(|(index, member)| {
            let mut left_out = left_out.clone();
            if effect == Some(Effect::EntityWithoutId) && index == 0 {
                left_out.extend(key_member(domain));
            }
            noise.answer(world, member, &left_out, rng)
        })
        .collect();
    let items = [b"[".to_vec(), items.join(&b','), b"]".to_vec()].concat();
    if domain.source.paging == Paging::Array {
        return Ok(items);
    }
    Ok(envelope(&domain.source.entities, items, &page.facts, rng))
}

/// The entities of one page and what is said about it.
struct Page<'w> {
    members: Vec<&'w Member>,
    facts: Vec<(&'static str, OwnedValue)>,
}

impl<'w> Page<'w> {
    fn of(domain: &Domain, asked: &Asked<'_>, all: &[&'w Member], effect: Option<Effect>) -> Result<Self, Refusal> {
        let contradiction = usize::from(effect == Some(Effect::ContradictingTotal));
        let total = all.len() + contradiction;
        let mut page = match domain.source.paging {
            Paging::PageNumber => Self::of_number(domain.source.counting, asked, all, total)?,
            Paging::Cursor => Self::of_cursor(domain.source.counting, asked, all, total)?,
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
        let size = page_size(asked)?;
        let number = positive(asked, "pageNumber")?.unwrap_or(1);
        let members = all.iter().skip((number - 1).saturating_mul(size)).take(size).copied().collect();
        let count = all.len().div_ceil(size).max(1);
        let address = |number: usize| uri(asked, &[("pageNumber", number.to_string()), ("pageSize", size.to_string())]);
        let mut facts = vec![
            ("pageNumber", number_value(number)),
            ("pageSize", number_value(size)),
            ("firstUri", address(1)),
            ("selfUri", address(number)),
        ];
        if counting == Counting::Counted {
            facts.extend([
                ("total", number_value(total)),
                ("pageCount", number_value(count)),
                ("lastUri", address(count)),
            ]);
        }
        if number < count {
            facts.push(("nextUri", address(number + 1)));
        }
        if number > 1 {
            facts.push(("previousUri", address(number - 1)));
        }
        Ok(Self { members, facts })
    }

    fn of_cursor(counting: Counting, asked: &Asked<'_>, all: &[&'w Member], total: usize) -> Result<Self, Refusal> {
        let size = page_size(asked)?;
        let start = match asked.parameter("after") {
            None => 0,
            Some(cursor) => read_cursor(&cursor)
                .filter(|start| *start <= all.len())
                .ok_or_else(|| Refusal::bad_request("The cursor is none of this listing."))?,
        };
        let end = all.len().min(start.saturating_add(size));
        let address = |start: usize| uri(asked, &[("after", write_cursor(start)), ("pageSize", size.to_string())]);
        let mut facts = vec![("selfUri", address(start))];
        if counting == Counting::Counted {
            facts.push(("total", number_value(total)));
        }
        if end < all.len() {
            facts.push(("nextUri", address(end)));
        }
        Ok(Self { members: all[start..end].to_vec(), facts })
    }

    /// All at once; the envelope shows paging fields all the same.
    fn of_all(asked: &Asked<'_>, all: &[&'w Member], total: usize) -> Self {
        let facts = vec![
            ("pageNumber", number_value(1)),
            ("pageSize", number_value(DEFAULT_SIZE.max(total))),
            ("pageCount", number_value(1)),
            ("total", number_value(total)),
            ("selfUri", uri(asked, &[])),
        ];
        Self { members: all.to_vec(), facts }
    }
}

fn page_size(asked: &Asked<'_>) -> Result<usize, Refusal> {
    let size = positive(asked, "pageSize")?.unwrap_or(DEFAULT_SIZE);
    let most = asked.endpoint.and_then(|endpoint| endpoint.parameter("pageSize")?.max);
    match most {
        Some(most) if size as u64 > most => {
            Err(Refusal::bad_request(format!("The page size {size} is more than {most}.")))
        }
        _ => Ok(size),
    }
}

fn positive(asked: &Asked<'_>, name: &str) -> Result<Option<usize>, Refusal> {
    let Some(text) = asked.parameter(name) else { return Ok(None) };
    let number = text.parse().ok().filter(|number| *number > 0);
    number.map(Some).ok_or_else(|| Refusal::bad_request(format!("{name} must be a positive number, not {text}.")))
}

/// Cursors are opaque; ours hide a position.
fn write_cursor(start: usize) -> String {
    format!("c{start:08x}")
}

fn read_cursor(text: &str) -> Option<usize> {
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

fn envelope(entities: &str, items: Vec<u8>, facts: &[(&'static str, OwnedValue)], rng: &mut Rng) -> Vec<u8> {
    let text = |value: &OwnedValue, rng: &mut Rng| {
        let mut text = Vec::new();
        write(value, rng, &mut text);
        text
    };
    let mut members = vec![(entities, items)];
    for (name, value) in facts {
        members.push((name, text(value, rng)));
    }
    rng.shuffle(&mut members);
    let members: Vec<Vec<u8>> =
        members.into_iter().map(|(name, value)| [text(&Value::from(name), rng), value].join(&b':')).collect();
    [b"{".to_vec(), members.join(&b','), b"}".to_vec()].concat()
}
