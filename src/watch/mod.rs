//! When a process that watches makes which run, and what it subscribes to.
//!
//! Pure: there is neither a clock nor a network. [`Scheduler`] is told instants, as durations since some moment, and what
//! happened then; [`Topics`] is told what is on record. Whoever uses them waits, listens and runs.

mod scheduler;
mod topics;

pub use scheduler::{Ended, Next, Pacing, Scheduler, Trigger};
pub use topics::{Topics, TopicsError, Touched};

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
