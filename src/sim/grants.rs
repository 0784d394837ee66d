//! What the program that logs in may do, as it is told when it asks for its own grants.
//!
//! Made up once, from the roles and divisions that an org begins with, so that it stays the same while people change the org.
//! Limits: the answers of the simulated API do not depend on it; faults and hidden entities stand in for that.

use std::borrow::Cow;

use super::api::domain_at;
use super::world::World;
use crate::model::{EntityKey, Object, OwnedValue, Value};

/// The path below which the grants of a person or program are.
pub(super) const SUBJECTS_PATH: &str = "/api/v2/authorization/subjects";

/// The path of the roles.
const ROLES_PATH: &str = "/api/v2/authorization/roles";

/// The path of the divisions.
const DIVISIONS_PATH: &str = "/api/v2/authorization/divisions";

/// How many roles the program has.
const ROLES: usize = 2;

/// A role in a division.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientGrant {
    /// The role.
    pub role: EntityKey,
    /// The division.
    pub division: EntityKey,
}

/// The first roles in every division.
pub(super) fn made_up(world: &World) -> Vec<ClientGrant> {
    let at = |path| domain_at(world, path).map(|domain| world.keys(&domain.id)).into_iter().flatten();
    let roles = at(ROLES_PATH).take(ROLES);
    roles
        .flat_map(|role| {
            at(DIVISIONS_PATH).map(|division| ClientGrant { role: role.clone(), division: division.clone() })
        })
        .collect()
}

/// Grants as the API tells them.
pub(super) fn told(grants: &[ClientGrant], subject: &str) -> Vec<OwnedValue> {
    let reference =
        |key: &EntityKey| Value::Object(Object::from_iter([(Cow::Borrowed("id"), Value::from(key.as_str()))]));
    let told = |grant: &ClientGrant| {
        let members = [
            ("subjectId", Value::from(subject)),
            ("role", reference(&grant.role)),
            ("division", reference(&grant.division)),
        ];
        Value::Object(members.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect())
    };
    grants.iter().map(told).collect()
}
