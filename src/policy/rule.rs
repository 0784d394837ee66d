//! One severity rule, read from a file.

use std::fmt;

use globset::GlobMatcher;
use serde::Deserialize;
use toml::Spanned;

use super::condition::Condition;
use crate::catalogue::{Catalogue, embedded_files};
use crate::model::{ChangeKind, PointerGlob, Severity};

/// Where a rule comes from; a later layer overrules an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// The `[risk]` of a domain file.
    Domain,
    /// A rule that comes with the program.
    BuiltIn,
    /// The user's `rules.toml`.
    User,
}

impl Layer {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Domain => "domain",
            Self::BuiltIn => "built-in",
            Self::User => "user",
        }
    }
}

/// A severity rule.
#[derive(Debug)]
pub struct Rule {
    /// Its permanent name, in kebab case.
    pub id: String,
    /// How much a change that it matches matters.
    pub severity: Severity,
    /// What it matches, as it is written.
    pub pattern: RawMatch,
    /// The condition that must hold besides.
    pub condition: Option<Condition>,
    /// What to say; `{…}` stands for names and values of the change.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    pub(super) domain: Option<GlobMatcher>,
    pub(super) path: Option<PointerGlob>,
    pub(super) entity: Option<GlobMatcher>,
    pub(super) division: Option<GlobMatcher>,
}

/// What a rule matches; an absent member matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct RawMatch {
    /// A glob over domain names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// A kind of change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ChangeKind>,
    /// A JSON Pointer pattern of fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A glob over entity names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// A glob over the name or id of the entity's division.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub division: Option<String>,
}

/// A rule as the terminal and the documents show it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RuleSummary {
    /// Its permanent name.
    pub id: String,
    /// How much a change that it matches matters.
    pub level: Severity,
    /// Where it comes from.
    pub layer: Layer,
    /// What it matches.
    #[serde(rename = "match")]
    pub pattern: RawMatch,
    /// The condition in CEL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// What it says.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// A rule that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {}{problem}", At(*line), Of(rule.as_deref()))]
pub struct RuleProblem {
    /// The file that holds it.
    pub file: String,
    /// The line at which it or its rule begins, counted from 1; absent in a file of one rule.
    pub line: Option<usize>,
    /// The rule's id, where it is known.
    pub rule: Option<String>,
    /// What is wrong.
    pub problem: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    level: Severity,
    #[serde(rename = "match", default)]
    pattern: RawMatch,
    when: Option<String>,
    message: String,
    remedy: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRules {
    #[serde(default)]
    rule: Vec<Spanned<toml::Table>>,
}

/// A line behind the name of a file.
struct At(Option<usize>);

/// The rule that a problem is about.
struct Of<'r>(Option<&'r str>);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

impl fmt::Display for Of<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |rule| write!(f, "rule {rule}: "))
    }
}

/// The rules that come with the program, in order of id.
///
/// # Errors
/// Every rule that cannot be used. A released binary has none: the tests read all files.
pub fn built_in_rules(catalogue: &Catalogue) -> Result<Vec<Rule>, Vec<RuleProblem>> {
    let mut rules = Vec::new();
    let mut problems = Vec::new();
    for (path, text) in embedded_files("rules", "toml") {
        let id = path.trim_start_matches("rules/").trim_end_matches(".toml").to_owned();
        let problem = |problem: String| RuleProblem { file: path.clone(), line: None, rule: Some(id.clone()), problem };
        match toml::from_str::<RawRule>(text) {
            Ok(raw) => match raw.into_rule(id.clone(), catalogue) {
                Ok(rule) => rules.push(rule),
                Err(found) => problems.extend(found.into_iter().map(problem)),
            },
            Err(error) => problems.push(problem(error.message().to_owned())),
        }
    }
    if problems.is_empty() { Ok(rules) } else { Err(problems) }
}

/// The rules of a user's `rules.toml`: a list of `[[rule]]`, each with an `id`.
///
/// # Errors
/// Every rule that cannot be used, at its place.
pub fn user_rules(file: &str, text: &str, catalogue: &Catalogue) -> Result<Vec<Rule>, Vec<RuleProblem>> {
    let line_at = |offset: usize| Some(1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count());
    let raw: RawRules = toml::from_str(text).map_err(|error| {
        let line = error.span().and_then(|span| line_at(span.start));
        vec![RuleProblem { file: file.to_owned(), line, rule: None, problem: error.message().to_owned() }]
    })?;
    let mut rules: Vec<Rule> = Vec::new();
    let mut problems = Vec::new();
    for table in raw.rule {
        let line = line_at(table.span().start);
        let mut table = table.into_inner();
        let id = table.remove("id").and_then(|id| id.as_str().map(ToOwned::to_owned));
        let mut report = |problem: String| {
            problems.push(RuleProblem { file: file.to_owned(), line, rule: id.clone(), problem });
        };
        let raw = match RawRule::deserialize(table) {
            Ok(raw) => raw,
            Err(error) => {
                report(error.message().to_owned());
                continue;
            }
        };
        let Some(id) = id.clone() else {
            report("a rule has no id".to_owned());
            continue;
        };
        if rules.iter().any(|rule| rule.id == id) {
            report("another rule has the same id".to_owned());
        }
        match raw.into_rule(id, catalogue) {
            Ok(rule) => rules.push(rule),
            Err(found) => found.into_iter().for_each(report),
        }
    }
    if problems.is_empty() { Ok(rules) } else { Err(problems) }
}

impl RawRule {
    fn into_rule(self, id: String, catalogue: &Catalogue) -> Result<Rule, Vec<String>> {
        let mut problems = Vec::new();
        let is_kebab = !id.is_empty()
            && id
                .split('-')
                .all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()));
        if !is_kebab {
            problems.push("its id is not in kebab case".to_owned());
        }
        let mut glob = |name: &str, pattern: Option<&String>| {
            let compiled = globset::Glob::new(pattern?).map(|glob| glob.compile_matcher());
            compiled.map_err(|error| problems.push(format!("match.{name}: {}", error.kind()))).ok()
        };
        let domain = glob("domain", self.pattern.domain.as_ref());
        let entity = glob("entity", self.pattern.entity.as_ref());
        let division = glob("division", self.pattern.division.as_ref());
        if let (Some(pattern), Some(domain)) = (&self.pattern.domain, &domain)
            && !catalogue.names().any(|name| domain.is_match(name.as_str()))
        {
            let nearest = catalogue.nearest(pattern);
            let meant = nearest.map(|nearest| format!("; did you mean \"{nearest}\"?")).unwrap_or_default();
            problems.push(format!("match.domain: no domain is named {pattern:?}{meant}"));
        }
        if let Some(path) = self.pattern.path.as_deref().filter(|path| !path.starts_with('/')) {
            problems.push(format!("match.path: {path:?} does not begin with a slash"));
        }
        let condition = self.when.as_deref().map(Condition::compile).transpose();
        let condition = condition.map_err(|problem| problems.push(format!("when: {problem}"))).ok().flatten();
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Rule {
            id,
            severity: self.level,
            condition,
            message: self.message,
            remedy: self.remedy,
            domain,
            path: self.pattern.path.as_deref().map(PointerGlob::new),
            entity,
            division,
            pattern: self.pattern,
        })
    }
}

impl Rule {
    /// The rule as it is shown.
    #[must_use]
    pub fn summary(&self, layer: Layer) -> RuleSummary {
        RuleSummary {
            id: self.id.clone(),
            level: self.severity,
            layer,
            pattern: self.pattern.clone(),
            when: self.condition.as_ref().map(|condition| condition.source().to_owned()),
            message: self.message.clone(),
            remedy: self.remedy.clone(),
        }
    }
}
