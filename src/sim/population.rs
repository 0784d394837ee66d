//! The entities of one domain: in the order of their listing, found by key, and those that were removed.

use std::collections::{HashMap, HashSet};

use crate::catalogue::{Identity, KeyPart};
use crate::model::{EntityKey, OwnedValue, Value};

/// The entities of one domain.
#[derive(Clone, Debug, Default)]
pub(super) struct Population {
    pub(super) members: Vec<Member>,
    pub(super) by_key: HashMap<EntityKey, usize>,
    pub(super) gone: HashMap<EntityKey, Member>,
    /// What its listing does not show although it is there.
    pub(super) hidden: HashSet<EntityKey>,
    /// Members that the items of the listing lack.
    pub(super) detail_only: Vec<String>,
}

/// One entity.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) key: EntityKey,
    pub(super) parent: Option<EntityKey>,
    pub(super) value: OwnedValue,
}

impl Population {
    /// Adds an entity at the end.
    pub(super) fn push(&mut self, member: Member) {
        self.gone.remove(&member.key);
        self.by_key.insert(member.key.clone(), self.members.len());
        self.members.push(member);
    }

    /// Puts another entity in the place of one.
    pub(super) fn put(&mut self, index: usize, member: Member) {
        self.by_key.remove(&self.members[index].key);
        self.by_key.insert(member.key.clone(), index);
        self.members[index] = member;
    }

    fn index(&mut self) {
        let keys = self.members.iter().enumerate();
        self.by_key = keys.map(|(index, member)| (member.key.clone(), index)).collect();
    }

    /// Takes entities out and remembers them.
    pub(super) fn take_out(&mut self, goes: impl Fn(&Member) -> bool) {
        let (gone, stay): (Vec<Member>, Vec<Member>) =
            std::mem::take(&mut self.members).into_iter().partition(|member| goes(member));
        self.members = stay;
        self.index();
        self.gone.extend(gone.into_iter().map(|member| (member.key.clone(), member)));
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
        KeyPart::Field(path) => match path.find(value)? {
            Value::Number(number) => Some(number.as_str()),
            value => value.as_str(),
        },
    };
    let parts: Vec<&str> = identity.key.iter().map(part).collect::<Option<_>>()?;
    Some(EntityKey::join(&parts))
}
