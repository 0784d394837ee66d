//! The channels of a program, and what a test can do to them.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::super::rng::Rng;
use super::topics::{Event, Topic};
use crate::model::wildcard;

/// The most channels of a program; one more ends the one that was used longest ago.
const MOST_CHANNELS: usize = 20;

/// The most topics of a channel.
pub(super) const MOST_TOPICS: usize = 1000;

/// How long a channel lives.
pub(super) const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// The topic of what is about the channel itself.
const METADATA: &str = "channel.metadata";

/// The topic of the last event before the API closes a socket.
const CLOSING: &str = "v2.system.socket_closing";

/// The channels of the simulated org, their subscriptions and their sockets.
#[derive(Debug, Default)]
pub struct Notifications {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    channels: Vec<Channel>,
    refused: Vec<String>,
    is_silent: bool,
    made: u64,
    subscribed: u64,
    sent: u64,
    uses: u64,
}

/// A channel.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) id: String,
    pub(super) topics: BTreeSet<String>,
    created: Duration,
    /// The number of its last use.
    used: u64,
    socket: Option<UnboundedSender<Frame>>,
}

/// What a socket is told to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Send a message.
    Text(String),
    /// Close properly.
    Close,
    /// Break off.
    Drop,
}

/// Why a topic is refused.
pub(super) struct Rejection {
    pub(super) reason: String,
    pub(super) missing: Vec<String>,
}

impl Notifications {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Breaks every socket off, without a word.
    pub fn drop_sockets(&self) {
        self.state().end_all(&[Frame::Drop]);
    }

    /// Closes every socket on purpose, after having said so.
    pub fn close_sockets(&self) {
        self.state().end_all(&[Frame::Text(closing()), Frame::Close]);
    }

    /// Lets all sockets fall silent while they stay open: no events, no heartbeats, no answers; or ends that.
    pub fn go_silent(&self, is_silent: bool) {
        self.state().is_silent = is_silent;
    }

    /// Refuses topics that match from now on, `*` standing for any run of characters.
    pub fn refuse(&self, topics: &str) {
        self.state().refused.push(topics.to_owned());
    }

    /// Sends a heartbeat on every socket.
    pub fn beat(&self) {
        self.state().tell_all(&heartbeat());
    }

    /// Sends an event on every socket that is subscribed to its topic.
    pub fn send(&self, topic: &str, body: Json) {
        self.deliver(&[Event { topic: topic.to_owned(), body }]);
    }

    /// How many channels were made so far.
    #[must_use]
    pub fn channels_made(&self) -> u64 {
        self.state().made
    }

    /// How many topics were subscribed to so far, each time counted.
    #[must_use]
    pub fn subscriptions_made(&self) -> u64 {
        self.state().subscribed
    }

    /// How many events were sent so far, counted once for every socket.
    #[must_use]
    pub fn events_sent(&self) -> u64 {
        self.state().sent
    }

    /// How many sockets are open.
    #[must_use]
    pub fn sockets(&self) -> usize {
        let state = self.state();
        let is_open = |channel: &&Channel| channel.socket.as_ref().is_some_and(|socket| !socket.is_closed());
        state.channels.iter().filter(is_open).count()
    }

    pub(in crate::sim) fn deliver(&self, events: &[Event]) {
        let mut state = self.state();
        let mut sent = 0;
        for event in events.iter().filter(|_| !state.is_silent) {
            let text = event.text();
            for channel in state.channels.iter().filter(|channel| channel.topics.contains(&event.topic)) {
                channel.tell(Frame::Text(text.clone()));
                sent += u64::from(channel.socket.is_some());
            }
        }
        state.sent += sent;
    }

    /// Takes a socket of a channel; `None` where there is no such channel.
    pub(super) fn attach(&self, id: &str, now: Duration) -> Option<UnboundedReceiver<Frame>> {
        let mut state = self.state();
        let channel = state.find(id, now)?;
        let (sender, receiver) = unbounded_channel();
        channel.socket = Some(sender);
        Some(receiver)
    }

    /// What a socket says by itself every half minute; `None` while it is silent.
    pub(super) fn due_heartbeat(&self, now: Duration) -> Option<String> {
        let mut state = self.state();
        state.end_old(now);
        (!state.is_silent).then(heartbeat)
    }

    /// What a socket answers to a message; `None` where it says nothing.
    pub(super) fn reply(&self, message: &str) -> Option<String> {
        let message: Json = serde_json::from_str(message).ok()?;
        let is_ping = message["message"] == "ping" && !self.state().is_silent;
        is_ping.then(|| about_channel("pong"))
    }
}

impl State {
    /// Makes a channel; of too many the one that was used longest ago ends.
    pub(super) fn make(&mut self, seed: u64, now: Duration) -> String {
        self.end_old(now);
        let used = self.next_use();
        self.made += 1;
        let id = Rng::keyed(seed, &["channel", &self.made.to_string()]).uuid();
        self.channels.push(Channel { id: id.clone(), topics: BTreeSet::new(), created: now, used, socket: None });
        if self.channels.len() > MOST_CHANNELS
            && let Some(oldest) = (0..self.channels.len()).min_by_key(|index| self.channels[*index].used)
        {
            self.channels.remove(oldest).end(&[Frame::Text(closing()), Frame::Close]);
        }
        id
    }

    /// A channel that still lives.
    pub(super) fn find(&mut self, id: &str, now: Duration) -> Option<&mut Channel> {
        self.end_old(now);
        let used = self.next_use();
        let channel = self.channels.iter_mut().find(|channel| channel.id == id)?;
        channel.used = used;
        Some(channel)
    }

    /// The channels that still live.
    pub(super) fn ids(&mut self, now: Duration) -> Vec<String> {
        self.end_old(now);
        self.channels.iter().map(|channel| channel.id.clone()).collect()
    }

    pub(super) fn count_subscriptions(&mut self, count: usize) {
        self.subscribed += u64::try_from(count).unwrap_or(u64::MAX);
    }

    /// Why a topic cannot be subscribed to; `None` where it can.
    pub(super) fn rejection(&self, name: &str) -> Option<Rejection> {
        let Some(topic) = Topic::of_name(name) else {
            return Some(Rejection { reason: "The topic is not known.".to_owned(), missing: Vec::new() });
        };
        let is_refused = self.refused.iter().any(|pattern| wildcard(pattern, name));
        is_refused
            .then(|| Rejection { reason: "Permissions are missing.".to_owned(), missing: topic.permissions.clone() })
    }

    fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }

    fn end_old(&mut self, now: Duration) {
        self.channels.retain_mut(|channel| {
            let is_young = now < channel.created + LIFE;
            if !is_young {
                channel.end(&[Frame::Text(closing()), Frame::Close]);
            }
            is_young
        });
    }

    fn end_all(&mut self, frames: &[Frame]) {
        self.channels.iter_mut().for_each(|channel| channel.end(frames));
    }

    fn tell_all(&self, text: &str) {
        for channel in self.channels.iter().filter(|_| !self.is_silent) {
            channel.tell(Frame::Text(text.to_owned()));
        }
    }
}

impl Channel {
    fn tell(&self, frame: Frame) {
        if let Some(socket) = &self.socket {
            // A socket that is gone hears nothing; the next one is taken when somebody connects.
            let _ = socket.send(frame);
        }
    }

    fn end(&mut self, frames: &[Frame]) {
        for frame in frames {
            self.tell(frame.clone());
        }
        self.socket = None;
    }
}

fn about_channel(message: &str) -> String {
    json!({ "topicName": METADATA, "eventBody": { "message": message } }).to_string()
}

fn heartbeat() -> String {
    about_channel("WebSocket Heartbeat")
}

fn closing() -> String {
    json!({ "topicName": CLOSING, "eventBody": { "message": "The socket is about to be closed." } }).to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn frames(receiver: &mut UnboundedReceiver<Frame>) -> Vec<Frame> {
        std::iter::from_fn(|| receiver.try_recv().ok()).collect()
    }

    #[test]
    fn one_channel_too_many_ends_the_one_that_was_used_longest_ago() {
        let notifications = Notifications::default();
        let made: Vec<String> = (0..MOST_CHANNELS).map(|_| notifications.state().make(1, NOW)).collect();
        let mut socket = notifications.attach(&made[1], NOW).unwrap();
        assert!(notifications.attach(&made[0], NOW).is_some());
        for id in &made[2..] {
            assert!(notifications.state().find(id, NOW).is_some());
        }
        notifications.state().make(1, NOW);
        assert!(notifications.state().find(&made[1], NOW).is_none());
        assert!(notifications.state().find(&made[0], NOW).is_some());
        assert_eq!(frames(&mut socket), [Frame::Text(closing()), Frame::Close]);
    }

    #[test]
    fn a_channel_lives_for_a_day() {
        let notifications = Notifications::default();
        let id = notifications.state().make(1, NOW);
        let mut socket = notifications.attach(&id, LIFE / 2).unwrap();
        assert!(notifications.due_heartbeat(LIFE).is_some());
        assert_eq!(frames(&mut socket).last(), Some(&Frame::Close));
        assert!(notifications.attach(&id, LIFE).is_none());
    }

    #[test]
    fn an_event_comes_where_its_topic_was_subscribed_to_unless_all_is_silent() {
        let notifications = Notifications::default();
        let id = notifications.state().make(1, NOW);
        let mut socket = notifications.attach(&id, NOW).unwrap();
        notifications.state().find(&id, NOW).unwrap().topics.insert("v2.flows.1".to_owned());
        notifications.send("v2.flows.1", json!({ "id": "1" }));
        notifications.send("v2.flows.2", json!({ "id": "2" }));
        notifications.go_silent(true);
        notifications.send("v2.flows.1", json!({ "id": "3" }));
        notifications.beat();
        let heard = frames(&mut socket);
        let [Frame::Text(text)] = heard.as_slice() else { panic!("{heard:?}") };
        assert!(text.contains(r#""eventBody":{"id":"1"}"#), "{text}");
        assert_eq!((notifications.reply(r#"{"message":"ping"}"#), notifications.due_heartbeat(NOW)), (None, None));
        notifications.go_silent(false);
        assert!(notifications.reply(r#"{"message":"ping"}"#).unwrap().contains("pong"));
        assert_eq!(notifications.reply("what"), None);
    }
}
