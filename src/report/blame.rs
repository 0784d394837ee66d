//! Who gave each field of an entity its value: for people, and `schemas/output/blame.v1.json`.

use std::io::{self, Write};

use super::change_set::Endpoint;
use super::json::write_document;
use super::markdown::{cell, prose};
use super::moment::{Moment, Subject};
use super::shown::{quoted, short_value, visible};
use super::style::Style;
use super::table::table;
use super::who::in_short;
use crate::model::{OwnedValue, Pointer};
use crate::policy::Judgement;

/// The fields of an entity, each with the commit that gave it its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blame {
    /// The entity.
    pub subject: Subject,
    /// The state.
    pub at: Endpoint,
    /// The leaves, in canonical order.
    pub fields: Vec<BlamedField>,
    /// The commit in which the entity went; what is told is then its last state.
    pub gone: Option<Moment>,
    /// Whether there is older history that this clone does not have, so that some origins are not known.
    pub is_cut_off: bool,
}

/// A leaf of an entity and where its value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlamedField {
    /// Where it is.
    pub place: Pointer,
    /// The place as a person reads it.
    pub shown: String,
    /// Its value.
    pub value: OwnedValue,
    /// The name of what the value refers to.
    pub name: Option<String>,
    /// The commit that gave it the value; absent where this clone does not have it.
    pub origin: Option<Moment>,
    /// How that was judged; absent for what nobody changed.
    pub judgement: Option<Judgement>,
}

/// Writes a row for each field.
pub fn render_text(blame: &Blame, style: Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", style.heading(&blame.subject.line()))?;
    if let Some(gone) = &blame.gone {
        writeln!(out, "It is gone since {} ({}); this is its last state", gone.at, gone.short())?;
    }
    let rows: Vec<[String; 7]> = blame.fields.iter().map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let rows: Vec<[String; 7]> = rows.into_iter().map(|row| row.map(|cell| visible(&cell).into_owned())).collect();
    writeln!(out, "{}", table(Some(HEADER), &rows))
}

/// Writes a table with a row for each field.
pub fn render_markdown(blame: &Blame, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## {}", prose(&blame.subject.line()))?;
    if let Some(gone) = &blame.gone {
        writeln!(out, "\n{}", prose(&format!("It is gone since {}; this is its last state", gone.at)))?;
    }
    writeln!(out, "\n| Field | Value | Who | When | Rule | Commit | Run |\n|---|---|---|---|---|---|---|")?;
    for field in &blame.fields {
        let cells = row(field).map(|text| if text.is_empty() { text } else { cell(&text) });
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    Ok(())
}

/// Writes the document, indented, with a final newline.
pub fn render_json(blame: &Blame, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Blame::from(blame), out)
}

const HEADER: [&str; 7] = ["FIELD", "VALUE", "WHO", "WHEN", "RULE", "COMMIT", "RUN"];

fn row(field: &BlamedField) -> [String; 7] {
    let value = short_value(&field.value);
    let value = match &field.name {
        Some(name) => format!("{value} ({})", quoted(name)),
        None => value,
    };
    let Some(origin) = &field.origin else {
        let unknown = "older than this clone".to_owned();
        return [field.shown.clone(), value, unknown, String::new(), String::new(), String::new(), String::new()];
    };
    let who = match origin.kind {
        Some(kind) if !origin.is_observed() => kind.as_str().to_owned(),
        _ => in_short(&origin.attribution),
    };
    // The moment of the change where it is known, else the one at which it was seen.
    let at = origin.attribution.actors.last().map(|actor| actor.at.clone()).filter(|at| !at.is_empty());
    let rule = field.judgement.as_ref().map(|judgement| format!("{}: {}", judgement.severity, judgement.rule));
    let run = origin.run.clone().unwrap_or_default();
    let at = at.unwrap_or_else(|| origin.at.clone());
    [field.shown.clone(), value, who, at, rule.unwrap_or_default(), origin.short().to_owned(), run]
}

mod v1 {
    use serde::Serialize;

    use super::super::{json, moment};
    use crate::model::{OwnedValue, Pointer, Severity};
    use crate::report::blame;

    const SCHEMA_VERSION: u32 = 1;

    #[derive(Serialize)]
    pub(super) struct Blame<'b> {
        schema_version: u32,
        subject: moment::v1::Subject<'b>,
        at: json::v1::Endpoint<'b>,
        gone: Option<moment::v1::Moment<'b>>,
        cut_off: bool,
        fields: Vec<Field<'b>>,
    }

    #[derive(Serialize)]
    struct Field<'b> {
        path: &'b Pointer,
        value: &'b OwnedValue,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'b str>,
        severity: Option<Severity>,
        rule: Option<&'b str>,
        origin: Option<moment::v1::Moment<'b>>,
    }

    impl<'b> From<&'b blame::Blame> for Blame<'b> {
        fn from(blame: &'b blame::Blame) -> Self {
            let field = |field: &'b blame::BlamedField| Field {
                path: &field.place,
                value: &field.value,
                name: field.name.as_deref(),
                severity: field.judgement.as_ref().map(|judgement| judgement.severity),
                rule: field.judgement.as_ref().map(|judgement| judgement.rule.as_str()),
                origin: field.origin.as_ref().map(Into::into),
            };
            Self {
                schema_version: SCHEMA_VERSION,
                subject: (&blame.subject).into(),
                at: (&blame.at).into(),
                gone: blame.gone.as_ref().map(Into::into),
                cut_off: blame.is_cut_off,
                fields: blame.fields.iter().map(field).collect(),
            }
        }
    }
}
