//! What does not hold in a state of an organisation, by rules that are data.
//!
//! A rule looks at one entity after the other and at what it has to do with others. What it asks for and the state does not hold
//! whole makes neither a finding nor its absence: that is told apart, as [`Untold`].

mod answers;
mod recurrence;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use self::answers::Answers;
use super::graph::Completeness;
use crate::canonical::{Digest, value_of};
use crate::catalogue::{Catalogue, Domain};
use crate::model::{CanonicalText, DomainId, EntityKey, Evidence, Finding, Subject, Untold, Value};
use crate::policy::{FUNCTIONS, Fact, Facts, LintRule, Names, Production, Subject as Entity, Undecided, fill};
use crate::record::{Archive, ArchiveError, Tree};

/// A state that rules look at.
pub struct Examined<'e, T> {
    /// The domains there are.
    pub catalogue: &'e Catalogue,
    /// The state.
    pub state: &'e Archive<T>,
    /// Which entities are in production.
    pub production: &'e Production,
    /// The instant of the examination.
    pub now: DateTime<Utc>,
}

/// What rules found in a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Linted {
    /// What does not hold.
    pub findings: Vec<Finding>,
    /// What could not be told, in order of rule and domain.
    pub untold: Vec<Untold>,
}

/// Looks at every entity of some domains by the rules that are about it.
///
/// # Errors
/// [`ArchiveError`] where the state cannot be read.
pub fn lint<T: Tree>(
    examined: &Examined<'_, T>,
    rules: &[LintRule],
    domains: &BTreeSet<DomainId>,
) -> Result<Linted, ArchiveError> {
    let Examined { catalogue, state, .. } = examined;
    let names = Names::new(catalogue, *state, *state);
    let answers = Answers::new(catalogue, state);
    let mut examination = Examination { examined, names: &names, answers: &answers, linted: Linted::default() };
    for domain in catalogue.iter().filter(|domain| domains.contains(&domain.id)) {
        let of_domain: Vec<&LintRule> = rules.iter().filter(|rule| rule.is_of_domain(&domain.id)).collect();
        if of_domain.is_empty() {
            continue;
        }
        let completeness = answers.completeness(&domain.id);
        if !completeness.is_known() {
            let reason = missing(&domain.id, completeness);
            let untold = |rule: &LintRule| Untold::of_domain(&rule.id, &domain.id, &reason);
            examination.linted.untold.extend(of_domain.into_iter().map(untold));
            continue;
        }
        let Some(snapshot) = state.domain(&domain.id)? else { continue };
        for rule in of_domain {
            examination.look(rule, domain, &snapshot.entities)?;
        }
    }
    let mut linted = examination.linted;
    linted.untold.sort();
    Ok(linted)
}

/// What is said of a domain from whose gaps nothing can be concluded.
fn missing(domain: &DomainId, completeness: Completeness) -> String {
    format!("{domain}: {}", completeness.in_words())
}

/// Rules at work.
struct Examination<'x, 'e, T> {
    examined: &'x Examined<'e, T>,
    names: &'x Names<'x>,
    answers: &'x Answers<'x, T>,
    linted: Linted,
}

impl<T: Tree> Examination<'_, '_, T> {
    /// Looks at the entities of a domain by a rule.
    fn look(
        &mut self,
        rule: &LintRule,
        domain: &Domain,
        entities: &BTreeMap<EntityKey, CanonicalText>,
    ) -> Result<(), ArchiveError> {
        let mut untold: BTreeMap<String, u64> = BTreeMap::new();
        for (key, text) in entities {
            let body = value_of(text);
            let name = self.names.of_entity(domain, key, &body);
            let entity = Entity { domain, key, name: name.as_deref(), body: Some(&body), names: self.names };
            if !rule.is_of_entity(entity.name, || entity.divisions()) {
                continue;
            }
            let decided = self.decide(rule, entity, &body);
            if let Some(damage) = self.answers.damage() {
                return Err(damage);
            }
            match decided {
                Ok(Some(evidence)) => self.linted.findings.push(self.finding(rule, entity, evidence)),
                Ok(None) => {}
                Err(Undecided::Untold(reasons)) => {
                    *untold.entry(reasons.into_iter().collect::<Vec<_>>().join("; ")).or_default() += 1;
                }
                Err(Undecided::Mistaken(problem)) => {
                    *untold.entry(format!("the condition makes no sense of it: {problem}")).or_default() += 1;
                }
            }
        }
        let of_some =
            |(reason, count)| Untold { entities: Some(count), ..Untold::of_domain(&rule.id, &domain.id, reason) };
        self.linted.untold.extend(untold.iter().map(|(reason, count)| of_some((reason.as_str(), *count))));
        Ok(())
    }

    /// What shows that an entity is what a rule is about; `None` where it is not.
    fn decide(
        &self,
        rule: &LintRule,
        entity: Entity<'_>,
        body: &Value<'_>,
    ) -> Result<Option<Vec<Evidence>>, Undecided> {
        let now = self.examined.now;
        let text = |instant: DateTime<Utc>| instant.to_rfc3339_opts(SecondsFormat::Secs, true);
        let (now, yesterday) = (text(now), text(now - TimeDelta::days(1)));
        let said = self.answers.about(entity.domain, entity.key, body);
        let variables = vec![
            ("entity", Fact::Entity(Some(body))),
            ("key", Fact::Text(entity.key.as_str())),
            ("domain", Fact::Text(entity.domain.id.as_str())),
            ("name", Fact::Text(entity.name.unwrap_or_default())),
            ("production", Fact::Flag(self.examined.production.has(entity, &[Some(body)]))),
            ("now", Fact::Text(&now)),
            ("yesterday", Fact::Text(&yesterday)),
        ];
        let facts = Facts { variables, functions: &FUNCTIONS, answer: &|call| said.answer(call) };
        let (holds, asked) = rule.condition.holds(&facts)?;
        if !holds {
            return Ok(None);
        }
        let members = rule.show.iter().map(|path| {
            let value = entity.show_member(path).unwrap_or_else(|| "nothing".to_owned());
            Evidence::new(&path.to_string(), value)
        });
        Ok(Some(members.chain(said.evidence(&asked, self.names)).collect()))
    }

    fn finding(&self, rule: &LintRule, entity: Entity<'_>, evidence: Vec<Evidence>) -> Finding {
        let Entity { domain, key, .. } = entity;
        // What has no name of its own may belong to something that has: it has the same key.
        let name = entity.name.map(ToOwned::to_owned).or_else(|| self.names.of_id(key.as_str()));
        let called = Entity { name: name.as_deref(), ..entity };
        let at = rule.at.as_ref().map(ToString::to_string).unwrap_or_default();
        Finding {
            rule: rule.id.clone(),
            severity: rule.severity,
            message: fill(&rule.message, |placeholder| called.show(placeholder)),
            remedy: rule.remedy.clone(),
            evidence,
            actors: Vec::new(),
            place: None,
            fingerprint: Digest::of(format!("{}\n{}\n{key}\n{at}", rule.id, domain.id).as_bytes()).short(),
            acknowledged: None,
            subject: Subject::Entity { domain: domain.id.clone(), key: key.clone(), path: rule.at.clone(), name },
        }
    }
}
