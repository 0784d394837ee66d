//! Execution data of flows, brought from the API to files: query, jobs, signed downloads, checkpoint, what is left to send.
//!
//! It moves bytes and keeps account of them. It must not know which records are wanted or what is wrong with them, nor who gets
//! them; messages and the journal hold neither a signed URI nor what a record says.
//!
//! - [`FlowLog`] asks the API, each request a line of the [`Journal`].
//! - [`Store`] is where records go; what was written since the last [`Checkpoint`] is cut off before a run goes on, so that none is
//!   there twice.
//! - [`Spool`] keeps what a receiver did not take.

mod checkpoint;
mod journal;
mod place;
mod reader;
mod spool;
mod store;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use journal::{Entry, Journal};
pub use place::{PlaceError, alone, private_folder, whole_path};
pub use reader::{Answer, FlowLog, Limits, ReadFailure, Unavailable};
pub use spool::Spool;
pub use store::{Extent, FileStore, Form, LineStore, NoStore, Store};
