//! Datadog, by its intake of logs.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::answers;
use super::batch::{Batch, Event, Framing, Most, batches};
use super::body::{AlertBody, SOURCE, json};
use super::channel::{Answer, Channel, ChannelKind, HttpTransport, Payload, Record, Transport, Verdict};
use super::cut::as_many_as_fit;
use super::definition::Statuses;
use super::opening::{OpenError, Opening};
use super::{moment, words};
use crate::alert::Message;
use crate::model::Severity;

/// Most characters of a tag.
const LONGEST_TAG: usize = 200;

struct Datadog {
    url: SecretString,
    key: SecretString,
    service: String,
    tags: Vec<String>,
    longest_event: usize,
    most: Most,
    statuses: Statuses,
}

/// A log. The fields of the vendor come first; what we say is below one name.
#[derive(Serialize)]
struct Log<'l, B> {
    ddsource: &'static str,
    ddtags: String,
    hostname: &'l str,
    service: &'l str,
    status: &'static str,
    timestamp: String,
    message: &'l str,
    event_id: &'l str,
    orgtrail: B,
}

pub(super) fn open(opening: &Opening<'_>) -> Result<Box<dyn Channel>, OpenError> {
    let url = opening.url("url")?;
    Ok(Box::new(Datadog {
        url: format!("{}/api/v2/logs", url.expose_secret()).into(),
        key: opening.header("api_key", "")?,
        service: opening.text("service")?,
        tags: opening.texts("tags").iter().map(|tag| tag_of(tag)).collect(),
        longest_event: opening.limit("event_bytes")?,
        most: Most { events: opening.limit("events")?, bytes: opening.limit("bytes")? },
        statuses: opening.statuses()?,
    }))
}

/// A tag as the vendor stores it: in lower case, and whatever a tag cannot hold as an underscore.
fn tag_of(text: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "_-:./".contains(c) { c } else { '_' };
    text.to_lowercase().chars().map(plain).take(LONGEST_TAG).collect()
}

impl Datadog {
    fn tags(&self, own: &[(&str, &str)]) -> String {
        let own = own.iter().map(|(name, value)| tag_of(&format!("{name}:{value}")));
        self.tags.iter().cloned().chain(own).collect::<Vec<_>>().join(",")
    }

    fn payload(&self, batch: Batch) -> Payload {
        let mut http = HttpTransport::post_json(self.url.clone(), None);
        http.secret_headers.push(("dd-api-key", self.key.clone()));
        Payload { covers: batch.covers, transport: Transport::Http(http), body: batch.body }
    }

    fn payloads(&self, events: impl Iterator<Item = Event>) -> Vec<Payload> {
        batches(events, Framing::ARRAY, self.most).into_iter().map(|batch| self.payload(batch)).collect()
    }
}

fn status(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::High => "error",
        Severity::Medium => "warn",
        Severity::Low => "info",
    }
}

impl Channel for Datadog {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Siem
    }

    fn payloads(&self, message: &Message) -> Vec<Payload> {
        self.payloads(message.alerts.iter().map(|alert| {
            let title = words::title(alert);
            let domain = alert.subject.domain().map(ToString::to_string);
            let mut tags = vec![
                ("severity", alert.severity.as_str()),
                ("rule", alert.rule.as_str()),
                ("phase", alert.phase.as_str()),
            ];
            tags.extend(domain.as_deref().map(|domain| ("domain", domain)));
            let make = |values| {
                json(&Log {
                    ddsource: SOURCE,
                    ddtags: self.tags(&tags),
                    hostname: &message.org,
                    service: &self.service,
                    status: status(alert.severity),
                    timestamp: moment::rfc3339(&alert.at),
                    message: &title,
                    event_id: &alert.id,
                    orgtrail: AlertBody::with_values(message, alert, values),
                })
            };
            let bytes = as_many_as_fit(alert.values.len(), make, |bytes| bytes.len() <= self.longest_event);
            Event { id: alert.id.clone(), bytes }
        }))
    }

    fn payloads_of_records(&self, records: &[Record]) -> Option<Vec<Payload>> {
        Some(self.payloads(records.iter().map(|record| {
            let bytes = json(&Log {
                ddsource: SOURCE,
                ddtags: self.tags(&[("kind", record.kind)]),
                hostname: SOURCE,
                service: &self.service,
                status: "info",
                timestamp: moment::rfc3339(&record.at),
                message: record.kind,
                event_id: &record.id,
                orgtrail: &record.body,
            });
            Event { id: record.id.clone(), bytes }
        })))
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        answers::verdict(&self.statuses, answer)
    }
}
