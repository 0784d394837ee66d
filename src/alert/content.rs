//! What an alert and a message say.

use serde::{Deserialize, Serialize};

use crate::canonical::Digest;
use crate::model::{Actor, ChangeKind, Explained, Severity, SeverityCounts, Subject};

/// Something to tell people: a change, or a finding that is not one.
///
/// Every text in it is already free of secrets and as personal as the settings allow; names from the organisation are hostile to
/// whatever shows them and are for each channel to escape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// How many alerts are not told because this one says what became of them.
    pub silences: u64,
    /// The commit that holds it, as its full id; absent where none does.
    pub commit: Option<String>,
    /// Where the commit can be looked at; absent where the trail has no host that is known.
    pub link: Option<String>,
}

/// Whether something begins or is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedValue {
    /// The place as a person reads it, such as `acwSettings.timeoutMs`.
    pub place: String,
    /// What was there; absent where nothing was.
    pub old: Option<String>,
    /// What is there; absent where nothing is.
    pub new: Option<String>,
}

/// What one route says of one run to one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What it says: group after group, the worst first.
    pub alerts: Vec<Alert>,
    /// What belongs together among them, in their order; empty where the route does not group.
    pub groups: Vec<Group>,
    /// What the route leaves out because it would be too much: how many of each level.
    pub more: SeverityCounts,
}

/// Alerts of a message that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What they have in common, such as the name of a person.
    pub title: String,
    /// How many of the alerts, which follow one another, belong to it.
    pub alerts: usize,
}

/// The id of an event: 32 hex digits over the organisation, the run and the fingerprint, so that the same change made again is another
/// event and the same run told again is not.
#[must_use]
pub fn event_id(org: &str, run: &str, fingerprint: &str, phase: AlertPhase) -> String {
    digits(&[org, run, fingerprint, phase.as_str()])
}

/// The id of a message: 32 hex digits over its route and the ids of its alerts, in whatever order they are.
#[must_use]
pub fn message_id<'i>(route: &str, alerts: impl IntoIterator<Item = &'i str>) -> String {
    let mut ids: Vec<&str> = alerts.into_iter().collect();
    ids.sort_unstable();
    ids.insert(0, route);
    digits(&ids)
}

fn digits(parts: &[&str]) -> String {
    let mut digits = Digest::of(parts.join("\n").as_bytes()).to_string();
    digits.truncate(32);
    digits
}

impl AlertPhase {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Reverted => "reverted",
            Self::Approved => "approved",
        }
    }
}
