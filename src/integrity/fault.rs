//! What can be wrong with a history, or with how fresh it is, and how much it matters.

use crate::canonical::{Digest, compact};
use crate::model::{Evidence, Finding, Severity, Subject, Value};

/// Something that can be wrong with a history, or with how fresh it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A commit that was there is not part of the history any more.
    HistoryRewritten,
    /// Somebody else than the tool wrote under `snapshot/`.
    ForeignCommit,
    /// A commit says of itself what the tool alone says, and the tool did not make it.
    ForgedTrailer,
    /// A file is not what the tool writes.
    NotCanonical,
    /// A file is where the tool puts none like it.
    MisplacedFile,
    /// What is on record does not have the digest that is on record for it.
    DigestMismatch,
    /// Commits are of more than one organisation.
    OrgMismatch,
    /// A commit of a run is not there.
    StepMissing,
    /// The commits of a run are not in one piece, or not in order.
    RunSplit,
    /// A commit of the tool changes what is the user's.
    OutsideSnapshot,
    /// A commit is not signed, and has to be.
    Unsigned,
    /// A commit is signed, and the signature is good for nothing.
    BadSignature,
    /// Something cannot be read.
    Unreadable,
    /// Times go backwards, or lie in the future.
    ClockSkew,
    /// A note is about a commit that is not part of the history.
    NoteAstray,
    /// There is no heartbeat, or one of an earlier run.
    HeartbeatMissing,
    /// For some time there was no run.
    HeartbeatGap,
    /// The history ends early, so that nothing can be told of what is before.
    HistoryCut,
    /// The last run is too long ago.
    RunOverdue,
    /// A domain that was complete can be captured no longer.
    CoverageLost,
    /// A domain cannot be captured, and could not be before.
    CoverageMissing,
    /// A domain was not captured for long.
    DomainStale,
    /// The last run did not capture all of a domain.
    DomainIncomplete,
    /// Nobody knows who made a change.
    Unexplained,
}

/// What is known of a fault: its permanent id, how much it matters, whether a history with it can still be trusted, what to do.
struct Facts(&'static str, Severity, Trust, &'static str);

/// Whether a history can be trusted in spite of a fault.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    Broken,
    Kept,
}

impl Fault {
    /// Every fault, the worst first.
    pub const ALL: [Self; 24] = [
        Self::HistoryRewritten,
        Self::ForeignCommit,
        Self::ForgedTrailer,
        Self::NotCanonical,
        Self::DigestMismatch,
        Self::OrgMismatch,
        Self::BadSignature,
        Self::Unreadable,
        Self::MisplacedFile,
        Self::StepMissing,
        Self::RunSplit,
        Self::OutsideSnapshot,
        Self::Unsigned,
        Self::RunOverdue,
        Self::CoverageLost,
        Self::Unexplained,
        Self::ClockSkew,
        Self::NoteAstray,
        Self::HeartbeatMissing,
        Self::HeartbeatGap,
        Self::DomainStale,
        Self::DomainIncomplete,
        Self::CoverageMissing,
        Self::HistoryCut,
    ];

    fn facts(self) -> Facts {
        use Severity::{Critical, High, Low, Medium};
        use Trust::{Broken, Kept};
        let compare = "Compare with a copy of the history that nobody could reach, and find out who wrote here.";
        match self {
            Self::HistoryRewritten => Facts(
                "history-rewritten",
                Critical,
                Broken,
                "Find out who rewrote the history, and keep the old commits: `git branch kept COMMIT` does, where there is one.",
            ),
            Self::ForeignCommit => Facts(
                "foreign-commit",
                Critical,
                Broken,
                "Find out what it was for. The next snapshot puts the state of the organisation on record again.",
            ),
            Self::ForgedTrailer => Facts("forged-trailer", Critical, Broken, compare),
            Self::NotCanonical => Facts("not-canonical", Critical, Broken, compare),
            Self::DigestMismatch => Facts("digest-mismatch", Critical, Broken, compare),
            Self::OrgMismatch => Facts("org-mismatch", Critical, Broken, compare),
            Self::BadSignature => Facts(
                "bad-signature",
                Critical,
                Broken,
                "Find out whose key it is. A key that was in use for a time stays in allowed_signers, with `valid-before`.",
            ),
            Self::Unreadable => {
                Facts("unreadable", Critical, Broken, "`git fsck` tells what is missing; fetch it from another copy.")
            }
            Self::MisplacedFile => Facts("misplaced-file", High, Broken, compare),
            Self::StepMissing => Facts("step-missing", High, Broken, compare),
            Self::RunSplit => Facts("run-split", High, Broken, compare),
            Self::OutsideSnapshot => Facts("outside-snapshot", High, Broken, compare),
            Self::Unsigned => Facts(
                "unsigned",
                High,
                Broken,
                "Find out where these runs were made, and give the key to every machine that makes any.",
            ),
            Self::ClockSkew => Facts("clock-skew", Medium, Kept, "Check the clock of the machine that made the run."),
            Self::NoteAstray => Facts(
                "note-astray",
                Medium,
                Kept,
                "Find out what became of the commit; `git notes --ref=orgtrail remove COMMIT` drops the note.",
            ),
            Self::HeartbeatMissing => Facts(
                "heartbeat-missing",
                Medium,
                Kept,
                "No clone brings it: `git fetch origin '+refs/orgtrail/*:refs/orgtrail/*'`, or take a snapshot.",
            ),
            Self::HeartbeatGap => Facts("heartbeat-gap", Medium, Kept, "Look at what the scheduler says of that time."),
            Self::HistoryCut => {
                Facts("history-cut", Low, Kept, "`git fetch --unshallow` brings the rest of the history.")
            }
            Self::RunOverdue => {
                Facts("run-overdue", High, Kept, "Look at what the scheduler says, and take a snapshot by hand.")
            }
            Self::CoverageLost => Facts(
                "coverage-lost",
                High,
                Kept,
                "Give the OAuth client its permission back, or accept the loss in orgtrail.toml.",
            ),
            Self::CoverageMissing => Facts(
                "coverage-missing",
                Medium,
                Kept,
                "Give the OAuth client the permission, or accept that it has none in orgtrail.toml.",
            ),
            Self::DomainStale => Facts(
                "domain-stale",
                Medium,
                Kept,
                "Look at why the last runs did not capture it, and take a snapshot of it.",
            ),
            Self::DomainIncomplete => {
                Facts("domain-incomplete", Medium, Kept, "Look at the cause; the next run tries again.")
            }
            Self::Unexplained => Facts(
                "unexplained",
                High,
                Kept,
                "Ask who has access to the organisation besides its administrators, and check the audit log by hand.",
            ),
        }
    }

    /// The permanent id.
    #[must_use]
    pub fn id(self) -> &'static str {
        self.facts().0
    }

    /// Whether a history with it cannot be trusted.
    #[must_use]
    pub fn breaks_integrity(self) -> bool {
        self.facts().2 == Trust::Broken
    }

    /// The fault of an id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.id() == id)
    }

    /// A finding of it: about what, in words, and what shows it. The same evidence about the same thing is the same finding,
    /// however it is worded.
    #[must_use]
    pub fn finding(self, subject: Subject, message: String, evidence: Vec<Evidence>) -> Finding {
        let Facts(rule, severity, _, remedy) = self.facts();
        Finding {
            fingerprint: fingerprint(rule, &subject, &evidence),
            rule: rule.to_owned(),
            severity,
            subject,
            message,
            remedy: remedy.to_owned(),
            evidence,
            actors: Vec::new(),
            place: None,
            acknowledged: None,
        }
    }
}

/// Over rule, subject and evidence.
fn fingerprint(rule: &str, subject: &Subject, evidence: &[Evidence]) -> String {
    let (kind, about) = match subject {
        Subject::Trail => ("trail", String::new()),
        Subject::Domain(domain) => ("domain", domain.to_string()),
        Subject::Entity { domain, key, .. } => ("entity", format!("{domain}/{key}")),
        Subject::Commit(commit) => ("commit", commit.clone()),
        Subject::File(path) => ("file", path.clone()),
    };
    let texts = [rule, kind, &about].into_iter().chain(evidence.iter().flat_map(|one| [&*one.name, &*one.text]));
    let list: Vec<String> = texts.map(|text| compact(&Value::from(text))).collect();
    Digest::of(format!("[{}]", list.join(",")).as_bytes()).short()
}

/// Findings worst first; those of one fault stay in order.
#[must_use]
pub fn findings_in_order(mut findings: Vec<Finding>) -> Vec<Finding> {
    let rank = |finding: &Finding| Fault::ALL.iter().position(|fault| fault.id() == finding.rule);
    findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), rank(finding)));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_an_id_of_its_own_and_a_remedy() {
        for fault in Fault::ALL {
            assert_eq!(Fault::from_id(fault.id()), Some(fault));
            let is_kebab = |id: &str| id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
            assert!(is_kebab(fault.id()) && fault.facts().3.ends_with('.'), "{fault:?}");
        }
        assert_eq!(Fault::from_id("no-such-fault"), None);
    }

    #[test]
    fn a_finding_is_the_same_however_it_is_worded_and_another_for_other_evidence() {
        let finding = |message: &str, evidence: &str| {
            let subject = Subject::Commit("a".repeat(40));
            Fault::StepMissing.finding(subject, message.to_owned(), vec![Evidence::new("step", evidence)]).fingerprint
        };
        assert_eq!(finding("one", "2/3"), finding("other", "2/3"));
        assert_ne!(finding("one", "2/3"), finding("one", "3/3"));
        assert_eq!(finding("one", "2/3").len(), 16);
    }

    #[test]
    fn worst_comes_first_and_equals_keep_their_order() {
        let of = |fault: Fault, path: &str| fault.finding(Subject::File(path.to_owned()), String::new(), Vec::new());
        let ordered = findings_in_order(vec![
            of(Fault::ClockSkew, "a"),
            of(Fault::ForeignCommit, "z"),
            of(Fault::HistoryCut, "b"),
            of(Fault::ForeignCommit, "a"),
        ]);
        let subjects: Vec<Subject> = ordered.into_iter().map(|finding| finding.subject).collect();
        assert_eq!(subjects, ["z", "a", "a", "b"].map(|path| Subject::File(path.to_owned())));
    }
}
