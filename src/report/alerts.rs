//! What was told to whom, what would be, and why: for people, and `schemas/output/alert.v1.json`.

use std::io::{self, Write};

use serde::Serialize;

use super::json::write_document;
use super::shown::{counted, summary_of, visible};
use super::style::Style;
use crate::alert::{Alert, AlertPhase};
use crate::model::{Severity, SeverityCounts, Subject};

/// What was told to whom, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertReport {
    /// When, RFC 3339.
    pub at: String,
    /// Whether nothing was sent, and nothing noted.
    pub is_dry_run: bool,
    /// The messages, in order.
    pub messages: Vec<ToldDelivery>,
    /// What became of each alert on each route.
    pub explained: Vec<ExplainedAlert>,
}

/// A message to a channel, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToldDelivery {
    /// The channel.
    pub channel: String,
    /// The route.
    pub route: String,
    /// What a receiver recognises the same message by.
    pub id: String,
    /// How many alerts it has.
    pub alerts: usize,
    /// How many of each level it only counts.
    pub more: SeverityCounts,
    /// What became of it.
    pub state: DeliveryState,
    /// Why it did not arrive, or when it is sent.
    pub reason: Option<String>,
    /// How often it was tried before.
    pub tries: u32,
    /// What is sent, without its secrets.
    pub payloads: Vec<ShownPayload>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryState {
    /// It would be sent.
    Planned,
    /// It arrived.
    Delivered,
    /// It did not, and is sent again.
    Pending,
    /// It never will.
    Refused,
    /// It is sent when the hours of its route begin.
    Held,
    /// Somebody else is about to send it.
    Claimed,
}

/// Something to send, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownPayload {
    /// How and where it goes.
    pub to: String,
    /// What goes before it.
    pub headers: Vec<(String, String)>,
    /// The events that are delivered with it.
    pub covers: Vec<String>,
    /// What is sent.
    pub body: String,
}

/// What became of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedAlert {
    /// The id of the event.
    pub id: String,
    /// The fingerprint.
    pub fingerprint: String,
    /// Whether it begins or is over.
    pub phase: AlertPhase,
    /// The rule.
    pub rule: String,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub about: String,
    /// What happened.
    pub message: String,
    /// What each route made of it, in their order.
    pub routes: Vec<RouteWord>,
}

/// What a route made of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteWord {
    /// The route.
    pub route: String,
    /// What it made of it, in a word.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
}

/// What a route makes of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is in its message.
    Sent,
    /// It is counted in its message.
    Capped,
    /// It was told before, or is on its way.
    AlreadyTold,
    /// It waits for the hours of the route.
    Held,
    /// The route is muted.
    Muted,
    /// Another alert says what became of it.
    Inhibited,
    /// It is about something else, or matters less.
    NotMatched,
    /// A route before was enough.
    NotReached,
    /// Somebody has acknowledged it.
    Acknowledged,
    /// The route has no channel.
    NoChannel,
}

impl RouteWord {
    fn new(route: &str, outcome: Outcome, reason: impl Into<String>) -> Self {
        Self { route: route.to_owned(), outcome, reason: reason.into() }
    }

    /// It is in the message.
    #[must_use]
    pub fn sent(route: &str) -> Self {
        Self::new(route, Outcome::Sent, "it is in the message of the route")
    }

    /// It is counted in the message.
    #[must_use]
    pub fn capped(route: &str) -> Self {
        Self::new(route, Outcome::Capped, "the message is full, and counts it")
    }

    /// It was told.
    #[must_use]
    pub fn already(route: &str) -> Self {
        Self::new(route, Outcome::AlreadyTold, "it was told before, or is on its way")
    }

    /// It waits.
    #[must_use]
    pub fn held(route: &str, until: &str) -> Self {
        Self::new(route, Outcome::Held, format!("it waits until {until}"))
    }

    /// The route is muted.
    #[must_use]
    pub fn muted(route: &str) -> Self {
        Self::new(route, Outcome::Muted, "the route is muted at this time")
    }

    /// Another one says it.
    #[must_use]
    pub fn silenced(route: &str, by: &str) -> Self {
        Self::new(route, Outcome::Inhibited, format!("it follows from: {by}"))
    }

    /// It is about something else.
    #[must_use]
    pub fn missed(route: &str, why: &str) -> Self {
        Self::new(route, Outcome::NotMatched, why)
    }

    /// A route before was enough.
    #[must_use]
    pub fn taken(route: &str, by: &str) -> Self {
        Self::new(route, Outcome::NotReached, format!("the route {by} has taken it"))
    }

    /// Somebody has acknowledged it.
    #[must_use]
    pub fn acknowledged(route: &str, by: &str) -> Self {
        Self::new(route, Outcome::Acknowledged, format!("acknowledged by {by}"))
    }

    /// The route has no channel.
    #[must_use]
    pub fn nobody(route: &str) -> Self {
        Self::new(route, Outcome::NoChannel, "the route tells nobody")
    }
}

impl Outcome {
    /// The word for it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Capped => "capped",
            Self::AlreadyTold => "already told",
            Self::Held => "held",
            Self::Muted => "muted",
            Self::Inhibited => "inhibited",
            Self::NotMatched => "not matched",
            Self::NotReached => "not reached",
            Self::Acknowledged => "acknowledged",
            Self::NoChannel => "no channel",
        }
    }
}

impl DeliveryState {
    /// The word for it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "would be sent",
            Self::Delivered => "delivered",
            Self::Pending => "not delivered, tried again next time",
            Self::Refused => "refused, given up",
            Self::Held => "held",
            Self::Claimed => "not ours to send now",
        }
    }
}

impl ExplainedAlert {
    /// What became of an alert.
    #[must_use]
    pub fn of(alert: &Alert, routes: Vec<RouteWord>) -> Self {
        let about = match &alert.subject {
            Subject::Trail => "the trail".to_owned(),
            Subject::Domain(domain) => domain.to_string(),
            Subject::Entity { domain, key, name, .. } => {
                format!("{domain} {}", name.as_deref().unwrap_or(key.as_str()))
            }
            Subject::Commit(text) | Subject::File(text) => text.clone(),
        };
        Self {
            id: alert.id.clone(),
            fingerprint: alert.fingerprint.clone(),
            phase: alert.phase,
            rule: alert.rule.clone(),
            severity: alert.severity,
            about,
            message: alert.message.clone(),
            routes,
        }
    }
}

/// Writes what was told, for people; the payloads where nothing was sent, and what became of each alert where that is asked for.
pub fn render_text(report: &AlertReport, explains: bool, style: Style, out: &mut dyn Write) -> io::Result<()> {
    if explains {
        for alert in &report.explained {
            let (rule, about) = (visible(&alert.rule), visible(&alert.about));
            writeln!(out, "{} {rule} {about}\n  {}", style.level(alert.severity), visible(&alert.message))?;
            for word in &alert.routes {
                let (route, reason) = (visible(&word.route), visible(&word.reason));
                writeln!(out, "  {route}: {} ({reason})", word.outcome.as_str())?;
            }
        }
        if report.explained.is_empty() {
            writeln!(out, "There is nothing to tell")?;
        }
        writeln!(out)?;
    }
    for message in &report.messages {
        let (route, channel) = (visible(&message.route), visible(&message.channel));
        let alerts = counted(message.alerts as u64, "alert", "alerts");
        let more = match message.more.total() {
            0 => String::new(),
            _ => format!("; and {}", summary_of(&message.more, "more", "more")),
        };
        let reason = message.reason.as_ref().map(|reason| format!(": {}", visible(reason))).unwrap_or_default();
        writeln!(out, "{route} → {channel}: {alerts}{more}; {}{reason}", message.state.as_str())?;
        if report.is_dry_run {
            message.payloads.iter().try_for_each(|payload| render_payload(payload, out))?;
        }
    }
    if report.messages.is_empty() { writeln!(out, "Nothing is sent") } else { Ok(()) }
}

fn render_payload(payload: &ShownPayload, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  {}", visible(&payload.to))?;
    for (name, value) in &payload.headers {
        writeln!(out, "  {}: {}", visible(name), visible(value))?;
    }
    payload.body.lines().try_for_each(|line| writeln!(out, "    {}", visible(line)))
}

/// Writes the document, indented, with a final newline.
pub fn render_json(report: &AlertReport, out: &mut dyn Write) -> io::Result<()> {
    write_document(
        &Document {
            schema_version: 1,
            at: &report.at,
            dry_run: report.is_dry_run,
            messages: &report.messages,
            alerts: &report.explained,
        },
        out,
    )
}

#[derive(Serialize)]
struct Document<'r> {
    schema_version: u32,
    at: &'r str,
    dry_run: bool,
    messages: &'r [ToldDelivery],
    alerts: &'r [ExplainedAlert],
}
