//! One lint rule: what must not be so in a state, read from a file.

use serde::Deserialize;
use toml::Spanned;

use super::condition::{Condition, TARGET};
use super::load::{self, FromFile, Globs, RuleProblem, UserFile};
use super::rule::{Layer, LooksAt, RawMatch, RuleSummary};
use crate::catalogue::{Catalogue, FieldPath};
use crate::model::{DomainId, Pointer, Severity};

/// The functions that take the name of a domain.
pub(crate) const OF_DOMAIN: [&str; 7] =
    ["entities", "is_used_by", "members", "peer", "reached_from", "used_by", "uses"];

/// All functions that the condition of a lint rule can call.
pub(crate) const FUNCTIONS: [&str; 9] =
    ["end_of", "entities", "is_used_by", "members", "peer", "reached_from", TARGET, "used_by", "uses"];

/// A rule about one state of an organisation: an entity that fulfils its condition is a finding.
#[derive(Debug)]
pub struct LintRule {
    /// Its permanent name, in kebab case.
    pub id: String,
    /// How much a finding of it matters.
    pub severity: Severity,
    /// Why there is such a rule, and what it does not look at.
    pub about: String,
    /// Which entities it looks at, as it is written.
    pub pattern: RawMatch,
    /// What must not be so.
    pub condition: Condition,
    /// What to say; `{…}` stands for names and values of the entity.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// The place in the entity that a finding points to; absent for the whole entity.
    pub at: Option<Pointer>,
    /// The members whose values show that it is so.
    pub show: Vec<FieldPath>,
    /// Whose it is.
    pub layer: Layer,
    globs: Globs,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLint {
    about: Option<String>,
    level: Severity,
    #[serde(rename = "match")]
    pattern: RawMatch,
    when: String,
    message: String,
    remedy: String,
    at: Option<String>,
    #[serde(default)]
    show: Vec<String>,
}

/// The lint rules that come with the program, in order of id.
///
/// # Errors
/// Every rule that cannot be used. A released binary has none: the tests read all files.
pub fn built_in_lints(catalogue: &Catalogue) -> Result<Vec<LintRule>, Vec<RuleProblem>> {
    load::built_in(catalogue)
}

/// The lint rules of a user's `rules.toml`: a list of `[[lint]]`, each with an `id`.
///
/// # Errors
/// Every rule that cannot be used, at its place.
pub fn user_lints(file: &str, text: &str, catalogue: &Catalogue) -> Result<Vec<LintRule>, Vec<RuleProblem>> {
    let rules: Vec<LintRule> = load::of_user(file, text, catalogue)?;
    Ok(rules.into_iter().map(|rule| LintRule { layer: Layer::User, ..rule }).collect())
}

/// The lint rules in force, in order of id: the user's one counts where both have one of an id.
#[must_use]
pub fn lints_in_force(built_in: Vec<LintRule>, user: Vec<LintRule>) -> Vec<LintRule> {
    let is_replaced = |rule: &LintRule| user.iter().any(|own| own.id == rule.id);
    let mut rules: Vec<LintRule> = built_in.into_iter().filter(|rule| !is_replaced(rule)).collect();
    rules.extend(user);
    rules.sort_by(|left, right| left.id.cmp(&right.id));
    rules
}

impl FromFile for LintRule {
    const FOLDER: &'static str = "lint";

    fn tables(file: UserFile) -> Vec<Spanned<toml::Table>> {
        file.lint
    }

    fn read(id: &str, table: toml::Table, catalogue: &Catalogue) -> Result<Self, Vec<String>> {
        let raw = RawLint::deserialize(table).map_err(|error| vec![error.message().to_owned()])?;
        let mut problems = Vec::new();
        load::check_id(id, &mut problems);
        let globs = Globs::compile(&raw.pattern, catalogue, &mut problems);
        if raw.pattern.domain.is_none() {
            problems.push("match.domain: a lint rule says which domain it looks at".to_owned());
        }
        if raw.pattern.kind.is_some() || raw.pattern.path.is_some() {
            problems.push("match: a state has neither kinds nor paths of changes; `at` names a place".to_owned());
        }
        if let Some(at) = raw.at.as_deref().filter(|at| !at.starts_with('/')) {
            problems.push(format!("at: {at:?} does not begin with a slash"));
        }
        let Some(condition) = load::condition(Some(&raw.when), &mut problems) else { return Err(problems) };
        for (function, name) in condition.literal_calls() {
            let is_known = || name.parse::<DomainId>().is_ok_and(|id| catalogue.get(&id).is_some());
            if OF_DOMAIN.contains(&function) && !is_known() {
                problems.push(format!("when: {function}: {}", load::no_domain(name, catalogue)));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            id: id.to_owned(),
            severity: raw.level,
            about: raw.about.unwrap_or_default(),
            pattern: raw.pattern,
            condition,
            message: raw.message,
            remedy: raw.remedy,
            at: raw.at.as_deref().map(Pointer::from_text),
            show: raw.show.iter().map(|path| FieldPath::parse(path)).collect(),
            layer: Layer::BuiltIn,
            globs,
        })
    }
}

impl LintRule {
    /// Whether it looks at a domain.
    #[must_use]
    pub fn is_of_domain(&self, domain: &DomainId) -> bool {
        self.globs.domain.as_ref().is_some_and(|glob| glob.is_match(domain.as_str()))
    }

    /// Whether it looks at an entity of that name in a division of one of these names.
    #[must_use]
    pub(crate) fn is_of_entity(&self, name: Option<&str>, divisions: impl FnOnce() -> Vec<String>) -> bool {
        self.globs.entity.as_ref().is_none_or(|glob| name.is_some_and(|name| glob.is_match(name)))
            && self.globs.division.as_ref().is_none_or(|glob| divisions().iter().any(|name| glob.is_match(name)))
    }

    /// The domains that it asks about besides its own, by name.
    #[must_use]
    pub fn asks_of(&self) -> Vec<&str> {
        let calls = self.condition.literal_calls().into_iter();
        let mut names: Vec<&str> =
            calls.filter(|(function, _)| OF_DOMAIN.contains(function)).map(|(_, name)| name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The rule as it is shown.
    #[must_use]
    pub fn summary(&self) -> RuleSummary {
        RuleSummary {
            id: self.id.clone(),
            level: self.severity,
            layer: self.layer,
            looks_at: LooksAt::State,
            about: Some(self.about.clone()).filter(|about| !about.is_empty()),
            pattern: self.pattern.clone(),
            when: Some(self.condition.source().to_owned()),
            message: self.message.clone(),
            remedy: self.remedy.clone(),
        }
    }
}
