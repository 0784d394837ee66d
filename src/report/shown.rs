//! Texts and values of an organisation in a form that is safe and short enough to show.

use std::borrow::Cow;

use crate::canonical::{canonical_text, is_fingerprint};
pub(super) use crate::model::visible;
use crate::model::{SeverityCounts, Value};

/// Most characters of a value that are shown.
pub(super) const EXCERPT: usize = 120;

/// Characters of common text before the first difference of two excerpts.
const LEAD: usize = 20;

/// A text in quotes, as JSON writes it.
pub(super) fn quoted(text: &str) -> String {
    visible(canonical_text(&Value::String(Cow::Borrowed(text))).as_str()).into_owned()
}

/// A value as compact JSON, the word `secret` in place of a fingerprint.
pub(super) fn value(value: &Value<'_>) -> String {
    match value {
        _ if is_fingerprint(value) => "secret".to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(self::value).collect::<Vec<_>>().join(",")),
        Value::Object(object) => {
            let members = object.iter().map(|(name, value)| format!("{}:{}", quoted(name), self::value(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        _ => visible(canonical_text(value).as_str()).into_owned(),
    }
}

/// A value as compact JSON, or the beginning of it and how much more there is.
pub(super) fn short_value(value: &Value<'_>) -> String {
    match value {
        // Cut before it is quoted, so that the count is that of the string itself.
        Value::String(text) => match text.char_indices().nth(EXCERPT) {
            Some((end, _)) => format!("{} … ({})", quoted(&text[..end]), more_characters(text[end..].chars().count())),
            None => quoted(text),
        },
        _ => excerpt(&self::value(value)),
    }
}

/// The beginning of a text, and how much more there is.
pub(super) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}… ({})", &text[..end], more_characters(text[end..].chars().count())),
        None => text.to_owned(),
    }
}

fn more_characters(count: usize) -> String {
    match count {
        1 => "1 more character".to_owned(),
        _ => format!("{} more characters", grouped(count as u64)),
    }
}

/// An excerpt that shows where a text begins to differ from another.
pub(super) fn excerpt_beside(text: &str, other: &str) -> String {
    let common = text.chars().zip(other.chars()).take_while(|(left, right)| left == right).count();
    if common + LEAD <= EXCERPT || text.chars().count() <= EXCERPT {
        return excerpt(text);
    }
    let skipped = common - LEAD;
    let rest: String = text.chars().skip(skipped).collect();
    format!("({} equal characters) …{}", grouped(skipped as u64), excerpt(&rest))
}

/// A count with its thousands apart.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A count with what it counts.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// The changes there are, by severity, in a line.
pub(super) fn summary(counts: &SeverityCounts) -> String {
    summary_of(counts, "change", "changes")
}

/// What there is, by severity, in a line, counted with these words.
pub(super) fn summary_of(counts: &SeverityCounts, one: &str, many: &str) -> String {
    if counts.total() == 0 {
        return format!("No {many}");
    }
    let levels = crate::model::Severity::WORST_FIRST.into_iter().filter(|&level| counts.of(level) > 0);
    let levels: Vec<String> = levels.map(|level| format!("{} {level}", grouped(counts.of(level)))).collect();
    format!("{}: {}", counted(counts.total(), one, many), levels.join(", "))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::read_str;

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        assert_eq!(visible("Zürich 日本 🎧"), "Zürich 日本 🎧");
        assert_eq!(
            visible("a\x1b[31m\u{9b}b\r\n\u{202e}c\u{200b}\u{e0041}"),
            "a\\u001b[31m\\u009bb\\r\\n\\u202ec\\u200b\\udb40\\udc41"
        );
    }

    #[test]
    fn a_value_is_shown_as_json_without_its_secrets() {
        let secret = format!(r#"{{"$secret":"hmac-sha256:{}"}}"#, "0".repeat(64));
        let text =
            format!(r#"{{"b":[1.50,null,true,"x\u001b\"\u202e"],"a":{secret},"n":123456789012345678901234567890}}"#);
        let shown = value(&read_str(&text).unwrap());
        assert_eq!(shown, r#"{"a":secret,"b":[1.5,null,true,"x\u001b\"\u202e"],"n":123456789012345678901234567890}"#);
    }

    #[test]
    fn an_excerpt_says_how_much_it_leaves_out() {
        let long = "é".repeat(EXCERPT);
        assert_eq!(excerpt(&long), long);
        assert_eq!(short_value(&Value::from(format!("{long}ab"))), format!("\"{long}\" … (2 more characters)"));
        assert_eq!(excerpt(&format!("{long}!")), format!("{long}… (1 more character)"));
        assert_eq!(excerpt(&format!("{long}{}", "x".repeat(2341))), format!("{long}… (2,341 more characters)"));
    }

    #[test]
    fn two_long_texts_are_shown_where_they_differ() {
        let common = "x".repeat(1_200);
        let tail = "x".repeat(LEAD);
        assert_eq!(
            excerpt_beside(&format!("{common}old"), &format!("{common}new")),
            format!("(1,180 equal characters) …{tail}old")
        );
        assert_eq!(excerpt_beside("short", &common), "short");
    }

    #[test]
    fn counts_are_read_as_words() {
        assert_eq!([0, 999, 1_000, 12_345_678].map(grouped), ["0", "999", "1,000", "12,345,678"]);
        let counts = SeverityCounts { critical: 1, low: 1_200, ..SeverityCounts::default() };
        assert_eq!(summary(&counts), "1,201 changes: 1 critical, 1,200 low");
        assert_eq!(summary(&SeverityCounts::default()), "No changes");
    }
}
