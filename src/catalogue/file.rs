//! A domain file, as it is written and as it is read.
//!
//! What is read is plain (`Raw…`), each value with its place in the file; it becomes a [`Domain`] only when nothing is wrong
//! with it, and all problems are told together.

mod paths;
mod risk;
mod section;
mod source;

pub(super) use paths::dead_end;
pub(super) use section::Placed;
pub(crate) use section::kind_of;

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::definition::{Audit, Domain, Identity, KeyPart, Origin, Reference, Removal, SetKey, Tier, Treat};
use super::field_path::FieldPath;
use super::problem::Objection;
use super::shape::Shape;
use crate::model::{DomainId, OwnedValue, Value};
use risk::RawRisk;
use section::{Entry, Reading, Section};
use source::RawSource;

/// What every CX as Code resource type begins with.
const TERRAFORM: &str = "genesyscloud_";

type Paths = Vec<Placed<FieldPath>>;

/// A domain file that is TOML.
pub(super) struct RawDomain {
    about: String,
    pub(super) schema_version: Option<Placed<u32>>,
    tier: Tier,
    terraform: Vec<String>,
    pub(super) source: RawSource,
    removal: RawRemoval,
    identity: RawIdentity,
    treat: RawTreat,
    pub(super) references: Vec<RawReference>,
    /// Whether every reference could be read.
    references_are_sound: bool,
    risk: RawRisk,
    audit: Option<Audit>,
}

struct RawRemoval {
    query: Option<BTreeMap<String, String>>,
    gone_when: Vec<(Placed<FieldPath>, OwnedValue)>,
    not_found_proves: bool,
}

struct RawIdentity {
    key: Vec<Placed<String>>,
    name: Option<Placed<FieldPath>>,
    natural: Paths,
    random_uuid: bool,
    live: Option<Placed<FieldPath>>,
    email: Option<Placed<FieldPath>>,
}

struct RawTreat {
    volatile: Paths,
    state: Paths,
    metadata: Paths,
    copied: Paths,
    secret: Paths,
    personal: Paths,
    sets: Vec<(Placed<FieldPath>, Paths)>,
}

/// A reference and the domains that it may lead to.
pub(super) struct RawReference {
    path: Placed<FieldPath>,
    pub(super) targets: Vec<Placed<DomainId>>,
    keep: Vec<Placed<String>>,
}

impl RawDomain {
    /// Reads the text of a domain file; `None` where it is not TOML. All that is wrong is noted.
    pub(super) fn read(text: &str, problems: &mut Vec<Objection>) -> Option<Self> {
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            // Nothing else is said of it: what was meant is a guess.
            problems.extend(errors.into_iter().map(|error| {
                let offset = error.span().map_or(text.len(), |span| span.start);
                Objection::new(offset, format!("not TOML: {}", error.message()))
            }));
            return None;
        }
        let mut file = Section::of_file(table.get_ref());
        let before = problems.len();
        let references = references(file.section("references"), problems);
        let references_are_sound = problems.len() == before;
        let raw = Self {
            about: file.required("about", Entry::text).map(|text| text.value).unwrap_or_default(),
            schema_version: file.required("schema_version", Entry::count),
            tier: file
                .required("tier", |entry| entry.word(&Tier::ALL, Tier::as_str))
                .map_or(Tier::Standard, |tier| tier.value),
            terraform: file.optional("terraform", terraform).unwrap_or_default(),
            source: RawSource::read(file.required_section("source"), problems),
            removal: RawRemoval::read(file.section("removal"), problems),
            identity: RawIdentity::read(file.required_section("identity"), problems),
            treat: RawTreat::read(file.section("treat"), problems),
            references,
            references_are_sound,
            risk: RawRisk::read(file.required_section("risk"), problems),
            audit: file.optional("audit", audit),
        };
        file.close(problems);
        raw.check(problems);
        Some(raw)
    }

    /// What can be told without the schema.
    fn check(&self, problems: &mut Vec<Objection>) {
        let key = &self.identity.key;
        self.source.check_detail(key, problems);
        let parts = || key.iter().map(|part| (KeyPart::parse(&part.value), part.offset));
        match &self.source.parent {
            None if self.source.is_bound_soundly => {
                for (_, offset) in parts().filter(|(part, _)| *part == KeyPart::Parent) {
                    let problem = "identity.key names $parent, but the domain has none";
                    problems.push(Objection::new(offset, problem));
                }
            }
            Some(parent) if !key.is_empty() && self.references_are_sound => {
                let refers =
                    |reference: &RawReference| reference.targets.iter().any(|target| target.value == parent.value);
                if !parts().any(|(part, _)| part == KeyPart::Parent) && !self.references.iter().any(refers) {
                    let problem = format!(
                        "neither identity.key nor a reference tells which entity of {} an entity belongs to",
                        parent.value
                    );
                    problems.push(Objection::new(parent.offset, problem));
                }
            }
            _ => {}
        }
    }

    /// Notes every path that the schema lacks.
    pub(super) fn check_paths(&self, shape: &Shape, problems: &mut Vec<Objection>) {
        paths::check(self, shape, problems);
    }

    /// The domain; to be used only where nothing is wrong.
    pub(super) fn into_domain(self, id: DomainId, file: &str, schema_file: &str, shape: Shape) -> Domain {
        let source = self.source.into_source();
        let mut references: Vec<Reference> = self.references.into_iter().map(RawReference::into_reference).collect();
        references.sort_by(|one, other| one.path.cmp(&other.path));
        Domain {
            id,
            file: file.to_owned(),
            schema_file: schema_file.to_owned(),
            origin: Origin::BuiltIn,
            about: self.about,
            schema_version: self.schema_version.map_or(1, |version| version.value),
            tier: self.tier,
            terraform: self.terraform,
            removal: Removal {
                query: self.removal.query.unwrap_or_else(|| source.detail_query.clone()),
                gone_when: self.removal.gone_when.into_iter().map(|(path, mark)| (path.value, mark)).collect(),
                not_found_proves: self.removal.not_found_proves,
            },
            source,
            identity: Identity {
                key: self.identity.key.iter().map(|part| KeyPart::parse(&part.value)).collect(),
                name: self.identity.name.map(|path| path.value),
                natural: plain(self.identity.natural),
                random_uuid: self.identity.random_uuid,
                live: self.identity.live.map(|path| path.value),
                email: self.identity.email.map(|path| path.value),
            },
            treat: self.treat.into_treat(),
            references,
            risk: self.risk.into_risk(),
            audit: self.audit,
            shape,
        }
    }
}

impl RawRemoval {
    fn read(mut section: Section<'_>, problems: &mut Vec<Objection>) -> Self {
        let removal = Self {
            query: section.optional("query", Entry::parameters),
            gone_when: section.optional("gone_when", gone_marks).unwrap_or_default(),
            not_found_proves: section.optional("not_found_proves", Entry::flag).is_none_or(|flag| flag.value),
        };
        section.close(problems);
        removal
    }
}

impl RawIdentity {
    fn read(mut section: Section<'_>, problems: &mut Vec<Objection>) -> Self {
        let key = section.required("key", |entry| match entry.texts()? {
            parts if parts.is_empty() => Err(entry.objection(" names no path")),
            parts => Ok(parts),
        });
        let identity = Self {
            key: key.unwrap_or_default(),
            name: section.optional("name", Entry::path),
            natural: section.optional("natural", Entry::paths).unwrap_or_default(),
            random_uuid: section.optional("random_uuid", Entry::flag).is_some_and(|flag| flag.value),
            live: section.optional("live", Entry::path),
            email: section.optional("email", Entry::path),
        };
        section.close(problems);
        identity
    }
}

impl RawTreat {
    fn read(mut section: Section<'_>, problems: &mut Vec<Objection>) -> Self {
        let mut paths = |key| section.optional(key, Entry::paths).unwrap_or_default();
        let treat = Self {
            volatile: paths("volatile"),
            state: paths("state"),
            metadata: paths("metadata"),
            copied: paths("copied"),
            secret: paths("secret"),
            personal: paths("personal"),
            sets: section.optional("sets", sets).unwrap_or_default(),
        };
        section.close(problems);
        treat
    }

    fn into_treat(self) -> Treat {
        let mut sets: Vec<(FieldPath, SetKey)> =
            self.sets.into_iter().map(|(path, key)| (path.value, SetKey(plain(key)))).collect();
        sets.sort_by(|(one, _), (other, _)| one.cmp(other));
        Treat {
            volatile: plain(self.volatile),
            state: plain(self.state),
            metadata: plain(self.metadata),
            copied: plain(self.copied),
            secret: plain(self.secret),
            personal: plain(self.personal),
            sets,
        }
    }
}

impl RawReference {
    fn read(path: &str, entry: &Entry<'_>) -> Reading<Self> {
        let path = entry.placed(FieldPath::parse(path));
        if !entry.is_table() {
            return Ok(Self { path, targets: vec![entry.domain()?], keep: Vec::new() });
        }
        let mut section = entry.section()?;
        let targets = section.required("domain", |entry| entry.one_or_many(Entry::domain)).unwrap_or_default();
        let keep = section.optional("keep", Entry::texts).unwrap_or_default();
        section.all(Self { path, targets, keep })
    }

    fn into_reference(self) -> Reference {
        Reference {
            path: self.path.value,
            targets: self.targets.into_iter().map(|target| target.value).collect(),
            keep: self.keep.into_iter().map(|member| member.value).collect(),
        }
    }
}

fn terraform(entry: &Entry<'_>) -> Reading<Vec<String>> {
    entry.list(|entry| {
        let name = entry.text()?.value;
        if name.starts_with(TERRAFORM) {
            return Ok(name);
        }
        Err(entry.objection(&format!(": {name:?} is no resource type, whose names begin with {TERRAFORM}")))
    })
}

fn gone_marks(entry: &Entry<'_>) -> Reading<Vec<(Placed<FieldPath>, OwnedValue)>> {
    let mut section = entry.section()?;
    let marks = section.entries(|path, entry| {
        let mark = match entry.value() {
            DeValue::Boolean(flag) => Value::from(*flag),
            DeValue::String(text) => Value::from(text.clone().into_owned()),
            _ => return Err(entry.unfit("a string, true or false")),
        };
        Ok((entry.placed(FieldPath::parse(path)), mark))
    });
    section.all(marks)
}

fn sets(entry: &Entry<'_>) -> Reading<Vec<(Placed<FieldPath>, Paths)>> {
    let mut section = entry.section()?;
    let sets =
        section.entries(|path, entry| Ok((entry.placed(FieldPath::parse(path)), entry.one_or_many(Entry::path)?)));
    section.all(sets)
}

fn references(mut section: Section<'_>, problems: &mut Vec<Objection>) -> Vec<RawReference> {
    let references = section.entries(RawReference::read);
    section.close(problems);
    references
}

fn audit(entry: &Entry<'_>) -> Reading<Audit> {
    let mut section = entry.section()?;
    let (service, entity) = (section.required("service", Entry::text), section.required("entity", Entry::text));
    let text = |text: Option<Placed<String>>| text.map(|text| text.value).unwrap_or_default();
    section.all(Audit { service: text(service), entity: text(entity) })
}

fn plain(paths: Paths) -> Vec<FieldPath> {
    paths.into_iter().map(|path| path.value).collect()
}
