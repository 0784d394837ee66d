//! What became of who may do what between two states: what each principal gained and lost, and why.

mod comparison;

use std::collections::{BTreeMap, BTreeSet};

use super::access::{Access, Division, Gap, Kind, Standing};
use super::finding::bounded;
use super::model::Model;
use super::permission::Permission;
use super::resolve::{Source, Sources};
use super::rules::Rules;
use crate::catalogue::Catalogue;
use crate::model::{DomainId, EntityKey, EntitySource, Evidence, Finding, Severity, Subject};
use comparison::Comparison;

/// The rule of a finding that somebody gained access.
pub const GAINED: &str = "access-gained";

/// The rule of a finding that somebody lost access.
pub const LOST: &str = "access-lost";

/// What became of who may do what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// Those who gained or lost something, in order of kind and id.
    pub principals: Vec<PrincipalDrift>,
    /// Roles that were made again under another id, with the name and the permissions they had.
    pub recreated: Vec<Recreated>,
    /// Domains that one of the states does not know: what depends on them was left out on both sides.
    pub not_compared: Vec<DomainId>,
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

/// Where a principal is in the earlier and in the later state.
type Sides = (Option<usize>, Option<usize>);

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
    let not_compared: Vec<DomainId> = model.domains().into_iter().filter(is_lopsided).collect();
    let without = |sources: &Sources| -> Sources {
        let kept = sources.iter().map(|(domain, source)| {
            let content = source.content.clone().filter(|_| !not_compared.contains(domain));
            (domain.clone(), Source { content, standing: source.standing })
        });
        kept.collect()
    };
    let before = Access::resolve(model, catalogue, &without(from.0), from.1);
    let after = Access::resolve(model, catalogue, &without(to.0), to.1);
    let comparison = Comparison::new(model, &before, &after);
    // For each principal where it is in the earlier and in the later state.
    let mut ids: BTreeMap<(Kind, &str), Sides> = BTreeMap::new();
    for (index, one) in after.principals.iter().enumerate() {
        ids.insert((one.kind, &one.id), (before.principal(&one.id), Some(index)));
    }
    for (index, one) in before.principals.iter().enumerate() {
        if after.principal(&one.id).is_none() {
            ids.insert((one.kind, &one.id), (Some(index), None));
        }
    }
    let principals = ids.into_values().filter_map(|(old, new)| comparison.principal(rules, old, new)).collect();
    Drift { principals, recreated: comparison.recreated(), not_compared, gaps: after.gaps.clone() }
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
        let evidence = bounded(shifts.map(|(word, shift)| Evidence::new(word, shift.told())).collect());
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
