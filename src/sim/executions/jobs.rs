//! Jobs that make records ready, and where the records are then: for a while, for whoever has the signature.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::super::api::Asked;
use super::super::query;
use super::super::reply::{Body, Refusal, Reply};
use super::super::rng::Rng;
use super::super::world::World;
use super::ask::{entry, written};
use super::recipe::Recipe;
use super::stream::{Run, Stream};

/// Where records are downloaded.
pub(in crate::sim) const DOWNLOADS: &str = "/execution-data/";

/// How long a signature counts, in seconds.
const LIFE: i64 = 3_600;

/// The most records of a job.
const MOST: usize = 200;

/// A job.
#[derive(Clone, Debug)]
pub(super) struct Job {
    ids: Vec<String>,
    polls: u32,
    fails: bool,
}

#[derive(Deserialize)]
struct Wanted {
    ids: Vec<String>,
}

pub(super) fn begin(world: &mut World, body: &str) -> Result<Json, Refusal> {
    let wanted: Wanted = serde_json::from_str(body).map_err(|_| Refusal::bad_request("The body names no ids."))?;
    if wanted.ids.is_empty() || wanted.ids.len() > MOST {
        return Err(Refusal::bad_request(format!("A job is for 1 to {MOST} records.")));
    }
    Ok(begun(world, wanted.ids))
}

pub(super) fn begin_one(world: &mut World, asked: &Asked<'_>, id: &str) -> Result<Json, Refusal> {
    if Stream::of(world).find(id).is_none() {
        return Err(Refusal::not_found(asked.path));
    }
    Ok(begun(world, vec![id.to_owned()]))
}

fn begun(world: &mut World, ids: Vec<String>) -> Json {
    let seed = world.seed();
    let executions = world.executions_mut();
    executions.made += 1;
    let id = Rng::keyed(seed, &["job", &executions.made.to_string()]).uuid();
    let fails = executions.faults.failing_jobs > 0;
    executions.faults.failing_jobs = executions.faults.failing_jobs.saturating_sub(1);
    let job = Job { ids, polls: executions.faults.polls, fails };
    executions.jobs.insert(id.clone(), job);
    json!({ "id": id, "jobState": "Registered" })
}

pub(super) fn poll(
    world: &mut World,
    asked: &Asked<'_>,
    id: &str,
    now: DateTime<Utc>,
    base: &str,
) -> Result<Json, Refusal> {
    let missing = || Refusal::not_found(asked.path);
    let job = world.executions_mut().jobs.get_mut(id).ok_or_else(missing)?;
    if job.polls > 0 {
        job.polls -= 1;
        return Ok(json!({ "id": id, "jobState": "Running" }));
    }
    if job.fails {
        return Ok(json!({ "id": id, "jobState": "Failed" }));
    }
    let job = job.clone();
    let known: Vec<bool> = {
        let stream = Stream::of(world);
        let gone = world.executions().faults.gone;
        let is_there = |id: &String| stream.find(id).is_some() && !Rng::keyed(stream.seed, &["gone", id]).chance(gone);
        job.ids.iter().map(is_there).collect()
    };
    let seed = world.seed();
    let faults = &mut world.executions_mut().faults;
    let mut entities = Vec::new();
    for (id, is_there) in job.ids.iter().zip(known) {
        if !is_there {
            entities.push(json!({ "id": id, "failed": true, "statusCode": "404" }));
        } else if faults.failing_records > 0 {
            faults.failing_records -= 1;
            entities.push(json!({ "id": id, "failed": true, "statusCode": "500" }));
        } else {
            let life = if faults.expired_signatures > 0 { 0 } else { LIFE };
            faults.expired_signatures = faults.expired_signatures.saturating_sub(1);
            let until = (now.timestamp() + life).to_string();
            let signature = signature(seed, id, &until);
            let uri = format!("{base}{DOWNLOADS}{id}.json?Expires={until}&Signature={signature}");
            entities.push(json!({ "id": id, "downloadUri": uri, "failed": false, "statusCode": "200" }));
        }
    }
    Ok(json!({ "id": id, "jobState": "Success", "entities": entities }))
}

fn signature(seed: u64, id: &str, until: &str) -> String {
    Rng::keyed(seed, &["signature", id, until]).hex(40)
}

/// Answers a download: without a token, by its signature alone.
pub(in crate::sim) fn download(
    world: &World,
    (path, parameters): (&str, &str),
    authorization: Option<&str>,
    clock: DateTime<Utc>,
) -> Reply {
    let refused = |status: u16| Reply {
        status,
        headers: Vec::new(),
        body: Body::Html("<Error><Code>AccessDenied</Code></Error>"),
    };
    if authorization.is_some() {
        // A store of files takes one way to be let in, and the token is none of its business.
        return refused(400);
    }
    let parameters = query::read(parameters);
    let parameter = |name: &str| parameters.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str());
    let id = path.strip_prefix(DOWNLOADS).and_then(|file| file.strip_suffix(".json")).unwrap_or_default();
    let (until, signed) = (parameter("Expires").unwrap_or_default(), parameter("Signature").unwrap_or_default());
    let now = world.executions().now(clock);
    let is_valid = until.parse().is_ok_and(|until: i64| now.timestamp() < until);
    if !is_valid || signed != signature(world.seed(), id, until) {
        return refused(403);
    }
    let stream = Stream::of(world);
    match stream.find(id) {
        Some(run) => Reply::json(200, record(&stream, &run).to_string().into_bytes()),
        None => refused(404),
    }
}

/// What is recorded of a run.
fn record(stream: &Stream<'_>, run: &Run) -> Json {
    let recipe = Recipe::embedded();
    let mut rng = Rng::keyed(stream.seed, &["record", &run.id]);
    let span = (run.ended - run.started).to_std().unwrap_or(Duration::ZERO);
    let count = u32::try_from(recipe.actions.len()).unwrap_or(1).max(1);
    let action = |(index, action): (u32, &super::recipe::Action)| {
        json!({
            "actionId": index + 1,
            "actionName": action.name,
            "actionType": action.r#type,
            "dateTime": written(run.started + span * index / count),
        })
    };
    let mut actions: Vec<Json> = (0..).zip(&recipe.actions).map(action).collect();
    if let (Some(last), Some(reason)) = (actions.last_mut(), &run.error) {
        last["error"] = json!({ "errorCode": reason, "message": "The action ended with an error." });
    }
    let mut variables = serde_json::Map::new();
    for variable in &recipe.variables {
        let is_clear = rng.chance(variable.share);
        let number = 100 + rng.below(900);
        let value = if is_clear { variable.clear.replace("{n}", &number.to_string()) } else { variable.masked.clone() };
        variables.insert(variable.name.clone(), value.into());
    }
    let mut entry = entry(stream, run);
    if let Some(entry) = entry.as_object_mut() {
        entry.remove("selfUri");
    }
    json!({ "flow": entry, "execution": actions, "variables": variables })
}
