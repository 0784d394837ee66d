//! Who made a change: audit records in, changes with their actors out; and what a commit says of it.
//!
//! Pure: records, changes and the present are arguments.

mod coverage;
mod join;
mod parts;
mod record;
mod told;
mod transient;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;

pub use coverage::{Coverage, Services};
pub use join::{Behind, Inquiry, Joined, SKEW, Use};
pub use parts::{Part, PartChange, Parting, People, Person, Told};
pub use record::{AuditRecord, PropertyChange};
pub use told::{CommitAttribution, Note, NoteChange, NoteField, Work, author, trailer, trailers};
pub use transient::{Transient, transients};
