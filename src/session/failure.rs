//! What went wrong, as the person at the terminal needs to hear it.

use std::error::Error;

use super::exit::Exit;
use crate::capture::with_causes;
use crate::config::{ChannelSecretsError, EnvironmentError, HostPlaceError, PersonError, SecretKeyError};
use crate::genesys::{FetchError, RegionError};
use crate::host::HostError;
use crate::notify::OpenError;
use crate::record::ArchiveError;
use crate::trail::{RemoteError, TrailError};

/// The end of a command that could not do what it was asked for.
#[derive(Debug)]
pub struct Failure {
    /// The exit it leads to.
    pub exit: Exit,
    /// What we were doing, to what, and why it failed.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// Whether a later version of the program wrote what could not be used.
    pub is_of_later_version: bool,
}

impl Failure {
    /// A failure in words.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None, is_of_later_version: false }
    }

    /// A failure caused by an error; everything that caused it in turn is part of the message.
    pub fn of(exit: Exit, error: &dyn Error) -> Self {
        Self::new(exit, with_causes(error))
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<TrailError> for Failure {
    fn from(error: TrailError) -> Self {
        use TrailError as E;
        let exit = match &error {
            E::NoFolder { .. }
            | E::NotARepository { .. }
            | E::HasCommits { .. }
            | E::NoWorkingTree { .. }
            | E::UnknownRevision { .. }
            | E::AmbiguousRevision { .. }
            | E::UnknownRemote { .. }
            | E::InvalidPath { .. } => Exit::Usage,
            E::RemoteRewritten { .. } | E::NotOurs { .. } => Exit::Integrity,
            _ => Exit::Upstream,
        };
        let hint = match &error {
            E::NoFolder { .. } | E::NotARepository { .. } => {
                Some("`orgtrail init` makes a trail; `-C DIR` names another folder")
            }
            E::NotOwned { .. } => Some("`git config --global --add safe.directory DIR` trusts it"),
            E::HasCommits { .. } => Some("name an empty folder, or a repository without commits"),
            E::NoWorkingTree { .. } => Some("do it in a clone, and commit and push what was put there"),
            E::AlreadyRunning { .. } => Some("wait for the other run to end"),
            E::Moved { .. } => Some("something else wrote to the branch; run again"),
            E::Busy { .. } => {
                Some("if no git command is running, a killed one left a `.lock` file beside the reference")
            }
            E::UnknownRevision { .. } => Some("name a commit, a branch, a date (2026-03-03) or an instant (RFC 3339)"),
            E::UnsupportedTransport { .. } => Some("give the remote an address with https or ssh, or a path"),
            E::ShallowHistory { .. } => Some("`git fetch --unshallow` brings what was left out"),
            E::Remote { source, .. } => Some(remote_hint(source)),
            E::RemoteRewritten { .. } => {
                Some("find out who rewrote the remote's history before anything else is pushed")
            }
            E::NotOurs { .. } => Some("bring the branches together with git, then run again"),
            _ if error.is_from_system() => Some("check free space and permissions of the trail's folder"),
            _ => None,
        };
        let mut failure = Self::of(exit, &error);
        failure.hint = hint.map(ToOwned::to_owned);
        failure
    }
}

/// What to do where the server of a remote does not do its part.
fn remote_hint(error: &RemoteError) -> &'static str {
    use RemoteError as E;
    match error {
        E::Address { .. } | E::Insecure { .. } => {
            "`git remote set-url` changes it: https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH or a path"
        }
        E::NoCredentials { .. } => {
            "set ORGTRAIL_GIT_TOKEN to a token that may read and write the repository, or set up a credential helper of git"
        }
        E::CredentialsRefused { .. } => "check whether they have expired, or were revoked",
        E::Forbidden { .. } => "let the account or app that they belong to write to the repository",
        E::NotFound { .. } => "check the address of the remote, and that the account may see the repository",
        E::Redirected { .. } => "if that is where the repository is now, `git remote set-url` changes the address",
        E::NotGit { .. } => "check the address of the remote; a page to log in on or a proxy may be in the way",
        E::Unreachable { .. } => "check the address of the remote, the network and the proxy settings",
        E::SshMissing { .. } => "install OpenSSH, or name a command in GIT_SSH_COMMAND",
        E::Ssh { .. } => {
            "check that `ssh` reaches the host without asking anything: its key, the known hosts, the agent"
        }
        E::ObjectFormat { .. } => "use a repository whose objects are named by SHA-1",
        E::ShallowRemote => "`git fetch --unshallow` there brings what was left out",
        E::Scratch { .. } => "check free space and permissions of the folder for temporary files",
        E::Status { .. } | E::CutOff | E::Malformed { .. } | E::GaveUp { .. } => {
            "run again; what was not pushed goes along with the next push"
        }
    }
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        let exit = if matches!(error, ArchiveError::Tree { .. }) { Exit::Upstream } else { Exit::Integrity };
        let is_of_later_version = matches!(error, ArchiveError::Newer { .. } | ArchiveError::NewerScan { .. });
        let failure = Self { is_of_later_version, ..Self::of(exit, &error) };
        failure.hint(match error {
            ArchiveError::Newer { .. } | ArchiveError::NewerScan { .. } => {
                "use the version of orgtrail that wrote it, or a later one"
            }
            _ => "`git log -- snapshot` shows who wrote there last",
        })
    }
}

impl From<EnvironmentError> for Failure {
    fn from(error: EnvironmentError) -> Self {
        let hint = match &error {
            EnvironmentError::Missing { .. } => {
                "they come from an OAuth client with the grant `client credentials`; `orgtrail demo` needs none"
                    .to_owned()
            }
            EnvironmentError::Unusable {
                source: RegionError::UnknownRegion { nearest: Some(nearest), .. }, ..
            } => {
                format!("did you mean {nearest:?}?")
            }
            EnvironmentError::Unusable { source: RegionError::UnknownRegion { .. }, .. } => {
                "name a region such as \"eu-west-1\", or a domain such as \"mypurecloud.ie\"".to_owned()
            }
            EnvironmentError::Unusable { .. } => {
                "give the URL of a host such as https://api.mypurecloud.ie, without user, password or query".to_owned()
            }
        };
        Self::of(Exit::Usage, &error).hint(hint)
    }
}

impl From<PersonError> for Failure {
    fn from(error: PersonError) -> Self {
        Self::of(Exit::Usage, &error)
            .hint("`--by \"NAME <EMAIL>\"` says it, or `git config user.name` and `user.email`")
    }
}

impl From<HostPlaceError> for Failure {
    fn from(error: HostPlaceError) -> Self {
        let hint = match &error {
            HostPlaceError::Missing { .. } => {
                "a job of GitHub Actions has all of them but the token: `env: GITHUB_TOKEN: ${{ github.token }}`"
            }
            HostPlaceError::Unusable { .. } => "it is OWNER/NAME, or the URL of a host such as https://api.github.com",
        };
        Self::of(Exit::Usage, &error).hint(hint)
    }
}

impl From<ChannelSecretsError> for Failure {
    fn from(error: ChannelSecretsError) -> Self {
        Self::of(Exit::Usage, &error)
            .hint("set them where orgtrail runs; a job of GitHub Actions takes them from `secrets` under `env:`")
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let exit = match &error {
            OpenError::NoData { .. } | OpenError::Definition(_) => Exit::Internal,
            _ => Exit::Usage,
        };
        Self::of(exit, &error).hint("docs/channels.md says what each setting of a channel has to be")
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        let (exit, hint) = match &error {
            HostError::Refused { status: 401, .. } => (Exit::Authentication, "check GITHUB_TOKEN"),
            HostError::Refused { status: 403 | 404, .. } => (
                Exit::Authentication,
                "the token has to be of this repository, with `pull-requests: write`; for --open-pr the repository has to allow \
                 GitHub Actions to create pull requests (Settings, Actions, General)",
            ),
            HostError::Refused { .. } | HostError::Unreachable { .. } | HostError::Unreadable { .. } => {
                (Exit::Upstream, "what was captured is committed; run again")
            }
            HostError::Unusable { .. } => (Exit::Internal, "this is a defect of orgtrail"),
        };
        Self::of(exit, &error).hint(hint)
    }
}

impl From<SecretKeyError> for Failure {
    fn from(error: SecretKeyError) -> Self {
        let hint = match &error {
            SecretKeyError::Missing { .. } => {
                "`orgtrail init` makes one for this user; elsewhere set ORGTRAIL_SECRET_KEY to the same key"
            }
            SecretKeyError::ShortVariable { .. } | SecretKeyError::ShortFile { .. } => {
                "`openssl rand -hex 32` makes one that is long enough"
            }
            SecretKeyError::Unreadable { .. } | SecretKeyError::NotMade { .. } => {
                "check the permissions of its folder, or set ORGTRAIL_SECRET_KEY"
            }
        };
        Self::of(Exit::Usage, &error).hint(hint)
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        let (exit, hint) = match &error {
            FetchError::LoginRefused { .. } => (
                Exit::Authentication,
                "check GENESYSCLOUD_OAUTHCLIENT_ID, GENESYSCLOUD_OAUTHCLIENT_SECRET and the region they belong to",
            ),
            FetchError::Unauthorised { .. } | FetchError::Forbidden { .. } => {
                (Exit::Authentication, "check the roles of the OAuth client, and that it may be used from this address")
            }
            FetchError::LimitReached { .. } => (Exit::Usage, "raise `--max-requests`"),
            FetchError::Transport { .. } | FetchError::Silent { .. } => {
                (Exit::Upstream, "check the region, the network and the proxy settings")
            }
            _ => (Exit::Upstream, "run again; if it stays, the correlation id helps Genesys support"),
        };
        Self::of(exit, &error).hint(hint)
    }
}
