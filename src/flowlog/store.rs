//! Where records go: lines to somebody who reads them, a file, or a folder with a file for each day; plain or compressed.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::place::{PlaceError, appending, private_folder};
use crate::execution::Kept;

/// How hard is compressed: the level that the library takes by itself.
const LEVEL: i32 = 3;

/// How far files were written, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent(pub BTreeMap<String, u64>);

/// Somewhere records go.
pub trait Store {
    /// Gets ready for the records of runs that began at some moments. Whether it is going to write to something that its extent
    /// did not have before: then the extent has to be noted first.
    fn about_to(&mut self, begins: &[DateTime<Utc>]) -> Result<bool, PlaceError>;

    /// Keeps records, in order.
    fn put(&mut self, records: &[Kept]) -> Result<(), PlaceError>;

    /// Brings what was written to the disk, and says how far that is.
    fn extent(&mut self) -> Result<Extent, PlaceError>;

    /// Takes away what was written behind an extent.
    fn cut(&mut self, extent: &Extent) -> Result<(), PlaceError>;

    /// Whether what was written can be cut, so that a run can go on.
    fn can_resume(&self) -> bool;
}

/// The form of what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A line for each record.
    Plain,
    /// The same, compressed with zstd; each batch for itself, so that a file can be cut behind any.
    Zstd,
}

/// Lines for somebody who reads them at once.
pub struct LineStore<W>(pub W);

/// Nothing: the records are only sent.
#[derive(Debug)]
pub struct NoStore;

impl Store for NoStore {
    fn about_to(&mut self, _: &[DateTime<Utc>]) -> Result<bool, PlaceError> {
        Ok(false)
    }

    fn put(&mut self, _: &[Kept]) -> Result<(), PlaceError> {
        Ok(())
    }

    fn extent(&mut self) -> Result<Extent, PlaceError> {
        Ok(Extent::default())
    }

    fn cut(&mut self, _: &Extent) -> Result<(), PlaceError> {
        Ok(())
    }

    fn can_resume(&self) -> bool {
        true
    }
}

/// One file, or a folder with one for each day on which runs began.
#[derive(Debug)]
pub struct FileStore {
    place: Place,
    form: Form,
    extent: Extent,
    unsynced: BTreeMap<PathBuf, File>,
}

#[derive(Clone, Debug)]
enum Place {
    File(PathBuf),
    Folder(PathBuf),
}

impl<W: FnMut(&[u8]) -> io::Result<()>> Store for LineStore<W> {
    fn about_to(&mut self, _: &[DateTime<Utc>]) -> Result<bool, PlaceError> {
        Ok(false)
    }

    fn put(&mut self, records: &[Kept]) -> Result<(), PlaceError> {
        let lines: String = records.iter().map(Kept::line).collect();
        (self.0)(lines.as_bytes()).map_err(PlaceError::while_doing("write to", Path::new("standard output")))
    }

    fn extent(&mut self) -> Result<Extent, PlaceError> {
        Ok(Extent::default())
    }

    fn cut(&mut self, _: &Extent) -> Result<(), PlaceError> {
        Ok(())
    }

    fn can_resume(&self) -> bool {
        false
    }
}

impl FileStore {
    /// Appends to a file.
    #[must_use]
    pub fn file(path: PathBuf, form: Form) -> Self {
        Self { place: Place::File(path), form, extent: Extent::default(), unsynced: BTreeMap::new() }
    }

    /// Appends to the files of a folder, which is made where there is none.
    pub fn folder(path: PathBuf, form: Form) -> Result<Self, PlaceError> {
        private_folder(&path)?;
        Ok(Self { place: Place::Folder(path), form, extent: Extent::default(), unsynced: BTreeMap::new() })
    }

    /// The name that the extent has for the file of a moment.
    fn name(&self, at: DateTime<Utc>) -> String {
        match &self.place {
            Place::File(_) => String::new(),
            Place::Folder(_) => {
                let ending = if self.form == Form::Zstd { "jsonl.zst" } else { "jsonl" };
                format!("{}.{ending}", at.date_naive())
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        match &self.place {
            Place::File(path) => path.clone(),
            Place::Folder(folder) => folder.join(name),
        }
    }
}

impl Store for FileStore {
    fn about_to(&mut self, begins: &[DateTime<Utc>]) -> Result<bool, PlaceError> {
        let mut is_new = false;
        for begin in begins {
            let name = self.name(*begin);
            if self.extent.0.contains_key(&name) {
                continue;
            }
            let path = self.path(&name);
            let length = match fs::metadata(&path) {
                Ok(metadata) => metadata.len(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
                Err(error) => return Err(PlaceError::while_doing("look at", &path)(error)),
            };
            self.extent.0.insert(name, length);
            is_new = true;
        }
        Ok(is_new)
    }

    fn put(&mut self, records: &[Kept]) -> Result<(), PlaceError> {
        let begins: Vec<DateTime<Utc>> = records.iter().map(|record| record.at).collect();
        self.about_to(&begins)?;
        let mut by_file: BTreeMap<String, String> = BTreeMap::new();
        for record in records {
            by_file.entry(self.name(record.at)).or_default().push_str(&record.line());
        }
        for (name, lines) in by_file {
            let path = self.path(&name);
            let bytes = match self.form {
                Form::Plain => lines.into_bytes(),
                Form::Zstd => {
                    zstd::encode_all(lines.as_bytes(), LEVEL).map_err(PlaceError::while_doing("compress for", &path))?
                }
            };
            let file = match self.unsynced.remove(&path) {
                Some(file) => file,
                None => appending(&path)?,
            };
            (&file).write_all(&bytes).map_err(PlaceError::while_doing("write", &path))?;
            *self.extent.0.entry(name).or_default() += bytes.len() as u64;
            self.unsynced.insert(path, file);
        }
        Ok(())
    }

    fn extent(&mut self) -> Result<Extent, PlaceError> {
        for (path, file) in std::mem::take(&mut self.unsynced) {
            file.sync_data().map_err(PlaceError::while_doing("write", &path))?;
        }
        Ok(self.extent.clone())
    }

    fn cut(&mut self, extent: &Extent) -> Result<(), PlaceError> {
        self.unsynced.clear();
        for (name, length) in &extent.0 {
            let path = self.path(name);
            let cut = || -> io::Result<()> {
                match OpenOptions::new().write(true).open(&path) {
                    Ok(file) if file.metadata()?.len() > *length => file.set_len(*length),
                    Ok(file) if file.metadata()?.len() < *length => Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "it is shorter than it was when the run was interrupted",
                    )),
                    Ok(_) => Ok(()),
                    Err(error) if error.kind() == io::ErrorKind::NotFound && *length == 0 => Ok(()),
                    Err(error) => Err(error),
                }
            };
            cut().map_err(PlaceError::while_doing("go on with", &path))?;
        }
        self.extent = extent.clone();
        Ok(())
    }

    fn can_resume(&self) -> bool {
        true
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::model::Value;

    fn kept(id: &str, at: &str) -> Kept {
        Kept { event_id: id.to_owned(), id: id.to_owned(), at: at.parse().unwrap(), body: Value::from(id) }
    }

    #[test]
    fn a_file_that_is_cut_goes_on_as_if_nothing_had_happened() {
        let dir = tempfile::tempdir().unwrap();
        for form in [Form::Plain, Form::Zstd] {
            let path = dir.path().join(format!("{form:?}"));
            let mut store = FileStore::file(path.clone(), form);
            store.put(&[kept("a", "2026-03-03T12:00:00Z"), kept("b", "2026-03-03T12:00:00Z")]).unwrap();
            let extent = store.extent().unwrap();
            store.put(&[kept("lost", "2026-03-03T12:00:00Z")]).unwrap();
            drop(store);
            let mut store = FileStore::file(path.clone(), form);
            store.cut(&extent).unwrap();
            store.put(&[kept("c", "2026-03-03T12:00:00Z")]).unwrap();
            store.extent().unwrap();
            let bytes = fs::read(&path).unwrap();
            let text = if form == Form::Zstd { zstd::decode_all(bytes.as_slice()).unwrap() } else { bytes };
            assert_eq!(String::from_utf8(text).unwrap(), "\"a\"\n\"b\"\n\"c\"\n");
            fs::write(&path, "").unwrap();
            assert!(FileStore::file(path, form).cut(&extent).is_err());
        }
    }

    #[test]
    fn a_folder_has_a_file_for_each_day_and_what_was_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("deep/er");
        let mut store = FileStore::folder(folder.clone(), Form::Plain).unwrap();
        fs::write(folder.join("2026-03-04.jsonl"), "old\n").unwrap();
        let (late, next) = (kept("a", "2026-03-03T23:59:59.999Z"), kept("b", "2026-03-04T00:00:00Z"));
        assert!(store.about_to(&[late.at, next.at]).unwrap() && !store.about_to(&[late.at]).unwrap());
        let before = store.extent().unwrap();
        store.put(&[late, next]).unwrap();
        assert_eq!(fs::read_to_string(folder.join("2026-03-03.jsonl")).unwrap(), "\"a\"\n");
        assert_eq!(fs::read_to_string(folder.join("2026-03-04.jsonl")).unwrap(), "old\n\"b\"\n");
        store.cut(&before).unwrap();
        assert_eq!(fs::read_to_string(folder.join("2026-03-03.jsonl")).unwrap(), "");
        assert_eq!(fs::read_to_string(folder.join("2026-03-04.jsonl")).unwrap(), "old\n");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_what_is_kept() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("records");
        let mut store = FileStore::folder(folder.clone(), Form::Plain).unwrap();
        store.put(&[kept("a", "2026-03-03T12:00:00Z")]).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o077;
        assert_eq!((mode(&folder), mode(&folder.join("2026-03-03.jsonl"))), (0, 0));
    }
}
