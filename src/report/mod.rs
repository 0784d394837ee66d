//! Renderers: values in, bytes out, one file per format.
//!
//! A renderer is a function of a value and a writer. It neither sorts nor resolves names nor looks at the terminal: the order
//! is [`ChangeSet`]'s, the names are those that classification found, and whether there is colour is an argument.
//!
//! Names and values come from the organisation and may be hostile. Every renderer keeps them in their place: what is for people
//! shows control and invisible characters as escapes, Markdown shows whatever could be markup as code, a page, a table and the
//! commands of a workflow escape what would end a text there. What is shortened says by how much; what is left out is counted.
//!
//! There are two values to render: a [`ChangeSet`] and [`Findings`]. Formats that have no form of their own for changes take
//! them as findings, [`Findings::of_changes`] or [`Findings::of_fields`].

pub mod access;
pub mod access_drift;
pub mod access_rules;
pub mod beside;
pub mod blame;
mod change_set;
pub mod csv;
pub mod drift;
mod field;
pub mod findings;
pub mod github;
pub mod html;
pub mod impact;
pub mod json;
pub mod json_patch;
pub mod jsonl;
pub mod junit;
pub mod listing;
pub mod log;
pub mod markdown;
mod moment;
pub mod noise;
mod notes;
pub mod orphans;
pub mod plan;
pub mod review;
pub mod role;
pub mod run;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod sample;
pub mod sarif;
pub mod show;
mod shown;
pub mod status;
mod style;
mod table;
pub mod text;
mod text_diff;
pub mod verify;
mod who;

pub use blame::{Blame, BlamedField};
pub use change_set::{ChangeSet, Endpoint, LeftOut};
pub use findings::Findings;
pub use json_patch::Patch;
pub use log::{Log, LogEntry};
pub use moment::{Moment, Subject};
pub use show::{Entities, Fate, Shown};
pub use status::{LastRun, Status, StatusDomain};
pub use style::Style;
pub use verify::{RemoteView, Signed, Verified};
