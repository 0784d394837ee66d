//! The checks of a recorded state, by the word that settings have for each.

use chrono::{DateTime, Utc};

use super::acks::check_acks;
use super::agreed::Agreed;
use super::compare::compare;
use super::failure::Failure;
use super::lint::lint;
use super::observer::Observer;
use super::orphans::audit_orphans;
use super::propose::review_set;
use super::rbac::audit_rbac;
use super::revision::last_run;
use super::verify::{VerifyOptions, verify};
use super::workspace::Workspace;
use crate::model::Finding;
use crate::report::Findings;
use crate::trail::CommitId;

/// A check of what is on record.
type Check = fn(&Workspace, CommitId, DateTime<Utc>) -> Result<Vec<Finding>, Failure>;

/// The checks whose findings are about what is on record, and can be acknowledged.
const OF_STATES: [(&str, Check); 3] = [
    ("lint", |workspace, at, now| {
        let domains = workspace.catalogue.names().cloned().collect();
        Ok(lint(workspace, at, &workspace.lints()?, &domains, now)?.findings)
    }),
    ("orphans", |workspace, at, now| Ok(audit_orphans(workspace, at, now)?.findings.findings)),
    ("rbac", |workspace, at, _| Ok(audit_rbac(workspace, at)?.findings)),
];

/// What a check finds in the last state on record, by its word in `[alerts] audits`; nothing for a word that no check has.
///
/// # Errors
/// [`Failure`] where what it looks at cannot be read.
pub(super) fn check(
    name: &str,
    workspace: &Workspace,
    now: DateTime<Utc>,
    observer: &dyn Observer,
) -> Result<Vec<Finding>, Failure> {
    if let Some((_, check)) = OF_STATES.iter().find(|(known, _)| *known == name) {
        return check(workspace, last_run(workspace)?.1, now);
    }
    match name {
        "acks" => Ok(stale_acks(workspace, now, observer)?.findings),
        "verify" => {
            let options = VerifyOptions { until: None, since: None, max_gap: None, now };
            Ok(verify(workspace, &options)?.0.findings)
        }
        _ => Ok(Vec::new()),
    }
}

/// The acknowledgements that are past their last day and those that are about nothing, given what differs from what is agreed, or
/// else what the last run changed, and what the checks find.
///
/// # Errors
/// [`Failure`] where an acknowledgement or a state cannot be read.
pub fn stale_acks(workspace: &Workspace, now: DateTime<Utc>, observer: &dyn Observer) -> Result<Findings, Failure> {
    let (from, to) = last_run(workspace)?;
    let set = match Agreed::of(workspace)? {
        Some(_) => review_set(workspace, to, observer)?,
        None => compare(workspace, from, to, observer)?,
    };
    let mut checked = Vec::new();
    for (_, check) in OF_STATES {
        checked.extend(check(workspace, to, now)?);
    }
    check_acks(workspace, &set, &checked, now.date_naive())
}
