//! Applies a diff, which proves that it says everything.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::value::Sets;
use crate::canonical::{canonical_text, compact, set_segments, value_of};
use crate::catalogue::{Domain, SetKey};
use crate::model::{Change, ChangeKind, DomainSnapshot, FieldChange, FieldKind, Object, OwnedValue, Value};

/// Why a change does not fit what it is applied to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a change of {place} does not fit the entity it is applied to")]
pub struct ApplyError {
    /// The key or pointer that does not fit.
    pub place: String,
}

/// Applies changes to a snapshot of their domain.
///
/// # Errors
/// [`ApplyError`] where an entity or field is not as the change says it was.
pub fn apply(domain: &Domain, before: &DomainSnapshot, changes: &[Change]) -> Result<DomainSnapshot, ApplyError> {
    let mut snapshot = before.clone();
    for change in changes {
        let unfit = || ApplyError { place: change.key.to_string() };
        let previous = change.previous_key.as_ref().unwrap_or(&change.key);
        let after = match change.kind {
            ChangeKind::Removed => {
                snapshot.entities.remove(&change.key).ok_or_else(unfit)?;
                continue;
            }
            ChangeKind::Added => change.after.clone().ok_or_else(unfit)?,
            ChangeKind::Modified | ChangeKind::Recreated => {
                let entity = snapshot.entities.remove(previous).ok_or_else(unfit)?;
                canonical_text(&apply_fields(domain, value_of(&entity).into_owned(), &change.fields)?)
            }
        };
        if snapshot.entities.insert(change.key.clone(), after).is_some() {
            return Err(unfit());
        }
    }
    Ok(snapshot)
}

/// Applies changed fields to an entity.
///
/// # Errors
/// [`ApplyError`] where a field is not as the change says it was.
pub fn apply_fields(domain: &Domain, entity: OwnedValue, fields: &[FieldChange]) -> Result<OwnedValue, ApplyError> {
    let steps = fields.iter().map(|field| Step { field, rest: field.path.segments().collect() }).collect();
    apply_at(entity, steps, &Sets::of(domain))
}

/// A changed field, and the way that is left to it.
struct Step<'f> {
    field: &'f FieldChange,
    rest: Vec<String>,
}

impl Step<'_> {
    fn unfit(&self) -> ApplyError {
        ApplyError { place: self.field.path.to_string() }
    }
}

fn apply_at(value: OwnedValue, mut steps: Vec<Step<'_>>, sets: &Sets<'_>) -> Result<OwnedValue, ApplyError> {
    if let Some(here) = steps.iter().position(|step| step.rest.is_empty()) {
        let step = steps.swap_remove(here);
        return step.field.new.clone().ok_or_else(|| step.unfit());
    }
    if steps.is_empty() {
        return Ok(value);
    }
    match value {
        Value::Object(object) => apply_to_object(object, steps, sets).map(Value::Object),
        Value::Array(items) => {
            if let Some(key) = sets.here() {
                let identities = set_segments(&items, key);
                apply_to_set(identities.into_iter().zip(items).collect(), key, steps, sets)
            } else {
                apply_to_list(items, steps, sets)
            }
        }
        _ => Err(steps[0].unfit()),
    }
}

/// The steps by the first segment of their way.
fn by_segment(steps: Vec<Step<'_>>) -> BTreeMap<String, Vec<Step<'_>>> {
    let mut groups: BTreeMap<String, Vec<Step<'_>>> = BTreeMap::new();
    for mut step in steps {
        let segment = step.rest.remove(0);
        groups.entry(segment).or_default().push(step);
    }
    groups
}

fn apply_to_object(
    mut object: Object<'static>,
    steps: Vec<Step<'_>>,
    sets: &Sets<'_>,
) -> Result<Object<'static>, ApplyError> {
    for (name, steps) in by_segment(steps) {
        let old = object.remove(&name);
        let below = sets.member(&name);
        if let Some(new) = apply_to_member(old, steps, &below)? {
            object.insert(Cow::Owned(name), new);
        }
    }
    Ok(object)
}

/// Applies the steps of one member; `None` where it is gone.
fn apply_to_member(
    old: Option<OwnedValue>,
    steps: Vec<Step<'_>>,
    sets: &Sets<'_>,
) -> Result<Option<OwnedValue>, ApplyError> {
    if let [Step { field, rest }] = steps.as_slice()
        && rest.is_empty()
    {
        return if old == field.old { Ok(field.new.clone()) } else { Err(steps[0].unfit()) };
    }
    let old = old.ok_or_else(|| steps[0].unfit())?;
    apply_at(old, steps, sets).map(Some)
}

fn apply_to_set(
    mut members: BTreeMap<String, OwnedValue>,
    key: &SetKey,
    steps: Vec<Step<'_>>,
    sets: &Sets<'_>,
) -> Result<OwnedValue, ApplyError> {
    let below = sets.item();
    for (identity, steps) in by_segment(steps) {
        let old = members.remove(&identity);
        if let Some(new) = apply_to_member(old, steps, &below)? {
            members.insert(identity, new);
        }
    }
    let mut items: Vec<OwnedValue> = members.into_values().collect();
    items.sort_by_cached_key(|item| (crate::canonical::set_identity(item, key), compact(item)));
    Ok(Value::Array(items))
}

/// Removed elements are at old positions, all others at new ones; what is left keeps its order between the added ones.
fn apply_to_list(items: Vec<OwnedValue>, steps: Vec<Step<'_>>, sets: &Sets<'_>) -> Result<OwnedValue, ApplyError> {
    let mut removed = BTreeSet::new();
    let mut added = BTreeMap::new();
    let mut changed: BTreeMap<usize, Vec<Step<'_>>> = BTreeMap::new();
    for mut step in steps {
        let unfit = step.unfit();
        let index: usize = step.rest.remove(0).parse().map_err(|_| unfit.clone())?;
        match (step.rest.is_empty(), step.field.kind, &step.field.new) {
            (true, FieldKind::Removed, _) => {
                if items.get(index) != step.field.old.as_ref() {
                    return Err(unfit);
                }
                removed.insert(index);
            }
            (true, FieldKind::Added, Some(new)) => {
                added.insert(index, new.clone());
            }
            _ => changed.entry(index).or_default().push(step),
        }
    }
    let kept = items.into_iter().enumerate().filter(|(index, _)| !removed.contains(index)).map(|(_, item)| item);
    let mut result = Vec::new();
    let mut kept = kept.peekable();
    let below = sets.item();
    loop {
        if let Some(new) = added.remove(&result.len()) {
            result.push(new);
        } else if let Some(item) = kept.next() {
            let steps = changed.remove(&result.len()).unwrap_or_default();
            let item = if steps.is_empty() { Some(item) } else { apply_to_member(Some(item), steps, &below)? };
            result.extend(item);
        } else {
            break;
        }
    }
    match changed.into_values().flatten().next() {
        Some(step) => Err(step.unfit()),
        None if added.is_empty() => Ok(Value::Array(result)),
        None => Err(ApplyError { place: "an element beyond the end of an array".to_owned() }),
    }
}
