//! The simulated org: what `demo`, `sim` and the tests use in place of a real one.
//!
//! [`World`] holds the entities and is pure; an answer of it has the noise of the API on every read. What an org consists of is
//! data: the domain files say how a domain is listed, read and treated, `schemas/sim/` what its entities look like. No domain
//! is known by name here, and none can be reached in another way than the API contract has it. It is never the proof that a path or a
//! field exists: the contract is.

mod api;
mod contract;
mod edit;
mod fault;
mod gate;
mod leaves;
mod login;
mod made_up;
mod noise;
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

pub use fault::{Effect, Fault, RateHeaders, Repeat, When};
pub use gate::LoggedRequest;
pub use recipe::Scale;
pub use rng::Rng;
pub use script::{Action, DAY_SEED, Edit, EntityPick, Script, ScriptError};
pub use server::{Now, Running, Server, ServerOptions};
pub use world::{World, WorldError};

#[cfg(test)]
mod tests;
