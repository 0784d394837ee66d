//! Tokens: how a program logs in, and for how long.

use std::collections::HashMap;
use std::time::Duration;

use super::query;
use super::reply::Reply;
use super::rng::Rng;

/// Who may log in.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) secret: String,
}

/// The tokens given out, with the time at which each expires.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    expiry: HashMap<String, Duration>,
    given: u64,
}

impl Tokens {
    /// Answers a request for a token.
    pub(super) fn grant(
        &mut self,
        client: &Client,
        authorization: Option<&str>,
        form: &str,
        now: Duration,
        lifetime: Duration,
        seed: u64,
    ) -> Reply {
        let expected = format!("Basic {}", base64(format!("{}:{}", client.id, client.secret).as_bytes()));
        if authorization != Some(expected.as_str()) {
            return refused(401, "invalid_client", "client authentication failed");
        }
        let form = query::read(form);
        if !form.contains(&("grant_type".to_owned(), "client_credentials".to_owned())) {
            return refused(400, "unsupported_grant_type", "the grant type must be client_credentials");
        }
        self.given += 1;
        let token = Rng::keyed(seed, &["token", &self.given.to_string()]).hex(64);
        let body = serde_json::json!({
            "access_token": token,
            "token_type": "bearer",
            "expires_in": lifetime.as_secs(),
        });
        self.expiry.insert(token, now + lifetime);
        Reply::json(200, body.to_string().into_bytes())
    }

    /// Whether a request comes with a token that counts now.
    pub(super) fn admit(&self, authorization: Option<&str>, now: Duration) -> bool {
        let token = authorization.and_then(|header| header.split_once(' '));
        token.is_some_and(|(scheme, token)| {
            scheme.eq_ignore_ascii_case("bearer") && self.expiry.get(token).is_some_and(|expiry| now < *expiry)
        })
    }

    /// Ends every token.
    pub(super) fn revoke(&mut self) {
        self.expiry.clear();
    }
}

fn refused(status: u16, error: &str, description: &str) -> Reply {
    let body = serde_json::json!({ "error": error, "description": description, "error_description": description });
    Reply::json(status, body.to_string().into_bytes())
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let digit = ALPHABET[bits >> (18 - 6 * position) & 63];
            text.push(if position <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        // RFC 4648, section 10.
        let vectors =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")];
        for (plain, encoded) in vectors {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
