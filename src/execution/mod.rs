//! What flows did: which runs are asked for, how a question is cut so that its answer is whole, what a record has to be, what must
//! be masked in it, and which change may have made a flow fail.
//!
//! Pure: records and instants in, questions, records and findings out. It must not know how the API is asked or where records go.
//! What is looked for is data, in `schemas/execution/`.
//!
//! Limits: no document says what is in a downloaded record, so its members are looked at by name and by look alone, and all of
//! them are kept.

mod capabilities;
mod check;
mod criteria;
mod instance;
mod moment;
mod record;
mod redact;
mod sums;
mod suspects;
mod window;

pub use capabilities::{Capabilities, Key};
pub use check::{Checks, Tally};
pub use criteria::{Criteria, Criterion, Group, Problem};
pub use instance::{Instance, Lacking, is_plain};
pub use moment::moment;
pub use record::{DataStatus, Kept, event_id};
pub use redact::{Leak, Redaction, RedactionProblem, UserRedaction};
pub use suspects::{Candidate, Onset, Suspect, Weights, onset};
pub use window::{Asked, Part, RESULT_LIMIT, Window, WindowLimits, WindowProblem};
