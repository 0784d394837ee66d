//! Secret values that only some people can open: sealed with age, and opened again.
//!
//! A sealed value is a small document, `schemas/output/sealed.v1.json`, encrypted to the recipients that the settings name. On the
//! outside it shows the fingerprint of the value, how many recipients there are, and its size in steps of half a kilobyte. It does
//! not show who sealed it: whoever knows the recipients can seal anything to them. So what is opened is compared with its
//! fingerprint, where the secrets key is at hand.
//!
//! Knows nothing of git, of settings and of the API. Values are wiped from memory when they are dropped.

mod keys;
mod opened;
mod sealer;

pub use keys::{Identities, IdentityError, Recipient, RecipientError};
pub use opened::{OpenError, Opened};
pub use sealer::{SealError, SealedFile, Sealer};

/// What the name of a file of sealed values ends with.
const EXTENSION: &str = ".age";

/// What a fingerprint begins with.
const ALGORITHM: &str = "hmac-sha256:";

/// Where the sealed value of a fingerprint is kept, such as `3f/a9….age`; `None` for a text that is no fingerprint.
#[must_use]
pub fn path_of(fingerprint: &str) -> Option<String> {
    let digits = fingerprint.strip_prefix(ALGORITHM)?;
    let is_whole = digits.len() == 64 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    is_whole.then(|| format!("{}/{}{EXTENSION}", &digits[..2], &digits[2..]))
}

/// The fingerprint of what is kept at a path; `None` for a path that is none of ours.
#[must_use]
pub fn fingerprint_of(path: &str) -> Option<String> {
    let digits: String = path.strip_suffix(EXTENSION)?.split('/').collect();
    let fingerprint = format!("{ALGORITHM}{digits}");
    (path_of(&fingerprint).as_deref() == Some(path)).then_some(fingerprint)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::BTreeSet;

    use secrecy::{ExposeSecret, SecretString};

    use super::*;
    use crate::canonical::{ClearSecret, KeepsSecrets};
    use crate::model::{EntityKey, Pointer};

    const SECRET: &str = "hunter2";

    fn fingerprint(digit: char) -> String {
        format!("{ALGORITHM}{}", digit.to_string().repeat(64))
    }

    fn clear(digit: char, value: &str) -> ClearSecret {
        ClearSecret {
            fingerprint: fingerprint(digit),
            secret_key: "0123456789abcdef".to_owned(),
            domain: "oauth.clients".parse().unwrap(),
            key: EntityKey::new("c1"),
            place: Pointer::from_text("/secret"),
            value: SecretString::from(value.to_owned()),
        }
    }

    /// An identity, and the recipient that is made from it.
    fn pair() -> (Identities, Recipient) {
        let identity = age::x25519::Identity::generate();
        let recipient = identity.to_public().to_string().parse().unwrap();
        let text = identity.to_string();
        (Identities::read(&text).unwrap(), recipient)
    }

    fn sealed(recipients: Vec<Recipient>, secrets: Vec<ClearSecret>) -> Vec<SealedFile> {
        let sealer = Sealer::new(recipients, BTreeSet::new());
        for secret in secrets {
            sealer.keep(secret);
        }
        sealer.seal("2026-03-02T08:00:00Z").unwrap()
    }

    #[test]
    fn a_fingerprint_has_one_path_and_a_path_one_fingerprint() {
        let path = path_of(&fingerprint('a')).unwrap();
        assert_eq!(path, format!("aa/{}.age", "a".repeat(62)));
        assert_eq!(fingerprint_of(&path), Some(fingerprint('a')));
        for other in ["", "hmac-sha256:", "hmac-sha256:AB", "sha256:aa", &fingerprint('g'), &fingerprint('A')] {
            assert_eq!(path_of(other), None, "{other}");
        }
        for other in ["aa.age", "readme", "a/a", &path.replace('/', ""), &path.replace("aa/", "a/a")] {
            assert_eq!(fingerprint_of(other), None, "{other}");
        }
    }

    #[test]
    fn each_recipient_opens_what_was_sealed_and_nobody_else() {
        let ((one, to_one), (two, to_two), (other, _)) = (pair(), pair(), pair());
        let files = sealed(vec![to_one, to_two], vec![clear('a', "\"hunter2\"")]);
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].path, path_of(&fingerprint('a')).unwrap());
        for identity in [&one, &two] {
            let opened = identity.open(&files[0].content).unwrap();
            assert_eq!(opened.value.expose_secret(), "\"hunter2\"");
            assert_eq!((opened.fingerprint, opened.domain.as_str()), (fingerprint('a'), "oauth.clients"));
            assert_eq!(opened.secret_key, "0123456789abcdef");
            assert_eq!((opened.key.as_str(), opened.path.as_str()), ("c1", "/secret"));
            assert_eq!(opened.seen_at, "2026-03-02T08:00:00Z");
        }
        assert!(matches!(other.open(&files[0].content), Err(OpenError::OtherRecipients)));
        let mut broken = files[0].content.clone();
        *broken.last_mut().unwrap() ^= 1;
        assert!(matches!(one.open(&broken), Err(OpenError::Damaged)));
        assert!(matches!(one.open(b""), Err(OpenError::Damaged)));
    }

    #[test]
    fn the_outside_shows_neither_a_value_nor_how_long_it_is() {
        let (_, recipient) = pair();
        let secrets = vec![clear('a', "\"1\""), clear('b', &format!("\"{}\"", SECRET.repeat(20)))];
        let files = sealed(vec![recipient], secrets);
        // Before the content there is a header, to which age adds something random.
        let length = |file: &SealedFile| {
            let mark = file.content.windows(4).position(|window| window == b"\n---").unwrap();
            file.content.len() - mark
        };
        assert_eq!(length(&files[0]), length(&files[1]));
        for file in &files {
            assert!(!String::from_utf8_lossy(&file.content).contains(SECRET));
        }
    }

    #[test]
    fn what_is_sealed_is_not_wanted_again_and_nothing_is_without_recipients() {
        let (_, recipient) = pair();
        let sealer = Sealer::new(vec![recipient], BTreeSet::from([fingerprint('a')]));
        assert!(!sealer.wants(&fingerprint('a')) && sealer.wants(&fingerprint('b')));
        assert!(!sealer.wants("no fingerprint"));
        sealer.keep(clear('b', "\"hunter2\""));
        assert!(!sealer.wants(&fingerprint('b')));
        assert!(!format!("{sealer:?}").contains(SECRET));
        assert!(!Sealer::new(Vec::new(), BTreeSet::new()).wants(&fingerprint('b')));
    }

    #[test]
    fn a_recipient_and_an_identity_are_what_they_have_to_be_and_no_message_shows_an_identity() {
        let identity = age::x25519::Identity::generate();
        let text = identity.to_string().expose_secret().to_owned();
        assert_eq!(text.parse::<Recipient>().unwrap_err(), RecipientError::Identity);
        assert_eq!(text.to_lowercase().parse::<Recipient>().unwrap_err(), RecipientError::Identity);
        let mistyped = "age1qqqq".parse::<Recipient>().unwrap_err();
        assert_eq!(mistyped.to_string(), "\"age1qqqq\" is no recipient of age: it has a typing error");
        assert_eq!("ssh-ed25519 AAAA".parse::<Recipient>().unwrap_err(), RecipientError::Kind);

        let file = format!("# created: today\n\n{text}\r\n");
        let read = |text: &str| Identities::read(&SecretString::from(text.to_owned()));
        assert_eq!(read(&file).unwrap().recipients(), [identity.to_public().to_string()]);
        assert_eq!(read("# nothing\n").unwrap_err(), IdentityError::None);
        let wrong = read(&format!("{}Q\n", &text[..text.len() - 1])).unwrap_err();
        assert_eq!(wrong, IdentityError::Line(1));
        assert!(!wrong.to_string().contains(&text[20..40]) && !format!("{:?}", read(&file)).contains(&text[20..40]));
    }

    #[test]
    fn what_somebody_else_sealed_is_read_as_far_as_it_has_the_form() {
        let (identities, recipient) = pair();
        for content in ["", "{}", "[1]", r#"{"schema_version":2}"#, "\u{0}"] {
            let sealed = age::encrypt(recipient.key(), content.as_bytes()).unwrap();
            assert!(matches!(identities.open(&sealed), Err(OpenError::Damaged)), "{content:?}");
        }
    }
}
