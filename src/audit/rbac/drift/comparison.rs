//! Two states side by side, one principal at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::access::{Access, Division, Grant, Path, Right, Role};
use super::super::model::Model;
use super::super::permission::Permission;
use super::super::rules::Rules;
use super::{Cause, CauseKind, PrincipalDrift, Recreated, Shift};
use crate::canonical::{Digest, compact};
use crate::model::{Severity, Value};

/// What a role allows, by ids; absent where that is not known.
type Content<'c> = Option<Vec<(&'c str, Option<&'c str>)>>;

/// The triples of a principal, each with the ways it comes about and its condition as a person reads it.
type Triples<'c> = BTreeMap<Key<'c>, (Vec<Path>, Option<&'c str>)>;

/// What a role allows, as a number that is the same for equal roles of both states; and where a grant of it holds.
type Holding<'a> = (usize, &'a Division);

pub(super) struct Comparison<'c> {
    before: &'c Access,
    after: &'c Access,
    /// Traits for which grants are without effect.
    void: BTreeSet<&'c String>,
    /// For each role of a state the number of what it allows.
    contents: [Vec<usize>; 2],
    /// The id that a role has in the later state, by the one it had.
    moved: BTreeMap<&'c str, &'c str>,
    /// For each role of a state the same role of the other one, made again or not.
    counterparts: [Vec<Option<usize>>; 2],
}

/// A triple, by what tells it from others.
type Key<'a> = (&'a Permission, &'a Division, Option<&'a str>);

impl<'c> Comparison<'c> {
    pub(super) fn new(model: &'c Model, before: &'c Access, after: &'c Access) -> Self {
        let mut numbers: HashMap<Content<'_>, usize> = HashMap::new();
        let mut contents = [Vec::new(), Vec::new()];
        for (side, access) in [before, after].into_iter().enumerate() {
            for role in &access.roles {
                let next = numbers.len();
                contents[side].push(*numbers.entry(content(role)).or_insert(next));
            }
        }
        let on_record = |access: &'c Access| -> BTreeMap<&'c str, usize> {
            let roles = access.roles.iter().enumerate().filter(|(_, role)| role.rights.is_some());
            roles.map(|(index, role)| (role.id.as_str(), index)).collect()
        };
        let (old, new) = (on_record(before), on_record(after));
        let mut moved = BTreeMap::new();
        for (id, index) in old.iter().filter(|(id, _)| !new.contains_key(*id)) {
            let role = &before.roles[*index];
            let is_same = |(other, at): &(&&str, &usize)| {
                !old.contains_key(**other)
                    && role.name.is_some()
                    && after.roles[**at].name == role.name
                    && contents[1][**at] == contents[0][*index]
                    && !moved.values().any(|taken| taken == *other)
            };
            if let Some((other, _)) = new.iter().find(is_same) {
                moved.insert(*id, *other);
            }
        }
        let counterparts = [0, 1].map(|side| {
            let (own, other) = if side == 0 { (before, after) } else { (after, before) };
            let ids: HashMap<&str, usize> =
                other.roles.iter().enumerate().map(|(index, role)| (role.id.as_str(), index)).collect();
            let of_role = |role: &Role| {
                let id = role.id.as_str();
                let moved = match side {
                    0 => moved.get(id).copied(),
                    _ => moved.iter().find(|(_, to)| **to == id).map(|(from, _)| *from),
                };
                ids.get(moved.unwrap_or(id)).copied()
            };
            own.roles.iter().map(of_role).collect()
        });
        let void = model.grants.iter().flat_map(|one| &one.void_for).collect();
        Self { before, after, void, contents, moved, counterparts }
    }

    pub(super) fn recreated(&self) -> Vec<Recreated> {
        let told = |(from, to): (&&str, &&str)| {
            let role = self.after.roles.iter().find(|role| role.id == **to)?;
            Some(Recreated { from: (*from).to_owned(), to: (*to).to_owned(), name: role.name.clone()? })
        };
        self.moved.iter().filter_map(told).collect()
    }

    pub(super) fn principal(&self, rules: &Rules, old: Option<usize>, new: Option<usize>) -> Option<PrincipalDrift> {
        if self.holdings(0, old) == self.holdings(1, new) {
            return None;
        }
        let (had, has) = (triples(self.before, old), triples(self.after, new));
        let gained = self.shifts(&has, &had, [new, old], 1);
        let lost = self.shifts(&had, &has, [old, new], 0);
        if gained.is_empty() && lost.is_empty() {
            return None;
        }
        let principal = match (new, old) {
            (Some(index), _) => &self.after.principals[index],
            (None, Some(index)) => &self.before.principals[index],
            (None, None) => return None,
        };
        let worst = gained.iter().map(|one| rules.level_of(&one.permission).unwrap_or(Severity::Medium)).max();
        let told = |shifts: &[Shift]| -> String {
            let texts = shifts
                .iter()
                .map(|one| Value::from(format!("{} {:?} {:?}", one.permission, one.division, one.condition)));
            compact(&Value::Array(texts.collect()))
        };
        let parts = [principal.id.clone(), told(&gained), told(&lost)].map(Value::from).to_vec();
        Some(PrincipalDrift {
            kind: principal.kind,
            id: principal.id.clone(),
            name: principal.name.clone(),
            domain: principal.domain.clone(),
            severity: worst.unwrap_or(Severity::Low),
            fingerprint: Digest::of(compact(&Value::Array(parts)).as_bytes()).short(),
            gained,
            lost,
        })
    }

    fn access(&self, side: usize) -> &'c Access {
        if side == 0 { self.before } else { self.after }
    }

    fn holdings(&self, side: usize, principal: Option<usize>) -> BTreeSet<Holding<'c>> {
        let access = self.access(side);
        let paths = principal.map(|index| access.paths(index)).unwrap_or_default();
        let holding = |path: Path| {
            let grant = &access.grants[path.grant];
            (self.contents[side][grant.role], &grant.division)
        };
        paths.into_iter().map(holding).collect()
    }

    /// What of one side the other does not cover, and why.
    fn shifts(&self, own: &Triples<'c>, other: &Triples<'c>, principal: [Option<usize>; 2], side: usize) -> Vec<Shift> {
        let is_covered = |(permission, division, condition): &Key<'_>| {
            other.contains_key(&(*permission, *division, *condition))
                || other.keys().any(|(wide, reach, under)| {
                    (under.is_none() || under == condition) && reach.reaches(division) && wide.covers(permission)
                })
        };
        let mut shifts = Vec::new();
        for (key @ (permission, division, _), (paths, condition)) in own {
            if is_covered(key) {
                continue;
            }
            let causes = paths.iter().flat_map(|path| self.causes(path, key, principal, side)).collect();
            shifts.push(Shift {
                permission: (*permission).clone(),
                division: (*division).clone(),
                division_name: self.access(side).division_name(division).map(str::to_owned),
                condition: condition.map(str::to_owned),
                causes,
            });
        }
        shifts
    }

    /// What of a path the other side does not have.
    fn causes(&self, path: &Path, key: &Key<'_>, principal: [Option<usize>; 2], side: usize) -> Vec<Cause> {
        let (own, other) = (self.access(side), self.access(1 - side));
        let grant = &own.grants[path.grant];
        let role = &own.roles[grant.role];
        let of_role = Some((role.id.clone(), role.name.clone()));
        let group = path.via.as_ref().map(|via| &own.principals[via.group]);
        let of_group = group.map(|group| (group.id.clone(), group.name.clone()));
        let cause = |kind| Cause { kind, role: of_role.clone(), group: of_group.clone() };
        let Some(there) = principal[1] else {
            let kind = if side == 1 { CauseKind::PrincipalAdded } else { CauseKind::PrincipalRemoved };
            return vec![Cause { kind, role: None, group: None }];
        };
        let mut causes = Vec::new();
        let subject = match group {
            None => Some(there),
            Some(group) => {
                let index = other.principal(&group.id);
                if !index.is_some_and(|index| other.groups[there].iter().any(|one| one.group == index)) {
                    causes.push(Cause { role: None, ..cause(CauseKind::Membership) });
                }
                index
            }
        };
        let counterpart = self.counterparts[side][grant.role];
        let is_same = |one: &Grant| Some(one.role) == counterpart && one.division == grant.division;
        let has_grant = subject.is_some_and(|index| other.grants[other.own[index].clone()].iter().any(is_same));
        let (permission, _, condition) = key;
        let covers = |right: &Right| {
            let under = right.condition.as_ref().map(|one| one.identity.as_str());
            right.permission.covers(permission) && (under.is_none() || under == *condition)
        };
        let is_void = |access: &Access, index: usize| {
            self.void.iter().any(|name| access.principals[index].traits.contains(name.as_str()))
        };
        match counterpart.filter(|index| other.roles[*index].rights.is_some()) {
            None => causes.push(cause(CauseKind::Role)),
            Some(_) if !has_grant && group.is_none() && is_void(other, there) => {
                causes.push(cause(CauseKind::PrincipalEdit));
            }
            Some(_) if !has_grant => causes.push(cause(CauseKind::Grant)),
            Some(index) if !other.roles[index].rights.iter().flatten().any(covers) => {
                causes.push(cause(CauseKind::RoleEdit));
            }
            Some(_) => {}
        }
        causes
    }
}

/// What a role allows, by ids; absent where that is not known.
fn content(role: &Role) -> Content<'_> {
    let rights = role.rights.as_ref()?;
    let mut parts: Vec<_> = rights
        .iter()
        .map(|right| (right.permission.as_str(), right.condition.as_ref().map(|one| one.identity.as_str())))
        .collect();
    parts.dedup();
    Some(parts)
}

fn triples(access: &Access, principal: Option<usize>) -> Triples<'_> {
    let mut found: Triples<'_> = BTreeMap::new();
    for path in principal.map(|index| access.paths(index)).unwrap_or_default() {
        let grant = &access.grants[path.grant];
        for right in access.roles[grant.role].rights.iter().flatten() {
            let condition = right.condition.as_ref();
            let key = (&right.permission, &grant.division, condition.map(|one| one.identity.as_str()));
            let text = condition.map(|one| one.text.as_str());
            found.entry(key).or_insert_with(|| (Vec::new(), text)).0.push(path);
        }
    }
    found
}
