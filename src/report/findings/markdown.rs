//! Findings for a pull request or a job summary, in GitHub Flavored Markdown.

use std::io::{self, Write};

use super::super::markdown::{cell, code, prose};
use super::super::shown::{counted, excerpt, grouped};
use super::{Findings, circumstances, notes, subject_line};
use crate::model::{Finding, Severity};

/// Writes the findings: a summary, then a section for each; those acknowledged are folded, at the end.
pub fn render(findings: &Findings, out: &mut dyn Write) -> io::Result<()> {
    let counts = findings.counts();
    writeln!(out, "## {}: {}", prose(&findings.title), findings.summary())?;
    if counts.total() > 0 {
        writeln!(out, "\n| Level | Findings |\n|---|---:|")?;
        for level in Severity::WORST_FIRST.into_iter().filter(|&level| counts.of(level) > 0) {
            writeln!(out, "| {level} | {} |", grouped(counts.of(level)))?;
        }
    }
    for (index, note) in notes(findings).iter().enumerate() {
        let gap = if index == 0 { "\n" } else { "" };
        writeln!(out, "{gap}- {}", prose(note))?;
    }
    let day = findings.at.as_ref().map(|at| at.taken_at.as_str());
    findings.open().try_for_each(|finding| section(finding, day, out))?;
    let acknowledged: Vec<&Finding> = findings.acknowledged().map(|(finding, _)| finding).collect();
    if acknowledged.is_empty() {
        return Ok(());
    }
    let count = counted(acknowledged.len() as u64, "acknowledged finding", "acknowledged findings");
    writeln!(out, "\n<details><summary>{count}</summary>")?;
    acknowledged.into_iter().try_for_each(|finding| section(finding, day, out))?;
    writeln!(out, "\n</details>")
}

fn section(finding: &Finding, day: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "\n### {}: {}\n\n{}",
        finding.severity,
        code(&subject_line(&finding.subject)),
        prose(&finding.message)
    )?;
    for line in circumstances(finding, day) {
        writeln!(out, "\n{}", prose(&line))?;
    }
    if !finding.evidence.is_empty() {
        writeln!(out, "\n| Evidence | |\n|---|---|")?;
        for evidence in &finding.evidence {
            writeln!(out, "| {} | {} |", cell(&evidence.name), cell(&excerpt(&evidence.text)))?;
        }
    }
    writeln!(out, "\n**Rule:** {}  \n**Remedy:** {}", code(&finding.rule), prose(&finding.remedy))
}
