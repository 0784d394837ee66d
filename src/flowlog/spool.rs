//! What a receiver did not take, in a file: first in, first out.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::place::{PlaceError, appending, content, replace, take_away};

/// Lines that wait for a receiver. Where reading has come to is kept beside them.
#[derive(Debug)]
pub struct Spool {
    lines: PathBuf,
    position: PathBuf,
}

impl Spool {
    /// The spool of a name in a folder.
    #[must_use]
    pub fn new(folder: &Path, name: &str) -> Self {
        Self {
            lines: folder.join(format!("{name}.waiting.jsonl")),
            position: folder.join(format!("{name}.waiting.at")),
        }
    }

    /// Adds lines, each with its end.
    pub fn add<'l>(&self, lines: impl IntoIterator<Item = &'l str>) -> Result<(), PlaceError> {
        let file = appending(&self.lines)?;
        let text: String = lines.into_iter().collect();
        let written = (&file).write_all(text.as_bytes()).and_then(|()| file.sync_data());
        written.map_err(PlaceError::while_doing("write", &self.lines))
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> Result<bool, PlaceError> {
        Ok(self.next(1)?.is_none())
    }

    /// The next lines, at most so many, and where those after them begin; `None` where nothing waits. A last line without its end
    /// was cut off while it was written, and the run that wrote it does so again.
    pub fn next(&self, most: usize) -> Result<Option<(Vec<String>, u64)>, PlaceError> {
        let start = self.start()?;
        let mut file = match File::open(&self.lines) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(PlaceError::while_doing("read", &self.lines)(error)),
        };
        let mut read = || {
            let mut end = file.seek(SeekFrom::Start(start))?;
            let mut lines = Vec::new();
            let mut reader = BufReader::new(&file);
            while lines.len() < most {
                let mut line = String::new();
                let length = reader.read_line(&mut line)?;
                if !line.ends_with('\n') {
                    break;
                }
                end += length as u64;
                lines.push(line);
            }
            Ok((lines, end))
        };
        let (lines, end) = read().map_err(PlaceError::while_doing("read", &self.lines))?;
        Ok((!lines.is_empty()).then_some((lines, end)))
    }

    /// Takes note that everything before a place was taken.
    pub fn taken(&self, end: u64) -> Result<(), PlaceError> {
        let length = fs::metadata(&self.lines).map_err(PlaceError::while_doing("look at", &self.lines))?.len();
        if end >= length {
            // First the lines: without them the position says nothing.
            take_away(&self.lines)?;
            return take_away(&self.position);
        }
        replace(&self.position, end.to_string().as_bytes())
    }

    fn start(&self) -> Result<u64, PlaceError> {
        if !self.lines.exists() {
            take_away(&self.position)?;
        }
        let text = content(&self.position)?.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(text.and_then(|text| text.parse().ok()).unwrap_or(0))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_taken_in_order_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let spool = || Spool::new(dir.path(), "soc");
        assert!(spool().is_empty().unwrap());
        spool().add(["a\n", "b\n"]).unwrap();
        spool().add(["c\n"]).unwrap();
        let (lines, end) = spool().next(2).unwrap().unwrap();
        assert_eq!(lines, ["a\n", "b\n"]);
        assert_eq!(spool().next(2).unwrap().unwrap().0, lines);
        spool().taken(end).unwrap();
        spool().add(["d\n", "cut o"]).unwrap();
        let (lines, end) = spool().next(5).unwrap().unwrap();
        assert_eq!(lines, ["c\n", "d\n"]);
        spool().taken(end).unwrap();
        assert!(spool().is_empty().unwrap());
        let other = Spool::new(dir.path(), "other");
        other.add(["x\n"]).unwrap();
        let (_, end) = other.next(9).unwrap().unwrap();
        other.taken(end).unwrap();
        assert!(!dir.path().join("other.waiting.jsonl").exists());
    }
}
