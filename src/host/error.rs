//! Why a host did not do what it was asked.

/// Why a host did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// It could not be reached, or its answer broke off.
    #[error("could not reach {host} to {doing}")]
    Unreachable {
        /// The host.
        host: String,
        /// What was to be done.
        doing: String,
        /// Why.
        source: reqwest::Error,
    },
    /// It answered that it will not.
    #[error("{host} would not {doing}: {status} {reason}")]
    Refused {
        /// The host.
        host: String,
        /// What was to be done.
        doing: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        reason: String,
    },
    /// Its answer is not what its API promises.
    #[error("could not read an answer of {host}: {reason}")]
    Unreadable {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
    /// The token or the URL cannot be used in a request.
    #[error("could not make a client for {host}")]
    Unusable {
        /// The host.
        host: String,
    },
}
