//! Whether the signature of a commit counts.

use ssh_key::{PublicKey, SshSig};

use super::signers::AllowedSigners;
use chrono::{DateTime, SecondsFormat, Utc};

/// What git signs under.
const NAMESPACE: &str = "git";

/// Why a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureProblem {
    /// It is not one of SSH.
    #[error("it is not a signature of SSH, the one kind that can be checked")]
    Format,
    /// It was made for something else.
    #[error("it was made for {0:?}, not for git")]
    Namespace(String),
    /// It is of another text.
    #[error(
        "it is not of this commit: the commit was changed after it was signed, or the signature taken from another one"
    )]
    Content,
    /// The key is not among those that count.
    #[error("its key {0} is not in allowed_signers")]
    UnknownKey(String),
    /// The key counts for others.
    #[error("its key {key} is not allowed for {principal}")]
    OtherPrincipal {
        /// The fingerprint of the key.
        key: String,
        /// Who recorded the commit.
        principal: String,
    },
    /// The key counts for other things.
    #[error("its key {0} is not allowed for git")]
    OtherUse(String),
    /// The key did not count any more.
    #[error("its key {key} counts until {until}")]
    Expired {
        /// The fingerprint of the key.
        key: String,
        /// The end of its time.
        until: String,
    },
    /// The key did not count yet.
    #[error("its key {key} counts from {from} on")]
    TooEarly {
        /// The fingerprint of the key.
        key: String,
        /// The beginning of its time.
        from: String,
    },
}

/// Checks the signature of a commit that somebody recorded at an instant.
///
/// # Errors
/// Why it does not count.
pub fn check_signature(
    signature: &str,
    content: &[u8],
    allowed: &AllowedSigners,
    principal: &str,
    at: DateTime<Utc>,
) -> Result<(), SignatureProblem> {
    // In a commit the last line end is left out, which the format asks for.
    let signature = SshSig::from_pem(format!("{}\n", signature.trim_end())).map_err(|_| SignatureProblem::Format)?;
    if signature.namespace() != NAMESPACE {
        return Err(SignatureProblem::Namespace(signature.namespace().to_owned()));
    }
    let public = PublicKey::from(signature.public_key().clone());
    public.verify(NAMESPACE, content, &signature).map_err(|_| SignatureProblem::Content)?;
    let key = public.fingerprint(ssh_key::HashAlg::Sha256).to_string();
    let mut problem = SignatureProblem::UnknownKey(key.clone());
    let told = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    // A key may be on several lines; one that allows it is enough.
    for signer in allowed.of_key(signature.public_key()) {
        problem = if !signer.is_for(principal) {
            SignatureProblem::OtherPrincipal { key: key.clone(), principal: principal.to_owned() }
        } else if !signer.is_for_commits() {
            SignatureProblem::OtherUse(key.clone())
        } else if let Some(from) = signer.valid_after.filter(|from| at < *from) {
            SignatureProblem::TooEarly { key: key.clone(), from: told(from) }
        } else if let Some(until) = signer.valid_before.filter(|until| at > *until) {
            SignatureProblem::Expired { key: key.clone(), until: told(until) }
        } else {
            return Ok(());
        };
    }
    Err(problem)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// Made once by `ssh-keygen -Y sign`, with keys that nothing is protected by.
    const SIGNED: &str = include_str!("../../tests/fixtures/signing/signed.txt");
    const BY_TOOL: &str = include_str!("../../tests/fixtures/signing/signed.git.sig");
    const BY_OTHER: &str = include_str!("../../tests/fixtures/signing/signed.other.sig");
    const FOR_FILES: &str = include_str!("../../tests/fixtures/signing/signed.file.sig");
    const OF_OTHER_KIND: &str = include_str!("../../tests/fixtures/signing/signed.ecdsa.sig");
    const KEY: &str = include_str!("../../tests/fixtures/signing/tool.pub");
    const PRINCIPAL: &str = "orgtrail@0f.invalid";

    fn check(signature: &str, content: &str, lines: &[String]) -> Result<(), String> {
        let allowed = AllowedSigners::read(&lines.join("\n")).unwrap();
        let at = "2026-03-02T08:00:00Z".parse().unwrap();
        check_signature(signature, content.as_bytes(), &allowed, PRINCIPAL, at).map_err(|problem| problem.to_string())
    }

    fn line(options: &str) -> String {
        format!("orgtrail@* {options} {}", KEY.trim())
    }

    #[test]
    fn a_signature_by_an_allowed_key_counts() {
        for options in ["", "namespaces=\"git\"", "valid-after=20260301,valid-before=20260303"] {
            assert_eq!(check(BY_TOOL, SIGNED, &[line(options)]), Ok(()), "{options}");
        }
        // As a commit holds it, without the last line end.
        assert_eq!(check(BY_TOOL.trim_end(), SIGNED, &[line("")]), Ok(()));
        // Of two lines for one key, one that allows it is enough, in whatever order.
        let mut lines = [line("valid-before=20260101"), line("valid-after=20260101")];
        assert_eq!(check(BY_TOOL, SIGNED, &lines), Ok(()));
        lines.reverse();
        assert_eq!(check(BY_TOOL, SIGNED, &lines), Ok(()));
    }

    #[test]
    fn a_signature_that_does_not_count_says_why() {
        let key = PublicKey::from_openssh(KEY).unwrap().fingerprint(ssh_key::HashAlg::Sha256).to_string();
        let other = format!("uma@* {}", KEY.trim());
        for (signature, content, lines, expected) in [
            (BY_TOOL, "other content", vec![line("")], "it is not of this commit"),
            (BY_OTHER, SIGNED, vec![line("")], "is not in allowed_signers"),
            (BY_TOOL, SIGNED, vec![], "is not in allowed_signers"),
            (FOR_FILES, SIGNED, vec![line("")], "it was made for \"file\", not for git"),
            (OF_OTHER_KIND, SIGNED, vec![line("")], "it is not of this commit"),
            (BY_TOOL, SIGNED, vec![line("namespaces=\"file\"")], "is not allowed for git"),
            (BY_TOOL, SIGNED, vec![other], &format!("its key {key} is not allowed for {PRINCIPAL}")),
            (
                BY_TOOL,
                SIGNED,
                vec![line("valid-before=20260301")],
                &format!("its key {key} counts until 2026-03-01T00:00:00Z"),
            ),
            (
                BY_TOOL,
                SIGNED,
                vec![line("valid-after=20260303")],
                &format!("its key {key} counts from 2026-03-03T00:00:00Z on"),
            ),
            (
                "-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----",
                SIGNED,
                vec![line("")],
                "not a signature of SSH",
            ),
            ("", SIGNED, vec![line("")], "not a signature of SSH"),
        ] {
            let problem = check(signature, content, &lines).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
    }
}
