//! Bytes on their way: in memory, or in a temporary file where there are many.

use std::io::{self, Read, Seek, SeekFrom, Write};

use tempfile::SpooledTempFile;

use crate::trail::remote::RemoteError;

/// Most bytes that are kept in memory.
const IN_MEMORY: usize = 1024 * 1024;

/// Bytes that are written once and then read once.
#[derive(Debug)]
pub(in crate::trail) struct Scratch {
    file: SpooledTempFile,
    length: u64,
}

impl Scratch {
    pub(in crate::trail) fn new() -> Self {
        Self { file: tempfile::spooled_tempfile(IN_MEMORY), length: 0 }
    }

    /// Takes all that a reader has.
    pub(super) fn of(from: &mut dyn Read) -> Result<Self, RemoteError> {
        let mut scratch = Self::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return Ok(scratch),
                Ok(length) => scratch.write_all(&buffer[..length]).map_err(failed)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::debug!(%error, "the answer of the remote broke off");
                    return Err(RemoteError::CutOff);
                }
            }
        }
    }

    /// How many bytes were written.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Goes from writing to reading.
    pub(in crate::trail) fn into_reader(mut self) -> Result<SpooledTempFile, RemoteError> {
        self.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        Ok(self.file)
    }
}

impl Write for Scratch {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn failed(source: io::Error) -> RemoteError {
    RemoteError::Scratch { source }
}
