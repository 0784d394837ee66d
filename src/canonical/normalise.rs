//! One raw entity in, its key and canonical text out.
//!
//! Total: the answer is an entity, or the path that could not be taken and why. Idempotent, and blind to the order of members
//! and of set-like arrays.

use std::collections::{BTreeMap, BTreeSet};

use super::clear::KeepsSecrets;
use super::scan::Scan;
use super::secret::SecretKey;
use super::treatment::Treatment;
use super::walk::{Place, Standing, Walk};
use super::{canonical_text, value_of};
use crate::catalogue::{Domain, FieldPath, KeyPart};
use crate::model::{CanonicalText, EntityKey, Pointer, Value};

/// Makes canonical entities of one domain.
#[derive(Debug)]
pub struct Canonicaliser<'d> {
    pub(super) domain: &'d Domain,
    pub(super) treatment: Treatment,
    pub(super) secrets: &'d SecretKey,
    pub(super) scan: &'d Scan,
    pub(super) keeper: Option<&'d dyn KeepsSecrets>,
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
    /// A secret sits where nothing can take its place.
    #[error(transparent)]
    Misplaced(#[from] Misplaced),
}

/// A secret where nothing can take its place: in the key of an entity or in the name of a member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} looks like a secret (rule {rule}), and nothing can take its place there", self.in_words())]
pub struct Misplaced {
    /// Whether it is the key of the entity.
    pub key: bool,
    /// The object that has the member.
    pub place: Pointer,
    /// The rule that found it.
    pub rule: String,
}

impl Misplaced {
    /// Where it is, in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self { key: true, .. } => "the key of an entity".to_owned(),
            Self { place, .. } if *place == Pointer::root() => "the name of a member".to_owned(),
            Self { place, .. } => format!("the name of a member of {place}"),
        }
    }
}

/// A secret that stood in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unhidden {
    /// Where.
    pub place: Pointer,
    /// The rule that found it.
    pub rule: String,
}

/// A stored entity in the form that its domain has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The entity.
    pub text: CanonicalText,
    /// Secrets that stood there in clear and do no longer.
    pub unhidden: Vec<Unhidden>,
    /// A secret that stays, as nothing can take its place.
    pub misplaced: Option<Misplaced>,
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
    pub fn new(domain: &'d Domain, secrets: &'d SecretKey, scan: &'d Scan, org: &'d str) -> Self {
        Self { domain, treatment: Treatment::compile(domain, scan), secrets, scan, keeper: None, org }
    }

    /// Hands the clear values of secrets to somebody, where there is anybody, before fingerprints take their place.
    #[must_use]
    pub fn handing_to(self, keeper: Option<&'d dyn KeepsSecrets>) -> Self {
        Self { keeper, ..self }
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
        let parts = self.key_parts(&raw, parent)?;
        let key = joined(&parts);
        if self.is_deleted(&raw) {
            return Ok(Canonical::Deleted(key));
        }
        self.misplaced_in(&parts).map_or(Ok(()), Err)?;
        let mut entity = raw;
        if self.domain.identity.key == [KeyPart::Field(FieldPath::parse("id"))]
            && let Value::Object(object) = &mut entity
        {
            object.remove("id");
        }
        let Migrated { text, misplaced, .. } = self.settled(entity, &key, notes);
        misplaced.map_or(Ok(Canonical::Entity(key, text)), |misplaced| Err(misplaced.into()))
    }

    /// Brings a stored entity into the form that the domain has now.
    #[must_use]
    pub fn migrate(&self, key: &EntityKey, stored: &CanonicalText) -> Migrated {
        let migrated = self.settled(value_of(stored), key, &mut Notes::default());
        let parts = if self.domain.identity.key.len() == 1 { vec![key.to_string()] } else { key.parts().collect() };
        Migrated { misplaced: self.misplaced_in(&parts).or(migrated.misplaced), ..migrated }
    }

    /// The key of a raw entity.
    ///
    /// # Errors
    /// [`EntityError`] where it has none.
    pub fn key(&self, raw: &Value<'_>, parent: Option<&EntityKey>) -> Result<EntityKey, EntityError> {
        self.key_parts(raw, parent).map(|parts| joined(&parts))
    }

    fn key_parts(&self, raw: &Value<'_>, parent: Option<&EntityKey>) -> Result<Vec<String>, EntityError> {
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
        self.domain.identity.key.iter().map(part).collect::<Result<_, _>>().map_err(EntityError::NoKey)
    }

    /// The first part of a key that is a secret.
    fn misplaced_in(&self, parts: &[String]) -> Option<Misplaced> {
        let rule = parts.iter().find_map(|part| self.scan.rule_in(part))?;
        Some(Misplaced { key: true, place: Pointer::root(), rule: rule.to_owned() })
    }

    /// Whether a raw entity bears the mark of a deleted one.
    #[must_use]
    pub fn is_deleted(&self, raw: &Value<'_>) -> bool {
        let marks = &self.domain.removal.gone_when;
        !marks.is_empty() && marks.iter().all(|(path, mark)| path.find(raw) == Some(mark))
    }

    fn settled(&self, mut entity: Value<'_>, key: &EntityKey, notes: &mut Notes) -> Migrated {
        let mut walk = Walk { canonicaliser: self, key, notes, unhidden: Vec::new(), misplaced: None };
        walk.settle(&mut entity, Some(Treatment::ROOT), Standing::default(), &Place::Root);
        let Walk { unhidden, misplaced, .. } = walk;
        Migrated { text: canonical_text(&entity), unhidden, misplaced }
    }
}

fn joined(parts: &[String]) -> EntityKey {
    EntityKey::join(&parts.iter().map(String::as_str).collect::<Vec<_>>())
}
