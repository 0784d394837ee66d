//! Secret values, sealed beside the history: what enters the history cannot be erased from it.

use std::collections::BTreeSet;

use super::exit::Exit;
use super::failure::Failure;
use super::run::Effect;
use super::workspace::Workspace;
use crate::canonical::KeepsSecrets;
use crate::seal::{SealedFile, Sealer, fingerprint_of};
use crate::trail::FileChange;

/// The folder of sealed values, one file for each fingerprint; without history.
pub const SEALED_REF: &str = "refs/orgtrail/sealed";

/// The log of who opened them.
pub const REVEALS_REF: &str = "refs/orgtrail/reveals";

/// The values of a run that are not sealed yet.
#[derive(Debug)]
pub(super) struct Sealing(Sealer);

impl Sealing {
    /// Prepares for a run. Nothing is kept by one that writes nothing, and nothing without recipients.
    pub(super) fn of(workspace: &Workspace, effect: Effect) -> Result<Self, Failure> {
        let recipients = if effect == Effect::None { Vec::new() } else { workspace.config.recipients.clone() };
        let sealed = if recipients.is_empty() { BTreeSet::new() } else { sealed(workspace)? };
        Ok(Self(Sealer::new(recipients, sealed)))
    }

    /// Who gets the clear values.
    pub(super) fn keeper(&self) -> &dyn KeepsSecrets {
        &self.0
    }

    /// Seals what came, beside what is sealed already. Where there is nothing new, nothing is written.
    pub(super) fn seal(self, workspace: &Workspace, seen_at: &str) -> Result<(), Failure> {
        let files = self.0.seal(seen_at).map_err(|error| {
            Failure::of(Exit::Internal, &error).hint("check [secrets] recipients: `orgtrail config check`")
        })?;
        let file = |SealedFile { path, content }| FileChange::write(path, content);
        let files: Vec<FileChange> = files.into_iter().map(file).collect();
        tracing::info!(values = files.len(), "sealed");
        Ok(workspace.trail.share_files(SEALED_REF, &files)?)
    }
}

/// The fingerprints whose values are sealed, and those whose sealed values were erased.
pub(super) fn sealed(workspace: &Workspace) -> Result<BTreeSet<String>, Failure> {
    let files = workspace.trail.shared_files(SEALED_REF)?;
    Ok(files.keys().filter_map(|path| fingerprint_of(path)).collect())
}
