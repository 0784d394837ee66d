//! Channels against receivers on this machine: what arrives there, and what an answer leads to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use orgtrail::alert::{Alert, AlertPhase, ChangedValue, Message};
use orgtrail::config::{Config, Environment};
use orgtrail::model::{Actor, ChangeKind, EntityKey, Explained, Severity, SeverityCounts, Subject};
use orgtrail::notify::{Answer, Channel, Courier, Payload, Verdict};
use serde_json::{Value as Json, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::fixtures::catalogue;

/// Stands in every secret.
pub(crate) const CANARY: &str = "canary0b8f4e6d";

/// What the courier takes for the present, in seconds since 1970.
const NOW: i64 = 1_772_539_200;

/// Two keys of Standard Webhooks.
const KEYS: [&str; 2] = ["whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5", "whsec_YW5vdGhlcmFub3RoZXJhbm90aGVyYW5v"];

/// An alert whose name holds what the formats of receivers give a meaning to.
pub(crate) fn alert(severity: Severity, phase: AlertPhase, number: usize) -> Alert {
    let name = "VIP | <b>x</b> a=b \\ \r\nBcc: e@e.example";
    Alert {
        id: format!("{number:032x}"),
        fingerprint: format!("{number:016x}"),
        phase,
        rule: "queue-routing".to_owned(),
        severity,
        subject: Subject::Entity {
            domain: "routing.queues".parse().unwrap(),
            key: EntityKey::new("5d3a7c1e-0000-4000-8000-000000000001"),
            name: Some(name.to_owned()),
            path: None,
        },
        kind: Some(ChangeKind::Modified),
        division: Some("Zürich".to_owned()),
        message: "The queue Support changed its routing".to_owned(),
        why: Some("Calls wait longer.".to_owned()),
        remedy: "Ask who changed it.".to_owned(),
        values: vec![ChangedValue {
            place: "name".to_owned(),
            old: Some("Support".to_owned()),
            new: Some(name.to_owned()),
        }],
        explained: Some(Explained::Audit),
        actors: vec![Actor {
            id: Some("9b1d".to_owned()),
            name: Some("Ann Lee".to_owned()),
            email: Some("ann@example.com".to_owned()),
            remote_ip: vec!["192.0.2.7".to_owned()],
            at: "2026-03-03T11:59:00Z".to_owned(),
            ..Actor::default()
        }],
        at: "2026-03-03T12:00:00Z".to_owned(),
        reach: Some("reaches 3 DIDs".to_owned()),
        silences: 2,
        commit: Some("c0ffee".repeat(6)),
        link: Some("https://git.example.com/acme/trail/commit/c0ffee".to_owned()),
    }
}

pub(crate) fn message() -> Message {
    Message {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        org: "7f1c6e6a-0000-4000-8000-00000000000a".to_owned(),
        run: "20260303T120000Z-1".to_owned(),
        route: "soc".to_owned(),
        at: "2026-03-03T12:00:00Z".to_owned(),
        alerts: vec![
            alert(Severity::Critical, AlertPhase::Raised, 1),
            alert(Severity::High, AlertPhase::Reverted, 2),
            alert(Severity::Low, AlertPhase::Approved, 3),
        ],
        groups: Vec::new(),
        more: SeverityCounts::default(),
    }
}

/// Opens the one channel of a configuration file.
pub(crate) fn open(settings: &str, variables: &[(&str, &str)]) -> Box<dyn Channel> {
    let text = format!("[channels.tried]\n{settings}\n");
    let config = Config::parse("orgtrail.toml", &text, &catalogue()).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let secrets = Environment::from_map(variables).channel_secrets(&config.channels).unwrap();
    orgtrail::notify::open(&config.channels[0], &secrets).unwrap()
}

/// Sends payloads one after the other.
pub(crate) fn deliver(channel: &dyn Channel, payloads: &[Payload]) -> Vec<(Answer, Verdict)> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let courier = Courier::new(|| NOW);
    let send = |payload| {
        let answer = runtime.block_on(courier.send(payload));
        let verdict = channel.verdict(&answer);
        (answer, verdict)
    };
    payloads.iter().map(send).collect()
}

/// A receiver that answers everything alike, and keeps what came.
struct Receiver {
    runtime: tokio::runtime::Runtime,
    server: MockServer,
}

impl Receiver {
    fn start(answer: impl Respond + 'static) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(async {
            let server = MockServer::start().await;
            Mock::given(any()).respond_with(answer).mount(&server).await;
            server
        });
        Self { runtime, server }
    }

    fn requests(&self) -> Vec<Request> {
        self.runtime.block_on(self.server.received_requests()).unwrap()
    }
}

/// The settings of a channel of each type that speaks HTTP, and what its receiver says when it took something.
/// A server that says all it was told when it refuses.
struct Repeats(u16);

impl Respond for Repeats {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let (url, body) = (&request.url, String::from_utf8_lossy(&request.body));
        let keys: Vec<&str> = request.headers.values().filter_map(|value| value.to_str().ok()).collect();
        let said = format!("no {} in {url}, {}, {body}", url.path(), keys.join(", "));
        match self.0 {
            500 => ResponseTemplate::new(500).set_body_json(json!({ "message": said })),
            status => ResponseTemplate::new(status).set_body_string(said),
        }
    }
}

fn http_channels(url: &str) -> Vec<(&'static str, String, ResponseTemplate, &'static str)> {
    let ok = |status| ResponseTemplate::new(status);
    let json = |status, body: Json| ResponseTemplate::new(status).set_body_json(body);
    vec![
        ("slack", "type = 'slack'\nurl = '$URL'".to_owned(), ok(200).set_body_string("ok"), "/hook"),
        (
            "slack bot",
            format!("type = 'slack'\ntoken = '$KEY'\nchannel = 'C1'\napi = '{url}/chat'"),
            json(200, json!({ "ok": true })),
            "/chat",
        ),
        ("teams", "type = 'teams'\nurl = '$URL'".to_owned(), ok(202), "/hook"),
        (
            "pagerduty",
            format!("type = 'pagerduty'\nrouting_key = '$KEY'\nurl = '{url}'"),
            json(202, json!({ "status": "success" })),
            "/v2/",
        ),
        ("webhook", "type = 'webhook'\nurl = '$URL'\nsecret = '$SIGN'".to_owned(), ok(204), "/hook"),
        (
            "splunk",
            format!("type = 'splunk'\nurl = '{url}'\ntoken = '$KEY'"),
            json(200, json!({ "text": "Success", "code": 0 })),
            "/services/collector/event",
        ),
        (
            "elastic",
            format!("type = 'elastic'\nurl = '{url}'\napi_key = '$KEY'"),
            json(200, json!({ "errors": false, "items": [] })),
            "/_bulk",
        ),
        ("ocsf", format!("type = 'ocsf'\nurl = '{url}/in'\ntoken = '$KEY'"), ok(200), "/in"),
        ("datadog", format!("type = 'datadog'\nurl = '{url}'\napi_key = '$KEY'"), json(202, json!({})), "/api/v2/logs"),
    ]
}

fn variables(url: &str) -> Vec<(&'static str, String)> {
    vec![
        ("URL", format!("{url}/hook/{CANARY}-{CANARY}?sig={CANARY}")),
        ("KEY", format!("key-{CANARY}")),
        ("SIGN", KEYS[0].to_owned()),
    ]
}

fn open_http(settings: &str, url: &str) -> Box<dyn Channel> {
    let variables = variables(url);
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    open(settings, &variables)
}

#[test]
fn what_is_shown_is_what_arrives_and_keys_go_along_with_it() {
    for (name, _, answer, path) in http_channels("") {
        let receiver = Receiver::start(answer);
        let url = receiver.server.uri();
        let settings = http_channels(&url).into_iter().find(|(known, ..)| *known == name).unwrap().1;
        let channel = open_http(&settings, &url);
        let payloads = channel.payloads(&message());
        for (_, verdict) in deliver(channel.as_ref(), &payloads) {
            assert_eq!(verdict, Verdict::Delivered, "{name}");
        }
        let requests = receiver.requests();
        assert_eq!(requests.len(), payloads.len(), "{name}");
        for (request, payload) in requests.iter().zip(&payloads) {
            assert_eq!(request.method.as_str(), "POST", "{name}");
            assert!(request.url.path().starts_with(path), "{name}: {}", request.url);
            let body = String::from_utf8(request.body.clone()).unwrap();
            let shown = String::from_utf8(payload.body.clone()).unwrap();
            let headers = format!("{:?}", request.headers);
            if name == "pagerduty" {
                assert_eq!(body, shown.replacen('{', &format!("{{\"routing_key\":\"key-{CANARY}\","), 1));
            } else {
                assert_eq!(body, shown, "{name}");
                let has_key = headers.contains(CANARY) || request.url.as_str().contains(CANARY);
                assert!(has_key, "{name}: {headers}");
            }
            assert!(request.headers.contains_key("content-type") && headers.contains("orgtrail/"), "{name}");
        }
    }
}

#[test]
fn a_webhook_is_signed_when_it_is_sent_with_every_key() {
    let receiver = Receiver::start(ResponseTemplate::new(200));
    let url = format!("{}/hook", receiver.server.uri());
    let variables = [("URL", url.as_str()), ("NEW", KEYS[0]), ("OLD", KEYS[1])];
    let channel = open("type = 'webhook'\nurl = '$URL'\nsecret = '$NEW'\nprevious_secret = '$OLD'", &variables);
    let payloads = channel.payloads(&message());
    deliver(channel.as_ref(), &payloads);
    let request = receiver.requests().remove(0);
    let header = |name: &str| request.headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!((header("webhook-id"), header("webhook-timestamp")), (message().id, NOW.to_string()));
    let signed =
        KEYS.map(|key| standardwebhooks::Webhook::new(key).unwrap().sign(&message().id, NOW, &request.body).unwrap());
    assert_eq!(header("webhook-signature"), signed.join(" "));
    let document: Json = serde_json::from_slice(&request.body).unwrap();
    let schema = orgtrail::catalogue::embedded_file("output/alert-message.v1.json").unwrap();
    assert!(jsonschema::is_valid(&serde_json::from_str(schema).unwrap(), &document));
}

#[test]
fn a_redirect_is_not_followed_and_a_wait_that_is_asked_for_is_passed_on() {
    let elsewhere = Receiver::start(ResponseTemplate::new(200));
    let away = ResponseTemplate::new(307).insert_header("location", elsewhere.server.uri().as_str());
    let receiver = Receiver::start(away);
    let channel = open_http("type = 'teams'\nurl = '$URL'", &receiver.server.uri());
    let told = deliver(channel.as_ref(), &channel.payloads(&message()));
    assert!(matches!(told[0].1, Verdict::Retry { .. }));
    assert!(elsewhere.requests().is_empty());

    let busy = Receiver::start(ResponseTemplate::new(429).insert_header("retry-after", "17"));
    let channel = open_http("type = 'teams'\nurl = '$URL'", &busy.server.uri());
    let told = deliver(channel.as_ref(), &channel.payloads(&message()));
    let expected = Verdict::Retry { reason: "429 Too Many Requests".to_owned(), after: Some(Duration::from_secs(17)) };
    assert_eq!(told[0].1, expected);
}

#[test]
fn nothing_that_goes_wrong_tells_a_secret() {
    let receivers = [Receiver::start(Repeats(403)), Receiver::start(Repeats(500))];
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut urls: Vec<String> = receivers.iter().map(|receiver| receiver.server.uri()).collect();
    urls.push(format!("http://{closed}"));
    // A server that speaks no TLS where TLS is expected.
    urls.push(receivers[0].server.uri().replace("http://", "https://"));
    for url in &urls {
        for (name, settings, ..) in http_channels(url) {
            let channel = open_http(&settings, url);
            for told in deliver(channel.as_ref(), &channel.payloads(&message())[..1]) {
                let told = format!("{told:?}");
                assert!(!told.contains(CANARY), "{name} {url}: {told}");
                assert!(!told.contains(KEYS[0]), "{name} {url}: {told}");
                assert!(!told.contains("Delivered"), "{name} {url}: {told}");
            }
        }
    }
    let channel = open_http("type = 'teams'\nurl = '$URL'", &urls[3]);
    let told = deliver(channel.as_ref(), &channel.payloads(&message()));
    assert!(matches!(told[0].1, Verdict::Retry { .. }), "what TLS objects to may be over tomorrow: {told:?}");
}

#[test]
fn an_answer_without_an_end_is_read_as_far_as_it_is_of_use() {
    let endless = Receiver::start(ResponseTemplate::new(400).set_body_string("x".repeat(8 << 20)));
    let channel = open_http("type = 'teams'\nurl = '$URL'", &endless.server.uri());
    let told = deliver(channel.as_ref(), &channel.payloads(&message()));
    let (Answer::Http { body, .. }, Verdict::Refused { reason }) = &told[0] else { panic!("{:?}", told[0].1) };
    assert_eq!(body.len(), 1 << 20);
    assert!(reason.chars().count() <= 300 && reason.ends_with(" more characters"), "{reason}");
}

#[test]
fn a_syslog_daemon_gets_a_frame_over_tcp_and_a_datagram_over_udp() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let settings =
        |protocol: &str, port: u16| format!("type = 'cef'\nhost = '127.0.0.1'\nprotocol = '{protocol}'\nport = {port}");
    let tcp = open(&settings("tcp", listener.local_addr().unwrap().port()), &[]);
    let expected = tcp.payloads(&message());
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    });
    assert_eq!(deliver(tcp.as_ref(), &expected[..1])[0].1, Verdict::Delivered);
    let line = String::from_utf8(expected[0].body.clone()).unwrap();
    assert_eq!(heard.join().unwrap(), format!("{} {line}", line.len()));

    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let udp = open(&settings("udp", socket.local_addr().unwrap().port()), &[]);
    let expected = udp.payloads(&message());
    assert_eq!(deliver(udp.as_ref(), &expected[..1])[0].1, Verdict::Delivered);
    let mut datagram = [0; 4096];
    let length = socket.recv(&mut datagram).unwrap();
    assert_eq!(&datagram[..length], &expected[0].body[..]);

    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = open(&settings("tcp", closed), &[]);
    let payloads = nobody.payloads(&message());
    assert!(matches!(deliver(nobody.as_ref(), &payloads[..1])[0].1, Verdict::Retry { .. }));
}

/// A mail server that answers each command as told, else that it is well, until the connection ends.
fn mail_server(answers: &'static [(&'static str, &'static str)]) -> (u16, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"220 ready\r\n").unwrap();
        let mut lines = Vec::new();
        for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
            let answer = answers.iter().find(|(command, _)| line.starts_with(command)).map(|(_, answer)| *answer);
            let is_data = lines.iter().any(|line: &String| line == "DATA") && !lines.iter().any(|line| line == ".");
            lines.push(line.clone());
            let default = match line.as_str() {
                "DATA" => Some("354 go on"),
                _ if is_data && line != "." => None,
                _ => Some("250 well"),
            };
            if let Some(answer) = answer.or(default)
                && stream.write_all(format!("{answer}\r\n").as_bytes()).is_err()
            {
                break;
            }
        }
        lines
    });
    (port, heard)
}

fn mail_channel(port: u16) -> Box<dyn Channel> {
    let settings = format!(
        "type = 'email'\nhost = '127.0.0.1'\nport = {port}\ntls = 'none'\nfrom = 'trail@example.com'\nto = ['soc@example.com']"
    );
    open(&settings, &[])
}

#[test]
fn a_mail_goes_to_its_receivers_and_a_refusal_is_told() {
    let (port, heard) = mail_server(&[]);
    let channel = mail_channel(port);
    let payloads = channel.payloads(&message());
    assert_eq!(deliver(channel.as_ref(), &payloads)[0].1, Verdict::Delivered);
    let heard = heard.join().unwrap();
    assert!(heard.iter().any(|line| line.starts_with("RCPT TO:<soc@example.com>")), "{heard:?}");
    assert!(heard.iter().any(|line| line == &format!("Message-ID: <{}@example.com>", message().id)), "{heard:?}");

    let (port, heard) = mail_server(&[("MAIL", "451 later"), ("QUIT", "221 bye")]);
    let channel = mail_channel(port);
    let Verdict::Retry { reason, .. } = &deliver(channel.as_ref(), &payloads_to(channel.as_ref()))[0].1 else {
        panic!("a failure that passes was not seen as one")
    };
    assert!(reason.starts_with("451 "), "{reason}");
    drop(heard);
    let (port, _heard) = mail_server(&[("RCPT", "550 nobody here"), ("QUIT", "221 bye")]);
    let channel = mail_channel(port);
    assert!(matches!(deliver(channel.as_ref(), &payloads_to(channel.as_ref()))[0].1, Verdict::Refused { .. }));
}

fn payloads_to(channel: &dyn Channel) -> Vec<Payload> {
    channel.payloads(&message())
}
