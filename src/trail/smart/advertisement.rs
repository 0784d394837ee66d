//! What a server says first: its references, and what it is capable of.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use git2::{Oid, Reference};

use super::packet::{Packet, Packets, text_of};
use super::said::one_line;
use super::{AGENT, Service};
use crate::trail::remote::RemoteError;

/// Most bytes of an advertisement: a million references.
const MOST_BYTES: u64 = 128 * 1024 * 1024;

/// Digits of an object id.
const ID_DIGITS: usize = 40;

/// The references and capabilities of a server.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::trail) struct Advertisement {
    /// The references by full name, as far as git would take the names here.
    pub(in crate::trail) refs: BTreeMap<String, Oid>,
    /// Whether the server is without its older history.
    pub(in crate::trail) is_shallow: bool,
    capabilities: BTreeSet<String>,
}

/// Reads the packets that come before an advertisement over HTTP; says whether they announce the service that was asked for.
pub(in crate::trail) fn announced(from: &mut dyn Read, service: Service) -> Result<bool, RemoteError> {
    let mut packets = Packets::new(from);
    let announcement = format!("# service={}", service.name());
    let is_announced =
        matches!(packets.next(), Ok(Some(Packet::Data(data))) if text_of(&data) == announcement.as_bytes());
    Ok(is_announced && packets.next()? == Some(Packet::Flush))
}

impl Advertisement {
    /// Reads what a server says up to the end of its references. `None` where it says nothing at all.
    pub(in crate::trail) fn read(from: &mut dyn Read) -> Result<Option<Self>, RemoteError> {
        let mut packets = Packets::new(from.take(MOST_BYTES));
        let mut found = Self::default();
        let mut is_first = true;
        loop {
            let data = match packets.next()? {
                Some(Packet::Data(data)) => data,
                Some(Packet::Flush) => break,
                None if is_first => return Ok(None),
                None => return Err(RemoteError::CutOff),
            };
            found.take(text_of(&data), is_first)?;
            is_first = false;
        }
        match found.value("object-format") {
            Some(format) if format != "sha1" => Err(RemoteError::ObjectFormat { format: one_line(format.as_bytes()) }),
            _ => Ok(Some(found)),
        }
    }

    /// Says whether the server is capable of something.
    pub(in crate::trail) fn has(&self, capability: &str) -> bool {
        self.capabilities.contains(capability)
    }

    /// Fails where the server is not capable of what there is no doing without.
    pub(super) fn needs(&self, capability: &str, without: &'static str) -> Result<(), RemoteError> {
        if self.has(capability) { Ok(()) } else { Err(RemoteError::Malformed { what: without }) }
    }

    /// Those of the capabilities that the server has, and who we are, if it wants to know.
    pub(super) fn agreed(&self, wished: &[&str]) -> String {
        let agent = self.value("agent").map(|_| AGENT);
        let common = wished.iter().copied().filter(|capability| self.has(capability));
        common.chain(agent).collect::<Vec<_>>().join(" ")
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.capabilities.iter().find_map(|capability| capability.strip_prefix(name)?.strip_prefix('='))
    }

    fn take(&mut self, line: &[u8], is_first: bool) -> Result<(), RemoteError> {
        if let Some(said) = line.strip_prefix(b"ERR ") {
            return Err(RemoteError::GaveUp { said: one_line(said) });
        }
        if line.starts_with(b"version ") {
            return Err(RemoteError::Malformed { what: "it speaks a version of the protocol that was not asked for" });
        }
        if line.starts_with(b"shallow ") {
            self.is_shallow = true;
            return Ok(());
        }
        let (line, capabilities) = match line.iter().position(|byte| *byte == 0) {
            Some(at) if is_first => (&line[..at], &line[at + 1..]),
            _ => (line, &[][..]),
        };
        let capabilities = String::from_utf8_lossy(capabilities);
        self.capabilities.extend(capabilities.split_whitespace().map(ToOwned::to_owned));
        let malformed = RemoteError::Malformed { what: "a line of its references is none" };
        let Some((id, name)) = line.split_at_checked(ID_DIGITS) else { return Err(malformed) };
        let id = str::from_utf8(id).ok().filter(|id| id.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let (Some(id), Some(name)) = (id.and_then(|id| Oid::from_str(id).ok()), name.strip_prefix(b" ")) else {
            return Err(malformed);
        };
        // What a tag means in the end, what other repositories of the server have, the mark of an empty one: no references. A
        // name that git would not take here could lead out of the folder of references.
        if let Ok(name) = str::from_utf8(name)
            && name.starts_with("refs/")
            && Reference::is_valid_name(name)
            && !id.is_zero()
        {
            self.refs.insert(name.to_owned(), id);
        }
        Ok(())
    }
}
