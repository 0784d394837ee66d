//! Reads rules from files: those that come with the program, one a file, and the user's, many in one.

use std::fmt;

use globset::GlobMatcher;
use serde::Deserialize;
use toml::Spanned;

use super::condition::Condition;
use super::rule::RawMatch;
use crate::catalogue::{Catalogue, embedded_files};

/// A kind of rule that files hold.
pub(super) trait FromFile: Sized {
    /// The folder of `schemas/` with those that come with the program.
    const FOLDER: &'static str;
    /// Those of its kind in the user's file.
    fn tables(file: UserFile) -> Vec<Spanned<toml::Table>>;

    /// Makes a rule of what a file says of it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    fn read(id: &str, table: toml::Table, catalogue: &Catalogue) -> Result<Self, Vec<String>>;
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

/// The lists that the user's file may have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserFile {
    #[serde(default)]
    pub(super) rule: Vec<Spanned<toml::Table>>,
    #[serde(default)]
    pub(super) lint: Vec<Spanned<toml::Table>>,
}

/// The rules that come with the program, in order of id.
///
/// # Errors
/// Every rule that cannot be used. A released binary has none: the tests read all files.
pub(super) fn built_in<R: FromFile>(catalogue: &Catalogue) -> Result<Vec<R>, Vec<RuleProblem>> {
    let mut rules = Vec::new();
    let mut problems = Vec::new();
    for (path, text) in embedded_files(R::FOLDER, "toml") {
        let id = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".toml").to_owned();
        let problem = |problem: String| RuleProblem { file: path.clone(), line: None, rule: Some(id.clone()), problem };
        let table = toml::from_str::<toml::Table>(text).map_err(|error| vec![error.message().to_owned()]);
        match table.and_then(|table| R::read(&id, table, catalogue)) {
            Ok(rule) => rules.push(rule),
            Err(found) => problems.extend(found.into_iter().map(problem)),
        }
    }
    if problems.is_empty() { Ok(rules) } else { Err(problems) }
}

/// The rules of one kind in a user's file, each with an `id`.
///
/// # Errors
/// Every rule of that kind that cannot be used, at its place.
pub(super) fn of_user<R: FromFile>(file: &str, text: &str, catalogue: &Catalogue) -> Result<Vec<R>, Vec<RuleProblem>> {
    let line_at = |offset: usize| Some(1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count());
    let raw: UserFile = toml::from_str(text).map_err(|error| {
        let line = error.span().and_then(|span| line_at(span.start));
        vec![RuleProblem { file: file.to_owned(), line, rule: None, problem: error.message().to_owned() }]
    })?;
    let (mut ids, mut rules): (Vec<String>, Vec<R>) = (Vec::new(), Vec::new());
    let mut problems = Vec::new();
    for table in R::tables(raw) {
        let line = line_at(table.span().start);
        let mut table = table.into_inner();
        let id = table.remove("id").and_then(|id| id.as_str().map(ToOwned::to_owned));
        let mut report = |problem: String| {
            problems.push(RuleProblem { file: file.to_owned(), line, rule: id.clone(), problem });
        };
        let Some(id) = &id else {
            report("a rule has no id".to_owned());
            continue;
        };
        if ids.contains(id) {
            report("another rule has the same id".to_owned());
        }
        ids.push(id.clone());
        match R::read(id, table, catalogue) {
            Ok(rule) => rules.push(rule),
            Err(found) => found.into_iter().for_each(report),
        }
    }
    if problems.is_empty() { Ok(rules) } else { Err(problems) }
}

/// What every rule has of globs.
#[derive(Debug, Default)]
pub(super) struct Globs {
    pub(super) domain: Option<GlobMatcher>,
    pub(super) entity: Option<GlobMatcher>,
    pub(super) division: Option<GlobMatcher>,
}

impl Globs {
    /// Compiles the globs of a match; what is wrong with them is added to `problems`.
    pub(super) fn compile(pattern: &RawMatch, catalogue: &Catalogue, problems: &mut Vec<String>) -> Self {
        let mut glob = |name: &str, pattern: Option<&String>| {
            let compiled = globset::Glob::new(pattern?).map(|glob| glob.compile_matcher());
            compiled.map_err(|error| problems.push(format!("match.{name}: {}", error.kind()))).ok()
        };
        let domain = glob("domain", pattern.domain.as_ref());
        let (entity, division) = (glob("entity", pattern.entity.as_ref()), glob("division", pattern.division.as_ref()));
        if let (Some(pattern), Some(domain)) = (&pattern.domain, &domain)
            && !catalogue.names().any(|name| domain.is_match(name.as_str()))
        {
            problems.push(format!("match.domain: {}", no_domain(pattern, catalogue)));
        }
        Self { domain, entity, division }
    }
}

/// What to say of a name that no domain has.
pub(super) fn no_domain(name: &str, catalogue: &Catalogue) -> String {
    let meant = catalogue.nearest(name).map(|nearest| format!("; did you mean \"{nearest}\"?")).unwrap_or_default();
    format!("no domain is named {name:?}{meant}")
}

/// Whether a text can be the id of a rule.
pub(super) fn check_id(id: &str, problems: &mut Vec<String>) {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !id.split('-').all(is_word) {
        problems.push("its id is not in kebab case".to_owned());
    }
}

/// Compiles a condition; what is wrong with it is added to `problems`.
pub(super) fn condition(when: Option<&str>, problems: &mut Vec<String>) -> Option<Condition> {
    when.map(Condition::compile).transpose().map_err(|problem| problems.push(format!("when: {problem}"))).ok().flatten()
}
