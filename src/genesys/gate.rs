//! The one place that every API request passes: it bounds what is in flight and keeps the pace.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::clock::Clock;
use super::lock;
use super::pace::{Pace, Rate, RateHeaders, Reservation, Turn};

/// Lets requests through, a bounded number at a time and at the pace of the token.
pub(super) struct Gate {
    clock: Arc<dyn Clock>,
    slots: Arc<Semaphore>,
    pace: Mutex<Pace>,
    changed: Notify,
}

/// The right to have one request in flight; it ends when dropped.
pub(super) struct Pass<'gate> {
    gate: &'gate Gate,
    reservation: Option<Reservation>,
    _slot: Option<OwnedSemaphorePermit>,
}

impl Gate {
    /// Opens a gate for a number of requests at a time and a share of the allowed rate.
    pub(super) fn new(clock: Arc<dyn Clock>, in_flight: usize, rate_share: f64) -> Self {
        Self {
            clock,
            slots: Arc::new(Semaphore::new(in_flight)),
            pace: Mutex::new(Pace::new(rate_share)),
            changed: Notify::new(),
        }
    }

    /// Waits for a free slot and for the pace to allow a request.
    pub(super) async fn enter(&self) -> Pass<'_> {
        // The semaphore is never closed, so that there always is a slot.
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
        loop {
            let changed = self.changed.notified();
            let now = self.clock.now();
            let turn = lock(&self.pace).ask(now);
            match turn {
                Turn::Send(reservation) => {
                    return Pass { gate: self, reservation: Some(reservation), _slot: slot };
                }
                Turn::HoldUntil(time) => self.clock.sleep(time.saturating_sub(now)).await,
                Turn::AwaitAnswer => changed.await,
            }
        }
    }

    /// Returns the rate limit of the token, where an answer has told one.
    pub(super) fn rate(&self) -> Option<Rate> {
        lock(&self.pace).rate()
    }

    /// Holds every request for a while.
    pub(super) fn hold(&self, duration: Duration) {
        lock(&self.pace).hold_until(self.clock.now() + duration);
    }
}

impl Pass<'_> {
    /// Takes note of the answer; the slot stays taken until its body is read.
    pub(super) fn answered(&mut self, headers: Option<RateHeaders>) {
        if let Some(reservation) = self.reservation.take() {
            lock(&self.gate.pace).answered(reservation, self.gate.clock.now(), headers);
            self.gate.changed.notify_waiters();
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if let Some(reservation) = self.reservation.take() {
            lock(&self.gate.pace).unanswered(reservation);
            self.gate.changed.notify_waiters();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use futures_util::FutureExt;

    use super::super::clock::InstantClock;
    use super::*;

    fn gate(in_flight: usize) -> Gate {
        Gate::new(Arc::new(InstantClock::new()), in_flight, 1.0)
    }

    #[tokio::test]
    async fn no_more_requests_than_slots_are_in_flight() {
        let gate = gate(2);
        let first = gate.enter().await;
        let _second = gate.enter().await;
        let mut third = Box::pin(gate.enter());
        assert!((&mut third).now_or_never().is_none());
        drop(first);
        assert!(third.now_or_never().is_some());
    }

    #[tokio::test]
    async fn an_answer_makes_room_for_who_waits_for_it() {
        let told = |count| Some(RateHeaders { count, allowed: 2, reset: Duration::from_secs(60) });
        let gate = gate(8);
        let mut first = gate.enter().await;
        let mut second = gate.enter().await;
        first.answered(told(0));
        let _third = gate.enter().await;
        let mut fourth = Box::pin(gate.enter());
        assert!((&mut fourth).now_or_never().is_none());
        second.answered(told(0));
        assert!(fourth.now_or_never().is_some());
    }
}
