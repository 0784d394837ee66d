//! `orgtrail rules`

use clap::{Args, Subcommand};

use super::args::Global;
use super::print::{Plain, plain};
use super::{Exit, Exits, Failure, Ui, open};
use crate::model::nearest;
use crate::policy::{LintRule, Policy, Production, RuleSummary};
use crate::report;
use crate::session::{catalogue, shipped_lints, shipped_rules};

/// List the rules in force, or explain one
///
/// Some judge changes, others look at a state, as `orgtrail lint` does. Inside a trail its own rules.toml counts as well.
#[derive(Debug, Args)]
pub(super) struct RulesArgs {
    #[command(subcommand)]
    command: Option<RulesCommand>,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    /// List all rules
    List,
    /// Say what a rule matches, what it says and what to do
    Explain {
        /// Id of the rule, such as queue-routing
        id: String,
    },
}

pub(super) fn run(args: &RulesArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let format = plain("rules", global)?;
    let rules = rules_in_force(global)?;
    let mut out = Vec::new();
    let written = match (args.command.as_ref().unwrap_or(&RulesCommand::List), format) {
        (RulesCommand::List, Plain::Json) => report::listing::rules_json(&rules, &mut out),
        (RulesCommand::List, Plain::Text | Plain::Markdown) => report::listing::rules_text(&rules, &mut out),
        (RulesCommand::Explain { id }, _) => report::listing::explain_rule(find(&rules, id)?, &mut out),
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)?;
    Ok(Exits::default())
}

/// The rules of the trail, or, outside of any, those that come with the program.
fn rules_in_force(global: &Global) -> Result<Vec<RuleSummary>, Failure> {
    let is_configured = global.directory.join(crate::session::CONFIG_FILE).is_file();
    if is_configured || super::init::is_trail(&global.directory).unwrap_or(false) {
        let workspace = open(global)?;
        return Ok(all(&workspace.policy()?, &workspace.lints()?));
    }
    let catalogue = catalogue()?;
    let policy = Policy::new(&catalogue, shipped_rules(&catalogue)?, Vec::new(), Production::default());
    Ok(all(&policy, &shipped_lints(&catalogue)?))
}

/// The rules that judge changes, then those that look at a state.
fn all(policy: &Policy<'_>, lints: &[LintRule]) -> Vec<RuleSummary> {
    let mut rules = policy.rules();
    rules.extend(lints.iter().map(LintRule::summary));
    rules
}

fn find<'r>(rules: &'r [RuleSummary], id: &str) -> Result<&'r RuleSummary, Failure> {
    // A rule of a later layer overrules one of the same id.
    rules.iter().rev().find(|rule| rule.id == id).ok_or_else(|| {
        let failure = Failure::new(Exit::Usage, format!("there is no rule {id}"));
        failure.hint(match nearest(id, rules.iter().map(|rule| rule.id.as_str())) {
            Some(nearest) => format!("did you mean {nearest}? `orgtrail rules list` lists all"),
            None => "`orgtrail rules list` lists all".to_owned(),
        })
    })
}
