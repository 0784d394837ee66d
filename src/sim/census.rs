//! All entities that a simulated org begins with, by number.
//!
//! Their ids follow from the seed alone, so that a reference can be made before its target is, circles are no difficulty, and a
//! list of a parent can be made alone, whenever it is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::made_up::{self, Outline};
use super::making::id_of_uuid;
use super::recipe::{Recipe, Scale, has_members};
use super::rng::Rng;
use super::template::Targets;
use crate::catalogue::{Binding, Catalogue, Domain, FieldPath, KeyPart, Paging, Segment, Under};
use crate::model::{DomainId, EntityKey, OwnedValue};

/// The path at which the API tells about the organisation itself.
pub(super) const ORGANISATION_PATH: &str = "/api/v2/organizations/me";

/// How likely it is that an optional listing has anything, where no recipe says it.
const PRESENT: f64 = 2.0 / 3.0;

/// Most entities of a list of a parent's that nothing is said of.
const MOST_BELOW: usize = 2;

/// What an org consists of at first.
#[derive(Debug)]
pub(super) struct Census {
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) seed: u64,
    pub(super) org: String,
    scale: Scale,
    recipes: BTreeMap<DomainId, Recipe>,
    children: BTreeMap<DomainId, Vec<DomainId>>,
    outlines: BTreeMap<DomainId, Outline>,
}

impl Census {
    pub(super) fn take(catalogue: &Arc<Catalogue>, scale: Scale, seed: u64) -> Self {
        let mut children: BTreeMap<DomainId, Vec<DomainId>> = BTreeMap::new();
        for domain in catalogue.iter().filter(|domain| is_founded(catalogue, domain)) {
            if let Some(parent) = &domain.source.parent {
                children.entry(parent.clone()).or_default().push(domain.id.clone());
            }
        }
        let recipes: BTreeMap<DomainId, Recipe> =
            catalogue.names().filter_map(|id| Some((id.clone(), Recipe::of(id)?))).collect();
        let outline = |domain: &Domain| {
            let children = children.get(&domain.id).into_iter().flatten().filter_map(|child| catalogue.get(child));
            (domain.id.clone(), Outline::of(domain, &children.collect::<Vec<_>>()))
        };
        let is_made_up = |domain: &&Domain| recipes.get(&domain.id).is_none_or(|recipe| recipe.template(0).is_none());
        Self {
            catalogue: Arc::clone(catalogue),
            seed,
            org: Rng::keyed(seed, &["org"]).uuid(),
            scale,
            outlines: catalogue.iter().filter(is_made_up).map(outline).collect(),
            recipes,
            children,
        }
    }

    pub(super) fn recipe(&self, domain: &Domain) -> Option<&Recipe> {
        self.recipes.get(&domain.id)
    }

    /// What the entities of a domain have in common that no recipe describes.
    pub(super) fn outline(&self, domain: &Domain) -> Option<&Outline> {
        self.outlines.get(&domain.id)
    }

    /// The domains whose entities belong to those of another.
    pub(super) fn children(&self, parent: &DomainId) -> &[DomainId] {
        self.children.get(parent).map(Vec::as_slice).unwrap_or_default()
    }

    /// How many entities a listing has.
    pub(super) fn count(&self, domain: &Domain, under: Option<&Under>) -> usize {
        let source = &domain.source;
        let mut rng = Rng::keyed(self.seed, &["count", domain.id.as_str(), &scope(domain, under)]);
        let recipe = self.recipe(domain);
        if source.optional && !rng.chance(recipe.and_then(|recipe| recipe.present).unwrap_or(PRESENT)) {
            0
        } else if source.paging == Paging::Singleton {
            1
        } else if let Some(count) = recipe.and_then(|recipe| recipe.count(self.scale)) {
            count
        } else if source.parent.is_some() {
            1 + rng.below(MOST_BELOW)
        } else {
            self.scale.entities()
        }
    }

    /// The id of the entity of an index.
    pub(super) fn id(&self, domain: &Domain, scope: &str, index: usize) -> String {
        if domain.source.path == ORGANISATION_PATH {
            return self.org.clone();
        }
        let uuid = Rng::keyed(self.seed, &["id", domain.id.as_str(), scope, &index.to_string()]).uuid();
        id_of_uuid(domain, uuid)
    }

    /// The id in the key of an entity.
    pub(super) fn id_in_key(&self, domain: &DomainId, key: &EntityKey) -> String {
        let id = FieldPath::parse("id");
        let is_id = |part: &KeyPart| matches!(part, KeyPart::Field(path) if *path == id);
        let position = self.catalogue.get(domain).and_then(|domain| domain.identity.key.iter().position(is_id));
        position.and_then(|position| key.parts().nth(position)).unwrap_or_else(|| key.as_str().to_owned())
    }

    /// The entities above those of a listing, as ids by domain: the parent, its parent, and so on as far as the keys tell.
    pub(super) fn above(&self, domain: &Domain, under: Option<&Under>) -> Vec<(DomainId, String)> {
        let mut above = Vec::new();
        let mut step = domain.source.parent.clone().zip(under.map(|under| under.parent.clone()));
        while let Some((id, key)) = step {
            above.push((id.clone(), self.id_in_key(&id, &key)));
            step = self.catalogue.get(&id).and_then(|parent| {
                let position = parent.identity.key.iter().position(|part| *part == KeyPart::Parent)?;
                Some((parent.source.parent.clone()?, EntityKey::new(&key.parts().nth(position)?)))
            });
        }
        above
    }

    /// The key of an entity, where it can be told without the entity.
    pub(super) fn key(&self, domain: &Domain, parent: Option<&EntityKey>, index: usize) -> Option<EntityKey> {
        let scope = parent.map(EntityKey::as_str).unwrap_or_default();
        let part = |part: &KeyPart| match part {
            KeyPart::Parent => parent.map(|parent| parent.as_str().to_owned()),
            KeyPart::Org => Some(self.org.clone()),
            KeyPart::Field(path) if *path == FieldPath::parse("id") => {
                let is_reference = domain.references.iter().any(|reference| reference.path == *path);
                (!is_reference).then(|| self.id(domain, scope, index))
            }
            KeyPart::Field(path) if self.outline(domain).is_some() => made_up::own_text(domain, path, scope, index),
            KeyPart::Field(_) => None,
        };
        let parts: Vec<String> = domain.identity.key.iter().map(part).collect::<Option<_>>()?;
        Some(EntityKey::join(&parts.iter().map(String::as_str).collect::<Vec<_>>()))
    }

    /// What a reference to the entity of a number says; numbers past the end begin anew.
    pub(super) fn reference(&self, domain: &DomainId, number: usize) -> Option<String> {
        let domain = self.catalogue.get(domain)?;
        if domain.source.parent.is_some() {
            return None;
        }
        let index = number.checked_rem(self.count(domain, None))?;
        Some(self.id_in_key(&domain.id, &self.key(domain, None, index)?))
    }

    /// Any key of a domain.
    fn any_key(&self, domain: &Domain, rng: &mut Rng) -> Option<EntityKey> {
        let parent = match &domain.source.parent {
            Some(parent) => Some(self.any_key(self.catalogue.get(parent)?, rng)?),
            None => None,
        };
        self.key_below(domain, parent.as_ref(), rng)
    }

    /// Any key of a domain below a parent.
    pub(super) fn key_below(&self, domain: &Domain, parent: Option<&EntityKey>, rng: &mut Rng) -> Option<EntityKey> {
        if !is_founded(&self.catalogue, domain) || is_told_apart(domain) {
            return None;
        }
        let under = parent.map(|parent| Under { parent: parent.clone(), values: BTreeMap::new() });
        let count = self.count(domain, under.as_ref());
        if count == 0 { None } else { self.key(domain, parent, rng.below(count)) }
    }
}

impl Targets for Census {
    fn any(&self, domain: &str, having: Option<&OwnedValue>, avoid: Option<&str>, rng: &mut Rng) -> Option<String> {
        let domain = self.catalogue.get(&domain.parse().ok()?)?;
        if domain.source.parent.is_some() {
            return Some(self.id_in_key(&domain.id, &self.any_key(domain, rng)?));
        }
        let count = self.count(domain, None);
        let start = rng.below(count);
        let recipe = self.recipe(domain);
        let fits = |index: usize| match (having, recipe.and_then(|recipe| recipe.template(index))) {
            (Some(having), Some(template)) => has_members(template, having),
            _ => true,
        };
        let indexes = (start..count).chain(0..start).filter(|index| fits(*index));
        let id = |index: usize| {
            let key = self.key(domain, None, index);
            key.map_or_else(|| self.id(domain, "", index), |key| self.id_in_key(&domain.id, &key))
        };
        indexes.map(id).find(|id| Some(id.as_str()) != avoid)
    }

    fn named(&self, _: &str, _: &str) -> Option<String> {
        // Names are given while entities are made; only edits of a finished org can use them.
        None
    }
}

/// What tells the entities of one listing from those of all other listings of a domain.
pub(super) fn scope(domain: &Domain, under: Option<&Under>) -> String {
    let Some(under) = under else { return String::new() };
    let mut scope = under.parent.as_str().to_owned();
    for (name, value) in &under.values {
        if domain.source.bind.get(name).is_some_and(|binding| tells_apart(domain, name, binding)) {
            scope.push(' ');
            scope.push_str(value);
        }
    }
    scope
}

/// Whether one parent can have several listings, at one time or one after the other.
fn is_told_apart(domain: &Domain) -> bool {
    domain.source.bind.iter().any(|(name, binding)| tells_apart(domain, name, binding))
}

fn tells_apart(domain: &Domain, name: &str, binding: &Binding) -> bool {
    let Binding::Field(path) = binding else { return false };
    let leads_to_several = path.segments().iter().any(|segment| !matches!(segment, Segment::Name(_)));
    leads_to_several || domain.source.stamp.iter().any(|stamp| stamp == name)
}

/// Whether the parents of a domain, and theirs, end at a domain that has none.
pub(super) fn is_founded(catalogue: &Catalogue, domain: &Domain) -> bool {
    let parent = |domain: &&Domain| catalogue.get(domain.source.parent.as_ref()?);
    let most = catalogue.names().count();
    std::iter::successors(Some(domain), parent).take(most + 1).count() <= most
}
