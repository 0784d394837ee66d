//! `orgtrail textconv`

use std::path::PathBuf;

use clap::Args;

use super::args::Global;
use super::{Exit, Exits, Failure, Ui};
use crate::session::textconv;

/// Print a file of a snapshot with names beside ids, as git calls it
#[derive(Debug, Args)]
#[command(hide = true)]
pub(super) struct TextconvArgs {
    /// File to print
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn run(args: &TextconvArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let path = global.directory.join(&args.file);
    let content = std::fs::read(&path)
        .map_err(|error| Failure::new(Exit::Usage, format!("could not read {}: {error}", path.display())))?;
    let git_dir = std::env::var_os("GIT_DIR").map(|dir| global.directory.join(dir));
    // Written in one piece, so that whoever falls back to the file itself never prints a part of it twice.
    ui.data(&textconv(content, &global.directory, git_dir.as_deref())?)?;
    Ok(Exits::default())
}
