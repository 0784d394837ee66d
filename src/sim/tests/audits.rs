//! The paths of the audit log.

use serde_json::{Value as Json, json};

use super::*;
use crate::sim::Script;

const QUERY: &str = "/api/v2/audits/query";
const REALTIME: &str = "/api/v2/audits/query/realtime";
const DAY: &str = "2026-03-02T00:00:00Z/2026-03-03T00:00:00Z";

/// An org in which the built-in day was seen.
fn after_a_day() -> Program {
    let program = Program::of_built_in();
    for edit in Script::built_in().unwrap().edits {
        let at = "2026-03-02".parse::<chrono::NaiveDate>().unwrap().and_time(edit.at).and_utc();
        program.gate.world().act(&edit, at).unwrap();
    }
    program
}

fn answer(reply: &Reply) -> (u16, Json) {
    let Body::Json(body) = &reply.body else { panic!("{reply:?}") };
    (reply.status, serde_json::from_slice(body).unwrap())
}

fn ask(program: &Program, path: &str, body: &Json) -> (u16, Json) {
    answer(&program.post(path, &body.to_string()))
}

/// The ids of all records that a query finds, by pages of some size.
fn find(program: &Program, body: &Json, size: usize) -> Vec<String> {
    let (_, accepted) = ask(program, QUERY, body);
    let address = format!("{QUERY}/{}", accepted["id"].as_str().unwrap());
    let state = || answer(&program.get(&address)).1["state"].as_str().unwrap().to_owned();
    assert_eq!([state(), state(), state()], ["Queued", "Running", "Succeeded"]);
    assert_eq!(program.code(&format!("{address}/results?pageSize=501")).0, 400);
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let (status, page) = answer(&program.get(&format!("{address}/results?pageSize={size}{cursor}")));
        assert_eq!(status, 200);
        let records = page["entities"].as_array().unwrap();
        assert!(records.len() <= size);
        found.extend(records.iter().map(|record| record["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["cursor"].as_str() else { return found };
        cursor = format!("&cursor={next}");
    }
}

#[test]
fn a_query_is_answered_page_by_page_once_it_has_succeeded() {
    let program = after_a_day();
    let body = json!({ "interval": DAY, "sort": [{ "name": "Timestamp", "sortOrder": "ascending" }] });
    let all: Vec<String> = {
        let world = program.gate.world();
        world.audits().records().map(|record| record["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(find(&program, &body, 4), all);
    assert_eq!(find(&program, &json!({ "interval": DAY }), 500), all.iter().rev().cloned().collect::<Vec<_>>());
    program.gate.world().audits_mut().faults.duplicated = true;
    assert_eq!(find(&program, &body, 2).len(), all.len() * 2);
}

#[test]
fn results_are_there_only_for_a_query_that_succeeded() {
    let program = after_a_day();
    assert_eq!(program.code(&format!("{QUERY}/nothing")).0, 404);
    assert_eq!(program.code(&format!("{QUERY}/nothing/results")).0, 404);
    program.gate.world().audits_mut().faults.failing = 1;
    let (_, accepted) = ask(&program, QUERY, &json!({ "interval": DAY }));
    assert_eq!(accepted["state"], "Queued");
    let address = format!("{QUERY}/{}", accepted["id"].as_str().unwrap());
    for state in ["Queued", "Running", "Failed"] {
        assert_eq!(program.code(&format!("{address}/results")).0, 400);
        assert_eq!(answer(&program.get(&address)).1["state"], state);
    }
}

#[test]
fn people_have_names_only_where_that_is_asked_for() {
    let program = after_a_day();
    let names = |query: &str| {
        let authorization = Some(program.bearer.as_str());
        let body = &json!({ "interval": DAY, "serviceName": "ContactCenter" }).to_string();
        let reply = program.gate.serve(&Incoming { method: "POST", path: REALTIME, query, authorization, body });
        let (status, page) = answer(&reply);
        assert_eq!((status, page["total"].as_u64(), page["pageCount"].as_u64()), (200, Some(3), Some(1)));
        page["entities"].as_array().unwrap().iter().filter(|record| record["user"]["name"].is_string()).count()
    };
    assert_eq!((names(""), names("expand=user")), (0, 3));
}

#[test]
fn a_query_that_the_api_would_not_take_is_refused() {
    let program = after_a_day();
    let status = |path: &str, body: Json| ask(&program, path, &body).0;
    let days = |days: u32| format!("2026-01-01T00:00:00Z/2026-01-{:02}T00:00:00Z", days + 1);
    for wrong in [
        json!({}),
        json!({ "interval": "2026-03-02T00:00:00Z" }),
        json!({ "interval": "2026-03-03T00:00:00Z/2026-03-02T00:00:00Z" }),
        json!({ "interval": DAY, "serviceName": "Organization" }),
        json!({ "interval": DAY, "filters": [{ "property": "Colour", "value": "x" }] }),
        json!({ "interval": DAY, "colour": 1 }),
        json!({ "interval": "2026-01-01T00:00:00Z/2026-03-03T00:00:00Z" }),
    ] {
        assert_eq!(status(QUERY, wrong.clone()), 400, "{wrong}");
    }
    assert_eq!(status(QUERY, json!({ "interval": DAY, "serviceName": "PeoplePermissions" })), 200);
    assert_eq!(status(REALTIME, json!({ "interval": DAY, "serviceName": "PeoplePermissions" })), 400);
    assert_eq!(status(REALTIME, json!({ "interval": days(1) })), 400);
    program.gate.world().audits_mut().faults.needs_service = true;
    assert_eq!(status(QUERY, json!({ "interval": DAY })), 400);
    program.gate.world().audits_mut().faults.longest_days = 7;
    let routing = |interval: String| json!({ "interval": interval, "serviceName": "ContactCenter" });
    assert_eq!((status(QUERY, routing(days(7))), status(QUERY, routing(days(8)))), (200, 400));
}

#[test]
fn the_services_are_told_and_a_missing_permission_is_named() {
    let program = after_a_day();
    let services = |path: &str| {
        let (_, mapping) = answer(&program.get(path));
        let names = mapping["services"].as_array().unwrap().iter().map(|service| service["name"].to_string());
        names.collect::<BTreeSet<_>>()
    };
    let all = services(&format!("{QUERY}/servicemapping"));
    let realtime = services(&format!("{REALTIME}/servicemapping"));
    assert!(realtime.is_subset(&all) && realtime.len() < all.len() && realtime.contains("\"ContactCenter\""));
    program.strike(Effect::Forbidden);
    let (status, refused) = ask(&program, QUERY, &json!({ "interval": DAY }));
    assert_eq!(status, 403);
    assert!(refused["message"].as_str().unwrap().contains("audits:audit:view"));
}
