//! The commits of a history: for people, and `schemas/output/log.v1.json`.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::json::write_document;
use super::markdown::{cell, code, prose, section};
use super::moment::{Moment, Subject};
use super::shown::visible;
use super::style::Style;
use super::text::render_change;
use super::who::{by, in_short, why_nobody};
use crate::policy::{ClassifiedChange, Unjudged};

/// Commits, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// What they are about; absent where they are about everything.
    pub subject: Option<Subject>,
    /// The commits.
    pub entries: Vec<LogEntry>,
    /// Whether there is older history that this clone does not have.
    pub is_cut_off: bool,
    /// Rules whose condition could not be told.
    pub unjudged: BTreeSet<Unjudged>,
}

/// A commit of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The commit.
    pub moment: Moment,
    /// What it changed in what the history is about, the worst first; absent where the history is about everything, and where
    /// the commit holds no changes.
    pub changes: Option<Vec<ClassifiedChange>>,
}

/// Writes the commits, with the changes of each.
pub fn render_text(log: &Log, style: Style, out: &mut dyn Write) -> io::Result<()> {
    if log.entries.is_empty() {
        return writeln!(out, "No changes");
    }
    for (index, LogEntry { moment, changes }) in log.entries.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}", head(moment, style))?;
        if let Some(changes) = changes {
            changes.iter().try_for_each(|change| render_change(change, &moment.at, style, out))?;
            continue;
        }
        writeln!(out, "  {}", visible(&moment.subject))?;
        if moment.is_observed() {
            let told = by(&moment.attribution, Some(&moment.at));
            let told = told.unwrap_or_else(|| why_nobody(moment.attribution.explained).to_owned());
            writeln!(out, "  {}", visible(&told))?;
        }
    }
    Ok(())
}

/// Writes a table of the commits, or, where there are changes, a section for each.
pub fn render_markdown(log: &Log, out: &mut dyn Write) -> io::Result<()> {
    let title = log.subject.as_ref().map_or_else(|| "The organisation".to_owned(), Subject::line);
    writeln!(out, "## {}", prose(&title))?;
    if log.entries.is_empty() {
        return writeln!(out, "\nNo changes");
    }
    if log.subject.is_none() {
        writeln!(out, "\n| When | Level | What | Who | Commit |\n|---|---|---|---|---|")?;
    }
    for LogEntry { moment, changes } in &log.entries {
        match changes {
            Some(changes) => {
                let at = moment.at.as_str();
                writeln!(out, "\n**{}** · {}", code(at), code(moment.short()))?;
                changes.iter().try_for_each(|change| section(change, Some(at), out))?;
            }
            None if log.subject.is_some() => {
                writeln!(out, "\n**{}** · {}\n\n{}", code(&moment.at), code(moment.short()), prose(&moment.subject))?;
            }
            None => {
                let who = if moment.is_observed() { in_short(&moment.attribution) } else { String::new() };
                let cells = [&moment.at, &weight(moment), &moment.subject, &who, moment.short()].map(cell);
                writeln!(out, "| {} |", cells.join(" | "))?;
            }
        }
    }
    Ok(())
}

/// Writes the document, indented, with a final newline.
pub fn render_json(log: &Log, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Log::from(log), out)
}

fn head(moment: &Moment, style: Style) -> String {
    let weight = match moment.level {
        Some(level) => style.level(level),
        None => weight(moment),
    };
    let run = moment.run.as_ref().map(|run| format!("  {}", style.dimmed(&format!("run {}", visible(run)))));
    let step = moment.step.as_ref().filter(|step| *step != "1/1");
    let step = step.map(|step| style.dimmed(&format!(" step {}", visible(step))));
    let rest: String = run.into_iter().chain(step).collect();
    format!("{}  {}  {weight}{rest}", style.heading(moment.short()), moment.at)
}

/// The level of a commit, or what it is instead of changes.
fn weight(moment: &Moment) -> String {
    match (moment.level, moment.kind) {
        (Some(level), _) => level.to_string(),
        (None, Some(kind)) => kind.as_str().to_owned(),
        (None, None) => "by hand".to_owned(),
    }
}

mod v1 {
    use serde::Serialize;

    use super::super::{json, moment};
    use crate::report::log;

    const SCHEMA_VERSION: u32 = 1;

    #[derive(Serialize)]
    pub(super) struct Log<'l> {
        schema_version: u32,
        subject: Option<moment::v1::Subject<'l>>,
        cut_off: bool,
        unjudged: Vec<String>,
        commits: Vec<Entry<'l>>,
    }

    #[derive(Serialize)]
    struct Entry<'l> {
        #[serde(flatten)]
        moment: moment::v1::Moment<'l>,
        #[serde(skip_serializing_if = "Option::is_none")]
        changes: Option<Vec<json::v1::Change<'l>>>,
    }

    impl<'l> From<&'l log::Log> for Log<'l> {
        fn from(log: &'l log::Log) -> Self {
            let entry = |entry: &'l log::LogEntry| Entry {
                moment: (&entry.moment).into(),
                changes: entry.changes.as_ref().map(|changes| changes.iter().map(Into::into).collect()),
            };
            Self {
                schema_version: SCHEMA_VERSION,
                subject: log.subject.as_ref().map(Into::into),
                cut_off: log.is_cut_off,
                unjudged: log.unjudged.iter().map(ToString::to_string).collect(),
                commits: log.entries.iter().map(entry).collect(),
            }
        }
    }
}
