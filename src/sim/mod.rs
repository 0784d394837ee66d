//! The simulated org: what `demo`, `sim` and the tests use in place of a real one.
//!
//! [`World`] holds the entities and is pure; what it answers has the noise of the API on every read. [`Server`] puts it on a
//! socket with login, paging, rate limit and [`Fault`]s; a [`Script`] changes it. What an org consists of is data: the domain files
//! say how a domain is listed, read and treated, `schemas/sim/` what its entities look like. No domain is known by name here.
//! [`World::act`] writes audit records of what it does into the [`AuditLog`], which has faults of its own;
//! who subscribed to an entity hears of it on a socket ([`Notifications`]). Flows run as time goes by ([`Executions`]).
//!
//! Limits: paths and parameters are those of the API contract, so it can never prove that one exists. Parameters that name no
//! member of an entity are accepted and change nothing (`sortBy`, `divisionId`), except those of paging, `sortOrder` and `expand`.
//! One rate limit holds for all tokens. The world is locked while an answer is made, so answers come one after the other.

mod api;
mod audit;
mod census;
mod contract;
mod edit;
mod executions;
mod fault;
mod filter;
mod gate;
mod grants;
mod grow;
mod leaves;
mod login;
mod lookup;
mod made_up;
mod making;
mod names;
mod noise;
mod notify;
mod page;
mod path;
mod place;
mod population;
mod query;
mod rate;
mod recipe;
mod reply;
mod rng;
mod sample;
mod script;
mod server;
mod template;
mod world;

pub use audit::{AuditFaults, AuditLog, Late};
pub use executions::{Crowd, Episode, ExecutionFaults, Executions};
pub use fault::{Effect, Fault, RateHeaders, Repeat, When};
pub use gate::LoggedRequest;
pub use grants::ClientGrant;
pub use notify::Notifications;
pub use recipe::Scale;
pub use rng::Rng;
pub use script::{Action, DAY_SEED, Edit, EditAudit, EntityPick, Script, ScriptError};
pub use server::{Now, Running, Server, ServerOptions};
pub use world::{World, WorldError};

#[cfg(test)]
mod tests;
