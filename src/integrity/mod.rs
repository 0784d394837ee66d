//! What a history has to be if the tool alone wrote it, and what shows that it is not.
//!
//! Commits, bytes, keys and times in, findings out: who reads them from where is not known here. What is checked is what the
//! tool would have written. Each commit says in its trailers which run made it, and the id of a run is derived from the commit
//! that the run began from; each ledger has the digests of all domains, and each commit that of its ledger.
//!
//! All of that can be made up by whoever can write to the repository and takes the trouble: only signatures, and a copy of the
//! history that is out of reach, show more. So what is found proves that something is wrong, and that nothing is found does not
//! prove that all is well.

mod beats;
mod chain;
mod content;
mod fault;
mod signature;
mod signers;

pub use beats::{gaps, typical_gap};
pub use chain::{ChainCommit, Role, View, check_chain};
pub use content::{check_domain, check_ledger, check_trailer, domains_to_check, foreign_form, read_file};
pub use fault::{Fault, findings_in_order};
pub use signature::{SignatureProblem, check_signature};
pub use signers::{AllowedSigner, AllowedSigners, SignerProblem};
