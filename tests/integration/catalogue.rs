//! The domain files, their schemas and their fixtures fit together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use orgtrail::canonical::{Canonical, Canonicaliser, Notes, Scan, SecretKey, write_document};
use orgtrail::catalogue::{Domain, Paging, embedded_file};
use orgtrail::model::{CanonicalText, EntityKey, Object, OwnedValue, Value};
use orgtrail::sim::{Rng, Scale, World};

use crate::fixtures::{catalogue, folder, json};

fn schema_of(domain: &Domain) -> serde_json::Value {
    let id = &domain.id;
    let path = format!("{}/{}.v{}.json", id.family(), id.short_name(), domain.schema_version);
    serde_json::from_str(embedded_file(&path).unwrap_or_else(|| panic!("there is no {path}"))).unwrap()
}

/// Most entities in a fixture that the simulated org makes up.
const MADE_UP: usize = 2;

/// Writes a fixture for a domain that has none: what the simulated org answers.
fn make_up(world: &World, domain: &Domain, folder: &Path) {
    let mut rng = Rng::keyed(1, &["fixture", domain.id.as_str()]);
    // Those of several parents would not stand in one answer.
    let count = if domain.source.parent.is_some() { 1 } else { MADE_UP };
    let answers = world.keys(&domain.id).take(count).map(|key| world.answer(&domain.id, key, &[], &mut rng).unwrap());
    let entities: Vec<serde_json::Value> = answers.map(|answer| serde_json::from_slice(&answer).unwrap()).collect();
    let (file, value) = match (domain.source.read_detail, domain.source.paging) {
        (true, _) => ("detail.json", serde_json::Value::Array(entities)),
        (false, Paging::Singleton) => ("response.json", entities.into_iter().next().unwrap()),
        (false, Paging::Array) => ("response.json", serde_json::Value::Array(entities)),
        (false, _) => ("response.json", serde_json::json!({ domain.source.entities.clone(): entities })),
    };
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(file), serde_json::to_string_pretty(&value).unwrap() + "\n").unwrap();
}

/// `ORGTRAIL_PIN=1 cargo test` makes up a fixture for each domain without one; an answer of a real org is worth more.
#[test]
fn every_domain_has_a_fixture() {
    for domain in catalogue().iter() {
        let folder = folder().join("domains").join(domain.id.as_str());
        if !folder.exists() && std::env::var_os("ORGTRAIL_PIN").is_some() {
            // What an org may lack is there in another one.
            let worlds = (1..50).map(|seed| World::generate(&Arc::new(catalogue()), Scale::Small, seed));
            let has_one = |world: &World| world.keys(&domain.id).next().is_some();
            make_up(&worlds.into_iter().find(has_one).unwrap(), domain, &folder);
        }
        assert!(folder.exists(), "{} has no fixture", domain.id);
    }
}

/// The raw entities of a domain's fixture, as the stored form is made from them.
fn raw_entities(domain: &Domain) -> Vec<OwnedValue> {
    let folder = folder().join("domains").join(domain.id.as_str());
    if domain.source.read_detail {
        return json(&folder.join("detail.json")).as_array().unwrap().to_vec();
    }
    let response = json(&folder.join("response.json"));
    match domain.source.paging {
        Paging::Singleton => vec![response],
        Paging::Array => response.as_array().unwrap().to_vec(),
        _ => response.get(&domain.source.entities).and_then(Value::as_array).unwrap().to_vec(),
    }
}

fn canonical(domain: &Domain, notes: &mut Notes) -> BTreeMap<EntityKey, CanonicalText> {
    let secrets = SecretKey::new(&"k".repeat(32)).unwrap();
    let scan = Scan::built_in().unwrap();
    let canonicaliser = Canonicaliser::new(domain, &secrets, &scan, "11111111-1111-4111-8111-111111111111");
    let parent = EntityKey::new("22222222-2222-4222-8222-222222222222");
    let parent = domain.source.parent.as_ref().map(|_| &parent);
    let mut entities = BTreeMap::new();
    for raw in raw_entities(domain) {
        let mut raw = match (&domain.source.text_items, raw) {
            (Some(member), text @ Value::String(_)) => {
                Value::Object(Object::from_iter([(member.clone().into(), text)]))
            }
            (_, raw) => raw,
        };
        if let Value::Object(object) = &mut raw {
            domain.source.stamp.iter().for_each(|name| drop(object.insert(name.clone(), Value::from("stamped"))));
        }
        if let Canonical::Entity(key, text) = canonicaliser.entity(raw, parent, notes).unwrap() {
            assert!(entities.insert(key, text).is_none(), "{}: a key comes twice", domain.id);
        }
    }
    entities
}

#[test]
fn every_schema_validates_what_is_written_of_its_fixture() {
    for domain in catalogue().iter() {
        let mut notes = Notes::default();
        let file = write_document(&domain.id, domain.schema_version, &canonical(domain, &mut notes));
        let validator = jsonschema::validator_for(&schema_of(domain)).unwrap();
        let document: serde_json::Value = serde_json::from_slice(&file).unwrap();
        let problems: Vec<String> =
            validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(problems.is_empty(), "{}: {problems:#?}", domain.id);
        assert!(notes.new_fields.is_empty(), "{}: unknown to its schema: {:?}", domain.id, notes.new_fields);
        assert!(notes.unexpected.is_empty(), "{}: of another type: {:?}", domain.id, notes.unexpected);
    }
}

#[test]
fn nothing_that_is_treated_reaches_the_stored_form() {
    for domain in catalogue().iter() {
        for text in canonical(domain, &mut Notes::default()).values() {
            let stored = orgtrail::canonical::value_of(text);
            let treat = &domain.treat;
            for path in [&treat.volatile, &treat.state, &treat.metadata, &treat.copied].into_iter().flatten() {
                assert!(path.find_all(&stored).is_empty(), "{}: {path} is stored", domain.id);
            }
            for path in &treat.secret {
                for place in path.find_all(&stored) {
                    assert!(!place.kind().eq("string"), "{}: {path} is stored in clear", domain.id);
                }
            }
        }
    }
}

/// The pinned treatments: name, schema version, digest.
fn treatments() -> String {
    catalogue().iter().fold(String::new(), |mut lines, domain| {
        writeln!(lines, "{} {} {}", domain.id, domain.schema_version, domain.treatment()).unwrap();
        lines
    })
}

/// A treatment that changes without a new schema version would show its consequences as an administrator's changes. After
/// raising the version, `ORGTRAIL_PIN=1 cargo test` writes the file anew.
#[test]
fn every_treatment_is_pinned_to_its_schema_version() {
    let path = folder().join("treatments.txt");
    if std::env::var_os("ORGTRAIL_PIN").is_some() {
        std::fs::write(&path, treatments()).unwrap();
    }
    let pinned = std::fs::read_to_string(&path).unwrap();
    assert_eq!(treatments(), pinned, "raise schema_version of what changed, then pin it");
}

#[test]
fn every_type_that_cx_as_code_exports_is_covered_unless_it_is_no_configuration() {
    // Contacts, their organisations and work items are the customers' data.
    let left_out = [
        "genesyscloud_externalcontacts_contact",
        "genesyscloud_externalcontacts_organization",
        "genesyscloud_task_management_workitem",
    ];
    let file = std::fs::read_to_string(folder().join("terraform-types.txt")).unwrap();
    let exported: BTreeSet<&str> = file.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(exported.len(), 138);
    let catalogue = catalogue();
    let covered: BTreeSet<&str> =
        catalogue.iter().flat_map(|domain| domain.terraform.iter().map(String::as_str)).chain(left_out).collect();
    assert_eq!(exported.difference(&covered).collect::<Vec<_>>(), Vec::<&&str>::new());
    assert_eq!(covered.difference(&exported).collect::<Vec<_>>(), Vec::<&&str>::new());
}
