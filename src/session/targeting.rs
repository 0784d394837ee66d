//! Asks the audit log what may have changed, so that a run reads no more than that.
//!
//! Only what was captured whole not long ago can be followed this way, and only where the organisation records changes of it.
//! Wherever that is in doubt the domain is captured whole, as it is in any case once in a while: what nobody records, and what
//! changes only because something else did, is seen then.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::failure::Failure;
use super::observer::Observer;
use super::run::RunOptions;
use super::time::instant;
use super::workspace::{CommitTree, Workspace};
use crate::attribution::{AuditRecord, SKEW};
use crate::canonical::value_of;
use crate::capture::{AuditLog, Target, Targets};
use crate::catalogue::Domain;
use crate::genesys::Client;
use crate::model::{DomainId, EntityKey};
use crate::record::{Archive, Heartbeat, LedgerStatus, RunStatus};

/// What a run asks the audit log for before it captures anything.
pub(super) struct Targeting<'a, 't> {
    pub(super) workspace: &'a Workspace,
    pub(super) client: &'a Client,
    pub(super) options: &'a RunOptions,
    pub(super) heartbeat: Option<&'a Heartbeat>,
    pub(super) archive: &'a Archive<CommitTree<'t>>,
    pub(super) secret_key: &'a str,
    pub(super) observer: &'a dyn Observer,
}

impl Targeting<'_, '_> {
    /// What is read again of each domain that can be followed; nothing where the audit log cannot be had.
    pub(super) async fn ask(&self) -> Result<Targets, Failure> {
        let followed = self.followed();
        let Some(start) = followed.values().min() else { return Ok(Targets::default()) };
        let log = AuditLog::new(self.client);
        let services = match log.services().await {
            Ok(services) => services,
            Err(trouble) => return Ok(self.unfollowed(&trouble.cause)),
        };
        let reading = log.read(*start, self.options.now + SKEW).await;
        if let Some(trouble) = reading.trouble {
            return Ok(self.unfollowed(&trouble.cause));
        }
        let mut targets = BTreeMap::new();
        for (id, since) in &followed {
            let Some(domain) = self.workspace.catalogue.get(id).filter(|domain| services.cover(domain)) else {
                continue;
            };
            let records = reading.records.iter().filter(|record| record.at >= *since);
            if let Some(target) = self.target(domain, records)? {
                targets.insert(id.clone(), target);
            }
        }
        self.widen(&mut targets);
        Ok(Targets(targets))
    }

    /// Adds what was heard of by other ways, as its record may come later: what is named, else the whole domain.
    fn widen(&self, targets: &mut BTreeMap<DomainId, Target>) {
        for (id, keys) in &self.options.heard.0 {
            let reads_detail = self.workspace.catalogue.get(id).is_some_and(|domain| domain.source.read_detail);
            match targets.get_mut(id) {
                Some(Target::Parents(again) | Target::Entities(again)) if !keys.is_empty() => {
                    again.extend(keys.clone());
                }
                Some(target @ Target::Nothing) if reads_detail && !keys.is_empty() => {
                    *target = Target::Entities(keys.clone());
                }
                _ => drop(targets.remove(id)),
            }
        }
    }

    fn unfollowed(&self, cause: &str) -> Targets {
        self.observer.warn(&format!("every domain is captured whole, as the audit log could not be read: {cause}"));
        Targets::default()
    }

    /// The domains that can be followed, each with the moment from which on its records count.
    fn followed(&self) -> BTreeMap<DomainId, DateTime<Utc>> {
        let config = &self.workspace.config;
        let (Some(heartbeat), Some(ledger)) = (self.heartbeat, self.archive.ledger()) else { return BTreeMap::new() };
        let reach = TimeDelta::from_std(config.full_every).unwrap_or(TimeDelta::days(1));
        let late = TimeDelta::from_std(config.attribution_settle).unwrap_or(TimeDelta::hours(2));
        let followed = ledger.domains.iter().filter_map(|(id, entry)| {
            let domain = self.workspace.catalogue.get(id)?;
            let known = heartbeat.domains.get(id)?;
            let captured = instant(known.captured_at.as_deref()?)?;
            let is_sure = entry.status == LedgerStatus::Complete
                && known.status == RunStatus::Complete
                && known.resume.is_none()
                && entry.digest.is_some()
                && !entry.baseline_under_way
                && ledger.scan == self.workspace.scan.version()
                && entry.treatment == self.workspace.scan.treatment(domain)
                && entry.secret_key.as_ref().unwrap_or(&ledger.secret_key) == self.secret_key;
            let age = self.options.now - captured;
            let is_fresh = age < reach && age >= TimeDelta::zero();
            let since = known.followed_at.as_deref().and_then(instant).unwrap_or(captured).max(captured);
            (is_sure && is_fresh).then(|| (id.clone(), since - late - SKEW))
        });
        followed.collect()
    }

    /// What is read again of a domain, by what the records say; `None` where they do not say enough.
    fn target<'r>(
        &self,
        domain: &Domain,
        records: impl Iterator<Item = &'r AuditRecord>,
    ) -> Result<Option<Target>, Failure> {
        let (own, others): (Vec<_>, Vec<_>) =
            records.filter(|record| record.is_done).partition(|record| record.speaks_of(domain));
        let Some(parents) = &domain.source.parent else {
            return Ok(match (own.as_slice(), domain.source.read_detail) {
                ([], _) => Some(Target::Nothing),
                (own, true) => {
                    let ids: Option<BTreeSet<EntityKey>> =
                        own.iter().map(|record| record.entity_id.as_deref().map(EntityKey::new)).collect();
                    ids.map(Target::Entities)
                }
                (_, false) => None,
            });
        };
        let elsewhere: HashSet<&str> = others.iter().filter_map(|record| record.entity_id.as_deref()).collect();
        let recorded = self.archive.domain(&domain.id)?;
        let above = self.archive.domain(parents)?;
        let mut again: BTreeSet<EntityKey> = BTreeSet::new();
        // What happened to a person, say, may have changed the lists that the person is in, which nobody records.
        for (key, text) in recorded.iter().flat_map(|recorded| &recorded.entities) {
            let is_named = own.iter().any(|record| record.entity_id.as_deref() == Some(key.as_str()));
            if is_named || key.parts().any(|part| elsewhere.contains(part.as_str())) {
                match domain.parent_of(key, &value_of(text)) {
                    Some(parent) => drop(again.insert(parent)),
                    None => return Ok(None),
                }
            }
        }
        let is_parent =
            |id: &&str| above.as_ref().is_some_and(|above| above.entities.contains_key(&EntityKey::new(id)));
        for record in own {
            let of: Vec<EntityKey> = ids(record).filter(is_parent).map(EntityKey::new).collect();
            let own = record.entity_id.as_deref().map(EntityKey::new);
            let is_known = own.is_some_and(|own| recorded.iter().any(|all| all.entities.contains_key(&own)));
            if of.is_empty() && !is_known {
                return Ok(None);
            }
            again.extend(of);
        }
        Ok(Some(Target::Parents(again)))
    }
}

/// The ids that a record names.
fn ids(record: &AuditRecord) -> impl Iterator<Item = &str> {
    record.entity_id.iter().chain(&record.others).map(String::as_str)
}
