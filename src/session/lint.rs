//! What does not hold in a recorded state, by the rules in force.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::failure::Failure;
use super::places::place_findings;
use super::run::endpoint;
use super::workspace::{Workspace, archive};
use crate::audit::lint as audit;
use crate::audit::lint::Examined;
use crate::model::DomainId;
use crate::policy::LintRule;
use crate::report::Findings;
use crate::trail::CommitId;

/// Looks at a recorded state by some rules, at an instant; only at the entities of some domains.
///
/// # Errors
/// [`Failure`] where the state cannot be read.
pub fn lint(
    workspace: &Workspace,
    commit: CommitId,
    rules: &[LintRule],
    domains: &BTreeSet<DomainId>,
    now: DateTime<Utc>,
) -> Result<Findings, Failure> {
    let state = archive(workspace, Some(commit))?;
    let production = &workspace.config.production;
    let examined = Examined { catalogue: &workspace.catalogue, state: &state, production, now };
    let linted = audit::lint(&examined, rules, domains)?;
    let findings = place_findings(workspace, &commit, linted.findings)?;
    let found = Findings::arranged("Lint", Some(endpoint(workspace, commit)?), findings);
    Ok(Findings { untold: linted.untold, ..found })
}
