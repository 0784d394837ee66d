//! One severity rule, read from a file.

use serde::Deserialize;
use toml::Spanned;

use super::condition::Condition;
use super::load::{self, FromFile, Globs, RuleProblem, UserFile};
use crate::catalogue::Catalogue;
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
    pub(super) globs: Globs,
    pub(super) path: Option<PointerGlob>,
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

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LooksAt {
    /// What differs between two states, to say how much it matters.
    Changes,
    /// One state, to find what does not hold in it.
    State,
}

impl LooksAt {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::State => "state",
        }
    }
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
    /// What it looks at.
    pub looks_at: LooksAt,
    /// Why there is such a rule; absent where what it says and what to do tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
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

/// The severity rules that come with the program, in order of id.
///
/// # Errors
/// Every rule that cannot be used. A released binary has none: the tests read all files.
pub fn built_in_rules(catalogue: &Catalogue) -> Result<Vec<Rule>, Vec<RuleProblem>> {
    load::built_in(catalogue)
}

/// The severity rules of a user's `rules.toml`: a list of `[[rule]]`, each with an `id`.
///
/// # Errors
/// Every rule that cannot be used, at its place.
pub fn user_rules(file: &str, text: &str, catalogue: &Catalogue) -> Result<Vec<Rule>, Vec<RuleProblem>> {
    load::of_user(file, text, catalogue)
}

impl FromFile for Rule {
    const FOLDER: &'static str = "rules";

    fn tables(file: UserFile) -> Vec<Spanned<toml::Table>> {
        file.rule
    }

    fn read(id: &str, table: toml::Table, catalogue: &Catalogue) -> Result<Self, Vec<String>> {
        let raw = RawRule::deserialize(table).map_err(|error| vec![error.message().to_owned()])?;
        let mut problems = Vec::new();
        load::check_id(id, &mut problems);
        let globs = Globs::compile(&raw.pattern, catalogue, &mut problems);
        if let Some(path) = raw.pattern.path.as_deref().filter(|path| !path.starts_with('/')) {
            problems.push(format!("match.path: {path:?} does not begin with a slash"));
        }
        let condition = load::condition(raw.when.as_deref(), &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            id: id.to_owned(),
            severity: raw.level,
            condition,
            message: raw.message,
            remedy: raw.remedy,
            globs,
            path: raw.pattern.path.as_deref().map(PointerGlob::new),
            pattern: raw.pattern,
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
            looks_at: LooksAt::Changes,
            about: None,
            pattern: self.pattern.clone(),
            when: self.condition.as_ref().map(|condition| condition.source().to_owned()),
            message: self.message.clone(),
            remedy: self.remedy.clone(),
        }
    }
}
