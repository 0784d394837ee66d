//! Asking for references to be moved, and reading what became of them.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};

use git2::Oid;

use super::packet::{Bands, Packet, Packets, text_of, write, write_flush};
use super::{Advertisement, one_line};
use crate::trail::remote::RemoteError;

/// Most bytes of a report.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// One reference, where it has to be, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::trail) struct Command {
    pub(in crate::trail) reference: String,
    pub(in crate::trail) from: Option<Oid>,
    pub(in crate::trail) to: Oid,
}

impl Command {
    /// Writes the request up to the pack that goes with it; the server moves all references or none, if it can.
    pub(in crate::trail) fn write_all(
        commands: &[Self],
        server: &Advertisement,
        to: &mut dyn Write,
    ) -> Result<(), RemoteError> {
        server.needs("report-status", "it does not report what became of a push")?;
        server.needs("side-band-64k", "it cannot send on bands")?;
        let capabilities = server.agreed(&["report-status", "side-band-64k", "quiet", "atomic", "ofs-delta"]);
        Self::write_lines(commands, &capabilities, to).map_err(|source| RemoteError::Scratch { source })
    }

    fn write_lines(commands: &[Self], capabilities: &str, to: &mut dyn Write) -> io::Result<()> {
        for (index, command) in commands.iter().enumerate() {
            let from = command.from.unwrap_or(Oid::ZERO_SHA1);
            let mut line = format!("{from} {} {}", command.to, command.reference);
            if index == 0 {
                line.push('\0');
                line.push_str(capabilities);
            }
            write(to, line.as_bytes())?;
        }
        write_flush(to)
    }
}

/// What became of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::trail) struct Report {
    /// Why the objects were not taken.
    pack: Option<String>,
    /// The references that were moved.
    moved: BTreeSet<String>,
    /// Those that were not, and why.
    refused: Vec<(String, String)>,
    /// What the server said besides.
    said: String,
}

impl Report {
    /// Reads the answer of a server.
    pub(in crate::trail) fn read(from: impl Read) -> Result<Self, RemoteError> {
        let mut packets = Packets::new(from);
        let mut bands = Bands::default();
        let mut report = Vec::new();
        loop {
            match packets.next()? {
                Some(Packet::Data(data)) => report.extend_from_slice(bands.data(&data)?),
                Some(Packet::Flush) => break,
                None => return Err(RemoteError::CutOff),
            }
            if report.len() > MOST_BYTES {
                return Err(RemoteError::Malformed { what: "its report is too long" });
            }
        }
        let mut found = Self { pack: None, moved: BTreeSet::new(), refused: Vec::new(), said: bands.said() };
        let mut packets = Packets::new(report.as_slice());
        let mut is_first = true;
        while let Some(Packet::Data(data)) = packets.next()? {
            found.take(&String::from_utf8_lossy(text_of(&data)), is_first)?;
            is_first = false;
        }
        if is_first { Err(RemoteError::Malformed { what: "its report is empty" }) } else { Ok(found) }
    }

    fn take(&mut self, line: &str, is_first: bool) -> Result<(), RemoteError> {
        match line.split_once(' ') {
            Some(("unpack", "ok")) if is_first => {}
            Some(("unpack", why)) if is_first => self.pack = Some(one_line(why.as_bytes())),
            Some(("ok", name)) if !is_first => drop(self.moved.insert(name.to_owned())),
            Some(("ng", rest)) if !is_first => {
                let (name, why) = rest.split_once(' ').unwrap_or((rest, ""));
                self.refused.push((name.to_owned(), one_line(why.as_bytes())));
            }
            _ => return Err(RemoteError::Malformed { what: "a line of its report is none" }),
        }
        Ok(())
    }

    /// Returns the first of the commands that was not done, and all that the server said of it; none where all were done.
    pub(in crate::trail) fn first_refused<'c>(&self, commands: &'c [Command]) -> Option<(&'c Command, String)> {
        let is_done = |command: &&Command| self.pack.is_none() && self.moved.contains(&command.reference);
        let first = commands.iter().find(|command| !is_done(command))?;
        let reasons: BTreeSet<&String> = self.refused.iter().map(|(_, why)| why).collect();
        // Where one reference stops the others, only one of the reasons says why.
        let told = |(name, why): &(String, String)| {
            if reasons.len() > 1 { format!("{}: {why}", one_line(name.as_bytes())) } else { why.clone() }
        };
        let mut parts: Vec<String> = self.refused.iter().map(told).collect();
        parts.dedup();
        parts.splice(0..0, self.pack.clone());
        parts.push(self.said.clone());
        parts.retain(|part| !part.is_empty());
        let said = if parts.is_empty() { "it did not say why".to_owned() } else { parts.join(" | ") };
        Some((first, said))
    }
}
