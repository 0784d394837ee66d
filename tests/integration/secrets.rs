//! No secret leaves the API layer: canaries in every place that the domain files call secret are found nowhere, and a rotation
//! is one change.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use orgtrail::canonical::{SecretKey, is_fingerprint};
use orgtrail::catalogue::{FieldPath, Segment};
use orgtrail::model::{ChangeKind, DomainId, EntityKey, Object, OwnedValue, Severity, Value};
use orgtrail::sim::{Effect, Fault, Repeat, Rng, Scale, When, World};

use crate::fixtures::catalogue;
use crate::harness::{KEY, Org, TestTrail, files, git_command};
use crate::terminal::{Terminal, Told};

/// What every planted secret begins with; nothing else in the world does.
pub(crate) const CANARY: &str = "zq7canary";

/// Another key to fingerprint secrets with.
const NEW_KEY: &str = "a new key of the tests, also long enough to be taken";

const SEED: u64 = 1;

/// A place of a secret in the organisation.
pub(crate) type Place = (DomainId, EntityKey, usize);

pub(crate) fn world() -> World {
    World::generate(&Arc::new(catalogue()), Scale::Small, SEED)
}

/// Calls `change` with every string in a secret place of an entity.
fn each_secret(entity: &mut OwnedValue, paths: &[FieldPath], change: &mut dyn FnMut(&mut OwnedValue)) {
    fn strings(value: &mut OwnedValue, change: &mut dyn FnMut(&mut OwnedValue)) {
        match value {
            Value::String(_) => change(value),
            Value::Array(items) => items.iter_mut().for_each(|item| strings(item, change)),
            Value::Object(object) => object.retain_mut(|_, member| {
                strings(member, change);
                true
            }),
            _ => {}
        }
    }
    for path in paths {
        path.for_each_mut(entity, &mut |value| strings(value, change));
    }
}

/// Makes a place for a secret where a path leads nowhere yet: `*` in the name of a member becomes a letter.
fn grow(entity: &mut OwnedValue, segments: &[Segment]) {
    let Some((segment, rest)) = segments.split_first() else {
        let mut instance = Object::default();
        instance.insert("instance", Value::from(CANARY));
        *entity = Value::Object(instance);
        return;
    };
    let name = match segment {
        Segment::Name(name) | Segment::Pattern(name) => name.replace('*', "x"),
        Segment::Each => "x".to_owned(),
    };
    if let Value::Object(object) = entity {
        let mut member = object.remove(&name).unwrap_or_else(|| Value::Object(Object::default()));
        grow(&mut member, rest);
        object.insert(name, member);
    }
}

/// Puts a canary of its own into every secret place of an organisation, and says where they are.
pub(crate) fn plant(world: &mut World, round: &str) -> BTreeSet<Place> {
    let catalogue = Arc::clone(world.catalogue());
    let mut places = BTreeSet::new();
    for domain in catalogue.iter().filter(|domain| !domain.treat.secret.is_empty()) {
        let keys: Vec<EntityKey> = world.keys(&domain.id).cloned().collect();
        for path in &domain.treat.secret {
            let is_used = keys.iter().any(|key| !path.find_all(world.entity(&domain.id, key).unwrap()).is_empty());
            if !is_used {
                grow(world.entity_mut(&domain.id, &keys[0]).unwrap(), path.segments());
            }
        }
        for key in keys {
            let mut count = 0;
            let entity = world.entity_mut(&domain.id, &key).unwrap();
            each_secret(entity, &domain.treat.secret, &mut |leaf| {
                *leaf = Value::from(format!("{CANARY}-{round}-{}-{count}", places.len()));
                places.insert((domain.id.clone(), key.clone(), count));
                count += 1;
            });
        }
        assert!(places.iter().any(|(id, ..)| *id == domain.id), "{} has no place for a secret", domain.id);
    }
    places
}

/// What must be found nowhere: canaries, the secret of the client, its tokens, and the keys.
pub(crate) fn forbidden(org: &Org) -> Vec<String> {
    let logins = org.running.requests().iter().filter(|request| request.path == "/oauth/token").count();
    let token = |number: usize| Rng::keyed(SEED, &["token", &number.to_string()]).hex(64);
    let mut words: Vec<String> = (1..=logins).map(token).collect();
    words.extend([CANARY, KEY, NEW_KEY].map(ToOwned::to_owned));
    words.push(org.running.client_secret.clone());
    words
}

#[track_caller]
pub(crate) fn assert_clean(place: &str, bytes: &[u8], words: &[String]) {
    for word in words {
        let found = bytes.windows(word.len()).position(|window| window == word.as_bytes());
        if let Some(at) = found {
            let around = &bytes[at.saturating_sub(200)..(at + 80).min(bytes.len())];
            panic!("{place} holds {word:?}: …{}…", String::from_utf8_lossy(around));
        }
    }
}

/// Looks through everything that a trail consists of: every object of its history, every file.
pub(crate) fn assert_trail_is_clean(trail: &Path, words: &[String]) {
    let objects = git_command(trail, &["cat-file", "--batch-all-objects", "--batch"]).output().unwrap();
    assert!(objects.status.success() && objects.stdout.len() > 100_000);
    assert_clean("the history", &objects.stdout, words);
    for path in files(trail) {
        assert_clean(&path.display().to_string(), &std::fs::read(&path).unwrap(), words);
    }
}

fn fault(effect: Effect, path: &str, repeat: Repeat) -> Fault {
    Fault { when: When::Path(path.to_owned()), effect, repeat }
}

#[test]
fn a_secret_is_found_nowhere_whatever_is_asked_and_whatever_goes_wrong() {
    let mut world = world();
    plant(&mut world, "first");
    let org = Org::of(world);
    assert!(org.running.client_secret.starts_with(CANARY));
    let terminal = Terminal::at(&org);
    let mut told: Vec<Told> = Vec::new();
    let loud = ["-vvv", "--log-format", "json"];

    told.push(terminal.snapshot(0, &["-vvv"]));
    org.running.world(|world| plant(world, "second"));
    for format in ["text", "json", "markdown"] {
        told.push(terminal.snapshot(10, &[&["--dry-run", "--format", format], &loud[..]].concat()));
    }
    told.push(terminal.snapshot(15, &loud));
    for told in &told {
        assert_eq!(told.code, 0, "{}{}", told.stdout, told.stderr);
    }
    for format in ["text", "json", "markdown"] {
        told.push(terminal.run(&[&["diff", "--format", format, "--color", "always"], &loud[..]].concat()));
        told.push(terminal.run(&["diff", "HEAD~2", "HEAD", "--format", format]));
    }
    told.push(terminal.run(&[&["doctor"], &loud[..]].concat()));
    told.push(terminal.run(&["doctor", "--format", "json"]));
    told.push(terminal.run(&["config", "check", "-vvv"]));

    let secret_paths: Vec<String> = catalogue()
        .iter()
        .filter(|domain| !domain.treat.secret.is_empty())
        .map(|domain| format!("{}*", domain.source.path))
        .collect();
    let effects = [
        (Effect::TruncatedJson, Repeat::Once),
        (Effect::InternalError, Repeat::Once),
        (Effect::Forbidden, Repeat::Sticky),
        (Effect::DuplicateId, Repeat::Sticky),
        (Effect::EntityWithoutId, Repeat::Once),
        (Effect::Unauthorised, Repeat::Once),
    ];
    for ((effect, repeat), minutes) in effects.into_iter().zip((30..).step_by(15)) {
        org.running.world(|world| plant(world, &format!("at-{minutes}")));
        for path in &secret_paths {
            org.running.fault(fault(effect, path, repeat));
        }
        told.push(terminal.snapshot(minutes, &loud));
        org.running.clear_faults();
        assert!(!told.last().unwrap().stderr.is_empty());
    }
    told.push(terminal.snapshot(200, &loud));

    let mut refused = Terminal::at(&org);
    refused.set("GENESYSCLOUD_OAUTHCLIENT_SECRET", &format!("{CANARY}-wrong"));
    told.push(refused.run(&[&["snapshot"], &loud[..]].concat()));
    told.push(refused.run(&["doctor", "-vvv"]));

    let words = forbidden(&org);
    assert!(words.len() > 10);
    for told in &told {
        assert_clean("stdout", told.stdout.as_bytes(), &words);
        assert_clean("stderr", told.stderr.as_bytes(), &words);
    }
    assert!(told.iter().any(|told| told.stdout.contains("hmac-sha256:")));
    assert_trail_is_clean(&terminal.trail(), &words);
    assert_clean("the heartbeat", terminal.git(&["cat-file", "-p", "refs/orgtrail/heartbeat"]).as_bytes(), &words);
}

#[test]
fn what_broke_in_the_middle_of_an_answer_is_not_repeated_after_many_attempts() {
    let mut world = world();
    plant(&mut world, "first");
    let org = Org::of(world);
    let trail = TestTrail::of_secrets();
    trail.snapshot(&org).unwrap();
    for effect in [Effect::TruncatedJson, Effect::InternalError, Effect::Html, Effect::Reset, Effect::EntityWithoutId] {
        org.running.world(|world| plant(world, &format!("{effect:?}")));
        org.running.fault(fault(effect, "*", Repeat::Sticky));
        match trail.snapshot(&org) {
            Ok(taken) => {
                let shown = format!("{:?} {:?}", taken.document, taken.changes);
                assert_clean("the run", shown.as_bytes(), &forbidden(&org));
            }
            Err(failure) => assert_clean("the failure", format!("{failure:?}").as_bytes(), &forbidden(&org)),
        }
        org.running.clear_faults();
    }
    assert_trail_is_clean(trail.path(), &forbidden(&org));
}

/// Gives a secret another value.
fn rotate(org: &Org, (domain, key, number): &Place, to: &str) {
    org.running.world(|world| {
        let catalogue = Arc::clone(world.catalogue());
        let paths = &catalogue.get(domain).unwrap().treat.secret;
        let mut index = 0;
        each_secret(world.entity_mut(domain, key).unwrap(), paths, &mut |leaf| {
            if index == *number {
                *leaf = Value::from(to);
            }
            index += 1;
        });
    });
}

#[test]
fn every_rotation_is_one_change_that_is_high_and_shows_both_fingerprints() {
    let mut world = world();
    let places = plant(&mut world, "first");
    let org = Org::of(world);
    let trail = TestTrail::of_secrets();
    trail.snapshot(&org).unwrap();
    for place in &places {
        // Two paths may lead to one place, which then gets another value each time.
        rotate(&org, place, &format!("{CANARY}-rotated-{}", place.2));
        let taken = trail.snapshot(&org).unwrap();
        let [change] = taken.changes.changes.as_slice() else { panic!("{place:?}: {:#?}", taken.changes.changes) };
        assert_eq!((&change.change.domain, &change.change.key), (&place.0, &place.1));
        assert_eq!(change.change.kind, ChangeKind::Modified);
        assert!(change.judgement.severity >= Severity::High, "{place:?}: {:?}", change.judgement);
        let [field] = change.fields.as_slice() else { panic!("{place:?}: {:#?}", change.fields) };
        let (old, new) = (field.field.old.as_ref().unwrap(), field.field.new.as_ref().unwrap());
        assert!(is_fingerprint(old) && is_fingerprint(new) && old != new, "{place:?}: {old:?} {new:?}");
    }
    assert_trail_is_clean(trail.path(), &forbidden(&org));
}

fn key(text: &str) -> SecretKey {
    SecretKey::new(text).unwrap()
}

/// The kinds of the commits after the first two, oldest first.
fn kinds(trail: &TestTrail) -> Vec<String> {
    let kinds = trail.git(&["log", "--reverse", "--format=%(trailers:key=Orgtrail-Kind,valueonly,separator=)"]);
    kinds.split_whitespace().skip(1).map(ToOwned::to_owned).collect()
}

/// An organisation with secrets everywhere, a trail with its first snapshot, and the places of the secrets.
fn begun() -> (Org, TestTrail, Vec<Place>) {
    let mut world = world();
    let places = plant(&mut world, "first").into_iter().collect();
    let (org, trail) = (Org::of(world), TestTrail::of_secrets());
    trail.snapshot(&org).unwrap();
    (org, trail, places)
}

#[test]
fn another_key_is_no_change() {
    let (org, trail, _) = begun();
    let taken = trail.snapshot_keyed(&org, &key(NEW_KEY).with_previous(key(KEY)), |_| {}).unwrap();
    assert!(taken.changes.changes.is_empty(), "{:#?}", taken.changes.changes);
    assert_eq!(kinds(&trail), ["rekey"]);
    let ledger = || std::fs::read_to_string(trail.path().join("snapshot/ledger.json")).unwrap();
    assert!(ledger().contains(&key(NEW_KEY).id()) && !ledger().contains(&key(KEY).id()));
    for secrets in [key(NEW_KEY), key(NEW_KEY).with_previous(key(KEY))] {
        assert!(!trail.snapshot_keyed(&org, &secrets, |_| {}).unwrap().document.changed);
    }
    assert_trail_is_clean(trail.path(), &forbidden(&org));
}

#[test]
fn a_rotation_is_seen_across_a_change_of_key() {
    let (org, trail, places) = begun();
    let rotated = places.last().unwrap();
    rotate(&org, rotated, &format!("{CANARY}-rotated"));
    let taken = trail.snapshot_keyed(&org, &key(NEW_KEY).with_previous(key(KEY)), |_| {}).unwrap();
    let [change] = taken.changes.changes.as_slice() else { panic!("{:#?}", taken.changes.changes) };
    assert_eq!((&change.change.domain, &change.change.key), (&rotated.0, &rotated.1));
    assert_eq!(change.fields.len(), 1);
    assert_eq!(kinds(&trail), ["rekey", "observed"]);
}

#[test]
fn another_key_without_the_one_before_is_told_and_nothing_is_reported() {
    let (org, trail, places) = begun();
    rotate(&org, &places[0], &format!("{CANARY}-rotated"));
    for secrets in [key(NEW_KEY), key(NEW_KEY)] {
        let taken = trail.snapshot_keyed(&org, &secrets, |_| {}).unwrap();
        assert!(taken.changes.changes.is_empty(), "{:#?}", taken.changes.changes);
    }
    assert_eq!(kinds(&trail), ["rekey"]);
    rotate(&org, &places[0], &format!("{CANARY}-rotated-again"));
    assert_eq!(trail.snapshot_keyed(&org, &key(NEW_KEY), |_| {}).unwrap().changes.changes.len(), 1);
}

#[test]
fn a_previous_key_that_is_the_wrong_one_reports_nothing() {
    let (org, trail, places) = begun();
    rotate(&org, &places[0], &format!("{CANARY}-rotated"));
    let wrong = key("a key that was never in use, long enough to be taken");
    let taken = trail.snapshot_keyed(&org, &key(NEW_KEY).with_previous(wrong), |_| {}).unwrap();
    assert!(taken.changes.changes.is_empty(), "{:#?}", taken.changes.changes);
    assert_eq!(kinds(&trail), ["rekey"]);
}

#[test]
fn domains_that_the_run_with_the_new_key_did_not_capture_are_put_under_it_later() {
    let (org, trail, places) = begun();
    let domains: BTreeSet<&DomainId> = places.iter().map(|(domain, ..)| domain).collect();
    assert!(domains.len() > 1);
    let secrets = key(NEW_KEY).with_previous(key(KEY));
    for domain in &domains {
        let one = BTreeSet::from([(*domain).clone()]);
        let taken = trail.snapshot_keyed(&org, &secrets, |options| options.selection.0 = one).unwrap();
        assert!(taken.changes.changes.is_empty(), "{domain}: {:#?}", taken.changes.changes);
    }
    assert_eq!(kinds(&trail), vec!["rekey"; domains.len()]);
    let taken = trail.snapshot_keyed(&org, &key(NEW_KEY), |_| {}).unwrap();
    assert!(!taken.document.changed);
}

#[test]
fn a_domain_that_failed_when_the_key_changed_reports_its_rotation_later() {
    let (org, trail, places) = begun();
    let has_own_listing = |place: &&Place| catalogue().get(&place.0).unwrap().source.parent.is_none();
    let place = places.iter().find(has_own_listing).unwrap();
    let failing = &place.0;
    let path = catalogue().get(failing).unwrap().source.path.clone();
    org.running.fault(fault(Effect::InternalError, &path, Repeat::Sticky));
    let secrets = key(NEW_KEY).with_previous(key(KEY));
    let taken = trail.snapshot_keyed(&org, &secrets, |_| {}).unwrap();
    assert_eq!((taken.exits.code(), taken.changes.changes.len()), (4, 0));
    org.running.clear_faults();
    rotate(&org, place, &format!("{CANARY}-rotated"));
    let taken = trail.snapshot_keyed(&org, &secrets, |_| {}).unwrap();
    let [change] = taken.changes.changes.as_slice() else { panic!("{:#?}", taken.changes.changes) };
    assert_eq!((&change.change.domain, change.fields.len()), (failing, 1));
    assert_eq!(kinds(&trail), ["rekey", "rekey", "observed"]);
}

#[test]
fn the_terminal_says_when_rotations_cannot_be_told() {
    let org = Org::of(world());
    let mut terminal = Terminal::at(&org);
    terminal.snapshot(0, &[]).ends_with(0);
    terminal.set("ORGTRAIL_SECRET_KEY", NEW_KEY);
    let told = terminal.snapshot(15, &["--quiet"]);
    insta::assert_snapshot!(told.stderr, @"warning: fingerprints on record were made with another secrets key, so whether those secrets changed cannot be told this time; ORGTRAIL_SECRET_KEY_PREVIOUS names the old key");
    told.ends_with(0);
    let told = terminal.snapshot(30, &[]);
    assert_eq!(told.stderr, "");
    told.ends_with(0);
    terminal.set("ORGTRAIL_SECRET_KEY", KEY);
    terminal.set("ORGTRAIL_SECRET_KEY_PREVIOUS", NEW_KEY);
    let told = terminal.snapshot(45, &[]);
    assert_eq!(told.stderr, "");
    told.ends_with(0);
}
