//! Exchanging commits with another repository, on this file system or behind a server.
//!
//! Both directions are the same two steps: copy the objects that the other side lacks as one pack, then move its
//! references together, each only from where it was seen. So two pushes at once cannot both win.
//!
//! A server that cannot move several references together gets the branch first and the others after it: what a push leaves
//! undone there, the next one does.

mod error;
mod local;
mod objects;
mod server;

use std::collections::BTreeMap;

use git2::{Oid, Repository};

pub use error::{CredentialSource, RemoteError};

use super::Trail;
use super::address::Address;
use super::carrier::{Route, Server};
use super::error::{TrailError, doing};
use super::history::Signature;
use super::id::{CommitId, ObjectId};
use super::notes::NOTES_REF;
use super::refs::{From, RefMove, move_refs};
use super::repository::{DurableRepository, absent_as_none, branch_ref, target};
use super::smart::Service;
use objects::refuse_cut_history;

/// Kept without history, so that what the remote has replaces what is here.
const REPLACED: &str = "refs/orgtrail/";

/// Where branches are.
const HEADS: &str = "refs/heads/";

/// The references of a remote as one fetch saw them; a push is made only if they are still there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteRefs(BTreeMap<String, ObjectId>);

impl RemoteRefs {
    /// Returns where a reference was, by its full name.
    #[must_use]
    pub fn get(&self, reference: &str) -> Option<ObjectId> {
        self.0.get(reference).copied()
    }
}

/// What a fetch found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchOutcome {
    /// The tip of the remote's branch, if it has the branch.
    pub remote_tip: Option<CommitId>,
    /// Everything the remote had.
    pub seen: RemoteRefs,
}

/// How a push ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushOutcome {
    /// The remote has everything.
    Pushed,
    /// The remote is as it was; one that cannot move several references together may have the branch all the same.
    Refused {
        /// The full name of the reference that could not be moved.
        reference: String,
        /// Why not.
        reason: Refusal,
    },
}

/// Why a push was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody moved the reference since it was seen.
    Moved {
        /// Where it is now.
        found: Option<ObjectId>,
    },
    /// Somebody is moving the reference at this moment.
    Busy,
    /// The remote's branch has commits that ours does not build on.
    NotFastForward,
    /// The remote has a working tree, with this branch in it.
    CheckedOut,
    /// The server does not want it: a protected branch, a hook.
    Declined {
        /// What it said, as one line, escaped and shortened.
        said: String,
    },
}

/// Another repository.
enum Neighbour {
    Local(DurableRepository),
    Distant(Route),
}

/// Which way commits go.
#[derive(Clone, Copy)]
enum Direction {
    Fetch,
    Push,
}

impl Direction {
    /// Explains an error by what was being done with which remote.
    fn with(self, remote: &str) -> impl FnOnce(RemoteError) -> TrailError {
        let action = match self {
            Self::Fetch => "fetch from",
            Self::Push => "push to",
        };
        move |source| TrailError::Remote { action, remote: remote.to_owned(), source }
    }
}

/// A push that was refused: which reference, and why.
type Refused = (String, Refusal);

impl Trail {
    /// Says whether a remote has this name.
    pub fn has_remote(&self, remote: &str) -> Result<bool, TrailError> {
        absent_as_none(self.repo.find_remote(remote))
            .map(|found| found.is_some())
            .map_err(doing("look for the remote", remote))
    }

    /// Asks a remote for a push and then makes none: fails where it cannot be reached, or not with these credentials. Whether it
    /// would take one for a protected branch is not known before.
    pub fn try_remote(&self, remote: &str) -> Result<(), TrailError> {
        match self.neighbour(remote, Direction::Push)? {
            Neighbour::Local(_) => Ok(()),
            Neighbour::Distant(route) => {
                let reached = self.reach(&route, Service::ReceivePack);
                reached.map(drop).map_err(Direction::Push.with(remote))
            }
        }
    }

    /// Copies the branches of a remote into `refs/remotes`, and the tool's own references over those of the same name.
    ///
    /// Own references that the remote does not have stay. If `branch` no longer holds what it once did, nothing moves; the
    /// other branches may have been rewritten.
    pub fn fetch(&self, remote: &str, branch: &str, by: &Signature) -> Result<FetchOutcome, TrailError> {
        let (seen, theirs) = match self.neighbour(remote, Direction::Fetch)? {
            Neighbour::Local(theirs) => {
                let seen = list_refs(&theirs).map_err(doing("list the references of the remote", remote))?;
                (seen, Source::Local(theirs))
            }
            Neighbour::Distant(route) => {
                let server = self.reach(&route, Service::UploadPack).map_err(Direction::Fetch.with(remote))?;
                (server::refs_of(&server), Source::Server(Box::new(server)))
            }
        };
        let found = seen.get(&branch_ref(branch));
        let tracking = tracking_ref(remote, branch);
        let here = list_refs(&self.repo).map_err(doing("list the references of", self.git_dir().display()))?;
        let moves: Vec<RefMove> = seen
            .0
            .iter()
            .filter_map(|(name, id)| Some(anywhere(name_here(remote, name)?, *id)))
            .filter(|step| step.reference == tracking || !is_in_the_way(&here, &step.reference))
            .collect();
        let wanted: Vec<Oid> = moves.iter().map(|step| step.to).collect();
        let ours = match theirs {
            Source::Local(theirs) => {
                let ours = self.durable()?;
                local::copy_objects(&theirs, &ours, &wanted).map_err(doing("fetch from the remote", remote))?;
                ours
            }
            Source::Server(server) => self.receive(*server, &wanted, remote)?,
        };

        let remote_tip = found.map(|id| CommitId(id.0));
        if let Some(known) = target(&self.repo, &tracking)?.map(CommitId) {
            let is_kept = match &remote_tip {
                Some(tip) => self.is_ancestor(&known, tip)?,
                None => false,
            };
            if !is_kept {
                return Err(TrailError::RemoteRewritten {
                    remote: remote.to_owned(),
                    branch: branch.to_owned(),
                    known,
                    found: remote_tip,
                });
            }
        }
        self.renew_mark();
        move_refs(&ours, &moves, by, "fetch")?;
        Ok(FetchOutcome { remote_tip, seen })
    }

    /// Sends a branch and further references, by full name, to a remote: all of them, or none.
    ///
    /// None of them may have moved there since it was seen. The branch may only grow; the others, which may be branches too,
    /// are replaced, and those that do not exist here are passed over. A server that cannot move several references together gets
    /// the branch first and then the others.
    pub fn push(
        &self,
        remote: &str,
        branch: &str,
        others: &[&str],
        seen: &RemoteRefs,
        by: &Signature,
    ) -> Result<PushOutcome, TrailError> {
        let theirs = self.neighbour(remote, Direction::Push)?;
        let main = branch_ref(branch);
        let Some(tip) = self.tip(branch)? else {
            return Err(TrailError::UnknownRevision { spec: main });
        };
        if let Some(id) = seen.get(&main)
            && !self.is_ancestor(&CommitId(id.0), &tip)?
        {
            return Ok(PushOutcome::Refused { reference: main, reason: Refusal::NotFastForward });
        }
        let mut moves = vec![leased(main, tip.0, seen)];
        for name in others {
            let id = target(&self.repo, name)?;
            moves.extend(id.map(|id| leased((*name).to_owned(), id, seen)));
        }
        if self.is_shallow() {
            let known: Vec<Oid> = seen.0.values().map(|id| id.0).collect();
            refuse_cut_history(&self.repo, &moves, &known, remote)?;
        }
        let refused = match theirs {
            Neighbour::Local(theirs) => local::push(&self.repo, &theirs, &moves, by, remote)?,
            Neighbour::Distant(route) => self.send(&route, &moves, remote)?,
        };
        if let Some((reference, reason)) = refused {
            return Ok(PushOutcome::Refused { reference, reason });
        }
        let tracked = moves.iter().filter(|step| step.reference.starts_with(HEADS));
        let tracked: Vec<RefMove> =
            tracked.filter_map(|step| Some(anywhere(name_here(remote, &step.reference)?, ObjectId(step.to)))).collect();
        move_refs(&*self.durable()?, &tracked, by, "push")?;
        Ok(PushOutcome::Pushed)
    }

    /// Where the commits of a remote can be looked at, with `{commit}` for the id of one; `None` where its host is not known to show
    /// any. No user and no password of the address is in it.
    pub fn commit_page(&self, remote: &str) -> Result<Option<String>, TrailError> {
        let found = absent_as_none(self.repo.find_remote(remote)).map_err(doing("look for the remote", remote))?;
        let address = found.as_ref().and_then(|found| found.url().ok()).map(Address::read);
        Ok(address.and_then(Result::ok).and_then(|address| address.commit_page()))
    }

    fn neighbour(&self, name: &str, direction: Direction) -> Result<Neighbour, TrailError> {
        let found = absent_as_none(self.repo.find_remote(name)).map_err(doing("look for the remote", name))?;
        let Some(remote) = found else {
            return Err(TrailError::UnknownRemote { remote: name.to_owned() });
        };
        let address = remote.url().map_err(doing("read the address of", name))?;
        match Address::read(address).map_err(direction.with(name))? {
            Address::Http(url) => Ok(Neighbour::Distant(Route::Http(url))),
            Address::Ssh(address) => Ok(Neighbour::Distant(Route::Ssh(address))),
            Address::Other(scheme) => Err(TrailError::UnsupportedTransport { remote: name.to_owned(), scheme }),
            Address::Local(path) => {
                // git reads a relative address from the top of the working tree.
                let base = self.workdir().unwrap_or_else(|| self.git_dir());
                Ok(Neighbour::Local(DurableRepository::open(&base.join(path))?))
            }
        }
    }
}

/// Where a fetch takes objects from.
enum Source {
    Local(DurableRepository),
    Server(Box<Server>),
}

pub(super) fn tracking_ref(remote: &str, branch: &str) -> String {
    format!("refs/remotes/{remote}/{branch}")
}

/// Where a reference of a remote is kept here, if it is.
fn name_here(remote: &str, theirs: &str) -> Option<String> {
    match theirs.strip_prefix(HEADS) {
        // In `refs/remotes` this name says which branch of the remote is the default.
        Some("HEAD") => None,
        Some(branch) => Some(tracking_ref(remote, branch)),
        None => (theirs.starts_with(REPLACED) || theirs == NOTES_REF).then(|| theirs.to_owned()),
    }
}

/// Whether a reference cannot be made because what is here needs its name for a folder, or its folder for a name: a branch that
/// the remote no longer has is still known here.
fn is_in_the_way(here: &RemoteRefs, reference: &str) -> bool {
    let is_below = |name: &str, folder: &str| name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    here.0.keys().any(|known| is_below(known, reference) || is_below(reference, known))
}

fn anywhere(reference: String, to: ObjectId) -> RefMove {
    RefMove { reference, from: From::Anywhere, to: to.0 }
}

fn leased(reference: String, to: Oid, seen: &RemoteRefs) -> RefMove {
    let from = From::Exactly(seen.get(&reference));
    RefMove { reference, from, to }
}

fn list_refs(repo: &Repository) -> Result<RemoteRefs, git2::Error> {
    let mut refs = BTreeMap::new();
    for reference in repo.references()? {
        let reference = reference?;
        if let (Ok(name), Some(id)) = (reference.name(), reference.target()) {
            refs.insert(name.to_owned(), ObjectId(id));
        }
    }
    Ok(RemoteRefs(refs))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
