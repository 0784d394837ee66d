//! Where events come from: the tasks that listen and ask.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch::Receiver;
use tokio::task::JoinHandle;

use super::WatchOptions;
use crate::attribution::SKEW;
use crate::capture::{AuditLog, AuditReading, TroubleKind};
use crate::genesys::{Client, Clock, Heard as OnSocket, Listener, Lost, Subscribed};

/// How often the listener looks whether its socket still lives.
const LOOK: Duration = Duration::from_secs(15);

/// How far back the audit log is read again each time, as records come late. Those that are later still are found by the next
/// scheduled run.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);

/// Asking takes no more than one request in so long. An organisation that takes no query over all of its services is asked
/// service by service, which takes hundreds.
const PER_REQUEST: Duration = Duration::from_secs(2);

/// What a source tells.
pub(super) enum Heard {
    /// Something happened.
    Event {
        /// The topic.
        topic: String,
        /// When it was heard.
        at: Duration,
    },
    /// Notifications come, for the first time or again.
    Subscribed(Subscribed),
    /// The socket is lost, which happens.
    Lost {
        /// How.
        cause: String,
    },
    /// Notifications cannot be had for now.
    Unheard {
        /// Why.
        cause: String,
    },
    /// The audit log was asked.
    Polled {
        /// What it said.
        reading: AuditReading,
        /// What that took.
        requests: u64,
        /// Up to when it was asked.
        up_to: DateTime<Utc>,
    },
}

/// A task that ends when nobody waits for it any more.
pub(super) struct Task(JoinHandle<()>);

impl Task {
    pub(super) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }

    /// Waits until it has ended, in whatever way.
    pub(super) async fn ended(self) {
        self.await;
    }
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // A source that failed brings no more events, and the schedule goes on.
        let _ = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Listens for notifications of the topics that are wanted, until nobody wants any more.
pub(super) async fn listen(
    client: Client,
    clock: Arc<dyn Clock>,
    mut wanted: Receiver<Vec<String>>,
    tell: UnboundedSender<Heard>,
) {
    while wanted.borrow_and_update().is_empty() {
        if wanted.changed().await.is_err() {
            return;
        }
    }
    let topics = wanted.borrow_and_update().clone();
    let mut listener = Listener::new(client, topics);
    loop {
        let mut news = None;
        let heard = listener
            .next(async {
                tokio::select! {
                    changed = wanted.changed() => news = Some(changed.is_ok()),
                    () = clock.sleep(LOOK) => {}
                }
            })
            .await;
        match news {
            Some(true) => listener.want(wanted.borrow_and_update().clone()),
            Some(false) => break,
            None => {}
        }
        let told = match heard {
            OnSocket::Notification(event) => Heard::Event { topic: event.topic, at: clock.now() },
            OnSocket::Subscribed(subscribed) => Heard::Subscribed(subscribed),
            OnSocket::Lost(lost) => Heard::Lost { cause: words_for(lost) },
            OnSocket::Failed(error) => Heard::Unheard { cause: crate::capture::with_causes(&error) },
            OnSocket::Heartbeat | OnSocket::Closing | OnSocket::Nothing => continue,
        };
        if tell.send(told).is_err() {
            break;
        }
    }
    listener.close().await;
}

fn words_for(lost: Lost) -> String {
    match lost {
        Lost::Silent => "it fell silent".to_owned(),
        Lost::Closed => "it was closed".to_owned(),
        Lost::Broken(cause) => cause,
    }
}

/// Asks the audit log now and then what happened.
pub(super) async fn poll(client: Client, options: WatchOptions, tell: UnboundedSender<Heard>) {
    let mut read = (options.present)();
    let mut wait = options.poll;
    loop {
        options.clock.sleep(wait).await;
        let client = client.another(None);
        let up_to = (options.present)();
        let reading = AuditLog::new(&client).read(read - OVERLAP, up_to + SKEW).await;
        let is_forbidden = reading.trouble.as_ref().is_some_and(|trouble| trouble.kind == TroubleKind::Forbidden);
        wait = pause(&options, client.requests(), is_forbidden);
        if reading.trouble.is_none() {
            read = up_to;
        }
        if tell.send(Heard::Polled { reading, requests: client.requests(), up_to }).is_err() {
            return;
        }
    }
}

/// How long to wait after the audit log was asked, which took so many requests.
fn pause(options: &WatchOptions, requests: u64, is_forbidden: bool) -> Duration {
    let fair = PER_REQUEST.saturating_mul(u32::try_from(requests).unwrap_or(u32::MAX));
    // A permission is not given within a minute.
    let hopeless = if is_forbidden { options.pacing.every } else { Duration::ZERO };
    options.poll.max(fair).max(hopeless)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genesys::InstantClock;
    use crate::watch::Pacing;

    #[test]
    fn the_audit_log_is_asked_less_often_where_that_is_dear_or_in_vain() {
        let seconds = Duration::from_secs;
        let (every, wait) = (seconds(900), seconds(30));
        let options = WatchOptions {
            pacing: Pacing { every, settle: wait, longest: wait, gap: wait, retry: wait, busy: wait },
            poll: seconds(60),
            clock: Arc::new(InstantClock::new()),
            present: Arc::new(DateTime::default),
        };
        assert_eq!(pause(&options, 8, false), seconds(60));
        assert_eq!(pause(&options, 250, false), seconds(500));
        assert_eq!(pause(&options, 2, true), seconds(900));
    }
}
