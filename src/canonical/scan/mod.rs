//! Finds values that look like secrets, wherever they are.
//!
//! What is looked for is data, `schemas/secrets/`: a rule set that others keep, rules of our own, and names of members that
//! speak for their values where the schema leaves them open. A leaf in which anything is found is a secret as a whole.

mod names;
mod rules;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

pub(super) use names::Hint;
use rules::RuleSet;

use super::Digest;
use crate::catalogue::{Domain, embedded_file};
use crate::model::{DomainId, Object, Pointer, PointerGlob};

/// The rule that is named where the name of a member was enough.
const BY_NAME: &str = "secret-name";

static BUILT_IN: LazyLock<Result<RuleSet, String>> = LazyLock::new(|| {
    let file = |name: &str| embedded_file(name).unwrap_or_default();
    RuleSet::read(file("secrets/gitleaks.toml"), file("secrets/scan.toml"))
});

/// The scan for values that look like secrets.
#[derive(Clone)]
pub struct Scan {
    rules: &'static RuleSet,
    allowed: Vec<Allowance>,
}

/// Files of the scan that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("schemas/secrets: {0}")]
pub struct ScanProblem(String);

/// Places whose values stay in clear although they look like secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The domains it is about.
    pub domains: BTreeSet<DomainId>,
    /// The places, as a pattern of pointers.
    pub pointer: String,
}

impl Scan {
    /// The scan that comes with the program.
    ///
    /// # Errors
    /// [`ScanProblem`]. A released binary has none: the tests read the files.
    pub fn built_in() -> Result<Self, ScanProblem> {
        match &*BUILT_IN {
            Ok(rules) => Ok(Self { rules, allowed: Vec::new() }),
            Err(problem) => Err(ScanProblem(problem.clone())),
        }
    }

    /// The scan that leaves some places in clear.
    #[must_use]
    pub fn allowing(self, allowed: Vec<Allowance>) -> Self {
        Self { allowed, ..self }
    }

    /// The version of what is looked for: under a later one stored content is scanned again.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.rules.version
    }

    /// The rule by which a text holds a secret.
    #[must_use]
    pub fn rule_in(&self, text: &str) -> Option<&'static str> {
        self.rules.find(text)
    }

    /// Whether the name of a member says that its value is a secret.
    #[must_use]
    pub fn is_secret_name(&self, name: &str) -> bool {
        self.rules.names.below(name, true, Hint::None) > Hint::Vague
    }

    /// The digest of all that decides the stored form of a domain: its own, and what is allowed in it.
    #[must_use]
    pub fn treatment(&self, domain: &Domain) -> String {
        let own = domain.treatment().to_string();
        let allowed: BTreeSet<&str> = self.allowed_in(&domain.id).map(|allowed| allowed.pointer.as_str()).collect();
        if allowed.is_empty() {
            return own;
        }
        allowed
            .into_iter()
            .fold(own, |digest, pointer| Digest::of(format!("{digest}\n{pointer}").as_bytes()).to_string())
    }

    /// The rule by which a leaf is a secret. `names` are those of the members around it that the schema leaves open, and
    /// `hint` is what they say.
    pub(super) fn rule_of<'n>(
        &self,
        text: &str,
        hint: Hint,
        mut names: impl Iterator<Item = &'n str>,
    ) -> Option<&'static str> {
        if let Some(rule) = self.rules.find(text) {
            return Some(rule);
        }
        if self.rules.names.is_secret(text, hint) {
            return Some(BY_NAME);
        }
        names.find_map(|name| self.rules.find_beside(name, text))
    }

    /// What the name of a member says of what is below it, given what is said of the member's object.
    pub(super) fn hint_below(&self, name: &str, is_open: bool, above: Hint) -> Hint {
        if is_open || above != Hint::None { self.rules.names.below(name, is_open, above) } else { Hint::None }
    }

    /// What one member of a pair says of the other, and the name of the other.
    pub(super) fn pair_in(&self, object: &Object<'_>) -> Option<(Hint, String)> {
        self.rules.names.pair_in(object)
    }

    /// Whether among names of members there may be two of which one names the other.
    pub(super) fn is_pair<'n>(&self, names: impl Iterator<Item = &'n str>) -> bool {
        self.rules.names.is_pair(names)
    }

    /// Whether a place stays in clear.
    pub(super) fn allows(&self, domain: &DomainId, place: impl FnOnce() -> Pointer) -> bool {
        let mut allowed = self.allowed_in(domain).peekable();
        if allowed.peek().is_none() {
            return false;
        }
        let place = place();
        allowed.any(|allowed| PointerGlob::new(&allowed.pointer).matches(&place))
    }

    fn allowed_in(&self, domain: &DomainId) -> impl Iterator<Item = &Allowance> {
        self.allowed.iter().filter(move |allowed| allowed.domains.contains(domain))
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").field("version", &self.version()).field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
