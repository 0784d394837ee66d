//! Asking for objects, and receiving them.

use std::io::{self, Read, Write};

use git2::Oid;

use super::packet::{Bands, Packet, Packets, write, write_flush};
use super::{Advertisement, one_line};
use crate::trail::remote::RemoteError;

/// What is asked for.
pub(in crate::trail) struct Wish<'w> {
    /// Objects that are wanted, with all that they refer to.
    pub(in crate::trail) wanted: &'w [Oid],
    /// Commits here that lack their parents.
    pub(in crate::trail) cut: &'w [Oid],
    /// Commits that are here.
    pub(in crate::trail) present: &'w [Oid],
}

impl Wish<'_> {
    /// Writes the request: everything in one, so that a server that forgets the last request needs no second one. What is here
    /// may not be there; then more is sent than is needed, and never too little.
    pub(in crate::trail) fn write(&self, server: &Advertisement, to: &mut dyn Write) -> Result<(), RemoteError> {
        server.needs("side-band-64k", "it cannot send on bands")?;
        if !self.cut.is_empty() {
            server.needs("shallow", "it does not serve shallow clones")?;
        }
        // Some servers insist on saying in detail which commits they know.
        let capabilities = server.agreed(&["multi_ack_detailed", "side-band-64k", "ofs-delta", "no-progress"]);
        self.write_lines(&capabilities, to).map_err(|source| RemoteError::Scratch { source })
    }

    fn write_lines(&self, capabilities: &str, to: &mut dyn Write) -> io::Result<()> {
        for (index, id) in self.wanted.iter().enumerate() {
            let line = if index == 0 { format!("want {id} {capabilities}\n") } else { format!("want {id}\n") };
            write(to, line.as_bytes())?;
        }
        for id in self.cut {
            write(to, format!("shallow {id}\n").as_bytes())?;
        }
        write_flush(to)?;
        for id in self.present {
            write(to, format!("have {id}\n").as_bytes())?;
        }
        write(to, b"done\n")
    }
}

/// Reads the answer, and hands on the pack in it piece by piece.
pub(in crate::trail) fn receive_pack<E: From<RemoteError>>(
    from: impl Read,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut packets = Packets::new(from);
    let mut bands = Bands::default();
    let mut is_begun = false;
    loop {
        match packets.next()? {
            Some(Packet::Data(data)) if !is_begun && is_acknowledgement(&data)? => {}
            Some(Packet::Data(data)) => {
                is_begun = true;
                take(bands.data(&data)?)?;
            }
            Some(Packet::Flush) if is_begun => return Ok(()),
            Some(Packet::Flush) => {}
            None => return Err(RemoteError::CutOff.into()),
        }
    }
}

/// Whether a packet says which commits the server has too, which a request that holds everything need not know.
fn is_acknowledgement(data: &[u8]) -> Result<bool, RemoteError> {
    match data.strip_prefix(b"ERR ") {
        Some(said) => Err(RemoteError::GaveUp { said: one_line(said) }),
        None => Ok(data.starts_with(b"ACK ") || data.starts_with(b"NAK")),
    }
}
