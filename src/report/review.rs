//! Changes as the text of a pull request: a summary, then each decision, worst first, within the room that a host gives.

use std::io::{self, Write};

use super::change_set::ChangeSet;
use super::markdown::{acknowledged, cell, code, fields_table, prose, section, write_folded};
use super::notes::{notes, short_commit};
use super::shown::{counted, grouped};
use super::who::by;
use crate::model::{Severity, SeverityCounts};
use crate::policy::ClassifiedChange;
use crate::review::{Arranged, Group, arrange};

/// Most entities of a group that are named.
const MOST_NAMED: usize = 200;

/// Characters that are kept free for the line that says what is left out.
const ROOM_FOR_REST: usize = 400;

/// Characters that whoever adds [`newer_line`] has to keep free.
pub const ROOM_FOR_NEWER: usize = 300;

/// The title of a pull request.
#[must_use]
pub fn title(set: &ChangeSet) -> String {
    let counts = set.counts();
    match counts.worst() {
        Some(worst) => format!("{}, the worst {worst}", counted(counts.total(), "change", "changes")),
        None => "What is observed for the first time".to_owned(),
    }
}

/// The text of a pull request or a comment, of at most so many characters. What does not fit is counted by level.
#[must_use]
pub fn body(set: &ChangeSet, most: usize) -> String {
    let mut text = Text { text: head(set), characters: 0 };
    text.characters = text.text.chars().count();
    let day = set.to.as_ref().map(|to| to.taken_at.as_str());
    let mut rest: Vec<Severity> = Vec::new();
    let mut in_short: Vec<String> = Vec::new();
    let open: Vec<&ClassifiedChange> = set.open().collect();
    for arranged in arrange(&open) {
        let whole = rendered(&arranged, day);
        // Once something was told in short, nothing below it is told at length.
        if in_short.is_empty() && rest.is_empty() && text.fits(&whole, most) {
            text.push(&whole);
            continue;
        }
        let line = short_line(&arranged);
        let needed: usize = in_short.iter().map(|line| line.chars().count()).sum();
        if rest.is_empty() && text.characters + needed + line.chars().count() + ROOM_FOR_REST <= most {
            in_short.push(line);
        } else {
            rest.extend(arranged.changes().iter().map(|change| change.judgement.severity));
        }
    }
    let left: SeverityCounts = rest.into_iter().collect();
    if !in_short.is_empty() {
        text.push("\n### In short\n\n");
        for line in &in_short {
            text.push(line);
        }
    }
    if left.total() > 0 {
        text.push(&format!("\n… and {} more: {}\n", counted(left.total(), "change", "changes"), levels(&left)));
    }
    if left.total() > 0 || !in_short.is_empty() {
        text.push(&format!("\n{} shows all of them.\n", code(&command(set))));
    }
    let acknowledged = acknowledged(set);
    if text.characters + acknowledged.chars().count() <= most {
        text.push(&acknowledged);
    }
    text.text
}

/// Writes the text without a limit.
pub fn render(set: &ChangeSet, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(body(set, usize::MAX).as_bytes())
}

/// What is said below a proposal of what was seen after it.
#[must_use]
pub fn newer_line(newer: u64, is_reverted: bool) -> String {
    if is_reverted {
        return "\n> What is observed now equals what is agreed: all of this was reverted.\n".to_owned();
    }
    match newer {
        0 => String::new(),
        _ => format!(
            "\n> {} seen since then and not part of this; `orgtrail review --open-pr --refresh` takes in what is observed now.\n",
            if newer == 1 { "1 more change was".to_owned() } else { format!("{} more changes were", grouped(newer)) }
        ),
    }
}

struct Text {
    text: String,
    characters: usize,
}

impl Text {
    fn fits(&self, more: &str, most: usize) -> bool {
        self.characters + more.chars().count() <= most.saturating_sub(ROOM_FOR_REST)
    }

    fn push(&mut self, more: &str) {
        self.text.push_str(more);
        self.characters += more.chars().count();
    }
}

fn head(set: &ChangeSet) -> String {
    let mut text = format!("## {}\n", set.summary());
    for (index, note) in notes(set).iter().enumerate() {
        let gap = if index == 0 { "\n" } else { "" };
        text.extend([gap, "- ", &prose(note), "\n"]);
    }
    text
}

fn rendered(arranged: &Arranged<'_>, day: Option<&str>) -> String {
    let mut out = Vec::new();
    let written = match arranged {
        Arranged::One(change) => section(change, day, &mut out),
        Arranged::Many(group) => group_section(group, day, &mut out),
    };
    // Nothing stands in the way of writing to memory.
    written.map(|()| String::from_utf8_lossy(&out).into_owned()).unwrap_or_default()
}

fn group_section(group: &Group<'_>, day: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    let Some(first) = group.changes.first() else { return Ok(()) };
    let ClassifiedChange { change, judgement, attribution, .. } = first;
    let many = grouped(group.changes.len() as u64);
    writeln!(out, "\n### {}: {many} {} in {}", judgement.severity, change.kind.as_str(), code(change.domain.as_str()))?;
    writeln!(out, "\nThe same for all of them; of the first: {}", prose(&judgement.message))?;
    if let Some(line) = by(attribution, day) {
        writeln!(out, "\n{}", prose(&line))?;
    }
    fields_table(first, out)?;
    let names: Vec<String> = group.changes.iter().take(MOST_NAMED).map(|change| name_of(change)).collect();
    let mut list = names.join(", ");
    if group.changes.len() > MOST_NAMED {
        list.extend([" … and ", &grouped((group.changes.len() - MOST_NAMED) as u64), " more"]);
    }
    write_folded(&list, group.changes.len(), &counted(group.changes.len() as u64, "entity", "entities"), out)?;
    writeln!(out, "\n**Rule:** {}  \n**Remedy:** {}", code(&judgement.rule), prose(&judgement.remedy))
}

fn short_line(arranged: &Arranged<'_>) -> String {
    let first = arranged.first();
    let ClassifiedChange { change, judgement, .. } = first;
    match arranged {
        Arranged::One(_) => {
            let domain = code(change.domain.as_str());
            format!("- {}: {} {} · {domain}\n", judgement.severity, change.kind.as_str(), name_of(first))
        }
        Arranged::Many(group) => {
            let many = grouped(group.changes.len() as u64);
            let domain = code(change.domain.as_str());
            format!(
                "- {}: {many} {} in {domain}, the first {}\n",
                judgement.severity,
                change.kind.as_str(),
                name_of(first)
            )
        }
    }
}

fn name_of(change: &ClassifiedChange) -> String {
    cell(change.name.as_deref().unwrap_or(change.change.key.as_str()))
}

fn levels(counts: &SeverityCounts) -> String {
    let levels = Severity::WORST_FIRST.into_iter().filter(|level| counts.of(*level) > 0);
    levels.map(|level| format!("{} {level}", grouped(counts.of(level)))).collect::<Vec<_>>().join(", ")
}

/// The command that shows the whole.
fn command(set: &ChangeSet) -> String {
    let commit = |end: &Option<super::Endpoint>| {
        end.as_ref().and_then(|end| end.commit.as_deref()).map(short_commit).unwrap_or_default().to_owned()
    };
    format!("orgtrail diff {} {}", commit(&set.from), commit(&set.to)).trim_end().to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::sample;
    use super::*;

    fn many(count: usize) -> ChangeSet {
        let one = sample::change_set().changes.remove(0);
        let changes = (0..count)
            .map(|index| {
                let mut change = one.clone();
                change.name = Some(format!("Queue {index:05}"));
                change.judgement.rule = format!("rule-{index}");
                change
            })
            .collect();
        ChangeSet { changes, ..sample::change_set() }
    }

    #[test]
    fn the_text_of_a_pull_request() {
        insta::assert_snapshot!(body(&sample::change_set(), 65_536));
    }

    #[test]
    fn the_same_done_to_many_is_told_once() {
        let mut set = many(30);
        for change in &mut set.changes {
            change.judgement.rule = "rule".to_owned();
        }
        insta::assert_snapshot!(body(&set, 65_536));
    }

    #[test]
    fn a_text_stays_within_its_room_and_accounts_for_every_change() {
        let set = many(2_000);
        for most in [2_000, 10_000, 65_536] {
            let text = body(&set, most);
            assert!(text.chars().count() <= most, "{most}");
            let at_length = text.matches("\n### ").count() - usize::from(text.contains("### In short"));
            let in_short = text.lines().filter(|line| line.starts_with("- ") && line.contains("Queue ")).count();
            let more = text.lines().find_map(|line| line.strip_prefix("… and ")?.split(' ').next()).unwrap();
            let more: usize = more.replace(',', "").parse().unwrap();
            assert_eq!(at_length + in_short + more, 2_000, "{most}");
            assert!(text.contains("orgtrail diff"), "{most}");
        }
    }
}
