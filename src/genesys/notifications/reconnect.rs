//! When to connect again, and how much of it: what is needed for events to come, as steps and setbacks.
//!
//! Pure: it neither waits nor knows the time; the listener does what it says.

use std::time::Duration;

/// The first wait after a setback; each further one is twice as long.
const BACKOFF_BASE: Duration = Duration::from_secs(1);

/// The longest wait.
const BACKOFF_CAP: Duration = Duration::from_secs(300);

/// A channel is replaced at this age; the API ends it an hour later.
const OLD: Duration = Duration::from_secs(23 * 60 * 60);

/// How often in a row one channel may fail before another is tried.
const MOST_IN_VAIN: u32 = 2;

/// What to do next for events to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Wait so long.
    Wait(Duration),
    /// Make a channel.
    Open,
    /// Connect to its socket.
    Connect,
    /// Say what is wanted; on a new socket also where the channel was subscribed before.
    Subscribe,
    /// Read from the socket.
    Read,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setback {
    /// The socket is lost; the channel may be as good as before.
    Lost,
    /// The step did not succeed.
    Failed,
    /// The channel does not exist any more.
    Gone,
}

/// How far the way to events is.
#[derive(Debug, Clone, Default)]
pub struct Reconnect {
    stage: Stage,
    /// When the channel was made; absent where there is none.
    opened: Option<Duration>,
    /// Setbacks since something was heard.
    setbacks: u32,
    /// Failures of the channel since it was last subscribed.
    in_vain: u32,
    /// Until when to wait.
    until: Option<Duration>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Connect,
    Subscribe,
    Read,
}

impl Reconnect {
    /// Begins with nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What to do at a time.
    pub fn step(&mut self, now: Duration) -> Step {
        if let Some(wait) = self.until.and_then(|until| until.checked_sub(now)).filter(|wait| !wait.is_zero()) {
            return Step::Wait(wait);
        }
        self.until = None;
        if self.opened.is_none_or(|opened| now >= opened + OLD) {
            self.opened = None;
            self.stage = Stage::Connect;
            return Step::Open;
        }
        match self.stage {
            Stage::Connect => Step::Connect,
            Stage::Subscribe => Step::Subscribe,
            Stage::Read => Step::Read,
        }
    }

    /// A channel was made.
    pub fn opened(&mut self, now: Duration) {
        self.opened = Some(now);
        self.in_vain = 0;
        self.stage = Stage::Connect;
    }

    /// Its socket is there.
    pub fn connected(&mut self) {
        self.stage = Stage::Subscribe;
    }

    /// It is subscribed.
    pub fn subscribed(&mut self) {
        self.stage = Stage::Read;
        self.in_vain = 0;
    }

    /// Something came on the socket, which is more than a connection: the next wait is a short one again.
    pub fn heard(&mut self) {
        self.setbacks = 0;
    }

    /// Something went wrong; `jitter` is chance from 0 up to 1.
    pub fn set_back(&mut self, setback: Setback, now: Duration, jitter: f64) {
        self.setbacks = self.setbacks.saturating_add(1);
        if setback == Setback::Failed {
            self.in_vain += 1;
        }
        if setback == Setback::Gone || self.in_vain >= MOST_IN_VAIN {
            self.opened = None;
        }
        self.stage = Stage::Connect;
        self.until = Some(now + backoff(self.setbacks, jitter));
    }
}

/// Returns a wait between half of the exponential back-off and all of it.
fn backoff(setbacks: u32, jitter: f64) -> Duration {
    let doublings = setbacks.saturating_sub(1).min(16);
    let ceiling = BACKOFF_BASE.saturating_mul(1 << doublings).min(BACKOFF_CAP);
    ceiling.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::ZERO;
    const HOUR: Duration = Duration::from_secs(3600);

    fn reading() -> Reconnect {
        let mut reconnect = Reconnect::new();
        assert_eq!(reconnect.step(START), Step::Open);
        reconnect.opened(START);
        assert_eq!(reconnect.step(START), Step::Connect);
        reconnect.connected();
        assert_eq!(reconnect.step(START), Step::Subscribe);
        reconnect.subscribed();
        assert_eq!(reconnect.step(START), Step::Read);
        reconnect
    }

    #[test]
    fn a_lost_socket_is_replaced_on_the_same_channel_and_subscribed_again() {
        let mut reconnect = reading();
        reconnect.set_back(Setback::Lost, HOUR, 1.0);
        assert_eq!(reconnect.step(HOUR), Step::Wait(BACKOFF_BASE));
        assert_eq!(reconnect.step(HOUR + BACKOFF_BASE), Step::Connect);
        reconnect.connected();
        assert_eq!(reconnect.step(HOUR + BACKOFF_BASE), Step::Subscribe);
    }

    #[test]
    fn a_channel_that_is_gone_or_fails_twice_is_replaced() {
        let mut gone = reading();
        gone.set_back(Setback::Gone, START, 0.0);
        assert_eq!(gone.step(HOUR), Step::Open);
        let mut failing = reading();
        failing.set_back(Setback::Lost, START, 0.0);
        failing.set_back(Setback::Failed, START, 0.0);
        assert_eq!(failing.step(HOUR), Step::Connect);
        failing.set_back(Setback::Failed, START, 0.0);
        assert_eq!(failing.step(HOUR), Step::Open);
    }

    #[test]
    fn a_channel_is_replaced_before_its_day_is_over_also_while_it_is_read() {
        let mut reconnect = reading();
        assert_eq!(reconnect.step(HOUR * 22), Step::Read);
        assert_eq!(reconnect.step(OLD), Step::Open);
        reconnect.opened(OLD);
        assert_eq!(reconnect.step(OLD), Step::Connect);
        assert_eq!(reconnect.step(OLD + OLD), Step::Open);
    }

    #[test]
    fn waits_double_up_to_a_cap_until_something_is_heard() {
        let mut reconnect = reading();
        let wait = |reconnect: &mut Reconnect, jitter| {
            reconnect.set_back(Setback::Lost, START, jitter);
            match reconnect.step(START) {
                Step::Wait(wait) => wait.as_millis(),
                other => panic!("{other:?}"),
            }
        };
        let waits: Vec<u128> = (0..11).map(|_| wait(&mut reconnect, 1.0)).collect();
        assert_eq!(waits[..4], [1000, 2000, 4000, 8000]);
        assert_eq!(waits[9..], [300_000, 300_000]);
        reconnect.connected();
        reconnect.subscribed();
        assert_eq!(wait(&mut reconnect, 0.0), 150_000, "a connection alone is no reason for hope");
        reconnect.heard();
        assert_eq!(wait(&mut reconnect, 0.0), 500);
    }
}
