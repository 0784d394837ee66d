//! git's smart protocol in its first version, which every server speaks: what both sides say, as functions over bytes.
//!
//! It knows nothing of what carries the bytes, and of this repository nothing but ids. What comes from the other side is
//! hostile: every length is checked, and everything that is kept in memory has a limit.
//!
//! The library that the trail is built on has such a client too, and pushes neither all or nothing nor with a lease. Here both
//! are the protocol's own: each command says where its reference has to be, and `atomic` ties them together.

mod advertisement;
mod fetch;
mod packet;
mod push;
mod said;

pub(super) use advertisement::{Advertisement, announced};
pub(super) use fetch::{Wish, receive_pack};
pub(super) use push::{Command, Report};
pub(super) use said::one_line;

/// What the program calls itself.
const AGENT: &str = concat!("agent=orgtrail/", env!("CARGO_PKG_VERSION"));

/// What a server can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// To send objects.
    UploadPack,
    /// To take objects and move references.
    ReceivePack,
}

impl Service {
    /// The name of the program that does it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
