//! Events of the simulated organisation, heard by the client, with everything that happens to sockets.

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use orgtrail::genesys::{
    Client, ClientOptions, Heard, InstantClock, Listener, Lost, Notification, Refusal, RefusedTopic, Subscribed,
};
use orgtrail::sim::{DAY_SEED, Notifications, Scale, Script, ServerOptions, World};
use secrecy::SecretString;
use serde_json::json;

use crate::fixtures::catalogue;
use crate::harness::{Org, id};

const HOUR: Duration = Duration::from_secs(3600);

/// Somebody who listens to an organisation, and the clock that is gone by.
struct Listening {
    org: Org,
    clock: Arc<InstantClock>,
    client: Client,
    listener: Listener,
}

impl Listening {
    fn to(org: Org, topics: &[&str]) -> Self {
        let clock = Arc::new(InstantClock::new());
        let hosts = orgtrail::genesys::Hosts::custom(&org.running.api_url, &org.running.login_url).unwrap();
        let secret = SecretString::from(org.running.client_secret.as_str());
        let options = ClientOptions::new(hosts, org.running.client_id.clone(), secret);
        let client = Client::new(options, clock.clone()).unwrap();
        let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        let listener = Listener::new(client.clone(), topics);
        Self { org, clock, client, listener }
    }

    fn small(topics: &[&str]) -> Self {
        Self::to(Org::small(), topics)
    }

    /// What is heard next, however long it takes.
    fn hear(&mut self) -> Heard {
        self.org.block_on(self.listener.next(pending()))
    }

    /// What can be heard without waiting.
    fn glance(&mut self) -> Heard {
        self.org.block_on(self.listener.next(ready(())))
    }

    fn subscribe(&mut self) -> Subscribed {
        match self.hear() {
            Heard::Subscribed(subscribed) => subscribed,
            other => panic!("{other:?}"),
        }
    }

    fn sim(&self) -> &Notifications {
        self.org.running.notifications()
    }

    fn hears_an_event(&mut self) {
        self.sim().send("v2.flows.1", json!({ "id": "1" }));
        let heard = self.hear();
        assert!(matches!(&heard, Heard::Notification(event) if event.topic == "v2.flows.1"), "{heard:?}");
    }
}

#[test]
fn what_changes_is_heard_of_where_it_was_subscribed_to() {
    let world = World::generate(&Arc::new(catalogue()), Scale::Small, DAY_SEED);
    let flow = world.find(&id("architect.flows"), "Main Menu").unwrap().as_str().to_owned();
    let queue = world.find(&id("routing.queues"), "Sales Inbound").unwrap().as_str().to_owned();
    let of_flow = format!("v2.flows.{flow}");
    let of_queue = format!("v2.audits.entitytype.Queue.entityid.{queue}");
    let mut listening = Listening::to(Org::of(world), &[&of_flow, &of_queue]);
    assert_eq!(listening.subscribe().permitted, [of_flow.clone(), of_queue.clone()]);
    let at: DateTime<Utc> = "2026-03-02T09:14:00Z".parse().unwrap();
    for edit in Script::built_in().unwrap().edits {
        listening.org.running.world(|world| world.act(&edit, at)).unwrap();
    }
    let Heard::Notification(Notification { topic, body }) = listening.hear() else { panic!() };
    assert_eq!((topic, &body["action"], &body["userDisplay"]), (of_queue, &json!("Update"), &json!("Lotte Pereira")));
    let Heard::Notification(Notification { topic, body }) = listening.hear() else { panic!() };
    assert_eq!((topic, &body["id"]), (of_flow, &json!(flow)));
    listening.sim().beat();
    assert!(matches!(listening.hear(), Heard::Heartbeat));
}

#[test]
fn a_socket_that_breaks_is_replaced_and_subscribed_again() {
    let mut listening = Listening::small(&["v2.flows.1"]);
    listening.subscribe();
    listening.sim().drop_sockets();
    let heard = listening.hear();
    assert!(matches!(heard, Heard::Lost(Lost::Broken(_) | Lost::Closed)), "{heard:?}");
    listening.subscribe();
    listening.hears_an_event();
    assert_eq!((listening.sim().channels_made(), listening.sim().subscriptions_made()), (1, 2));
}

#[test]
fn a_socket_that_falls_silent_is_replaced() {
    let mut listening = Listening::small(&["v2.flows.1"]);
    listening.subscribe();
    listening.sim().go_silent(true);
    listening.sim().send("v2.flows.1", json!({}));
    listening.sim().beat();
    listening.clock.advance(Duration::from_secs(74));
    assert!(matches!(listening.glance(), Heard::Nothing));
    listening.clock.advance(Duration::from_secs(1));
    assert!(matches!(listening.glance(), Heard::Lost(Lost::Silent)));
    listening.sim().go_silent(false);
    listening.subscribe();
    listening.hears_an_event();
    assert_eq!(listening.sim().channels_made(), 1);
}

#[test]
fn a_socket_that_is_closed_on_purpose_says_so_and_is_replaced() {
    let mut listening = Listening::small(&["v2.flows.1"]);
    listening.subscribe();
    listening.sim().close_sockets();
    assert!(matches!(listening.hear(), Heard::Closing));
    assert!(matches!(listening.hear(), Heard::Lost(Lost::Closed)));
    listening.subscribe();
    listening.hears_an_event();
}

#[test]
fn topics_that_are_refused_are_told_and_keep_no_other_out() {
    let mut listening = Listening::small(&["v2.flows.1", "v2.outbound.settings", "v2.config.updated"]);
    listening.sim().refuse("v2.flows.*");
    let Subscribed { permitted, refused } = listening.subscribe();
    assert_eq!(permitted, ["v2.outbound.settings"]);
    let unknown = RefusedTopic { topic: "v2.config.updated".to_owned(), why: Refusal::Unknown };
    assert_eq!(refused[0], unknown);
    assert_eq!(refused[1].topic, "v2.flows.1");
    let Refusal::Rejected { missing_permissions, .. } = &refused[1].why else { panic!("{refused:?}") };
    assert_eq!(missing_permissions, &["architect:flow:view"]);
    assert_eq!(listening.sim().subscriptions_made(), 2, "what is no topic is not asked for");
}

#[test]
fn a_channel_is_replaced_before_its_day_is_over() {
    let mut listening = Listening::small(&["v2.flows.1"]);
    listening.subscribe();
    listening.clock.advance(22 * HOUR);
    listening.hears_an_event();
    listening.clock.advance(HOUR);
    listening.subscribe();
    listening.hears_an_event();
    assert_eq!(listening.sim().channels_made(), 2);
}

#[test]
fn a_channel_that_the_api_ended_is_replaced() {
    let hours = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&hours);
    let now = Arc::new(move || HOUR * u32::try_from(clock.load(Ordering::Relaxed)).unwrap());
    let world = World::generate(&Arc::new(catalogue()), Scale::Small, 1);
    let options = ServerOptions { allowed_per_minute: None, now, ..ServerOptions::default() };
    let mut listening = Listening::to(Org::serving(world, options), &["v2.flows.1"]);
    listening.subscribe();
    hours.store(24, Ordering::Relaxed);
    listening.sim().drop_sockets();
    assert!(matches!(listening.hear(), Heard::Lost(_)));
    let heard = listening.hear();
    assert!(matches!(&heard, Heard::Failed(error) if error.is_gone()), "{heard:?}");
    listening.subscribe();
    listening.hears_an_event();
    assert_eq!(listening.sim().channels_made(), 2);
}

#[test]
fn a_listener_that_gets_nothing_waits_longer_each_time() {
    let mut listening = Listening::small(&["v2.flows.1"]);
    for _ in 0..4 {
        listening.subscribe();
        listening.sim().drop_sockets();
        assert!(matches!(listening.hear(), Heard::Lost(_)));
    }
    listening.subscribe();
    let waits: Vec<u128> = listening.clock.waits().iter().map(Duration::as_millis).collect();
    assert_eq!(waits, [750, 1500, 3000, 6000]);
}

#[test]
fn nothing_but_channels_is_written_to() {
    let mut listening = Listening::small(&["v2.flows.1"]);
    listening.subscribe();
    let channel = listening.org.block_on(listening.client.open_channel()).unwrap();
    listening.org.block_on(listening.client.unsubscribe(&channel)).unwrap();
    let written = listening.org.running.requests().into_iter().filter(|request| request.method != "GET");
    let written: Vec<String> = written.map(|request| format!("{} {}", request.method, request.path)).collect();
    let (login, channels) = ("POST /oauth/token", "/api/v2/notifications/channels");
    assert!(
        written.iter().any(|call| call.starts_with("PUT")) && written.iter().any(|call| call.starts_with("DELETE"))
    );
    assert!(written.iter().all(|call| call == login || call.contains(channels)), "{written:?}");
}
