//! What became of who may do what, in GitHub Flavored Markdown.

use std::io::{self, Write};

use super::super::markdown::{cell, code, prose};
use super::{AccessDrift, names};

/// Most principals that are named where the same happened to several.
const MOST_NAMED: usize = 5;

/// Writes a summary, then a table for all to whom the same happened.
pub fn render(drift: &AccessDrift, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## Access gained or lost: {}\n", drift.summary())?;
    for note in drift.notes() {
        writeln!(out, "- {}", prose(&note))?;
    }
    for together in drift.alike() {
        let Some(first) = together.first() else { continue };
        writeln!(out, "\n### {}: {}\n", first.severity, code(&names(&together, MOST_NAMED)))?;
        writeln!(out, "| | Permission | Division | Condition | Why |\n|---|---|---|---|---|")?;
        for (word, shifts) in [("gained", &first.gained), ("lost", &first.lost)] {
            for shift in shifts {
                let causes: Vec<String> = shift.causes.iter().map(crate::audit::rbac::Cause::told).collect();
                let condition = shift.condition.as_deref().map(cell).unwrap_or_default();
                let (permission, place) = (cell(shift.permission.as_str()), cell(&shift.place()));
                writeln!(out, "| {word} | {permission} | {place} | {condition} | {} |", cell(&causes.join("; ")))?;
            }
        }
    }
    Ok(())
}
