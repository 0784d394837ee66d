//! The topics: which there are, and which of them tell of something that happened.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::catalogue::embedded_file;
use crate::model::DomainId;

/// What stands for an id in a topic.
const PLACEHOLDER: &str = "{id}";

/// A topic that can be subscribed to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Topic {
    /// Its name, with placeholders.
    pub(super) id: String,
    /// The domain that it tells of; none where it tells of audit records.
    of: Option<DomainId>,
    #[serde(default)]
    ids: Vec<Place>,
    /// What a subscriber needs.
    #[serde(default)]
    pub(super) permissions: Vec<String>,
}

/// What stands in a placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Place {
    Own,
    Parent,
    EntityType,
    Entity,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicList {
    topic: Vec<Topic>,
}

static TOPICS: LazyLock<Vec<Topic>> = LazyLock::new(|| {
    let text = embedded_file("sim/topics.toml").unwrap_or_default();
    toml::from_str::<TopicList>(text).unwrap_or_default().topic
});

/// Something that happened in the org, of which somebody may want to know.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sim) enum Happening {
    /// An entity was made, changed or removed.
    Changed {
        /// Its domain.
        domain: DomainId,
        /// Its id.
        id: String,
        /// Its name.
        name: Option<String>,
        /// The key of its parent.
        parent: Option<String>,
    },
    /// An audit record was written.
    Audited(Json),
}

/// An event on a topic.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sim) struct Event {
    /// The topic, with the ids in their places.
    pub(in crate::sim) topic: String,
    /// What is told.
    pub(in crate::sim) body: Json,
}

impl Event {
    /// The message as it is sent.
    pub(super) fn text(&self) -> String {
        json!({ "topicName": self.topic, "version": "2", "eventBody": self.body, "metadata": {} }).to_string()
    }
}

impl Topic {
    /// The topics that there are.
    pub(super) fn all() -> &'static [Self] {
        &TOPICS
    }

    /// The topic that a name with ids is one of.
    pub(super) fn of_name(name: &str) -> Option<&'static Self> {
        TOPICS.iter().find(|topic| topic.is(name))
    }

    fn is(&self, name: &str) -> bool {
        let (own, given): (Vec<&str>, Vec<&str>) = (self.id.split('.').collect(), name.split('.').collect());
        let fits = |(own, given): (&&str, &&str)| if *own == PLACEHOLDER { is_id(given) } else { own == given };
        own.len() == given.len() && own.iter().zip(&given).all(fits)
    }

    /// The name with ids in the places of the placeholders; `None` where one of them is unknown.
    fn filled(&self, id: impl Fn(Place) -> Option<String>) -> Option<String> {
        self.ids.iter().try_fold(self.id.clone(), |name, place| Some(name.replacen(PLACEHOLDER, &id(*place)?, 1)))
    }
}

/// Whether a word of a topic can be an id: neither a placeholder nor a wildcard, for there are none.
fn is_id(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_:".contains(c))
}

/// The events that tell of something.
pub(in crate::sim) fn events(happening: &Happening) -> Vec<Event> {
    match happening {
        Happening::Changed { domain, id, name, parent } => {
            let of_domain = Topic::all().iter().filter(|topic| topic.of.as_ref() == Some(domain));
            let topics = of_domain.filter_map(|topic| {
                topic.filled(|place| match place {
                    Place::Own => Some(id.clone()),
                    Place::Parent => parent.clone(),
                    Place::EntityType | Place::Entity => None,
                })
            });
            topics.map(|topic| Event { topic, body: json!({ "id": id, "name": name }) }).collect()
        }
        Happening::Audited(record) => {
            let text = |value: &Json| value.as_str().map(ToOwned::to_owned);
            let of_records = Topic::all().iter().filter(|topic| topic.of.is_none());
            let topics = of_records.filter_map(|topic| {
                topic.filled(|place| match place {
                    Place::EntityType => text(&record["entityType"]),
                    Place::Entity => text(&record["entity"]["id"]),
                    Place::Own | Place::Parent => None,
                })
            });
            topics.map(|topic| Event { topic, body: told(record) }).collect()
        }
    }
}

/// An audit record as an event tells it, which is not how a query does.
fn told(record: &Json) -> Json {
    let mut told = record.clone();
    if let Some(members) = told.as_object_mut() {
        let time = members.remove("eventDate");
        let (user, client) = (members.remove("user"), members.remove("client"));
        let id = |one: &Option<Json>| one.as_ref().map(|one| one["id"].clone());
        members.insert("eventTime".to_owned(), time.unwrap_or_default());
        members.extend(id(&user).map(|id| ("userId".to_owned(), id)));
        members.extend(user.map(|user| ("userDisplay".to_owned(), user["name"].clone())));
        members.extend(id(&client).map(|id| ("clientId".to_owned(), json!({ "id": id }))));
    }
    told
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;

    #[test]
    fn every_topic_tells_of_a_domain_and_says_what_stands_in_its_places() {
        let text = embedded_file("sim/topics.toml").unwrap();
        let list: TopicList = toml::from_str(text).unwrap();
        let catalogue = Catalogue::built_in().unwrap();
        assert!(list.topic.len() > 20);
        for topic in list.topic {
            assert_eq!(topic.id.matches(PLACEHOLDER).count(), topic.ids.len(), "{}", topic.id);
            let domain = topic.of.as_ref().map(|domain| catalogue.get(domain).unwrap());
            let has_parent = domain.is_none_or(|domain| domain.source.parent.is_some());
            assert!(has_parent || !topic.ids.contains(&Place::Parent), "{}", topic.id);
        }
    }

    #[test]
    fn a_name_is_a_topic_only_with_ids_in_its_places() {
        let is_topic = |name: &str| Topic::of_name(name).map(|topic| topic.id.as_str());
        assert_eq!(is_topic("v2.flows.7"), Some("v2.flows.{id}"));
        assert_eq!(is_topic("v2.outbound.settings"), Some("v2.outbound.settings"));
        for none in ["v2.flows.{id}", "v2.flows.*", "v2.flows", "v2.flows.", "v2.routing.queues.1", ""] {
            assert_eq!(is_topic(none), None, "{none}");
        }
    }

    #[test]
    fn what_happened_is_told_on_the_topics_that_concern_it() {
        let changed = |domain: &str| Happening::Changed {
            domain: domain.parse().unwrap(),
            id: "own".to_owned(),
            name: None,
            parent: Some("parent".to_owned()),
        };
        let topics = |happening| events(&happening).into_iter().map(|event| event.topic).collect::<Vec<_>>();
        assert_eq!(topics(changed("architect.flows")), ["v2.flows.own"]);
        assert_eq!(topics(changed("routing.queue-members")), ["v2.routing.queues.parent.users"]);
        assert_eq!(topics(changed("architect.prompt-resources")), ["v2.architect.prompts.parent.resources.own"]);
        assert_eq!(topics(changed("routing.queues")), Vec::<String>::new());
        let record = json!({ "entityType": "Queue", "entity": { "id": "q" }, "eventDate": "d", "user": { "id": "u" } });
        let events = events(&Happening::Audited(record));
        assert_eq!(events[0].topic, "v2.audits.entitytype.Queue.entityid.q");
        assert_eq!((&events[0].body["eventTime"], &events[0].body["userId"]), (&json!("d"), &json!("u")));
    }
}
