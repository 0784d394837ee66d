//! How a domain is laid out in files.
//!
//! A small domain is one file, a large one a folder of shards of the same shape. The number of shards is *sticky*: it is on
//! record in the ledger and grows only when a file would pass its limit, because laying a domain out anew rewrites every blob
//! and cuts `git blame`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::canonical::{Digest, write_document};
use crate::catalogue::Domain;
use crate::model::{CanonicalText, DomainId, DomainSnapshot, EntityKey};

/// The folder that the tool alone writes.
pub const SNAPSHOT_DIR: &str = "snapshot";

/// The path of the ledger.
pub const LEDGER_PATH: &str = "snapshot/ledger.json";

/// Most bytes of a domain in one file.
const MAX_FILE: usize = 512 * 1024;

/// Most bytes of a shard.
const MAX_SHARD: usize = 1024 * 1024;

/// Most bytes of a domain laid out by one and by two hex digits when it is first written.
const MAX_AT_WIDTH: [usize; 2] = [8 << 20, 128 << 20];

/// How many hex digits of a key decide its file: 0 for one file, up to 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Width(u8);

impl Width {
    /// Most digits there can be.
    const MAX: u8 = 3;

    /// Whether the domain is one file.
    #[must_use]
    pub fn is_one_file(self) -> bool {
        self.0 == 0
    }

    fn wider(self) -> Option<Self> {
        (self.0 < Self::MAX).then_some(Self(self.0 + 1))
    }

    fn limit(self) -> usize {
        if self.is_one_file() { MAX_FILE } else { MAX_SHARD }
    }
}

/// Files to write (`Some`) and to remove (`None`), by path.
pub type FileEdits = BTreeMap<String, Option<Vec<u8>>>;

/// The width that a domain is first laid out with.
#[must_use]
pub fn first_width(snapshot: &DomainSnapshot) -> Width {
    let size = write_document(&snapshot.domain, snapshot.schema_version, &snapshot.entities).len();
    match MAX_AT_WIDTH.iter().position(|&limit| size <= limit) {
        Some(0) if size <= MAX_FILE => Width(0),
        Some(index) => Width(if index == 0 { 1 } else { 2 }),
        None => Width(3),
    }
}

/// The files that change when a domain becomes another snapshot of itself, both laid out with one width.
///
/// # Errors
/// A wider [`Width`] where a file would pass its limit.
pub fn changed_files(
    domain: &Domain,
    before: &DomainSnapshot,
    after: &DomainSnapshot,
    width: Width,
) -> Result<FileEdits, Width> {
    let whole = before.entities.is_empty() || before.schema_version != after.schema_version;
    let mut dirty: BTreeSet<String> = BTreeSet::new();
    let path_of = |key: &EntityKey| path_of(domain, key, width);
    for (key, entity) in &after.entities {
        if whole || before.entities.get(key) != Some(entity) {
            dirty.insert(path_of(key));
        }
    }
    dirty.extend(before.entities.keys().filter(|key| !after.entities.contains_key(*key)).map(path_of));
    let empty_file = path_of_empty(&domain.id);
    let stays_empty = before.entities.is_empty() && after.entities.is_empty();
    if after.entities.is_empty() || (before.entities.is_empty() && !width.is_one_file()) {
        dirty.insert(empty_file.clone());
    }
    let mut contents: BTreeMap<String, Vec<(&EntityKey, &CanonicalText)>> = BTreeMap::new();
    for (key, entity) in &after.entities {
        let path = path_of(key);
        if dirty.contains(&path) {
            contents.entry(path).or_default().push((key, entity));
        }
    }
    let mut edits = FileEdits::new();
    for path in dirty {
        let entities = contents.remove(&path).unwrap_or_default();
        let keeps = !entities.is_empty() || (after.entities.is_empty() && path == empty_file);
        let bytes = keeps.then(|| write_document(&domain.id, after.schema_version, entities));
        if bytes.as_ref().is_some_and(|bytes| bytes.len() > width.limit())
            && let Some(wider) = width.wider()
        {
            return Err(wider);
        }
        if !(stays_empty && bytes.is_none()) {
            edits.insert(path, bytes);
        }
    }
    Ok(edits)
}

/// The paths of all files of a snapshot.
#[must_use]
pub fn domain_paths(domain: &Domain, snapshot: &DomainSnapshot, width: Width) -> BTreeSet<String> {
    if snapshot.entities.is_empty() {
        return BTreeSet::from([path_of_empty(&domain.id)]);
    }
    snapshot.entities.keys().map(|key| path_of(domain, key, width)).collect()
}

/// Every path at which an entity can be on record, whatever the width of its domain is or was.
#[must_use]
pub fn places_of(domain: &Domain, key: &EntityKey) -> Vec<String> {
    let mut paths = vec![path_of_empty(&domain.id)];
    // Whether keys begin with a random UUID may have been said otherwise before.
    let digits = leading_hex(key.as_str()).into_iter().chain([Digest::of(key.as_str().as_bytes()).to_string()]);
    for digits in digits {
        paths.extend((1..=Width::MAX).map(|width| path_of_shard(&domain.id, &digits, Width(width))));
    }
    paths
}

/// Whether a file is where an entity of a domain is on record at a width, whichever way its keys are divided.
#[must_use]
pub fn is_place_of(id: &DomainId, key: &EntityKey, width: Width, path: &str) -> bool {
    if width.is_one_file() {
        return path == path_of_empty(id);
    }
    let is_at = |digits: &str| path == path_of_shard(id, digits, width);
    leading_hex(key.as_str()).is_some_and(|digits| is_at(&digits))
        || is_at(&Digest::of(key.as_str().as_bytes()).to_string())
}

/// The domain that a file under [`SNAPSHOT_DIR`] belongs to, by its path.
#[must_use]
pub fn domain_of(path: &str) -> Option<DomainId> {
    let (family, rest) = path.strip_prefix(SNAPSHOT_DIR)?.strip_prefix('/')?.split_once('/')?;
    let name = rest.split('/').next()?;
    format!("{family}.{}", name.strip_suffix(".json").unwrap_or(name)).parse().ok()
}

/// The paths that the files of a domain are at or below: its one file, and the folder of its shards.
#[must_use]
pub fn roots_of(id: &DomainId) -> [String; 2] {
    [path_of_empty(id), format!("{SNAPSHOT_DIR}/{}/{}", id.family(), id.short_name())]
}

/// The one file of a domain without entities, whatever its width.
fn path_of_empty(id: &DomainId) -> String {
    format!("{SNAPSHOT_DIR}/{}/{}.json", id.family(), id.short_name())
}

/// The file that an entity of a domain is in where the domain is laid out with a width.
#[must_use]
pub fn path_of(domain: &Domain, key: &EntityKey, width: Width) -> String {
    let id = &domain.id;
    if width.is_one_file() {
        return path_of_empty(id);
    }
    let digits = if domain.identity.random_uuid { leading_hex(key.as_str()) } else { None };
    let digits = digits.unwrap_or_else(|| Digest::of(key.as_str().as_bytes()).to_string());
    path_of_shard(id, &digits, width)
}

fn path_of_shard(id: &DomainId, digits: &str, width: Width) -> String {
    let prefix = &digits[..usize::from(width.0)];
    let shard = if width.0 == 3 { format!("{}/{}", &prefix[..2], &prefix[2..]) } else { prefix.to_owned() };
    format!("{SNAPSHOT_DIR}/{}/{}/{shard}.json", id.family(), id.short_name())
}

/// The digits that a UUID begins with, in lower case.
fn leading_hex(key: &str) -> Option<String> {
    let head = key.get(..usize::from(Width::MAX))?;
    head.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| head.to_ascii_lowercase())
}
