//! What the audit log shows that is no change: what nobody recorded, and what was done and undone.

use chrono::TimeDelta;

use super::people::Known;
use super::recent::{Pending, Recent};
use super::{Attributed, Attributing, Look};
use crate::attribution::{AuditRecord, Behind, Joined, Parting, Transient, transients};
use crate::canonical::{Scan, value_of};
use crate::catalogue::Domain;
use crate::model::{Actor, Change, ChangeKind, DomainId, EntityKey, Explained, Severity};
use crate::record::RunFinding;
use crate::session::time::{instant, written};

impl Attributing<'_, '_> {
    /// Whether an entity only came or went with what it belongs to.
    pub(super) fn went_along(&self, change: &Change, changes: &[Change]) -> bool {
        let domain = self.workspace.catalogue.get(&change.domain);
        let body = change.before.as_ref().or(change.after.as_ref()).map(value_of);
        let parent = domain
            .zip(body)
            .and_then(|(domain, body)| Some((domain.source.parent.as_ref()?, domain.parent_of(&change.key, &body)?)));
        let Some((parents, parent)) = parent.filter(|_| change.kind != ChangeKind::Modified) else { return false };
        changes.iter().any(|other| {
            let is_parent = other.key == parent || other.previous_key.as_ref() == Some(&parent);
            other.domain == *parents && is_parent && other.kind != ChangeKind::Modified
        })
    }

    pub(super) fn unexplained(&self, pending: &Pending, change: &Change, in_part: bool) -> RunFinding {
        let domain = self.workspace.catalogue.get(&change.domain);
        let name = self.called(&change.domain, &change.key);
        let what = if in_part { "a part of the change" } else { "the change" };
        RunFinding {
            rule: "unexplained".to_owned(),
            severity: domain.map_or(Severity::High, |domain| domain.risk.of(change.kind)).max(Severity::High),
            domain: Some(change.domain.clone()),
            entity: Some(change.key.clone()),
            place: Some(pending.commit.id.to_string()),
            message: format!(
                "no audit record explains {what} of {name} ({}, {}) seen at {}, although changes like it are recorded",
                change.domain,
                change.kind.as_str(),
                written(pending.at())
            ),
            remedy:
                "Ask who has access to the organisation besides its administrators, and check the audit log by hand."
                    .to_owned(),
            actors: Vec::new(),
        }
    }

    /// What was done and undone between two captures.
    pub(super) fn tell_transients(
        &self,
        changes: &[Change],
        recent: &Recent,
        look: &Look,
        attributed: &mut Attributed,
    ) {
        let oldest = self.options.now - self.settling() * 2 - TimeDelta::days(1);
        let memory = &mut attributed.memory.transient;
        memory.retain(|_, at| instant(at).is_some_and(|at| at >= oldest));
        let records = &look.reading.records;
        let used_up = |id: &str| recent.told.contains(id) || memory.contains_key(id);
        for found in transients(changes, records, &used_up) {
            let ids = found.records.iter().map(|index| &records[*index]);
            memory.extend(ids.map(|record| (record.id.clone(), record.written_at())));
            let finding = Self::transient(self, &found, records);
            attributed.findings.extend(finding);
        }
    }

    fn transient(&self, found: &Transient, records: &[AuditRecord]) -> Option<RunFinding> {
        let last = &records[*found.records.last()?];
        let first = &records[*found.records.first()?];
        let id = last.entity_id.as_deref()?;
        let domain = self.domain_of(last, id)?;
        let key = EntityKey::new(id);
        let joined = Joined { behind: Behind::Whole(found.records.clone()), otherwise: Explained::NotCovered };
        let subject = [Change::bare(domain.id.clone(), key.clone())];
        let people = Known { catalogue: &self.workspace.catalogue, names: self.names() };
        let parting = Parting {
            catalogue: &self.workspace.catalogue,
            org: self.org,
            changes: &subject,
            records,
            people: &people,
        };
        let actors: Vec<Actor> = parting.part(&[joined]).attributions.into_iter().flat_map(|one| one.actors).collect();
        // What the snapshot does not know was not looked through for secrets.
        let said = last.entity_name.clone().filter(|name| self.workspace.scan.rule_in(name).is_none());
        let name = said.unwrap_or_else(|| self.called(&domain.id, &key));
        let by: Vec<&str> = actors.iter().map(Actor::shown).collect();
        let (from, to) = (first.written_at(), last.written_at());
        let what = match &found.property {
            Some(property) => {
                let shown = |values: &[String]| shown(&self.workspace.scan, domain, property, values);
                format!(
                    "{property} of {name} was changed from {} to {} and back",
                    shown(&found.value),
                    shown(&found.meanwhile)
                )
            }
            None if last.others.is_empty() => format!("{name} was made and removed again"),
            None => format!("{} was added to {name} and removed again", last.others.join(", ")),
        };
        Some(RunFinding {
            rule: "transient".to_owned(),
            severity: domain.risk.modified.max(Severity::Medium),
            domain: Some(domain.id.clone()),
            entity: Some(key),
            place: found.property.clone(),
            message: format!("{what} between {from} and {to}, by {}", by.join(", ")),
            remedy: "Ask why it was done: between two snapshots it had an effect, and no commit shows it.".to_owned(),
            actors,
        })
    }

    /// The captured domain that a record speaks of.
    fn domain_of(&self, record: &AuditRecord, id: &str) -> Option<&Domain> {
        let catalogue = &self.workspace.catalogue;
        let known =
            |domain: &&Domain| self.before.ledger().is_some_and(|ledger| ledger.domains.contains_key(&domain.id));
        let by_type = catalogue.iter().filter(known).find(|domain| record.speaks_of(domain));
        by_type.or_else(|| {
            let key = EntityKey::new(id);
            let has = |domain: &&Domain| self.after.entity(&domain.id, &key).is_some();
            catalogue.iter().filter(known).filter(|domain| domain.source.parent.is_none()).find(has)
        })
    }

    fn called(&self, domain: &DomainId, key: &EntityKey) -> String {
        let names = self.names();
        let name = self
            .workspace
            .catalogue
            .get(domain)
            .and_then(|domain| names.of_entity(domain, key, &value_of(&names.entity(&domain.id, key)?)));
        name.unwrap_or_else(|| key.to_string())
    }
}

/// The values of a property as a finding may show them.
fn shown(scan: &Scan, domain: &Domain, property: &str, values: &[String]) -> String {
    let is_secret = scan.is_secret_name(property)
        || domain.treat.secret.iter().any(|path| is_called(property, &path.to_string()))
        || values.iter().any(|value| scan.rule_in(value).is_some());
    match values {
        [] => "nothing".to_owned(),
        _ if is_secret => "a secret".to_owned(),
        values => format!("{:?}", values.join(", ")),
    }
}

/// Whether a property, as an audit record calls it, may be one of a domain file's.
fn is_called(property: &str, path: &str) -> bool {
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let (property, path) = (plain(property), plain(path));
    !property.is_empty() && (path.contains(&property) || property.contains(&path))
}
