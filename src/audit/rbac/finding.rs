//! What of who may do what is a finding.

use std::collections::{BTreeMap, BTreeSet};

use super::access::{Access, Division, Grant, Kind, Path, Principal, Right, Role, Standing};
use super::model::Model;
use super::permission::Permission;
use super::rules::{Check, Listed, Rule, Rules};
use crate::canonical::{Digest, compact};
use crate::model::{DomainId, EntityKey, Evidence, Finding, Pointer, Severity, Subject, Value};

/// The rule of a finding that something is not known.
pub const NOT_TOLD: &str = "access-not-told";

/// The rule of a finding that a part of a role could not be understood.
pub const NOT_READ: &str = "role-not-understood";

/// Most pieces of evidence of one finding.
const MOST_EVIDENCE: usize = 20;

/// Most names in a message.
const MOST_NAMED: usize = 4;

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

/// What a role allows of each set of a rule.
type Met<'f> = Vec<Vec<(&'f Listed, &'f Right)>>;

impl<'f> Finder<'f> {
    fn not_told(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        for gap in &self.access.gaps {
            let level = if gap.standing == Standing::NotCaptured { Severity::Low } else { Severity::Medium };
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

    fn holders(&self, rule: &Rule) -> Vec<Finding> {
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
    fn met(&self, rule: &Rule, role: &'f Role) -> Met<'f> {
        let of_set = |set: &String| {
            let mut met = Vec::new();
            for right in role.rights.iter().flatten() {
                let listed = self.rules.permissions.iter().filter(|one| one.sets.contains(set));
                met.extend(listed.filter(|one| one.is_met_by(&right.permission)).map(|one| (one, right)));
            }
            met
        };
        rule.sets.iter().map(of_set).collect()
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
            let role = &access.roles[grant.role];
            let division = division_identity(&grant.division);
            if rule.sets.is_empty() {
                identity.insert(format!("{} {division}", role.id));
                roles.insert(role_shown(role));
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
            ..self.judged(rule, self.subject(index), &[principal.kind.as_str(), &principal.id, &identity], &fill)
        })
    }

    fn principals(&self, rule: &Rule) -> Vec<Finding> {
        let meant = self.access.principals.iter().enumerate().filter(|(_, principal)| is_meant(rule, principal));
        meant
            .map(|(index, principal)| {
                let traits = principal.traits.iter().map(|one| Evidence::new("trait", one.as_ref()));
                Finding {
                    evidence: traits.collect(),
                    ..self.judged(
                        rule,
                        self.subject(index),
                        &[principal.kind.as_str(), &principal.id],
                        &[("principal", shown(principal))],
                    )
                }
            })
            .collect()
    }

    /// The roles that a grant names; `None` where nothing may be concluded from what is missing.
    fn held(&self) -> Option<BTreeSet<usize>> {
        let domains = self.model.grants.iter().map(|one| &one.domain).chain([&self.model.roles.domain]);
        self.access.knows(domains).then(|| self.access.grants.iter().map(|grant| grant.role).collect())
    }

    fn unused_roles(&self, rule: &Rule) -> Vec<Finding> {
        let Some(held) = self.held() else { return Vec::new() };
        let unused = self.own_roles().filter(|(index, _)| !held.contains(index));
        unused
            .map(|(_, role)| {
                self.judged(rule, self.subject_of_role(role, None), &[&role.id], &[("role", role_shown(role))])
            })
            .collect()
    }

    fn unused_permissions(&self, rule: &Rule) -> Vec<Finding> {
        let Some(held) = self.held() else { return Vec::new() };
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
            Finding { evidence: bounded(evidence.collect()), ..self.judged(rule, subject, &[domain], &fill) }
        };
        unused.into_iter().map(tell).collect()
    }

    fn deviating(&self, rule: &Rule, baseline: &Baseline<'_>) -> Vec<Finding> {
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
            found.push(Finding { evidence: bounded(evidence), ..self.judged(rule, subject, &parts, &fill) });
        }
        found
    }

    fn doubled_grants(&self, rule: &Rule) -> Vec<Finding> {
        let access = self.access;
        // By group, role and the division of the group's grant: who has it besides, by which grant of their own.
        let mut doubled: BTreeMap<(usize, usize, &Division), BTreeMap<usize, &Grant>> = BTreeMap::new();
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
        let tell = |((group, role, division), members): ((usize, usize, &Division), BTreeMap<usize, &Grant>)| {
            let (role, of) = (&access.roles[role], &access.principals[group]);
            let count = counted(members.len(), "member", "members");
            let evidence = members.iter().map(|(index, grant)| {
                let text = format!("{}: {} {}", shown(&access.principals[*index]), grant.domain, grant.key);
                Evidence::new("own grant", text)
            });
            let fill = [
                ("count", count),
                ("group", shown(of)),
                ("role", role_shown(role)),
                ("division", self.division_shown(division)),
            ];
            let parts = [of.id.as_str(), &role.id, &division_identity(division)];
            Finding { evidence: bounded(evidence.collect()), ..self.judged(rule, self.subject(group), &parts, &fill) }
        };
        doubled.into_iter().map(tell).collect()
    }

    fn doubled_roles(&self, rule: &Rule) -> Vec<Finding> {
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
            let finding = self.judged(rule, self.subject_of_role(subject, None), &parts, &fill);
            found.push(Finding { evidence: bounded(evidence), ..finding });
        }
        found
    }

    /// The roles on record that the organisation made itself.
    fn own_roles(&self) -> impl Iterator<Item = (usize, &'f Role)> {
        self.access.roles.iter().enumerate().filter(|(_, role)| !role.is_default && role.rights.is_some())
    }

    /// What a finding about a principal is about; of one that no domain has, the grant that names it.
    fn subject(&self, index: usize) -> Subject {
        let principal = &self.access.principals[index];
        let first = self.access.own[index].clone().next().map(|grant| &self.access.grants[grant]);
        let entity = |domain: &DomainId, key: &EntityKey, name| Subject::Entity {
            domain: domain.clone(),
            key: key.clone(),
            name,
            path: None,
        };
        match (&principal.domain, first) {
            (Some(domain), _) => entity(domain, &EntityKey::new(&principal.id), principal.name.clone()),
            (None, Some(grant)) => entity(&grant.domain, &grant.key, None),
            (None, None) => Subject::Trail,
        }
    }

    fn subject_of_role(&self, role: &Role, path: Option<Pointer>) -> Subject {
        let (domain, key) = (self.model.roles.domain.clone(), EntityKey::new(&role.id));
        Subject::Entity { domain, key, name: role.name.clone(), path }
    }

    fn path_told(&self, path: &Path) -> String {
        let grant = &self.access.grants[path.grant];
        let role = role_shown(&self.access.roles[grant.role]);
        let via =
            path.via.as_ref().map(|via| format!(" through the group {}", shown(&self.access.principals[via.group])));
        format!("the role {role} in {}{}", self.division_shown(&grant.division), via.unwrap_or_default())
    }

    fn division_shown(&self, division: &Division) -> String {
        match division {
            Division::All => "all divisions".to_owned(),
            Division::Untold => "a division that is not told".to_owned(),
            Division::One(id) => self.access.division_name(division).unwrap_or(id).to_owned(),
        }
    }

    fn judged(&self, rule: &Rule, subject: Subject, identity: &[&str], fill: &[(&str, String)]) -> Finding {
        Finding {
            message: filled(&rule.message, fill),
            remedy: rule.remedy.clone(),
            ..finding(&rule.id, rule.level, subject, identity)
        }
    }
}

fn is_meant(rule: &Rule, principal: &Principal) -> bool {
    let is = |name: &String| principal.traits.contains(name.as_str());
    rule.kinds.contains(&principal.kind) && rule.traits.iter().all(is) && !rule.without_traits.iter().any(is)
}

/// A finding that is yet to be told. Its fingerprint is over what it is about, not over how anything is called.
fn finding(rule: &str, severity: Severity, subject: Subject, identity: &[&str]) -> Finding {
    let parts = [rule].into_iter().chain(identity.iter().copied()).map(Value::from).collect();
    Finding {
        rule: rule.to_owned(),
        severity,
        subject,
        message: String::new(),
        remedy: String::new(),
        evidence: Vec::new(),
        actors: Vec::new(),
        place: None,
        fingerprint: Digest::of(compact(&Value::Array(parts)).as_bytes()).short(),
        acknowledged: None,
    }
}

/// A message with names in it. What a name says is not filled in again.
fn filled(message: &str, fill: &[(&str, String)]) -> String {
    let mut text = String::new();
    let mut rest = message;
    while let Some((before, behind)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, after)) = behind.split_once('}') else {
            text.push('{');
            rest = behind;
            continue;
        };
        match fill.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => text.push_str(value),
            None => text.extend(["{", name, "}"]),
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

fn shown(principal: &Principal) -> String {
    principal.name.clone().unwrap_or_else(|| principal.id.clone())
}

fn role_shown(role: &Role) -> String {
    role.name.clone().unwrap_or_else(|| role.id.clone())
}

fn division_identity(division: &Division) -> String {
    match division {
        Division::All => "all".to_owned(),
        Division::Untold => "untold".to_owned(),
        Division::One(id) => format!("one {id}"),
    }
}

/// The first names, and how many more there are.
fn listed(names: &BTreeSet<String>) -> String {
    let first: Vec<&str> = names.iter().take(MOST_NAMED).map(String::as_str).collect();
    match names.len() - first.len() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn bounded(mut evidence: Vec<Evidence>) -> Vec<Evidence> {
    if evidence.len() > MOST_EVIDENCE {
        let more = evidence.len() - (MOST_EVIDENCE - 1);
        evidence.truncate(MOST_EVIDENCE - 1);
        evidence.push(Evidence::new("left out", format!("{more} more")));
    }
    evidence
}
