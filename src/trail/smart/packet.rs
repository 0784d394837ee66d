//! Packets, each behind its length in four hexadecimal digits, and the bands that some of them are divided into.

use std::io::{self, ErrorKind, Read, Write};

use super::said::one_line;
use crate::trail::remote::RemoteError;

/// The longest packet, its length included.
const LONGEST: usize = 65520;

/// The digits of the length.
const HEAD: usize = 4;

/// Most bytes of what a server says to people that are kept.
const MOST_SAID: usize = 16 * 1024;

/// One packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// The end of a part.
    Flush,
    /// Bytes.
    Data(Vec<u8>),
}

/// Reads packets.
pub(super) struct Packets<R> {
    from: R,
}

impl<R: Read> Packets<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from }
    }

    /// Reads the next packet; none where the other side ended between two of them.
    pub(super) fn next(&mut self) -> Result<Option<Packet>, RemoteError> {
        let mut head = [0; HEAD];
        let Some(first) = self.first_byte()? else { return Ok(None) };
        head[0] = first;
        self.fill(&mut head[1..])?;
        let length =
            length_of(head).ok_or(RemoteError::Malformed { what: "a packet does not begin with its length" })?;
        let Some(length) = length.checked_sub(HEAD) else {
            return match length {
                0 => Ok(Some(Packet::Flush)),
                _ => Err(RemoteError::Malformed { what: "a packet is shorter than its length" }),
            };
        };
        if length > LONGEST - HEAD {
            return Err(RemoteError::Malformed { what: "a packet is longer than packets are" });
        }
        let mut data = vec![0; length];
        self.fill(&mut data)?;
        Ok(Some(Packet::Data(data)))
    }

    fn first_byte(&mut self) -> Result<Option<u8>, RemoteError> {
        let mut byte = [0];
        loop {
            match self.from.read(&mut byte) {
                Ok(0) => return Ok(None),
                Ok(_) => return Ok(Some(byte[0])),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(&error)),
            }
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RemoteError> {
        self.from.read_exact(bytes).map_err(|error| broken(&error))
    }
}

/// A connection that breaks and one that is closed too early are the same to the reader; the log has the difference.
fn broken(error: &io::Error) -> RemoteError {
    tracing::debug!(%error, "the answer of the remote could not be read to its end");
    RemoteError::CutOff
}

fn length_of(head: [u8; HEAD]) -> Option<usize> {
    // Rust would take a sign for a number, too.
    let is_number = head.iter().all(u8::is_ascii_hexdigit);
    let digits = is_number.then(|| str::from_utf8(&head).ok()).flatten()?;
    usize::from_str_radix(digits, 16).ok()
}

/// Writes a packet.
pub(super) fn write(to: &mut dyn Write, data: &[u8]) -> io::Result<()> {
    let length = data.len() + HEAD;
    if length > LONGEST {
        return Err(io::Error::new(ErrorKind::InvalidInput, "a name is too long for a packet"));
    }
    write!(to, "{length:04x}")?;
    to.write_all(data)
}

/// Writes the packet that ends a part.
pub(super) fn write_flush(to: &mut dyn Write) -> io::Result<()> {
    to.write_all(b"0000")
}

/// The text of a packet, without the line end that it may have.
pub(super) fn text_of(data: &[u8]) -> &[u8] {
    data.strip_suffix(b"\n").unwrap_or(data)
}

/// Packets divided into a band of data, one of words for people, and one of last words.
#[derive(Debug, Default)]
pub(super) struct Bands {
    said: Vec<u8>,
}

impl Bands {
    /// Takes the content of a packet, and returns what is data in it.
    pub(super) fn data<'p>(&mut self, packet: &'p [u8]) -> Result<&'p [u8], RemoteError> {
        match packet.split_first() {
            Some((1, data)) => Ok(data),
            Some((2, said)) => {
                let room = MOST_SAID.saturating_sub(self.said.len());
                self.said.extend_from_slice(&said[..said.len().min(room)]);
                Ok(&[])
            }
            Some((3, said)) => {
                self.said.extend_from_slice(said);
                Err(RemoteError::GaveUp { said: self.said() })
            }
            _ => Err(RemoteError::Malformed { what: "a packet is on no band" }),
        }
    }

    /// What was said to people so far.
    pub(super) fn said(&self) -> String {
        one_line(&self.said)
    }
}
