//! What changes the form of what is on record and not what it says: a new domain file, a newer scan for secrets, another
//! secrets key.

use std::collections::{BTreeMap, BTreeSet};

use super::archive::{Archive, ArchiveError, Tree};
use super::layout::FileEdits;
use super::ledger::LedgerStatus;
use super::plan::{CommitKind, Observed, State};
use crate::canonical::{Misplaced, SECRET_MEMBER, Unhidden, is_fingerprint, value_of};
use crate::catalogue::Domain;
use crate::model::{CanonicalText, DomainId, DomainSnapshot, EntityKey, FieldChange, OwnedValue, Value};

/// Tells across a change of the secrets key whether a secret is the same.
#[derive(Debug)]
pub struct Rekeyed {
    /// The id of the former key.
    pub former: String,
    /// Fingerprints under the key in use → those of the same secrets under the former key.
    pub fingerprints: BTreeMap<String, String>,
}

/// What became of the stored entities of a domain when its form changed.
#[derive(Debug)]
pub struct MigratedDomain {
    /// The entities in their new form.
    pub content: DomainSnapshot,
    /// Secrets that stood in clear, by entity.
    pub unhidden: Vec<(EntityKey, Unhidden)>,
    /// Secrets that stay in clear, as nothing can take their place, by entity.
    pub misplaced: Vec<(EntityKey, Misplaced)>,
}

/// A secret that stands in the history in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InHistory {
    /// The domain.
    pub domain: DomainId,
    /// The entity; absent where the secret is its key.
    pub entity: Option<EntityKey>,
    /// Where in the entity, in words or as a pointer.
    pub place: String,
    /// The rule that found it.
    pub rule: String,
}

impl State<'_> {
    /// Brings what is on record into the form that its domains and the scan for secrets have now.
    pub(super) fn migrate_all<T: Tree>(
        &mut self,
        archive: &Archive<T>,
        migrate: &dyn Fn(&Domain, &DomainSnapshot) -> MigratedDomain,
    ) -> Result<BTreeSet<DomainId>, ArchiveError> {
        let is_scan_new = self.ledger.scan != self.scan.version();
        self.ledger.scan = self.scan.version();
        let mut edits = FileEdits::new();
        let mut migrated = Vec::new();
        for domain in self.catalogue.iter() {
            let treatment = self.scan.treatment(domain);
            let Some(entry) = self.ledger.domains.get_mut(&domain.id) else { continue };
            let is_treatment_new = entry.treatment != treatment;
            if !is_treatment_new && !is_scan_new {
                continue;
            }
            entry.treatment = treatment;
            self.load(archive, &domain.id)?;
            let Some(before) = self.domains.get(&domain.id).cloned() else {
                migrated.extend(is_treatment_new.then(|| domain.id.clone()));
                continue;
            };
            let MigratedDomain { content, unhidden, misplaced } = migrate(domain, &before);
            self.note_history(&domain.id, unhidden, misplaced);
            if is_treatment_new || content != *before {
                edits.extend(self.put(domain, content));
                migrated.push(domain.id.clone());
            }
        }
        let all = migrated.iter().cloned().collect();
        if is_scan_new || !migrated.is_empty() {
            self.commit(CommitKind::SchemaMigration, edits, migrated, Vec::new());
        }
        Ok(all)
    }

    fn note_history(
        &mut self,
        domain: &DomainId,
        unhidden: Vec<(EntityKey, Unhidden)>,
        misplaced: Vec<(EntityKey, Misplaced)>,
    ) {
        let found = |entity: Option<EntityKey>, place: String, rule: String| InHistory {
            domain: domain.clone(),
            entity,
            place,
            rule,
        };
        let hidden = unhidden.into_iter().map(|(key, one)| found(Some(key), one.place.to_string(), one.rule));
        let staying = misplaced.into_iter().map(|(key, one)| {
            let place = one.in_words();
            found((!one.key).then_some(key), place, one.rule)
        });
        self.in_history.extend(hidden.chain(staying));
    }

    /// Takes leaves that are hidden now and were not before, or the other way round: they say what they said.
    pub(super) fn take_other_forms(
        &mut self,
        known: &[Observed],
        hidden: &dyn Fn(&DomainId, &EntityKey, &Value<'_>) -> Vec<OwnedValue>,
    ) {
        self.absorb(CommitKind::SchemaMigration, known, &|id, key, field| {
            let (Some(old), Some(new)) = (&field.old, &field.new) else { return false };
            let is_hidden = |print: &Value<'_>, clear: &Value<'_>| {
                is_fingerprint(print) && !is_fingerprint(clear) && hidden(id, key, clear).iter().any(|own| own == print)
            };
            is_hidden(old, new) || is_hidden(new, old)
        });
    }

    /// The domains that hold fingerprints; told only where the key is another one.
    pub(super) fn fingerprinted<T: Tree>(
        &self,
        archive: &Archive<T>,
        secret_key: &str,
    ) -> Result<BTreeSet<DomainId>, ArchiveError> {
        let mut found = BTreeSet::new();
        if self.ledger.secret_key == secret_key {
            return Ok(found);
        }
        for id in self.ledger.domains.keys() {
            let holds = |text: &CanonicalText| has_fingerprint(&value_of(text));
            if archive.domain(id)?.is_some_and(|content| content.entities.values().any(holds)) {
                found.insert(id.clone());
            }
        }
        Ok(found)
    }

    /// Puts fingerprints under the key in use, as far as their domains were captured; the others stay marked until they are.
    pub(super) fn rekey(
        &mut self,
        known: &[Observed],
        secret_key: &str,
        rekeyed: Option<&Rekeyed>,
        fingerprinted: &BTreeSet<DomainId>,
    ) {
        let before = self.ledger.clone();
        let former = std::mem::replace(&mut self.ledger.secret_key, secret_key.to_owned());
        let mut pending: BTreeMap<DomainId, String> = BTreeMap::new();
        for (id, entry) in &mut self.ledger.domains {
            if fingerprinted.contains(id) && entry.digest.is_some() {
                entry.secret_key.get_or_insert_with(|| former.clone());
            }
            entry.secret_key.take_if(|key| key == secret_key);
            pending.extend(entry.secret_key.clone().map(|key| (id.clone(), key)));
        }
        for one in known.iter().filter(|one| one.status == Some(LedgerStatus::Complete)) {
            if let Some(entry) = self.ledger.domains.get_mut(&one.domain) {
                entry.secret_key = None;
            }
        }
        let commits = self.commits.len();
        self.absorb(CommitKind::Rekey, known, &|id, _, field| {
            let is_former = |rekeyed: &&Rekeyed| pending.get(id) == Some(&rekeyed.former);
            pending.contains_key(id) && is_same_secret(field, rekeyed.filter(is_former))
        });
        if self.commits.len() == commits && self.ledger != before {
            self.commit(CommitKind::Rekey, FileEdits::new(), Vec::new(), Vec::new());
        }
    }
}

/// Whether a field differs only because its secret is fingerprinted under another key; where that cannot be told, it does.
fn is_same_secret(field: &FieldChange, rekeyed: Option<&Rekeyed>) -> bool {
    let (Some(old), Some(new)) = (&field.old, &field.new) else { return false };
    if !is_fingerprint(old) || !is_fingerprint(new) {
        return false;
    }
    let text = |value: &Value<'_>| value.get(SECRET_MEMBER).and_then(Value::as_str).map(str::to_owned);
    match (rekeyed, text(new)) {
        (Some(rekeyed), Some(new)) => rekeyed.fingerprints.get(&new).cloned() == text(old),
        _ => true,
    }
}

fn has_fingerprint(value: &Value<'_>) -> bool {
    match value {
        Value::Object(object) => is_fingerprint(value) || object.iter().any(|(_, member)| has_fingerprint(member)),
        Value::Array(items) => items.iter().any(has_fingerprint),
        _ => false,
    }
}
