//! Names for plain git: what a file of a trail shows beside its ids, from a cache that lies beside the history.
//!
//! Git asks for one file at a time, in a process of its own, and for hundreds of them to show a history. So what one file needs
//! is looked up in a file of sorted lines, and neither the domains nor the snapshot are read for it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::exit::Exit;
use super::failure::Failure;
use super::own_domains::{catalogue_of, own_files};
use super::workspace::{CONFIG_FILE, settings_file};
use crate::canonical::{Digest, compact, read_str};
use crate::catalogue::{Catalogue, Domain, FieldPath};
use crate::history::entities_of;
use crate::model::{DomainId, EntityKey, Value};
use crate::record::roots_of;
use crate::report::beside::{Named, ReferencePath, domain_of_text, with_names};
use crate::trail::{CommitId, Trail};

/// The cache, below the folder that holds the history.
const CACHE: &str = "orgtrail/names";

/// The version of the cache's form.
const FORM: u32 = 1;

/// The text of a file of a trail with names beside ids, line by line; any other content as it is.
///
/// The names are those of the tip of the branch.
pub fn textconv(content: Vec<u8>, dir: &Path, git_dir: Option<&Path>) -> Result<Vec<u8>, Failure> {
    let Ok(text) = std::str::from_utf8(&content) else { return Ok(content) };
    let Some(domain) = domain_of_text(text) else { return Ok(content) };
    let trail = open(dir, git_dir)?;
    let head = trail.head_branch()?;
    let branch = match settings_file(&trail, head.as_deref(), None, CONFIG_FILE)? {
        Some(settings) => branch_in(&settings).or_else(|| head.clone()),
        None => head.clone(),
    };
    let Some(tip) = branch.map(|branch| trail.tip(&branch)).transpose()?.flatten() else { return Ok(content) };
    let cache = Cache::at(&trail, head.as_deref(), &tip)?;
    let Some(known) = cache.index.get(&domain) else { return Ok(content) };
    let path = |(path, targets): &(String, Vec<DomainId>)| (FieldPath::parse(path), targets.clone());
    let references: Vec<ReferencePath> = known.references.iter().map(path).collect();
    Ok(with_names(text, &references, &Of { cache: &cache, domain: &domain }).into_bytes())
}

fn open(dir: &Path, git_dir: Option<&Path>) -> Result<Trail, Failure> {
    if let Some(git_dir) = git_dir {
        return Ok(Trail::open(git_dir)?);
    }
    let dir = dir.canonicalize().map_err(|error| Failure::of(Exit::Usage, &error))?;
    for folder in dir.ancestors() {
        if let Ok(trail) = Trail::open(folder) {
            return Ok(trail);
        }
    }
    Ok(Trail::open(&dir)?)
}

/// The branch that the settings name, without all that else is checked of them.
fn branch_in(settings: &str) -> Option<String> {
    let table: toml::Table = settings.parse().ok()?;
    Some(table.get("trail")?.get("branch")?.as_str()?.to_owned())
}

/// What the cache knows of a domain.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Known {
    /// The ids of what is on record of it.
    entry: Vec<String>,
    /// Where it refers to others.
    references: Vec<(String, Vec<DomainId>)>,
    /// For each part of its keys the domains that it may name an entity of.
    key: Vec<Vec<DomainId>>,
    /// Where its names begin, and how many bytes they are.
    names: (usize, usize),
}

/// Names of the entities of a state.
struct Cache {
    index: BTreeMap<DomainId, Known>,
    bytes: Vec<u8>,
    /// Where the names begin: a line for each, with the key, a tab and the name, both as JSON; in order of the key's bytes
    /// within a domain.
    start: usize,
}

impl Cache {
    /// The names as of a commit: those that were kept, else found anew and kept.
    fn at(trail: &Trail, head: Option<&str>, tip: &CommitId) -> Result<Self, Failure> {
        let path = trail.git_dir().join(CACHE);
        let stamp = stamp(trail, head, tip)?;
        let kept = Self::read(&path);
        match kept {
            Some((found, cache)) if found == stamp => Ok(cache),
            kept => {
                let catalogue = catalogue_of(trail, head)?;
                // What did not change since is taken over, if its domains were understood the same way.
                let is_same = |found: &str| found.split(' ').nth(1) == stamp.split(' ').nth(1);
                let older = kept.filter(|(found, _)| is_same(found)).map(|(_, cache)| cache);
                let cache = Self::find(trail, &catalogue, tip, older.as_ref())?;
                // Without a cache everything is found anew the next time.
                let _ = cache.keep(&path, &stamp);
                Ok(cache)
            }
        }
    }

    fn find(trail: &Trail, catalogue: &Catalogue, tip: &CommitId, older: Option<&Self>) -> Result<Self, Failure> {
        let mut cache = Self { index: BTreeMap::new(), bytes: Vec::new(), start: 0 };
        for domain in catalogue.iter() {
            let mut entry = Vec::new();
            for root in roots_of(&domain.id) {
                entry.extend(trail.tree_entry(tip, &root)?.map(|id| id.to_string()));
            }
            if entry.is_empty() {
                continue;
            }
            let start = cache.bytes.len();
            match older.and_then(|older| Some((older, older.index.get(&domain.id)?))) {
                Some((older, known)) if known.entry == entry => cache.bytes.extend(older.lines_of(known)),
                _ => cache.bytes.extend(lines_at(trail, domain, tip)?),
            }
            let names = (start, cache.bytes.len() - start);
            let references = domain.references.iter().map(|one| (one.path.to_string(), one.targets.clone())).collect();
            let key = domain.key_targets().map(|targets| targets.into_iter().cloned().collect()).collect();
            cache.index.insert(domain.id.clone(), Known { entry, references, key, names });
        }
        Ok(cache)
    }

    fn read(path: &Path) -> Option<(String, Self)> {
        let bytes = std::fs::read(path).ok()?;
        let (stamp, rest) = split_line(&bytes)?;
        let (index, lines) = split_line(rest)?;
        let index: BTreeMap<DomainId, Known> = serde_json::from_slice(index).ok()?;
        let is_whole = |known: &Known| known.names.0.checked_add(known.names.1).is_some_and(|end| end <= lines.len());
        if !index.values().all(is_whole) {
            return None;
        }
        let (stamp, start) = (String::from_utf8(stamp.to_vec()).ok()?, bytes.len() - lines.len());
        Some((stamp, Self { index, bytes, start }))
    }

    /// Puts the cache in its place whole, whoever else does the same at that moment.
    fn keep(&self, path: &Path, stamp: &str) -> std::io::Result<()> {
        let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        std::fs::create_dir_all(&folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&folder)?;
        writeln!(file, "{stamp}")?;
        serde_json::to_writer(&mut file, &self.index)?;
        file.write_all(b"\n")?;
        file.write_all(&self.bytes[self.start..])?;
        file.persist(path)?;
        Ok(())
    }

    fn lines_of(&self, known: &Known) -> &[u8] {
        let start = self.start + known.names.0;
        self.bytes.get(start..start + known.names.1).unwrap_or_default()
    }

    /// The name of an entity.
    fn name(&self, domain: &DomainId, key: &str) -> Option<String> {
        let lines = self.lines_of(self.index.get(domain)?);
        let wanted = compact(&Value::from(key));
        let (mut low, mut high) = (0, lines.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let start = lines[..middle].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let end = middle + lines[middle..].iter().position(|byte| *byte == b'\n')?;
            let line = std::str::from_utf8(&lines[start..end]).ok()?;
            let (found, name) = line.split_once('\t')?;
            match found.as_bytes().cmp(wanted.as_bytes()) {
                std::cmp::Ordering::Equal => return read_str(name).ok()?.as_str().map(ToOwned::to_owned),
                std::cmp::Ordering::Less => low = end + 1,
                std::cmp::Ordering::Greater => high = start,
            }
        }
        None
    }
}

/// The names that one file asks for.
struct Of<'c> {
    cache: &'c Cache,
    domain: &'c DomainId,
}

impl Named for Of<'_> {
    fn of_key(&self, key: &str) -> Option<String> {
        if let Some(name) = self.cache.name(self.domain, key) {
            return Some(name);
        }
        let known = self.cache.index.get(self.domain)?;
        let parts: Vec<String> = EntityKey::new(key).parts().collect();
        if parts.len() < 2 || known.names.1 > 0 {
            return None;
        }
        // A relation is called after what it relates.
        let called = |(targets, part): (&Vec<DomainId>, &String)| self.of_target(targets, part);
        let names: Vec<Option<String>> = known.key.iter().zip(&parts).map(called).collect();
        names.iter().any(Option::is_some).then(|| {
            let part = |(name, part): (Option<String>, String)| name.unwrap_or(part);
            names.into_iter().zip(parts).map(part).collect::<Vec<_>>().join(" · ")
        })
    }

    fn of_target(&self, targets: &[DomainId], key: &str) -> Option<String> {
        targets.iter().find_map(|target| self.cache.name(target, key))
    }
}

/// What the names are of: the form of the cache, how the domains are understood, and the state.
fn stamp(trail: &Trail, head: Option<&str>, tip: &CommitId) -> Result<String, Failure> {
    let mut own = String::new();
    for file in own_files(trail, head)? {
        own.push_str(&file.path);
        own.push_str(&Digest::of(&file.content).to_string());
    }
    let own = Digest::of(own.as_bytes()).short();
    Ok(format!("orgtrail-names {FORM}-{}-{own} {tip}", env!("CARGO_PKG_VERSION")))
}

fn lines_at(trail: &Trail, domain: &Domain, tip: &CommitId) -> Result<Vec<u8>, Failure> {
    let mut names = BTreeMap::new();
    if domain.identity.name.is_some() {
        for root in roots_of(&domain.id) {
            for file in trail.files_between(None, tip, &root)? {
                let Some(blob) = file.after else { continue };
                let content = trail.blob(&blob)?;
                let text = String::from_utf8_lossy(&content);
                for entity in entities_of(&text) {
                    if let Some(name) = entity.name(domain) {
                        names.insert(compact(&Value::from(entity.key.as_str())), compact(&Value::from(name)));
                    }
                }
            }
        }
    }
    Ok(names.into_iter().flat_map(|(key, name)| format!("{key}\t{name}\n").into_bytes()).collect())
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}
