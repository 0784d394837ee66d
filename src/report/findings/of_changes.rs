//! Changes as findings.

use std::collections::BTreeMap;

use super::super::change_set::ChangeSet;
use super::super::field::{FieldView, Members, Side, is_judged_apart};
use super::super::notes::{circumstances, endpoint};
use super::super::shown::{counted, quoted};
use super::super::text_diff::Line;
use super::Findings;
use crate::model::{Actor, ChangeKind, Evidence, Explained, Finding, Place, Pointer, Subject};
use crate::policy::{ClassifiedChange, ClassifiedField};

/// Where changes and changed fields are written, by their fingerprints.
pub type Places = BTreeMap<String, Place>;

impl Findings {
    /// A finding for each change; its fields are the evidence.
    #[must_use]
    pub fn of_changes(set: &ChangeSet, places: &Places) -> Self {
        let findings = set.changes.iter().map(|change| of_change(set, change, places)).collect();
        Self { left_out: set.left_out, ..Self::arranged(title(set), set.to.clone(), findings) }
    }

    /// A finding for each changed field, and for each entity that was added, removed or made again as a whole.
    ///
    /// A field has a line, a level and a rule of its own, which one finding for all of them could not have.
    #[must_use]
    pub fn of_fields(set: &ChangeSet, places: &Places) -> Self {
        let of_one = |change: &ClassifiedChange| {
            if change.change.kind != ChangeKind::Modified || change.fields.is_empty() {
                return vec![of_change(set, change, places)];
            }
            change.fields.iter().map(|field| of_field(set, field, change, places)).collect()
        };
        let findings = set.changes.iter().flat_map(of_one).collect();
        Self { left_out: set.left_out, ..Self::arranged(title(set), set.to.clone(), findings) }
    }
}

fn title(set: &ChangeSet) -> String {
    format!("Changes from {} to {}", endpoint(set.from.as_ref()), endpoint(set.to.as_ref()))
}

fn of_change(set: &ChangeSet, classified: &ClassifiedChange, places: &Places) -> Finding {
    let ClassifiedChange { judgement, fields, attribution, fingerprint, .. } = classified;
    let Members { shown, more } = Members::of(classified);
    let mut evidence = facts(classified, attribution.explained);
    evidence.extend(fields.iter().map(|field| Evidence::new(&field.place, in_a_line(field))));
    evidence.extend(shown.into_iter().map(|(name, value)| Evidence { name, text: value }));
    if more > 0 {
        evidence.push(Evidence::new("…", format!("and {}", counted(more, "more member", "more members"))));
    }
    Finding {
        rule: judgement.rule.clone(),
        severity: judgement.severity,
        subject: subject(classified, None),
        message: judgement.message.clone(),
        remedy: judgement.remedy.clone(),
        evidence,
        actors: attribution.actors.clone(),
        place: place_of(classified, places).cloned(),
        fingerprint: fingerprint.clone(),
        acknowledged: set.acknowledged(classified).cloned(),
    }
}

/// Where a change is written: of a modified entity the first of the fields that it has its level from.
fn place_of<'p>(classified: &ClassifiedChange, places: &'p Places) -> Option<&'p Place> {
    let is_modified = classified.change.kind == ChangeKind::Modified;
    let worst = classified.fields.iter().filter(|_| is_modified).find(|field| !is_judged_apart(field, classified));
    places.get(worst.map_or(&classified.fingerprint, |field| &field.fingerprint))
}

fn of_field(set: &ChangeSet, classified: &ClassifiedField, change: &ClassifiedChange, places: &Places) -> Finding {
    let ClassifiedField { field, place, judgement, fingerprint, .. } = classified;
    let by = change.attribution.of_field(&field.path);
    let actors = change.attribution.actors.iter().filter(|actor| by.actors.iter().any(|key| key == actor.key()));
    let actors: Vec<Actor> = actors.cloned().collect();
    let mut evidence = facts(change, by.explained);
    evidence.push(Evidence::new("field", place));
    evidence.extend(sides(classified));
    Finding {
        rule: judgement.rule.clone(),
        severity: judgement.severity,
        subject: subject(change, Some(field.path.clone())),
        message: judgement.message.clone(),
        remedy: judgement.remedy.clone(),
        evidence,
        actors,
        place: places.get(fingerprint).cloned(),
        fingerprint: fingerprint.clone(),
        acknowledged: set.acknowledged.get(fingerprint).or_else(|| set.acknowledged.get(&change.fingerprint)).cloned(),
    }
}

fn subject(classified: &ClassifiedChange, path: Option<Pointer>) -> Subject {
    let ClassifiedChange { change, name, .. } = classified;
    Subject::Entity { domain: change.domain.clone(), key: change.key.clone(), name: name.clone(), path }
}

/// What happened to the entity, and why it is known or not who did it.
fn facts(classified: &ClassifiedChange, explained: Explained) -> Vec<Evidence> {
    let change = &classified.change;
    let mut facts = vec![Evidence::new("kind", change.kind.as_str()), Evidence::new("explained", explained.as_str())];
    if change.kind != ChangeKind::Modified {
        facts.extend(circumstances(change).into_iter().map(|line| Evidence::new("circumstances", line)));
    }
    let reach = classified.reach.as_ref().and_then(|reach| reach.words.as_ref());
    facts.extend(reach.map(|words| Evidence::new("reach", words)));
    facts
}

/// A field before and after, apart.
fn sides(field: &ClassifiedField) -> Vec<Evidence> {
    let (before, after) = match FieldView::of(field) {
        FieldView::SecretChanged => (Some("secret".to_owned()), Some("another secret".to_owned())),
        FieldView::Text(_) => return vec![Evidence::new("lines", in_a_line(field))],
        FieldView::Values { old, new } => (old.as_ref().map(side), new.as_ref().map(side)),
    };
    let before = before.map(|text| Evidence::new(Evidence::BEFORE, text));
    before.into_iter().chain(after.map(|text| Evidence::new(Evidence::AFTER, text))).collect()
}

/// A field before and after.
fn in_a_line(field: &ClassifiedField) -> String {
    match FieldView::of(field) {
        FieldView::SecretChanged => "secret → another secret".to_owned(),
        FieldView::Text(lines) => lines.iter().map(text_line).collect::<Vec<_>>().join("\n"),
        FieldView::Values { old: Some(old), new: Some(new) } => format!("{} → {}", side(&old), side(&new)),
        FieldView::Values { old: Some(old), new: None } => format!("{} → removed", side(&old)),
        FieldView::Values { old: None, new } => format!("added: {}", new.as_ref().map(side).unwrap_or_default()),
    }
}

fn side(Side { value, name }: &Side) -> String {
    match name {
        Some(name) => format!("{value} ({})", quoted(name)),
        None => value.clone(),
    }
}

fn text_line(line: &Line) -> String {
    match line {
        Line::Same(text) => format!("  {text}").trim_end().to_owned(),
        Line::Removed(text) => format!("- {text}"),
        Line::Added(text) => format!("+ {text}"),
        Line::Folded(count) => format!("… {}", counted(*count as u64, "unchanged line", "unchanged lines")),
    }
}
