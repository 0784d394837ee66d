//! What channels build for a message, and what they make of answers.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde_json::{Value as Json, json};

use super::*;
use crate::alert::{Alert, AlertPhase, ChangedValue, Group, Message};
use crate::model::{Actor, ChangeKind, EntityKey, Explained, OwnedValue, Severity, SeverityCounts, Subject};

/// What a person can write into a name to be taken for something else.
const HOSTILE: &str =
    "VIP | `a` *b* <!channel> <@U1> @here </h3><img src=x> [x](http://e.example) = \\ \r\nBcc: e@e.example\u{202e}";

/// Stands in every secret.
const CANARY: &str = "canary0b8f4e6d";

fn alert(severity: Severity, phase: AlertPhase, number: usize) -> Alert {
    Alert {
        id: format!("{number:032x}"),
        fingerprint: format!("{number:016x}"),
        phase,
        rule: "queue-routing".to_owned(),
        severity,
        subject: Subject::Entity {
            domain: "routing.queues".parse().unwrap(),
            key: EntityKey::new("5d3a7c1e-0000-4000-8000-000000000001"),
            name: Some(HOSTILE.to_owned()),
            path: None,
        },
        kind: Some(ChangeKind::Modified),
        division: Some("Home".to_owned()),
        message: format!("{HOSTILE} changed"),
        why: Some("Calls wait longer.".to_owned()),
        remedy: "Ask who changed it.".to_owned(),
        values: vec![
            ChangedValue { place: "acwSettings.timeoutMs".to_owned(), old: Some("30000".to_owned()), new: None },
            ChangedValue { place: "description".to_owned(), old: None, new: Some(HOSTILE.to_owned()) },
        ],
        explained: Some(Explained::Audit),
        actors: vec![Actor {
            id: Some("9b1d".to_owned()),
            name: Some("Ann <b>Lee</b>".to_owned()),
            email: Some("ann@example.com".to_owned()),
            client_id: None,
            home_org: None,
            remote_ip: vec!["192.0.2.7".to_owned()],
            application: None,
            at: "2026-03-03T11:59:00Z".to_owned(),
            audit_ids: vec!["a1".to_owned()],
        }],
        at: "2026-03-03T12:00:00Z".to_owned(),
        reach: Some("reaches 3 DIDs".to_owned()),
        silences: 0,
        commit: Some("c0ffee".repeat(6)),
        link: Some("https://git.example.com/acme/trail/commit/c0ffee".to_owned()),
    }
}

fn message(alerts: Vec<Alert>) -> Message {
    Message {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        org: "7f1c6e6a-org".to_owned(),
        run: "20260303T120000Z-1".to_owned(),
        route: "soc".to_owned(),
        at: "2026-03-03T12:00:00Z".to_owned(),
        alerts,
        groups: Vec::new(),
        more: SeverityCounts::default(),
    }
}

fn sample() -> Message {
    let alerts = vec![
        alert(Severity::Critical, AlertPhase::Raised, 1),
        alert(Severity::High, AlertPhase::Reverted, 2),
        alert(Severity::Low, AlertPhase::Approved, 3),
    ];
    let group = |title: &str, alerts| Group { title: title.to_owned(), alerts };
    let groups = vec![group("Ann Lee", 2), group("nobody known", 1)];
    Message { groups, more: SeverityCounts { low: 312, ..SeverityCounts::default() }, ..message(alerts) }
}

fn many(count: usize) -> Message {
    let long = |number| {
        let mut alert = alert(Severity::High, AlertPhase::Raised, number);
        let value = |index| ChangedValue {
            place: format!("place.{index}"),
            old: Some("é<&>".repeat(40)),
            new: Some(HOSTILE.repeat(2)),
        };
        alert.message = HOSTILE.repeat(8);
        alert.why = Some(HOSTILE.repeat(8));
        alert.values = (0..20).map(value).collect();
        alert
    };
    message((0..count).map(long).collect())
}

fn records(count: usize) -> Vec<Record> {
    let body = crate::canonical::read(br#"{"flow":"x|y=z","steps":[12345678901234567890123,{"a":"b\n"}]}"#);
    let body = body.unwrap().into_owned();
    let record = |number: usize| Record {
        id: format!("r{number}"),
        kind: "flow-execution",
        at: "2026-03-03T12:00:00.250Z".to_owned(),
        body: body.clone(),
    };
    (0..count).map(record).collect()
}

/// A channel of each type, by a name for it.
fn settings() -> Vec<ChannelSettings> {
    let one = |name: &str, channel_type: &str, given: Json| {
        let types = ChannelTypes::built_in().unwrap();
        let definition = types.get(channel_type).unwrap();
        let mut values = BTreeMap::new();
        for rule in &definition.settings {
            let given = given.get(&rule.name).cloned();
            let default = rule.default.as_ref().map(|default| serde_json::to_value(default).unwrap());
            let value = match given.or(default) {
                Some(Json::String(text)) => match variable(&text) {
                    Some(variable) => SettingValue::Variable(variable.to_owned()),
                    None => SettingValue::Text(text),
                },
                Some(Json::Number(number)) => SettingValue::Number(number.as_u64().unwrap().try_into().unwrap()),
                Some(list) => SettingValue::Texts(serde_json::from_value(list).unwrap()),
                None => continue,
            };
            values.insert(rule.name.clone(), value);
        }
        assert!(given.as_object().unwrap().keys().all(|name| values.contains_key(name)), "{channel_type}");
        ChannelSettings { name: name.to_owned(), channel_type: channel_type.to_owned(), values }
    };
    vec![
        one("cef", "cef", json!({ "host": "syslog.example.com" })),
        one("datadog", "datadog", json!({ "api_key": "$KEY", "tags": ["Env:Prod"] })),
        one("elastic", "elastic", json!({ "url": "https://es.example.com:9200/", "api_key": "$KEY" })),
        one(
            "email",
            "email",
            json!({
                "host": "mail.example.com", "user": "u", "password": "$KEY",
                "from": "orgtrail <trail@example.com>", "to": ["soc@example.com", "Ann Lee <ann@example.com>"],
            }),
        ),
        one("ocsf", "ocsf", json!({ "url": "https://ocsf.example.com/in", "token": "$KEY" })),
        one("pagerduty", "pagerduty", json!({ "routing_key": "$KEY" })),
        one("slack", "slack", json!({ "url": "$URL" })),
        one("slack-bot", "slack", json!({ "token": "$KEY", "channel": "C0123" })),
        one("splunk", "splunk", json!({ "url": "https://splunk.example.com:8088", "token": "$KEY", "index": "main" })),
        one("teams", "teams", json!({ "url": "$URL" })),
        one("webhook", "webhook", json!({ "url": "$URL", "secret": "$SIGN", "previous_secret": "$SIGN" })),
    ]
}

fn secrets() -> Secrets {
    // The canary in base64, so that the key signs.
    let sign = format!("whsec_{CANARY}{CANARY}{CANARY}ab");
    let values = [
        ("KEY", format!("key-{CANARY}")),
        ("URL", format!("https://hooks.example.com/{CANARY}?sig={CANARY}")),
        ("SIGN", sign),
    ];
    values.into_iter().map(|(name, value)| (name.to_owned(), SecretString::from(value))).collect()
}

fn channels() -> Vec<(String, Box<dyn Channel>)> {
    settings().iter().map(|one| (one.name.clone(), open(one, &secrets()).unwrap())).collect()
}

fn channel(name: &str) -> Box<dyn Channel> {
    channels().into_iter().find(|(known, _)| known == name).unwrap().1
}

fn bodies(payloads: &[Payload]) -> Vec<String> {
    payloads.iter().map(|payload| String::from_utf8(payload.body.clone()).unwrap()).collect()
}

/// The version where it stands in a message of syslog.
fn version() -> String {
    format!("|{}|", env!("CARGO_PKG_VERSION"))
}

/// A body as it can be reviewed: JSON indented, whatever is a line of its own on one.
fn readable(body: &str) -> String {
    let lines =
        if body.contains("\nMIME-Version") || body.starts_with('<') { vec![body] } else { body.lines().collect() };
    let pretty = |line: &str| match serde_json::from_str::<Json>(line) {
        Ok(json) => serde_json::to_string_pretty(&json).unwrap(),
        Err(_) => line.replace('\r', "").replace(&version(), "|VERSION|"),
    };
    let text = lines.into_iter().map(pretty).collect::<Vec<_>>().join("\n");
    text.replace(&format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION")), "\"version\": \"VERSION\"")
}

#[test]
fn every_type_of_the_data_has_code_and_the_other_way_round() {
    let types = ChannelTypes::built_in().unwrap();
    assert_eq!(types.names().collect::<Vec<_>>(), TYPES.map(|(name, _)| name));
    let opened: std::collections::BTreeSet<String> = settings().into_iter().map(|one| one.channel_type).collect();
    assert!(types.names().all(|name| opened.contains(name)), "a type is not tried here");
    for (one, (name, channel)) in settings().iter().zip(channels()) {
        let definition = types.get(&one.channel_type).unwrap();
        assert_eq!(channel.kind(), definition.kind, "{name}");
        let speaks_http = matches!(channel.payloads(&sample())[0].transport, Transport::Http(_));
        assert_eq!(speaks_http, definition.statuses.is_some(), "{name}");
        let takes_records = channel.payloads_of_records(&records(1)).is_some();
        assert_eq!(takes_records, channel.kind() == ChannelKind::Siem, "{name}");
    }
}

#[test]
fn every_limit_and_every_status_has_a_source_and_every_setting_says_what_it_is() {
    let types = ChannelTypes::built_in().unwrap();
    let is_sentence =
        |text: &str| text.ends_with('.') && text.starts_with(|c: char| c.is_uppercase() || c.is_ascii_lowercase());
    let is_source = |text: &str| text.starts_with("https://") || (text.starts_with("Our own: ") && text.ends_with('.'));
    for name in types.names() {
        let one = types.get(name).unwrap();
        assert!(is_sentence(&one.about) && is_sentence(&one.repetition), "{name}");
        for limit in &one.limits {
            assert!(is_source(&limit.source) && limit.value > 0, "{name} {}", limit.name);
        }
        assert!(one.statuses.iter().all(|statuses| is_source(&statuses.source)), "{name}");
        for rule in &one.settings {
            assert!(is_sentence(&rule.about), "{name} {}", rule.name);
            assert_eq!(rule.form == Form::Choice, !rule.choices.is_empty(), "{name} {}", rule.name);
            assert!(rule.form != Form::Secret || rule.default.is_none(), "{name} {}", rule.name);
        }
        let named = one.either.iter().chain(&one.together).flatten();
        assert!(named.into_iter().all(|setting| one.setting(setting).is_some()), "{name}");
    }
}

#[test]
fn what_is_sent_is_pinned_and_the_same_each_time() {
    for (name, channel) in channels() {
        let payloads = channel.payloads(&sample());
        let again = bodies(&channel.payloads(&sample()));
        assert_eq!(bodies(&payloads), again, "{name}");
        let covered: Vec<&str> = payloads.iter().flat_map(|payload| &payload.covers).map(String::as_str).collect();
        assert_eq!(covered, sample().alerts.iter().map(|alert| alert.id.as_str()).collect::<Vec<_>>(), "{name}");
        let text = bodies(&payloads).iter().map(|body| readable(body)).collect::<Vec<_>>().join("\n----\n");
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn what_is_sent_of_records_is_pinned() {
    let siems = channels().into_iter().filter(|(_, channel)| channel.kind() == ChannelKind::Siem);
    let mut text = String::new();
    for (name, channel) in siems {
        let payloads = channel.payloads_of_records(&records(2)).unwrap();
        assert!(bodies(&payloads).iter().all(|body| body.contains("12345678901234567890123")), "{name}");
        let bodies: Vec<String> = bodies(&payloads).iter().map(|body| body.replace(&version(), "|VERSION|")).collect();
        text.push_str(&format!("=== {name}\n{}\n", bodies.join("\n----\n")));
    }
    let version = format!("\"version\":\"{}\"", env!("CARGO_PKG_VERSION"));
    insta::assert_snapshot!("records", text.replace(&version, "\"version\":\"VERSION\""));
}

/// The most bytes that a body may have, by the data of its type.
fn most_bytes(channel_type: &str) -> usize {
    let types = ChannelTypes::built_in().unwrap();
    let limits = &types.get(channel_type).unwrap().limits;
    limits.iter().find(|limit| limit.name == "bytes").map_or(usize::MAX, |limit| limit.value)
}

#[test]
fn what_is_too_much_is_shortened_within_the_limits_and_says_so() {
    let count = 400;
    let message = many(count);
    for (one, (name, channel)) in settings().iter().zip(channels()) {
        let payloads = channel.payloads(&message);
        let covered: usize = payloads.iter().map(|payload| payload.covers.len()).sum();
        assert_eq!(covered, count, "{name}");
        for payload in &payloads {
            assert!(payload.body.len() <= most_bytes(&one.channel_type), "{name}: {}", payload.body.len());
        }
        if channel.kind() == ChannelKind::People {
            assert_eq!(payloads.len(), 1, "{name}");
            let body = String::from_utf8_lossy(&payloads[0].body).replace("=\r\n", "");
            let counted = if name == "webhook" { "\"left_out\":3" } else { " more: " };
            assert!(body.contains(counted), "{name}");
        }
    }
}

#[test]
fn a_webhook_follows_its_schema() {
    let schema = crate::catalogue::embedded_file("output/alert-message.v1.json").unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let mut of_a_trail = alert(Severity::Medium, AlertPhase::Raised, 4);
    (of_a_trail.subject, of_a_trail.kind, of_a_trail.explained) = (Subject::Trail, None, None);
    let mut of_a_commit = of_a_trail.clone();
    of_a_commit.subject = Subject::Commit("c0ffee".to_owned());
    let mut of_a_file = of_a_trail.clone();
    of_a_file.subject = Subject::File("snapshot/x.json".to_owned());
    for message in [sample(), many(300), message(Vec::new()), message(vec![of_a_trail, of_a_commit, of_a_file])] {
        let body = serde_json::from_slice(&channel("webhook").payloads(&message)[0].body).unwrap();
        let problems: Vec<String> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
        assert_eq!(problems, Vec::<String>::new());
    }
}

#[test]
fn an_event_that_is_too_large_leaves_out_values_and_counts_them() {
    let mut large = alert(Severity::Critical, AlertPhase::Raised, 1);
    let value = |index: usize| ChangedValue { place: format!("p{index}"), old: None, new: Some("x".repeat(2000)) };
    large.values = (0..1000).map(value).collect();
    for name in ["datadog", "elastic", "ocsf", "pagerduty", "splunk"] {
        let body = bodies(&channel(name).payloads(&message(vec![large.clone()]))).concat();
        assert!(body.len() <= most_bytes(name), "{name}");
        let (_, counted) = body.split_once("\"values_left_out\":").unwrap();
        let left_out: usize = counted.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
        assert_eq!(left_out + body.matches("\"place\":").count(), 1000, "{name}");
    }
    let [line] = &bodies(&channel("cef").payloads(&message(vec![large])))[..] else { panic!("not one message") };
    assert!(line.len() <= 8192 && line.contains(" more characters"), "{line}");
}

#[test]
fn a_message_to_slack_keeps_to_its_limits() {
    let [payload] = &channel("slack").payloads(&many(1000))[..] else { panic!("there is more than one") };
    let body: Json = serde_json::from_slice(&payload.body).unwrap();
    let blocks = body["blocks"].as_array().unwrap();
    assert_eq!(blocks.len(), 50);
    let header = blocks[0]["text"]["text"].as_str().unwrap();
    assert!(header.chars().count() <= 150);
    fn texts(json: &Json) -> usize {
        match json {
            Json::Object(members) => {
                let own = members.get("text").and_then(Json::as_str).map_or(0, |text| text.chars().count());
                own + members.values().map(texts).sum::<usize>()
            }
            Json::Array(items) => items.iter().map(texts).sum(),
            _ => 0,
        }
    }
    assert!(blocks.iter().all(|block| texts(block) <= 3000 + 32), "{:?}", blocks.iter().map(texts).max());
    assert!(body["text"].as_str().unwrap().chars().count() <= 3000);
    assert!(String::from_utf8_lossy(&payload.body).contains("and 953 more: 953 high"));
}

#[test]
fn a_hostile_name_mentions_nobody_and_begins_nothing() {
    let slack: Json = serde_json::from_slice(&channel("slack").payloads(&sample())[0].body).unwrap();
    let text = slack["text"].as_str().unwrap();
    assert!(text.contains("&lt;!channel&gt;") && !text.contains('<'), "{text}");
    let teams = bodies(&channel("teams").payloads(&sample())).concat();
    assert!(!teams.contains("TextBlock\",\"text\"") && !teams.contains("\"entities\""));
    let mail = bodies(&channel("email").payloads(&sample())).concat();
    let (_, page) = mail.split_once("<!DOCTYPE html>").unwrap();
    let (headers, _) = mail.split_once("\r\n\r\n").unwrap();
    assert!(!headers.contains("Bcc") && !page.contains("<img") && !page.contains("<b>"), "{mail}");
    for line in bodies(&channel("cef").payloads(&sample())) {
        assert!(!line.contains(['\n', '\r', '\u{202e}']), "{line}");
        let (_, cef) = line.split_once("CEF:0|").unwrap();
        let bars = cef.replace("\\\\", "").replace("\\|", "");
        // Behind the header a bar has no meaning, so that nothing is said of it there.
        assert_eq!(bars.split('|').take(6).count(), 6, "{line}");
        assert!(bars.split('|').nth(5).unwrap().parse::<u8>().is_ok(), "{line}");
    }
}

/// Which statuses are delivered and tried again, as ranges; all others up to 599 are refused.
fn decisions(channel: &dyn Channel, body: &str) -> String {
    let mut ranges: Vec<(u16, u16, &str)> = Vec::new();
    for status in 100..=599 {
        let word = match channel.verdict(&Answer::Http { status, body: body.to_owned(), retry_after: None }) {
            Verdict::Delivered => "delivered",
            Verdict::Retry { .. } => "retry",
            Verdict::Refused { .. } => "refused",
        };
        match ranges.last_mut().filter(|(_, _, known)| *known == word) {
            Some((_, last, _)) => *last = status,
            None => ranges.push((status, status, word)),
        }
    }
    let shown = ranges.iter().map(|(first, last, word)| match first == last {
        true => format!("{first} {word}"),
        false => format!("{first}-{last} {word}"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[test]
fn every_status_has_a_decision() {
    let taken = r#"{"ok":true,"code":0,"errors":false}"#;
    let http = channels()
        .into_iter()
        .filter(|(_, channel)| matches!(channel.payloads(&sample())[0].transport, Transport::Http(_)));
    let lines: Vec<String> =
        http.map(|(name, channel)| format!("{name}: {}", decisions(channel.as_ref(), taken))).collect();
    insta::assert_snapshot!("statuses", lines.join("\n"));
}

#[test]
fn whatever_the_receiver_is_only_what_it_says_of_the_payload_is_final() {
    for (name, channel) in channels() {
        let of = |status| {
            let after = Some(std::time::Duration::from_secs(7));
            channel.verdict(&Answer::Http { status, body: String::new(), retry_after: after })
        };
        let Transport::Http(_) = channel.payloads(&sample())[0].transport else { continue };
        for status in [301, 401, 403, 404, 410, 408, 429, 500, 502, 503, 504] {
            let Verdict::Retry { after, .. } = of(status) else { panic!("{name} {status}") };
            assert_eq!(after.map(|wait| wait.as_secs()), Some(7), "{name} {status}");
        }
        for status in (100..200).chain([400, 405, 406, 411, 413, 414, 415, 422]) {
            assert!(matches!(of(status), Verdict::Refused { .. }), "{name} {status}");
        }
        assert!(matches!(channel.verdict(&Answer::None("no route".to_owned())), Verdict::Retry { .. }), "{name}");
    }
}

#[test]
fn a_mail_server_is_asked_again_where_it_says_so() {
    let email = channel("email");
    for code in 100..=599 {
        let verdict = email.verdict(&Answer::Smtp(code, "said".to_owned()));
        let expected = match code {
            200..=299 => Verdict::Delivered,
            400..=499 | 530 | 534 | 535 | 538 => Verdict::Retry { reason: format!("{code} said"), after: None },
            _ => Verdict::Refused { reason: format!("{code} said") },
        };
        assert_eq!(verdict, expected);
    }
    assert_eq!(channel("cef").verdict(&Answer::Sent), Verdict::Delivered);
}

#[test]
fn what_a_body_says_counts_where_the_status_says_nothing() {
    let of = |name: &str, body: &str| {
        channel(name).verdict(&Answer::Http { status: 200, body: body.to_owned(), retry_after: None })
    };
    let retry = |reason: &str| Verdict::Retry { reason: reason.to_owned(), after: None };
    let refused = |reason: &str| Verdict::Refused { reason: reason.to_owned() };
    assert_eq!(of("slack", "ok"), Verdict::Delivered);
    assert_eq!(of("slack-bot", r#"{"ok":true,"ts":"1"}"#), Verdict::Delivered);
    assert_eq!(of("slack-bot", r#"{"ok":false,"error":"invalid_blocks"}"#), refused("200 OK: invalid_blocks"));
    assert_eq!(of("slack-bot", r#"{"ok":false,"error":"token_revoked"}"#), retry("200 OK: token_revoked"));
    assert_eq!(of("slack-bot", r#"{"ok":false,"error":"ratelimited"}"#), retry("200 OK: ratelimited"));
    assert_eq!(of("slack-bot", "<html>"), retry("200 OK: <html>"));
    assert_eq!(of("splunk", r#"{"text":"Success","code":0}"#), Verdict::Delivered);
    assert_eq!(of("splunk", r#"{"text":"No data","code":5}"#), refused("200 OK: No data"));
    let item = |status: u16, error: &str| {
        format!(r#"{{"create":{{"status":{status},"error":{{"type":"{error}","reason":"because"}}}}}}"#)
    };
    let items = |items: &[String]| format!(r#"{{"errors":true,"items":[{}]}}"#, items.join(","));
    assert_eq!(of("elastic", r#"{"errors":false}"#), Verdict::Delivered);
    let there = item(409, "version_conflict_engine_exception");
    assert_eq!(of("elastic", &items(&[item(201, ""), there.clone()])), Verdict::Delivered);
    assert_eq!(
        of("elastic", &items(&[there.clone(), item(429, "rejected"), item(400, "mapper")])),
        retry("1 of 3 events: rejected because")
    );
    assert_eq!(of("elastic", &items(&[there, item(400, "mapper")])), refused("1 of 2 events: mapper because"));
    let Verdict::Retry { .. } = of("elastic", "cut of") else {
        panic!("an answer that cannot be read settles nothing")
    };
}

#[test]
fn an_incident_is_opened_and_resolved_by_one_key() {
    let mut raised = alert(Severity::Critical, AlertPhase::Raised, 1);
    let of = |alert: &Alert| {
        let payload = channel("pagerduty").payloads(&message(vec![alert.clone()])).remove(0);
        let Transport::Http(http) = &payload.transport else { panic!("not by HTTP") };
        let url = secrecy::ExposeSecret::expose_secret(&http.url).to_owned();
        (url, serde_json::from_slice::<Json>(&payload.body).unwrap())
    };
    let (url, trigger) = of(&raised);
    assert_eq!(
        (url.as_str(), &trigger["event_action"]),
        ("https://events.pagerduty.com/v2/enqueue", &json!("trigger"))
    );
    for phase in [AlertPhase::Reverted, AlertPhase::Approved] {
        raised.phase = phase;
        let (_, resolve) = of(&raised);
        assert_eq!((&resolve["event_action"], &resolve["dedup_key"]), (&json!("resolve"), &trigger["dedup_key"]));
    }
    raised.severity = Severity::Medium;
    let (url, change) = of(&raised);
    assert_eq!(url, "https://events.pagerduty.com/v2/change/enqueue");
    assert!(change.get("event_action").is_none() && change.get("dedup_key").is_none());
}

#[test]
fn no_secret_is_in_what_can_be_printed() {
    for (name, channel) in channels() {
        let mut payloads = channel.payloads(&sample());
        payloads.extend(channel.payloads_of_records(&records(1)).unwrap_or_default());
        for payload in payloads {
            assert!(!format!("{payload:?}").contains(CANARY), "{name}");
            assert!(!String::from_utf8_lossy(&payload.body).contains(CANARY), "{name}");
            let has_secret = payload.transport.secrets().iter().any(|secret| secret.contains(CANARY));
            assert_eq!(has_secret, name != "cef", "{name}");
        }
    }
    assert!(!format!("{:?}", secrets()).contains(CANARY));
}

#[test]
fn a_secret_that_cannot_be_used_is_named_and_not_shown() {
    let unfit = [("KEY", format!("{CANARY}\u{7}")), ("URL", format!("http://{CANARY}/x")), ("SIGN", CANARY.to_owned())];
    let unfit: Secrets = unfit.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let mut objected = Vec::new();
    for one in settings() {
        if let Err(error) = open(&one, &unfit) {
            assert!(!format!("{error} {error:?}").contains(CANARY), "{error}");
            assert!(error.to_string().starts_with(&format!("could not open the channel {}: $", one.name)), "{error}");
            objected.push(one.name.clone());
        }
        let unset = open(&one, &Secrets::default()).err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(unset.contains("the environment does not set"), one.variables().next().is_some(), "{unset}");
    }
    let expected = ["datadog", "elastic", "ocsf", "pagerduty", "slack", "slack-bot", "splunk", "teams", "webhook"];
    assert_eq!(objected, expected);
}

#[test]
fn only_a_server_on_this_machine_is_talked_to_in_clear() {
    for (url, fits) in [
        ("https://a.example/x?y=z", true),
        ("http://127.0.0.1:9/x", true),
        ("http://[::1]:9/", true),
        ("http://localhost/", true),
        ("http://a.example/", false),
        ("http://localhost.example/", false),
        ("https://u:p@a.example/", false),
        ("ftp://127.0.0.1/", false),
        ("https://", false),
        ("https://a.example/ x", false),
    ] {
        assert_eq!(Form::Url.fits(url), fits, "{url}");
    }
    let mut email = settings().into_iter().find(|one| one.name == "email").unwrap();
    email.values.insert("tls".to_owned(), SettingValue::Text("none".to_owned()));
    assert!(matches!(open(&email, &secrets()), Err(OpenError::Unfit { .. })));
    email.values.insert("host".to_owned(), SettingValue::Text("127.0.0.1".to_owned()));
    assert!(open(&email, &secrets()).is_ok());
}

#[test]
fn the_words_of_a_message_say_what_is_not_in_it() {
    let message = sample();
    assert_eq!(words::headline(&message), "orgtrail: 1 critical, 1 high, 1 low in organisation 7f1c6e6a-org");
    assert_eq!(words::more(&message, 1).unwrap(), "and 314 more: 1 high, 313 low");
    assert_eq!(words::more(&super::tests::message(Vec::new()), 0), None);
    let parts = words::parts(&message);
    assert_eq!((parts.len(), words::alerts_in(&parts)), (5, 3));
    assert_eq!(words::first_parts(&parts, 4).len(), 3, "a group of which nothing is shown is left out");
    let mut one = alert(Severity::Low, AlertPhase::Raised, 1);
    one.link = Some("javascript:alert(1)".to_owned());
    assert_eq!(words::link(&one), None);
    one.actors.clear();
    one.explained = Some(Explained::None);
    assert_eq!(words::who(&one).unwrap(), "unexplained: no audit record tells of it");
    let _: OwnedValue = records(1).remove(0).body;
}
