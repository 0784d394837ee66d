//! Reads JSON text strictly and without loss.
//!
//! Refused, because two readers could understand them differently: invalid UTF-8, lone surrogates, members that occur twice,
//! anything after the value. Nesting is read to [`MAX_DEPTH`].

use std::borrow::Cow;

use super::plain::plain_length;
use crate::model::{Number, NumberError, Object, Value};

/// Deepest nesting of arrays and objects that is read.
pub const MAX_DEPTH: usize = 512;

/// Why a text is not JSON that can be taken, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {offset}")]
pub struct ReadError {
    /// Offset in bytes from the start of the text.
    pub offset: usize,
    /// What is wrong there.
    pub problem: ReadProblem,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadProblem {
    /// The bytes are not UTF-8.
    #[error("invalid UTF-8")]
    Utf8,
    /// The text ends inside a value.
    #[error("unexpected end")]
    End,
    /// A character that the grammar has no place for.
    #[error("unexpected character")]
    Unexpected,
    /// A number that cannot be kept.
    #[error("{0}")]
    Number(NumberError),
    /// A control character inside a string.
    #[error("unescaped control character")]
    Control,
    /// An escape that JSON does not have.
    #[error("invalid escape")]
    Escape,
    /// One half of a surrogate pair.
    #[error("lone surrogate")]
    Surrogate,
    /// A member that occurs twice in one object; its name may be anything, so it is not told.
    #[error("a member occurs twice")]
    Duplicate,
    /// Nesting beyond [`MAX_DEPTH`].
    #[error("nesting deeper than {MAX_DEPTH}")]
    Depth,
    /// Something follows the value.
    #[error("text after the value")]
    Trailing,
}

/// Reads one JSON value.
///
/// # Errors
/// [`ReadError`] with the offset of the first problem.
pub fn read(text: &[u8]) -> Result<Value<'_>, ReadError> {
    read_to_depth(text, MAX_DEPTH)
}

/// Reads one JSON value, nested no deeper than `limit`.
pub(super) fn read_to_depth(text: &[u8], limit: usize) -> Result<Value<'_>, ReadError> {
    let text = std::str::from_utf8(text)
        .map_err(|error| ReadError { offset: error.valid_up_to(), problem: ReadProblem::Utf8 })?;
    read_whole(text, limit)
}

/// Reads one JSON value from text that is known to be UTF-8.
///
/// # Errors
/// [`ReadError`] with the offset of the first problem.
pub fn read_str(text: &str) -> Result<Value<'_>, ReadError> {
    read_whole(text, MAX_DEPTH)
}

fn read_whole(text: &str, limit: usize) -> Result<Value<'_>, ReadError> {
    let mut reader = Reader { text, at: 0, limit };
    let value = reader.value(0)?;
    reader.skip_space();
    if reader.at < text.len() { Err(reader.error(ReadProblem::Trailing)) } else { Ok(value) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    limit: usize,
}

impl<'a> Reader<'a> {
    fn error(&self, problem: ReadProblem) -> ReadError {
        ReadError { offset: self.at, problem }
    }

    fn unexpected(&self) -> ReadError {
        self.error(if self.at < self.text.len() { ReadProblem::Unexpected } else { ReadProblem::End })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), ReadError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, ReadError> {
        self.skip_space();
        match self.peek() {
            Some(b'"') => self.string().map(Value::String),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(self.unexpected()),
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, ReadError> {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.unexpected())
        }
    }

    fn number(&mut self) -> Result<Value<'a>, ReadError> {
        let start = self.at;
        while let Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        Number::parse(&self.text[start..self.at])
            .map(Value::Number)
            .map_err(|problem| ReadError { offset: start, problem: ReadProblem::Number(problem) })
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, ReadError> {
        self.enter(depth)?;
        let mut items = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::Array(items));
                }
                _ => return Err(self.unexpected()),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, ReadError> {
        let start = self.at;
        self.enter(depth)?;
        let mut members = Vec::new();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(Object::default()));
        }
        loop {
            self.skip_space();
            let name = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            members.push((name, self.value(depth + 1)?));
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Object::from_members(members)
                        .map(Value::Object)
                        .map_err(|_| ReadError { offset: start, problem: ReadProblem::Duplicate });
                }
                _ => return Err(self.unexpected()),
            }
        }
    }

    fn enter(&mut self, depth: usize) -> Result<(), ReadError> {
        if depth >= self.limit {
            return Err(self.error(ReadProblem::Depth));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<Cow<'a, str>, ReadError> {
        self.expect(b'"')?;
        let start = self.at;
        self.at += plain_length(&self.text.as_bytes()[self.at..]);
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(&self.text[start..self.at - 1]));
        }
        let mut decoded = self.text[start..self.at].to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(decoded));
                }
                Some(b'\\') => {
                    self.at += 1;
                    decoded.push(self.escape()?);
                }
                Some(_) => return Err(self.error(ReadProblem::Control)),
                None => return Err(self.error(ReadProblem::End)),
            }
            let plain = plain_length(&self.text.as_bytes()[self.at..]);
            decoded.push_str(&self.text[self.at..self.at + plain]);
            self.at += plain;
        }
    }

    fn escape(&mut self) -> Result<char, ReadError> {
        let byte = self.peek().ok_or_else(|| self.error(ReadProblem::End))?;
        self.at += 1;
        Ok(match byte {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => {
                self.at -= 1;
                return Err(self.error(ReadProblem::Escape));
            }
        })
    }

    fn unicode_escape(&mut self) -> Result<char, ReadError> {
        let start = self.at;
        let lone = ReadError { offset: start, problem: ReadProblem::Surrogate };
        let high = self.four_hex_digits()?;
        let code = match high {
            0xd800..=0xdbff => {
                if !self.text.as_bytes()[self.at..].starts_with(b"\\u") {
                    return Err(lone);
                }
                self.at += 2;
                let low = self.four_hex_digits()?;
                if !(0xdc00..=0xdfff).contains(&low) {
                    return Err(lone);
                }
                0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)
            }
            _ => high,
        };
        char::from_u32(code).ok_or(lone)
    }

    fn four_hex_digits(&mut self) -> Result<u32, ReadError> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).ok_or_else(|| self.error(ReadProblem::End))?;
        let mut code = 0;
        for &digit in digits {
            let nibble = char::from(digit).to_digit(16).ok_or_else(|| self.error(ReadProblem::Escape))?;
            code = code << 4 | nibble;
        }
        self.at += 4;
        Ok(code)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn problem(text: &[u8]) -> (ReadProblem, usize) {
        let error = read(text).unwrap_err();
        (error.problem, error.offset)
    }

    #[test]
    fn what_two_readers_could_take_differently_is_refused() {
        assert_eq!(problem(b"{\"a\":1,\"b\":2,\"a\":1}"), (ReadProblem::Duplicate, 0));
        assert_eq!(problem(b"{\"a\":1,\"\\u0061\":1}"), (ReadProblem::Duplicate, 0));
        assert_eq!(problem(br#""\ud800""#).0, ReadProblem::Surrogate);
        assert_eq!(problem(br#""\udc00\ud800""#).0, ReadProblem::Surrogate);
        assert_eq!(problem(br#""\ud800\u0041""#).0, ReadProblem::Surrogate);
        assert_eq!(problem(b"\"a\xffb\""), (ReadProblem::Utf8, 2));
        assert_eq!(problem(b"1 2"), (ReadProblem::Trailing, 2));
        assert_eq!(problem(b"\"a\x01\""), (ReadProblem::Control, 2));
        assert_eq!(problem(b"\"12345678\x1f\""), (ReadProblem::Control, 9));
        assert_eq!(problem(br#""\x""#).0, ReadProblem::Escape);
        assert_eq!(problem(br#""\u12g4""#).0, ReadProblem::Escape);
        assert_eq!(problem(b"[1,]"), (ReadProblem::Unexpected, 3));
        assert_eq!(problem(b"{\"a\" 1}"), (ReadProblem::Unexpected, 5));
        assert_eq!(problem(b"<html>"), (ReadProblem::Unexpected, 0));
        assert_eq!(problem(b"\xef\xbb\xbf{}"), (ReadProblem::Unexpected, 0));
        assert_eq!(problem(b"nul"), (ReadProblem::Unexpected, 0));
        assert_eq!(problem(b"01").0, ReadProblem::Number(NumberError::Syntax));
    }

    #[test]
    fn a_text_cut_anywhere_is_refused() {
        let whole = br#"{"a":["x\u00e9\n",true,null,-12.5e3,{}],"b":"\ud83d\ude00"}"#;
        assert!(read(whole).is_ok());
        for end in 0..whole.len() {
            assert!(read(&whole[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn escapes_are_decoded() {
        assert_eq!(
            read(br#""\ud83d\ude00\/\b\f\n\r\t\"\\\u00DF\u0000""#).unwrap().as_str(),
            Some("😀/\u{8}\u{c}\n\r\t\"\\ß\0")
        );
    }

    #[test]
    fn nesting_is_read_to_its_limit_and_no_further() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(problem(nested(MAX_DEPTH + 1).as_bytes()), (ReadProblem::Depth, MAX_DEPTH));
        assert!(read("[".repeat(1_000_000).as_bytes()).is_err());
    }
}
