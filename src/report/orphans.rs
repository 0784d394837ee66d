//! What nothing uses: for people, and `schemas/output/orphans.v1.json`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use super::findings::{Findings, render_markdown as findings_markdown, render_text as findings_text};
use super::json::write_document;
use super::markdown::{cell, code, prose};
use super::shown::{counted, visible};
use super::style::Style;
use super::table::table;
use crate::audit::Usage;
use crate::audit::orphans::DomainAudit;
use crate::model::DomainId;

/// What nothing uses, and what was looked at to tell.
#[derive(Clone, Debug)]
pub struct OrphanReport {
    /// The organisation; absent before the first run.
    pub org: Option<String>,
    /// When it was asked, RFC 3339.
    pub audited_at: String,
    /// How long something has to be as it is before it is recommended for deletion.
    pub review_after: Duration,
    /// How many orphans have been as they are for so long.
    pub to_review: usize,
    /// How many have not.
    pub to_wait_for: usize,
    /// What was looked at, in order of domain.
    pub domains: Vec<Counts>,
    /// How many references lead nowhere.
    pub dangling: usize,
    /// How many lead to another organisation.
    pub foreign: usize,
    /// How many lead to something that is not on record, of which it cannot be told whether it is there.
    pub unknown_references: usize,
    /// What was found.
    pub findings: Findings,
}

/// What was looked at of one domain.
#[derive(Clone, Debug)]
pub struct Counts {
    /// The rule that says what it means to be used.
    pub rule: String,
    /// What breaks it.
    pub about: String,
    /// The domain.
    pub domain: DomainId,
    /// How many entities there are.
    pub considered: usize,
    /// How many are used.
    pub used: usize,
    /// How many nobody needs to use, by the reason.
    pub exempt: BTreeMap<String, usize>,
    /// How many the configuration leaves alone, by the reason.
    pub excluded: BTreeMap<String, usize>,
    /// How many nothing uses.
    pub orphans: usize,
    /// Of how many it cannot be told.
    pub unknown: usize,
    /// Where it would be said that one is used, and how much of that is known.
    pub sources: Vec<(DomainId, String)>,
}

impl Counts {
    /// The counts of what was found of a rule.
    #[must_use]
    pub fn of(audit: &DomainAudit, usages: &[Usage]) -> Self {
        let about = usages.iter().find(|usage| usage.rule == audit.rule).map(|usage| usage.about.clone());
        let source = |source: &crate::audit::orphans::Source| (source.domain.clone(), source.completeness.in_words());
        Self {
            rule: audit.rule.clone(),
            about: about.unwrap_or_default(),
            domain: audit.domain.clone(),
            considered: audit.considered,
            used: audit.used,
            exempt: audit.exempt.clone(),
            excluded: audit.excluded.clone(),
            orphans: audit.orphans.len(),
            unknown: audit.unknown.len(),
            sources: audit.sources.iter().map(source).collect(),
        }
    }

    /// A row of the table: nothing where there is nothing of the domain.
    fn row(&self) -> Option<[String; 6]> {
        let left: usize = self.exempt.values().chain(self.excluded.values()).sum();
        let numbers = [self.considered, self.used, left, self.orphans, self.unknown].map(|count| count.to_string());
        let [considered, used, left, orphans, unknown] = numbers;
        (self.considered > 0).then(|| [self.domain.to_string(), considered, used, left, orphans, unknown])
    }
}

const HEADER: [&str; 6] = ["domain", "there are", "used", "left alone", "orphans", "unknown"];

impl OrphanReport {
    fn rows(&self) -> Vec<[String; 6]> {
        self.domains.iter().filter_map(Counts::row).collect()
    }

    /// The rows that there is nothing of, in a sentence.
    fn empty(&self) -> Option<String> {
        let empty = self.domains.iter().filter(|counts| counts.considered == 0).count() as u64;
        (empty > 0).then(|| format!("Of {} there is nothing on record", counted(empty, "domain", "domains")))
    }

    /// What to do now, by the thresholds of the configuration.
    #[must_use]
    pub fn recommendations(&self) -> Vec<String> {
        let days = self.review_after.as_secs() / (24 * 60 * 60);
        let days = counted(days, "day", "days");
        let unknown: usize = self.domains.iter().map(|counts| counts.unknown).sum();
        let told = [
            (
                self.to_review,
                format!("unchanged for {days} or longer: ask the owner of each, then delete what nobody needs"),
            ),
            (
                self.to_wait_for,
                format!("changed within {days}, or first recorded within them: look again when they are over"),
            ),
            (unknown, "of which it cannot be told: have the domains captured that are missing".to_owned()),
            (
                self.dangling,
                "references to something that is not there: choose something else or take them out".to_owned(),
            ),
        ];
        told.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect()
    }

    fn references(&self) -> String {
        format!(
            "References: {} lead nowhere, {} to another organisation; of {} it cannot be told",
            self.dangling, self.foreign, self.unknown_references
        )
    }

    /// Why something was left alone, and how often, in order of domain.
    fn left_alone(&self) -> Vec<String> {
        let told = |counts: &Counts, reasons: &BTreeMap<String, usize>, by: &str| -> Vec<String> {
            let line = |(why, count): (&String, &usize)| format!("{count} of {}{by}: {why}", counts.domain);
            reasons.iter().map(line).collect()
        };
        let of = |counts: &Counts| {
            let mut lines = told(counts, &counts.exempt, "");
            lines.extend(told(counts, &counts.excluded, ", excluded"));
            lines
        };
        self.domains.iter().flat_map(of).collect()
    }
}

/// Writes what was looked at, what is recommended, and what was found, for people.
pub fn render_text(report: &OrphanReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let org = report.org.as_deref().unwrap_or("nobody");
    writeln!(out, "{}", style.heading(&format!("What is used in {}, as of {}", visible(org), report.audited_at)))?;
    writeln!(out, "{}", table(Some(HEADER), &report.rows()))?;
    for line in report.empty().into_iter().chain([report.references()]) {
        writeln!(out, "{line}")?;
    }
    for line in report.left_alone() {
        writeln!(out, "Left alone: {}", visible(&line))?;
    }
    for line in report.recommendations() {
        writeln!(out, "Recommended: {line}")?;
    }
    writeln!(out)?;
    findings_text(&report.findings, style, out)
}

/// Writes the same in GitHub Flavored Markdown.
pub fn render_markdown(report: &OrphanReport, out: &mut dyn Write) -> io::Result<()> {
    let org = report.org.as_deref().unwrap_or("nobody");
    writeln!(out, "# What is used in {}, as of {}\n", code(org), report.audited_at)?;
    writeln!(out, "| {} |\n|---|---:|---:|---:|---:|---:|", HEADER.join(" | "))?;
    for row in report.rows() {
        writeln!(out, "| {} |", row.map(|one| cell(&one)).join(" | "))?;
    }
    writeln!(out)?;
    for line in report.empty().into_iter().chain([report.references()]) {
        writeln!(out, "- {line}")?;
    }
    for line in report.left_alone() {
        writeln!(out, "- Left alone: {}", prose(&line))?;
    }
    for line in report.recommendations() {
        writeln!(out, "- **Recommended:** {line}")?;
    }
    writeln!(out)?;
    findings_markdown(&report.findings, out)
}

/// Writes the document, indented, with a final newline.
pub fn render_json(report: &OrphanReport, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Document::from(report), out)
}

mod v1 {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use crate::model::DomainId;
    use crate::report::findings::v1::Finding;
    use crate::report::json::v1::Endpoint;
    use crate::report::orphans;

    const SCHEMA_VERSION: u32 = 1;

    #[derive(Serialize)]
    pub(super) struct Document<'r> {
        schema_version: u32,
        org: Option<&'r str>,
        at: Option<Endpoint<'r>>,
        audited_at: &'r str,
        review_after_seconds: u64,
        domains: Vec<Counts<'r>>,
        references: References,
        recommendations: Vec<String>,
        findings: Vec<Finding<'r>>,
    }

    #[derive(Serialize)]
    struct Counts<'r> {
        rule: &'r str,
        about: &'r str,
        domain: &'r DomainId,
        considered: usize,
        used: usize,
        exempt: &'r BTreeMap<String, usize>,
        excluded: &'r BTreeMap<String, usize>,
        orphans: usize,
        unknown: usize,
        sources: Vec<Source<'r>>,
    }

    #[derive(Serialize)]
    struct Source<'r> {
        domain: &'r DomainId,
        completeness: &'r str,
    }

    #[derive(Serialize)]
    struct References {
        dangling: usize,
        foreign: usize,
        unknown: usize,
    }

    impl<'r> From<&'r orphans::OrphanReport> for Document<'r> {
        fn from(report: &'r orphans::OrphanReport) -> Self {
            Self {
                schema_version: SCHEMA_VERSION,
                org: report.org.as_deref(),
                at: report.findings.at.as_ref().map(Endpoint::from),
                audited_at: &report.audited_at,
                review_after_seconds: report.review_after.as_secs(),
                domains: report.domains.iter().map(Counts::from).collect(),
                references: References {
                    dangling: report.dangling,
                    foreign: report.foreign,
                    unknown: report.unknown_references,
                },
                recommendations: report.recommendations(),
                findings: report.findings.findings.iter().map(Into::into).collect(),
            }
        }
    }

    impl<'r> From<&'r orphans::Counts> for Counts<'r> {
        fn from(counts: &'r orphans::Counts) -> Self {
            let source = |(domain, completeness): &'r (DomainId, String)| Source { domain, completeness };
            Self {
                rule: &counts.rule,
                about: &counts.about,
                domain: &counts.domain,
                considered: counts.considered,
                used: counts.used,
                exempt: &counts.exempt,
                excluded: &counts.excluded,
                orphans: counts.orphans,
                unknown: counts.unknown,
                sources: counts.sources.iter().map(source).collect(),
            }
        }
    }
}
