//! A change set for people at a terminal.
//!
//! Does not know how wide the terminal is: lines are as long as what they say, and what is long is shortened the same way
//! everywhere.

use std::io::{self, Write};

use super::change_set::ChangeSet;
use super::field::{FieldView, Members, Side, is_judged_apart};
use super::notes::{around, notes};
use super::shown::{counted, quoted, visible};
use super::style::Style;
use super::text_diff::Line;
use super::who::{by, by_of_field};
use crate::model::ChangeKind;
use crate::policy::{ClassifiedChange, ClassifiedField};

/// Writes the change set: a summary, then every change with what differs, the rule that judged it, and what to do.
pub fn render(set: &ChangeSet, style: Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", style.heading(&set.summary()))?;
    for line in notes(set) {
        writeln!(out, "{}", visible(&line))?;
    }
    let day = set.to.as_ref().map(|to| to.taken_at.as_str());
    for change in set.open() {
        writeln!(out)?;
        Block { change, style, day, with_remedy: true }.write(out)?;
    }
    for (index, line) in set.acknowledged_lines().iter().enumerate() {
        let gap = if index == 0 { "\n" } else { "" };
        writeln!(out, "{gap}{}", style.dimmed(&visible(line)))?;
    }
    Ok(())
}

/// Writes one change of a commit that was made at an instant, indented.
pub(super) fn render_change(change: &ClassifiedChange, at: &str, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut block = Vec::new();
    Block { change, style, day: Some(at), with_remedy: false }.write(&mut block)?;
    String::from_utf8_lossy(&block).lines().try_for_each(|line| writeln!(out, "  {line}"))
}

/// One change.
struct Block<'b> {
    change: &'b ClassifiedChange,
    style: Style,
    /// An instant of the day on which times are told without it.
    day: Option<&'b str>,
    with_remedy: bool,
}

impl Block<'_> {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let ClassifiedChange { change, name, judgement, fields, attribution, .. } = self.change;
        let level = self.style.level(judgement.severity);
        let key = visible(change.key.as_str());
        let subject = match name {
            Some(name) => format!("{} {}", self.style.heading(&quoted(name)), self.style.dimmed(&format!("({key})"))),
            None => key.into_owned(),
        };
        writeln!(out, "{level} {} {} {subject}", change.kind.as_str(), change.domain)?;
        writeln!(out, "  {}", visible(&judgement.message))?;
        for line in by(attribution, self.day).into_iter().chain(around(self.change)) {
            writeln!(out, "  {}", visible(&line))?;
        }
        self.write_members(out)?;
        for field in fields {
            self.write_field(field, out)?;
        }
        writeln!(out, "  {} {}", self.style.dimmed("rule:"), visible(&judgement.rule))?;
        if !self.with_remedy {
            return Ok(());
        }
        writeln!(out, "  {} {}", self.style.dimmed("remedy:"), visible(&judgement.remedy))
    }

    fn write_members(&self, out: &mut dyn Write) -> io::Result<()> {
        let Members { shown, more } = Members::of(self.change);
        for (name, value) in &shown {
            let line = format!("{}: {value}", visible(name));
            let painted = match self.change.change.kind {
                ChangeKind::Added => self.style.added(&format!("+ {line}")),
                _ => self.style.removed(&format!("- {line}")),
            };
            writeln!(out, "    {painted}")?;
        }
        match (shown.is_empty(), more) {
            (_, 0) => Ok(()),
            (true, _) => writeln!(out, "    {}", counted(more, "member", "members")),
            (false, _) => writeln!(out, "    … and {}", counted(more, "more member", "more members")),
        }
    }

    fn write_field(&self, classified: &ClassifiedField, out: &mut dyn Write) -> io::Result<()> {
        let place = visible(&classified.place);
        let aside = self.aside(classified);
        match FieldView::of(classified) {
            FieldView::SecretChanged => writeln!(out, "    ~ {place}: secret changed{aside}"),
            FieldView::Text(lines) => {
                writeln!(out, "    ~ {place}:{aside}")?;
                lines.iter().try_for_each(|line| writeln!(out, "        {}", self.text_line(line)))
            }
            FieldView::Values { old, new } => {
                let (old, new) = (old.as_ref().map(side), new.as_ref().map(side));
                let shown = match (old, new) {
                    (Some(old), Some(new)) => {
                        format!("~ {place}: {} → {}", self.style.removed(&old), self.style.added(&new))
                    }
                    (Some(old), None) => self.style.removed(&format!("- {place}: {old}")),
                    (None, new) => self.style.added(&format!("+ {place}: {}", new.unwrap_or_default())),
                };
                writeln!(out, "    {shown}{aside}")
            }
        }
    }

    /// How a field was judged and by whom it is, where that differs from the change as a whole.
    fn aside(&self, classified: &ClassifiedField) -> String {
        let own = &classified.judgement;
        let judged = is_judged_apart(classified, self.change).then(|| format!("{}, {}", own.severity, own.rule));
        let by = by_of_field(&self.change.attribution, &classified.field.path);
        let parts: Vec<String> = judged.into_iter().chain(by).collect();
        if parts.is_empty() {
            return String::new();
        }
        format!(" {}", self.style.dimmed(&format!("[{}]", visible(&parts.join(", ")))))
    }

    fn text_line(&self, line: &Line) -> String {
        match line {
            Line::Same(text) => format!("  {text}").trim_end().to_owned(),
            Line::Removed(text) => self.style.removed(&format!("- {text}")),
            Line::Added(text) => self.style.added(&format!("+ {text}")),
            Line::Folded(count) => {
                let note = format!("… {}", counted(*count as u64, "unchanged line", "unchanged lines"));
                self.style.dimmed(&note)
            }
        }
    }
}

fn side(side: &Side) -> String {
    match &side.name {
        Some(name) => format!("{} ({})", side.value, quoted(name)),
        None => side.value.clone(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
