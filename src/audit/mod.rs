//! What a state of an organisation means: who may do what, what refers to what, what nobody uses, how far a change reaches.
//!
//! Everything here is told from what is on record, at any revision and without asking anybody. Which domains are looked at, and what
//! counts, is data under `schemas/`; no domain is known by name. What a state does not know is told as unknown: from a listing
//! that is incomplete nothing follows.

mod edges;
pub mod expiry;
pub mod graph;
pub mod impact;
pub mod lint;
pub mod orphans;
pub mod rbac;
pub mod reach;
pub mod references;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
pub(crate) mod testing;
mod usage;
mod walk;

pub use edges::{Edges, EdgesError};
pub use graph::{Completeness, Graph, Node};
pub use impact::Impact;
pub use reach::{Reach, ReachWords};
pub use usage::{Exclusion, Usage, UsageProblem};
pub use walk::{Direction, Visit, passes_up, walk};
