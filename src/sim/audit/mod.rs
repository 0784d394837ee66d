//! The audit log of the simulated org: records of what [`World::act`](super::World::act) does, and the queries that tell them.
//!
//! Services, types of entities and actions follow from the domain files, what is not covered from `schemas/sim/audits.toml`.
//! What goes wrong with the log is in [`AuditFaults`].
//!
//! Limits: an answer is fixed when its query is accepted. Values are told as texts, references by the ids that are stored.

mod changes;
mod coverage;
mod log;
mod query;
mod record;
#[cfg(test)]
mod tests;

pub use log::{AuditFaults, AuditLog, Late};
pub(super) use query::answer;
