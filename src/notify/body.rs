//! What an alert says, as a document: the same wherever a machine reads it, `schemas/output/alert-message.v1.json`.

use serde::Serialize;

use crate::alert::{Alert, AlertPhase, ChangedValue, Group, Message};
use crate::model::{Actor, ChangeKind, DomainId, EntityKey, Explained, Pointer, Severity, SeverityCounts, Subject};

/// The version of the documents.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// Most values that are told of an alert in a message of several.
const MOST_VALUES: usize = 200;

/// What sends.
pub(super) const SOURCE: &str = "orgtrail";

/// What a route says of a run.
#[derive(Serialize)]
pub(super) struct MessageBody<'m> {
    schema_version: u32,
    source: &'static str,
    id: &'m str,
    timestamp: &'m str,
    severity: Option<Severity>,
    summary: String,
    org: &'m str,
    run: &'m str,
    route: &'m str,
    counts: SeverityCounts,
    more: SeverityCounts,
    left_out: usize,
    groups: &'m [Group],
    details: Vec<AlertBody<'m>>,
}

/// What an alert says.
#[derive(Serialize)]
pub(super) struct AlertBody<'m> {
    schema_version: u32,
    id: &'m str,
    fingerprint: &'m str,
    phase: AlertPhase,
    severity: Severity,
    rule: &'m str,
    org: &'m str,
    run: &'m str,
    timestamp: &'m str,
    about: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<&'m DomainId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<Entity<'m>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'m Pointer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'m str>,
    kind: Option<ChangeKind>,
    division: Option<&'m str>,
    message: &'m str,
    why: Option<&'m str>,
    remedy: &'m str,
    reach: Option<&'m str>,
    silences: u64,
    values: &'m [ChangedValue],
    values_left_out: usize,
    explained: Option<Explained>,
    actors: &'m [Actor],
    commit: Option<&'m str>,
    link: Option<&'m str>,
}

#[derive(Serialize)]
struct Entity<'m> {
    id: &'m EntityKey,
    name: Option<&'m str>,
}

impl<'m> MessageBody<'m> {
    /// A message with the first of its alerts; it says how many are left out.
    pub(super) fn of(message: &'m Message, alerts: usize) -> Self {
        let counts = counts(message);
        Self {
            schema_version: SCHEMA_VERSION,
            source: SOURCE,
            id: &message.id,
            timestamp: &message.at,
            severity: counts.worst(),
            summary: super::words::headline(message),
            org: &message.org,
            run: &message.run,
            route: &message.route,
            counts,
            more: message.more,
            left_out: message.alerts.len().saturating_sub(alerts),
            groups: &message.groups,
            details: message
                .alerts
                .iter()
                .take(alerts)
                .map(|alert| AlertBody::with_values(message, alert, MOST_VALUES))
                .collect(),
        }
    }
}

impl<'m> AlertBody<'m> {
    /// An alert with the first of what differs; it says how much is left out.
    pub(super) fn with_values(message: &'m Message, alert: &'m Alert, values: usize) -> Self {
        let (about, entity, path, file) = match &alert.subject {
            Subject::Trail => ("trail", None, None, None),
            Subject::Domain(_) => ("domain", None, None, None),
            Subject::Entity { key, name, path, .. } => {
                ("entity", Some(Entity { id: key, name: name.as_deref() }), path.as_ref(), None)
            }
            Subject::Commit(_) => ("commit", None, None, None),
            Subject::File(file) => ("file", None, None, Some(file.as_str())),
        };
        let commit = if let Subject::Commit(id) = &alert.subject { Some(id) } else { alert.commit.as_ref() };
        let values = alert.values.get(..values).unwrap_or(&alert.values);
        Self {
            schema_version: SCHEMA_VERSION,
            id: &alert.id,
            fingerprint: &alert.fingerprint,
            phase: alert.phase,
            severity: alert.severity,
            rule: &alert.rule,
            org: &message.org,
            run: &message.run,
            timestamp: &alert.at,
            about,
            domain: alert.subject.domain(),
            entity,
            path,
            file,
            kind: alert.kind,
            division: alert.division.as_deref(),
            message: &alert.message,
            why: alert.why.as_deref(),
            remedy: &alert.remedy,
            reach: alert.reach.as_deref(),
            silences: alert.silences,
            values,
            values_left_out: alert.values.len() - values.len(),
            explained: alert.explained,
            actors: &alert.actors,
            commit: commit.map(String::as_str),
            link: alert.link.as_deref(),
        }
    }
}

/// How many alerts of each level a message has, those that its route leaves out apart.
pub(super) fn counts(message: &Message) -> SeverityCounts {
    message.alerts.iter().map(|alert| alert.severity).collect()
}

/// A document as compact JSON. What is serialised has texts for names and finite numbers, which always has a form.
pub(super) fn json(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).unwrap_or_default()
}
