//! `orgtrail audit orphans`

use clap::Args;

use super::super::args::{Format, Global};
use super::super::{Exit, Exits, Failure, Ui, now, open, print};
use crate::report;
use crate::session::{acknowledge_findings, audit_orphans, resolve};

/// Tell what is meant to be used and is not, and which references lead nowhere
///
/// Looks at everything that refers to something: declared references, the definitions of flows, members, grants and numbers.
/// What is not known is told and never taken for empty. `[orphans]` in orgtrail.toml says what may stay, and how old something
/// has to be before it is recommended for deletion.
#[derive(Debug, Args)]
pub(super) struct OrphansArgs {
    /// Look at this revision instead of the last one
    #[arg(long, value_name = "REV")]
    at: Option<String>,
}

pub(super) fn run(args: &OrphansArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let workspace = open(global)?;
    let at = resolve(&workspace, args.at.as_deref().unwrap_or(&workspace.branch))?;
    let mut report = audit_orphans(&workspace, at, now(global))?;
    report.findings = acknowledge_findings(&workspace, report.findings, now(global).date_naive())?;
    let worst = report.findings.counts().worst();
    if let Some(least) = global.min_severity {
        report.findings = report.findings.at_least(least);
    }
    let mut out = Vec::new();
    let written = match global.format {
        Format::Text => report::orphans::render_text(&report, ui.style(), &mut out),
        Format::Json => report::orphans::render_json(&report, &mut out),
        Format::Markdown => report::orphans::render_markdown(&report, &mut out),
        _ => {
            print::findings(&report.findings, global, ui)?;
            return Ok(print::exits(worst, global));
        }
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)?;
    Ok(print::exits(worst, global))
}
