//! Time and chance as inputs, so that waiting can be tested without waiting.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

use super::lock;

/// A source of time, waiting and chance.
pub trait Clock: Send + Sync {
    /// Returns the time since a fixed moment; it never goes back.
    fn now(&self) -> Duration;
    /// Waits.
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()>;
    /// Waits until a moment of [`Clock::now`]; not at all if that is over.
    fn sleep_until(&self, then: Duration) -> BoxFuture<'_, ()> {
        self.sleep(then.saturating_sub(self.now()))
    }
    /// Returns a number from 0 up to 1, by chance.
    fn jitter(&self) -> f64;
}

/// The machine's own clock.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

/// A clock for tests: sleeping moves its time forward and returns at once.
///
/// It remembers every wait. Two sleeps that begin at the same moment overlap, as they would in reality.
#[derive(Debug, Default)]
pub struct InstantClock {
    state: Mutex<InstantState>,
}

#[derive(Debug, Default)]
struct InstantState {
    now: Duration,
    waits: Vec<Duration>,
}

impl SystemClock {
    /// Starts at zero.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn jitter(&self) -> f64 {
        // Without randomness, programs that fail together also retry together; that is no reason to stop.
        getrandom::u32().map_or(0.5, |bits| f64::from(bits) / (f64::from(u32::MAX) + 1.0))
    }
}

impl InstantClock {
    /// Starts at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the time forward without anybody having waited.
    pub fn advance(&self, duration: Duration) {
        lock(&self.state).now += duration;
    }

    /// Returns the waits so far, in the order in which they began.
    pub fn waits(&self) -> Vec<Duration> {
        lock(&self.state).waits.clone()
    }
}

impl Clock for InstantClock {
    fn now(&self) -> Duration {
        lock(&self.state).now
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        let until = {
            let mut state = lock(&self.state);
            state.waits.push(duration);
            state.now + duration
        };
        Box::pin(async move {
            tokio::task::yield_now().await;
            let mut state = lock(&self.state);
            state.now = state.now.max(until);
        })
    }

    /// Always the middle.
    fn jitter(&self) -> f64 {
        0.5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleeps_that_begin_together_overlap_on_the_instant_clock() {
        let clock = InstantClock::new();
        let (first, second) = (clock.sleep(Duration::from_secs(3)), clock.sleep(Duration::from_secs(5)));
        tokio::join!(first, second);
        assert_eq!(clock.now(), Duration::from_secs(5));
        assert_eq!(clock.waits(), [Duration::from_secs(3), Duration::from_secs(5)]);
    }

    #[test]
    fn jitter_is_at_least_zero_and_below_one() {
        let clock = SystemClock::new();
        assert!((0..1000).all(|_| (0.0..1.0).contains(&clock.jitter())));
    }
}
