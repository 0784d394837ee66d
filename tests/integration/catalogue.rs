//! The domain files, their schemas and their fixtures fit together.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use orgtrail::canonical::{Canonical, Canonicaliser, Notes, Scan, SecretKey, write_document};
use orgtrail::catalogue::{Domain, Paging, embedded_file};
use orgtrail::model::{CanonicalText, EntityKey, OwnedValue, Value};

use crate::fixtures::{catalogue, folder, json};

fn schema_of(domain: &Domain) -> serde_json::Value {
    let id = &domain.id;
    let path = format!("{}/{}.v{}.json", id.family(), id.short_name(), domain.schema_version);
    serde_json::from_str(embedded_file(&path).unwrap_or_else(|| panic!("there is no {path}"))).unwrap()
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
