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

    /// The domains that topics name, each with the name of the topic.
    pub fn domains(&self) -> impl Iterator<Item = (&str, &DomainId)> {
        self.0
            .iter()
            .flat_map(|topic| topic.each.iter().chain(&topic.concerns).map(|domain| (topic.id.as_str(), domain)))
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
