//! The HTTP client underneath: how it is set up, and the count of what it sends.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response};

use super::client::ClientOptions;
use super::error::SetupError;
use super::failure::Failure;

/// A host that does not take the connection for so long will not.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends requests and counts them.
#[derive(Debug)]
pub(super) struct Wire {
    http: reqwest::Client,
    requests: AtomicU64,
}

impl Wire {
    /// Sets up the HTTP client: no redirects, no retries of its own.
    pub(super) fn new(options: &ClientOptions) -> Result<Self, SetupError> {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        let builder = reqwest::Client::builder()
            .user_agent(&options.user_agent)
            .default_headers(headers)
            .connect_timeout(CONNECT_TIMEOUT)
            // The API does not redirect, and a token must not follow one elsewhere.
            .redirect(Policy::none())
            .retry(reqwest::retry::never());
        let builder = if options.hosts.are_loopback() { builder.no_proxy() } else { builder };
        Ok(Self { http: builder.build().map_err(SetupError)?, requests: AtomicU64::new(0) })
    }

    /// The same HTTP client with its connections, and a count of its own.
    pub(super) fn another(&self) -> Self {
        Self { http: self.http.clone(), requests: AtomicU64::new(0) }
    }

    /// Returns the HTTP client, to build requests with.
    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Sends a request; its whole answer has to come within the time allowed.
    pub(super) async fn send(
        &self,
        request: RequestBuilder,
        path: &str,
        started: Duration,
        allowed: Duration,
    ) -> Result<Response, Failure> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        request.timeout(allowed).send().await.map_err(|error| Failure::transport(path, started, error))
    }

    /// Returns how many requests have been sent.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}
