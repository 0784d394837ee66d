//! What became of entities over a row of recorded states: texts of files and attributed changes in, histories out.
//!
//! Pure: whoever walks the history hands over texts and changes, newest first or oldest first as each function says.

mod blame;
mod cut;
mod place;
mod together;

pub use blame::{BlamedLeaf, Leaves};
pub use cut::{Found, cut, entities_of, entity_of};
pub use place::{Position, Written};
pub use together::{of_change, together};
