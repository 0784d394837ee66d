//! The topics that tell of configuration: which there are is data, which ids stand in them is on record.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::model::{DomainId, EntityKey};

/// What stands for an id in a topic.
const PLACEHOLDER: &str = "{id}";

/// The topics to subscribe to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics(Vec<Topic>);

/// What events were about, by domain: entities of it, or parents whose listings it consists of. No key at all stands for
/// anything in the domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched(pub BTreeMap<DomainId, BTreeSet<EntityKey>>);

/// A file of topics that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TopicsError {
    /// It is no TOML, or has other members.
    #[error("the topics cannot be read: {0}")]
    Malformed(String),
    /// A topic has a place for an id and nothing says whose, or the other way round, or it has several.
    #[error("the topic {0} does not say whose id stands in it")]
    Ids(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    topic: Vec<Topic>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Topic {
    /// Its name, with a placeholder for an id.
    id: String,
    /// The domain whose ids stand in the placeholder.
    each: Option<DomainId>,
    /// The domains that an event tells of.
    concerns: BTreeSet<DomainId>,
}

impl Touched {
    /// Whether nothing was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what other events were about.
    pub fn add(&mut self, other: Self) {
        for (domain, keys) in other.0 {
            match self.0.get_mut(&domain) {
                // Anything is more than some.
                Some(known) if known.is_empty() || keys.is_empty() => known.clear(),
                Some(known) => known.extend(keys),
                None => drop(self.0.insert(domain, keys)),
            }
        }
    }
}

impl Topics {
    /// Reads a file of topics.
    pub fn read(text: &str) -> Result<Self, TopicsError> {
        let file: File = toml::from_str(text).map_err(|error| TopicsError::Malformed(error.message().to_owned()))?;
        for topic in &file.topic {
            if topic.id.matches(PLACEHOLDER).count() != usize::from(topic.each.is_some()) {
                return Err(TopicsError::Ids(topic.id.clone()));
            }
        }
        Ok(Self(file.topic))
    }

    /// The names to subscribe to for the domains of a selection. Topics with few entities come first, so that where not all
    /// names fit only the largest domains are cut short.
    pub fn names(
        &self,
        is_selected: impl Fn(&DomainId) -> bool,
        keys: impl Fn(&DomainId) -> Vec<EntityKey>,
    ) -> Vec<String> {
        let wanted = self.0.iter().filter(|topic| topic.concerns.iter().any(&is_selected));
        let mut groups: Vec<Vec<String>> = wanted
            .map(|topic| match &topic.each {
                Some(each) => keys(each).iter().map(|key| topic.id.replacen(PLACEHOLDER, key.as_str(), 1)).collect(),
                None => vec![topic.id.clone()],
            })
            .collect();
        groups.sort_by_key(Vec::len);
        groups.concat()
    }

    /// What an event of a name is about; nothing for a topic that is not here.
    #[must_use]
    pub fn touched(&self, name: &str) -> Touched {
        let mut touched = Touched::default();
        for topic in &self.0 {
            if let Some(keys) = topic.keys_in(name) {
                touched.add(Touched(topic.concerns.iter().map(|domain| (domain.clone(), keys.clone())).collect()));
            }
        }
        touched
    }
}

impl Topic {
    /// The key in a name of this topic, which may have none; `None` where the name is of another.
    fn keys_in(&self, name: &str) -> Option<BTreeSet<EntityKey>> {
        let Some((before, after)) = self.id.split_once(PLACEHOLDER) else {
            return (self.id == name).then(BTreeSet::new);
        };
        let id = name.strip_prefix(before)?.strip_suffix(after)?;
        let is_id = !id.is_empty() && !id.contains('.');
        is_id.then(|| BTreeSet::from([EntityKey::new(id)]))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::catalogue::{Catalogue, embedded_file};

    fn topics() -> Topics {
        Topics::read(embedded_file("watch/topics.toml").unwrap()).unwrap()
    }

    fn id(name: &str) -> DomainId {
        name.parse().unwrap()
    }

    #[test]
    fn every_topic_is_about_domains_that_there_are_and_that_its_ids_lead_to() {
        let catalogue = Catalogue::built_in().unwrap();
        for topic in topics().0 {
            for concerned in &topic.concerns {
                let domain = catalogue.get(concerned).unwrap();
                // A listing per parent is read again by its parents, any other domain by its own entities.
                let named = domain.source.parent.as_ref().unwrap_or(concerned);
                assert!(topic.each.as_ref().is_none_or(|each| each == named), "{}: {concerned}", topic.id);
                if let Some(kind) = topic.id.strip_prefix("v2.audits.entitytype.") {
                    let kind = kind.split('.').next().unwrap();
                    assert_eq!(domain.audit.as_ref().map(|audit| audit.entity.as_str()), Some(kind), "{}", topic.id);
                }
            }
        }
        assert!(topics().0.len() > 20);
    }

    #[test]
    fn topics_of_large_domains_come_last() {
        let keys = |domain: &DomainId| {
            let count = if *domain == id("architect.flows") { 3 } else { usize::from(*domain == id("oauth.clients")) };
            (0..count).map(|number| EntityKey::new(&format!("k{number}"))).collect()
        };
        let names = topics().names(|domain| !domain.as_str().starts_with("employee"), keys);
        assert_eq!(
            names,
            [
                "v2.outbound.settings",
                "v2.audits.entitytype.OAuthClient.entityid.k0",
                "v2.flows.k0",
                "v2.flows.k1",
                "v2.flows.k2"
            ]
        );
        let few = topics().names(|domain| *domain == id("outbound.settings"), keys);
        assert_eq!(few, ["v2.outbound.settings"]);
    }

    #[test]
    fn an_event_tells_which_entities_of_which_domains_it_is_about() {
        let touched = |name: &str| -> Vec<(String, Vec<String>)> {
            let touched = topics().touched(name).0.into_iter();
            touched
                .map(|(domain, keys)| (domain.to_string(), keys.iter().map(EntityKey::to_string).collect()))
                .collect()
        };
        let of = |domain: &str, keys: &[&str]| (domain.to_owned(), keys.iter().map(|key| (*key).to_owned()).collect());
        assert_eq!(touched("v2.flows.f"), [of("architect.flow-configuration", &["f"]), of("architect.flows", &["f"])]);
        assert_eq!(touched("v2.flows.outcomes.o"), [of("architect.flow-outcomes", &["o"])]);
        assert_eq!(touched("v2.routing.queues.q.users"), [of("routing.queue-members", &["q"])]);
        assert_eq!(touched("v2.outbound.settings"), [of("outbound.settings", &[])]);
        for nothing in ["v2.system.socket_closing", "v2.flows.", "v2.flows", "v2.outbound.settings.x"] {
            assert_eq!(touched(nothing), [], "{nothing}");
        }
    }

    #[test]
    fn anything_in_a_domain_is_more_than_some_of_it() {
        let touched =
            |keys: &[&str]| Touched([(id("a.b"), keys.iter().map(|key| EntityKey::new(key)).collect())].into());
        let mut all = touched(&["x"]);
        all.add(touched(&["y"]));
        assert_eq!(all, touched(&["x", "y"]));
        all.add(touched(&[]));
        all.add(touched(&["z"]));
        assert_eq!(all, touched(&[]));
    }

    #[test]
    fn a_file_that_does_not_say_whose_ids_are_meant_is_refused() {
        let read = |text: &str| Topics::read(&format!("[[topic]]\n{text}\nconcerns = []")).map(drop);
        assert_eq!(read("id = \"v2.a.{id}\""), Err(TopicsError::Ids("v2.a.{id}".to_owned())));
        assert_eq!(read("id = \"v2.a\"\neach = \"a.b\""), Err(TopicsError::Ids("v2.a".to_owned())));
        assert!(matches!(read("id = \"v2.a\"\nof = 1"), Err(TopicsError::Malformed(_))));
        assert_eq!(read("id = \"v2.a.{id}.b\"\neach = \"a.b\""), Ok(()));
    }
}
