//! What a run learned, as the plan of its commits takes it.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::run::RunOptions;
use super::time::instant;
use super::workspace::Workspace;
use crate::canonical::{Canonicaliser, KeepsSecrets, Scan, SecretKey};
use crate::capture::{CaptureRun, View};
use crate::catalogue::{Catalogue, Domain, Tier};
use crate::model::{DomainId, DomainSnapshot, EntityKey, OwnedValue, Value};
use crate::record::{Heartbeat, Ledger, LedgerStatus, MigratedDomain, Observed, Rekeyed, RunStatus};

/// Brings stored entities into the form that a domain has now.
pub(super) fn migrate(
    domain: &Domain,
    before: &DomainSnapshot,
    (secrets, keeper): (&SecretKey, Option<&dyn KeepsSecrets>),
    scan: &Scan,
    org: &str,
) -> MigratedDomain {
    let canonicaliser = Canonicaliser::new(domain, secrets, scan, org).handing_to(keeper);
    let content = DomainSnapshot::empty(domain.id.clone(), domain.schema_version);
    let mut migrated = MigratedDomain { content, unhidden: Vec::new(), misplaced: Vec::new() };
    for (key, text) in &before.entities {
        let entity = canonicaliser.migrate(key, text);
        migrated.unhidden.extend(entity.unhidden.into_iter().map(|one| (key.clone(), one)));
        migrated.misplaced.extend(entity.misplaced.map(|one| (key.clone(), one)));
        migrated.content.entities.insert(key.clone(), entity.text);
    }
    migrated
}

/// What takes the place of a secret under the key in use and under the one before it.
pub(super) fn hidden(secrets: &SecretKey, domain: &DomainId, key: &EntityKey, value: &Value<'_>) -> Vec<OwnedValue> {
    let keys = std::iter::once(secrets).chain(secrets.previous());
    keys.map(|secrets| secrets.fingerprint(domain, key, value)).collect()
}

/// What the run learned, for the plan; content that is on record already is left out.
pub(super) fn learned(
    workspace: &Workspace,
    options: &RunOptions,
    ledger: &Ledger,
    heartbeat: Option<&Heartbeat>,
    captured: &CaptureRun,
) -> Vec<Observed> {
    let mut observed = Vec::new();
    for (id, capture) in &captured.domains {
        let entry = ledger.domains.get(id);
        let domain = workspace.catalogue.get(id);
        let treatment = domain.map(|domain| workspace.scan.treatment(domain));
        // A domain with a cadence of its own is not overdue before its next round is.
        let has_cadence = domain.is_some_and(|domain| domain.tier != Tier::Standard);
        let cadence = if has_cadence { workspace.config.deep_every } else { Duration::ZERO };
        let patience = workspace.config.stale_after + cadence;
        let is_on_record = entry.is_some_and(|entry| {
            entry.digest.is_some()
                && entry.digest == capture.digest.map(|digest| digest.to_string())
                && Some(&entry.treatment) == treatment.as_ref()
        });
        let status = match capture.status {
            RunStatus::Complete => Some(LedgerStatus::Complete),
            RunStatus::Forbidden => Some(LedgerStatus::Forbidden),
            RunStatus::Absent => Some(LedgerStatus::Absent),
            RunStatus::Skipped => Some(LedgerStatus::Skipped),
            // Nothing is known to be wrong with a domain that is captured for the first time, but it is not all there.
            RunStatus::Partial if entry.is_none() && capture.content.is_some() => Some(LedgerStatus::Stale),
            RunStatus::Partial | RunStatus::Failed => {
                is_stale(id, heartbeat, options.now, patience).then_some(LedgerStatus::Stale)
            }
        };
        observed.push(Observed {
            domain: id.clone(),
            status,
            content: if is_on_record { None } else { capture.content.clone() },
            new_fields: capture.notes.new_fields.clone(),
            is_under_way: capture.reach.is_some() && capture.status != RunStatus::Complete,
        });
    }
    for id in ledger.domains.keys() {
        if !options.profile.contains(id) && !captured.domains.contains_key(id) && workspace.catalogue.get(id).is_some()
        {
            let status = Some(LedgerStatus::Skipped);
            let new_fields = BTreeSet::new();
            observed.push(Observed { domain: id.clone(), status, content: None, new_fields, is_under_way: false });
        }
    }
    observed
}

/// Whether the last complete capture of a domain is too long ago; unknown is not stale.
fn is_stale(id: &DomainId, heartbeat: Option<&Heartbeat>, now: DateTime<Utc>, after: Duration) -> bool {
    let captured_at = heartbeat.and_then(|heartbeat| heartbeat.domains.get(id)?.captured_at.as_deref());
    let captured_at = captured_at.and_then(instant);
    captured_at.is_some_and(|at| (now - at).to_std().is_ok_and(|age| age > after))
}

/// The ids of the keys that fingerprints on record are made with.
pub(super) fn former_keys(ledger: &Ledger) -> impl Iterator<Item = String> {
    let of_domains = ledger.domains.values().filter_map(|entry| entry.secret_key.clone());
    std::iter::once(ledger.secret_key.clone()).chain(of_domains)
}

pub(super) fn rekeyed(previous: &SecretKey, captured: &CaptureRun) -> Rekeyed {
    let fingerprints = captured.domains.values().flat_map(|capture| capture.notes.rekeyed.clone()).collect();
    Rekeyed { former: previous.id(), fingerprints }
}

/// The view to put on record. The old one stays while removals are held because it differs, so that they stay held, and while
/// there is a domain on record that was not wholly seen under the new one, as what it lacks under it could not be told from
/// what was removed.
///
/// Domains with a cadence of their own do not hold it: their listings stand under parents that do.
pub(super) fn view_on_record(
    catalogue: &Catalogue,
    captured: &CaptureRun,
    ledger: &Ledger,
    options: &RunOptions,
) -> Option<String> {
    let recorded = ledger.view.clone();
    let has_cadence =
        |id: &DomainId| options.by_cadence && catalogue.get(id).is_some_and(|domain| domain.tier != Tier::Standard);
    let is_unseen = |id: &DomainId| match captured.domains.get(id) {
        Some(capture) => matches!(capture.status, RunStatus::Partial | RunStatus::Failed),
        None => options.profile.contains(id),
    };
    let holds = ledger.domains.iter().any(|(id, entry)| entry.digest.is_some() && !has_cadence(id) && is_unseen(id));
    match (&captured.view, recorded) {
        (_, Some(recorded)) if holds => Some(recorded),
        (view @ View::Known(_), _) => view.digest(),
        (View::Unreadable, _) => None,
        (View::Unknown, recorded) => recorded,
    }
}
