//! `orgtrail watch`: what happens is captured soon, together and by whom, and whatever goes wrong leaves the schedule.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use orgtrail::model::EntityKey;
use orgtrail::session::{Exit, Source};
use orgtrail::sim::{AuditFaults, Effect, Fault, Late, Repeat, Scale, When};
use orgtrail::watch::Trigger;

use crate::fixtures::catalogue;
use crate::harness::{Org, TestTrail, id, is_core, process};
use crate::watched::{Told, Watched};

const FLOW: &str = "domain = \"architect.flows\"\nentity = \"Main Menu\"\nset = { \"/description\" = \"Another\" }";
const SKILL: &str = "domain = \"routing.skills\"\nentity = \"Billing\"\nset = { \"/name\" = \"Invoices\" }";

#[test]
fn a_burst_of_edits_by_several_people_is_one_snapshot_with_the_right_authors() {
    let mut watched = Watched::settled();
    let before = watched.trail.commits();
    let people = [
        ("Lotte Pereira", "routing.queues", "Sales Inbound"),
        ("Ines Olsen", "architect.flows", "Main Menu"),
        ("Olga Quist", "routing.queues", "Complaints"),
    ];
    for number in 0..50 {
        let (by, domain, name) = people[number % people.len()];
        let edit =
            format!("domain = \"{domain}\"\nentity = \"{name}\"\nset = {{ \"/description\" = \"Text {number}\" }}");
        watched.act(by, &edit);
    }
    watched.heard();
    watched.clock.advance(20);
    assert_eq!(watched.run(Trigger::Event), ("changed", 3));
    // The audit log tells of the same, a minute later; that is no reason for another run.
    watched.clock.advance(60);
    watched.until(&Told::Polled(true));
    watched.clock.advance(900);
    assert_eq!(watched.run(Trigger::Schedule), ("unchanged", 0));
    watched.end().unwrap();

    assert_eq!(watched.trail.commits() - before, 3);
    let authors = watched.trail.git(&["log", "-3", "--format=%an"]);
    let authors: BTreeSet<&str> = authors.lines().collect();
    assert_eq!(authors, people.iter().map(|(by, _, _)| *by).collect());
    // All runs and questions had one token, and the channel was given up.
    let requests = watched.org.running.requests();
    assert_eq!(requests.iter().filter(|request| request.path == "/oauth/token").count(), 1);
    assert!(requests.iter().any(|request| request.method == "DELETE" && request.path.ends_with("/subscriptions")));
}

#[test]
fn what_a_topic_tells_of_is_read_although_its_audit_record_is_late() {
    let mut watched = Watched::settled();
    watched.org.running.world(|world| {
        world.audits_mut().faults = AuditFaults { late: Some(Late::UntilReleased), ..AuditFaults::default() };
    });
    let member = watched.org.running.world(|world| {
        let queue = world.find(&id("routing.queues"), "Sales Inbound").unwrap().clone();
        let is_of_queue = |key: &&EntityKey| key.as_str().starts_with(queue.as_str());
        world.keys(&id("routing.queue-members")).find(is_of_queue).unwrap().clone()
    });
    watched.act("Ines Olsen", FLOW);
    watched.act("Ines Olsen", &format!("domain = \"routing.queue-members\"\nentity = \"{member}\"\nremove = true"));
    watched.heard();
    watched.clock.advance(20);
    assert_eq!(watched.run(Trigger::Event).0, "changed");
    watched.end().unwrap();
    let changed = watched.trail.git(&["show", "--format=", "--name-only", "HEAD", "--", "snapshot"]);
    for file in ["snapshot/architect/flows.json", "snapshot/routing/queue-members.json"] {
        assert!(changed.contains(file), "{changed}");
    }
}

#[test]
fn what_has_no_topic_is_noticed_by_asking_the_audit_log() {
    let mut watched = Watched::settled();
    watched.act("Ines Olsen", SKILL);
    watched.clock.advance(60);
    watched.events(Source::Audit, 1);
    watched.clock.advance(20);
    assert_eq!(watched.run(Trigger::Event), ("changed", 1));
    let runs: Vec<u64> = watched
        .all
        .iter()
        .filter_map(|told| if let Told::Ran { requests, .. } = told { Some(*requests) } else { None })
        .collect();
    assert!(runs[1] < runs[0], "a run for events is targeted: {runs:?}");
    watched.end().unwrap();
}

#[test]
fn what_is_new_is_listened_to_from_the_next_run_on() {
    let mut watched = Watched::settled();
    watched.act("Ines Olsen", "domain = \"routing.queues\"\nadd = { name = \"New Queue\" }");
    watched.clock.advance(60);
    watched.events(Source::Audit, 1);
    watched.clock.advance(20);
    assert_eq!(watched.run(Trigger::Event).0, "changed");
    watched.until(&Told::Connected(true));
    watched
        .act("Ines Olsen", "domain = \"routing.queues\"\nentity = \"New Queue\"\nset = { \"/description\" = \"New\" }");
    watched.heard();
    watched.clock.advance(60);
    assert_eq!(watched.run(Trigger::Event), ("changed", 1));
    watched.end().unwrap();
}

#[test]
fn a_socket_that_breaks_or_falls_silent_is_replaced_and_nothing_is_missed() {
    let mut watched = Watched::settled();
    watched.org.running.notifications().drop_sockets();
    watched.until(&Told::Connected(false));
    watched.until(&Told::Connected(true));
    watched.act("Ines Olsen", FLOW);
    watched.heard();
    watched.clock.advance(20);
    assert_eq!(watched.run(Trigger::Event), ("changed", 1));

    watched.org.running.notifications().go_silent(true);
    watched.act("Ines Olsen", &FLOW.replace("Another", "A third"));
    watched.clock.advance(90);
    watched.events(Source::Audit, 1);
    watched.clock.advance(20);
    assert_eq!(watched.run(Trigger::Event), ("changed", 1));
    while watched.all.iter().filter(|told| **told == Told::Connected(false)).count() < 2 {
        watched.wait(|_| true);
    }
    assert_eq!(watched.warnings(""), 0, "{:#?}", watched.all);
    watched.end().unwrap();
}

#[test]
fn topics_that_are_refused_are_said_once_and_captured_all_the_same() {
    let mut watched = Watched::begin_with(|org, _| org.running.notifications().refuse("v2.flows.*"));
    watched.run(Trigger::Schedule);
    watched.until(&Told::Connected(true));
    watched.act("Ines Olsen", FLOW);
    watched.clock.advance(60);
    watched.events(Source::Audit, 1);
    watched.clock.advance(20);
    assert_eq!(watched.run(Trigger::Event), ("changed", 1));
    watched.org.running.notifications().drop_sockets();
    watched.until(&Told::Connected(true));
    let refused =
        |told: &&Told| matches!(told, Told::Note(text) if text.contains("refused for want of architect:flow"));
    assert_eq!(watched.all.iter().filter(refused).count(), 1, "{:#?}", watched.all);
    watched.end().unwrap();
}

#[test]
fn without_audits_and_notifications_the_schedule_is_kept() {
    let mut watched = Watched::begin_with(|org, _| {
        for path in ["/api/v2/audits/*", "/api/v2/notifications/*"] {
            let when = When::Path(path.to_owned());
            org.running.fault(Fault { when, effect: Effect::Forbidden, repeat: Repeat::Sticky });
        }
    });
    watched.run(Trigger::Schedule);
    for text in ["Invoices", "Bills", "Dues"] {
        watched.act("Ines Olsen", &SKILL.replace("Invoices", text).replace("\"Billing\"", "0"));
        watched.clock.advance(900);
        assert_eq!(watched.run(Trigger::Schedule), ("changed", 1));
    }
    for word in ["no notifications come", "the audit log may not be read"] {
        while watched.warnings(word) == 0 {
            watched.wait(|_| true);
        }
        assert_eq!(watched.warnings(word), 1, "{:#?}", watched.all);
    }
    watched.end().unwrap();
}

#[test]
fn a_run_that_fails_is_tried_again() {
    let fault = |org: &Org| {
        let when = When::Path("/api/v2/organizations/me".to_owned());
        org.running.fault(Fault { when, effect: Effect::Forbidden, repeat: Repeat::Sticky });
    };
    let mut watched = Watched::begin_with(|org, _| fault(org));
    for wait in [30, 60, 120] {
        let ran = watched.wait(|told| matches!(told, Told::Ran { .. }));
        assert!(matches!(ran, Told::Ran { outcome: "failed", wait: Some(told), .. } if told == wait), "{ran:?}");
        if wait == 120 {
            watched.org.running.clear_faults();
        }
        watched.clock.advance(wait);
    }
    assert_eq!(watched.run(Trigger::Schedule).0, "changed");
    watched.until(&Told::Connected(true));

    // What an event asked for is not forgotten over a failure.
    fault(&watched.org);
    watched.act("Ines Olsen", FLOW);
    watched.heard();
    watched.clock.advance(20);
    assert_eq!(watched.run(Trigger::Event).0, "failed");
    watched.org.running.clear_faults();
    watched.clock.advance(30);
    assert_eq!(watched.run(Trigger::Event), ("changed", 1));
    watched.end().unwrap();
}

#[test]
fn a_trail_that_another_run_holds_is_waited_for() {
    let mut watched = Watched::settled();
    let lock = watched.trail.workspace.trail.lock().unwrap();
    watched.act("Ines Olsen", FLOW);
    watched.heard();
    watched.clock.advance(20);
    assert_eq!(watched.run(Trigger::Event).0, "busy");
    drop(lock);
    watched.clock.advance(30);
    assert_eq!(watched.run(Trigger::Event), ("changed", 1));
    watched.end().unwrap();
}

#[test]
fn settings_that_cannot_be_read_end_it() {
    let mut watched = Watched::settled();
    std::fs::write(watched.trail.path().join("orgtrail.toml"), "[capture]\ntier = \"no\"\n").unwrap();
    watched.clock.advance(900);
    let failure = watched.thread.take().unwrap().join().unwrap().unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
}

/// A process that watches, and what it says.
struct Process {
    child: Child,
    said: BufReader<std::process::ChildStderr>,
    lines: Vec<String>,
}

impl Process {
    fn begin(org: &Org, trail: &TestTrail, arguments: &[&str]) -> Self {
        let mut command = process(trail.path(), &org.environment());
        command.args(["watch"]).args(arguments);
        for domain in catalogue().names().filter(|domain| is_core(domain)) {
            command.args(["--only", domain.as_str()]);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        Self { child, said, lines: Vec::new() }
    }

    /// Waits for a line on stderr.
    #[track_caller]
    fn line(&mut self, part: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.said.read_line(&mut line).unwrap() > 0, "{part:?} is not said: {:#?}", self.lines);
            self.lines.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
    }

    fn signal(&self, name: &str) {
        let told = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
    }

    /// Waits for the end; answers the code and what came on stdout.
    fn ended(mut self) -> (Option<i32>, String) {
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        let status = self.child.wait().unwrap();
        (status.code(), out)
    }
}

fn assert_clean(trail: &TestTrail) {
    trail.git(&["fsck", "--strict", "--no-dangling"]);
    assert_eq!(trail.git(&["status", "--porcelain"]), "");
}

#[test]
#[cfg(unix)]
fn a_signal_during_a_snapshot_leaves_a_clean_trail_and_no_failure() {
    let org = Org::start(Scale::Medium, 41);
    for signal in ["TERM", "INT"] {
        let trail = TestTrail::new();
        let before = (trail.commits(), org.running.served());
        let mut watching = Process::begin(&org, &trail, &[]);
        while org.running.served() < before.1 + 40 && watching.child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        watching.signal(signal);
        let (code, out) = watching.ended();
        assert_eq!((code, out.as_str()), (Some(0), ""), "{signal}");
        assert_eq!(trail.commits(), before.0);
        assert_clean(&trail);
        // The lock is free.
        drop(trail.workspace.trail.lock().unwrap());
    }
}

/// The samples of a text in the format of Prometheus, each with its labels; the text has to be in that format.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let (mut samples, mut told) = (BTreeMap::new(), BTreeSet::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let words: Vec<&str> = rest.splitn(3, ' ').collect();
            match words.as_slice() {
                ["HELP" | "UNIT", _, text] => assert!(!text.is_empty(), "{line}"),
                ["TYPE", name, kind] => {
                    assert!(matches!(*kind, "counter" | "gauge"), "{line}");
                    told.insert((*name).to_owned());
                }
                ["EOF"] => {}
                _ => panic!("{line}"),
            }
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        let base = name.split('{').next().unwrap();
        assert!(told.contains(base.strip_suffix("_total").unwrap_or(base)), "{line} has no type");
        if let Some((_, labels)) = name.split_once('{') {
            for label in labels.strip_suffix('}').unwrap().split(',') {
                let (_, value) = label.split_once('=').unwrap();
                assert!(value.len() > 2 && value.starts_with('"') && value.ends_with('"'), "{line}");
            }
        }
        samples.insert(name.to_owned(), value.parse().unwrap());
    }
    assert!(text.ends_with("# EOF\n"));
    samples
}

#[test]
#[cfg(unix)]
fn the_binary_tells_each_run_and_serves_metrics() {
    let (org, trail) = (Org::start(Scale::Small, 42), TestTrail::new());
    let arguments = ["--format", "json", "--log-format", "json", "--metrics", "127.0.0.1:0"];
    let mut watching = Process::begin(&org, &trail, &arguments);
    let address = watching.line("/metrics");
    let address = address.split("http://").nth(1).unwrap().split("/metrics").next().unwrap().to_owned();
    let line: serde_json::Value = serde_json::from_str(&watching.line("\"trigger\"")).unwrap();
    assert_eq!((line["trigger"].as_str(), line["outcome"].as_str()), (Some("schedule"), Some("complete")));

    let mut stream = TcpStream::connect(&address).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("openmetrics-text"), "{head}");
    let samples = samples(text);
    let counted = |name: &str, count: f64| assert!((samples[name] - count).abs() < 0.5, "{name}: {}", samples[name]);
    counted("orgtrail_runs_total{outcome=\"complete\",trigger=\"schedule\"}", 1.0);
    counted("orgtrail_changes_total{severity=\"critical\"}", 0.0);
    counted("orgtrail_requests_total", line["requests"].as_f64().unwrap());
    assert!(samples["orgtrail_last_success_timestamp_seconds"] > 1.7e9);
    assert!(samples.contains_key("orgtrail_last_run_duration_seconds"));
    assert!(samples["orgtrail_audit_watermark_age_seconds"].is_nan());
    assert!(samples.contains_key("orgtrail_reconnects_total") && samples.contains_key("orgtrail_socket_connected"));

    watching.signal("TERM");
    let (code, out) = watching.ended();
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = out.lines().collect();
    let [document] = lines.as_slice() else { panic!("{out}") };
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    assert_eq!(document["run"], line["run"]);
    assert_clean(&trail);
}

#[test]
fn metrics_are_for_this_machine_only_and_times_are_above_zero() {
    let (org, trail) = (Org::small(), TestTrail::new());
    for (arguments, said) in [
        (["--metrics", "0.0.0.0:9464"], "loopback"),
        (["--metrics", "9464"], "127.0.0.1:9464"),
        (["--every", "0s"], "above zero"),
        (["--poll", "soon"], "such as 60s"),
    ] {
        let output = process(trail.path(), &org.environment()).arg("watch").args(arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(said), "{error}");
    }
    assert_eq!(org.running.served(), 0);
}
