//! The client of the Genesys Cloud API: region, token, pace, retry and paging.
//!
//! It fetches and returns raw JSON bytes. It must not know any domain, git, the disk or the configuration file; what a page
//! holds is told to it by the caller's [`PageSink`].
//!
//! - Only reads can be asked for: [`Get`] has no method to set, a [`PostQuery`] is made from nothing but the path of a query, and
//!   an [`InstanceJob`] has no path to set.
//!   Besides those there are the token request and the calls about channels of notifications, which take no path: a channel is
//!   nothing that the organisation keeps.
//! - One policy decides about every failure (`retry`), one owner obeys it and keeps the budgets (`patience`), and one gate
//!   bounds what is in flight and paces it by the rate-limit headers (`pace`, `gate`).
//! - A [`Listener`] brings events as they happen; it can lose some, and tells when it may have.
//! - What the API has ready elsewhere is downloaded from a [`SignedUri`], without our token.
//! - A listing ends complete or as a [`ListingError`], never shorter.
//!
//! Limits: a [`Client`] serves one run, because the time that faults may cost is counted over its life; [`Client::another`]
//! makes the one for the next. Redirects are not followed. The process must have installed a `rustls` crypto provider before [`Client::new`].

mod allowance;
mod call;
mod client;
mod clock;
mod download;
mod error;
mod failure;
mod gate;
mod lost_time;
mod notifications;
mod pace;
mod paging;
mod patience;
mod read;
mod region;
mod response;
mod retry;
#[cfg(test)]
mod stage;
mod token;
mod wire;

pub use client::{Body, Client, ClientOptions, Get};
pub use clock::{Clock, InstantClock, SystemClock};
pub use download::{DownloadError, SignedUri};
pub use error::{Drift, FetchError, ListingError, Malformation, MalformedPage, SetupError};
pub use notifications::{
    AvailableTopics, Channel, Heard, Listener, Lost, MOST_TOPICS, Notification, NotificationError, Reconnect, Refusal,
    RefusedTopic, Setback, Socket, Step, Subscribed,
};
pub use pace::Rate;
pub use paging::{CursorParameters, Listing, ListingFacts, PageFacts, PageSink, Paging};
pub use read::{InstanceJob, NotAQuery, PostQuery, Read};
pub use region::{HostRole, Hosts, Region, RegionError, UrlFault};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks state that stays valid even if another task panicked while holding it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
