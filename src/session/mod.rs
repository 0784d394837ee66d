//! One run from end to end, and what every verb needs of a trail.
//!
//! Ties the edges together: the configuration, the API, the trail. What happens on the way is told to an [`Observer`], the
//! present is an argument, and so is the clock that waits go by. Knows nothing of the terminal.

mod attributing;
mod due;
mod estimate;
mod exit;
mod failure;
mod history;
mod hooks;
mod learned;
mod make;
mod names;
mod noise;
mod observer;
mod on_record;
mod own_domains;
mod recording;
mod remote;
mod revision;
mod run;
mod signing;
mod status;
mod targeting;
mod time;
mod verdict;
mod verify;
mod watch;
mod workspace;

pub use estimate::{Planned, plan};
pub use exit::{Exit, Exits};
pub use failure::Failure;
pub use history::{History, LogQuery, Target};
pub use hooks::{Call, answer_hook, install_hooks};
pub use make::{make_trail, set_up_git};
pub use names::textconv;
pub use noise::{NoiseOf, noise};
pub use observer::{Observer, Unobserved};
pub use own_domains::{catalogue, catalogue_in};
pub use recording::HEARTBEAT_REF;
pub use revision::{commits_between, kind, last_run, resolve, resolve_start};
pub use run::{Effect, RunOptions, Taken, client, endpoint, profile, take, take_with};
pub use signing::SIGNERS_FILE;
pub use status::status;
pub use time::{of_seconds, written};
pub use verify::{VerifyOptions, verify};
pub use watch::{Errand, Outcome, Source, WatchObserver, WatchOptions, WatchedRun, watch};
pub use workspace::{CONFIG_FILE, CommitTree, RULES_FILE, Workspace, archive, matching_domains, shipped_rules};
