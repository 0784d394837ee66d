//! What we know about the configuration domains, as data.
//!
//! Every domain is two files: `schemas/<family>/<domain>.toml` says how it is fetched and treated, the JSON Schema beside it
//! says what its stored form looks like. Both are compiled into the binary, and a user's own come besides them or in their
//! place. Nothing else in the program knows a domain by name.

mod definition;
mod draft;
mod embedded;
mod field_path;
mod file;
mod problem;
mod role;
mod schema;
mod shape;
mod source;
mod tie;
mod user;

use std::collections::BTreeMap;

pub use definition::{
    Audit, Domain, Identity, KeyPart, Origin, Reference, Removal, Risk, RiskRule, SetKey, Tier, Treat,
};
pub use embedded::{embedded_file, embedded_files};
pub use field_path::{FieldPath, Segment};
pub(crate) use file::kind_of;
pub use problem::CatalogueProblem;
pub use role::{LeastRole, Need, PermissionPolicy};
pub use shape::{Shape, ShapeId, ShapeNode, Types};
pub use source::{Binding, Counting, CursorNames, Paging, PermissionMode, Source, Under};
pub use user::{NOT_OF_DOMAINS, USER_DIR, UserFile};

use crate::model::{DomainId, nearest};
use draft::Draft;

/// All domains, by name.
#[derive(Debug)]
pub struct Catalogue {
    domains: BTreeMap<DomainId, Domain>,
}

impl Catalogue {
    /// The domains compiled into the binary.
    ///
    /// # Errors
    /// Every problem of every file. A released binary has none: the tests read all files.
    pub fn built_in() -> Result<Self, Vec<CatalogueProblem>> {
        Self::with(&[])
    }

    /// The domains compiled into the binary and the user's own, which come besides or in the place of one: a domain file for the
    /// whole domain file, a schema for the schema of that version.
    ///
    /// # Errors
    /// Every problem of every file, in order of place.
    pub fn with(files: &[UserFile]) -> Result<Self, Vec<CatalogueProblem>> {
        let mut problems = Vec::new();
        let drafts = user::texts_of(files, &mut problems).iter().map(Draft::read).collect();
        Ok(Self { domains: tie::tie(drafts, problems)? })
    }

    /// Ties domains together.
    ///
    /// # Errors
    /// Every parent or reference target that is no domain, and parents in a circle.
    pub fn from_domains(definitions: Vec<Domain>) -> Result<Self, Vec<CatalogueProblem>> {
        let drafts = definitions.into_iter().map(Draft::of).collect();
        Ok(Self { domains: tie::tie(drafts, Vec::new())? })
    }

    /// The same domains with every field as it comes; secrets stay hidden.
    #[must_use]
    pub fn untreated(&self) -> Self {
        Self { domains: self.domains.iter().map(|(id, domain)| (id.clone(), domain.untreated())).collect() }
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

    /// A domain and those that it is listed under, the topmost first; none where there is no such domain.
    #[must_use]
    pub fn lineage(&self, id: &DomainId) -> Vec<&Domain> {
        let mut lineage: Vec<&Domain> =
            std::iter::successors(self.get(id), |domain| self.get(domain.source.parent.as_ref()?)).collect();
        lineage.reverse();
        lineage
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
