//! How much a change matters, and what to do about it.
//!
//! Rules are data, in three layers: the `[risk]` of each domain file, the files under `schemas/rules/`, the user's
//! `rules.toml`. The last layer with a match decides, within it the highest severity; a change has the highest severity of its
//! fields. Classification changes nothing of what a change says, and the diff knows nothing of it.
//!
//! Rules of another kind, under `schemas/lint/` and in the same `rules.toml`, look at one state instead of a change; what they find
//! is for [`crate::audit`].

mod ack;
mod classify;
mod condition;
mod lint_rule;
mod load;
mod names;
mod rule;
mod subject;

pub use ack::{Acks, Candidate, EXPIRED, Matched, UNUSED};
pub use classify::{ClassifiedChange, ClassifiedField, CountReach, Judgement, Policy, Reached, Unjudged};
pub(crate) use condition::{Answer, Call, Fact, Facts, Undecided};
pub(crate) use lint_rule::{FUNCTIONS, OF_DOMAIN};
pub use lint_rule::{LintRule, built_in_lints, lints_in_force, user_lints};
pub use load::RuleProblem;
pub use names::Names;
pub use rule::{Layer, LooksAt, Rule, RuleSummary, built_in_rules, user_rules};
pub use subject::Production;
pub(crate) use subject::{Subject, fill};
