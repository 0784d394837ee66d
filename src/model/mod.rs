//! The vocabulary that everything else shares.
//!
//! Plain owned types without behaviour of their own beyond what their invariants need: values and numbers that lose nothing,
//! names of domains and entities, snapshots, changes, severities. Knows no network, git, clock, file or terminal.

mod actor;
mod change;
mod finding;
mod name;
mod nearest;
mod number;
mod pointer;
mod severity;
mod snapshot;
mod value;
mod visible;

pub use actor::{Actor, Attribution, Explained, FieldAttribution};
pub use change::{Change, ChangeKind, FieldChange, FieldKind};
pub use finding::{Acknowledged, Evidence, Finding, Place, Subject};
pub use name::{DomainId, DomainIdError, EntityKey};
pub use nearest::nearest;
pub use number::{Number, NumberError};
pub(crate) use pointer::wildcard;
pub use pointer::{Pointer, PointerGlob};
pub use severity::{Severity, SeverityCounts};
pub use snapshot::{CanonicalText, DomainSnapshot, EntitySource};
pub use value::{Object, OwnedValue, Value, utf16_order};
pub use visible::visible;
