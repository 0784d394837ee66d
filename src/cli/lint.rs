//! `orgtrail lint`

use clap::Args;

use super::args::Global;
use super::{Exit, Exits, Failure, Ui, now, open, print};
use crate::model::nearest;
use crate::policy::LintRule;
use crate::session::{acknowledge_findings, lint, matching_domains, resolve};

/// Find what does not hold in a state, by rules
///
/// Uses no network. `orgtrail rules` lists the rules and explains each; a trail's own stand in its rules.toml under [[lint]].
/// What a rule asks for and the state does not hold whole is told as what could not be told.
#[derive(Debug, Args)]
pub(super) struct LintArgs {
    /// State to look at; by default that of the last run
    #[arg(value_name = "REV")]
    revision: Option<String>,

    /// Look only at domains that match, such as 'routing.*'; may be repeated
    #[arg(long, value_name = "GLOB")]
    only: Vec<String>,

    /// Use only rules whose id matches, such as 'queue-*'; may be repeated
    #[arg(long, value_name = "GLOB")]
    rule: Vec<String>,
}

pub(super) fn run(args: &LintArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let workspace = open(global)?;
    let domains = match args.only.as_slice() {
        [] => workspace.catalogue.names().cloned().collect(),
        only => matching_domains("--only", only, &workspace.catalogue)?,
    };
    let rules = chosen(workspace.lints()?, &args.rule)?;
    let commit = resolve(&workspace, args.revision.as_deref().unwrap_or(&workspace.branch))?;
    let now = now(global);
    let found = lint(&workspace, commit, &rules, &domains, now)?;
    print::findings(&acknowledge_findings(&workspace, found, now.date_naive())?, global, ui)
}

/// The rules that some globs match; each glob must match one.
fn chosen(rules: Vec<LintRule>, globs: &[String]) -> Result<Vec<LintRule>, Failure> {
    let mut matchers = Vec::new();
    for glob in globs {
        let matcher = globset::Glob::new(glob).map(|glob| glob.compile_matcher());
        let matcher =
            matcher.map_err(|error| Failure::new(Exit::Usage, format!("--rule: {glob:?}: {}", error.kind())))?;
        if !rules.iter().any(|rule| matcher.is_match(&rule.id)) {
            let failure = Failure::new(Exit::Usage, format!("--rule: no lint rule is named {glob:?}"));
            return Err(failure.hint(match nearest(glob, rules.iter().map(|rule| rule.id.as_str())) {
                Some(nearest) => format!("did you mean {nearest}? `orgtrail rules list` lists all"),
                None => "`orgtrail rules list` lists all".to_owned(),
            }));
        }
        matchers.push(matcher);
    }
    let is_chosen = |rule: &LintRule| matchers.is_empty() || matchers.iter().any(|glob| glob.is_match(&rule.id));
    Ok(rules.into_iter().filter(is_chosen).collect())
}
