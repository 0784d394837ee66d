//! Which entities are meant to be used, and by what, as data: a file under `schemas/orphans/` for each rule.

use std::collections::BTreeSet;

use globset::{Glob, GlobMatcher};
use serde::Deserialize;

use super::edges::Selector;
use super::graph::{EdgeKind, Graph};
use crate::catalogue::{FieldPath, embedded_files};
use crate::model::{DomainId, EntityKey, OwnedValue, Severity, Value, wildcard};

/// The folder, below `schemas/`.
const FOLDER: &str = "orphans";

/// What it means for the entities of a domain to be used.
#[derive(Debug)]
pub struct Usage {
    /// The permanent id of the rule that one breaks that is not: the name of its file.
    pub rule: String,
    /// What such an entity is, as a sentence that begins with `A`.
    pub about: String,
    /// The domain.
    pub domain: DomainId,
    /// How much one matters that is not used.
    pub severity: Severity,
    /// What makes it used.
    pub needs: Needs,
    /// What may use it although nothing on record says so.
    pub may_be_used_by: Vec<String>,
    /// What to do about it.
    pub remedy: String,
    /// Where it says who answers for it, as a path of references.
    pub owner: Option<String>,
    children: bool,
    counts: Vec<Selector>,
    ignores: Vec<Selector>,
    exempt: Vec<Exempt>,
}

/// What makes an entity used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Needs {
    /// That something refers to it.
    #[default]
    UsedBy,
    /// That it leads to something.
    Uses,
}

/// A file that does not say what it means to be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("schemas/{file}: {problem}")]
pub struct UsageProblem {
    file: String,
    problem: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUsage {
    about: String,
    domain: DomainId,
    severity: Severity,
    #[serde(default)]
    needs: Needs,
    #[serde(default)]
    may_be_used_by: Vec<String>,
    remedy: String,
    owner: Option<String>,
    #[serde(default)]
    children: bool,
    #[serde(default)]
    counts: Vec<Selector>,
    #[serde(default)]
    ignores: Vec<Selector>,
    #[serde(default)]
    exempt: Vec<Exempt>,
}

/// Entities that nobody needs to use.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exempt {
    /// Those that have something at a path; one of these values, where there are any.
    path: Option<FieldPath>,
    #[serde(default)]
    is: Vec<toml::Value>,
    present: Option<FieldPath>,
    absent: Option<FieldPath>,
    /// Those whose key matches a pattern.
    key: Option<String>,
    why: String,
}

impl Usage {
    /// Reads a file; its name is the id of the rule.
    ///
    /// # Errors
    /// [`UsageProblem`] where it is no TOML, or has other members.
    pub fn read(file: &str, text: &str) -> Result<Self, UsageProblem> {
        let rule = file.rsplit('/').next().and_then(|name| name.strip_suffix(".toml")).unwrap_or(file).to_owned();
        let raw: RawUsage = toml::from_str(text)
            .map_err(|error| UsageProblem { file: file.to_owned(), problem: error.message().to_owned() })?;
        let RawUsage {
            about,
            domain,
            severity,
            needs,
            may_be_used_by,
            remedy,
            owner,
            children,
            counts,
            ignores,
            exempt,
        } = raw;
        Ok(Self {
            rule,
            about,
            domain,
            severity,
            needs,
            may_be_used_by,
            remedy,
            owner,
            children,
            counts,
            ignores,
            exempt,
        })
    }

    /// What is compiled into the binary, in order of rule.
    ///
    /// # Errors
    /// The first file that cannot be read. A released binary has none: a test reads all files.
    pub fn built_in() -> Result<Vec<Self>, UsageProblem> {
        embedded_files(FOLDER, "toml").into_iter().map(|(file, text)| Self::read(&file, text)).collect()
    }

    /// Whether an edge of a kind makes an entity used.
    #[must_use]
    pub fn is_met_by(&self, kind: &EdgeKind) -> bool {
        let selects = |selector: &Selector| selector.selects(&kind.domain, &kind.path, &kind.target);
        let is_child = kind.bond == super::graph::Bond::Parent;
        (self.children || !is_child)
            && (self.counts.is_empty() || self.counts.iter().any(selects))
            && !self.ignores.iter().any(selects)
    }

    /// The domains in which it would be said that an entity is used.
    #[must_use]
    pub fn sources<'g>(&self, graph: &'g Graph) -> BTreeSet<&'g DomainId> {
        let leads = |kind: &&EdgeKind| match self.needs {
            Needs::UsedBy => graph.is_used_by(kind, &self.domain),
            Needs::Uses => graph.uses_by(kind, &self.domain),
        };
        graph.kinds().iter().filter(leads).filter(|kind| self.is_met_by(kind)).map(|kind| &kind.domain).collect()
    }

    /// The selectors that select no edge to or from the domain.
    #[cfg(test)]
    pub(crate) fn idle_selectors(&self, graph: &Graph) -> Vec<String> {
        let can = |kind: &&EdgeKind| match self.needs {
            Needs::UsedBy => graph.is_used_by(kind, &self.domain),
            Needs::Uses => graph.uses_by(kind, &self.domain),
        };
        let is_idle = |selector: &&Selector| {
            let mut kinds = graph.kinds().iter().filter(can);
            !kinds.any(|kind| selector.selects(&kind.domain, &kind.path, &kind.target))
        };
        self.counts.iter().chain(&self.ignores).filter(is_idle).map(|selector| format!("{selector:?}")).collect()
    }

    /// Why nobody needs to use an entity; none where somebody should.
    #[must_use]
    pub fn exemption(&self, key: &EntityKey, body: &Value<'_>) -> Option<&str> {
        self.exempt.iter().find(|exempt| exempt.covers(key, body)).map(|exempt| exempt.why.as_str())
    }
}

impl Exempt {
    fn covers(&self, key: &EntityKey, body: &Value<'_>) -> bool {
        let is_there = |path: &FieldPath| path.find(body).is_some();
        let holds =
            |path: &FieldPath| path.find_all(body).into_iter().any(|value| self.is.iter().any(|one| is(one, value)));
        self.path.as_ref().is_none_or(holds)
            && self.present.as_ref().is_none_or(is_there)
            && self.absent.as_ref().is_none_or(|path| !is_there(path))
            && self.key.as_ref().is_none_or(|pattern| wildcard(pattern, key.as_str()))
    }
}

fn is(wanted: &toml::Value, value: &Value<'_>) -> bool {
    match wanted {
        toml::Value::String(text) => value.as_str() == Some(text),
        toml::Value::Boolean(flag) => value.as_bool() == Some(*flag),
        toml::Value::Integer(number) => *value == OwnedValue::from(u64::try_from(*number).unwrap_or_default()),
        _ => false,
    }
}

/// Entities that are to be left alone, with the reason.
#[derive(Clone, Debug)]
pub struct Exclusion {
    /// As it was written: `DOMAIN/ENTITY`, globs both.
    pub entity: String,
    /// Why they may stay.
    pub reason: String,
    domain: GlobMatcher,
    name: GlobMatcher,
}

impl Exclusion {
    /// Takes `DOMAIN/ENTITY` with globs over the names of domains and over names or keys of entities.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(entity: &str, reason: &str) -> Result<Self, String> {
        let (domain, name) =
            entity.split_once('/').ok_or_else(|| format!("{entity:?} is not a domain, a slash and a name or an id"))?;
        let glob = |text: &str| match Glob::new(text) {
            Ok(glob) => Ok(glob.compile_matcher()),
            Err(error) => Err(format!("{text:?} is not a glob: {}", error.kind())),
        };
        if reason.trim().is_empty() {
            return Err(format!("{entity:?} has no reason"));
        }
        Ok(Self { entity: entity.to_owned(), reason: reason.to_owned(), domain: glob(domain)?, name: glob(name)? })
    }

    /// Whether it means an entity.
    #[must_use]
    pub fn covers(&self, domain: &DomainId, key: &EntityKey, name: Option<&str>) -> bool {
        self.domain.is_match(domain.as_str())
            && (self.name.is_match(key.as_str()) || name.is_some_and(|name| self.name.is_match(name)))
    }
}
