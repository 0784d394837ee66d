//! What the log of reveals says of each time that secrets were opened.

use super::approval::reason_in_a_line;
use super::message::{one_line, shortened, trailer};
use crate::model::{DomainId, EntityKey, Pointer};

/// Most characters of a subject.
const SUBJECT_LENGTH: usize = 72;

/// What was opened.
#[derive(Clone, Debug)]
pub struct RevealFacts<'m> {
    /// The organisation.
    pub org: &'m str,
    /// The domain.
    pub domain: &'m DomainId,
    /// The entity.
    pub key: &'m EntityKey,
    /// The states that it was looked up in.
    pub states: &'m [String],
    /// The places of the secrets, and the fingerprints of what was opened.
    pub opened: &'m [(Pointer, String)],
    /// The recipients that the identities belong to.
    pub recipients: &'m [String],
}

/// The message of the entry, with why.
#[must_use]
pub fn reveal_message(facts: &RevealFacts<'_>, reason: &str) -> String {
    let entity = one_line(&format!("{}/{}", facts.domain, facts.key));
    let places: Vec<&Pointer> = facts.opened.iter().map(|(place, _)| place).collect();
    let mut told = places.clone();
    told.dedup();
    let what = match told.as_slice() {
        [only] => format!("reveal {entity} {}", one_line(only.as_str())),
        several => format!("reveal {} secrets of {entity}", several.len()),
    };
    let reason = reason_in_a_line(reason);
    let mut message = format!("{}\n\n{reason}\n\n", shortened(&what, SUBJECT_LENGTH));
    let mut line = |name: &str, value: &str| message.extend([name, ": ", value, "\n"]);
    line(trailer::ORG, facts.org);
    for state in facts.states {
        line(trailer::OBSERVED, state);
    }
    for (place, fingerprint) in facts.opened {
        line(trailer::REVEALED, &format!("{fingerprint} {entity} {}", one_line(place.as_str())));
    }
    for recipient in facts.recipients {
        line(trailer::RECIPIENT, recipient);
    }
    line(trailer::REASON, &reason);
    message
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn an_entry_says_what_was_opened_and_why_and_forges_nothing() {
        let (domain, key) = ("oauth.clients".parse().unwrap(), EntityKey::new("c1\nOrgtrail-Reason: none"));
        let facts = RevealFacts {
            org: "org",
            domain: &domain,
            key: &key,
            states: &["abc".to_owned()],
            opened: &[(Pointer::from_text("/secret"), "hmac-sha256:12".to_owned())],
            recipients: &["age1x".to_owned()],
        };
        let message = reveal_message(&facts, "CHG-1\nOrgtrail-Observed: def");
        assert_eq!(
            message,
            "reveal oauth.clients/c1 Orgtrail-Reason: none /secret\n\nCHG-1 Orgtrail-Observed: def\n\nOrgtrail-Org: \
             org\nOrgtrail-Observed: abc\nOrgtrail-Revealed: hmac-sha256:12 oauth.clients/c1 Orgtrail-Reason: none \
             /secret\nOrgtrail-Recipient: age1x\nOrgtrail-Reason: CHG-1 Orgtrail-Observed: def\n"
        );
    }
}
