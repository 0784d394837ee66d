//! Who may do what, for people at a terminal.

use std::io::{self, Write};

use super::super::shown::{counted, visible};
use super::super::style::Style;
use super::{Asked, division, role_and_group};

/// Writes the answer: a summary, what is not known, then each principal with what it may do and how that comes about.
pub fn render(asked: &Asked<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let count = asked.answers().count() as u64;
    let summary = counted(count, "principal", "principals");
    writeln!(out, "{}", style.heading(&format!("{}: {summary}", visible(&asked.title))))?;
    for note in asked.notes() {
        writeln!(out, "{}", visible(&note))?;
    }
    let access = &asked.told.access;
    for (_, principal, triples) in asked.answers() {
        let name = principal.name.as_ref().map(|name| format!(" {}", visible(name))).unwrap_or_default();
        let traits: Vec<&str> = principal.traits.iter().map(AsRef::as_ref).collect();
        let traits = if traits.is_empty() { String::new() } else { format!("  {}", style.dimmed(&traits.join(", "))) };
        let heading = format!("{}{name} ({})", principal.kind, visible(&principal.id));
        writeln!(out, "\n{}{traits}", style.heading(&heading))?;
        for triple in triples {
            let place = division(access, triple.division);
            writeln!(out, "  {} in {}", visible(triple.permission.as_str()), visible(&place))?;
            for path in &triple.paths {
                let (role, group) = role_and_group(access, path);
                let role = role.name.as_deref().unwrap_or(&role.id);
                let group = group.map(|group| group.name.as_deref().unwrap_or(&group.id));
                let group = group.map(|group| format!(" through the group {group}")).unwrap_or_default();
                let condition = path.condition.map(|text| format!(" if {text}")).unwrap_or_default();
                writeln!(out, "    by {}", visible(&format!("the role {role}{group}{condition}")))?;
            }
        }
    }
    Ok(())
}
