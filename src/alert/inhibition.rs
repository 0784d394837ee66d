//! Which alerts say what became of others, so that these need not be told.

use globset::{Glob, GlobMatcher};
use serde::Deserialize;

use super::tell::Told;
use crate::catalogue::embedded_files;
use crate::model::{ChangeKind, PointerGlob};

/// One kind of alert that says what became of another kind.
#[derive(Clone, Debug)]
pub struct Inhibition {
    /// Its permanent name, in kebab case.
    pub name: String,
    /// Why the one says what became of the other.
    pub about: String,
    /// What is told.
    pub source: Side,
    /// What is not.
    pub target: Side,
    /// What the two have to have in common.
    pub tie: Tie,
}

/// One side of an inhibition; what is absent is everything.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// A glob over domains.
    #[serde(default, deserialize_with = "glob")]
    domain: Option<GlobMatcher>,
    /// A kind of change.
    kind: Option<ChangeKind>,
    /// A pattern of fields.
    #[serde(default, deserialize_with = "path")]
    path: Option<PointerGlob>,
    /// A glob over rules.
    #[serde(default, deserialize_with = "glob")]
    rule: Option<GlobMatcher>,
}

/// What two alerts have in common of which one says what became of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tie {
    /// The one is about an entity that the other refers to, or has in its key.
    Reference,
    /// The one is about the parent that took the other with it.
    Parent,
    /// Both are about one domain.
    Domain,
}

/// A file or section that is no inhibition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct InhibitionProblem {
    /// Which one.
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    about: String,
    source: Side,
    #[serde(default)]
    target: Side,
    tie: Tie,
}

/// The inhibitions that come with the program, in order of name.
///
/// # Errors
/// Every file that cannot be used. A released binary has none: the tests read all files.
pub fn built_in_inhibitions() -> Result<Vec<Inhibition>, Vec<InhibitionProblem>> {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for (path, text) in embedded_files("inhibitions", "toml") {
        let name = path.trim_start_matches("inhibitions/").trim_end_matches(".toml").to_owned();
        match toml::from_str::<toml::Table>(text).and_then(|table| Inhibition::read(&name, table)) {
            Ok(inhibition) => found.push(inhibition),
            Err(error) => problems.push(InhibitionProblem { name, problem: error.message().to_owned() }),
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

impl Inhibition {
    /// Takes what a file or a section says.
    ///
    /// # Errors
    /// What cannot be understood.
    pub fn read(name: &str, table: toml::Table) -> Result<Self, toml::de::Error> {
        let Raw { about, source, target, tie } = Raw::deserialize(table)?;
        Ok(Self { name: name.to_owned(), about, source, target, tie })
    }

    /// Whether one alert says what became of another. What matters more is never silenced by what matters less.
    pub(super) fn applies(&self, source: &Told, target: &Told) -> bool {
        source.alert.fingerprint != target.alert.fingerprint
            && source.alert.severity >= target.alert.severity
            && self.source.is(source)
            && self.target.is(target)
            && self.tie.holds(source, target)
    }
}

impl Side {
    pub(super) fn is(&self, told: &Told) -> bool {
        let Told { alert, facts } = told;
        let domain = alert.subject.domain();
        self.domain.as_ref().is_none_or(|glob| domain.is_some_and(|domain| glob.is_match(domain.as_str())))
            && self.kind.is_none_or(|kind| alert.kind == Some(kind))
            && self.path.as_ref().is_none_or(|glob| facts.paths.iter().any(|path| glob.matches(path)))
            && self.rule.as_ref().is_none_or(|glob| glob.is_match(&alert.rule))
    }
}

impl Tie {
    fn holds(self, source: &Told, target: &Told) -> bool {
        let keys = &source.facts.keys;
        match self {
            Self::Reference => keys.iter().any(|key| target.facts.ids.contains(key)),
            Self::Parent => target.facts.because.as_ref().is_some_and(|because| keys.contains(because)),
            Self::Domain => {
                let domain = source.alert.subject.domain();
                domain.is_some() && domain == target.alert.subject.domain()
            }
        }
    }
}

fn glob<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<GlobMatcher>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    Glob::new(&text).map(|glob| Some(glob.compile_matcher())).map_err(serde::de::Error::custom)
}

fn path<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<PointerGlob>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    if text.as_ref().is_some_and(|text| !text.starts_with('/')) {
        return Err(serde::de::Error::custom("a path begins with a slash"));
    }
    Ok(text.map(|text| PointerGlob::new(&text)))
}
