//! The one place that sends: by HTTP, by mail, to syslog. It tries once, waits for a bounded time, and reads a bounded answer.

mod http;
mod mail;
mod syslog;
mod trust;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use super::channel::{Answer, Payload, Transport};

/// A receiver that does not take the connection for so long will not.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a whole delivery may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Stands for a secret where an answer repeats it.
const MASK: &str = "[secret]";

/// Parts of a URL that are shorter are no secret.
const SHORTEST_SECRET_PART: usize = 12;

/// Carries payloads to where they go. Clones of connections are shared within it.
pub struct Courier {
    now: Box<dyn Fn() -> i64 + Send + Sync>,
    clients: Mutex<BTreeMap<(Option<PathBuf>, bool), reqwest::Client>>,
}

/// Why something could not be sent.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error("could not use the certificates in {}", file.display())]
    Certificates {
        file: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("could not set up a client")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("could not make a request of the payload: {0}")]
    Request(&'static str),
    #[error("could not reach the receiver")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the receiver took longer than {} seconds", TIMEOUT.as_secs())]
    TooSlow,
}

impl Courier {
    /// A courier with a clock that says how many seconds have passed since 1970. The process must have installed a `rustls`
    /// crypto provider.
    #[must_use]
    pub fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self { now: Box::new(now), clients: Mutex::default() }
    }

    /// Sends a payload once and says what came back; no secret of it is in what is said.
    pub async fn send(&self, payload: &Payload) -> Answer {
        let sent = async {
            match &payload.transport {
                Transport::Http(transport) => self.by_http(transport, &payload.body).await,
                Transport::Mail { server, from, to } => mail::send(server, from, to, &payload.body).await,
                Transport::Syslog(server) => syslog::send(server, &payload.body).await,
            }
        };
        let answer = tokio::time::timeout(TIMEOUT, sent).await.unwrap_or(Err(SendError::TooSlow));
        let secrets = payload.transport.secrets();
        match answer.unwrap_or_else(|error| Answer::None(with_causes(&error))) {
            Answer::Http { status, body, retry_after } => {
                Answer::Http { status, body: without(&body, &secrets), retry_after }
            }
            Answer::Smtp(code, said) => Answer::Smtp(code, without(&said, &secrets)),
            Answer::None(reason) => Answer::None(without(&reason, &secrets)),
            Answer::Sent => Answer::Sent,
        }
    }
}

/// An error with all that led to it, each said once.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = next.source();
    }
    text
}

/// A text in which no secret is left: neither whole nor as what a receiver would repeat of it, such as the path of a URL or what is
/// behind the word `Bearer`.
fn without(text: &str, secrets: &[&str]) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for secret in secrets {
        parts.push(secret);
        let behind_host = secret.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
        let pieces =
            secret.split(['/', '?', '&', '=', ' ', '#', ',']).filter(|part| part.len() >= SHORTEST_SECRET_PART);
        // The host of a URL is no secret, and an error is of use only with it.
        let host = secret.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
        parts.extend(behind_host.filter(|path| path.len() > 1));
        parts.extend(pieces.filter(|piece| Some(*piece) != host));
    }
    parts.retain(|part| !part.is_empty());
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts.into_iter().fold(text.to_owned(), |text, part| text.replace(part, MASK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_secret_is_repeated() {
        let url = "https://hooks.example.com/services/T00000000/B0000/abcdefghijklmnop?sig=qrstuvwxyz0123";
        let header = "Bearer xoxb-1234567890-canary";
        for said in [
            url,
            header,
            "no hook at /services/T00000000/B0000/abcdefghijklmnop?sig=qrstuvwxyz0123",
            "abcdefghijklmnop is unknown",
            "bad signature qrstuvwxyz0123",
            "invalid token xoxb-1234567890-canary!",
        ] {
            let told = without(said, &[url, header]);
            assert!(told.contains(MASK), "{told}");
            for part in ["abcdefghijklmnop", "qrstuvwxyz0123", "canary"] {
                assert!(!told.contains(part), "{told}");
            }
        }
        assert_eq!(without("hooks.example.com did not answer", &[url]), "hooks.example.com did not answer");
    }
}
