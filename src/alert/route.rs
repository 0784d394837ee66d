//! Routes: who is told of what, and when.

use std::time::Duration;

use chrono::{DateTime, Utc};
use globset::GlobMatcher;
use serde::Serialize;

use super::content::{Alert, AlertPhase};
use super::tell::{Facts, Told};
use super::times::{Window, next_begin};
use crate::model::{Actor, ChangeKind, Explained, PointerGlob, Severity};

/// Who is told of what, and when.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub matches: RouteMatch,
    /// The channels that are told.
    pub channels: Vec<String>,
    /// Whether routes after it are looked at although it matches.
    pub goes_on: bool,
    /// What belongs together in its message.
    pub group_by: GroupBy,
    /// How long after it was told a finding that still holds is told again; never where there is none.
    pub repeat: Option<Duration>,
    /// When nothing is told, nor later.
    pub mute: Vec<Window>,
    /// When it is told; outside of them it is held until they begin. Always, where there are none.
    pub hours: Vec<Window>,
    /// The least level that is told in spite of `mute` and `hours`.
    pub except: Option<Severity>,
    /// Most alerts of a message.
    pub cap: usize,
}

/// What a route is about; what is empty or absent is about everything.
#[derive(Clone, Debug, Default)]
pub struct RouteMatch {
    /// The least level.
    pub level: Option<Severity>,
    /// Globs over domains.
    pub domains: Vec<GlobMatcher>,
    /// Patterns of fields; a change with such a field matches.
    pub paths: Vec<PointerGlob>,
    /// Globs over names and keys of entities.
    pub entities: Vec<GlobMatcher>,
    /// Globs over names and ids of divisions.
    pub divisions: Vec<GlobMatcher>,
    /// Globs over names, mail addresses and ids of people, and ids of OAuth clients.
    pub actors: Vec<GlobMatcher>,
    /// Words for whether it is known who it was.
    pub explained: Vec<Explained>,
    /// Globs over ids of rules.
    pub rules: Vec<GlobMatcher>,
    /// Kinds of change; a finding that is no change has none.
    pub kinds: Vec<ChangeKind>,
}

/// What belongs together in a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupBy {
    /// Nothing: the worst comes first.
    #[default]
    None,
    /// What is about one entity.
    Entity,
    /// What one person or program did.
    Actor,
    /// What is in one domain.
    Domain,
    /// What one rule found.
    Rule,
}

/// The first thing by which an alert is not what a route is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Miss {
    /// It matters less.
    Level,
    /// It is in another domain, or in none.
    Domain,
    /// No field of it is meant.
    Path,
    /// It is another entity, or none.
    Entity,
    /// It is in another division, or in none.
    Division,
    /// It was somebody else, or nobody is known.
    Actor,
    /// It is known, or not known, who it was.
    Explained,
    /// Another rule found it.
    Rule,
    /// Something else happened to the entity.
    Kind,
}

/// When a route tells an alert that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Now,
    Never,
    /// At an instant.
    Later(DateTime<Utc>),
}

impl GroupBy {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::None, Self::Entity, Self::Actor, Self::Domain, Self::Rule];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Entity => "entity",
            Self::Actor => "actor",
            Self::Domain => "domain",
            Self::Rule => "rule",
        }
    }

    /// What an alert has in common with those that it belongs to.
    pub(super) fn title(self, alert: &Alert) -> String {
        use crate::model::Subject;
        match (self, &alert.subject) {
            (Self::None, _) => String::new(),
            (Self::Rule, _) => alert.rule.clone(),
            (Self::Actor, _) => {
                let names: Vec<&str> = alert.actors.iter().map(Actor::shown).collect();
                if names.is_empty() { "nobody that is known".to_owned() } else { names.join(", ") }
            }
            (Self::Domain, subject) => {
                subject.domain().map_or_else(|| "the trail".to_owned(), std::string::ToString::to_string)
            }
            (Self::Entity, Subject::Entity { domain, key, name, .. }) => {
                format!("{domain} {}", name.as_deref().unwrap_or(key.as_str()))
            }
            (Self::Entity, Subject::Domain(domain)) => domain.to_string(),
            (Self::Entity, Subject::Commit(text) | Subject::File(text)) => text.clone(),
            (Self::Entity, Subject::Trail) => "the trail".to_owned(),
        }
    }
}

impl Miss {
    /// Why it does not match, for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Level => "below its level",
            Self::Domain => "another domain",
            Self::Path => "another field",
            Self::Entity => "another entity",
            Self::Division => "another division",
            Self::Actor => "somebody else",
            Self::Explained => "otherwise explained",
            Self::Rule => "another rule",
            Self::Kind => "another kind of change",
        }
    }
}

impl RouteMatch {
    /// Whether an alert is meant; if not, by what.
    ///
    /// # Errors
    /// The first thing by which it is not.
    pub fn check(&self, told: &Told) -> Result<(), Miss> {
        let Told { alert, facts } = told;
        let Facts { entity, divisions, actors, paths, rules, .. } = facts;
        let any = |globs: &[GlobMatcher], texts: &[String]| {
            globs.is_empty() || texts.iter().any(|text| globs.iter().any(|glob| glob.is_match(text)))
        };
        let domain: Vec<String> = alert.subject.domain().map(ToString::to_string).into_iter().collect();
        let is_path =
            self.paths.is_empty() || paths.iter().any(|path| self.paths.iter().any(|glob| glob.matches(path)));
        let is_explained =
            self.explained.is_empty() || alert.explained.is_some_and(|word| self.explained.contains(&word));
        let is_kind = self.kinds.is_empty() || alert.kind.is_some_and(|kind| self.kinds.contains(&kind));
        [
            (self.level.is_none_or(|least| alert.severity >= least), Miss::Level),
            (any(&self.domains, &domain), Miss::Domain),
            (is_kind, Miss::Kind),
            (is_path, Miss::Path),
            (any(&self.entities, entity), Miss::Entity),
            (any(&self.divisions, divisions), Miss::Division),
            (any(&self.actors, actors), Miss::Actor),
            (is_explained, Miss::Explained),
            (any(&self.rules, rules), Miss::Rule),
        ]
        .into_iter()
        .find(|(holds, _)| !holds)
        .map_or(Ok(()), |(_, miss)| Err(miss))
    }

    /// Whether everything that another one is about is also what this one is about, as far as that can be told.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let globs = |own: &[GlobMatcher], others: &[GlobMatcher]| {
            let is_own = |glob: &GlobMatcher| {
                own.iter().any(|own| own.glob().glob() == glob.glob().glob() || own.glob().glob() == "*")
            };
            own.is_empty() || (!others.is_empty() && others.iter().all(is_own))
        };
        fn words<T: PartialEq>(own: &[T], others: &[T]) -> bool {
            own.is_empty() || (!others.is_empty() && others.iter().all(|other| own.contains(other)))
        }
        self.level.is_none_or(|least| other.level.is_some_and(|others| others >= least))
            && globs(&self.domains, &other.domains)
            && words(&self.paths, &other.paths)
            && globs(&self.entities, &other.entities)
            && globs(&self.divisions, &other.divisions)
            && globs(&self.actors, &other.actors)
            && words(&self.explained, &other.explained)
            && globs(&self.rules, &other.rules)
            && words(&self.kinds, &other.kinds)
    }
}

impl Route {
    /// When an alert that the route is about is told. That something is over is never held back from who was told that it began.
    pub(super) fn when(&self, alert: &Alert, now: DateTime<Utc>) -> When {
        if alert.phase != AlertPhase::Raised || self.except.is_some_and(|least| alert.severity >= least) {
            return When::Now;
        }
        if self.mute.iter().any(|window| window.contains(now)) {
            return When::Never;
        }
        if self.hours.is_empty() || self.hours.iter().any(|window| window.contains(now)) {
            return When::Now;
        }
        // Hours that never come again are none to wait for.
        next_begin(&self.hours, now).map_or(When::Never, When::Later)
    }
}
