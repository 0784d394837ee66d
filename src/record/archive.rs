//! A recorded state, read: the ledger, and any domain through one function.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::layout::{LEDGER_PATH, SNAPSHOT_DIR};
use super::ledger::Ledger;
use crate::canonical::{DocumentError, read_document};
use crate::model::{CanonicalText, DomainId, DomainSnapshot, EntityKey, EntitySource};

/// The files of one recorded state.
pub trait Tree {
    /// The bytes of a file; `None` where there is none.
    ///
    /// # Errors
    /// Why it could not be told.
    fn file(&self, path: &str) -> Result<Option<Vec<u8>>, String>;

    /// The paths of all files under a folder, at any depth.
    ///
    /// # Errors
    /// Why it could not be told.
    fn files_under(&self, folder: &str) -> Result<Vec<String>, String>;
}

/// Why a recorded state cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The tree could not be read.
    #[error("could not read {path}: {reason}")]
    Tree {
        /// The file or folder.
        path: String,
        /// Why.
        reason: String,
    },
    /// The ledger is not what the tool wrote.
    #[error("{LEDGER_PATH} is not what orgtrail wrote: {0}")]
    Ledger(String),
    /// A later version of the tool wrote it.
    #[error("{what} is on record with schema version {found}, and this orgtrail knows up to {known}")]
    Newer {
        /// The ledger or the domain.
        what: String,
        /// Its schema version.
        found: u32,
        /// The latest that is known here.
        known: u32,
    },
    /// A later version of the scan for secrets was over it.
    #[error(
        "what is on record was scanned for secrets by version {found} of the scan, and this orgtrail has version {known}"
    )]
    NewerScan {
        /// The version that was used last.
        found: u32,
        /// The version that is known here.
        known: u32,
    },
    /// A file is not the document of its domain.
    #[error("{path} is not what orgtrail wrote: {source}")]
    Document {
        /// The file.
        path: String,
        /// What is wrong.
        source: DocumentError,
    },
    /// A file says that it belongs to another domain.
    #[error("{path} says that it holds {found}")]
    Misplaced {
        /// The file.
        path: String,
        /// The domain that it names.
        found: DomainId,
    },
    /// The files of one domain and the ledger do not agree on its schema version.
    #[error("the files of {0} and the ledger do not have the same schema version")]
    MixedVersions(DomainId),
}

/// One recorded state of an organisation. Domains are read when they are first asked for.
pub struct Archive<T> {
    tree: T,
    ledger: Option<Ledger>,
    domains: RefCell<BTreeMap<DomainId, Option<Rc<DomainSnapshot>>>>,
}

impl<T: Tree> Archive<T> {
    /// Opens a state; its ledger is absent before the first snapshot.
    ///
    /// # Errors
    /// [`ArchiveError`] where the ledger cannot be read.
    pub fn open(tree: T) -> Result<Self, ArchiveError> {
        let bytes = read(&tree, LEDGER_PATH)?;
        let ledger = bytes.map(|bytes| Ledger::read(&bytes)).transpose()?;
        Ok(Self { tree, ledger, domains: RefCell::default() })
    }

    /// The ledger; absent before the first snapshot.
    pub fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }

    /// The snapshot of a domain, whatever its layout; `None` where it is not on record.
    ///
    /// # Errors
    /// [`ArchiveError`] where a file of it cannot be used.
    pub fn domain(&self, id: &DomainId) -> Result<Option<Rc<DomainSnapshot>>, ArchiveError> {
        if let Some(known) = self.domains.borrow().get(id) {
            return Ok(known.clone());
        }
        let snapshot = self.read_domain(id)?.map(Rc::new);
        let recorded = self.ledger.as_ref().and_then(|ledger| ledger.domains.get(id)).map(|entry| entry.schema_version);
        if let (Some(snapshot), Some(recorded)) = (&snapshot, recorded)
            && snapshot.schema_version != recorded
        {
            return Err(ArchiveError::MixedVersions(id.clone()));
        }
        self.domains.borrow_mut().insert(id.clone(), snapshot.clone());
        Ok(snapshot)
    }

    fn read_domain(&self, id: &DomainId) -> Result<Option<DomainSnapshot>, ArchiveError> {
        let folder = format!("{SNAPSHOT_DIR}/{}/{}", id.family(), id.short_name());
        let file = format!("{folder}.json");
        let paths = match read(&self.tree, &file)? {
            Some(bytes) => return read_file(id, &file, &bytes).map(Some),
            None => self.tree.files_under(&folder).map_err(|reason| ArchiveError::Tree { path: folder, reason })?,
        };
        let mut whole: Option<DomainSnapshot> = None;
        for path in paths {
            let Some(bytes) = read(&self.tree, &path)? else { continue };
            let shard = read_file(id, &path, &bytes)?;
            match &mut whole {
                None => whole = Some(shard),
                Some(whole) if whole.schema_version == shard.schema_version => whole.entities.extend(shard.entities),
                Some(_) => return Err(ArchiveError::MixedVersions(id.clone())),
            }
        }
        Ok(whole)
    }
}

impl<T: Tree> EntitySource for Archive<T> {
    /// The entity, where the state has it and its domain can be read.
    fn entity(&self, domain: &DomainId, key: &EntityKey) -> Option<CanonicalText> {
        self.domain(domain).ok().flatten()?.entities.get(key).cloned()
    }
}

fn read<T: Tree>(tree: &T, path: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
    tree.file(path).map_err(|reason| ArchiveError::Tree { path: path.to_owned(), reason })
}

fn read_file(id: &DomainId, path: &str, bytes: &[u8]) -> Result<DomainSnapshot, ArchiveError> {
    let snapshot = read_document(bytes).map_err(|source| ArchiveError::Document { path: path.to_owned(), source })?;
    if snapshot.domain == *id {
        Ok(snapshot)
    } else {
        Err(ArchiveError::Misplaced { path: path.to_owned(), found: snapshot.domain })
    }
}
