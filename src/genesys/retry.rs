//! The one policy on failures: try again after a wait, ask for a new token, or stop.
//!
//! It is pure: it neither waits nor knows the time. The client obeys it (`patience`).

use std::time::Duration;

/// The first back-off; each further one is twice as long.
const BACKOFF_BASE: Duration = Duration::from_millis(250);
/// The longest back-off.
const BACKOFF_CAP: Duration = Duration::from_secs(8);
/// How long the rate limit of the token may hold everything without one good answer: two windows and a little.
const LONGEST_HOLD: Duration = Duration::from_secs(130);

/// How an attempt went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The server answered with a status that is no success.
    Status(u16),
    /// No whole answer came: refused, reset, timed out.
    Transport,
    /// The host could not prove who it is; trying again will not change that.
    Untrusted,
    /// The answer is not what it should be.
    Malformed,
    /// The answer is larger than we read.
    TooLarge,
    /// The login refuses the credentials.
    Refused,
}

/// What is known of a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    /// How it went wrong.
    pub(super) outcome: Outcome,
    /// The wait that the server asked for.
    pub(super) retry_after: Option<Duration>,
    /// The end of the token's rate window, where rate-limit headers came.
    pub(super) rate_reset: Option<Duration>,
}

/// How far the request has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// Failed attempts so far, this one included.
    pub(super) failures: u32,
    /// The time that may still be lost.
    pub(super) remaining: Duration,
    /// How long the rate limit of the token has held everything since the last good answer.
    pub(super) held: Duration,
    /// Whether a new token has already been asked for.
    pub(super) reauthenticated: bool,
    /// Chance, from 0 up to 1.
    pub(super) jitter: f64,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Wait, then try again.
    Wait(Duration),
    /// Hold every request of the token, then try again.
    WaitAll(Duration),
    /// Try again with a new token.
    Reauthenticate,
    /// Give up.
    Stop(Reason),
}

/// Why there is no further attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The same request would get the same answer.
    Permanent,
    /// A new token was refused as well.
    Unauthorised,
    /// No time is left for another attempt.
    BudgetSpent,
    /// The server asks for a longer wait than we may afford.
    WaitTooLong,
}

/// Decides what follows a failed attempt.
pub(super) fn decide(fault: &Fault, standing: &Standing) -> Decision {
    match fault.outcome {
        Outcome::Status(401) if !standing.reauthenticated => return Decision::Reauthenticate,
        Outcome::Status(401) => return Decision::Stop(Reason::Unauthorised),
        outcome if !is_transient(outcome) => return Decision::Stop(Reason::Permanent),
        _ => {}
    }
    let is_rate_limited = fault.outcome == Outcome::Status(429);
    let token_reset = fault.rate_reset.filter(|_| is_rate_limited);
    // An invitation to try again at once would be a loop without a pause.
    let asked = fault.retry_after.or(token_reset).filter(|wait| !wait.is_zero());
    let wait = asked.unwrap_or_else(|| backoff(standing.failures, standing.jitter));
    if token_reset.is_some() {
        // The limit doing what it is for is no fault, so the wait is not taken from what faults may cost.
        let is_endless = standing.held + wait > LONGEST_HOLD;
        return if is_endless { Decision::Stop(Reason::WaitTooLong) } else { Decision::WaitAll(wait) };
    }
    if wait >= standing.remaining {
        return Decision::Stop(if asked.is_some() { Reason::WaitTooLong } else { Reason::BudgetSpent });
    }
    Decision::Wait(wait)
}

fn is_transient(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Status(status) => status == 429 || (status >= 500 && status != 501),
        Outcome::Transport | Outcome::Malformed => true,
        Outcome::Untrusted | Outcome::TooLarge | Outcome::Refused => false,
    }
}

/// Returns a wait between half of the exponential back-off and all of it.
fn backoff(failures: u32, jitter: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let ceiling = BACKOFF_BASE.saturating_mul(1 << doublings).min(BACKOFF_CAP);
    ceiling.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Duration = Duration::from_secs(45);
    const FIRST: Decision = Decision::Wait(Duration::from_millis(125));

    fn fault(outcome: Outcome) -> Fault {
        Fault { outcome, retry_after: None, rate_reset: None }
    }

    fn standing() -> Standing {
        Standing { failures: 1, remaining: BUDGET, held: Duration::ZERO, reauthenticated: false, jitter: 0.0 }
    }

    #[test]
    fn each_outcome_has_one_decision() {
        use Outcome::{Malformed, Refused, Status, TooLarge, Transport, Untrusted};
        let permanent = Decision::Stop(Reason::Permanent);
        let table = [
            (Status(429), FIRST),
            (Status(500), FIRST),
            (Status(502), FIRST),
            (Status(503), FIRST),
            (Status(504), FIRST),
            (Transport, FIRST),
            (Malformed, FIRST),
            (Status(401), Decision::Reauthenticate),
            (Status(302), permanent),
            (Status(400), permanent),
            (Status(403), permanent),
            (Status(404), permanent),
            (Status(408), permanent),
            (Status(410), permanent),
            (Status(501), permanent),
            (Untrusted, permanent),
            (TooLarge, permanent),
            (Refused, permanent),
        ];
        for (outcome, expected) in table {
            assert_eq!(decide(&fault(outcome), &standing()), expected, "{outcome:?}");
        }
    }

    #[test]
    fn a_token_refused_twice_is_the_end() {
        let standing = Standing { reauthenticated: true, ..standing() };
        assert_eq!(decide(&fault(Outcome::Status(401)), &standing), Decision::Stop(Reason::Unauthorised));
    }

    #[test]
    fn the_back_off_doubles_up_to_its_cap() {
        let waits: Vec<u128> = [1, 2, 3, 4, 5, 6, 7, 100, u32::MAX]
            .into_iter()
            .map(|failures| backoff(failures, 1.0).as_millis())
            .collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 8000, 8000, 8000]);
    }

    #[test]
    fn jitter_moves_the_back_off_between_half_and_all() {
        let waits = [0.0, 0.5, 1.0, 7.0].map(|jitter| backoff(3, jitter).as_millis());
        assert_eq!(waits, [500, 750, 1000, 1000]);
    }

    #[test]
    fn a_wait_that_the_server_asks_for_is_taken_exactly() {
        for status in [429, 503] {
            let fault = Fault { retry_after: Some(Duration::from_secs(7)), ..fault(Outcome::Status(status)) };
            assert_eq!(decide(&fault, &standing()), Decision::Wait(Duration::from_secs(7)));
        }
    }

    #[test]
    fn an_invitation_to_retry_at_once_still_backs_off() {
        let fault = Fault { retry_after: Some(Duration::ZERO), ..fault(Outcome::Status(429)) };
        assert_eq!(decide(&fault, &standing()), FIRST);
    }

    #[test]
    fn a_rate_limit_with_headers_holds_the_whole_token() {
        let limited = fault(Outcome::Status(429));
        let reset = Some(Duration::from_secs(20));
        let table = [(None, Duration::from_secs(20)), (Some(Duration::from_secs(3)), Duration::from_secs(3))];
        for (retry_after, expected) in table {
            let fault = Fault { retry_after, rate_reset: reset, ..limited };
            assert_eq!(decide(&fault, &standing()), Decision::WaitAll(expected));
        }
        let server_error = Fault { rate_reset: reset, ..fault(Outcome::Status(500)) };
        assert_eq!(decide(&server_error, &standing()), FIRST);
    }

    #[test]
    fn the_rate_limit_of_the_token_may_hold_longer_than_a_fault_but_not_for_ever() {
        let limited = Fault { rate_reset: Some(Duration::from_secs(61)), ..fault(Outcome::Status(429)) };
        let held = |seconds| Standing { held: Duration::from_secs(seconds), ..standing() };
        assert_eq!(decide(&limited, &held(0)), Decision::WaitAll(Duration::from_secs(61)));
        assert_eq!(decide(&limited, &held(61)), Decision::WaitAll(Duration::from_secs(61)));
        assert_eq!(decide(&limited, &held(122)), Decision::Stop(Reason::WaitTooLong));
    }

    #[test]
    fn a_wait_beyond_the_budget_stops_at_once() {
        let asked = Fault { retry_after: Some(Duration::from_secs(45)), ..fault(Outcome::Status(429)) };
        assert_eq!(decide(&asked, &standing()), Decision::Stop(Reason::WaitTooLong));
        let spent = Standing { remaining: Duration::from_millis(125), ..standing() };
        assert_eq!(decide(&fault(Outcome::Transport), &spent), Decision::Stop(Reason::BudgetSpent));
    }
}
