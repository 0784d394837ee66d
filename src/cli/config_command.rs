//! `orgtrail config`

use clap::{Args, Subcommand};

use super::args::Global;
use super::{Exits, Failure, Ui, open};
use crate::config::template;
use crate::session::rbac_rules;

/// Check the configuration, or print the commented template
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check orgtrail.toml, rules.toml, rbac.toml and orgtrail.d/, and name every problem at its line
    Check,
    /// Print the commented template with every setting and its default
    Template,
}

pub(super) fn run(args: &ConfigArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    match args.command {
        ConfigCommand::Check => {
            let workspace = open(global)?;
            workspace.policy()?;
            workspace.lints()?;
            rbac_rules(&workspace)?;
            ui.say("the configuration is valid");
        }
        ConfigCommand::Template => ui.data(template().as_bytes())?,
    }
    Ok(Exits::default())
}
