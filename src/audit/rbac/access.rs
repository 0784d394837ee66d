//! Who may do what, as it is granted: kept in as little as says it, so that a large organisation fits.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::permission::Permission;
use crate::model::{DomainId, EntityKey, Pointer};
use crate::record::LedgerStatus;

/// Roles, principals, grants and memberships of a state.
#[derive(Debug)]
pub struct Access {
    /// Everybody and everything that can hold a role, in order of kind and id.
    pub principals: Vec<Principal>,
    /// The roles, those on record and those that only a grant names, in order of id.
    pub roles: Vec<Role>,
    /// What the traits of principals mean, in words.
    pub traits: BTreeMap<String, String>,
    /// The grants that take effect, in order of subject, role and division.
    pub grants: Vec<Grant>,
    /// The divisions with their names.
    pub divisions: BTreeMap<String, Option<String>>,
    /// What is not known, and what therefore cannot be told.
    pub gaps: Vec<Gap>,
    /// What may give or take away what roles do not say.
    pub restrictions: Vec<Restriction>,
    pub(super) ids: HashMap<String, usize>,
    /// For each principal where its own grants are.
    pub(super) own: Vec<std::ops::Range<usize>>,
    /// For each principal the groups that it is in.
    pub(super) groups: Vec<Vec<Membership>>,
    /// The domains that say who is in a group.
    pub(super) membership_domains: Vec<DomainId>,
    /// For each principal how many members it has.
    pub(super) members: Vec<usize>,
}

/// What a principal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A person of the organisation.
    User,
    /// A group of people.
    Group,
    /// A program that logs in.
    Client,
    /// A person of another organisation.
    TrusteeUser,
    /// A group of another organisation.
    TrusteeGroup,
    /// Another organisation as a whole.
    TrusteeOrganisation,
    /// Nobody of this organisation: of another one, or deleted.
    Outside,
    /// It could not be told.
    Unknown,
}

/// Somebody or something that can hold a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// What else is known of it, in the words of the model.
    pub traits: BTreeSet<Rc<str>>,
    /// The domain that has it; absent where only a grant names it.
    pub domain: Option<DomainId>,
    /// Whether it gathers its members by itself, and they are not known.
    pub gathers: bool,
}

/// A role and what it allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Whether it came with the organisation.
    pub is_default: bool,
    /// What it allows, in order; absent where the role is not on record.
    pub rights: Option<Vec<Right>>,
    /// Places of the role that could not be understood.
    pub unread: Vec<Pointer>,
}

/// One thing that a role allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// The permission.
    pub permission: Permission,
    /// The condition under which it is allowed; absent where there is none.
    pub condition: Option<Restricted>,
    /// Where the role says so.
    pub place: Pointer,
}

/// A condition of a right.
#[derive(Clone, Debug)]
pub struct Restricted {
    /// The condition by ids, which stays the same whatever things are called.
    pub identity: String,
    /// The condition as a person reads it.
    pub text: String,
}

/// A role that somebody was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The principal, as an index.
    pub subject: usize,
    /// The role, as an index.
    pub role: usize,
    /// Where it holds.
    pub division: Division,
    /// The domain that says so.
    pub domain: DomainId,
    /// The entity that says so.
    pub key: EntityKey,
}

/// Where a grant holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Division {
    /// In every division.
    All,
    /// In one, by its id.
    One(String),
    /// What says so names none.
    Untold,
}

/// That somebody is in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Membership {
    pub(super) group: usize,
    /// The domain that says so, as an index.
    pub(super) source: usize,
}

/// How a grant reaches a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// The grant, as an index.
    pub grant: usize,
    /// The group that has it; absent where it is the principal's own.
    pub via: Option<Via>,
}

/// The group through which a grant reaches its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via {
    /// The group, as an index.
    pub group: usize,
    source: usize,
}

/// How well a domain is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All of it.
    Complete,
    /// Its first capture is under way.
    UnderWay,
    /// It is not on record, or no longer kept up.
    Status(LedgerStatus),
    /// It was never captured.
    NotCaptured,
}

/// Something that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The domain.
    pub domain: DomainId,
    /// How well it is known.
    pub standing: Standing,
    /// What cannot be told without it.
    pub without: String,
    /// Whether next to nothing can be told without it.
    pub is_essential: bool,
}

/// Something beside roles that decides over access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// Its domain.
    pub domain: DomainId,
    /// How many of them are in force.
    pub in_force: u64,
    /// What they do.
    pub about: String,
}

impl Access {
    /// The principal of an id.
    #[must_use]
    pub fn principal(&self, id: &str) -> Option<usize> {
        self.ids.get(id).copied()
    }

    /// Every way in which a grant reaches a principal: its own grants, then those of its groups.
    #[must_use]
    pub fn paths(&self, principal: usize) -> Vec<Path> {
        let own = self.own.get(principal).cloned().unwrap_or_default();
        let mut paths: Vec<Path> = own.map(|grant| Path { grant, via: None }).collect();
        for &Membership { group, source } in self.groups.get(principal).into_iter().flatten() {
            let grants = self.own.get(group).cloned().unwrap_or_default();
            paths.extend(grants.map(|grant| Path { grant, via: Some(Via { group, source }) }));
        }
        paths
    }

    /// The domain that says who is in the group of a path.
    #[must_use]
    pub fn membership_domain(&self, via: &Via) -> &DomainId {
        &self.membership_domains[via.source]
    }

    /// How many principals are in a group, as far as that is known.
    #[must_use]
    pub fn members(&self, group: usize) -> usize {
        self.members.get(group).copied().unwrap_or_default()
    }

    /// The name of a division, where it has one.
    #[must_use]
    pub fn division_name(&self, division: &Division) -> Option<&str> {
        match division {
            Division::One(id) => self.divisions.get(id)?.as_deref(),
            Division::All | Division::Untold => None,
        }
    }

    /// Whether a principal may do something in a division; where it may, whether without any condition.
    #[must_use]
    pub fn allows(&self, principal: usize, permission: &Permission, division: &Division) -> Option<bool> {
        let mut found = None;
        for path in self.paths(principal) {
            let grant = &self.grants[path.grant];
            if !grant.division.reaches(division) {
                continue;
            }
            for right in self.roles[grant.role].rights.iter().flatten() {
                if right.permission.covers(permission) {
                    found = Some(found == Some(true) || right.condition.is_none());
                }
            }
        }
        found
    }

    /// Whether everything that is needed to conclude from what is missing is known of some domains.
    pub(super) fn knows<'d>(&self, domains: impl IntoIterator<Item = &'d DomainId>) -> bool {
        domains.into_iter().all(|domain| self.gaps.iter().all(|gap| gap.domain != *domain))
    }
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Client => "client",
            Self::TrusteeUser => "trustee-user",
            Self::TrusteeGroup => "trustee-group",
            Self::TrusteeOrganisation => "trustee-organisation",
            Self::Outside => "outside",
            Self::Unknown => "unknown",
        }
    }
}

impl Division {
    /// Whether what holds here holds in the other one as well.
    #[must_use]
    pub fn reaches(&self, other: &Self) -> bool {
        *self == Self::All || self == other
    }
}

impl Standing {
    /// What is so, in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::UnderWay => "not captured to its end yet",
            Self::Status(status) => status.as_str(),
            Self::NotCaptured => "not captured",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Two conditions are the same where their ids are.
impl PartialEq for Restricted {
    fn eq(&self, other: &Self) -> bool {
        self.identity == other.identity
    }
}

impl Eq for Restricted {}
