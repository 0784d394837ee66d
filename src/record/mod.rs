//! What a run puts on record: the files of a snapshot, the ledger of what is known, the commits that a run makes.
//!
//! Pure: works on snapshots, ledgers and bytes, and hands commits to be made to whoever keeps the trail. A tree is read
//! through [`Tree`], wherever it is kept.

mod agree;
mod approval;
mod archive;
mod between;
mod forms;
mod heartbeat;
mod layout;
mod ledger;
mod message;
mod newly_kept;
mod plan;
mod run;
mod steps;

pub use agree::{Agreement, agree};
pub use approval::{ApprovalFacts, approval_message, proposal_message, reason_in_a_line};
pub use archive::{Archive, ArchiveError, Tree};
pub use between::{Between, Step, between};
pub use forms::{InHistory, MigratedDomain, Rekeyed};
pub use heartbeat::{AuditMemory, Heartbeat, HeartbeatDomain, HeartbeatFinding, MAX_RUN_TIMES, Resume};
pub use layout::{
    FileEdits, LEDGER_PATH, SNAPSHOT_DIR, Width, changed_files, domain_of, domain_paths, first_width, is_place_of,
    path_of, places_of, roots_of,
};
pub use ledger::{Ledger, LedgerEntry, LedgerStatus};
pub use message::{CommitFacts, TOOL_NAME, commit_message, trailer};
pub use plan::{CommitKind, Observation, Observed, PlanInput, PlannedCommit, RecordPlan, plan};
pub use run::{RunDocument, RunDomain, RunFinding, RunId, RunStatus};
pub use steps::steps;
