//! The keys of a domain file that the schemas and the contract depend on. Everything else is left to the program's own reader.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use orgtrail::catalogue::FieldPath;
use serde::Deserialize;

use super::contract::{Contract, Kind};

/// A domain file.
#[derive(Deserialize)]
pub(crate) struct DomainFile {
    /// The name of the domain.
    #[serde(skip)]
    pub(crate) id: String,
    /// The version of its stored form.
    pub(crate) schema_version: u32,
    /// Where it comes from.
    pub(crate) source: Source,
    /// How the API shows that an entity is gone.
    #[serde(default)]
    pub(crate) removal: Removal,
    /// What is done with its fields.
    #[serde(default)]
    pub(crate) treat: Treat,
    /// Its references.
    #[serde(default)]
    pub(crate) references: BTreeMap<FieldPath, Reference>,
}

/// Where a domain comes from.
#[derive(Deserialize)]
pub(crate) struct Source {
    /// The path of the listing.
    pub(crate) path: String,
    /// How it is paged.
    pub(crate) paging: String,
    /// The member of the envelope that holds the entities.
    pub(crate) entities: Option<String>,
    /// Present where the listing is a query by POST.
    pub(crate) body: Option<toml::Table>,
    /// The parameters of the listing.
    #[serde(default)]
    pub(crate) query: BTreeMap<String, String>,
    /// The listing under several queries.
    #[serde(default)]
    pub(crate) passes: Vec<BTreeMap<String, String>>,
    /// Entities on a page.
    pub(crate) page_size: Option<u64>,
    /// The name of the parameter that takes the page size.
    pub(crate) size: Option<String>,
    /// The name of the parameter that takes the cursor.
    pub(crate) cursor: Option<String>,
    /// The domain whose entities are the parents.
    pub(crate) parent: Option<String>,
    /// What stands in the placeholders of the path.
    #[serde(default)]
    pub(crate) bind: BTreeMap<String, String>,
    /// The permissions that the reader needs.
    #[serde(default)]
    pub(crate) permission: Vec<String>,
    /// The parameters of the read of one entity.
    #[serde(default)]
    pub(crate) detail_query: BTreeMap<String, String>,
    /// The path that reads one entity.
    pub(crate) detail: Option<String>,
    /// Whether the stored form comes from it.
    #[serde(default)]
    pub(crate) read_detail: bool,
    /// The member that a listing of bare strings makes of them.
    pub(crate) text_items: Option<String>,
    /// Members that the listing was bound to.
    #[serde(default)]
    pub(crate) stamp: Vec<String>,
}

/// How the API shows that an entity is gone.
#[derive(Default, Deserialize)]
pub(crate) struct Removal {
    /// The parameters of the read that tells.
    #[serde(default)]
    pub(crate) query: BTreeMap<String, String>,
}

/// What is done with the fields of a domain.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Treat {
    /// Dropped.
    pub(crate) volatile: Vec<FieldPath>,
    /// Dropped.
    pub(crate) state: Vec<FieldPath>,
    /// Dropped.
    pub(crate) metadata: Vec<FieldPath>,
    /// Dropped.
    pub(crate) copied: Vec<FieldPath>,
    /// Fingerprinted.
    pub(crate) secret: Vec<FieldPath>,
}

/// A reference.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Reference {
    /// The target alone.
    Target(String),
    /// With what belongs to the relation.
    Full {
        /// One target or several.
        domain: Targets,
        /// Members that are kept.
        #[serde(default)]
        keep: Vec<String>,
    },
}

/// What a reference may lead to.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Targets {
    /// One domain.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Reference {
    /// The domains that it may lead to.
    pub(crate) fn targets(&self) -> &[String] {
        match self {
            Self::Target(one) | Self::Full { domain: Targets::One(one), .. } => std::slice::from_ref(one),
            Self::Full { domain: Targets::Several(several), .. } => several,
        }
    }
}

impl DomainFile {
    /// Reads a domain file.
    pub(crate) fn read(id: &str, text: &str) -> Result<Self, String> {
        let file: Self = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        Ok(Self { id: id.to_owned(), ..file })
    }

    /// The method of the listing.
    pub(crate) fn method(&self) -> &'static str {
        if self.source.body.is_some() { "post" } else { "get" }
    }

    /// The name of the parameter that takes the page size.
    pub(crate) fn size(&self) -> &str {
        self.source.size.as_deref().unwrap_or("pageSize")
    }

    /// The path of the schema, from `schemas/`.
    pub(crate) fn schema_path(&self) -> String {
        let (family, name) = self.id.split_once('.').unwrap_or((&self.id, ""));
        format!("{family}/{name}.v{}.json", self.schema_version)
    }

    /// The type of what a listing answers for one entity.
    pub(crate) fn listed<'c>(&self, contract: &'c Contract) -> Result<Kind<'c>, String> {
        let source = &self.source;
        let reply = reply(contract, &source.path, self.method())?;
        match (source.paging.as_str(), &reply) {
            ("singleton", _) => Ok(reply),
            ("array", Kind::Array(item)) => Ok((**item).clone()),
            (_, Kind::Any) => Ok(Kind::Any),
            (_, Kind::Model(envelope)) => {
                let member = source.entities.as_deref().unwrap_or("entities");
                let list = contract.models.get(*envelope).and_then(|model| model.props.get(member));
                let list = list.ok_or_else(|| format!("source.entities: {envelope} has no member {member}"))?;
                match Kind::parse(&list.r#type) {
                    Kind::Array(item) => Ok(*item),
                    _ => Err(format!("source.entities: {envelope}.{member} is {}, not an array", list.r#type)),
                }
            }
            _ => Err(format!("{} does not answer with a listing", source.path)),
        }
    }

    /// The type that the stored form is made from.
    pub(crate) fn entity<'c>(&self, contract: &'c Contract) -> Result<Kind<'c>, String> {
        match &self.source.detail {
            Some(detail) if self.source.read_detail => reply(contract, detail, "get"),
            _ => self.listed(contract),
        }
    }
}

fn reply<'c>(contract: &'c Contract, path: &str, method: &str) -> Result<Kind<'c>, String> {
    let (_, operation) = contract.operation(path, method).ok_or_else(|| format!("the API has no {method} {path}"))?;
    Ok(operation.response.as_deref().map_or(Kind::Any, Kind::parse))
}

/// Folders under `schemas/` that hold no domains.
const OTHER_FOLDERS: [&str; 9] = ["api", "orphans", "output", "rbac", "reach", "rules", "secrets", "sim", "watch"];

/// The domain files in a folder, as names of domains and paths, in order of name.
pub(crate) fn domain_files(folder: &Path) -> std::io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for family in std::fs::read_dir(folder)? {
        let family = family?;
        let name = family.file_name().to_string_lossy().into_owned();
        if !family.file_type()?.is_dir() || OTHER_FOLDERS.contains(&name.as_str()) {
            continue;
        }
        for file in std::fs::read_dir(family.path())? {
            let path = file?.path();
            if let (Some(stem), Some("toml")) = (path.file_stem(), path.extension().and_then(|text| text.to_str())) {
                found.push((format!("{name}.{}", stem.to_string_lossy()), path));
            }
        }
    }
    found.sort();
    Ok(found)
}
