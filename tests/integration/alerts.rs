//! What is told to whom: once, whoever is in the way, whatever is down and whoever dies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use chrono::{NaiveTime, TimeDelta};
use futures_util::future::BoxFuture;
use orgtrail::alert::{AlertPhase, Deliveries, Message};
use orgtrail::genesys::InstantClock;
use orgtrail::model::Pointer;
use orgtrail::notify::{Answer, Channel, ChannelKind, HttpTransport, Payload, Record, Transport, Verdict};
use orgtrail::report::alerts::{AlertReport, DeliveryState, Outcome, render_json};
use orgtrail::session::{
    AlertOptions, Approver, Choice, DELIVERIES_REF, Effect, Exits, Failure, Outlets, Post, Unobserved, Workspace,
    alert, approve, status,
};
use orgtrail::sim::{Action, Edit, EditAudit, EntityPick, Scale};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::faults::block;
use crate::harness::{Org, TestTrail, id, is_core, morning};
use crate::terminal::{Terminal, assert_follows, git_in, set};

/// Channels of each kind, and a route that tells all of them everything.
const EVERYTHING: &str = r#"
[channels.chat]
type = "webhook"
url = "$CHAT"
secret = "$KEY"
[channels.pager]
type = "webhook"
url = "$PAGER"
secret = "$KEY"
[channels.siem]
type = "webhook"
url = "$SIEM"
secret = "$KEY"
[[route]]
name = "all"
channels = ["chat", "pager", "siem"]
"#;

/// A channel whose payloads say which events they are.
struct Recorder(ChannelKind);

impl Channel for Recorder {
    fn kind(&self) -> ChannelKind {
        self.0
    }

    fn payloads(&self, message: &Message) -> Vec<Payload> {
        let payload = |message: &Message| Payload {
            covers: message.alerts.iter().map(|alert| alert.id.clone()).collect(),
            transport: Transport::Http(HttpTransport {
                method: "POST",
                url: "https://example.com/".to_owned().into(),
                headers: Vec::new(),
                secret_headers: Vec::new(),
                secret_members: Vec::new(),
                signature: None,
                ca_file: None,
            }),
            body: serde_json::to_vec(message).unwrap(),
        };
        if self.0 == ChannelKind::People {
            return vec![payload(message)];
        }
        let one = |alert: &orgtrail::alert::Alert| payload(&Message { alerts: vec![alert.clone()], ..message.clone() });
        message.alerts.iter().map(one).collect()
    }

    fn payloads_of_records(&self, _: &[Record]) -> Option<Vec<Payload>> {
        None
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        match answer {
            Answer::Http { status: 200, .. } => Verdict::Delivered,
            Answer::Http { status: 400, .. } => Verdict::Refused { reason: "400".to_owned() },
            _ => Verdict::Retry { reason: "it is down".to_owned(), after: None },
        }
    }
}

/// Everything that channels were sent, and what they answer.
#[derive(Default)]
struct Receiver {
    got: Mutex<Vec<(String, Message)>>,
    answers: Mutex<BTreeMap<String, u16>>,
    tries: Mutex<usize>,
}

impl Receiver {
    /// What a channel takes from now on.
    fn answer(&self, channel: &str, status: u16) {
        self.answers.lock().unwrap().insert(channel.to_owned(), status);
    }

    fn of(&self, channel: &str) -> Vec<Message> {
        let got = self.got.lock().unwrap();
        got.iter().filter(|(name, _)| name == channel).map(|(_, message)| message.clone()).collect()
    }

    /// The ids of the events that a channel took, in order.
    fn events(&self, channel: &str) -> Vec<String> {
        self.of(channel).iter().flat_map(|message| &message.alerts).map(|alert| alert.id.clone()).collect()
    }
}

impl Post for Receiver {
    fn send<'s>(&'s self, channel: &'s str, payload: &'s Payload) -> BoxFuture<'s, Answer> {
        *self.tries.lock().unwrap() += 1;
        let status = self.answers.lock().unwrap().get(channel).copied().unwrap_or(200);
        if status == 200 {
            let message = serde_json::from_slice(&payload.body).unwrap();
            self.got.lock().unwrap().push((channel.to_owned(), message));
        }
        Box::pin(async move { Answer::Http { status, body: String::new(), retry_after: None } })
    }
}

/// Takes everything and never comes back.
struct Grave<'r>(&'r Receiver);

impl Post for Grave<'_> {
    fn send<'s>(&'s self, channel: &'s str, payload: &'s Payload) -> BoxFuture<'s, Answer> {
        let sent = self.0.send(channel, payload);
        Box::pin(async move {
            sent.await;
            std::future::pending().await
        })
    }
}

/// Does something once, before the first payload goes out.
struct Meanwhile<'r, F> {
    receiver: &'r Receiver,
    what: F,
    done: Mutex<bool>,
}

impl<F: Fn()> Post for Meanwhile<'_, F> {
    fn send<'s>(&'s self, channel: &'s str, payload: &'s Payload) -> BoxFuture<'s, Answer> {
        if !std::mem::replace(&mut *self.done.lock().unwrap(), true) {
            (self.what)();
        }
        self.receiver.send(channel, payload)
    }
}

fn recorders() -> Outlets {
    let kinds = [("chat", ChannelKind::People), ("pager", ChannelKind::Pager), ("siem", ChannelKind::Siem)];
    kinds.map(|(name, kind)| (name.to_owned(), Box::new(Recorder(kind)) as Box<dyn Channel>)).into()
}

fn options(minutes: i64, effect: Effect) -> AlertOptions {
    AlertOptions {
        since: None,
        effect,
        explains: false,
        now: morning() + TimeDelta::minutes(minutes),
        clock: Arc::new(InstantClock::new()),
    }
}

/// A trail with settings of its own.
fn trail_with(settings: &str) -> TestTrail {
    let TestTrail { dir, .. } = TestTrail::new();
    add_settings(dir.path(), settings);
    TestTrail::open(dir)
}

fn add_settings(trail: &Path, settings: &str) {
    let path = trail.join("orgtrail.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, text + settings).unwrap();
}

/// Sets what holds for all alerts, which the file of a new trail shows as comments.
fn set_for_all(trail: TestTrail, shown: &str, value: &str) -> TestTrail {
    let TestTrail { dir, .. } = trail;
    let path = dir.path().join("orgtrail.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(shown));
    std::fs::write(path, text.replace(shown, value)).unwrap();
    TestTrail::open(dir)
}

fn tell_with(
    org: &Org,
    workspace: &Workspace,
    post: &dyn Post,
    options: &AlertOptions,
) -> Result<(AlertReport, Exits), Failure> {
    org.block_on(alert(workspace, &recorders(), post, options, &Unobserved))
}

/// Tells what is new so many minutes after the first run, and how that ended.
fn tell(org: &Org, trail: &TestTrail, receiver: &Receiver, minutes: i64) -> (AlertReport, u8) {
    let told = tell_with(org, &trail.workspace, receiver, &options(minutes, Effect::Commit));
    let (report, exits) = told.unwrap_or_else(|failure| panic!("{}", failure.message));
    assert_follows("deliveries", &serde_json::to_value(deliveries(trail.path())).unwrap());
    (report, exits.code())
}

fn deliveries(dir: &Path) -> Deliveries {
    Deliveries::read(git_in(dir, &["cat-file", "-p", DELIVERIES_REF]).as_bytes()).unwrap()
}

fn rename(org: &Org, name: &str) {
    set(org, "routing.queues", "/name", name);
}

/// The words of an explanation, by route.
fn outcomes(report: &AlertReport) -> BTreeSet<(String, Outcome)> {
    let words = report.explained.iter().flat_map(|alert| &alert.routes);
    words.map(|word| (word.route.clone(), word.outcome)).collect()
}

#[test]
fn the_first_time_the_last_run_is_told_and_each_run_only_once() {
    let (org, trail, receiver) = (Org::small(), trail_with(EVERYTHING), Receiver::default());
    trail.snapshot(&org).unwrap();
    rename(&org, "Before anybody was told");
    trail.snapshot(&org).unwrap();
    rename(&org, "The last");
    trail.snapshot(&org).unwrap();
    assert_eq!(tell(&org, &trail, &receiver, 31).1, 0);
    let [message] = receiver.of("chat").try_into().unwrap();
    assert_eq!(message.alerts.len(), 1);
    let told = &message.alerts[0];
    assert_eq!(told.values[0].old.as_deref(), Some("\"Before anybody was told\""));
    assert_eq!(told.values[0].new.as_deref(), Some("\"The last\""));
    assert_eq!(told.commit.as_deref(), Some(trail.git(&["rev-parse", "HEAD"]).trim()));
    for _ in 0..3 {
        assert_eq!(tell(&org, &trail, &receiver, 32).0.messages, []);
    }
    assert_eq!(receiver.got.lock().unwrap().len(), 3);
    // The run before can be asked for, and what was told of the last one is not told again.
    let since = trail.workspace.trail.resolve("HEAD~2").unwrap();
    let options = AlertOptions { since: Some(since), ..options(33, Effect::Commit) };
    tell_with(&org, &trail.workspace, &receiver, &options).unwrap();
    assert_eq!(receiver.events("chat").len(), 2);
    let events: BTreeSet<String> = receiver.events("chat").into_iter().collect();
    assert_eq!(events.len(), 2);
}

#[test]
fn the_same_change_made_again_is_another_alert() {
    let (org, trail, receiver) = (Org::small(), trail_with(EVERYTHING), Receiver::default());
    rename(&org, "A");
    trail.snapshot(&org).unwrap();
    for (name, minutes) in ["B", "A", "B"].into_iter().zip((16..).step_by(15)) {
        rename(&org, name);
        trail.snapshot(&org).unwrap();
        tell(&org, &trail, &receiver, minutes);
    }
    let alerts: Vec<_> = receiver.of("siem").into_iter().flat_map(|message| message.alerts).collect();
    let ids: BTreeSet<&str> = alerts.iter().map(|alert| alert.id.as_str()).collect();
    let fingerprints: BTreeSet<&str> = alerts.iter().map(|alert| alert.fingerprint.as_str()).collect();
    assert_eq!((alerts.len(), ids.len(), fingerprints.len()), (3, 3, 2));
}

#[test]
fn a_thousand_changes_are_one_message_for_each_route() {
    let (org, receiver) = (Org::start(Scale::Medium, 1), Receiver::default());
    let two = "channels = [\"pager\", \"siem\"]\ncontinue = true\n[[route]]\nname = \"few\"\nchannels = [\"chat\"]\ncap = 5\n";
    let trail = trail_with(&EVERYTHING.replace("channels = [\"chat\", \"pager\", \"siem\"]\n", two));
    trail.snapshot(&org).unwrap();
    let mut changed = 0;
    for domain in trail.workspace.catalogue.iter().filter(|domain| is_core(&domain.id)) {
        for index in 0..400 {
            let edit = Edit {
                at: NaiveTime::MIN,
                by: String::new(),
                domain: domain.id.clone(),
                entity: Some(EntityPick::Index(index)),
                action: Action::Set(vec![(Pointer::from_text("/name"), format!("Another {index}").into())]),
                audit: EditAudit::default(),
            };
            if org.running.world(|world| world.apply(&edit)).is_err() {
                break;
            }
            changed += 1;
        }
    }
    let taken = trail.snapshot(&org).unwrap();
    let total = taken.document.counts.total();
    assert!(changed >= 1_000 && total >= 1_000, "{changed} {total}");
    tell(&org, &trail, &receiver, 16);
    let [message] = receiver.of("chat").try_into().unwrap();
    assert_eq!((message.route.as_str(), message.alerts.len()), ("few", 5));
    let silenced: u64 = message.alerts.iter().map(|alert| alert.silences).sum();
    assert!(message.alerts.len() as u64 + message.more.total() + silenced <= total);
    assert!(message.more.total() >= 900, "{:?}", message.more);
    let ids: BTreeSet<String> = receiver.of("pager").into_iter().map(|message| message.id).collect();
    assert_eq!((ids.len(), receiver.events("pager").len()), (1, 20));
    let kept: BTreeSet<String> = receiver.events("siem").into_iter().collect();
    assert!(kept.len() as u64 > total / 2, "{} of {total}", kept.len());
    assert_eq!(tell(&org, &trail, &receiver, 17).0.messages, []);
}

#[test]
fn a_channel_that_is_down_is_told_later_and_the_others_now() {
    let (org, trail, receiver) = (Org::small(), trail_with(EVERYTHING), Receiver::default());
    trail.snapshot(&org).unwrap();
    rename(&org, "Another");
    trail.snapshot(&org).unwrap();
    receiver.answer("chat", 503);
    let (report, code) = tell(&org, &trail, &receiver, 16);
    assert_eq!(code, 8);
    let states: Vec<(&str, DeliveryState)> =
        report.messages.iter().map(|message| (message.channel.as_str(), message.state)).collect();
    assert_eq!(
        states,
        [("chat", DeliveryState::Pending), ("pager", DeliveryState::Delivered), ("siem", DeliveryState::Delivered)]
    );
    // It was tried for a minute, each time after a longer wait.
    assert_eq!(*receiver.tries.lock().unwrap(), 2 + 6);
    let shown = status(&trail.workspace, None, morning()).unwrap().undelivered;
    assert_eq!((shown.len(), shown[0].channel.as_str(), shown[0].refused), (1, "chat", false));
    let id = deliveries(trail.path()).outbox[0].message.id.clone();
    receiver.answer("chat", 200);
    assert_eq!(tell(&org, &trail, &receiver, 17).1, 0);
    assert_eq!(receiver.of("chat").iter().map(|message| message.id.clone()).collect::<Vec<_>>(), [id]);
    assert_eq!((receiver.of("pager").len(), receiver.of("siem").len()), (1, 1));
    assert_eq!(status(&trail.workspace, None, morning()).unwrap().undelivered, []);
}

#[test]
fn what_a_channel_refuses_is_given_up_and_stays_visible() {
    let (org, trail, receiver) = (Org::small(), trail_with(EVERYTHING), Receiver::default());
    trail.snapshot(&org).unwrap();
    rename(&org, "Another");
    trail.snapshot(&org).unwrap();
    receiver.answer("chat", 400);
    assert_eq!(tell(&org, &trail, &receiver, 16).1, 8);
    receiver.answer("chat", 200);
    assert_eq!(tell(&org, &trail, &receiver, 17).1, 0);
    assert_eq!(receiver.of("chat").len(), 0);
    let shown = status(&trail.workspace, None, morning()).unwrap().undelivered;
    assert_eq!((shown.len(), shown[0].refused, shown[0].reason.as_deref()), (1, true, Some("400")));
}

#[test]
fn who_dies_between_sending_and_noting_it_leaves_it_to_the_next_under_the_same_ids() {
    let (org, trail, receiver) = (Org::small(), trail_with(EVERYTHING), Receiver::default());
    trail.snapshot(&org).unwrap();
    rename(&org, "Another");
    trail.snapshot(&org).unwrap();
    let (grave, outlets, dying) = (Grave(&receiver), recorders(), options(16, Effect::Commit));
    org.block_on(async {
        let mut told = std::pin::pin!(alert(&trail.workspace, &outlets, &grave, &dying, &Unobserved));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(told.as_mut().poll(&mut context).is_pending());
    });
    let first = receiver.events("chat");
    assert_eq!((first.len(), receiver.events("siem").len()), (1, 0));
    // As long as the claim holds nobody else sends it.
    let (report, _) = tell(&org, &trail, &receiver, 17);
    assert!(report.messages.iter().all(|message| message.state == DeliveryState::Claimed), "{report:?}");
    assert_eq!(receiver.got.lock().unwrap().len(), 1);
    assert_eq!(tell(&org, &trail, &receiver, 20).1, 0);
    let again = receiver.events("chat");
    assert_eq!(again, [first.clone(), first].concat());
    assert_eq!((receiver.events("pager").len(), receiver.events("siem").len()), (1, 1));
}

/// A trail on a remote, with a baseline and a change, and settings that every clone has.
fn pushed(org: &Org) -> Terminal {
    let terminal = Terminal::at(org);
    add_settings(&terminal.trail(), EVERYTHING);
    terminal.git(&["commit", "--quiet", "--all", "-m", "settings"]);
    terminal.add_remote();
    terminal.snapshot_core(0, &["--push"]).ends_with(0);
    rename(org, "Another");
    terminal.snapshot_core(15, &["--push"]).ends_with(0);
    terminal
}

#[test]
fn runners_that_start_from_nothing_tell_each_run_once_even_at_the_same_time() {
    let org = Org::small();
    let terminal = pushed(&org);
    let receiver = Receiver::default();
    let runners: Vec<_> = (0..4).map(|runner| terminal.clone_remote(&format!("runner{runner}"))).collect();
    std::thread::scope(|scope| {
        for dir in &runners {
            let receiver = &receiver;
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let workspace = Workspace::open(dir, None).unwrap();
                let (outlets, options) = (recorders(), options(16, Effect::Push));
                let told = runtime.block_on(alert(&workspace, &outlets, receiver, &options, &Unobserved));
                told.map_or_else(|failure| panic!("{}", failure.message), drop);
            });
        }
    });
    for channel in ["chat", "pager", "siem"] {
        assert_eq!(receiver.events(channel).len(), 1, "{channel}");
    }
    let late = Workspace::open(&terminal.clone_remote("late"), None).unwrap();
    tell_with(&org, &late, &receiver, &options(17, Effect::Push)).unwrap();
    assert_eq!(receiver.got.lock().unwrap().len(), 3);
    assert_eq!(deliveries(&terminal.path("remote.git")).outbox, []);
}

#[test]
fn what_was_sent_is_noted_although_somebody_pushed_meanwhile() {
    let org = Org::small();
    let terminal = pushed(&org);
    let (receiver, other) = (Receiver::default(), terminal.clone_remote("other"));
    let workspace = Workspace::open(&terminal.clone_remote("own"), None).unwrap();
    let post = Meanwhile {
        receiver: &receiver,
        what: || {
            rename(&org, "And another");
            terminal.snapshot_in(&other, 30, &["--push"]).ends_with(0);
        },
        done: Mutex::new(false),
    };
    tell_with(&org, &workspace, &post, &options(16, Effect::Push)).unwrap();
    let known = deliveries(&terminal.path("remote.git"));
    assert_eq!((known.outbox.len(), known.settled["chat"].len()), (0, 1));
    tell_with(&org, &workspace, &receiver, &options(31, Effect::Push)).unwrap();
    let told: Vec<String> = receiver
        .of("chat")
        .into_iter()
        .flat_map(|message| message.alerts)
        .filter_map(|alert| alert.kind.map(|_| alert.id))
        .collect();
    assert_eq!((told.len(), told.iter().collect::<BTreeSet<_>>().len()), (2, 2), "{told:?}");
}

#[test]
fn what_a_run_found_is_told_by_who_was_not_there_and_only_when_it_is_new() {
    let org = Org::small();
    let terminal = pushed(&org);
    for path in ["/api/v2/audits/query", "/api/v2/audits/query/realtime"] {
        block(&org, path, orgtrail::sim::Effect::Forbidden);
    }
    let receiver = Receiver::default();
    for (minutes, told) in [(30, 1), (45, 1)] {
        terminal.snapshot_core(minutes, &["--push"]).ends_with(0);
        let heartbeat = git_in(&terminal.path("remote.git"), &["cat-file", "-p", "refs/orgtrail/heartbeat"]);
        assert_follows("heartbeat", &serde_json::from_str(&heartbeat).unwrap());
        let dir = terminal.clone_remote(&format!("runner{minutes}"));
        let workspace = Workspace::open(&dir, None).unwrap();
        tell_with(&org, &workspace, &receiver, &options(minutes + 1, Effect::Push)).unwrap();
        let found = receiver.of("chat").into_iter().flat_map(|message| message.alerts);
        assert_eq!(found.filter(|alert| alert.rule == "audits-forbidden").count(), told);
    }
}

#[test]
fn what_is_out_of_hours_waits_for_them_as_one_message() {
    let settings = format!("{EVERYTHING}match = {{ domain = \"routing.queues\" }}\nhours = \"Mon-Fri 10:00-18:00\"\n");
    let (org, trail, receiver) = (Org::small(), trail_with(&settings), Receiver::default());
    trail.snapshot(&org).unwrap();
    for (name, minutes) in [("B", 16), ("C", 31)] {
        rename(&org, name);
        trail.snapshot(&org).unwrap();
        let (report, code) = tell(&org, &trail, &receiver, minutes);
        assert_eq!(code, 0);
        assert!(report.messages.iter().all(|message| message.state == DeliveryState::Held), "{report:?}");
        assert!(outcomes(&report).contains(&("all".to_owned(), Outcome::Held)));
    }
    assert_eq!(receiver.got.lock().unwrap().len(), 0);
    assert_eq!(tell(&org, &trail, &receiver, 120).1, 0);
    assert_eq!(receiver.of("chat").iter().map(|message| message.alerts.len()).collect::<Vec<_>>(), [2]);
    assert_eq!(receiver.events("siem").len(), 2);
}

#[test]
fn a_pager_hears_that_a_change_was_undone_or_agreed_to() {
    let (org, trail, receiver) = (Org::small(), trail_with(EVERYTHING), Receiver::default());
    set(&org, "routing.queues", "/acwSettings/timeoutMs", 20_000);
    trail.snapshot(&org).unwrap();
    for (value, minutes) in [(10_000, 16), (15_000, 31), (20_000, 46)] {
        set(&org, "routing.queues", "/acwSettings/timeoutMs", value);
        trail.snapshot(&org).unwrap();
        tell(&org, &trail, &receiver, minutes);
    }
    let phases = |channel: &str| -> Vec<AlertPhase> {
        receiver.of(channel).iter().flat_map(|message| &message.alerts).map(|alert| alert.phase).collect()
    };
    // Another value is not the one before; the first one is back at last.
    let (raised, reverted, approved) = (AlertPhase::Raised, AlertPhase::Reverted, AlertPhase::Approved);
    assert_eq!(phases("chat"), [raised; 3]);
    assert_eq!(phases("pager"), [raised, raised, raised, reverted]);
    let alerts: Vec<_> = receiver.of("pager").into_iter().flat_map(|message| message.alerts).collect();
    assert_eq!(alerts[0].fingerprint, alerts[3].fingerprint);
    assert_ne!(alerts[0].id, alerts[3].id);
    let by = Approver {
        name: "Ann".to_owned(),
        email: "ann@example.com".to_owned(),
        reason: "CHG-1".to_owned(),
        now: morning() + TimeDelta::minutes(46),
    };
    let tip = trail.workspace.tip().unwrap().unwrap();
    approve(&trail.workspace, tip, &Choice::Whole, &by, &Unobserved).unwrap();
    tell(&org, &trail, &receiver, 47);
    assert_eq!(phases("pager")[4..], [approved, approved]);
    tell(&org, &trail, &receiver, 48);
    assert_eq!(phases("pager").len(), 6);
}

#[test]
fn a_finding_is_told_once_while_it_holds_and_a_pager_hears_when_it_is_over() {
    let settings = format!("{EVERYTHING}match = {{ rule = \"coverage-*\" }}\n");
    let (org, trail, receiver) = (Org::small(), trail_with(&settings), Receiver::default());
    trail.snapshot(&org).unwrap();
    block(&org, "/api/v2/routing/skills", orgtrail::sim::Effect::Forbidden);
    for minutes in [16, 31] {
        trail.snapshot(&org).unwrap();
        tell(&org, &trail, &receiver, minutes);
    }
    let chat = receiver.of("chat");
    assert_eq!(chat.len(), 1);
    assert_eq!(chat[0].alerts[0].rule, "coverage-lost");
    org.running.clear_faults();
    trail.snapshot(&org).unwrap();
    tell(&org, &trail, &receiver, 46);
    let phases: Vec<AlertPhase> = receiver.of("pager").iter().map(|message| message.alerts[0].phase).collect();
    assert_eq!(phases, [AlertPhase::Raised, AlertPhase::Reverted]);
    assert_eq!(receiver.of("chat").len(), 1);
    // Lost again, it is told again.
    block(&org, "/api/v2/routing/skills", orgtrail::sim::Effect::Forbidden);
    trail.snapshot(&org).unwrap();
    tell(&org, &trail, &receiver, 61);
    assert_eq!(receiver.of("chat").len(), 2);
}

#[test]
fn a_finding_that_still_holds_is_told_again_where_a_route_asks_for_it() {
    let settings = format!("{EVERYTHING}match = {{ rule = \"run-overdue\" }}\nrepeat = \"1d\"\n");
    let (org, receiver) = (Org::small(), Receiver::default());
    let trail = set_for_all(trail_with(&settings), "# max_age = \"\"", "max_age = \"1h\"");
    trail.snapshot(&org).unwrap();
    let day = 24 * 60;
    for (minutes, told) in [(30, 0), (90, 1), (120, 1), (90 + day, 2), (100 + day, 2), (90 + 2 * day, 3)] {
        tell(&org, &trail, &receiver, minutes);
        assert_eq!(receiver.events("chat").iter().collect::<BTreeSet<_>>().len(), told, "{minutes}");
    }
}

#[test]
fn a_dry_run_shows_everything_and_leaves_no_trace() {
    let settings =
        format!("{EVERYTHING}match = {{ level = \"critical\" }}\n[[route]]\nname = \"rest\"\nchannels = [\"chat\"]\n");
    let (org, trail, receiver) = (Org::small(), trail_with(&settings), Receiver::default());
    trail.snapshot(&org).unwrap();
    rename(&org, "Another");
    trail.snapshot(&org).unwrap();
    let refs = || trail.git(&["for-each-ref"]);
    let before = refs();
    let dry = AlertOptions { explains: true, ..options(16, Effect::None) };
    let (report, exits) = tell_with(&org, &trail.workspace, &receiver, &dry).unwrap();
    assert_eq!((exits.code(), refs(), *receiver.tries.lock().unwrap()), (0, before, 0));
    assert_eq!(report.messages.len(), 1);
    assert!(report.messages[0].payloads[0].body.contains("Another"));
    let words = [("all".to_owned(), Outcome::NotMatched), ("rest".to_owned(), Outcome::Sent)];
    assert_eq!(outcomes(&report), words.into());
    let mut out = Vec::new();
    render_json(&report, &mut out).unwrap();
    assert_follows("alert", &serde_json::from_slice(&out).unwrap());
    // Once it is told, that is what is said of it.
    tell(&org, &trail, &receiver, 16);
    let (report, _) = tell_with(&org, &trail.workspace, &receiver, &dry).unwrap();
    assert!(outcomes(&report).contains(&("rest".to_owned(), Outcome::AlreadyTold)));
    assert_eq!(report.messages, []);
}

#[test]
fn no_secret_and_no_more_of_people_than_allowed_leaves_the_trail() {
    let canary = ["ghp_", "0123456789abcdefghijABCDEFGHIJ012345"].concat();
    let (org, receiver) = (Org::small(), Receiver::default());
    let trail = set_for_all(trail_with(EVERYTHING), "# people = \"full\"", "people = \"none\"");
    trail.snapshot(&org).unwrap();
    set(&org, "routing.queues", "/name", format!("Queue {canary}"));
    set(&org, "routing.queues", "/description", format!("the token is {canary}"));
    set(&org, "oauth.clients", "/secret", format!("oauth-{canary}"));
    set(&org, "users.users", "/name", "Quirina Zwart");
    set(&org, "users.users", "/email", "quirina.zwart@example.com");
    trail.snapshot(&org).unwrap();
    tell(&org, &trail, &receiver, 16);
    let dry = AlertOptions { explains: true, ..options(17, Effect::None) };
    let (report, _) = tell_with(&org, &trail.workspace, &receiver, &dry).unwrap();
    let everything = format!(
        "{:?} {report:?} {}",
        receiver.got.lock().unwrap(),
        git_in(trail.path(), &["cat-file", "-p", DELIVERIES_REF])
    );
    assert!(receiver.events("siem").len() >= 3);
    for hidden in [canary.as_str(), "ghp_", "Quirina", "Zwart", "quirina"] {
        assert!(!everything.contains(hidden), "{hidden}");
    }
    assert!(everything.contains("another secret"));
    let key = org.running.world(|world| {
        world.apply(&Edit {
            at: NaiveTime::MIN,
            by: String::new(),
            domain: id("users.users"),
            entity: Some(EntityPick::Index(0)),
            action: Action::Set(Vec::new()),
            audit: EditAudit::default(),
        })
    });
    assert!(everything.contains(key.unwrap().as_str()));
}

/// The secret part of the address of a webhook, and the key that it is signed with.
const PATH: &str = "/hook/canary7d2f9a1c";
const KEY: &str = "whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5";

#[test]
fn the_binary_tells_after_a_run_and_no_secret_of_a_channel_is_anywhere() {
    let org = Org::small();
    let server = org.block_on(MockServer::start());
    let answer = |status| {
        org.block_on(async {
            server.reset().await;
            Mock::given(any()).respond_with(ResponseTemplate::new(status)).mount(&server).await;
        });
    };
    let mut terminal = Terminal::at(&org);
    terminal.set("HOOK_URL", &format!("{}{PATH}", server.uri()));
    terminal.set("HOOK_KEY", KEY);
    let nobody = terminal.run(&["alert"]);
    assert_eq!(nobody.code, 2, "{}", nobody.stderr);
    add_settings(
        &terminal.trail(),
        "[channels.hook]\ntype = \"webhook\"\nurl = \"$HOOK_URL\"\nsecret = \"$HOOK_KEY\"\n[[route]]\nname = \"all\"\nchannels = [\"hook\"]\n",
    );
    let path = terminal.trail().join("orgtrail.toml");
    let quick = std::fs::read_to_string(&path).unwrap().replace("# budget = \"60s\"", "budget = \"1s\"");
    std::fs::write(path, quick).unwrap();
    terminal.snapshot_core(0, &[]).ends_with(0);
    rename(&org, "Another");
    answer(503);
    let mut said = vec![terminal.snapshot_core(15, &["--alert", "--format", "json", "-vvv"])];
    assert_eq!(said[0].code, 8, "{}", said[0].stderr);
    let document: serde_json::Value = serde_json::from_str(&said[0].stdout).unwrap();
    assert_eq!(document["exit_codes"], serde_json::json!([8]));
    let now = "2026-03-02T08:20:00Z";
    let waiting = terminal.run(&["status", "--format", "json", "--now", now]);
    let document: serde_json::Value = serde_json::from_str(&waiting.stdout).unwrap();
    assert_follows("status", &document);
    assert_eq!(document["undelivered"][0]["channel"], "hook");
    let dry = terminal.run(&["alert", "--dry-run", "--explain", "--format", "json", "--now", now, "-vvv"]);
    let document: serde_json::Value = serde_json::from_str(&dry.stdout).unwrap();
    assert_follows("alert", &document);
    assert_eq!(document["messages"].as_array().unwrap().len(), 1);
    answer(204);
    said.extend([
        waiting,
        dry,
        terminal.run(&["alert", "--explain", "--now", now, "-vvv"]),
        terminal.run(&["alert", "--now", now, "-vvv"]),
        terminal.run(&["alert", "test", "hook", "--now", now, "-vvv"]),
    ]);
    for told in &said[3..] {
        assert_eq!(told.code, 0, "{}", told.stderr);
    }
    let received = org.block_on(server.received_requests()).unwrap();
    assert_eq!(received.len(), 2);
    for request in &received {
        assert_eq!(request.url.path(), PATH);
        let body = String::from_utf8_lossy(&request.body).into_owned();
        said.push(crate::terminal::Told { code: 0, stdout: body, stderr: String::new() });
    }
    answer(404);
    said.push(terminal.run(&["alert", "test", "hook", "--now", now, "-vvv"]));
    assert_eq!(said.last().unwrap().code, 8);
    said.push(terminal.run(&["alert", "test", "hok"]));
    assert!(said.last().unwrap().stderr.contains("did you mean \"hook\"?"));
    for told in &said {
        let all = format!("{}{}", told.stdout, told.stderr);
        for secret in ["canary7d2f9a1c", KEY, "Y2FuYXJ5"] {
            assert!(!all.contains(secret), "{all}");
        }
    }
    for file in crate::harness::files(&terminal.trail().join(".git")) {
        let bytes = std::fs::read(file).unwrap();
        assert!(!bytes.windows(14).any(|window| window == b"canary7d2f9a1c"));
    }
    assert!(received.iter().any(|request| String::from_utf8_lossy(&request.body).contains("Another")));
}
