#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

use crate::catalogue::Catalogue;
use crate::sim::{DAY_SEED, Edit, Scale, Script, World};

fn world() -> World {
    World::generate(&Arc::new(Catalogue::built_in().unwrap()), Scale::Small, DAY_SEED)
}

fn morning() -> DateTime<Utc> {
    "2026-03-02T09:14:00Z".parse().unwrap()
}

fn edit(text: &str) -> Edit {
    Script::read(&format!("[[edit]]\nat = \"09:14\"\n{text}\n")).unwrap().edits.remove(0)
}

/// Makes edits and answers their records.
fn told(world: &mut World, text: &str) -> Vec<Json> {
    let before = world.audits().records().count();
    world.act(&edit(text), morning()).unwrap();
    world.audits().records().skip(before).cloned().collect()
}

fn id_of(world: &World, domain: &str, name: &str) -> String {
    world.find(&domain.parse().unwrap(), name).unwrap().as_str().to_owned()
}

#[test]
fn an_edit_is_told_with_who_made_it_and_what_differs() {
    let mut world = world();
    let text = "by = \"Lotte Pereira\"\ndomain = \"routing.queues\"\nentity = \"Sales Inbound\"\n\
        set = { \"/acwSettings/timeoutMs\" = 10000 }";
    let records = told(&mut world, text);
    let (queue, person) =
        (id_of(&world, "routing.queues", "Sales Inbound"), id_of(&world, "users.users", "Lotte Pereira"));
    let [record] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(record["serviceName"], "ContactCenter");
    assert_eq!((&record["entityType"], &record["action"]), (&json!("Queue"), &json!("Update")));
    assert_eq!(record["eventDate"], "2026-03-02T09:14:00.000Z");
    assert_eq!(record["userHomeOrgId"], world.org_id());
    assert_eq!(record["user"]["id"], person.as_str());
    assert_eq!(record["user"]["name"], "Lotte Pereira");
    assert_eq!(record["entity"]["id"], queue.as_str());
    assert_eq!(record["entity"]["name"], "Sales Inbound");
    assert!(record["remoteIp"][0].as_str().unwrap().starts_with("198.51.100."));
    assert!(record.get("client").is_none());
    let changes = json!([{ "property": "acwSettings.timeoutMs", "oldValues": ["30000"], "newValues": ["10000"] }]);
    assert_eq!(record["propertyChanges"], changes);
}

#[test]
fn a_program_has_no_user_and_a_trustee_is_of_another_organisation() {
    let mut world = world();
    let domain = "domain = \"routing.queues\"\nentity = 0\nset = { \"/description\" = \"x\" }";
    let program = told(&mut world, &format!("client = \"CRM Connector\"\n{domain}")).remove(0);
    assert_eq!(program["client"]["id"], id_of(&world, "oauth.clients", "CRM Connector").as_str());
    assert!(program.get("user").is_none() && program.get("userHomeOrgId").is_none());
    let trustee = format!("by = \"Ines Olsen\"\ntrustee = \"other\"\nip = \"192.0.2.7\"\n{domain}");
    let (first, second) = (told(&mut world, &trustee).remove(0), told(&mut world, &trustee).remove(0));
    assert_eq!((&first["userHomeOrgId"], &first["remoteIp"]), (&json!("other"), &json!(["192.0.2.7"])));
    assert_eq!(first["user"], second["user"]);
    assert_ne!(first["user"]["id"], id_of(&world, "users.users", "Ines Olsen").as_str());
    assert_ne!(first["id"], second["id"]);
}

#[test]
fn what_is_made_again_has_two_records_a_second_apart() {
    let mut world = world();
    let old = id_of(&world, "routing.queues", "Complaints");
    let text = "by = \"Olga Quist\"\ndomain = \"routing.queues\"\nentity = \"Complaints\"\nrecreate = true";
    let records = told(&mut world, text);
    let new = id_of(&world, "routing.queues", "Complaints");
    let shown = |record: &Json| ["action", "eventDate"].map(|name| record[name].as_str().unwrap().to_owned());
    assert_eq!(shown(&records[0]), ["Delete", "2026-03-02T09:14:00.000Z"]);
    assert_eq!(shown(&records[1]), ["Create", "2026-03-02T09:14:01.000Z"]);
    assert_eq!((&records[0]["entity"]["id"], &records[1]["entity"]["id"]), (&json!(old), &json!(new)));
    assert_eq!(records.len(), 2);
}

#[test]
fn a_grant_is_told_of_its_role_with_subject_and_division() {
    let mut world = world();
    let text = "by = \"Imran Weiss\"\ndomain = \"authorization.division-grants\"\nparent = \"Home\"\n[edit.add]\n\
        subjectId = { \"$id\" = \"users.users\", named = \"Kofi Rahman\" }\n\
        role = { \"$ref\" = \"authorization.roles\", named = \"Admin\" }\ndivision = { \"$parent\" = true }";
    let record = told(&mut world, text).remove(0);
    assert_eq!((&record["serviceName"], &record["action"]), (&json!("PeoplePermissions"), &json!("GrantAdd")));
    assert_eq!((&record["entityType"], &record["entity"]["name"]), (&json!("Role"), &json!("Admin")));
    let changes = record["entityChanges"].as_array().unwrap();
    let shown = |change: &Json| ["entityType", "entityName"].map(|name| change[name].as_str().unwrap().to_owned());
    assert_eq!(changes.iter().map(shown).collect::<Vec<_>>(), [["User", "Kofi Rahman"], ["Division", "Home"]]);
    assert_eq!((&changes[0]["oldValues"], &changes[0]["newValues"]), (&json!([]), &json!(["Kofi Rahman"])));
}

#[test]
fn a_member_is_told_of_what_it_is_a_member_of() {
    let mut world = world();
    let text = "by = \"Ines Olsen\"\ndomain = \"routing.queue-members\"\nentity = 0\n";
    let key = world.keys(&"routing.queue-members".parse().unwrap()).next().unwrap().clone();
    let parts: Vec<String> = key.parts().collect();
    let changed = told(&mut world, &format!("{text}set = {{ \"/ringNumber\" = 5 }}")).remove(0);
    let removed = told(&mut world, &format!("{text}remove = true")).remove(0);
    for (record, action) in [(&changed, "MemberUpdate"), (&removed, "MemberRemove")] {
        assert_eq!((&record["entityType"], &record["action"]), (&json!("Queue"), &json!(action)));
        assert_eq!(record["entity"]["id"], parts[0].as_str());
        assert_eq!(record["entityChanges"][0]["entityId"], parts[1].as_str());
    }
    assert_eq!(changed["propertyChanges"][0]["property"], "ringNumber");
    assert_eq!(removed["entityChanges"][0]["newValues"], json!([]));
}

#[test]
fn some_edits_leave_no_record() {
    let mut world = world();
    let unseen = "by = \"x\"\naudited = false\ndomain = \"routing.queues\"\nentity = 0\nset = { \"/name\" = \"A\" }";
    let uncovered = "by = \"x\"\ndomain = \"organization.ip-address-authentication\"\n\
        append = { \"/networkWhitelist\" = \"192.0.2.0/24\" }";
    assert_eq!(told(&mut world, unseen), Vec::<Json>::new());
    assert_eq!(told(&mut world, uncovered), Vec::<Json>::new());
    world.apply(&edit("by = \"x\"\ndomain = \"routing.queues\"\nentity = 0\nremove = true")).unwrap();
    assert_eq!(world.audits().records().count(), 0);
}

#[test]
fn the_day_is_made_the_same_whether_it_is_recorded_or_not() {
    let (mut seen, mut unseen) = (world(), world());
    for edit in Script::built_in().unwrap().edits {
        assert_eq!(seen.act(&edit, morning()).unwrap(), unseen.apply(&edit).unwrap());
    }
    // One is not covered, one is made again.
    assert_eq!((seen.audits().records().count(), unseen.audits().records().count()), (9, 0));
    assert!(seen.audits().records().all(|record| !record.to_string().contains("null")));
}
