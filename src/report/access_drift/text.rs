//! What became of who may do what, for people at a terminal.

use std::io::{self, Write};

use super::super::shown::visible;
use super::super::style::Style;
use super::{AccessDrift, names};

/// Most principals that are named where the same happened to several.
const MOST_NAMED: usize = 5;

/// Writes a summary, then what was gained and lost, once for all to whom the same happened.
pub fn render(drift: &AccessDrift, style: Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", style.heading(&format!("Access gained or lost: {}", drift.summary())))?;
    for note in drift.notes() {
        writeln!(out, "{}", visible(&note))?;
    }
    for together in drift.alike() {
        let Some(first) = together.first() else { continue };
        let heading = visible(&names(&together, MOST_NAMED)).into_owned();
        writeln!(out, "\n{} {}", style.level(first.severity), style.heading(&heading))?;
        for (sign, shifts) in [("+", &first.gained), ("-", &first.lost)] {
            for shift in shifts {
                writeln!(out, "  {sign} {}", visible(&shift.told()))?;
            }
        }
    }
    Ok(())
}
