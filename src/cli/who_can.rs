//! `orgtrail who-can`

use clap::Args;

use super::args::Global;
use super::{Exits, Failure, Ui, open, print};
use crate::audit::rbac::Question;
use crate::report::access::Asked;
use crate::session::{access, asked_division, resolve};

/// Tell who can do something, and how that comes about
///
/// Users, groups, programs and people of other organisations, with the role, the group and the condition. An answer that rests
/// on what is not known says what is missing.
#[derive(Debug, Args)]
pub(super) struct WhoCanArgs {
    /// Permission such as routing:queue:edit; `*` stands for any run of characters of a word
    #[arg(value_name = "PERMISSION")]
    permission: String,

    /// Only in this division, by name or id; `*` for whoever can in all divisions
    #[arg(long, value_name = "DIVISION")]
    division: Option<String>,

    /// Look at this revision instead of the last one
    #[arg(long, value_name = "REV")]
    at: Option<String>,
}

pub(super) fn run(args: &WhoCanArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    print::access_formats("who-can", global)?;
    let workspace = open(global)?;
    let at = resolve(&workspace, args.at.as_deref().unwrap_or(&workspace.branch))?;
    let told = access(&workspace, at)?;
    let division = asked_division(&told.access, args.division.as_deref())?;
    let question = Question { permission: Some(args.permission.clone()), principal: None, division };
    let place = args.division.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
    let asked = Asked { told: &told, title: format!("Who can {}{place}", args.permission), question };
    print::access("who-can", &asked, global, ui)?;
    Ok(Exits::default())
}
