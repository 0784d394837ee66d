//! What is known of one domain.

use std::collections::BTreeMap;

use serde::Serialize;

use super::field_path::FieldPath;
use super::shape::Shape;
use super::source::{Source, Under, fill_placeholders};
use super::user::is_own;
use crate::canonical::Digest;
use crate::model::{ChangeKind, DomainId, EntityKey, OwnedValue, PointerGlob, Severity, Value};

/// Everything we know about a domain.
#[derive(Clone, Debug)]
pub struct Domain {
    /// Its name.
    pub id: DomainId,
    /// The file that defines it.
    pub file: String,
    /// The file with its schema.
    pub schema_file: String,
    /// Whose these files are.
    pub origin: Origin,
    /// What it is, in a sentence.
    pub about: String,
    /// The version of its canonical form.
    pub schema_version: u32,
    /// How often it is captured.
    pub tier: Tier,
    /// The CX as Code resource types that it covers.
    pub terraform: Vec<String>,
    /// Where it comes from.
    pub source: Source,
    /// How the API shows that an entity is gone.
    pub removal: Removal,
    /// What tells its entities apart.
    pub identity: Identity,
    /// What is done with its fields.
    pub treat: Treat,
    /// Its references to entities of other domains.
    pub references: Vec<Reference>,
    /// How much a change of it matters, before any rule.
    pub risk: Risk,
    /// Where the audit log speaks of it; absent where unknown.
    pub audit: Option<Audit>,
    /// The shape of its entities.
    pub shape: Shape,
}

/// Whose files define a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Both come with the program.
    BuiltIn,
    /// The user's, of a domain that the program does not have.
    Added,
    /// At least one of them is the user's, in the place of the program's.
    Overridden,
}

impl Origin {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::Added => "added",
            Self::Overridden => "overridden",
        }
    }
}

/// How often a domain is captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Every run.
    Standard,
    /// On its own, slower cadence: listings per queue, flow or user.
    Deep,
    /// Only when asked for: content rather than configuration.
    Content,
}

impl Tier {
    /// Every tier, the one captured most often first.
    pub const ALL: [Self; 3] = [Self::Standard, Self::Deep, Self::Content];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Deep => "deep",
            Self::Content => "content",
        }
    }
}

/// How the API shows that an entity is gone.
#[derive(Clone, Debug, Serialize)]
pub struct Removal {
    /// The parameters of the read that tells.
    pub query: BTreeMap<String, String>,
    /// Members of an answer that mark a deleted entity.
    pub gone_when: Vec<(FieldPath, OwnedValue)>,
    /// Whether 404 and 410 prove it.
    pub not_found_proves: bool,
}

/// One part of an entity's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum KeyPart {
    /// The value at a path of the entity.
    Field(FieldPath),
    /// The key of the parent entity.
    Parent,
    /// The id of the organisation.
    Org,
}

impl KeyPart {
    /// Reads a part as a domain file writes it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "$parent" => Self::Parent,
            "$org" => Self::Org,
            _ => Self::Field(FieldPath::parse(text)),
        }
    }
}

/// What tells the entities of a domain apart.
#[derive(Clone, Debug, Serialize)]
pub struct Identity {
    /// The parts of the key.
    pub key: Vec<KeyPart>,
    /// Where the name is.
    pub name: Option<FieldPath>,
    /// What recognises the same thing made again; empty where nothing does.
    pub natural: Vec<FieldPath>,
    /// Whether keys begin with a random UUID.
    pub random_uuid: bool,
    /// The member whose presence says that an entity is in production.
    #[serde(skip)]
    pub live: Option<FieldPath>,
    /// Where the mail address is, in a domain of people: what an author of commits is called.
    #[serde(skip)]
    pub email: Option<FieldPath>,
}

/// What identifies a member of a set-like array.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetKey(pub Vec<FieldPath>);

/// What is done with the fields of a domain.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Treat {
    /// Changes by itself and says nothing: dropped.
    pub volatile: Vec<FieldPath>,
    /// Live state, not configuration: dropped.
    pub state: Vec<FieldPath>,
    /// Who and when: dropped from the content.
    pub metadata: Vec<FieldPath>,
    /// Copied from the target of a relation: dropped.
    pub copied: Vec<FieldPath>,
    /// Replaced by keyed fingerprints.
    pub secret: Vec<FieldPath>,
    /// Personal data.
    pub personal: Vec<FieldPath>,
    /// Arrays whose order has no meaning.
    pub sets: Vec<(FieldPath, SetKey)>,
}

/// A reference to an entity of another domain.
#[derive(Clone, Debug, Serialize)]
pub struct Reference {
    /// Where it is.
    pub path: FieldPath,
    /// The domains that its target may belong to.
    pub targets: Vec<DomainId>,
    /// Members that belong to the relation rather than to the target.
    pub keep: Vec<String>,
}

/// How much a change matters, before any rule.
#[derive(Clone, Debug)]
pub struct Risk {
    /// An entity is new.
    pub added: Severity,
    /// An entity is gone.
    pub removed: Severity,
    /// A field differs that no path says otherwise of.
    pub modified: Severity,
    /// An entity was made again.
    pub recreated: Severity,
    /// Exceptions by kind and path, the longest path first: the first one that matches counts.
    pub paths: Vec<RiskRule>,
}

/// An exception to the risk of a kind of change.
#[derive(Clone, Debug)]
pub struct RiskRule {
    /// The kind of change it is about.
    pub kind: ChangeKind,
    /// The fields it is about.
    pub path: PointerGlob,
    /// How much it matters.
    pub severity: Severity,
}

impl Risk {
    /// The risk of a kind of change as such.
    #[must_use]
    pub fn of(&self, kind: ChangeKind) -> Severity {
        match kind {
            ChangeKind::Added => self.added,
            ChangeKind::Removed => self.removed,
            ChangeKind::Modified => self.modified,
            ChangeKind::Recreated => self.recreated,
        }
    }
}

/// Where the audit log speaks of a domain.
#[derive(Clone, Debug, Serialize)]
pub struct Audit {
    /// The name of the service.
    pub service: String,
    /// The type of entity.
    pub entity: String,
}

impl Domain {
    /// The user's file that makes the domain what it is; of two the domain file.
    #[must_use]
    pub fn own_file(&self) -> Option<&str> {
        let files = [self.file.as_str(), self.schema_file.as_str()];
        files.into_iter().find(|file| is_own(file)).filter(|_| self.origin != Origin::BuiltIn)
    }

    /// The same domain with every field as it comes; secrets stay hidden.
    #[must_use]
    pub fn untreated(&self) -> Self {
        let treat = Treat { secret: self.treat.secret.clone(), ..Treat::default() };
        Self { treat, references: Vec::new(), ..self.clone() }
    }

    /// The digest of all that decides the canonical form: a changed one means that stored files must be migrated.
    #[must_use]
    pub fn treatment(&self) -> Digest {
        let decisive = (
            self.schema_version,
            &self.identity,
            &self.treat,
            &self.references,
            &self.removal.gone_when,
            self.source.read_detail,
            &self.source.stamp,
            &self.source.text_items,
            &self.shape,
        );
        Digest::of(serde_json::to_string(&decisive).unwrap_or_default().as_bytes())
    }
}

impl Domain {
    /// The key of the parent entity that an entity was listed under.
    #[must_use]
    pub fn parent_of(&self, key: &EntityKey, body: &Value<'_>) -> Option<EntityKey> {
        let parent_domain = self.source.parent.as_ref()?;
        if self.identity.key == [KeyPart::Parent] {
            return Some(key.clone());
        }
        if let Some(index) = self.identity.key.iter().position(|part| *part == KeyPart::Parent) {
            return key.parts().nth(index).map(|part| EntityKey::new(&part));
        }
        let reference = self.references.iter().find(|reference| reference.targets.contains(parent_domain))?;
        let place = reference.path.find(body)?;
        place.get("id").unwrap_or(place).as_str().map(EntityKey::new)
    }

    /// The domains that each part of a key may name an entity of, in order; none for a part that names nothing.
    pub fn key_targets(&self) -> impl Iterator<Item = Vec<&DomainId>> {
        self.identity.key.iter().map(|part| match part {
            KeyPart::Parent => self.source.parent.iter().collect(),
            KeyPart::Field(path) => {
                let is_at = |one: &&Reference| one.path == *path || path.to_string() == format!("{}.id", one.path);
                self.references.iter().filter(is_at).flat_map(|one| &one.targets).collect()
            }
            KeyPart::Org => Vec::new(),
        })
    }

    /// The path that reads one entity, listed under a parent or not; `None` where there is none.
    #[must_use]
    pub fn detail_path(&self, key: &EntityKey, under: Option<&Under>) -> Option<String> {
        let parts: Vec<String> = key.parts().collect();
        fill_placeholders(self.source.detail.as_ref()?, |placeholder| {
            let wanted = KeyPart::Field(FieldPath::parse(placeholder));
            let of_key = self.identity.key.iter().position(|part| *part == wanted);
            of_key.and_then(|position| parts.get(position)).or_else(|| under?.values.get(placeholder)).cloned()
        })
    }
}
