//! The user's own domain files: which is whose, and what each domain is made of.

use std::collections::BTreeMap;

use super::embedded::{embedded_file, embedded_files};
use super::problem::{CatalogueProblem, line_at};
use crate::model::{DomainId, DomainIdError};

/// The folder of a trail that holds the user's own domains.
pub const USER_DIR: &str = "orgtrail.d";

/// A file of the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserFile {
    /// Its path in the trail, with slashes: `orgtrail.d/<family>/<domain>.toml` or `….v<version>.json`.
    pub path: String,
    /// What it holds.
    pub content: Vec<u8>,
}

/// A file and its text.
#[derive(Clone, Debug)]
pub(super) struct Source<'f> {
    pub(super) file: String,
    pub(super) text: &'f str,
}

/// The texts that a domain is made of, the user's in the place of the program's.
#[derive(Debug)]
pub(super) struct Texts<'f> {
    pub(super) id: DomainId,
    /// The domain file; absent where there is none, or none that is text.
    pub(super) domain: Option<Source<'f>>,
    /// The user's schemas, by version.
    pub(super) schemas: BTreeMap<u32, Source<'f>>,
    /// Whether the program has the domain.
    pub(super) is_built_in: bool,
    /// Whether all files are text; of half a domain nothing certain can be said.
    pub(super) is_readable: bool,
}

impl Source<'_> {
    pub(super) fn is_own(&self) -> bool {
        is_own(&self.file)
    }
}

/// Whether a file is the user's.
pub(super) fn is_own(file: &str) -> bool {
    file.strip_prefix(USER_DIR).is_some_and(|rest| rest.starts_with('/'))
}

impl<'f> Texts<'f> {
    fn new(id: &DomainId) -> Self {
        Self { id: id.clone(), domain: None, schemas: BTreeMap::new(), is_built_in: false, is_readable: true }
    }

    /// The schema of a version: the user's, else the program's.
    pub(super) fn schema(&self, version: u32) -> Option<Source<'f>> {
        let own = || self.schemas.get(&version).cloned();
        let built_in = || {
            let file = schema_path(&self.id, version);
            embedded_file(&file).map(|text| Source { file, text })
        };
        own().or_else(built_in)
    }
}

/// The path of a domain's schema, from `schemas/` or from the folder of the user's domains.
pub(super) fn schema_path(id: &DomainId, version: u32) -> String {
    format!("{}/{}.v{version}.json", id.family(), id.short_name())
}

/// What the domains are made of: the program's, and the user's instead or besides. Files that belong to no domain are problems.
pub(super) fn texts_of<'f>(files: &'f [UserFile], problems: &mut Vec<CatalogueProblem>) -> Vec<Texts<'f>> {
    let mut all: BTreeMap<DomainId, Texts<'f>> = BTreeMap::new();
    for (path, text) in embedded_files("", "toml") {
        if let Some(id) = built_in_domain(&path) {
            let mut texts = Texts::new(&id);
            texts.domain = Some(Source { file: path, text });
            texts.is_built_in = true;
            all.insert(id, texts);
        }
    }
    for file in files {
        let mut problem = |line, problem| problems.push(CatalogueProblem { file: file.path.clone(), line, problem });
        let (id, version) = match place_of(&file.path) {
            Ok(place) => place,
            Err(why) => {
                problem(None, why);
                continue;
            }
        };
        let texts = all.entry(id.clone()).or_insert_with(|| Texts::new(&id));
        let text = match std::str::from_utf8(&file.content) {
            Ok(text) => text,
            Err(error) => {
                let before = String::from_utf8_lossy(&file.content[..error.valid_up_to()]);
                problem(Some(line_at(&before, before.len())), "not UTF-8".to_owned());
                texts.is_readable = false;
                continue;
            }
        };
        let source = Source { file: file.path.clone(), text };
        match version {
            None => texts.domain = Some(source),
            Some(version) => drop(texts.schemas.insert(version, source)),
        }
    }
    all.into_values().collect()
}

/// The domain that a file under `schemas/` at `<family>/<domain>.toml` defines.
fn built_in_domain(path: &str) -> Option<DomainId> {
    let (family, file) = path.split_once('/')?;
    let reserved =
        ["rules", "api", "lint", "orphans", "output", "rbac", "reach", "sim", "secrets", "watch"].contains(&family);
    let name = file.strip_suffix(".toml")?;
    if reserved { None } else { format!("{family}.{name}").parse().ok() }
}

/// The domain that a file of the user's belongs to, and the version where it is a schema.
fn place_of(path: &str) -> Result<(DomainId, Option<u32>), String> {
    let misplaced = || {
        format!(
            "a domain is {USER_DIR}/<family>/<domain>.toml, and its schema \
             {USER_DIR}/<family>/<domain>.v<version>.json beside it"
        )
    };
    let inside = path.strip_prefix(USER_DIR).and_then(|rest| rest.strip_prefix('/'));
    let (family, file) = inside.and_then(|inside| inside.split_once('/')).ok_or_else(misplaced)?;
    let (name, version) = match (file.strip_suffix(".toml"), file.strip_suffix(".json")) {
        (Some(name), _) => (name, None),
        (None, Some(name)) => {
            let (name, version) = name.rsplit_once(".v").ok_or_else(misplaced)?;
            let number = version.parse::<u32>().ok().filter(|number| *number > 0 && number.to_string() == version);
            (name, Some(number.ok_or_else(misplaced)?))
        }
        (None, None) => return Err(misplaced()),
    };
    if name.contains('/') {
        return Err(misplaced());
    }
    let id = format!("{family}.{name}").parse().map_err(|error: DomainIdError| error.to_string())?;
    Ok((id, version))
}
