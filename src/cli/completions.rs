//! `orgtrail completions`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Exits, Failure, Ui};

/// Print a completion script for a shell
///
/// Source the script, or put it where the shell looks for completions.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Shell to print the script for
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs, ui: &Ui) -> Result<Exits, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "orgtrail", &mut script);
    ui.data(&script)?;
    Ok(Exits::default())
}
