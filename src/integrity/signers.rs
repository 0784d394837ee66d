//! `allowed_signers`: whose signatures count, for what and for how long, in the format of OpenSSH.
//!
//! Times without a zone are taken for UTC, where OpenSSH takes them for the time of the machine: whether a signature counts must
//! not depend on where it is looked at. Certificates are not supported.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, PublicKey};

/// What the signature of a commit is made under.
const GIT: &str = "git";

/// The keys whose signatures count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedSigners(Vec<AllowedSigner>);

/// A key whose signatures count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedSigner {
    /// The line of the file, from 1.
    pub line: usize,
    /// Who may sign with it, as patterns; one that begins with `!` excepts.
    pub principals: Vec<String>,
    /// What it may sign, as patterns; anything where there is none.
    pub namespaces: Option<Vec<String>>,
    /// From when on it counts.
    pub valid_after: Option<DateTime<Utc>>,
    /// Up to when it counts.
    pub valid_before: Option<DateTime<Utc>>,
    key: KeyData,
}

/// A line that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct SignerProblem {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

impl AllowedSigners {
    /// Reads a file.
    ///
    /// # Errors
    /// Every line that cannot be used, in order.
    pub fn read(text: &str) -> Result<Self, Vec<SignerProblem>> {
        let (mut signers, mut problems) = (Vec::new(), Vec::new());
        for (index, line) in text.lines().enumerate() {
            let line_number = index + 1;
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match signer(line, line_number) {
                Ok(signer) => signers.push(signer),
                Err(problem) => problems.push(SignerProblem { line: line_number, problem }),
            }
        }
        if problems.is_empty() { Ok(Self(signers)) } else { Err(problems) }
    }

    /// Every line that has a key.
    pub(super) fn of_key<'s>(&'s self, key: &'s KeyData) -> impl Iterator<Item = &'s AllowedSigner> {
        self.0.iter().filter(move |signer| signer.key == *key)
    }

    /// Whether nobody's signatures count.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl AllowedSigner {
    /// Whether somebody of this address may sign with the key.
    #[must_use]
    pub fn is_for(&self, principal: &str) -> bool {
        is_listed(&self.principals, principal)
    }

    /// Whether commits may be signed with it.
    #[must_use]
    pub fn is_for_commits(&self) -> bool {
        self.namespaces.as_ref().is_none_or(|namespaces| is_listed(namespaces, GIT))
    }
}

/// Whether a text matches a list of patterns, and none that excepts.
fn is_listed(patterns: &[String], text: &str) -> bool {
    let is_match = |pattern: &str| matches(pattern.as_bytes(), text.as_bytes());
    let is_excepted = patterns.iter().filter_map(|pattern| pattern.strip_prefix('!')).any(is_match);
    !is_excepted && patterns.iter().any(|pattern| !pattern.starts_with('!') && is_match(pattern))
}

/// Whether a text is as a pattern says, in which `*` is anything and `?` any one byte.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    // Where the last `*` was, and what it has taken so far: on a mismatch it takes one more.
    let (mut at, mut pos, mut star) = (0, 0, None);
    while pos < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, pos));
                at += 1;
            }
            Some(one) if *one == b'?' || *one == text[pos] => (at, pos) = (at + 1, pos + 1),
            _ => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                (at, pos) = (star_at + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|rest| *rest == b'*')
}

fn signer(line: &str, number: usize) -> Result<AllowedSigner, String> {
    let (principals, rest) = word(line)?;
    let (next, after) = word(rest)?;
    let is_key_type =
        |text: &str| text.parse::<Algorithm>().is_ok_and(|algorithm| !matches!(algorithm, Algorithm::Other(_)));
    let (options, key) = if is_key_type(&next) { (String::new(), rest) } else { (next, after) };
    let mut signer = AllowedSigner {
        line: number,
        principals: list(&unquoted(&principals)),
        namespaces: None,
        valid_after: None,
        valid_before: None,
        key: key_in(key)?,
    };
    if signer.principals.is_empty() {
        return Err("it names nobody".to_owned());
    }
    for option in options_in(&options) {
        take_option(&mut signer, &option)?;
    }
    Ok(signer)
}

fn take_option(signer: &mut AllowedSigner, option: &str) -> Result<(), String> {
    let (name, value) = match option.split_once('=') {
        Some((name, value)) => (name, Some(unquoted(value))),
        None => (option, None),
    };
    match (name.to_ascii_lowercase().as_str(), value) {
        ("cert-authority", _) => {
            Err("cert-authority is not supported: name the keys themselves, each on a line of its own".to_owned())
        }
        ("namespaces", Some(value)) => {
            signer.namespaces = Some(list(&value));
            Ok(())
        }
        ("valid-after", Some(value)) => time(&value).map(|at| signer.valid_after = Some(at)),
        ("valid-before", Some(value)) => time(&value).map(|at| signer.valid_before = Some(at)),
        ("namespaces" | "valid-after" | "valid-before", None) => Err(format!("{name} has no value")),
        _ => Err(format!(
            "{name:?} is neither an option, which are namespaces, valid-after and valid-before, nor a kind of key"
        )),
    }
}

/// The first word of a text, in which what is quoted may hold blanks, and what follows it.
fn word(text: &str) -> Result<(String, &str), String> {
    let text = text.trim_start();
    let mut is_quoted = false;
    let end = text.find(|c: char| {
        is_quoted ^= c == '"';
        c.is_whitespace() && !is_quoted
    });
    match end {
        _ if text.is_empty() => {
            Err("it has no key: expected who may sign, options if any, the kind of key and the key".to_owned())
        }
        None if is_quoted => Err("a quote is not closed".to_owned()),
        end => Ok((text[..end.unwrap_or(text.len())].to_owned(), &text[end.unwrap_or(text.len())..])),
    }
}

fn unquoted(text: &str) -> String {
    text.replace('"', "")
}

fn list(text: &str) -> Vec<String> {
    text.split(',').filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// The options of a list, in which what is quoted may hold commas.
fn options_in(text: &str) -> Vec<String> {
    let mut is_quoted = false;
    let split = text.split(|c: char| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    });
    split.filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// `YYYYMMDD` or `YYYYMMDDHHMM[SS]`, with or without `Z`.
fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let digits = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let read = match digits.len() {
        8 => NaiveDate::parse_from_str(digits, "%Y%m%d").ok().map(|date| date.and_time(chrono::NaiveTime::MIN)),
        12 => NaiveDateTime::parse_from_str(&format!("{digits}00"), "%Y%m%d%H%M%S").ok(),
        14 => NaiveDateTime::parse_from_str(digits, "%Y%m%d%H%M%S").ok(),
        _ => None,
    };
    let read = read.filter(|_| is_plain).map(|at| at.and_utc());
    read.ok_or_else(|| format!("{text:?} is no time: expected one such as 20260303 or 20260303120000Z"))
}

fn key_in(text: &str) -> Result<KeyData, String> {
    let mut words = text.split_whitespace();
    let (Some(kind), Some(data)) = (words.next(), words.next()) else {
        return Err("it has no key: expected the kind of key and the key".to_owned());
    };
    let key = PublicKey::from_openssh(&format!("{kind} {data}"))
        .map_err(|_| format!("the key of the kind {kind:?} cannot be read"))?;
    match key.algorithm() {
        Algorithm::Ed25519 | Algorithm::SkEd25519 => Ok(key.key_data().clone()),
        other => Err(format!("signatures of {} keys cannot be checked, only those of ed25519 keys", other.as_str())),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBnBgkUQylpDhSiOW3V3UAcpQUA/NDe3MC/uPB/n0nSa";

    fn problem(text: &str) -> String {
        let problems = AllowedSigners::read(text).unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn lines_are_read_with_everything_that_they_may_have() {
        let text = format!(
            "# who signs\n\norgtrail@* {KEY} a comment of words\n  a@example.com,!b@example.com namespaces=\"git,file\",\
             Valid-After=20260101,valid-before=\"202603031200Z\" {KEY}\n\"c d@example.com\" {KEY}\n"
        );
        let signers = AllowedSigners::read(&text).unwrap();
        let [tool, person, spaced] = signers.0.as_slice() else { panic!("{signers:?}") };
        assert_eq!((tool.line, tool.principals.as_slice()), (3, &["orgtrail@*".to_owned()][..]));
        assert!(tool.is_for("orgtrail@org.invalid") && tool.is_for_commits() && !tool.is_for("uma@org.invalid"));
        assert_eq!(person.namespaces.as_deref(), Some(&["git".to_owned(), "file".to_owned()][..]));
        let at = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
        assert_eq!(person.valid_after, at("2026-01-01T00:00:00Z"));
        assert_eq!(person.valid_before, at("2026-03-03T12:00:00Z"));
        assert!(person.is_for("a@example.com") && !person.is_for("b@example.com"));
        assert!(spaced.is_for("c d@example.com"));
        assert!(AllowedSigners::read("\n# none\n").unwrap().is_empty());
    }

    #[test]
    fn what_excepts_comes_before_what_allows() {
        let signers = AllowedSigners::read(&format!("*,!*@example.com namespaces=\"!git,*\" {KEY}")).unwrap();
        assert!(signers.0[0].is_for("a@b") && !signers.0[0].is_for("a@example.com") && !signers.0[0].is_for_commits());
    }

    #[test]
    fn patterns_match_the_whole_text() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*@*.invalid", "orgtrail@x.y.invalid", true),
            ("**a*", "bca", true),
            ("", "a", false),
            ("ab", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_told_at_its_line() {
        let rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDAu7tvIvX6ZHrRXuZNfkR3XLHSsuCK0Zn3X58lxBcQzuM5xZgVd6cvzzZgVd6cvzzZgVd6cvzzZgVd6cvzzZgVd6cvzzZgVd6cvzw==";
        let ecdsa = include_str!("../../tests/fixtures/signing/ecdsa.pub").trim();
        for (line, expected) in [
            (
                "a".to_owned(),
                "line 1: it has no key: expected who may sign, options if any, the kind of key and the key",
            ),
            (
                format!("a cert-authority {KEY}"),
                "line 1: cert-authority is not supported: name the keys themselves, each on a line of its own",
            ),
            (
                format!("a valid-after=2026 {KEY}"),
                "line 1: \"2026\" is no time: expected one such as 20260303 or 20260303120000Z",
            ),
            (
                format!("a valid-before=20261301 {KEY}"),
                "line 1: \"20261301\" is no time: expected one such as 20260303 or 20260303120000Z",
            ),
            (format!("a namespaces {KEY}"), "line 1: namespaces has no value"),
            (
                format!("a verify-required {KEY}"),
                "line 1: \"verify-required\" is neither an option, which are namespaces, valid-after and valid-before, nor a kind of key",
            ),
            (format!("a namespaces=\"git {KEY}"), "line 1: a quote is not closed"),
            (format!(", {KEY}"), "line 1: it names nobody"),
            (
                format!("a {ecdsa}"),
                "line 1: signatures of ecdsa-sha2-nistp256 keys cannot be checked, only those of ed25519 keys",
            ),
            (
                format!("a {}", KEY.replace("AAAAC3", "AAAAC4")),
                "line 1: the key of the kind \"ssh-ed25519\" cannot be read",
            ),
            (format!("a {rsa}"), "line 1: the key of the kind \"ssh-rsa\" cannot be read"),
        ] {
            assert_eq!(problem(&line), expected);
        }
        assert!(problem(&format!("a\nb {KEY}\nc x {KEY}")).contains("; line 3: "));
    }
}
