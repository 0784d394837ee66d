//! Everything that is tested from outside the crate, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod attribution;
mod bad_input;
mod breadth;
mod catalogue;
mod chronicle;
mod deep;
mod diff_verb;
mod docs;
mod doctor;
mod faults;
mod fixtures;
mod harness;
mod history;
mod kills;
mod laws;
mod layering;
mod listings;
mod migrations;
mod notifications;
mod own_domains;
mod pacing;
mod plan;
mod profiles;
mod record;
mod remote;
mod removals;
mod rules;
mod scan;
mod schemas;
mod secrets;
mod snapshot;
mod targeted;
mod terminal;
mod textconv;
mod watch;
