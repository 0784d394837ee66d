//! What the configuration means: who may do what, what refers to what, what nobody uses, how far a change reaches. Told of a
//! recorded state, at any revision, without asking anybody.
//!
//! Pure: works on entities and on what the ledger says of their domains. What is not known well is told and never taken for
//! empty. Where something is to be found is data under `schemas/`; no domain is known by name here.

mod edges;
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
