//! Downloads of what the API has made ready elsewhere: by a signed URI, which is a secret, and without our token.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::client::Client;
use super::error::{FetchError, Malformation};
use super::failure::Failure;
use super::patience::{Effort, Spent, Step};
use super::response::{BodyError, ErrorBody, Signals, begins_as_json, read_body};

/// A URI that whoever has it can read something with, for a while. No message shows it.
pub struct SignedUri(SecretString);

/// A download that brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The URI leads somewhere that nothing is asked of.
    #[error("could not read {what}: its download is at no https address")]
    Misplaced {
        /// What was to be read.
        what: String,
    },
    /// The signature does not count, or nothing is there: a new job gives a new URI.
    #[error("could not read {what}: its download was refused with {status}; the signature may have expired")]
    Expired {
        /// What was to be read.
        what: String,
        /// The status of the answer.
        status: u16,
    },
    /// It is larger than we take.
    #[error("could not read {what}: it is larger than {limit_bytes} bytes")]
    TooLarge {
        /// What was to be read.
        what: String,
        /// The most we take.
        limit_bytes: usize,
    },
    /// No good answer came.
    #[error(transparent)]
    Failed(#[from] FetchError),
}

impl fmt::Debug for SignedUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedUri(..)")
    }
}

impl SignedUri {
    /// Takes a URI of an answer.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The address, where something may be asked of it: by https, or of this machine where the API itself is on it.
    fn address(&self, api: &Url) -> Option<Url> {
        let url = Url::parse(self.0.expose_secret()).ok()?;
        // The API is asked by plain http on the loopback address only.
        let is_of_this_machine = api.scheme() == "http" && url.host_str() == api.host_str();
        let is_fit = url.scheme() == "https" || (url.scheme() == "http" && is_of_this_machine);
        (is_fit && url.username().is_empty() && url.password().is_none()).then_some(url)
    }
}

impl Client {
    /// Downloads a JSON document; `what` is what messages call it.
    ///
    /// It is no request to the API: it needs no token, gets none, and does not count for the rate of one. Failures are retried as
    /// those of the API are.
    pub async fn download(&self, uri: &SignedUri, what: &str, limit_bytes: usize) -> Result<Vec<u8>, DownloadError> {
        let misplaced = || DownloadError::Misplaced { what: what.to_owned() };
        let url = uri.address(self.api()).ok_or_else(misplaced)?;
        let mut effort = Effort::new(&Arc::new(Spent::default()));
        loop {
            let allowed = self.patience().time_allowed(&effort, what)?;
            effort.listing().count_request();
            let failure = match self.attempt_download(url.clone(), what, limit_bytes, allowed).await {
                Ok(bytes) => {
                    self.patience().answered();
                    return Ok(bytes);
                }
                Err(failure) => failure,
            };
            match refused(&failure.error) {
                Some(status) => return Err(DownloadError::Expired { what: what.to_owned(), status }),
                None if matches!(failure.error, FetchError::TooLarge { .. }) => {
                    return Err(DownloadError::TooLarge { what: what.to_owned(), limit_bytes });
                }
                None => {}
            }
            match self.patience().next(&mut effort, failure).await? {
                Step::Again => {}
                Step::Reauthenticate(error) => return Err(error.into()),
            }
        }
    }

    async fn attempt_download(
        &self,
        url: Url,
        what: &str,
        limit_bytes: usize,
        allowed: Duration,
    ) -> Result<Vec<u8>, Failure> {
        let started = self.clock().now();
        let request = self.wire().http().get(url);
        let response = self.wire().send(request, what, started, allowed).await?;
        // Another host's headers say nothing of the rate of our token.
        let signals = Signals { rate: None, ..Signals::of(response.headers()) };
        let status = response.status();
        if !status.is_success() {
            let body = ErrorBody::of(response).await;
            return Err(Failure::status(what, started, status.as_u16(), signals, &body));
        }
        match read_body(response, limit_bytes).await {
            Ok(bytes) if begins_as_json(&bytes) => Ok(bytes),
            Ok(_) => Err(Failure::malformed(what, started, Malformation::NotJson, None)),
            Err(BodyError::TooLarge) => Err(Failure::body(what, started, BodyError::TooLarge, None)),
            Err(error) => Err(Failure::body(what, started, error, None)),
        }
    }
}

/// The status of an answer that says that the URI is of no use any more.
fn refused(error: &FetchError) -> Option<u16> {
    match error {
        FetchError::Unauthorised { .. } => Some(401),
        FetchError::Forbidden { .. } => Some(403),
        FetchError::NotFound { status, .. } => Some(*status),
        FetchError::Rejected { status: 400, .. } => Some(400),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use wiremock::ResponseTemplate;

    use super::super::stage::Stage;
    use super::*;

    const PATH: &str = "/records/1";

    fn uri(stage: &Stage) -> SignedUri {
        SignedUri::new(format!("{}{PATH}?X-Signature=canary", stage.server.uri()))
    }

    #[tokio::test]
    async fn a_download_gets_no_token_and_tries_again() {
        let stage = Stage::bare().await;
        stage.answer(PATH, 2, ResponseTemplate::new(503)).await;
        stage.respond(PATH, |_| ResponseTemplate::new(200).set_body_string(r#"{"a":1}"#)).await;
        let bytes = stage.client().download(&uri(&stage), "the record 1", 100).await.unwrap();
        assert_eq!(bytes, br#"{"a":1}"#);
        let requests = stage.server.received_requests().await.unwrap();
        assert_eq!(requests.len(), 3);
        assert!(requests.iter().all(|request| !request.headers.contains_key("authorization")));
        assert!(!stage.waited().is_zero());
    }

    #[tokio::test]
    async fn what_no_retry_can_help_is_told_without_the_uri() {
        for status in [400, 401, 403, 404, 410] {
            let stage = Stage::bare().await;
            stage.respond(PATH, move |_| ResponseTemplate::new(status)).await;
            let uri = uri(&stage);
            let error = stage.client().download(&uri, "the record 1", 100).await.unwrap_err();
            assert!(matches!(error, DownloadError::Expired { status: told, .. } if told == status), "{error:?}");
            assert!(!format!("{error} {error:?} {uri:?}").contains("canary"));
            assert_eq!(stage.requests_to(PATH).await, 1);
        }
        let stage = Stage::bare().await;
        stage.respond(PATH, |_| ResponseTemplate::new(200).set_body_string("[1,2,3,4]")).await;
        let error = stage.client().download(&uri(&stage), "the record 1", 4).await.unwrap_err();
        assert!(matches!(error, DownloadError::TooLarge { limit_bytes: 4, .. }), "{error:?}");
    }

    #[tokio::test]
    async fn nothing_is_asked_of_an_address_that_is_none_of_a_download() {
        let stage = Stage::bare().await;
        for text in ["http://example.com/a", "file:///etc/passwd", "https://user:pass@example.com/", "", "/records/1"] {
            let uri = SignedUri::new(text.to_owned());
            let error = stage.client().download(&uri, "the record 1", 100).await.unwrap_err();
            assert!(matches!(error, DownloadError::Misplaced { .. }), "{text}: {error:?}");
        }
    }
}
