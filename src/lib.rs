//! orgtrail keeps the configuration of a Genesys Cloud organisation as a git history.
#![cfg_attr(test, allow(missing_docs))]

pub mod canonical;
pub mod capture;
pub mod catalogue;
pub mod cli;
pub mod config;
pub mod diff;
pub mod genesys;
pub mod model;
pub mod policy;
pub mod record;
pub mod report;
pub mod session;
pub mod sim;
pub mod trail;
