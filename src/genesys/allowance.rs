//! How many requests a run has sent to the API, and how many it may send.

use std::sync::atomic::{AtomicU64, Ordering};

use super::error::FetchError;

/// Counts requests, up to a limit where there is one. Those to the login are not among them.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    limit: Option<u64>,
    sent: AtomicU64,
}

impl Allowance {
    /// Begins to count.
    pub(super) fn new(limit: Option<u64>) -> Self {
        Self { limit, sent: AtomicU64::new(0) }
    }

    /// Refuses to go on where nothing is left, so that nobody waits for a turn that leads nowhere.
    pub(super) fn check(&self, path: &str) -> Result<(), FetchError> {
        match self.limit {
            Some(limit) if self.sent() >= limit => Err(used_up(path, limit)),
            _ => Ok(()),
        }
    }

    /// Takes the right to send one request.
    pub(super) fn take(&self, path: &str) -> Result<(), FetchError> {
        let limit = self.limit.unwrap_or(u64::MAX);
        let more = |sent: u64| (sent < limit).then_some(sent + 1);
        let taken = self.sent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.map(drop).map_err(|_| used_up(path, limit))
    }

    /// Returns how many requests have been sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

fn used_up(path: &str, limit: u64) -> FetchError {
    FetchError::LimitReached { path: path.to_owned(), limit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_requests_are_sent_and_not_one_more() {
        let allowance = Allowance::new(Some(2));
        assert!(allowance.check("/a").is_ok());
        assert!(allowance.take("/a").is_ok() && allowance.take("/a").is_ok());
        for refused in [allowance.check("/b"), allowance.take("/b")] {
            let told = refused.map_err(|error| error.to_string());
            assert_eq!(told, Err("could not read /b: the run's limit of 2 requests is used up".to_owned()));
        }
        assert_eq!(allowance.sent(), 2);
    }

    #[test]
    fn without_a_limit_requests_are_only_counted() {
        let allowance = Allowance::default();
        assert!((0..1_000).all(|_| allowance.check("/a").and_then(|()| allowance.take("/a")).is_ok()));
        assert_eq!(allowance.sent(), 1_000);
    }
}
