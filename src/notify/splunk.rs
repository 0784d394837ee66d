//! Splunk, by its HTTP Event Collector: one JSON object for each event, one after the other.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::answers;
use super::batch::{Batch, Event, Framing, Most, batches};
use super::body::{AlertBody, SOURCE, json};
use super::channel::{Answer, Channel, ChannelKind, HttpTransport, Payload, Record, Transport, Verdict};
use super::cut::as_many_as_fit;
use super::definition::Statuses;
use super::moment;
use super::opening::{OpenError, Opening};
use crate::alert::Message;

struct Splunk {
    url: SecretString,
    token: SecretString,
    index: Option<String>,
    ca_file: Option<PathBuf>,
    longest_event: usize,
    most: Most,
    statuses: Statuses,
}

/// The envelope of an event.
#[derive(Serialize)]
struct Envelope<'e, E> {
    time: Option<Box<RawValue>>,
    host: &'e str,
    source: &'static str,
    sourcetype: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'e str>,
    fields: Fields<'e>,
    event: E,
}

/// What is indexed of an event besides its text, so that a search can leave out what came twice.
#[derive(Serialize)]
struct Fields<'e> {
    event_id: &'e str,
}

pub(super) fn open(opening: &Opening<'_>) -> Result<Box<dyn Channel>, OpenError> {
    let url = opening.url("url")?;
    Ok(Box::new(Splunk {
        url: format!("{}/services/collector/event", url.expose_secret()).into(),
        token: opening.header("token", "Splunk ")?,
        index: opening.optional_text("index"),
        ca_file: opening.ca_file(),
        longest_event: opening.limit("event_bytes")?,
        most: Most { events: opening.limit("events")?, bytes: opening.limit("bytes")? },
        statuses: opening.statuses()?,
    }))
}

impl Splunk {
    fn event(&self, id: &str, at: &str, host: &str, kind: &str, event: impl Serialize) -> Vec<u8> {
        json(&Envelope {
            time: RawValue::from_string(moment::seconds(at)).ok(),
            host,
            source: SOURCE,
            sourcetype: format!("{SOURCE}:{kind}"),
            index: self.index.as_deref(),
            fields: Fields { event_id: id },
            event,
        })
    }

    fn payload(&self, batch: Batch) -> Payload {
        let mut http = HttpTransport::post_json(self.url.clone(), self.ca_file.clone());
        http.secret_headers.push(("authorization", self.token.clone()));
        // A token that acknowledges what it indexed asks for the id of a channel; any other passes over it.
        http.headers.push(("x-splunk-request-channel", batch.uuid()));
        Payload { covers: batch.covers, transport: Transport::Http(http), body: batch.body }
    }

    fn payloads(&self, events: impl Iterator<Item = Event>) -> Vec<Payload> {
        batches(events, Framing::LINES, self.most).into_iter().map(|batch| self.payload(batch)).collect()
    }
}

impl Channel for Splunk {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Siem
    }

    fn payloads(&self, message: &Message) -> Vec<Payload> {
        self.payloads(message.alerts.iter().map(|alert| {
            let make = |values| {
                let body = AlertBody::with_values(message, alert, values);
                self.event(&alert.id, &alert.at, &message.org, "alert", body)
            };
            let bytes = as_many_as_fit(alert.values.len(), make, |bytes| bytes.len() <= self.longest_event);
            Event { id: alert.id.clone(), bytes }
        }))
    }

    fn payloads_of_records(&self, records: &[Record]) -> Option<Vec<Payload>> {
        Some(self.payloads(records.iter().map(|record| {
            let bytes = self.event(&record.id, &record.at, SOURCE, record.kind, &record.body);
            Event { id: record.id.clone(), bytes }
        })))
    }

    /// A success has the code 0 in its body; anything else was not taken.
    fn verdict(&self, answer: &Answer) -> Verdict {
        let by_status = answers::verdict(&self.statuses, answer);
        let (Verdict::Delivered, Answer::Http { status, body, .. }) = (&by_status, answer) else { return by_status };
        let told: Json = serde_json::from_str(body).unwrap_or_default();
        match told["code"].as_i64() {
            Some(0) => Verdict::Delivered,
            _ => Verdict::Refused { reason: answers::said(*status, body) },
        }
    }
}
