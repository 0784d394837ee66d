//! Changes and records brought together, case by case.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::*;
use crate::canonical::{canonical_text, read_str};
use crate::catalogue::Catalogue;
use crate::diff::{diff_domain, follow};
use crate::model::{Change, DomainId, DomainSnapshot, EntityKey, Explained, Pointer};

const QUEUES: &str = "routing.queues";
const MEMBERS: &str = "routing.queue-members";
const SKILLS: &str = "routing.skills";
const ORG: &str = "00000000-0000-4000-8000-00000000000f";

struct Nobody;

impl People for Nobody {
    fn person(&self, id: &str) -> Option<Person> {
        let email = (id != "stranger").then(|| format!("{id}@example.com"));
        Some(Person { name: Some(id.to_uppercase()), email })
    }

    fn client(&self, _: &str) -> Option<String> {
        None
    }
}

/// What differs between two states of some domains, each given as JSON by domain and key.
fn changes(catalogue: &Catalogue, before: &[(&str, &str, &str)], after: &[(&str, &str, &str)]) -> Vec<Change> {
    let names: BTreeSet<&str> = before.iter().chain(after).map(|(domain, ..)| *domain).collect();
    let snapshot = |domain: &DomainId, entities: &[(&str, &str, &str)]| {
        let mut snapshot = DomainSnapshot::empty(domain.clone(), 1);
        for (_, key, text) in entities.iter().filter(|(name, ..)| *name == domain.as_str()) {
            snapshot.entities.insert(EntityKey::new(key), canonical_text(&read_str(text).unwrap()));
        }
        snapshot
    };
    let found = names.iter().flat_map(|name| {
        let domain = catalogue.get(&name.parse().unwrap()).unwrap();
        diff_domain(domain, &snapshot(&domain.id, before), &snapshot(&domain.id, after))
    });
    follow(catalogue, found.collect())
}

/// A record: minute of the hour, who, action, entity, properties.
fn record(minute: u32, user: &str, action: &str, entity: &str, properties: &[&str]) -> AuditRecord {
    let properties: Vec<String> = properties
        .iter()
        .map(|name| format!(r#"{{"property":"{name}","oldValues":["a"],"newValues":["b"]}}"#))
        .collect();
    let text = format!(
        r#"{{"id":"r{minute}","eventDate":"2026-03-02T09:{minute:02}:00Z","serviceName":"ContactCenter","entityType":"Queue",
        "action":"{action}","entity":{{"id":"{entity}"}},"user":{{"id":"{user}"}},"status":"SUCCESS",
        "propertyChanges":[{}]}}"#,
        properties.join(",")
    );
    AuditRecord::read(&read_str(&text).unwrap()).unwrap()
}

/// Joins and parts, with records of everything to be expected.
fn told(catalogue: &Catalogue, changes: &[Change], records: &[AuditRecord]) -> Told {
    told_with(catalogue, changes, records, &HashSet::new())
}

fn told_with(catalogue: &Catalogue, changes: &[Change], records: &[AuditRecord], used: &HashSet<Use>) -> Told {
    let spoken_of = changes.iter().map(|change| change.domain.clone()).collect();
    let coverage = Coverage::Read { services: Services::default(), spoken_of };
    let since = |_: &DomainId| Some("2026-03-02T09:00:00Z".parse().unwrap());
    let inquiry =
        Inquiry { catalogue, org: ORG, changes, records, since: &since, until: None, used, coverage: &coverage };
    Parting { catalogue, org: ORG, changes, records, people: &Nobody }.part(&inquiry.join())
}

/// The parts in few words: author, and the places or keys that are theirs.
fn parts(changes: &[Change], told: &Told) -> Vec<(String, Vec<String>)> {
    let places = |part: &Part| {
        let of = |share: &PartChange| match &share.fields {
            None => vec![changes[share.change].key.to_string()],
            Some(fields) => fields.iter().map(|field| changes[share.change].fields[*field].path.to_string()).collect(),
        };
        part.changes.iter().flat_map(of).collect::<Vec<String>>()
    };
    let author = |part: &Part| part.author.as_ref().map_or("-", |actor| actor.key()).to_owned();
    told.parts.iter().map(|part| (author(part), places(part))).collect()
}

fn part(author: &str, places: &[&str]) -> (String, Vec<String>) {
    (author.to_owned(), places.iter().map(|place| (*place).to_owned()).collect())
}

const Q: &str = "00000001-0000-4000-8000-000000000001";

#[test]
fn two_people_at_one_entity_are_told_apart_by_what_their_records_say() {
    let catalogue = Catalogue::built_in().unwrap();
    let changes = changes(
        &catalogue,
        &[(QUEUES, Q, r#"{"name":"a","acwSettings":{"timeoutMs":1,"wrapupPrompt":"x"},"description":"d"}"#)],
        &[(QUEUES, Q, r#"{"name":"b","acwSettings":{"timeoutMs":2,"wrapupPrompt":"y"},"description":"e"}"#)],
    );
    let records = [record(1, "ann", "Update", Q, &["Name"]), record(2, "bo", "Update", Q, &["AcwSettings"])];
    let found = told(&catalogue, &changes, &records);
    let expected = [
        part("ann", &["/name"]),
        part("bo", &["/acwSettings/timeoutMs", "/acwSettings/wrapupPrompt"]),
        part("-", &["/description"]),
    ];
    assert_eq!(parts(&changes, &found), expected);
    let attribution = &found.attributions[0];
    assert_eq!(attribution.explained, Explained::Pending);
    assert_eq!(attribution.of_field(&Pointer::from_text("/name")).actors, ["ann"]);
    assert_eq!(attribution.of_field(&Pointer::from_text("/description")).explained, Explained::Pending);

    // A property that no changed field is called like may be any of them.
    let vague = [record(1, "ann", "Update", Q, &["Name"]), record(2, "bo", "Update", Q, &["Something"])];
    let found = told(&catalogue, &changes, &vague);
    let rest = ["/acwSettings/timeoutMs", "/acwSettings/wrapupPrompt", "/description"];
    assert_eq!(parts(&changes, &found), [part("ann", &["/name"]), part("bo", &rest)]);
}

#[test]
fn of_two_who_changed_one_field_the_last_is_the_author_and_the_other_has_a_part() {
    let catalogue = Catalogue::built_in().unwrap();
    let changes = changes(&catalogue, &[(QUEUES, Q, r#"{"name":"a"}"#)], &[(QUEUES, Q, r#"{"name":"c"}"#)]);
    let records = [record(1, "ann", "Update", Q, &["name"]), record(2, "bo", "Update", Q, &["name"])];
    let found = told(&catalogue, &changes, &records);
    assert_eq!(parts(&changes, &found), [part("bo", &["/name"])]);
    assert_eq!(found.parts[0].others[0].key(), "ann");
    let keys: Vec<&str> = found.attributions[0].actors.iter().map(crate::model::Actor::key).collect();
    assert_eq!(keys, ["ann", "bo"]);
}

#[test]
fn a_record_outside_the_interval_or_used_before_or_of_a_failure_explains_nothing() {
    let catalogue = Catalogue::built_in().unwrap();
    let changes = changes(&catalogue, &[(QUEUES, Q, r#"{"name":"a"}"#)], &[(QUEUES, Q, r#"{"name":"b"}"#)]);
    let good = record(1, "ann", "Update", Q, &[]);
    assert_eq!(parts(&changes, &told(&catalogue, &changes, std::slice::from_ref(&good))), [part("ann", &["/name"])]);
    let nobody = [part("-", &["/name"])];
    let early = AuditRecord { at: good.at - chrono::TimeDelta::minutes(7), ..good.clone() };
    let failed = AuditRecord { is_done: false, ..good.clone() };
    let elsewhere = AuditRecord { entity_id: Some("another".to_owned()), ..good.clone() };
    for record in [early, failed, elsewhere] {
        assert_eq!(parts(&changes, &told(&catalogue, &changes, &[record])), nobody);
    }
    let used = HashSet::from([("r1".to_owned(), QUEUES.parse().unwrap(), EntityKey::new(Q))]);
    assert_eq!(parts(&changes, &told_with(&catalogue, &changes, &[good], &used)), nobody);
}

#[test]
fn what_hangs_below_an_entity_is_explained_by_a_record_that_names_both_or_nothing_else() {
    let catalogue = Catalogue::built_in().unwrap();
    let member = format!("{Q}:m1");
    let changes = changes(&catalogue, &[], &[(MEMBERS, &member, r#"{"joined":true}"#)]);
    let of_queue = record(1, "ann", "MemberUpdate", Q, &[]);
    let both = AuditRecord { others: vec!["m1".to_owned()], ..of_queue.clone() };
    let other = AuditRecord { others: vec!["m2".to_owned()], ..of_queue.clone() };
    for (record, author) in [(of_queue, "ann"), (both, "ann"), (other, "-")] {
        assert_eq!(parts(&changes, &told(&catalogue, &changes, &[record])), [part(author, &[&member])]);
    }
}

#[test]
fn what_went_with_its_parent_was_taken_by_whoever_took_the_parent() {
    let catalogue = Catalogue::built_in().unwrap();
    let member = format!("{Q}:m1");
    let changes = changes(&catalogue, &[(QUEUES, Q, r#"{"name":"a"}"#), (MEMBERS, &member, r#"{"joined":true}"#)], &[]);
    let records = [record(1, "ann", "Update", Q, &["name"]), record(2, "bo", "Delete", Q, &[])];
    let found = told(&catalogue, &changes, &records);
    assert_eq!(parts(&changes, &found), [part("bo", &[&member, Q])]);
    // What was done to an entity before it went is gone with it.
    assert!(found.parts[0].others.is_empty());
}

#[test]
fn the_platform_a_stranger_and_a_person_of_another_organisation_are_authors_too() {
    let catalogue = Catalogue::built_in().unwrap();
    let changes = changes(&catalogue, &[(SKILLS, "s", r#"{"name":"a"}"#)], &[(SKILLS, "s", r#"{"name":"b"}"#)]);
    let record = record(1, "stranger", "Update", "s", &[]);
    let by = |record: AuditRecord| {
        let found = told(&catalogue, &changes, &[record]);
        author(found.parts[0].author.as_ref().unwrap(), ORG)
    };
    assert_eq!(by(record.clone()), ("STRANGER".to_owned(), format!("stranger@{ORG}.invalid")));
    let trustee =
        AuditRecord { home_org: Some("elsewhere".to_owned()), user_name: Some("Al".to_owned()), ..record.clone() };
    assert_eq!(by(trustee).0, "Al (trustee)");
    let nobody = AuditRecord { user: None, ..record };
    assert_eq!(by(nobody), ("Genesys Cloud".to_owned(), format!("Genesys-Cloud@{ORG}.invalid")));
}

#[test]
fn trailers_that_are_written_are_read_again() {
    let catalogue = Catalogue::built_in().unwrap();
    let changes = changes(&catalogue, &[(QUEUES, Q, r#"{"name":"a"}"#)], &[(QUEUES, Q, r#"{"name":"c"}"#)]);
    let records = [record(1, "ann", "Update", Q, &["name"]), record(2, "bo", "Update", Q, &["name"])];
    let records =
        records.map(|record| AuditRecord { application: Some("Admin\nGenesys-Actor: x".to_owned()), ..record });
    let found = told(&catalogue, &changes, &records);
    let said: Vec<(String, String)> =
        trailers(&found.parts[0], ORG, Some("a/b")).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    assert!(said.iter().all(|(_, value)| !value.contains('\n')));
    let actor = found.parts[0].author.as_ref().unwrap();
    let (name, email) = author(actor, ORG);
    let read = CommitAttribution::read((&name, &email, &actor.at), &said, None);
    let of_change = read.of_change(&changes[0].domain, &changes[0].key);
    let keys: Vec<&str> = of_change.actors.iter().map(crate::model::Actor::key).collect();
    assert_eq!(keys, ["ann", "bo"]);
    assert_eq!(of_change.actors[1].email.as_deref(), Some("bo@example.com"));
    let uses: BTreeMap<String, EntityKey> = read.uses().map(|(id, _, key)| (id, key)).collect();
    assert_eq!(uses.keys().collect::<Vec<_>>(), ["r1", "r2"]);
}
