//! Everything that is tested from outside the crate, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod catalogue;
mod contract;
mod faults;
mod fixtures;
mod harness;
mod kills;
mod laws;
mod layering;
mod removals;
mod rules;
mod snapshot;
