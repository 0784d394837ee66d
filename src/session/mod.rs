//! One run from end to end, and what every verb needs of a trail.
//!
//! Ties the edges together: the configuration, the API, the trail. What happens on the way is told to an [`Observer`], the
//! present is an argument, and so is the clock that waits go by. Knows nothing of the terminal.

mod acks;
mod agreed;
mod alerting;
mod approve;
mod attributing;
mod checks;
mod compare;
mod drift;
mod due;
mod estimate;
mod exit;
mod expiring;
mod failure;
mod flow_logs;
mod github;
mod history;
mod hooks;
mod impact;
mod learned;
mod lint;
mod make;
mod names;
mod noise;
mod observer;
mod on_record;
mod orphans;
mod own_domains;
mod patch;
mod places;
mod propose;
mod rbac;
mod reaching;
mod recording;
mod remote;
mod reveal;
mod revision;
mod run;
mod sealing;
mod signing;
mod status;
mod targeting;
mod time;
mod verdict;
mod verify;
mod watch;
mod workspace;

pub use acks::{ACKS_DIR, acknowledge, acknowledge_findings, acks};
pub use agreed::Agreed;
pub use alerting::{AlertOptions, DELIVERIES_REF, Outlets, Post, alert, has_routes, outlet, outlets, try_channel};
pub use approve::{Approved, Approver, Choice, approve};
pub use checks::stale_acks;
pub use compare::compare;
pub use drift::{Wanted, drift, live_drift};
pub use estimate::{Planned, plan};
pub use exit::{Exit, Exits};
pub use expiring::expiring;
pub use failure::Failure;
pub use flow_logs::{
    Brought, Clear, FlowLogTask, FlowLogTools, FlowLogs, Present, Receiver, RecordingFact, Wish, ask_capabilities,
    capabilities, check_question, explain, flow_key, recording, refuse_in_trail,
};
pub use github::{Action, ActionSource, Hearers, InvalidAction, WorkflowFile, add_workflows, workflows};
pub use history::{History, LogQuery, Target};
pub use hooks::{Call, answer_hook, install_hooks};
pub use impact::impact;
pub use lint::lint;
pub use make::{make_trail, make_trail_with, set_up_git};
pub use names::textconv;
pub use noise::{NoiseOf, noise};
pub use observer::{Observer, Unobserved};
pub use orphans::audit_orphans;
pub use own_domains::{catalogue, catalogue_in};
pub use patch::patch;
pub use places::places;
pub use propose::{Proposal, propose_by_request, review_set};
pub use rbac::{RBAC_FILE, access, asked_division, asked_principal, audit_rbac, rbac_drift, rbac_rules};
pub use reaching::reach_of;
pub use recording::HEARTBEAT_REF;
pub use remote::{fetch_all, publish, share};
pub use reveal::{Requester, Sides, Wish as RevealWish, identities, reveal};
pub use revision::{commits_between, kind, last_run, resolve, resolve_start};
pub use run::{Effect, RunOptions, Taken, client, endpoint, profile, take, take_with};
pub use sealing::{REVEALS_REF, SEALED_REF};
pub use signing::SIGNERS_FILE;
pub use status::status;
pub use time::{of_seconds, written};
pub use verify::{VerifyOptions, verify};
pub use watch::{Errand, Outcome, Source, Telling, WatchObserver, WatchOptions, WatchedRun, watch};
pub use workspace::{
    CONFIG_FILE, CommitTree, RULES_FILE, Workspace, archive, matching_domains, shipped_lints, shipped_rules,
};
