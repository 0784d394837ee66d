//! The history of a trail, read: what became of an entity, and who gave each of its fields its value.
//!
//! Goes along first parents and opens a file only where its id differs; entities are cut out of its text.

mod between;
mod blame;
mod commit;
mod find;
mod last;
mod log;
mod open;
mod show;
mod texts;
mod tracks;

use std::collections::BTreeSet;

pub use find::Target;
pub use log::LogQuery;
pub(in crate::session) use open::EntityLifetimes;
use texts::State;

use super::attributing::said_by;
use super::failure::Failure;
use super::time::of_seconds;
use super::workspace::Workspace;
use crate::attribution::CommitAttribution;
use crate::catalogue::Domain;
use crate::model::{Attribution, Severity};
use crate::policy::{Policy, Unjudged};
use crate::record::trailer;
use crate::report::{Endpoint, Moment};
use crate::session::kind;
use crate::trail::{CommitId, CommitInfo};

use texts::Texts;

/// The history of a trail.
pub struct History<'w> {
    workspace: &'w Workspace,
    policy: Policy<'w>,
    texts: Texts<'w>,
    has_notes: bool,
    around: std::cell::RefCell<commit::Around>,
    unjudged: std::cell::RefCell<BTreeSet<Unjudged>>,
}

impl<'w> History<'w> {
    /// The history of a trail, judged by the rules in force.
    pub fn of(workspace: &'w Workspace) -> Result<Self, Failure> {
        Ok(Self {
            workspace,
            policy: workspace.policy()?,
            texts: Texts::of(&workspace.trail),
            has_notes: workspace.trail.has_notes()?,
            around: std::cell::RefCell::default(),
            unjudged: std::cell::RefCell::default(),
        })
    }

    /// The rules that could not be told for what was read so far.
    pub fn unjudged(&self) -> BTreeSet<Unjudged> {
        self.unjudged.borrow().clone()
    }

    /// What a commit says of who made its changes.
    fn attribution(&self, commit: &CommitInfo) -> Result<CommitAttribution, Failure> {
        let note = if self.has_notes { self.workspace.trail.note(&commit.id)? } else { None };
        Ok(said_by(commit, note.as_deref()))
    }

    /// A commit as it is told.
    fn moment(commit: &CommitInfo, attribution: Attribution) -> Moment {
        let level = commit.trailer(trailer::SEVERITY);
        Moment {
            commit: commit.id.to_string(),
            at: of_seconds(commit.committer.seconds),
            kind: kind(commit),
            run: commit.trailer(trailer::RUN).map(ToOwned::to_owned),
            step: commit.trailer(trailer::STEP).map(ToOwned::to_owned),
            level: level.and_then(|word| Severity::WORST_FIRST.into_iter().find(|one| one.as_str() == word)),
            subject: commit.subject.clone(),
            attribution,
        }
    }

    fn endpoint(&self, commit: &CommitId) -> Result<Endpoint, Failure> {
        super::run::endpoint(self.workspace, *commit)
    }

    /// The tip of the branch.
    fn tip(&self) -> Result<CommitId, Failure> {
        self.workspace.tip()?.ok_or_else(super::revision::no_snapshot)
    }

    fn state(&self, commit: Option<CommitId>) -> State<'_, 'w> {
        State::new(self, commit)
    }

    fn domain(&self, id: &crate::model::DomainId) -> Result<&'w Domain, Failure> {
        self.workspace.catalogue.get(id).ok_or_else(|| find::unknown_domain(id.as_str(), &self.workspace.catalogue))
    }
}
