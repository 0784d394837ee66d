//! A change set as a page.

use super::super::change_set::ChangeSet;
use super::super::field::{FieldView, Members, Side, is_judged_apart};
use super::super::findings::{Places, acknowledged_line};
use super::super::notes::{around, notes};
use super::super::shown::counted;
use super::super::who::{by, by_of_field};
use super::{Cell, Item, LongText, Page, Row, Table, UNFOLDED, in_file, in_parts, safe, text_line};
use crate::model::{Actor, ChangeKind};
use crate::policy::{ClassifiedChange, ClassifiedField};

/// Who made a change that nobody is known to have made.
const NOBODY: &str = "nobody known";

pub(super) fn page(set: &ChangeSet, places: &Places) -> Page {
    let summary = set.summary();
    let (title, lead) = summary.split_once(": ").unwrap_or((&summary, ""));
    let day = set.to.as_ref().map(|to| to.taken_at.as_str());
    let items = set.changes.iter().map(|change| item(set, change, day, places)).collect();
    Page::new(title, lead, &notes(set), items)
}

fn item(set: &ChangeSet, classified: &ClassifiedChange, day: Option<&str>, places: &Places) -> Item {
    let ClassifiedChange { change, name, judgement, attribution, fingerprint, .. } = classified;
    let key = change.key.as_str();
    let place_of = match name {
        Some(_) => format!("{} · {key}", change.domain),
        None => change.domain.to_string(),
    };
    let mut people: Vec<String> = attribution.actors.iter().map(Actor::shown).map(safe).collect();
    if people.is_empty() {
        people.push(NOBODY.to_owned());
    }
    let acknowledged = set.acknowledged(classified);
    let lines = by(attribution, day).into_iter().chain(around(classified));
    let lines = lines.chain(acknowledged.map(acknowledged_line));
    let (tables, texts) = fields(classified);
    let Members { shown, more } = Members::of(classified);
    let more = match (shown.is_empty(), more) {
        (_, 0) => None,
        (true, _) => Some(counted(more, "member", "members")),
        (false, _) => Some(format!("… and {}", counted(more, "more member", "more members"))),
    };
    Item {
        anchor: fingerprint.clone(),
        level: judgement.severity.as_str(),
        domain: change.domain.to_string(),
        who: people.join("\n"),
        people,
        name: safe(name.as_deref().unwrap_or(key)),
        kind: Some(change.kind.as_str()),
        place_of: safe(&place_of),
        message: safe(&judgement.message),
        lines: lines.map(|line| safe(&line)).collect(),
        tables: members(classified, shown).into_iter().chain(tables).collect(),
        texts,
        more,
        remedy: safe(&judgement.remedy),
        rule: safe(&judgement.rule),
        file: places.get(fingerprint).map(in_file),
        is_acknowledged: acknowledged.is_some(),
    }
}

fn members(classified: &ClassifiedChange, shown: Vec<(String, String)>) -> Option<Table> {
    let is_added = classified.change.kind == ChangeKind::Added;
    let (class, column) = if is_added { ("new", "After") } else { ("old", "Before") };
    let row = |(name, value): (String, String)| Row {
        name: in_parts(&name),
        asides: Vec::new(),
        cells: vec![Cell { class, text: Some(safe(&value)), name: None }],
    };
    let rows: Vec<Row> = shown.into_iter().map(row).collect();
    (!rows.is_empty()).then_some(Table { head: "Field", columns: vec![column], rows, folded: None })
}

fn fields(classified: &ClassifiedChange) -> (Option<Table>, Vec<LongText>) {
    let (mut rows, mut texts) = (Vec::new(), Vec::new());
    for field in &classified.fields {
        let (old, new) = match FieldView::of(field) {
            FieldView::SecretChanged => (cell("old", "secret"), cell("new", "another secret")),
            FieldView::Values { old, new } => (side("old", old), side("new", new)),
            FieldView::Text(lines) => {
                let folded = (lines.len() > UNFOLDED).then(|| counted(lines.len() as u64, "line", "lines"));
                let name = std::iter::once(safe(&field.place)).chain(asides(field, classified));
                let name = name.collect::<Vec<_>>().join(" · ");
                texts.push(LongText { name, lines: lines.iter().map(text_line).collect(), folded });
                continue;
            }
        };
        rows.push(Row { name: in_parts(&field.place), asides: asides(field, classified), cells: vec![old, new] });
    }
    let folded = (rows.len() > UNFOLDED).then(|| counted(rows.len() as u64, "field", "fields"));
    let table = Table { head: "Field", columns: vec!["Before", "After"], rows, folded };
    ((!table.rows.is_empty()).then_some(table), texts)
}

/// How a field was judged and by whom it is, where that differs from the change as a whole.
fn asides(field: &ClassifiedField, classified: &ClassifiedChange) -> Vec<String> {
    let own = &field.judgement;
    let judged = is_judged_apart(field, classified).then(|| format!("{}, {}", own.severity, own.rule));
    let by = by_of_field(&classified.attribution, &field.field.path);
    judged.into_iter().chain(by).map(|aside| safe(&aside)).collect()
}

fn cell(class: &'static str, text: &str) -> Cell {
    Cell { class, text: Some(text.to_owned()), name: None }
}

fn side(class: &'static str, side: Option<Side>) -> Cell {
    side.map_or_else(Cell::default, |Side { value, name }| Cell {
        class,
        text: Some(safe(&value)),
        name: name.map(|name| safe(&name)),
    })
}
