//! The socket of a channel.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use serde::Deserialize;
use serde_json::Value as Json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::super::clock::Clock;
use super::{Channel, NotificationError, Subscribed};

/// A socket that says nothing for so long is dead: the API sends a heartbeat every 30 s.
const SILENCE: Duration = Duration::from_secs(75);

/// A host that does not take the connection for so long will not.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest message that is read.
const MESSAGE_LIMIT_BYTES: usize = 1 << 20;

/// The topic of what is about the channel itself, heartbeats among it.
const METADATA: &str = "channel.metadata";

/// The topic that says that the API is about to close the socket.
const CLOSING: &str = "v2.system.socket_closing";

/// An event about something that was subscribed to.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// The topic, with the ids in it.
    pub topic: String,
    /// What the API tells.
    pub body: Json,
}

/// What was heard.
#[derive(Debug)]
pub enum Heard {
    /// The channel is connected and subscribed, for the first time or again. What happened before is not told.
    Subscribed(Subscribed),
    /// An event.
    Notification(Notification),
    /// A sign of life.
    Heartbeat,
    /// The API is about to close the socket.
    Closing,
    /// The socket is lost.
    Lost(Lost),
    /// A step on the way to events did not succeed; it is tried again.
    Failed(NotificationError),
    /// Nothing, until the time was up.
    Nothing,
}

/// How a socket was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// It said nothing for too long.
    Silent,
    /// It was closed properly.
    Closed,
    /// It broke; what the other side or the network said.
    Broken(String),
}

/// A connection to a channel.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    clock: Arc<dyn Clock>,
    /// When something was heard last.
    heard: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    topic_name: String,
    #[serde(default)]
    event_body: Json,
}

impl Socket {
    /// Connects to a channel.
    pub async fn connect(channel: &Channel, clock: Arc<dyn Clock>) -> Result<Self, NotificationError> {
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_LIMIT_BYTES))
            .max_frame_size(Some(MESSAGE_LIMIT_BYTES));
        let connecting = connect_async_with_config(channel.address.as_str(), Some(config), true);
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await;
        let connected = connected.map_err(|_| NotificationError::Connect("it takes too long".to_owned()))?;
        let (stream, _) = connected.map_err(|error| match error {
            tungstenite::Error::Http(answer) if matches!(answer.status().as_u16(), 404 | 410) => {
                NotificationError::Gone
            }
            error => NotificationError::Connect(error.to_string()),
        })?;
        let heard = clock.now();
        Ok(Self { stream, clock, heard })
    }

    /// Waits for the next thing to hear, at most until a future ends.
    ///
    /// Whether the socket is silent is judged by the clock, and only when that future ends without anything heard: what has come
    /// by then counts, however far the clock has gone. So a clock of which somebody moves the time makes nothing late.
    pub async fn next(&mut self, until: impl Future<Output = ()>) -> Heard {
        let mut until = pin!(until);
        loop {
            let message = tokio::select! {
                biased;
                message = self.stream.next() => message,
                () = &mut until => match self.last_look().await {
                    Some(message) => message,
                    None => return self.judged(),
                },
            };
            if let Some(heard) = self.understood(message) {
                return heard;
            }
        }
    }

    /// Says that nobody listens any more.
    pub async fn close(mut self) {
        // Whoever is gone already needs no farewell.
        let _ = self.stream.close(None).await;
    }

    /// What came in until now. The runtime gets the chance to ask the machine once more before there is said to be nothing.
    async fn last_look(&mut self) -> Option<Option<Result<Message, tungstenite::Error>>> {
        tokio::task::yield_now().await;
        self.stream.next().now_or_never()
    }

    fn judged(&self) -> Heard {
        let is_silent = self.clock.now().saturating_sub(self.heard) >= SILENCE;
        if is_silent { Heard::Lost(Lost::Silent) } else { Heard::Nothing }
    }

    /// How long the socket may go on saying nothing.
    #[must_use]
    pub fn patience(&self) -> Duration {
        (self.heard + SILENCE).saturating_sub(self.clock.now())
    }

    /// What a message says; `None` for one that says nothing to us.
    fn understood(&mut self, message: Option<Result<Message, tungstenite::Error>>) -> Option<Heard> {
        let text = match message {
            None | Some(Ok(Message::Close(_)) | Err(tungstenite::Error::ConnectionClosed)) => {
                return Some(Heard::Lost(Lost::Closed));
            }
            Some(Err(error)) => return Some(Heard::Lost(Lost::Broken(error.to_string()))),
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(_)) => return None,
        };
        self.heard = self.clock.now();
        let Ok(event) = serde_json::from_str::<Event>(&text) else {
            tracing::debug!(bytes = text.len(), "a message of a channel is no event");
            return None;
        };
        Some(match event.topic_name.as_str() {
            METADATA => Heard::Heartbeat,
            CLOSING => Heard::Closing,
            _ => Heard::Notification(Notification { topic: event.topic_name, body: event.event_body }),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::future::{pending, ready};

    use reqwest::Url;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::super::super::call::ChannelId;
    use super::super::super::clock::InstantClock;
    use super::*;

    /// A socket on which some messages come at once, and then no more.
    async fn with(messages: &[&str]) -> (Socket, Arc<InstantClock>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Url::parse(&format!("ws://{}", listener.local_addr().unwrap())).unwrap();
        let channel = Channel { id: ChannelId::new("c").unwrap(), address };
        let clock = Arc::new(InstantClock::new());
        let (accepted, socket) = tokio::join!(
            async { tokio_tungstenite::accept_async(listener.accept().await.unwrap().0).await.unwrap() },
            Socket::connect(&channel, clock.clone()),
        );
        let mut stream = accepted.into_inner();
        let mut frames = Vec::new();
        for message in messages {
            // A whole text of less than 126 bytes, as a server sends it.
            frames.extend([0x81, u8::try_from(message.len()).unwrap()]);
            frames.extend(message.as_bytes());
        }
        stream.write_all(&frames).await.unwrap();
        (socket.unwrap(), clock, stream)
    }

    const BEAT: &str = r#"{"topicName":"channel.metadata","eventBody":{"message":"WebSocket Heartbeat"}}"#;
    const EVENT: &str = r#"{"topicName":"v2.flows.1","eventBody":{"id":"1"}}"#;

    #[tokio::test]
    async fn what_has_come_is_heard_however_late_the_clock_says_it_is() {
        let (mut socket, clock, _other) = with(&[BEAT, "no event", EVENT]).await;
        assert!(matches!(socket.next(pending()).await, Heard::Heartbeat));
        clock.advance(SILENCE * 10);
        assert!(matches!(socket.next(ready(())).await, Heard::Notification(event) if event.body["id"] == "1"));
        assert_eq!(socket.patience(), SILENCE);
        assert!(matches!(socket.next(ready(())).await, Heard::Nothing));
        let wait = clock.sleep(socket.patience());
        assert!(matches!(socket.next(wait).await, Heard::Lost(Lost::Silent)));
    }

    #[tokio::test]
    async fn a_connection_that_ends_without_a_word_is_lost() {
        let (mut socket, _, other) = with(&[BEAT]).await;
        drop(other);
        assert!(matches!(socket.next(pending()).await, Heard::Heartbeat));
        assert!(matches!(socket.next(pending()).await, Heard::Lost(_)));
    }
}
