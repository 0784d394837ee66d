//! What a commit says: a subject in words, the changes worst first, facts for machines in trailers.

use super::plan::{CommitKind, PlannedCommit};
use super::run::RunId;
use crate::canonical::Digest;
use crate::model::{Severity, SeverityCounts};
use crate::policy::ClassifiedChange;

/// The name that the tool commits under.
pub const TOOL_NAME: &str = "orgtrail";

/// Names of the trailers.
pub mod trailer {
    /// The run that made the commit.
    pub const RUN: &str = "Orgtrail-Run";
    /// The organisation.
    pub const ORG: &str = "Orgtrail-Org";
    /// The kind of commit.
    pub const KIND: &str = "Orgtrail-Kind";
    /// Which of the observed commits of its run it is, `2/3`.
    pub const STEP: &str = "Orgtrail-Step";
    /// The worst severity of its changes.
    pub const SEVERITY: &str = "Orgtrail-Severity";
    /// The SHA-256 of the compact form of the ledger in its tree.
    pub const DIGEST: &str = "Orgtrail-Digest";
    /// The commit whose state was agreed to, or is proposed.
    pub const OBSERVED: &str = "Orgtrail-Observed";
    /// Why it was agreed to, or opened.
    pub const REASON: &str = "Orgtrail-Reason";
    /// What was opened: its fingerprint, and where it stood.
    pub const REVEALED: &str = "Orgtrail-Revealed";
    /// The recipient whose identity opened it.
    pub const RECIPIENT: &str = "Orgtrail-Recipient";
    /// The fingerprint of a change that was agreed to, where not all of them were.
    pub const APPROVED: &str = "Orgtrail-Approved";
}

/// Most characters of a subject; what `git log --oneline` shows on a line.
const SUBJECT_LENGTH: usize = 72;

/// Most changes or domains that the body lists.
const BODY_LINES: usize = 40;

/// What a commit's message is made from.
pub struct CommitFacts<'m> {
    /// The run.
    pub run: &'m RunId,
    /// The commit.
    pub commit: &'m PlannedCommit,
    /// Its changes, judged, worst first; empty for every kind but the observed one.
    pub changes: &'m [&'m ClassifiedChange],
    /// Which of the observed commits of its run it is, from 1, and of how many.
    pub step: (usize, usize),
    /// What is said of who made the changes.
    pub attribution: &'m [(&'static str, String)],
}

/// The message of a commit.
#[must_use]
pub fn commit_message(facts: &CommitFacts<'_>) -> String {
    let commit = facts.commit;
    let (subject, body) = match commit.kind {
        CommitKind::Observed => observed(facts.changes),
        kind => housekeeping(kind, commit),
    };
    let mut message = format!("{}\n\n", shortened(&subject, SUBJECT_LENGTH));
    for line in body.iter().take(BODY_LINES) {
        message.push_str(line);
        message.push('\n');
    }
    if body.len() > BODY_LINES {
        let left_out = (body.len() - BODY_LINES).to_string();
        message.extend(["… and ", &left_out, " more\n"]);
    }
    if !body.is_empty() {
        message.push('\n');
    }
    let mut trailer = |name: &str, value: &str| message.extend([name, ": ", value, "\n"]);
    trailer(trailer::RUN, facts.run.as_str());
    trailer(trailer::ORG, &commit.ledger.org);
    trailer(trailer::KIND, commit.kind.as_str());
    if commit.kind == CommitKind::Observed {
        trailer(trailer::STEP, &format!("{}/{}", facts.step.0, facts.step.1));
        if let Some(worst) = worst(facts.changes) {
            trailer(trailer::SEVERITY, worst.as_str());
        }
    }
    trailer(trailer::DIGEST, &Digest::of(commit.ledger.compact().as_bytes()).to_string());
    for (name, value) in facts.attribution {
        trailer(name, value);
    }
    message
}

fn worst(changes: &[&ClassifiedChange]) -> Option<Severity> {
    changes.iter().map(|change| change.judgement.severity).collect::<SeverityCounts>().worst()
}

fn observed(changes: &[&ClassifiedChange]) -> (String, Vec<String>) {
    let first = changes.first().map_or("nothing but followers changed", |change| change.judgement.message.as_str());
    let level = worst(changes).map(|worst| format!("{worst}: ")).unwrap_or_default();
    let tail = match changes.len() {
        0 | 1 => String::new(),
        2 => " (and 1 more change)".to_owned(),
        many => format!(" (and {} more changes)", many - 1),
    };
    let room = SUBJECT_LENGTH.saturating_sub(level.chars().count() + tail.chars().count());
    let subject = format!("{level}{}{tail}", shortened(&one_line(first), room));
    let line = |change: &&ClassifiedChange| {
        let judgement = &change.judgement;
        format!("- {}: {} [{}]", judgement.severity, one_line(&judgement.message), change.change.domain)
    };
    (subject, changes.iter().map(line).collect())
}

fn housekeeping(kind: CommitKind, commit: &PlannedCommit) -> (String, Vec<String>) {
    let entry = |id| commit.ledger.domains.get(id);
    let lines = commit.domains.iter().map(|id| match entry(id) {
        Some(entry) => format!("- {id}: {}, {}", entry.status.as_str(), entities(entry.entities)),
        None => format!("- {id}"),
    });
    let what = match commit.domains.as_slice() {
        [] => "the ledger".to_owned(),
        [only] => match (kind, entry(only)) {
            (CommitKind::Coverage, Some(entry)) => format!("{only} is {}", entry.status.as_str()),
            _ => only.to_string(),
        },
        several => format!("{} domains", several.len()),
    };
    let subject = match kind {
        CommitKind::Baseline => {
            let count: u64 = commit.domains.iter().filter_map(entry).map(|entry| entry.entities).sum();
            format!("baseline: {what}, {}", entities(count))
        }
        CommitKind::SchemaMigration => format!("schema migration: {what}"),
        CommitKind::Reshard => format!("new layout: {what}"),
        CommitKind::Rekey => "new secrets key".to_owned(),
        CommitKind::NewField => format!("new fields from the API: {what}"),
        CommitKind::Coverage => format!("coverage: {what}"),
        CommitKind::Observed | CommitKind::Approval => what,
    };
    (subject, lines.collect())
}

fn entities(count: u64) -> String {
    if count == 1 { "1 entity".to_owned() } else { format!("{count} entities") }
}

/// Names come from the org and may hold line breaks, which would end a subject or forge a trailer.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

pub(super) fn shortened(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    let kept: String = text.chars().take(length.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}
