//! The simulated org itself: entities by domain and key, generated from a seed, then edited.
//!
//! Pure: no clock, no network. Embedded references hold no more than the id and what belongs to the relation; what the API
//! copies from the target is put in when an entity is served, so a renamed division has its new name everywhere at once.
//! What the domains are is data; this module knows none by name.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::audit::AuditLog;
use super::census::{Census, is_founded};
use super::executions::Executions;
use super::grants::{self, ClientGrant};
use super::lookup::listings_of;
use super::making::{give_id, give_stamps, id_of_uuid};
use super::notify::Happening;
use super::population::{Below, Kept, Member, Members, Opened, Population, Views, key_of, text_in};
use super::recipe::{Scale, has_members};
use super::rng::Rng;
use super::template::Targets;
use crate::catalogue::{Catalogue, Domain, FieldPath, Paging, Under};
use crate::model::{DomainId, EntityKey, OwnedValue};

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
    /// A parent has no listing that an entity could be in.
    #[error("{parent} has no list of {domain} in the simulated org")]
    NoList {
        /// The domain of the entity.
        domain: DomainId,
        /// The parent; empty where none was named.
        parent: String,
    },
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
    census: Arc<Census>,
    made: u64,
    populations: BTreeMap<DomainId, Population>,
    /// Parents that were not there at first: nothing is below them but what is put there, and what every parent has.
    late: HashSet<(DomainId, EntityKey)>,
    grants: Vec<ClientGrant>,
    audits: AuditLog,
    executions: Executions,
    /// What happened since somebody asked.
    happenings: Vec<Happening>,
}

impl World {
    /// Makes the org of a scale and a seed.
    #[must_use]
    pub fn generate(catalogue: &Arc<Catalogue>, scale: Scale, seed: u64) -> Self {
        let census = Census::take(catalogue, scale, seed);
        let populated = |domain: &Domain| {
            let kept = match &domain.source.parent {
                None => Kept::Own(census.made(domain, None), Views::default()),
                Some(_) if is_founded(catalogue, domain) => Kept::Below(Below::default()),
                // Parents in a circle have no children.
                Some(_) => Kept::Own(Members::default(), Views::default()),
            };
            (domain.id.clone(), Population::new(kept))
        };
        let populations = catalogue.iter().map(populated).collect();
        let mut world = Self {
            census: Arc::new(census),
            made: 0,
            populations,
            late: HashSet::new(),
            grants: Vec::new(),
            audits: AuditLog::default(),
            executions: Executions::default(),
            happenings: Vec::new(),
        };
        world.grants = grants::made_up(&world);
        world
    }

    /// The id of the organisation.
    #[must_use]
    pub fn org_id(&self) -> &str {
        &self.census.org
    }

    /// The domains that the org consists of.
    #[must_use]
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.census.catalogue
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
        let catalogue = Arc::clone(self.catalogue());
        let under = self.find_member(domain, key)?.under.clone();
        let list = self.open(catalogue.get(domain)?, under.as_deref())?;
        list.member(key).map(|member| &mut member.value)
    }

    /// The name of an entity.
    #[must_use]
    pub fn name_of(&self, domain: &DomainId, key: &EntityKey) -> Option<&str> {
        name_in(self.catalogue().get(domain)?, self.entity(domain, key)?)
    }

    /// The key of the entity of a name; of several the first.
    #[must_use]
    pub fn find(&self, domain: &DomainId, name: &str) -> Option<&EntityKey> {
        let definition = self.catalogue().get(domain)?;
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
        let catalogue = Arc::clone(self.catalogue());
        let definition = catalogue.get(domain).ok_or_else(|| WorldError::UnknownDomain(domain.clone()))?;
        let under = self.list_for(definition, parent, &value)?;
        give_id(definition, &mut value, &self.new_id(definition));
        give_stamps(definition, &mut value, under.as_deref());
        let key = key_of(&definition.identity, self.org_id(), &value, parent)
            .ok_or_else(|| WorldError::NoKey(domain.clone()))?;
        if self.find_member(domain, &key).is_some() {
            return Err(WorldError::KeyTaken { domain: domain.clone(), key });
        }
        let member = Member { key: key.clone(), under: under.clone(), value };
        if let Some(list) = self.open(definition, under.as_deref()) {
            list.push(member);
        }
        self.late.insert((domain.clone(), key.clone()));
        if let Some(population) = self.populations.get_mut(domain) {
            population.gone.remove(&key);
        }
        Ok(key)
    }

    /// The listing that a new entity is in: of several the one whose values it bears, else the first.
    fn list_for(
        &self,
        domain: &Domain,
        parent: Option<&EntityKey>,
        value: &OwnedValue,
    ) -> Result<Option<Arc<Under>>, WorldError> {
        let Some(parents) = &domain.source.parent else { return Ok(None) };
        let none = || WorldError::NoList {
            domain: domain.id.clone(),
            parent: parent.map(EntityKey::to_string).unwrap_or_default(),
        };
        let parent = parent.and_then(|parent| self.find_member(parents, parent)).ok_or_else(none)?;
        let mut listings = listings_of(domain, &parent);
        let bears = |under: &Under| {
            let mut stamps = domain.source.stamps(Some(under));
            stamps.all(|(name, stamp)| value.get(name).and_then(text_in) == Some(stamp))
        };
        let index = listings.iter().position(bears).unwrap_or(0);
        if listings.is_empty() { Err(none()) } else { Ok(Some(Arc::new(listings.swap_remove(index)))) }
    }

    /// Puts another entity in the place of one; its key may differ.
    pub(super) fn replace(
        &mut self,
        domain: &DomainId,
        key: &EntityKey,
        value: OwnedValue,
    ) -> Result<EntityKey, WorldError> {
        let missing = || WorldError::NoSuchEntity { domain: domain.clone(), entity: key.as_str().to_owned() };
        let catalogue = Arc::clone(self.catalogue());
        let definition = catalogue.get(domain).ok_or_else(|| WorldError::UnknownDomain(domain.clone()))?;
        let under = self.find_member(domain, key).ok_or_else(missing)?.under.clone();
        let parent = under.as_ref().map(|under| &under.parent);
        let new_key = key_of(&definition.identity, self.org_id(), &value, parent)
            .ok_or_else(|| WorldError::NoKey(domain.clone()))?;
        if new_key != *key && self.find_member(domain, &new_key).is_some() {
            return Err(WorldError::KeyTaken { domain: domain.clone(), key: new_key });
        }
        let member = Member { key: new_key.clone(), under: under.clone(), value };
        if let Some(list) = self.open(definition, under.as_deref()) {
            list.put(key, member);
        }
        Ok(new_key)
    }

    /// Takes an entity out, and with it all that hangs below it in per-parent domains; false where there is none.
    pub fn remove(&mut self, domain: &DomainId, key: &EntityKey) -> bool {
        let catalogue = Arc::clone(self.catalogue());
        let Some(definition) = catalogue.get(domain) else { return false };
        let Some(member) = self.find_member(domain, key).map(Cow::into_owned) else { return false };
        for child in self.census.children(domain).to_vec() {
            let Some(child) = catalogue.get(&child) else { continue };
            for under in listings_of(child, &member) {
                for below in self.list(child, &under).into_owned() {
                    self.remove(&child.id, &below.key);
                }
            }
        }
        if let Some(list) = self.open(definition, member.under.as_deref()) {
            list.take(key);
        }
        if let Some(population) = self.populations.get_mut(domain) {
            population.gone.insert(key.clone(), member);
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
        population.forget_views();
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

    /// The records of who did what.
    #[must_use]
    pub fn audits(&self) -> &AuditLog {
        &self.audits
    }

    /// The same, to add records or to let something go wrong with them.
    pub fn audits_mut(&mut self) -> &mut AuditLog {
        &mut self.audits
    }

    /// What flows did, as far as it does not follow from the seed.
    #[must_use]
    pub fn executions(&self) -> &Executions {
        &self.executions
    }

    /// The same, to let something happen or go wrong.
    pub fn executions_mut(&mut self) -> &mut Executions {
        &mut self.executions
    }

    /// Takes note of something that somebody may have subscribed to.
    pub(super) fn happens(&mut self, happening: Happening) {
        self.happenings.push(happening);
    }

    /// What happened since this was asked last.
    pub(super) fn take_happenings(&mut self) -> Vec<Happening> {
        std::mem::take(&mut self.happenings)
    }

    pub(super) fn seed(&self) -> u64 {
        self.census.seed
    }

    /// A new id, different from all before.
    pub(super) fn new_id(&mut self, domain: &Domain) -> String {
        self.made += 1;
        let key = ["made", domain.id.as_str(), &self.made.to_string()];
        id_of_uuid(domain, Rng::keyed(self.census.seed, &key).uuid())
    }

    /// What is drawn from for the next edit.
    pub(super) fn next_rng(&mut self) -> Rng {
        self.made += 1;
        Rng::keyed(self.census.seed, &["edit", &self.made.to_string()])
    }

    /// The domains whose entities belong to those of another.
    pub(super) fn children(&self, domain: &DomainId) -> &[DomainId] {
        self.census.children(domain)
    }

    pub(super) fn population(&self, domain: &DomainId) -> Option<&Population> {
        self.populations.get(domain)
    }

    /// What a listing of a parent is before anybody changed it.
    pub(super) fn first_list(&self, domain: &Domain, under: &Under) -> Vec<Member> {
        let parents = domain.source.parent.clone();
        let is_late = parents.is_some_and(|parents| self.late.contains(&(parents, under.parent.clone())));
        let is_of_all = domain.source.paging == Paging::Singleton && !domain.source.optional;
        if is_late && !is_of_all { Vec::new() } else { self.census.made(domain, Some(under)).into_vec() }
    }

    /// An entity that was removed, as it was.
    pub(super) fn gone(&self, domain: &DomainId) -> impl Iterator<Item = &Member> {
        self.populations.get(domain).into_iter().flat_map(|population| population.gone.values())
    }

    /// Members that the items of a listing lack.
    pub(super) fn detail_only(&self, domain: &DomainId) -> &[String] {
        let recipe = self.catalogue().get(domain).and_then(|domain| self.census.recipe(domain));
        recipe.map(|recipe| recipe.detail_only.as_slice()).unwrap_or_default()
    }

    /// A list that is about to change, and with it all that was derived from it.
    fn open(&mut self, domain: &Domain, under: Option<&Under>) -> Option<Opened<'_>> {
        let list = under.map(|under| self.list(domain, under).into_owned()).unwrap_or_default();
        self.forget(&domain.id);
        self.populations.get_mut(&domain.id)?.open(under, list)
    }

    /// Forgets what was derived from the entities of a domain, here and below.
    fn forget(&mut self, domain: &DomainId) {
        if let Some(population) = self.populations.get_mut(domain) {
            population.forget_views();
        }
        let mut below: Vec<DomainId> = self.census.children(domain).to_vec();
        while let Some(child) = below.pop() {
            if let Some(population) = self.populations.get_mut(&child) {
                population.forget_parents();
            }
            below.extend_from_slice(self.census.children(&child));
        }
    }
}

impl Targets for World {
    fn any(&self, domain: &str, having: Option<&OwnedValue>, avoid: Option<&str>, rng: &mut Rng) -> Option<String> {
        let members = self.members(&domain.parse().ok()?);
        let start = rng.below(members.len());
        let around = members.iter().skip(start).chain(members.iter().take(start));
        let fitting = around.filter(|member| having.is_none_or(|having| has_members(&member.value, having)));
        fitting.map(id_of).find(|id| Some(*id) != avoid).map(ToOwned::to_owned)
    }

    fn named(&self, domain: &str, name: &str) -> Option<String> {
        let domain = domain.parse().ok()?;
        self.member(&domain, self.find(&domain, name)?).map(|member| id_of(member).to_owned())
    }
}

/// What a reference to an entity says.
pub(super) fn id_of(member: &Member) -> &str {
    let id = FieldPath::parse("id").find(&member.value).and_then(text_in);
    id.unwrap_or_else(|| member.key.as_str())
}

pub(super) fn name_in<'v>(domain: &Domain, value: &'v OwnedValue) -> Option<&'v str> {
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
            let of_member = move |member: &Member| {
                (format!("{domain} {} {:?}", member.key, member.parent()), compact(&member.value))
            };
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
                let is_optional = world.catalogue().get(domain).unwrap().source.optional;
                assert!(is_optional || world.keys(domain).next().is_some(), "{domain}");
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
                let ids: BTreeSet<&str> = targets.iter().flat_map(|target| world.members(target)).map(id_of).collect();
                for member in world.members(&domain.id) {
                    for place in reference.path.find_all(&member.value) {
                        let id = place.get("id").unwrap_or(place).as_str().unwrap();
                        assert!(ids.contains(id), "{} {}: {id}", domain.id, reference.path);
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
        let children = |world: &World| world.members(&child).iter().filter(|m| m.parent() == Some(&key)).count();
        assert!(children(&world) > 0);
        assert!(world.remove(&parent, &key));
        assert_eq!((world.entity(&parent, &key), children(&world)), (None, 0));
        assert!(world.gone(&parent).any(|member| member.key == key));
        assert!(!world.remove(&parent, &key));
        let others: BTreeSet<_> =
            world.members(&child).iter().map(|member| member.parent().cloned().unwrap()).collect();
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
