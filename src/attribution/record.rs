//! What an audit record says, as far as it helps to tell who changed what (API document: `AuditLogMessage`).

use chrono::{DateTime, SecondsFormat, Utc};

use super::coverage::speaks_of;
use crate::catalogue::Domain;
use crate::model::Value;

/// An audit record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its id.
    pub id: String,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// The service that wrote it.
    pub service: String,
    /// The type of the entity that it is about.
    pub entity_type: String,
    /// The id of the entity that it is about; absent for a record about the organisation as a whole.
    pub entity_id: Option<String>,
    /// The name of the entity.
    pub entity_name: Option<String>,
    /// The ids of further entities that it names.
    pub others: Vec<String>,
    /// What was done.
    pub action: String,
    /// Whether it was done, and not only tried.
    pub is_done: bool,
    /// The person who did it; absent where a program did.
    pub user: Option<String>,
    /// The name of the person.
    pub user_name: Option<String>,
    /// The organisation of the person.
    pub home_org: Option<String>,
    /// The OAuth client that was used.
    pub client: Option<String>,
    /// Where the request came from.
    pub remote_ip: Vec<String>,
    /// The program that the person used.
    pub application: Option<String>,
    /// What changed, as far as the record says so.
    pub properties: Vec<PropertyChange>,
}

/// One property that a record says has changed. Its values are texts for people and need not be those of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyChange {
    /// The name of the property.
    pub property: String,
    /// What it was.
    pub old: Vec<String>,
    /// What it became.
    pub new: Vec<String>,
}

impl AuditRecord {
    /// Reads a record; `None` for what has no id or no time, and so is none.
    #[must_use]
    pub fn read(record: &Value<'_>) -> Option<Self> {
        let text = |value: &Value<'_>, name: &str| {
            let text = value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            text.map(ToOwned::to_owned)
        };
        let below = |name: &str, member: &str| record.get(name).and_then(|value| text(value, member));
        let at = DateTime::parse_from_rfc3339(record.get("eventDate")?.as_str()?).ok()?;
        Some(Self {
            id: text(record, "id")?,
            at: at.to_utc(),
            service: text(record, "serviceName").unwrap_or_default(),
            entity_type: text(record, "entityType").unwrap_or_default(),
            entity_id: below("entity", "id"),
            entity_name: below("entity", "name"),
            others: items(record, "entityChanges").filter_map(|change| text(change, "entityId")).collect(),
            action: text(record, "action").unwrap_or_default(),
            is_done: record.get("status").and_then(Value::as_str) != Some("FAILURE"),
            user: below("user", "id"),
            user_name: below("user", "name"),
            home_org: text(record, "userHomeOrgId"),
            client: below("client", "id"),
            remote_ip: texts(record, "remoteIp"),
            application: text(record, "application"),
            properties: items(record, "propertyChanges")
                .filter_map(|change| {
                    let (old, new) = (texts(change, "oldValues"), texts(change, "newValues"));
                    Some(PropertyChange { property: text(change, "property")?, old, new })
                })
                .collect(),
        })
    }

    /// When it was written, RFC 3339, as trailers and documents have it.
    #[must_use]
    pub fn written_at(&self) -> String {
        self.at.to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// Whether it speaks of entities of a domain, by what its service and type are called.
    #[must_use]
    pub fn speaks_of(&self, domain: &Domain) -> bool {
        speaks_of(domain, &self.service, &self.entity_type) == Some(true)
    }

    /// Puts records in order of time and takes out those that came twice; of two with one id the first stays.
    #[must_use]
    pub fn in_order(mut records: Vec<Self>) -> Vec<Self> {
        records.sort_by(|left, right| (left.at, &left.id).cmp(&(right.at, &right.id)));
        let mut seen = std::collections::HashSet::new();
        records.retain(|record| seen.insert(record.id.clone()));
        records
    }
}

fn items<'v>(value: &'v Value<'_>, name: &str) -> impl Iterator<Item = &'v Value<'v>> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn texts(value: &Value<'_>, name: &str) -> Vec<String> {
    items(value, name).filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::read_str;

    #[test]
    fn a_record_is_read_as_far_as_it_says_something() {
        let text = r#"{"id":"a","eventDate":"2026-03-02T09:14:02.5Z","serviceName":"Routing","entityType":"Queue",
            "entity":{"id":"q","name":"Sales"},"action":"Update","status":"SUCCESS","user":{"id":"u"},
            "userHomeOrgId":"o","remoteIp":["192.0.2.1"],"application":"Admin","propertyChanges":
            [{"property":"name","oldValues":["a"],"newValues":["b",null]},{"oldValues":[]}],
            "entityChanges":[{"entityId":"m"},{"entityName":"x"}]}"#;
        let record = AuditRecord::read(&read_str(text).unwrap()).unwrap();
        assert_eq!((record.user.as_deref(), record.client.as_deref()), (Some("u"), None));
        assert_eq!(record.written_at(), "2026-03-02T09:14:02.500Z");
        assert_eq!(record.others, ["m"]);
        assert_eq!(record.properties.len(), 1);
        assert_eq!(record.properties[0].new, ["b"]);
        assert!(record.is_done);
        for none in [r#"{"id":"a"}"#, r#"{"eventDate":"2026-03-02T09:14:02Z"}"#, r#"{"id":"a","eventDate":"x"}"#, "1"] {
            assert_eq!(AuditRecord::read(&read_str(none).unwrap()), None, "{none}");
        }
    }

    #[test]
    fn records_that_came_twice_or_out_of_order_are_one_list() {
        let record = |id: &str, at: &str| {
            AuditRecord::read(&read_str(&format!(r#"{{"id":"{id}","eventDate":"{at}"}}"#)).unwrap()).unwrap()
        };
        let (a, b) = (record("a", "2026-03-02T09:00:00Z"), record("b", "2026-03-02T08:00:00Z"));
        assert_eq!(AuditRecord::in_order(vec![a.clone(), b.clone(), a.clone()]), [b, a]);
    }
}
