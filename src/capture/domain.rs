//! One domain: its listings, put together.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use futures_util::{StreamExt, stream};

use super::collect::{Collector, Entities, stamp};
use super::portion::{Portions, Reach, reach};
use super::trouble::{Trouble, TroubleKind};
use crate::canonical::{Canonical, Canonicaliser, Digest, EntityError, Notes, compact, read, value_of};
use crate::catalogue::{Counting, Domain, Paging as Style, Under};
use crate::genesys::{Client, CursorParameters, Get, Listing, ListingError, NotAQuery, Paging, PostQuery, Read};
use crate::model::{CanonicalText, DomainSnapshot, EntityKey, Object, Value};
use crate::record::RunStatus;

/// How often a listing that contradicts itself is tried: as it is, once more, then with smaller pages.
const ATTEMPTS: u32 = 3;

/// How much smaller the pages of the last attempt are.
const SMALLER: u32 = 5;

/// Listings or reads of one domain that are under way together; the client bounds them over all domains.
const TOGETHER: usize = 8;

/// What became of a domain.
#[derive(Debug)]
pub struct DomainCapture {
    /// Its status in this run.
    pub status: RunStatus,
    /// Why it is not complete.
    pub trouble: Option<Trouble>,
    /// Its entities as far as the run can vouch for them; absent where nothing of it could be captured.
    pub content: Option<DomainSnapshot>,
    /// Requests sent for it.
    pub requests: u64,
    /// Pages taken.
    pub pages: u64,
    /// Entities received.
    pub received: u64,
    /// Entities promised; absent where the API promises none.
    pub promised: Option<u64>,
    /// What was noticed on the way.
    pub notes: Notes,
    /// The digest of the content.
    pub digest: Option<Digest>,
    /// Divisions all of whose entities vanished from the listing, which is how a lost grant looks.
    pub out_of_view: BTreeSet<String>,
    /// How far the round came, where the domain is captured portion by portion.
    pub reach: Option<Reach>,
    /// Whether no more was read than what the audit log names.
    pub is_targeted: bool,
}

/// One listing: one of a parent's, or the domain's only one, under all passes.
#[derive(Debug)]
pub(super) struct Scope {
    /// What it stands under, where it is a parent's.
    pub(super) under: Option<Under>,
    /// Whether all passes came to a complete end.
    pub(super) is_whole: bool,
    /// What came of the passes that did.
    pub(super) entities: Entities,
    /// Why a pass did not.
    pub(super) trouble: Option<Trouble>,
    /// Whether it was asked at all; what was not reached is neither here nor gone.
    pub(super) is_asked: bool,
}

/// What the listings of a domain brought.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) scopes: Vec<Scope>,
    pub(super) requests: u64,
    pub(super) pages: u64,
    pub(super) received: u64,
    pub(super) promised: Option<u64>,
    /// Whether a listing of several entities came without a count.
    pub(super) is_uncounted: bool,
    pub(super) notes: Notes,
}

/// Lists a domain and reads its details.
pub(super) struct Lister<'l> {
    pub(super) client: &'l Client,
    pub(super) domain: &'l Domain,
    pub(super) canonicaliser: &'l Canonicaliser<'l>,
    /// What is on record and may be carried forward where the API's answer cannot have changed.
    pub(super) settled: Option<Rc<DomainSnapshot>>,
    /// The entities that are read again where not all are; of the others what is on record stands.
    pub(super) named: Option<&'l BTreeSet<EntityKey>>,
}

impl Lister<'_> {
    /// Makes each of some per-parent listings, or lists the domain as a whole.
    pub(super) async fn list(&self, listings: Option<&BTreeSet<Under>>) -> Listed {
        let mut listed = Listed::default();
        match listings {
            None => self.take(&mut listed, None).await,
            Some(listings) => {
                let mut listings = stream::iter(listings)
                    .map(|under| async move {
                        let mut one = Listed::default();
                        self.take(&mut one, Some(under)).await;
                        one
                    })
                    .buffered(TOGETHER);
                while let Some(one) = listings.next().await {
                    listed.merge(one);
                }
            }
        }
        listed
    }

    /// Makes some of the per-parent listings; the others stay as they are on record.
    pub(super) async fn list_some(&self, listings: &BTreeSet<Under>, named: &BTreeSet<Under>) -> Listed {
        let mut listed = self.list(Some(named)).await;
        let others = listings.iter().filter(|under| !named.contains(under));
        listed.scopes.extend(others.map(|under| Scope::not_asked(under.clone())));
        listed
    }

    /// Makes the per-parent listings that the round has not come to yet, as far as the requests reach.
    pub(super) async fn list_portion(&self, listings: &BTreeSet<Under>, portions: &Portions) -> (Listed, Reach) {
        let mut reached: BTreeSet<&Under> = BTreeSet::new();
        let mut listed = Listed::default();
        {
            let affordable = portions.rest(&self.domain.id, listings).take_while(|under| {
                let is_affordable = self.carried(Some(under)).is_some() || portions.take();
                if is_affordable {
                    reached.insert(under);
                }
                is_affordable
            });
            let mut captures = stream::iter(affordable)
                .map(|under| async move {
                    let mut one = Listed::default();
                    self.take(&mut one, Some(under)).await;
                    portions.take_more(one.requests.saturating_sub(1));
                    one
                })
                .buffered(TOGETHER);
            while let Some(one) = captures.next().await {
                listed.merge(one);
            }
        }
        let missed: BTreeSet<&Under> =
            portions.rest(&self.domain.id, listings).filter(|under| !reached.contains(under)).collect();
        let untouched = listings.iter().filter(|under| !reached.contains(under));
        listed.scopes.extend(untouched.map(|under| Scope::not_asked(under.clone())));
        let reach = reach(listings, &missed);
        (listed, reach)
    }

    /// The entity on record of an answer that never changes; `None` where it has to be asked for.
    fn carried(&self, under: Option<&Under>) -> Option<(EntityKey, CanonicalText)> {
        let settled = self.settled.as_ref().filter(|_| self.domain.source.immutable)?;
        let under = under?;
        let mut stamps = Value::Object(Object::default());
        stamp(self.domain, Some(under), &mut stamps);
        let key = self.canonicaliser.key(&stamps, Some(&under.parent)).ok()?;
        let text = settled.entities.get(&key)?;
        let recorded = value_of(text);
        let mut all = self.domain.source.stamps(Some(under));
        all.all(|(name, value)| recorded.get(name).and_then(Value::as_str) == Some(value)).then(|| (key, text.clone()))
    }

    async fn take(&self, listed: &mut Listed, under: Option<&Under>) {
        let mut scope = Scope { is_whole: true, is_asked: true, ..Scope::new(under.cloned()) };
        if let Some((key, text)) = self.carried(under) {
            scope.entities.insert(key, text);
            listed.received += 1;
            listed.scopes.push(scope);
            return;
        }
        for pass in &self.domain.source.passes {
            match self.list_once(listed, under, pass).await {
                // An entity that moved between two passes is in both; the later pass knows better.
                Ok(entities) => scope.entities.extend(entities),
                Err(trouble) => {
                    scope.is_whole = false;
                    Trouble::beside(&mut scope.trouble, trouble);
                }
            }
        }
        if self.domain.source.read_detail {
            self.read_details(listed, &mut scope).await;
        }
        if scope.trouble.as_ref().is_some_and(|trouble| trouble.kind == TroubleKind::Secret) {
            scope.entities.clear();
        }
        listed.scopes.push(scope);
    }

    /// One pass of one listing, tried again where its pages contradict each other.
    async fn list_once(
        &self,
        listed: &mut Listed,
        under: Option<&Under>,
        pass: &BTreeMap<String, String>,
    ) -> Result<Entities, Trouble> {
        let mut trouble = Trouble::failed("it was not tried");
        for attempt in 0..ATTEMPTS {
            let mut collector = Collector::new(self.domain, self.canonicaliser, under);
            let read = read_of(self.domain, under, pass).map_err(|error| Trouble::failed(error.to_string()))?;
            let path = read.path().to_owned();
            let size = self.domain.source.page_size.unwrap_or(1);
            let size = if attempt + 1 == ATTEMPTS { (size / SMALLER).max(1) } else { size };
            let listing = Listing { read, paging: paging_of(self.domain, size) };
            match self.client.list(&listing, &mut collector).await {
                Ok(facts) => {
                    listed.requests += facts.requests;
                    if let Some(misplaced) = collector.misplaced {
                        return Err(Trouble::secret(&path, &misplaced));
                    }
                    if let Some(key) = collector.duplicate {
                        trouble = Trouble::failed(format!("{key} came twice in {path}"));
                        continue;
                    }
                    listed.pages += facts.pages;
                    listed.received += facts.received;
                    listed.is_uncounted |= facts.promised.is_none() && self.domain.source.paging != Style::Singleton;
                    listed.promised =
                        facts.promised.map(|more| listed.promised.unwrap_or(0) + more).or(listed.promised);
                    listed.notes.merge(collector.notes);
                    return Ok(collector.entities);
                }
                Err(ListingError::Absent { requests, .. }) if self.domain.source.optional => {
                    listed.requests += requests;
                    return Ok(Entities::new());
                }
                Err(error) => {
                    listed.requests += error.requests();
                    trouble = Trouble::from(&error);
                    if !matches!(error, ListingError::Inconsistent { .. }) {
                        break;
                    }
                }
            }
        }
        Err(trouble)
    }

    /// Replaces what the listing says of each entity by what its own read says.
    async fn read_details(&self, listed: &mut Listed, scope: &mut Scope) {
        let mut keys: Vec<EntityKey> = scope.entities.keys().cloned().collect();
        if let (Some(named), Some(settled)) = (self.named, &self.settled) {
            keys.retain(|key| match settled.entities.get(key).filter(|_| !named.contains(key)) {
                Some(text) => scope.entities.insert(key.clone(), text.clone()).is_none(),
                None => true,
            });
        }
        let under = scope.under.clone();
        let mut reads = stream::iter(keys)
            .map(|key| {
                let under = under.clone();
                async move { (self.read_detail(&key, under.as_ref()).await, key) }
            })
            .buffered(TOGETHER);
        let mut notes = Notes::default();
        while let Some((answer, key)) = reads.next().await {
            listed.requests += 1;
            match answer {
                Ok((text, seen)) => {
                    scope.entities.insert(key, text);
                    notes.merge(seen);
                }
                Err(trouble) => {
                    // What the listing said is not the stored form, so the entity is as good as not seen.
                    scope.entities.remove(&key);
                    scope.is_whole = false;
                    Trouble::beside(&mut scope.trouble, trouble);
                }
            }
        }
        listed.notes = notes;
    }

    async fn read_detail(&self, key: &EntityKey, under: Option<&Under>) -> Result<(CanonicalText, Notes), Trouble> {
        let path = self.domain.detail_path(key, under);
        let path = path.ok_or_else(|| Trouble::failed(format!("{key} has no path of its own")))?;
        let query = self.domain.source.detail_query.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let get = Get { path: path.clone(), query };
        let body = self.client.get(&get).await.map_err(|error| match Trouble::from(&error) {
            // Listed a moment ago and gone now: the two answers contradict each other.
            Trouble { kind: TroubleKind::Absent, cause } => Trouble::failed(cause),
            trouble => trouble,
        })?;
        let mut notes = Notes::default();
        let mut raw = read(&body.bytes)
            .map_err(|error| Trouble::failed(format!("the answer of {path} is malformed: {error}")))?;
        stamp(self.domain, under, &mut raw);
        match self.canonicaliser.entity(raw, under.map(|under| &under.parent), &mut notes) {
            Ok(Canonical::Entity(found, text)) if found == *key => Ok((text, notes)),
            Ok(Canonical::Entity(found, _)) => Err(Trouble::failed(format!("{path} answered with {found}"))),
            Ok(Canonical::Deleted(_)) => Err(Trouble::failed(format!("{key} was deleted while it was read"))),
            Err(EntityError::Misplaced(misplaced)) => Err(Trouble::secret(&path, &misplaced)),
            Err(error) => Err(Trouble::failed(format!("the answer of {path} is malformed: {error}"))),
        }
    }
}

/// What is asked for a listing, without the parameters of paging.
pub(super) fn read_of(
    domain: &Domain,
    under: Option<&Under>,
    pass: &BTreeMap<String, String>,
) -> Result<Read, NotAQuery> {
    let source = &domain.source;
    let own = source.query.iter().chain(pass).map(|(name, value)| (name.as_str(), value.as_str()));
    let query = own.chain(source.bound_query(under));
    let path = source.listing_path(under);
    let Some(body) = &source.body else {
        let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        return Ok(Read::Get(Get { path, query }));
    };
    let fixed = compact(&Value::Object(body.clone()));
    let mut body: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&fixed).unwrap_or_default();
    body.extend(query.map(|(name, value)| (name.to_owned(), value.into())));
    PostQuery::new(path, body).map(Read::Query)
}

/// How the pages of a listing are asked for when they are of some size.
pub(super) fn paging_of(domain: &Domain, size: u32) -> Paging {
    let source = &domain.source;
    match source.paging {
        Style::PageNumber => Paging::PageNumber { size, counted: source.counting == Counting::Counted },
        Style::Cursor => {
            let names = &source.cursor;
            let names = CursorParameters { cursor: names.parameter.clone(), size: names.size.clone() };
            Paging::Cursor { size, names }
        }
        Style::Unpaged | Style::Array | Style::Singleton => Paging::Single,
    }
}

impl Scope {
    fn new(under: Option<Under>) -> Self {
        Self { under, is_whole: false, is_asked: false, entities: Entities::new(), trouble: None }
    }

    /// A listing that was not reached.
    fn not_asked(under: Under) -> Self {
        Self::new(Some(under))
    }
}

impl Listed {
    fn merge(&mut self, other: Self) {
        self.scopes.extend(other.scopes);
        self.requests += other.requests;
        self.pages += other.pages;
        self.received += other.received;
        self.promised = match (self.promised, other.promised) {
            (None, None) => None,
            (one, other) => Some(one.unwrap_or(0) + other.unwrap_or(0)),
        };
        self.is_uncounted |= other.is_uncounted;
        self.notes.merge(other.notes);
    }

    /// Every entity that came.
    pub(super) fn entities(&self) -> Entities {
        self.scopes.iter().flat_map(|scope| scope.entities.clone()).collect()
    }

    /// Whether every listing came to a complete end.
    pub(super) fn is_whole(&self) -> bool {
        self.scopes.iter().all(|scope| scope.is_whole)
    }

    /// The status that the listings as such give the domain, and the first reason against it.
    pub(super) fn status(&self) -> (RunStatus, Option<Trouble>) {
        let troubles: Vec<&Trouble> = self.scopes.iter().filter_map(|scope| scope.trouble.as_ref()).collect();
        let is_secret = |trouble: &&&Trouble| trouble.kind == TroubleKind::Secret;
        let told = troubles.iter().find(is_secret).or(troubles.first());
        let Some(first) = told.copied() else { return (RunStatus::Complete, None) };
        let mut asked = self.scopes.iter().filter(|scope| scope.is_asked);
        let nothing_came = asked.all(|scope| scope.trouble.is_some() && scope.entities.is_empty());
        let all_are = |kind| troubles.iter().all(|trouble| trouble.kind == kind);
        let status = match nothing_came {
            true if all_are(TroubleKind::Forbidden) => RunStatus::Forbidden,
            true if all_are(TroubleKind::Absent) => RunStatus::Absent,
            true => RunStatus::Failed,
            false => RunStatus::Partial,
        };
        (status, Some(first.clone()))
    }
}

impl DomainCapture {
    /// A domain that nothing is read of, because nothing can have changed.
    pub(super) fn untouched() -> Self {
        Self { is_targeted: true, ..Self::nothing(RunStatus::Complete, None, 0) }
    }

    /// A domain of which nothing could be captured.
    pub(super) fn nothing(status: RunStatus, trouble: Option<Trouble>, requests: u64) -> Self {
        let notes = Notes::default();
        Self {
            status,
            trouble,
            content: None,
            requests,
            pages: 0,
            received: 0,
            promised: None,
            notes,
            digest: None,
            reach: None,
            out_of_view: BTreeSet::new(),
            is_targeted: false,
        }
    }
}
