//! Objects are built in memory and reach the disk together, or not at all.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;

use git2::{ObjectType, Odb, OdbLookupFlags, Oid, PackBuilder, Repository, Tree};

use super::error::{TrailError, doing};
use super::read::join;
use super::repository::DurableRepository;

const FILE: i32 = 0o100_644;
const FOLDER: i32 = 0o040_000;

/// Up to this many objects are written one by one, which is quicker; more would leave a mess of files.
const LOOSE_OBJECTS: usize = 32;

/// Above every backend of a repository, so that it takes all writes.
const MEMORY_PRIORITY: i32 = 1000;

/// What happens to one name of a folder.
pub(super) enum Edit {
    Remove,
    File(Oid),
    Folder(Oid),
    /// A folder with some of its names edited.
    Within(BTreeMap<String, Edit>),
    /// A folder that holds nothing else, whatever was there.
    Anew(BTreeMap<String, Edit>),
}

/// A second handle on a repository, whose writes stay in memory until stored.
pub(super) struct Staging {
    repo: DurableRepository,
}

impl Staging {
    pub(super) fn open(of: &Repository) -> Result<Self, TrailError> {
        let repo = DurableRepository::open(of.path())?;
        repo.odb()
            .and_then(|odb| odb.add_new_mempack_backend(MEMORY_PRIORITY).map(drop))
            .map_err(doing("prepare to write to", of.path().display()))?;
        Ok(Self { repo })
    }

    /// Returns the handle that sees what is stored and what is staged.
    pub(super) fn repo(&self) -> &Repository {
        &self.repo
    }

    /// Builds a folder from another by edits; a folder without entries is no folder.
    pub(super) fn tree(
        &self,
        base: Option<&Tree<'_>>,
        edits: &BTreeMap<String, Edit>,
    ) -> Result<Option<Oid>, git2::Error> {
        let mut builder = self.repo.treebuilder(base)?;
        for (name, edit) in edits {
            let new = match edit {
                Edit::Remove => None,
                Edit::File(id) => Some((*id, FILE)),
                Edit::Folder(id) => Some((*id, FOLDER)),
                Edit::Within(edits) => {
                    let old = base
                        .and_then(|tree| tree.get_name(name))
                        .filter(|entry| entry.kind() == Some(ObjectType::Tree))
                        .map(|entry| self.repo.find_tree(entry.id()))
                        .transpose()?;
                    let new = self.tree(old.as_ref(), edits)?;
                    if old.is_none() && new.is_none() {
                        // A removal below a file takes nothing away.
                        continue;
                    }
                    new.map(|id| (id, FOLDER))
                }
                Edit::Anew(edits) => self.tree(None, edits)?.map(|id| (id, FOLDER)),
            };
            match new {
                Some((id, mode)) => drop(builder.insert(name, id, mode)?),
                None if builder.get(name)?.is_some() => builder.remove(name)?,
                None => {}
            }
        }
        if builder.is_empty() {
            return Ok(None);
        }
        builder.write().map(Some)
    }

    /// Builds the root folder of a commit, which may be empty.
    pub(super) fn root(
        &self,
        base: Option<&Tree<'_>>,
        edits: &BTreeMap<String, Edit>,
    ) -> Result<Tree<'_>, git2::Error> {
        let id = match self.tree(base, edits)? {
            Some(id) => id,
            None => self.repo.treebuilder(None)?.write()?,
        };
        self.repo.find_tree(id)
    }

    /// Writes commits and folders, and whatever they need that the repository does not have.
    pub(super) fn store(&self, roots: &[Oid], into: &DurableRepository) -> Result<(), TrailError> {
        let store = || {
            let odb = into.odb()?;
            let objects = self.missing(roots, &odb)?;
            if objects.len() <= LOOSE_OBJECTS {
                self.write_each(&objects, &odb)
            } else {
                self.write_pack(&objects, &odb)
            }
        };
        store().map_err(doing("write objects to", into.path().display()))
    }

    /// Lists what is not yet in a repository, with its path; what an object refers to comes before it.
    fn missing(&self, roots: &[Oid], from: &Odb<'_>) -> Result<Vec<(Oid, String)>, git2::Error> {
        let mut search = Missing { repo: &self.repo, stored: from, seen: HashSet::new(), found: Vec::new() };
        from.refresh()?;
        for id in roots {
            let root = self.repo.find_object(*id, None)?;
            if let Some(commit) = root.as_commit() {
                search.visit(commit.tree_id(), ObjectType::Tree, "")?;
            }
            search.visit(*id, root.kind().unwrap_or(ObjectType::Any), "")?;
        }
        Ok(search.found)
    }

    fn write_each(&self, objects: &[(Oid, String)], to: &Odb<'_>) -> Result<(), git2::Error> {
        let staged = self.repo.odb()?;
        for (id, _) in objects {
            let object = staged.read(*id)?;
            to.write(object.kind(), object.data())?;
        }
        Ok(())
    }

    fn write_pack(&self, objects: &[(Oid, String)], to: &Odb<'_>) -> Result<(), git2::Error> {
        let mut pack = self.repo.packbuilder()?;
        for (id, path) in objects.iter().rev() {
            pack.insert_object(*id, Some(path))?;
        }
        send_pack(&mut pack, to)
    }
}

/// Writes a finished pack to a repository as one file.
pub(super) fn send_pack(pack: &mut PackBuilder<'_>, to: &Odb<'_>) -> Result<(), git2::Error> {
    // One thread: the same objects give the same bytes.
    pack.set_threads(1);
    let mut writer = to.packwriter()?;
    let mut refused = None;
    let sent = pack.foreach(|chunk| {
        let written = writer.write_all(chunk);
        if written.is_err() {
            // The writer keeps to itself why; libgit2 remembers.
            refused = Some(git2::Error::last_error(-1));
        }
        written.is_ok()
    });
    if let Some(error) = refused {
        return Err(error);
    }
    sent?;
    writer.commit()?;
    Ok(())
}

/// A walk that stops at whatever is stored already: git never stores a folder before its content.
struct Missing<'a> {
    repo: &'a Repository,
    stored: &'a Odb<'a>,
    seen: HashSet<Oid>,
    found: Vec<(Oid, String)>,
}

impl Missing<'_> {
    fn visit(&mut self, id: Oid, kind: ObjectType, path: &str) -> Result<(), git2::Error> {
        if !self.seen.insert(id) || self.stored.exists_ext(id, OdbLookupFlags::NO_REFRESH) {
            return Ok(());
        }
        if kind == ObjectType::Tree {
            for entry in &self.repo.find_tree(id)? {
                if let Some(kind @ (ObjectType::Tree | ObjectType::Blob)) = entry.kind() {
                    self.visit(entry.id(), kind, &join(path, entry.name()?))?;
                }
            }
        }
        self.found.push((id, path.to_owned()));
        Ok(())
    }
}
