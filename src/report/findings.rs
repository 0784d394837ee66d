//! What a check found, as every renderer takes it.

mod json;
mod markdown;
mod of_changes;
mod text;

use std::cmp::Reverse;

pub use json::render as render_json;
pub(super) use json::v1;
pub use markdown::render as render_markdown;
pub use of_changes::Places;
pub use text::render as render_text;

use super::change_set::{Endpoint, LeftOut};
use super::notes::{endpoint, left_out_line, short_commit};
use super::shown::{grouped, quoted, summary_of};
use super::who::actors_line;
use crate::model::{Acknowledged, Finding, Severity, SeverityCounts, Subject, Untold};

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What was checked, as a heading.
    pub title: String,
    /// The state that was checked; absent where it was not one state.
    pub at: Option<Endpoint>,
    /// What was found, in reading order, acknowledged or not.
    pub findings: Vec<Finding>,
    /// The findings that a filter took out.
    pub left_out: Option<LeftOut>,
    /// What could not be told, in reading order.
    pub untold: Vec<Untold>,
}

impl Findings {
    /// Puts findings in reading order, which all formats share: the worst first, then by domain, key, path and rule.
    #[must_use]
    pub fn arranged(title: impl Into<String>, at: Option<Endpoint>, mut findings: Vec<Finding>) -> Self {
        findings.sort_by(|left, right| reading_order(left).cmp(&reading_order(right)));
        Self { title: title.into(), at, findings, left_out: None, untold: Vec::new() }
    }

    /// Takes out the findings that matter less than `least`, and remembers how many they were.
    #[must_use]
    pub fn at_least(mut self, least: Severity) -> Self {
        let before = self.findings.len();
        self.findings.retain(|finding| finding.severity >= least);
        self.left_out = LeftOut::also(self.left_out, least, before - self.findings.len());
        self
    }

    /// The findings that nobody has acknowledged.
    pub fn open(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.acknowledged.is_none())
    }

    /// The findings that somebody has acknowledged, with what was said.
    pub fn acknowledged(&self) -> impl Iterator<Item = (&Finding, &Acknowledged)> {
        self.findings.iter().filter_map(|finding| Some((finding, finding.acknowledged.as_ref()?)))
    }

    /// How many there are of each severity that nobody has acknowledged; those left out do not count.
    #[must_use]
    pub fn counts(&self) -> SeverityCounts {
        self.open().map(|finding| finding.severity).collect()
    }

    /// What there is, in a line.
    pub(super) fn summary(&self) -> String {
        let open = summary_of(&self.counts(), "finding", "findings");
        match self.acknowledged().count() as u64 {
            0 => open,
            acknowledged => format!("{open}; {} acknowledged", grouped(acknowledged)),
        }
    }
}

/// What belongs to findings as a whole, a line each.
pub(super) fn notes(findings: &Findings) -> Vec<String> {
    let left_out = findings.left_out.map(|left_out| left_out_line(left_out, "finding", "findings"));
    let at = findings.at.as_ref().map(|at| format!("At {}", endpoint(Some(at))));
    left_out.into_iter().chain(at).chain(findings.untold.iter().map(ToString::to_string)).collect()
}

fn reading_order(finding: &Finding) -> impl Ord {
    let (key, path, place) = match &finding.subject {
        Subject::Trail | Subject::Domain(_) => (None, None, None),
        Subject::Entity { key, path, .. } => (Some(key), path.as_ref(), None),
        Subject::Commit(text) | Subject::File(text) => (None, None, Some(text)),
    };
    (Reverse(finding.severity), finding.subject.domain(), place, key, path, &finding.rule, &finding.fingerprint)
}

/// What a finding is about, in a line that is yet to be made safe for a format.
pub(super) fn subject_line(subject: &Subject) -> String {
    match subject {
        Subject::Trail => "the trail".to_owned(),
        Subject::Domain(domain) => domain.to_string(),
        Subject::Entity { domain, key, name, path } => {
            let path = path.as_ref().map(|path| format!(" {path}")).unwrap_or_default();
            match name {
                Some(name) => format!("{domain} {} ({key}){path}", quoted(name)),
                None => format!("{domain} {key}{path}"),
            }
        }
        Subject::Commit(id) => format!("commit {}", short_commit(id)),
        Subject::File(path) => format!("file {path}"),
    }
}

/// What is said beside the message of a finding: who did it, where it is written, who lets it stay.
fn circumstances(finding: &Finding, day: Option<&str>) -> Vec<String> {
    let by = (!finding.actors.is_empty()).then(|| format!("by {}", actors_line(&finding.actors, day)));
    let place = finding.place.as_ref().map(|place| format!("in {}:{}:{}", place.file, place.line, place.column));
    let acknowledged = finding.acknowledged.as_ref().map(acknowledged_line);
    by.into_iter().chain(place).chain(acknowledged).collect()
}

/// Who did it and what shows that it is so, a line each.
pub(super) fn details(finding: &Finding) -> Vec<String> {
    let by = (!finding.actors.is_empty()).then(|| format!("by {}", actors_line(&finding.actors, None)));
    let evidence = finding.evidence.iter().map(|one| format!("{}: {}", one.name, one.text));
    by.into_iter().chain(evidence).collect()
}

/// Who lets a finding stay, until when and why.
pub(super) fn acknowledged_line(acknowledged: &Acknowledged) -> String {
    let Acknowledged { owner, reason, ticket, until } = acknowledged;
    let ticket = ticket.as_ref().map(|ticket| format!(" ({ticket})")).unwrap_or_default();
    format!("acknowledged by {owner} until {until}: {reason}{ticket}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
