//! Everything that is tested from outside the crate, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod bad_input;
mod catalogue;
mod contract;
mod diff_verb;
mod docs;
mod faults;
mod fixtures;
mod harness;
mod kills;
mod laws;
mod layering;
mod record;
mod remote;
mod removals;
mod rules;
mod scan;
mod secrets;
mod snapshot;
mod terminal;
