//! One request to the host, and what its answer means.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;

use super::error::HostError;

/// How long a whole answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Most characters of what the host says that are told.
const MOST_TOLD: usize = 300;

/// A client of one repository on a git host.
#[derive(Clone, Debug)]
pub struct HostClient {
    client: Client,
    url: String,
    repository: String,
}

impl HostClient {
    /// A client of a repository, `OWNER/NAME`, behind the URL of an API.
    ///
    /// # Errors
    /// [`HostError::Unusable`] where the token holds what no header can.
    pub fn new(url: &str, repository: &str, token: &SecretString) -> Result<Self, HostError> {
        let unusable = || HostError::Unusable { host: host_of(url) };
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).map_err(|_| unusable())?;
        authorization.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization);
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        headers.insert("x-github-api-version", HeaderValue::from_static("2022-11-28"));
        let client = Client::builder()
            .default_headers(headers)
            .user_agent(concat!("orgtrail/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            // A token follows no redirect.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| unusable())?;
        Ok(Self { client, url: url.to_owned(), repository: repository.to_owned() })
    }

    pub(super) fn repository(&self) -> &str {
        &self.repository
    }

    pub(super) fn owner(&self) -> &str {
        self.repository.split('/').next().unwrap_or_default()
    }

    pub(super) fn host(&self) -> String {
        host_of(&self.url)
    }

    pub(super) async fn get_at(&self, path: &str, query: &[(&str, &str)]) -> Result<Json, HostError> {
        let request = self.client.get(format!("{}{path}", self.url)).query(query);
        self.answer(request, format!("answer GET {path}")).await
    }

    pub(super) async fn send(&self, method: Method, path: &str, body: &Json) -> Result<Json, HostError> {
        let doing = format!("take {method} {path}");
        let url = format!("{}/repos/{}/{path}", self.url, self.repository);
        let request =
            self.client.request(method, url).header("content-type", "application/json").body(body.to_string());
        self.answer(request, doing).await
    }

    async fn answer(&self, request: RequestBuilder, doing: String) -> Result<Json, HostError> {
        let host = self.host();
        let lost = |source: reqwest::Error, doing: &str| HostError::Unreachable {
            host: host.clone(),
            doing: doing.to_owned(),
            source: source.without_url(),
        };
        let answer = request.send().await.map_err(|error| lost(error, &doing))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| lost(error, &doing))?;
        if !status.is_success() {
            let reason = said(status, &text);
            return Err(HostError::Refused { host, doing, status: status.as_u16(), reason });
        }
        serde_json::from_str(&text).map_err(|error| HostError::Unreadable { host, reason: error.to_string() })
    }
}

/// What a refusal says, on one line.
fn said(status: StatusCode, body: &str) -> String {
    let body: Json = serde_json::from_str(body).unwrap_or_default();
    let mut parts: Vec<String> = body["message"].as_str().map(ToOwned::to_owned).into_iter().collect();
    let errors = body["errors"].as_array().into_iter().flatten();
    parts.extend(errors.filter_map(|error| error["message"].as_str().or(error.as_str())).map(ToOwned::to_owned));
    let text = if parts.is_empty() {
        status.canonical_reason().unwrap_or("without a word").to_owned()
    } else {
        parts.join("; ")
    };
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST_TOLD).collect()
}

/// The host of a URL.
fn host_of(url: &str) -> String {
    url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default().to_owned()
}
