//! What the configuration means: findings computed from a recorded state, at any revision, without asking anybody.
//!
//! Pure: works on entities and on what the ledger says of their domains. What is not known well is told and never taken for
//! empty. Where something is to be found is data under `schemas/`; no domain is known by name here.

pub mod rbac;
