//! A domain file, as it is written and as it is read.
//!
//! What is read is plain and unchecked (`Raw…`); it becomes a [`Domain`] only when nothing is wrong with it, and all problems
//! are told together.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::CatalogueProblem;
use super::definition::{Audit, Domain, Identity, KeyPart, Reference, Removal, Risk, RiskRule, SetKey, Tier, Treat};
use super::field_path::{FieldPath, Segment};
use super::shape::Shape;
use super::source::{Binding, Counting, CursorNames, Paging, PermissionMode, Source, placeholders};
use crate::canonical::read_str;
use crate::model::{ChangeKind, DomainId, Object, OwnedValue, PointerGlob, Severity, Value};

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
    cursor: Option<String>,
    size: Option<String>,
    next: Option<FieldPath>,
    #[serde(default)]
    query: BTreeMap<String, String>,
    body: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(default)]
    passes: Vec<BTreeMap<String, String>>,
    entities: Option<String>,
    text_items: Option<String>,
    parent: Option<DomainId>,
    #[serde(default)]
    bind: BTreeMap<String, String>,
    #[serde(default)]
    stamp: Vec<String>,
    #[serde(default)]
    immutable: bool,
    detail: Option<String>,
    #[serde(default)]
    detail_query: BTreeMap<String, String>,
    #[serde(default)]
    read_detail: bool,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    permission: Vec<String>,
    #[serde(default)]
    permission_mode: PermissionMode,
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
    fn into_source(mut self, problems: &mut Vec<String>) -> Source {
        self.check(problems);
        if self.parent.is_some()
            && self.bind.is_empty()
            && let Some(only) = placeholders(&self.path).next()
        {
            self.bind.insert(only.to_owned(), "$key".to_owned());
        }
        let mut bind = BTreeMap::new();
        for (name, text) in self.bind {
            match binding(&text) {
                Some(binding) => drop(bind.insert(name, binding)),
                None => {
                    problems.push(format!("source.bind: {text:?} is neither $key, a part of it such as $1, nor a path"))
                }
            }
        }
        let body = self.body.map(|body| {
            let text = serde_json::Value::Object(body).to_string();
            match read_str(&text).map(Value::into_owned) {
                Ok(Value::Object(body)) => body,
                _ => Object::default(),
            }
        });
        Source {
            path: self.path,
            paging: self.paging,
            page_size: self.page_size,
            counting: if self.counted.unwrap_or(true) { Counting::Counted } else { Counting::UntilEmpty },
            cursor: CursorNames {
                parameter: self.cursor.unwrap_or_else(|| "after".to_owned()),
                size: self.size.unwrap_or_else(|| "pageSize".to_owned()),
                next: self.next,
            },
            query: self.query,
            body,
            passes: if self.passes.is_empty() { vec![BTreeMap::new()] } else { self.passes },
            entities: self.entities.unwrap_or_else(|| "entities".to_owned()),
            text_items: self.text_items,
            parent: self.parent,
            bind,
            stamp: self.stamp,
            immutable: self.immutable,
            detail: self.detail,
            detail_query: self.detail_query,
            read_detail: self.read_detail,
            optional: self.optional,
            permission: self.permission,
            permission_mode: self.permission_mode,
        }
    }

    fn check(&self, problems: &mut Vec<String>) {
        let mut problem = |text: &str| problems.push(format!("source.{text}"));
        let paged = matches!(self.paging, Paging::PageNumber | Paging::Cursor);
        if paged && self.page_size.is_none_or(|size| size == 0) {
            problem("page_size is missing");
        }
        if !paged && self.page_size.is_some() {
            problem("page_size has no meaning without pages");
        }
        if self.paging != Paging::Cursor && (self.cursor.is_some() || self.size.is_some() || self.next.is_some()) {
            problem("cursor, size and next have a meaning only where paging is \"cursor\"");
        }
        let named: Vec<&str> = placeholders(&self.path).collect();
        match (&self.parent, named.as_slice()) {
            (None, []) => {}
            (None, _) => problem("path has a placeholder, but the domain has no parent"),
            (Some(_), []) if self.bind.is_empty() => problem("path has no placeholder, and bind names no parameter"),
            (Some(_), [_]) if self.bind.is_empty() => {}
            (Some(_), named) => {
                for name in named.iter().filter(|name| !self.bind.contains_key(**name)) {
                    problem(&format!("bind does not say what {{{name}}} takes of the parent"));
                }
            }
        }
        if self.parent.is_none() && !self.bind.is_empty() {
            problem("bind needs a parent");
        }
        let is_bound = |name: &str| self.bind.contains_key(name) || named.contains(&name);
        for name in self.stamp.iter().filter(|name| !is_bound(name)) {
            problem(&format!("stamp names {name}, which nothing of the parent is bound to"));
        }
        if self.immutable && (self.stamp.is_empty() || self.paging != Paging::Singleton) {
            problem("immutable needs a singleton and a stamp that tells one answer from the next");
        }
        if self.read_detail && self.detail.is_none() {
            problem("read_detail needs source.detail");
        }
        if self.body.is_some() && !READ_QUERIES.iter().any(|end| self.path.ends_with(end)) {
            problem("body makes a query by POST, which only paths that end in /query or /search are");
        }
    }
}

fn binding(text: &str) -> Option<Binding> {
    match text.strip_prefix('$') {
        Some("key") => Some(Binding::Key),
        Some(number) => Some(Binding::KeyPart(number.parse::<usize>().ok()?.checked_sub(1)?)),
        None => Some(Binding::Field(FieldPath::parse(text))),
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

/// The paths that end so are queries that the API takes by POST and that change nothing (API document: Pagination).
pub(super) const READ_QUERIES: [&str; 2] = ["/query", "/search"];

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
    if let Some(parent) = &domain.source.parent
        && !domain.identity.key.contains(&KeyPart::Parent)
        && !domain.references.iter().any(|reference| reference.targets.contains(parent))
    {
        problems
            .push(format!("neither identity.key nor a reference tells which entity of {parent} an entity belongs to"));
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
