//! `orgtrail audit rbac`

use clap::Args;

use super::super::args::{Format, Global};
use super::super::print::Plain;
use super::super::{Exit, Exits, Failure, Ui, now, open, print};
use crate::audit::rbac::{Question, Rules};
use crate::report;
use crate::report::Findings;
use crate::report::access::Asked;
use crate::report::access_drift::AccessDrift;
use crate::session::{access, acknowledge_findings, audit_rbac, rbac_drift, rbac_rules, resolve};

/// Tell what of who may do what should be looked at
///
/// Looks at permissions, not at the names of roles: at those that matter more than others and who holds them, at roles and
/// permissions that nobody holds, at grants and roles that are there twice. `rbac.toml` in the trail adds permissions and rules
/// and switches others off. What is not known is told and never taken for empty.
///
/// With --from it tells what each principal gained and lost since, and why. With --access it prints who may do what.
#[derive(Debug, Args)]
pub(super) struct RbacArgs {
    /// Look at this revision instead of the last one
    #[arg(long, value_name = "REV", conflicts_with_all = ["from", "to"])]
    at: Option<String>,

    /// Tell what was gained and lost since this revision
    #[arg(long, value_name = "REV")]
    from: Option<String>,

    /// Up to this revision instead of the last one
    #[arg(long, value_name = "REV", requires = "from")]
    to: Option<String>,

    /// List the rules in force and the permissions that matter more than others
    #[arg(long, conflicts_with_all = ["at", "from", "access"])]
    rules: bool,

    /// Print every permission of every principal instead of findings
    #[arg(long, conflicts_with = "from")]
    access: bool,
}

pub(super) fn run(args: &RbacArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let workspace = open(global)?;
    if args.rules {
        return print_rules(&rbac_rules(&workspace)?, global, ui);
    }
    let last = |revision: &Option<String>| resolve(&workspace, revision.as_deref().unwrap_or(&workspace.branch));
    let today = now(global).date_naive();
    if let Some(from) = &args.from {
        let found = rbac_drift(&workspace, resolve(&workspace, from)?, last(&args.to)?)?;
        let findings = Findings::arranged("Access gained or lost", Some(found.to.clone()), found.findings.clone());
        let findings = acknowledge_findings(&workspace, findings, today)?;
        return print_drift(found, &findings, global, ui);
    }
    let at = last(&args.at)?;
    if args.access {
        let told = access(&workspace, at)?;
        let asked = Asked { told: &told, title: "Who may do what".to_owned(), question: Question::default() };
        print::access("audit rbac --access", &asked, global, ui)?;
        return Ok(Exits::default());
    }
    let findings = acknowledge_findings(&workspace, audit_rbac(&workspace, at)?, today)?;
    print::findings(&findings, global, ui)
}

fn print_rules(rules: &Rules, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let mut out = Vec::new();
    let written = match print::plain("audit rbac --rules", global)? {
        Plain::Text => report::access_rules::render_text(rules, &mut out),
        Plain::Json => report::access_rules::render_json(rules, &mut out),
        Plain::Markdown => report::access_rules::render_markdown(rules, &mut out),
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)?;
    Ok(Exits::default())
}

fn print_drift(mut found: AccessDrift, findings: &Findings, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let mut out = Vec::new();
    if let Some(least) = global.min_severity {
        found = found.at_least(least);
    }
    let written = match global.format {
        Format::Text => report::access_drift::render_text(&found, ui.style(), &mut out),
        Format::Json => report::access_drift::render_json(&found, &mut out),
        Format::Markdown => report::access_drift::render_markdown(&found, &mut out),
        Format::Csv => report::access_drift::render_csv(&found, &mut out),
        // The other formats tell of findings alone.
        _ => return print::findings(findings, global, ui),
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)?;
    Ok(print::exits(findings.counts().worst(), global))
}
