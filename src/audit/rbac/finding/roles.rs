//! Findings about roles.

use std::collections::{BTreeMap, BTreeSet};

use super::super::access::{Right, Role};
use super::super::permission::Permission;
use super::super::rules::Rule;
use super::telling::{bounded, counted, judged, listed, role_shown};
use super::{Baseline, Finder};
use crate::canonical::compact;
use crate::model::{Evidence, Finding, Subject, Value};

impl<'f> Finder<'f> {
    /// The roles that a grant names; `None` where nothing may be concluded from what is missing.
    fn held(&self) -> Option<BTreeSet<usize>> {
        let domains = self.model.grants.iter().map(|one| &one.domain).chain([&self.model.roles.domain]);
        self.access.knows(domains).then(|| self.access.grants.iter().map(|grant| grant.role).collect())
    }

    pub(super) fn unused_roles(&self, rule: &Rule) -> Vec<Finding> {
        let Some(held) = self.held() else { return Vec::new() };
        let unused = self.own_roles().filter(|(index, _)| !held.contains(index));
        unused
            .map(|(_, role)| judged(rule, self.subject_of_role(role, None), &[&role.id], &[("role", role_shown(role))]))
            .collect()
    }

    pub(super) fn unused_permissions(&self, rule: &Rule) -> Vec<Finding> {
        let Some(held) = self.held() else { return Vec::new() };
        // What a role allows that is not understood may be just what is looked for.
        let is_understood = |index: &usize| {
            let granted = &self.access.roles[*index];
            granted.rights.is_some() && granted.unread.is_empty()
        };
        if !held.iter().all(is_understood) {
            return Vec::new();
        }
        let covering: BTreeSet<&Permission> = held
            .iter()
            .flat_map(|index| self.access.roles[*index].rights.iter().flatten())
            .map(|right| &right.permission)
            .collect();
        let wide: Vec<&&Permission> = covering.iter().filter(|one| one.as_str().contains('*')).collect();
        let is_held =
            |permission: &Permission| covering.contains(permission) || wide.iter().any(|one| one.covers(permission));
        let mut unused: BTreeMap<&str, BTreeMap<&Permission, BTreeSet<String>>> = BTreeMap::new();
        for (_, role) in self.own_roles().filter(|(index, _)| !held.contains(index)) {
            for right in role.rights.iter().flatten().filter(|right| !is_held(&right.permission)) {
                let of_domain = unused.entry(right.permission.domain()).or_default();
                of_domain.entry(&right.permission).or_default().insert(role_shown(role));
            }
        }
        let tell = |(domain, permissions): (&str, BTreeMap<&Permission, BTreeSet<String>>)| {
            let names: BTreeSet<String> = permissions.keys().map(ToString::to_string).collect();
            let evidence = permissions.into_iter().map(|(permission, roles)| {
                let roles: Vec<String> = roles.into_iter().collect();
                Evidence::new("permission", format!("{permission}, in {}", roles.join(", ")))
            });
            let fill = [
                ("count", counted(names.len(), "permission", "permissions")),
                ("domain", domain.to_owned()),
                ("permissions", listed(&names)),
            ];
            let subject = Subject::Domain(self.model.roles.domain.clone());
            Finding { evidence: bounded(evidence.collect()), ..judged(rule, subject, &[domain], &fill) }
        };
        unused.into_iter().map(tell).collect()
    }

    pub(super) fn deviating(&self, rule: &Rule, baseline: &Baseline<'_>) -> Vec<Finding> {
        let mut found = Vec::new();
        for role in self.access.roles.iter().filter(|role| role.is_default) {
            let Some(before) = baseline.access.roles.iter().find(|before| before.id == role.id) else { continue };
            let (Some(old), Some(new)) = (&before.rights, &role.rights) else { continue };
            let told = |right: &Right| {
                let condition = right.condition.as_ref().map(|one| format!(" if {}", one.text)).unwrap_or_default();
                format!("{}{condition}", right.permission)
            };
            let is_in = |rights: &[Right], one: &Right| {
                rights.iter().any(|other| (&other.permission, &other.condition) == (&one.permission, &one.condition))
            };
            let added: Vec<&Right> = new.iter().filter(|one| !is_in(old, one)).collect();
            let removed: Vec<&Right> = old.iter().filter(|one| !is_in(new, one)).collect();
            if added.is_empty() && removed.is_empty() {
                continue;
            }
            let identity: Vec<String> = [&added, &removed]
                .map(|rights| {
                    let texts = rights.iter().map(|right| {
                        Value::from(format!(
                            "{} {:?}",
                            right.permission,
                            right.condition.as_ref().map(|one| &one.identity)
                        ))
                    });
                    compact(&Value::Array(texts.collect()))
                })
                .to_vec();
            let mut evidence = vec![Evidence::new(
                "compared with",
                format!("{}, the first that has the role; what the factory gives is not on record", baseline.at),
            )];
            evidence.extend(added.iter().map(|right| Evidence::new("added", told(right))));
            evidence.extend(removed.iter().map(|right| Evidence::new("removed", told(right))));
            let count =
                format!("{} added, {} removed", counted(added.len(), "permission", "permissions"), removed.len());
            let fill = [("role", role_shown(role)), ("count", count)];
            let subject = self.subject_of_role(role, None);
            let parts = [role.id.as_str(), &identity[0], &identity[1]];
            found.push(Finding { evidence: bounded(evidence), ..judged(rule, subject, &parts, &fill) });
        }
        found
    }

    pub(super) fn doubled_roles(&self, rule: &Rule) -> Vec<Finding> {
        let mut equal: BTreeMap<Vec<(&str, Option<&str>)>, Vec<&Role>> = BTreeMap::new();
        for role in &self.access.roles {
            let Some(rights) = role.rights.as_ref().filter(|rights| !rights.is_empty() && role.unread.is_empty())
            else {
                continue;
            };
            let part = |right: &'f Right| {
                (right.permission.as_str(), right.condition.as_ref().map(|condition| condition.identity.as_str()))
            };
            let mut parts: Vec<_> = rights.iter().map(part).collect();
            parts.dedup();
            equal.entry(parts).or_default().push(role);
        }
        let mut found = Vec::new();
        for roles in equal.into_values().filter(|roles| roles.len() > 1) {
            let Some(subject) = roles.iter().find(|role| !role.is_default) else { continue };
            let others: Vec<&&Role> = roles.iter().filter(|role| role.id != subject.id).collect();
            let names: BTreeSet<String> = others.iter().map(|role| role_shown(role)).collect();
            let ids: Vec<&str> = others.iter().map(|role| role.id.as_str()).collect();
            let rights = subject.rights.as_ref().map_or(0, Vec::len);
            let mut evidence: Vec<Evidence> = others
                .iter()
                .map(|role| Evidence::new("equal role", format!("{} ({})", role_shown(role), role.id)))
                .collect();
            evidence.push(Evidence::new("permissions", rights.to_string()));
            let parts: Vec<&str> = [subject.id.as_str()].into_iter().chain(ids).collect();
            let fill = [("role", role_shown(subject)), ("other", listed(&names))];
            let finding = judged(rule, self.subject_of_role(subject, None), &parts, &fill);
            found.push(Finding { evidence: bounded(evidence), ..finding });
        }
        found
    }

    /// The roles on record that the organisation made itself.
    fn own_roles(&self) -> impl Iterator<Item = (usize, &'f Role)> {
        self.access.roles.iter().enumerate().filter(|(_, role)| !role.is_default && role.rights.is_some())
    }
}
