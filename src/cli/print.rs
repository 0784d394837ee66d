//! What a verb shows, in the format that was asked for: one place for formats, `--min-severity` and `--fail-on`.

use std::io;

use super::args::{Format, Global};
use super::{Exit, Exits, Failure, Ui};
use crate::model::Severity;
use crate::report::access::Asked;
use crate::report::findings::Places;
use crate::report::{self, ChangeSet, Findings, Style};
use crate::session::{Workspace, patch, places};

/// The formats of a verb that shows neither changes nor findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// For people.
    Text,
    /// One JSON document.
    Json,
    /// Markdown.
    Markdown,
}

/// The format of a verb that shows neither changes nor findings; refuses those that only tell of these.
pub fn plain(verb: &str, global: &Global) -> Result<Plain, Failure> {
    match global.format {
        Format::Text => Ok(Plain::Text),
        Format::Json => Ok(Plain::Json),
        Format::Markdown => Ok(Plain::Markdown),
        other => Err(refusal(
            &format!("`orgtrail {verb}` cannot print {}", other.as_str()),
            &[Format::Text, Format::Json, Format::Markdown],
        )),
    }
}

/// Refuses the formats that do not tell who may do what.
pub fn access_formats(verb: &str, global: &Global) -> Result<(), Failure> {
    let able = [Format::Text, Format::Json, Format::Markdown, Format::Csv];
    if able.contains(&global.format) {
        return Ok(());
    }
    Err(refusal(&format!("`orgtrail {verb}` cannot print {}", global.format.as_str()), &able))
}

/// Prints who may do what.
pub fn access(verb: &str, asked: &Asked<'_>, global: &Global, ui: &Ui) -> Result<(), Failure> {
    access_formats(verb, global)?;
    let mut out = Vec::new();
    told(match global.format {
        Format::Json => report::access::render_json(asked, &mut out),
        Format::Markdown => report::access::render_markdown(asked, &mut out),
        Format::Csv => report::access::render_csv(asked, &mut out),
        _ => report::access::render_text(asked, ui.style(), &mut out),
    })?;
    ui.data(&out)
}

/// Prints a change set of two states of a trail; `--fail-on` looks at all of it, whatever is shown.
pub fn changes(workspace: &Workspace, changes: &ChangeSet, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let shown = global.min_severity.map_or_else(|| changes.clone(), |level| changes.clone().at_least(level));
    let mut out = Vec::new();
    match global.format {
        Format::Text => told(report::text::render(&shown, ui.style(), &mut out)),
        Format::Json => told(report::json::render(&shown, &mut out)),
        Format::Jsonl => told(report::jsonl::render_changes(&shown, &mut out)),
        Format::Markdown => told(report::markdown::render(&shown, &mut out)),
        Format::Html => told(report::html::render_changes(&shown, &places_of(workspace, &shown)?, &mut out)),
        Format::JsonPatch => told(report::json_patch::render(&whole_patch(workspace, changes, global)?, &mut out)),
        Format::Csv | Format::Sarif => {
            let found = Findings::of_fields(&shown, &places_of(workspace, &shown)?);
            render(&found, global.format, ui.style(), &mut out)
        }
        Format::Junit | Format::Github => {
            let found = Findings::of_changes(&shown, &places_of(workspace, &shown)?);
            render(&found, global.format, ui.style(), &mut out)
        }
    }?;
    ui.data(&out)?;
    Ok(exits(changes.counts().worst(), global))
}

/// Prints findings; `--fail-on` looks at all of them, whatever is shown, but for those that somebody has acknowledged.
pub fn findings(findings: &Findings, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let shown = global.min_severity.map_or_else(|| findings.clone(), |level| findings.clone().at_least(level));
    let mut out = Vec::new();
    render(&shown, global.format, ui.style(), &mut out)?;
    ui.data(&out)?;
    Ok(exits(findings.counts().worst(), global))
}

fn render(found: &Findings, format: Format, style: Style, out: &mut Vec<u8>) -> Result<(), Failure> {
    told(match format {
        Format::Text => report::findings::render_text(found, style, out),
        Format::Json => report::findings::render_json(found, out),
        Format::Jsonl => report::jsonl::render_findings(found, out),
        Format::Markdown => report::findings::render_markdown(found, out),
        Format::Html => report::html::render_findings(found, out),
        Format::Csv => report::csv::render(found, out),
        Format::Sarif => report::sarif::render(found, out),
        Format::Junit => report::junit::render(found, out),
        Format::Github => report::github::render(found, out),
        Format::JsonPatch => {
            let able: Vec<Format> = Format::ALL.into_iter().filter(|able| *able != format).collect();
            return Err(refusal("findings are no change of a state, so there is no json-patch of them", &able));
        }
    })
}

/// Writing to memory cannot fail but by a mistake of ours.
fn told(written: io::Result<()>) -> Result<(), Failure> {
    written.map_err(|error| Failure::of(Exit::Internal, &error))
}

/// Where the changes of a change set are written in the state that they lead to.
fn places_of(workspace: &Workspace, changes: &ChangeSet) -> Result<Places, Failure> {
    let commit = changes.to.as_ref().and_then(|to| to.commit.as_ref());
    commit.map_or_else(
        || Ok(Places::new()),
        |commit| places(workspace, &workspace.trail.resolve(commit)?, &changes.changes),
    )
}

/// What turns the one state of a change set into the other, whatever became of it on the way: a part of it would lead to a
/// state that never was.
fn whole_patch(workspace: &Workspace, changes: &ChangeSet, global: &Global) -> Result<report::Patch, Failure> {
    if global.min_severity.is_some() {
        let failure =
            Failure::new(Exit::Usage, "json-patch is the whole difference, so `--min-severity` cannot be used");
        return Err(failure.hint("leave `--min-severity` out, or ask for another format"));
    }
    patch(workspace, changes.from.clone(), changes.to.clone())
}

fn refusal(what: &str, able: &[Format]) -> Failure {
    let names: Vec<&str> = able.iter().map(|format| format.as_str()).collect();
    let (last, others) = names.split_last().map_or(("", &[][..]), |(last, others)| (*last, others));
    Failure::new(Exit::Usage, what).hint(format!("`--format` takes {} or {last} here", others.join(", ")))
}

/// Whether a verb that found this at worst ends with findings.
pub(super) fn is_too_bad(worst: Option<Severity>, global: &Global) -> bool {
    global.fail_on.is_some_and(|level| worst >= Some(level))
}

/// How a verb ends that found this at worst.
pub(super) fn exits(worst: Option<Severity>, global: &Global) -> Exits {
    let mut exits = Exits::default();
    if is_too_bad(worst, global) {
        exits.add(Exit::Findings);
    }
    exits
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use clap::Parser;

    use super::super::{Cli, ColourChoice, Verbosity};
    use super::*;
    use crate::model::{Acknowledged, Finding, Subject};

    fn found() -> Findings {
        let finding = |severity, acknowledged| Finding {
            rule: "rule".to_owned(),
            severity,
            subject: Subject::Trail,
            message: "message".to_owned(),
            remedy: "remedy".to_owned(),
            evidence: Vec::new(),
            actors: Vec::new(),
            place: None,
            fingerprint: "0123456789abcdef".to_owned(),
            acknowledged,
        };
        let acknowledged = Acknowledged {
            owner: "ann@example.com".to_owned(),
            reason: "known".to_owned(),
            ticket: None,
            until: "2026-06-30".to_owned(),
        };
        let all = vec![finding(Severity::Critical, Some(acknowledged)), finding(Severity::Medium, None)];
        Findings::arranged("Audit", None, all)
    }

    /// What findings are printed as with some arguments, and with which code.
    fn printed(arguments: &[&str]) -> Result<(String, u8), Failure> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let cli = Cli::try_parse_from([&["orgtrail", "domains"], arguments].concat()).unwrap();
        let ui = Ui::of_process(ColourChoice::Never, Verbosity::Quiet, Some(file.path().to_owned()));
        let exits = findings(&found(), &cli.global, &ui)?;
        Ok((std::fs::read_to_string(file.path()).unwrap(), exits.code()))
    }

    #[test]
    fn findings_are_printed_in_every_format_but_one() {
        for format in Format::ALL {
            match printed(&["--format", format.as_str()]) {
                Ok((text, code)) => assert_eq!((text.contains("message"), code), (true, 0), "{format:?}"),
                Err(failure) => {
                    assert_eq!(format, Format::JsonPatch);
                    let hint = "`--format` takes text, json, jsonl, markdown, html, csv, sarif, junit or github here";
                    assert_eq!((failure.exit, failure.hint.as_deref()), (Exit::Usage, Some(hint)));
                }
            }
        }
    }

    #[test]
    fn what_is_acknowledged_or_not_shown_decides_as_it_should() {
        let code = |arguments: &[&str]| printed(arguments).unwrap().1;
        assert_eq!(code(&["--fail-on", "low"]), 1);
        assert_eq!(code(&["--fail-on", "medium", "--min-severity", "high"]), 1);
        assert_eq!(code(&["--fail-on", "high"]), 0);
        let (text, _) = printed(&["--min-severity", "high"]).unwrap();
        assert!(text.contains("1 finding below high is left out") && text.contains("critical (acknowledged)"));
    }
}
