//! Edits of a script made in the simulated org.

use std::borrow::Cow;

use super::notify::Happening;
use super::place;
use super::population::Member;
use super::script::{Action, Edit, EntityPick};
use super::template::Filling;
use super::world::{World, WorldError, id_of, name_in};
use crate::catalogue::FieldPath;
use crate::model::{DomainId, EntityKey, OwnedValue, Pointer, Value};

impl World {
    /// Makes an edit; the answer is the key of the entity, which is a new one after [`Action::Add`] and [`Action::Recreate`].
    /// An edit that cannot be made changes no entity.
    pub fn apply(&mut self, edit: &Edit) -> Result<EntityKey, WorldError> {
        let before = self.member_before(edit);
        let key = self.make(edit)?;
        let after = self.member_of(&edit.domain, &key);
        let mut touched: Vec<Member> = after.into_iter().chain(before).collect();
        touched.dedup_by(|earlier, later| earlier.key == later.key);
        for member in touched {
            let definition = self.catalogue().get(&edit.domain);
            let name = definition.and_then(|domain| name_in(domain, &member.value)).map(ToOwned::to_owned);
            self.happens(Happening::Changed {
                domain: edit.domain.clone(),
                id: id_of(&member).to_owned(),
                name,
                parent: member.parent().map(|parent| parent.as_str().to_owned()),
            });
        }
        Ok(key)
    }

    /// The entity that an edit is about, as it is; `None` where there is none yet.
    pub(super) fn member_before(&self, edit: &Edit) -> Option<Member> {
        if matches!(edit.action, Action::Add { .. }) {
            return None;
        }
        self.member_of(&edit.domain, &self.picked(&edit.domain, edit.entity.as_ref()).ok()?)
    }

    pub(super) fn member_of(&self, domain: &DomainId, key: &EntityKey) -> Option<Member> {
        self.find_member(domain, key).map(Cow::into_owned)
    }

    fn make(&mut self, edit: &Edit) -> Result<EntityKey, WorldError> {
        let domain = &edit.domain;
        if self.catalogue().get(domain).is_none() {
            return Err(WorldError::UnknownDomain(domain.clone()));
        }
        match &edit.action {
            Action::Add { template, parent } => self.add(domain, template, parent.as_deref()),
            Action::Set(values) => self.put(edit, values, |place, value| {
                *place = value;
                true
            }),
            Action::Append(values) => self.put(edit, values, append),
            Action::Unset(places) => {
                let (key, mut entity) = self.picked_entity(edit)?;
                for pointer in places {
                    place::remove(&mut entity, pointer).ok_or_else(|| blocked(pointer))?;
                }
                self.replace(domain, &key, entity)
            }
            Action::Remove => {
                let key = self.picked(domain, edit.entity.as_ref())?;
                self.remove(domain, &key);
                Ok(key)
            }
            Action::Recreate => self.recreate(edit),
        }
    }

    /// Fills templates and puts them in their places.
    fn put(
        &mut self,
        edit: &Edit,
        values: &[(Pointer, OwnedValue)],
        put: fn(&mut OwnedValue, OwnedValue) -> bool,
    ) -> Result<EntityKey, WorldError> {
        let (key, mut entity) = self.picked_entity(edit)?;
        for (pointer, template) in values {
            let value = self.filled(&edit.domain, template, None)?;
            let is_put = place::make(&mut entity, pointer).is_some_and(|place| put(place, value));
            if !is_put {
                return Err(blocked(pointer));
            }
        }
        self.replace(&edit.domain, &key, entity)
    }

    fn add(&mut self, domain: &DomainId, template: &OwnedValue, parent: Option<&str>) -> Result<EntityKey, WorldError> {
        let parents = self.catalogue().get(domain).and_then(|domain| domain.source.parent.clone());
        let parent = match (parents, parent) {
            (Some(parents), Some(name)) => Some(self.picked(&parents, Some(&EntityPick::Name(name.to_owned())))?),
            _ => None,
        };
        let value = self.filled(domain, template, parent.as_ref())?;
        self.insert(domain, parent.as_ref(), value)
    }

    fn recreate(&mut self, edit: &Edit) -> Result<EntityKey, WorldError> {
        let catalogue = std::sync::Arc::clone(self.catalogue());
        let domain = &edit.domain;
        let (key, mut entity) = self.picked_entity(edit)?;
        let definition = catalogue.get(domain).ok_or_else(|| WorldError::UnknownDomain(domain.clone()))?;
        let parent = self.find_member(domain, &key).and_then(|member| member.parent().cloned());
        let id = self.new_id(definition);
        let old = place::find_mut(&mut entity, &Pointer::root().child("id"));
        let old = old.map(|place| std::mem::replace(place, Value::from(id.as_str())));
        let Some(Value::String(old)) = old else { return Err(WorldError::NoKey(domain.clone())) };
        self.remove(domain, &key);
        let made = self.insert(domain, parent.as_ref(), entity)?;
        self.redirect(domain, &old, &id)?;
        Ok(made)
    }

    /// Lets everything that refers to one id refer to another; keys that hold it change with it.
    fn redirect(&mut self, target: &DomainId, from: &str, to: &str) -> Result<(), WorldError> {
        let catalogue = std::sync::Arc::clone(self.catalogue());
        for domain in catalogue.iter() {
            let references = domain.references.iter().filter(|reference| reference.targets.contains(target));
            let paths: Vec<&FieldPath> = references.map(|reference| &reference.path).collect();
            if paths.is_empty() {
                continue;
            }
            for key in self.keys(&domain.id).cloned().collect::<Vec<_>>() {
                let Some(entity) = self.entity(&domain.id, &key) else { continue };
                let refers =
                    paths.iter().flat_map(|path| path.find_all(entity)).any(|place| id_in(place) == Some(from));
                if refers {
                    let mut entity = entity.clone();
                    for path in &paths {
                        path.for_each_mut(&mut entity, &mut |place| redirect_place(place, from, to));
                    }
                    self.replace(&domain.id, &key, entity)?;
                }
            }
        }
        Ok(())
    }

    fn picked_entity(&self, edit: &Edit) -> Result<(EntityKey, OwnedValue), WorldError> {
        let key = self.picked(&edit.domain, edit.entity.as_ref())?;
        let member = self.find_member(&edit.domain, &key);
        let entity = member.map_or(Value::Null, |member| member.into_owned().value);
        Ok((key, entity))
    }

    /// The key of the entity that is meant.
    pub(super) fn picked(&self, domain: &DomainId, pick: Option<&EntityPick>) -> Result<EntityKey, WorldError> {
        let (found, entity) = match pick {
            None => (self.keys(domain).next(), String::new()),
            Some(EntityPick::Index(index)) => (self.keys(domain).nth(*index), index.to_string()),
            Some(EntityPick::Name(name)) => {
                let by_key = || self.keys(domain).find(|key| key.as_str() == name);
                (self.find(domain, name).or_else(by_key), name.clone())
            }
        };
        found.cloned().ok_or_else(|| WorldError::NoSuchEntity { domain: domain.clone(), entity })
    }

    fn filled(
        &mut self,
        domain: &DomainId,
        template: &OwnedValue,
        parent: Option<&EntityKey>,
    ) -> Result<OwnedValue, WorldError> {
        let mut filling = Filling {
            rng: self.next_rng(),
            targets: &*self,
            number: self.next_number(domain),
            parent: parent.map(EntityKey::as_str),
            itself: None,
            unresolved: Vec::new(),
        };
        let mut value = template.clone();
        let stands_for_something = filling.fill(&mut value);
        match filling.unresolved.pop() {
            Some(name) => Err(WorldError::NobodyOfThatName(name)),
            None => Ok(if stands_for_something { value } else { Value::Null }),
        }
    }
}

/// Adds to a list, which is made where it is missing; false where there is something else.
fn append(place: &mut OwnedValue, value: OwnedValue) -> bool {
    match place {
        Value::Array(items) => items.push(value),
        Value::Null => *place = Value::Array(vec![value]),
        _ => return false,
    }
    true
}

/// The id in a reference, which is an object or the id itself.
fn id_in(place: &OwnedValue) -> Option<&str> {
    place.get("id").unwrap_or(place).as_str()
}

fn redirect_place(place: &mut OwnedValue, from: &str, to: &str) {
    let id = match place {
        Value::Object(object) => object.get_mut("id"),
        id => Some(id),
    };
    if let Some(id) = id.filter(|id| id.as_str() == Some(from)) {
        *id = Value::from(to);
    }
}

fn blocked(pointer: &Pointer) -> WorldError {
    WorldError::NoSuchPlace(pointer.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::canonical::compact;
    use crate::catalogue::{Catalogue, Domain, Paging};
    use crate::sim::{DAY_SEED, EditAudit, Scale, Script};

    fn world() -> World {
        World::generate(&Arc::new(Catalogue::built_in().unwrap()), Scale::Small, DAY_SEED)
    }

    /// Entities by domain and key, as text.
    fn entities(world: &World) -> Vec<(String, String)> {
        let of_domain = |domain: &DomainId| {
            let text = |key| compact(world.entity(domain, key).unwrap());
            world.keys(domain).map(|key| (format!("{domain} {key}"), text(key))).collect::<Vec<_>>()
        };
        world.domains().flat_map(of_domain).collect()
    }

    /// A listing with parents below it, whose entities others refer to.
    fn parents(world: &World) -> DomainId {
        let is_target = |id: &DomainId| {
            world
                .catalogue()
                .iter()
                .flat_map(|domain| &domain.references)
                .any(|reference| reference.targets.contains(id))
        };
        let mut parents = world.catalogue().iter().filter_map(|domain| domain.source.parent.clone());
        parents.find(|id| is_target(id)).unwrap()
    }

    fn edit(domain: &DomainId, entity: usize, action: Action) -> Edit {
        Edit {
            at: chrono::NaiveTime::MIN,
            by: String::new(),
            domain: domain.clone(),
            entity: Some(EntityPick::Index(entity)),
            action,
            audit: EditAudit::default(),
        }
    }

    #[test]
    fn the_built_in_day_can_be_made_and_changes_something_each_time() {
        let mut world = world();
        let script = Script::built_in().unwrap();
        assert!(script.edits.len() >= 8);
        assert!(script.edits.is_sorted_by_key(|edit| edit.at));
        let is_person = |world: &World, name: &str| world.domains().any(|domain| world.find(domain, name).is_some());
        for edit in &script.edits {
            assert!(is_person(&world, &edit.by), "{}", edit.by);
            let before = entities(&world);
            world.apply(edit).unwrap_or_else(|error| panic!("{}: {error}", edit.at));
            assert_ne!(entities(&world), before, "{}", edit.at);
        }
    }

    #[test]
    fn set_append_and_unset_change_their_places_alone() {
        let mut world = world();
        let domain = parents(&world);
        let at = Pointer::from_text;
        let number = |value| Value::from(value);
        let set = |place, value| Action::Set(vec![(at(place), value)]);
        let key = world.apply(&edit(&domain, 1, set("/new/deep", number(1)))).unwrap();
        world.apply(&edit(&domain, 1, Action::Append(vec![(at("/new/list"), number(2))]))).unwrap();
        world.apply(&edit(&domain, 1, Action::Append(vec![(at("/new/list"), number(3))]))).unwrap();
        let new = |world: &World| compact(world.entity(&domain, &key).unwrap().get("new").unwrap());
        assert_eq!(new(&world), r#"{"deep":1,"list":[2,3]}"#);
        world.apply(&edit(&domain, 1, Action::Unset(vec![at("/new/list/0"), at("/new/deep")]))).unwrap();
        assert_eq!(new(&world), r#"{"list":[3]}"#);
        let before = entities(&world);
        for wrong in [set("/new/list/7", number(1)), Action::Append(vec![(at("/name"), number(1))])] {
            assert!(matches!(world.apply(&edit(&domain, 1, wrong)), Err(WorldError::NoSuchPlace(_))));
        }
        assert!(matches!(world.apply(&edit(&domain, 1000, Action::Remove)), Err(WorldError::NoSuchEntity { .. })));
        assert_eq!(entities(&world), before);
    }

    #[test]
    fn what_is_made_again_has_a_new_id_and_is_referred_to_by_it() {
        let mut world = world();
        let domain = parents(&world);
        let catalogue = Arc::clone(world.catalogue());
        let old = world.keys(&domain).next().unwrap().clone();
        let name = world.name_of(&domain, &old).unwrap().to_owned();
        let count = |world: &World, id: &str| entities(world).iter().filter(|(_, text)| text.contains(id)).count();
        // What every parent has, the new one has too.
        let below = |domain: &&Domain| domain.source.parent.is_some() && domain.source.paging != Paging::Singleton;
        let children: Vec<&DomainId> = catalogue.iter().filter(below).map(|domain| &domain.id).collect();
        let new = world.apply(&edit(&domain, 0, Action::Recreate)).unwrap();
        assert_eq!(world.name_of(&domain, &new), Some(name.as_str()));
        assert_eq!((world.entity(&domain, &old), count(&world, old.as_str())), (None, 0));
        assert!(count(&world, new.as_str()) > 1, "nothing refers to it");
        for child in children {
            assert!(world.members(child).iter().all(|member| member.parent() != Some(&new)));
        }
    }
}
