//! Receivers of the Open Cybersecurity Schema Framework: a detection finding for each alert, in arrays, to an HTTP endpoint.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::answers;
use super::batch::{Batch, Event, Framing, Most, batches};
use super::body::{AlertBody, SOURCE, json as bytes};
use super::channel::{Answer, Channel, ChannelKind, HttpTransport, Payload, Record, Transport, Verdict};
use super::cut::as_many_as_fit;
use super::definition::Statuses;
use super::opening::{OpenError, Opening};
use super::{moment, words};
use crate::alert::{Alert, AlertPhase, Message};
use crate::model::{OwnedValue, Severity, Subject};

/// The version of the framework that the events are of.
const OCSF_VERSION: &str = "1.5.0";

/// The class of a detection finding, in the category of findings.
const DETECTION_FINDING: u32 = 2004;

/// The category of findings.
const FINDINGS: u32 = 2;

struct Ocsf {
    url: SecretString,
    token: Option<SecretString>,
    ca_file: Option<PathBuf>,
    longest_event: usize,
    most: Most,
    statuses: Statuses,
}

/// A record as an event of the base class: what it says is the source's own.
#[derive(Serialize)]
struct RecordEvent<'r> {
    activity_id: u32,
    activity_name: &'static str,
    category_name: &'static str,
    category_uid: u32,
    class_name: &'static str,
    class_uid: u32,
    message: &'static str,
    metadata: Json,
    severity: &'static str,
    severity_id: u32,
    time: i64,
    type_name: &'static str,
    type_uid: u32,
    unmapped: &'r OwnedValue,
}

pub(super) fn open(opening: &Opening<'_>) -> Result<Box<dyn Channel>, OpenError> {
    let token = opening.optional_secret("token")?.map(|_| opening.header("token", "Bearer ")).transpose()?;
    Ok(Box::new(Ocsf {
        url: opening.url("url")?,
        token,
        ca_file: opening.ca_file(),
        longest_event: opening.limit("event_bytes")?,
        most: Most { events: opening.limit("events")?, bytes: opening.limit("bytes")? },
        statuses: opening.statuses()?,
    }))
}

fn product() -> Json {
    json!({ "name": SOURCE, "vendor_name": SOURCE, "version": env!("CARGO_PKG_VERSION") })
}

fn event(message: &Message, alert: &Alert, values: usize) -> Json {
    let (activity_id, activity_name) = match alert.phase {
        AlertPhase::Raised => (1, "Create"),
        AlertPhase::Reverted | AlertPhase::Approved => (3, "Close"),
    };
    // What somebody agreed to is known and no longer asked after; what was undone is solved.
    let (status_id, status) = match alert.phase {
        AlertPhase::Raised => (1, "New"),
        AlertPhase::Approved => (3, "Suppressed"),
        AlertPhase::Reverted => (4, "Resolved"),
    };
    let (severity_id, severity) = match alert.severity {
        Severity::Critical => (5, "Critical"),
        Severity::High => (4, "High"),
        Severity::Medium => (3, "Medium"),
        Severity::Low => (2, "Low"),
    };
    let time = moment::milliseconds(&alert.at);
    let mut event = json!({
        "activity_id": activity_id,
        "activity_name": activity_name,
        "category_name": "Findings",
        "category_uid": FINDINGS,
        "class_name": "Detection Finding",
        "class_uid": DETECTION_FINDING,
        "type_uid": DETECTION_FINDING * 100 + activity_id,
        "type_name": format!("Detection Finding: {activity_name}"),
        "severity": severity,
        "severity_id": severity_id,
        "status": status,
        "status_id": status_id,
        "message": words::title(alert),
        "time": time,
        "metadata": {
            "version": OCSF_VERSION,
            "product": product(),
            "uid": alert.id,
            "event_code": alert.rule,
            "correlation_uid": message.run,
            "tenant_uid": message.org,
            "original_time": alert.at,
        },
        "finding_info": {
            "uid": alert.fingerprint,
            "title": alert.message,
            "created_time": time,
            "types": [alert.rule],
            "data_sources": ["Genesys Cloud"],
            "analytic": { "name": alert.rule, "uid": alert.rule, "type": "Rule", "type_id": 1 },
        },
        "remediation": { "desc": alert.remedy },
        "resources": [resource(alert)],
        "unmapped": AlertBody::with_values(message, alert, values),
    });
    if let Some(why) = &alert.why {
        event["finding_info"]["desc"] = json!(why);
    }
    if let Some(link) = words::link(alert) {
        event["finding_info"]["src_url"] = json!(link);
    }
    event
}

fn resource(alert: &Alert) -> Json {
    let (uid, name, kind) = match &alert.subject {
        Subject::Trail => ("trail".to_owned(), None, "trail".to_owned()),
        Subject::Domain(domain) => (domain.to_string(), None, "domain".to_owned()),
        Subject::Entity { domain, key, name, .. } => (key.to_string(), name.clone(), domain.to_string()),
        Subject::Commit(id) => (id.clone(), None, "commit".to_owned()),
        Subject::File(file) => (file.clone(), None, "file".to_owned()),
    };
    let mut resource = json!({ "uid": uid, "type": kind });
    if let Some(name) = name {
        resource["name"] = json!(name);
    }
    if let Some(division) = &alert.division {
        resource["namespace"] = json!(division);
    }
    resource
}

impl Ocsf {
    fn payload(&self, batch: Batch) -> Payload {
        let mut http = HttpTransport::post_json(self.url.clone(), self.ca_file.clone());
        http.secret_headers.extend(self.token.iter().map(|token| ("authorization", token.clone())));
        Payload { covers: batch.covers, transport: Transport::Http(http), body: batch.body }
    }

    fn payloads(&self, events: impl Iterator<Item = Event>) -> Vec<Payload> {
        batches(events, Framing::ARRAY, self.most).into_iter().map(|batch| self.payload(batch)).collect()
    }
}

impl Channel for Ocsf {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Siem
    }

    fn payloads(&self, message: &Message) -> Vec<Payload> {
        self.payloads(message.alerts.iter().map(|alert| {
            let make = |values| bytes(&event(message, alert, values));
            let bytes = as_many_as_fit(alert.values.len(), make, |bytes| bytes.len() <= self.longest_event);
            Event { id: alert.id.clone(), bytes }
        }))
    }

    fn payloads_of_records(&self, records: &[Record]) -> Option<Vec<Payload>> {
        Some(self.payloads(records.iter().map(|record| {
            let bytes = bytes(&RecordEvent {
                activity_id: 99,
                activity_name: record.kind,
                category_name: "Uncategorized",
                category_uid: 0,
                class_name: "Base Event",
                class_uid: 0,
                message: record.kind,
                metadata: json!({ "version": OCSF_VERSION, "product": product(), "uid": record.id, "original_time": record.at }),
                severity: "Informational",
                severity_id: 1,
                time: moment::milliseconds(&record.at),
                type_name: "Base Event: Other",
                type_uid: 99,
                unmapped: &record.body,
            });
            Event { id: record.id.clone(), bytes }
        })))
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        answers::verdict(&self.statuses, answer)
    }
}
