//! Which domains a verb is about: the flags that several verbs share.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::args::Global;
use super::{Exit, Failure, now};
use crate::capture::Selection;
use crate::catalogue::Tier;
use crate::genesys::SystemClock;
use crate::model::DomainId;
use crate::session::{Effect, RunOptions, Workspace, matching_domains, profile};
use crate::watch::Touched;

/// Which domains a verb is about.
#[derive(Debug, Args)]
pub(super) struct SelectionArgs {
    /// Take only the domains that match, of any tier, unless orgtrail.toml excludes them; repeat for more
    #[arg(long, value_name = "GLOB")]
    only: Vec<String>,

    /// Leave out the domains that match; repeat for more
    #[arg(long, value_name = "GLOB")]
    skip: Vec<String>,

    /// Take this tier and those below it
    #[arg(long, value_name = "TIER")]
    tier: Option<TierChoice>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TierChoice {
    /// Lists, settings, listings of few parents
    Standard,
    /// Listings per queue, flow and user as well
    Deep,
    /// Content as well
    Content,
}

impl From<TierChoice> for Tier {
    fn from(choice: TierChoice) -> Self {
        match choice {
            TierChoice::Standard => Self::Standard,
            TierChoice::Deep => Self::Deep,
            TierChoice::Content => Self::Content,
        }
    }
}

impl SelectionArgs {
    /// The domains that the trail keeps, whatever narrows this run: a lower tier leaves the others as they are.
    pub(super) fn profile(&self, workspace: &Workspace) -> BTreeSet<DomainId> {
        profile(workspace, self.tier.map(|tier| Tier::from(tier).max(workspace.config.tier)))
    }

    /// The domains that are meant.
    pub(super) fn domains(&self, workspace: &Workspace) -> Result<Selection, Failure> {
        let catalogue = &workspace.catalogue;
        let only = matching_domains("--only", &self.only, catalogue)?;
        let skip = matching_domains("--skip", &self.skip, catalogue)?;
        let profile = profile(workspace, self.tier.map(Tier::from));
        let chosen = catalogue.names().filter(|id| {
            let is_only = only.contains(id) && !workspace.config.exclude.is_match(id);
            let is_wanted = if self.only.is_empty() { profile.contains(id) } else { is_only };
            is_wanted && !skip.contains(id)
        });
        let selection = Selection(chosen.cloned().collect());
        if selection.0.is_empty() {
            let failure = Failure::new(Exit::Usage, "no domain is left to capture");
            return Err(failure.hint("see --only, --skip, and [capture] in orgtrail.toml"));
        }
        Ok(selection)
    }

    /// A run over these domains that writes nothing.
    pub(super) fn run(&self, workspace: &Workspace, global: &Global) -> Result<RunOptions, Failure> {
        Ok(RunOptions {
            selection: self.domains(workspace)?,
            profile: self.profile(workspace),
            by_cadence: self.only.is_empty() && self.tier.is_none(),
            targeted: false,
            heard: Touched::default(),
            max_requests: None,
            accepted_removals: BTreeSet::new(),
            effect: Effect::None,
            now: now(global),
            clock: Arc::new(SystemClock::new()),
        })
    }
}
