//! Raw JSON in, canonical value and bytes out.
//!
//! The canonical form of a value is its RFC 8785 text, except that a number which a double cannot hold keeps its digits
//! ([`crate::model::Number`]). The *compact* form of that text is what digests are taken over and what entities are kept as in
//! memory; the *indented* form, with a final newline, is what files hold. Both have the same member order, strings and numbers,
//! so one can be had from the other without understanding what it says.

mod clear;
mod digest;
mod document;
mod jcs;
mod normalise;
mod plain;
mod read;
mod scan;
mod secret;
mod sets;
mod treatment;
mod walk;

pub use clear::{ClearSecret, KeepsSecrets};
pub use digest::{Digest, fingerprint_of_change, fingerprint_of_field};
pub use document::{DocumentError, read_document, write_document};
pub use jcs::{compact, write_compact, write_indented};
pub use normalise::{Canonical, Canonicaliser, EntityError, Migrated, Misplaced, Notes, Unhidden};
pub use read::{MAX_DEPTH, ReadError, ReadProblem, read, read_str};
pub use scan::{Allowance, Scan, ScanProblem};
pub use secret::{MIN_KEY_LENGTH, SECRET_MEMBER, SecretKey, SecretKeyTooShort, is_fingerprint};
pub(crate) use sets::{reorder_sets, set_identity, set_segments};

use crate::model::{CanonicalText, Value};

/// The canonical text of a value.
#[must_use]
pub fn canonical_text(value: &Value<'_>) -> CanonicalText {
    CanonicalText::from_writer(&compact(value))
}

/// The value of a canonical text.
#[must_use]
pub fn value_of(text: &CanonicalText) -> Value<'_> {
    // A canonical text was written from a value, so it can be read.
    read_str(text.as_str()).unwrap_or(Value::Null)
}
