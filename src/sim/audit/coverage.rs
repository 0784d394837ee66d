//! What the audit log tells of: which service and type of entity a domain has in it, and which domains are not in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::catalogue::{Catalogue, Domain, FieldPath, KeyPart, embedded_file};
use crate::model::{DomainId, wildcard};

/// The member that the id of an entity is in.
const ID: &str = "id";

/// What `schemas/sim/audits.toml` says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Coverage {
    uncovered: Vec<String>,
    realtime: Vec<String>,
    pub(super) application: Applications,
    pub(super) network: Networks,
}

/// What people and programs work with.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Applications {
    pub(super) people: Vec<String>,
    pub(super) programs: Vec<String>,
}

/// Where the requests of people and programs come from.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Networks {
    pub(super) people: String,
    pub(super) programs: String,
}

static EMBEDDED: LazyLock<Coverage> = LazyLock::new(|| {
    let text = embedded_file("sim/audits.toml").unwrap_or_default();
    toml::from_str(text).unwrap_or_default()
});

/// What a record about an entity of a domain is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum About<'d> {
    /// The entity.
    Itself,
    /// Its parent, which has no more than one of them.
    Parent,
    /// One of the entities that the parts of the key name, which the others are related to.
    Related(Vec<Part<'d>>),
}

/// A part of the key of a relation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'d> {
    /// The domains that it may be an entity of; none where it is a word of the relation's own.
    pub(super) domains: &'d [DomainId],
}

impl Coverage {
    /// What is compiled in. An unreadable file covers everything; the tests read it.
    pub(super) fn embedded() -> &'static Self {
        &EMBEDDED
    }

    /// Whether there are records of a domain's entities.
    pub(super) fn covers(&self, domain: &Domain) -> bool {
        !self.uncovered.iter().any(|pattern| wildcard(pattern, domain.id.as_str()))
    }

    fn is_realtime(&self, domain: &Domain) -> bool {
        self.realtime.iter().any(|pattern| wildcard(pattern, domain.id.as_str()))
    }

    /// The services that answer, with their types of entities and what is done with those.
    pub(super) fn services(
        &self,
        catalogue: &Catalogue,
        realtime: bool,
    ) -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
        let mut services: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for domain in catalogue.iter().filter(|domain| self.covers(domain) && (!realtime || self.is_realtime(domain))) {
            let types = services.entry(service_of(domain)).or_default();
            for (entity_type, actions) in told_of(catalogue, domain) {
                types.entry(entity_type).or_default().extend(actions);
            }
        }
        services
    }

    /// The services as the API lists them.
    pub(super) fn mapping(&self, catalogue: &Catalogue, realtime: bool) -> Json {
        let entities = |types: BTreeMap<String, BTreeSet<String>>| {
            types.into_iter().map(|(name, actions)| json!({ "name": name, "actions": actions })).collect::<Vec<_>>()
        };
        let services = self.services(catalogue, realtime).into_iter();
        let services = services.map(|(name, types)| json!({ "name": name, "entities": entities(types) }));
        json!({ "services": services.collect::<Vec<_>>() })
    }
}

/// The types that records about a domain are of, with their actions.
fn told_of(catalogue: &Catalogue, domain: &Domain) -> Vec<(String, Vec<String>)> {
    let types = |domains: &[DomainId], actions: &[String]| {
        let domains = domains.iter().filter_map(|id| catalogue.get(id));
        domains.map(|target| (type_of(target), actions.to_vec())).collect()
    };
    let kinds = [Kind::Create, Kind::Update, Kind::Delete];
    match about(domain) {
        About::Itself => vec![(type_of(domain), kinds.map(|kind| kind.word(domain)).to_vec())],
        About::Parent => types(domain.source.parent.as_slice(), &[Kind::Update.word(domain)]),
        About::Related(parts) => {
            let subject = subject_of(catalogue, domain, &parts);
            let subject = parts.get(subject).map(|part| part.domains).unwrap_or_default();
            types(subject, &kinds.map(|kind| kind.word(domain)))
        }
    }
}

/// What is done with an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Create,
    Update,
    Delete,
}

impl Kind {
    /// The word of the audit log for it.
    pub(super) fn word(self, domain: &Domain) -> String {
        let words = |create: &str, update: &str, delete: &str| {
            let word = match self {
                Self::Create => create,
                Self::Update => update,
                Self::Delete => delete,
            };
            word.to_owned()
        };
        match about(domain) {
            About::Itself => words("Create", "Update", "Delete"),
            About::Parent => words("Update", "Update", "Update"),
            About::Related(_) => {
                let relation = domain.id.short_name().rsplit('-').next().unwrap_or_default();
                format!("{}{}", words_in_one(&singular(relation)), words("Add", "Update", "Remove"))
            }
        }
    }
}

/// What a record about an entity of a domain is about: the entity where its key holds an id of its own.
pub(super) fn about(domain: &Domain) -> About<'_> {
    let key = &domain.identity.key;
    let has_own_id = key.iter().any(|part| {
        matches!(part, KeyPart::Field(path) if path.to_string() == ID) && part_of(domain, part).domains.is_empty()
    });
    match key.as_slice() {
        _ if has_own_id => About::Itself,
        [KeyPart::Parent] => About::Parent,
        [_] | [] => About::Itself,
        [first, ..] if part_of(domain, first).domains.is_empty() => About::Itself,
        parts => About::Related(parts.iter().map(|part| part_of(domain, part)).collect()),
    }
}

/// Which part of a relation's key names the entity that a record is about: the one of the type that the domain file has of the
/// audit log, else the first.
pub(super) fn subject_of(catalogue: &Catalogue, relation: &Domain, parts: &[Part<'_>]) -> usize {
    let is_said = |part: &Part<'_>| {
        let mut domains = part.domains.iter().filter_map(|id| catalogue.get(id));
        relation.audit.as_ref().is_some_and(|audit| domains.any(|domain| type_of(domain) == audit.entity))
    };
    parts.iter().position(is_said).unwrap_or(0)
}

fn part_of<'d>(domain: &'d Domain, part: &KeyPart) -> Part<'d> {
    let domains = match part {
        KeyPart::Parent => domain.source.parent.as_slice(),
        KeyPart::Org => &[],
        KeyPart::Field(path) => referred(domain, path),
    };
    Part { domains }
}

/// The domains that a field of a key refers to: it is a reference, or the id in one.
fn referred<'d>(domain: &'d Domain, path: &FieldPath) -> &'d [DomainId] {
    let path = path.to_string();
    let reference = domain.references.iter().find(|reference| {
        let place = reference.path.to_string();
        place == path || format!("{place}.{ID}") == path
    });
    reference.map(|reference| reference.targets.as_slice()).unwrap_or_default()
}

/// The service that tells of a domain.
pub(super) fn service_of(domain: &Domain) -> String {
    let said = domain.audit.as_ref().map(|audit| audit.service.clone());
    said.unwrap_or_else(|| words_in_one(domain.id.family()))
}

/// The type of a domain's entities.
pub(super) fn type_of(domain: &Domain) -> String {
    let said = domain.audit.as_ref().map(|audit| audit.entity.clone());
    said.unwrap_or_else(|| words_in_one(&singular(domain.id.short_name())))
}

/// `division-grants` as `DivisionGrants`.
fn words_in_one(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(word).collect()
}

/// One of many: `policies` as `policy`.
fn singular(name: &str) -> String {
    if let Some(stem) = name.strip_suffix("ies") {
        return format!("{stem}y");
    }
    let is_hissing = ["sses", "xes", "ches", "shes", "uses"].iter().any(|ending| name.ends_with(ending));
    let stem = if is_hissing { name.strip_suffix("es") } else { name.strip_suffix('s') };
    stem.filter(|stem| !stem.ends_with('s') || is_hissing).unwrap_or(name).to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn is_about(domain: &str) -> (String, String, String) {
        let catalogue = Catalogue::built_in().unwrap();
        let domain = catalogue.get(&domain.parse().unwrap()).unwrap();
        let told = told_of(&catalogue, domain).remove(0);
        (service_of(domain), told.0, told.1[0].clone())
    }

    #[test]
    fn the_file_can_be_read_and_leaves_domains_out() {
        let text = embedded_file("sim/audits.toml").unwrap();
        let coverage: Coverage = toml::from_str(text).unwrap();
        let catalogue = Catalogue::built_in().unwrap();
        for pattern in coverage.uncovered.iter().chain(&coverage.realtime) {
            assert!(catalogue.names().any(|domain| wildcard(pattern, domain.as_str())), "{pattern}");
        }
        let (all, realtime) = (coverage.services(&catalogue, false), coverage.services(&catalogue, true));
        for service in ["Architect", "ContactCenter", "Users", "Directory", "PeoplePermissions"] {
            assert!(all.contains_key(service), "{service}");
            assert_eq!(realtime.contains_key(service), service != "PeoplePermissions", "{service}");
        }
        assert!(!all.contains_key("Organization") && !all.contains_key("License"));
        assert!(!all["Telephony"].contains_key("Trunk") && !all["Routing"].contains_key("SmsAddress"));
    }

    #[test]
    fn a_record_is_about_the_entity_that_is_changed_in_the_eyes_of_the_api() {
        let told = |domain: &str| {
            let (service, entity_type, action) = is_about(domain);
            format!("{service} {entity_type} {action}")
        };
        assert_eq!(told("routing.queues"), "ContactCenter Queue Create");
        assert_eq!(told("routing.queue-members"), "ContactCenter Queue MemberAdd");
        assert_eq!(told("users.utilization"), "Users User Update");
        assert_eq!(told("authorization.division-grants"), "PeoplePermissions Role GrantAdd");
        assert_eq!(told("telephony.site-numberplans"), "Telephony NumberPlan Create");
        assert_eq!(told("authorization.settings"), "Authorization Setting Create");
    }

    #[test]
    fn names_of_many_become_names_of_one() {
        let cases = [("queues", "queue"), ("policies", "policy"), ("addresses", "address"), ("prefixes", "prefix")];
        for (many, one) in cases {
            assert_eq!(singular(many), one);
        }
        assert_eq!((singular("access"), singular("config")), ("access".to_owned(), "config".to_owned()));
        assert_eq!(words_in_one("division-grants"), "DivisionGrants");
    }
}
