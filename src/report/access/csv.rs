//! Who may do what as a table: a row for each way in which a principal may do something somewhere.

use std::io::{self, Write};

use csv::{Terminator, WriterBuilder};

use super::super::csv::cell;
use super::{Asked, division_id, role_and_group};

/// The columns; new ones come behind these.
pub const HEADER: [&str; 14] = [
    "principal_kind",
    "principal",
    "principal_name",
    "traits",
    "permission",
    "division",
    "division_name",
    "role",
    "role_name",
    "group",
    "group_name",
    "condition",
    "granted_in",
    "grant",
];

/// Writes the header and the rows.
pub fn render(asked: &Asked<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
    writer.write_record(HEADER)?;
    let access = &asked.told.access;
    for (_, principal, triples) in asked.answers() {
        let traits: Vec<&str> = principal.traits.iter().map(AsRef::as_ref).collect();
        let traits = traits.join(" ");
        for triple in triples {
            for path in &triple.paths {
                let (role, group) = role_and_group(access, path);
                let grant = &access.grants[path.grant];
                let row: [&str; HEADER.len()] = [
                    principal.kind.as_str(),
                    &principal.id,
                    principal.name.as_deref().unwrap_or_default(),
                    &traits,
                    triple.permission.as_str(),
                    division_id(triple.division).unwrap_or_default(),
                    access.division_name(triple.division).unwrap_or_default(),
                    &role.id,
                    role.name.as_deref().unwrap_or_default(),
                    group.map(|group| group.id.as_str()).unwrap_or_default(),
                    group.and_then(|group| group.name.as_deref()).unwrap_or_default(),
                    path.condition.unwrap_or_default(),
                    grant.domain.as_str(),
                    grant.key.as_str(),
                ];
                writer.write_record(row.iter().map(|text| cell(text)))?;
            }
        }
    }
    writer.flush()
}
