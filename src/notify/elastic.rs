//! Elasticsearch, by its bulk API, with fields of the Elastic Common Schema.
//!
//! Every event is created under its own id, so that one that is sent twice is there once. Indices answer for each event apart.

use std::net::IpAddr;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::answers;
use super::batch::{Batch, Event, Framing, Most, batches};
use super::body::{AlertBody, SOURCE, json as bytes};
use super::channel::{Answer, Channel, ChannelKind, HttpTransport, Payload, Record, Transport, Verdict};
use super::cut::{as_many_as_fit, grouped};
use super::definition::Statuses;
use super::opening::{OpenError, Opening};
use super::{moment, words};
use crate::alert::{Alert, AlertPhase, Message};
use crate::model::{ChangeKind, OwnedValue, Severity};

/// The version of the Elastic Common Schema that the fields are of.
const ECS_VERSION: &str = "9.4.0";

/// The only part of an answer that is looked at.
const FILTER: &str = "filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason";

/// The status of an event that is there already.
const CONFLICT: u64 = 409;

struct Elastic {
    url: SecretString,
    authorization: SecretString,
    index: String,
    record_index: String,
    ca_file: Option<PathBuf>,
    longest_event: usize,
    most: Most,
    statuses: Statuses,
}

/// A record as an event.
#[derive(Serialize)]
struct RecordDocument<'r> {
    #[serde(rename = "@timestamp")]
    timestamp: String,
    ecs: Json,
    event: Json,
    orgtrail: RecordFields<'r>,
}

#[derive(Serialize)]
struct RecordFields<'r> {
    record: &'r OwnedValue,
}

pub(super) fn open(opening: &Opening<'_>) -> Result<Box<dyn Channel>, OpenError> {
    let url = opening.url("url")?;
    Ok(Box::new(Elastic {
        url: format!("{}/_bulk?{FILTER}", url.expose_secret()).into(),
        authorization: opening.header("api_key", "ApiKey ")?,
        index: opening.text("index")?,
        record_index: opening.text("record_index")?,
        ca_file: opening.ca_file(),
        longest_event: opening.limit("event_bytes")?,
        most: Most { events: opening.limit("events")?, bytes: opening.limit("bytes")? },
        statuses: opening.statuses()?,
    }))
}

/// An alert with the fields of the Elastic Common Schema; what has none there is under `orgtrail`.
fn document(message: &Message, alert: &Alert, values: usize) -> Json {
    let actor = alert.actors.first();
    let addresses: Vec<IpAddr> =
        alert.actors.iter().flat_map(|actor| &actor.remote_ip).filter_map(|ip| ip.parse().ok()).collect();
    let people: Vec<&String> =
        alert.actors.iter().flat_map(|actor| [&actor.id, &actor.name, &actor.email]).flatten().collect();
    let mut document = json!({
        "@timestamp": moment::rfc3339(&alert.at),
        "ecs": { "version": ECS_VERSION },
        "message": words::title(alert),
        "tags": [SOURCE, alert.severity.as_str()],
        "event": {
            "kind": "alert",
            "category": ["configuration"],
            "type": [event_type(alert)],
            "action": alert.rule,
            "id": alert.id,
            "severity": risk(alert.severity),
            "dataset": "orgtrail.alert",
            "module": SOURCE,
            "provider": SOURCE,
        },
        "log": { "level": alert.severity.as_str() },
        "rule": { "id": alert.rule, "name": alert.rule },
        "organization": { "id": message.org },
        "observer": { "vendor": SOURCE, "product": SOURCE, "type": "configuration" },
        "related": { "user": people, "ip": addresses },
        "orgtrail": AlertBody::with_values(message, alert, values),
    });
    if let Some(why) = &alert.why {
        document["event"]["reason"] = json!(why);
    }
    if let Some(link) = words::link(alert) {
        document["event"]["url"] = json!(link);
    }
    if let Some(actor) = actor {
        let fields = [("id", &actor.id), ("full_name", &actor.name), ("email", &actor.email)];
        let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?))));
        document["user"] = Json::Object(fields.collect());
    }
    if let Some(address) = addresses.first() {
        document["source"] = json!({ "ip": address });
    }
    document
}

fn event_type(alert: &Alert) -> &'static str {
    match (alert.phase, alert.kind) {
        (AlertPhase::Approved, _) | (_, None) => "info",
        (_, Some(ChangeKind::Added)) => "creation",
        (_, Some(ChangeKind::Removed)) => "deletion",
        (_, Some(ChangeKind::Modified | ChangeKind::Recreated)) => "change",
    }
}

/// The level as the risk score that the vendor's own rules give it.
fn risk(severity: Severity) -> u32 {
    match severity {
        Severity::Critical => 99,
        Severity::High => 73,
        Severity::Medium => 47,
        Severity::Low => 21,
    }
}

/// An event with the line before it that says where it belongs.
fn lines(index: &str, id: &str, document: &[u8]) -> Vec<u8> {
    let action = bytes(&json!({ "create": { "_index": index, "_id": id } }));
    [&action[..], b"\n", document, b"\n"].concat()
}

impl Elastic {
    fn payload(&self, batch: Batch) -> Payload {
        let mut http = HttpTransport::post_json(self.url.clone(), self.ca_file.clone());
        http.headers = vec![("content-type", "application/x-ndjson".to_owned())];
        http.secret_headers.push(("authorization", self.authorization.clone()));
        Payload { covers: batch.covers, transport: Transport::Http(http), body: batch.body }
    }

    fn payloads(&self, events: impl Iterator<Item = Event>) -> Vec<Payload> {
        batches(events, Framing::LINES, self.most).into_iter().map(|batch| self.payload(batch)).collect()
    }

    /// What the answers to the single events mean together.
    fn of_items(&self, items: &[Json]) -> Verdict {
        let results = || items.iter().filter_map(|item| item.as_object()?.values().next());
        let failed = |is_meant: &dyn Fn(u16) -> bool| {
            results()
                .filter(|result| {
                    let status = result["status"].as_u64().unwrap_or_default();
                    let is_there = (200..300).contains(&status) || status == CONFLICT;
                    !is_there && is_meant(u16::try_from(status).unwrap_or_default())
                })
                .collect::<Vec<_>>()
        };
        let reason = |failed: &[&Json]| {
            let first = failed.first().map(|result| {
                let (kind, why) = (result["error"]["type"].as_str(), result["error"]["reason"].as_str());
                format!(": {} {}", kind.unwrap_or_default(), why.unwrap_or_default())
            });
            let told = format!("{} of {} events", grouped(failed.len()), grouped(items.len()));
            super::cut::on_one_line(&format!("{told}{}", first.unwrap_or_default()), 300)
        };
        let passing = failed(&|status| self.statuses.is_for_retry(status));
        let refused = failed(&|status| !self.statuses.is_for_retry(status));
        if !passing.is_empty() {
            Verdict::Retry { reason: reason(&passing), after: None }
        } else if !refused.is_empty() {
            Verdict::Refused { reason: reason(&refused) }
        } else {
            Verdict::Delivered
        }
    }
}

impl Channel for Elastic {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Siem
    }

    fn payloads(&self, message: &Message) -> Vec<Payload> {
        self.payloads(message.alerts.iter().map(|alert| {
            let make = |values| lines(&self.index, &alert.id, &bytes(&document(message, alert, values)));
            let bytes = as_many_as_fit(alert.values.len(), make, |bytes| bytes.len() <= self.longest_event);
            Event { id: alert.id.clone(), bytes }
        }))
    }

    fn payloads_of_records(&self, records: &[Record]) -> Option<Vec<Payload>> {
        Some(self.payloads(records.iter().map(|record| {
            let document = bytes(&RecordDocument {
                timestamp: moment::rfc3339(&record.at),
                ecs: json!({ "version": ECS_VERSION }),
                event: json!({
                    "kind": "event",
                    "type": ["info"],
                    "action": record.kind,
                    "id": record.id,
                    "dataset": format!("{SOURCE}.{}", record.kind),
                    "module": SOURCE,
                    "provider": SOURCE,
                }),
                orgtrail: RecordFields { record: &record.body },
            });
            Event { id: record.id.clone(), bytes: lines(&self.record_index, &record.id, &document) }
        })))
    }

    /// The request as a whole succeeds whatever became of its events. An answer that cannot be read leaves open what did: all of
    /// them are sent again, and those that are there stay as they are.
    fn verdict(&self, answer: &Answer) -> Verdict {
        let by_status = answers::verdict(&self.statuses, answer);
        let (Verdict::Delivered, Answer::Http { status, body, retry_after }) = (&by_status, answer) else {
            return by_status;
        };
        let told: Json = serde_json::from_str(body).unwrap_or_default();
        match (told["errors"].as_bool(), told["items"].as_array()) {
            (Some(false), _) => Verdict::Delivered,
            (Some(true), Some(items)) => self.of_items(items),
            _ => Verdict::Retry {
                reason: format!("{status}, with an answer that does not say what became of the events"),
                after: *retry_after,
            },
        }
    }
}
