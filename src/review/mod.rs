//! What a reviewer needs to know of changes: since when each is open, how it ended, and which of them are one decision.
//!
//! Pure: takes states and judged changes, knows no trail and no host.

mod arrange;
mod lifetime;

pub use arrange::{Arranged, Group, SMALLEST_GROUP, arrange};
pub use lifetime::{Difference, End, Ending, Lifetime, differences, lifetimes};
