//! Any receiver of webhooks: a versioned document, signed as Standard Webhooks describes it.
//!
//! The signature is made when the request is sent, as it says when that was; the id is that of the message and stays the same when
//! it is sent again.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use super::answers;
use super::body::{MessageBody, json};
use super::channel::{Answer, Channel, ChannelKind, HttpTransport, Payload, Record, Signature, Transport, Verdict};
use super::cut::as_many_as_fit;
use super::definition::Statuses;
use super::opening::{OpenError, Opening};
use crate::alert::Message;

struct Webhook {
    url: SecretString,
    keys: Vec<SecretString>,
    ca_file: Option<PathBuf>,
    most_bytes: usize,
    statuses: Statuses,
}

pub(super) fn open(opening: &Opening<'_>) -> Result<Box<dyn Channel>, OpenError> {
    let mut keys = Vec::new();
    for setting in ["secret", "previous_secret"] {
        if let Some(key) = opening.optional_secret(setting)? {
            if !is_key(key.expose_secret()) {
                return Err(opening.unfit(setting, "a key of Standard Webhooks: whsec_ and 24 to 64 bytes in base64"));
            }
            keys.push(key);
        }
    }
    Ok(Box::new(Webhook {
        url: opening.url("url")?,
        keys,
        ca_file: opening.ca_file(),
        most_bytes: opening.limit("bytes")?,
        statuses: opening.statuses()?,
    }))
}

/// Whether a text is a key that can sign. The library takes one of any length, also of none.
fn is_key(text: &str) -> bool {
    let digits = text.strip_prefix("whsec_").unwrap_or_default().trim_end_matches('=').len();
    let bytes = digits * 3 / 4;
    (24..=64).contains(&bytes) && standardwebhooks::Webhook::new(text).is_ok()
}

impl Channel for Webhook {
    fn kind(&self) -> ChannelKind {
        ChannelKind::People
    }

    fn payloads(&self, message: &Message) -> Vec<Payload> {
        let make = |alerts| json(&MessageBody::of(message, alerts));
        let body = as_many_as_fit(message.alerts.len(), make, |body| body.len() <= self.most_bytes);
        let mut http = HttpTransport::post_json(self.url.clone(), self.ca_file.clone());
        http.signature = Some(Signature { id: message.id.clone(), keys: self.keys.clone() });
        let covers = message.alerts.iter().map(|alert| alert.id.clone()).collect();
        vec![Payload { covers, transport: Transport::Http(http), body }]
    }

    fn payloads_of_records(&self, _records: &[Record]) -> Option<Vec<Payload>> {
        None
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        answers::verdict(&self.statuses, answer)
    }
}
