//! What the entities of a domain look like and how many there are, where `schemas/sim/` says it.

use super::template::number_as_f64;
use crate::canonical::read_str;
use crate::catalogue::embedded_file;
use crate::model::{DomainId, Object, OwnedValue, Value};

/// How large a simulated org is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// A dozen people: small enough to be read.
    Small,
    /// Hundreds of people.
    Medium,
    /// Ten thousand people.
    Large,
}

impl Scale {
    fn word(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }

    /// How many entities a domain has that nothing is said of.
    pub(super) fn entities(self) -> usize {
        match self {
            Self::Small => 3,
            Self::Medium => 10,
            Self::Large => 50,
        }
    }
}

/// What a file under `schemas/sim/` says of a domain.
#[derive(Debug)]
pub(super) struct Recipe {
    counts: Option<Object<'static>>,
    /// How likely it is that an optional listing has anything.
    pub(super) present: Option<f64>,
    first: Vec<OwnedValue>,
    templates: Vec<OwnedValue>,
    /// Members that the items of the listing lack.
    pub(super) detail_only: Vec<String>,
}

impl Recipe {
    /// The recipe of a domain; `None` where there is none.
    pub(super) fn of(domain: &DomainId) -> Option<Self> {
        Self::read(embedded_file(&format!("sim/{domain}.json"))?)
    }

    fn read(text: &'static str) -> Option<Self> {
        let Value::Object(mut file) = read_str(text).ok()? else { return None };
        let mut list = |name| match file.remove(name) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        let (first, templates, detail_only) = (list("first"), list("templates"), list("detail_only"));
        let present = match file.remove("present") {
            Some(Value::Number(number)) => number_as_f64(&number),
            _ => None,
        };
        let counts = match file.remove("count") {
            Some(Value::Object(counts)) => Some(counts),
            _ => None,
        };
        let detail_only = detail_only.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
        let says_something = !templates.is_empty() || counts.is_some() || present.is_some();
        says_something.then_some(Self { counts, present, first, templates, detail_only })
    }

    /// How many entities there are, or are per parent; `None` where it does not say.
    pub(super) fn count(&self, scale: Scale) -> Option<usize> {
        self.counts.as_ref()?.get(scale.word())?.as_u64().and_then(|count| usize::try_from(count).ok())
    }

    /// The template of the entity of an index: the first ones have their own, the others take turns. `None` where entities
    /// are to be made up from their schema.
    pub(super) fn template(&self, index: usize) -> Option<&OwnedValue> {
        let turn = || self.templates.get((index - self.first.len()).checked_rem(self.templates.len())?);
        self.first.get(index).or_else(turn)
    }
}

/// Whether an object has all members of another, with the same values.
pub(super) fn has_members(value: &OwnedValue, wanted: &OwnedValue) -> bool {
    wanted.as_object().is_some_and(|wanted| wanted.iter().all(|(name, wanted)| value.get(name) == Some(wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Catalogue, embedded_files};

    #[test]
    fn every_file_is_the_recipe_of_a_domain() {
        let catalogue = Catalogue::built_in().unwrap_or_else(|problems| panic!("{problems:?}"));
        for (path, text) in embedded_files("sim", "json") {
            let name = path.trim_start_matches("sim/").trim_end_matches(".json");
            if name == "names" {
                continue;
            }
            assert!(Recipe::read(text).is_some(), "{path} cannot be read");
            assert!(catalogue.names().any(|id| id.as_str() == name), "{path} is of no domain");
        }
    }
}
