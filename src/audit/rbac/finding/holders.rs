//! Findings about those who hold something.

use std::collections::{BTreeMap, BTreeSet};

use super::super::access::{Division, Grant, Kind, Path, Principal, Right, Role};
use super::super::permission::Permission;
use super::super::rules::{Listed, Rule};
use super::Finder;
use super::telling::{bounded, counted, division_identity, judged, listed, role_shown, shown};
use crate::canonical::compact;
use crate::model::{Evidence, Finding, Value};

/// What a role allows of each set of a rule.
type Met<'f> = Vec<Vec<(&'f Listed, &'f Right)>>;

/// A role that a group has somewhere: the group, the role and where, as indexes.
type GroupGrant<'f> = (usize, usize, &'f Division);

impl<'f> Finder<'f> {
    pub(super) fn holders(&self, rule: &Rule) -> Vec<Finding> {
        let met: Vec<Met<'_>> = self.access.roles.iter().map(|role| self.met(rule, role)).collect();
        let mut found = Vec::new();
        for (index, principal) in self.access.principals.iter().enumerate() {
            if !is_meant(rule, principal) {
                continue;
            }
            let mut paths = self.access.paths(index);
            if rule.own_grants {
                paths.retain(|path| path.via.is_none());
            }
            if !self.has_all(rule, &met, &paths) || self.is_told_of_a_group(rule, &met, &paths) {
                continue;
            }
            found.extend(self.holder(rule, index, &paths, &met));
        }
        found
    }

    /// What a role allows of each set.
    fn met(&self, asked: &Rule, role: &'f Role) -> Met<'f> {
        let of_set = |set: &String| {
            let mut met = Vec::new();
            for right in role.rights.iter().flatten() {
                let listed = self.rules.permissions.iter().filter(|one| one.sets.contains(set));
                met.extend(listed.filter(|one| one.is_met_by(&right.permission)).map(|one| (one, right)));
            }
            met
        };
        asked.sets.iter().map(of_set).collect()
    }

    fn has_all(&self, rule: &Rule, met: &[Met<'_>], paths: &[Path]) -> bool {
        let has = |set: usize| paths.iter().any(|path| !met[self.access.grants[path.grant].role][set].is_empty());
        !paths.is_empty() && (0..rule.sets.len()).all(has)
    }

    /// Whether one group alone brings all of it, so that the finding is the group's and not that of each member.
    fn is_told_of_a_group(&self, rule: &Rule, met: &[Met<'_>], paths: &[Path]) -> bool {
        let groups: BTreeSet<usize> = paths.iter().filter_map(|path| Some(path.via.as_ref()?.group)).collect();
        groups.into_iter().any(|group| {
            let through = |path: &&Path| path.via.as_ref().is_some_and(|via| via.group == group);
            let own: Vec<Path> = paths.iter().filter(through).copied().collect();
            is_meant(rule, &self.access.principals[group]) && self.has_all(rule, met, &own)
        })
    }

    fn holder(&self, rule: &Rule, index: usize, paths: &[Path], met: &[Met<'_>]) -> Option<Finding> {
        let access = self.access;
        let (mut evidence, mut permissions, mut roles) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let mut identity = BTreeSet::new();
        for path in paths {
            let grant = &access.grants[path.grant];
            let granted = &access.roles[grant.role];
            let division = division_identity(&grant.division);
            if rule.sets.is_empty() {
                identity.insert(format!("{} {division}", granted.id));
                roles.insert(role_shown(granted));
                evidence.push(Evidence::new("grant", self.path_told(path)));
            }
            let mut allowed: BTreeMap<&Permission, (&Right, BTreeSet<&str>)> = BTreeMap::new();
            for (listed, right) in met[grant.role].iter().flatten() {
                identity.insert(format!("{} {division}", listed.pattern));
                permissions.insert(right.permission.to_string());
                allowed.entry(&right.permission).or_insert((right, BTreeSet::new())).1.insert(&listed.reason);
            }
            for (permission, (right, reasons)) in allowed {
                let condition = right.condition.as_ref().map(|one| format!(" if {}", one.text)).unwrap_or_default();
                let reasons: Vec<&str> = reasons.into_iter().collect();
                let text = format!("{permission}{condition}, by {}. {}", self.path_told(path), reasons.join(" "));
                evidence.push(Evidence::new("permission", text));
            }
        }
        let principal = &access.principals[index];
        let count = access.members(index);
        if principal.kind == Kind::Group {
            evidence.insert(0, Evidence::new("members", count.to_string()));
        }
        let identity = compact(&Value::Array(identity.into_iter().map(Value::from).collect()));
        let fill = [
            ("principal", shown(principal)),
            ("permissions", listed(&permissions)),
            ("roles", listed(&roles)),
            ("count", counted(count, "member", "members")),
        ];
        (!evidence.is_empty()).then(|| Finding {
            evidence: bounded(evidence),
            ..judged(rule, self.subject(index), &[principal.kind.as_str(), &principal.id, &identity], &fill)
        })
    }

    pub(super) fn principals(&self, rule: &Rule) -> Vec<Finding> {
        let meant = self.access.principals.iter().enumerate().filter(|(_, principal)| is_meant(rule, principal));
        meant
            .map(|(index, principal)| {
                let traits = principal.traits.iter().map(|one| Evidence::new("trait", one.as_ref()));
                Finding {
                    evidence: traits.collect(),
                    ..judged(
                        rule,
                        self.subject(index),
                        &[principal.kind.as_str(), &principal.id],
                        &[("principal", shown(principal))],
                    )
                }
            })
            .collect()
    }

    pub(super) fn doubled_grants(&self, rule: &Rule) -> Vec<Finding> {
        let access = self.access;
        // By group, role and the division of the group's grant: who has it besides, by which grant of their own.
        let mut doubled: BTreeMap<GroupGrant<'_>, BTreeMap<usize, &Grant>> = BTreeMap::new();
        for index in 0..access.principals.len() {
            let paths = access.paths(index);
            let own: Vec<&Grant> =
                paths.iter().filter(|path| path.via.is_none()).map(|path| &access.grants[path.grant]).collect();
            for path in &paths {
                let Some(via) = &path.via else { continue };
                let grant = &access.grants[path.grant];
                let is_equal = |one: &&&Grant| one.role == grant.role && grant.division.reaches(&one.division);
                if let Some(equal) = own.iter().find(is_equal) {
                    let members = doubled.entry((via.group, grant.role, &grant.division)).or_default();
                    members.insert(index, equal);
                }
            }
        }
        let tell = |((group, role, division), members): (GroupGrant<'_>, BTreeMap<usize, &Grant>)| {
            let (granted, of) = (&access.roles[role], &access.principals[group]);
            let count = counted(members.len(), "member", "members");
            let evidence = members.iter().map(|(index, grant)| {
                let text = format!("{}: {} {}", shown(&access.principals[*index]), grant.domain, grant.key);
                Evidence::new("own grant", text)
            });
            let fill = [
                ("count", count),
                ("group", shown(of)),
                ("role", role_shown(granted)),
                ("division", self.division_shown(division)),
            ];
            let parts = [of.id.as_str(), &granted.id, &division_identity(division)];
            Finding { evidence: bounded(evidence.collect()), ..judged(rule, self.subject(group), &parts, &fill) }
        };
        doubled.into_iter().map(tell).collect()
    }
}

fn is_meant(rule: &Rule, principal: &Principal) -> bool {
    let is = |name: &String| principal.traits.contains(name.as_str());
    rule.kinds.contains(&principal.kind) && rule.traits.iter().all(is) && !rule.without_traits.iter().any(is)
}
