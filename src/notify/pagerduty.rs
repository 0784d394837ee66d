//! PagerDuty, by its events API: an incident for what is critical or high, a change event for the rest.
//!
//! What raises an incident and what resolves it have the fingerprint of the alert in their key, so that they meet, and so that an
//! alert that is sent twice stays one incident.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};

use super::answers;
use super::body::{AlertBody, SOURCE, json as bytes};
use super::channel::{Answer, Channel, ChannelKind, HttpTransport, Payload, Record, Transport, Verdict};
use super::cut::{as_many_as_fit, cut};
use super::definition::Statuses;
use super::opening::{OpenError, Opening};
use super::{moment, words};
use crate::alert::{Alert, AlertPhase, Message};
use crate::model::Severity;

struct PagerDuty {
    alerts: SecretString,
    changes: SecretString,
    key: SecretString,
    most_bytes: usize,
    longest_summary: usize,
    statuses: Statuses,
}

pub(super) fn open(opening: &Opening<'_>) -> Result<Box<dyn Channel>, OpenError> {
    let url = opening.url("url")?;
    Ok(Box::new(PagerDuty {
        alerts: format!("{}/v2/enqueue", url.expose_secret()).into(),
        changes: format!("{}/v2/change/enqueue", url.expose_secret()).into(),
        key: opening.header("routing_key", "")?,
        most_bytes: opening.limit("bytes")?,
        longest_summary: opening.limit("summary")?,
        statuses: opening.statuses()?,
    }))
}

impl PagerDuty {
    fn payload(&self, message: &Message, alert: &Alert) -> Payload {
        let is_incident = alert.severity >= Severity::High;
        let make = |values| {
            let event =
                if is_incident { self.incident(message, alert, values) } else { self.change(message, alert, values) };
            bytes(&event)
        };
        let most = self.most_bytes.saturating_sub(self.key.expose_secret().len() + 64);
        let body = as_many_as_fit(alert.values.len(), make, |body| body.len() <= most);
        let url = if is_incident { &self.alerts } else { &self.changes };
        let mut http = HttpTransport::post_json(url.clone(), None);
        http.secret_members.push(("routing_key", self.key.clone()));
        Payload { covers: vec![alert.id.clone()], transport: Transport::Http(http), body }
    }

    fn summary(&self, alert: &Alert) -> String {
        cut(&words::title(alert), self.longest_summary)
    }

    fn incident(&self, message: &Message, alert: &Alert, values: usize) -> Json {
        let mut event = json!({
            "event_action": if alert.phase == AlertPhase::Raised { "trigger" } else { "resolve" },
            "dedup_key": format!("{SOURCE}/{}/{}", message.org, alert.fingerprint),
            "client": SOURCE,
            "payload": {
                "summary": self.summary(alert),
                "source": message.org,
                "severity": severity(alert.severity),
                "timestamp": moment::rfc3339(&alert.at),
                "component": alert.subject.domain().map(ToString::to_string),
                "group": alert.division,
                "class": alert.rule,
                "custom_details": AlertBody::with_values(message, alert, values),
            },
            "links": links(alert),
        });
        if let Some(link) = words::link(alert) {
            event["client_url"] = json!(link);
        }
        event
    }

    fn change(&self, message: &Message, alert: &Alert, values: usize) -> Json {
        json!({
            "payload": {
                "summary": self.summary(alert),
                "source": message.org,
                "timestamp": moment::rfc3339(&alert.at),
                "custom_details": AlertBody::with_values(message, alert, values),
            },
            "links": links(alert),
        })
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "info",
    }
}

fn links(alert: &Alert) -> Json {
    words::link(alert).map_or_else(|| json!([]), |link| json!([{ "href": link, "text": "Open the commit" }]))
}

impl Channel for PagerDuty {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Pager
    }

    fn payloads(&self, message: &Message) -> Vec<Payload> {
        message.alerts.iter().map(|alert| self.payload(message, alert)).collect()
    }

    fn payloads_of_records(&self, _records: &[Record]) -> Option<Vec<Payload>> {
        None
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        answers::verdict(&self.statuses, answer)
    }
}
