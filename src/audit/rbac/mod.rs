//! Who may do what: the roles, grants and memberships of a state, resolved.
//!
//! [`Access::resolve`] reads a state by [`Model`], which says where things are, and keeps it as it is granted: principals, roles,
//! grants, memberships. Every (principal, permission, division) follows from that and knows its path. [`find`] judges it by
//! [`Rules`], [`drift`] compares two of them, and [`Question`] asks one.
//!
//! Limits: conditions of a role are told, not evaluated, and so are policies beside roles. Permissions that the platform does not
//! divide hold everywhere, whatever division they were granted in; the configuration does not say which those are.

mod access;
mod condition;
mod drift;
mod finding;
mod model;
mod permission;
mod question;
mod resolve;
mod rules;

pub use access::{
    Access, Division, Gap, Grant, Kind, Path, Principal, Restricted, Restriction, Right, Role, Standing, Via,
};
pub use drift::{Cause, CauseKind, Drift, GAINED, LOST, PrincipalDrift, Recreated, Shift, State, drift};
pub use finding::{Baseline, NOT_READ, NOT_TOLD, find};
pub use model::Model;
pub use permission::Permission;
pub use question::{Answer, Question, Triple, TriplePath};
pub use resolve::{Source, Sources};
pub use rules::{Listed, Rule, Rules};
