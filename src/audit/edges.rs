//! What entities have to do with each other beyond declared references, as data: `schemas/reach/edges.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::catalogue::{FieldPath, KeyPart, embedded_file};
use crate::model::{DomainId, wildcard};

/// The file, below `schemas/`.
const EDGES_FILE: &str = "reach/edges.toml";

/// Edges of the graph that no domain file declares, and which edges pass a change on.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edges {
    /// The domains that a way down ends in.
    #[serde(default)]
    pub ends: Vec<DomainId>,
    /// What a reference says where it means nothing in particular.
    #[serde(default)]
    pub nothing: Vec<String>,
    /// The domains whose keys are the ids of other organisations.
    #[serde(default)]
    pub organisations: Vec<DomainId>,
    /// Members that name an organisation.
    #[serde(default)]
    pub names_organisation: Vec<OrganisationName>,
    /// References that may mean somebody of another organisation.
    #[serde(default)]
    pub strangers: Vec<Selector>,
    /// The domains whose entities only say that two others belong together.
    #[serde(default)]
    pub relation: Vec<RelationDomain>,
    /// The domains that say what another one says as well.
    #[serde(default)]
    pub told_by: BTreeMap<DomainId, DomainId>,
    /// References that are no declared ones.
    #[serde(default)]
    pub edge: Vec<FoundEdge>,
    /// The edges that an interaction goes on along.
    #[serde(default)]
    pub carries: Vec<Selector>,
    /// The edges whose target can change without any difference to who refers to it.
    #[serde(default)]
    pub stops: Vec<Selector>,
}

/// A domain whose entities only say that two others belong together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelationDomain {
    /// The domain.
    pub domain: DomainId,
    /// The part of the key that names who uses.
    pub from: String,
    /// The part of the key that names what is used.
    pub to: String,
    /// Whether an interaction goes on from the one to the other.
    #[serde(default)]
    pub carries: bool,
}

/// A reference that is no declared one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundEdge {
    /// The domain that it is in.
    pub from: DomainId,
    /// Where it is.
    pub path: FieldPath,
    /// The domains that its target may belong to.
    pub to: Vec<DomainId>,
    /// Where the target holds the value; absent where it is its key.
    pub by: Option<FieldPath>,
    /// Whether it is the target that uses the entity.
    #[serde(default)]
    pub reversed: bool,
    /// Whether an interaction goes on along it.
    #[serde(default)]
    pub carries: bool,
}

/// A member that names an organisation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganisationName {
    /// The domain that it is in.
    pub domain: DomainId,
    /// Where it is.
    pub path: FieldPath,
}

/// Some edges, by patterns in which `*` stands for any run of characters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// The domains that they are declared in.
    from: Option<String>,
    /// Their paths, as declared.
    path: Option<String>,
    /// The domains that they lead to.
    to: Option<String>,
}

/// A file of edges that cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the edges cannot be read: {0}")]
pub struct EdgesError(String);

impl Edges {
    /// Reads a file of edges.
    ///
    /// # Errors
    /// [`EdgesError`] where it is no TOML, or has other members.
    pub fn read(text: &str) -> Result<Self, EdgesError> {
        toml::from_str(text).map_err(|error| EdgesError(error.message().to_owned()))
    }

    /// The edges compiled into the binary, which can be read: a test does.
    #[must_use]
    pub fn built_in() -> Self {
        embedded_file(EDGES_FILE).and_then(|text| Self::read(text).ok()).unwrap_or_default()
    }

    /// What is said of a domain whose entities only relate two others.
    #[must_use]
    pub fn relation_of(&self, domain: &DomainId) -> Option<&RelationDomain> {
        self.relation.iter().find(|relation| relation.domain == *domain)
    }

    /// Whether an interaction goes on along an edge.
    #[must_use]
    pub fn carries(&self, from: &DomainId, path: &str, to: &DomainId) -> bool {
        self.carries.iter().any(|selector| selector.selects(from, path, to))
    }

    /// Whether a reference may mean somebody of another organisation.
    #[must_use]
    pub fn may_be_a_stranger(&self, from: &DomainId, path: &str, to: &DomainId) -> bool {
        self.strangers.iter().any(|selector| selector.selects(from, path, to))
    }

    /// Whether a change of the target of an edge reaches who refers to it.
    #[must_use]
    pub fn passes(&self, from: &DomainId, path: &str, to: &DomainId) -> bool {
        !self.stops.iter().any(|selector| selector.selects(from, path, to))
    }
}

impl RelationDomain {
    /// The parts of the key that name the two ends.
    #[must_use]
    pub fn ends(&self) -> (KeyPart, KeyPart) {
        (KeyPart::parse(&self.from), KeyPart::parse(&self.to))
    }
}

impl Selector {
    /// Whether it means the edges of a path.
    #[must_use]
    pub fn selects(&self, from: &DomainId, path: &str, to: &DomainId) -> bool {
        let fits = |pattern: &Option<String>, text: &str| pattern.as_ref().is_none_or(|one| wildcard(one, text));
        fits(&self.from, from.as_str()) && fits(&self.path, path) && fits(&self.to, to.as_str())
    }
}
