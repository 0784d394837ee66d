//! Which changes are one decision: the same thing done to many entities.

use std::collections::HashMap;

use crate::canonical::compact;
use crate::model::{ChangeKind, OwnedValue};
use crate::policy::ClassifiedChange;

/// From how many changes on the same thing done to several entities is told as one.
pub const SMALLEST_GROUP: usize = 3;

/// Changes as they are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arranged<'c> {
    /// A change by itself.
    One(&'c ClassifiedChange),
    /// The same thing, done to many entities of a domain.
    Many(Group<'c>),
}

/// The same thing, done to many entities of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<'c> {
    /// The changes, in their order; never empty.
    pub changes: Vec<&'c ClassifiedChange>,
}

impl<'c> Arranged<'c> {
    /// The first of its changes.
    #[must_use]
    pub fn first(&self) -> &'c ClassifiedChange {
        match self {
            Self::One(change) => change,
            Self::Many(group) => group.changes[0],
        }
    }

    /// Its changes.
    #[must_use]
    pub fn changes(&self) -> &[&'c ClassifiedChange] {
        match self {
            Self::One(change) => std::slice::from_ref(change),
            Self::Many(group) => &group.changes,
        }
    }
}

/// Puts together what is the same decision; each group stands where its first change stood.
///
/// Modified entities of a domain are the same where the same fields went from the same values to the same values; added and
/// removed ones where they are of one domain. All have to be judged by the same rule and made by the same people. What was made
/// again stands by itself.
#[must_use]
pub fn arrange<'c>(changes: &[&'c ClassifiedChange]) -> Vec<Arranged<'c>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (index, change) in changes.iter().enumerate() {
        let group = match sameness(change) {
            None => groups.len(),
            Some(same) => *known.entry(same).or_insert(groups.len()),
        };
        match groups.get_mut(group) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    // What is too small for a group goes back to where it stood.
    let mut arranged: Vec<(usize, Arranged<'c>)> = Vec::new();
    for group in groups {
        if group.len() < SMALLEST_GROUP {
            arranged.extend(group.into_iter().map(|index| (index, Arranged::One(changes[index]))));
        } else {
            let changes = group.iter().map(|index| changes[*index]).collect();
            arranged.push((group[0], Arranged::Many(Group { changes })));
        }
    }
    arranged.sort_by_key(|(index, _)| *index);
    arranged.into_iter().map(|(_, one)| one).collect()
}

/// A text that is equal for what is the same decision; `None` for what stands by itself.
fn sameness(classified: &ClassifiedChange) -> Option<String> {
    let ClassifiedChange { change, judgement, attribution, .. } = classified;
    if change.kind == ChangeKind::Recreated {
        return None;
    }
    let value = |value: &Option<OwnedValue>| value.as_ref().map(compact);
    let fields: Vec<_> = classified
        .fields
        .iter()
        .map(|one| (one.field.path.as_str(), one.field.kind.as_str(), value(&one.field.old), value(&one.field.new)))
        .collect();
    let actors: Vec<&str> = attribution.actors.iter().map(crate::model::Actor::key).collect();
    let what = (change.domain.as_str(), change.kind.as_str(), judgement.severity, &judgement.rule);
    Some(format!("{what:?} {:?} {actors:?} {:?} {fields:?}", attribution.explained, change.because))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::model::{Actor, Attribution, Change, EntityKey, FieldChange, FieldKind, Pointer, Severity, Value};
    use crate::policy::{ClassifiedField, Judgement};

    fn change(key: &str, domain: &str, old: u32, by: &str) -> ClassifiedChange {
        let judgement = Judgement {
            severity: Severity::High,
            rule: "rule".to_owned(),
            message: String::new(),
            remedy: String::new(),
        };
        let number = |number: u32| Some(Value::Number(crate::model::Number::from(u64::from(number))));
        let field =
            FieldChange { path: Pointer::from_text("/a"), kind: FieldKind::Modified, old: number(old), new: number(1) };
        let classified = ClassifiedField {
            place: "a".to_owned(),
            old_name: None,
            new_name: None,
            judgement: judgement.clone(),
            fingerprint: String::new(),
            field: field.clone(),
        };
        let actor = Actor { id: Some(by.to_owned()), ..Actor::default() };
        ClassifiedChange {
            change: Change { fields: vec![field], ..Change::bare(domain.parse().unwrap(), EntityKey::new(key)) },
            name: None,
            judgement,
            fields: vec![classified],
            attribution: Attribution { actors: vec![actor], ..Attribution::default() },
            reach: None,
            fingerprint: key.to_owned(),
        }
    }

    fn told(changes: &[ClassifiedChange]) -> Vec<String> {
        let keys = |one: &Arranged<'_>| {
            let keys: Vec<&str> = one.changes().iter().map(|change| change.change.key.as_str()).collect();
            keys.join("+")
        };
        arrange(&changes.iter().collect::<Vec<_>>()).iter().map(keys).collect()
    }

    #[test]
    fn the_same_thing_done_to_many_is_one_decision_where_its_first_stood() {
        let changes: Vec<_> = ["x", "a", "b", "c", "y"]
            .iter()
            .map(|key| change(key, "routing.queues", if "abc".contains(key) { 3 } else { 4 }, "ann"))
            .collect();
        assert_eq!(told(&changes), ["x", "a+b+c", "y"]);
    }

    #[test]
    fn other_values_people_and_domains_are_other_decisions() {
        let mut changes = vec![change("a", "routing.queues", 3, "ann"), change("b", "routing.queues", 3, "ann")];
        for other in [
            change("c", "routing.queues", 4, "ann"),
            change("c", "routing.queues", 3, "bo"),
            change("c", "routing.skills", 3, "ann"),
        ] {
            changes.push(other);
            assert_eq!(told(&changes), ["a", "b", "c"]);
            changes.pop();
        }
        changes.push(change("c", "routing.queues", 3, "ann"));
        assert_eq!(told(&changes), ["a+b+c"]);
    }

    #[test]
    fn what_was_made_again_stands_by_itself() {
        let changes: Vec<_> = ["a", "b", "c"]
            .iter()
            .map(|key| {
                let mut one = change(key, "routing.queues", 3, "ann");
                one.change.kind = ChangeKind::Recreated;
                one
            })
            .collect();
        assert_eq!(told(&changes), ["a", "b", "c"]);
    }
}
