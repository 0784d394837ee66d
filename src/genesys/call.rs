//! What is sent to the API: reads, and the few calls about channels of notifications.

use serde_json::{Value as Json, json};

use super::client::Get;
use super::read::Read;

/// Where channels are made.
const CHANNELS: &str = "/api/v2/notifications/channels";

/// Something to send.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Call {
    /// A read.
    Read(Read),
    /// Something about a channel.
    Channel(ChannelCall),
}

/// A call about a channel of notifications, which is nothing that an organisation keeps: it ends by itself after a day.
///
/// These are the only calls besides reads and the login. No path can be given to them: an id is no more than letters, digits and
/// hyphens, so that none leads out of the channels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ChannelCall {
    path: String,
    method: Method,
}

/// How a call about a channel is sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Method {
    /// By POST, without a body.
    Open,
    /// By PUT, with the topics.
    Subscribe(Json),
    /// By DELETE.
    Unsubscribe,
}

/// The id of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChannelId(String);

impl ChannelId {
    /// Takes an id; `None` for a text that could be more than a segment of a path.
    pub(super) fn new(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (!text.is_empty() && text.bytes().all(is_plain)).then(|| Self(text.to_owned()))
    }
}

impl ChannelCall {
    /// Makes a channel.
    pub(super) fn open() -> Self {
        Self { path: CHANNELS.to_owned(), method: Method::Open }
    }

    /// Replaces what a channel is subscribed to; a topic that is refused does not keep the others out.
    pub(super) fn subscribe(channel: &ChannelId, topics: &[String]) -> Self {
        let topics: Json = topics.iter().map(|topic| json!({ "id": topic })).collect();
        Self { path: subscriptions(channel), method: Method::Subscribe(topics) }
    }

    /// Ends what a channel is subscribed to.
    pub(super) fn unsubscribe(channel: &ChannelId) -> Self {
        Self { path: subscriptions(channel), method: Method::Unsubscribe }
    }

    /// How it is sent.
    pub(super) fn method(&self) -> &Method {
        &self.method
    }
}

fn subscriptions(channel: &ChannelId) -> String {
    format!("{CHANNELS}/{}/subscriptions", channel.0)
}

impl Call {
    /// The path, from its first slash.
    pub(super) fn path(&self) -> &str {
        match self {
            Self::Read(read) => read.path(),
            Self::Channel(call) => &call.path,
        }
    }
}

impl From<Read> for Call {
    fn from(read: Read) -> Self {
        Self::Read(read)
    }
}

impl From<Get> for Call {
    fn from(get: Get) -> Self {
        Self::Read(get.into())
    }
}

impl From<ChannelCall> for Call {
    fn from(call: ChannelCall) -> Self {
        Self::Channel(call)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_call_about_a_channel_leads_nowhere_else() {
        let id = ChannelId::new("streaming-0-ab12_c").unwrap();
        let topics = ["v2.flows.1".to_owned()];
        for call in [ChannelCall::open(), ChannelCall::subscribe(&id, &topics), ChannelCall::unsubscribe(&id)] {
            let path = Call::from(call).path().to_owned();
            assert!(path == CHANNELS || path == format!("{CHANNELS}/streaming-0-ab12_c/subscriptions"), "{path}");
        }
        for other in ["", "..", "a/b", "a%2Fb", "a?b", "a#b", "a b"] {
            assert_eq!(ChannelId::new(other), None, "{other}");
        }
    }
}
