//! What can go wrong with a request or a listing.
//!
//! No variant holds a token, a secret, a header of ours or the query of a request.

use std::fmt;
use std::time::Duration;

/// The client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("could not set up the HTTP client")]
pub struct SetupError(#[source] pub(super) reqwest::Error);

/// A request that got no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The login lacks a permission.
    #[error("could not read {path}: the login lacks {}{}", Needed(permissions), Trace(correlation))]
    Forbidden {
        /// The path of the request.
        path: String,
        /// The permissions that the answer names; any one or all of them are needed.
        permissions: Vec<String>,
        /// The API's machine name of the cause.
        code: Option<String>,
        /// The API's id of the request.
        correlation: Option<String>,
    },
    /// The API refuses the token, and one that was asked for anew as well.
    #[error("could not read {path}: the API refuses the token{}", Trace(correlation))]
    Unauthorised {
        /// The path of the request.
        path: String,
        /// The API's machine name of the cause.
        code: Option<String>,
        /// The API's id of the request.
        correlation: Option<String>,
    },
    /// The login refuses the credentials.
    #[error("could not log in: the login answered {status}{}", Named(code))]
    LoginRefused {
        /// The status of the answer.
        status: u16,
        /// The login's machine name of the cause.
        code: Option<String>,
    },
    /// There is nothing at the path: 404 or 410.
    #[error("could not read {path}: the API answered {status}{}", Trace(correlation))]
    NotFound {
        /// The path of the request.
        path: String,
        /// The status of the answer.
        status: u16,
        /// The API's id of the request.
        correlation: Option<String>,
    },
    /// The rate limit did not lift within the time we may wait.
    #[error("could not read {path}: the rate limit is used up{}{}", Lifted(retry_after), Trace(correlation))]
    RateLimited {
        /// The path of the request.
        path: String,
        /// The wait that the answer asked for.
        retry_after: Option<Duration>,
        /// The API's id of the request.
        correlation: Option<String>,
    },
    /// The API refuses the request itself, or points elsewhere.
    #[error("could not read {path}: the API answered {status}{}{}", Named(code), Trace(correlation))]
    Rejected {
        /// The path of the request.
        path: String,
        /// The status of the answer.
        status: u16,
        /// The API's machine name of the cause.
        code: Option<String>,
        /// The API's id of the request.
        correlation: Option<String>,
    },
    /// The API failed, and kept failing.
    #[error("could not read {path}: the API answered {status}{}", Trace(correlation))]
    Upstream {
        /// The path of the request.
        path: String,
        /// The status of the last answer.
        status: u16,
        /// The API's id of the request.
        correlation: Option<String>,
    },
    /// No whole answer came.
    #[error("could not read {path}: no whole answer came")]
    Transport {
        /// The path of the request.
        path: String,
        /// The failure of the last attempt, without its URL.
        #[source]
        source: reqwest::Error,
    },
    /// The answer is not what it should be, and was not when asked for again.
    #[error("could not read {path}: the answer is malformed{}", Trace(correlation))]
    Malformed {
        /// The path of the request.
        path: String,
        /// What is wrong with the last answer.
        #[source]
        what: Malformation,
        /// The API's id of the request.
        correlation: Option<String>,
    },
    /// The answer is larger than we read.
    #[error("could not read {path}: the answer is larger than {limit_bytes} bytes{}", Trace(correlation))]
    TooLarge {
        /// The path of the request.
        path: String,
        /// The most we read.
        limit_bytes: usize,
        /// The API's id of the request.
        correlation: Option<String>,
    },
    /// The run was given a limit of requests, and has sent so many.
    #[error("could not read {path}: the run's limit of {limit} requests is used up")]
    LimitReached {
        /// The path of the request that was not sent.
        path: String,
        /// The limit.
        limit: u64,
    },
    /// The host has given no good answer for so long that the run asks nothing more of it.
    #[error("could not read {path}: the host has not given a good answer for {} s", silence.as_secs())]
    Silent {
        /// The path of the request.
        path: String,
        /// The time lost since the last good answer.
        silence: Duration,
    },
}

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformation {
    /// It is no JSON object or array.
    #[error("it is not JSON")]
    NotJson,
    /// The login's answer holds no token.
    #[error("it holds no token")]
    NoToken,
    /// It names a next page, but not by a cursor.
    #[error("its next page has no cursor")]
    NoCursor,
    /// The reader of the page could not take it.
    #[error(transparent)]
    Page(#[from] MalformedPage),
}

/// A page that its reader could not take, and has taken nothing of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct MalformedPage {
    /// Why, without any value of the page.
    pub reason: String,
}

/// A listing that did not come to a complete end.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// There is no such listing: 404 or 410 to its first request.
    #[error("{path} does not exist: the API answered {status}{}", Trace(correlation))]
    Absent {
        /// The path of the listing.
        path: String,
        /// The status of the answer.
        status: u16,
        /// The API's id of the request.
        correlation: Option<String>,
        /// Requests made.
        requests: u64,
    },
    /// Its pages contradict each other: they moved during the walk, or the API miscounts. Listing again may help.
    #[error("the pages of {path} do not agree")]
    Inconsistent {
        /// The path of the listing.
        path: String,
        /// The contradiction.
        #[source]
        drift: Drift,
        /// Requests made.
        requests: u64,
    },
    /// It goes on beyond any sensible number of pages.
    #[error("{path} does not end within {pages} pages")]
    Endless {
        /// The path of the listing.
        path: String,
        /// The most pages that we read.
        pages: u64,
        /// Requests made.
        requests: u64,
    },
    /// A page could not be had.
    #[error("could not list all of {path}")]
    Failed {
        /// The path of the listing.
        path: String,
        /// Why.
        #[source]
        source: FetchError,
        /// Requests made.
        requests: u64,
    },
}

/// A contradiction between the pages of a listing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Drift {
    /// Two pages tell different totals.
    #[error("the total went from {before} to {after}")]
    Total {
        /// What an earlier page told.
        before: u64,
        /// What a later page told.
        after: u64,
    },
    /// Two pages tell different numbers of pages.
    #[error("the number of pages went from {before} to {after}")]
    PageCount {
        /// What an earlier page told.
        before: u64,
        /// What a later page told.
        after: u64,
    },
    /// The pages hold more or less than was promised.
    #[error("{received} of {promised} came")]
    Received {
        /// The total that was told.
        promised: u64,
        /// What the pages held.
        received: u64,
    },
    /// The total cannot fit on the pages that are told of.
    #[error("{page_count} pages of {size} cannot hold {total}")]
    Impossible {
        /// The total that was told.
        total: u64,
        /// The number of pages that was told.
        page_count: u64,
        /// The page size that was asked for.
        size: u32,
    },
    /// A page holds more than was asked for.
    #[error("a page holds {entities}, more than {size}")]
    Oversized {
        /// What the page holds.
        entities: u64,
        /// The page size that was asked for.
        size: u32,
    },
    /// The answer is another page than the one that was asked for.
    #[error("page {answered} came for page {asked}")]
    WrongPage {
        /// The page that was asked for.
        asked: u64,
        /// The page that came.
        answered: u64,
    },
    /// A cursor came twice, so that the walk would never end.
    #[error("a cursor came twice")]
    CursorRepeated,
    /// A listing that should be whole in one answer has more pages.
    #[error("the one answer tells of further pages")]
    FurtherPages,
}

impl ListingError {
    /// Returns how many requests were made.
    #[must_use]
    pub fn requests(&self) -> u64 {
        match self {
            Self::Absent { requests, .. }
            | Self::Inconsistent { requests, .. }
            | Self::Endless { requests, .. }
            | Self::Failed { requests, .. } => *requests,
        }
    }
}

/// Shows the API's id of the request, which its support asks for.
struct Trace<'a>(&'a Option<String>);
/// Shows the machine name of a cause.
struct Named<'a>(&'a Option<String>);
/// Shows the permissions that are needed.
struct Needed<'a>(&'a [String]);
/// Shows when a limit lifts.
struct Lifted<'a>(&'a Option<Duration>);

impl fmt::Display for Trace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|id| write!(f, " (correlation id {id})"))
    }
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|code| write!(f, ", {code}"))
    }
}

impl fmt::Display for Needed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("a permission or a scope");
        }
        f.write_str(&self.0.join(", "))
    }
}

impl fmt::Display for Lifted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|wait| write!(f, " for another {} s", wait.as_secs()))
    }
}
