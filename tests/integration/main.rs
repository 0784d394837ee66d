//! Everything that is tested from outside the crate, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod bad_input;
mod catalogue;
mod contract;
mod diff_verb;
mod fixtures;
mod harness;
mod laws;
mod layering;
mod remote;
mod rules;
mod secrets;
mod snapshot;
mod terminal;
