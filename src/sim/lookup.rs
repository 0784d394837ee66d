//! What of the org a request means: the parents that its path stands for, the list that it asks for, the entity that it reads.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use super::filter::Filter;
use super::population::{Below, Kept, Member, Members, own_parts, text_in};
use super::world::World;
use crate::catalogue::{Binding, Domain, FieldPath, KeyPart, Under};
use crate::model::{DomainId, EntityKey};

/// The values of placeholders and parameters that come from a parent.
pub(super) type Bound = BTreeMap<String, String>;

impl World {
    /// All entities of a domain, in the order of their listings.
    pub(super) fn members(&self, domain: &DomainId) -> &[Member] {
        self.all(domain).map(Members::as_slice).unwrap_or_default()
    }

    pub(super) fn member(&self, domain: &DomainId, key: &EntityKey) -> Option<&Member> {
        let changed = self.below(domain).into_iter().flat_map(|below| &below.changed);
        let mut listed = changed.filter(|(under, _)| self.is_listing(domain, under)).flat_map(|(_, list)| list);
        listed.find(|member| member.key == *key).or_else(|| self.all(domain)?.get(key))
    }

    /// An entity, without making any other list than its own where its key tells which that is.
    pub(super) fn find_member(&self, domain: &DomainId, key: &EntityKey) -> Option<Cow<'_, Member>> {
        let definition = self.catalogue().get(domain)?;
        let parent_part = definition.identity.key.iter().position(|part| *part == KeyPart::Parent);
        let (Some(below), Some(parents), Some(part)) = (self.below(domain), &definition.source.parent, parent_part)
        else {
            return self.member(domain, key).map(Cow::Borrowed);
        };
        if below.all.get().is_some() {
            return self.member(domain, key).map(Cow::Borrowed);
        }
        let parent = self.find_member(parents, &part_of(definition, key, part)?)?;
        let listings = listings_of(definition, &parent);
        listings.iter().find_map(|under| found_in(self.list(definition, under), |member| member.key == *key))
    }

    /// The entities of one listing of a parent.
    pub(super) fn list(&self, domain: &Domain, under: &Under) -> Cow<'_, [Member]> {
        let changed = self.below(&domain.id).and_then(|below| below.changed.get(under));
        match changed {
            Some(members) => Cow::Borrowed(members),
            None => Cow::Owned(self.first_list(domain, under)),
        }
    }

    /// The listings that a request with certain values asks for.
    pub(super) fn listings_for(&self, domain: &Domain, bound: &Bound) -> Vec<Under> {
        let Some(parents) = &domain.source.parent else { return Vec::new() };
        if let Some(key) = self.parent_key(domain, bound) {
            let parent = self.find_member(parents, &key);
            let listings = parent.map(|parent| listings_of(domain, &parent));
            return listings.into_iter().flatten().filter(|under| under.values == *bound).collect();
        }
        let Some(below) = self.below(&domain.id) else { return Vec::new() };
        let listings = below.listings.get_or_init(|| {
            let mut listings: HashMap<Bound, Vec<Under>> = HashMap::new();
            for under in self.listings(domain) {
                listings.entry(under.values.clone()).or_default().push(under);
            }
            listings
        });
        listings.get(bound).cloned().unwrap_or_default()
    }

    /// The entity that a read means by the placeholders of its path: parts of its key, else values that come from its parent.
    pub(super) fn read(&self, domain: &Domain, given: &[(String, String)]) -> Option<Cow<'_, Member>> {
        let wanted = Wanted::of(domain, given);
        if let Some(key) = self.wanted_key(domain, &wanted) {
            return self.find_member(&domain.id, &key);
        }
        if !wanted.bound.is_empty() && domain.source.bind.keys().eq(wanted.bound.keys()) {
            let mut listings = self.listings_for(domain, &wanted.bound).into_iter();
            return listings.find_map(|under| found_in(self.list(domain, &under), |member| wanted.is(member)));
        }
        let all = self.members(&domain.id);
        let Some((parts, below)) = wanted.parts.as_ref().zip(self.below(&domain.id)) else {
            return all.iter().find(|member| wanted.is(member)).map(Cow::Borrowed);
        };
        let by_own_parts = below.by_own_parts.get_or_init(|| {
            let mut found: HashMap<Vec<String>, Vec<usize>> = HashMap::new();
            for (index, member) in all.iter().enumerate() {
                found.entry(own_parts(&domain.identity, &member.value)).or_default().push(index);
            }
            found
        });
        let mut found = by_own_parts.get(parts).into_iter().flatten().filter_map(|index| all.get(*index));
        found.find(|member| wanted.is(member)).map(Cow::Borrowed)
    }

    /// The entity that a read meant before it was removed.
    pub(super) fn read_gone(&self, domain: &Domain, given: &[(String, String)]) -> Option<&Member> {
        let wanted = Wanted::of(domain, given);
        self.gone(&domain.id).find(|member| wanted.is(member))
    }

    /// The entities of a domain without parents that a request lets be seen.
    pub(super) fn shown(&self, domain: &Domain, filter: Filter) -> Vec<&Member> {
        let Some(population) = self.population(&domain.id) else { return Vec::new() };
        let Kept::Own(members, views) = &population.kept else { return Vec::new() };
        let members = members.as_slice();
        let is_shown =
            |filter: &Filter, member: &Member| filter.shows(&member.value) && !population.hidden.contains(&member.key);
        let find = |filter: &Filter| {
            members.iter().enumerate().filter(|(_, member)| is_shown(filter, member)).map(|(index, _)| index).collect()
        };
        views.of(filter, find).iter().filter_map(|index| members.get(*index)).collect()
    }

    /// The running number of a new entity.
    pub(super) fn next_number(&self, domain: &DomainId) -> usize {
        let count = self.below(domain).map_or_else(|| self.members(domain).len(), |below| below.changed.len());
        count + 1
    }

    /// Every listing of a domain with parents.
    fn listings(&self, domain: &Domain) -> impl Iterator<Item = Under> {
        let parents = domain.source.parent.as_ref().map(|parent| self.members(parent)).unwrap_or_default();
        parents.iter().flat_map(|parent| listings_of(domain, parent))
    }

    /// Whether a listing is there now; another one may have taken its place.
    fn is_listing(&self, domain: &DomainId, under: &Under) -> bool {
        let definition = self.catalogue().get(domain);
        let parents = definition.and_then(|domain| domain.source.parent.as_ref());
        let parent = parents.and_then(|parents| self.find_member(parents, &under.parent));
        let listings = definition.zip(parent).map(|(domain, parent)| listings_of(domain, &parent));
        listings.is_some_and(|listings| listings.contains(under))
    }

    fn all(&self, domain: &DomainId) -> Option<&Members> {
        match &self.population(domain)?.kept {
            Kept::Own(members, _) => Some(members),
            Kept::Below(below) => Some(below.all.get_or_init(|| {
                let definition = self.catalogue().get(domain);
                let mut all = Members::default();
                for under in definition.into_iter().flat_map(|definition| self.listings(definition)) {
                    let list = definition.map(|definition| self.list(definition, &under).into_owned());
                    for member in list.into_iter().flatten() {
                        all.push(member);
                    }
                }
                all
            })),
        }
    }

    fn below(&self, domain: &DomainId) -> Option<&Below> {
        match &self.population(domain)?.kept {
            Kept::Below(below) => Some(below),
            Kept::Own(..) => None,
        }
    }

    /// The key of the parent, where the values of a request tell it.
    fn parent_key(&self, domain: &Domain, bound: &Bound) -> Option<EntityKey> {
        let parts = &self.catalogue().get(domain.source.parent.as_ref()?)?.identity.key;
        let of = |wanted: &dyn Fn(&Binding) -> bool| {
            let (name, _) = domain.source.bind.iter().find(|(_, binding)| wanted(binding))?;
            bound.get(name).map(String::as_str)
        };
        if let Some(key) = of(&|binding| *binding == Binding::Key) {
            return Some(EntityKey::new(key));
        }
        let part = |(index, part): (usize, &KeyPart)| {
            let is_part = |binding: &Binding| match (binding, part) {
                (Binding::KeyPart(bound), _) => *bound == index,
                (Binding::Field(bound), KeyPart::Field(path)) => bound == path,
                _ => false,
            };
            of(&is_part)
        };
        let parts: Vec<&str> = parts.iter().enumerate().map(part).collect::<Option<_>>()?;
        Some(EntityKey::join(&parts))
    }

    /// The whole key of what a read means, where its path tells it.
    fn wanted_key(&self, domain: &Domain, wanted: &Wanted) -> Option<EntityKey> {
        let mut own = wanted.parts.as_ref()?.iter();
        let part = |part: &KeyPart| match part {
            KeyPart::Field(_) => own.next().cloned(),
            KeyPart::Org => Some(self.org_id().to_owned()),
            KeyPart::Parent => self.parent_key(domain, &wanted.bound).map(|parent| parent.as_str().to_owned()),
        };
        let parts: Vec<String> = domain.identity.key.iter().map(part).collect::<Option<_>>()?;
        Some(EntityKey::join(&parts.iter().map(String::as_str).collect::<Vec<_>>()))
    }
}

/// What the path of a read says of the entity.
struct Wanted {
    fields: Vec<(FieldPath, String)>,
    bound: Bound,
    /// The parts of its key that are fields of its own, where the path has all of them.
    parts: Option<Vec<String>>,
}

impl Wanted {
    fn of(domain: &Domain, given: &[(String, String)]) -> Self {
        let key: Vec<&FieldPath> = domain
            .identity
            .key
            .iter()
            .filter_map(|part| match part {
                KeyPart::Field(path) => Some(path),
                KeyPart::Parent | KeyPart::Org => None,
            })
            .collect();
        let mut wanted = Self { fields: Vec::new(), bound: Bound::new(), parts: None };
        for (name, value) in given {
            let path = FieldPath::parse(name);
            if domain.source.bind.contains_key(name) && !key.contains(&&path) {
                wanted.bound.insert(name.clone(), value.clone());
            } else {
                wanted.fields.push((path, value.clone()));
            }
        }
        let of_field = |path: &&FieldPath| {
            let field = wanted.fields.iter().find(|(field, _)| field == *path);
            field.map(|(_, value)| value.clone())
        };
        wanted.parts = key.iter().map(of_field).collect();
        wanted
    }

    fn is(&self, member: &Member) -> bool {
        let is_field =
            |(path, text): &(FieldPath, String)| path.find(&member.value).and_then(text_in) == Some(text.as_str());
        let is_bound = |(name, text): (&String, &String)| {
            member.under.as_ref().and_then(|under| under.values.get(name)) == Some(text)
        };
        self.fields.iter().all(is_field) && self.bound.iter().all(is_bound)
    }
}

/// The listings that there are of a parent.
pub(super) fn listings_of(domain: &Domain, parent: &Member) -> Vec<Under> {
    domain.source.listings_under(&parent.key, &parent.value)
}

/// A part of a key as a key.
fn part_of(domain: &Domain, key: &EntityKey, part: usize) -> Option<EntityKey> {
    if domain.identity.key.len() == 1 {
        return Some(key.clone());
    }
    key.parts().nth(part).map(|part| EntityKey::new(&part))
}

fn found_in(list: Cow<'_, [Member]>, is_wanted: impl Fn(&Member) -> bool) -> Option<Cow<'_, Member>> {
    match list {
        Cow::Borrowed(members) => members.iter().find(|member| is_wanted(member)).map(Cow::Borrowed),
        Cow::Owned(members) => members.into_iter().find(|member| is_wanted(member)).map(Cow::Owned),
    }
}
