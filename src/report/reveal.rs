//! Secrets that were opened: for people, and `schemas/output/reveal.v1.json`.

use std::io::{self, Write};

use secrecy::{ExposeSecret, SecretString};

use super::change_set::Endpoint;
use super::json::write_document;
use super::markdown::{cell, prose};
use super::moment::Subject;
use super::notes::short_commit;
use super::shown::visible;
use super::style::Style;
use crate::model::Pointer;

/// The secrets of an entity in one state, or in two.
#[derive(Debug)]
pub struct Revealed {
    /// The entity.
    pub subject: Subject,
    /// The earlier state, where two are compared.
    pub before: Option<Endpoint>,
    /// The state.
    pub after: Endpoint,
    /// The secrets, in order of place.
    pub secrets: Vec<RevealedSecret>,
}

/// A secret.
#[derive(Debug)]
pub struct RevealedSecret {
    /// Its place in the entity.
    pub path: Pointer,
    /// What it was in the earlier state.
    pub before: Option<RevealedSide>,
    /// What it is in the state.
    pub after: Option<RevealedSide>,
}

/// A secret in one state.
#[derive(Debug)]
pub struct RevealedSide {
    /// What stands in its place.
    pub fingerprint: String,
    /// What came of it.
    pub opening: Opening,
}

/// What came of opening a sealed value.
#[derive(Debug)]
pub enum Opening {
    /// It is open.
    Open {
        /// The value as canonical JSON.
        value: SecretString,
        /// When it was seen first, RFC 3339.
        seen_at: String,
        /// Whether it is known to be what stood there.
        proof: Proof,
    },
    /// Nothing was ever sealed.
    NothingSealed,
    /// This value was not.
    NotSealed,
    /// It was not, and the secrets key was another one.
    OtherSecretsKey,
    /// It was sealed, and erased.
    Erased,
    /// It was sealed to others.
    OtherRecipients,
    /// It cannot be read.
    Damaged,
    /// It is the value of another fingerprint.
    Foreign,
}

/// Whether an opened value is known to be what its fingerprint was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The fingerprint was made of it.
    Matches,
    /// The fingerprint was made with another secrets key than the one at hand.
    OtherKey,
    /// The secrets key is not at hand.
    NoKey,
}

impl RevealedSecret {
    /// What it was and what it is.
    pub fn sides(&self) -> impl Iterator<Item = &RevealedSide> {
        self.before.iter().chain(&self.after)
    }
}

impl Opening {
    /// Whether there is a value.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    /// What came of it, in words; never the value.
    #[must_use]
    pub fn in_words(&self) -> &'static str {
        match self {
            Self::Open { .. } => "it is open",
            Self::NothingSealed => "nothing is sealed in this trail",
            Self::NotSealed => {
                "it was not sealed: there were no recipients while it was on record, or the seal is not here"
            }
            Self::OtherSecretsKey => {
                "it was not sealed, and its fingerprint is of a secrets key that was replaced since"
            }
            Self::Erased => "it was sealed, and erased",
            Self::OtherRecipients => "it was sealed to other recipients",
            Self::Damaged => "the seal is damaged, or something else than orgtrail made it",
            Self::Foreign => "what is sealed there is the value of another fingerprint: somebody put it there",
        }
    }

    /// The word for it in documents.
    fn as_str(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::NothingSealed => "nothing-sealed",
            Self::NotSealed => "not-sealed",
            Self::OtherSecretsKey => "other-secrets-key",
            Self::Erased => "erased",
            Self::OtherRecipients => "other-recipients",
            Self::Damaged => "damaged",
            Self::Foreign => "foreign",
        }
    }
}

impl Proof {
    /// The word for it in documents.
    fn as_str(self) -> &'static str {
        match self {
            Self::Matches => "matches",
            Self::OtherKey => "other-key",
            Self::NoKey => "no-key",
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Matches => "",
            Self::OtherKey => ", not checked: its fingerprint is of another secrets key",
            Self::NoKey => ", not checked: the secrets key is not here",
        }
    }
}

/// Writes places and values as JSON, one under the other.
pub fn render_text(revealed: &Revealed, style: Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", style.heading(&revealed.subject.line()))?;
    writeln!(out, "{}", states(revealed))?;
    for secret in &revealed.secrets {
        writeln!(out, "\n{}", visible(secret.path.as_str()))?;
        let marks = [("-", &secret.before), ("+", &secret.after)];
        for (mark, side) in marks {
            let Some(RevealedSide { opening, .. }) = side else { continue };
            let mark = if revealed.before.is_some() { mark } else { " " };
            match opening {
                Opening::Open { value, seen_at, proof } => {
                    writeln!(out, "  {mark} {}", visible(value.expose_secret()))?;
                    writeln!(out, "    first seen {}{}", visible(seen_at), proof.in_words())?;
                }
                closed => writeln!(out, "  {mark} ({})", closed.in_words())?,
            }
        }
    }
    Ok(())
}

/// Writes a table of places and values.
pub fn render_markdown(revealed: &Revealed, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## {}\n\n{}\n", prose(&revealed.subject.line()), prose(&states(revealed)))?;
    let shown = |side: &Option<RevealedSide>| match side.as_ref().map(|side| &side.opening) {
        None => String::new(),
        Some(Opening::Open { value, proof, .. }) => {
            format!("{}{}", cell(value.expose_secret()), proof.in_words())
        }
        Some(closed) => format!("({})", closed.in_words()),
    };
    writeln!(out, "| Path | Before | After |\n|---|---|---|")?;
    for secret in &revealed.secrets {
        let path = cell(secret.path.as_str());
        writeln!(out, "| {path} | {} | {} |", shown(&secret.before), shown(&secret.after))?;
    }
    Ok(())
}

/// Writes the document, indented, with a final newline.
pub fn render_json(revealed: &Revealed, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Revealed::from(revealed), out)
}

fn states(revealed: &Revealed) -> String {
    let state = |endpoint: &Endpoint| {
        let commit = endpoint.commit.as_deref().map(short_commit).unwrap_or_default();
        format!("{commit} ({})", endpoint.taken_at)
    };
    match &revealed.before {
        None => format!("at {}", state(&revealed.after)),
        Some(before) => format!("from {} to {}", state(before), state(&revealed.after)),
    }
}

/// Forms of documents.
mod v1 {
    use secrecy::ExposeSecret;
    use serde::Serialize;
    use serde_json::value::RawValue;

    use crate::model::Pointer;
    use crate::report::json::v1::Endpoint;
    use crate::report::moment::v1::Subject;

    #[derive(Serialize)]
    pub(super) struct Revealed<'r> {
        schema_version: u32,
        subject: Subject<'r>,
        from: Option<Endpoint<'r>>,
        to: Endpoint<'r>,
        secrets: Vec<Secret<'r>>,
    }

    #[derive(Serialize)]
    struct Secret<'r> {
        path: &'r Pointer,
        before: Option<Side<'r>>,
        after: Option<Side<'r>>,
    }

    #[derive(Serialize)]
    struct Side<'r> {
        fingerprint: &'r str,
        outcome: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<&'r RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        seen_at: Option<&'r str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        proof: Option<&'static str>,
    }

    impl<'r> From<&'r super::Revealed> for Revealed<'r> {
        fn from(revealed: &'r super::Revealed) -> Self {
            let secret = |secret: &'r super::RevealedSecret| Secret {
                path: &secret.path,
                before: secret.before.as_ref().map(Side::from),
                after: secret.after.as_ref().map(Side::from),
            };
            Self {
                schema_version: 1,
                subject: Subject::from(&revealed.subject),
                from: revealed.before.as_ref().map(Endpoint::from),
                to: Endpoint::from(&revealed.after),
                secrets: revealed.secrets.iter().map(secret).collect(),
            }
        }
    }

    impl<'r> From<&'r super::RevealedSide> for Side<'r> {
        fn from(side: &'r super::RevealedSide) -> Self {
            let (value, seen_at, proof) = match &side.opening {
                super::Opening::Open { value, seen_at, proof } => {
                    // A canonical text is JSON.
                    let value = serde_json::from_str(value.expose_secret()).ok();
                    (value, Some(seen_at.as_str()), Some(proof.as_str()))
                }
                _ => (None, None, None),
            };
            Self { fingerprint: &side.fingerprint, outcome: side.opening.as_str(), value, seen_at, proof }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::model::EntityKey;

    /// Before, a value that is no friend of terminals and tables; after, one that cannot be opened.
    fn revealed() -> Revealed {
        let endpoint =
            |digit: &str| Endpoint { commit: Some(digit.repeat(40)), taken_at: "2026-03-02T08:00:00Z".to_owned() };
        let side = |opening| Some(RevealedSide { fingerprint: "hmac-sha256:12".to_owned(), opening });
        let open = Opening::Open {
            value: SecretString::from("\"a|b\u{202e}`<img>`\"".to_owned()),
            seen_at: "2026-03-01T08:00:00Z".to_owned(),
            proof: Proof::NoKey,
        };
        Revealed {
            subject: Subject {
                domain: "oauth.clients".parse().unwrap(),
                key: Some(EntityKey::new("c1")),
                name: Some("CRM".to_owned()),
            },
            before: Some(endpoint("a")),
            after: endpoint("b"),
            secrets: vec![RevealedSecret {
                path: Pointer::from_text("/secret"),
                before: side(open),
                after: side(Opening::OtherRecipients),
            }],
        }
    }

    #[test]
    fn every_format_says_the_value_why_there_is_none_and_what_was_not_checked() {
        let write = |render: &dyn Fn(&mut dyn Write) -> io::Result<()>| {
            let mut out = Vec::new();
            render(&mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let revealed = revealed();
        let text = write(&|out| render_text(&revealed, Style::Plain, out));
        insta::assert_snapshot!(text);
        insta::assert_snapshot!(write(&|out| render_markdown(&revealed, out)));
        insta::assert_snapshot!(write(&|out| render_json(&revealed, out)));
        assert!(!format!("{revealed:?}").contains("img"));
    }
}
