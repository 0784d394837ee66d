//! Walks the catalogue with the client and says what became of each domain.
//!
//! Never guesses: a listing that is short, forbidden, malformed or contradicts itself leaves the last good content of that
//! listing where it is. What vanished is confirmed to be gone before its removal counts. Knows nothing of git, files or the
//! terminal; what is on record comes in through [`Recorded`], what happens goes out through [`Progress`].

mod audits;
mod collect;
mod confirm;
mod domain;
mod page;
mod portion;
mod probe;
mod run;
mod target;
mod trouble;

pub use audits::{AuditLog, AuditReading};
pub use confirm::{Caution, RemovalPolicy};
pub use domain::DomainCapture;
pub use portion::{Portions, Reach};
pub use probe::{Probed, Refused, probe};
pub use run::{CaptureRun, Capturer, OWN_PERMISSIONS, Progress, Recorded, Selection, Silent, View, org_of};
pub use target::{Target, Targets};
pub use trouble::{Trouble, TroubleKind, with_causes};
