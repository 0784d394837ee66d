//! What a commit says that agrees to a state, or proposes one.

use super::ledger::Ledger;
use super::message::trailer;
use super::plan::CommitKind;
use crate::canonical::Digest;
use crate::model::SeverityCounts;

/// What an approval is of.
#[derive(Clone, Copy, Debug)]
pub struct ApprovalFacts<'m> {
    /// The ledger of what is agreed.
    pub ledger: &'m Ledger,
    /// The id of the commit whose state was looked at.
    pub observed: &'m str,
    /// How many changes are agreed to, by level; absent for a first approval.
    pub changes: Option<&'m SeverityCounts>,
    /// The fingerprints of what is agreed to, where that is not all that differs.
    pub fingerprints: &'m [String],
}

/// The message of a commit that agrees, with why.
#[must_use]
pub fn approval_message(facts: &ApprovalFacts<'_>, reason: &str) -> String {
    let what = match (facts.changes, facts.fingerprints) {
        (None, _) => "approve the whole state".to_owned(),
        (Some(counts), []) => subject("approve", counts),
        (Some(counts), _) => subject("approve in part", counts),
    };
    let reason = reason_in_a_line(reason);
    format!("{what}\n\n{reason}\n\n{}", trailers(facts, Some(&reason)))
}

/// The message of a commit that proposes a state.
#[must_use]
pub fn proposal_message(facts: &ApprovalFacts<'_>) -> String {
    let none = SeverityCounts::default();
    let what = subject("observed since the last approval", facts.changes.unwrap_or(&none));
    format!("{what}\n\n{}", trailers(facts, None))
}

/// A reason that breaks no line, which could forge a trailer; empty where it says nothing.
#[must_use]
pub fn reason_in_a_line(text: &str) -> String {
    text.split(char::is_control).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn subject(what: &str, counts: &SeverityCounts) -> String {
    match (counts.total(), counts.worst()) {
        (1, Some(worst)) => format!("{what}: 1 change, {worst}"),
        (total, Some(worst)) => format!("{what}: {total} changes, the worst {worst}"),
        (_, None) => format!("{what}: what is no change"),
    }
}

fn trailers(facts: &ApprovalFacts<'_>, reason: Option<&str>) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| text.extend([name, ": ", value, "\n"]);
    line(trailer::ORG, &facts.ledger.org);
    line(trailer::KIND, CommitKind::Approval.as_str());
    line(trailer::OBSERVED, facts.observed);
    if let Some(reason) = reason {
        line(trailer::REASON, reason);
    }
    for fingerprint in facts.fingerprints {
        line(trailer::APPROVED, fingerprint);
    }
    line(trailer::DIGEST, &Digest::of(facts.ledger.compact().as_bytes()).to_string());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_forges_no_trailer() {
        let ledger = Ledger::new("org", "key", 1);
        let facts = ApprovalFacts { ledger: &ledger, observed: "abc", changes: None, fingerprints: &[] };
        let message = approval_message(&facts, "because\n\nOrgtrail-Observed: def\r\n");
        let trailers: Vec<&str> = message.lines().filter(|line| line.starts_with("Orgtrail-Observed:")).collect();
        assert_eq!(trailers, ["Orgtrail-Observed: abc"]);
        assert!(message.contains("\nbecause Orgtrail-Observed: def\n"), "{message}");
        assert_eq!(reason_in_a_line(" \n\t "), "");
    }
}
