//! Notifications: events about entities, on a websocket, as soon as they happen.
//!
//! They are an accelerator and no source of truth: there are topics for few kinds of configuration, an event can be lost while
//! nobody is connected, and what a body holds is not what a read tells. Whoever listens reads again what an event is about.
//!
//! A [`Listener`] keeps a channel subscribed to some topics for as long as it is asked for events: it makes the channel, connects
//! to its socket, subscribes, and does what is needed of that again when the socket falls silent, breaks or is closed, or the
//! channel nears the end of its day ([`Reconnect`]).
//!
//! Limits: the proxy settings of the environment are not used for the socket, so that behind a proxy no event comes. One
//! listener has one channel, and a channel has at most 1,000 topics.

mod listener;
mod reconnect;
mod socket;
mod topics;

use std::fmt;

use reqwest::Url;
use serde::Deserialize;

use super::call::{ChannelCall, ChannelId};
use super::client::{Body, Client, Get};
use super::error::FetchError;

pub use listener::Listener;
pub use reconnect::{Reconnect, Setback, Step};
pub use socket::{Heard, Lost, Notification, Socket};
pub use topics::{AvailableTopics, Refusal, RefusedTopic, Subscribed};

/// The path that tells which topics there are.
const TOPICS: &str = "/api/v2/notifications/availabletopics";

/// The most topics of a channel.
pub const MOST_TOPICS: usize = 1000;

/// A channel that events come on. What it holds lets anybody listen, so it is not shown.
#[derive(Clone)]
pub struct Channel {
    id: ChannelId,
    address: Url,
}

/// Notifications that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum NotificationError {
    /// A request failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// An answer is not what it should be.
    #[error("the API's answer about {0} is not what it should be")]
    Malformed(&'static str),
    /// The socket is at an address that is not safe to connect to.
    #[error("the API names a socket at an address that is not wss")]
    Insecure,
    /// No socket could be had.
    #[error("could not connect to the socket of a channel: {0}")]
    Connect(String),
    /// The channel does not exist any more.
    #[error("the channel has ended")]
    Gone,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChannelBody {
    id: String,
    connect_uri: String,
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("host", &self.address.host_str()).finish_non_exhaustive()
    }
}

impl Channel {
    fn read(body: &Body) -> Result<Self, NotificationError> {
        let malformed = || NotificationError::Malformed("a channel");
        let body: ChannelBody = serde_json::from_slice(&body.bytes).map_err(|_| malformed())?;
        let id = ChannelId::new(&body.id).ok_or_else(malformed)?;
        let address = Url::parse(&body.connect_uri).map_err(|_| malformed())?;
        let is_here = address.host_str().is_some_and(|host| {
            let host = host.trim_matches(['[', ']']);
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        });
        let is_safe = address.scheme() == "wss" || (address.scheme() == "ws" && is_here);
        if is_safe { Ok(Self { id, address }) } else { Err(NotificationError::Insecure) }
    }
}

impl NotificationError {
    /// Whether the channel does not exist any more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone | Self::Fetch(FetchError::NotFound { .. }))
    }
}

impl Client {
    /// Asks which topics there are, and what they need.
    pub async fn available_topics(&self) -> Result<AvailableTopics, NotificationError> {
        let query = vec![("expand".to_owned(), "requiresPermissions,transports".to_owned())];
        let body = self.get(&Get { path: TOPICS.to_owned(), query }).await?;
        AvailableTopics::read(&body.bytes).ok_or(NotificationError::Malformed("topics"))
    }

    /// Makes a channel. One too many ends another one of the same login, the one that was used longest ago.
    pub async fn open_channel(&self) -> Result<Channel, NotificationError> {
        Channel::read(&self.call(ChannelCall::open()).await?)
    }

    /// Subscribes a channel to topics in place of all it was subscribed to. Names that are no topic are not asked for.
    pub async fn subscribe(
        &self,
        channel: &Channel,
        topics: &[String],
        available: &AvailableTopics,
    ) -> Result<Subscribed, NotificationError> {
        let (wanted, refused) = available.choose(topics);
        let body = self.call(ChannelCall::subscribe(&channel.id, &wanted)).await?;
        let told = Subscribed::read(&body.bytes, refused);
        told.ok_or(NotificationError::Malformed("subscriptions"))
    }

    /// Ends what a channel is subscribed to; the channel ends by itself.
    pub async fn unsubscribe(&self, channel: &Channel) -> Result<(), NotificationError> {
        self.call(ChannelCall::unsubscribe(&channel.id)).await?;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn read(id: &str, uri: &str) -> Result<Channel, NotificationError> {
        let bytes = serde_json::json!({ "id": id, "connectUri": uri, "expires": "x" }).to_string().into_bytes();
        Channel::read(&Body { bytes, correlation: None })
    }

    #[test]
    fn only_this_machine_may_be_listened_to_in_clear() {
        for safe in ["wss://streaming.mypurecloud.ie/channels/1", "ws://127.0.0.1:80/x", "ws://[::1]/x"] {
            assert!(read("1", safe).is_ok(), "{safe}");
        }
        for unsafe_one in ["ws://streaming.mypurecloud.ie/channels/1", "http://127.0.0.1/x", "ws://10.0.0.1/x"] {
            assert!(matches!(read("1", unsafe_one), Err(NotificationError::Insecure)), "{unsafe_one}");
        }
        assert!(matches!(read("../x", "wss://a/b"), Err(NotificationError::Malformed(_))));
        assert!(matches!(read("1", "nothing"), Err(NotificationError::Malformed(_))));
    }

    #[test]
    fn a_channel_does_not_show_how_to_listen() {
        let shown = format!("{:?}", read("secret-id", "wss://host.example/channels/secret-id").unwrap());
        assert!(shown.contains("host.example") && !shown.contains("secret-id"), "{shown}");
    }
}
