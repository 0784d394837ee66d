//! Shortening that can be seen: what is left out is counted.

use std::borrow::Cow;

/// A number with its digits in groups of three.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A text of at most so many characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    cut_escaped(text, most, |c| Cow::Owned(c.to_string()), |text| text.chars().count())
}

/// A text, each character of it escaped, of at most so much by a measure: an escape is there whole or not at all.
pub(super) fn cut_escaped(
    text: &str,
    most: usize,
    escape: impl Fn(char) -> Cow<'static, str>,
    measure: impl Fn(&str) -> usize,
) -> String {
    let whole: String = text.chars().map(&escape).collect();
    if measure(&whole) <= most {
        return whole;
    }
    let count = text.chars().count();
    let room = most.saturating_sub(measure(&left_out(count)));
    let (mut short, mut used, mut kept) = (String::new(), 0, 0);
    for character in text.chars() {
        let escaped = escape(character);
        used += measure(&escaped);
        if used > room {
            break;
        }
        short.push_str(&escaped);
        kept += 1;
    }
    short + &left_out(count - kept)
}

fn left_out(characters: usize) -> String {
    format!("… {} more characters", grouped(characters))
}

/// A text without line breaks and other control characters, of at most so many characters.
pub(super) fn on_one_line(text: &str, most: usize) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    cut(&plain, most)
}

/// The most of some things that fit, as what is made of them: the whole where it fits, else as many as do; of none where not even one
/// does. What is made of fewer has to be smaller. It begins with few, so that the work depends on what fits and not on what there is.
pub(super) fn as_many_as_fit<T>(count: usize, make: impl Fn(usize) -> T, fits: impl Fn(&T) -> bool) -> T {
    let (mut low, mut high) = (0, 1.min(count));
    let mut best = make(0);
    while high > low {
        let made = make(high);
        if !fits(&made) {
            break;
        }
        best = made;
        low = high;
        high = (high * 2).min(count);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let made = make(middle);
        if fits(&made) {
            best = made;
            low = middle;
        } else {
            high = middle;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn angle(c: char) -> Cow<'static, str> {
        if c == '<' { Cow::Borrowed("&lt;") } else { Cow::Owned(c.to_string()) }
    }

    #[test]
    fn what_fits_stays_and_what_does_not_is_counted() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut(&"é".repeat(2000), 100), format!("{}… 1,923 more characters", "é".repeat(77)));
    }

    #[test]
    fn an_escape_is_never_cut_in_two() {
        for most in 30..200 {
            let short = cut_escaped(&"<".repeat(100), most, angle, |text| text.chars().count());
            assert!(short.chars().count() <= most, "{most}");
            let escapes = short.split('…').next().unwrap_or_default();
            assert_eq!(escapes.replace("&lt;", ""), "", "{most}");
        }
    }

    #[test]
    fn as_many_as_possible_are_kept() {
        let sizes = |count: usize| vec![0_u8; 10 + count * 7];
        for room in [10, 16, 17, 80, 1000] {
            let made = as_many_as_fit(20, sizes, |bytes| bytes.len() <= room);
            assert_eq!(made.len(), 10 + ((room - 10) / 7).min(20) * 7, "{room}");
        }
    }

    #[test]
    fn digits_are_grouped_and_lines_joined() {
        assert_eq!(["7", "1,204", "1,000,000"], [7, 1204, 1_000_000].map(grouped).each_ref().map(String::as_str));
        assert_eq!(on_one_line("a\r\nb\u{1b}", 20), "a  b ");
    }
}
