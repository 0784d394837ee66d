//! One domain, read from its two files.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::CatalogueProblem;
use super::field_path::{FieldPath, Segment};
use super::shape::Shape;
use crate::canonical::Digest;
use crate::model::{ChangeKind, DomainId, EntityKey, OwnedValue, PointerGlob, Severity, Value};

/// Everything we know about a domain.
#[derive(Debug)]
pub struct Domain {
    /// Its name.
    pub id: DomainId,
    /// The file that defines it.
    pub file: String,
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

/// How often a domain is captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

/// How a listing is paged (API document: Pagination).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Paging {
    /// `pageNumber` and `pageSize`.
    PageNumber,
    /// `after` and `pageSize`; the next cursor is in `nextUri`.
    Cursor,
    /// One envelope with all entities.
    Unpaged,
    /// One bare array.
    Array,
    /// One object, which is the entity.
    Singleton,
}

impl Paging {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PageNumber => "page-number",
            Self::Cursor => "cursor",
            Self::Unpaged => "unpaged",
            Self::Array => "array",
            Self::Singleton => "singleton",
        }
    }
}

/// Whether a paged reply says how much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// It has `pageCount` or `total`.
    Counted,
    /// It has neither: the first empty page is the end.
    UntilEmpty,
}

/// Where a domain comes from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path of the listing; its placeholder takes the key of the parent.
    pub path: String,
    /// How it is paged.
    pub paging: Paging,
    /// Entities asked for on a page.
    pub page_size: Option<u32>,
    /// Whether the reply says how much there is.
    pub counting: Counting,
    /// The parameters of every request of the listing.
    pub query: BTreeMap<String, String>,
    /// The listing under several queries; one empty pass where the domain file names none.
    pub passes: Vec<BTreeMap<String, String>>,
    /// The member of the envelope that holds the entities.
    pub entities: String,
    /// The domain whose entities are the parents.
    pub parent: Option<DomainId>,
    /// The path that reads one entity; placeholders are parts of its key.
    pub detail: Option<String>,
    /// The parameters of that read.
    pub detail_query: BTreeMap<String, String>,
    /// Whether the stored form comes from `detail` instead of the listing.
    pub read_detail: bool,
    /// The permissions of which any suffices.
    pub permission: Vec<String>,
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
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// The name of the service.
    pub service: String,
    /// The type of entity.
    pub entity: String,
}

impl Domain {
    /// Reads a domain from the texts of its two files.
    ///
    /// # Errors
    /// Every problem found.
    pub fn read(
        id: DomainId,
        file: &str,
        text: &str,
        schema_file: &str,
        schema: &str,
    ) -> Result<Self, Vec<CatalogueProblem>> {
        let raw: RawDomain = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| 1 + text[..span.start].matches('\n').count());
            vec![CatalogueProblem { file: file.to_owned(), line, problem: error.message().to_owned() }]
        })?;
        let shape = Shape::read(schema)
            .map_err(|problem| vec![CatalogueProblem { file: schema_file.to_owned(), line: None, problem }])?;
        let mut problems = Vec::new();
        let domain = raw.into_domain(id, file, shape, &mut problems);
        if problems.is_empty() {
            Ok(domain)
        } else {
            let problem = |problem| CatalogueProblem { file: file.to_owned(), line: None, problem };
            Err(problems.into_iter().map(problem).collect())
        }
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
        if let Some(index) = self.identity.key.iter().position(|part| *part == KeyPart::Parent) {
            return key.parts().nth(index).map(|part| EntityKey::new(&part));
        }
        let reference = self.references.iter().find(|reference| reference.targets.contains(parent_domain))?;
        let place = reference.path.find(body)?;
        place.get("id").unwrap_or(place).as_str().map(EntityKey::new)
    }

    /// The path of the listing of a parent, or of the one listing; ids in it are percent-encoded.
    #[must_use]
    pub fn listing_path(&self, parent: Option<&EntityKey>) -> String {
        fill_placeholders(&self.source.path, |_| parent.map(|key| key.as_str().to_owned())).unwrap_or_default()
    }

    /// The path that reads one entity; `None` where there is none.
    #[must_use]
    pub fn detail_path(&self, key: &EntityKey) -> Option<String> {
        let parts: Vec<String> = key.parts().collect();
        let of_parent = self.source.path.split_once('{').and_then(|(_, rest)| rest.split('}').next());
        fill_placeholders(self.source.detail.as_ref()?, |placeholder| {
            let wanted = KeyPart::Field(FieldPath::parse(placeholder));
            let position = self
                .identity
                .key
                .iter()
                .position(|part| *part == wanted || (*part == KeyPart::Parent && of_parent == Some(placeholder)))?;
            parts.get(position).cloned()
        })
    }
}

/// What an id in a path must not contain as it is (RFC 3986, section 2.3: all but unreserved characters).
const RESERVED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Replaces every `{placeholder}` of a path; `None` where one has no value.
fn fill_placeholders(path: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut filled = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let (placeholder, behind) = after.split_once('}')?;
        filled.push_str(before);
        filled.extend(percent_encoding::utf8_percent_encode(&value(placeholder)?, RESERVED));
        rest = behind;
    }
    filled.push_str(rest);
    Some(filled)
}

/// The schema version that a domain file declares, or 1 where it cannot be read (reading it then says why).
pub(super) fn version_of(text: &str) -> u32 {
    toml::from_str::<toml::Table>(text)
        .ok()
        .and_then(|table| table.get("schema_version")?.as_integer())
        .and_then(|version| u32::try_from(version).ok())
        .unwrap_or(1)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDomain {
    about: String,
    schema_version: u32,
    tier: Tier,
    #[serde(default)]
    terraform: Vec<String>,
    source: RawSource,
    #[serde(default)]
    removal: RawRemoval,
    identity: RawIdentity,
    #[serde(default)]
    treat: RawTreat,
    #[serde(default)]
    references: BTreeMap<FieldPath, RawReference>,
    risk: toml::Table,
    audit: Option<Audit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    path: String,
    paging: Paging,
    page_size: Option<u32>,
    counted: Option<bool>,
    #[serde(default)]
    query: BTreeMap<String, String>,
    #[serde(default)]
    passes: Vec<BTreeMap<String, String>>,
    entities: Option<String>,
    parent: Option<DomainId>,
    detail: Option<String>,
    #[serde(default)]
    detail_query: BTreeMap<String, String>,
    #[serde(default)]
    read_detail: bool,
    #[serde(default)]
    permission: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRemoval {
    query: Option<BTreeMap<String, String>>,
    #[serde(default)]
    gone_when: BTreeMap<String, RawMark>,
    not_found_proves: Option<bool>,
}

/// The value of a member that marks a deleted entity.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawMark {
    Flag(bool),
    Text(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIdentity {
    key: Vec<String>,
    name: Option<FieldPath>,
    #[serde(default)]
    natural: Vec<FieldPath>,
    #[serde(default)]
    random_uuid: bool,
    live: Option<FieldPath>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTreat {
    volatile: Vec<FieldPath>,
    state: Vec<FieldPath>,
    metadata: Vec<FieldPath>,
    copied: Vec<FieldPath>,
    secret: Vec<FieldPath>,
    personal: Vec<FieldPath>,
    sets: BTreeMap<FieldPath, OneOrMany<FieldPath>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawReference {
    Target(DomainId),
    Full(RawFullReference),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFullReference {
    domain: OneOrMany<DomainId>,
    #[serde(default)]
    keep: Vec<String>,
}

impl RawDomain {
    fn into_domain(self, id: DomainId, file: &str, shape: Shape, problems: &mut Vec<String>) -> Domain {
        let key: Vec<KeyPart> = self.identity.key.iter().map(|part| key_part(part)).collect();
        let source = self.source.into_source(problems);
        if key.is_empty() {
            problems.push("identity.key names no path".to_owned());
        }
        if key.contains(&KeyPart::Parent) && source.parent.is_none() {
            problems.push("identity.key names $parent, but the domain has none".to_owned());
        }
        let treat = Treat {
            volatile: self.treat.volatile,
            state: self.treat.state,
            metadata: self.treat.metadata,
            copied: self.treat.copied,
            secret: self.treat.secret,
            personal: self.treat.personal,
            sets: self.treat.sets.into_iter().map(|(path, key)| (path, SetKey(key.into_vec()))).collect(),
        };
        let references: Vec<Reference> = self.references.into_iter().map(reference).collect();
        let domain = Domain {
            id,
            file: file.to_owned(),
            about: self.about,
            schema_version: self.schema_version,
            tier: self.tier,
            terraform: self.terraform,
            removal: Removal {
                query: self.removal.query.unwrap_or_else(|| source.detail_query.clone()),
                gone_when: self.removal.gone_when.into_iter().map(gone_mark).collect(),
                not_found_proves: self.removal.not_found_proves.unwrap_or(true),
            },
            source,
            identity: Identity {
                key,
                name: self.identity.name,
                natural: self.identity.natural,
                random_uuid: self.identity.random_uuid,
                live: self.identity.live,
            },
            treat,
            references,
            risk: risk(&self.risk, problems),
            audit: self.audit,
            shape,
        };
        check_paths(&domain, problems);
        domain
    }
}

fn gone_mark((path, mark): (String, RawMark)) -> (FieldPath, OwnedValue) {
    let value = match mark {
        RawMark::Flag(flag) => Value::from(flag),
        RawMark::Text(text) => Value::from(text),
    };
    (FieldPath::parse(&path), value)
}

fn key_part(text: &str) -> KeyPart {
    match text {
        "$parent" => KeyPart::Parent,
        "$org" => KeyPart::Org,
        _ => KeyPart::Field(FieldPath::parse(text)),
    }
}

fn reference((path, raw): (FieldPath, RawReference)) -> Reference {
    match raw {
        RawReference::Target(target) => Reference { path, targets: vec![target], keep: Vec::new() },
        RawReference::Full(full) => Reference { path, targets: full.domain.into_vec(), keep: full.keep },
    }
}

impl RawSource {
    fn into_source(self, problems: &mut Vec<String>) -> Source {
        let paged = matches!(self.paging, Paging::PageNumber | Paging::Cursor);
        if paged && self.page_size.is_none_or(|size| size == 0) {
            problems.push("source.page_size is missing".to_owned());
        }
        if !paged && self.page_size.is_some() {
            problems.push("source.page_size has no meaning without pages".to_owned());
        }
        let placeholders = self.path.matches('{').count();
        if placeholders != usize::from(self.parent.is_some()) {
            problems.push(format!("source.path has {placeholders} placeholders, which does not fit its parent"));
        }
        if self.read_detail && self.detail.is_none() {
            problems.push("source.read_detail needs source.detail".to_owned());
        }
        Source {
            path: self.path,
            paging: self.paging,
            page_size: self.page_size,
            counting: if self.counted.unwrap_or(true) { Counting::Counted } else { Counting::UntilEmpty },
            query: self.query,
            passes: if self.passes.is_empty() { vec![BTreeMap::new()] } else { self.passes },
            entities: self.entities.unwrap_or_else(|| "entities".to_owned()),
            parent: self.parent,
            detail: self.detail,
            detail_query: self.detail_query,
            read_detail: self.read_detail,
            permission: self.permission,
        }
    }
}

fn risk(table: &toml::Table, problems: &mut Vec<String>) -> Risk {
    let mut risk = Risk {
        added: Severity::Low,
        removed: Severity::Low,
        modified: Severity::Low,
        recreated: Severity::Low,
        paths: Vec::new(),
    };
    let mut seen = BTreeSet::new();
    let mut names: Vec<_> = table.iter().collect();
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    for (name, level) in names {
        let (kind, path) = match name.split_once(' ') {
            Some((kind, path)) => (kind, Some(path)),
            None => (name.as_str(), None),
        };
        let kind = ChangeKind::deserialize(toml::Value::String(kind.to_owned()));
        let severity = Severity::deserialize(level.clone());
        let (Ok(kind), Ok(severity)) = (kind, severity) else {
            problems.push(format!("risk: {name:?} = {level} is not a kind of change and a severity"));
            continue;
        };
        match (kind, path) {
            (kind, Some(path)) => risk.paths.push(RiskRule { kind, path: PointerGlob::new(path), severity }),
            (ChangeKind::Added, None) => risk.added = severity,
            (ChangeKind::Removed, None) => risk.removed = severity,
            (ChangeKind::Modified, None) => risk.modified = severity,
            (ChangeKind::Recreated, None) => risk.recreated = severity,
        }
        seen.insert((kind, path.is_some()));
    }
    for kind in [ChangeKind::Added, ChangeKind::Removed, ChangeKind::Modified] {
        if !seen.contains(&(kind, false)) {
            problems.push(format!("risk.{} is missing", kind.as_str()));
        }
    }
    if !seen.contains(&(ChangeKind::Recreated, false)) {
        risk.recreated = risk.added;
    }
    risk
}

/// Every path that a domain file names must lead to something that its schema describes.
fn check_paths(domain: &Domain, problems: &mut Vec<String>) {
    let mut check = |list: &str, path: &FieldPath| {
        if !leads_somewhere(&domain.shape, path) {
            problems.push(format!("{list}: the schema has no {path}"));
        }
    };
    let treat = &domain.treat;
    for (list, paths) in [
        ("treat.volatile", &treat.volatile),
        ("treat.state", &treat.state),
        ("treat.metadata", &treat.metadata),
        ("treat.copied", &treat.copied),
        ("treat.secret", &treat.secret),
        ("treat.personal", &treat.personal),
        ("identity.natural", &domain.identity.natural),
    ] {
        for path in paths {
            check(list, path);
        }
    }
    treat.sets.iter().for_each(|(path, _)| check("treat.sets", path));
    domain.references.iter().for_each(|reference| check("references", &reference.path));
    domain.identity.name.iter().for_each(|path| check("identity.name", path));
    domain.identity.live.iter().for_each(|path| check("identity.live", path));
    for part in &domain.identity.key {
        if let KeyPart::Field(path) = part {
            check("identity.key", path);
        }
    }
}

fn leads_somewhere(shape: &Shape, path: &FieldPath) -> bool {
    let mut places = vec![shape.entity()];
    for segment in path.segments() {
        let mut next = BTreeSet::new();
        for id in places {
            let node = shape.node(id);
            if node.types.is_open() && node.members.is_empty() && node.rest.is_none() {
                return true;
            }
            match segment {
                Segment::Name(name) => next.extend(shape.step(id, Some(name))),
                Segment::Pattern(_) | Segment::Each => {
                    next.extend(node.members.iter().filter(|(name, _)| segment.matches(name)).map(|(_, id)| *id));
                    next.extend(node.rest);
                }
            }
        }
        places = next.into_iter().collect();
    }
    !places.is_empty()
}
