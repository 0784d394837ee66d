//! Values that look like secrets: found wherever they are, held back where nothing can take their place, allowed by name, and
//! recognised later in what is on record.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use orgtrail::canonical::{Canonicaliser, Digest, Scan, SecretKey, canonical_text, is_fingerprint, value_of};
use orgtrail::catalogue::{Catalogue, embedded_files};
use orgtrail::model::{ChangeKind, EntityKey, Object, OwnedValue, Pointer, Severity, Value};
use orgtrail::record::RunStatus;
use orgtrail::session::{Exit, Taken, Workspace, archive};
use orgtrail::sim::{Scale, World};

use crate::fixtures::{catalogue, folder};
use crate::harness::{KEY, Org, TestTrail, id};
use crate::secrets::{CANARY, assert_clean, assert_trail_is_clean, forbidden};
use crate::terminal::{Terminal, Told};

/// An access key that holds a canary; its rule knows no small letters.
const ACCESS_KEY: &str = concat!("AK", "IAZQ7CANARY2345672");

/// The start of a token that a rule knows.
const TOKEN: &str = concat!("gh", "p_zq7canary");

const TRUNKS: &str = "telephony.trunk-base-settings";

/// Domain, place and text of what looks like a secret, in the first entity of its domain.
fn secrets(round: char) -> Vec<(&'static str, &'static str, String)> {
    let long =
        |secret: &str| format!("{} {secret}. {}", "Ask the carrier first. ".repeat(50), "Then call. ".repeat(50));
    let tail = "A8kq2mZx91LpVb73TnQw5RcYdE0";
    vec![
        (TRUNKS, "/properties/trunk_note/value/instance", format!("https://svc:{CANARY}{round}@crm.example.com")),
        (TRUNKS, "/properties/trunk_apiKey/value/instance", format!("{CANARY}-{round}")),
        (TRUNKS, "/properties/trunk_sip_pass/value/instance", format!("{CANARY}{round}")),
        (
            TRUNKS,
            "/properties/trunk_list/value/instance/1/deep/0",
            long(ACCESS_KEY).replace("672", &format!("67{}", round.to_ascii_uppercase())),
        ),
        (TRUNKS, "/properties/trunk_headers/value/instance/0/value", format!("{CANARY}-{round}-of-a-pair")),
        (TRUNKS, "/integrationSecret", format!("{CANARY}-{round}-of-a-new-field")),
        (TRUNKS, "/description", long(&format!("{TOKEN}{tail}{round}"))),
        (
            "routing.queues",
            "/description",
            format!("-----BEGIN PRIVATE KEY-----\n{CANARY}{round}{tail}\n-----END PRIVATE KEY-----"),
        ),
        ("users.users", "/title", format!("Bearer {CANARY}{round}1{tail}")),
        ("directory.groups", "/description", format!(r#"{{"user":"a","password":"{CANARY}{round}1"}}"#)),
    ]
}

/// Puts a value at a place, and objects and arrays on the way to it; `0` is a position.
fn put(place: &mut OwnedValue, segments: &[String], value: OwnedValue) {
    let Some((segment, rest)) = segments.split_first() else {
        *place = value;
        return;
    };
    if let Ok(index) = segment.parse::<usize>() {
        if place.as_array().is_none() {
            *place = Value::Array(Vec::new());
        }
        if let Value::Array(items) = place {
            while items.len() <= index {
                items.push(Value::from("x"));
            }
            put(&mut items[index], rest, value);
        }
        return;
    }
    if place.as_object().is_none() {
        *place = Value::Object(Object::default());
    }
    if let Value::Object(object) = place {
        let mut member = object.remove(segment).unwrap_or(Value::Null);
        put(&mut member, rest, value);
        object.insert(segment.clone(), member);
    }
}

fn put_at(world: &mut World, domain: &str, key: &EntityKey, pointer: &str, value: impl Into<OwnedValue>) {
    let segments: Vec<String> = Pointer::from_text(pointer).segments().collect();
    put(world.entity_mut(&id(domain), key).unwrap(), &segments, value.into());
}

fn first(world: &World, domain: &str) -> EntityKey {
    world.keys(&id(domain)).next().unwrap().clone()
}

fn plant(world: &mut World, round: char) {
    let pair = Pointer::from_text("/properties/trunk_headers/value/instance/0/name");
    for (domain, pointer, text) in secrets(round) {
        let key = first(world, domain);
        put_at(world, domain, &key, pointer, text);
    }
    let key = first(world, TRUNKS);
    put_at(world, TRUNKS, &key, pair.as_str(), "X-Api-Key");
}

fn world() -> World {
    World::generate(&Arc::new(catalogue()), Scale::Small, 1)
}

fn words(org: &Org) -> Vec<String> {
    let mut words = forbidden(org);
    words.push(ACCESS_KEY[..14].to_owned());
    words
}

/// What is on record at a place.
fn stored(workspace: &Workspace, domain: &str, key: &EntityKey, pointer: &str) -> Option<OwnedValue> {
    let content = archive(workspace, workspace.tip().unwrap()).unwrap().domain(&id(domain)).unwrap().unwrap();
    let entity = value_of(content.entities.get(key)?).into_owned();
    Pointer::from_text(pointer).segments().try_fold(entity, |value, segment| match value {
        Value::Array(items) => items.get(segment.parse::<usize>().ok()?).cloned(),
        value => value.get(&segment).cloned(),
    })
}

#[test]
fn what_looks_like_a_secret_is_found_nowhere() {
    let mut world = world();
    plant(&mut world, 'b');
    let org = Org::of(world);
    let terminal = Terminal::at(&org);
    let loud = ["-vvv", "--log-format", "json"];
    let mut told: Vec<Told> = vec![terminal.snapshot(0, &["-vvv"])];
    org.running.world(|world| plant(world, 'c'));
    for format in ["text", "json", "markdown"] {
        told.push(terminal.snapshot(10, &[&["--dry-run", "--format", format], &loud[..]].concat()));
    }
    told.push(terminal.snapshot(15, &loud));
    for format in ["text", "json", "markdown"] {
        told.push(terminal.run(&[&["diff", "--format", format], &loud[..]].concat()));
    }
    let words = words(&org);
    for told in &told {
        assert_eq!(told.code, 0, "{}{}", told.stdout, told.stderr);
        assert_clean("stdout", told.stdout.as_bytes(), &words);
        assert_clean("stderr", told.stderr.as_bytes(), &words);
    }
    assert_trail_is_clean(&terminal.trail(), &words);
}

#[test]
fn every_rotation_of_what_looks_like_a_secret_is_one_change_that_is_high() {
    let mut world = world();
    plant(&mut world, 'b');
    let org = Org::of(world);
    let trail = TestTrail::new();
    trail.snapshot(&org).unwrap();
    for (domain, pointer, text) in secrets('c') {
        let key = org.running.world(|world| first(world, domain));
        let print = stored(&trail.workspace, domain, &key, pointer).unwrap_or_else(|| panic!("{domain} {pointer}"));
        assert!(is_fingerprint(&print), "{domain} {pointer}: {print:?}");
        org.running.world(|world| put_at(world, domain, &key, pointer, text));
        let taken = trail.snapshot(&org).unwrap();
        let [change] = taken.changes.changes.as_slice() else { panic!("{pointer}: {:#?}", taken.changes.changes) };
        assert_eq!((change.change.domain.as_str(), &change.change.key), (domain, &key));
        assert_eq!(change.change.kind, ChangeKind::Modified);
        assert!(change.judgement.severity >= Severity::High, "{pointer}: {:?}", change.judgement);
        let [field] = change.fields.as_slice() else { panic!("{pointer}: {:#?}", change.fields) };
        let (old, new) = (field.field.old.as_ref().unwrap(), field.field.new.as_ref().unwrap());
        assert!(is_fingerprint(old) && is_fingerprint(new) && old != new, "{pointer}: {old:?} {new:?}");
    }
    assert_trail_is_clean(trail.path(), &words(&org));
}

/// Fails unless one domain was held back because of a rule, and nothing says what was found.
fn assert_held_back(taken: &Taken, domain: &str, status: RunStatus, org: &Org, cause: &[&str]) {
    assert_eq!(taken.document.exit_codes, [7, 4]);
    assert_eq!(taken.exits.code(), Exit::HeldBack.code());
    for (id, told) in &taken.document.domains {
        let expected = if id.as_str() == domain { status } else { RunStatus::Complete };
        assert_eq!(told.status, expected, "{id}: {:?}", told.cause);
    }
    let told = taken.document.domains[&id(domain)].cause.clone().unwrap();
    assert!(cause.iter().all(|part| told.contains(part)), "{told}");
    assert_clean("the run", format!("{:?} {:?}", taken.document, taken.changes).as_bytes(), &words(org));
}

fn rename_queue(org: &Org, to: &str) {
    org.running.world(|world| {
        let key = first(world, "routing.queues");
        put_at(world, "routing.queues", &key, "/name", to);
    });
}

#[test]
fn a_secret_in_a_key_holds_its_listing_back_and_nothing_else() {
    let (org, trail) = (Org::small(), TestTrail::new());
    trail.snapshot(&org).unwrap();
    let skills = id("routing.skills");
    let key = org.running.world(|world| {
        let known = first(world, "routing.skills");
        put_at(world, "routing.skills", &known, "/name", "Another name");
        let mut skill = world.entity(&skills, &known).unwrap().clone();
        put(&mut skill, &["id".to_owned()], Value::from(ACCESS_KEY));
        world.insert(&skills, None, skill).unwrap()
    });
    rename_queue(&org, "Renamed");
    let taken = trail.snapshot(&org).unwrap();
    assert_held_back(&taken, "routing.skills", RunStatus::Failed, &org, &["the key of an entity", "aws-access-token"]);
    let [change] = taken.changes.changes.as_slice() else { panic!("{:#?}", taken.changes.changes) };
    assert_eq!(change.change.domain, id("routing.queues"));
    assert_eq!(trail.snapshot(&org).unwrap().document.exit_codes, [7, 4]);

    org.running.world(|world| world.remove(&skills, &key));
    let taken = trail.snapshot(&org).unwrap();
    assert_eq!((taken.exits.code(), taken.changes.changes.len()), (0, 1));
    assert_trail_is_clean(trail.path(), &words(&org));
}

#[test]
fn a_secret_in_the_name_of_a_member_holds_its_listing_back_also_where_details_are_read() {
    let (org, trail) = (Org::small(), TestTrail::new());
    trail.snapshot(&org).unwrap();
    let name = format!("{TOKEN}A8kq2mZx91LpVb73TnQw5RcYdE0f");
    let key = org.running.world(|world| first(world, TRUNKS));
    let before = org.running.world(|world| world.entity(&id(TRUNKS), &key).unwrap().clone());
    org.running.world(|world| put_at(world, TRUNKS, &key, &format!("/properties/{name}/value"), "x"));
    let taken = trail.snapshot(&org).unwrap();
    let cause = ["the name of a member of /properties", "rule github-pat"];
    assert_held_back(&taken, TRUNKS, RunStatus::Failed, &org, &cause);
    assert!(!taken.document.changed);
    org.running.world(|world| *world.entity_mut(&id(TRUNKS), &key).unwrap() = before);
    let taken = trail.snapshot(&org).unwrap();
    assert_eq!((taken.exits.code(), taken.document.changed), (0, false));
    assert_trail_is_clean(trail.path(), &words(&org));
}

#[test]
fn only_the_listing_of_the_one_parent_is_held_back() {
    const MEMBERS: &str = "routing.queue-members";
    let (org, trail) = (Org::small(), TestTrail::new());
    trail.snapshot(&org).unwrap();
    let (held, other) = org.running.world(|world| {
        let held = first(world, MEMBERS);
        let queue = |key: &EntityKey| key.parts().next();
        let other = world.keys(&id(MEMBERS)).find(|key| queue(key) != queue(&held)).unwrap().clone();
        put_at(world, MEMBERS, &held, &format!("/{ACCESS_KEY}"), "x");
        put_at(world, MEMBERS, &held, "/ringNumber", 5);
        put_at(world, MEMBERS, &other, "/ringNumber", 6);
        (held, other)
    });
    let taken = trail.snapshot(&org).unwrap();
    assert_held_back(&taken, MEMBERS, RunStatus::Partial, &org, &["the name of a member", "aws-access-token"]);
    let [change] = taken.changes.changes.as_slice() else { panic!("{:#?}", taken.changes.changes) };
    assert_eq!(change.change.key, other);
    assert_ne!(stored(&trail.workspace, MEMBERS, &held, "/ringNumber"), Some(Value::from(5)));
    assert_trail_is_clean(trail.path(), &words(&org));
}

#[test]
fn nothing_but_a_listing_that_is_held_back_is_no_failure_of_the_network() {
    let (org, trail) = (Org::small(), TestTrail::new());
    org.running.world(|world| {
        let key = first(world, TRUNKS);
        put_at(world, TRUNKS, &key, &format!("/properties/{ACCESS_KEY}"), "x");
    });
    let only = BTreeSet::from([id(TRUNKS)]);
    let taken = trail.snapshot_with(&org, |options| options.selection.0 = only).unwrap();
    assert_eq!(taken.document.exit_codes, [7, 4]);
    assert_trail_is_clean_of_contents(trail.path(), &words(&org));
}

/// Like [`assert_trail_is_clean`], for a trail that holds next to nothing.
fn assert_trail_is_clean_of_contents(trail: &Path, words: &[String]) {
    for path in crate::harness::files(trail) {
        assert_clean(&path.display().to_string(), &std::fs::read(&path).unwrap(), words);
    }
}

const PLACE: &str = "/properties/trunk_note/value/instance";
const LOOKS: &str = "https://svc:hunter22@crm.example.com";

/// Writes what `[secrets] allow` names, and opens the trail again.
fn allow(trail: &mut TestTrail, places: &[&str]) {
    std::fs::write(trail.path().join("orgtrail.toml"), format!("[secrets]\nallow = {places:?}\n")).unwrap();
    trail.workspace = Workspace::open(trail.path(), None).unwrap();
}

/// The kinds of the commits that a run made, oldest first.
fn kinds(trail: &TestTrail, taken: &Taken) -> Vec<String> {
    let kind = |commit: &String| {
        trail
            .git(&["log", "-1", "--format=%(trailers:key=Orgtrail-Kind,valueonly,separator=)", commit])
            .trim()
            .to_owned()
    };
    taken.document.commits.iter().map(kind).collect()
}

fn org_with_a_note() -> (Org, EntityKey) {
    let org = Org::small();
    let key = org.running.world(|world| {
        let key = first(world, TRUNKS);
        put_at(world, TRUNKS, &key, PLACE, LOOKS);
        key
    });
    (org, key)
}

#[test]
fn an_allowed_place_stays_in_clear_and_allowing_it_is_no_change() {
    let (org, key) = org_with_a_note();
    let mut trail = TestTrail::new();
    trail.snapshot(&org).unwrap();
    assert!(is_fingerprint(&stored(&trail.workspace, TRUNKS, &key, PLACE).unwrap()));

    allow(&mut trail, &["telephony.trunk-base-settings /properties/*/value", "users.* /title"]);
    let taken = trail.snapshot(&org).unwrap();
    assert!(taken.changes.changes.is_empty(), "{:#?}", taken.changes.changes);
    assert!(kinds(&trail, &taken).iter().all(|kind| kind == "schema-migration") && taken.document.findings.is_empty());
    assert_eq!(stored(&trail.workspace, TRUNKS, &key, PLACE), Some(Value::from(LOOKS)));
    assert!(!trail.snapshot(&org).unwrap().document.changed);

    org.running.world(|world| put_at(world, TRUNKS, &key, PLACE, LOOKS.replace("crm", "erp")));
    assert_eq!(trail.snapshot(&org).unwrap().changes.changes.len(), 1);
    let declared = "/properties/trunk_sip_authentication_credentials_password/value/instance";
    assert!(is_fingerprint(&stored(&trail.workspace, TRUNKS, &key, declared).unwrap()));

    allow(&mut trail, &[]);
    let taken = trail.snapshot(&org).unwrap();
    assert!(taken.changes.changes.is_empty(), "{:#?}", taken.changes.changes);
    assert_eq!(kinds(&trail, &taken), ["schema-migration"]);
    assert!(is_fingerprint(&stored(&trail.workspace, TRUNKS, &key, PLACE).unwrap()));
    let [finding] = taken.document.findings.as_slice() else { panic!("{:#?}", taken.document.findings) };
    assert_eq!((finding.rule.as_str(), finding.severity), ("secret-in-history", Severity::High));
    assert!(!trail.snapshot(&org).unwrap().document.changed);
}

/// Edits the ledger, as a version that knew less would have left it, and commits it.
fn commit_ledger(trail: &TestTrail, edit: impl FnOnce(&mut serde_json::Value)) {
    let path = trail.path().join("snapshot/ledger.json");
    let mut ledger: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    edit(&mut ledger);
    std::fs::write(&path, format!("{ledger:#}\n")).unwrap();
    trail.git(&["commit", "--quiet", "--all", "--message", "an earlier version"]);
}

#[test]
fn what_a_newer_scan_finds_on_record_is_a_migration_and_a_finding_for_each_place() {
    let (org, key) = org_with_a_note();
    let mut trail = TestTrail::new();
    allow(&mut trail, &["telephony.trunk-base-settings /properties"]);
    trail.snapshot(&org).unwrap();
    allow(&mut trail, &[]);
    let scan = Scan::built_in().unwrap();
    let plain = scan.treatment(catalogue().get(&id(TRUNKS)).unwrap());
    commit_ledger(&trail, |ledger| {
        ledger["scan"] = 0.into();
        ledger["domains"][TRUNKS]["treatment"] = plain.into();
    });
    // In the same interval an administrator changes another field, and the secret.
    org.running.world(|world| {
        put_at(world, TRUNKS, &key, "/name", "Renamed");
        put_at(world, TRUNKS, &key, PLACE, LOOKS.replace("hunter22", "hunter23"));
    });
    let taken = trail.snapshot(&org).unwrap();
    assert_eq!(kinds(&trail, &taken), ["schema-migration", "observed"]);
    let [change] = taken.changes.changes.as_slice() else { panic!("{:#?}", taken.changes.changes) };
    assert_eq!(change.fields.len(), 2);
    let [finding] = taken.document.findings.as_slice() else { panic!("{:#?}", taken.document.findings) };
    assert_eq!(finding.rule, "secret-in-history");
    assert_eq!((finding.entity.as_ref(), finding.place.as_deref()), (Some(&key), Some(PLACE)));
    for part in [TRUNKS, key.as_str(), PLACE, "url-password"] {
        assert!(finding.message.contains(part), "{}", finding.message);
    }
    assert!(!format!("{:?}", taken.document).contains("hunter"));
    let ledger = std::fs::read_to_string(trail.path().join("snapshot/ledger.json")).unwrap();
    assert!(ledger.contains(&format!("\"scan\": {}", scan.version())));
    let taken = trail.snapshot(&org).unwrap();
    assert!(!taken.document.changed && taken.document.findings.is_empty());
}

#[test]
fn a_newer_scan_that_finds_nothing_is_put_on_record_once() {
    let (org, trail) = (Org::small(), TestTrail::new());
    trail.snapshot(&org).unwrap();
    commit_ledger(&trail, |ledger| ledger["scan"] = 0.into());
    let taken = trail.snapshot(&org).unwrap();
    assert_eq!(kinds(&trail, &taken), ["schema-migration"]);
    assert!(taken.document.findings.is_empty() && taken.changes.changes.is_empty());
    assert!(!trail.snapshot(&org).unwrap().document.changed);
}

#[test]
fn a_trail_that_a_newer_scan_was_over_is_refused() {
    let org = Org::small();
    let trail = TestTrail::new();
    trail.snapshot(&org).unwrap();
    commit_ledger(&trail, |ledger| ledger["scan"] = 99.into());
    let Err(failure) = trail.snapshot(&org) else { panic!("it was not refused") };
    assert_eq!(failure.exit, Exit::Integrity);
    let known = Scan::built_in().unwrap().version();
    assert_eq!(
        failure.message,
        format!(
            "what is on record was scanned for secrets by version 99 of the scan, and this orgtrail has version {known}"
        )
    );
    assert!(failure.hint.unwrap().contains("later"));
}

#[test]
fn a_new_key_is_no_change_of_what_looks_like_a_secret_either() {
    let (org, _) = org_with_a_note();
    let trail = TestTrail::new();
    trail.snapshot(&org).unwrap();
    let secrets = |text: &str| SecretKey::new(text).unwrap();
    let new = "a new key of the tests, also long enough to be taken";
    let taken = trail.snapshot_keyed(&org, &secrets(new).with_previous(secrets(KEY)), |_| {}).unwrap();
    assert!(taken.changes.changes.is_empty(), "{:#?}", taken.changes.changes);
    assert_eq!(kinds(&trail, &taken), ["rekey"]);
    assert!(!trail.snapshot_keyed(&org, &secrets(new), |_| {}).unwrap().document.changed);
}

#[test]
fn the_document_of_a_run_with_findings_follows_its_schema() {
    let (org, _) = org_with_a_note();
    let terminal = Terminal::at(&org);
    let settings = terminal.trail().join("orgtrail.toml");
    std::fs::write(&settings, "secrets.allow = ['telephony.* /properties']\n").unwrap();
    terminal.snapshot(0, &[]).ends_with(0);
    std::fs::write(&settings, "").unwrap();
    let document = terminal.snapshot(15, &["--format", "json"]).json(0);
    let schema = orgtrail::catalogue::embedded_file("output/run.v1.json").unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let problems: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:#?}");
    assert_eq!(document["findings"][0]["entity"]["domain"], TRUNKS);
    assert_eq!(document["findings"][0]["evidence"]["place"], PLACE);
    insta::assert_snapshot!(document["findings"][0]["remedy"].as_str().unwrap(), @"Rotate the secret: whoever can read the trail can read the old one.");
}

/// What is found decides the stored form, so other rules need another version. After raising it, `ORGTRAIL_PIN=1 cargo test`
/// writes the file anew.
#[test]
fn the_rules_of_the_scan_are_pinned_to_its_version() {
    let mut found = format!("{}\n", Scan::built_in().unwrap().version());
    for (path, text) in embedded_files("secrets", "toml") {
        // Comments find nothing.
        let rules: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        writeln!(found, "{path} {}", Digest::of(rules.join("\n").as_bytes())).unwrap();
    }
    let path = folder().join("scan.txt");
    if std::env::var_os("ORGTRAIL_PIN").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(&path).unwrap(), "raise `version` in scan.toml, then pin it");
}

fn strings(value: &Value<'_>) -> u64 {
    match value {
        Value::String(_) => 1,
        Value::Array(items) => items.iter().map(strings).sum(),
        Value::Object(object) => object.iter().map(|(_, member)| strings(member)).sum(),
        _ => 0,
    }
}

/// Texts of a large organisation, and the places where a secret is seen that no domain file calls one.
fn false_positives(catalogue: &Arc<Catalogue>) -> (u64, Vec<String>) {
    let world = World::generate(catalogue, Scale::Large, 1);
    let secrets = SecretKey::new(KEY).unwrap();
    let scan = Scan::built_in().unwrap();
    let (mut leaves, mut found) = (0, Vec::new());
    for domain in catalogue.iter() {
        let canonicaliser = Canonicaliser::new(domain, &secrets, &scan, world.org_id());
        for key in world.keys(&domain.id) {
            let entity = world.entity(&domain.id, key).unwrap();
            leaves += strings(entity);
            let migrated = canonicaliser.migrate(key, &canonical_text(entity));
            let seen = migrated.unhidden.into_iter().filter(|one| one.rule != "declared-secret");
            found.extend(seen.map(|one| format!("{} {key} {} ({})", domain.id, one.place, one.rule)));
            found.extend(migrated.misplaced.map(|one| format!("{} {key}: {one}", domain.id)));
        }
    }
    (leaves, found)
}

#[test]
fn of_a_hundred_thousand_texts_at_most_one_is_taken_for_a_secret() {
    let (leaves, found) = false_positives(&Arc::new(catalogue()));
    assert!(leaves >= 300_000, "{leaves}");
    assert!(found.len() as u64 <= leaves / 100_000, "{} of {leaves}: {found:#?}", found.len());
}

#[test]
fn nothing_in_the_fixtures_is_taken_for_a_secret() {
    let catalogue = catalogue();
    let (secrets, scan) = (SecretKey::new(KEY).unwrap(), Scan::built_in().unwrap());
    for domain in catalogue.iter() {
        let canonicaliser = Canonicaliser::new(domain, &secrets, &scan, "org");
        let folder = folder().join("domains").join(domain.id.as_str());
        for file in crate::harness::files(&folder) {
            let fixture = crate::fixtures::json(&file);
            let entities = fixture.get(&domain.source.entities).unwrap_or(&fixture);
            let entities = entities.as_array().map_or_else(|| vec![entities], |items| items.iter().collect());
            for entity in entities {
                let migrated = canonicaliser.migrate(&EntityKey::new("e"), &canonical_text(entity));
                let seen = migrated.unhidden.iter().filter(|one| one.rule != "declared-secret");
                assert_eq!(
                    seen.collect::<Vec<_>>(),
                    Vec::<&orgtrail::canonical::Unhidden>::new(),
                    "{}",
                    file.display()
                );
            }
        }
    }
}
