//! `orgtrail what-can`

use clap::Args;

use super::args::Global;
use super::{Exits, Failure, Ui, open, print};
use crate::audit::rbac::Question;
use crate::report::access::Asked;
use crate::session::{access, asked_division, asked_principal, resolve};

/// Tell what somebody can do, and how that comes about
///
/// A user, a group, a program or somebody of another organisation, with the role, the group and the condition of each
/// permission. An answer that rests on what is not known says what is missing.
#[derive(Debug, Args)]
pub(super) struct WhatCanArgs {
    /// Name or id of the user, group or program
    #[arg(value_name = "PRINCIPAL")]
    principal: String,

    /// Only in this division, by name or id; `*` for what can be done in all divisions
    #[arg(long, value_name = "DIVISION")]
    division: Option<String>,

    /// Look at this revision instead of the last one
    #[arg(long, value_name = "REV")]
    at: Option<String>,
}

pub(super) fn run(args: &WhatCanArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    print::access_formats("what-can", global)?;
    let workspace = open(global)?;
    let at = resolve(&workspace, args.at.as_deref().unwrap_or(&workspace.branch))?;
    let told = access(&workspace, at)?;
    let principal = asked_principal(&told.access, &args.principal)?;
    let division = asked_division(&told.access, args.division.as_deref())?;
    let place = args.division.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
    let title = format!("What {} can do{place}", args.principal);
    let asked =
        Asked { told: &told, title, question: Question { permission: None, principal: Some(principal), division } };
    print::access("what-can", &asked, global, ui)?;
    Ok(Exits::default())
}
