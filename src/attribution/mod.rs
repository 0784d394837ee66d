//! Who made a change: audit records in, changes with their actors out; and what a commit says of it.
//!
//! Pure: records, changes and the present are arguments.

mod told;

pub use told::{CommitAttribution, Note, NoteChange, NoteField, Work, trailer};
