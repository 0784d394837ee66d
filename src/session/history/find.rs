//! What a person means by a domain and an entity.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::History;
use crate::catalogue::{Catalogue, Domain};
use crate::history::entities_of;
use crate::model::{DomainId, EntityKey, nearest};
use crate::policy::Names;
use crate::record::{domain_of, roots_of};
use crate::session::{Exit, Failure};
use crate::trail::{CommitId, ObjectId};

/// Most entities that are named where several fit.
const MOST_NAMED: usize = 20;

/// A domain, or an entity of one, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The domain.
    pub domain: DomainId,
    /// The key or a name of the entity.
    pub entity: Option<String>,
}

impl Target {
    /// Reads `DOMAIN` or `DOMAIN/ENTITY`.
    pub fn read(text: &str, catalogue: &Catalogue) -> Result<Self, Failure> {
        let (domain, entity) = match text.split_once('/') {
            Some((domain, entity)) => (domain, Some(entity.to_owned()).filter(|entity| !entity.is_empty())),
            None => (text, None),
        };
        let id: Option<DomainId> = domain.parse().ok();
        match id.filter(|id| catalogue.get(id).is_some()) {
            Some(domain) => Ok(Self { domain, entity }),
            None => Err(unknown_domain(domain, catalogue)),
        }
    }
}

pub(super) fn unknown_domain(name: &str, catalogue: &Catalogue) -> Failure {
    let failure = Failure::new(Exit::Usage, format!("there is no domain {name}"));
    failure.hint(match nearest(name, catalogue.names().map(DomainId::as_str)) {
        Some(nearest) => format!("did you mean {nearest}? `orgtrail domains` lists all domains"),
        None => "`orgtrail domains` lists all domains".to_owned(),
    })
}

/// Which entity is meant.
pub(super) enum Meant {
    /// One that is there in the state.
    Present(EntityKey),
    /// One that was there before; the last key that it had.
    Former(EntityKey),
}

impl Meant {
    pub(super) fn key(&self) -> &EntityKey {
        match self {
            Self::Present(key) | Self::Former(key) => key,
        }
    }
}

impl History<'_> {
    /// The key of the entity that is meant by a key or a name, in the state of a commit or before.
    pub(in crate::session) fn key_at(
        &self,
        domain: &DomainId,
        wanted: &str,
        at: &CommitId,
    ) -> Result<EntityKey, Failure> {
        Ok(self.find(self.domain(domain)?, wanted, at)?.key().clone())
    }

    /// The entity that is meant by a key or a name: one of the state of a commit, else one that was there before.
    pub(super) fn find(&self, domain: &Domain, wanted: &str, at: &CommitId) -> Result<Meant, Failure> {
        match self.search(domain, wanted, at)? {
            Some(meant) => Ok(meant),
            None => Err(unknown(domain, wanted, &self.names_of(domain, at)?, &self.past(domain, at)?)),
        }
    }

    /// Likewise; `None` where there never was one.
    pub(super) fn search(&self, domain: &Domain, wanted: &str, at: &CommitId) -> Result<Option<Meant>, Failure> {
        let key = EntityKey::new(wanted);
        if self.state(Some(*at)).find(&domain.id, &key)?.is_some() {
            return Ok(Some(Meant::Present(key)));
        }
        let present = self.names_of(domain, at)?;
        let called = |fits: &dyn Fn(&str) -> bool| -> Vec<EntityKey> {
            let is_called = |(_, name): &&(EntityKey, Option<String>)| name.as_deref().is_some_and(fits);
            present.iter().filter(is_called).map(|(key, _)| key.clone()).collect()
        };
        let lower = wanted.to_lowercase();
        let mut fitting = called(&|name| name == wanted);
        if fitting.is_empty() {
            fitting = called(&|name| name.to_lowercase() == lower);
        }
        match fitting.as_slice() {
            [] => {}
            [only] => return Ok(Some(Meant::Present(only.clone()))),
            several => return Err(ambiguous(domain, wanted, several, &present)),
        }
        let past = self.past(domain, at)?;
        let former: BTreeSet<EntityKey> = if past.names.contains_key(&key) {
            BTreeSet::from([self.latest(domain, &key, &past)?])
        } else {
            let is_called = |names: &BTreeSet<String>| names.iter().any(|name| name.to_lowercase() == lower);
            let called = past.names.iter().filter(|(_, names)| is_called(names));
            called.map(|(key, _)| self.latest(domain, key, &past)).collect::<Result<_, _>>()?
        };
        let former: Vec<EntityKey> = former.into_iter().collect();
        match former.as_slice() {
            [] => Ok(None),
            [only] if present.iter().any(|(key, _)| key == only) => Ok(Some(Meant::Present(only.clone()))),
            [only] => Ok(Some(Meant::Former(only.clone()))),
            several => {
                let names = |key: &EntityKey| past.names.get(key).and_then(|names| names.iter().next_back().cloned());
                let known: Vec<_> = several.iter().map(|key| (key.clone(), names(key))).collect();
                Err(ambiguous(domain, wanted, several, &known))
            }
        }
    }

    /// Every entity of a domain in the state of a commit, with its name.
    pub(super) fn names_of(&self, domain: &Domain, at: &CommitId) -> Result<Vec<(EntityKey, Option<String>)>, Failure> {
        let state = self.state(Some(*at));
        let names = Names::new(&self.workspace.catalogue, &state, &state);
        let mut found = BTreeMap::new();
        for root in roots_of(&domain.id) {
            for file in self.workspace.trail.files_between(None, at, &root)? {
                let Some(blob) = file.after else { continue };
                let text = self.texts.get(&blob.into())?;
                for entity in entities_of(&text) {
                    let name = match entity.name(domain) {
                        Some(name) => Some(name),
                        // A relation is called after what it relates.
                        None if domain.identity.name.is_none() => {
                            let value = super::commit::canonical(entity.text);
                            value.and_then(|value| {
                                names.of_entity(domain, &entity.key, &crate::canonical::value_of(&value))
                            })
                        }
                        None => None,
                    };
                    found.insert(entity.key, name);
                }
            }
        }
        Ok(found.into_iter().collect())
    }

    /// Every entity that a domain had before, by key, and where each of those that went did.
    fn past(&self, domain: &Domain, at: &CommitId) -> Result<Past, Failure> {
        let mut past = Past::default();
        let mut walk = self.workspace.trail.path_walk(at)?;
        for root in roots_of(&domain.id) {
            walk.watch(&root)?;
        }
        let mut scanned: HashMap<ObjectId, Rc<Entities>> = HashMap::new();
        while let Some(turn) = walk.next_turn(None)? {
            let mut sides = [BTreeSet::new(), BTreeSet::new()];
            for root in roots_of(&domain.id) {
                for file in self.workspace.trail.files_between(turn.parent.as_ref(), &turn.commit, &root)? {
                    if domain_of(&file.path).as_ref() != Some(&domain.id) {
                        continue;
                    }
                    for (keys, blob) in sides.iter_mut().zip([file.before, file.after]) {
                        let Some(blob) = blob else { continue };
                        let id = ObjectId::from(blob);
                        let entities = match scanned.remove(&id) {
                            Some(known) => known,
                            None => self.scan(domain, &id)?,
                        };
                        keys.extend(entities.iter().map(|(key, _)| key.clone()));
                        for (key, name) in entities.iter() {
                            past.names.entry(key.clone()).or_default().extend(name.clone());
                        }
                        if file.before == Some(blob) {
                            scanned.insert(id, entities);
                        }
                    }
                }
            }
            let [before, after] = sides;
            for key in before.difference(&after) {
                past.gone.entry(key.clone()).or_insert(turn.commit);
            }
        }
        Ok(past)
    }

    fn scan(&self, domain: &Domain, id: &ObjectId) -> Result<Rc<Entities>, Failure> {
        let text = self.texts.get(id)?;
        Ok(Rc::new(entities_of(&text).map(|found| (found.key.clone(), found.name(domain))).collect()))
    }

    /// The last key that an entity had which was there under this one.
    fn latest(&self, domain: &Domain, key: &EntityKey, past: &Past) -> Result<EntityKey, Failure> {
        let mut key = key.clone();
        let mut seen = BTreeSet::new();
        while let Some(commit) = past.gone.get(&key).filter(|_| seen.insert(key.clone())) {
            let commit = self.workspace.trail.commit_info(commit)?;
            let around = self.changes_around(&commit, domain)?;
            let is_own = |(of, _): &(&(DomainId, EntityKey), &EntityKey)| of.0 == domain.id;
            let mut successors = around.predecessors.iter().filter(is_own).filter(|(_, previous)| **previous == key);
            match successors.next() {
                Some(((_, successor), _)) => key = successor.clone(),
                None => break,
            }
        }
        Ok(key)
    }
}

/// Entities of a file, with their names.
type Entities = Vec<(EntityKey, Option<String>)>;

/// The entities that a domain ever had.
#[derive(Default)]
struct Past {
    /// The names of each.
    names: BTreeMap<EntityKey, BTreeSet<String>>,
    /// The last commit in which each went.
    gone: BTreeMap<EntityKey, CommitId>,
}

fn ambiguous(domain: &Domain, wanted: &str, several: &[EntityKey], names: &[(EntityKey, Option<String>)]) -> Failure {
    let line = |key: &EntityKey| {
        let name = names.iter().find(|(known, _)| known == key).and_then(|(_, name)| name.clone());
        name.map_or_else(|| format!("  {key}"), |name| format!("  {key}  {name}"))
    };
    let mut lines: Vec<String> = several.iter().take(MOST_NAMED).map(line).collect();
    if several.len() > MOST_NAMED {
        lines.push(format!("  and {} more", several.len() - MOST_NAMED));
    }
    let message = format!("{} entities of {} are called {wanted}:\n{}", several.len(), domain.id, lines.join("\n"));
    Failure::new(Exit::Usage, message).hint("name one by its key")
}

fn unknown(domain: &Domain, wanted: &str, present: &[(EntityKey, Option<String>)], past: &Past) -> Failure {
    let failure = Failure::new(Exit::Usage, format!("{} has no {wanted}, and never had", domain.id));
    let former = past.names.values().flatten().map(String::as_str);
    let names = present.iter().filter_map(|(_, name)| name.as_deref()).chain(former);
    let keys = past.names.keys().map(EntityKey::as_str);
    let mut near: Vec<&str> = Vec::new();
    let candidates: BTreeSet<&str> = names.chain(keys).collect();
    for _ in 0..3 {
        near.extend(nearest(wanted, candidates.iter().copied().filter(|candidate| !near.contains(candidate))));
    }
    let all = format!("`orgtrail show {}` lists all", domain.id);
    failure.hint(match near.as_slice() {
        [] => all,
        near => format!("did you mean {}? {all}", near.join(", ")),
    })
}
