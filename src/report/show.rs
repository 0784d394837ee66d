//! Entities of a state: for people, and `schemas/output/entity.v1.json` and `entities.v1.json`.

use std::io::{self, Write};

use super::change_set::Endpoint;
use super::json::write_document;
use super::markdown::{cell, code, prose};
use super::moment::{Moment, Subject};
use super::notes::short_commit;
use super::shown::{counted, visible};
use super::style::Style;
use super::table::table;
use super::who::by;
use crate::canonical::write_indented;
use crate::model::{CanonicalText, DomainId, EntityKey, Pointer};
use crate::policy::Reached;

/// The entities of a domain in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entities {
    /// The domain.
    pub domain: DomainId,
    /// The state.
    pub at: Endpoint,
    /// Keys and names, in order of key.
    pub entities: Vec<(EntityKey, Option<String>)>,
}

/// An entity in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The entity.
    pub subject: Subject,
    /// The state.
    pub at: Endpoint,
    /// Its value; absent where it is not there.
    pub value: Option<CanonicalText>,
    /// The places of its leaves in their order, with the name of what one refers to.
    pub leaves: Vec<(Pointer, Option<String>)>,
    /// The commit that changed it last.
    pub last: Option<Moment>,
    /// Why it is not there.
    pub fate: Option<Fate>,
    /// Whether there is older history that this clone does not have.
    pub is_cut_off: bool,
    /// What depends on it in that state; absent where nothing does or nobody asked.
    pub reach: Option<Reached>,
}

/// Why an entity is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It went in this commit.
    Gone(Moment),
    /// It comes later, in this commit where that is known.
    NotYet(Option<Moment>),
}

/// Writes keys and names.
pub fn entities_text(entities: &Entities, out: &mut dyn Write) -> io::Result<()> {
    let name = |name: &Option<String>| name.as_deref().map(visible).unwrap_or_default().into_owned();
    let rows: Vec<_> =
        entities.entities.iter().map(|(key, called)| [visible(key.as_str()).into_owned(), name(called)]).collect();
    if rows.is_empty() {
        return writeln!(out, "{} has no entities at {}", entities.domain, place(&entities.at));
    }
    writeln!(out, "{}", table(Some(["KEY", "NAME"]), &rows))
}

/// Writes a table of keys and names.
pub fn entities_markdown(entities: &Entities, out: &mut dyn Write) -> io::Result<()> {
    let count = counted(entities.entities.len() as u64, "entity", "entities");
    writeln!(out, "## {}: {count}", code(entities.domain.as_str()))?;
    if !entities.entities.is_empty() {
        writeln!(out, "\n| Key | Name |\n|---|---|")?;
    }
    for (key, name) in &entities.entities {
        writeln!(out, "| {} | {} |", cell(key.as_str()), name.as_deref().map(cell).unwrap_or_default())?;
    }
    Ok(())
}

/// Writes the document, indented, with a final newline.
pub fn entities_json(entities: &Entities, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Entities::from(entities), out)
}

/// Writes an entity as it is stored, with names beside ids, and who changed it last.
pub fn render_text(shown: &Shown, style: Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", style.heading(&shown.subject.line()))?;
    for line in circumstances(shown) {
        writeln!(out, "{}", visible(&line))?;
    }
    if let Some(value) = &shown.value {
        writeln!(out)?;
        for line in value_lines(value, &shown.leaves) {
            writeln!(out, "{}", visible(&line))?;
        }
    }
    Ok(())
}

/// Writes an entity as it is stored, in a block.
pub fn render_markdown(shown: &Shown, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## {}", prose(&shown.subject.line()))?;
    for line in circumstances(shown) {
        writeln!(out, "\n{}", prose(&line))?;
    }
    if let Some(value) = &shown.value {
        let lines = value_lines(value, &shown.leaves);
        let text: Vec<String> = lines.iter().map(|line| visible(line).into_owned()).collect();
        let longest = text.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(3.max(longest + 1));
        writeln!(out, "\n{fence}\n{}\n{fence}", text.join("\n"))?;
    }
    Ok(())
}

/// Writes the document, indented, with a final newline.
pub fn render_json(shown: &Shown, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Shown::from(shown), out)
}

fn place(at: &Endpoint) -> String {
    at.commit.as_deref().map_or_else(|| at.taken_at.clone(), |id| format!("{} ({})", short_commit(id), at.taken_at))
}

fn circumstances(shown: &Shown) -> Vec<String> {
    let told = |what: &str, moment: &Moment| {
        let who = by(&moment.attribution, Some(&moment.at)).filter(|_| moment.is_observed());
        let who = who.map(|who| format!(", {who}")).unwrap_or_default();
        let kind = if moment.is_observed() { "" } else { ", with the baseline" };
        format!("{what} in {} ({}){kind}{who}", moment.short(), moment.at)
    };
    let mut lines = vec![format!("At {}", place(&shown.at))];
    match (&shown.fate, &shown.last) {
        (Some(Fate::Gone(went)), _) => lines.push(told("It is gone: it went", went)),
        (Some(Fate::NotYet(Some(comes))), _) => lines.push(told("It is not there yet: it comes", comes)),
        (Some(Fate::NotYet(None)), _) => lines.push("It is not there yet".to_owned()),
        (None, Some(last)) if last.is_observed() => lines.push(told("Last changed", last)),
        (None, Some(first)) => lines.push(told("Unchanged since it was first captured", first)),
        (None, None) => {}
    }
    let reach = shown.reach.as_ref().and_then(|reach| reach.words.as_ref());
    lines.extend(reach.map(|words| format!("It {words}")));
    lines
}

/// The lines of a value, names beside the ids of what is referred to.
fn value_lines(value: &CanonicalText, leaves: &[(Pointer, Option<String>)]) -> Vec<String> {
    let mut text = String::new();
    write_indented(value.as_str(), 0, &mut text);
    let mut leaves = leaves.iter();
    let line = |line: &str| {
        // Each leaf has one line that neither opens nor closes anything.
        let core = line.trim().trim_end_matches(',');
        let is_leaf = !matches!(core, "}" | "]") && !core.ends_with(['{', '[']);
        let name = if is_leaf { leaves.next().and_then(|(_, name)| name.as_ref()) } else { None };
        name.map_or_else(|| line.to_owned(), |name| format!("{line} ({name})"))
    };
    text.lines().map(line).collect()
}

mod v1 {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::super::{json, moment};
    use crate::canonical::value_of;
    use crate::model::{DomainId, EntityKey, Pointer, Value};
    use crate::report::show;

    const SCHEMA_VERSION: u32 = 1;

    #[derive(Serialize)]
    pub(super) struct Entities<'s> {
        schema_version: u32,
        domain: &'s DomainId,
        at: json::v1::Endpoint<'s>,
        #[serde(rename = "entities")]
        list: Vec<Entity<'s>>,
    }

    #[derive(Serialize)]
    struct Entity<'s> {
        id: &'s EntityKey,
        name: Option<&'s str>,
    }

    #[derive(Serialize)]
    pub(super) struct Shown<'s> {
        schema_version: u32,
        subject: moment::v1::Subject<'s>,
        at: json::v1::Endpoint<'s>,
        value: Option<Value<'s>>,
        names: BTreeMap<&'s Pointer, &'s str>,
        last_change: Option<moment::v1::Moment<'s>>,
        gone: Option<moment::v1::Moment<'s>>,
        comes: Option<moment::v1::Moment<'s>>,
        cut_off: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        reach: Option<json::v1::Reach<'s>>,
    }

    impl<'s> From<&'s show::Entities> for Entities<'s> {
        fn from(entities: &'s show::Entities) -> Self {
            let entity = |(id, name): &'s (EntityKey, Option<String>)| Entity { id, name: name.as_deref() };
            Self {
                schema_version: SCHEMA_VERSION,
                domain: &entities.domain,
                at: (&entities.at).into(),
                list: entities.entities.iter().map(entity).collect(),
            }
        }
    }

    impl<'s> From<&'s show::Shown> for Shown<'s> {
        fn from(shown: &'s show::Shown) -> Self {
            let named = |(place, name): &'s (Pointer, Option<String>)| Some((place, name.as_deref()?));
            let (gone, comes) = match &shown.fate {
                Some(show::Fate::Gone(went)) => (Some(went.into()), None),
                Some(show::Fate::NotYet(comes)) => (None, comes.as_ref().map(Into::into)),
                None => (None, None),
            };
            Self {
                schema_version: SCHEMA_VERSION,
                subject: (&shown.subject).into(),
                at: (&shown.at).into(),
                value: shown.value.as_ref().map(value_of),
                names: shown.leaves.iter().filter_map(named).collect(),
                last_change: shown.last.as_ref().map(Into::into),
                gone,
                comes,
                cut_off: shown.is_cut_off,
                reach: shown.reach.as_ref().map(Into::into),
            }
        }
    }
}
