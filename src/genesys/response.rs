//! Reading an HTTP answer: its headers, its body up to a limit, and what an error body says.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use super::pace::RateHeaders;

/// The most we read of an answer, after decompression.
pub(super) const BODY_LIMIT_BYTES: usize = 256 * 1024 * 1024;
/// The most we read of an error's explanation.
const ERROR_BODY_LIMIT_BYTES: usize = 64 * 1024;
/// Longer machine names and ids are not what they claim to be.
const NAME_LIMIT_BYTES: usize = 128;

/// The headers of an answer that the client acts on.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// The API's id of the request.
    pub(super) correlation: Option<String>,
    /// The state of the token's rate window.
    pub(super) rate: Option<RateHeaders>,
    /// The wait that the server asks for.
    pub(super) retry_after: Option<Duration>,
}

/// A body that could not be read whole.
#[derive(Debug)]
pub(super) enum BodyError {
    /// It is larger than the limit.
    TooLarge,
    /// It broke off.
    Broken(reqwest::Error),
}

/// What an error body says, as far as it is one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorBody {
    code: Option<String>,
    message: Option<String>,
    #[serde(rename = "contextId")]
    context_id: Option<String>,
    error: Option<String>,
    description: Option<String>,
    error_description: Option<String>,
}

impl Signals {
    /// Reads the headers of an answer.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        Self {
            correlation: text("inin-correlation-id").and_then(plain_name),
            rate: RateHeaders::parse(
                text("inin-ratelimit-count"),
                text("inin-ratelimit-allowed"),
                text("inin-ratelimit-reset"),
            ),
            retry_after: text(RETRY_AFTER.as_str())
                .and_then(|seconds| seconds.trim().parse().ok())
                .map(Duration::from_secs),
        }
    }
}

impl ErrorBody {
    /// Reads what the server says about an error; anything else says nothing.
    pub(super) async fn of(response: Response) -> Self {
        let body = read_body(response, ERROR_BODY_LIMIT_BYTES).await;
        body.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Returns the machine name of the cause.
    pub(super) fn code(&self) -> Option<String> {
        self.code.as_deref().or(self.error.as_deref()).and_then(plain_name)
    }

    /// Returns the server's id of the request.
    pub(super) fn context_id(&self) -> Option<String> {
        self.context_id.as_deref().and_then(plain_name)
    }

    /// Returns the permissions that the message names, in its order.
    pub(super) fn permissions(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for word in self.message.as_deref().unwrap_or_default().split(is_outside_permission) {
            let word = word.trim_matches(':');
            if is_permission(word) && !found.iter().any(|known| known == word) {
                found.push(word.to_owned());
            }
        }
        found
    }

    /// Returns whether a login's 400 is its way to say 429.
    pub(super) fn is_rate_limit(&self) -> bool {
        [&self.message, &self.error, &self.description, &self.error_description]
            .into_iter()
            .flatten()
            .any(|text| text.to_ascii_lowercase().contains("rate limit exceeded"))
    }
}

/// Reads a body up to a limit.
pub(super) async fn read_body(mut response: Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Broken)? {
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Returns whether a body begins as every answer of the API does.
///
/// It is the cheap test that finds the page of a proxy; the reader of the body finds the rest.
pub(super) fn begins_as_json(body: &[u8]) -> bool {
    matches!(body.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'['))
}

/// Takes a text only if it looks like a name or an id, so that nothing else gets into errors and logs.
fn plain_name(text: &str) -> Option<String> {
    let is_plain = !text.is_empty()
        && text.len() <= NAME_LIMIT_BYTES
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte));
    is_plain.then(|| text.to_owned())
}

fn is_outside_permission(character: char) -> bool {
    !(character.is_ascii_alphanumeric() || ":*_-".contains(character))
}

fn is_permission(word: &str) -> bool {
    word.split(':').count() == 3 && word.split(':').all(|part| !part.is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::stage::Stage;
    use super::*;

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_and_no_further() {
        let stage = Stage::bare().await;
        stage.respond("/a", |_| wiremock::ResponseTemplate::new(200).set_body_string("0123456789")).await;
        let url = format!("{}/a", stage.server.uri());
        for (limit, fits) in [(10, true), (9, false)] {
            let response = reqwest::get(&url).await.unwrap();
            match read_body(response, limit).await {
                Ok(body) => assert!(fits && body == b"0123456789"),
                Err(error) => assert!(!fits && matches!(error, BodyError::TooLarge)),
            }
        }
    }

    fn saying(message: &str) -> ErrorBody {
        ErrorBody { message: Some(message.to_owned()), ..ErrorBody::default() }
    }

    #[test]
    fn the_permissions_are_those_that_the_message_names() {
        let table: [(&str, &[&str]); 5] = [
            (
                "Unable to perform the requested action. You are missing the following permission(s): routing:queue:view",
                &["routing:queue:view"],
            ),
            (
                "Requires at least one of [directory:group:view, authorization:grant:*, directory:group:view].",
                &["directory:group:view", "authorization:grant:*"],
            ),
            ("Missing permission: outbound:dnc_list:view-all:", &["outbound:dnc_list:view-all"]),
            ("Try again at 12:30 or see https://x.example/a:b", &[]),
            ("", &[]),
        ];
        for (message, expected) in table {
            assert_eq!(saying(message).permissions(), expected, "{message}");
        }
    }

    #[test]
    fn a_code_that_is_no_machine_name_is_not_repeated() {
        let body = ErrorBody { code: Some("Basic dXNlcjpodXNo was sent".to_owned()), ..ErrorBody::default() };
        assert_eq!(body.code(), None);
    }

    #[test]
    fn only_an_object_or_an_array_begins_as_json() {
        for body in ["{}", " \n[1]"] {
            assert!(begins_as_json(body.as_bytes()), "{body}");
        }
        for body in ["", "  ", "<html>", "\"text\"", "null"] {
            assert!(!begins_as_json(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn a_retry_after_that_is_a_date_is_ignored() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, reqwest::header::HeaderValue::from_static("Fri, 21 Nov 2026 10:00:00 GMT"));
        assert_eq!(Signals::of(&headers).retry_after, None);
        headers.insert(RETRY_AFTER, reqwest::header::HeaderValue::from_static(" 12 "));
        assert_eq!(Signals::of(&headers).retry_after, Some(Duration::from_secs(12)));
    }
}
