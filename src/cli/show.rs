//! `orgtrail show`

use clap::Args;

use super::args::Global;
use super::print::{Plain, plain};
use super::{Exit, Exits, Failure, Ui, open};
use crate::report;
use crate::session::{History, Target, reach_of, resolve};

/// Show an entity at a revision, with names and who changed it last
///
/// The entity is named by its key or its name. Of one that is not there it is said when it went or comes, and by whom. A domain
/// alone lists its entities.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Revision, then the entity; the revision may be left out
    #[arg(value_name = "[REV] DOMAIN[/ENTITY]", num_args = 1..=2, required = true)]
    what: Vec<String>,

    /// Say what depends on the entity as well, which takes a look at the whole state
    #[arg(long)]
    reach: bool,
}

pub(super) fn run(args: &ShowArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let format = plain("show", global)?;
    let workspace = open(global)?;
    let (revision, target) = match args.what.as_slice() {
        [revision, target] => (Some(revision), target.as_str()),
        other => (None, other.first().map(String::as_str).unwrap_or_default()),
    };
    let target = Target::read(target, &workspace.catalogue)?;
    let at = resolve(&workspace, revision.unwrap_or(&workspace.branch))?;
    let history = History::of(&workspace)?;
    let mut out = Vec::new();
    let written = if let Some(entity) = &target.entity {
        let mut shown = history.show(&target.domain, entity, &at)?;
        if let (true, Some(key)) = (args.reach, &shown.subject.key) {
            shown.reach = reach_of(&workspace, at, &target.domain, key)?;
        }
        if shown.is_cut_off {
            super::log::tell_shallow(ui);
        }
        match format {
            Plain::Text => report::show::render_text(&shown, ui.style(), &mut out),
            Plain::Json => report::show::render_json(&shown, &mut out),
            Plain::Markdown => report::show::render_markdown(&shown, &mut out),
        }
    } else {
        let entities = history.entities(&target.domain, &at)?;
        match format {
            Plain::Text => report::show::entities_text(&entities, &mut out),
            Plain::Json => report::show::entities_json(&entities, &mut out),
            Plain::Markdown => report::show::entities_markdown(&entities, &mut out),
        }
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)?;
    Ok(Exits::default())
}
