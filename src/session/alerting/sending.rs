//! Sends what is claimed, and tries again what did not arrive for as long as there is time.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::Outlets;
use crate::alert::Outgoing;
use crate::genesys::Clock;
use crate::notify::{Answer, Channel, Courier, Payload, SyslogCarrier, Transport, Verdict};
use crate::report::alerts::ShownPayload;

/// The wait before the second try; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// What stands for a secret.
const HIDDEN: &str = "…";

/// What sends a payload once.
pub trait Post {
    /// Sends it, and says what came back.
    fn send<'s>(&'s self, channel: &'s str, payload: &'s Payload) -> BoxFuture<'s, Answer>;
}

impl Post for Courier {
    fn send<'s>(&'s self, _channel: &'s str, payload: &'s Payload) -> BoxFuture<'s, Answer> {
        Box::pin(Courier::send(self, payload))
    }
}

/// What became of a message.
pub(super) struct Sent {
    pub(super) outgoing: Outgoing,
    /// The events that need not be sent any more.
    pub(super) settled: Vec<String>,
    /// Why not all of them arrived.
    pub(super) trouble: Option<String>,
    /// Whether what did not arrive never will.
    pub(super) is_refused: bool,
}

/// What messages are sent with.
pub(super) struct Sending<'s> {
    pub(super) outlets: &'s Outlets,
    pub(super) post: &'s dyn Post,
    pub(super) clock: &'s dyn Clock,
    pub(super) budget: Duration,
}

/// A message on its way.
struct Delivery<'s> {
    sent: Sent,
    channel: Option<&'s dyn Channel>,
    left: Vec<Payload>,
    /// Not before when it is tried again, by the clock.
    next: Duration,
    wait: Duration,
}

impl Sending<'_> {
    /// Sends messages; a channel that is down keeps none of the others waiting.
    pub(super) async fn send(&self, messages: &[Outgoing]) -> Vec<Sent> {
        let deadline = self.clock.now() + self.budget;
        let mut deliveries: Vec<Delivery<'_>> = messages.iter().map(|outgoing| self.delivery(outgoing)).collect();
        loop {
            for delivery in &mut deliveries {
                if !delivery.left.is_empty() && delivery.next <= self.clock.now() {
                    self.attempt(delivery).await;
                }
            }
            let next = deliveries.iter().filter(|one| !one.left.is_empty()).map(|one| one.next).min();
            match next {
                Some(next) if next < deadline => self.clock.sleep(next.saturating_sub(self.clock.now())).await,
                _ => break,
            }
        }
        deliveries.into_iter().map(|delivery| delivery.sent).collect()
    }

    fn delivery(&self, outgoing: &Outgoing) -> Delivery<'_> {
        let channel = self.outlets.get(&outgoing.channel).map(AsRef::as_ref);
        let left = channel.map(|channel| channel.payloads(&outgoing.message)).unwrap_or_default();
        let all = || outgoing.message.alerts.iter().map(|alert| alert.id.clone()).collect();
        let (settled, trouble, is_refused) = match channel {
            // A channel that has nothing to say of a message has been told.
            Some(_) if left.is_empty() => (all(), None, false),
            Some(_) => (Vec::new(), None, false),
            None => (all(), Some(format!("there is no [channels.{}] any more", outgoing.channel)), true),
        };
        let sent = Sent { outgoing: outgoing.clone(), settled, trouble, is_refused };
        Delivery { sent, channel, left, next: Duration::ZERO, wait: FIRST_WAIT }
    }

    /// Sends what is left of a message, in order, up to the first payload that has to wait.
    async fn attempt(&self, delivery: &mut Delivery<'_>) {
        let Some(channel) = delivery.channel else { return };
        let sent = &mut delivery.sent;
        while let Some(payload) = delivery.left.first() {
            let answer = self.post.send(&sent.outgoing.channel, payload).await;
            match channel.verdict(&answer) {
                Verdict::Delivered => {}
                Verdict::Refused { reason } => {
                    sent.trouble = Some(reason);
                    sent.is_refused = true;
                }
                Verdict::Retry { reason, after } => {
                    sent.trouble = Some(reason);
                    delivery.next = self.clock.now() + after.unwrap_or_default().max(delivery.wait);
                    delivery.wait *= 2;
                    return;
                }
            }
            sent.settled.extend(payload.covers.iter().cloned());
            delivery.left.remove(0);
        }
        // Whatever its payloads cover, a message of which nothing is left is done.
        sent.settled.extend(sent.outgoing.message.alerts.iter().map(|alert| alert.id.clone()));
        if !sent.is_refused {
            sent.trouble = None;
        }
    }
}

/// A payload as it can be shown: all of it but its secrets.
pub(super) fn shown(payload: &Payload) -> ShownPayload {
    let (to, headers) = match &payload.transport {
        Transport::Http(http) => {
            let plain = http.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
            let secret = http.secret_headers.iter().map(|(name, _)| ((*name).to_owned(), HIDDEN.to_owned()));
            let members = http.secret_members.iter().map(|(name, _)| (format!("(member) {name}"), HIDDEN.to_owned()));
            let signed = http.signature.iter().map(|signature| ("webhook-id".to_owned(), signature.id.clone()));
            (format!("{} {HIDDEN}", http.method), plain.chain(secret).chain(signed).chain(members).collect())
        }
        Transport::Mail { server, from, to } => {
            let people = vec![("from".to_owned(), from.clone()), ("to".to_owned(), to.join(", "))];
            (format!("SMTP {}:{}", server.host, server.port), people)
        }
        Transport::Syslog(server) => {
            let carrier = match server.carrier {
                SyslogCarrier::Tls => "TLS",
                SyslogCarrier::Tcp => "TCP",
                SyslogCarrier::Udp => "UDP",
            };
            (format!("syslog {}:{} over {carrier}", server.host, server.port), Vec::new())
        }
    };
    ShownPayload {
        to,
        headers,
        covers: payload.covers.clone(),
        body: String::from_utf8_lossy(&payload.body).into_owned(),
    }
}
