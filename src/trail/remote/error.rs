//! Why another repository could not be reached, or did not do its part.

use std::fmt;
use std::io;

/// What went wrong between us and the server of a remote. Hosts are told without user and password, and what a server said as
/// one line, escaped and shortened.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The address is of a form that is known, and says something that is not taken.
    #[error("its address cannot be used: {fault}")]
    Address {
        /// What is wrong with it.
        fault: &'static str,
    },
    /// Credentials would go over the network in clear.
    #[error("plain http is for loopback only, not for {host}")]
    Insecure {
        /// Whom the address names.
        host: String,
    },
    /// The server wants credentials, and there are none.
    #[error("{host} asks for credentials, and there are none")]
    NoCredentials {
        /// Who asks.
        host: String,
    },
    /// The server knows no such credentials.
    #[error("{host} does not accept the credentials {from}")]
    CredentialsRefused {
        /// Who was asked.
        host: String,
        /// Where they come from.
        from: CredentialSource,
    },
    /// The credentials are good, and not for this.
    #[error("{host} does not permit it {}{}", whom(*to), said_behind(said))]
    Forbidden {
        /// Who was asked.
        host: String,
        /// Where the credentials come from, if there are any.
        to: Option<CredentialSource>,
        /// What the server said.
        said: String,
    },
    /// The repository is not there, or not for us to see.
    #[error("{host} has no repository {path}, or does not show it {}", whom(*to))]
    NotFound {
        /// Who was asked.
        host: String,
        /// For which repository.
        path: String,
        /// Where the credentials come from, if there are any.
        to: Option<CredentialSource>,
    },
    /// Any other answer that is none.
    #[error("{host} answered with the status {status}{}", said_behind(said))]
    Status {
        /// Who was asked.
        host: String,
        /// The status of the answer.
        status: u16,
        /// What the server said.
        said: String,
    },
    /// Following would take the credentials to somebody else.
    #[error("{host} redirects to {to}, which is not followed")]
    Redirected {
        /// Who was asked.
        host: String,
        /// Where to.
        to: String,
    },
    /// Something answers there that is no git server.
    #[error("{host} does not answer as a git server does")]
    NotGit {
        /// Who was asked.
        host: String,
    },
    /// No connection came about, or no answer.
    #[error("no answer came from {host}")]
    Unreachable {
        /// Who was asked.
        host: String,
        /// The cause; it does not name the address.
        source: reqwest::Error,
    },
    /// The program that makes the connection could not be started.
    #[error("could not start ssh")]
    SshMissing {
        /// The cause.
        source: io::Error,
    },
    /// The program that makes the connection ended with an error.
    #[error("ssh to {host} failed{}", said_behind(said))]
    Ssh {
        /// Whom it was to reach.
        host: String,
        /// What it said.
        said: String,
    },
    /// The connection ended in the middle.
    #[error("the connection ended before the answer did")]
    CutOff,
    /// What came is not what the protocol says.
    #[error("its answer cannot be read: {what}")]
    Malformed {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The server gave up, and said why.
    #[error("it said: {said}")]
    GaveUp {
        /// What the server said.
        said: String,
    },
    /// The remote names its objects by another hash.
    #[error("it names objects by {format}, which is not supported")]
    ObjectFormat {
        /// The name of the hash.
        format: String,
    },
    /// The remote is without its older history.
    #[error("it is a shallow clone itself")]
    ShallowRemote,
    /// What is sent or received could not be kept on this machine for as long as it takes.
    #[error("could not keep what is exchanged in a temporary file")]
    Scratch {
        /// The cause.
        source: io::Error,
    },
}

/// Where the credentials for a remote come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialSource {
    /// The token that the caller gave, see [`Access`](super::super::Access).
    Token,
    /// `http.extraHeader` in the configuration of the repository.
    Header,
    /// The address of the remote.
    Address,
    /// A credential helper of git.
    Helper,
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token => "of ORGTRAIL_GIT_TOKEN",
            Self::Header => "of http.extraHeader in the repository's configuration",
            Self::Address => "in the address of the remote",
            Self::Helper => "that git's credential helper gave",
        })
    }
}

fn whom(to: Option<CredentialSource>) -> String {
    to.map_or_else(|| "without credentials".to_owned(), |from| format!("to the credentials {from}"))
}

fn said_behind(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}
