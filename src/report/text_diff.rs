//! Line by line, what differs between two long texts.

use similar::{DiffOp, TextDiff};

use super::shown::{EXCERPT, excerpt, excerpt_beside, visible};

/// Unchanged lines that are kept around a changed one.
const CONTEXT: usize = 3;

/// A line of a text that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It is in both texts.
    Same(String),
    /// It is in the old text only.
    Removed(String),
    /// It is in the new text only.
    Added(String),
    /// This many lines that are in both texts are left out.
    Folded(usize),
}

/// Whether a text is read line by line rather than as a value.
pub(super) fn is_long(text: &str) -> bool {
    text.contains('\n') || text.chars().nth(EXCERPT).is_some()
}

/// The lines that differ, ready to be shown, between a few that do not.
pub(super) fn lines(old: &str, new: &str) -> Vec<Line> {
    let (old, new): (Vec<&str>, Vec<&str>) = (split(old), split(new));
    let diff = TextDiff::from_slices(&old, &new);
    let mut lines = Vec::new();
    for (index, operation) in diff.ops().iter().enumerate() {
        let (old, new) = (&old[operation.old_range()], &new[operation.new_range()]);
        if matches!(operation, DiffOp::Equal { .. }) {
            let head = if index == 0 { 0 } else { CONTEXT };
            let tail = if index + 1 == diff.ops().len() { 0 } else { CONTEXT };
            push_same(old, head, tail, &mut lines);
        } else {
            let shown = |line: &str, other: Option<&&str>| match other {
                Some(other) => visible(&excerpt_beside(line, other)).into_owned(),
                None => visible(&excerpt(line)).into_owned(),
            };
            lines.extend(old.iter().enumerate().map(|(at, line)| Line::Removed(shown(line, new.get(at)))));
            lines.extend(new.iter().enumerate().map(|(at, line)| Line::Added(shown(line, old.get(at)))));
        }
    }
    lines
}

/// The difference in the unified format, complete and as it is.
pub(super) fn unified(old: &str, new: &str) -> String {
    TextDiff::from_slices(&split(old), &split(new)).unified_diff().context_radius(CONTEXT).to_string()
}

/// Lines without their ends: a text that ends in `\n` has an empty last line, so that a line end is never a change of the line
/// before it.
fn split(text: &str) -> Vec<&str> {
    text.split('\n').collect()
}

fn push_same(same: &[&str], head: usize, tail: usize, lines: &mut Vec<Line>) {
    let shown = |line: &&str| Line::Same(visible(&excerpt(line)).into_owned());
    // One line takes no more room than the note that it is left out.
    if same.len() <= head + tail + 1 {
        lines.extend(same.iter().map(shown));
        return;
    }
    lines.extend(same[..head].iter().map(shown));
    lines.push(Line::Folded(same.len() - head - tail));
    lines.extend(same[same.len() - tail..].iter().map(shown));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(range: std::ops::Range<u32>) -> Vec<String> {
        range.map(|number| format!("line {number}")).collect()
    }

    #[test]
    fn lines_far_from_a_change_are_folded() {
        let old = numbered(0..20);
        let mut new = old.clone();
        new[9] = "another".to_owned();
        let same = |line: &str| Line::Same(line.to_owned());
        let expected = [
            Line::Folded(6),
            same("line 6"),
            same("line 7"),
            same("line 8"),
            Line::Removed("line 9".to_owned()),
            Line::Added("another".to_owned()),
            same("line 10"),
            same("line 11"),
            same("line 12"),
            Line::Folded(7),
        ];
        assert_eq!(lines(&old.join("\n"), &new.join("\n")), expected);
    }

    #[test]
    fn a_line_appended_does_not_change_the_line_before_it() {
        assert_eq!(lines("a", "a\nb"), [Line::Same("a".to_owned()), Line::Added("b".to_owned())]);
        assert_eq!(lines("a\r", "a"), [Line::Removed("a\\r".to_owned()), Line::Added("a".to_owned())]);
    }

    #[test]
    fn the_unified_form_is_complete() {
        assert_eq!(unified("a\nb\nc", "a\nB\nc\n"), "@@ -1,3 +1,4 @@\n a\n-b\n+B\n c\n+\n");
    }
}
