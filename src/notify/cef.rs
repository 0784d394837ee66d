//! The Common Event Format, in messages of syslog as RFC 5424 describes them.

use std::borrow::Cow;
use std::sync::Arc;

use super::answers;
use super::body::{SOURCE, json};
use super::channel::{Answer, Channel, ChannelKind, Payload, Record, SyslogCarrier, SyslogServer, Transport, Verdict};
use super::cut::{as_many_as_fit, cut_escaped};
use super::opening::{OpenError, Opening};
use super::{moment, words};
use crate::alert::{Alert, AlertPhase, Message};
use crate::model::{Severity, Subject};

/// The facility of audit logs: RFC 5424, table 1.
const AUDIT_FACILITY: u8 = 13;

/// The severity of syslog for what only informs: RFC 5424, table 2.
const INFORMATIONAL: u8 = 6;

/// Most characters of a host name of RFC 5424, and of the id of a kind of message.
const LONGEST_HOST: usize = 255;
const LONGEST_KIND: usize = 32;

/// Most values that are told of an alert.
const MOST_VALUES: usize = 20;

struct Cef {
    server: Arc<SyslogServer>,
    most_bytes: usize,
    longest_name: usize,
    longest_message: usize,
    longest_text: usize,
}

/// A member of the extension: its key, its value, and how many characters of it there may be.
struct Member {
    key: &'static str,
    value: String,
    longest: usize,
}

/// What stands in the header.
struct Header<'h> {
    kind: &'h str,
    name: &'h str,
    severity: u8,
    level: u8,
    at: &'h str,
    host: &'h str,
}

pub(super) fn open(opening: &Opening<'_>) -> Result<Box<dyn Channel>, OpenError> {
    let carrier = match opening.text("protocol")?.as_str() {
        "tcp" => SyslogCarrier::Tcp,
        "udp" => SyslogCarrier::Udp,
        _ => SyslogCarrier::Tls,
    };
    let limit = if carrier == SyslogCarrier::Udp { "datagram_bytes" } else { "bytes" };
    let server =
        SyslogServer { host: opening.text("host")?, port: opening.port("port")?, carrier, ca_file: opening.ca_file() };
    Ok(Box::new(Cef {
        server: Arc::new(server),
        most_bytes: opening.limit(limit)?,
        longest_name: opening.limit("name")?,
        longest_message: opening.limit("msg")?,
        longest_text: opening.limit("text")?,
    }))
}

impl Cef {
    /// The message, each value of it as long as there is room for: where it is too much, all become shorter alike.
    fn line(&self, header: &Header<'_>, members: &[Member]) -> Vec<u8> {
        let make = |percent: usize| {
            let share = |most: usize| most * percent / 100;
            let extension: Vec<String> = members
                .iter()
                .map(|member| format!("{}={}", member.key, fitted(&member.value, share(member.longest), in_extension)))
                .collect();
            format!(
                "<{}>1 {} {} {SOURCE} - {} - CEF:0|{SOURCE}|{SOURCE}|{}|{}|{}|{}|{}",
                AUDIT_FACILITY * 8 + header.level,
                moment::rfc3339(header.at),
                printable(header.host, LONGEST_HOST),
                printable(header.kind, LONGEST_KIND),
                env!("CARGO_PKG_VERSION"),
                fitted(header.kind, self.longest_name, in_header),
                fitted(header.name, share(self.longest_name), in_header),
                header.severity,
                extension.join(" "),
            )
            .into_bytes()
        };
        as_many_as_fit(100, make, |line| line.len() <= self.most_bytes)
    }

    fn alert(&self, message: &Message, alert: &Alert) -> Vec<u8> {
        let name = words::title(alert);
        let (severity, level) = match alert.severity {
            Severity::Critical => (10, 2),
            Severity::High => (8, 3),
            Severity::Medium => (5, 4),
            Severity::Low => (3, 5),
        };
        let header = Header { kind: &alert.rule, name: &name, severity, level, at: &alert.at, host: &message.org };
        self.line(&header, &self.members(message, alert))
    }

    fn members(&self, message: &Message, alert: &Alert) -> Vec<Member> {
        let actor = alert.actors.first();
        let of_actor = |part: fn(&crate::model::Actor) -> Option<&String>| actor.and_then(part).cloned();
        let address = actor.and_then(|actor| actor.remote_ip.iter().find(|ip| ip.parse::<std::net::IpAddr>().is_ok()));
        let key = if let Subject::Entity { key, .. } = &alert.subject { Some(key.to_string()) } else { None };
        let phase = match (alert.phase, alert.kind) {
            (AlertPhase::Raised, Some(kind)) => kind.as_str(),
            (AlertPhase::Raised, None) => "found",
            (phase, _) => phase.as_str(),
        };
        let members = [
            ("rt", Some(moment::milliseconds(&alert.at).to_string())),
            ("externalId", Some(alert.id.clone())),
            ("cat", alert.subject.domain().map(ToString::to_string)),
            ("act", Some(phase.to_owned())),
            ("dvchost", Some(message.org.clone())),
            ("suid", of_actor(|actor| actor.id.as_ref())),
            ("suser", of_actor(|actor| actor.name.as_ref().or(actor.email.as_ref()).or(actor.client_id.as_ref()))),
            ("src", address.cloned()),
            ("msg", Some(words::values(alert, MOST_VALUES).join("\n")).filter(|text| !text.is_empty())),
            ("reason", alert.why.clone()),
            ("request", words::link(alert).map(str::to_owned)),
        ];
        let labelled = [
            ("cs1Label", "cs1", "fingerprint", Some(alert.fingerprint.clone())),
            ("cs2Label", "cs2", "place", Some(words::place(alert))),
            ("cs3Label", "cs3", "remedy", Some(alert.remedy.clone())),
            ("cs4Label", "cs4", "commit", alert.commit.clone()),
            ("cs5Label", "cs5", "entity", key),
            ("cs6Label", "cs6", "reach", alert.reach.clone()),
        ];
        let longest = |key: &str| if key == "msg" { self.longest_message } else { self.longest_text };
        let plain = members.into_iter().filter_map(|(key, value)| Some((key, value?)));
        let labelled = labelled
            .into_iter()
            .filter_map(|(label_key, key, label, value)| Some([(label_key, label.to_owned()), (key, value?)]))
            .flatten();
        plain.chain(labelled).map(|(key, value)| Member { key, value, longest: longest(key) }).collect()
    }

    fn record(&self, record: &Record) -> Vec<u8> {
        let header = Header {
            kind: record.kind,
            name: record.kind,
            severity: 0,
            level: INFORMATIONAL,
            at: &record.at,
            host: SOURCE,
        };
        let body = String::from_utf8_lossy(&json(&record.body)).into_owned();
        let member = |key, value, longest| Member { key, value, longest };
        let members = [
            member("rt", moment::milliseconds(&record.at).to_string(), self.longest_text),
            member("externalId", record.id.clone(), self.longest_text),
            member("msg", body, self.most_bytes),
        ];
        self.line(&header, &members)
    }

    fn payload(&self, id: &str, body: Vec<u8>) -> Payload {
        Payload { covers: vec![id.to_owned()], transport: Transport::Syslog(Arc::clone(&self.server)), body }
    }
}

/// A value of at most so many characters. What identifies is never made so short that it would be something else.
fn fitted(value: &str, most: usize, escape: fn(char) -> Cow<'static, str>) -> String {
    const SHORTEST: usize = 64;
    cut_escaped(value, most.max(SHORTEST), escape, |text| text.chars().count())
}

/// In the header a bar ends a part, and a line break the message.
fn in_header(c: char) -> Cow<'static, str> {
    match c {
        '\\' => Cow::Borrowed("\\\\"),
        '|' => Cow::Borrowed("\\|"),
        c if c.is_control() => Cow::Borrowed(" "),
        c => Cow::Owned(c.to_string()),
    }
}

/// In the extension an equals sign ends a key; line breaks have a form of their own.
fn in_extension(c: char) -> Cow<'static, str> {
    match c {
        '\\' => Cow::Borrowed("\\\\"),
        '=' => Cow::Borrowed("\\="),
        '\n' => Cow::Borrowed("\\n"),
        '\r' => Cow::Borrowed("\\r"),
        c if c.is_control() => Cow::Borrowed(" "),
        c => Cow::Owned(c.to_string()),
    }
}

/// What a header of syslog takes, which is visible ASCII; `-` stands for nothing.
fn printable(text: &str, most: usize) -> String {
    let plain: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if plain.is_empty() { "-".to_owned() } else { plain }
}

impl Channel for Cef {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Siem
    }

    fn payloads(&self, message: &Message) -> Vec<Payload> {
        message.alerts.iter().map(|alert| self.payload(&alert.id, self.alert(message, alert))).collect()
    }

    fn payloads_of_records(&self, records: &[Record]) -> Option<Vec<Payload>> {
        Some(records.iter().map(|record| self.payload(&record.id, self.record(record))).collect())
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        answers::without_status(answer)
    }
}
