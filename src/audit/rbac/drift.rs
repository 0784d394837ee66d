//! What became of who may do what between two states: what each principal gained and lost, and why.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::access::{Access, Division, Gap, Grant, Kind, Path, Role, Standing};
use super::model::Model;
use super::permission::Permission;
use super::resolve::{Source, Sources};
use super::rules::Rules;
use crate::canonical::{Digest, compact};
use crate::catalogue::Catalogue;
use crate::model::{DomainId, EntityKey, EntitySource, Evidence, Finding, Severity, Subject, Value};

/// The rule of a finding that somebody gained access.
pub const GAINED: &str = "access-gained";

/// The rule of a finding that somebody lost access.
pub const LOST: &str = "access-lost";

/// Most pieces of evidence of one finding.
const MOST_EVIDENCE: usize = 20;

/// What became of who may do what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// Those who gained or lost something, in order of kind and id.
    pub principals: Vec<PrincipalDrift>,
    /// Roles that were made again under another id, with the name and the permissions they had.
    pub recreated: Vec<Recreated>,
    /// Domains that one of the states does not know: what depends on them was left out on both sides.
    pub left_out: Vec<DomainId>,
    /// What is not known of the later state.
    pub gaps: Vec<Gap>,
}

/// What one principal gained and lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalDrift {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// The domain that has it, where one does.
    pub domain: Option<DomainId>,
    /// What it may do now and could not before.
    pub gained: Vec<Shift>,
    /// What it could do before and may not now.
    pub lost: Vec<Shift>,
    /// How much it matters: what it gained by the permissions in it, what it lost little.
    pub severity: Severity,
    /// 16 hex digits over who it is and what it gained and lost.
    pub fingerprint: String,
}

/// A permission in a division that was gained or lost.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shift {
    /// The permission.
    pub permission: Permission,
    /// Where.
    pub division: Division,
    /// The name of the division.
    pub division_name: Option<String>,
    /// The condition under which it holds.
    pub condition: Option<String>,
    /// Why, each once.
    pub causes: BTreeSet<Cause>,
}

/// Why something was gained or lost.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// What happened.
    pub kind: CauseKind,
    /// The role that it happened to or that was granted: its id and its name.
    pub role: Option<(String, Option<String>)>,
    /// The group that it came through: its id and its name.
    pub group: Option<(String, Option<String>)>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CauseKind {
    /// The principal is new.
    PrincipalAdded,
    /// The principal is gone.
    PrincipalRemoved,
    /// Somebody was put into a group or taken out of it.
    Membership,
    /// A grant was made or taken away.
    Grant,
    /// What a role allows was edited.
    RoleEdit,
    /// A role was made or deleted.
    Role,
    /// The principal itself was edited in a way that its roles count, or no longer do.
    PrincipalEdit,
}

/// A role that was made again under another id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recreated {
    /// The id it had.
    pub from: String,
    /// The id it has.
    pub to: String,
    /// Its name.
    pub name: String,
}

impl CauseKind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PrincipalAdded => "principal-added",
            Self::PrincipalRemoved => "principal-removed",
            Self::Membership => "membership",
            Self::Grant => "grant",
            Self::RoleEdit => "role-edit",
            Self::Role => "role",
            Self::PrincipalEdit => "principal-edit",
        }
    }
}

/// A state to compare: its domains, and what names are found in.
pub type State<'s> = (&'s Sources, &'s dyn EntitySource);

/// Compares who may do what in two states.
///
/// What one of the states does not know is left out on both sides: it would look as if all of it had been granted at once.
#[must_use]
pub fn drift(model: &Model, catalogue: &Catalogue, rules: &Rules, from: State<'_>, to: State<'_>) -> Drift {
    let is_unknown = |sources: &Sources, domain: &DomainId| {
        let known = |source: &Source| source.content.is_some() && source.standing != Standing::UnderWay;
        !sources.get(domain).is_some_and(known)
    };
    let is_lopsided = |domain: &DomainId| is_unknown(from.0, domain) != is_unknown(to.0, domain);
    let left_out: Vec<DomainId> = model.domains().into_iter().filter(is_lopsided).collect();
    let without = |sources: &Sources| -> Sources {
        let kept = sources.iter().map(|(domain, source)| {
            let content = source.content.clone().filter(|_| !left_out.contains(domain));
            (domain.clone(), Source { content, standing: source.standing })
        });
        kept.collect()
    };
    let before = Access::resolve(model, catalogue, &without(from.0), from.1);
    let after = Access::resolve(model, catalogue, &without(to.0), to.1);
    let comparison = Comparison::new(&before, &after);
    let mut ids: BTreeMap<(Kind, &str), (Option<usize>, Option<usize>)> = BTreeMap::new();
    for (index, one) in after.principals.iter().enumerate() {
        ids.insert((one.kind, &one.id), (before.principal(&one.id), Some(index)));
    }
    for (index, one) in before.principals.iter().enumerate() {
        if after.principal(&one.id).is_none() {
            ids.insert((one.kind, &one.id), (Some(index), None));
        }
    }
    let principals = ids.into_values().filter_map(|(old, new)| comparison.principal(rules, old, new)).collect();
    Drift { principals, recreated: comparison.recreated(), left_out, gaps: after.gaps.clone() }
}

/// What a role allows, as a number that is the same for equal roles of both states; and where a grant of it holds.
type Holding<'a> = (usize, &'a Division);

struct Comparison<'c> {
    before: &'c Access,
    after: &'c Access,
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
    fn new(before: &'c Access, after: &'c Access) -> Self {
        let mut numbers: HashMap<Option<Vec<(&str, Option<&str>)>>, usize> = HashMap::new();
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
        Self { before, after, contents, moved, counterparts }
    }

    fn recreated(&self) -> Vec<Recreated> {
        let told = |(from, to): (&&str, &&str)| {
            let role = self.after.roles.iter().find(|role| role.id == **to)?;
            Some(Recreated { from: (*from).to_owned(), to: (*to).to_owned(), name: role.name.clone()? })
        };
        self.moved.iter().filter_map(told).collect()
    }

    fn principal(&self, rules: &Rules, old: Option<usize>, new: Option<usize>) -> Option<PrincipalDrift> {
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
    fn shifts(
        &self,
        own: &BTreeMap<Key<'c>, (Vec<Path>, Option<&'c str>)>,
        other: &BTreeMap<Key<'c>, (Vec<Path>, Option<&'c str>)>,
        principal: [Option<usize>; 2],
        side: usize,
    ) -> Vec<Shift> {
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
            let causes = paths.iter().flat_map(|path| self.causes(path, permission, principal, side)).collect();
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
    fn causes(&self, path: &Path, permission: &Permission, principal: [Option<usize>; 2], side: usize) -> Vec<Cause> {
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
        let allows =
            |index: usize| other.roles[index].rights.iter().flatten().any(|right| right.permission.covers(permission));
        match counterpart.filter(|index| other.roles[*index].rights.is_some()) {
            None => causes.push(cause(CauseKind::Role)),
            Some(_) if !has_grant => causes.push(cause(CauseKind::Grant)),
            Some(index) if !allows(index) || self.contents[1 - side][index] != self.contents[side][grant.role] => {
                causes.push(cause(CauseKind::RoleEdit));
            }
            Some(_) if causes.is_empty() => causes.push(cause(CauseKind::PrincipalEdit)),
            Some(_) => {}
        }
        causes
    }
}

/// What a role allows, by ids; absent where that is not known.
fn content(role: &Role) -> Option<Vec<(&str, Option<&str>)>> {
    let rights = role.rights.as_ref()?;
    let mut parts: Vec<_> = rights
        .iter()
        .map(|right| (right.permission.as_str(), right.condition.as_ref().map(|one| one.identity.as_str())))
        .collect();
    parts.dedup();
    Some(parts)
}

fn triples(access: &Access, principal: Option<usize>) -> BTreeMap<Key<'_>, (Vec<Path>, Option<&str>)> {
    let mut found: BTreeMap<Key<'_>, (Vec<Path>, Option<&str>)> = BTreeMap::new();
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

impl Drift {
    /// Whether nobody gained or lost anything, and no role was made again.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.principals.is_empty() && self.recreated.is_empty()
    }

    /// The drift as findings: one for each principal.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        self.principals.iter().map(PrincipalDrift::finding).collect()
    }
}

impl PrincipalDrift {
    fn finding(&self) -> Finding {
        let shifts = self.gained.iter().map(|one| ("gained", one)).chain(self.lost.iter().map(|one| ("lost", one)));
        let mut evidence: Vec<Evidence> = shifts.map(|(word, shift)| Evidence::new(word, shift.told())).collect();
        if evidence.len() > MOST_EVIDENCE {
            let more = evidence.len() - (MOST_EVIDENCE - 1);
            evidence.truncate(MOST_EVIDENCE - 1);
            evidence.push(Evidence::new("left out", format!("{more} more")));
        }
        let name = self.name.as_deref().unwrap_or(&self.id);
        let (gained, lost) = (self.gained.len(), self.lost.len());
        let (rule, message, remedy) = if gained > 0 {
            let also = if lost > 0 { format!(" and lost {lost}") } else { String::new() };
            let message = format!("{name} gained {gained} of what may be done{also}");
            (GAINED, message, "See that it is meant; take back the grant, the membership or the edit if it is not.")
        } else {
            let message = format!("{name} lost {lost} of what may be done");
            (LOST, message, "See that whoever depends on it still can do their work.")
        };
        let subject = match &self.domain {
            Some(domain) => Subject::Entity {
                domain: domain.clone(),
                key: EntityKey::new(&self.id),
                name: self.name.clone(),
                path: None,
            },
            None => Subject::Trail,
        };
        Finding {
            rule: rule.to_owned(),
            severity: self.severity,
            subject,
            message,
            remedy: remedy.to_owned(),
            evidence,
            actors: Vec::new(),
            place: None,
            fingerprint: self.fingerprint.clone(),
            acknowledged: None,
        }
    }
}

impl Shift {
    /// The permission, where and under which condition, and why, in a line.
    #[must_use]
    pub fn told(&self) -> String {
        let condition = self.condition.as_ref().map(|text| format!(" if {text}")).unwrap_or_default();
        let causes: Vec<String> = self.causes.iter().map(Cause::told).collect();
        format!("{} in {}{condition}: {}", self.permission, self.place(), causes.join("; "))
    }

    /// Where it holds, in words.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.division {
            Division::All => "all divisions".to_owned(),
            Division::Untold => "a division that is not told".to_owned(),
            Division::One(id) => self.division_name.clone().unwrap_or_else(|| id.clone()),
        }
    }
}

impl Cause {
    /// What happened, in words.
    #[must_use]
    pub fn told(&self) -> String {
        let name = |one: &(String, Option<String>)| one.1.clone().unwrap_or_else(|| one.0.clone());
        let role = self.role.as_ref().map(|role| format!(" of the role {}", name(role))).unwrap_or_default();
        let group = self.group.as_ref().map(|group| format!(" of the group {}", name(group))).unwrap_or_default();
        match self.kind {
            CauseKind::PrincipalAdded => "is new".to_owned(),
            CauseKind::PrincipalRemoved => "is gone".to_owned(),
            CauseKind::Membership => format!("membership{group}"),
            CauseKind::Grant => format!("grant{role}{}", group.replacen(" of the group", " to the group", 1)),
            CauseKind::RoleEdit => format!("edit{role}"),
            CauseKind::Role => format!("making or deletion{role}"),
            CauseKind::PrincipalEdit => "an edit of who holds it".to_owned(),
        }
    }
}
