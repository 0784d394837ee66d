//! How much a change matters, and what to do about it.
//!
//! Rules are data, in three layers: the `[risk]` of each domain file, the files under `schemas/rules/`, the user's
//! `rules.toml`. The last layer with a match decides, within it the highest severity; a change has the highest severity of its
//! fields. Classification changes nothing of what a change says, and the diff knows nothing of it.

mod ack;
mod classify;
mod condition;
mod names;
mod rule;

pub use ack::{Acks, Candidate, EXPIRED, Matched, UNUSED};
pub use classify::{ClassifiedChange, ClassifiedField, Judgement, Policy, Production, Unjudged};
pub use names::Names;
pub use rule::{Layer, Rule, RuleProblem, RuleSummary, built_in_rules, user_rules};
