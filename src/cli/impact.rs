//! `orgtrail impact`

use clap::{Args, ValueEnum};

use super::args::Global;
use super::print::{Plain, plain};
use super::{Exit, Exits, Failure, Ui, open};
use crate::audit::ReachWords;
use crate::audit::impact::ImpactOptions;
use crate::report;
use crate::session::{Target, impact, resolve};

/// Show what depends on an entity, and what it depends on
///
/// The entity is named by its key or its name. From it every reference is followed, further on those that pass a change on: from a
/// number to the call route, the flow, the queue and its members, and back.
#[derive(Debug, Args)]
pub(super) struct ImpactArgs {
    /// Entity, such as "routing.queues/Support EN"
    #[arg(value_name = "DOMAIN/ENTITY")]
    target: String,

    /// Look at this revision instead of the last one
    #[arg(long, value_name = "REV")]
    at: Option<String>,

    /// Only what depends on it
    #[arg(long, conflicts_with = "down")]
    up: bool,

    /// Only what it depends on
    #[arg(long)]
    down: bool,

    /// Go this many steps at most
    #[arg(long, value_name = "STEPS")]
    depth: Option<usize>,

    /// Print a graph for a program that draws it
    #[arg(long, value_name = "LANGUAGE")]
    graph: Option<GraphLanguage>,
}

/// What a graph is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum GraphLanguage {
    /// Graphviz.
    Dot,
    /// Mermaid.
    Mermaid,
}

pub(super) fn run(args: &ImpactArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let format = plain("impact", global)?;
    let workspace = open(global)?;
    let target = Target::read(&args.target, &workspace.catalogue)?;
    let at = resolve(&workspace, args.at.as_deref().unwrap_or(&workspace.branch))?;
    let options = ImpactOptions { up: !args.down, down: !args.up, depth: args.depth };
    let impact = impact(&workspace, &target, at, options)?;
    let words = ReachWords::built_in();
    let mut out = Vec::new();
    let written = match (args.graph, format) {
        (Some(GraphLanguage::Dot), _) => report::impact::render_dot(&impact, &mut out),
        (Some(GraphLanguage::Mermaid), _) => report::impact::render_mermaid(&impact, &mut out),
        (None, Plain::Text) => report::impact::render_text(&impact, &words, ui.style(), &mut out),
        (None, Plain::Json) => report::impact::render_json(&impact, &words, &mut out),
        (None, Plain::Markdown) => report::impact::render_markdown(&impact, &words, &mut out),
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)?;
    Ok(Exits::default())
}
