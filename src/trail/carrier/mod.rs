//! What carries the bytes of git's protocol: HTTP, or a program behind a login shell.
//!
//! Neither knows references or objects. A request is complete before it is sent, and an answer before it is read, both in a
//! temporary file where they are large: so nothing of the trail is touched before the other side has said all that it will.

mod credentials;
mod http;
mod scratch;
mod ssh;

use std::path::PathBuf;

use secrecy::SecretString;

pub(super) use scratch::Scratch;

use super::address::SshAddress;
use super::remote::RemoteError;
use super::smart::{Advertisement, Service};
use http::Http;
use ssh::Ssh;

/// What a caller gives along for reaching remotes, besides what git itself is configured to do.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// A token for the HTTP server of the remote. It comes before all other credentials.
    pub token: Option<SecretString>,
    /// A command in place of `ssh`, as a shell reads it. It comes before `core.sshCommand`.
    pub ssh_command: Option<String>,
}

/// How a repository is reached.
pub(super) enum Route {
    Http(reqwest::Url),
    Ssh(SshAddress),
}

/// What is needed to follow a route.
pub(super) struct Means {
    pub(super) access: Access,
    /// Where the repository is whose configuration says how.
    pub(super) git_dir: PathBuf,
    /// Its `core.sshCommand`.
    pub(super) ssh_command: Option<String>,
}

/// A server that has been reached and has said what it has.
pub(super) struct Server {
    pub(super) has: Advertisement,
    carrier: Carrier,
}

enum Carrier {
    Http(Http),
    Ssh(Ssh),
}

impl Server {
    /// Asks for a service; credentials are found on the way.
    pub(super) fn reach(route: &Route, service: Service, means: &Means) -> Result<Self, RemoteError> {
        let (carrier, has) = match route {
            Route::Http(url) => Http::reach(url, service, means).map(|(http, has)| (Carrier::Http(http), has))?,
            Route::Ssh(address) => Ssh::reach(address, service, means).map(|(ssh, has)| (Carrier::Ssh(ssh), has))?,
        };
        Ok(Self { has, carrier })
    }

    /// Sends the request, and returns the whole answer.
    pub(super) fn ask(self, request: Scratch) -> Result<Scratch, RemoteError> {
        match self.carrier {
            Carrier::Http(http) => http.ask(request),
            Carrier::Ssh(ssh) => ssh.ask(request),
        }
    }
}
