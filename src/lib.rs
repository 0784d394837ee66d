//! orgtrail keeps the configuration of a Genesys Cloud organisation as a git history.
#![cfg_attr(test, allow(missing_docs))]

pub mod canonical;
pub mod catalogue;
pub mod diff;
pub mod model;
pub mod sim;
