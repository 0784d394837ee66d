//! What was told to whom, from one run to the next.
//!
//! What a run has to tell is put into the outbox together with the watermark that says so, as one document. So nothing is put there
//! twice and nothing is left out, whoever gets to write the document first; what is in the outbox is sent until it arrives or
//! is refused. Who is about to send says so beforehand, and until when: what is not settled by then is taken by the next one, under
//! the same ids.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::content::{Alert, Message};
use crate::model::{ChangeKind, DomainId, EntityKey, Pointer};

/// Most events of a channel that are remembered as settled.
const MOST_SETTLED: usize = 5_000;

/// Most incidents of a channel that are followed to their end.
const MOST_INCIDENTS: usize = 1_000;

/// Most refused deliveries that are shown.
const MOST_REFUSED: usize = 100;

/// The document, kept under a reference of its own without history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliveries {
    /// The version of this form.
    pub schema_version: u32,
    /// The last run whose changes are in the outbox or settled; absent before the first.
    pub watermark: Option<Watermark>,
    /// Up to when what runs found besides changes is in the outbox or settled, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings_until: Option<String>,
    /// What waits to be sent, in order.
    pub outbox: Vec<Outgoing>,
    /// The events that need not be sent any more, by channel, with when they were settled, RFC 3339.
    pub settled: BTreeMap<String, BTreeMap<String, String>>,
    /// What holds by itself until it is over, by fingerprint.
    pub episodes: BTreeMap<String, Episode>,
    /// What a pager was told of and that is not over, by channel and fingerprint.
    pub incidents: BTreeMap<String, BTreeMap<String, Incident>>,
    /// What a channel will never take, the last ones.
    pub refused: Vec<Refused>,
}

/// How far the history was told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Watermark {
    /// When the run was, RFC 3339.
    pub at: String,
    /// The last commit of the run, or the commit to begin behind.
    pub commit: String,
    /// The run; absent where nothing was told yet.
    pub run: Option<String>,
}

/// A message on its way to a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// The channel.
    pub channel: String,
    /// What it is told.
    pub message: Message,
    /// Before when it is not sent, RFC 3339; absent where it is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    /// Who is about to send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// How often it was tried.
    pub tries: u32,
    /// Why the last try failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// That somebody is about to send something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Who, in digits that say nothing else.
    pub by: String,
    /// Until when nobody else does, RFC 3339.
    pub until: String,
}

/// A finding that holds by itself until it is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    /// The rule that found it.
    pub rule: String,
    /// The source that can say that it is over.
    pub source: String,
    /// The run at which it was first told of.
    pub run: String,
    /// When that was, RFC 3339.
    pub at: String,
    /// When each route told it last, RFC 3339.
    pub told: BTreeMap<String, String>,
}

/// Something that a pager was told of and that is not over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// What it was told.
    pub alert: Alert,
    /// The route that told it.
    pub route: String,
    /// What raised it.
    pub raised: Raised,
}

/// What raised an incident, and so what ends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub enum Raised {
    /// A change: it ends where the places are again as they were before, or are agreed to.
    Change {
        /// The commit before it.
        before: String,
        /// The domain.
        domain: DomainId,
        /// The entity.
        key: EntityKey,
        /// What happened to it.
        kind: ChangeKind,
        /// The places that differ.
        paths: Vec<Pointer>,
    },
    /// A finding: it ends with its episode.
    Finding,
    /// Something that happened once and cannot be undone.
    Once,
}

/// A delivery that a channel will never take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The channel.
    pub channel: String,
    /// The route.
    pub route: String,
    /// The message.
    pub message: String,
    /// How many alerts it had.
    pub alerts: usize,
    /// When it was given up, RFC 3339.
    pub at: String,
    /// Why, without a secret.
    pub reason: String,
}

impl Outgoing {
    /// Whether it may be sent at an instant (RFC 3339) by somebody.
    #[must_use]
    pub fn is_due(&self, now: &str, by: &str) -> bool {
        let is_time = self.not_before.as_deref().is_none_or(|begin| begin <= now);
        is_time && self.claim.as_ref().is_none_or(|claim| claim.by == by || claim.until.as_str() <= now)
    }
}

impl Deliveries {
    /// The version of the form that is written.
    pub const SCHEMA_VERSION: u32 = 1;

    /// Nothing told yet.
    #[must_use]
    pub fn new() -> Self {
        Self { schema_version: Self::SCHEMA_VERSION, ..Self::default() }
    }

    /// Reads the document.
    ///
    /// # Errors
    /// What is wrong with it: of a later version, or not such a document at all. Neither is to be taken for nothing told.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let read: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if read.schema_version > Self::SCHEMA_VERSION {
            return Err(format!("it has version {}, and {} is known here", read.schema_version, Self::SCHEMA_VERSION));
        }
        Ok(read)
    }

    /// The bytes of the document.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Whether a channel need not be sent an event any more.
    #[must_use]
    pub fn is_settled(&self, channel: &str, event: &str) -> bool {
        self.settled.get(channel).is_some_and(|events| events.contains_key(event))
    }

    /// Whether an event is on its way to a channel.
    #[must_use]
    pub fn is_pending(&self, channel: &str, event: &str) -> bool {
        let own = self.outbox.iter().filter(|outgoing| outgoing.channel == channel);
        own.flat_map(|outgoing| &outgoing.message.alerts).any(|alert| alert.id == event)
    }

    /// Takes note that events need not be sent to a channel any more; what is left of messages without any is nothing.
    pub fn settle(&mut self, channel: &str, events: impl IntoIterator<Item = String>, at: &str) {
        let known = self.settled.entry(channel.to_owned()).or_default();
        known.extend(events.into_iter().map(|event| (event, at.to_owned())));
        self.tidy();
    }

    /// Takes out what is settled, and of what is remembered the oldest where it is too much.
    fn tidy(&mut self) {
        for outgoing in &mut self.outbox {
            if let Some(settled) = self.settled.get(&outgoing.channel) {
                let before = outgoing.message.alerts.len();
                outgoing.message.alerts.retain(|alert| !settled.contains_key(&alert.id));
                if outgoing.message.alerts.len() < before {
                    outgoing.message.groups.clear();
                }
            }
        }
        self.outbox.retain(|outgoing| !outgoing.message.alerts.is_empty());
        for events in self.settled.values_mut() {
            keep_latest(events, MOST_SETTLED, Clone::clone);
        }
        for incidents in self.incidents.values_mut() {
            keep_latest(incidents, MOST_INCIDENTS, |incident| incident.alert.at.clone());
        }
        self.incidents.retain(|_, incidents| !incidents.is_empty());
        let excess = self.refused.len().saturating_sub(MOST_REFUSED);
        self.refused.drain(..excess);
    }

    /// What two know who could not tell each other: what either settled is settled, and what either has to send is sent.
    #[must_use]
    pub fn beside(mut self, other: Self) -> Self {
        self.watermark = self.watermark.max(other.watermark);
        self.findings_until = self.findings_until.max(other.findings_until);
        for outgoing in other.outbox {
            let same =
                |known: &&mut Outgoing| known.channel == outgoing.channel && known.message.id == outgoing.message.id;
            match self.outbox.iter_mut().find(same) {
                Some(known) => {
                    known.tries = known.tries.max(outgoing.tries);
                    let until = |claim: &Option<Claim>| claim.as_ref().map(|claim| claim.until.clone());
                    if until(&outgoing.claim) > until(&known.claim) {
                        known.claim = outgoing.claim;
                    }
                }
                None => self.outbox.push(outgoing),
            }
        }
        for (channel, events) in other.settled {
            self.settled.entry(channel).or_default().extend(events);
        }
        for (fingerprint, episode) in other.episodes {
            let known = self.episodes.entry(fingerprint).or_insert_with(|| episode.clone());
            for (route, at) in episode.told {
                let told = known.told.entry(route).or_insert_with(|| at.clone());
                *told = told.clone().max(at);
            }
        }
        for (channel, incidents) in other.incidents {
            let known = self.incidents.entry(channel).or_default();
            for (fingerprint, incident) in incidents {
                known.entry(fingerprint).or_insert(incident);
            }
        }
        let known: BTreeSet<(String, String)> =
            self.refused.iter().map(|one| (one.channel.clone(), one.message.clone())).collect();
        let new = |one: &Refused| !known.contains(&(one.channel.clone(), one.message.clone()));
        self.refused.extend(other.refused.into_iter().filter(new));
        self.refused.sort_by(|left, right| left.at.cmp(&right.at));
        self.tidy();
        self
    }
}

/// Keeps the latest of what is too much.
fn keep_latest<V>(all: &mut BTreeMap<String, V>, most: usize, at: impl Fn(&V) -> String) {
    let excess = all.len().saturating_sub(most);
    if excess == 0 {
        return;
    }
    let mut oldest_first: Vec<(String, String)> = all.iter().map(|(key, value)| (at(value), key.clone())).collect();
    oldest_first.sort();
    for (_, key) in oldest_first.into_iter().take(excess) {
        all.remove(&key);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::alert::AlertPhase;
    use crate::model::{Severity, SeverityCounts, Subject};

    const AT: &str = "2026-03-02T08:00:00Z";

    fn alert(id: &str) -> Alert {
        Alert {
            id: id.to_owned(),
            fingerprint: id.to_owned(),
            phase: AlertPhase::Raised,
            rule: "rule".to_owned(),
            severity: Severity::High,
            subject: Subject::Trail,
            kind: None,
            division: None,
            message: String::new(),
            why: None,
            remedy: String::new(),
            values: Vec::new(),
            explained: None,
            actors: Vec::new(),
            at: AT.to_owned(),
            reach: None,
            silences: 0,
            commit: None,
            link: None,
        }
    }

    fn outgoing(channel: &str, events: &[&str]) -> Outgoing {
        let message = Message {
            id: events.join("-"),
            org: "org".to_owned(),
            run: "run".to_owned(),
            route: "all".to_owned(),
            at: AT.to_owned(),
            alerts: events.iter().map(|event| alert(event)).collect(),
            groups: Vec::new(),
            more: SeverityCounts::default(),
        };
        Outgoing { channel: channel.to_owned(), message, not_before: None, claim: None, tries: 0, trouble: None }
    }

    #[test]
    fn what_is_read_back_is_what_was_written_and_a_later_form_is_refused() {
        let mut known = Deliveries::new();
        known.outbox.push(outgoing("chat", &["a", "b"]));
        known.settle("pager", ["c".to_owned()], AT);
        assert_eq!(Deliveries::read(&known.write()).unwrap(), known);
        let later = Deliveries { schema_version: 2, ..known };
        assert_eq!(Deliveries::read(&later.write()).unwrap_err(), "it has version 2, and 1 is known here");
        assert!(Deliveries::read(b"nothing").is_err());
    }

    #[test]
    fn what_either_of_two_settled_is_settled_and_what_either_has_to_send_is_sent() {
        let (mut ours, mut theirs) = (Deliveries::new(), Deliveries::new());
        ours.outbox = vec![outgoing("chat", &["a", "b"]), outgoing("siem", &["a"])];
        theirs.outbox = vec![outgoing("chat", &["a", "b"]), outgoing("pager", &["a"])];
        theirs.settle("siem", ["a".to_owned()], AT);
        ours.settle("chat", ["b".to_owned()], AT);
        let mark = |at: &str| Some(Watermark { at: at.to_owned(), commit: "c".to_owned(), run: None });
        (ours.watermark, theirs.watermark) = (mark("1"), mark("2"));
        for whole in [ours.clone().beside(theirs.clone()), theirs.beside(ours)] {
            let left: BTreeSet<(String, usize)> =
                whole.outbox.iter().map(|one| (one.channel.clone(), one.message.alerts.len())).collect();
            assert_eq!(left, [("chat".to_owned(), 1), ("pager".to_owned(), 1)].into());
            assert_eq!(whole.watermark, mark("2"));
            assert!(whole.is_settled("siem", "a") && whole.is_settled("chat", "b") && whole.is_pending("chat", "a"));
            assert_eq!(whole.clone().beside(whole.clone()), whole);
        }
    }

    #[test]
    fn a_claim_keeps_others_off_until_it_is_over() {
        let mut one = outgoing("chat", &["a"]);
        assert!(one.is_due(AT, "us"));
        one.claim = Some(Claim { by: "them".to_owned(), until: "2026-03-02T08:03:00Z".to_owned() });
        assert!(!one.is_due(AT, "us") && one.is_due(AT, "them") && one.is_due("2026-03-02T08:03:00Z", "us"));
        one.not_before = Some("2026-03-02T10:00:00Z".to_owned());
        assert!(!one.is_due("2026-03-02T08:03:00Z", "us"));
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let mut known = Deliveries::new();
        for minute in 0..60 {
            let events = (0..100).map(|event| format!("{minute:02}-{event:02}"));
            known.settle("chat", events, &format!("2026-03-02T08:{minute:02}:00Z"));
        }
        assert_eq!(known.settled["chat"].len(), MOST_SETTLED);
        assert!(!known.is_settled("chat", "09-99") && known.is_settled("chat", "10-00"));
    }
}
