//! A message that tries a channel.

use crate::alert::{Alert, AlertPhase, Message, Outgoing, event_id, message_id};
use crate::canonical::Digest;
use crate::model::{Severity, SeverityCounts, Subject};

/// The name of a route that is none.
const ROUTE: &str = "test";

/// A message to a channel that is of no run.
pub(super) fn message(channel: &str, org: &str, at: &str) -> Outgoing {
    let fingerprint = Digest::of(format!("{org}\n{channel}\n{at}").as_bytes()).short();
    let alert = Alert {
        id: event_id(org, at, &fingerprint, AlertPhase::Raised),
        fingerprint,
        phase: AlertPhase::Raised,
        rule: "channel-test".to_owned(),
        severity: Severity::Low,
        subject: Subject::Trail,
        kind: None,
        division: None,
        message: format!("This is a test of the channel {channel}: nothing has happened"),
        why: None,
        remedy: "Nothing is to be done.".to_owned(),
        values: Vec::new(),
        explained: None,
        actors: Vec::new(),
        at: at.to_owned(),
        reach: None,
        silences: 0,
        commit: None,
        link: None,
    };
    let message = Message {
        id: message_id(ROUTE, [alert.id.as_str()]),
        org: org.to_owned(),
        run: ROUTE.to_owned(),
        route: ROUTE.to_owned(),
        at: at.to_owned(),
        alerts: vec![alert],
        groups: Vec::new(),
        more: SeverityCounts::default(),
    };
    Outgoing { channel: channel.to_owned(), message, not_before: None, claim: None, tries: 0, trouble: None }
}
