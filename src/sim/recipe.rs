//! What a simulated org is made of: how many entities of each domain there are, and which.
//!
//! The ids of all entities follow from the seed alone, so that a reference can be made before its target is, and circles are
//! no difficulty.

use std::collections::BTreeMap;

use super::rng::Rng;
use super::template::Targets;
use crate::canonical::read_str;
use crate::catalogue::{Catalogue, Domain, Paging, embedded_file};
use crate::model::{DomainId, Object, OwnedValue, Value};

/// The path at which the API tells about the organisation itself.
pub(super) const ORGANISATION_PATH: &str = "/api/v2/organizations/me";

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
    fn entities(self) -> usize {
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
        let counts = match file.remove("count") {
            Some(Value::Object(counts)) => Some(counts),
            _ => None,
        };
        let detail_only = detail_only.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
        (!templates.is_empty()).then_some(Self { counts, first, templates, detail_only })
    }

    /// The template of the entity of an index: the first ones have their own, the others take turns.
    pub(super) fn template(&self, index: usize) -> &OwnedValue {
        self.first.get(index).unwrap_or_else(|| &self.templates[(index - self.first.len()) % self.templates.len()])
    }
}

/// All entities that a simulated org begins with, by number.
pub(super) struct Census<'c> {
    seed: u64,
    scale: Scale,
    org: &'c str,
    domains: BTreeMap<&'c str, (&'c Domain, Option<Recipe>)>,
}

impl<'c> Census<'c> {
    pub(super) fn take(catalogue: &'c Catalogue, scale: Scale, seed: u64, org: &'c str) -> Self {
        let entry = |domain: &'c Domain| (domain.id.as_str(), (domain, Recipe::of(&domain.id)));
        Self { seed, scale, org, domains: catalogue.iter().map(entry).collect() }
    }

    pub(super) fn recipe(&self, domain: &Domain) -> Option<&Recipe> {
        self.domains.get(domain.id.as_str())?.1.as_ref()
    }

    /// How many entities a domain has, or has per parent.
    pub(super) fn count(&self, domain: &Domain) -> usize {
        if domain.source.paging == Paging::Singleton {
            return 1;
        }
        let counts = self.recipe(domain).and_then(|recipe| recipe.counts.as_ref());
        let count = counts.and_then(|counts| counts.get(self.scale.word())).and_then(Value::as_u64);
        count.and_then(|count| usize::try_from(count).ok()).unwrap_or(self.scale.entities())
    }

    /// The id of the entity of an index.
    pub(super) fn id(&self, domain: &Domain, parent: Option<&str>, index: usize) -> String {
        if domain.source.path == ORGANISATION_PATH {
            return self.org.to_owned();
        }
        let key = ["id", domain.id.as_str(), parent.unwrap_or_default(), &index.to_string()];
        Rng::keyed(self.seed, &key).uuid()
    }
}

impl Targets for Census<'_> {
    fn any(&self, domain: &str, having: Option<&OwnedValue>, avoid: Option<&str>, rng: &mut Rng) -> Option<String> {
        let (domain, recipe) = self.domains.get(domain)?;
        if domain.source.parent.is_some() {
            return None;
        }
        let count = self.count(domain);
        let start = rng.below(count);
        let fits = |index: usize| match (having, recipe) {
            (Some(having), Some(recipe)) => has_members(recipe.template(index), having),
            _ => true,
        };
        let indexes = (start..count).chain(0..start).filter(|index| fits(*index));
        indexes.map(|index| self.id(domain, None, index)).find(|id| Some(id.as_str()) != avoid)
    }

    fn named(&self, _: &str, _: &str) -> Option<String> {
        // Names are given while entities are made; only edits of a finished org can use them.
        None
    }
}

/// Whether an object has all members of another, with the same values.
pub(super) fn has_members(value: &OwnedValue, wanted: &OwnedValue) -> bool {
    wanted.as_object().is_some_and(|wanted| wanted.iter().all(|(name, wanted)| value.get(name) == Some(wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::embedded_files;

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
