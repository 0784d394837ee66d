//! What a verb shows, in the format that was asked for: one place for formats, `--min-severity` and `--fail-on`.

use super::args::{Format, Global};
use super::{Exit, Exits, Failure, Ui};
use crate::model::Severity;
use crate::report::{self, ChangeSet, Findings};

/// Prints a change set; `--fail-on` looks at all of it, whatever is shown.
pub fn changes(changes: &ChangeSet, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let shown = global.min_severity.map_or_else(|| changes.clone(), |level| changes.clone().at_least(level));
    let mut out = Vec::new();
    let written = match global.format {
        Format::Text => report::text::render(&shown, ui.style(), &mut out),
        Format::Json => report::json::render(&shown, &mut out),
        Format::Markdown => report::markdown::render(&shown, &mut out),
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)?;
    Ok(exits(changes.counts().worst(), global))
}

/// Prints findings; `--fail-on` looks at all of them, whatever is shown, but for those that somebody has acknowledged.
pub fn findings(findings: &Findings, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let shown = global.min_severity.map_or_else(|| findings.clone(), |level| findings.clone().at_least(level));
    let mut out = Vec::new();
    let written = match global.format {
        Format::Text => report::findings::render_text(&shown, ui.style(), &mut out),
        Format::Json => report::findings::render_json(&shown, &mut out),
        Format::Markdown => report::findings::render_markdown(&shown, &mut out),
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)?;
    Ok(exits(findings.counts().worst(), global))
}

/// How a verb ends that found this at worst.
fn exits(worst: Option<Severity>, global: &Global) -> Exits {
    let mut exits = Exits::default();
    if global.fail_on.is_some_and(|level| worst >= Some(level)) {
        exits.add(Exit::Findings);
    }
    exits
}
