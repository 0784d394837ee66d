//! `orgtrail blame`

use clap::Args;

use super::args::Global;
use super::print::{Plain, plain};
use super::{Exit, Exits, Failure, Ui, open};
use crate::model::Pointer;
use crate::report;
use crate::session::{History, Observer, Target, resolve};

/// Show for each field of an entity who gave it its value, when and in which run
///
/// The entity is named by its key or by a name that it has or had. Elements that others moved along keep their origin, members
/// of sets are known by their identity, and what was so from the first capture on says `baseline`.
#[derive(Debug, Args)]
pub(super) struct BlameArgs {
    /// Entity, such as "routing.queues/Support EN"
    #[arg(value_name = "DOMAIN/ENTITY")]
    target: String,

    /// Only what is at or below this JSON Pointer, such as /acwSettings
    #[arg(value_name = "POINTER")]
    pointer: Option<String>,
}

pub(super) fn run(args: &BlameArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let format = plain("blame", global)?;
    let workspace = open(global)?;
    let target = Target::read(&args.target, &workspace.catalogue)?;
    let Some(entity) = &target.entity else {
        let failure = Failure::new(Exit::Usage, format!("{} is a domain and no entity", target.domain));
        return Err(failure.hint(format!("`orgtrail show {}` lists its entities", target.domain)));
    };
    let pointer = args.pointer.as_deref().unwrap_or_default();
    if !pointer.is_empty() && !pointer.starts_with('/') {
        let failure = Failure::new(Exit::Usage, format!("{pointer} is not a JSON Pointer"));
        return Err(failure.hint(format!("did you mean /{}?", pointer.replace('.', "/"))));
    }
    let at = resolve(&workspace, &workspace.branch)?;
    let history = History::of(&workspace)?;
    let blame = history.blame(&target.domain, entity, &Pointer::from_text(pointer), &at)?;
    if blame.is_cut_off {
        super::log::tell_shallow(ui);
    }
    for problem in &history.unjudged() {
        ui.warn(&problem.to_string());
    }
    let mut out = Vec::new();
    let written = match format {
        Plain::Text => report::blame::render_text(&blame, ui.style(), &mut out),
        Plain::Json => report::blame::render_json(&blame, &mut out),
        Plain::Markdown => report::blame::render_markdown(&blame, &mut out),
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)?;
    Ok(Exits::default())
}
