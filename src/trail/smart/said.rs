//! What a server says, as far as it is fit to be repeated.

/// Most characters that are repeated.
const LONGEST: usize = 400;

/// Between two lines that became one.
const BREAK: &str = " | ";

/// Makes one line of what a server said: without what it wrote over, with everything escaped that a reader could not see or that
/// would steer a terminal, and shortened.
pub(in crate::trail) fn one_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    // Progress is written over by what comes behind a carriage return.
    let lines =
        said.lines().map(|line| line.rsplit('\r').find(|part| !part.trim().is_empty()).unwrap_or_default().trim());
    let line = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(BREAK);
    let mut shown = String::new();
    let mut characters = line.chars();
    for c in characters.by_ref().take(LONGEST) {
        if is_unseen(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    match characters.count() {
        0 => shown,
        more => format!("{shown}… and {more} more characters"),
    }
}

/// Control characters, and those that are invisible or change the direction of what follows.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
