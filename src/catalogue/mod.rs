//! What we know about the configuration domains, as data.
//!
//! Every domain is two files: `schemas/<family>/<domain>.toml` says how it is fetched and treated, the JSON Schema beside it
//! says what its stored form looks like. Both are compiled into the binary. Nothing else in the program knows a domain by
//! name.

mod definition;
mod embedded;
mod field_path;
mod file;
mod shape;
mod source;

use std::collections::BTreeMap;

pub use definition::{Audit, Domain, Identity, KeyPart, Reference, Removal, Risk, RiskRule, SetKey, Tier, Treat};
pub use embedded::{embedded_file, embedded_files};
pub use field_path::{FieldPath, Segment};
pub use shape::{Shape, ShapeId, ShapeNode, Types};
pub use source::{Binding, Counting, CursorNames, Paging, PermissionMode, Source, Under};

use crate::model::{DomainId, nearest};

/// All domains, by name.
#[derive(Debug)]
pub struct Catalogue {
    domains: BTreeMap<DomainId, Domain>,
}

/// A domain file that cannot be used, and why.
#[derive(Debug, thiserror::Error)]
#[error("{file}{}: {problem}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct CatalogueProblem {
    /// The file, as its user names it.
    pub file: String,
    /// The line, where one is to blame; counted from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: String,
}

impl Catalogue {
    /// The domains compiled into the binary.
    ///
    /// # Errors
    /// Every problem of every file. A released binary has none: the tests read all files.
    pub fn built_in() -> Result<Self, Vec<CatalogueProblem>> {
        let mut definitions = Vec::new();
        let mut problems = Vec::new();
        for (path, text) in embedded_files("", "toml") {
            let Some(id) = domain_of_path(&path) else { continue };
            let schema_path = format!("{}/{}.v{}.json", id.family(), id.short_name(), file::version_of(text));
            let schema = embedded_file(&schema_path).unwrap_or_default();
            match Domain::read(id, &path, text, &schema_path, schema) {
                Ok(domain) => definitions.push(domain),
                Err(mut found) => problems.append(&mut found),
            }
        }
        if problems.is_empty() { Self::from_domains(definitions) } else { Err(problems) }
    }

    /// Ties domains together.
    ///
    /// # Errors
    /// Every parent or reference target that no domain and no name in `schemas/api/known-domains.txt` has.
    pub fn from_domains(definitions: Vec<Domain>) -> Result<Self, Vec<CatalogueProblem>> {
        let known: Vec<&str> = embedded_file("api/known-domains.txt").unwrap_or_default().lines().collect();
        let domains: BTreeMap<DomainId, Domain> =
            definitions.into_iter().map(|domain| (domain.id.clone(), domain)).collect();
        let mut problems = Vec::new();
        for domain in domains.values() {
            let mut problem = |problem| {
                problems.push(CatalogueProblem { file: domain.file.clone(), line: None, problem });
            };
            if let Some(parent) = &domain.source.parent
                && !domains.contains_key(parent)
            {
                problem(format!("its parent {parent} is no domain"));
            }
            for target in domain.references.iter().flat_map(|reference| &reference.targets) {
                if !domains.contains_key(target) && !known.contains(&target.as_str()) {
                    problem(format!("it refers to {target}, which is no domain"));
                }
            }
        }
        if problems.is_empty() { Ok(Self { domains }) } else { Err(problems) }
    }

    /// The domain of a name.
    #[must_use]
    pub fn get(&self, id: &DomainId) -> Option<&Domain> {
        self.domains.get(id)
    }

    /// All domains in order of name.
    pub fn iter(&self) -> impl Iterator<Item = &Domain> {
        self.domains.values()
    }

    /// Every name, in order.
    pub fn names(&self) -> impl Iterator<Item = &DomainId> {
        self.domains.keys()
    }

    /// The domain that was probably meant by a name that none has, also where its family was left out.
    #[must_use]
    pub fn nearest(&self, wanted: &str) -> Option<&DomainId> {
        let by = |spelling: fn(&DomainId) -> &str| {
            let closest = nearest(wanted, self.names().map(spelling))?;
            self.names().find(|name| spelling(name) == closest)
        };
        by(DomainId::as_str).or_else(|| by(DomainId::short_name))
    }
}

/// The domain that a file at `<family>/<domain>.toml` defines.
fn domain_of_path(path: &str) -> Option<DomainId> {
    let (family, file) = path.split_once('/')?;
    let reserved = ["rules", "api", "output", "sim", "secrets"].contains(&family);
    let name = file.strip_suffix(".toml")?;
    if reserved { None } else { format!("{family}.{name}").parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_domain_can_be_read() {
        match Catalogue::built_in() {
            Ok(catalogue) => assert!(catalogue.iter().count() > 20),
            Err(problems) => panic!("{problems:#?}"),
        }
    }
}
