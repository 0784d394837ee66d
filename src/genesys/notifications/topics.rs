//! Which topics there are, and which of those that are wanted can be had.

use serde::Deserialize;

use super::MOST_TOPICS;

/// Ways of delivery that a socket is one of.
const ON_SOCKETS: [&str; 2] = ["All", "Websocket"];

/// The topics of the API, with placeholders for ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailableTopics(Vec<Topic>);

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Topic {
    id: String,
    #[serde(default)]
    transports: Vec<String>,
}

/// What became of a subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscribed {
    /// The topics that events come of.
    pub permitted: Vec<String>,
    /// The topics that no events come of.
    pub refused: Vec<RefusedTopic>,
}

/// A topic that no events come of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedTopic {
    /// Its name.
    pub topic: String,
    /// Why.
    pub why: Refusal,
}

/// Why there are no events of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The API has no such topic, or not on a socket.
    Unknown,
    /// A channel takes no more.
    TooMany,
    /// The API refuses it.
    Rejected {
        /// What it says.
        reason: Option<String>,
        /// What the login lacks.
        missing_permissions: Vec<String>,
    },
}

#[derive(Deserialize)]
struct Listing<T> {
    entities: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    id: String,
    state: Option<String>,
    rejection_reason: Option<String>,
    #[serde(default)]
    missing_permissions: Vec<String>,
}

impl AvailableTopics {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let listing: Listing<Topic> = serde_json::from_slice(bytes).ok()?;
        Some(Self(listing.entities))
    }

    /// Whether a name with ids in it is a topic that events come of on a socket.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|topic| topic.is(name) && topic.is_on_sockets())
    }

    /// Parts names into those to ask for, each once, and those that need not be tried.
    pub(super) fn choose(&self, names: &[String]) -> (Vec<String>, Vec<RefusedTopic>) {
        let (mut wanted, mut refused) = (Vec::new(), Vec::new());
        for topic in names.iter().cloned() {
            if wanted.contains(&topic) {
                continue;
            }
            if !self.has(&topic) {
                refused.push(RefusedTopic { topic, why: Refusal::Unknown });
            } else if wanted.len() >= MOST_TOPICS {
                refused.push(RefusedTopic { topic, why: Refusal::TooMany });
            } else {
                wanted.push(topic);
            }
        }
        (wanted, refused)
    }
}

impl Topic {
    fn is(&self, name: &str) -> bool {
        let is_place = |word: &str| word.starts_with('{') && word.ends_with('}');
        let fits = |(own, given): (&str, &str)| {
            if is_place(own) { !given.is_empty() && !is_place(given) && given != "*" } else { own == given }
        };
        self.id.split('.').count() == name.split('.').count() && self.id.split('.').zip(name.split('.')).all(fits)
    }

    fn is_on_sockets(&self) -> bool {
        self.transports.is_empty() || self.transports.iter().any(|transport| ON_SOCKETS.contains(&transport.as_str()))
    }
}

impl Subscribed {
    pub(super) fn read(bytes: &[u8], refused: Vec<RefusedTopic>) -> Option<Self> {
        let listing: Listing<Told> = serde_json::from_slice(bytes).ok()?;
        let mut subscribed = Self { permitted: Vec::new(), refused };
        for told in listing.entities {
            if told.state.as_deref() == Some("Rejected") {
                let (reason, missing_permissions) = (told.rejection_reason, told.missing_permissions);
                let why = Refusal::Rejected { reason, missing_permissions };
                subscribed.refused.push(RefusedTopic { topic: told.id, why });
            } else {
                subscribed.permitted.push(told.id);
            }
        }
        Some(subscribed)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn available() -> AvailableTopics {
        let listing = br#"{"entities":[{"id":"v2.flows.{id}","transports":["All"]},{"id":"v2.outbound.settings"},
            {"id":"v2.detail.{id}","transports":["EventBridge"]},{"id":"v2.users.{id}.greetings","transports":["Websocket"]}]}"#;
        AvailableTopics::read(listing).unwrap()
    }

    #[test]
    fn a_topic_is_asked_for_only_if_the_api_has_it_on_sockets() {
        let available = available();
        for name in ["v2.flows.7", "v2.outbound.settings", "v2.users.a-b.greetings"] {
            assert!(available.has(name), "{name}");
        }
        for name in ["v2.flows.{id}", "v2.flows.*", "v2.flows.", "v2.flows", "v2.detail.1", "v2.users.1.tokens"] {
            assert!(!available.has(name), "{name}");
        }
    }

    #[test]
    fn what_is_wanted_twice_or_beyond_what_a_channel_takes_is_not_asked_for() {
        let names: Vec<String> = (0..=MOST_TOPICS).map(|number| format!("v2.flows.{number}")).collect();
        let names = [names[..1].to_vec(), names.clone(), vec!["v2.what".to_owned()]].concat();
        let (wanted, refused) = available().choose(&names);
        let why: Vec<(&str, &Refusal)> = refused.iter().map(|one| (one.topic.as_str(), &one.why)).collect();
        assert_eq!(wanted.len(), MOST_TOPICS);
        assert_eq!(why, [("v2.flows.1000", &Refusal::TooMany), ("v2.what", &Refusal::Unknown)]);
    }

    #[test]
    fn the_answer_tells_which_topics_were_refused_and_why() {
        let answer = br#"{"entities":[{"id":"a","state":"Permitted"},
            {"id":"b","state":"Rejected","rejectionReason":"no","missingPermissions":["x:y:z"]},{"id":"c"}]}"#;
        let subscribed = Subscribed::read(answer, Vec::new()).unwrap();
        let why = Refusal::Rejected { reason: Some("no".to_owned()), missing_permissions: vec!["x:y:z".to_owned()] };
        assert_eq!(subscribed.permitted, ["a", "c"]);
        assert_eq!(subscribed.refused, [RefusedTopic { topic: "b".to_owned(), why }]);
        assert_eq!(Subscribed::read(b"[]", Vec::new()), None);
    }
}
