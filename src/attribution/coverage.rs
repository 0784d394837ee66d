//! What the audit log of an organisation speaks of.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::Domain;
use crate::model::{DomainId, Explained, Value};

/// The services that keep audit records, each with the types of entities that it keeps them of, as the organisation tells
/// itself (API document: servicemapping).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services(BTreeMap<String, BTreeSet<String>>);

impl Services {
    /// Reads the answer of the API; `None` for what is none.
    #[must_use]
    pub fn read(mapping: &Value<'_>) -> Option<Self> {
        let name = |value: &Value<'_>| value.get("name").and_then(Value::as_str).map(ToOwned::to_owned);
        let services = mapping.get("services")?.as_array()?.iter().filter_map(|service| {
            let entities = service.get("entities").and_then(Value::as_array).into_iter().flatten();
            Some((name(service)?, entities.filter_map(name).collect()))
        });
        Some(Self(services.collect()))
    }

    /// The names of the services, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether changes of a domain are recorded: as its file says, else where a service that is called like its family has a
    /// type that is called like the domain.
    #[must_use]
    pub fn cover(&self, domain: &Domain) -> bool {
        match &domain.audit {
            Some(audit) => self.0.get(&audit.service).is_some_and(|types| types.contains(&audit.entity)),
            None => self.0.iter().any(|(service, types)| types.iter().any(|kind| is_called(domain, service, kind))),
        }
    }
}

/// Whether a record with this service and type speaks of a domain; `None` where that cannot be told.
pub(super) fn speaks_of(domain: &Domain, service: &str, entity_type: &str) -> Option<bool> {
    match &domain.audit {
        Some(audit) => Some(audit.service == service && audit.entity == entity_type),
        None => is_called(domain, service, entity_type).then_some(true),
    }
}

/// Whether service and type are called like a domain's family and name: `Routing` and `Queue` like `routing.queues`.
fn is_called(domain: &Domain, service: &str, entity_type: &str) -> bool {
    let (family, name) = (plain(domain.id.family()), singular(&plain(domain.id.short_name())));
    let (service, entity_type) = (plain(service), singular(&plain(entity_type)));
    singular(&service) == singular(&family) && (entity_type == name || entity_type == singular(&family) + &name)
}

/// Letters and digits alone, in lower case.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The word for one of several things.
pub(super) fn singular(word: &str) -> String {
    match (word.strip_suffix("ies"), word.strip_suffix('s')) {
        (Some(stem), _) => format!("{stem}y"),
        (None, Some(stem)) if !stem.ends_with('s') => stem.to_owned(),
        _ => word.to_owned(),
    }
}

/// What can be said of a change that no record explains.
#[derive(Clone, Debug)]
pub enum Coverage {
    /// The records could be read.
    Read {
        /// What the organisation keeps records of.
        services: Services,
        /// Domains that records have spoken of before, whatever the names of services say.
        spoken_of: BTreeSet<DomainId>,
    },
    /// The client may not read them.
    Forbidden,
    /// This time they could not be had.
    Unread,
}

impl Coverage {
    /// What holds for a change of a domain without a record.
    #[must_use]
    pub fn without_record(&self, domain: &Domain) -> Explained {
        match self {
            Self::Forbidden => Explained::NoPermission,
            Self::Unread => Explained::Pending,
            Self::Read { services, spoken_of } if services.cover(domain) || spoken_of.contains(&domain.id) => {
                Explained::Pending
            }
            Self::Read { .. } => Explained::NotCovered,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::read_str;
    use crate::catalogue::Catalogue;

    #[test]
    fn a_service_covers_what_it_says_and_nothing_that_is_only_called_alike_elsewhere() {
        let mapping = r#"{"services":[{"name":"Routing","entities":[{"name":"Queue"},{"name":"WrapupCode"}]},
            {"name":"Workforce","entities":[{"name":"Skill"}]}]}"#;
        let services = Services::read(&read_str(mapping).unwrap()).unwrap();
        assert_eq!(services.names().collect::<Vec<_>>(), ["Routing", "Workforce"]);
        let catalogue = Catalogue::built_in().unwrap();
        let without_audit =
            |name: &str| Domain { audit: None, ..catalogue.get(&name.parse().unwrap()).unwrap().clone() };
        for (domain, is_covered) in
            [("routing.queues", true), ("routing.wrapupcodes", true), ("routing.skills", false), ("users.users", false)]
        {
            assert_eq!(services.cover(&without_audit(domain)), is_covered, "{domain}");
        }
        assert_eq!(Services::read(&read_str("[]").unwrap()), None);
    }

    #[test]
    fn one_of_several_is_called_in_the_singular() {
        for (several, one) in [("queues", "queue"), ("policies", "policy"), ("status", "statu"), ("access", "access")] {
            assert_eq!(singular(several), one);
        }
    }
}
