//! Where ends are written, and what is found there.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::Deserialize;

use super::certificate::{CertificateEnd, certificates};
use crate::canonical::{Digest, canonical_text, value_of};
use crate::catalogue::{Domain, FieldPath};
use crate::model::{DomainId, DomainSnapshot, EntityKey, Evidence, Finding, Severity, Subject, Value};

/// A time is soon within this part of what is looked ahead.
const SOON: i32 = 4;

/// Most places that are named where something stands in several.
const NAMED: usize = 10;

/// Where ends are written.
#[derive(Debug)]
pub struct Ends(Vec<End>);

/// A file of ends that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndsError {
    /// It is no TOML, or has other members.
    #[error("the ends cannot be read: {0}")]
    Malformed(String),
    /// A text is no glob.
    #[error("the ends cannot be read: {0:?} is no glob")]
    Glob(String),
}

/// What is found at rest, domain by domain.
#[derive(Debug)]
pub struct Expiring<'e> {
    ends: &'e Ends,
    now: DateTime<Utc>,
    within: TimeDelta,
    /// By rule and by what it is that ends.
    found: BTreeMap<(usize, String), Found>,
}

#[derive(Debug)]
struct End {
    id: String,
    domains: GlobSet,
    paths: Vec<FieldPath>,
    written: Written,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    end: Vec<Written>,
}

/// An end as the file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    domains: Vec<String>,
    paths: Vec<String>,
    holds: Holds,
    expired: Severity,
    soon: Severity,
    later: Severity,
    what: String,
    remedy: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Holds {
    Certificate,
    Instant,
}

/// Something that ends, or that could not be read.
#[derive(Debug)]
struct Found {
    at: Option<DateTime<Utc>>,
    evidence: Vec<Evidence>,
    /// Where it stands: domain, key, name and path.
    places: Vec<Place>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    domain: DomainId,
    key: EntityKey,
    name: Option<String>,
    path: String,
}

impl Ends {
    /// Reads a file of ends.
    ///
    /// # Errors
    /// [`EndsError`] for a file that is not one.
    pub fn read(text: &str) -> Result<Self, EndsError> {
        let file: File = toml::from_str(text).map_err(|error| EndsError::Malformed(error.message().to_owned()))?;
        let end = |written: Written| {
            let mut globs = GlobSetBuilder::new();
            for glob in &written.domains {
                globs.add(Glob::new(glob).map_err(|_| EndsError::Glob(glob.clone()))?);
            }
            let domains = globs.build().map_err(|error| EndsError::Malformed(error.to_string()))?;
            let paths = written.paths.iter().map(|path| FieldPath::parse(path)).collect();
            Ok(End { id: written.id.clone(), domains, paths, written })
        };
        file.end.into_iter().map(end).collect::<Result<_, _>>().map(Self)
    }

    /// Whether anything of a domain ends.
    #[must_use]
    pub fn concern(&self, domain: &DomainId) -> bool {
        self.0.iter().any(|end| end.domains.is_match(domain.as_str()))
    }

    /// The places of a domain that say when something ends.
    #[must_use]
    pub fn paths(&self, domain: &DomainId) -> Vec<&FieldPath> {
        let own = self.0.iter().filter(|end| end.domains.is_match(domain.as_str()));
        own.flat_map(|end| &end.paths).collect()
    }

    /// Looks for what is over at an instant, or will be within a time from then.
    #[must_use]
    pub fn at(&self, now: DateTime<Utc>, within: Duration) -> Expiring<'_> {
        let within = TimeDelta::from_std(within).unwrap_or(TimeDelta::MAX);
        Expiring { ends: self, now, within, found: BTreeMap::new() }
    }
}

impl Expiring<'_> {
    /// Looks at the entities of a domain.
    pub fn look_at(&mut self, domain: &Domain, content: &DomainSnapshot) {
        for (index, end) in self.ends.0.iter().enumerate() {
            if !end.domains.is_match(domain.id.as_str()) {
                continue;
            }
            for (key, text) in &content.entities {
                let entity = value_of(text);
                let name = domain.identity.name.as_ref().and_then(|path| path.find(&entity)).and_then(Value::as_str);
                for path in &end.paths {
                    let place = Place {
                        domain: domain.id.clone(),
                        key: key.clone(),
                        name: name.map(ToOwned::to_owned),
                        path: path.to_string(),
                    };
                    for text in path.find_all(&entity).into_iter().filter_map(Value::as_str) {
                        self.take(index, end.written.holds, text, &place);
                    }
                }
            }
        }
    }

    fn take(&mut self, end: usize, holds: Holds, text: &str, place: &Place) {
        match holds {
            // A place that is left empty ends nothing.
            _ if text.trim().is_empty() => {}
            Holds::Certificate => match certificates(text) {
                Some(certificates) => {
                    for certificate in certificates {
                        let id = certificate.digest.to_string();
                        self.add(end, id, Some(certificate.not_after), || shown(&certificate), place);
                    }
                }
                None => self.unread(end, text, "certificate", place),
            },
            Holds::Instant => match DateTime::parse_from_rfc3339(text) {
                Ok(at) => {
                    // The same instant elsewhere is another end.
                    let id = format!("{} {} {} {text}", place.domain, place.key, place.path);
                    self.add(end, id, Some(at.to_utc()), Vec::new, place);
                }
                Err(_) => self.unread(end, text, "instant", place),
            },
        }
    }

    fn unread(&mut self, end: usize, text: &str, expected: &str, place: &Place) {
        let id = format!("unread {} {} {}", place.domain, place.key, Digest::of(text.as_bytes()));
        self.add(end, id, None, || vec![Evidence::new("expected", format!("{expected} at {}", place.path))], place);
    }

    fn add(
        &mut self,
        end: usize,
        id: String,
        at: Option<DateTime<Utc>>,
        evidence: impl FnOnce() -> Vec<Evidence>,
        place: &Place,
    ) {
        let found =
            self.found.entry((end, id)).or_insert_with(|| Found { at, evidence: evidence(), places: Vec::new() });
        if !found.places.contains(place) {
            found.places.push(place.clone());
        }
    }

    /// What was found, the worst first, and of that what ends first.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<(Option<DateTime<Utc>>, Finding)> = self
            .found
            .iter()
            .filter_map(|((end, id), found)| Some((found.at, self.finding(&self.ends.0[*end], id, found)?)))
            .collect();
        findings.sort_by(|(one_at, one), (other_at, other)| {
            let order = other.severity.cmp(&one.severity).then(one_at.cmp(other_at));
            order.then_with(|| one.fingerprint.cmp(&other.fingerprint))
        });
        findings.into_iter().map(|(_, finding)| finding).collect()
    }

    fn finding(&self, end: &End, id: &str, found: &Found) -> Option<Finding> {
        let place = found.places.first()?;
        let called = place.name.clone().unwrap_or_else(|| place.key.to_string());
        let what = end.written.what.replace("{name}", &called);
        let (rule, severity, message, remedy) = match found.at {
            None => (
                format!("{}-unreadable", end.id),
                Severity::Low,
                format!("{what} cannot be read, so when it is over is not known"),
                "Look at it in the organisation.".to_owned(),
            ),
            Some(at) => {
                let left = at - self.now;
                let (word, severity) = match left {
                    left if left < TimeDelta::zero() => ("expired", end.written.expired),
                    left if left <= self.within / SOON => ("expires", end.written.soon),
                    left if left <= self.within => ("expires", end.written.later),
                    _ => return None,
                };
                let message = format!("{what} {word} on {} ({})", at.format("%Y-%m-%d"), distance(left));
                (format!("{}-{word}", end.id), severity, message, end.written.remedy.replace("{name}", &called))
            }
        };
        let mut evidence: Vec<Evidence> = found
            .at
            .map(|at| Evidence::new("until", at.to_rfc3339_opts(SecondsFormat::Secs, true)))
            .into_iter()
            .chain(found.evidence.iter().cloned())
            .collect();
        let others = &found.places[1..];
        for other in others.iter().take(NAMED) {
            evidence.push(Evidence::new("also at", format!("{}/{} {}", other.domain, other.key, other.path)));
        }
        if others.len() > NAMED {
            evidence.push(Evidence::new("also at", format!("… and {} more places", others.len() - NAMED)));
        }
        let list = [rule.as_str(), id].map(|text| canonical_text(&Value::from(text.to_owned())).as_str().to_owned());
        Some(Finding {
            fingerprint: Digest::of(format!("[{}]", list.join(",")).as_bytes()).short(),
            rule,
            severity,
            subject: Subject::Entity {
                domain: place.domain.clone(),
                key: place.key.clone(),
                name: place.name.clone(),
                path: None,
            },
            message,
            remedy,
            evidence,
            actors: Vec::new(),
            place: None,
            acknowledged: None,
        })
    }
}

fn shown(certificate: &CertificateEnd) -> Vec<Evidence> {
    vec![
        Evidence::new("subject", certificate.subject.clone()),
        Evidence::new("issuer", certificate.issuer.clone()),
        Evidence::new("serial", certificate.serial.clone()),
        Evidence::new("sha256", certificate.digest.to_string()),
    ]
}

/// How far away something is, in whole days.
fn distance(left: TimeDelta) -> String {
    let days = |count: i64| if count == 1 { "1 day".to_owned() } else { format!("{count} days") };
    match left.num_days() {
        0 if left < TimeDelta::zero() => "less than a day ago".to_owned(),
        0 => "in less than a day".to_owned(),
        past if past < 0 => format!("{} ago", days(-past)),
        coming => format!("in {}", days(coming)),
    }
}
