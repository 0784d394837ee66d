//! What of a recorded state is over, or soon will be.

use chrono::{DateTime, Utc};

use super::exit::Exit;
use super::failure::Failure;
use super::workspace::{Workspace, archive};
use crate::audit::expiry::Ends;
use crate::catalogue::embedded_file;
use crate::model::{Evidence, Finding};
use crate::record::LedgerStatus;
use crate::trail::CommitId;

/// Where it is written when something ends.
const ENDS: &str = "expiry/ends.toml";

/// What is over at an instant, or will be within `[alerts] expires_within`, in the state of a commit; asks nobody.
///
/// # Errors
/// [`Failure`] where the state cannot be read.
pub fn expiring(workspace: &Workspace, at: CommitId, now: DateTime<Utc>) -> Result<Vec<Finding>, Failure> {
    let ends =
        Ends::read(embedded_file(ENDS).unwrap_or_default()).map_err(|error| Failure::of(Exit::Internal, &error))?;
    let archive = archive(workspace, Some(at))?;
    let mut expiring = ends.at(now, workspace.config.expires_within);
    for domain in workspace.catalogue.iter().filter(|domain| ends.concern(&domain.id)) {
        if let Some(content) = archive.domain(&domain.id)? {
            expiring.look_at(domain, &content);
        }
    }
    let mut findings = expiring.findings();
    // What is on record of a domain may be over in the organisation already.
    for finding in &mut findings {
        let status =
            finding.subject.domain().and_then(|id| archive.ledger()?.domains.get(id)).map(|entry| entry.status);
        if let Some(status) = status.filter(|status| *status != LedgerStatus::Complete) {
            finding.evidence.push(Evidence::new("domain", format!("{}, as it was last seen", status.as_str())));
        }
    }
    Ok(findings)
}
