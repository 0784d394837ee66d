//! What vanished from a listing is confirmed to be gone before its removal counts.
//!
//! Gone is what a second listing does not have either and what a read of its own says is gone. A read that fails, or that does
//! not see the entity's state anyway, proves nothing. Everything unproven stays on record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt, stream};

use super::collect::Entities;
use super::domain::{Listed, Lister, Scope};
use super::trouble::Trouble;
use crate::canonical::{read, value_of};
use crate::catalogue::{FieldPath, Under};
use crate::genesys::{FetchError, Get};
use crate::model::{CanonicalText, DomainId, DomainSnapshot, EntityKey};

/// Confirming reads that are under way together.
const TOGETHER: usize = 8;

/// Why removals are taken more or less readily.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caution {
    /// The client's grants are known to be as they were: proof suffices.
    Usual,
    /// The client's grants cannot be read: a removal that empties a division of a domain is held as well.
    GrantsUnknown,
    /// The client's grants differ from those of the last run: no removal is taken.
    GrantsChanged,
}

/// When a removal is taken.
pub struct RemovalPolicy {
    /// Domains whose removals are taken without proof.
    pub accepted: BTreeSet<DomainId>,
    /// How careful to be.
    pub caution: Caution,
    /// Confirming reads that are left to the run.
    pub reads_left: AtomicUsize,
}

impl RemovalPolicy {
    /// Takes a read from what is left; false where nothing is.
    fn take_read(&self) -> bool {
        self.reads_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

/// What is left of a domain when unproven removals are put back.
pub(super) struct Confirmed {
    /// The entities on record from now on.
    pub(super) entities: Entities,
    /// Why some removals are not taken.
    pub(super) trouble: Option<Trouble>,
    /// Divisions that held removals would have emptied.
    pub(super) out_of_view: BTreeSet<String>,
    /// Requests sent.
    pub(super) requests: u64,
}

/// Whether a read says that an entity is gone.
enum Verdict {
    Gone,
    Unproven(String),
    NotAsked,
}

impl Lister<'_> {
    /// Compares what came with what is on record, and confirms what is missing.
    pub(super) async fn confirm(
        &self,
        recorded: &DomainSnapshot,
        listings: Option<&BTreeSet<Under>>,
        listed: &mut Listed,
        policy: &RemovalPolicy,
    ) -> Confirmed {
        let mut requests = 0;
        let mut missing = self.missing(recorded, listed);
        if missing.suspects.is_empty() {
            return missing.settle(recorded, listed.entities(), requests, None);
        }
        if policy.accepted.contains(&self.domain.id) {
            missing.suspects.clear();
            return missing.settle(recorded, listed.entities(), requests, None);
        }
        if policy.caution == Caution::GrantsChanged {
            let count = missing.suspects.len();
            let cause = format!("{count} removals are held: the client's own grants differ from those of the last run");
            let out_of_view = emptied_divisions(recorded, &listed.entities(), missing.suspects.keys()).divisions;
            let held = missing.settle(recorded, listed.entities(), requests, Some(Trouble::failed(cause)));
            return Confirmed { out_of_view, ..held };
        }
        let again = self.list(missing.listings(listings).as_ref()).await;
        requests += again.requests;
        let still_missing = |key: &EntityKey, _: &mut Option<EntityKey>| {
            !again.scopes.iter().any(|scope| scope.entities.contains_key(key))
        };
        if !again.is_whole() {
            let cause = again.status().1.map_or_else(String::new, |trouble| format!(": {}", trouble.cause));
            let cause = format!("{} removals are unconfirmed: a second listing failed{cause}", missing.suspects.len());
            return missing.settle(recorded, listed.entities(), requests, Some(Trouble::failed(cause)));
        }
        missing.suspects.retain(still_missing);
        replace_scopes(listed, again);
        let mut held = BTreeSet::new();
        let mut out_of_view = BTreeSet::new();
        let mut cause = None;
        let suspects = missing.suspects.clone();
        let mut verdicts = stream::iter(suspects)
            .map(|(key, parent)| async move {
                let under = listings.into_iter().flatten().find(|under| Some(&under.parent) == parent.as_ref());
                (self.verdict(&key, under, policy).await, key)
            })
            .buffered(TOGETHER);
        let mut not_asked = 0_u64;
        while let Some((verdict, key)) = verdicts.next().await {
            match verdict {
                Verdict::Gone => requests += u64::from(self.domain.source.detail.is_some()),
                Verdict::Unproven(why) => {
                    requests += 1;
                    cause.get_or_insert(why);
                    held.insert(key);
                }
                Verdict::NotAsked => {
                    not_asked += 1;
                    held.insert(key);
                }
            }
        }
        if not_asked > 0 {
            cause.get_or_insert(format!("{not_asked} removals to confirm"));
        }
        if policy.caution == Caution::GrantsUnknown {
            let emptied = emptied_divisions(recorded, &listed.entities(), missing.suspects.keys());
            if !emptied.keys.is_empty() {
                cause.get_or_insert(format!(
                    "{} removals are held: they would empty a whole division, and the client's own grants cannot be read",
                    emptied.keys.len()
                ));
            }
            held.extend(emptied.keys);
            out_of_view = emptied.divisions;
        }
        missing.suspects.retain(|key, _| held.contains(key));
        let confirmed = missing.settle(recorded, listed.entities(), requests, cause.map(Trouble::failed));
        Confirmed { out_of_view, ..confirmed }
    }

    /// What is on record and did not come.
    fn missing(&self, recorded: &DomainSnapshot, listed: &Listed) -> Missing {
        let mut missing = Missing::default();
        let mut scopes: BTreeMap<Option<&EntityKey>, Vec<&Scope>> = BTreeMap::new();
        for scope in &listed.scopes {
            scopes.entry(scope.under.as_ref().map(|under| &under.parent)).or_default().push(scope);
        }
        for (key, text) in &recorded.entities {
            let parent = self.domain.parent_of(key, &value_of(text));
            if parent.is_none() && self.domain.source.parent.is_some() {
                // Nothing tells whose it is, so every listing has to vouch for its absence.
                let has_come = listed.scopes.iter().any(|scope| scope.entities.contains_key(key));
                match (has_come, listed.is_whole()) {
                    (true, _) => {}
                    (false, true) => drop(missing.suspects.insert(key.clone(), None)),
                    (false, false) => drop(missing.kept.insert(key.clone())),
                }
                continue;
            }
            match scopes.get(&parent.as_ref()) {
                Some(scopes) if scopes.iter().any(|scope| scope.entities.contains_key(key)) => {}
                Some(scopes) if scopes.iter().all(|scope| scope.is_whole) => {
                    missing.suspects.insert(key.clone(), parent);
                }
                Some(_) => {
                    missing.kept.insert(key.clone());
                }
                // The parent is gone, which was confirmed of the parent, or has no such listing any more.
                None => {}
            }
        }
        missing
    }

    async fn verdict(&self, key: &EntityKey, under: Option<&Under>, policy: &RemovalPolicy) -> Verdict {
        let Some(path) = self.domain.detail_path(key, under) else {
            // Nothing to read: the second listing is all the proof there is.
            return Verdict::Gone;
        };
        if !policy.take_read() {
            return Verdict::NotAsked;
        }
        let removal = &self.domain.removal;
        let query = removal.query.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        match self.client.get(&Get { path: path.clone(), query }).await {
            Err(FetchError::NotFound { .. }) if removal.not_found_proves => Verdict::Gone,
            Err(FetchError::NotFound { .. }) => Verdict::Unproven(format!(
                "{path} does not tell whether {key} is gone, as its read is restricted by state"
            )),
            Err(error) => Verdict::Unproven(format!("whether {key} is gone could not be told: {error}")),
            Ok(body) => match read(&body.bytes) {
                Ok(raw) if self.canonicaliser.is_deleted(&raw) => Verdict::Gone,
                Ok(_) => Verdict::Unproven(format!("{key} is missing from its listing, but {path} still has it")),
                Err(error) => Verdict::Unproven(format!("whether {key} is gone could not be told: {error}")),
            },
        }
    }
}

/// Suspects whose removal would leave a division without any entity of the domain, and those divisions.
struct Emptied {
    keys: BTreeSet<EntityKey>,
    divisions: BTreeSet<String>,
}

fn emptied_divisions<'k>(
    recorded: &DomainSnapshot,
    after: &Entities,
    suspects: impl Iterator<Item = &'k EntityKey>,
) -> Emptied {
    let path = FieldPath::parse("division");
    let division = |text: &CanonicalText| {
        let body = value_of(text);
        let place = path.find(&body)?;
        place.get("id").unwrap_or(place).as_str().map(ToOwned::to_owned)
    };
    let inhabited: BTreeSet<String> = after.values().filter_map(division).collect();
    let mut emptied = Emptied { keys: BTreeSet::new(), divisions: BTreeSet::new() };
    for key in suspects {
        let of = recorded.entities.get(key).and_then(division);
        if let Some(of) = of.filter(|of| !inhabited.contains(of)) {
            emptied.keys.insert(key.clone());
            emptied.divisions.insert(of);
        }
    }
    emptied
}

/// What is on record and did not come, apart from children of parents that are gone.
#[derive(Default)]
struct Missing {
    /// Under a listing that came to a complete end; with the parent whose listing it is.
    suspects: BTreeMap<EntityKey, Option<EntityKey>>,
    /// Under a listing that did not.
    kept: BTreeSet<EntityKey>,
}

impl Missing {
    /// The listings that a second look has to make.
    fn listings(&self, all: Option<&BTreeSet<Under>>) -> Option<BTreeSet<Under>> {
        let is_suspected = |under: &&Under| {
            self.suspects.values().any(|parent| parent.as_ref().is_none_or(|parent| *parent == under.parent))
        };
        Some(all?.iter().filter(is_suspected).cloned().collect())
    }

    /// Puts back what is not proven to be gone.
    fn settle(
        self,
        recorded: &DomainSnapshot,
        mut entities: Entities,
        requests: u64,
        trouble: Option<Trouble>,
    ) -> Confirmed {
        for key in self.suspects.into_keys().chain(self.kept) {
            if let Some(text) = recorded.entities.get(&key) {
                entities.entry(key).or_insert_with(|| text.clone());
            }
        }
        Confirmed { entities, trouble, requests, out_of_view: BTreeSet::new() }
    }
}

/// Puts the later state of the listings that were made again in place of the earlier one.
fn replace_scopes(listed: &mut Listed, again: Listed) {
    for scope in again.scopes {
        match listed.scopes.iter_mut().find(|old| old.under == scope.under) {
            Some(old) => *old = scope,
            None => listed.scopes.push(scope),
        }
    }
    listed.notes.merge(again.notes);
}
