//! What answers mean that are the same for many receivers.

use serde_json::Value as Json;

use super::channel::{Answer, Verdict};
use super::cut::on_one_line;
use super::definition::Statuses;

/// Most characters of what a receiver says that are told.
const MOST_TOLD: usize = 300;

/// Where the bodies of receivers say what is wrong.
const PLACES: [&str; 6] = ["/error/reason", "/error/message", "/message", "/error", "/text", "/errors/0/detail"];

/// The codes of a mail server that object to who asks and not to what is sent: RFC 4954, section 6.
const WHO_ASKS: [u16; 4] = [530, 534, 535, 538];

/// What an answer means by its status or code alone.
///
/// Only what objects to the payload itself is a refusal, after which it is given up. A key that has been revoked, an address that is
/// gone, a certificate that has run out: somebody puts them right, and what waits arrives then.
pub(super) fn verdict(statuses: &Statuses, answer: &Answer) -> Verdict {
    match answer {
        Answer::Http { status, body, retry_after } => {
            let reason = || said(*status, body);
            if statuses.is_delivered(*status) {
                Verdict::Delivered
            } else if statuses.is_for_retry(*status) {
                Verdict::Retry { reason: reason(), after: *retry_after }
            } else {
                Verdict::Refused { reason: reason() }
            }
        }
        other => without_status(other),
    }
}

/// What an answer means that has no HTTP status. A receiver that was asked by HTTP and answers otherwise is not there.
pub(super) fn without_status(answer: &Answer) -> Verdict {
    match answer {
        Answer::Http { status, body, .. } => Verdict::Refused { reason: said(*status, body) },
        Answer::Smtp(code, said) => {
            let reason = || on_one_line(&format!("{code} {said}"), MOST_TOLD);
            match code {
                200..=299 => Verdict::Delivered,
                400..=499 => Verdict::Retry { reason: reason(), after: None },
                code if WHO_ASKS.contains(code) => Verdict::Retry { reason: reason(), after: None },
                _ => Verdict::Refused { reason: reason() },
            }
        }
        Answer::Sent => Verdict::Delivered,
        Answer::None(reason) => Verdict::Retry { reason: on_one_line(reason, MOST_TOLD), after: None },
    }
}

/// A status with what the receiver says, on one line.
pub(super) fn said(status: u16, body: &str) -> String {
    let name = reqwest::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let status = name.map_or_else(|| status.to_string(), |name| format!("{status} {name}"));
    let told = serde_json::from_str::<Json>(body).map_or_else(
        |_| body.trim().to_owned(),
        |json| {
            let texts = PLACES.iter().filter_map(|place| json.pointer(place)?.as_str());
            texts.map(str::to_owned).find(|text| !text.is_empty()).unwrap_or_default()
        },
    );
    if told.is_empty() { status } else { on_one_line(&format!("{status}: {told}"), MOST_TOLD) }
}
