//! What flows did: questions, records, faults, interruptions, receivers, by a simulated organisation whose flows run as time goes by.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use orgtrail::alert::Message;
use orgtrail::execution::{Criteria, Window};
use orgtrail::flowlog::{FileStore, Form, Journal, NoStore, Store};
use orgtrail::genesys::{Clock, InstantClock};
use orgtrail::notify::{Answer, Channel, ChannelKind, Courier, HttpTransport, Payload, Record, Transport, Verdict};
use orgtrail::session::{
    Brought, Clear, Failure, FlowLogTask, FlowLogTools, FlowLogs, Receiver, Unobserved, Wish, explain, flow_key,
};
use orgtrail::sim::{Crowd, Effect, Episode, Fault, RateHeaders, Repeat, When};
use serde_json::Value as Json;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::harness::{Org, TestTrail, id, morning, orgtrail};

const QUERY: &str = "/api/v2/flows/instances/query";

/// The present of the simulated organisation.
fn noon() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

/// An organisation in which so many runs begin in a minute.
fn busy(per_minute: usize) -> Org {
    let org = Org::small();
    org.running.world(|world| {
        world.executions_mut().present = Some(noon());
        world.executions_mut().per_minute = Some(per_minute);
    });
    org
}

fn last(length: TimeDelta) -> Window {
    Window { from: noon() - length, to: noon() }
}

/// A question and where its records go.
struct Asking {
    task: FlowLogTask,
    form: Form,
    file: PathBuf,
    journal: Option<PathBuf>,
}

impl Asking {
    fn new(trail: &TestTrail, window: Window, wish: Wish) -> Self {
        let file = trail.path().with_extension("records.jsonl");
        let destination = file.display().to_string();
        let task = FlowLogTask { criteria: Criteria::default(), window, wish, clear: Clear::Mask, destination };
        Self { task, form: Form::Plain, file, journal: None }
    }

    fn run(&self, trail: &TestTrail, org: &Org) -> Result<Brought, Failure> {
        self.run_with(trail, org, Vec::new(), &mut FileStore::file(self.file.clone(), self.form))
    }

    fn run_with(
        &self,
        trail: &TestTrail,
        org: &Org,
        receivers: Vec<Receiver>,
        store: &mut dyn Store,
    ) -> Result<Brought, Failure> {
        let mut tools = tools();
        tools.receivers = receivers;
        if let Some(path) = &self.journal {
            tools.journal = Journal::open(path).unwrap();
        }
        org.block_on(async {
            let connection = trail.connection(org);
            let mut logs = FlowLogs::open(&trail.workspace, connection, self.task.clone(), tools, &Unobserved).await?;
            logs.retrieve(store, &Unobserved).await?;
            logs.finish(&Unobserved)
        })
    }

    fn text(&self) -> String {
        let bytes = std::fs::read(&self.file).unwrap();
        let bytes = if self.form == Form::Zstd { zstd::decode_all(bytes.as_slice()).unwrap() } else { bytes };
        String::from_utf8(bytes).unwrap()
    }

    fn ids(&self) -> Vec<String> {
        ids_in(&self.text())
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

fn tools() -> FlowLogTools {
    FlowLogTools {
        clock: Arc::new(InstantClock::new()),
        present: Arc::new(noon),
        journal: Journal::default(),
        receivers: Vec::new(),
        courier: Courier::new(|| noon().timestamp()),
    }
}

fn ids_in(text: &str) -> Vec<String> {
    let id = |line: &str| serde_json::from_str::<Json>(line).unwrap()["id"].as_str().unwrap().to_owned();
    text.lines().map(id).collect()
}

fn expected(org: &Org, window: Window) -> Vec<String> {
    org.running.world(|world| world.runs_between(window.from, window.to))
}

fn rules(brought: &Brought) -> BTreeSet<&str> {
    brought.findings.findings.iter().map(|finding| finding.rule.as_str()).collect()
}

#[test]
fn a_hundred_thousand_runs_with_bursts_are_each_told_once_and_in_order() {
    let (org, trail) = (busy(260), TestTrail::new());
    let asking = Asking::new(&trail, last(TimeDelta::hours(6)), Wish::Index);
    let brought = asking.run(&trail, &org).unwrap();
    let expected = expected(&org, asking.task.window);
    assert!(expected.len() > 100_000, "{}", expected.len());
    assert!(asking.ids() == expected);
    assert_eq!((brought.records, brought.exits.code()), (expected.len() as u64, 0));
    let queries = org.running.requests().iter().filter(|request| request.path == QUERY).count();
    // Fewer could not bring them: an answer has 200.
    assert!(queries < expected.len() / 200 * 3, "{queries}");
}

#[test]
fn a_record_has_its_data_and_what_stood_in_clear_is_masked_and_told() {
    let (org, trail) = (busy(20), TestTrail::new());
    let mut asking = Asking::new(&trail, last(TimeDelta::minutes(40)), Wish::Data);
    let journal = trail.path().with_extension("journal");
    asking.journal = Some(journal.clone());
    let brought = asking.run(&trail, &org).unwrap();
    let text = asking.text();
    assert_eq!(ids_in(&text), expected(&org, asking.task.window));
    assert_eq!(rules(&brought), BTreeSet::from(["execution-data-unmasked"]));
    for clear in ["@example.com", "4111 1111", "+44 20"] {
        assert!(!text.contains(clear), "{clear}");
    }
    assert!(
        text.contains("[masked: mail address]")
            && text.lines().all(|line| line.contains("\"data_status\":\"complete\""))
    );
    let told = std::fs::read_to_string(&journal).unwrap();
    std::fs::remove_file(&journal).unwrap();
    assert!(!told.contains("Signature") && !told.contains("http"));
    let of_requests = schema("flow-log-request.v1.json");
    let lines: Vec<Json> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |request: &str| lines.iter().filter(|line| line["request"] == request).count();
    assert_eq!((of("download"), of("run"), of("capabilities")), (asking.ids().len(), 1, 1));
    assert!(lines.iter().all(|line| of_requests.is_valid(line)));
    let of_records = schema("flow-execution.v1.json");
    for line in text.lines() {
        let problems: Vec<String> =
            of_records.iter_errors(&serde_json::from_str(line).unwrap()).map(|error| error.to_string()).collect();
        assert_eq!(problems, Vec::<String>::new());
    }
    let kept = Asking {
        task: FlowLogTask { clear: Clear::Keep, ..asking.task.clone() },
        form: Form::Plain,
        file: asking.file.with_extension("clear"),
        journal: None,
    };
    let told = kept.run(&trail, &org).unwrap();
    assert!(kept.text().contains("@example.com"));
    assert_eq!(told.findings, brought.findings);
}

fn schema(name: &str) -> jsonschema::Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/output").join(name);
    jsonschema::validator_for(&serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()).unwrap()
}

#[test]
fn whatever_goes_wrong_the_records_are_the_same_in_the_end() {
    let (org, trail) = (busy(6), TestTrail::new());
    let window = last(TimeDelta::minutes(12));
    let reference = Asking::new(&trail, window, Wish::Data);
    reference.run(&trail, &org).unwrap();
    let whole = reference.text();
    assert_eq!(ids_in(&whole), expected(&org, window));
    let limited = |rate_headers| Effect::TooManyRequests { retry_after: Some(2), rate_headers };
    let effects = [
        Effect::Unauthorised,
        Effect::Forbidden,
        Effect::NotFound,
        Effect::Gone,
        limited(RateHeaders::UsedUp),
        limited(RateHeaders::Missing),
        Effect::InternalError,
        Effect::Unavailable,
        Effect::Reset,
        Effect::TruncatedJson,
        Effect::Html,
    ];
    for (number, effect) in effects.into_iter().enumerate() {
        for path in [QUERY, "/api/v2/flows/instances/jobs", "/api/v2/flows/instances/jobs/*", "/execution-data/*"] {
            let mut asking = Asking::new(&trail, window, Wish::Data);
            asking.task.destination = format!("{number} {path}");
            asking.file = asking.file.with_extension(format!("{number}"));
            org.running.fault(Fault { when: When::Path(path.to_owned()), effect, repeat: Repeat::Once });
            // What cannot be tried again within the run is by the next one.
            if asking.run(&trail, &org).is_err() {
                asking.run(&trail, &org).unwrap();
            }
            org.running.clear_faults();
            assert!(asking.text() == whole, "{effect:?} {path}");
        }
    }
}

#[test]
fn a_run_that_is_interrupted_anywhere_and_goes_on_equals_one_that_was_not() {
    let (org, trail) = (busy(30), TestTrail::new());
    let window = last(TimeDelta::minutes(30));
    let reference = Asking::new(&trail, window, Wish::Data);
    let brought = reference.run(&trail, &org).unwrap();
    let requests = org.running.served();
    for (number, form) in [Form::Plain, Form::Zstd, Form::Plain, Form::Zstd, Form::Plain].into_iter().enumerate() {
        let mut asking = Asking::new(&trail, window, Wish::Data);
        asking.form = form;
        asking.task.destination = format!("{number}");
        asking.file = asking.file.with_extension(format!("{number}"));
        let mut runs = 0;
        let told = loop {
            runs += 1;
            // The first five runs get no further than some requests each.
            if runs <= 5 {
                let at = org.running.served() + requests / 7 + 3 * number as u64;
                org.running.fault(Fault { when: When::Request(at), effect: Effect::Reset, repeat: Repeat::Sticky });
            }
            let outcome = asking.run(&trail, &org);
            org.running.clear_faults();
            match outcome {
                Ok(told) => break told,
                Err(failure) => assert_eq!(failure.exit.code(), 5, "{}", failure.message),
            }
            // What a killed process leaves behind its checkpoint.
            if asking.file.exists() {
                let mut text = std::fs::read(&asking.file).unwrap();
                text.extend_from_slice(b"{\"half\": ");
                std::fs::write(&asking.file, text).unwrap();
            }
        };
        assert!(runs > 3, "{runs}");
        assert!(asking.text() == reference.text());
        assert_eq!((told.findings, told.records), (brought.findings.clone(), brought.records));
    }
}

#[test]
fn a_run_over_another_window_does_not_forget_the_one_that_was_interrupted() {
    let (org, trail) = (busy(30), TestTrail::new());
    let asking = Asking::new(&trail, last(TimeDelta::minutes(30)), Wish::Data);
    let at = org.running.served() + 200;
    org.running.fault(Fault { when: When::Request(at), effect: Effect::Reset, repeat: Repeat::Sticky });
    assert!(asking.run(&trail, &org).is_err());
    org.running.clear_faults();
    let mut other = Asking::new(&trail, last(TimeDelta::minutes(20)), Wish::Data);
    other.file.clone_from(&asking.file);
    let failure = other.run(&trail, &org).err().unwrap();
    assert_eq!(failure.exit.code(), 2);
    assert!(failure.hint.unwrap().contains("--resume"));
    let mut store = FileStore::file(asking.file.clone(), Form::Plain);
    org.block_on(async {
        let connection = trail.connection(&org);
        let mut logs = FlowLogs::open(&trail.workspace, connection, other.task.clone(), tools(), &Unobserved).await?;
        logs.resume()?;
        logs.retrieve(&mut store, &Unobserved).await
    })
    .unwrap();
    assert_eq!(asking.ids(), expected(&org, asking.task.window));
}

#[test]
fn more_at_one_instant_than_a_query_tells_is_said_and_the_rest_is_whole() {
    let (org, trail) = (busy(10), TestTrail::new());
    let at = noon() - TimeDelta::minutes(7);
    org.running.world(|world| world.executions_mut().crowds.push(Crowd { at, count: 450 }));
    let asking = Asking::new(&trail, last(TimeDelta::minutes(20)), Wish::Index);
    let brought = asking.run(&trail, &org).unwrap();
    assert_eq!(brought.exits.code(), 4);
    assert_eq!(rules(&brought), BTreeSet::from(["execution-window-incomplete"]));
    let (told, all) = (asking.ids(), expected(&org, asking.task.window));
    let missing = all.iter().filter(|id| !told.contains(id)).count();
    assert_eq!(told.len() + missing, all.len());
    assert!((200..=270).contains(&missing), "{missing}");
}

#[test]
fn jobs_that_fail_and_signatures_that_expire_are_asked_for_again_and_what_is_gone_is_told() {
    let (org, trail) = (busy(20), TestTrail::new());
    org.running.world(|world| {
        let faults = &mut world.executions_mut().faults;
        (faults.failing_jobs, faults.failing_records, faults.expired_signatures, faults.polls) = (1, 5, 5, 3);
    });
    let mut asking = Asking::new(&trail, last(TimeDelta::minutes(10)), Wish::Data);
    let brought = asking.run(&trail, &org).unwrap();
    assert_eq!(brought.exits.code(), 0);
    assert_eq!(asking.ids(), expected(&org, asking.task.window));
    org.running.world(|world| world.executions_mut().faults.gone = 0.1);
    asking.task.destination = "gone".to_owned();
    std::fs::remove_file(&asking.file).unwrap();
    let brought = asking.run(&trail, &org).unwrap();
    assert_eq!(brought.exits.code(), 4);
    assert!(rules(&brought).contains("execution-data-missing"));
    assert_eq!(asking.ids(), expected(&org, asking.task.window));
    let missing = asking.text().lines().filter(|line| line.contains("\"data_status\":\"missing\"")).count();
    assert!(missing > 0);
}

/// A receiver that keeps records, on this machine.
struct Keeper {
    url: String,
}

impl Channel for Keeper {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Siem
    }

    fn payloads(&self, _: &Message) -> Vec<Payload> {
        Vec::new()
    }

    fn payloads_of_records(&self, records: &[Record]) -> Option<Vec<Payload>> {
        let payload = |records: &[Record]| Payload {
            covers: records.iter().map(|record| record.id.clone()).collect(),
            transport: Transport::Http(HttpTransport {
                method: "POST",
                url: self.url.clone().into(),
                headers: Vec::new(),
                secret_headers: Vec::new(),
                secret_members: Vec::new(),
                signature: None,
                ca_file: None,
            }),
            body: serde_json::to_vec(&records.iter().map(|record| record.id.clone()).collect::<Vec<_>>()).unwrap(),
        };
        Some(records.chunks(40).map(payload).collect())
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        match answer {
            Answer::Http { status: 200, .. } => Verdict::Delivered,
            other => Verdict::Retry { reason: format!("{other:?}"), after: None },
        }
    }
}

#[test]
fn a_receiver_that_is_down_for_a_while_gets_everything_once() {
    let (org, trail) = (busy(40), TestTrail::new());
    let taken: Arc<Mutex<Vec<String>>> = Arc::default();
    let asked = Arc::new(Mutex::new(0));
    let server = org.block_on(MockServer::start());
    let (kept, count) = (Arc::clone(&taken), Arc::clone(&asked));
    // Up for two payloads, then down until the second run has begun.
    let answer = move |request: &Request| {
        let mut count = count.lock().unwrap();
        *count += 1;
        if (3..=5).contains(&*count) {
            return ResponseTemplate::new(503);
        }
        kept.lock().unwrap().extend(serde_json::from_slice::<Vec<String>>(&request.body).unwrap());
        ResponseTemplate::new(200)
    };
    org.block_on(Mock::given(method("POST")).respond_with(answer).mount(&server));
    let receivers = || {
        vec![Receiver { name: "soc".to_owned(), channel: Box::new(Keeper { url: server.uri() }) as Box<dyn Channel> }]
    };
    let asking = Asking::new(&trail, last(TimeDelta::minutes(10)), Wish::Index);
    // The retries within the first run find it down; the end of the run tries once more and finds it up.
    let brought = asking.run_with(&trail, &org, receivers(), &mut NoStore).unwrap();
    assert_eq!(brought.exits.code(), 0);
    let all = expected(&org, asking.task.window);
    let once = |taken: &[String]| (taken.len(), taken.iter().collect::<BTreeSet<_>>().len());
    assert_eq!(once(&taken.lock().unwrap()), (all.len(), all.len()));

    // Down for the whole of another run, the next one brings all of it.
    taken.lock().unwrap().clear();
    let earlier = Window { from: noon() - TimeDelta::minutes(30), to: noon() - TimeDelta::minutes(20) };
    let asking = Asking {
        task: FlowLogTask { window: earlier, ..asking.task.clone() },
        form: Form::Plain,
        file: PathBuf::from("none"),
        journal: None,
    };
    let nobody = || {
        vec![Receiver {
            name: "soc".to_owned(),
            channel: Box::new(Keeper { url: "http://127.0.0.1:9".to_owned() }) as Box<dyn Channel>,
        }]
    };
    let brought = asking.run_with(&trail, &org, nobody(), &mut NoStore).unwrap();
    assert_eq!(brought.exits.code(), 8);
    assert!(taken.lock().unwrap().is_empty());
    let next = Asking {
        task: FlowLogTask {
            window: Window { from: noon() - TimeDelta::minutes(1), to: noon() },
            ..asking.task.clone()
        },
        form: Form::Plain,
        file: PathBuf::from("none"),
        journal: None,
    };
    assert_eq!(next.run_with(&trail, &org, receivers(), &mut NoStore).unwrap().exits.code(), 0);
    let count = expected(&org, earlier).len() + expected(&org, next.task.window).len();
    assert_eq!(once(&taken.lock().unwrap()), (count, count));
}

#[test]
fn what_follows_brings_late_records_once_and_ends_when_it_is_asked_to() {
    let (org, trail) = (Arc::new(busy(20)), TestTrail::new());
    let mut asking = Asking::new(&trail, last(TimeDelta::minutes(5)), Wish::Index);
    asking.task.window = Window { from: noon() - TimeDelta::minutes(5), to: noon() };
    let clock = Arc::new(InstantClock::new());
    let (by, told) = (Arc::clone(&clock), Arc::clone(&org));
    let mut tools = tools();
    tools.clock = Arc::clone(&clock) as Arc<dyn Clock>;
    tools.present = Arc::new(move || {
        let now = noon() + TimeDelta::from_std(by.now()).unwrap();
        told.running.world(|world| world.executions_mut().present = Some(now));
        now
    });
    let mut store = FileStore::file(asking.file.clone(), Form::Plain);
    let until = Duration::from_secs(40 * 60);
    org.block_on(async {
        let connection = trail.connection(&org);
        let mut logs = FlowLogs::open(&trail.workspace, connection, asking.task.clone(), tools, &Unobserved).await?;
        let ended = async {
            while clock.now() < until {
                tokio::task::yield_now().await;
            }
        };
        let pace = (Duration::from_secs(60), Duration::from_secs(10 * 60));
        logs.follow(&mut store, pace, ended, &Unobserved).await
    })
    .unwrap();
    let told = asking.ids();
    assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), told.len());
    // Up to some minutes before the end nothing can be late any more.
    let window = Window { from: asking.task.window.from, to: noon() + TimeDelta::minutes(33) };
    let missing: Vec<String> = expected(&org, window).into_iter().filter(|id| !told.contains(id)).collect();
    assert_eq!(missing, Vec::<String>::new());
    assert!(told.len() > 600, "{}", told.len());
}

#[test]
fn a_planted_cause_comes_first() {
    let org = busy(40);
    let trail = TestTrail::new();
    trail.snapshot(&org).unwrap();
    let flows = id("architect.flows");
    let at = |minutes: i64| morning() + TimeDelta::minutes(minutes);
    let touch = |domain: &str, name: &str, member: &'static str, value: &str| {
        let domain = id(domain);
        org.running.world(|world| {
            let key = world.find(&domain, name).unwrap().clone();
            let orgtrail::model::Value::Object(object) = world.entity_mut(&domain, &key).unwrap() else { panic!() };
            object.insert(member, orgtrail::model::Value::from(value));
        });
    };
    touch("routing.queues", "Sales Inbound", "name", "Sales");
    touch("architect.flows", "Closed", "description", "something else");
    trail.snapshot_with(&org, |options| options.now = at(60)).unwrap();
    touch("architect.flows", "Main Menu", "description", "published in a hurry");
    touch("routing.queues", "Sales", "name", "Sales again");
    trail.snapshot_with(&org, |options| options.now = at(120)).unwrap();
    touch("architect.flows", "Main Menu", "description", "after the fact");
    trail.snapshot_with(&org, |options| options.now = at(225)).unwrap();
    org.running.world(|world| {
        world.executions_mut().episodes.push(Episode {
            flow: "Main Menu".to_owned(),
            from: at(125),
            to: at(240),
            reason: "DATA_ACTION_TIMEOUT".to_owned(),
            share: 0.6,
        });
    });
    let key = flow_key(&trail.workspace, "main menu").unwrap();
    assert_eq!(key, org.running.world(|world| world.find(&flows, "Main Menu").unwrap().as_str().to_owned()));
    let mut asking = Asking::new(&trail, last(TimeDelta::minutes(239)), Wish::Index);
    asking.task.criteria = Criteria::default().narrowed("FlowId", &[key]).with_any("FlowErrorReason");
    let connection = trail.connection(&org);
    let found = org.block_on(explain(&trail.workspace, connection, &asking.task, &tools(), &Unobserved));
    let (flows, exits) = found.unwrap();
    assert_eq!((flows.len(), exits.code()), (1, 0));
    let flow = &flows[0];
    assert!((at(124)..at(128)).contains(&flow.onset.began), "{:?}", flow.onset);
    assert!(flow.is_on_record && flow.out_of_reach >= 2);
    let first = &flow.suspects[0];
    assert_eq!((first.candidate.name.as_deref(), first.candidate.distance), (Some("Main Menu"), Some(0)));
    assert_eq!(first.candidate.latest, at(120));
    let mut out = Vec::new();
    orgtrail::report::suspects::render_json(&flows, &mut out).unwrap();
    assert!(schema("suspects.v1.json").is_valid(&serde_json::from_slice(&out).unwrap()));
}

#[test]
fn each_bad_question_is_refused_with_its_reason_and_nothing_is_sent() {
    let (org, trail) = (busy(5), TestTrail::new());
    let inside = trail.path().join("records.jsonl");
    let bad = trail.path().with_extension("bad.json");
    std::fs::write(&bad, r#"{"query":[{"criteria":{"key":"FlowTipe","operator":"eq","value":"x"}}]}"#).unwrap();
    let (inside, file) = (inside.to_str().unwrap(), bad.to_str().unwrap());
    let table: &[(&[&str], &str)] = &[
        (&["--from", "-1h", "--to", "-2h"], "which is not after its begin"),
        (&["--from", "-2d"], "more than the 1d of `[flow_logs] longest_window`"),
        (&["--from", "-9d", "--to", "-8d"], "records are kept for 7d"),
        (&["--from", "-1h", "--to", "2026-03-02T13:00:00Z"], "is in the future"),
        (&["--from", "yesterday"], "\"yesterday\" is no moment"),
        (&["--from", "-1h", "--type", "inboundcal"], "did you mean \"inboundcall\"?"),
        (&["--from", "-1h", "--action", "actionCallDat"], "did you mean \"actionCallData\"?"),
        (&["--from", "-1h", "--conversation", "42"], "is no id"),
        (&["--from", "-1h", "--criteria", file], "there is no key \"FlowTipe\"; did you mean \"FlowType\"?"),
        (&["--from", "-1h", "--criteria", "/nowhere.json"], "could not read /nowhere.json"),
        (&["--from", "-1h", "--store", inside], "lies in the trail"),
        (&["--from", "-1h", "--forward", "nobody"], "there is no channel \"nobody\""),
        (&["--from", "-1h", "--zstd"], "only what is stored is compressed"),
        (&["--instance", "../executions"], "is no id of a run"),
        (&[], "--from"),
    ];
    for (arguments, reason) in table {
        let mut command = orgtrail(trail.path(), &org.environment());
        let output = command.args(["flow-logs", "--now", "2026-03-02T12:00:00Z"]).args(*arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && stderr.contains(reason), "{arguments:?}: {stderr}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(org.running.requests(), []);
    std::fs::remove_file(bad).unwrap();
}

#[test]
fn the_binary_prints_records_stores_them_and_tells_single_ones() {
    let (org, trail) = (busy(5), TestTrail::new());
    let all = expected(&org, last(TimeDelta::minutes(30)));
    let run = |arguments: &[&str]| {
        let mut command = orgtrail(trail.path(), &org.environment());
        let output = command.args(["flow-logs", "--now", "2026-03-02T12:00:00Z"]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(ids_in(&run(&["--from", "-30m"])), all);
    let folder = trail.path().with_extension("days");
    let place = folder.to_str().unwrap();
    let findings: Json =
        serde_json::from_str(&run(&["--from", "-30m", "--index-only", "--store-by-day", place, "--format", "json"]))
            .unwrap();
    assert_eq!(findings["title"], "Flow execution data");
    assert_eq!(ids_in(&std::fs::read_to_string(folder.join("2026-03-02.jsonl")).unwrap()), all);
    std::fs::remove_dir_all(folder).unwrap();
    let single = run(&["--instance", &all[0], "--instance", &all[1]]);
    assert_eq!(ids_in(&single), all[..2]);
    assert!(single.contains("\"execution\":["));
    let told = run(&["--capabilities", "--format", "json"]);
    assert!(schema("flow-log-capabilities.v1.json").is_valid(&serde_json::from_str(&told).unwrap()));
    // From now on the organisation's own word counts.
    let mut command = orgtrail(trail.path(), &org.environment());
    command.args([
        "flow-logs",
        "--now",
        "2026-03-02T12:00:00Z",
        "--from",
        "-1h",
        "--error-reason",
        "DATA_ACTION_TIMEOUTS",
    ]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean \"DATA_ACTION_TIMEOUT\"?"));
}
