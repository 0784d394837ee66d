//! The two written forms of a value: compact and indented.
//!
//! Both have the member order, strings and numbers of RFC 8785 (numbers as [`crate::model::Number`] says). *Compact* has no
//! white space and is what digests are taken over. *Indented* is what files hold: two spaces a level, one member or element a
//! line, `\n` line ends; an empty array or object stays on its line.

use crate::model::Value;

/// Appends the compact form of a value.
pub fn write_compact(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => out.extend_from_slice(number.as_str().as_bytes()),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_compact(item, out);
            }
            out.push(b']');
        }
        Value::Object(object) => {
            out.push(b'{');
            for (index, (name, value)) in object.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_string(name, out);
                out.push(b':');
                write_compact(value, out);
            }
            out.push(b'}');
        }
    }
}

/// The compact form of a value.
#[must_use]
pub fn compact(value: &Value<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write_compact(value, &mut out);
    out
}

/// Appends a JSON string as RFC 8785, section 3.2.2.2, writes it.
pub(super) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut written = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[written..index]);
        written = index + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x09 => out.extend_from_slice(b"\\t"),
            0x0a => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            0x0d => out.extend_from_slice(b"\\r"),
            control => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(control >> 4)]);
                out.push(HEX[usize::from(control & 15)]);
            }
        }
    }
    out.extend_from_slice(&bytes[written..]);
    out.push(b'"');
}

/// Appends the indented form of a text in compact form, its first line at the current position, `level` levels deep.
///
/// The text is only laid out anew, so what it says cannot change.
pub fn write_indented(compact: &[u8], mut level: usize, out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(&byte) = compact.get(at) {
        match byte {
            b'"' => {
                let end = string_end(compact, at);
                out.extend_from_slice(&compact[at..end]);
                at = end;
                continue;
            }
            b'{' | b'[' => {
                out.push(byte);
                if matches!(compact.get(at + 1), Some(b'}' | b']')) {
                    out.push(compact[at + 1]);
                    at += 2;
                    continue;
                }
                level += 1;
                break_line(level, out);
            }
            b'}' | b']' => {
                level = level.saturating_sub(1);
                break_line(level, out);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                break_line(level, out);
            }
            b':' => out.extend_from_slice(b": "),
            _ => out.push(byte),
        }
        at += 1;
    }
}

/// Starts a new line, `level` levels deep.
pub(super) fn break_line(level: usize, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.resize(out.len() + 2 * level, b' ');
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
        String::from_utf8(compact(&read(text.as_bytes()).unwrap())).unwrap()
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
        let mut out = Vec::new();
        write_indented(br#"{"a":[],"b":{"c":[1,"x,{\"y\":[]}"],"d":{}}}"#, 0, &mut out);
        let expected = "{\n  \"a\": [],\n  \"b\": {\n    \"c\": [\n      1,\n      \"x,{\\\"y\\\":[]}\"\n    ],\n    \"d\": {}\n  }\n}";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn every_control_character_is_escaped_and_nothing_else() {
        let text: String = (0..0x30_u8).map(char::from).chain("\u{7f}\u{80}é😀".chars()).collect();
        let mut ours = Vec::new();
        write_string(&text, &mut ours);
        assert_eq!(String::from_utf8(ours).unwrap(), serde_json_canonicalizer::to_string(&text).unwrap());
    }
}
