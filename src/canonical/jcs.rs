//! The two written forms of a value: compact and indented.
//!
//! Both have the member order, strings and numbers of RFC 8785 (numbers as [`crate::model::Number`] says). *Compact* has no
//! white space and is what digests are taken over. *Indented* is what files hold: two spaces a level, one member or element a
//! line, `\n` line ends; an empty array or object stays on its line.

use super::plain::plain_length;
use crate::model::Value;

/// Appends the compact form of a value.
pub fn write_compact(value: &Value<'_>, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(number.as_str()),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_compact(item, out);
            }
            out.push(']');
        }
        Value::Object(object) => {
            out.push('{');
            for (index, (name, value)) in object.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(name, out);
                out.push(':');
                write_compact(value, out);
            }
            out.push('}');
        }
    }
}

/// The compact form of a value.
#[must_use]
pub fn compact(value: &Value<'_>) -> String {
    let mut out = String::new();
    write_compact(value, &mut out);
    out
}

/// Appends a JSON string as RFC 8785, section 3.2.2.2, writes it.
pub(super) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    loop {
        let (plain, special) = rest.split_at(plain_length(rest.as_bytes()));
        out.push_str(plain);
        let Some(&byte) = special.as_bytes().first() else { break };
        write_escape(byte, out);
        rest = &special[1..];
    }
    out.push('"');
}

/// Appends the escape of a quote, a backslash or a control character.
fn write_escape(byte: u8, out: &mut String) {
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        0x08 => out.push_str("\\b"),
        0x09 => out.push_str("\\t"),
        0x0a => out.push_str("\\n"),
        0x0c => out.push_str("\\f"),
        0x0d => out.push_str("\\r"),
        control => {
            let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
            out.push_str("\\u00");
            out.push(digit(control >> 4));
            out.push(digit(control & 15));
        }
    }
}

/// Appends the indented form of a text in compact form, its first line at the current position, `level` levels deep.
///
/// The text is only laid out anew, so what it says cannot change.
pub fn write_indented(compact: &str, mut level: usize, out: &mut String) {
    let bytes = compact.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = string_end(bytes, at);
                out.push_str(&compact[at..end]);
                at = end;
                continue;
            }
            b'{' | b'[' => {
                out.push(char::from(byte));
                if let Some(&close @ (b'}' | b']')) = bytes.get(at + 1) {
                    out.push(char::from(close));
                    at += 2;
                    continue;
                }
                level += 1;
                break_line(level, out);
            }
            b'}' | b']' => {
                level = level.saturating_sub(1);
                break_line(level, out);
                out.push(char::from(byte));
            }
            b',' => {
                out.push(',');
                break_line(level, out);
            }
            b':' => out.push_str(": "),
            // Outside of strings JSON is ASCII.
            _ => out.push(char::from(byte)),
        }
        at += 1;
    }
}

/// Starts a new line, `level` levels deep.
pub(super) fn break_line(level: usize, out: &mut String) {
    out.push('\n');
    for _ in 0..level {
        out.push_str("  ");
    }
}

/// The offset after the string that starts at `start`.
fn string_end(compact: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = compact.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    compact.len()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::read;

    fn rewritten(text: &str) -> String {
        compact(&read(text.as_bytes()).unwrap())
    }

    #[test]
    fn the_sample_of_the_rfc_is_written_as_the_rfc_shows_it() {
        // RFC 8785, section 3.2.2.
        let sample = r#"{
          "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
          "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
          "literals": [null, true, false]
        }"#;
        let expected = concat!(
            r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#,
            r#""string":"€$\u000f\nA'B\"\\\\\"/"}"#
        );
        assert_eq!(rewritten(sample), expected);
    }

    #[test]
    fn members_are_ordered_as_the_rfc_orders_them() {
        // RFC 8785, section 3.2.3.
        let sample = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
          "\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#;
        let order: Vec<usize> = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"]
            .iter()
            .map(|word| rewritten(sample).find(word).unwrap())
            .collect();
        assert!(order.is_sorted());
    }

    #[test]
    fn the_indented_form_has_one_member_or_element_a_line() {
        let mut out = String::new();
        write_indented(r#"{"a":[],"b":{"c":[1,"x,{\"y\":[]}"],"d":{}}}"#, 0, &mut out);
        let expected = "{\n  \"a\": [],\n  \"b\": {\n    \"c\": [\n      1,\n      \"x,{\\\"y\\\":[]}\"\n    ],\n    \"d\": {}\n  }\n}";
        assert_eq!(out, expected);
    }

    #[test]
    fn every_control_character_is_escaped_and_nothing_else() {
        let text: String = (0..0x30_u8).map(char::from).chain("\u{7f}\u{80}é😀".chars()).collect();
        let mut ours = String::new();
        write_string(&text, &mut ours);
        assert_eq!(ours, serde_json_canonicalizer::to_string(&text).unwrap());
    }
}
