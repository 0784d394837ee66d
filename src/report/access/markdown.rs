//! Who may do what, in GitHub Flavored Markdown.

use std::io::{self, Write};

use super::super::markdown::{cell, prose};
use super::super::shown::counted;
use super::{Asked, division, role_and_group};

/// Writes the answer: a summary, what is not known, then a row for each way in which a principal may do something.
pub fn render(asked: &Asked<'_>, out: &mut dyn Write) -> io::Result<()> {
    let count = asked.answers().count() as u64;
    writeln!(out, "## {}: {}\n", prose(&asked.title), counted(count, "principal", "principals"))?;
    for note in asked.notes() {
        writeln!(out, "- {}", prose(&note))?;
    }
    if count == 0 {
        return Ok(());
    }
    writeln!(out, "\n| Principal | Permission | Division | Role | Through | Condition |\n|---|---|---|---|---|---|")?;
    let access = &asked.told.access;
    for (_, principal, triples) in asked.answers() {
        let who = format!("{} {}", principal.kind, principal.name.as_deref().unwrap_or(&principal.id));
        for triple in triples {
            let place = division(access, triple.division);
            for path in &triple.paths {
                let (role, group) = role_and_group(access, path);
                let group = group.map_or("", |group| group.name.as_deref().unwrap_or(&group.id));
                let role = role.name.as_deref().unwrap_or(&role.id);
                let cells = [&who, triple.permission.as_str(), &place, role, group, path.condition.unwrap_or_default()];
                let cells: Vec<String> =
                    cells.iter().map(|text| if text.is_empty() { String::new() } else { cell(text) }).collect();
                writeln!(out, "| {} |", cells.join(" | "))?;
            }
        }
    }
    Ok(())
}
