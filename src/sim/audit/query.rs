//! The paths of the audit log.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::super::api::Asked;
use super::super::contract::Method;
use super::super::page::{page_size, positive, read_cursor, write_cursor};
use super::super::reply::Refusal;
use super::super::rng::Rng;
use super::super::world::World;
use super::coverage::Coverage;
use super::log::{Property, Query};

/// Where the audit log is asked.
const PATH: &str = "/api/v2/audits/query";

/// The most records on a page.
const LARGEST_PAGE: usize = 500;

/// How far back the realtime query goes.
const REALTIME_DAYS: i64 = 14;

/// The body of a query.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    interval: Option<String>,
    service_name: Option<String>,
    #[serde(default)]
    filters: Vec<Filter>,
    #[serde(default)]
    sort: Vec<Sort>,
}

#[derive(Deserialize)]
struct Filter {
    property: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sort {
    sort_order: String,
}

/// Answers a request to the audit log; `None` for a path that is none of its.
pub(in crate::sim) fn answer(
    world: &mut World,
    method: Method,
    asked: &Asked<'_>,
    body: &str,
) -> Option<Result<Vec<u8>, Refusal>> {
    let rest = asked.path.strip_prefix(PATH)?;
    let words: Vec<&str> = rest.split('/').skip(1).collect();
    let answer = match (method, words.as_slice()) {
        (Method::Query, []) => accept(world, body),
        (Method::Query, ["realtime"]) => realtime(world, asked, body),
        (Method::Get, ["servicemapping"]) => Ok(Coverage::embedded().mapping(world.catalogue(), false)),
        (Method::Get, ["realtime", "servicemapping"]) => Ok(Coverage::embedded().mapping(world.catalogue(), true)),
        (Method::Get, [id]) => poll(world, asked, id),
        (Method::Get, [id, "results"]) => results(world, asked, id),
        _ => return None,
    };
    Some(answer.map(|answer| answer.to_string().into_bytes()))
}

fn accept(world: &mut World, body: &str) -> Result<Json, Refusal> {
    let query = read(world, body, false)?;
    let days = world.audits().faults.longest_days;
    if query.length() > TimeDelta::days(days) {
        return Err(Refusal::bad_request(format!("The interval is longer than {days} days.")));
    }
    let (seed, number) = (world.seed(), world.audits_mut().next_number());
    let id = Rng::keyed(seed, &["audit query", &number.to_string()]).uuid();
    let said: Json = serde_json::from_str(body).unwrap_or_default();
    let told = ["interval", "serviceName", "filters", "sort"].into_iter().map(|name| (name, said[name].clone()));
    let mut told: serde_json::Map<String, Json> =
        told.filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect();
    told.insert("id".to_owned(), id.as_str().into());
    let answer = with_state(Json::Object(told.clone()), "Queued");
    world.audits_mut().begin(id, Json::Object(told), &query, seed);
    Ok(answer)
}

fn poll(world: &mut World, asked: &Asked<'_>, id: &str) -> Result<Json, Refusal> {
    let (told, state) = world.audits_mut().poll(id).ok_or_else(|| Refusal::not_found(asked.path))?;
    Ok(with_state(told, state))
}

fn with_state(mut told: Json, state: &str) -> Json {
    told["state"] = state.into();
    told
}

fn results(world: &World, asked: &Asked<'_>, id: &str) -> Result<Json, Refusal> {
    let transaction = world.audits().transaction(id).ok_or_else(|| Refusal::not_found(asked.path))?;
    let found = transaction.found().ok_or_else(|| Refusal::bad_request("The query has no results."))?;
    let size = size_of(asked)?;
    let start = match asked.parameter("cursor") {
        None => 0,
        Some(cursor) => read_cursor(&cursor)
            .filter(|start| *start <= found.len())
            .ok_or_else(|| Refusal::bad_request("The cursor is none of this query."))?,
    };
    let end = found.len().min(start + size);
    let mut answer = json!({ "id": id, "pageSize": size, "entities": shown(asked, &found[start..end]) });
    if end < found.len() {
        answer["cursor"] = write_cursor(end).into();
    }
    Ok(answer)
}

fn realtime(world: &mut World, asked: &Asked<'_>, body: &str) -> Result<Json, Refusal> {
    let query = read(world, body, true)?;
    let newest = world.audits().newest().map_or(query.to, |newest| newest.max(query.to));
    if query.from < newest - TimeDelta::days(REALTIME_DAYS) {
        return Err(Refusal::bad_request(format!("The interval begins more than {REALTIME_DAYS} days ago.")));
    }
    let (size, number) = (size_of(asked)?, positive(asked, "pageNumber")?.unwrap_or(1));
    let seed = world.seed();
    let found = world.audits_mut().find(&query, seed);
    let start = found.len().min((number - 1).saturating_mul(size));
    let end = found.len().min(start + size);
    Ok(json!({
        "entities": shown(asked, &found[start..end]),
        "pageNumber": number,
        "pageSize": size,
        "total": found.len(),
        "pageCount": found.len().div_ceil(size),
    }))
}

fn size_of(asked: &Asked<'_>) -> Result<usize, Refusal> {
    let size = page_size(asked, "pageSize")?;
    if size > LARGEST_PAGE {
        return Err(Refusal::bad_request(format!("The page size {size} is more than {LARGEST_PAGE}.")));
    }
    Ok(size)
}

/// Records as an answer has them: people with their names only where that is asked for.
fn shown(asked: &Asked<'_>, records: &[Json]) -> Vec<Json> {
    let expanded = asked.parameter("expand").unwrap_or_default();
    let has_names = expanded.split(',').any(|word| word == "user");
    let mut records = records.to_vec();
    for record in records.iter_mut().filter(|_| !has_names) {
        if let Some(user) = record.get_mut("user").and_then(Json::as_object_mut) {
            user.remove("name");
        }
    }
    records
}

fn read(world: &World, body: &str, realtime: bool) -> Result<Query, Refusal> {
    let body: Body = serde_json::from_str(body).map_err(|_| Refusal::bad_request("The body is no query of audits."))?;
    let interval = body.interval.as_deref().and_then(|interval| interval.split_once('/'));
    let moment = |text: &str| text.parse::<DateTime<Utc>>().ok();
    let interval = interval.and_then(|(from, to)| Some((moment(from)?, moment(to)?)));
    let (from, to) = interval
        .filter(|(from, to)| from < to)
        .ok_or_else(|| Refusal::bad_request("The interval must be two moments, the earlier one first."))?;
    let services: BTreeSet<String> = Coverage::embedded().services(world.catalogue(), realtime).into_keys().collect();
    match &body.service_name {
        Some(service) if !services.contains(service) => {
            return Err(Refusal::bad_request(format!("There is no service {service}.")));
        }
        None if world.audits().faults.needs_service => {
            return Err(Refusal::bad_request("A query must name a service."));
        }
        _ => {}
    }
    let filter = |filter: Filter| {
        let property = Property::named(&filter.property);
        let unknown = || Refusal::bad_request(format!("There is no filter by {}.", filter.property));
        Ok((property.ok_or_else(unknown)?, filter.value))
    };
    Ok(Query {
        from,
        to,
        service: body.service_name,
        services: realtime.then_some(services),
        filters: body.filters.into_iter().map(filter).collect::<Result<_, _>>()?,
        is_ascending: body.sort.first().is_some_and(|sort| sort.sort_order == "ascending"),
    })
}
