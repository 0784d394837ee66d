//! Folds what is only a consequence of another change.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::value::compare;
use crate::canonical::{reorder_sets, value_of};
use crate::catalogue::{Catalogue, Domain};
use crate::model::{CanonicalText, Change, ChangeKind, DomainId, EntityKey, OwnedValue, Value};

/// Re-created entities: domain and previous key → new key.
type Successors = HashMap<(DomainId, EntityKey), EntityKey>;

/// Reads the changes of all domains together.
///
/// A reference that only follows a re-created entity to its new key is no change of its own: it is counted in `followers` of
/// that entity's change. A child that went with its parent says so in `because`. The order is by domain and key.
#[must_use]
pub fn follow(catalogue: &Catalogue, changes: Vec<Change>) -> Vec<Change> {
    let successors = successors(&changes);
    let mut folded = if successors.is_empty() { changes } else { fold_followers(catalogue, changes, &successors) };
    name_causes(catalogue, &mut folded);
    folded.sort_by(|left, right| (&left.domain, &left.key).cmp(&(&right.domain, &right.key)));
    folded
}

/// The key that each entity had before it was made again: itself, or something that its key holds.
///
/// Takes the changes of all domains as [`diff_domain`](super::diff_domain) gives them, before they are folded.
#[must_use]
pub fn predecessors(catalogue: &Catalogue, changes: &[Change]) -> BTreeMap<(DomainId, EntityKey), EntityKey> {
    let successors = successors(changes);
    let mut found = BTreeMap::new();
    for change in changes {
        match (change.kind, &change.previous_key) {
            (_, Some(previous)) => {
                found.insert((change.domain.clone(), change.key.clone()), previous.clone());
            }
            (ChangeKind::Removed, None) => {
                let Some(domain) = catalogue.get(&change.domain) else { continue };
                if let Some(key) = Moves::new(&successors).key(domain, &change.key) {
                    found.insert((change.domain.clone(), key), change.key.clone());
                }
            }
            _ => {}
        }
    }
    found
}

fn successors(changes: &[Change]) -> Successors {
    changes
        .iter()
        .filter_map(|change| Some(((change.domain.clone(), change.previous_key.clone()?), change.key.clone())))
        .collect()
}

fn fold_followers(catalogue: &Catalogue, changes: Vec<Change>, successors: &Successors) -> Vec<Change> {
    let mut followers: BTreeMap<(DomainId, EntityKey), u64> = BTreeMap::new();
    let mut kept = Vec::new();
    let (removed, others): (Vec<_>, Vec<_>) =
        changes.into_iter().partition(|change| change.kind == ChangeKind::Removed);
    let mut added: HashMap<(DomainId, EntityKey), Change> = HashMap::new();
    for change in others {
        match (change.kind, catalogue.get(&change.domain)) {
            (ChangeKind::Added, _) => {
                added.insert((change.domain.clone(), change.key.clone()), change);
            }
            (ChangeKind::Modified, Some(domain)) => {
                kept.extend(without_followers(domain, change, successors, &mut followers));
            }
            _ => kept.push(change),
        }
    }
    for change in removed {
        let replaced = catalogue.get(&change.domain).and_then(|domain| {
            let mut moves = Moves::new(successors);
            let key = moves.key(domain, &change.key)?;
            let arrival = added.remove(&(change.domain.clone(), key))?;
            Some((domain, moves, arrival))
        });
        match replaced {
            Some((domain, moves, arrival)) => {
                kept.extend(moved_entity(domain, &change, arrival, moves, &mut followers));
            }
            None => kept.push(change),
        }
    }
    kept.extend(added.into_values());
    for change in &mut kept {
        if change.kind == ChangeKind::Recreated {
            change.followers += followers.get(&(change.domain.clone(), change.key.clone())).copied().unwrap_or(0);
        }
    }
    kept
}

/// A modified entity without the fields that only follow; `None` where nothing else differs.
fn without_followers(
    domain: &Domain,
    mut change: Change,
    successors: &Successors,
    followers: &mut BTreeMap<(DomainId, EntityKey), u64>,
) -> Option<Change> {
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return Some(change) };
    let mut moves = Moves::new(successors);
    let fields = compare(domain, &moves.entity(domain, before), &value_of(after));
    if fields.len() < change.fields.len() {
        moves.count_into(followers);
        change.fields = fields;
    }
    (!change.fields.is_empty()).then_some(change)
}

/// An entity whose key holds that of a re-created one: nothing where it only followed, else one change.
fn moved_entity(
    domain: &Domain,
    removed: &Change,
    added: Change,
    mut moves: Moves<'_>,
    followers: &mut BTreeMap<(DomainId, EntityKey), u64>,
) -> Option<Change> {
    let (Some(before), Some(after)) = (&removed.before, &added.after) else { return Some(added) };
    let fields = compare(domain, &moves.entity(domain, before), &value_of(after));
    moves.count_into(followers);
    (!fields.is_empty()).then(|| Change {
        kind: ChangeKind::Recreated,
        previous_key: Some(removed.key.clone()),
        before: removed.before.clone(),
        fields,
        ..added
    })
}

/// Rewrites references to re-created entities and remembers which it followed.
struct Moves<'s> {
    successors: &'s Successors,
    followed: Vec<(DomainId, EntityKey)>,
}

impl<'s> Moves<'s> {
    fn new(successors: &'s Successors) -> Self {
        Self { successors, followed: Vec::new() }
    }

    fn successor(&mut self, targets: &[DomainId], key: &str) -> Option<EntityKey> {
        let key = EntityKey::new(key);
        let found = targets.iter().find_map(|target| {
            let to = self.successors.get(&(target.clone(), key.clone()))?;
            Some((target.clone(), to.clone()))
        })?;
        self.followed.push(found.clone());
        Some(found.1)
    }

    /// The key that an entity has once the keys of re-created entities in it are replaced; `None` where none is.
    fn key(&mut self, domain: &Domain, key: &EntityKey) -> Option<EntityKey> {
        let mut parts: Vec<String> = key.parts().collect();
        for (targets, text) in domain.key_targets().zip(&mut parts) {
            let targets: Vec<DomainId> = targets.into_iter().cloned().collect();
            if let Some(to) = self.successor(&targets, text) {
                to.as_str().clone_into(text);
            }
        }
        let moved = !self.followed.is_empty();
        self.followed.clear();
        moved.then(|| EntityKey::join(&parts.iter().map(String::as_str).collect::<Vec<_>>()))
    }

    /// The entity with its references rewritten, in canonical form.
    fn entity(&mut self, domain: &Domain, text: &CanonicalText) -> OwnedValue {
        let mut value: OwnedValue = value_of(text).into_owned();
        for reference in &domain.references {
            reference.path.for_each_mut(&mut value, &mut |place| {
                let id = match place {
                    Value::Object(object) => object.get_mut("id"),
                    other => Some(other),
                };
                if let Some(id) = id
                    && let Some(to) = id.as_str().and_then(|key| self.successor(&reference.targets, key))
                {
                    *id = Value::from(to.as_str());
                }
            });
        }
        reorder_sets(domain, &mut value);
        value
    }

    fn count_into(self, followers: &mut BTreeMap<(DomainId, EntityKey), u64>) {
        for followed in self.followed {
            *followers.entry(followed).or_default() += 1;
        }
    }
}

/// Says of a removed child that its parent took it along.
fn name_causes(catalogue: &Catalogue, changes: &mut [Change]) {
    let gone: HashSet<(DomainId, EntityKey)> = changes
        .iter()
        .filter_map(|change| match change.kind {
            ChangeKind::Removed => Some((change.domain.clone(), change.key.clone())),
            // Made again without its children.
            ChangeKind::Recreated => Some((change.domain.clone(), change.previous_key.clone()?)),
            ChangeKind::Added | ChangeKind::Modified => None,
        })
        .collect();
    for change in changes.iter_mut().filter(|change| change.kind == ChangeKind::Removed) {
        let Some(domain) = catalogue.get(&change.domain) else { continue };
        let Some(parent_domain) = &domain.source.parent else { continue };
        let parent = change.before.as_ref().and_then(|before| domain.parent_of(&change.key, &value_of(before)));
        change.because = parent.filter(|key| gone.contains(&(parent_domain.clone(), key.clone())));
    }
}
