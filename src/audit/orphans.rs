//! Entities that are meant to be used and that nothing on record uses.
//!
//! Nothing is called an orphan as long as something that could have said otherwise is missing on record: then it is unknown.
//! What is not on record in any organisation, such as a name that a flow looks up while it runs, cannot be told either; the
//! rule says what that may be, and the confidence is the less for it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::graph::{Completeness, Graph, Node};
use super::usage::{Exclusion, Needs, Usage};
use crate::canonical::{Digest, value_of};
use crate::catalogue::Catalogue;
use crate::model::{Actor, DomainId, EntitySource, Evidence, Finding, Severity, Subject, Value};

/// The rule of the finding that it cannot be told which entities of a domain are used.
pub const UNKNOWN: &str = "orphans-unknown";

/// The rule of the finding that an exclusion is about nothing.
pub const UNUSED_EXCLUSION: &str = "orphans-exclusion-unused";

/// Most names that stand in one line of evidence.
const MOST_NAMES: usize = 20;

/// What was found out about all that is meant to be used.
#[derive(Debug)]
pub struct OrphanAudit {
    /// What was found of each rule, in order of domain.
    pub domains: Vec<DomainAudit>,
    /// The exclusions that are about nothing.
    pub unused_exclusions: Vec<Exclusion>,
}

/// What was found of one rule.
#[derive(Debug)]
pub struct DomainAudit {
    /// The id of the rule.
    pub rule: String,
    /// The domain.
    pub domain: DomainId,
    /// How many entities there are.
    pub considered: usize,
    /// How many are used.
    pub used: usize,
    /// How many nobody needs to use, by the reason.
    pub exempt: BTreeMap<String, usize>,
    /// How many are excluded by the configuration, by the reason.
    pub excluded: BTreeMap<String, usize>,
    /// Those that nothing uses.
    pub orphans: Vec<Node>,
    /// Those of which it cannot be told.
    pub unknown: Vec<Node>,
    /// Where it would be said that one is used.
    pub sources: Vec<Source>,
}

/// A domain in which it would be said that an entity is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The domain.
    pub domain: DomainId,
    /// How much of it is on record.
    pub completeness: Completeness,
}

/// When an entity was last changed, as far as a history goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastChange {
    /// When, RFC 3339; of an entity that was there from the first capture on, when that was.
    pub at: String,
    /// Whether it is as it was when it was first recorded, which may be long after it was made.
    pub is_as_first_recorded: bool,
    /// Who it was, as far as it is known.
    pub actors: Vec<Actor>,
}

/// What is taken for old.
#[derive(Clone, Copy, Debug)]
pub struct Ages {
    /// The present.
    pub now: DateTime<Utc>,
    /// How long something has to be as it is before it is recommended for deletion.
    pub review_after: TimeDelta,
}

/// Looks at everything that is meant to be used.
#[must_use]
pub fn orphans(graph: &Graph, usages: &[Usage], exclusions: &[Exclusion], entities: &dyn EntitySource) -> OrphanAudit {
    let mut matched = BTreeSet::new();
    let mut domains: Vec<DomainAudit> =
        usages.iter().map(|usage| look_at(graph, usage, exclusions, entities, &mut matched)).collect();
    domains.sort_by(|left, right| (&left.domain, &left.rule).cmp(&(&right.domain, &right.rule)));
    let unused = exclusions.iter().enumerate().filter(|(index, _)| !matched.contains(index));
    OrphanAudit { domains, unused_exclusions: unused.map(|(_, exclusion)| exclusion.clone()).collect() }
}

fn look_at(
    graph: &Graph,
    usage: &Usage,
    exclusions: &[Exclusion],
    entities: &dyn EntitySource,
    matched: &mut BTreeSet<usize>,
) -> DomainAudit {
    let of = |domain: &DomainId| Source { domain: domain.clone(), completeness: graph.completeness(domain) };
    let sources: Vec<Source> = usage.sources(graph).into_iter().map(of).collect();
    // An entity of a domain that is not known whole may itself be gone.
    let is_known =
        sources.iter().all(|source| source.completeness.is_known()) && graph.completeness(&usage.domain).is_known();
    let mut audit = DomainAudit {
        rule: usage.rule.clone(),
        domain: usage.domain.clone(),
        considered: 0,
        used: 0,
        exempt: BTreeMap::new(),
        excluded: BTreeMap::new(),
        orphans: Vec::new(),
        unknown: Vec::new(),
        sources,
    };
    let by_strangers: BTreeSet<Node> =
        graph.unresolved().iter().filter(|one| one.is_user).map(|one| one.from).collect();
    for node in graph.nodes_of(&usage.domain) {
        audit.considered += 1;
        let is_used = match usage.needs {
            Needs::UsedBy => {
                by_strangers.contains(&node)
                    || graph.used_by(node).any(|link| link.from != node && usage.is_met_by(link.kind))
            }
            Needs::Uses => graph.uses(node).any(|link| link.to != node && usage.is_met_by(link.kind)),
        };
        if is_used {
            audit.used += 1;
            continue;
        }
        let key = graph.key(node);
        let text = entities.entity(&usage.domain, key);
        if let Some(why) = text.as_ref().and_then(|text| usage.exemption(key, &value_of(text))) {
            *audit.exempt.entry(why.to_owned()).or_default() += 1;
            continue;
        }
        let covers = |(_, exclusion): &(usize, &Exclusion)| exclusion.covers(&usage.domain, key, graph.name(node));
        if let Some((index, exclusion)) = exclusions.iter().enumerate().find(covers) {
            matched.insert(index);
            *audit.excluded.entry(exclusion.reason.clone()).or_default() += 1;
            continue;
        }
        if is_known { audit.orphans.push(node) } else { audit.unknown.push(node) }
    }
    audit
}

impl OrphanAudit {
    /// The entities that nothing uses, in order.
    pub fn found(&self) -> impl Iterator<Item = Node> {
        self.domains.iter().flat_map(|domain| domain.orphans.iter().copied())
    }

    /// What a person should look at: a finding for each orphan, for each domain of which it cannot be told, and for each exclusion
    /// that is about nothing.
    #[must_use]
    pub fn findings(
        &self,
        graph: &Graph,
        catalogue: &Catalogue,
        usages: &[Usage],
        entities: &dyn EntitySource,
        last: &BTreeMap<Node, LastChange>,
        ages: Ages,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        for audit in &self.domains {
            let Some(usage) = usages.iter().find(|usage| usage.rule == audit.rule) else { continue };
            let telling = Telling { graph, catalogue, usage, audit, entities, ages };
            findings.extend(audit.orphans.iter().map(|node| telling.orphan(*node, last.get(node))));
            findings.extend(telling.unknown());
        }
        findings.extend(self.unused_exclusions.iter().map(unused_exclusion));
        findings
    }
}

/// How long something has been as it is.
fn age(last: Option<&LastChange>, now: DateTime<Utc>) -> Option<TimeDelta> {
    let at = DateTime::parse_from_rfc3339(&last?.at).ok()?;
    Some(now - at.to_utc())
}

/// Whether something has been as it is for so long that nobody is at work on it.
#[must_use]
pub fn is_old(last: Option<&LastChange>, ages: Ages) -> bool {
    age(last, ages.now).is_some_and(|age| age >= ages.review_after)
}

struct Telling<'t> {
    graph: &'t Graph,
    catalogue: &'t Catalogue,
    usage: &'t Usage,
    audit: &'t DomainAudit,
    entities: &'t dyn EntitySource,
    ages: Ages,
}

impl Telling<'_> {
    fn orphan(&self, node: Node, last: Option<&LastChange>) -> Finding {
        let (graph, usage) = (self.graph, self.usage);
        let name = graph.name(node).map(ToOwned::to_owned);
        let mut evidence = vec![Evidence::new("looked in", self.sources())];
        evidence.extend(self.version(node).map(|version| Evidence::new("version", version)));
        let linked = |path: &str| {
            let to = graph.uses(node).filter(|link| link.kind.path == path).map(|link| called(graph, link.to));
            let to: Vec<String> = to.collect();
            (!to.is_empty()).then(|| some_of(&to))
        };
        evidence.extend(linked("division").map(|division| Evidence::new("division", division)));
        let owner = usage.owner.as_deref().and_then(linked);
        evidence.extend(owner.map(|owner| Evidence::new("owner", owner)));
        evidence.push(Evidence::new("last changed", self.last_changed(last)));
        evidence.extend(usage.may_be_used_by.iter().map(|one| Evidence::new("may still be used by", one.clone())));
        evidence.push(Evidence::new("confidence", self.confidence(last)));
        let what = usage.about.trim_end_matches('.');
        let what = what.strip_prefix("A ").map_or_else(|| what.to_owned(), |rest| format!("a {rest}"));
        Finding {
            rule: usage.rule.clone(),
            severity: usage.severity,
            message: format!("{} is {what}", name.as_deref().unwrap_or(graph.key(node).as_str())),
            remedy: self.remedy(last),
            evidence,
            actors: last.map(|last| last.actors.clone()).unwrap_or_default(),
            place: None,
            fingerprint: fingerprint(&[&usage.rule, usage.domain.as_str(), graph.key(node).as_str()]),
            subject: Subject::Entity { domain: usage.domain.clone(), key: graph.key(node).clone(), name, path: None },
            acknowledged: None,
        }
    }

    /// The one finding for all entities of the domain of which it cannot be told.
    fn unknown(&self) -> Option<Finding> {
        let unknown = &self.audit.unknown;
        if unknown.is_empty() {
            return None;
        }
        let own =
            Source { domain: self.usage.domain.clone(), completeness: self.graph.completeness(&self.usage.domain) };
        let missing = self.audit.sources.iter().chain([&own]).filter(|source| !source.completeness.is_known());
        let missing: BTreeMap<&DomainId, String> =
            missing.map(|source| (&source.domain, source.completeness.in_words())).collect();
        let missing: Vec<String> = missing.into_iter().map(|(domain, why)| format!("{domain} ({why})")).collect();
        let names: Vec<String> = unknown.iter().map(|node| called(self.graph, *node)).collect();
        let count = unknown.len();
        let message = match count {
            1 => format!("Of 1 entity of {} it cannot be told whether it is used", self.usage.domain),
            count => format!("Of {count} entities of {} it cannot be told whether they are used", self.usage.domain),
        };
        Some(Finding {
            rule: UNKNOWN.to_owned(),
            severity: Severity::Low,
            subject: Subject::Domain(self.usage.domain.clone()),
            message,
            remedy: "Have the domains captured that are missing: `orgtrail doctor` says which permissions they need, \
                     `orgtrail snapshot --tier deep` captures those that are not in every run."
                .to_owned(),
            evidence: vec![
                Evidence::new("missing", missing.join(", ")),
                Evidence::new("without a use on record", some_of(&names)),
                Evidence::new("looked for", self.usage.rule.clone()),
            ],
            actors: Vec::new(),
            place: None,
            fingerprint: fingerprint(&[UNKNOWN, self.usage.domain.as_str(), &self.usage.rule]),
            acknowledged: None,
        })
    }

    /// Where it was looked, and how much is known of each place.
    fn sources(&self) -> String {
        let told = |source: &Source| {
            let parts = self.catalogue.get(&source.domain).is_some_and(|domain| !domain.source.stamp.is_empty());
            let note = if parts { ", of each entity the version on record" } else { "" };
            format!("{} ({}{note})", source.domain, source.completeness.in_words())
        };
        let told: Vec<String> = self.audit.sources.iter().map(told).collect();
        told.join(", ")
    }

    /// The version of an entity that is in production, where its domain has such a thing.
    fn version(&self, node: Node) -> Option<String> {
        let live = self.catalogue.get(&self.usage.domain)?.identity.live.as_ref()?;
        let text = self.entities.entity(&self.usage.domain, self.graph.key(node))?;
        let body = value_of(&text);
        let version = live.find(&body)?;
        version.get("id").unwrap_or(version).as_str().map(ToOwned::to_owned).or_else(|| {
            let version = version.get("version")?;
            Value::as_str(version).map(ToOwned::to_owned)
        })
    }

    fn last_changed(&self, last: Option<&LastChange>) -> String {
        let Some(known) = last else { return "not known: the history on record does not go back so far".to_owned() };
        let days = age(last, self.ages.now).map_or(0, |age| age.num_days().max(0));
        let ago = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        if known.is_as_first_recorded {
            return format!("not since it was first recorded at {}, {ago} ago", known.at);
        }
        format!("at {}, {ago} ago", known.at)
    }

    fn confidence(&self, last: Option<&LastChange>) -> &'static str {
        match (self.usage.may_be_used_by.is_empty(), is_old(last, self.ages)) {
            (true, true) => "high",
            (true, false) | (false, true) => "medium",
            (false, false) => "low",
        }
    }

    fn remedy(&self, last: Option<&LastChange>) -> String {
        if is_old(last, self.ages) {
            return self.usage.remedy.clone();
        }
        let days = self.ages.review_after.num_days();
        format!(
            "Wait until it has been as it is for {days} days: somebody may be at work on it. Then: {}",
            self.usage.remedy
        )
    }
}

fn unused_exclusion(exclusion: &Exclusion) -> Finding {
    Finding {
        rule: UNUSED_EXCLUSION.to_owned(),
        severity: Severity::Low,
        subject: Subject::Trail,
        message: format!("The exclusion {} is about nothing that would be found", exclusion.entity),
        remedy: "Take it out of `[orphans] exclude`.".to_owned(),
        evidence: vec![Evidence::new("reason", exclusion.reason.clone())],
        actors: Vec::new(),
        place: None,
        fingerprint: fingerprint(&[UNUSED_EXCLUSION, &exclusion.entity]),
        acknowledged: None,
    }
}

/// What an entity is called where one is told among others.
pub(super) fn called(graph: &Graph, node: Node) -> String {
    graph.name(node).unwrap_or(graph.key(node).as_str()).to_owned()
}

/// Some names in a line, with how many are left out.
pub(super) fn some_of(names: &[String]) -> String {
    let shown = names.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST_NAMES) {
        0 => shown,
        more => format!("{shown} … and {more} more"),
    }
}

/// What stays the same as long as it is the same finding.
pub(super) fn fingerprint(parts: &[&str]) -> String {
    Digest::of(serde_json::to_string(parts).unwrap_or_default().as_bytes()).short()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
