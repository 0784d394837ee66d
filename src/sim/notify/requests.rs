//! The paths of notifications: which topics there are, channels, what a channel is subscribed to.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::super::query;
use super::super::reply::{Refusal, Reply};
use super::channels::{LIFE, MOST_TOPICS, Notifications, State};
use super::socket::SOCKET_PATH;
use super::topics::Topic;

/// Below this path everything is about notifications.
const PATH: &str = "/api/v2/notifications/";

/// A request about notifications, and what an answer depends on.
pub(in crate::sim) struct Wish<'w> {
    pub(in crate::sim) method: &'w str,
    pub(in crate::sim) path: &'w str,
    pub(in crate::sim) query: &'w str,
    pub(in crate::sim) body: &'w str,
    pub(in crate::sim) seed: u64,
    pub(in crate::sim) now: Duration,
    /// The moment that `now` counts from.
    pub(in crate::sim) started: DateTime<Utc>,
    /// Where sockets are, without a path.
    pub(in crate::sim) sockets: &'w str,
}

/// A topic that somebody wants.
#[derive(Deserialize)]
struct Wanted {
    id: String,
}

/// Answers a request; `None` for a path that is about something else.
pub(in crate::sim) fn answer(notifications: &Notifications, wish: &Wish<'_>) -> Option<Result<Reply, Refusal>> {
    let rest = wish.path.strip_prefix(PATH)?;
    let words: Vec<&str> = rest.split('/').collect();
    let mut state = notifications.state();
    let state = &mut *state;
    Some(match (wish.method, words.as_slice()) {
        ("GET", ["availabletopics"]) => Ok(ok(&available(wish))),
        ("GET", ["channels"]) => {
            let channels: Vec<Json> = state.ids(wish.now).iter().map(|id| channel(wish, id)).collect();
            Ok(ok(&json!({ "entities": channels })))
        }
        ("POST", ["channels"]) => {
            let id = state.make(wish.seed, wish.now);
            Ok(ok(&channel(wish, &id)))
        }
        (method, ["channels", id, "subscriptions"]) => subscriptions(state, wish, method, id),
        (_, ["availabletopics" | "channels"]) => Err(not_allowed()),
        _ => Err(Refusal::not_found(wish.path)),
    })
}

fn ok(body: &Json) -> Reply {
    Reply::json(200, body.to_string().into_bytes())
}

fn not_allowed() -> Refusal {
    Refusal::new(405, "method.not.allowed", "The simulated org does not have this method here.")
}

fn channel(wish: &Wish<'_>, id: &str) -> Json {
    let ends = wish.started + wish.now + LIFE;
    json!({
        "id": id,
        "connectUri": format!("{}{SOCKET_PATH}{id}", wish.sockets),
        "expires": ends.to_rfc3339_opts(SecondsFormat::Millis, true),
    })
}

/// The topics, with what the request asks for in addition to their names.
fn available(wish: &Wish<'_>) -> Json {
    let asked = query::read(wish.query);
    let asked: Vec<&str> =
        asked.iter().filter(|(name, _)| name == "expand").flat_map(|(_, names)| names.split(',')).collect();
    let topic = |topic: &Topic| {
        let all = json!({
            "id": topic.id,
            "visibility": "Public",
            "transports": ["Websocket"],
            "requiresPermissions": topic.permissions,
            "topicParameters": topic.id.split('.').filter(|word| *word == "{id}").map(|_| "id").collect::<Vec<_>>(),
            "enforced": !topic.permissions.is_empty(),
        });
        let members = all.as_object().into_iter().flatten();
        let members = members.filter(|(name, _)| *name == "id" || asked.contains(&name.as_str()));
        Json::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect())
    };
    json!({ "entities": Topic::all().iter().map(topic).collect::<Vec<_>>() })
}

/// Reads, replaces, adds to or takes away what a channel is subscribed to.
fn subscriptions(state: &mut State, wish: &Wish<'_>, method: &str, id: &str) -> Result<Reply, Refusal> {
    let missing = || Refusal::not_found(wish.path);
    let had = state.find(id, wish.now).ok_or_else(missing)?.topics.clone();
    let permitted = |name: &String| json!({ "id": name, "state": "Permitted" });
    match method {
        "GET" => return Ok(ok(&json!({ "entities": had.iter().map(permitted).collect::<Vec<_>>() }))),
        "DELETE" => {
            state.find(id, wish.now).ok_or_else(missing)?.topics.clear();
            return Ok(Reply::json(204, Vec::new()));
        }
        "POST" | "PUT" => {}
        _ => return Err(not_allowed()),
    }
    let wanted: Vec<Wanted> =
        serde_json::from_str(wish.body).map_err(|_| Refusal::bad_request("The body is no list of topics."))?;
    let mut topics = if method == "POST" { had } else { std::collections::BTreeSet::new() };
    topics.extend(wanted.iter().map(|topic| topic.id.clone()));
    if topics.len() > MOST_TOPICS {
        let message = format!("A channel has no more than {MOST_TOPICS} topics.");
        return Err(Refusal::new(400, "notification.subscription.too.many.subscriptions", message));
    }
    let ignores = query::read(wish.query).iter().any(|(name, value)| name == "ignoreErrors" && value == "true");
    let mut told = Vec::new();
    for Wanted { id: name } in &wanted {
        let Some(rejection) = state.rejection(name) else {
            told.push(permitted(name));
            continue;
        };
        if !ignores {
            let message = format!("{name} cannot be subscribed to: {}", rejection.reason);
            return Err(Refusal::new(400, "notification.invalid.topic", message));
        }
        topics.remove(name);
        let (reason, missing) = (rejection.reason, rejection.missing);
        told.push(json!({ "id": name, "state": "Rejected", "rejectionReason": reason, "missingPermissions": missing }));
    }
    state.count_subscriptions(wanted.len());
    state.find(id, wish.now).ok_or_else(missing)?.topics = topics;
    Ok(ok(&json!({ "entities": told })))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::super::reply::Body;
    use super::*;

    fn ask(notifications: &Notifications, method: &str, address: &str, body: &str) -> (u16, Json) {
        let address = format!("{PATH}{address}");
        let (path, query) = address.split_once('?').unwrap_or((&address, ""));
        let (now, started) = (Duration::ZERO, DateTime::default());
        let wish = Wish { method, path, query, body, seed: 1, now, started, sockets: "ws://127.0.0.1:1" };
        let reply = answer(notifications, &wish).unwrap().unwrap_or_else(|refusal| refusal.reply("c"));
        let Body::Json(body) = reply.body else { panic!() };
        (reply.status, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[test]
    fn a_channel_says_where_its_socket_is_and_when_it_ends() {
        let (status, channel) = ask(&Notifications::default(), "POST", "channels", "");
        let id = channel["id"].as_str().unwrap();
        assert_eq!(status, 200);
        assert_eq!(channel["connectUri"], format!("ws://127.0.0.1:1/channels/{id}"));
        assert_eq!(channel["expires"], "1970-01-02T00:00:00.000Z");
    }

    #[test]
    fn subscriptions_are_added_to_replaced_and_taken_away() {
        let notifications = Notifications::default();
        let id = ask(&notifications, "POST", "channels", "").1["id"].as_str().unwrap().to_owned();
        let at = format!("channels/{id}/subscriptions");
        let names = || {
            let (_, listing) = ask(&notifications, "GET", &at, "");
            let entities = listing["entities"].as_array().unwrap().clone();
            entities.iter().map(|topic| topic["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        ask(&notifications, "PUT", &at, r#"[{"id":"v2.flows.1"}]"#);
        ask(&notifications, "POST", &at, r#"[{"id":"v2.flows.2"}]"#);
        assert_eq!(names(), ["v2.flows.1", "v2.flows.2"]);
        ask(&notifications, "PUT", &at, r#"[{"id":"v2.outbound.settings"}]"#);
        assert_eq!(names(), ["v2.outbound.settings"]);
        assert_eq!(ask(&notifications, "DELETE", &at, "").0, 204);
        assert_eq!((names().len(), notifications.subscriptions_made(), notifications.channels_made()), (0, 3, 1));
        assert_eq!(ask(&notifications, "PUT", "channels/other/subscriptions", "[]").0, 404);
        assert_eq!(ask(&notifications, "PATCH", &at, "").0, 405);
    }

    #[test]
    fn a_topic_that_is_refused_fails_all_unless_errors_are_ignored() {
        let notifications = Notifications::default();
        notifications.refuse("v2.flows.*");
        let id = ask(&notifications, "POST", "channels", "").1["id"].as_str().unwrap().to_owned();
        let body = r#"[{"id":"v2.flows.1"},{"id":"v2.outbound.settings"},{"id":"v2.made.up"}]"#;
        let at = |query: &str| format!("channels/{id}/subscriptions{query}");
        assert_eq!(ask(&notifications, "PUT", &at(""), body).0, 400);
        let (status, told) = ask(&notifications, "PUT", &at("?ignoreErrors=true"), body);
        let told_states: Vec<&str> = (0..3).map(|index| told["entities"][index]["state"].as_str().unwrap()).collect();
        assert_eq!((status, told_states), (200, vec!["Rejected", "Permitted", "Rejected"]));
        assert_eq!(told["entities"][0]["missingPermissions"], json!(["architect:flow:view"]));
        assert_eq!(ask(&notifications, "GET", &at(""), "").1["entities"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn too_many_topics_are_refused() {
        let notifications = Notifications::default();
        let id = ask(&notifications, "POST", "channels", "").1["id"].as_str().unwrap().to_owned();
        let topics = |count: usize| {
            let topics: Vec<Json> = (0..count).map(|number| json!({ "id": format!("v2.flows.{number}") })).collect();
            Json::from(topics).to_string()
        };
        let put = |count| ask(&notifications, "PUT", &format!("channels/{id}/subscriptions"), &topics(count));
        assert_eq!(put(MOST_TOPICS).0, 200);
        let (status, refused) = put(MOST_TOPICS + 1);
        assert_eq!((status, &refused["code"]), (400, &json!("notification.subscription.too.many.subscriptions")));
    }

    #[test]
    fn topics_are_told_with_what_is_asked_for() {
        let notifications = Notifications::default();
        let first = |address: &str| ask(&notifications, "GET", address, "").1["entities"][0].clone();
        let name = "v2.audits.entitytype.{id}.entityid.{id}";
        assert_eq!(first("availabletopics"), json!({ "id": name }));
        let expanded = first("availabletopics?expand=transports,requiresPermissions");
        assert_eq!(expanded["requiresPermissions"], json!(["audits:audit:view"]));
        assert_eq!(expanded["transports"], json!(["Websocket"]));
    }
}
