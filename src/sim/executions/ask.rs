//! The query for runs.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::super::api::Asked;
use super::super::contract::Method;
use super::super::page::page_size;
use super::super::reply::Refusal;
use super::super::rng::Rng;
use super::super::world::World;
use super::jobs;
use super::recipe::Recipe;
use super::stream::{Run, Stream};
use crate::execution::Capabilities;

/// Below this path runs of flows are asked for.
const PATH: &str = "/api/v2/flows/instances/";

/// The most runs of an answer, and of all pages together.
const MOST: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    query: Vec<Group>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    #[serde(default)]
    and: Vec<Criterion>,
    #[serde(default)]
    or: Vec<Criterion>,
    #[serde(default)]
    not: Vec<Criterion>,
    criteria: Option<Criterion>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Criterion {
    key: String,
    operator: String,
    #[serde(default)]
    value: String,
}

/// Answers a request about runs of flows; `None` for a path that is about something else.
pub(in crate::sim) fn answer(
    world: &mut World,
    method: Method,
    asked: &Asked<'_>,
    body: &str,
    (clock, base): (DateTime<Utc>, &str),
    rng: &mut Rng,
) -> Option<Result<Vec<u8>, Refusal>> {
    let words: Vec<&str> = asked.path.strip_prefix(PATH)?.split('/').collect();
    let now = world.executions().now(clock);
    let answer = match (method, words.as_slice()) {
        (Method::Query, ["query"]) => query(world, asked, body, now, rng),
        (Method::Get, ["querycapabilities"]) => capabilities(),
        (Method::Query, ["jobs"]) => jobs::begin(world, body),
        (Method::Get, ["jobs", id]) => jobs::poll(world, asked, id, now, base),
        (Method::Get, [id]) => jobs::begin_one(world, asked, id),
        _ => return None,
    };
    Some(answer.map(|answer| answer.to_string().into_bytes()))
}

fn capabilities() -> Result<Json, Refusal> {
    let broken = |_| Refusal::new(500, "internal.server.error", "What can be asked by is not known.");
    let known = Capabilities::built_in().map_err(broken)?;
    let criterion = |(name, key): (&str, &crate::execution::Key)| json!({ "criteriaKey": name, "criteriaGroups": ["flow"], "operators": key.operators, "dataType": key.data_type });
    let values = |name: &str| known.key(name).and_then(|key| known.values(key)).unwrap_or_default().to_vec();
    let recipe = Recipe::embedded();
    Ok(json!({
        "criteria": known.keys().map(criterion).collect::<Vec<_>>(),
        "flowTypes": values("FlowType"),
        "actionTypes": values("FlowActionType"),
        "errorCodes": recipe.errors.reasons,
        "warningCodes": recipe.warnings.reasons,
    }))
}

fn query(world: &World, asked: &Asked<'_>, body: &str, now: DateTime<Utc>, rng: &mut Rng) -> Result<Json, Refusal> {
    let query: Query =
        serde_json::from_str(body).map_err(|_| Refusal::bad_request("The body is no query of flow instances."))?;
    let known = Capabilities::built_in()
        .map_err(|_| Refusal::new(500, "internal.server.error", "What can be asked by is not known."))?;
    for criterion in query.query.iter().flat_map(Group::all) {
        let takes = known.key(&criterion.key).is_some_and(|key| key.operators.contains(&criterion.operator));
        if !takes {
            return Err(Refusal::bad_request(format!("{} {} is no criterion.", criterion.key, criterion.operator)));
        }
    }
    let size = page_size(asked, "pageSize")?;
    if size > MOST {
        return Err(Refusal::bad_request(format!("The page size {size} is more than {MOST}.")));
    }
    let (from, to) = bounds(&query).ok_or_else(|| Refusal::bad_request("The query needs a begin and an end."))?;
    let stream = Stream::of(world);
    let oldest = now - TimeDelta::days(Recipe::embedded().kept_days);
    let mut found: Vec<Run> = Vec::new();
    for minute in Stream::minute(from.max(oldest))..=Stream::minute(to.min(now)) {
        let fits = |run: &Run| {
            run.started >= oldest && run.found <= now && query.query.iter().all(|group| group.holds(&stream, run))
        };
        found.extend(stream.runs(minute).into_iter().filter(fits));
        if found.len() >= size {
            break;
        }
    }
    found.truncate(size);
    let total = found.len();
    rng.shuffle(&mut found);
    let entities: Vec<Json> = found.iter().map(|run| entry(&stream, run)).collect();
    Ok(json!({ "entities": entities, "pageSize": size, "pageNumber": 1, "total": total, "pageCount": 1 }))
}

/// A run as an answer has it.
pub(super) fn entry(stream: &Stream<'_>, run: &Run) -> Json {
    let flow = &stream.flows[run.flow];
    let mut entry = json!({
        "id": run.id,
        "startDateTime": written(run.started),
        "endDateTime": written(run.ended),
        "flowId": flow.id,
        "flowName": flow.name,
        "flowType": flow.kind,
        "flowVersion": flow.version,
        "conversationId": run.conversation,
        "selfUri": format!("{PATH}{}", run.id),
    });
    for (name, reason) in [("flowErrorReason", &run.error), ("flowWarningReason", &run.warning)] {
        if let Some(reason) = reason {
            entry[name] = reason.as_str().into();
        }
    }
    entry
}

pub(super) fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The narrowest moments that every run of the answer is between.
fn bounds(query: &Query) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let (mut from, mut to) = (None, None);
    let must_hold = query.query.iter().flat_map(|group| group.and.iter().chain(&group.criteria));
    for criterion in must_hold.filter(|criterion| criterion.key == "FlowStartDateTime") {
        let at = criterion.value.parse::<DateTime<Utc>>().ok()?;
        match criterion.operator.as_str() {
            "gt" | "gte" => from = from.max(Some(at)),
            "lt" | "lte" => to = Some(to.map_or(at, |to: DateTime<Utc>| to.min(at))),
            _ => {}
        }
    }
    Some((from?, to?)).filter(|(from, to)| from < to)
}

impl Group {
    fn all(&self) -> impl Iterator<Item = &Criterion> {
        self.and.iter().chain(&self.or).chain(&self.not).chain(&self.criteria)
    }

    fn holds(&self, stream: &Stream<'_>, run: &Run) -> bool {
        let holds = |criterion: &Criterion| criterion.holds(stream, run);
        self.and.iter().chain(&self.criteria).all(holds)
            && (self.or.is_empty() || self.or.iter().any(holds))
            && !self.not.iter().any(holds)
    }
}

impl Criterion {
    fn holds(&self, stream: &Stream<'_>, run: &Run) -> bool {
        let flow = &stream.flows[run.flow];
        let of_actions = |member: fn(&super::recipe::Action) -> &str| {
            Recipe::embedded().actions.iter().any(|action| self.fits(member(action)))
        };
        match self.key.as_str() {
            "FlowStartDateTime" => self.fits_moment(run.started),
            "FlowEndDateTime" => self.fits_moment(run.ended),
            "ConversationId" => self.fits(&run.conversation),
            "FlowType" => self.fits(&flow.kind),
            "FlowId" => self.fits(&flow.id),
            "FlowErrorReason" => run.error.as_ref().is_some_and(|reason| self.fits(reason)),
            "FlowWarningReason" => run.warning.as_ref().is_some_and(|reason| self.fits(reason)),
            "FlowActionType" => of_actions(|action| &action.r#type),
            "FlowActionId" => of_actions(|action| &action.name),
            _ => false,
        }
    }

    fn fits(&self, value: &str) -> bool {
        match self.operator.as_str() {
            "eq" => value == self.value,
            "not" => value != self.value,
            "begins" => value.starts_with(&self.value),
            "not_null" => true,
            _ => false,
        }
    }

    fn fits_moment(&self, at: DateTime<Utc>) -> bool {
        let Ok(bound) = self.value.parse::<DateTime<Utc>>() else { return false };
        match self.operator.as_str() {
            "eq" => at == bound,
            "gt" => at > bound,
            "gte" => at >= bound,
            "lt" => at < bound,
            "lte" => at <= bound,
            _ => false,
        }
    }
}
