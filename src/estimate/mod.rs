//! What a run is going to cost: requests per domain, and the time that they take at the allowed rate.
//!
//! Pure arithmetic over the catalogue and what is known of each domain's size; who asks the API or the record is told by
//! [`Told`]. An estimate is of a run in which nothing goes wrong and nothing has vanished: what is tried again or confirmed
//! comes on top.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use crate::catalogue::{Binding, Catalogue, Counting, Domain, Paging};
use crate::model::DomainId;

/// How many entities a listing is taken to have that nothing is known of.
const ASSUMED_ENTITIES: u64 = 10;

/// How a number was come by, the surest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Told {
    /// The API was asked.
    Counted,
    /// The record has it.
    Recorded,
    /// Nothing tells.
    #[default]
    Assumed,
}

impl Told {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Recorded => "recorded",
            Self::Assumed => "assumed",
        }
    }
}

/// How many entities a domain has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Size {
    /// In all its listings together.
    Whole(u64),
    /// In each of its listings; those that are not named have none.
    Each(Vec<u64>),
}

impl Size {
    /// The number of entities.
    #[must_use]
    pub fn total(&self) -> u64 {
        match self {
            Self::Whole(total) => *total,
            Self::Each(each) => each.iter().copied().fold(0, u64::saturating_add),
        }
    }
}

/// What is known of a domain before a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// How many entities it has; absent where nothing tells.
    pub size: Option<Size>,
    /// How that was come by.
    pub told: Told,
    /// How many per-parent listings it consists of, where the record tells.
    pub listings: Option<u64>,
    /// Whether its answers come without a count, where one was seen.
    pub is_uncounted: Option<bool>,
    /// Whether it is on record.
    pub has_baseline: bool,
    /// The parents that its round has come to, where it is captured portion by portion.
    pub done: Option<u64>,
    /// Why it cannot be read.
    pub trouble: Option<String>,
}

/// What a removal in a domain is confirmed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// A second listing, and a read of the entity itself.
    Read,
    /// A second listing alone.
    Listing,
    /// Nothing: removals stay held until a person accepts them.
    Nothing,
}

impl Proof {
    /// What confirms a removal in a domain.
    #[must_use]
    pub fn of(domain: &Domain) -> Self {
        let removal = &domain.removal;
        match domain.source.detail {
            None => Self::Listing,
            Some(_) if removal.not_found_proves || !removal.gone_when.is_empty() => Self::Read,
            Some(_) => Self::Nothing,
        }
    }
}

/// What a domain is going to cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainEstimate {
    /// Whether it was selected; otherwise it is listed for the sake of those below it.
    pub is_selected: bool,
    /// How the number of requests was come by.
    pub told: Told,
    /// Its parents, where it is listed per parent.
    pub parents: Option<u64>,
    /// Its entities, where they are known.
    pub entities: Option<u64>,
    /// Requests for pages of listings.
    pub pages: u64,
    /// Requests for single entities.
    pub details: u64,
    /// Whether it is captured portion by portion; the requests are those to the end of its round.
    pub is_portioned: bool,
    /// Whether it is read twice: without a count only a second listing tells a short first one.
    pub is_read_twice: bool,
    /// What a removal is confirmed by.
    pub proof: Proof,
    /// Why it cannot be read.
    pub trouble: Option<String>,
}

impl DomainEstimate {
    /// All requests for it.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.pages.saturating_add(self.details)
    }
}

/// The allowed rate, in requests a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AllowedRate {
    /// What the API allows.
    pub allowed: u64,
    /// What a run uses of it.
    pub used: u64,
}

/// What a run is going to cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Requests that belong to no domain.
    pub own: u64,
    /// What each domain costs.
    pub domains: BTreeMap<DomainId, DomainEstimate>,
    /// The most requests for all domains together that are captured portion by portion.
    pub portion: u64,
    /// The domains whose turn it is not yet.
    pub resting: BTreeSet<DomainId>,
    /// The allowed rate, where the API told it.
    pub rate: Option<AllowedRate>,
}

impl Estimate {
    /// Estimates a run over some domains, with so many requests that belong to none.
    #[must_use]
    pub fn of(
        catalogue: &Catalogue,
        selection: &BTreeSet<DomainId>,
        known: &BTreeMap<DomainId, Known>,
        own: u64,
    ) -> Self {
        let mut sizes: BTreeMap<DomainId, Entities> = BTreeMap::new();
        let mut domains = BTreeMap::new();
        let nothing = Known::default();
        for domain in selection.iter().flat_map(|id| catalogue.lineage(id)) {
            if domains.contains_key(&domain.id) {
                continue;
            }
            let known = known.get(&domain.id).unwrap_or(&nothing);
            let parents = domain.source.parent.as_ref().map(|parent| sizes.get(parent).copied().unwrap_or_default());
            let is_selected = selection.contains(&domain.id);
            let (cost, entities) = cost(domain, known, parents);
            sizes.insert(domain.id.clone(), entities);
            domains.insert(domain.id.clone(), DomainEstimate { is_selected, ..cost });
        }
        Self { own, domains, portion: u64::MAX, ..Self::default() }
    }

    /// All requests of the run.
    #[must_use]
    pub fn requests(&self) -> u64 {
        let whole = self.domains.values().filter(|domain| !domain.is_portioned).map(DomainEstimate::requests);
        whole.fold(self.own, u64::saturating_add).saturating_add(self.portioned().min(self.portion))
    }

    /// The requests to the end of the rounds of what is captured portion by portion.
    #[must_use]
    pub fn portioned(&self) -> u64 {
        let portioned = self.domains.values().filter(|domain| domain.is_portioned).map(DomainEstimate::requests);
        portioned.fold(0, u64::saturating_add)
    }

    /// The runs that these rounds take, this one included.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.portioned().div_ceil(self.portion.max(1)).max(1)
    }

    /// The time that they take at the allowed rate, to the second.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        let used = self.rate?.used.max(1);
        Some(Duration::from_secs(self.requests().saturating_mul(60).div_ceil(used)))
    }

    /// The domains, the costliest first.
    #[must_use]
    pub fn by_cost(&self) -> Vec<(&DomainId, &DomainEstimate)> {
        let mut domains: Vec<_> = self.domains.iter().collect();
        domains.sort_by_key(|(_, domain)| std::cmp::Reverse(domain.requests()));
        domains
    }
}

/// How many entities a domain has, for those that are listed under them.
#[derive(Clone, Copy, Default)]
struct Entities {
    count: Option<u64>,
    told: Told,
}

fn cost(domain: &Domain, known: &Known, parents: Option<Entities>) -> (DomainEstimate, Entities) {
    let source = &domain.source;
    let passes = source.passes.len() as u64;
    let size = known.size.as_ref();
    let (parent_listings, listings_told) = listings(domain, known, parents);
    let mut estimate = DomainEstimate {
        is_selected: false,
        told: Told::Assumed,
        parents: parents.and_then(|parents| parents.count),
        entities: size.map(Size::total),
        pages: 0,
        details: 0,
        is_portioned: known.done.is_some() && parents.is_some(),
        is_read_twice: false,
        proof: Proof::of(domain),
        trouble: known.trouble.clone(),
    };
    let recorded = Entities { count: estimate.entities, told: known.told };
    let Some(parent_listings) = parent_listings else {
        estimate.trouble.get_or_insert_with(|| "its parents are not known".to_owned());
        return (estimate, recorded);
    };
    let listings = parent_listings.saturating_mul(passes);
    if known.trouble.is_some() {
        // The question is asked all the same; its answer is the refusal.
        estimate.pages = listings;
        estimate.told = listings_told;
        return (estimate, recorded);
    }
    let (size, size_told) = match (size, source.paging) {
        (Some(size), _) => (Spread::Known(size), known.told),
        (None, Paging::Singleton) => (Spread::Even(1), Told::Counted),
        (None, _) => (Spread::Even(assumed(domain)), Told::Assumed),
    };
    let is_sized = source.page_size.is_some() || source.read_detail;
    estimate.told = if is_sized || known.size.is_some() { listings_told.max(size_told) } else { listings_told };
    let is_carried_forward = source.immutable && known.has_baseline;
    if !is_carried_forward {
        estimate.pages = size.pages(domain, listings);
        estimate.details = if source.read_detail { size.total(listings) } else { 0 };
    }
    if let (true, Some(done), Some(parents)) = (estimate.is_portioned, known.done, estimate.parents) {
        let rest = |requests: u64| rest_of(requests, done.min(parents), parents);
        (estimate.pages, estimate.details) = (rest(estimate.pages), rest(estimate.details));
    }
    let is_new = !known.has_baseline && !estimate.is_portioned;
    estimate.is_read_twice = is_new && known.is_uncounted.unwrap_or_else(|| is_uncounted(domain));
    if estimate.is_read_twice {
        estimate.pages = estimate.pages.saturating_mul(2);
        estimate.details = estimate.details.saturating_mul(2);
    }
    (estimate, Entities { count: Some(size.total(listings)), told: listings_told.max(size_told) })
}

/// How many listings a domain consists of, passes apart, and how that was come by; none where its parents are not known.
fn listings(domain: &Domain, known: &Known, parents: Option<Entities>) -> (Option<u64>, Told) {
    match (parents, known.listings) {
        (None, _) => (Some(1), Told::Counted),
        (Some(_), Some(listings)) => (Some(listings), Told::Recorded),
        (Some(parents), None) => {
            // What a parent does not say of itself by its key may have any number of values.
            let is_one_each = domain.source.bind.values().all(|binding| !matches!(binding, Binding::Field(_)));
            (parents.count, if is_one_each { parents.told } else { Told::Assumed })
        }
    }
}

/// What is left of requests when so many of the parents are done.
fn rest_of(requests: u64, done: u64, parents: u64) -> u64 {
    let rest = u128::from(requests) * u128::from(parents - done);
    u64::try_from(rest.div_ceil(u128::from(parents.max(1)))).unwrap_or(requests)
}

/// A few entities, no more than a page holds.
fn assumed(domain: &Domain) -> u64 {
    ASSUMED_ENTITIES.min(domain.source.page_size.map_or(u64::MAX, u64::from))
}

/// How entities are spread over listings.
#[derive(Clone, Copy)]
enum Spread<'k> {
    /// As is known.
    Known(&'k Size),
    /// So many in each.
    Even(u64),
}

impl Spread<'_> {
    fn total(self, listings: u64) -> u64 {
        match self {
            Self::Known(size) => size.total(),
            Self::Even(each) => each.saturating_mul(listings),
        }
    }

    /// The requests that the listings take.
    fn pages(self, domain: &Domain, listings: u64) -> u64 {
        let source = &domain.source;
        let Some(page_size) = source.page_size.map(|size| u64::from(size.max(1))) else { return listings };
        // The page that is found empty is asked for as well.
        let is_until_empty = source.paging == Paging::PageNumber && source.counting == Counting::UntilEmpty;
        let of_one = |entities: u64| {
            let full = entities.div_ceil(page_size);
            if is_until_empty { full.saturating_add(1) } else { full.max(1) }
        };
        match self {
            Self::Even(each) => of_one(each).saturating_mul(listings),
            Self::Known(Size::Each(each)) => {
                let rest = listings.saturating_sub(each.len() as u64);
                each.iter().map(|entities| of_one(*entities)).fold(rest, u64::saturating_add)
            }
            Self::Known(Size::Whole(_)) if listings == 0 => 0,
            // However they are spread, it is no more than that.
            Self::Known(Size::Whole(entities)) => {
                let begun = entities.div_ceil(page_size).max(1).saturating_add(listings - 1);
                let ends = if is_until_empty { listings.min(*entities) } else { 0 };
                begun.saturating_add(ends)
            }
        }
    }
}

/// Whether the answers of a domain come without a count, as far as its file says.
fn is_uncounted(domain: &Domain) -> bool {
    match domain.source.paging {
        Paging::Singleton => false,
        Paging::PageNumber => domain.source.counting == Counting::UntilEmpty,
        Paging::Cursor | Paging::Unpaged | Paging::Array => true,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
