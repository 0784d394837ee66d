//! The observed commits of a run: one for each actor, then one for what no record explains.
//!
//! Each holds the state before with all that was done up to it. Only the last is a state that the organisation was in, and it
//! is the snapshot to the byte, however the work was divided.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::layout::{FileEdits, LEDGER_PATH, changed_files};
use super::ledger::Ledger;
use super::plan::{CommitKind, PlannedCommit, RecordPlan};
use crate::attribution::{Part, PartChange};
use crate::canonical::{Digest, canonical_text, compact, value_of};
use crate::catalogue::{Catalogue, Domain};
use crate::diff::apply_fields;
use crate::model::{Change, ChangeKind, DomainId, DomainSnapshot, EntityKey, FieldChange};

/// Divides the observed commit of a run among its actors; the commits before it stay as they are.
///
/// `parts` are what each actor did of the changes of that commit; with none or one the commit stays whole.
#[must_use]
pub fn steps(catalogue: &Catalogue, planned: &RecordPlan, parts: &[Part]) -> Vec<PlannedCommit> {
    let (Some(whole), Some(observation)) = (planned.commits.last(), &planned.observation) else { return Vec::new() };
    if parts.len() < 2 {
        return vec![whole.clone()];
    }
    let shares = Shares::of(&whole.changes, parts);
    let owners: Vec<Owner> =
        observation.differences.iter().map(|difference| shares.owner(&whole.changes, difference)).collect();
    let mut steps = Vec::new();
    let mut ledger = observation.ledger.clone();
    let mut states: BTreeMap<&DomainId, Rc<DomainSnapshot>> =
        observation.domains.iter().map(|(id, (before, _))| (id, Rc::clone(before))).collect();
    for (step, part) in parts.iter().enumerate() {
        let is_last = step + 1 == parts.len();
        let mut edits = FileEdits::new();
        let mut domains = Vec::new();
        for (id, (before, after)) in &observation.domains {
            let (Some(domain), Some(state)) = (catalogue.get(id), states.get(id).cloned()) else { continue };
            let next = if is_last {
                Rc::clone(after)
            } else {
                let own =
                    observation.differences.iter().zip(&owners).filter(|(difference, _)| difference.domain == *id);
                Rc::new(up_to(domain, before, own, step))
            };
            if next == state {
                continue;
            }
            let width = ledger.domains.get(id).map(|entry| entry.width).unwrap_or_default();
            // What does not fit its files on the way is recorded with the last step, whose layout was planned for it.
            let Ok(files) = changed_files(domain, &state, &next, width) else { continue };
            edits.extend(files);
            note(&mut ledger, &next);
            states.insert(id, next);
            domains.push(id.clone());
        }
        if is_last {
            ledger = whole.ledger.clone();
        }
        edits.insert(LEDGER_PATH.to_owned(), Some(ledger.write()));
        steps.push(PlannedCommit {
            kind: CommitKind::Observed,
            edits,
            ledger: ledger.clone(),
            domains,
            changes: part.changes.iter().filter_map(|share| share_of(&whole.changes, share)).collect(),
        });
    }
    steps
}

fn note(ledger: &mut Ledger, content: &DomainSnapshot) {
    if let Some(entry) = ledger.domains.get_mut(&content.domain) {
        entry.entities = u64::try_from(content.entities.len()).unwrap_or(u64::MAX);
        entry.digest = Some(Digest::of_domain(content).to_string());
    }
}

/// A change as far as an actor made it.
fn share_of(changes: &[Change], share: &PartChange) -> Option<Change> {
    let change = changes.get(share.change)?.clone();
    let Some(fields) = &share.fields else { return Some(change) };
    let fields = fields.iter().filter_map(|field| change.fields.get(*field).cloned()).collect();
    Some(Change { fields, ..change })
}

/// In which step each part of a difference is recorded.
pub(super) enum Owner {
    Whole(usize),
    /// By field.
    Fields(Vec<usize>),
}

/// Which actor made which change, for the differences that the changes were made of.
pub(super) struct Shares<'s> {
    whole: HashMap<usize, usize>,
    fields: HashMap<(usize, usize), usize>,
    changes: HashMap<(&'s DomainId, &'s EntityKey), usize>,
    last: usize,
}

impl<'s> Shares<'s> {
    pub(super) fn of(changes: &'s [Change], parts: &[Part]) -> Self {
        let mut shares = Self {
            whole: HashMap::new(),
            fields: HashMap::new(),
            changes: HashMap::new(),
            last: parts.len().saturating_sub(1),
        };
        for (step, part) in parts.iter().enumerate() {
            for share in &part.changes {
                match &share.fields {
                    None => drop(shares.whole.insert(share.change, step)),
                    Some(fields) => shares.fields.extend(fields.iter().map(|field| ((share.change, *field), step))),
                }
            }
        }
        for (index, change) in changes.iter().enumerate() {
            let keys = std::iter::once(&change.key).chain(&change.previous_key);
            shares.changes.extend(keys.map(|key| ((&change.domain, key), index)));
        }
        shares
    }

    pub(super) fn owner(&self, changes: &[Change], difference: &Change) -> Owner {
        let known = self.changes.get(&(&difference.domain, &difference.key)).copied();
        if difference.kind != ChangeKind::Modified {
            let whole = known.and_then(|change| self.whole.get(&change).copied());
            return Owner::Whole(whole.unwrap_or_else(|| {
                self.followed(changes, |change| {
                    let ids = std::iter::once(&change.key).chain(&change.previous_key);
                    let parts: Vec<String> = difference.key.parts().collect();
                    ids.map(EntityKey::as_str).any(|id| parts.iter().any(|part| part == id))
                })
            }));
        }
        let field = |field: &FieldChange| {
            let told = known.and_then(|change| {
                let same = changes[change].fields.iter().position(|told| told == field)?;
                self.fields.get(&(change, same)).copied()
            });
            told.unwrap_or_else(|| {
                self.followed(changes, |change| {
                    let new = field.new.as_ref().map(compact).unwrap_or_default();
                    let old = field.old.as_ref().map(compact).unwrap_or_default();
                    let previous = change.previous_key.as_ref().is_some_and(|key| old.contains(key.as_str()));
                    new.contains(change.key.as_str())
                        || previous
                        || field.path.segments().any(|id| id == change.key.as_str())
                })
            })
        };
        Owner::Fields(difference.fields.iter().map(field).collect())
    }

    /// The step of the re-created entity that something only follows.
    fn followed(&self, changes: &[Change], is_followed: impl Fn(&Change) -> bool) -> usize {
        let is_cause = |change: &Change| change.previous_key.is_some() && is_followed(change);
        let cause = changes.iter().position(is_cause);
        cause.and_then(|change| self.whole.get(&change).copied()).unwrap_or(self.last)
    }
}

/// A domain with all that was done to it up to a step.
pub(super) fn up_to<'d>(
    domain: &Domain,
    before: &DomainSnapshot,
    differences: impl Iterator<Item = (&'d Change, &'d Owner)>,
    step: usize,
) -> DomainSnapshot {
    let mut content = before.clone();
    for (difference, owner) in differences {
        let is_done = match owner {
            Owner::Whole(own) => *own <= step,
            Owner::Fields(fields) => fields.iter().all(|own| *own <= step),
        };
        if is_done {
            let previous = difference.previous_key.as_ref().unwrap_or(&difference.key);
            content.entities.remove(previous);
            if let Some(after) = &difference.after {
                content.entities.insert(difference.key.clone(), after.clone());
            }
        } else if let (Owner::Fields(fields), Some(entity)) = (owner, &difference.before) {
            let done = difference.fields.iter().zip(fields).filter(|(_, own)| **own <= step);
            let done: Vec<FieldChange> = done.map(|(field, _)| field.clone()).collect();
            // Fields that cannot be had apart wait for the last of them.
            if let Ok(value) = apply_fields(domain, value_of(entity).into_owned(), &done) {
                content.entities.insert(difference.key.clone(), canonical_text(&value));
            }
        }
    }
    content
}
