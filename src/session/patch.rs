//! What turns one recorded state into another.

use std::collections::BTreeSet;

use super::failure::Failure;
use super::workspace::{Workspace, archive};
use crate::diff::patch as patch_of;
use crate::model::DomainId;
use crate::report::{Endpoint, Patch};
use crate::trail::CommitId;

/// What turns one recorded state into another, for every domain that is not the same in both.
pub fn patch(workspace: &Workspace, from: Option<Endpoint>, to: Option<Endpoint>) -> Result<Patch, Failure> {
    let state = |endpoint: &Option<Endpoint>| {
        let commit = endpoint.as_ref().and_then(|endpoint| endpoint.commit.as_deref());
        let commit: Option<CommitId> = commit.map(|commit| workspace.trail.resolve(commit)).transpose()?;
        archive(workspace, commit)
    };
    let (before, after) = (state(&from)?, state(&to)?);
    let ledgers = [before.ledger(), after.ledger()];
    let known: BTreeSet<&DomainId> = ledgers.iter().flatten().flat_map(|ledger| ledger.domains.keys()).collect();
    let digest = |ledger: usize, id: &DomainId| ledgers[ledger]?.domains.get(id)?.digest.clone();
    let mut patch = Patch { from, to, ..Patch::default() };
    for id in known {
        if digest(0, id).is_some_and(|same| digest(1, id) == Some(same)) {
            continue;
        }
        let operations = patch_of(before.domain(id)?.as_deref(), after.domain(id)?.as_deref());
        if !operations.is_empty() {
            patch.domains.insert(id.clone(), operations);
        }
    }
    Ok(patch)
}
