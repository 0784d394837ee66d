//! Judges changes by the rules.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::condition::{Answer, Call, Condition, Fact, Facts, REACH, TARGET};
use super::names::Names;
use super::rule::{Layer, LooksAt, RawMatch, Rule, RuleSummary};
use super::subject::{Production, Subject, excerpt, fill};
use crate::canonical::{fingerprint_of_change, fingerprint_of_field, is_fingerprint, value_of};
use crate::catalogue::{Catalogue, Domain};
use crate::model::{Attribution, Change, ChangeKind, DomainId, FieldChange, OwnedValue, Severity, Value};

/// What depends on an entity that changed, or receives what comes through it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// How many entities of each domain; one without any is left out.
    pub counts: BTreeMap<DomainId, u64>,
    /// Whether that is all: nothing that could have told more is missing on record.
    pub is_whole: bool,
    /// As a person is told it, such as `reaches 3 DIDs, 14 flows, 212 agents`; absent where there is nothing to tell.
    pub words: Option<String>,
}

/// Counts what depends on a changed entity, by domain, or says why it cannot be counted.
pub type CountReach<'c> = dyn Fn(&Change) -> Result<BTreeMap<DomainId, u64>, String> + 'c;

/// What a change comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// How much it matters.
    pub severity: Severity,
    /// The rule that said so.
    pub rule: String,
    /// What happened, in words.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// A field of a change with its judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassifiedField {
    /// What differs.
    pub field: FieldChange,
    /// The place as a person reads it.
    pub place: String,
    /// The name of what the old value refers to.
    pub old_name: Option<String>,
    /// The name of what the new value refers to.
    pub new_name: Option<String>,
    /// How much it matters, and why.
    pub judgement: Judgement,
    /// Identifies the change of this field in every report.
    pub fingerprint: String,
}

/// A change with its judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassifiedChange {
    /// What differs.
    pub change: Change,
    /// The name of the entity.
    pub name: Option<String>,
    /// How much it matters, and why: its worst field's judgement, or its own.
    pub judgement: Judgement,
    /// Its fields, in their order.
    pub fields: Vec<ClassifiedField>,
    /// Who made it; nobody is known until whoever knows says so.
    pub attribution: Attribution,
    /// What depends on it; absent where nothing does or nobody counted.
    pub reach: Option<Reached>,
    /// Identifies the change in every report.
    pub fingerprint: String,
}

/// A rule whose condition could not be told; the rule then does not match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("rule {rule} could not be told for {domain}: {problem}")]
pub struct Unjudged {
    /// The rule.
    pub rule: String,
    /// The domain of the change.
    pub domain: String,
    /// Why.
    pub problem: String,
}

/// The rules in their layers.
#[derive(Debug)]
pub struct Policy<'c> {
    catalogue: &'c Catalogue,
    built_in: Vec<Rule>,
    user: Vec<Rule>,
    production: Production,
}

impl<'c> Policy<'c> {
    /// Puts the layers together.
    #[must_use]
    pub fn new(catalogue: &'c Catalogue, built_in: Vec<Rule>, user: Vec<Rule>, production: Production) -> Self {
        Self { catalogue, built_in, user, production }
    }

    /// Every rule, layer by layer, in order of id.
    #[must_use]
    pub fn rules(&self) -> Vec<RuleSummary> {
        let mut rules: Vec<RuleSummary> = self.catalogue.iter().flat_map(domain_rules).collect();
        rules.extend(self.built_in.iter().map(|rule| rule.summary(Layer::BuiltIn)));
        rules.extend(self.user.iter().map(|rule| rule.summary(Layer::User)));
        rules.sort_by(|left, right| (left.layer, &left.id).cmp(&(right.layer, &right.id)));
        rules
    }

    /// Whether a rule asks how much depends on what changed.
    #[must_use]
    pub fn uses_reach(&self) -> bool {
        let rules = self.built_in.iter().chain(&self.user);
        rules.filter_map(|rule| rule.condition.as_ref()).any(Condition::uses_reach)
    }

    /// Judges a change. Rules that could not be told are added to `unjudged`; `reach_of` is called only if a rule asks for it.
    #[must_use]
    pub fn classify(
        &self,
        change: Change,
        names: &Names<'_>,
        reach_of: &CountReach<'_>,
        unjudged: &mut BTreeSet<Unjudged>,
    ) -> ClassifiedChange {
        let fingerprint = fingerprint_of_change(&change);
        let Some(domain) = self.catalogue.get(&change.domain) else {
            let judgement = unknown_domain(&change);
            return ClassifiedChange {
                change,
                name: None,
                judgement,
                fields: Vec::new(),
                attribution: Attribution::default(),
                reach: None,
                fingerprint,
            };
        };
        let before = change.before.as_ref().map(value_of);
        let after = change.after.as_ref().map(value_of);
        let newest = after.as_ref().or(before.as_ref());
        let name = newest.and_then(|body| names.of_entity(domain, &change.key, body));
        let subject = Subject { domain, key: &change.key, name: name.as_deref(), body: newest, names };
        let counted = OnceCell::new();
        let reach = || counted.get_or_init(|| Ok(with_every_domain(self.catalogue, reach_of(&change)?))).clone();
        let judged = Judged { subject, change: &change, before: before.as_ref(), after: after.as_ref(), reach: &reach };
        let fields: Vec<ClassifiedField> = change
            .fields
            .iter()
            .map(|field| ClassifiedField {
                place: names.place(domain, &field.path),
                old_name: field.old.as_ref().and_then(|value| names.of_reference(domain, &field.path, value)),
                new_name: field.new.as_ref().and_then(|value| names.of_reference(domain, &field.path, value)),
                judgement: self.judge(&judged, Some(field), unjudged),
                fingerprint: fingerprint_of_field(&change, field),
                field: field.clone(),
            })
            .collect();
        let own =
            (change.kind != ChangeKind::Modified || fields.is_empty()).then(|| self.judge(&judged, None, unjudged));
        let worst = fields.iter().map(|field| &field.judgement).chain(&own).rev().max_by_key(|one| one.severity);
        let judgement = worst.cloned().unwrap_or_else(|| unknown_domain(&change));
        ClassifiedChange {
            change,
            name,
            judgement,
            fields,
            attribution: Attribution::default(),
            reach: None,
            fingerprint,
        }
    }

    /// Judges a field, or the change as a whole. Whatever the rules say, a changed secret is at least high.
    fn judge(&self, judged: &Judged<'_>, field: Option<&FieldChange>, unjudged: &mut BTreeSet<Unjudged>) -> Judgement {
        let mut judgement = self.judge_by_rules(judged, field, unjudged);
        let is_secret = |value: &Option<OwnedValue>| value.as_ref().is_some_and(is_fingerprint);
        if field.is_some_and(|field| is_secret(&field.old) || is_secret(&field.new)) {
            judgement.severity = judgement.severity.max(Severity::High);
        }
        judgement
    }

    fn judge_by_rules(
        &self,
        judged: &Judged<'_>,
        field: Option<&FieldChange>,
        unjudged: &mut BTreeSet<Unjudged>,
    ) -> Judgement {
        for rules in [&self.user, &self.built_in] {
            let mut matching: Option<&Rule> = None;
            for rule in rules {
                if matching.is_none_or(|best| rule.severity > best.severity)
                    && self.matches(rule, judged, field, unjudged)
                {
                    matching = Some(rule);
                }
            }
            if let Some(rule) = matching {
                return judged.judgement(rule.severity, &rule.id, &rule.message, &rule.remedy, field);
            }
        }
        let kind = if field.is_some() { ChangeKind::Modified } else { judged.change.kind };
        let exception =
            judged.subject.domain.risk.paths.iter().find(|exception| {
                exception.kind == kind && field.is_some_and(|field| exception.path.matches(&field.path))
            });
        let severity = exception.map_or(judged.subject.domain.risk.of(kind), |exception| exception.severity);
        let id = domain_rule_id(judged.subject.domain, kind);
        judged.judgement(severity, &id, base_message(kind), BASE_REMEDY, field)
    }

    fn matches(
        &self,
        rule: &Rule,
        judged: &Judged<'_>,
        field: Option<&FieldChange>,
        unjudged: &mut BTreeSet<Unjudged>,
    ) -> bool {
        let kind = if field.is_some() { ChangeKind::Modified } else { judged.change.kind };
        let Judged { subject, before, after, .. } = judged;
        let globs = &rule.globs;
        let fits = globs.domain.as_ref().is_none_or(|glob| glob.is_match(subject.domain.id.as_str()))
            && rule.pattern.kind.is_none_or(|wanted| wanted == kind)
            && rule.path.as_ref().is_none_or(|path| field.is_some_and(|field| path.matches(&field.path)))
            && globs.entity.as_ref().is_none_or(|glob| subject.name.is_some_and(|name| glob.is_match(name)))
            && globs.division.as_ref().is_none_or(|glob| subject.divisions().iter().any(|name| glob.is_match(name)));
        let Some(condition) = rule.condition.as_ref().filter(|_| fits) else { return fits };
        let path = field.map_or("", |field| field.path.as_str());
        let mut untold = |problem: String| {
            let (rule, domain) = (rule.id.clone(), subject.domain.id.to_string());
            unjudged.insert(Unjudged { rule, domain, problem });
            false
        };
        let reach = match condition.uses_reach().then(judged.reach).transpose() {
            Ok(reach) => reach,
            Err(problem) => return untold(problem),
        };
        let mut variables = vec![
            ("entity", Fact::Entity(subject.body)),
            ("before", Fact::Entity(*before)),
            ("after", Fact::Entity(*after)),
            ("old", Fact::Json(field.and_then(|field| field.old.as_ref()))),
            ("new", Fact::Json(field.and_then(|field| field.new.as_ref()))),
            ("kind", Fact::Text(kind.as_str())),
            ("path", Fact::Text(path)),
            ("domain", Fact::Text(subject.domain.id.as_str())),
            ("name", Fact::Text(subject.name.unwrap_or_default())),
            ("production", Fact::Flag(self.production.has(*subject, &[*before, *after]))),
        ];
        variables.extend(reach.as_ref().map(|counts| (REACH, Fact::Counts(counts))));
        let answer = |call: &Call| {
            let text = subject.body.and_then(|body| subject.names.target(subject.domain, body, &call.argument));
            Ok(Answer::entity(text.as_ref().map(value_of).as_ref()))
        };
        let facts = Facts { variables, functions: &[TARGET], answer: &answer };
        condition.holds(&facts).map_or_else(|undecided| untold(undecided.to_string()), |(holds, _)| holds)
    }
}

/// How many entities of which domain depend on something, with those of which there are none.
fn with_every_domain(catalogue: &Catalogue, reach: BTreeMap<DomainId, u64>) -> BTreeMap<String, u64> {
    let mut all: BTreeMap<String, u64> = catalogue.names().map(|id| (id.to_string(), 0)).collect();
    all.extend(reach.into_iter().map(|(id, count)| (id.to_string(), count)));
    all
}

/// A change that is judged.
struct Judged<'s> {
    subject: Subject<'s>,
    change: &'s Change,
    before: Option<&'s Value<'s>>,
    after: Option<&'s Value<'s>>,
    reach: &'s dyn Fn() -> Result<BTreeMap<String, u64>, String>,
}

impl Judged<'_> {
    fn judgement(
        &self,
        severity: Severity,
        rule: &str,
        message: &str,
        remedy: &str,
        field: Option<&FieldChange>,
    ) -> Judgement {
        let message = fill(message, |placeholder| self.show(placeholder, field));
        Judgement { severity, rule: rule.to_owned(), message, remedy: remedy.to_owned() }
    }

    /// What stands for a placeholder of a message.
    fn show(&self, placeholder: &str, field: Option<&FieldChange>) -> String {
        let Subject { domain, names, .. } = self.subject;
        let value = |found: Option<&Value<'_>>| match (found, field) {
            (Some(secret), _) if is_fingerprint(secret) => "a secret".to_owned(),
            (Some(value), Some(field)) => names
                .of_reference(domain, &field.path, value)
                .or_else(|| value.as_str().map(ToOwned::to_owned))
                .unwrap_or_else(|| excerpt(&crate::canonical::compact(value))),
            _ => "nothing".to_owned(),
        };
        match placeholder {
            "path" => field.map_or_else(String::new, |field| names.place(domain, &field.path)),
            "old" => value(field.and_then(|field| field.old.as_ref())),
            "new" => value(field.and_then(|field| field.new.as_ref())),
            other => self.subject.show(other),
        }
    }
}

const BASE_REMEDY: &str = "Check that it was asked for; put the old state back if it was not.";

fn base_message(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "{name} was added",
        ChangeKind::Removed => "{name} was removed",
        ChangeKind::Modified => "{path} of {name} was changed",
        ChangeKind::Recreated => "{name} was removed and made again",
    }
}

fn domain_rule_id(domain: &Domain, kind: ChangeKind) -> String {
    format!("{}-{}-{}", domain.id.family(), domain.id.short_name(), kind.as_str())
}

/// The rules that the `[risk]` of a domain file stands for.
fn domain_rules(domain: &Domain) -> Vec<RuleSummary> {
    let kinds = [ChangeKind::Added, ChangeKind::Removed, ChangeKind::Modified, ChangeKind::Recreated];
    let summary = |kind: ChangeKind| RuleSummary {
        id: domain_rule_id(domain, kind),
        level: domain.risk.of(kind),
        layer: Layer::Domain,
        looks_at: LooksAt::Changes,
        about: None,
        pattern: RawMatch { domain: Some(domain.id.to_string()), kind: Some(kind), ..RawMatch::default() },
        when: None,
        message: base_message(kind).to_owned(),
        remedy: BASE_REMEDY.to_owned(),
    };
    kinds.into_iter().map(summary).collect()
}

/// What can be said of a change in a domain that this version does not know.
fn unknown_domain(change: &Change) -> Judgement {
    Judgement {
        severity: Severity::Low,
        rule: "unknown-domain".to_owned(),
        message: format!("{} of {} was {}", change.key, change.domain, change.kind.as_str()),
        remedy: "Use a version of orgtrail that knows this domain.".to_owned(),
    }
}
