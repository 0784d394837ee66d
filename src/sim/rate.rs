//! The rate limit of the API: so many requests in a fixed window.

use std::time::Duration;

/// How long a window is.
const WINDOW: Duration = Duration::from_secs(60);

/// What has been used of the limit.
#[derive(Debug, Default)]
pub(super) struct RateLimit {
    started: Option<Duration>,
    count: u32,
}

/// What the rate headers of an answer say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) count: u32,
    pub(super) allowed: u32,
    /// Seconds until the window ends.
    pub(super) reset: u64,
}

impl RateLimit {
    /// Counts a request.
    pub(super) fn count(&mut self, allowed: u32, now: Duration) -> Usage {
        let started = match self.started {
            Some(started) if now < started + WINDOW => started,
            _ => {
                self.count = 0;
                now
            }
        };
        self.started = Some(started);
        self.count = self.count.saturating_add(1);
        let left = (started + WINDOW).saturating_sub(now);
        Usage { count: self.count, allowed, reset: left.as_secs() + u64::from(left.subsec_nanos() > 0) }
    }
}

impl Usage {
    pub(super) fn is_exceeded(self) -> bool {
        self.count > self.allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_used_up_and_a_new_one_begins() {
        let mut limit = RateLimit::default();
        let mut count = |seconds| limit.count(2, Duration::from_millis(seconds));
        assert_eq!(count(1_000), Usage { count: 1, allowed: 2, reset: 60 });
        assert!(!count(2_500).is_exceeded());
        let third = count(60_500);
        assert_eq!(third, Usage { count: 3, allowed: 2, reset: 1 });
        assert!(third.is_exceeded());
        assert_eq!(count(61_000), Usage { count: 1, allowed: 2, reset: 60 });
    }
}
