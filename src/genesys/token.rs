//! The token of the run: asked for once, however many tasks want it, and refreshed before it ends. Runs of one process can
//! share it.
//!
//! The login has a narrow rate limit of its own, so that its refusal is remembered as well as its token.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::client::ClientOptions;
use super::clock::Clock;
use super::error::{FetchError, Malformation};
use super::failure::Failure;
use super::patience::{Effort, Patience, Spent, Step};
use super::response::{BODY_LIMIT_BYTES, ErrorBody, Signals, read_body};
use super::wire::Wire;

const TOKEN_PATH: &str = "/oauth/token";
/// A token is replaced this long before its end, or at half of its life if that is later.
const REFRESH_MARGIN: Duration = Duration::from_secs(120);

/// Gets tokens and keeps the current one.
pub(super) struct Login {
    wire: Arc<Wire>,
    patience: Arc<Patience>,
    clock: Arc<dyn Clock>,
    url: Url,
    client_id: String,
    client_secret: SecretString,
    kept: Arc<Kept>,
}

/// What runs that share a token share.
#[derive(Debug)]
struct Kept {
    state: Mutex<State>,
    /// The latest generation that the API has taken.
    accepted: AtomicU64,
}

/// A token, with its place in the order of tokens.
#[derive(Debug, Clone)]
pub(super) struct Token {
    /// Counts the tokens of the run, from 1.
    pub(super) generation: u64,
    /// What is sent.
    pub(super) bearer: SecretString,
}

#[derive(Debug)]
struct State {
    generation: u64,
    holding: Holding,
}

#[derive(Debug)]
enum Holding {
    Nothing {
        /// Whether the API refused the last token.
        after_refusal: bool,
    },
    Token {
        token: Token,
        refresh_at: Option<Duration>,
        after_refusal: bool,
    },
    Refused {
        status: u16,
        code: Option<String>,
    },
}

#[derive(Deserialize)]
struct TokenBody {
    access_token: String,
    expires_in: Option<u64>,
}

impl Login {
    /// Prepares the login; nothing is sent yet.
    pub(super) fn new(options: ClientOptions, wire: Arc<Wire>, patience: Arc<Patience>, clock: Arc<dyn Clock>) -> Self {
        let mut url = options.hosts.login().clone();
        url.set_path(&format!("{}{TOKEN_PATH}", url.path().trim_end_matches('/')));
        Self {
            wire,
            patience,
            clock,
            url,
            client_id: options.client_id,
            client_secret: options.client_secret,
            kept: Arc::new(Kept {
                state: Mutex::new(State { generation: 0, holding: Holding::Nothing { after_refusal: false } }),
                accepted: AtomicU64::new(0),
            }),
        }
    }

    /// The login of another run, with the token of this one. What was refused in this one may be tried again in the other.
    pub(super) fn another(&self, wire: Arc<Wire>, patience: Arc<Patience>) -> Self {
        // Who holds the state is about to learn something newer than what could be forgotten here.
        if let Ok(mut state) = self.kept.state.try_lock() {
            let is_refused = match &state.holding {
                Holding::Token { token, after_refusal, .. } => *after_refusal && !self.is_accepted(token.generation),
                Holding::Nothing { .. } | Holding::Refused { .. } => true,
            };
            if is_refused {
                state.holding = Holding::Nothing { after_refusal: false };
            }
        }
        Self {
            wire,
            patience,
            clock: Arc::clone(&self.clock),
            url: self.url.clone(),
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.clone(),
            kept: Arc::clone(&self.kept),
        }
    }

    fn is_accepted(&self, generation: u64) -> bool {
        self.kept.accepted.load(Ordering::Relaxed) >= generation
    }

    /// Returns the current token; the first who finds it missing or old asks for a new one, and the others wait for it.
    pub(super) async fn token(&self, listing: &Arc<Spent>) -> Result<Token, FetchError> {
        let mut state = self.kept.state.lock().await;
        let after_refusal = match &state.holding {
            Holding::Token { token, refresh_at, .. } if refresh_at.is_none_or(|time| self.clock.now() < time) => {
                return Ok(token.clone());
            }
            Holding::Token { .. } => false,
            Holding::Refused { status, code } => {
                return Err(FetchError::LoginRefused { status: *status, code: code.clone() });
            }
            Holding::Nothing { after_refusal } => *after_refusal,
        };
        let (bearer, refresh_at) = match self.ask(listing).await {
            Ok(answer) => answer,
            Err(error) => {
                if let FetchError::LoginRefused { status, code } = &error {
                    state.holding = Holding::Refused { status: *status, code: code.clone() };
                }
                return Err(error);
            }
        };
        state.generation += 1;
        let token = Token { generation: state.generation, bearer };
        state.holding = Holding::Token { token: token.clone(), refresh_at, after_refusal };
        Ok(token)
    }

    /// Takes note that the API took a token.
    pub(super) fn accepted(&self, generation: u64) {
        self.kept.accepted.fetch_max(generation, Ordering::Relaxed);
    }

    /// Gives up a token that the API refuses, and returns whether it is worth asking for another.
    ///
    /// It is not when the token was itself a replacement and has never been taken: then it is not about its age.
    pub(super) async fn discard(&self, generation: u64) -> bool {
        let mut state = self.kept.state.lock().await;
        if let Holding::Token { token, after_refusal, .. } = &state.holding
            && token.generation == generation
        {
            if *after_refusal && !self.is_accepted(generation) {
                return false;
            }
            state.holding = Holding::Nothing { after_refusal: true };
        }
        true
    }

    async fn ask(&self, listing: &Arc<Spent>) -> Result<(SecretString, Option<Duration>), FetchError> {
        let mut effort = Effort::new(listing);
        loop {
            let allowed = self.patience.time_allowed(&effort, TOKEN_PATH)?;
            let failure = match self.attempt(allowed).await {
                Ok(answer) => {
                    self.patience.answered();
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            match self.patience.next(&mut effort, failure).await? {
                Step::Again => {}
                // No attempt at the login has a status that asks for this.
                Step::Reauthenticate(error) => return Err(error),
            }
        }
    }

    async fn attempt(&self, allowed: Duration) -> Result<(SecretString, Option<Duration>), Failure> {
        let started = self.clock.now();
        let request = self
            .wire
            .http()
            .post(self.url.clone())
            .basic_auth(&self.client_id, Some(self.client_secret.expose_secret()))
            .form(&[("grant_type", "client_credentials")]);
        let response = self.wire.send(request, TOKEN_PATH, started, allowed).await?;
        let signals = Signals::of(response.headers());
        let status = response.status();
        if !status.is_success() {
            let body = ErrorBody::of(response).await;
            return Err(refusal(started, status, signals, &body));
        }
        let correlation = signals.correlation;
        let body = match read_body(response, BODY_LIMIT_BYTES).await {
            Ok(body) => Zeroizing::new(body),
            Err(error) => return Err(Failure::body(TOKEN_PATH, started, error, correlation)),
        };
        let Some(answer) =
            serde_json::from_slice::<TokenBody>(&body).ok().filter(|answer| is_sendable(&answer.access_token))
        else {
            let what = Malformation::NoToken;
            return Err(Failure::malformed(TOKEN_PATH, started, what, correlation));
        };
        let refresh_at = answer.expires_in.map(|seconds| started + useful_life(Duration::from_secs(seconds)));
        Ok((SecretString::from(answer.access_token), refresh_at))
    }
}

/// Tells the login's refusals from its troubles.
fn refusal(started: Duration, status: StatusCode, signals: Signals, body: &ErrorBody) -> Failure {
    let status = match status {
        StatusCode::BAD_REQUEST if body.is_rate_limit() => StatusCode::TOO_MANY_REQUESTS,
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            return Failure::refused(started, status.as_u16(), body.code());
        }
        other => other,
    };
    // The login's rate limit is not that of the token: it must not hold the other requests.
    let signals = Signals { rate: None, ..signals };
    Failure::status(TOKEN_PATH, started, status.as_u16(), signals, body)
}

fn useful_life(life: Duration) -> Duration {
    life.saturating_sub(REFRESH_MARGIN).max(life / 2)
}

fn is_sendable(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_replaced_early_but_lives_at_least_half_of_its_life() {
        let lives = [86_400, 240, 60, 1].map(|life| useful_life(Duration::from_secs(life)));
        let expected = [86_280.0, 120.0, 30.0, 0.5].map(Duration::from_secs_f64);
        assert_eq!(lives, expected);
    }
}
