//! What an alert and a message say.

use serde::Serialize;

use crate::canonical::Digest;
use crate::model::{Actor, ChangeKind, Explained, Severity, SeverityCounts, Subject};

/// Something to tell people: a change, or a finding that is not one.
///
/// Every text in it is already free of secrets and as personal as the settings allow; names from the organisation are hostile to
/// whatever shows them and are for each channel to escape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What a receiver recognises the same event by when it gets it twice: see [`event_id`].
    pub id: String,
    /// 16 hex digits that are the same for the same thing in every run: what raised it and what resolves it have one.
    pub fingerprint: String,
    /// Whether it begins or is over.
    pub phase: AlertPhase,
    /// The permanent id of the rule, in kebab case.
    pub rule: String,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// What happened to the entity; absent for a finding that is no change.
    pub kind: Option<ChangeKind>,
    /// The name of the entity's division, else its id; absent where it has none.
    pub division: Option<String>,
    /// What happened, as a sentence.
    pub message: String,
    /// Why it matters, as a sentence; absent where the message says all there is.
    pub why: Option<String>,
    /// What to do, as a sentence.
    pub remedy: String,
    /// What differs, in reading order.
    pub values: Vec<ChangedValue>,
    /// Whether it is known who did it; absent for a finding that nobody did.
    pub explained: Option<Explained>,
    /// Who did it, in order of time.
    pub actors: Vec<Actor>,
    /// When it was observed, RFC 3339, UTC.
    pub at: String,
    /// What depends on the entity, in words such as `reaches 3 DIDs, 14 flows, 212 agents`; absent where nothing does or nobody asked.
    pub reach: Option<String>,
    /// The commit that holds it, as its full id; absent where none does.
    pub commit: Option<String>,
    /// Where the commit can be looked at; absent where the trail has no host that is known.
    pub link: Option<String>,
}

/// Whether something begins or is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertPhase {
    /// It is so from now on.
    Raised,
    /// It was undone in the organisation, or a finding no longer holds.
    Reverted,
    /// Somebody agreed to it.
    Approved,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangedValue {
    /// The place as a person reads it, such as `acwSettings.timeoutMs`.
    pub place: String,
    /// What was there; absent where nothing was.
    pub old: Option<String>,
    /// What is there; absent where nothing is.
    pub new: Option<String>,
}

/// What one route says of one run to one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What a receiver recognises the same message by: 32 hex digits over the ids of all its alerts and the route.
    pub id: String,
    /// The id of the organisation.
    pub org: String,
    /// The run that saw it.
    pub run: String,
    /// The name of the route.
    pub route: String,
    /// When the run was, RFC 3339, UTC.
    pub at: String,
    /// What it says, the worst first.
    pub alerts: Vec<Alert>,
    /// What the route leaves out because it would be too much: how many of each level.
    pub more: SeverityCounts,
}

/// The id of an event: 32 hex digits over the organisation, the run and the fingerprint, so that the same change made again is another
/// event and the same run told again is not.
#[must_use]
pub fn event_id(org: &str, run: &str, fingerprint: &str, phase: AlertPhase) -> String {
    let phase = match phase {
        AlertPhase::Raised => "raised",
        AlertPhase::Reverted => "reverted",
        AlertPhase::Approved => "approved",
    };
    let mut digits = Digest::of(format!("{org}\n{run}\n{fingerprint}\n{phase}").as_bytes()).to_string();
    digits.truncate(32);
    digits
}
