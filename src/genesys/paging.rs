//! Walks the pages of one listing, and accepts it only when it is whole.
//!
//! Pages are not a snapshot: entities move between them during the walk. Whatever contradicts itself is reported as drift, and
//! the caller lists again; a listing that ended early is never a shorter listing.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;
use reqwest::Url;

use super::client::{Client, Fetched, Get};
use super::error::{Drift, FetchError, ListingError, Malformation, MalformedPage};
use super::patience::{Effort, Spent};
use super::read::Read;

/// The parameter that takes the page size, nearly everywhere.
const PAGE_SIZE: &str = "pageSize";

/// A listing with more pages is not walked to its end.
const PAGE_LIMIT: u64 = 100_000;

/// How a listing is divided into pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paging {
    /// By `pageNumber`, from 1.
    PageNumber {
        /// The page size to ask for.
        size: u32,
        /// Whether an answer tells how many pages there are; if not, the first empty page is the end.
        counted: bool,
    },
    /// By a cursor, until there is none.
    Cursor {
        /// The page size to ask for.
        size: u32,
        /// What the parts are called.
        names: CursorParameters,
    },
    /// Not at all: one request.
    Single,
}

/// What the API calls the parts of a listing by cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorParameters {
    /// The parameter that takes the cursor; in a `nextUri` it holds the next one.
    pub cursor: String,
    /// The parameter that takes the page size.
    pub size: String,
}

impl Default for CursorParameters {
    fn default() -> Self {
        Self { cursor: "after".to_owned(), size: PAGE_SIZE.to_owned() }
    }
}

/// One listing.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// What is asked, without the paging parameters.
    pub read: Read,
    /// How it is divided into pages.
    pub paging: Paging,
}

impl Listing {
    /// A listing read by GET.
    #[must_use]
    pub fn get(path: String, query: Vec<(String, String)>, paging: Paging) -> Self {
        Self { read: Read::Get(Get { path, query }), paging }
    }
}

/// What the walk must know of one page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageFacts {
    /// How many entities it holds.
    pub entities: usize,
    /// How many entities the listing has.
    pub total: Option<u64>,
    /// How many pages the listing has.
    pub page_count: Option<u64>,
    /// Which page this is.
    pub page_number: Option<u64>,
    /// Where the next page is.
    pub next_uri: Option<String>,
    /// The cursor of the next page, where the answer tells it by itself.
    pub next_cursor: Option<String>,
}

/// Reads pages and keeps their entities.
pub trait PageSink: Send {
    /// Takes the next page, counted from 0. A malformed page must change nothing, so that it can be asked for again.
    fn page(&mut self, index: usize, body: &[u8]) -> Result<PageFacts, MalformedPage>;
}

/// A complete listing in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListingFacts {
    /// Requests made.
    pub requests: u64,
    /// Pages taken.
    pub pages: u64,
    /// Entities on the pages.
    pub received: u64,
    /// The total that the API told, where it did.
    pub promised: Option<u64>,
}

impl Client {
    /// Lists everything, page by page in their order.
    pub async fn list(&self, listing: &Listing, sink: &mut dyn PageSink) -> Result<ListingFacts, ListingError> {
        Walk::new(self, listing, sink, PAGE_LIMIT).run().await
    }

    /// Reads the first page of a listing, and no other.
    pub async fn first_page(&self, listing: &Listing, sink: &mut dyn PageSink) -> Result<PageFacts, ListingError> {
        let mut walk = Walk::new(self, listing, sink, 1);
        let read = match &listing.paging {
            Paging::PageNumber { size, .. } => numbered(listing, *size, 1),
            Paging::Cursor { size, names } => listing.read.clone().with_number(&names.size, (*size).into()),
            Paging::Single => listing.read.clone(),
        };
        let facts = walk.read(&read).await;
        facts.map_err(|halt| walk.report(halt, walk.spent.requests()))
    }
}

/// Why a walk ended early.
enum Halt {
    Fetch(FetchError),
    Drift(Drift),
    Endless,
}

/// One walk over the pages of a listing.
struct Walk<'a> {
    client: &'a Client,
    listing: &'a Listing,
    sink: &'a mut dyn PageSink,
    page_limit: u64,
    spent: Arc<Spent>,
    tally: Tally,
}

/// What the pages so far hold and tell.
#[derive(Debug, Default)]
struct Tally {
    pages: u64,
    received: u64,
    total: Option<u64>,
    page_count: Option<u64>,
}

impl<'a> Walk<'a> {
    fn new(client: &'a Client, listing: &'a Listing, sink: &'a mut dyn PageSink, page_limit: u64) -> Self {
        Self { client, listing, sink, page_limit, spent: Arc::default(), tally: Tally::default() }
    }

    async fn run(mut self) -> Result<ListingFacts, ListingError> {
        let walked = match &self.listing.paging {
            Paging::PageNumber { size, counted: true } => self.counted(*size).await,
            Paging::PageNumber { size, counted: false } => self.until_empty(*size, 1).await,
            Paging::Cursor { size, names } => self.by_cursor(*size, names).await,
            Paging::Single => self.single().await,
        };
        let whole = walked.and_then(|()| self.tally.check_whole().map_err(Halt::Drift));
        let requests = self.spent.requests();
        match whole {
            Ok(()) => Ok(ListingFacts {
                requests,
                pages: self.tally.pages,
                received: self.tally.received,
                promised: self.tally.total,
            }),
            Err(halt) => Err(self.report(halt, requests)),
        }
    }

    /// Learns the number of pages from the first and reads the others side by side.
    async fn counted(&mut self, size: u32) -> Result<(), Halt> {
        let first = self.numbered(size, 1).await?;
        let Some(last) = first.page_count else {
            // The count was not told: the first empty page is the end.
            return if first.entities == 0 { Ok(()) } else { self.until_empty(size, 2).await };
        };
        if last > self.page_limit {
            return Err(Halt::Endless);
        }
        let (client, listing, spent) = (self.client, self.listing, Arc::clone(&self.spent));
        let mut pages = stream::iter(2..=last)
            .map(|number| {
                let effort = Effort::new(&spent);
                async move {
                    let fetched = client.fetch(numbered(listing, size, number), effort);
                    (number, fetched.await)
                }
            })
            .buffered(client.in_flight());
        while let Some((number, fetched)) = pages.next().await {
            let read = numbered(listing, size, number);
            let facts = self.accept(&read, fetched).await?;
            self.tally.take_numbered(&facts, size, number)?;
        }
        Ok(())
    }

    async fn until_empty(&mut self, size: u32, first: u64) -> Result<(), Halt> {
        for number in first..=self.page_limit {
            if self.numbered(size, number).await?.entities == 0 {
                return Ok(());
            }
        }
        Err(Halt::Endless)
    }

    async fn by_cursor(&mut self, size: u32, names: &CursorParameters) -> Result<(), Halt> {
        let mut seen = HashSet::new();
        let mut next: Option<String> = None;
        for _ in 0..self.page_limit {
            let mut read = self.listing.read.clone().with_number(&names.size, size.into());
            if let Some(cursor) = &next {
                read = read.with_text(&names.cursor, cursor);
            }
            let facts = self.read(&read).await?;
            self.tally.take(&facts, Some(size))?;
            let cursor = match (facts.next_cursor, facts.next_uri) {
                (Some(cursor), _) => cursor,
                (None, Some(uri)) => cursor_of(&uri, &names.cursor).ok_or_else(|| {
                    Halt::Fetch(FetchError::Malformed {
                        path: self.listing.read.path().to_owned(),
                        what: Malformation::NoCursor,
                        correlation: None,
                    })
                })?,
                (None, None) => return Ok(()),
            };
            if !seen.insert(cursor.clone()) {
                return Err(Halt::Drift(Drift::CursorRepeated));
            }
            next = Some(cursor);
        }
        Err(Halt::Endless)
    }

    async fn single(&mut self) -> Result<(), Halt> {
        let facts = self.read(&self.listing.read).await?;
        self.tally.take(&facts, None)?;
        if facts.next_uri.is_some() || facts.page_count.is_some_and(|count| count > 1) {
            return Err(Halt::Drift(Drift::FurtherPages));
        }
        Ok(())
    }

    async fn numbered(&mut self, size: u32, number: u64) -> Result<PageFacts, Halt> {
        let facts = self.read(&numbered(self.listing, size, number)).await?;
        self.tally.take_numbered(&facts, size, number)?;
        Ok(facts)
    }

    async fn read(&mut self, read: &Read) -> Result<PageFacts, Halt> {
        let effort = Effort::new(&self.spent);
        let fetched = self.client.fetch(read.clone(), effort).await;
        self.accept(read, fetched).await
    }

    /// Gives a page to the sink, and asks for it again as long as it is malformed.
    async fn accept(&mut self, read: &Read, mut fetched: Result<Fetched, FetchError>) -> Result<PageFacts, Halt> {
        let index = usize::try_from(self.tally.pages).unwrap_or(usize::MAX);
        loop {
            let page = fetched.map_err(Halt::Fetch)?;
            let malformed = match self.sink.page(index, &page.body.bytes) {
                Ok(facts) => return Ok(facts),
                Err(malformed) => malformed,
            };
            let effort = self.client.await_better(read.path(), page, malformed.into()).await.map_err(Halt::Fetch)?;
            fetched = self.client.fetch(read.clone(), effort).await;
        }
    }

    fn report(&self, halt: Halt, requests: u64) -> ListingError {
        let path = self.listing.read.path().to_owned();
        match halt {
            Halt::Fetch(FetchError::NotFound { status, correlation, .. }) if self.tally.pages == 0 => {
                ListingError::Absent { path, status, correlation, requests }
            }
            Halt::Fetch(source) => ListingError::Failed { path, source, requests },
            Halt::Drift(drift) => ListingError::Inconsistent { path, drift, requests },
            Halt::Endless => ListingError::Endless { path, pages: self.page_limit, requests },
        }
    }
}

impl Tally {
    /// Adds a page, unless it contradicts itself or an earlier one.
    fn take(&mut self, facts: &PageFacts, size: Option<u32>) -> Result<(), Drift> {
        let entities = facts.entities as u64;
        self.pages += 1;
        self.received += entities;
        if let Some(size) = size {
            if entities > u64::from(size) {
                return Err(Drift::Oversized { entities, size });
            }
            if let (Some(total), Some(page_count)) = (facts.total, facts.page_count)
                && page_count.saturating_mul(u64::from(size)) < total
            {
                return Err(Drift::Impossible { total, page_count, size });
            }
        }
        agree(&mut self.total, facts.total).map_err(|(before, after)| Drift::Total { before, after })?;
        agree(&mut self.page_count, facts.page_count).map_err(|(before, after)| Drift::PageCount { before, after })
    }

    /// Adds a page that was asked for by its number.
    fn take_numbered(&mut self, facts: &PageFacts, size: u32, asked: u64) -> Result<(), Drift> {
        if let Some(answered) = facts.page_number
            && answered != asked
        {
            return Err(Drift::WrongPage { asked, answered });
        }
        self.take(facts, Some(size))
    }

    fn check_whole(&self) -> Result<(), Drift> {
        match self.total {
            Some(promised) if promised != self.received => Err(Drift::Received { promised, received: self.received }),
            _ => Ok(()),
        }
    }
}

impl From<Drift> for Halt {
    fn from(drift: Drift) -> Self {
        Self::Drift(drift)
    }
}

/// Keeps a number that every page should tell alike, or returns the two that differ.
fn agree(known: &mut Option<u64>, told: Option<u64>) -> Result<(), (u64, u64)> {
    match (*known, told) {
        (Some(before), Some(after)) if before != after => Err((before, after)),
        (None, Some(_)) => {
            *known = told;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn numbered(listing: &Listing, size: u32, number: u64) -> Read {
    listing.read.clone().with_number(PAGE_SIZE, size.into()).with_number("pageNumber", number)
}

/// Returns the cursor in a `nextUri`; nothing else of it is used, so that it cannot lead elsewhere.
fn cursor_of(next_uri: &str, parameter: &str) -> Option<String> {
    let base = Url::parse("https://relative.invalid").ok()?;
    let next = base.join(next_uri).ok()?;
    next.query_pairs().find(|(name, value)| name == parameter && !value.is_empty()).map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests;
