//! One raw entity in, its key and canonical text out.
//!
//! Total: the answer is an entity, or the path that could not be taken and why. Idempotent, and blind to the order of members
//! and of set-like arrays.

use std::collections::{BTreeMap, BTreeSet};

use super::secret::{SECRET_MEMBER, SecretKey, is_fingerprint};
use super::treatment::{Node, NodeId, Treatment};
use super::{canonical_text, compact, read_str, value_of};
use crate::catalogue::{Domain, FieldPath, KeyPart, SetKey, Types};
use crate::model::{CanonicalText, EntityKey, OwnedValue, Pointer, Value};

/// Members of an embedded reference that always belong to its target.
const COPIED_MEMBERS: [&str; 6] = ["name", "displayName", "selfUri", "division", "description", "state"];

/// Makes canonical entities of one domain.
#[derive(Debug)]
pub struct Canonicaliser<'d> {
    domain: &'d Domain,
    treatment: Treatment,
    secrets: &'d SecretKey,
    org: &'d str,
}

/// What a raw entity became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Canonical {
    /// An entity.
    Entity(EntityKey, CanonicalText),
    /// The mark that an entity was deleted.
    Deleted(EntityKey),
}

/// Why a raw entity cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntityError {
    /// It is not an object.
    #[error("an entity is {0}, not an object")]
    NotAnObject(&'static str),
    /// A part of its key is missing or not a string or number.
    #[error("an entity has no usable {0}, which is part of its key")]
    NoKey(String),
}

/// What was noticed while entities were made canonical.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Members that the schema does not know, as pointers with `*` for items and map values.
    pub new_fields: BTreeSet<String>,
    /// Values of another kind than the schema expects, as pointer and kind found.
    pub unexpected: BTreeSet<(String, &'static str)>,
    /// Fingerprints of secrets → those of the same secrets under the key that was in use before, where it is known.
    pub rekeyed: BTreeMap<String, String>,
}

impl Notes {
    /// Adds what was noticed elsewhere.
    pub fn merge(&mut self, other: Self) {
        self.new_fields.extend(other.new_fields);
        self.unexpected.extend(other.unexpected);
        self.rekeyed.extend(other.rekeyed);
    }
}

impl<'d> Canonicaliser<'d> {
    /// Prepares for a domain of an organisation.
    #[must_use]
    pub fn new(domain: &'d Domain, secrets: &'d SecretKey, org: &'d str) -> Self {
        Self { domain, treatment: Treatment::compile(domain), secrets, org }
    }

    /// Makes a raw entity canonical.
    ///
    /// # Errors
    /// [`EntityError`] for a value that is not an entity of the domain.
    pub fn entity(
        &self,
        raw: Value<'_>,
        parent: Option<&EntityKey>,
        notes: &mut Notes,
    ) -> Result<Canonical, EntityError> {
        let key = self.key(&raw, parent)?;
        if self.is_deleted(&raw) {
            return Ok(Canonical::Deleted(key));
        }
        let mut entity = raw;
        if self.domain.identity.key == [KeyPart::Field(FieldPath::parse("id"))]
            && let Value::Object(object) = &mut entity
        {
            object.remove("id");
        }
        let text = self.settled(entity, &key, notes);
        Ok(Canonical::Entity(key, text))
    }

    /// Brings a stored entity into the form that the domain has now.
    #[must_use]
    pub fn migrate(&self, key: &EntityKey, stored: &CanonicalText) -> CanonicalText {
        self.settled(value_of(stored), key, &mut Notes::default())
    }

    /// The key of a raw entity.
    ///
    /// # Errors
    /// [`EntityError`] where it has none.
    pub fn key(&self, raw: &Value<'_>, parent: Option<&EntityKey>) -> Result<EntityKey, EntityError> {
        if raw.as_object().is_none() {
            return Err(EntityError::NotAnObject(raw.kind()));
        }
        let part = |part: &KeyPart| match part {
            KeyPart::Parent => parent.map(|key| key.as_str().to_owned()).ok_or("parent".to_owned()),
            KeyPart::Org => Ok(self.org.to_owned()),
            KeyPart::Field(path) => match path.find(raw) {
                Some(Value::String(text)) if !text.is_empty() => Ok(text.clone().into_owned()),
                Some(Value::Number(number)) => Ok(number.as_str().to_owned()),
                _ => Err(path.to_string()),
            },
        };
        let parts: Vec<String> =
            self.domain.identity.key.iter().map(part).collect::<Result<_, _>>().map_err(EntityError::NoKey)?;
        Ok(EntityKey::join(&parts.iter().map(String::as_str).collect::<Vec<_>>()))
    }

    /// Whether a raw entity bears the mark of a deleted one.
    #[must_use]
    pub fn is_deleted(&self, raw: &Value<'_>) -> bool {
        let marks = &self.domain.removal.gone_when;
        !marks.is_empty() && marks.iter().all(|(path, mark)| path.find(raw) == Some(mark))
    }

    fn settled(&self, mut entity: Value<'_>, key: &EntityKey, notes: &mut Notes) -> CanonicalText {
        let mut walk = Walk { canonicaliser: self, key, notes };
        walk.settle(&mut entity, Some(Treatment::ROOT), false, &Place::Root);
        canonical_text(&entity)
    }
}

/// Where the walk is; only spelled out when there is something to note.
enum Place<'p> {
    Root,
    Member(&'p Place<'p>, &'p str),
    Each(&'p Place<'p>),
}

impl Place<'_> {
    fn pointer(&self) -> Pointer {
        match self {
            Place::Root => Pointer::root(),
            Place::Member(parent, name) => parent.pointer().child(name),
            Place::Each(parent) => parent.pointer().child("*"),
        }
    }
}

struct Walk<'w, 'd> {
    canonicaliser: &'w Canonicaliser<'d>,
    key: &'w EntityKey,
    notes: &'w mut Notes,
}

impl Walk<'_, '_> {
    fn settle(&mut self, value: &mut Value<'_>, id: Option<NodeId>, secret: bool, place: &Place<'_>) {
        let node = id.map(|id| self.canonicaliser.treatment.node(id));
        let secret = secret || node.is_some_and(|node| node.secret);
        match value {
            Value::Object(_) if is_fingerprint(value) => {}
            Value::Object(object) => {
                if let Some(keep) = node.and_then(|node| node.reference.as_ref()) {
                    object.retain_mut(|name, _| belongs_to_reference(name, keep, node));
                }
                object.retain_mut(|name, value| self.settle_member(name, value, node, secret, place));
            }
            Value::Array(items) => {
                let item_node = node.and_then(Node::item);
                for item in items.iter_mut() {
                    self.settle(item, item_node, secret, &Place::Each(place));
                }
                if let Some(key) = node.and_then(|node| node.set.as_ref()) {
                    sort_set(items, key);
                }
            }
            leaf if secret && !matches!(leaf, Value::Null) => {
                *leaf = self.fingerprint(leaf);
                return;
            }
            Value::String(text) => {
                if let Some(converted) = node.and_then(|node| convert(text, node.types)) {
                    *value = converted;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        if let Some(node) = node
            && !node.types.allow(value)
            && !is_fingerprint(value)
            && !matches!(value, Value::Null)
        {
            self.notes.unexpected.insert((place.pointer().to_string(), value.kind()));
        }
    }

    fn fingerprint(&mut self, secret: &Value<'_>) -> OwnedValue {
        let Canonicaliser { secrets, domain, .. } = self.canonicaliser;
        let fingerprint = secrets.fingerprint(&domain.id, self.key, secret);
        if let Some(previous) = secrets.previous() {
            let text = |value: &Value<'_>| value.get(SECRET_MEMBER).and_then(Value::as_str).map(ToOwned::to_owned);
            let earlier = previous.fingerprint(&domain.id, self.key, secret);
            self.notes.rekeyed.extend(text(&fingerprint).zip(text(&earlier)));
        }
        fingerprint
    }

    /// Settles a member of an object; false where it is not content.
    fn settle_member(
        &mut self,
        name: &str,
        value: &mut Value<'_>,
        parent: Option<&Node>,
        secret: bool,
        place: &Place<'_>,
    ) -> bool {
        if matches!(value, Value::Null) {
            return false;
        }
        let (id, is_named) = parent.map_or((None, false), |parent| parent.member(name));
        if id.is_some_and(|id| self.canonicaliser.treatment.node(id).dropped) {
            return false;
        }
        let member = Place::Member(place, name);
        if let Some(parent) = parent {
            if parent.closed && id.is_none() {
                self.notes.new_fields.insert(member.pointer().to_string());
            }
            if !is_named && !parent.closed {
                self.settle(value, id, secret, &Place::Each(place));
                return true;
            }
        }
        self.settle(value, id, secret, &member);
        true
    }
}

/// Whether a member of an embedded reference is its id, belongs to the relation, or is new to us.
fn belongs_to_reference(name: &str, keep: &[String], node: Option<&Node>) -> bool {
    name == "id"
        || keep.iter().any(|kept| kept == name)
        || !(COPIED_MEMBERS.contains(&name) || node.is_some_and(|node| node.names(name)))
}

/// The value that a string is the exact canonical text of, where the schema expects such a value and no string.
fn convert(text: &str, types: Types) -> Option<Value<'static>> {
    if types.string || types.is_open() {
        return None;
    }
    let value = read_str(text).ok().filter(|value| matches!(value, Value::Number(_) | Value::Bool(_)))?;
    (types.allow(&value) && compact(&value) == text).then(|| value.into_owned())
}

/// Orders a set by the identity of its members; members of one identity by all they say.
fn sort_set(items: &mut [Value<'_>], key: &SetKey) {
    if let [path] = key.0.as_slice()
        && items.iter().all(|item| matches!(path.find(item), Some(Value::String(_))))
    {
        items.sort_by(|left, right| {
            let identity = |item| path.find(item).and_then(Value::as_str);
            identity(left).cmp(&identity(right)).then_with(|| compact(left).cmp(&compact(right)))
        });
    } else {
        items.sort_by_cached_key(|item| (set_identity(item, key), compact(item)));
    }
}

/// Puts the sets of an entity back in order after members of them were changed.
pub(crate) fn reorder_sets(domain: &Domain, entity: &mut OwnedValue) {
    let mut sets: Vec<&(FieldPath, SetKey)> = domain.treat.sets.iter().collect();
    // A set inside a member of another decides where that member stands, so the inner one comes first.
    sets.sort_by_key(|(path, _)| std::cmp::Reverse(path.segments().len()));
    for (path, key) in sets {
        path.for_each_mut(entity, &mut |place| {
            if let Value::Array(items) = place {
                sort_set(items, key);
            }
        });
    }
}

/// The identity of a member of a set: the text of the one string that identifies it, else the canonical text of all that does.
pub(crate) fn set_identity(item: &Value<'_>, key: &SetKey) -> String {
    let found: Vec<Option<&Value<'_>>> = key.0.iter().map(|path| path.find(item)).collect();
    match found.as_slice() {
        [Some(Value::String(text))] => text.clone().into_owned(),
        [Some(value)] => compact(value),
        _ => {
            let parts: Vec<Value<'_>> = found.into_iter().map(|part| part.cloned().unwrap_or(Value::Null)).collect();
            compact(&Value::Array(parts))
        }
    }
}

/// The identities of the members of a set as pointer segments; of several members with one identity the second is `<identity>#2`.
pub(crate) fn set_segments(items: &[Value<'_>], key: &SetKey) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let distinct = |item| {
        let identity = set_identity(item, key);
        let mut segment = identity.clone();
        for number in 2.. {
            if seen.insert(segment.clone()) {
                break;
            }
            segment = format!("{identity}#{number}");
        }
        segment
    };
    items.iter().map(distinct).collect()
}
