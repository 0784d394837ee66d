//! What became of who may do what as a table: a row for each permission that a principal gained or lost somewhere.

use std::io::{self, Write};

use csv::{Terminator, WriterBuilder};

use super::super::access::division_id;
use super::super::csv::cell;
use super::AccessDrift;
use crate::audit::rbac::Cause;

/// The columns; new ones come behind these.
pub const HEADER: [&str; 11] = [
    "severity",
    "principal_kind",
    "principal",
    "principal_name",
    "what",
    "permission",
    "division",
    "division_name",
    "condition",
    "causes",
    "fingerprint",
];

/// Writes the header and the rows.
pub fn render(drift: &AccessDrift, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
    writer.write_record(HEADER)?;
    for one in &drift.drift.principals {
        for (what, shifts) in [("gained", &one.gained), ("lost", &one.lost)] {
            for shift in shifts {
                let causes: Vec<String> = shift.causes.iter().map(Cause::told).collect();
                let causes = causes.join("; ");
                let row: [&str; HEADER.len()] = [
                    one.severity.as_str(),
                    one.kind.as_str(),
                    &one.id,
                    one.name.as_deref().unwrap_or_default(),
                    what,
                    shift.permission.as_str(),
                    division_id(&shift.division).unwrap_or_default(),
                    shift.division_name.as_deref().unwrap_or_default(),
                    shift.condition.as_deref().unwrap_or_default(),
                    &causes,
                    &one.fingerprint,
                ];
                writer.write_record(row.iter().map(|text| cell(text)))?;
            }
        }
    }
    writer.flush()
}
