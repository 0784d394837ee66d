//! Texts as a reader can see them.

use std::borrow::Cow;

/// The text with every character that a reader could not see, or that would steer a terminal, as a JSON escape.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unseen) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ if is_unseen(c) => {
                let units = &mut [0; 2];
                shown.extend(c.encode_utf16(units).iter().map(|unit| format!("\\u{unit:04x}")));
            }
            _ => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Control characters, and format characters that are invisible or change the direction of what follows.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
