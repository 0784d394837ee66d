//! A change set for a pull request or a job summary, in GitHub Flavored Markdown.
//!
//! Whatever could be markup, a link or a mention is shown as code: inside a code span nothing but the end of the span has a
//! meaning. The only HTML is the folding around long tables and texts. A host's limit on the size of a comment is for whoever
//! posts it.

use std::io::{self, Write};

use super::change_set::ChangeSet;
use super::field::{FieldView, Members, Side, is_judged_apart};
use super::notes::{around, notes};
use super::shown::{counted, grouped, visible};
use super::text_diff::Line;
use super::who::{by, by_of_field};
use crate::model::{ChangeKind, Severity};
use crate::policy::ClassifiedChange;

/// Most rows of a table, and most lines of a text, that stand unfolded.
const UNFOLDED: usize = 12;

/// Writes the change set: a summary, then a section for every change.
pub fn render(set: &ChangeSet, out: &mut dyn Write) -> io::Result<()> {
    let counts = set.counts();
    writeln!(out, "## {}", set.summary())?;
    if counts.total() > 0 {
        writeln!(out, "\n| Level | Changes |\n|---|---:|")?;
        for level in Severity::WORST_FIRST.into_iter().filter(|&level| counts.of(level) > 0) {
            writeln!(out, "| {level} | {} |", grouped(counts.of(level)))?;
        }
    }
    for (index, note) in notes(set).iter().enumerate() {
        let gap = if index == 0 { "\n" } else { "" };
        writeln!(out, "{gap}- {}", prose(note))?;
    }
    let day = set.to.as_ref().map(|to| to.taken_at.as_str());
    set.open().try_for_each(|change| section(change, day, out))?;
    out.write_all(acknowledged(set).as_bytes())
}

/// What somebody has acknowledged, folded; nothing where nobody has acknowledged anything.
pub(super) fn acknowledged(set: &ChangeSet) -> String {
    let lines: Vec<String> = set.acknowledged_lines().iter().map(|line| format!("- {}\n", prose(line))).collect();
    if lines.is_empty() {
        return String::new();
    }
    let count = counted(lines.len() as u64, "change", "changes");
    format!("\n<details><summary>{count} acknowledged</summary>\n\n{}\n</details>\n", lines.concat())
}

/// Writes a section for a change; times are told without the day where that is the day of an instant.
pub(super) fn section(classified: &ClassifiedChange, day: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    let ClassifiedChange { change, name, judgement, attribution, .. } = classified;
    let (level, kind, domain) = (judgement.severity, change.kind.as_str(), code(change.domain.as_str()));
    let key = code(change.key.as_str());
    match name {
        Some(name) => writeln!(out, "\n### {level}: {kind} {}\n\n{domain} · {key}", code(name))?,
        None => writeln!(out, "\n### {level}: {kind} {key}\n\n{domain}")?,
    }
    writeln!(out, "\n{}", prose(&judgement.message))?;
    for line in by(attribution, day).into_iter().chain(around(classified)) {
        writeln!(out, "\n{}", prose(&line))?;
    }
    members_table(classified, out)?;
    fields_table(classified, out)?;
    writeln!(out, "\n**Rule:** {}  \n**Remedy:** {}", code(&judgement.rule), prose(&judgement.remedy))
}

fn members_table(classified: &ClassifiedChange, out: &mut dyn Write) -> io::Result<()> {
    let Members { shown, more } = Members::of(classified);
    if !shown.is_empty() {
        let column = if classified.change.kind == ChangeKind::Added { "After" } else { "Before" };
        writeln!(out, "\n| Field | {column} |\n|---|---|")?;
        for (name, value) in &shown {
            writeln!(out, "| {} | {} |", cell(name), cell(value))?;
        }
    }
    match (shown.is_empty(), more) {
        (_, 0) => Ok(()),
        (true, _) => writeln!(out, "\n{}", counted(more, "member", "members")),
        (false, _) => writeln!(out, "\n… and {}", counted(more, "more member", "more members")),
    }
}

pub(super) fn fields_table(classified: &ClassifiedChange, out: &mut dyn Write) -> io::Result<()> {
    let is_judged_apart = classified.fields.iter().any(|field| is_judged_apart(field, classified));
    let mut rows = Vec::new();
    let mut texts = Vec::new();
    for field in &classified.fields {
        let (old, new) = match FieldView::of(field) {
            FieldView::SecretChanged => ("secret".to_owned(), "another secret".to_owned()),
            FieldView::Values { old, new } => (side_cell(old.as_ref()), side_cell(new.as_ref())),
            FieldView::Text(lines) => {
                texts.push((&field.place, lines));
                ("text".to_owned(), "another text, below".to_owned())
            }
        };
        let verdict = if is_judged_apart {
            format!(" {} | {} |", field.judgement.severity, cell(&field.judgement.rule))
        } else {
            String::new()
        };
        let by = by_of_field(&classified.attribution, &field.field.path);
        let place = match by {
            Some(by) => format!("{}, {}", cell(&field.place), prose(&by)),
            None => cell(&field.place),
        };
        rows.push(format!("| {place} | {old} | {new} |{verdict}"));
    }
    if !rows.is_empty() {
        let (head, line) = if is_judged_apart { (" Level | Rule |", "---|---|") } else { ("", "") };
        let table = format!("| Field | Before | After |{head}\n|---|---|---|{line}\n{}", rows.join("\n"));
        write_folded(&table, rows.len(), &counted(rows.len() as u64, "field", "fields"), out)?;
    }
    for (place, lines) in texts {
        writeln!(out, "\n{}:", code(place))?;
        let summary = counted(lines.len() as u64, "line", "lines");
        write_folded(&diff_block(&lines), lines.len(), &summary, out)?;
    }
    Ok(())
}

/// Writes a block as it is where it is short, else behind a line that opens it.
pub(super) fn write_folded(block: &str, length: usize, summary: &str, out: &mut dyn Write) -> io::Result<()> {
    if length <= UNFOLDED {
        writeln!(out, "\n{block}")
    } else {
        writeln!(out, "\n<details><summary>{summary}</summary>\n\n{block}\n\n</details>")
    }
}

fn side_cell(side: Option<&Side>) -> String {
    let Some(Side { value, name }) = side else { return String::new() };
    match name {
        Some(name) => format!("{} ({})", cell(value), cell(name)),
        None => cell(value),
    }
}

/// A text as a code span that can stand in a table.
pub(super) fn cell(text: &str) -> String {
    // A table splits its row before it looks for code spans, and takes one backslash before a `|` away.
    code(text).replace('|', "\\|")
}

/// A text as a code span: delimited by more backticks than it holds in a row.
pub(super) fn code(text: &str) -> String {
    let text = visible(text);
    let fence = "`".repeat(1 + longest_run_of_backticks(&text));
    let is_edge = |edge: &str| edge.starts_with(['`', ' ']);
    let last = text.char_indices().next_back().map_or("", |(at, _)| &text[at..]);
    // A span that is padded on both sides loses one space on each; an empty one would be no span at all.
    let pad = if text.is_empty() || is_edge(&text) || is_edge(last) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn diff_block(lines: &[Line]) -> String {
    let lines: Vec<String> = lines
        .iter()
        .map(|line| match line {
            Line::Same(text) => format!("  {text}"),
            Line::Removed(text) => format!("- {text}"),
            Line::Added(text) => format!("+ {text}"),
            Line::Folded(count) => format!("@@ {} @@", counted(*count as u64, "unchanged line", "unchanged lines")),
        })
        .collect();
    let longest = lines.iter().map(|line| longest_run_of_backticks(line)).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    format!("{fence}diff\n{}\n{fence}", lines.join("\n"))
}

fn longest_run_of_backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A sentence: its plain words as they are, every other word as code.
pub(super) fn prose(text: &str) -> String {
    let text = visible(text);
    let words = text.split_whitespace().map(|word| {
        let behind_lead = word.trim_start_matches('(');
        let core = behind_lead.trim_end_matches([')', '.', ',', ';', ':', '!', '?']);
        let (lead, trail) = (&word[..word.len() - behind_lead.len()], &behind_lead[core.len()..]);
        if core.is_empty() {
            code(word)
        } else if is_plain_word(core) || (is_small_number(core) && !trail.starts_with(['.', ')'])) {
            word.to_owned()
        } else {
            format!("{lead}{}{trail}", code(core))
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether no Markdown and no host sees anything but a word: not a link, a mention, an emoji or a reference to an issue.
fn is_plain_word(word: &str) -> bool {
    let is_letters = |part: &str| !part.is_empty() && part.chars().all(char::is_alphabetic);
    word.split(['-', '\'']).all(is_letters) || matches!(word, "·" | "→" | "–" | "—" | "…" | "&")
}

/// Whether it is a number too short for the id of a commit; at the start of a line, `.` or `)` would make it a list.
fn is_small_number(word: &str) -> bool {
    word.len() < 7 && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b',')
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
