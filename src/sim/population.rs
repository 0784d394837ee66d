//! The entities of one domain: in the order of their listings, found by key, and those that were removed.
//!
//! The entities of a domain without parents are kept one by one. Those below parents may be many times more, and few of them
//! ever change: what is kept of them are the lists that somebody changed. Every other list is made from the seed again whenever
//! it is asked for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::filter::Filter;
use crate::catalogue::{Identity, KeyPart, Under};
use crate::model::{EntityKey, OwnedValue, Value};

/// One entity.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) key: EntityKey,
    /// The listing that it is in, where that is one of a parent's.
    pub(super) under: Option<Arc<Under>>,
    pub(super) value: OwnedValue,
}

/// Entities in their order, found by key.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    all: Vec<Member>,
    by_key: HashMap<EntityKey, usize>,
}

/// The entities of one domain.
#[derive(Clone, Debug)]
pub(super) struct Population {
    pub(super) kept: Kept,
    pub(super) gone: HashMap<EntityKey, Member>,
    /// What its listing does not show although it is there.
    pub(super) hidden: HashSet<EntityKey>,
}

/// How the entities of a domain are kept.
#[derive(Clone, Debug)]
pub(super) enum Kept {
    /// One by one.
    Own(Members, Views),
    /// By the listings of their parents.
    Below(Below),
}

/// Entities below parents.
#[derive(Clone, Debug, Default)]
pub(super) struct Below {
    /// The lists that are no longer what they were at first.
    pub(super) changed: BTreeMap<Under, Vec<Member>>,
    /// All entities, once somebody asked for all.
    pub(super) all: OnceLock<Members>,
    /// Of those the ones that have some values in the parts of their key that are their own.
    pub(super) by_own_parts: OnceLock<HashMap<Vec<String>, Vec<usize>>>,
    /// The listings there are by the values that a request for them has.
    pub(super) listings: OnceLock<HashMap<BTreeMap<String, String>, Vec<Under>>>,
}

/// The positions of what a listing shows, by the filter of the request: most requests are for a further page of one listing.
#[derive(Debug, Default)]
pub(super) struct Views(Mutex<HashMap<Filter, Arc<Vec<usize>>>>);

impl Member {
    /// The key of the parent.
    pub(super) fn parent(&self) -> Option<&EntityKey> {
        self.under.as_ref().map(|under| &under.parent)
    }
}

impl Members {
    /// Adds an entity at the end.
    pub(super) fn push(&mut self, member: Member) {
        self.by_key.insert(member.key.clone(), self.all.len());
        self.all.push(member);
    }

    /// Puts another entity in the place of one.
    pub(super) fn put(&mut self, key: &EntityKey, member: Member) {
        if let Some(index) = self.by_key.remove(key) {
            self.by_key.insert(member.key.clone(), index);
            self.all[index] = member;
        }
    }

    /// Takes an entity out.
    pub(super) fn take(&mut self, key: &EntityKey) {
        if let Some(index) = self.by_key.remove(key) {
            for later in self.by_key.values_mut().filter(|later| **later > index) {
                *later -= 1;
            }
            self.all.remove(index);
        }
    }

    pub(super) fn get(&self, key: &EntityKey) -> Option<&Member> {
        self.by_key.get(key).map(|index| &self.all[*index])
    }

    pub(super) fn get_mut(&mut self, key: &EntityKey) -> Option<&mut Member> {
        self.by_key.get(key).map(|index| &mut self.all[*index])
    }

    pub(super) fn as_slice(&self) -> &[Member] {
        &self.all
    }

    pub(super) fn into_vec(self) -> Vec<Member> {
        self.all
    }
}

/// A list that is about to change.
pub(super) enum Opened<'p> {
    /// The only one of a domain without parents.
    Own(&'p mut Members),
    /// One of a parent's.
    Below(&'p mut Vec<Member>),
}

impl Opened<'_> {
    /// Adds an entity at the end.
    pub(super) fn push(self, member: Member) {
        match self {
            Self::Own(members) => members.push(member),
            Self::Below(list) => list.push(member),
        }
    }

    /// Puts another entity in the place of one.
    pub(super) fn put(self, key: &EntityKey, member: Member) {
        match self {
            Self::Own(members) => members.put(key, member),
            Self::Below(list) => list.iter_mut().filter(|old| old.key == *key).for_each(|old| *old = member.clone()),
        }
    }

    /// Takes an entity out.
    pub(super) fn take(self, key: &EntityKey) {
        match self {
            Self::Own(members) => members.take(key),
            Self::Below(list) => list.retain(|member| member.key != *key),
        }
    }
}

impl<'p> Opened<'p> {
    pub(super) fn member(self, key: &EntityKey) -> Option<&'p mut Member> {
        match self {
            Self::Own(members) => members.get_mut(key),
            Self::Below(list) => list.iter_mut().find(|member| member.key == *key),
        }
    }
}

impl Population {
    pub(super) fn new(kept: Kept) -> Self {
        Self { kept, gone: HashMap::new(), hidden: HashSet::new() }
    }

    /// The list of a parent, which is kept from now on, or the domain's only one.
    pub(super) fn open(&mut self, under: Option<&Under>, list: Vec<Member>) -> Option<Opened<'_>> {
        match (&mut self.kept, under) {
            (Kept::Own(members, _), None) => Some(Opened::Own(members)),
            (Kept::Below(below), Some(under)) => {
                Some(Opened::Below(below.changed.entry(under.clone()).or_insert(list)))
            }
            _ => None,
        }
    }

    /// Forgets what was derived from the entities, because they change.
    pub(super) fn forget_views(&mut self) {
        match &mut self.kept {
            Kept::Own(_, views) => *views = Views::default(),
            Kept::Below(below) => {
                below.all.take();
                below.by_own_parts.take();
            }
        }
    }

    /// Forgets what was derived from the parents, because they change.
    pub(super) fn forget_parents(&mut self) {
        self.forget_views();
        if let Kept::Below(below) = &mut self.kept {
            below.listings.take();
        }
    }
}

impl Views {
    /// The positions that belong to a filter, found now or earlier.
    pub(super) fn of(&self, filter: Filter, find: impl FnOnce(&Filter) -> Vec<usize>) -> Arc<Vec<usize>> {
        let mut views = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = views.get(&filter) {
            return Arc::clone(found);
        }
        let found = Arc::new(find(&filter));
        views.insert(filter, Arc::clone(&found));
        found
    }
}

impl Clone for Views {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// The key of an entity; `None` where a part of it is missing.
pub(super) fn key_of(
    identity: &Identity,
    org: &str,
    value: &OwnedValue,
    parent: Option<&EntityKey>,
) -> Option<EntityKey> {
    let part = |part: &KeyPart| match part {
        KeyPart::Parent => parent.map(EntityKey::as_str),
        KeyPart::Org => Some(org),
        KeyPart::Field(path) => text_in(path.find(value)?),
    };
    let parts: Vec<&str> = identity.key.iter().map(part).collect::<Option<_>>()?;
    Some(EntityKey::join(&parts))
}

/// The values of the parts of an entity's key that are fields of its own.
pub(super) fn own_parts(identity: &Identity, value: &OwnedValue) -> Vec<String> {
    let fields = identity.key.iter().filter_map(|part| match part {
        KeyPart::Field(path) => Some(path),
        KeyPart::Parent | KeyPart::Org => None,
    });
    fields.map(|path| path.find(value).and_then(text_in).unwrap_or_default().to_owned()).collect()
}

/// A text or number as it is in a key or path.
pub(super) fn text_in(value: &OwnedValue) -> Option<&str> {
    match value {
        Value::Number(number) => Some(number.as_str()),
        value => value.as_str(),
    }
}
