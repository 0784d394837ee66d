//! Obeys the retry policy: waits, holds, counts the time that faults cost, and says when it is too much.
//!
//! Three budgets bound that time. One listing may lose `listing_budget` to retries. A run may lose `run_budget` to requests that
//! failed in the end, and as much to a host that gives no good answer at all; after that nothing more is asked of it.
//! Time that passes while the pace holds a request is not lost.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::debug;

use super::clock::Clock;
use super::error::FetchError;
use super::failure::Failure;
use super::gate::Gate;
use super::lock;
use super::lost_time::LostTime;
use super::retry::{Decision, Outcome, Reason, Standing, decide};

/// The patience of one run.
pub(super) struct Patience {
    clock: Arc<dyn Clock>,
    gate: Arc<Gate>,
    limits: Limits,
    run: Mutex<Run>,
}

/// How long to wait, and how much time may be lost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The time for one whole answer.
    pub(super) answer_timeout: Duration,
    /// The time that the retries of one listing may take.
    pub(super) listing_budget: Duration,
    /// The time that faults may cost the run.
    pub(super) run_budget: Duration,
}

/// What one listing has spent so far, over all its requests.
#[derive(Debug, Default)]
pub(super) struct Spent {
    requests: AtomicU64,
    lost: Mutex<LostTime>,
}

/// What one request has gone through so far.
#[derive(Debug)]
pub(super) struct Effort {
    listing: Arc<Spent>,
    lost: LostTime,
    failures: u32,
    reauthenticated: bool,
}

/// What follows a failed attempt that was not the last.
#[derive(Debug)]
pub(super) enum Step {
    /// The wait is over: try again.
    Again,
    /// Try again with a new token; where none can be had, this is the error to report.
    Reauthenticate(FetchError),
}

#[derive(Debug, Default)]
struct Run {
    /// Lost to requests that failed in the end.
    in_vain: LostTime,
    /// Lost since the last good answer.
    silence: LostTime,
    /// Held by the rate limit of the token since the last good answer.
    held: LostTime,
}

impl Spent {
    /// Counts a request.
    pub(super) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many requests were made.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Effort {
    /// Begins a request of a listing.
    pub(super) fn new(listing: &Arc<Spent>) -> Self {
        Self { listing: Arc::clone(listing), lost: LostTime::default(), failures: 0, reauthenticated: false }
    }

    /// Returns what the listing has spent.
    pub(super) fn listing(&self) -> &Arc<Spent> {
        &self.listing
    }
}

impl Patience {
    /// Begins a run.
    pub(super) fn new(clock: Arc<dyn Clock>, gate: Arc<Gate>, limits: Limits) -> Self {
        Self { clock, gate, limits, run: Mutex::default() }
    }

    /// Begins another run that passes the same gate.
    pub(super) fn another(&self) -> Self {
        Self::new(Arc::clone(&self.clock), Arc::clone(&self.gate), self.limits)
    }

    /// Returns how long the next attempt may take, or that the host has been silent for too long to ask it anything.
    pub(super) fn time_allowed(&self, effort: &Effort, path: &str) -> Result<Duration, FetchError> {
        let silence = lock(&self.run).silence.total();
        if silence >= self.limits.run_budget {
            return Err(FetchError::Silent { path: path.to_owned(), silence });
        }
        let mut allowed = self.limits.answer_timeout;
        if !silence.is_zero() {
            allowed = allowed.min(self.limits.run_budget.saturating_sub(silence));
        }
        if effort.failures > 0 {
            allowed = allowed.min(self.remaining(effort));
        }
        Ok(allowed)
    }

    /// Takes note of a good answer.
    pub(super) fn answered(&self) {
        let mut run = lock(&self.run);
        run.silence.clear();
        run.held.clear();
    }

    /// Decides what follows a failed attempt, and waits where that is the decision.
    pub(super) async fn next(&self, effort: &mut Effort, failure: Failure) -> Result<Step, FetchError> {
        let Failure { fault, error, started } = failure;
        self.lose(effort, started, self.clock.now());
        effort.failures = effort.failures.saturating_add(1);
        let standing = Standing {
            failures: effort.failures,
            remaining: self.remaining(effort),
            held: lock(&self.run).held.total(),
            reauthenticated: effort.reauthenticated,
            jitter: self.clock.jitter(),
        };
        let decision = decide(&fault, &standing);
        debug!(%error, failures = effort.failures, ?decision, "attempt failed");
        match decision {
            Decision::Wait(wait) => {
                self.pause(effort, wait).await;
                Ok(Step::Again)
            }
            Decision::WaitAll(wait) => {
                // The next attempt waits at the gate, as all others do.
                let now = self.clock.now();
                self.gate.hold(wait);
                let mut run = lock(&self.run);
                run.held.add(now, now + wait);
                run.silence.clear();
                Ok(Step::Again)
            }
            Decision::Reauthenticate => {
                self.answered();
                effort.reauthenticated = true;
                Ok(Step::Reauthenticate(error))
            }
            Decision::Stop(Reason::Permanent | Reason::Unauthorised) => {
                if matches!(fault.outcome, Outcome::Status(_) | Outcome::Refused) {
                    self.answered();
                }
                Err(error)
            }
            Decision::Stop(Reason::BudgetSpent | Reason::WaitTooLong) => {
                lock(&self.run).in_vain.add_all(&effort.lost);
                Err(error)
            }
        }
    }

    async fn pause(&self, effort: &mut Effort, wait: Duration) {
        let start = self.clock.now();
        self.clock.sleep(wait).await;
        self.lose(effort, start, self.clock.now());
    }

    fn lose(&self, effort: &mut Effort, start: Duration, end: Duration) {
        effort.lost.add(start, end);
        lock(&effort.listing.lost).add(start, end);
        lock(&self.run).silence.add(start, end);
    }

    fn remaining(&self, effort: &Effort) -> Duration {
        let of_listing = self.limits.listing_budget.saturating_sub(lock(&effort.listing.lost).total());
        let run = lock(&self.run);
        let mut in_vain = run.in_vain.clone();
        in_vain.add_all(&effort.lost);
        let lost_by_run = in_vain.total().max(run.silence.total());
        of_listing.min(self.limits.run_budget.saturating_sub(lost_by_run))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::clock::InstantClock;
    use super::super::error::Malformation;
    use super::super::pace::RateHeaders;
    use super::super::response::{ErrorBody, Signals};
    use super::*;

    const LIMITS: Limits = Limits {
        answer_timeout: Duration::from_secs(30),
        listing_budget: Duration::from_secs(45),
        run_budget: Duration::from_secs(60),
    };

    fn patience() -> (Arc<InstantClock>, Patience) {
        let clock = Arc::new(InstantClock::new());
        let shared: Arc<dyn Clock> = clock.clone();
        let gate = Arc::new(Gate::new(Arc::clone(&shared), 8, 0.8));
        (clock, Patience::new(shared, gate, LIMITS))
    }

    fn malformed(started: Duration) -> Failure {
        Failure::malformed("/path", started, Malformation::NotJson, None)
    }

    /// Fails until it is given up, each attempt taking some time, and returns how long that took.
    async fn exhaust(clock: &InstantClock, patience: &Patience, listing: &Arc<Spent>, attempt: Duration) -> Duration {
        let begin = clock.now();
        let mut effort = Effort::new(listing);
        while let Ok(allowed) = patience.time_allowed(&effort, "/path") {
            let started = clock.now();
            clock.advance(allowed.min(attempt));
            let next = patience.next(&mut effort, malformed(started)).await;
            if next.is_err() {
                break;
            }
        }
        clock.now().saturating_sub(begin)
    }

    #[tokio::test]
    async fn the_requests_of_a_listing_share_its_budget() {
        let (clock, patience) = patience();
        let listing = Arc::default();
        let mut lost = Duration::ZERO;
        for _ in 0..100 {
            lost += exhaust(&clock, &patience, &listing, Duration::ZERO).await;
            patience.answered();
        }
        assert!(lost <= LIMITS.listing_budget, "{lost:?}");
        assert!(lost + Duration::from_secs(1) > LIMITS.listing_budget);
    }

    #[tokio::test]
    async fn failures_of_many_listings_cost_the_run_no_more_than_its_budget() {
        let (clock, patience) = patience();
        let mut lost = Duration::ZERO;
        for _ in 0..100 {
            lost += exhaust(&clock, &patience, &Arc::default(), Duration::ZERO).await;
            patience.answered();
        }
        assert!(lost <= LIMITS.run_budget, "{lost:?}");
        assert!(lost + Duration::from_secs(1) > LIMITS.run_budget);
    }

    #[tokio::test]
    async fn a_host_that_stays_silent_is_not_asked_any_more() {
        let (clock, patience) = patience();
        for _ in 0..100 {
            let attempt = LIMITS.answer_timeout;
            exhaust(&clock, &patience, &Arc::default(), attempt).await;
        }
        assert_eq!(clock.now(), LIMITS.run_budget);
        let effort = Effort::new(&Arc::default());
        assert!(matches!(
            patience.time_allowed(&effort, "/path"),
            Err(FetchError::Silent { silence, .. }) if silence == LIMITS.run_budget
        ));
    }

    #[tokio::test]
    async fn faults_that_pass_do_not_use_up_the_run() {
        let (clock, patience) = patience();
        for _ in 0..1000 {
            let mut effort = Effort::new(&Arc::default());
            let started = clock.now();
            clock.advance(Duration::from_secs(1));
            patience.next(&mut effort, malformed(started)).await.unwrap();
            patience.answered();
        }
    }

    fn rate_limited(with_headers: bool) -> Failure {
        let rate = with_headers.then_some(RateHeaders { count: 300, allowed: 300, reset: Duration::from_secs(50) });
        let signals = Signals { rate, retry_after: Some(Duration::from_secs(20)), ..Signals::default() };
        Failure::status("/path", Duration::ZERO, 429, signals, &ErrorBody::default())
    }

    #[tokio::test]
    async fn only_a_rate_limit_with_headers_holds_the_other_requests() {
        let twenty = Duration::from_secs(20);
        for (with_headers, own_wait) in [(true, vec![]), (false, vec![twenty])] {
            let (clock, patience) = patience();
            let mut effort = Effort::new(&Arc::default());
            let step = patience.next(&mut effort, rate_limited(with_headers)).await;
            assert!(matches!(step, Ok(Step::Again)));
            assert_eq!(clock.waits(), own_wait);
            let _pass = patience.gate.enter().await;
            assert_eq!(clock.waits(), [twenty]);
        }
    }
}
