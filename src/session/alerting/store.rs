//! Where what was told is kept: one document under a reference of its own, without history.

use crate::alert::Deliveries;
use crate::session::{Exit, Failure, Workspace};
use crate::trail::TrailError;

/// The reference.
pub const DELIVERIES_REF: &str = "refs/orgtrail/deliveries";

/// What was told; `None` where nothing ever was.
pub(in crate::session) fn deliveries(workspace: &Workspace) -> Result<Option<Deliveries>, Failure> {
    let Some(bytes) = workspace.trail.read_ref_blob(DELIVERIES_REF)? else { return Ok(None) };
    Deliveries::read(&bytes).map(Some).map_err(|error| {
        let message = format!("could not read what was told, in {DELIVERIES_REF}: {error}");
        Failure::new(Exit::Integrity, message).hint(
            "use the version of orgtrail that wrote it, or a later one; `git update-ref -d refs/orgtrail/deliveries` forgets it, \
             and what was told in the last run may be told again",
        )
    })
}

pub(super) fn write(workspace: &Workspace, deliveries: &Deliveries) -> Result<(), Failure> {
    Ok(workspace.trail.write_ref_blob(DELIVERIES_REF, &deliveries.write())?)
}

/// Puts back what was there before.
pub(super) fn put_back(workspace: &Workspace, before: Option<&Deliveries>) -> Result<(), Failure> {
    write(workspace, before.unwrap_or(&Deliveries::new()))
}

/// Does something that may replace what was told by what the remote knows of it, and keeps what is known here beside that.
pub(in crate::session) fn keep_deliveries<T>(
    workspace: &Workspace,
    fetch: impl FnOnce() -> Result<T, TrailError>,
) -> Result<T, Failure> {
    // A document that cannot be read is told of by who needs it.
    let own = deliveries(workspace).ok().flatten();
    let fetched = fetch()?;
    if let (Some(own), Ok(Some(theirs))) = (own, deliveries(workspace))
        && own != theirs
    {
        write(workspace, &own.beside(theirs))?;
    }
    Ok(fetched)
}
