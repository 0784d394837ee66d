//! `orgtrail demo`
use clap::Args;
use super::args::Global;
use super::{Exits, Failure, Ui};
/// Show it
#[derive(Debug, Args)]
pub struct DemoArgs {}
pub(super) fn run(_args: &DemoArgs, _global: &Global, _ui: &Ui) -> Result<Exits, Failure> { Ok(Exits::default()) }
