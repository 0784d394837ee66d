//! The key that commits are signed with, and the keys whose signatures count.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::exit::Exit;
use super::failure::Failure;
use super::workspace::{Workspace, settings_file};
use crate::config::{Environment, Signatures};
use crate::integrity::AllowedSigners;
use crate::trail::{SigningKey, SigningKeyError};

/// The name of the file with the keys whose signatures count.
pub const SIGNERS_FILE: &str = "allowed_signers";

impl Workspace {
    /// Lets the commits of the trail be signed from now on, where the environment or the configuration has a key for it.
    ///
    /// # Errors
    /// [`Failure`] where the key cannot be used, or the trail asks for signatures and there is none.
    pub fn signing(mut self, environment: &Environment) -> Result<Self, Failure> {
        let key = self.key(environment)?;
        if key.is_none() && self.config.require_signatures == Signatures::Tool {
            let message = "[trail] require_signatures asks for signed commits, and there is no key to sign with";
            let hint = "set ORGTRAIL_SIGNING_KEY to a private key, or [trail] signing_key to the path of one";
            return Err(Failure::new(Exit::Usage, message).hint(hint));
        }
        self.trail.sign_with(key);
        Ok(self)
    }

    fn key(&self, environment: &Environment) -> Result<Option<SigningKey>, Failure> {
        if let Some(text) = environment.signing_key() {
            return read(text, environment, "ORGTRAIL_SIGNING_KEY").map(Some);
        }
        let Some(path) = &self.config.signing_key else { return Ok(None) };
        let path = self.outside(path, "the signing key")?;
        let text = std::fs::read_to_string(&path).map_err(|error| {
            let message = format!("could not read the signing key {}: {error}", path.display());
            Failure::new(Exit::Usage, message).hint("[trail] signing_key is the path of a private key of SSH")
        })?;
        read(&SecretString::from(text), environment, &path.display().to_string()).map(Some)
    }

    /// A path of the configuration, from the top of the trail; what is in the trail is one `git add` away from being published.
    pub(super) fn outside(&self, path: &Path, what: &str) -> Result<PathBuf, Failure> {
        let top = self.trail.workdir().unwrap_or_else(|| self.trail.git_dir());
        let path = top.join(path);
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if real(&path).starts_with(real(top)) {
            let message = format!("could not use {what} {}: it is inside of the trail", path.display());
            return Err(Failure::new(Exit::Usage, message).hint("keep it where no commit can take it along"));
        }
        Ok(path)
    }

    /// The keys whose signatures count; none where the trail does not have the file.
    pub(super) fn allowed_signers(&self) -> Result<Option<AllowedSigners>, Failure> {
        let text = settings_file(&self.trail, Some(&self.branch), None, SIGNERS_FILE)?;
        text.map(|text| signers(&text)).transpose()
    }
}

/// Reads the keys whose signatures count.
pub(super) fn signers(text: &str) -> Result<AllowedSigners, Failure> {
    AllowedSigners::read(text).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(|problem| format!("{SIGNERS_FILE}, {problem}")).collect();
        Failure::new(Exit::Usage, lines.join("\n"))
            .hint("a line is such as: orgtrail@* namespaces=\"git\" ssh-ed25519 AAAAC3Nza…")
    })
}

fn read(text: &SecretString, environment: &Environment, source: &str) -> Result<SigningKey, Failure> {
    SigningKey::read(text, environment.signing_passphrase()).map_err(|error| {
        let failure = Failure::new(Exit::Usage, format!("could not use the signing key {source}: {error}"));
        failure.hint(match error {
            SigningKeyError::Format | SigningKeyError::Kind => "`ssh-keygen -t ed25519` makes one",
            SigningKeyError::NoPassphrase | SigningKeyError::WrongPassphrase => {
                "set ORGTRAIL_SIGNING_PASSPHRASE to its passphrase"
            }
        })
    })
}
