//! What was done and undone between two captures: the audit log has it, and the configuration shows nothing of it.

use std::collections::{BTreeMap, HashSet};

use super::record::AuditRecord;
use crate::model::Change;

/// Something that was done and undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transient {
    /// The records that tell it, as positions in the list of records, in order of time; two or more.
    pub records: Vec<usize>,
    /// The property that had another value for a while; absent where an entity, or its part in another, was there for a while.
    pub property: Option<String>,
    /// What the property was before and is now.
    pub value: Vec<String>,
    /// What it was in between, the last such value.
    pub meanwhile: Vec<String>,
}

/// Finds what was done and undone.
///
/// `records` are in order of time and each once; `used_up` says by id whether an earlier commit or
/// finding was about one.
#[must_use]
pub fn transients(changes: &[Change], records: &[AuditRecord], used_up: &dyn Fn(&str) -> bool) -> Vec<Transient> {
    let mut by_entity: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (index, record) in records.iter().enumerate() {
        if let Some(id) = record.entity_id.as_deref().filter(|_| record.is_done && !used_up(&record.id)) {
            by_entity.entry((id, record.entity_type.as_str())).or_default().push(index);
        }
    }
    let known: HashSet<&str> = changes.iter().map(|change| change.key.as_str()).collect();
    let mut found = Vec::new();
    for ((id, _), indexes) in by_entity {
        found.extend(reverted(records, &indexes));
        if !known.contains(id) {
            found.extend(visitors(records, &indexes));
        }
    }
    found.sort_by(|left, right| left.records.cmp(&right.records));
    found
}

/// A record, and what a property was before and after.
type Step<'r> = (usize, &'r [String], &'r [String]);

/// Properties of one entity that were changed and changed back.
fn reverted(records: &[AuditRecord], indexes: &[usize]) -> Vec<Transient> {
    let mut by_property: BTreeMap<&str, Vec<Step<'_>>> = BTreeMap::new();
    for index in indexes {
        for change in &records[*index].properties {
            by_property.entry(&change.property).or_default().push((*index, &change.old, &change.new));
        }
    }
    let reverted = |(property, steps): (&str, Vec<Step<'_>>)| {
        let (_, first, _) = *steps.first()?;
        let (_, _, last) = *steps.last()?;
        let meanwhile = steps.iter().rev().map(|(_, _, new)| *new).find(|new| *new != first)?;
        (first == last).then(|| Transient {
            records: steps.iter().map(|(index, _, _)| *index).collect(),
            property: Some(property.to_owned()),
            value: first.to_vec(),
            meanwhile: meanwhile.to_vec(),
        })
    };
    by_property.into_iter().filter_map(reverted).collect()
}

/// An entity, or its part in another, that came and went.
fn visitors(records: &[AuditRecord], indexes: &[usize]) -> Vec<Transient> {
    let mut by_others: BTreeMap<&[String], Vec<usize>> = BTreeMap::new();
    for index in indexes {
        if comes(&records[*index].action) || goes(&records[*index].action) {
            by_others.entry(&records[*index].others).or_default().push(*index);
        }
    }
    let is_visit = |steps: &Vec<usize>| {
        let action = |index: Option<&usize>| index.map(|index| records[*index].action.as_str()).unwrap_or_default();
        comes(action(steps.first())) && goes(action(steps.last()))
    };
    let visit = |steps| Transient { records: steps, property: None, value: Vec::new(), meanwhile: Vec::new() };
    by_others.into_values().filter(is_visit).map(visit).collect()
}

/// Whether an action makes something (API document: servicemapping lists the actions of each type).
fn comes(action: &str) -> bool {
    ["Create", "Add"].iter().any(|word| action.contains(word))
}

fn goes(action: &str) -> bool {
    ["Delete", "Remove"].iter().any(|word| action.contains(word))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::read_str;

    fn records(of: &[(&str, &str, &str, &str)]) -> Vec<AuditRecord> {
        let record = |(index, (entity, action, old, new)): (usize, &(&str, &str, &str, &str))| {
            let text = format!(
                r#"{{"id":"{index}","eventDate":"2026-03-02T09:0{index}:00Z","entityType":"Queue","action":"{action}",
                "entity":{{"id":"{entity}"}},"propertyChanges":[{{"property":"name","oldValues":["{old}"],"newValues":["{new}"]}}]}}"#
            );
            AuditRecord::read(&read_str(&text).unwrap()).unwrap()
        };
        of.iter().enumerate().map(record).collect()
    }

    #[test]
    fn a_value_that_was_changed_back_is_told_with_both_values() {
        let day = records(&[("q", "Update", "a", "b"), ("p", "Update", "a", "b"), ("q", "Update", "b", "a")]);
        let found = transients(&[], &day, &|_| false);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].records.as_slice(), found[0].property.as_deref()), (&[0, 2][..], Some("name")));
        assert_eq!((found[0].value[0].as_str(), found[0].meanwhile[0].as_str()), ("a", "b"));
        assert_eq!(transients(&[], &day, &|id| id == "0"), []);
    }

    #[test]
    fn what_came_and_went_is_told_and_what_went_and_came_is_not() {
        let day = records(&[
            ("q", "Create", "", ""),
            ("p", "Delete", "", ""),
            ("q", "Delete", "", ""),
            ("p", "Create", "", ""),
        ]);
        let found = transients(&[], &day, &|_| false);
        assert_eq!(found.iter().map(|one| one.records.clone()).collect::<Vec<_>>(), [vec![0, 2]]);
    }
}
