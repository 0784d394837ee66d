//! Snapshots of a simulated organisation: the baseline, silence while nothing changes, exactly what changes.

use orgtrail::model::{ChangeKind, FieldKind, Pointer, Value};
use orgtrail::record::RunStatus;
use orgtrail::sim::{Rng, Scale, Script};

use crate::harness::{Org, TestTrail, id, is_core};

#[test]
fn the_first_snapshot_is_a_baseline_and_lists_no_additions() {
    let (org, trail) = (Org::small(), TestTrail::new());
    let taken = trail.snapshot(&org).unwrap();
    let incomplete: Vec<_> =
        taken.document.domains.iter().filter(|(_, one)| one.status != RunStatus::Complete).collect();
    assert!(incomplete.is_empty(), "{incomplete:#?}");
    assert_eq!(taken.exits.code(), 0);
    assert!(taken.changes.changes.is_empty());
    assert_eq!(taken.document.commits.len(), 1);
    assert_eq!(trail.commits(), 2);
    assert_eq!(taken.document.baselines.len(), taken.document.domains.len());
    assert_eq!(trail.git(&["status", "--porcelain"]), "");
    trail.git(&["fsck", "--strict"]);
}

#[test]
fn a_hundred_snapshots_of_an_unchanged_noisy_org_make_one_commit() {
    let (org, trail) = (Org::start(Scale::Medium, 7), TestTrail::new());
    for _ in 0..100 {
        let taken = trail.snapshot(&org).unwrap();
        assert_eq!(taken.exits.code(), 0, "{:#?}", taken.document.domains);
    }
    let kinds = trail.git(&["log", "--format=%(trailers:key=Orgtrail-Kind,valueonly,separator=)"]);
    assert_eq!(kinds.split_whitespace().collect::<Vec<_>>(), ["baseline"]);
}

#[test]
fn a_day_of_changes_is_told_change_by_change() {
    let (org, trail) = (Org::small(), TestTrail::new());
    trail.snapshot(&org).unwrap();
    for edit in &Script::built_in().unwrap().edits {
        org.running.world(|world| world.apply(edit)).unwrap();
    }
    let taken = trail.snapshot(&org).unwrap();
    let told: Vec<String> = taken
        .changes
        .changes
        .iter()
        .map(|one| {
            let change = &one.change;
            format!("{} {} {} [{}]", one.judgement.severity, change.kind.as_str(), change.domain, one.judgement.rule)
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

/// Mutates random leaves one by one; each must come as exactly one change that says what was done.
fn mutations(seed: u64, count: usize) {
    let (org, trail) = (Org::start(Scale::Small, seed), TestTrail::new());
    trail.snapshot(&org).unwrap();
    let mut rng = Rng::new(seed);
    let domains: Vec<_> = org.running.world(|world| world.domains().filter(|id| is_core(id)).cloned().collect());
    let mut done = 0;
    while done < count {
        let domain = rng.pick(&domains).unwrap().clone();
        let picked = org.running.world(|world| {
            let keys: Vec<_> = world.keys(&domain).cloned().collect();
            let key = rng.pick(&keys)?.clone();
            let leaves = world.leaves(&domain, &key);
            let leaf = rng.pick(&leaves)?.clone();
            let (old, new) = world.mutate(&domain, &key, &leaf, &mut rng)?;
            Some((key, leaf, old, new))
        });
        let Some((key, leaf, old, new)) = picked else { continue };
        done += 1;
        let taken = trail.snapshot(&org).unwrap();
        let place = format!("{domain} {key} {leaf}: {old:?} to {new:?}");
        let [change] = taken.changes.changes.as_slice() else {
            panic!("{place}: {} changes: {:#?}", taken.changes.changes.len(), taken.changes.changes);
        };
        assert_eq!((&change.change.domain, change.change.kind), (&domain, ChangeKind::Modified), "{place}");
        assert_eq!(change.change.key, key, "{place}");
        check_fields(&trail, change, &leaf, &old, &new, &place);
    }
}

fn check_fields(
    trail: &TestTrail,
    change: &orgtrail::policy::ClassifiedChange,
    leaf: &Pointer,
    old: &Value<'static>,
    new: &Value<'static>,
    place: &str,
) {
    let domain = trail.workspace.catalogue.get(&change.change.domain).unwrap();
    let segments: Vec<String> = leaf.segments().collect();
    let is_secret = domain.treat.secret.iter().any(|path| {
        path.segments().len() <= segments.len()
            && path.segments().iter().zip(&segments).all(|(step, segment)| step.matches(segment))
    });
    let set_depth = domain.treat.sets.iter().filter_map(|(path, _)| {
        let depth = path.segments().len();
        let inside = depth < segments.len()
            && path.segments().iter().zip(&segments).all(|(step, segment)| step.matches(segment));
        inside.then_some(depth)
    });
    let set_depth = set_depth.min();
    let prefix: Vec<String> = segments[..set_depth.unwrap_or(segments.len())].to_vec();
    for field in &change.fields {
        let path: Vec<String> = field.field.path.segments().collect();
        assert!(path.starts_with(&prefix), "{place}: told at {}", field.field.path);
    }
    match change.fields.as_slice() {
        [only] if is_secret => assert_ne!(only.field.old, only.field.new, "{place}"),
        [only] => {
            assert_eq!(only.field.kind, FieldKind::Modified, "{place}");
            assert_eq!((only.field.old.as_ref(), only.field.new.as_ref()), (Some(old), Some(new)), "{place}");
            assert!(set_depth.is_some() || only.field.path == *leaf, "{place}: told at {}", only.field.path);
        }
        // What identifies a member of a set changed: the old member is gone, the new one has come.
        [one, other] if set_depth.is_some() => {
            let kinds = [one.field.kind, other.field.kind];
            assert!(
                kinds == [FieldKind::Added, FieldKind::Removed] || kinds == [FieldKind::Removed, FieldKind::Added],
                "{place}"
            );
        }
        fields => panic!("{place}: {fields:#?}"),
    }
}

#[test]
fn a_hundred_and_twenty_five_random_mutations_are_told_exactly_first_part() {
    mutations(11, 125);
}

#[test]
fn a_hundred_and_twenty_five_random_mutations_are_told_exactly_second_part() {
    mutations(12, 125);
}

#[test]
fn a_hundred_and_twenty_five_random_mutations_are_told_exactly_third_part() {
    mutations(13, 125);
}

#[test]
fn a_hundred_and_twenty_five_random_mutations_are_told_exactly_fourth_part() {
    mutations(14, 125);
}

#[test]
fn a_removed_entity_is_told_once_it_is_confirmed() {
    let (org, trail) = (Org::small(), TestTrail::new());
    trail.snapshot(&org).unwrap();
    let queues = id("routing.queues");
    let key = org.running.world(|world| {
        let key = world.keys(&queues).next().unwrap().clone();
        assert!(world.remove(&queues, &key));
        key
    });
    let taken = trail.snapshot(&org).unwrap();
    let removed: Vec<_> = taken.changes.changes.iter().filter(|one| one.change.kind == ChangeKind::Removed).collect();
    assert!(removed.iter().any(|one| one.change.key == key && one.change.because.is_none()));
    let children = removed.iter().filter(|one| one.change.domain == id("routing.queue-members"));
    for child in children {
        assert_eq!(child.change.because.as_ref(), Some(&key));
    }
}
