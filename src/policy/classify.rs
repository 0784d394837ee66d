//! Judges changes by the rules.

use std::collections::BTreeSet;

use super::condition::{Fact, Facts};
use super::names::Names;
use super::rule::{Layer, RawMatch, Rule, RuleSummary};
use crate::canonical::{fingerprint_of_change, fingerprint_of_field, is_fingerprint, value_of};
use crate::catalogue::{Catalogue, Domain, FieldPath, Reference};
use crate::model::{Attribution, Change, ChangeKind, FieldChange, OwnedValue, Severity, Value};

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

/// Which entities are in production, beyond what their domain file says.
#[derive(Clone, Debug, Default)]
pub struct Production {
    /// Globs over the name or id of the division.
    pub divisions: Vec<globset::GlobMatcher>,
    /// Globs over the name of the entity.
    pub names: Vec<globset::GlobMatcher>,
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

    /// Judges a change. Rules that could not be told are added to `unjudged`.
    #[must_use]
    pub fn classify(&self, change: Change, names: &Names<'_>, unjudged: &mut BTreeSet<Unjudged>) -> ClassifiedChange {
        let fingerprint = fingerprint_of_change(&change);
        let Some(domain) = self.catalogue.get(&change.domain) else {
            let judgement = unknown_domain(&change);
            return ClassifiedChange {
                change,
                name: None,
                judgement,
                fields: Vec::new(),
                attribution: Attribution::default(),
                fingerprint,
            };
        };
        let before = change.before.as_ref().map(value_of);
        let after = change.after.as_ref().map(value_of);
        let newest = after.as_ref().or(before.as_ref());
        let name = newest.and_then(|body| names.of_entity(domain, &change.key, body));
        let subject = Subject {
            domain,
            change: &change,
            name: name.as_deref(),
            before: before.as_ref(),
            after: after.as_ref(),
            names,
        };
        let fields: Vec<ClassifiedField> = change
            .fields
            .iter()
            .map(|field| ClassifiedField {
                place: names.place(domain, &field.path),
                old_name: field.old.as_ref().and_then(|value| names.of_reference(domain, &field.path, value)),
                new_name: field.new.as_ref().and_then(|value| names.of_reference(domain, &field.path, value)),
                judgement: self.judge(&subject, Some(field), unjudged),
                fingerprint: fingerprint_of_field(&change, field),
                field: field.clone(),
            })
            .collect();
        let own =
            (change.kind != ChangeKind::Modified || fields.is_empty()).then(|| self.judge(&subject, None, unjudged));
        let worst = fields.iter().map(|field| &field.judgement).chain(&own).rev().max_by_key(|one| one.severity);
        let judgement = worst.cloned().unwrap_or_else(|| unknown_domain(&change));
        ClassifiedChange { change, name, judgement, fields, attribution: Attribution::default(), fingerprint }
    }

    /// Judges a field, or the change as a whole. Whatever the rules say, a changed secret is at least high.
    fn judge(
        &self,
        subject: &Subject<'_>,
        field: Option<&FieldChange>,
        unjudged: &mut BTreeSet<Unjudged>,
    ) -> Judgement {
        let mut judgement = self.judge_by_rules(subject, field, unjudged);
        let is_secret = |value: &Option<OwnedValue>| value.as_ref().is_some_and(is_fingerprint);
        if field.is_some_and(|field| is_secret(&field.old) || is_secret(&field.new)) {
            judgement.severity = judgement.severity.max(Severity::High);
        }
        judgement
    }

    fn judge_by_rules(
        &self,
        subject: &Subject<'_>,
        field: Option<&FieldChange>,
        unjudged: &mut BTreeSet<Unjudged>,
    ) -> Judgement {
        for rules in [&self.user, &self.built_in] {
            let mut matching: Option<&Rule> = None;
            for rule in rules {
                if matching.is_none_or(|best| rule.severity > best.severity)
                    && self.matches(rule, subject, field, unjudged)
                {
                    matching = Some(rule);
                }
            }
            if let Some(rule) = matching {
                return subject.judgement(rule.severity, &rule.id, &rule.message, &rule.remedy, field);
            }
        }
        let kind = if field.is_some() { ChangeKind::Modified } else { subject.change.kind };
        let exception =
            subject.domain.risk.paths.iter().find(|exception| {
                exception.kind == kind && field.is_some_and(|field| exception.path.matches(&field.path))
            });
        let severity = exception.map_or(subject.domain.risk.of(kind), |exception| exception.severity);
        let id = domain_rule_id(subject.domain, kind);
        subject.judgement(severity, &id, base_message(kind), BASE_REMEDY, field)
    }

    fn matches(
        &self,
        rule: &Rule,
        subject: &Subject<'_>,
        field: Option<&FieldChange>,
        unjudged: &mut BTreeSet<Unjudged>,
    ) -> bool {
        let kind = if field.is_some() { ChangeKind::Modified } else { subject.change.kind };
        let fits = rule.domain.as_ref().is_none_or(|glob| glob.is_match(subject.domain.id.as_str()))
            && rule.pattern.kind.is_none_or(|wanted| wanted == kind)
            && rule.path.as_ref().is_none_or(|path| field.is_some_and(|field| path.matches(&field.path)))
            && rule.entity.as_ref().is_none_or(|glob| subject.name.is_some_and(|name| glob.is_match(name)))
            && rule.division.as_ref().is_none_or(|glob| subject.divisions().iter().any(|name| glob.is_match(name)));
        let Some(condition) = rule.condition.as_ref().filter(|_| fits) else { return fits };
        let path = field.map_or("", |field| field.path.as_str());
        let target = |path: &str| {
            let text = subject.names.target(subject.domain, subject.newest()?, path)?;
            Some(value_of(&text).into_owned())
        };
        let facts = Facts {
            variables: vec![
                ("entity", Fact::Entity(subject.newest())),
                ("before", Fact::Entity(subject.before)),
                ("after", Fact::Entity(subject.after)),
                ("old", Fact::Json(field.and_then(|field| field.old.as_ref()))),
                ("new", Fact::Json(field.and_then(|field| field.new.as_ref()))),
                ("kind", Fact::Text(kind.as_str())),
                ("path", Fact::Text(path)),
                ("domain", Fact::Text(subject.domain.id.as_str())),
                ("name", Fact::Text(subject.name.unwrap_or_default())),
                ("production", Fact::Flag(self.is_production(subject))),
            ],
            target: &target,
            reference_paths: subject.domain.references.iter().map(|reference| reference.path.to_string()).collect(),
        };
        condition.holds(&facts).unwrap_or_else(|problem| {
            let domain = subject.domain.id.to_string();
            unjudged.insert(Unjudged { rule: rule.id.clone(), domain, problem });
            false
        })
    }

    fn is_production(&self, subject: &Subject<'_>) -> bool {
        let Production { divisions, names } = &self.production;
        if divisions.is_empty() && names.is_empty() {
            let live = subject.domain.identity.live.as_ref();
            let is_live =
                |body: Option<&Value<'_>>| body.zip(live).is_some_and(|(body, live)| live.find(body).is_some());
            return is_live(subject.before) || is_live(subject.after);
        }
        names.iter().any(|glob| subject.name.is_some_and(|name| glob.is_match(name)))
            || subject.divisions().iter().any(|division| divisions.iter().any(|glob| glob.is_match(division)))
    }
}

/// What is judged.
struct Subject<'s> {
    domain: &'s Domain,
    change: &'s Change,
    name: Option<&'s str>,
    before: Option<&'s Value<'s>>,
    after: Option<&'s Value<'s>>,
    names: &'s Names<'s>,
}

impl Subject<'_> {
    fn newest(&self) -> Option<&Value<'_>> {
        self.after.or(self.before)
    }

    /// The id and the name of the entity's division.
    fn divisions(&self) -> Vec<String> {
        let Some(division) = self.newest().and_then(|body| FieldPath::parse("division").find(body)) else {
            return Vec::new();
        };
        let id = division.get("id").unwrap_or(division).as_str().map(ToOwned::to_owned);
        let name = self.newest().and_then(|body| self.names.show(self.domain, body, &FieldPath::parse("division")));
        id.into_iter().chain(name).collect()
    }

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

    /// The name of the parent, where the entity leaves out the reference to it.
    fn show_parent(&self, body: &Value<'_>, path: &FieldPath) -> Option<String> {
        let parent = self.domain.source.parent.as_ref()?;
        let is_parent = |reference: &Reference| reference.path == *path && reference.targets.contains(parent);
        self.domain.references.iter().find(|reference| is_parent(reference))?;
        let key = self.domain.parent_of(&self.change.key, body)?;
        self.names.of_key([parent], key.as_str()).or_else(|| Some(key.to_string()))
    }

    /// What stands for a placeholder of a message.
    fn show(&self, placeholder: &str, field: Option<&FieldChange>) -> String {
        let value = |value: Option<&Value<'_>>| match (value, field) {
            (Some(value), Some(field)) => self
                .names
                .of_reference(self.domain, &field.path, value)
                .or_else(|| value.as_str().map(ToOwned::to_owned))
                .unwrap_or_else(|| excerpt(&crate::canonical::compact(value))),
            _ => "nothing".to_owned(),
        };
        let value = |found: Option<&Value<'_>>| match found {
            Some(secret) if is_fingerprint(secret) => "a secret".to_owned(),
            found => value(found),
        };
        match placeholder {
            "name" => self.name.map_or_else(|| self.domain.id.to_string(), ToOwned::to_owned),
            "domain" => self.domain.id.to_string(),
            "key" => self.change.key.to_string(),
            "path" => field.map_or_else(String::new, |field| self.names.place(self.domain, &field.path)),
            "old" => value(field.and_then(|field| field.old.as_ref())),
            "new" => value(field.and_then(|field| field.new.as_ref())),
            member => {
                let path = FieldPath::parse(member);
                let shown = self.newest().and_then(|body| {
                    self.names.show(self.domain, body, &path).or_else(|| self.show_parent(body, &path))
                });
                shown.unwrap_or_else(|| "nothing".to_owned())
            }
        }
    }
}

/// Most characters of a value that a message shows.
const EXCERPT: usize = 80;

fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Replaces every `{placeholder}`.
fn fill(template: &str, show: impl Fn(&str) -> String) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        if let Some((placeholder, behind)) = after.split_once('}') {
            filled.push_str(&show(placeholder));
            rest = behind;
        } else {
            filled.push('{');
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
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
