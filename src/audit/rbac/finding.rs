//! What of who may do what is a finding.

mod holders;
mod roles;
mod telling;

use super::access::{Access, Standing};
use super::model::Model;
use super::rules::{Check, Rules};
use crate::model::{Evidence, Finding, Severity, Subject};
pub(super) use telling::bounded;
use telling::{finding, role_shown, shown};

/// The rule of a finding that something is not known.
pub const NOT_TOLD: &str = "access-not-told";

/// The rule of a finding that a part of a role could not be understood.
pub const NOT_READ: &str = "role-not-understood";

/// The roles of an earlier state, to compare those from the factory with.
#[derive(Debug)]
pub struct Baseline<'b> {
    /// Who may do what there.
    pub access: &'b Access,
    /// Which state it is, in words.
    pub at: String,
}

/// Judges who may do what.
#[must_use]
pub fn find(access: &Access, model: &Model, rules: &Rules, baseline: Option<&Baseline<'_>>) -> Vec<Finding> {
    let finder = Finder { access, model, rules };
    let mut found = finder.not_told();
    for rule in &rules.rules {
        match rule.check {
            Check::Holder => found.extend(finder.holders(rule)),
            Check::Principal => found.extend(finder.principals(rule)),
            Check::RoleUnused => found.extend(finder.unused_roles(rule)),
            Check::PermissionUnused => found.extend(finder.unused_permissions(rule)),
            Check::RoleDeviates => found.extend(baseline.into_iter().flat_map(|one| finder.deviating(rule, one))),
            Check::GrantDoubled => found.extend(finder.doubled_grants(rule)),
            Check::RoleDoubled => found.extend(finder.doubled_roles(rule)),
        }
    }
    found
}

struct Finder<'f> {
    access: &'f Access,
    model: &'f Model,
    rules: &'f Rules,
}

impl Finder<'_> {
    fn not_told(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        for gap in &self.access.gaps {
            let level = match gap.standing {
                _ if gap.is_essential => Severity::High,
                Standing::NotCaptured => Severity::Low,
                _ => Severity::Medium,
            };
            let (domain, without) = (&gap.domain, &gap.without);
            found.push(Finding {
                message: format!("It cannot be told {without}: {domain} is {}", gap.standing.as_str()),
                remedy: format!(
                    "Capture {domain} (`orgtrail plan` tells what it takes), or acknowledge that it is not known."
                ),
                ..finding(NOT_TOLD, level, Subject::Domain(domain.clone()), &[domain.as_str()])
            });
        }
        for one in &self.access.restrictions {
            let count = one.in_force.to_string();
            found.push(Finding {
                message: format!("{count} {}: what they do is not worked out", one.about),
                remedy: "Read them beside what roles say.".to_owned(),
                ..finding(
                    NOT_TOLD,
                    Severity::Low,
                    Subject::Domain(one.domain.clone()),
                    &[one.domain.as_str(), "in force"],
                )
            });
        }
        for (index, group) in self.access.principals.iter().enumerate() {
            if group.gathers && !self.access.own[index].is_empty() {
                found.push(Finding {
                    message: format!(
                        "The group {} holds roles and gathers its members by rules: who they are is not known",
                        shown(group)
                    ),
                    remedy: "Capture the lists of the members of groups.".to_owned(),
                    ..finding(NOT_TOLD, Severity::Medium, self.subject(index), &[&group.id])
                });
            }
        }
        for role in &self.access.roles {
            if let Some(first) = role.unread.first() {
                let subject = self.subject_of_role(role, Some(first.clone()));
                found.push(Finding {
                    message: format!(
                        "A part of the role {} could not be understood, and what it allows is not told",
                        role_shown(role)
                    ),
                    remedy:
                        "Look at the role in the organisation; where its form is new, a newer orgtrail may know it."
                            .to_owned(),
                    evidence: role.unread.iter().map(|place| Evidence::new("place", place.as_str())).collect(),
                    ..finding(NOT_READ, Severity::Medium, subject, &[&role.id])
                });
            }
        }
        found
    }
}
