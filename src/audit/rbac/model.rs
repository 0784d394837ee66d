//! Where the configuration says who may do what: `schemas/rbac/model.toml`, read.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::access::Kind;
use crate::catalogue::{FieldPath, embedded_file};
use crate::model::{DomainId, EntityKey, Value};

/// The file.
const FILE: &str = "rbac/model.toml";

/// Where roles, principals, grants and memberships are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    pub(super) roles: Roles,
    pub(super) divisions: Divisions,
    #[serde(rename = "principal")]
    pub(super) principals: Vec<Principals>,
    #[serde(rename = "grant")]
    pub(super) grants: Vec<Grants>,
    #[serde(rename = "membership")]
    pub(super) memberships: Vec<Memberships>,
    #[serde(rename = "gathering")]
    pub(super) gatherings: Vec<Gatherings>,
    pub(super) subjects: Subjects,
    #[serde(rename = "beside")]
    pub(super) besides: Vec<Beside>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Roles {
    pub(super) domain: DomainId,
    pub(super) permissions: FieldPath,
    pub(super) policies: FieldPath,
    pub(super) default: FieldPath,
    pub(super) policy: Policy,
    pub(super) condition: ConditionNode,
    pub(super) without: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Policy {
    pub(super) domain: FieldPath,
    pub(super) entity: FieldPath,
    pub(super) actions: FieldPath,
    pub(super) resources: FieldPath,
    pub(super) condition: FieldPath,
    pub(super) allows_conditions: FieldPath,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConditionNode {
    pub(super) variable: FieldPath,
    pub(super) operator: FieldPath,
    pub(super) operands: FieldPath,
    pub(super) terms: FieldPath,
    pub(super) conjunction: FieldPath,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Divisions {
    pub(super) domain: DomainId,
    pub(super) all: String,
    pub(super) without: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Principals {
    pub(super) kind: Kind,
    pub(super) domain: DomainId,
    #[serde(default)]
    pub(super) traits: BTreeMap<String, Condition>,
    pub(super) without: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Grants {
    pub(super) domain: DomainId,
    pub(super) each: Option<FieldPath>,
    pub(super) unless: Option<FieldPath>,
    pub(super) subject: Place,
    pub(super) role: Place,
    pub(super) division: Option<Place>,
    /// Traits of a subject for which the grant is without effect.
    #[serde(default)]
    pub(super) void_for: Vec<String>,
    pub(super) without: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memberships {
    pub(super) domain: DomainId,
    pub(super) when: Option<Condition>,
    pub(super) group: Place,
    pub(super) member: Place,
    pub(super) without: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gatherings {
    pub(super) domain: DomainId,
    pub(super) group: Place,
    pub(super) found_in: DomainId,
    pub(super) without: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subjects {
    pub(super) domain: DomainId,
    pub(super) id: Place,
    #[serde(rename = "type")]
    pub(super) type_: FieldPath,
    pub(super) kinds: BTreeMap<String, Kind>,
    pub(super) without: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Beside {
    pub(super) domain: DomainId,
    pub(super) in_force: Condition,
    pub(super) about: String,
    pub(super) without: String,
}

/// Something that holds of an entity, or does not.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Condition {
    pub(super) place: FieldPath,
    #[serde(default)]
    pub(super) is: Vec<String>,
    #[serde(default)]
    pub(super) is_absent: bool,
    /// What it means where it holds, as a sentence about the entity.
    pub(super) about: Option<String>,
}

/// Where an id is: in the key of an entity, in a part of it, or in its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Key,
    KeyPart(usize),
    Field(FieldPath),
}

impl Model {
    /// The model that is compiled in.
    ///
    /// # Errors
    /// What is wrong with the file. A released binary has none: the tests read it.
    pub fn built_in() -> Result<Self, String> {
        let text = embedded_file(FILE).unwrap_or_default();
        toml::from_str(text).map_err(|error| format!("{FILE}: {}", error.message()))
    }

    /// The domains that decide what anybody may do: while they stay as they are, so does that.
    #[must_use]
    pub fn domains(&self) -> BTreeSet<DomainId> {
        let mut domains =
            BTreeSet::from([self.roles.domain.clone(), self.divisions.domain.clone(), self.subjects.domain.clone()]);
        domains.extend(self.principals.iter().map(|one| one.domain.clone()));
        domains.extend(self.grants.iter().map(|one| one.domain.clone()));
        domains.extend(self.memberships.iter().map(|one| one.domain.clone()));
        domains.extend(self.gatherings.iter().flat_map(|one| [one.domain.clone(), one.found_in.clone()]));
        domains.extend(self.besides.iter().map(|one| one.domain.clone()));
        domains
    }

    /// The domain of the roles.
    #[must_use]
    pub fn roles_domain(&self) -> &DomainId {
        &self.roles.domain
    }

    /// The domain of the divisions.
    #[must_use]
    pub fn divisions_domain(&self) -> &DomainId {
        &self.divisions.domain
    }

    /// Every path of the model with its domain, for whoever checks that the paths exist.
    #[must_use]
    pub fn places(&self) -> Vec<(&DomainId, String)> {
        let mut places = Vec::new();
        let Roles { domain, permissions, policies, default, policy, condition, .. } = &self.roles;
        places.extend([permissions, policies, default].map(|path| (domain, path.to_string())));
        let Policy { domain: of, entity, actions, resources, condition: node, allows_conditions } = policy;
        for path in [of, entity, actions, resources, node, allows_conditions] {
            places.push((domain, format!("{policies}.{path}")));
        }
        let ConditionNode { variable, operator, operands, terms, conjunction } = condition;
        for path in [variable, operator, operands, terms, conjunction] {
            places.push((domain, format!("{policies}.{node}.{path}")));
        }
        for one in &self.principals {
            places.extend(one.traits.values().map(|condition| (&one.domain, condition.place.to_string())));
        }
        for one in &self.grants {
            let each = one.each.as_ref().map(ToString::to_string);
            let within = |path: &FieldPath| match (&each, path.segments()) {
                (None, _) => path.to_string(),
                (Some(each), []) => each.clone(),
                (Some(each), _) => format!("{each}.{path}"),
            };
            places.extend(one.each.iter().chain(&one.unless).map(|path| (&one.domain, path.to_string())));
            let fields = [Some(&one.subject), Some(&one.role), one.division.as_ref()];
            places
                .extend(fields.into_iter().flatten().filter_map(Place::field).map(|path| (&one.domain, within(path))));
        }
        for one in &self.memberships {
            places.extend(one.when.iter().map(|condition| (&one.domain, condition.place.to_string())));
            let fields = [&one.group, &one.member].into_iter().filter_map(Place::field);
            places.extend(fields.map(|path| (&one.domain, path.to_string())));
        }
        places.push((&self.subjects.domain, self.subjects.type_.to_string()));
        places.extend(self.besides.iter().map(|one| (&one.domain, one.in_force.place.to_string())));
        places
    }
}

impl Place {
    fn field(&self) -> Option<&FieldPath> {
        match self {
            Self::Field(path) => Some(path),
            Self::Key | Self::KeyPart(_) => None,
        }
    }

    /// The ids that are there.
    pub(super) fn ids(&self, key: &EntityKey, body: &Value<'_>) -> Vec<String> {
        match self {
            Self::Key => vec![key.as_str().to_owned()],
            Self::KeyPart(part) => key.parts().nth(*part).into_iter().collect(),
            Self::Field(path) => path.find_all(body).into_iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        }
    }
}

impl Condition {
    /// Whether it holds of an entity.
    pub(super) fn holds(&self, body: &Value<'_>) -> bool {
        let found = self.place.find(body);
        let is = |value: &Value<'_>| match value {
            Value::String(text) => self.is.iter().any(|one| one == text),
            Value::Bool(flag) => self.is.iter().any(|one| *one == flag.to_string()),
            _ => false,
        };
        found.map_or(self.is_absent, is)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.strip_prefix("$key") {
            Some("") => Ok(Self::Key),
            Some(part) => {
                let number = part.strip_prefix('.').and_then(|part| part.parse().ok());
                number
                    .map(Self::KeyPart)
                    .ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no part of a key")))
            }
            None => Ok(Self::Field(FieldPath::parse(&text))),
        }
    }
}
