//! `orgtrail audit`

mod orphans;
mod rbac;

use clap::{Args, Subcommand};

use super::args::Global;
use super::{Exits, Failure, Ui};

/// Tell what the configuration means, at any revision and without asking the organisation
///
/// What is found has a level, a remedy and what shows that it is so, and can be acknowledged like everything else.
#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    Rbac(rbac::RbacArgs),
    Orphans(orphans::OrphansArgs),
}

pub(super) fn run(args: &AuditArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    match &args.command {
        AuditCommand::Rbac(args) => rbac::run(args, global, ui),
        AuditCommand::Orphans(args) => orphans::run(args, global, ui),
    }
}
