//! Who made a change that several commits had a part in.

use std::collections::BTreeMap;

use crate::model::{Actor, Attribution, Change, ChangeKind, Explained, FieldAttribution, Pointer};

/// What several commits say together, oldest first: everybody who had a part, in order of time, and the least that is known.
#[must_use]
pub fn together<'p>(parts: impl IntoIterator<Item = &'p Attribution>) -> Attribution {
    let mut whole: Option<Attribution> = None;
    for part in parts {
        match &mut whole {
            None => whole = Some(Attribution { fields: BTreeMap::new(), ..part.clone() }),
            Some(whole) => {
                whole.explained = whole.explained.max(part.explained);
                part.actors.iter().for_each(|actor| Actor::gather(&mut whole.actors, actor.clone()));
            }
        }
    }
    whole.unwrap_or_default()
}

/// Who made a change that is the sum of others: changes of the same entity with who made them, oldest first.
///
/// A field is by those who changed it, or something above or below it; that an entity is gone is by whoever removed it.
#[must_use]
pub fn of_change(change: &Change, parts: &[(Change, Attribution)]) -> Attribution {
    let is_end = |part: &&(Change, Attribution)| part.0.kind != ChangeKind::Modified;
    match (parts, change.kind) {
        ([(_, only)], _) => return only.clone(),
        (_, ChangeKind::Removed) => {
            if let Some((_, last)) = parts.iter().rfind(is_end) {
                return last.clone();
            }
        }
        _ => {}
    }
    let mut whole = together(parts.iter().map(|(_, attribution)| attribution));
    let in_sum = whole.of_field(&Pointer::root());
    for field in &change.fields {
        let of_field = parts.iter().flat_map(|(part, attribution)| {
            let fields = part.fields.iter().filter(|one| is_on_one_way(&one.path, &field.path));
            let whole = part.fields.is_empty().then(|| attribution.of_field(&field.path));
            fields.map(|one| attribution.of_field(&one.path)).chain(whole)
        });
        if let Some(by) = of_field.reduce(join)
            && by != in_sum
        {
            whole.fields.insert(field.path.clone(), by);
        }
    }
    whole
}

fn join(mut whole: FieldAttribution, part: FieldAttribution) -> FieldAttribution {
    whole.explained = least_known(whole.explained, part.explained);
    for actor in part.actors {
        if !whole.actors.contains(&actor) {
            whole.actors.push(actor);
        }
    }
    whole
}

fn least_known(one: Explained, other: Explained) -> Explained {
    one.max(other)
}

/// Whether one of two places is the other or above it.
fn is_on_one_way(left: &Pointer, right: &Pointer) -> bool {
    left.segments().zip(right.segments()).all(|(left, right)| left == right)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::model::{EntityKey, FieldChange, FieldKind};

    fn change(paths: &[&str]) -> Change {
        let field = |path: &&str| FieldChange {
            path: Pointer::from_text(*path),
            kind: FieldKind::Modified,
            old: None,
            new: None,
        };
        Change {
            domain: "routing.queues".parse().unwrap(),
            key: EntityKey::new("q"),
            kind: ChangeKind::Modified,
            previous_key: None,
            before: None,
            after: None,
            fields: paths.iter().map(field).collect(),
            because: None,
            followers: 0,
        }
    }

    fn by(id: &str, at: &str) -> Attribution {
        let actor = Actor {
            id: Some(id.to_owned()),
            at: at.to_owned(),
            audit_ids: vec![format!("{id}{at}")],
            ..Actor::default()
        };
        Attribution { explained: Explained::Audit, actors: vec![actor], fields: BTreeMap::new() }
    }

    #[test]
    fn a_field_is_by_those_who_changed_it_or_something_above_or_below_it() {
        let parts = [
            (change(&["/a/x", "/b"]), by("ann", "1")),
            (change(&["/a"]), by("bo", "2")),
            (change(&["/c"]), Attribution::unknown(Explained::None)),
            (change(&["/d"]), by("ann", "3")),
        ];
        let found = of_change(&change(&["/a/x", "/b", "/c", "/d", "/elsewhere"]), &parts);
        assert_eq!(found.explained, Explained::None);
        let actors: Vec<(&str, &str, usize)> =
            found.actors.iter().map(|actor| (actor.key(), actor.at.as_str(), actor.audit_ids.len())).collect();
        assert_eq!(actors, [("bo", "2", 1), ("ann", "3", 2)]);
        let of = |path: &str| {
            let by = found.of_field(&Pointer::from_text(path));
            (by.explained, by.actors.join(" "))
        };
        assert_eq!(of("/a/x"), (Explained::Audit, "ann bo".to_owned()));
        assert_eq!(of("/b"), (Explained::Audit, "ann".to_owned()));
        assert_eq!(of("/c"), (Explained::None, String::new()));
        assert_eq!(of("/d"), (Explained::Audit, "ann".to_owned()));
        assert_eq!(of("/elsewhere"), (Explained::None, "bo ann".to_owned()));
    }

    #[test]
    fn a_change_of_one_commit_is_attributed_as_the_commit_says() {
        let mut said = by("ann", "1");
        said.fields
            .insert(Pointer::from_text("/a"), FieldAttribution { explained: Explained::Pending, actors: Vec::new() });
        assert_eq!(of_change(&change(&["/a"]), &[(change(&["/a"]), said.clone())]), said);
        assert_eq!(of_change(&change(&["/a"]), &[]), Attribution::default());
        let gone = Change { kind: ChangeKind::Removed, ..change(&[]) };
        let parts = [(change(&["/a"]), by("ann", "1")), (gone.clone(), by("bo", "2"))];
        assert_eq!(of_change(&gone, &parts), by("bo", "2"));
    }
}
