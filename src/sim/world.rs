//! The simulated org itself: entities by domain and key, generated from a seed, then edited.
//!
//! Pure: no clock, no network. Embedded references hold no more than the id and what belongs to the relation; what the API
//! copies from the target is put in when an entity is served, so a renamed division has its new name everywhere at once.
//! What the domains are is data; this module knows none by name.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::grants::{self, ClientGrant};
use super::made_up;
use super::population::{Member, Population, key_of};
use super::recipe::{Census, Scale, has_members};
use super::rng::Rng;
use super::template::{Filling, Targets};
use crate::catalogue::{Catalogue, Domain};
use crate::model::{DomainId, EntityKey, OwnedValue, Value};

/// How often an entity is made anew because its key is taken, before it is left out.
const ATTEMPTS: u32 = 8;

/// Why the simulated org cannot be changed as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// The catalogue has no such domain.
    #[error("the simulated org has no domain {0}")]
    UnknownDomain(DomainId),
    /// No entity has that name, key or number.
    #[error("{domain} of the simulated org has no entity {entity:?}")]
    NoSuchEntity {
        /// The domain that was searched.
        domain: DomainId,
        /// What was looked for.
        entity: String,
    },
    /// The key of a new entity cannot be made.
    #[error("a new entity of {0} lacks a part of its key")]
    NoKey(DomainId),
    /// An entity has that key already.
    #[error("{domain} of the simulated org has an entity {key} already")]
    KeyTaken {
        /// The domain.
        domain: DomainId,
        /// The key.
        key: EntityKey,
    },
    /// A pointer leads through something that is no object or list, or past the end of a list.
    #[error("nothing can be put at {0:?}")]
    NoSuchPlace(String),
    /// An edit refers to an entity by a name that none has.
    #[error("the simulated org has no entity {0:?} to refer to")]
    NobodyOfThatName(String),
}

/// An organisation that exists in memory only.
#[derive(Clone, Debug)]
pub struct World {
    catalogue: Arc<Catalogue>,
    org: String,
    seed: u64,
    made: u64,
    populations: BTreeMap<DomainId, Population>,
    grants: Vec<ClientGrant>,
}

impl World {
    /// Makes the org of a scale and a seed.
    #[must_use]
    pub fn generate(catalogue: &Arc<Catalogue>, scale: Scale, seed: u64) -> Self {
        let org = Rng::keyed(seed, &["org"]).uuid();
        let mut world = Self {
            catalogue: Arc::clone(catalogue),
            org: org.clone(),
            seed,
            made: 0,
            populations: BTreeMap::new(),
            grants: Vec::new(),
        };
        let census = Census::take(catalogue, scale, seed, &org);
        let mut waiting: Vec<&Domain> = catalogue.iter().collect();
        // Children follow their parents; parents in a circle have no children.
        while !waiting.is_empty() {
            let has_parents =
                |domain: &&Domain| domain.source.parent.as_ref().is_none_or(|id| world.populations.contains_key(id));
            let (ready, later): (Vec<&Domain>, Vec<&Domain>) = waiting.into_iter().partition(has_parents);
            let stuck = ready.is_empty();
            for domain in ready {
                let population = world.populated(domain, &census);
                world.populations.insert(domain.id.clone(), population);
            }
            waiting = if stuck { Vec::new() } else { later };
        }
        world.grants = grants::made_up(&world);
        world
    }

    fn populated(&self, domain: &Domain, census: &Census<'_>) -> Population {
        let detail_only = census.recipe(domain).map(|recipe| recipe.detail_only.clone()).unwrap_or_default();
        let mut population = Population { detail_only, ..Population::default() };
        let parents: Vec<Option<&EntityKey>> = match &domain.source.parent {
            None => vec![None],
            Some(parent) => self.keys(parent).map(Some).collect(),
        };
        for parent in parents {
            for index in 0..census.count(domain) {
                let made = (0..ATTEMPTS).filter_map(|attempt| self.made_member(domain, census, parent, index, attempt));
                let free = made.into_iter().find(|member| !population.by_key.contains_key(&member.key));
                if let Some(member) = free {
                    population.push(member);
                }
            }
        }
        population
    }

    fn made_member(
        &self,
        domain: &Domain,
        census: &Census<'_>,
        parent: Option<&EntityKey>,
        index: usize,
        attempt: u32,
    ) -> Option<Member> {
        let parent_text = parent.map(EntityKey::as_str);
        let id = census.id(domain, parent_text, index);
        let key = ["entity", domain.id.as_str(), parent_text.unwrap_or_default(), &format!("{index} {attempt}")];
        let mut filling = Filling {
            targets: census,
            rng: Rng::keyed(self.seed, &key),
            number: index + 1,
            parent: parent_text,
            itself: Some(&id),
            unresolved: Vec::new(),
        };
        let mut value = match census.recipe(domain) {
            Some(recipe) => {
                let mut value = recipe.template(index).clone();
                filling.fill(&mut value);
                value
            }
            None => made_up::entity(domain, index, &mut filling),
        };
        give_id(domain, &mut value, &id);
        let key = key_of(&domain.identity, &self.org, &value, parent)?;
        Some(Member { key, parent: parent.cloned(), value })
    }

    /// The id of the organisation.
    #[must_use]
    pub fn org_id(&self) -> &str {
        &self.org
    }

    /// The domains that the org consists of.
    #[must_use]
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// The names of the domains, in order.
    pub fn domains(&self) -> impl Iterator<Item = &DomainId> {
        self.populations.keys()
    }

    /// The keys of a domain's entities, in the order of the listing.
    pub fn keys(&self, domain: &DomainId) -> impl Iterator<Item = &EntityKey> {
        self.members(domain).iter().map(|member| &member.key)
    }

    /// An entity, without what the API adds when it serves it.
    #[must_use]
    pub fn entity(&self, domain: &DomainId, key: &EntityKey) -> Option<&OwnedValue> {
        self.member(domain, key).map(|member| &member.value)
    }

    /// An entity to be changed in place; the parts of its key must stay.
    pub fn entity_mut(&mut self, domain: &DomainId, key: &EntityKey) -> Option<&mut OwnedValue> {
        let population = self.populations.get_mut(domain)?;
        let index = *population.by_key.get(key)?;
        Some(&mut population.members[index].value)
    }

    /// The name of an entity.
    #[must_use]
    pub fn name_of(&self, domain: &DomainId, key: &EntityKey) -> Option<&str> {
        name_in(self.catalogue.get(domain)?, self.entity(domain, key)?)
    }

    /// The key of the entity of a name; of several the first.
    #[must_use]
    pub fn find(&self, domain: &DomainId, name: &str) -> Option<&EntityKey> {
        let definition = self.catalogue.get(domain)?;
        let member = self.members(domain).iter().find(|member| name_in(definition, &member.value) == Some(name))?;
        Some(&member.key)
    }

    /// Adds an entity and gives it an id where it needs one and has none.
    pub fn insert(
        &mut self,
        domain: &DomainId,
        parent: Option<&EntityKey>,
        mut value: OwnedValue,
    ) -> Result<EntityKey, WorldError> {
        let catalogue = Arc::clone(&self.catalogue);
        let definition = catalogue.get(domain).ok_or_else(|| WorldError::UnknownDomain(domain.clone()))?;
        give_id(definition, &mut value, &self.new_id(domain));
        let key =
            key_of(&definition.identity, &self.org, &value, parent).ok_or_else(|| WorldError::NoKey(domain.clone()))?;
        let population = self.populations.entry(domain.clone()).or_default();
        if population.by_key.contains_key(&key) {
            return Err(WorldError::KeyTaken { domain: domain.clone(), key });
        }
        population.push(Member { key: key.clone(), parent: parent.cloned(), value });
        Ok(key)
    }

    /// Puts another entity in the place of one; its key may differ.
    pub(super) fn replace(
        &mut self,
        domain: &DomainId,
        key: &EntityKey,
        value: OwnedValue,
    ) -> Result<EntityKey, WorldError> {
        let missing = || WorldError::NoSuchEntity { domain: domain.clone(), entity: key.as_str().to_owned() };
        let catalogue = Arc::clone(&self.catalogue);
        let definition = catalogue.get(domain).ok_or_else(|| WorldError::UnknownDomain(domain.clone()))?;
        let population = self.populations.get_mut(domain).ok_or_else(missing)?;
        let index = *population.by_key.get(key).ok_or_else(missing)?;
        let parent = population.members[index].parent.clone();
        let new_key = key_of(&definition.identity, &self.org, &value, parent.as_ref())
            .ok_or_else(|| WorldError::NoKey(domain.clone()))?;
        if new_key != *key && population.by_key.contains_key(&new_key) {
            return Err(WorldError::KeyTaken { domain: domain.clone(), key: new_key });
        }
        population.put(index, Member { key: new_key.clone(), parent, value });
        Ok(new_key)
    }

    /// Takes an entity out, and with it all that hangs below it in per-parent domains; false where there is none.
    pub fn remove(&mut self, domain: &DomainId, key: &EntityKey) -> bool {
        let Some(population) = self.populations.get_mut(domain) else { return false };
        if !population.by_key.contains_key(key) {
            return false;
        }
        population.take_out(|member| member.key == *key);
        let catalogue = Arc::clone(&self.catalogue);
        for child in catalogue.iter().filter(|child| child.source.parent.as_ref() == Some(domain)) {
            let members = self.members(&child.id).iter();
            let below: Vec<EntityKey> =
                members.filter(|member| member.parent.as_ref() == Some(key)).map(|member| member.key.clone()).collect();
            for child_key in below {
                self.remove(&child.id, &child_key);
            }
        }
        true
    }

    /// Leaves an entity out of its listing, or shows it again; its own read answers all the same, as where the program lost its
    /// view of a part of the organisation.
    pub fn hide(&mut self, domain: &DomainId, key: &EntityKey, hidden: bool) {
        let Some(population) = self.populations.get_mut(domain) else { return };
        if hidden {
            population.hidden.insert(key.clone());
        } else {
            population.hidden.remove(key);
        }
    }

    pub(super) fn is_hidden(&self, domain: &DomainId, key: &EntityKey) -> bool {
        self.populations.get(domain).is_some_and(|population| population.hidden.contains(key))
    }

    /// What the program that logs in may do, and where.
    #[must_use]
    pub fn client_grants(&self) -> &[ClientGrant] {
        &self.grants
    }

    /// Gives the program that logs in other grants. They are told when it asks for them; what it sees stays as it is.
    pub fn set_client_grants(&mut self, grants: Vec<ClientGrant>) {
        self.grants = grants;
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// A new id, different from all before.
    pub(super) fn new_id(&mut self, domain: &DomainId) -> String {
        self.made += 1;
        Rng::keyed(self.seed, &["made", domain.as_str(), &self.made.to_string()]).uuid()
    }

    /// What is drawn from for the next edit.
    pub(super) fn next_rng(&mut self) -> Rng {
        self.made += 1;
        Rng::keyed(self.seed, &["edit", &self.made.to_string()])
    }

    pub(super) fn members(&self, domain: &DomainId) -> &[Member] {
        self.populations.get(domain).map(|population| population.members.as_slice()).unwrap_or_default()
    }

    pub(super) fn member(&self, domain: &DomainId, key: &EntityKey) -> Option<&Member> {
        let population = self.populations.get(domain)?;
        population.by_key.get(key).map(|index| &population.members[*index])
    }

    /// An entity that was removed, as it was.
    pub(super) fn gone(&self, domain: &DomainId) -> impl Iterator<Item = &Member> {
        self.populations.get(domain).into_iter().flat_map(|population| population.gone.values())
    }

    /// Members that the items of a listing lack.
    pub(super) fn detail_only(&self, domain: &DomainId) -> &[String] {
        self.populations.get(domain).map(|population| population.detail_only.as_slice()).unwrap_or_default()
    }
}

impl Targets for World {
    fn any(&self, domain: &str, having: Option<&OwnedValue>, avoid: Option<&str>, rng: &mut Rng) -> Option<String> {
        let members = self.members(&domain.parse().ok()?);
        let start = rng.below(members.len());
        let around = members.iter().skip(start).chain(members.iter().take(start));
        let mut fitting = around.filter(|member| having.is_none_or(|having| has_members(&member.value, having)));
        fitting.find(|member| Some(member.key.as_str()) != avoid).map(|member| member.key.as_str().to_owned())
    }

    fn named(&self, domain: &str, name: &str) -> Option<String> {
        self.find(&domain.parse().ok()?, name).map(|key| key.as_str().to_owned())
    }
}

/// Gives an entity an id where its schema has that member and its template said nothing.
fn give_id(domain: &Domain, value: &mut OwnedValue, id: &str) {
    let has_id = domain.shape.node(domain.shape.entity()).members.contains_key("id");
    if let Value::Object(object) = value
        && has_id
        && object.get("id").is_none()
    {
        object.insert(Cow::Borrowed("id"), Value::from(id));
    }
}

fn name_in<'v>(domain: &Domain, value: &'v OwnedValue) -> Option<&'v str> {
    domain.identity.name.as_ref()?.find(value)?.as_str()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::canonical::{compact, read_str};

    fn catalogue() -> Arc<Catalogue> {
        Arc::new(Catalogue::built_in().unwrap())
    }

    fn everything(world: &World) -> Vec<(String, String)> {
        let of_domain = |domain| {
            let of_member =
                move |member: &Member| (format!("{domain} {} {:?}", member.key, member.parent), compact(&member.value));
            world.members(domain).iter().map(of_member)
        };
        world.domains().flat_map(of_domain).collect()
    }

    /// A domain whose entities are the parents of another.
    fn parent_and_child(world: &World) -> (DomainId, DomainId) {
        let child = world.catalogue().iter().find(|domain| domain.source.parent.is_some()).unwrap();
        (child.source.parent.clone().unwrap(), child.id.clone())
    }

    #[test]
    fn the_seed_decides_everything() {
        let catalogue = catalogue();
        let of = |seed| everything(&World::generate(&catalogue, Scale::Small, seed));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn every_domain_has_entities_at_every_scale() {
        let catalogue = catalogue();
        for scale in [Scale::Small, Scale::Medium] {
            let world = World::generate(&catalogue, scale, 3);
            assert!(world.domains().eq(catalogue.names()));
            for domain in world.domains() {
                assert!(world.keys(domain).next().is_some(), "{domain}");
            }
        }
    }

    #[test]
    fn references_to_known_domains_lead_to_entities() {
        let world = World::generate(&catalogue(), Scale::Small, 1);
        let mut seen = 0;
        for domain in world.catalogue().iter() {
            for reference in &domain.references {
                let targets: Vec<_> =
                    reference.targets.iter().filter(|id| world.populations.contains_key(id)).collect();
                if targets.len() < reference.targets.len() {
                    continue;
                }
                for member in world.members(&domain.id) {
                    for place in reference.path.find_all(&member.value) {
                        let id = place.get("id").unwrap_or(place).as_str().unwrap();
                        let key = EntityKey::new(id);
                        let found = targets.iter().any(|target| world.entity(target, &key).is_some());
                        assert!(found, "{} {}: {id}", domain.id, reference.path);
                        seen += 1;
                    }
                }
            }
        }
        assert!(seen > 100);
    }

    #[test]
    fn what_is_removed_takes_its_children_along_and_is_remembered() {
        let mut world = World::generate(&catalogue(), Scale::Small, 1);
        let (parent, child) = parent_and_child(&world);
        let key = world.keys(&parent).next().unwrap().clone();
        let children = |world: &World| world.members(&child).iter().filter(|m| m.parent.as_ref() == Some(&key)).count();
        assert!(children(&world) > 0);
        assert!(world.remove(&parent, &key));
        assert_eq!((world.entity(&parent, &key), children(&world)), (None, 0));
        assert!(world.gone(&parent).any(|member| member.key == key));
        assert!(!world.remove(&parent, &key));
        let others: BTreeSet<_> = world.members(&child).iter().map(|member| member.parent.clone().unwrap()).collect();
        assert!(others.iter().all(|other| world.entity(&parent, other).is_some()) && !others.is_empty());
    }

    #[test]
    fn a_new_entity_gets_an_id_and_a_key_is_not_given_twice() {
        let mut world = World::generate(&catalogue(), Scale::Small, 1);
        let (domain, _) = parent_and_child(&world);
        let made = |world: &mut World| world.insert(&domain, None, read_str(r#"{"name":"New"}"#).unwrap()).unwrap();
        let (first, second) = (made(&mut world), made(&mut world));
        assert_ne!(first, second);
        assert_eq!(world.name_of(&domain, &first), Some("New"));
        assert_eq!(world.find(&domain, "New"), Some(&first));
        let taken = world.entity(&domain, &first).unwrap().clone();
        assert_eq!(world.insert(&domain, None, taken), Err(WorldError::KeyTaken { domain, key: first }));
    }
}
