//! What of the configuration comes to an end by itself: certificates, clients that are to be deleted, access for a time.
//!
//! Where it stands is data, `schemas/expiry/`; no domain is known by name here. Pure: works on the entities of one domain after the
//! other, and the present is an argument. Only what is there is told of. That something is not there says nothing: the domain may
//! not be captured, or the API may not say it.

mod certificate;
mod ends;

pub use certificate::{CertificateEnd, certificates};
pub use ends::{Ends, EndsError, Expiring};

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
