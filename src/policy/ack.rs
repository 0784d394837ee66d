//! Acknowledgements: findings that somebody has seen and lets stay until a day, in files that are reviewed like everything else.
//!
//! An acknowledgement hides nothing: what it is about is counted and told apart, and no longer asks for a decision. It names one
//! finding by its fingerprint, or all that a rule finds in a place, and has an owner, a reason and a last day.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use globset::GlobMatcher;
use serde::Deserialize;
use toml::Spanned;

use super::load::RuleProblem;
use crate::canonical::Digest;
use crate::model::{Acknowledged, Evidence, Finding, Place, Pointer, PointerGlob, Severity, Subject};

/// The rule of a finding that an acknowledgement is past its last day.
pub const EXPIRED: &str = "ack-expired";

/// The rule of a finding that an acknowledgement is about nothing.
pub const UNUSED: &str = "ack-unused";

/// The acknowledgements of a trail.
#[derive(Debug, Default)]
pub struct Acks(Vec<Ack>);

/// One acknowledgement.
#[derive(Debug)]
struct Ack {
    place: Place,
    what: What,
    expires: NaiveDate,
    acknowledged: Acknowledged,
}

/// What an acknowledgement is about.
#[derive(Debug)]
enum What {
    Fingerprint(String),
    Rule(Box<Pattern>),
}

/// What a rule finds in a place.
#[derive(Debug)]
struct Pattern {
    rule: String,
    domain: Option<GlobMatcher>,
    entity: Option<GlobMatcher>,
    path: Option<PointerGlob>,
}

/// What there is to acknowledge.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'c> {
    /// Its fingerprint.
    pub fingerprint: &'c str,
    /// Its rule.
    pub rule: &'c str,
    /// Its domain, where it is in one.
    pub domain: Option<&'c str>,
    /// The key and the name of its entity.
    pub entity: [Option<&'c str>; 2],
    /// The place in the entity.
    pub path: Option<&'c Pointer>,
}

/// What acknowledgements have to do with some candidates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// What is acknowledged, by fingerprint.
    pub acknowledged: BTreeMap<String, Acknowledged>,
    /// Positions of the acknowledgements that are about something, expired or not.
    used: BTreeSet<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    ack: Vec<Spanned<toml::Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAck {
    fingerprint: Option<String>,
    rule: Option<String>,
    domain: Option<String>,
    entity: Option<String>,
    path: Option<String>,
    owner: String,
    reason: String,
    ticket: Option<String>,
    expires: toml::value::Datetime,
}

impl Acks {
    /// Reads the files of a trail, each with its path.
    ///
    /// # Errors
    /// Every acknowledgement that cannot be used, at its place.
    pub fn read(files: &[(String, String)]) -> Result<Self, Vec<RuleProblem>> {
        let (mut acks, mut problems) = (Vec::new(), Vec::new());
        for (file, text) in files {
            let problem = |line: usize, problem: String| RuleProblem {
                file: file.clone(),
                line: Some(line),
                rule: None,
                problem,
            };
            let raw: RawFile = match toml::from_str(text) {
                Ok(raw) => raw,
                Err(error) => {
                    let line = error.span().map_or(1, |span| line_at(text, span.start));
                    problems.push(problem(line, error.message().to_owned()));
                    continue;
                }
            };
            for table in raw.ack {
                let line = line_at(text, table.span().start);
                let read = RawAck::deserialize(table.into_inner()).map_err(|error| vec![error.message().to_owned()]);
                let place = Place { file: file.clone(), line: u32::try_from(line).unwrap_or(u32::MAX), column: 1 };
                match read.and_then(|raw| raw.into_ack(place)) {
                    Ok(ack) => acks.push(ack),
                    Err(found) => problems.extend(found.into_iter().map(|found| problem(line, found))),
                }
            }
        }
        if problems.is_empty() { Ok(Self(acks)) } else { Err(problems) }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What of some candidates is acknowledged on a day.
    #[must_use]
    pub fn matching<'c>(&self, candidates: impl IntoIterator<Item = Candidate<'c>>, today: NaiveDate) -> Matched {
        let mut matched = Matched::default();
        for candidate in candidates {
            for (index, ack) in self.0.iter().enumerate().filter(|(_, ack)| ack.what.is(&candidate)) {
                matched.used.insert(index);
                if today <= ack.expires {
                    let known = matched.acknowledged.entry(candidate.fingerprint.to_owned());
                    known.or_insert_with(|| ack.acknowledged.clone());
                }
            }
        }
        matched
    }

    /// What is wrong with the acknowledgements themselves: those past their last day that are still about something, and those
    /// that are about nothing.
    #[must_use]
    pub fn findings(&self, matched: &Matched, today: NaiveDate) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (index, ack) in self.0.iter().enumerate() {
            let (is_used, is_expired) = (matched.used.contains(&index), ack.expires < today);
            let about = ack.what.to_string();
            let (rule, severity, message, remedy) = match (is_used, is_expired) {
                (true, true) => (
                    EXPIRED,
                    Severity::Medium,
                    format!("the acknowledgement of {about} ended on {}, and it is still there", ack.expires),
                    "Mend what was found, or have its owner give a new day.",
                ),
                (false, _) => (
                    UNUSED,
                    Severity::Low,
                    format!("the acknowledgement of {about} is about nothing any more"),
                    "Remove it.",
                ),
                (true, false) => continue,
            };
            let Acknowledged { owner, reason, .. } = &ack.acknowledged;
            findings.push(Finding {
                rule: rule.to_owned(),
                severity,
                subject: Subject::File(ack.place.file.clone()),
                message,
                remedy: remedy.to_owned(),
                evidence: vec![Evidence::new("owner", owner), Evidence::new("reason", reason)],
                actors: Vec::new(),
                place: Some(ack.place.clone()),
                fingerprint: Digest::of(format!("{rule}\n{about}").as_bytes()).short(),
                acknowledged: None,
            });
        }
        findings
    }
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fingerprint(fingerprint) => write!(f, "{fingerprint}"),
            Self::Rule(pattern) => {
                let Pattern { rule, domain, entity, path } = &**pattern;
                write!(f, "{rule}")?;
                for glob in [domain, entity].into_iter().flatten() {
                    write!(f, " {}", glob.glob())?;
                }
                path.as_ref().map_or(Ok(()), |path| write!(f, " {path}"))
            }
        }
    }
}

impl What {
    fn is(&self, candidate: &Candidate<'_>) -> bool {
        match self {
            Self::Fingerprint(fingerprint) => fingerprint == candidate.fingerprint,
            Self::Rule(pattern) => {
                let Pattern { rule, domain, entity, path } = &**pattern;
                *rule == candidate.rule
                    && domain.as_ref().is_none_or(|glob| candidate.domain.is_some_and(|name| glob.is_match(name)))
                    && entity
                        .as_ref()
                        .is_none_or(|glob| candidate.entity.into_iter().flatten().any(|name| glob.is_match(name)))
                    && path.as_ref().is_none_or(|glob| candidate.path.is_some_and(|path| glob.matches(path)))
            }
        }
    }
}

impl RawAck {
    fn into_ack(self, place: Place) -> Result<Ack, Vec<String>> {
        let mut problems = Vec::new();
        let mut glob = |name: &str, pattern: Option<&String>| {
            let compiled = globset::Glob::new(pattern?).map(|glob| glob.compile_matcher());
            compiled.map_err(|error| problems.push(format!("{name}: {}", error.kind()))).ok()
        };
        let (domain, entity) = (glob("domain", self.domain.as_ref()), glob("entity", self.entity.as_ref()));
        let narrows = self.domain.is_some() || self.entity.is_some() || self.path.is_some();
        if let Some(path) = self.path.as_deref().filter(|path| !path.starts_with('/')) {
            problems.push(format!("path: {path:?} does not begin with a slash"));
        }
        let path = self.path.as_deref().map(PointerGlob::new);
        let what = match (self.fingerprint, self.rule) {
            (Some(fingerprint), None) if !narrows => {
                let is_one = fingerprint.len() == 16 && fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit());
                if !is_one {
                    problems.push(format!("fingerprint: {fingerprint:?} is not 16 hex digits"));
                }
                Some(What::Fingerprint(fingerprint.to_ascii_lowercase()))
            }
            (None, Some(rule)) if narrows => Some(What::Rule(Box::new(Pattern { rule, domain, entity, path }))),
            (None, Some(_)) => {
                problems.push("a rule alone is everything it ever finds: add a path, an entity or a domain".to_owned());
                None
            }
            _ => {
                problems.push("it is about either a fingerprint, or a rule and a place".to_owned());
                None
            }
        };
        for (name, text) in [("owner", &self.owner), ("reason", &self.reason)] {
            if text.trim().is_empty() {
                problems.push(format!("{name}: it is empty"));
            }
        }
        let date = self.expires.date.filter(|_| self.expires.time.is_none());
        let expires = date
            .and_then(|date| NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day)));
        if expires.is_none() {
            problems.push("expires: it is no date such as 2027-01-31".to_owned());
        }
        match (what, expires) {
            (Some(what), Some(expires)) if problems.is_empty() => Ok(Ack {
                place,
                what,
                expires,
                acknowledged: Acknowledged {
                    owner: self.owner,
                    reason: self.reason,
                    ticket: self.ticket,
                    until: expires.to_string(),
                },
            }),
            _ => Err(problems),
        }
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const OWNED: &str = "owner = \"ann@example.com\"\nreason = \"CHG-1\"\nexpires = 2026-06-30\n";

    fn read(text: &str) -> Result<Acks, Vec<String>> {
        let files = [("acks/a.toml".to_owned(), text.to_owned())];
        Acks::read(&files).map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// Whether the change of a timeout of a queue is acknowledged, and the rules of what is wrong with the acknowledgement.
    fn matched(what: &str, today: &str) -> (bool, Vec<String>) {
        let path = Pointer::from_text("/acwSettings/timeoutMs");
        let candidate = Candidate {
            fingerprint: "00000000000000ab",
            rule: "queue-routing",
            domain: Some("routing.queues"),
            entity: [Some("q1"), Some("Support EN")],
            path: Some(&path),
        };
        let acks = read(&format!("[[ack]]\n{what}\n{OWNED}")).unwrap();
        let matched = acks.matching([candidate], day(today));
        let findings = acks.findings(&matched, day(today));
        (matched.acknowledged.contains_key("00000000000000ab"), findings.into_iter().map(|one| one.rule).collect())
    }

    #[test]
    fn it_is_about_a_fingerprint_or_a_rule_in_a_place() {
        for what in [
            "fingerprint = \"00000000000000AB\"",
            "rule = \"queue-routing\"\npath = \"/acwSettings\"",
            "rule = \"queue-routing\"\nentity = \"Support*\"",
            "rule = \"queue-routing\"\ndomain = \"routing.*\"\nentity = \"q1\"\npath = \"/**/timeoutMs\"",
        ] {
            assert_eq!(matched(what, "2026-06-30"), (true, vec![]), "{what}");
        }
        for what in [
            "fingerprint = \"00000000000000ac\"",
            "rule = \"other\"\npath = \"/acwSettings\"",
            "rule = \"queue-routing\"\npath = \"/name\"",
            "rule = \"queue-routing\"\nentity = \"Sales*\"",
            "rule = \"queue-routing\"\ndomain = \"users.*\"",
        ] {
            assert_eq!(matched(what, "2026-06-30"), (false, vec![UNUSED.to_owned()]), "{what}");
        }
    }

    #[test]
    fn it_ends_after_its_last_day_and_says_so_while_there_is_something_to_say() {
        assert_eq!(matched("fingerprint = \"00000000000000ab\"", "2026-07-01"), (false, vec![EXPIRED.to_owned()]));
        assert_eq!(matched("fingerprint = \"00000000000000ac\"", "2026-07-01"), (false, vec![UNUSED.to_owned()]));
    }

    #[test]
    fn what_cannot_be_used_is_told_at_its_line() {
        let text = format!(
            "[[ack]]\nfingerprint = \"x\"\n{OWNED}\n[[ack]]\nrule = \"r\"\n{OWNED}\n[[ack]]\nfingerprint = \"00000000000000ab\"\nowner = \"a\"\nreason = \" \"\nexpires = 2026-06-30T00:00:00Z\n\n[[ack]]\nrule = \"r\"\npath = \"a\"\nowner = \"a\"\nreason = \"b\"\n\n[[ack]]\n{OWNED}"
        );
        insta::assert_snapshot!(read(&text).unwrap_err().join("\n"), @r#"
        acks/a.toml:1: fingerprint: "x" is not 16 hex digits
        acks/a.toml:7: a rule alone is everything it ever finds: add a path, an entity or a domain
        acks/a.toml:13: reason: it is empty
        acks/a.toml:13: expires: it is no date such as 2027-01-31
        acks/a.toml:19: missing field `expires`
        acks/a.toml:25: it is about either a fingerprint, or a rule and a place
        "#);
        assert_eq!(read("[[ack]]\n[ack").unwrap_err().len(), 1);
    }
}
