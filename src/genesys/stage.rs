//! What the tests of the client play on: an API and a login on loopback, and a clock that does not wait.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, Times};

use super::{Client, ClientOptions, Get, Hosts, InstantClock};

/// The client secret; it must never be seen in a message.
pub(super) const SECRET: &str = "hush-the-secret";

/// A server that is both the API and the login.
pub(super) struct Stage {
    pub(super) server: MockServer,
    pub(super) clock: Arc<InstantClock>,
}

impl Stage {
    /// Opens the stage without a login.
    pub(super) async fn bare() -> Self {
        // A second installation is refused, which is fine: the first one serves all tests.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { server: MockServer::start().await, clock: Arc::new(InstantClock::new()) }
    }

    /// Opens the stage with a login that gives out numbered tokens of a day.
    pub(super) async fn open() -> Self {
        let stage = Self::bare().await;
        stage.login(86_400, 1..).await;
        stage
    }

    /// Adds a login that gives out the tokens `token-1`, `token-2`, … of some life.
    pub(super) async fn login(&self, expires_in: u64, times: impl Into<Times>) {
        let issued = std::sync::atomic::AtomicU64::new(0);
        let token = move |_: &Request| {
            let number = 1 + issued.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            ResponseTemplate::new(200).set_body_json(
                json!({"access_token": format!("token-{number}"), "token_type": "bearer", "expires_in": expires_in}),
            )
        };
        Mock::given(method("POST"))
            .and(path("/oauth/token"))
            .respond_with(token)
            .expect(times)
            .mount(&self.server)
            .await;
    }

    /// Answers a path, for the next so many requests.
    pub(super) async fn answer(&self, at: &str, times: u64, template: ResponseTemplate) {
        Mock::given(method("GET")).and(path(at)).respond_with(template).up_to_n_times(times).mount(&self.server).await;
    }

    /// Answers a path for good.
    pub(super) async fn respond(
        &self,
        at: &str,
        answer: impl Fn(&Request) -> ResponseTemplate + Send + Sync + 'static,
    ) {
        Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(&self.server).await;
    }

    /// Returns the options of a client of this stage.
    pub(super) fn options(&self) -> ClientOptions {
        self.options_for_api(&self.server.uri())
    }

    /// Returns the options of a client whose API is elsewhere.
    pub(super) fn options_for_api(&self, api: &str) -> ClientOptions {
        let hosts = Hosts::custom(api, &self.server.uri()).unwrap();
        ClientOptions::new(hosts, "client-id".to_owned(), SecretString::from(SECRET))
    }

    /// Returns a client of this stage.
    pub(super) fn client(&self) -> Client {
        self.client_with(self.options())
    }

    /// Returns a client with options of its own.
    pub(super) fn client_with(&self, options: ClientOptions) -> Client {
        Client::new(options, self.clock.clone()).unwrap()
    }

    /// Returns how many requests a path got.
    pub(super) async fn requests_to(&self, at: &str) -> usize {
        let requests = self.server.received_requests().await.unwrap();
        requests.iter().filter(|one| one.url.path() == at).count()
    }

    /// Returns the time that was spent waiting.
    pub(super) fn waited(&self) -> Duration {
        self.clock.waits().iter().sum()
    }
}

/// Asks for a path.
pub(super) fn get(path: &str) -> Get {
    Get { path: path.to_owned(), query: Vec::new() }
}

/// Answers with a status and a JSON object.
pub(super) fn ok() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"name": "fine"}))
}

/// Starts a server that gives one raw answer after another, one per connection; after the last it only hangs up.
pub(super) fn raw_server(answers: &'static [&'static str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let answers = answers.iter().copied().chain(std::iter::repeat(""));
        for (stream, answer) in listener.incoming().zip(answers) {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}
