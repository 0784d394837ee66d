//! What depends on an entity at a revision, and what it depends on.

use super::exit::Exit;
use super::failure::Failure;
use super::history::{History, Target};
use super::workspace::{Workspace, archive};
use crate::audit::impact::ImpactOptions;
use crate::audit::{Graph, Impact};
use crate::trail::CommitId;

/// What depends on an entity in the state of a commit, and what it depends on. The entity is named by its key or a name.
///
/// # Errors
/// [`Failure`] where there is no such entity in the state, or the state cannot be read.
pub fn impact(workspace: &Workspace, target: &Target, at: CommitId, options: ImpactOptions) -> Result<Impact, Failure> {
    let Some(entity) = &target.entity else {
        let failure = Failure::new(Exit::Usage, format!("{} is a domain and no entity", target.domain));
        return Err(failure.hint(format!("`orgtrail show {}` lists its entities", target.domain)));
    };
    let key = History::of(workspace)?.key_at(&target.domain, entity, &at)?;
    let archive = archive(workspace, Some(at))?;
    let graph = Graph::of(&workspace.catalogue, &archive)?;
    Impact::of(&graph, &target.domain, &key, options).ok_or_else(|| {
        let failure = Failure::new(Exit::Usage, format!("{}/{key} is not there at that revision", target.domain));
        failure.hint(format!(
            "`orgtrail log {}/{key}` tells when it went; ask for an earlier revision with --at",
            target.domain
        ))
    })
}
