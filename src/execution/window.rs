//! Windows of time, and how one is cut into parts whose answers are whole.

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};

/// The most runs that one question brings, however it is asked (API document: flow instances).
pub const RESULT_LIMIT: usize = 200;

/// The shortest part: the API tells moments to the millisecond.
const INSTANT: TimeDelta = TimeDelta::milliseconds(1);

/// The length of the first part that is tried.
const FIRST_PART: TimeDelta = TimeDelta::minutes(15);

/// How many results a part is meant to bring: enough to be worth a question, few enough that more of them still fit.
const WANTED: i64 = 120;

/// The most that a part is longer than the one before.
const GROWTH: i64 = 4;

/// A span of time: from its begin, and up to its end without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The begin.
    pub from: DateTime<Utc>,
    /// The end, which is no part of it.
    pub to: DateTime<Utc>,
}

/// How long and how old a window may be.
#[derive(Clone, Copy, Debug)]
pub struct WindowLimits {
    /// The longest.
    pub longest: TimeDelta,
    /// How long the organisation keeps records.
    pub retention: TimeDelta,
}

/// Why a window is not asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowProblem {
    /// It ends before it begins, or when it begins.
    #[error("the window ends at {to}, which is not after its begin, {from}")]
    Inverted {
        /// The begin.
        from: String,
        /// The end.
        to: String,
    },
    /// It is too long.
    #[error("the window is {length} long, more than the {longest} of `[flow_logs] longest_window`")]
    TooLong {
        /// How long it is.
        length: String,
        /// How long it may be.
        longest: String,
    },
    /// It begins before what is kept.
    #[error(
        "the window begins at {from}, and records are kept for {retention} (`[flow_logs] retention`), since {since}"
    )]
    BeyondRetention {
        /// The begin.
        from: String,
        /// How long records are kept.
        retention: String,
        /// The oldest moment that is kept.
        since: String,
    },
    /// It ends in the future.
    #[error("the window ends at {to}, which is in the future: it is {now}")]
    InTheFuture {
        /// The end.
        to: String,
        /// The present.
        now: String,
    },
}

/// How a question was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The answer is whole.
    Whole,
    /// It may not be: the part is asked again in smaller ones.
    Again,
    /// It may not be, and there is no smaller part.
    Incomplete,
}

/// The parts of a window, one after the other: each as long as the answers so far let hope that it fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    next: DateTime<Utc>,
    end: DateTime<Utc>,
    length: TimeDelta,
}

impl Window {
    /// The length.
    #[must_use]
    pub fn length(&self) -> TimeDelta {
        self.to - self.from
    }

    /// Whether a moment is in it.
    #[must_use]
    pub fn holds(&self, at: DateTime<Utc>) -> bool {
        self.from <= at && at < self.to
    }

    /// The window to the millisecond, which is what the API tells moments to.
    #[must_use]
    pub fn in_milliseconds(self) -> Self {
        Self { from: self.from.trunc_subsecs(3), to: self.to.trunc_subsecs(3) }
    }

    /// Why it is not asked for; nothing where it can be.
    #[must_use]
    pub fn problems(&self, limits: WindowLimits, now: DateTime<Utc>) -> Vec<WindowProblem> {
        let mut problems = Vec::new();
        if self.from >= self.to {
            problems.push(WindowProblem::Inverted { from: written(self.from), to: written(self.to) });
        } else if self.length() > limits.longest {
            let (length, longest) = (told(self.length()), told(limits.longest));
            problems.push(WindowProblem::TooLong { length, longest });
        }
        let since = now - limits.retention;
        if self.from < since {
            let (from, since) = (written(self.from), written(since));
            problems.push(WindowProblem::BeyondRetention { from, retention: told(limits.retention), since });
        }
        if self.to > now {
            problems.push(WindowProblem::InTheFuture { to: written(self.to), now: written(now) });
        }
        problems
    }
}

impl Asked {
    /// Begins with a window.
    #[must_use]
    pub fn new(window: Window) -> Self {
        Self { next: window.from, end: window.to, length: FIRST_PART }
    }

    /// Goes on where another one stopped, with parts as long as it had them.
    #[must_use]
    pub fn resumed(window: Window, next: DateTime<Utc>, length: TimeDelta) -> Self {
        Self { next: next.clamp(window.from, window.to.max(window.from)), end: window.to, length: length.max(INSTANT) }
    }

    /// Up to when everything has been asked for.
    #[must_use]
    pub fn done_until(&self) -> DateTime<Utc> {
        self.next
    }

    /// How long the next part is at most.
    #[must_use]
    pub fn length(&self) -> TimeDelta {
        self.length
    }

    /// The next part; `None` at the end.
    #[must_use]
    pub fn next(&self) -> Option<Window> {
        (self.next < self.end).then(|| Window {
            from: self.next,
            to: self.end.min(self.next.checked_add_signed(self.length).unwrap_or(self.end)),
        })
    }

    /// Takes note of how many results the next part has brought.
    pub fn answered(&mut self, results: usize) -> Part {
        let Some(part) = self.next() else { return Part::Whole };
        if results >= RESULT_LIMIT && part.length() > INSTANT {
            let half = TimeDelta::milliseconds(part.length().num_milliseconds() / 2);
            self.length = half.max(INSTANT);
            return Part::Again;
        }
        self.next = part.to;
        let results = i64::try_from(results).unwrap_or(i64::MAX).max(1);
        let milliseconds = part.length().num_milliseconds().max(1);
        let wanted = milliseconds.saturating_mul(WANTED) / results;
        self.length = TimeDelta::milliseconds(wanted.clamp(1, milliseconds.saturating_mul(GROWTH)));
        if results >= i64::try_from(RESULT_LIMIT).unwrap_or(i64::MAX) { Part::Incomplete } else { Part::Whole }
    }
}

/// An instant as the API writes it.
pub(super) fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A length of time in words.
fn told(length: TimeDelta) -> String {
    let seconds = length.num_seconds();
    match seconds {
        _ if seconds % 86_400 == 0 && seconds > 0 => format!("{}d", seconds / 86_400),
        _ if seconds % 3_600 == 0 && seconds > 0 => format!("{}h", seconds / 3_600),
        _ if seconds % 60 == 0 && seconds > 0 => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: WindowLimits = WindowLimits { longest: TimeDelta::hours(24), retention: TimeDelta::days(7) };

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn window(from: &str, to: &str) -> Window {
        Window { from: at(from), to: at(to) }
    }

    #[test]
    fn a_window_that_cannot_be_answered_is_refused_with_its_reason() {
        let now = at("2026-03-03T12:00:00Z");
        let told = |from, to| {
            let problems = window(from, to).problems(LIMITS, now);
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(told("2026-03-03T10:00:00Z", "2026-03-03T12:00:00Z"), "");
        assert_eq!(
            told("2026-03-03T11:00:00Z", "2026-03-03T10:00:00Z"),
            "the window ends at 2026-03-03T10:00:00.000Z, which is not after its begin, 2026-03-03T11:00:00.000Z"
        );
        assert_eq!(
            told("2026-03-01T00:00:00Z", "2026-03-02T00:30:00Z"),
            "the window is 1470m long, more than the 1d of `[flow_logs] longest_window`"
        );
        assert_eq!(
            told("2026-02-20T00:00:00Z", "2026-02-20T01:00:00Z"),
            "the window begins at 2026-02-20T00:00:00.000Z, and records are kept for 7d (`[flow_logs] retention`), since \
             2026-02-24T12:00:00.000Z"
        );
        assert_eq!(
            told("2026-03-03T11:00:00Z", "2026-03-03T13:00:00Z"),
            "the window ends at 2026-03-03T13:00:00.000Z, which is in the future: it is 2026-03-03T12:00:00.000Z"
        );
    }

    /// Asks for a window of an organisation in which runs began at some milliseconds; the parts, and what they brought.
    fn ask(mut asked: Asked, begins: &[i64], zero: DateTime<Utc>) -> (Vec<i64>, Vec<Window>, usize) {
        let (mut found, mut incomplete, mut questions) = (Vec::new(), Vec::new(), 0);
        while let Some(part) = asked.next() {
            questions += 1;
            let within = |begin: &&i64| part.holds(zero + TimeDelta::milliseconds(**begin));
            let answer: Vec<i64> = begins.iter().filter(within).copied().take(RESULT_LIMIT).collect();
            match asked.answered(answer.len()) {
                Part::Whole => found.extend(answer),
                Part::Incomplete => {
                    found.extend(answer);
                    incomplete.push(part);
                }
                Part::Again => {}
            }
        }
        (found, incomplete, questions)
    }

    #[test]
    fn an_even_stream_takes_few_more_questions_than_it_must() {
        let zero = at("2026-03-03T00:00:00Z");
        let begins: Vec<i64> = (0..20_000).map(|number| number * 1_000).collect();
        let whole = Window { from: zero, to: zero + TimeDelta::seconds(20_000) };
        let (found, incomplete, questions) = ask(Asked::new(whole), &begins, zero);
        assert_eq!((found, incomplete), (begins, Vec::new()));
        assert!(questions < 20_000 / 120 + 10, "{questions}");
    }

    #[test]
    fn more_at_one_instant_than_an_answer_holds_is_incomplete_and_the_rest_is_whole() {
        let zero = at("2026-03-03T00:00:00Z");
        let mut begins: Vec<i64> = vec![5_000; 350];
        begins.extend([1, 4_999, 5_001, 59_999]);
        begins.sort_unstable();
        let whole = Window { from: zero, to: zero + TimeDelta::minutes(1) };
        let (found, incomplete, _) = ask(Asked::new(whole), &begins, zero);
        assert_eq!(found.len(), RESULT_LIMIT + 4);
        let instant = zero + TimeDelta::seconds(5);
        assert_eq!(incomplete, [Window { from: instant, to: instant + INSTANT }]);
    }

    proptest! {
        #[test]
        fn every_run_is_found_once_and_in_order_wherever_it_stops(
            mut begins in prop::collection::vec(0_i64..600_000, 0..900),
            burst in 0_i64..600_000,
            many in 0_usize..190,
            stop in 0_usize..40,
        ) {
            begins.extend(std::iter::repeat_n(burst, many));
            begins.sort_unstable();
            let zero = at("2026-03-03T00:00:00Z");
            let whole = Window { from: zero, to: zero + TimeDelta::minutes(10) };
            let (expected, incomplete, _) = ask(Asked::new(whole), &begins, zero);
            if incomplete.is_empty() {
                prop_assert_eq!(&expected, &begins);
            }
            let mut asked = Asked::new(whole);
            let mut found = Vec::new();
            for _ in 0..stop {
                let Some(part) = asked.next() else { break };
                let within = |begin: &&i64| part.holds(zero + TimeDelta::milliseconds(**begin));
                let answer: Vec<i64> = begins.iter().filter(within).copied().take(RESULT_LIMIT).collect();
                if asked.answered(answer.len()) != Part::Again {
                    found.extend(answer);
                }
            }
            let resumed = Asked::resumed(whole, asked.done_until(), asked.length());
            prop_assert_eq!(&resumed, &asked);
            found.extend(ask(resumed, &begins, zero).0);
            prop_assert_eq!(found, expected);
        }
    }
}
