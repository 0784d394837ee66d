//! A failed attempt: what the policy needs to know of it, and the error to report if it was the last.

use std::error::Error;
use std::io;
use std::time::Duration;

use super::error::{FetchError, Malformation};
use super::response::{BODY_LIMIT_BYTES, BodyError, ErrorBody, Signals};
use super::retry::{Fault, Outcome};

/// A failed attempt at a request.
#[derive(Debug)]
pub(super) struct Failure {
    /// What the policy decides by.
    pub(super) fault: Fault,
    /// What is reported if there is no further attempt.
    pub(super) error: FetchError,
    /// When the attempt began.
    pub(super) started: Duration,
}

impl Failure {
    /// No whole answer came.
    pub(super) fn transport(path: &str, started: Duration, error: reqwest::Error) -> Self {
        let outcome = if is_about_trust(&error) { Outcome::Untrusted } else { Outcome::Transport };
        let error = FetchError::Transport {
            path: path.to_owned(),
            // The URL of a request holds its query.
            source: error.without_url(),
        };
        Self::plain(outcome, error, started)
    }

    /// The body of an answer could not be read.
    pub(super) fn body(path: &str, started: Duration, error: BodyError, correlation: Option<String>) -> Self {
        match error {
            BodyError::Broken(source) => Self::transport(path, started, source),
            BodyError::TooLarge => {
                let error = FetchError::TooLarge { path: path.to_owned(), limit_bytes: BODY_LIMIT_BYTES, correlation };
                Self::plain(Outcome::TooLarge, error, started)
            }
        }
    }

    /// The answer is not what it should be.
    pub(super) fn malformed(path: &str, started: Duration, what: Malformation, correlation: Option<String>) -> Self {
        let error = FetchError::Malformed { path: path.to_owned(), what, correlation };
        Self::plain(Outcome::Malformed, error, started)
    }

    /// The login refuses the credentials.
    pub(super) fn refused(started: Duration, status: u16, code: Option<String>) -> Self {
        Self::plain(Outcome::Refused, FetchError::LoginRefused { status, code }, started)
    }

    /// The server answered with a status that is no success.
    pub(super) fn status(path: &str, started: Duration, status: u16, signals: Signals, body: &ErrorBody) -> Self {
        let path = path.to_owned();
        let code = body.code();
        let correlation = signals.correlation.or_else(|| body.context_id());
        let error = match status {
            401 => FetchError::Unauthorised { path, code, correlation },
            403 => FetchError::Forbidden { path, permissions: body.permissions(), code, correlation },
            404 | 410 => FetchError::NotFound { path, status, correlation },
            429 => FetchError::RateLimited { path, retry_after: signals.retry_after, correlation },
            500.. => FetchError::Upstream { path, status, correlation },
            _ => FetchError::Rejected { path, status, code, correlation },
        };
        Self {
            fault: Fault {
                outcome: Outcome::Status(status),
                retry_after: signals.retry_after,
                rate_reset: signals.rate.map(|rate| rate.reset),
            },
            error,
            started,
        }
    }

    fn plain(outcome: Outcome, error: FetchError, started: Duration) -> Self {
        Self { fault: Fault { outcome, retry_after: None, rate_reset: None }, error, started }
    }
}

/// Returns whether a connection failed because the host could not prove who it is.
fn is_about_trust(error: &reqwest::Error) -> bool {
    let mut next = error.source();
    while let Some(cause) = next {
        if cause.is::<rustls::Error>() {
            return true;
        }
        // An I/O error hides the error that it wraps from the chain of sources.
        next = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => cause.source(),
        };
    }
    false
}
