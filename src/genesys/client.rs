//! The client: reads, each through the gate, with a token, retried by the one policy.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use tokio::task::JoinHandle;
use tracing::Instrument;

use super::allowance::Allowance;
use super::call::{Call, ChannelCall, Method};
use super::clock::Clock;
use super::error::{FetchError, Malformation, SetupError};
use super::failure::Failure;
use super::gate::{Gate, Pass};
use super::pace::Rate;
use super::patience::{Effort, Limits, Patience, Spent, Step};
use super::read::Read;
use super::region::Hosts;
use super::response::{BODY_LIMIT_BYTES, ErrorBody, Signals, begins_as_json, read_body};
use super::token::{Login, Token};
use super::wire::Wire;

/// The most requests that may ever be in flight.
const MOST_IN_FLIGHT: usize = 16;

/// How to reach an organisation, and how hard to try.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Where the API and the login answer.
    pub hosts: Hosts,
    /// The id of the OAuth client.
    pub client_id: String,
    /// The secret of the OAuth client.
    pub client_secret: SecretString,
    /// What the program calls itself.
    pub user_agent: String,
    /// How many requests may be in flight; taken into 1 to 16.
    pub in_flight: usize,
    /// The share of the allowed rate to use; taken into 0 to 1.
    pub rate_share: f64,
    /// The time for one whole answer.
    pub answer_timeout: Duration,
    /// The time that the retries of one listing may take.
    pub listing_retry_budget: Duration,
    /// The time that faults may cost the run.
    pub run_delay_cap: Duration,
    /// The most requests to send, retries included and those to the login not; `None` for any number.
    pub max_requests: Option<u64>,
}

/// One thing to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Get {
    /// The path, from its first slash; an id in it has to be percent-encoded already.
    pub path: String,
    /// The query, not encoded.
    pub query: Vec<(String, String)>,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// The bytes of the answer; they begin as JSON does, and are empty where the API says that there is no content.
    pub bytes: Vec<u8>,
    /// The API's id of the request.
    pub correlation: Option<String>,
}

/// A client of one organisation's API, for one run.
///
/// It reads, and cannot write: no method of it takes a path and changes what is there. What it does besides reading are
/// [`open_channel`](Self::open_channel), [`subscribe`](Self::subscribe) and [`unsubscribe`](Self::unsubscribe), on channels of
/// notifications alone.
///
/// Clones share everything: the token, the pace and the budgets. A process that makes many runs has [`Client::another`] for
/// each.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    api: Url,
    in_flight: usize,
    clock: Arc<dyn Clock>,
    wire: Arc<Wire>,
    gate: Arc<Gate>,
    allowance: Allowance,
    patience: Arc<Patience>,
    login: Login,
}

/// A body, and the effort that it has taken so far.
pub(super) struct Fetched {
    pub(super) body: Body,
    pub(super) effort: Effort,
}

/// A task that ends when nobody waits for it any more.
struct Running<T>(JoinHandle<T>);

impl ClientOptions {
    /// Starts with the defaults for an organisation.
    #[must_use]
    pub fn new(hosts: Hosts, client_id: String, client_secret: SecretString) -> Self {
        Self {
            hosts,
            client_id,
            client_secret,
            user_agent: concat!("orgtrail/", env!("CARGO_PKG_VERSION")).to_owned(),
            in_flight: 8,
            rate_share: 0.8,
            answer_timeout: Duration::from_secs(30),
            listing_retry_budget: Duration::from_secs(45),
            run_delay_cap: Duration::from_secs(60),
            max_requests: None,
        }
    }
}

impl Client {
    /// Sets up a client; nothing is sent yet.
    pub fn new(options: ClientOptions, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let wire = Arc::new(Wire::new(&options)?);
        let in_flight = options.in_flight.clamp(1, MOST_IN_FLIGHT);
        let rate_share = options.rate_share.clamp(0.0, 1.0);
        let gate = Arc::new(Gate::new(Arc::clone(&clock), in_flight, rate_share));
        let limits = Limits {
            answer_timeout: options.answer_timeout,
            listing_budget: options.listing_retry_budget,
            run_budget: options.run_delay_cap,
        };
        let patience = Arc::new(Patience::new(Arc::clone(&clock), Arc::clone(&gate), limits));
        let allowance = Allowance::new(options.max_requests);
        let api = options.hosts.api().clone();
        let login = Login::new(options, Arc::clone(&wire), Arc::clone(&patience), Arc::clone(&clock));
        Ok(Self { inner: Arc::new(Inner { api, in_flight, clock, wire, gate, allowance, patience, login }) })
    }

    /// A client for another run of the same process, which may send so many requests: with budgets and counts of its own, and
    /// with the token, the pace and the connections of this one.
    #[must_use]
    pub fn another(&self, max_requests: Option<u64>) -> Self {
        let inner = &self.inner;
        let wire = Arc::new(inner.wire.another());
        let patience = Arc::new(inner.patience.another());
        let login = inner.login.another(Arc::clone(&wire), Arc::clone(&patience));
        Self {
            inner: Arc::new(Inner {
                api: inner.api.clone(),
                in_flight: inner.in_flight,
                clock: Arc::clone(&inner.clock),
                wire,
                gate: Arc::clone(&inner.gate),
                allowance: Allowance::new(max_requests),
                patience,
                login,
            }),
        }
    }

    /// Reads one thing.
    pub async fn get(&self, get: &Get) -> Result<Body, FetchError> {
        self.read(get.clone().into()).await
    }

    /// Reads one thing, by whatever method the API takes the question.
    pub async fn read(&self, read: Read) -> Result<Body, FetchError> {
        let effort = Effort::new(&Arc::new(Spent::default()));
        Ok(self.fetch(read, effort).await?.body)
    }

    /// The clock that waits go by.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    /// Does something about a channel of notifications, which are the only calls besides reads and the login.
    pub(super) async fn call(&self, call: ChannelCall) -> Result<Body, FetchError> {
        let effort = Effort::new(&Arc::new(Spent::default()));
        Ok(self.fetch(call, effort).await?.body)
    }

    pub(super) fn shared_clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.inner.clock)
    }

    /// Returns how many requests have been sent, those to the login included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.inner.wire.requests()
    }

    /// Returns how many requests have been sent to the API, those to the login not included.
    #[must_use]
    pub fn api_requests(&self) -> u64 {
        self.inner.allowance.sent()
    }

    /// Returns the rate limit of the token, where an answer has told one.
    #[must_use]
    pub fn rate(&self) -> Option<Rate> {
        self.inner.gate.rate()
    }

    /// The URL that the API is at.
    pub(super) fn api(&self) -> &Url {
        &self.inner.api
    }

    /// What sends requests.
    pub(super) fn wire(&self) -> &Wire {
        &self.inner.wire
    }

    /// What waits for better times.
    pub(super) fn patience(&self) -> &Patience {
        &self.inner.patience
    }

    pub(super) fn in_flight(&self) -> usize {
        self.inner.in_flight
    }

    /// Makes or continues the effort to read one thing.
    ///
    /// It runs as a task of its own: a request that its caller does not poll must not keep its slot from the others.
    pub(super) async fn fetch(&self, call: impl Into<Call>, effort: Effort) -> Result<Fetched, FetchError> {
        let (inner, call) = (Arc::clone(&self.inner), call.into());
        let task = async move { inner.fetch(&call, effort).await };
        Running(tokio::spawn(task.in_current_span())).await
    }

    /// Takes note that the reader could not take an answer, and waits until it may be asked for again.
    pub(super) async fn await_better(
        &self,
        path: &str,
        fetched: Fetched,
        what: Malformation,
    ) -> Result<Effort, FetchError> {
        let Fetched { body, mut effort } = fetched;
        let failure = Failure::malformed(path, self.inner.clock.now(), what, body.correlation);
        match self.inner.patience.next(&mut effort, failure).await? {
            Step::Again => Ok(effort),
            Step::Reauthenticate(error) => Err(error),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("api", &self.inner.api.as_str()).finish_non_exhaustive()
    }
}

impl Inner {
    async fn fetch(&self, call: &Call, mut effort: Effort) -> Result<Fetched, FetchError> {
        loop {
            self.allowance.check(call.path())?;
            let mut pass = self.gate.enter().await;
            let token = self.login.token(effort.listing()).await?;
            let allowed = self.patience.time_allowed(&effort, call.path())?;
            self.allowance.take(call.path())?;
            effort.listing().count_request();
            let attempt = self.attempt(call, &token, allowed, &mut pass).await;
            // A request that waits for its next attempt is not in flight.
            drop(pass);
            let failure = match attempt {
                Ok(body) => {
                    self.login.accepted(token.generation);
                    self.patience.answered();
                    return Ok(Fetched { body, effort });
                }
                Err(failure) => failure,
            };
            match self.patience.next(&mut effort, failure).await? {
                Step::Again => {}
                Step::Reauthenticate(error) => {
                    if !self.login.discard(token.generation).await {
                        return Err(error);
                    }
                }
            }
        }
    }

    async fn attempt(
        &self,
        call: &Call,
        token: &Token,
        allowed: Duration,
        pass: &mut Pass<'_>,
    ) -> Result<Body, Failure> {
        let path = call.path();
        let started = self.clock.now();
        let request = self.request(call).bearer_auth(token.bearer.expose_secret());
        let response = self.wire.send(request, path, started, allowed).await?;
        let signals = Signals::of(response.headers());
        pass.answered(signals.rate);
        let status = response.status();
        if !status.is_success() {
            let body = ErrorBody::of(response).await;
            return Err(Failure::status(path, started, status.as_u16(), signals, &body));
        }
        let correlation = signals.correlation;
        match read_body(response, BODY_LIMIT_BYTES).await {
            Ok(bytes) if status == StatusCode::NO_CONTENT || begins_as_json(&bytes) => Ok(Body { bytes, correlation }),
            Ok(_) => {
                let what = Malformation::NotJson;
                Err(Failure::malformed(path, started, what, correlation))
            }
            Err(error) => Err(Failure::body(path, started, error, correlation)),
        }
    }

    fn request(&self, call: &Call) -> RequestBuilder {
        let mut url = self.api.clone();
        url.set_path(&format!("{}{}", self.api.path().trim_end_matches('/'), call.path()));
        let http = self.wire.http();
        let with_body =
            |request: RequestBuilder, body: String| request.header(CONTENT_TYPE, "application/json").body(body);
        let parameters = match call {
            Call::Read(Read::Get(get)) => get.query.as_slice(),
            Call::Read(Read::Query(query)) => query.query(),
            Call::Read(Read::Job(job)) => job.query(),
            Call::Channel(_) => &[],
        };
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        match call {
            Call::Read(Read::Get(_)) => http.get(url),
            Call::Read(Read::Query(query)) => {
                with_body(http.post(url), serde_json::Value::Object(query.body().clone()).to_string())
            }
            Call::Read(Read::Job(job)) => with_body(http.post(url), job.body().to_string()),
            Call::Channel(call) => match call.method() {
                Method::Open => with_body(http.post(url), String::new()),
                Method::Subscribe(topics) => {
                    url.query_pairs_mut().append_pair("ignoreErrors", "true");
                    with_body(http.put(url), topics.to_string())
                }
                Method::Unsubscribe => http.delete(url),
            },
        }
    }
}

impl<T> Future for Running<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match ready!(Pin::new(&mut self.0).poll(context)) {
            Ok(output) => Poll::Ready(output),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // Cancelled from outside: the runtime is shutting down, and this future is about to be dropped.
            Err(_) => Poll::Pending,
        }
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests;
