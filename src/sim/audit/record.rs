//! Makes the records of an edit: who did it, to which entity in the eyes of the API, and what differs.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value as Json, json};

use super::super::api::{CLIENTS_PATH, domain_at};
use super::super::noise::address_of;
use super::super::notify::Happening;
use super::super::population::Member;
use super::super::rng::Rng;
use super::super::script::{Action, Edit, EntityPick};
use super::super::world::{World, WorldError, id_of, name_in};
use super::changes::{self, PropertyChange};
use super::coverage::{About, Coverage, Kind, Part, about, service_of, subject_of, type_of};
use crate::catalogue::Domain;
use crate::model::EntityKey;

/// The path of the people of an org.
const USERS_PATH: &str = "/api/v2/users";

/// The last numbers of addresses of a network: neither the network itself nor all of it.
const HOSTS: usize = 254;

/// Who does something, as a record says it.
struct Author {
    home: Option<String>,
    user: Option<Json>,
    client: Option<Json>,
    ip: String,
    application: String,
}

/// An entity that a record names.
struct Named {
    id: String,
    name: Option<String>,
    entity_type: String,
    address: Option<String>,
}

impl World {
    /// Makes an edit as [`World::apply`] does, and writes the audit records of it as of a moment.
    ///
    /// There is none where the edit says so, and none of domains that the audit log does not cover. What falls with its parent,
    /// and what refers to something that was made again, has no record of its own.
    pub fn act(&mut self, edit: &Edit, at: DateTime<Utc>) -> Result<EntityKey, WorldError> {
        let before = self.member_before(edit);
        let author = self.author(edit);
        let key = self.apply(edit)?;
        let after = self.member_of(&edit.domain, &key);
        let catalogue = std::sync::Arc::clone(self.catalogue());
        let domain = catalogue.get(&edit.domain).filter(|domain| Coverage::embedded().covers(domain));
        let Some(domain) = domain.filter(|_| edit.audit.audited) else { return Ok(key) };
        match (before.as_ref(), after.as_ref()) {
            (Some(before), Some(after)) if edit.action == Action::Recreate => {
                self.write_record(domain, Kind::Delete, &author, at, (Some(before), None));
                self.write_record(domain, Kind::Create, &author, at + TimeDelta::seconds(1), (None, Some(after)));
            }
            (Some(before), Some(after)) => {
                self.write_record(domain, Kind::Update, &author, at, (Some(before), Some(after)));
            }
            (None, after) => self.write_record(domain, Kind::Create, &author, at, (None, after)),
            (before, None) => self.write_record(domain, Kind::Delete, &author, at, (before, None)),
        }
        Ok(key)
    }

    fn write_record(
        &mut self,
        domain: &Domain,
        kind: Kind,
        author: &Author,
        at: DateTime<Utc>,
        (before, after): (Option<&Member>, Option<&Member>),
    ) {
        let Some(member) = after.or(before) else { return };
        let changes = match (before, after) {
            (Some(before), Some(after)) => changes::between(&before.value, &after.value),
            _ => Vec::new(),
        };
        let (subject, others) = self.named(domain, member);
        let values = |is_there: bool, other: &Named| {
            let shown = other.name.as_ref().unwrap_or(&other.id);
            is_there.then(|| shown.clone()).into_iter().collect::<Vec<_>>()
        };
        let entity_changes = others.iter().map(|other| {
            json!({
                "entityId": other.id,
                "entityName": other.name,
                "entityType": other.entity_type,
                "oldValues": values(before.is_some(), other),
                "newValues": values(after.is_some(), other),
            })
        });
        let action = kind.word(domain);
        let number = self.audits_mut().next_number();
        let shown = subject.name.as_ref().unwrap_or(&subject.id);
        let record = json!({
            "id": Rng::keyed(self.seed(), &["audit", &number.to_string()]).uuid(),
            "userHomeOrgId": author.home,
            "user": author.user,
            "client": author.client,
            "remoteIp": [author.ip],
            "serviceName": service_of(domain),
            "level": "USER",
            "eventDate": at.to_rfc3339_opts(SecondsFormat::Millis, true),
            "message": {
                "message": format!("{action} {} {shown}", subject.entity_type),
                "messageWithParams": "{action} {entityType} {entityName}",
                "messageParams": { "action": action, "entityType": subject.entity_type, "entityName": shown },
            },
            "action": action,
            "entity": { "id": subject.id, "name": subject.name, "selfUri": subject.address },
            "entityType": subject.entity_type,
            "status": "SUCCESS",
            "application": author.application,
            "propertyChanges": changes.iter().map(|change: &PropertyChange| change.told(domain)).collect::<Vec<_>>(),
            "context": {},
            "entityChanges": entity_changes.collect::<Vec<_>>(),
        });
        if let Some(written) = self.audits_mut().write(without_nulls(record)) {
            self.happens(Happening::Audited(written));
        }
    }

    /// The entity that a record is about, and those that are related to it.
    fn named(&self, domain: &Domain, member: &Member) -> (Named, Vec<Named>) {
        match about(domain) {
            About::Itself => (named(domain, member), Vec::new()),
            About::Parent => {
                let key = member.parent().unwrap_or(&member.key);
                (self.target(&Part { domains: domain.source.parent.as_slice() }, key.as_str(), domain), Vec::new())
            }
            About::Related(parts) => {
                let subject = subject_of(self.catalogue(), domain, &parts);
                let values = member.key.parts();
                let mut others: Vec<Named> =
                    parts.iter().zip(values).map(|(part, value)| self.target(part, &value, domain)).collect();
                let subject = if subject < others.len() { others.remove(subject) } else { named(domain, member) };
                (subject, others)
            }
        }
    }

    /// The entity that a part of a key means; a word of the relation's own is called by itself.
    fn target(&self, part: &Part<'_>, value: &str, relation: &Domain) -> Named {
        let key = EntityKey::new(value);
        let found = part.domains.iter().find_map(|id| Some((self.catalogue().get(id)?, self.member_of(id, &key)?)));
        if let Some((domain, member)) = found {
            return named(domain, &member);
        }
        let domain = part.domains.first().and_then(|id| self.catalogue().get(id)).unwrap_or(relation);
        Named { id: value.to_owned(), name: None, entity_type: type_of(domain), address: None }
    }

    /// Who makes an edit: a person, a program, or a person with a program.
    fn author(&self, edit: &Edit) -> Author {
        let coverage = Coverage::embedded();
        let audit = &edit.audit;
        let is_person = !edit.by.is_empty() || audit.client.is_none();
        let who = if is_person { edit.by.as_str() } else { audit.client.as_deref().unwrap_or_default() };
        let mut rng = Rng::keyed(self.seed(), &["author", who, audit.trustee.as_deref().unwrap_or_default()]);
        let made_up = rng.uuid();
        let (network, applications) = if is_person {
            (&coverage.network.people, &coverage.application.people)
        } else {
            (&coverage.network.programs, &coverage.application.programs)
        };
        let known = |path: &str, name: &str| {
            let domain = domain_at(self, path)?;
            let key = self.picked(&domain.id, Some(&EntityPick::Name(name.to_owned()))).ok()?;
            Some((key.as_str().to_owned(), address_of(domain, &self.member_of(&domain.id, &key)?)))
        };
        let person = || {
            let known = known(USERS_PATH, &edit.by).filter(|_| audit.trustee.is_none());
            let (id, address) = known.unwrap_or_else(|| (made_up.clone(), format!("{USERS_PATH}/{made_up}")));
            json!({ "id": id, "name": edit.by, "selfUri": address })
        };
        let program = |name: &String| {
            let (id, address) =
                known(CLIENTS_PATH, name).unwrap_or_else(|| (name.clone(), format!("{CLIENTS_PATH}/{name}")));
            json!({ "id": id, "selfUri": address })
        };
        let home = || audit.trustee.clone().unwrap_or_else(|| self.org_id().to_owned());
        let ip = format!("{network}{}", rng.below(HOSTS) + 1);
        let application = rng.pick(applications).cloned().unwrap_or_default();
        Author {
            home: is_person.then(home),
            user: is_person.then(person),
            client: audit.client.as_ref().map(program),
            ip: audit.ip.clone().unwrap_or(ip),
            application: audit.application.clone().unwrap_or(application),
        }
    }
}

/// An entity as a record names it.
fn named(domain: &Domain, member: &Member) -> Named {
    Named {
        id: id_of(member).to_owned(),
        name: name_in(domain, &member.value).map(ToOwned::to_owned),
        entity_type: type_of(domain),
        address: Some(address_of(domain, member)),
    }
}

/// A record without members that say nothing.
fn without_nulls(record: Json) -> Json {
    match record {
        Json::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null());
            Json::Object(members.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(without_nulls).collect()),
        plain => plain,
    }
}
