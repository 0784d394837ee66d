//! Which permissions matter more than others, and what of who holds what is a finding: `schemas/rbac/`, and the user's file.

use serde::Deserialize;

use super::access::Kind;
use super::permission::Permission;
use crate::catalogue::{embedded_file, embedded_files};
use crate::model::{Severity, nearest};

/// The file of the permissions that come with the program.
const PERMISSIONS: &str = "rbac/permissions.toml";

/// The folder of the rules that come with the program.
const RULES: &str = "rbac/rules";

/// The rules and permissions in force.
#[derive(Clone, Debug)]
pub struct Rules {
    pub(super) rules: Vec<Rule>,
    pub(super) permissions: Vec<Listed>,
}

/// What is a finding. Its id is permanent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its permanent name, in kebab case.
    #[serde(default)]
    pub id: String,
    /// How much it matters.
    pub level: Severity,
    pub(super) check: Check,
    /// The kinds of principals that it looks at.
    #[serde(default)]
    pub(super) kinds: Vec<Kind>,
    /// What a principal has to be.
    #[serde(default)]
    pub(super) traits: Vec<String>,
    /// What a principal must not be.
    #[serde(default)]
    pub(super) without_traits: Vec<String>,
    /// The sets of permissions of each of which it has to hold one.
    #[serde(default)]
    pub(super) sets: Vec<String>,
    /// Whether only its own grants count.
    #[serde(default)]
    pub(super) own_grants: bool,
    /// What is said; `{…}` stands for names.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Check {
    /// Who holds what.
    Holder,
    /// What somebody is.
    Principal,
    /// A role that nobody holds.
    RoleUnused,
    /// A permission that nobody holds.
    PermissionUnused,
    /// A role from the factory that is not as it was.
    RoleDeviates,
    /// A grant beside an equal one of a group.
    GrantDoubled,
    /// A role that is equal to another.
    RoleDoubled,
}

/// A permission that matters more than others.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// The permission; `*` stands for any.
    pub pattern: String,
    /// The sets that it is in.
    pub sets: Vec<String>,
    /// How much it matters that somebody comes to hold it.
    pub level: Severity,
    /// What the pattern does not mean.
    #[serde(default)]
    pub except: Vec<String>,
    /// Why it matters.
    pub reason: String,
    /// Where its name is from.
    #[serde(default)]
    pub source: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PermissionFile {
    permission: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserFile {
    #[serde(default)]
    permission: Vec<Listed>,
    #[serde(default)]
    rule: Vec<Rule>,
    #[serde(default)]
    off: Off,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Off {
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    permissions: Vec<String>,
}

impl Rules {
    /// What comes with the program.
    ///
    /// # Errors
    /// Every problem. A released binary has none: the tests read all files.
    pub fn built_in() -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let text = embedded_file(PERMISSIONS).unwrap_or_default();
        let permissions = match toml::from_str::<PermissionFile>(text) {
            Ok(file) => file.permission,
            Err(error) => {
                problems.push(format!("{PERMISSIONS}: {}", error.message()));
                Vec::new()
            }
        };
        let mut rules = Vec::new();
        for (path, text) in embedded_files(RULES, "toml") {
            let name = path.rsplit('/').next().unwrap_or_default();
            let id = name.trim_end_matches(".toml").to_owned();
            match toml::from_str::<Rule>(text) {
                Ok(rule) => rules.push(Rule { id, ..rule }),
                Err(error) => problems.push(format!("{path}: {}", error.message())),
            }
        }
        let found = Self { rules, permissions };
        problems.extend(found.problems());
        if problems.is_empty() { Ok(found) } else { Err(problems) }
    }

    /// What comes with the program, with what a user's file adds, replaces and switches off.
    ///
    /// # Errors
    /// Every problem of the file.
    pub fn with_user(file: &str, text: &str) -> Result<Self, Vec<String>> {
        let mut rules = Self::built_in()?;
        let user: UserFile = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| 1 + text[..span.start].matches('\n').count());
            let line = line.map(|line| format!(":{line}")).unwrap_or_default();
            vec![format!("{file}{line}: {}", error.message())]
        })?;
        let mut problems = Vec::new();
        for listed in user.permission {
            rules.permissions.retain(|known| known.pattern != listed.pattern);
            rules.permissions.push(listed);
        }
        for rule in user.rule {
            rules.rules.retain(|known| known.id != rule.id);
            rules.rules.push(rule);
        }
        for id in &user.off.rules {
            if rules.rules.iter().all(|rule| rule.id != *id) {
                let meant = nearest(id, rules.rules.iter().map(|rule| rule.id.as_str()));
                problems.push(unknown("off.rules", "rule", id, meant));
            }
        }
        for pattern in &user.off.permissions {
            if rules.permissions.iter().all(|listed| listed.pattern != *pattern) {
                let meant = nearest(pattern, rules.permissions.iter().map(|listed| listed.pattern.as_str()));
                problems.push(unknown("off.permissions", "permission", pattern, meant));
            }
        }
        problems.extend(rules.problems());
        rules.rules.retain(|rule| !user.off.rules.contains(&rule.id));
        rules.permissions.retain(|listed| !user.off.permissions.contains(&listed.pattern));
        rules.rules.sort_by(|left, right| left.id.cmp(&right.id));
        if problems.is_empty() {
            return Ok(rules);
        }
        Err(problems.into_iter().map(|problem| format!("{file}: {problem}")).collect())
    }

    /// The ids of the rules.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.id.as_str())
    }

    /// The rules.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    /// The permissions that matter more than others.
    pub fn permissions(&self) -> impl Iterator<Item = &Listed> {
        self.permissions.iter()
    }

    /// How much it matters that somebody comes to hold a permission; `None` for one that does not matter more than others.
    pub(super) fn level_of(&self, permission: &Permission) -> Option<Severity> {
        self.permissions.iter().filter(|listed| listed.is_met_by(permission)).map(|listed| listed.level).max()
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let sets: Vec<&str> = self.permissions.iter().flat_map(|one| &one.sets).map(String::as_str).collect();
        for rule in &self.rules {
            if !is_kebab(&rule.id) {
                problems.push(format!("the id {:?} of a rule is not in kebab case", rule.id));
            }
            for set in rule.sets.iter().filter(|set| !sets.contains(&set.as_str())) {
                let meant = nearest(set, sets.iter().copied());
                problems.push(format!("rule {}: {}", rule.id, unknown("sets", "set of permissions", set, meant)));
            }
        }
        for listed in self.permissions.iter().filter(|listed| listed.reason.trim().is_empty()) {
            problems.push(format!("permission {}: it has no reason", listed.pattern));
        }
        problems
    }
}

impl Listed {
    /// Whether whoever holds a permission holds something that is meant here.
    pub(super) fn is_met_by(&self, permission: &Permission) -> bool {
        let is_excepted = |except: &String| Permission::new(except).covers(permission);
        permission.meets(&self.pattern) && !self.except.iter().any(is_excepted)
    }
}

fn is_kebab(id: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    id.split('-').all(is_word)
}

fn unknown(key: &str, what: &str, name: &str, meant: Option<&str>) -> String {
    let meant = meant.map(|meant| format!("; did you mean {meant:?}?")).unwrap_or_default();
    format!("{key}: there is no {what} {name:?}{meant}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_user_adds_replaces_and_switches_off() {
        let text = r#"
            [[permission]]
            pattern = "billing:*:*"
            sets = ["admin"]
            level = "high"
            reason = "Costs money."

            [[rule]]
            id = "admin-rights"
            level = "low"
            check = "holder"
            kinds = ["group"]
            sets = ["admin"]
            message = "{principal} has {permissions}"
            remedy = "Look at it."

            [off]
            rules = ["role-unused"]
            permissions = ["telephony:plugin:all"]
        "#;
        let rules = Rules::with_user("rbac.toml", text).unwrap();
        assert!(rules.permissions().any(|one| one.pattern == "billing:*:*"));
        assert!(rules.permissions().all(|one| one.pattern != "telephony:plugin:all"));
        assert!(rules.ids().all(|id| id != "role-unused"));
        assert_eq!(rules.iter().find(|rule| rule.id == "admin-rights").unwrap().level, Severity::Low);
        assert_eq!(rules.ids().count(), Rules::built_in().unwrap().ids().count() - 1);
    }

    #[test]
    fn every_problem_of_a_users_file_is_told() {
        let problems = |text: &str| Rules::with_user("rbac.toml", text).unwrap_err();
        assert_eq!(
            problems("[off]\nrules = [\"role-unsed\"]\npermissions = [\"oauth:client:ad\"]"),
            [
                "rbac.toml: off.rules: there is no rule \"role-unsed\"; did you mean \"role-unused\"?",
                "rbac.toml: off.permissions: there is no permission \"oauth:client:ad\"; did you mean \"oauth:client:add\"?",
            ]
        );
        assert!(problems("\nof = 1")[0].starts_with("rbac.toml:2: unknown field `of`"));
        let rule = "[[rule]]\nid = \"My rule\"\nlevel = \"low\"\ncheck = \"holder\"\nsets = [\"admn\"]\nmessage = \"m\"\nremedy = \"r\"";
        assert_eq!(
            problems(rule),
            [
                "rbac.toml: the id \"My rule\" of a rule is not in kebab case",
                "rbac.toml: rule My rule: sets: there is no set of permissions \"admn\"; did you mean \"admin\"?",
            ]
        );
    }

    #[test]
    fn what_is_excepted_is_not_met() {
        let rules = Rules::built_in().unwrap();
        let level = |text: &str| rules.level_of(&Permission::new(text));
        assert_eq!(level("authorization:grant:add"), Some(Severity::Critical));
        assert_eq!(level("authorization:policy:view"), None);
        assert_eq!(level("authorization:policy:*"), Some(Severity::Critical));
        assert_eq!(level("routing:queue:view"), None);
    }
}
