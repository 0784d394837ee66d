//! A domain file that changes brings its stored form along in commits of its own, and a change made in the same interval is
//! still told, alone.

use orgtrail::catalogue::{Catalogue, USER_DIR, UserFile, embedded_file};
use orgtrail::model::{DomainId, EntityKey, FieldKind, Object, Value};
use orgtrail::session::Taken;

use crate::faults::kinds;
use crate::harness::{Org, TestTrail, id};

/// The built-in domains, one of them with another file.
pub(crate) fn catalogue_with(domain: &DomainId, edit: impl Fn(&str) -> String) -> Catalogue {
    let path = format!("{}/{}", domain.family(), domain.short_name());
    let built_in = embedded_file(&format!("{path}.toml")).unwrap();
    let text = edit(built_in);
    assert_ne!(text, built_in);
    let schema = embedded_file(&format!("{path}.v1.json")).unwrap();
    let own = |name: &str, text: &str| UserFile { path: format!("{USER_DIR}/{path}{name}"), content: text.into() };
    let mut files = vec![own(".toml", &text)];
    if text.contains("schema_version = 2") {
        files.push(own(".v2.json", &schema.replace("\"const\": 1", "\"const\": 2")));
    }
    Catalogue::with(&files).unwrap()
}

/// Another version of a domain whose stored form lacks descriptions.
fn without_descriptions(text: &str) -> String {
    text.replace("schema_version = 1", "schema_version = 2").replace("volatile = [", "volatile = [\"description\", ")
}

/// Sets a member of the first entity of a domain.
fn set(org: &Org, domain: &DomainId, name: &'static str, value: &'static str) -> EntityKey {
    org.running.world(|world| {
        let key = world.keys(domain).next().unwrap().clone();
        let Some(Value::Object(entity)) = world.entity_mut(domain, &key) else { panic!("{domain} has no {key}") };
        Object::insert(entity, name, Value::from(value));
        key
    })
}

/// The one field that a run saw change.
fn only_field(taken: &Taken) -> (EntityKey, String, FieldKind) {
    let [change] = taken.changes.changes.as_slice() else { panic!("{:#?}", taken.changes.changes) };
    let [field] = change.change.fields.as_slice() else { panic!("{change:#?}") };
    (change.change.key.clone(), field.path.to_string(), field.kind)
}

#[test]
fn a_new_schema_and_a_real_change_in_one_run_tell_the_real_change_alone() {
    let (org, mut trail) = (Org::small(), TestTrail::new());
    let queues = id("routing.queues");
    trail.snapshot(&org).unwrap();
    trail.workspace.catalogue = catalogue_with(&queues, without_descriptions);
    let key = set(&org, &queues, "name", "Under a new name");
    let taken = trail.snapshot(&org).unwrap();
    assert_eq!(only_field(&taken), (key, "/name".to_owned(), FieldKind::Modified));
    assert_eq!(kinds(&trail)[..2], ["observed", "schema-migration"]);
    let stored = trail.git(&["show", "HEAD:snapshot/routing/queues.json"]);
    assert!(stored.contains("\"schema_version\": 2") && !stored.contains("\"description\""));
    let migration = trail.git(&["show", "--stat", "--format=", "HEAD~1"]);
    assert!(migration.contains("snapshot/routing/queues.json") && !migration.contains("skills"), "{migration}");
    assert!(!trail.snapshot(&org).unwrap().document.changed);
}

#[test]
fn members_that_are_kept_from_now_on_are_no_change() {
    let (org, mut trail) = (Org::small(), TestTrail::new());
    let queues = id("routing.queues");
    let with = trail.workspace.catalogue;
    trail.workspace.catalogue = catalogue_with(&queues, |text| {
        text.replace("volatile = [", "volatile = [\"description\", \"acwSettings.timeoutMs\", ")
    });
    trail.snapshot(&org).unwrap();
    trail.workspace.catalogue = with;
    let key = set(&org, &queues, "name", "Under a new name");
    let taken = trail.snapshot(&org).unwrap();
    assert_eq!(only_field(&taken), (key, "/name".to_owned(), FieldKind::Modified));
    assert_eq!(kinds(&trail)[0], "observed");
    assert!(kinds(&trail)[1..].iter().take(2).all(|kind| kind == "schema-migration"), "{:?}", kinds(&trail));
    assert!(trail.git(&["show", "HEAD:snapshot/routing/queues.json"]).contains("\"timeoutMs\""));
    assert!(!trail.snapshot(&org).unwrap().document.changed);
}

#[test]
fn what_could_not_be_captured_is_migrated_all_the_same() {
    let (org, mut trail) = (Org::small(), TestTrail::new());
    let queues = id("routing.queues");
    trail.snapshot(&org).unwrap();
    trail.workspace.catalogue = catalogue_with(&queues, without_descriptions);
    crate::faults::block(&org, "/api/v2/routing/queues", orgtrail::sim::Effect::InternalError);
    let taken = trail.snapshot(&org).unwrap();
    assert!(taken.changes.changes.is_empty());
    assert_eq!(kinds(&trail)[0], "schema-migration");
    org.running.clear_faults();
    assert!(!trail.snapshot(&org).unwrap().document.changed);
}

#[test]
fn another_identity_is_another_baseline_and_said_aloud() {
    let (org, mut trail) = (Org::small(), TestTrail::new());
    let skills = id("routing.skills");
    trail.snapshot(&org).unwrap();
    let count = trail.snapshot(&org).unwrap().document.domains[&skills].entities;
    trail.workspace.catalogue = catalogue_with(&skills, |text| {
        let text = text.replace("key = [\"id\"]", "key = [\"name\"]").replace("random_uuid = true\n", "");
        text.replace("skills/{id}", "skills/{name}")
    });
    let taken = trail.snapshot(&org).unwrap();
    assert!(taken.changes.changes.is_empty(), "{:#?}", taken.changes.changes);
    assert_eq!(taken.document.baselines.get(&skills), Some(&count));
    let [finding] = taken.document.findings.as_slice() else { panic!("{:?}", taken.document.findings) };
    assert_eq!(finding.rule, "new-baseline");
    assert_eq!(kinds(&trail)[0], "baseline");
    assert!(!trail.snapshot(&org).unwrap().document.changed);
}
