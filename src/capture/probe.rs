//! One question about a listing: may it be read, and how much is there?

use std::collections::BTreeMap;

use super::domain::{paging_of, read_of};
use super::page::split;
use super::trouble::{Trouble, TroubleKind};
use crate::catalogue::{Domain, Paging, Source, Under};
use crate::genesys::{Client, FetchError, Listing, ListingError, MalformedPage, PageFacts, PageSink};

/// What the first page of a listing tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probed {
    /// How many entities the listing has; absent where that is not told.
    pub entities: Option<u64>,
    /// How many entities the page has.
    pub received: u64,
    /// Whether the answers say how many there are.
    pub is_counted: bool,
}

/// Why a listing cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason.
    pub trouble: Trouble,
    /// The permissions that the answer names.
    pub permissions: Vec<String>,
}

/// Asks for the first page of one pass of a listing, of so many entities.
///
/// # Errors
/// [`Refused`] where there is no answer that can be taken.
pub async fn probe(
    client: &Client,
    domain: &Domain,
    under: Option<&Under>,
    pass: &BTreeMap<String, String>,
    size: u32,
) -> Result<Probed, Refused> {
    let source = &domain.source;
    let read = read_of(domain, under, pass).map_err(|error| Refused {
        trouble: Trouble { kind: TroubleKind::Failed, cause: error.to_string() },
        permissions: Vec::new(),
    })?;
    let listing = Listing { read, paging: paging_of(domain, size) };
    match client.first_page(&listing, &mut Counter { source }).await {
        Ok(facts) => Ok(Probed::of(source, &facts, size)),
        Err(ListingError::Absent { .. }) if source.optional => {
            Ok(Probed { entities: Some(0), received: 0, is_counted: true })
        }
        Err(error) => Err(Refused { trouble: Trouble::from(&error), permissions: permissions(error) }),
    }
}

impl Probed {
    fn of(source: &Source, facts: &PageFacts, size: u32) -> Self {
        let received = facts.entities as u64;
        let is_all = match source.paging {
            Paging::Singleton | Paging::Array | Paging::Unpaged => true,
            Paging::Cursor => facts.next_uri.is_none() && facts.next_cursor.is_none(),
            Paging::PageNumber => received < u64::from(size) || facts.page_count == Some(1),
        };
        // Pages of one entity are as many as there are entities.
        let told = facts.total.or(facts.page_count.filter(|_| size == 1));
        let is_counted = facts.total.is_some() || source.paging == Paging::Singleton;
        Self { entities: told.or(is_all.then_some(received)), received, is_counted }
    }
}

fn permissions(error: ListingError) -> Vec<String> {
    match error {
        ListingError::Failed { source: FetchError::Forbidden { permissions, .. }, .. } => permissions,
        _ => Vec::new(),
    }
}

/// Counts what is on a page and keeps nothing of it.
struct Counter<'s> {
    source: &'s Source,
}

impl PageSink for Counter<'_> {
    fn page(&mut self, _index: usize, body: &[u8]) -> Result<PageFacts, MalformedPage> {
        split(self.source, body).map(|(_, facts)| facts)
    }
}
