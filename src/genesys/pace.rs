//! How fast to send, from the rate-limit headers of the API.
//!
//! The API counts the requests of a token in windows of about a minute and tells with each answer how many it has counted, how
//! many it allows and when the window ends. We use a share of what is allowed, because other programs live on the same limit.
//! This is pure state: it is fed with our own sends and the headers, and answers "send" or "hold".
//!
//! Requests that are not answered yet may or may not be in the server's count; they are taken as not, so that the share is
//! never passed. Until headers come there is nothing to pace by, and nothing is held.

use std::time::Duration;

/// The reset is told in whole seconds, so that the window may last up to this much longer.
const RESET_ROUNDING: Duration = Duration::from_secs(1);
/// The API's windows last a minute; one that claims to last longer than this is not believed.
const LONGEST_WINDOW: Duration = Duration::from_secs(120);

/// The rate-limit headers of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RateHeaders {
    /// Requests counted in the current window.
    pub(super) count: u64,
    /// Requests allowed in a window.
    pub(super) allowed: u64,
    /// The time to the end of the window.
    pub(super) reset: Duration,
}

/// The rate limit of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests that the API allows in a minute.
    pub allowed: u64,
    /// Requests that we use of them.
    pub used: u64,
}

/// The right to send one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reservation {
    number: u64,
    at: Duration,
}

/// The answer to the wish to send.
#[derive(Debug, Clone, Copy)]
pub(super) enum Turn {
    /// Send now.
    Send(Reservation),
    /// Ask again at this time.
    HoldUntil(Duration),
    /// Ask again when another request has been answered: there may be room then.
    AwaitAnswer,
}

/// The pace of one token.
#[derive(Debug)]
pub(super) struct Pace {
    share: f64,
    next_number: u64,
    outstanding: u64,
    held_until: Duration,
    allowed: Option<u64>,
    window: Option<Window>,
}

#[derive(Debug)]
struct Window {
    /// The first reservation that is known to belong to this window.
    opened_by: u64,
    allowed: u64,
    /// The highest count the server has told.
    counted: u64,
    /// Finished requests that the count may not hold.
    uncounted: u64,
    /// A count told to this reservation, or a later one, holds the uncounted ones.
    counted_from: u64,
    /// The latest end that fits every answer; unknown until the first.
    ends: Option<Duration>,
}

impl RateHeaders {
    /// Reads the three headers; anything that makes no sense is as if they were missing.
    pub(super) fn parse(count: Option<&str>, allowed: Option<&str>, reset: Option<&str>) -> Option<Self> {
        let number = |text: Option<&str>| text?.trim().parse::<u64>().ok();
        let headers =
            Self { count: number(count)?, allowed: number(allowed)?, reset: Duration::from_secs(number(reset)?) };
        (headers.allowed > 0 && headers.reset <= LONGEST_WINDOW).then_some(headers)
    }
}

impl Pace {
    /// Starts without knowing any limit.
    pub(super) fn new(share: f64) -> Self {
        Self { share, next_number: 0, outstanding: 0, held_until: Duration::ZERO, allowed: None, window: None }
    }

    /// Asks for the right to send a request now.
    pub(super) fn ask(&mut self, now: Duration) -> Turn {
        if now < self.held_until {
            return Turn::HoldUntil(self.held_until);
        }
        if let Some(window) = &mut self.window {
            if window.ends.is_some_and(|ends| ends <= now) {
                *window = Window::expected(self.next_number, window.allowed);
            }
            let room = budget(self.share, window.allowed).saturating_sub(window.counted + window.uncounted);
            match window.ends {
                _ if room > self.outstanding => {}
                _ if room > 0 => return Turn::AwaitAnswer,
                Some(ends) => return Turn::HoldUntil(ends),
                // A whole budget was answered without headers: there is nothing left to pace by.
                None => self.window = None,
            }
        }
        let reservation = Reservation { number: self.next_number, at: now };
        self.next_number += 1;
        self.outstanding += 1;
        Turn::Send(reservation)
    }

    /// Takes note of an answer and its headers.
    pub(super) fn answered(&mut self, reservation: Reservation, now: Duration, headers: Option<RateHeaders>) {
        self.outstanding = self.outstanding.saturating_sub(1);
        let belongs = self.window.as_ref().is_none_or(|window| reservation.number >= window.opened_by);
        match headers.filter(|_| belongs) {
            Some(headers) => self.learn(reservation, now, headers),
            None => {
                if let Some(window) = &mut self.window {
                    window.uncounted += 1;
                    window.counted_from = self.next_number;
                }
            }
        }
    }

    /// Takes note of a request that got no answer; the server may have counted it.
    pub(super) fn unanswered(&mut self, reservation: Reservation) {
        self.answered(reservation, reservation.at, None);
    }

    /// Holds every request until a time.
    pub(super) fn hold_until(&mut self, time: Duration) {
        self.held_until = self.held_until.max(time);
    }

    /// Returns the limit that was told last.
    pub(super) fn rate(&self) -> Option<Rate> {
        self.allowed.map(|allowed| Rate { allowed, used: budget(self.share, allowed) })
    }

    fn learn(&mut self, reservation: Reservation, now: Duration, headers: RateHeaders) {
        self.allowed = Some(headers.allowed);
        let latest_end = now + headers.reset + RESET_ROUNDING;
        match &mut self.window {
            Some(window) if window.ends.is_none_or(|ends| reservation.at + headers.reset <= ends) => {
                window.allowed = headers.allowed;
                window.counted = window.counted.max(headers.count);
                window.ends = Some(window.ends.map_or(latest_end, |ends| ends.min(latest_end)));
                if reservation.number >= window.counted_from {
                    window.uncounted = 0;
                }
            }
            // The first window, or one that began before we expected it.
            window => {
                *window = Some(Window {
                    counted: headers.count,
                    ends: Some(latest_end),
                    ..Window::expected(reservation.number, headers.allowed)
                });
            }
        }
    }
}

impl Window {
    fn expected(opened_by: u64, allowed: u64) -> Self {
        Self { opened_by, allowed, counted: 0, uncounted: 0, counted_from: opened_by, ends: None }
    }
}

/// Returns the requests we may use of a window, at least one.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "limits are small positive numbers, and a float cast saturates"
)]
fn budget(share: f64, allowed: u64) -> u64 {
    ((allowed as f64 * share).floor() as u64).max(1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn headers(count: u64, allowed: u64, reset: u64) -> RateHeaders {
        RateHeaders { count, allowed, reset: seconds(reset) }
    }

    fn send(pace: &mut Pace, now: Duration) -> Reservation {
        match pace.ask(now) {
            Turn::Send(reservation) => reservation,
            held => panic!("held: {held:?}"),
        }
    }

    #[test]
    fn headers_that_make_no_sense_are_as_if_missing() {
        let table = [
            ((Some("5"), Some("300"), Some("42")), Some(headers(5, 300, 42))),
            ((Some("301"), Some("300"), Some("0")), Some(headers(301, 300, 0))),
            ((None, Some("300"), Some("42")), None),
            ((Some("5"), Some("0"), Some("42")), None),
            ((Some("-5"), Some("300"), Some("42")), None),
            ((Some("5"), Some("many"), Some("42")), None),
            ((Some("5"), Some("300"), Some("1732184000")), None),
        ];
        for ((count, allowed, reset), expected) in table {
            assert_eq!(RateHeaders::parse(count, allowed, reset), expected);
        }
    }

    #[test]
    fn without_headers_nothing_is_held() {
        let mut pace = Pace::new(0.8);
        for _ in 0..10_000 {
            let reservation = send(&mut pace, seconds(0));
            pace.answered(reservation, seconds(0), None);
        }
    }

    #[test]
    fn a_full_window_holds_until_it_has_surely_ended() {
        let mut pace = Pace::new(0.8);
        let first = send(&mut pace, seconds(10));
        pace.answered(first, seconds(10), Some(headers(80, 100, 30)));
        assert!(matches!(pace.ask(seconds(11)), Turn::HoldUntil(end) if end == seconds(41)));
        send(&mut pace, seconds(41));
    }

    #[test]
    fn unanswered_requests_take_the_room_that_they_may_need() {
        let mut pace = Pace::new(1.0);
        let first = send(&mut pace, seconds(0));
        pace.answered(first, seconds(0), Some(headers(8, 10, 60)));
        let second = send(&mut pace, seconds(0));
        send(&mut pace, seconds(0));
        assert!(matches!(pace.ask(seconds(0)), Turn::AwaitAnswer));
        pace.answered(second, seconds(0), Some(headers(9, 10, 60)));
        assert!(matches!(pace.ask(seconds(0)), Turn::AwaitAnswer));
    }

    #[test]
    fn a_request_without_an_answer_is_taken_as_counted_until_a_later_count() {
        let mut pace = Pace::new(1.0);
        let first = send(&mut pace, seconds(0));
        let lost = send(&mut pace, seconds(0));
        let third = send(&mut pace, seconds(0));
        pace.answered(first, seconds(0), Some(headers(1, 3, 60)));
        pace.unanswered(lost);
        assert!(matches!(pace.ask(seconds(0)), Turn::AwaitAnswer));
        pace.answered(third, seconds(0), Some(headers(2, 3, 60)));
        assert!(matches!(pace.ask(seconds(0)), Turn::HoldUntil(_)));
    }

    #[test]
    fn an_answer_from_before_the_window_does_not_change_it() {
        let mut pace = Pace::new(1.0);
        let first = send(&mut pace, seconds(0));
        let late = send(&mut pace, seconds(0));
        pace.answered(first, seconds(0), Some(headers(1, 5, 10)));
        let opener = send(&mut pace, seconds(11));
        pace.answered(opener, seconds(11), Some(headers(3, 5, 60)));
        pace.answered(late, seconds(12), Some(headers(2, 5, 0)));
        let last = send(&mut pace, seconds(13));
        pace.answered(last, seconds(13), Some(headers(5, 5, 58)));
        assert!(matches!(pace.ask(seconds(20)), Turn::HoldUntil(end) if end == seconds(72)));
    }

    #[test]
    fn a_hold_stops_everything_until_it_is_over() {
        let mut pace = Pace::new(0.8);
        pace.hold_until(seconds(30));
        pace.hold_until(seconds(20));
        assert!(matches!(pace.ask(seconds(29)), Turn::HoldUntil(end) if end == seconds(30)));
        send(&mut pace, seconds(30));
    }

    #[test]
    fn a_tiny_share_still_moves() {
        let mut pace = Pace::new(0.01);
        let first = send(&mut pace, seconds(0));
        pace.answered(first, seconds(0), Some(headers(0, 10, 60)));
        send(&mut pace, seconds(0));
    }

    mod against_a_counting_server {
        use super::*;
        use proptest::prelude::*;

        /// The times of one request, in milliseconds.
        struct Journey {
            reservation: Reservation,
            counted_at: u64,
            answered_at: u64,
        }

        /// Sends for five windows and returns how many requests the server counted in each.
        fn run(allowed: u64, in_flight: usize, delays: &[(u64, u64)]) -> Vec<u64> {
            const WINDOW: u64 = 60_000;
            let at = Duration::from_millis;
            let mut pace = Pace::new(0.8);
            let mut counts = vec![0_u64; 6];
            let mut under_way: Vec<Journey> = Vec::new();
            let mut arrived: Vec<(Journey, RateHeaders)> = Vec::new();
            let mut delays = delays.iter().cycle();
            for now in (0..5 * WINDOW).step_by(10) {
                while under_way.len() + arrived.len() < in_flight {
                    let Turn::Send(reservation) = pace.ask(at(now)) else {
                        break;
                    };
                    let (there, back) = delays.next().unwrap();
                    under_way.push(Journey { reservation, counted_at: now + there, answered_at: now + there + back });
                }
                for journey in under_way.extract_if(.., |journey| journey.counted_at <= now) {
                    let window = now / WINDOW;
                    let count = &mut counts[usize::try_from(window).unwrap()];
                    *count += 1;
                    let told =
                        RateHeaders { count: *count, allowed, reset: seconds(((window + 1) * WINDOW - now) / 1000) };
                    arrived.push((journey, told));
                }
                for (journey, told) in arrived.extract_if(.., |(journey, _)| journey.answered_at <= now) {
                    pace.answered(journey.reservation, at(now), Some(told));
                }
            }
            counts
        }

        proptest! {
            #![proptest_config(ProptestConfig::with_cases(24))]

            #[test]
            fn the_share_is_never_passed_and_never_far_from_used(
                allowed in 20_u64..400,
                in_flight in 1_usize..=16,
                delays in prop::collection::vec((1_u64..80, 1_u64..80), 1..40),
            ) {
                let counts = run(allowed, in_flight, &delays);
                let budget = budget(0.8, allowed);
                prop_assert!(counts.iter().all(|count| *count <= budget.max(in_flight as u64)), "{counts:?}");
                // The first windows are the server's own; a window is left up to one second late.
                prop_assert!(counts[1..5].iter().all(|count| *count * 100 >= budget * 95), "{counts:?}");
            }
        }
    }
}
