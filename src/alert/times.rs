//! Times of the week and days of the year, at a fixed distance from UTC.

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

/// How far ahead the next begin of a window is looked for.
const HORIZON: u64 = 400;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A time that comes again, such as `Mon-Fri 08:00-18:00 +01:00`, or a range of days, such as `2026-12-24..2026-12-31 +01:00`.
///
/// What ends before it begins goes on after midnight, and belongs to the day on which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    days: On,
    from: NaiveTime,
    /// How long it lasts.
    length: TimeDelta,
    offset: FixedOffset,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum On {
    /// Days of the week, Monday first.
    Week([bool; 7]),
    /// Days of the calendar, the last one included.
    Dates(NaiveDate, NaiveDate),
}

/// A text that is no time of the week and no range of days.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no time such as \"Mon-Fri 08:00-18:00 +01:00\", \"Sat,Sun\" or \"2026-12-24..2026-12-31\"; without an offset it is UTC"
)]
pub struct WindowProblem(pub String);

impl Window {
    /// Reads a window.
    ///
    /// # Errors
    /// [`WindowProblem`] where a part of it cannot be understood, or it is never.
    pub fn parse(text: &str) -> Result<Self, WindowProblem> {
        Self::read(text).ok_or_else(|| WindowProblem(text.to_owned()))
    }

    fn read(text: &str) -> Option<Self> {
        let (mut days, mut times, mut offset) = (None, None, None);
        for word in text.split_whitespace() {
            if let Some(found) = read_days(word) {
                days.replace(found).is_none().then_some(())?;
            } else if let Some(found) = read_times(word) {
                times.replace(found).is_none().then_some(())?;
            } else {
                offset.replace(read_offset(word)?).is_none().then_some(())?;
            }
        }
        // A lone offset is no time.
        (days.is_some() || times.is_some()).then_some(())?;
        let (from, length) = times.unwrap_or((NaiveTime::MIN, TimeDelta::days(1)));
        let days = days.unwrap_or(On::Week([true; 7]));
        Some(Self { days, from, length, offset: offset.or_else(|| FixedOffset::east_opt(0))? })
    }

    /// Whether an instant is in it.
    #[must_use]
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        let local = at.with_timezone(&self.offset).naive_local();
        let begun_on = |day: NaiveDate| {
            let begin = day.and_time(self.from);
            self.is_on(day) && begin <= local && local < begin + self.length
        };
        let today = local.date();
        begun_on(today) || today.pred_opt().is_some_and(begun_on)
    }

    /// When it begins next after an instant.
    fn next_begin(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = after.with_timezone(&self.offset).naive_local();
        let days = (0..HORIZON).filter_map(|days| local.date().checked_add_days(Days::new(days)));
        let begins = days.filter(|day| self.is_on(*day)).map(|day| day.and_time(self.from));
        let begin: NaiveDateTime = begins.into_iter().find(|begin| *begin > local)?;
        begin.and_local_timezone(self.offset).single().map(|begin| begin.to_utc())
    }

    fn is_on(&self, day: NaiveDate) -> bool {
        match &self.days {
            On::Week(days) => days[day.weekday().num_days_from_monday() as usize],
            On::Dates(first, last) => (first..=last).contains(&&day),
        }
    }
}

/// When the first of some windows begins after an instant; none where none does in a year.
#[must_use]
pub fn next_begin(windows: &[Window], after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    windows.iter().filter_map(|window| window.next_begin(after)).min()
}

fn read_days(word: &str) -> Option<On> {
    let date = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    if let Some(day) = date(word) {
        return Some(On::Dates(day, day));
    }
    if let Some((first, last)) = word.split_once("..") {
        let (first, last) = (date(first)?, date(last)?);
        return (first <= last).then_some(On::Dates(first, last));
    }
    let mut days = [false; 7];
    for part in word.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let day = |name: &str| DAYS.iter().position(|day| name.eq_ignore_ascii_case(day));
        let (first, last) = (day(first)?, day(last)?);
        let mut current = first;
        days[current] = true;
        while current != last {
            current = (current + 1) % 7;
            days[current] = true;
        }
    }
    Some(On::Week(days))
}

fn read_times(word: &str) -> Option<(NaiveTime, TimeDelta)> {
    let (from, to) = word.split_once('-')?;
    let minutes = |text: &str| {
        let (hours, minutes) = text.split_once(':')?;
        let is_digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let (hours, minutes): (i64, i64) =
            (is_digits(hours) && is_digits(minutes)).then(|| Some((hours.parse().ok()?, minutes.parse().ok()?)))??;
        (minutes < 60 && hours * 60 + minutes <= 24 * 60).then_some(hours * 60 + minutes)
    };
    let (from, to) = (minutes(from)?, minutes(to)?);
    let length = if to > from { to - from } else { to + 24 * 60 - from };
    let begin = NaiveTime::MIN.overflowing_add_signed(TimeDelta::minutes(from));
    (from != to && begin.1 == 0).then_some((begin.0, TimeDelta::minutes(length)))
}

fn read_offset(word: &str) -> Option<FixedOffset> {
    if word.eq_ignore_ascii_case("utc") || word == "Z" {
        return FixedOffset::east_opt(0);
    }
    let (sign, rest) = match word.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let is_offset = (0..=14).contains(&hours) && (0..60).contains(&minutes);
    is_offset.then(|| FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60)))?
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn contains(window: &str, instant: &str) -> bool {
        Window::parse(window).unwrap().contains(at(instant))
    }

    #[test]
    fn an_instant_is_in_a_window_or_not() {
        // 2026-03-02 is a Monday.
        for (window, instant, expected) in [
            ("Mon-Fri 08:00-18:00", "2026-03-02T08:00:00Z", true),
            ("Mon-Fri 08:00-18:00", "2026-03-02T18:00:00Z", false),
            ("Mon-Fri 08:00-18:00", "2026-03-01T12:00:00Z", false),
            ("Mon-Fri 08:00-18:00 +01:00", "2026-03-02T07:00:00Z", true),
            ("Mon-Fri 08:00-18:00 -05:00", "2026-03-02T12:59:59Z", false),
            ("Sat,Sun", "2026-03-01T23:59:59Z", true),
            ("Sat,Sun", "2026-03-02T00:00:00Z", false),
            ("Fri-Mon", "2026-03-02T10:00:00Z", true),
            ("Fri-Mon", "2026-03-04T10:00:00Z", false),
            ("22:00-06:00", "2026-03-02T05:59:00Z", true),
            ("Sun 22:00-06:00", "2026-03-02T05:59:00Z", true),
            ("Mon 22:00-06:00", "2026-03-02T05:59:00Z", false),
            ("00:00-24:00", "2026-03-02T23:59:59Z", true),
            ("2026-12-24..2026-12-26 +01:00", "2026-12-23T23:00:00Z", true),
            ("2026-12-24..2026-12-26 +01:00", "2026-12-26T23:00:00Z", false),
            ("2026-12-24 12:00-14:00 UTC", "2026-12-24T13:00:00Z", true),
        ] {
            assert_eq!(contains(window, instant), expected, "{window} {instant}");
        }
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for text in [
            "",
            "Mon-",
            "Moon",
            "8:00-18:00",
            "08:00",
            "08:00-08:00",
            "25:00-26:00",
            "+01:00",
            "Mon Tue",
            "+1 Mon",
            "2026-12-26..2026-12-24",
            "2026-13-01",
            "Mon +99:00",
            "24:00-06:00",
        ] {
            assert_eq!(Window::parse(text), Err(WindowProblem(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn the_next_begin_is_the_earliest_of_all() {
        let windows = ["Mon-Fri 08:00-18:00 +01:00", "Sat 10:00-12:00"].map(|text| Window::parse(text).unwrap());
        for (after, expected) in [
            ("2026-03-02T06:59:00Z", "2026-03-02T07:00:00Z"),
            ("2026-03-02T07:00:00Z", "2026-03-03T07:00:00Z"),
            ("2026-03-06T20:00:00Z", "2026-03-07T10:00:00Z"),
            ("2026-03-07T11:00:00Z", "2026-03-09T07:00:00Z"),
        ] {
            assert_eq!(next_begin(&windows, at(after)), Some(at(expected)), "{after}");
        }
        let past = [Window::parse("2020-01-01").unwrap()];
        assert_eq!(next_begin(&past, at("2026-03-02T07:00:00Z")), None);
    }
}
