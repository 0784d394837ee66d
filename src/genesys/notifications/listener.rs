//! Keeps a channel subscribed, and reads from it.

use std::pin::pin;
use std::sync::Arc;

use super::super::client::Client;
use super::super::clock::Clock;
use super::reconnect::{Reconnect, Setback, Step};
use super::socket::{Heard, Socket};
use super::topics::AvailableTopics;
use super::{Channel, NotificationError};

/// Listens for events of some topics.
pub struct Listener {
    client: Client,
    clock: Arc<dyn Clock>,
    topics: Vec<String>,
    available: Option<AvailableTopics>,
    reconnect: Reconnect,
    channel: Option<Channel>,
    socket: Option<Socket>,
}

impl Listener {
    /// Begins without a channel; what is needed is done when something is asked for.
    #[must_use]
    pub fn new(client: Client, topics: Vec<String>) -> Self {
        let clock = client.shared_clock();
        Self { client, clock, topics, available: None, reconnect: Reconnect::new(), channel: None, socket: None }
    }

    /// Waits for the next thing to hear, at most until a future ends. Requests that are under way are not broken off by it.
    ///
    /// It tells every setback, and goes on where it is called again.
    pub async fn next(&mut self, until: impl Future<Output = ()>) -> Heard {
        let mut until = pin!(until);
        loop {
            let told = match self.reconnect.step(self.clock.now()) {
                Step::Wait(wait) => {
                    let clock = Arc::clone(&self.clock);
                    tokio::select! {
                        biased;
                        () = clock.sleep(wait) => continue,
                        () = &mut until => return Heard::Nothing,
                    }
                }
                Step::Open => self.open().await.map(|()| None),
                Step::Connect => self.connect().await.map(|()| None),
                Step::Subscribe => self.subscribe().await.map(Some),
                Step::Read => return self.read(until.as_mut()).await,
            };
            match told {
                Ok(None) => {}
                Ok(Some(heard)) => return heard,
                Err(error) => {
                    let setback = if error.is_gone() { Setback::Gone } else { Setback::Failed };
                    self.set_back(setback);
                    return Heard::Failed(error);
                }
            }
        }
    }

    /// Subscribes to other topics from now on; what comes of those it had meanwhile still comes.
    pub fn want(&mut self, topics: Vec<String>) {
        self.topics = topics;
        if self.socket.is_some() {
            self.reconnect.connected();
        }
    }

    /// Gives the channel up: ends what it is subscribed to, and closes its socket.
    pub async fn close(mut self) {
        if let Some(channel) = self.channel.take() {
            // A channel that cannot be given up ends by itself within a day.
            let _ = self.client.unsubscribe(&channel).await;
        }
        if let Some(socket) = self.socket.take() {
            socket.close().await;
        }
    }

    async fn open(&mut self) -> Result<(), NotificationError> {
        self.socket = None;
        // Whatever the budgets were spent on is over: the new channel is a new effort.
        self.client = self.client.another(None);
        self.channel = Some(self.client.open_channel().await?);
        self.reconnect.opened(self.clock.now());
        Ok(())
    }

    async fn connect(&mut self) -> Result<(), NotificationError> {
        let channel = self.channel.as_ref().ok_or(NotificationError::Gone)?;
        self.socket = Some(Socket::connect(channel, Arc::clone(&self.clock)).await?);
        self.reconnect.connected();
        Ok(())
    }

    async fn subscribe(&mut self) -> Result<Heard, NotificationError> {
        let channel = self.channel.as_ref().ok_or(NotificationError::Gone)?;
        let available = match self.available.take() {
            Some(available) => available,
            None => self.client.available_topics().await?,
        };
        let subscribed = self.client.subscribe(channel, &self.topics, &available).await;
        self.available = Some(available);
        let subscribed = subscribed?;
        self.reconnect.subscribed();
        Ok(Heard::Subscribed(subscribed))
    }

    async fn read(&mut self, until: impl Future<Output = ()>) -> Heard {
        let heard = match &mut self.socket {
            Some(socket) => socket.next(until).await,
            None => Heard::Failed(NotificationError::Gone),
        };
        match &heard {
            Heard::Notification(_) | Heard::Heartbeat => self.reconnect.heard(),
            Heard::Lost(_) => self.set_back(Setback::Lost),
            Heard::Failed(_) => self.set_back(Setback::Gone),
            Heard::Subscribed(_) | Heard::Closing | Heard::Nothing => {}
        }
        heard
    }

    fn set_back(&mut self, setback: Setback) {
        self.socket = None;
        self.reconnect.set_back(setback, self.clock.now(), self.clock.jitter());
    }
}
