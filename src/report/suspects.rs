//! What may have made flows fail: for people, and `schemas/output/suspects.v1.json`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use chrono::{DateTime, SecondsFormat, Utc};

use super::json::write_document;
use super::markdown::{cell, prose};
use super::shown::{counted, quoted, visible};
use super::style::Style;
use super::who::actors_line;
use crate::execution::{Onset, Suspect};

/// The most suspects that are shown to people; the document has all.
const MOST_SHOWN: usize = 10;

/// A flow that fails, and what may have made it.
#[derive(Clone, Debug, PartialEq)]
pub struct FailingFlow {
    /// The id of the flow.
    pub flow: String,
    /// What it is called.
    pub name: Option<String>,
    /// When its errors began.
    pub onset: Onset,
    /// What its runs said, with how many did.
    pub reasons: BTreeMap<String, usize>,
    /// The changes that may be the cause, the likeliest first.
    pub suspects: Vec<Suspect>,
    /// How many changes were made in that time to what the flow does not use.
    pub out_of_reach: usize,
    /// Whether the flow is on record, so that its reach is known.
    pub is_on_record: bool,
}

/// Writes the flows, each with the changes that may be the cause.
pub fn render_text(flows: &[FailingFlow], style: Style, out: &mut dyn Write) -> io::Result<()> {
    if flows.is_empty() {
        return writeln!(out, "No errors");
    }
    for (index, flow) in flows.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}", style.heading(&visible(&title(flow))))?;
        writeln!(out, "  {}", visible(&onset_line(flow)))?;
        for (number, suspect) in flow.suspects.iter().take(MOST_SHOWN).enumerate() {
            let level = style.level(suspect.candidate.severity);
            writeln!(out, "  {}. {:.2} {level} {}", number + 1, suspect.score, visible(&subject(suspect)))?;
            writeln!(out, "     {}", visible(&suspect.candidate.message))?;
            writeln!(out, "     {}", visible(&circumstances(suspect)))?;
        }
        for note in notes(flow) {
            writeln!(out, "  {note}")?;
        }
    }
    Ok(())
}

/// Writes a section for each flow, with a table of the changes.
pub fn render_markdown(flows: &[FailingFlow], out: &mut dyn Write) -> io::Result<()> {
    if flows.is_empty() {
        return writeln!(out, "No errors");
    }
    for flow in flows {
        writeln!(out, "## {}\n\n{}\n", prose(&title(flow)), prose(&onset_line(flow)))?;
        if !flow.suspects.is_empty() {
            writeln!(out, "| Weight | Level | What changed | What happened | Why |\n|---|---|---|---|---|")?;
        }
        for suspect in flow.suspects.iter().take(MOST_SHOWN) {
            let weight = format!("{:.2}", suspect.score);
            let level = suspect.candidate.severity.to_string();
            let cells = [&weight, &level, &subject(suspect), &suspect.candidate.message, &circumstances(suspect)]
                .map(|text| cell(text));
            writeln!(out, "| {} |", cells.join(" | "))?;
        }
        for note in notes(flow) {
            writeln!(out, "\n{note}")?;
        }
    }
    Ok(())
}

/// Writes the document, indented, with a final newline.
pub fn render_json(flows: &[FailingFlow], out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Document::of(flows), out)
}

fn title(flow: &FailingFlow) -> String {
    match &flow.name {
        Some(name) => format!("{} ({})", quoted(name), flow.flow),
        None => flow.flow.clone(),
    }
}

fn onset_line(flow: &FailingFlow) -> String {
    let Onset { began, errors, before } = flow.onset;
    let reasons: Vec<String> = flow.reasons.iter().map(|(reason, count)| format!("{reason} ({count})")).collect();
    let errors = counted(errors as u64, "error", "errors");
    format!("{errors} since {}, {before} before: {}", written(began), reasons.join(", "))
}

fn subject(suspect: &Suspect) -> String {
    let candidate = &suspect.candidate;
    match &candidate.name {
        Some(name) => format!("{} {} ({})", candidate.domain, quoted(name), candidate.key),
        None => format!("{} {}", candidate.domain, candidate.key),
    }
}

fn circumstances(suspect: &Suspect) -> String {
    let mut parts = suspect.because.clone();
    if !suspect.candidate.actors.is_empty() {
        parts.push(format!("by {}", actors_line(&suspect.candidate.actors, None)));
    }
    parts.push(format!("commit {}", suspect.candidate.commit));
    parts.join(", ")
}

fn notes(flow: &FailingFlow) -> Vec<String> {
    let mut notes = Vec::new();
    if !flow.is_on_record {
        notes.push("The flow is not on record, so what it uses is not known.".to_owned());
    } else if flow.suspects.is_empty() {
        notes.push("Nothing that the flow uses was changed in that time.".to_owned());
    }
    if flow.suspects.len() > MOST_SHOWN {
        notes.push(format!("… and {} more", flow.suspects.len() - MOST_SHOWN));
    }
    if flow.out_of_reach > 0 {
        let changes = counted(flow.out_of_reach as u64, "other change", "other changes");
        notes.push(format!("{changes} in that time to what the flow is not known to use"));
    }
    notes
}

fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

mod v1 {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::{FailingFlow, written};
    use crate::execution;
    use crate::model::{Actor, DomainId, EntityKey, Severity};

    const SCHEMA_VERSION: u32 = 1;

    #[derive(Serialize)]
    pub(super) struct Document<'d> {
        schema_version: u32,
        flows: Vec<Flow<'d>>,
    }

    #[derive(Serialize)]
    struct Flow<'d> {
        id: &'d str,
        name: Option<&'d str>,
        began: String,
        errors: usize,
        errors_before: usize,
        reasons: &'d BTreeMap<String, usize>,
        on_record: bool,
        out_of_reach: usize,
        suspects: Vec<Suspect<'d>>,
    }

    #[derive(Serialize)]
    struct Suspect<'d> {
        fingerprint: &'d str,
        commit: &'d str,
        domain: &'d DomainId,
        key: &'d EntityKey,
        name: Option<&'d str>,
        severity: Severity,
        message: &'d str,
        actors: &'d [Actor],
        not_before: String,
        not_after: String,
        distance: Option<usize>,
        /// To three digits, so that it is the same on every machine.
        score: f64,
        because: &'d [String],
    }

    impl<'d> Document<'d> {
        pub(super) fn of(flows: &'d [FailingFlow]) -> Self {
            let suspect = |suspect: &'d execution::Suspect| {
                let candidate = &suspect.candidate;
                Suspect {
                    fingerprint: &candidate.fingerprint,
                    commit: &candidate.commit,
                    domain: &candidate.domain,
                    key: &candidate.key,
                    name: candidate.name.as_deref(),
                    severity: candidate.severity,
                    message: &candidate.message,
                    actors: &candidate.actors,
                    not_before: written(candidate.earliest),
                    not_after: written(candidate.latest),
                    distance: candidate.distance,
                    score: (suspect.score * 1_000.0).round() / 1_000.0,
                    because: &suspect.because,
                }
            };
            let flow = |flow: &'d FailingFlow| Flow {
                id: &flow.flow,
                name: flow.name.as_deref(),
                began: written(flow.onset.began),
                errors: flow.onset.errors,
                errors_before: flow.onset.before,
                reasons: &flow.reasons,
                on_record: flow.is_on_record,
                out_of_reach: flow.out_of_reach,
                suspects: flow.suspects.iter().map(suspect).collect(),
            };
            Self { schema_version: SCHEMA_VERSION, flows: flows.iter().map(flow).collect() }
        }
    }
}
