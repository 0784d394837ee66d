//! A whole run: every selected domain, parents before their children.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use futures_util::{StreamExt, stream};

use super::confirm::{Caution, RemovalPolicy};
use super::domain::{DomainCapture, Listed, Lister};
use super::portion::Portions;
use super::target::{Target, Targets, named_listings};
use super::trouble::{Trouble, TroubleKind};
use crate::canonical::{Canonicaliser, Digest, KeepsSecrets, Scan, SecretKey, read, value_of};
use crate::catalogue::{Catalogue, Domain, FieldPath, Under};
use crate::genesys::{Client, FetchError, Get};
use crate::model::{DomainId, DomainSnapshot, EntityKey, Value};
use crate::record::RunStatus;

/// Domains that are captured side by side; the requests of all of them are bounded by the client.
const TOGETHER: usize = 16;

/// The permissions that a run needs besides those of its domains, and what for.
pub const OWN_PERMISSIONS: [(&str, &str); 2] = [
    ("audits:audit:view", "tells who made a change"),
    ("authorization:grant:view", "tells a lost grant from a removal"),
];

/// What is on record before the run.
pub trait Recorded {
    /// The digest of a domain's content; `None` where it has no baseline.
    fn digest(&self, domain: &DomainId) -> Option<String>;

    /// The content of a domain; `None` where it has no baseline.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn content(&self, domain: &DomainId) -> Result<Option<Rc<DomainSnapshot>>, String>;

    /// Whether what is on record of a domain has the form that it would be stored in today, so that it may stand for an answer.
    fn is_current(&self, domain: &Domain) -> bool;
}

/// Told of what happens; every method may be left out.
pub trait Progress {
    /// The run knows how many domains it captures.
    fn begins(&self, domains: usize) {
        let _ = domains;
    }

    /// A domain is done.
    fn captured(&self, domain: &DomainId, capture: &DomainCapture) {
        let _ = (domain, capture);
    }
}

/// Tells nobody.
pub struct Silent;

impl Progress for Silent {}

/// Which domains a run captures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection(pub BTreeSet<DomainId>);

/// What the client may see, as far as it can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// Its grants, as role and division, in order.
    Known(Vec<String>),
    /// It may not read them.
    Unreadable,
    /// This time it could not be told.
    Unknown,
}

/// What a run captured.
#[derive(Debug)]
pub struct CaptureRun {
    /// What became of each selected domain.
    pub domains: BTreeMap<DomainId, DomainCapture>,
    /// What the client may see.
    pub view: View,
}

/// Captures domains of one organisation.
pub struct Capturer<'c> {
    /// The API client.
    pub client: &'c Client,
    /// The domains there are.
    pub catalogue: &'c Catalogue,
    /// The key for secrets.
    pub secrets: &'c SecretKey,
    /// The scan for secrets.
    pub scan: &'c Scan,
    /// Who gets the clear values of secrets, where anybody does.
    pub keeper: Option<&'c dyn KeepsSecrets>,
    /// The id of the organisation.
    pub org: &'c str,
    /// Domains of which only a part is read again.
    pub targets: &'c Targets,
}

/// Reads which organisation the credentials belong to.
///
/// # Errors
/// [`FetchError`] where the answer cannot be had, or has no id.
pub async fn org_of(client: &Client) -> Result<String, FetchError> {
    const PATH: &str = "/api/v2/organizations/me";
    let body = client.get(&Get { path: PATH.to_owned(), query: Vec::new() }).await?;
    let id = read(&body.bytes).ok().and_then(|org| org.get("id").and_then(Value::as_str).map(ToOwned::to_owned));
    id.ok_or_else(|| FetchError::Malformed {
        path: PATH.to_owned(),
        what: crate::genesys::MalformedPage { reason: "it has no id".to_owned() }.into(),
        correlation: body.correlation,
    })
}

impl Capturer<'_> {
    /// Captures the selected domains.
    pub async fn run(
        &self,
        selection: &Selection,
        recorded: &dyn Recorded,
        portions: &Portions,
        policy: &RemovalPolicy,
        progress: &dyn Progress,
    ) -> BTreeMap<DomainId, DomainCapture> {
        progress.begins(selection.0.len());
        let mut done: BTreeMap<DomainId, DomainCapture> = BTreeMap::new();
        for level in self.levels(selection) {
            let captures = stream::iter(level)
                .map(|domain| {
                    let done = &done;
                    async move {
                        let capture = self.capture(domain, done, recorded, portions, policy).await;
                        if selection.0.contains(&domain.id) {
                            progress.captured(&domain.id, &capture);
                        }
                        (domain.id.clone(), capture)
                    }
                })
                .buffer_unordered(TOGETHER)
                .collect::<Vec<_>>()
                .await;
            done.extend(captures);
        }
        done.retain(|id, _| selection.0.contains(id));
        done
    }

    /// What the client itself may see: its own grants, role by division.
    pub async fn view(&self, client_id: &str) -> View {
        let path = format!("/api/v2/authorization/subjects/{client_id}");
        match self.client.get(&Get { path, query: Vec::new() }).await {
            Ok(body) => match read(&body.bytes).ok().and_then(|subject| grants_of(&subject)) {
                Some(grants) => View::Known(grants),
                None => View::Unknown,
            },
            Err(error) => match Trouble::from(&error).kind {
                TroubleKind::Forbidden | TroubleKind::Absent => View::Unreadable,
                TroubleKind::Failed | TroubleKind::Unauthorised | TroubleKind::Secret => View::Unknown,
            },
        }
    }

    /// The selected domains and the parents they need, parents first.
    fn levels(&self, selection: &Selection) -> Vec<Vec<&Domain>> {
        let mut levels: Vec<Vec<&Domain>> = Vec::new();
        let mut placed: BTreeSet<&DomainId> = BTreeSet::new();
        for id in &selection.0 {
            let mut chain: Vec<&Domain> = std::iter::successors(self.catalogue.get(id), |domain| {
                self.catalogue.get(domain.source.parent.as_ref()?)
            })
            .collect();
            chain.reverse();
            for (depth, domain) in chain.into_iter().enumerate() {
                if placed.insert(&domain.id) {
                    levels.resize_with(levels.len().max(depth + 1), Vec::new);
                    levels[depth].push(domain);
                }
            }
        }
        levels
    }

    async fn capture(
        &self,
        domain: &Domain,
        done: &BTreeMap<DomainId, DomainCapture>,
        recorded: &dyn Recorded,
        portions: &Portions,
        policy: &RemovalPolicy,
    ) -> DomainCapture {
        let parents = match parents_of(domain, done, recorded) {
            Ok(parents) => parents,
            Err(trouble) => return DomainCapture::nothing(RunStatus::Failed, Some(trouble), 0),
        };
        let target = self.targets.of(domain).filter(|_| recorded.is_current(domain));
        if target == Some(&Target::Nothing) {
            return DomainCapture::untouched();
        }
        let canonicaliser = Canonicaliser::new(domain, self.secrets, self.scan, self.org).handing_to(self.keeper);
        let named = target.and_then(|target| if let Target::Entities(named) = target { Some(named) } else { None });
        let may_stand = (domain.source.immutable || named.is_some()) && recorded.is_current(domain);
        let settled = if may_stand { recorded.content(&domain.id).ok().flatten() } else { None };
        let lister = Lister { client: self.client, domain, canonicaliser: &canonicaliser, settled, named };
        let listings = parents.as_ref().map(|parents| &parents.listings);
        let (mut listing, reach) = match listings {
            Some(listings) if matches!(target, Some(Target::Parents(_))) => {
                (self.list_named(&lister, listings, target, recorded).await, None)
            }
            Some(listings) if portions.after.contains_key(&domain.id) => {
                let (listing, reach) = lister.list_portion(listings, portions).await;
                (listing, Some(reach))
            }
            _ => (lister.list(listings).await, None),
        };
        let (mut status, mut trouble) = listing.status();
        if status == RunStatus::Complete && reach.as_ref().is_some_and(|reach| !reach.is_end()) {
            status = RunStatus::Partial;
        }
        if !matches!(status, RunStatus::Complete | RunStatus::Partial) {
            return DomainCapture::nothing(status, trouble, listing.requests);
        }
        if let Some(parents) = parents.as_ref().and_then(|parents| parents.trouble.clone()) {
            status = RunStatus::Partial;
            trouble.get_or_insert(parents);
        }
        let snapshot =
            |entities| DomainSnapshot { domain: domain.id.clone(), schema_version: domain.schema_version, entities };
        let mut requests = listing.requests;
        let mut content = snapshot(listing.entities());
        let mut digest = Digest::of_domain(&content);
        let mut out_of_view = BTreeSet::new();
        let known = recorded.digest(&domain.id);
        if known.is_none() && reach.is_none() && status == RunStatus::Complete && listing.is_uncounted {
            let again = lister.list(listings).await;
            requests += again.requests;
            if let Some(doubt) = doubt(&listing, &again) {
                status = RunStatus::Partial;
                trouble = Some(doubt);
            }
        }
        if known.as_ref().is_some_and(|known| *known != digest.to_string()) {
            match recorded.content(&domain.id) {
                // Under another identity nothing on record is missing; it is another thing.
                Ok(Some(stored)) if !recorded.is_current(domain) && has_other_keys(&stored, &content) => {}
                Ok(Some(recorded)) => {
                    let confirmed = lister.confirm(&recorded, listings, &mut listing, policy).await;
                    requests += confirmed.requests;
                    content = snapshot(confirmed.entities);
                    digest = Digest::of_domain(&content);
                    out_of_view = confirmed.out_of_view;
                    if let Some(held) = confirmed.trouble {
                        status = RunStatus::Partial;
                        trouble.get_or_insert(held);
                    }
                }
                Ok(None) => {}
                Err(cause) => return DomainCapture::nothing(RunStatus::Failed, Some(Trouble::failed(cause)), requests),
            }
        }
        // Without a baseline there is nothing to fill gaps from, so an incomplete domain is no baseline; a first capture that
        // takes several runs is one as far as it came.
        let is_usable = known.is_some() || status == RunStatus::Complete || reach.is_some();
        // What is on record already need not be kept until the end of the run.
        let is_known = known.is_some_and(|known| known == digest.to_string()) && recorded.is_current(domain);
        DomainCapture {
            status,
            trouble,
            content: (is_usable && !is_known).then_some(content),
            digest: is_usable.then_some(digest),
            requests,
            pages: listing.pages,
            received: listing.received,
            promised: listing.promised,
            notes: listing.notes,
            reach,
            out_of_view,
            is_targeted: target.is_some(),
        }
    }

    /// Makes the listings of the named parents again, and those that were not made before.
    async fn list_named(
        &self,
        lister: &Lister<'_>,
        listings: &BTreeSet<Under>,
        target: Option<&Target>,
        recorded: &dyn Recorded,
    ) -> Listed {
        let domain = lister.domain;
        let Some(Target::Parents(parents)) = target else { return lister.list(Some(listings)).await };
        let above = domain.source.parent.as_ref().and_then(|parent| recorded.content(parent).ok().flatten());
        let named = named_listings(domain, listings, parents, above.as_deref());
        lister.list_some(listings, &named).await
    }
}

/// The listings that a per-parent domain consists of; `None` for every other domain.
fn parents_of(
    domain: &Domain,
    done: &BTreeMap<DomainId, DomainCapture>,
    recorded: &dyn Recorded,
) -> Result<Option<Parents>, Trouble> {
    let Some(parent) = &domain.source.parent else { return Ok(None) };
    let capture = done.get(parent);
    let trouble = capture.and_then(|capture| capture.trouble.as_ref()).map(|trouble| Trouble {
        kind: trouble.kind,
        cause: format!("its parents could not all be listed: {}", trouble.cause),
    });
    let listings = |content: &DomainSnapshot| {
        let of_parent = |(key, text): (&EntityKey, &_)| domain.source.listings_under(key, &value_of(text));
        content.entities.iter().flat_map(of_parent).collect()
    };
    if let Some(content) = capture.and_then(|capture| capture.content.as_ref()) {
        return Ok(Some(Parents { listings: listings(content), trouble }));
    }
    match recorded.content(parent) {
        Ok(Some(content)) => Ok(Some(Parents { listings: listings(&content), trouble })),
        Ok(None) => Err(trouble.unwrap_or_else(|| Trouble::failed(format!("its parents, {parent}, are not known")))),
        Err(cause) => Err(Trouble::failed(cause)),
    }
}

/// Why two listings of one domain are no baseline. Later runs compare with what is on record, the first has nothing to compare
/// with: where the API does not count, only a second listing tells a short one.
fn doubt(one: &Listed, other: &Listed) -> Option<Trouble> {
    let (_, trouble) = other.status();
    trouble.or_else(|| {
        let differ = !one.entities().keys().eq(other.entities().keys());
        differ.then(|| Trouble::failed("two listings in a row differ, and the API does not say how many there are"))
    })
}

/// Whether nothing that came has a key that is on record.
fn has_other_keys(recorded: &DomainSnapshot, content: &DomainSnapshot) -> bool {
    !content.entities.is_empty() && !recorded.entities.keys().any(|key| content.entities.contains_key(key))
}

/// The listings of a per-parent domain, and why they may not be all.
struct Parents {
    listings: BTreeSet<Under>,
    trouble: Option<Trouble>,
}

/// The grants of a subject as `role division`, in order.
fn grants_of(subject: &Value<'_>) -> Option<Vec<String>> {
    let grants = subject.get("grants")?.as_array()?;
    let id =
        |grant: &Value<'_>, path: &str| FieldPath::parse(path).find(grant).and_then(Value::as_str).map(str::to_owned);
    let mut pairs: Vec<String> = grants
        .iter()
        .map(|grant| {
            format!("{} {}", id(grant, "role.id").unwrap_or_default(), id(grant, "division.id").unwrap_or_default())
        })
        .collect();
    pairs.sort();
    Some(pairs)
}

impl View {
    /// The digest of the grants, where they are known.
    #[must_use]
    pub fn digest(&self) -> Option<String> {
        match self {
            Self::Known(grants) => Some(Digest::of(grants.join("\n").as_bytes()).to_string()),
            Self::Unreadable | Self::Unknown => None,
        }
    }

    /// The grants that the client had when its view was put on record and has no more; `None` where that cannot be told.
    #[must_use]
    pub fn lost(&self, recorded: Option<&str>, earlier: Option<&[String]>) -> Option<Vec<String>> {
        let Self::Known(grants) = self else { return None };
        let earlier = earlier?;
        let is_recorded = Self::Known(earlier.to_vec()).digest().as_deref() == recorded;
        is_recorded.then(|| earlier.iter().filter(|grant| !grants.contains(grant)).cloned().collect())
    }

    /// How careful a run must be with removals, given the digest of the view on record and the grants of the last run.
    #[must_use]
    pub fn caution(&self, recorded: Option<&str>, earlier: Option<&[String]>, is_first: bool) -> Caution {
        match (self, recorded) {
            _ if is_first => Caution::Usual,
            (Self::Known(_), Some(then)) if self.digest().as_deref() == Some(then) => Caution::Usual,
            // More grants than before take nothing out of view.
            (Self::Known(_), Some(_)) if self.lost(recorded, earlier).is_some_and(|lost| lost.is_empty()) => {
                Caution::Usual
            }
            (Self::Known(_) | Self::Unreadable, Some(_)) => Caution::GrantsChanged,
            (Self::Known(_), None) => Caution::Usual,
            (Self::Unreadable | Self::Unknown, _) => Caution::GrantsUnknown,
        }
    }
}
