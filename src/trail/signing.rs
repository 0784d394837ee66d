//! Signing commits, as git does with a key of SSH.

use std::fmt;
use std::sync::Arc;

use git2::{Commit, Oid, Repository, Signature, Tree};
use secrecy::{ExposeSecret, SecretString};
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey};

/// What git signs under, so that a signature of a commit is of no use for anything else.
const NAMESPACE: &str = "git";

/// The key that the commits of the tool are signed with. What it is made of is never shown, and wiped when it is dropped.
#[derive(Clone)]
pub struct SigningKey(Arc<PrivateKey>);

/// A text that cannot be used as a signing key; none of them shows any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// It is not a private key in the format of OpenSSH.
    #[error("it is not a private key in the format of OpenSSH")]
    Format,
    /// It is encrypted, and there is no passphrase.
    #[error("it is encrypted, and there is no passphrase for it")]
    NoPassphrase,
    /// It is encrypted, and the passphrase is another one.
    #[error("its passphrase is another one")]
    WrongPassphrase,
    /// It is of a kind that the program does not sign with.
    #[error("it is not an ed25519 key, the one kind that orgtrail signs with")]
    Kind,
}

impl SigningKey {
    /// Reads a private key as `ssh-keygen -t ed25519` writes it.
    pub fn read(text: &SecretString, passphrase: Option<&SecretString>) -> Result<Self, SigningKeyError> {
        // Editors, shells and stores of secrets take the end of the last line away, which the format asks for.
        let text = SecretString::from(format!("{}\n", text.expose_secret().trim()));
        let key = PrivateKey::from_openssh(text.expose_secret()).map_err(|_| SigningKeyError::Format)?;
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(SigningKeyError::Kind);
        }
        let key = match (key.is_encrypted(), passphrase) {
            (false, _) => key,
            (true, None) => return Err(SigningKeyError::NoPassphrase),
            (true, Some(passphrase)) => {
                key.decrypt(passphrase.expose_secret()).map_err(|_| SigningKeyError::WrongPassphrase)?
            }
        };
        Ok(Self(Arc::new(key)))
    }

    /// The public key, as a line of `allowed_signers` ends.
    #[must_use]
    pub fn public_key(&self) -> String {
        let mut public = self.0.public_key().clone();
        public.set_comment("");
        public.to_openssh().unwrap_or_default()
    }

    /// The signature of a commit, as its header holds it.
    fn sign(&self, content: &[u8]) -> Result<String, git2::Error> {
        let refused = |_| git2::Error::from_str("the signing key could not be used");
        let signature = self.0.sign(NAMESPACE, HashAlg::Sha512, content).map_err(refused)?;
        let text = signature.to_pem(LineEnding::LF).map_err(refused)?;
        Ok(text.trim_end().to_owned())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public_key()).finish()
    }
}

/// A commit as it is about to be written.
pub(super) struct Draft<'d> {
    pub(super) author: &'d Signature<'d>,
    pub(super) committer: &'d Signature<'d>,
    pub(super) message: &'d str,
    pub(super) tree: &'d Tree<'d>,
    pub(super) parents: &'d [&'d Commit<'d>],
}

impl Draft<'_> {
    /// Writes the commit, signed where there is a key. Without one it is the same to the byte on every machine.
    pub(super) fn write(&self, repo: &Repository, key: Option<&SigningKey>) -> Result<Oid, git2::Error> {
        let Self { author, committer, message, tree, parents } = *self;
        let Some(key) = key else { return repo.commit(None, author, committer, message, tree, parents) };
        let content = repo.commit_create_buffer(author, committer, message, tree, parents)?;
        let content =
            std::str::from_utf8(&content).map_err(|_| git2::Error::from_str("what is to be signed is not UTF-8"))?;
        repo.commit_signed(content, &key.sign(content.as_bytes())?, None)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::trail::testing::{DIR, Sandbox, assert_sound, commit, git, is_tool, tool};
    use crate::trail::{FileChange, Trail};

    /// A key that nothing is protected by, made for these tests.
    const KEY: &str = include_str!("../../tests/fixtures/signing/tool");
    const ENCRYPTED: &str = include_str!("../../tests/fixtures/signing/encrypted");
    const PASSPHRASE: &str = "a phrase of the tests";

    fn key(text: &str, passphrase: Option<&str>) -> Result<SigningKey, SigningKeyError> {
        SigningKey::read(&text.into(), passphrase.map(SecretString::from).as_ref())
    }

    fn signing(mut trail: Trail) -> Trail {
        trail.sign_with(Some(key(KEY, None).unwrap()));
        trail
    }

    /// Whether git itself finds the signature of a commit good.
    fn git_finds_good(trail: &Trail, sandbox: &Sandbox, commit: &str) {
        let allowed = sandbox.path("allowed");
        std::fs::write(&allowed, format!("orgtrail@* {}\n", key(KEY, None).unwrap().public_key())).unwrap();
        let setting = format!("gpg.ssh.allowedSignersFile={}", allowed.display());
        git(trail.git_dir(), &["-c", &setting, "verify-commit", commit]);
    }

    #[test]
    fn git_finds_the_signature_good_and_the_content_as_it_is_without_one() {
        let sandbox = Sandbox::new();
        let trail = signing(sandbox.bare());
        let signed = trail.record("a", "1");
        git_finds_good(&trail, &sandbox, &signed.to_string());
        assert_sound(&trail);
        let found = trail.signature(&signed).unwrap().unwrap();
        assert!(found.signature.starts_with("-----BEGIN SSH SIGNATURE-----\n"), "{}", found.signature);
        let content = String::from_utf8(found.content).unwrap();
        let raw = git(trail.git_dir(), &["cat-file", "-p", &signed.to_string()]);
        let (head, rest) = raw.split_once("gpgsig ").unwrap();
        let (_, message) = rest.split_once("\n\n").unwrap();
        assert_eq!(content, format!("{head}\n{message}"));
    }

    #[test]
    fn the_same_commit_signed_twice_is_the_same_commit() {
        let (one, other) = (Sandbox::new(), Sandbox::new());
        let made = [&one, &other].map(|sandbox| signing(sandbox.bare()).record("a", "1"));
        assert_eq!(made[0], made[1]);
    }

    #[test]
    fn what_is_rebuilt_is_signed_again() {
        let sandbox = Sandbox::new();
        let trail = signing(sandbox.bare());
        let base = trail.record("snapshot/a", "1");
        let theirs = [commit("theirs", [FileChange::write("x", "1")])];
        let theirs = trail.write_commits(Some(&base), &theirs).unwrap()[0];
        let own = trail.record("snapshot/a", "2");
        let tip = trail.rebase_onto("main", &theirs, DIR, is_tool, &tool()).unwrap();
        assert_ne!(tip, own);
        git_finds_good(&trail, &sandbox, &tip.to_string());
    }

    #[test]
    fn what_cannot_be_used_says_why_and_shows_nothing() {
        assert_eq!(key("", None).unwrap_err(), SigningKeyError::Format);
        assert_eq!(key(&KEY.replace('A', "B"), None).unwrap_err(), SigningKeyError::Format);
        assert_eq!(key(ENCRYPTED, None).unwrap_err(), SigningKeyError::NoPassphrase);
        assert_eq!(key(ENCRYPTED, Some("another")).unwrap_err(), SigningKeyError::WrongPassphrase);
        let other_kind = include_str!("../../tests/fixtures/signing/ecdsa");
        assert_eq!(key(other_kind, None).unwrap_err(), SigningKeyError::Kind);
        let read = key(ENCRYPTED, Some(PASSPHRASE)).unwrap();
        assert!(read.public_key().starts_with("ssh-ed25519 AAAA"));
        let shown = format!("{read:?}");
        assert!(shown.contains(&read.public_key()) && !shown.to_lowercase().contains("private"), "{shown}");
        // A text that lost its last line end is the same key.
        assert_eq!(key(KEY.trim(), None).unwrap().public_key(), key(KEY, None).unwrap().public_key());
    }
}
