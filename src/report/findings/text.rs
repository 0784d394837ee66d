//! Findings for people at a terminal.

use std::io::{self, Write};

use super::super::shown::{excerpt, visible};
use super::super::style::Style;
use super::{Findings, circumstances, notes, subject_line};
use crate::model::Finding;

/// Writes the findings: a summary, then each with what shows that it is so and what to do; those acknowledged come last.
pub fn render(findings: &Findings, style: Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", style.heading(&format!("{}: {}", visible(&findings.title), findings.summary())))?;
    for line in notes(findings) {
        writeln!(out, "{}", visible(&line))?;
    }
    let day = findings.at.as_ref().map(|at| at.taken_at.as_str());
    for finding in findings.open().chain(findings.acknowledged().map(|(finding, _)| finding)) {
        write_finding(finding, day, style, out)?;
    }
    Ok(())
}

fn write_finding(finding: &Finding, day: Option<&str>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let subject = subject_line(&finding.subject);
    let level = match &finding.acknowledged {
        Some(_) => style.dimmed(&format!("{} (acknowledged)", finding.severity)),
        None => style.level(finding.severity),
    };
    writeln!(out, "\n{level} {}\n  {}", style.heading(&visible(&subject)), visible(&finding.message))?;
    for line in circumstances(finding, day) {
        writeln!(out, "  {}", visible(&line))?;
    }
    for evidence in &finding.evidence {
        writeln!(out, "    {}: {}", visible(&evidence.name), visible(&excerpt(&evidence.text)))?;
    }
    writeln!(out, "  {} {}", style.dimmed("rule:"), visible(&finding.rule))?;
    writeln!(out, "  {} {}", style.dimmed("remedy:"), visible(&finding.remedy))
}
