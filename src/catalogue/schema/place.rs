//! Where in a JSON text something is.

use crate::canonical::read_str;
use crate::model::{Pointer, Value};

/// The offset at which the value begins that a pointer leads to, or the last value on the way that there is. The text is known
/// to be JSON.
pub(super) fn offset_of(text: &str, pointer: &Pointer) -> usize {
    let mut skimmer = Skimmer { text, at: 0 };
    skimmer.skip_space();
    for segment in pointer.segments() {
        let place = skimmer.at;
        if !skimmer.descend(&segment) {
            return place;
        }
    }
    skimmer.at
}

struct Skimmer<'t> {
    text: &'t str,
    at: usize,
}

impl Skimmer<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Goes to a member or an item of the value that begins here.
    fn descend(&mut self, segment: &str) -> bool {
        let is_object = match self.peek() {
            Some(b'{') => true,
            Some(b'[') => false,
            _ => return false,
        };
        self.at += 1;
        let mut index = 0;
        loop {
            self.skip_space();
            if matches!(self.peek(), None | Some(b'}' | b']')) {
                return false;
            }
            let is_wanted = if is_object { self.name_is(segment) } else { segment == index.to_string() };
            if is_wanted {
                return true;
            }
            self.skip_value();
            self.skip_space();
            if self.peek() == Some(b',') {
                self.at += 1;
            }
            index += 1;
        }
    }

    /// Reads the name of a member, goes to its value, and says whether it is the name.
    fn name_is(&mut self, wanted: &str) -> bool {
        let start = self.at;
        self.skip_string();
        let name = self.text.get(start..self.at).and_then(|name| read_str(name).ok());
        self.skip_space();
        self.at += 1;
        self.skip_space();
        name.as_ref().and_then(Value::as_str) == Some(wanted)
    }

    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return;
            }
        }
    }

    fn skip_value(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.skip_string();
                    if depth == 0 {
                        return;
                    }
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth <= 1 => {
                    self.at += depth;
                    return;
                }
                b'}' | b']' => depth -= 1,
                b',' if depth == 0 => return,
                _ => {}
            }
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_leads_to_the_line_of_its_value() {
        let text = r#"{
  "a": [1, "x]\"}", {"b": 2}],
  "c/d": {
    "e": {},
    "\u0066": -1.5e3
  },
  "g": true
}"#;
        let found = |pointer: &str| {
            let offset = offset_of(text, &Pointer::from_text(pointer));
            (1 + text[..offset].matches('\n').count(), text[offset..].chars().take(4).collect::<String>())
        };
        let place = |line: usize, text: &str| (line, text.to_owned());
        assert_eq!(found(""), place(1, "{\n  "));
        assert_eq!(found("/a/2/b"), place(2, "2}],"));
        assert_eq!(found("/a/1"), place(2, "\"x]\\"));
        assert_eq!(found("/c~1d/f"), place(5, "-1.5"));
        assert_eq!(found("/g"), place(7, "true"));
        assert_eq!(found("/c~1d/e/nothing/below"), place(4, "{},\n"));
        assert_eq!(found("/g/x"), place(7, "true"));
        assert_eq!(found("/a/3"), place(2, "[1, "));
    }
}
