//! Domains that cost too much for one run are captured over several, each going on where the last one stopped; what cannot
//! have changed is not asked for again.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use orgtrail::capture::Selection;
use orgtrail::model::{ChangeKind, DomainId, EntityKey, Value};
use orgtrail::record::{Heartbeat, HeartbeatDomain, LedgerStatus, RunStatus};
use orgtrail::session::{HEARTBEAT_REF, RunOptions, Taken};
use orgtrail::sim::{Effect, Fault, Repeat, When};

use crate::faults::{digests, kinds, ledger};
use crate::harness::{Org, TestTrail, id};

/// Requests that a run may spend on the deep domains.
const PORTION: usize = 5;

/// The most runs that a round may take here.
const RUNS: usize = 40;

fn deep() -> [DomainId; 2] {
    [id("architect.flow-configuration"), id("routing.queue-members")]
}

/// A run as a scheduled workflow makes it: everything whose turn it is, the deep domains in portions.
fn scheduled(options: &mut RunOptions) {
    let parents = ["architect.flows", "routing.queues"].map(id);
    options.selection = Selection(deep().into_iter().chain(parents).collect());
    options.profile = options.selection.0.clone();
    options.by_cadence = true;
}

fn trail() -> TestTrail {
    let mut trail = TestTrail::new();
    trail.workspace.config.deep_requests = PORTION;
    trail
}

fn known(trail: &TestTrail, domain: &DomainId) -> Option<HeartbeatDomain> {
    let bytes = trail.workspace.trail.read_ref_blob(HEARTBEAT_REF).unwrap()?;
    Heartbeat::read(&bytes).unwrap().domains.get(domain).cloned()
}

fn is_under_way(trail: &TestTrail) -> bool {
    deep().iter().any(|domain| known(trail, domain).is_none_or(|known| known.resume.is_some()))
}

/// Makes scheduled runs until no round is under way; what each did.
fn whole_round(org: &Org, trail: &TestTrail) -> Vec<Taken> {
    let mut runs = Vec::new();
    while runs.is_empty() || is_under_way(trail) {
        assert!(runs.len() < RUNS, "the round does not end");
        let taken = trail.snapshot_with(org, scheduled).unwrap();
        assert_eq!(taken.exits.code(), 0, "{:?}", taken.document.domains);
        runs.push(taken);
    }
    runs
}

/// What a trail has on record that is captured at once.
fn at_once(org: &Org) -> TestTrail {
    let trail = TestTrail::new();
    let all = |options: &mut RunOptions| {
        scheduled(options);
        options.by_cadence = false;
    };
    assert_eq!(trail.snapshot_with(org, all).unwrap().exits.code(), 0);
    trail
}

fn requests(taken: &Taken, domain: &DomainId) -> u64 {
    taken.document.domains.get(domain).map_or(0, |one| one.requests)
}

#[test]
fn a_round_goes_on_where_the_last_run_stopped_until_it_is_complete() {
    let (org, trail) = (Org::small(), trail());
    let runs = whole_round(&org, &trail);
    assert!(runs.len() > 2, "one portion was enough");
    for taken in &runs {
        let spent: u64 = deep().iter().map(|domain| requests(taken, domain)).sum();
        // A listing that has begun goes on to its last page.
        assert!(spent <= 2 * PORTION as u64, "{spent} requests in a portion of {PORTION}");
        assert!(taken.changes.changes.is_empty(), "{:#?}", taken.changes.changes);
    }
    let (last, before) = runs.split_last().unwrap();
    assert!(before.iter().all(|taken| {
        let is_partial = |domain: &DomainId| {
            let one = taken.document.domains.get(domain);
            one.is_some_and(|one| one.status == RunStatus::Partial && one.cause.as_ref().unwrap().contains(" of "))
        };
        deep().iter().any(is_partial)
    }));
    let ends =
        |domain: &DomainId| last.document.domains.get(domain).is_some_and(|one| one.status == RunStatus::Complete);
    assert!(deep().iter().any(ends));
    assert!(kinds(&trail).iter().all(|kind| kind == "baseline"), "{:?}", kinds(&trail));
    assert_eq!(digests(&trail), digests(&at_once(&org)));
    for domain in deep() {
        let entry = &ledger(&trail).domains[&domain];
        assert_eq!((entry.status, entry.baseline_under_way), (LedgerStatus::Complete, false));
    }
}

#[test]
fn while_the_first_round_is_under_way_the_ledger_says_that_it_is() {
    let (org, trail) = (Org::small(), trail());
    trail.snapshot_with(&org, scheduled).unwrap();
    assert!(is_under_way(&trail));
    let ledger = ledger(&trail);
    let begun: Vec<_> = deep().into_iter().filter_map(|domain| ledger.domains.get(&domain)).collect();
    assert!(begun.iter().any(|entry| entry.baseline_under_way && entry.status == LedgerStatus::Stale), "{begun:?}");
}

#[test]
fn between_two_rounds_deep_domains_rest_and_what_cannot_change_is_not_asked_for_again() {
    let (org, mut trail) = (Org::small(), trail());
    whole_round(&org, &trail);
    let resting = trail.snapshot_with(&org, scheduled).unwrap();
    assert!(deep().iter().all(|domain| !resting.document.domains.contains_key(domain)));
    assert!(!resting.document.changed);

    trail.workspace.config.deep_requests = 1000;
    let [flows, members] = deep();
    let next_day = |options: &mut RunOptions| {
        scheduled(options);
        options.now += TimeDelta::days(2);
    };
    let second = trail.snapshot_with(&org, next_day).unwrap();
    assert_eq!((requests(&second, &flows), second.document.domains[&flows].status), (0, RunStatus::Complete));
    assert!(requests(&second, &members) > 0);
    assert!(!second.document.changed);
}

#[test]
fn another_published_version_is_fetched_once_and_told() {
    let (org, mut trail) = (Org::small(), trail());
    trail.workspace.config.deep_requests = 1000;
    whole_round(&org, &trail);
    let flows = id("architect.flows");
    let [configurations, _] = deep();
    let flow = org.running.world(|world| {
        let is_published = |key: &&EntityKey| {
            let flow = world.entity(&id("architect.flows"), key).unwrap();
            flow.get("publishedVersion").and_then(|version| version.get("id")).is_some()
        };
        let key = world.keys(&flows).find(is_published).unwrap().clone();
        let Some(Value::Object(flow)) = world.entity_mut(&flows, &key) else { panic!("{key}") };
        let Some(Value::Object(version)) = flow.get_mut("publishedVersion") else { panic!("{key}") };
        version.insert("id", Value::from("99.0"));
        key
    });
    let next_day = |options: &mut RunOptions| {
        scheduled(options);
        options.now += TimeDelta::days(2);
    };
    let taken = trail.snapshot_with(&org, next_day).unwrap();
    assert_eq!(requests(&taken, &configurations), 1);
    let of_flow = taken.changes.changes.iter().map(|one| &one.change).filter(|change| change.key == flow);
    let told: BTreeSet<_> = of_flow.map(|change| (change.domain.clone(), change.kind)).collect();
    assert_eq!(told, BTreeSet::from([(flows, ChangeKind::Modified), (configurations, ChangeKind::Modified)]));
}

#[test]
fn a_round_that_had_trouble_says_so_and_the_next_one_makes_it_good() {
    let (org, mut trail) = (Org::small(), trail());
    let [_, members] = deep();
    let first = org.running.world(|world| world.keys(&id("routing.queues")).min().unwrap().clone());
    let path = format!("/api/v2/routing/queues/{first}/members");
    org.running.fault(Fault { when: When::Path(path), effect: Effect::InternalError, repeat: Repeat::Sticky });
    let mut codes = Vec::new();
    while codes.is_empty() || is_under_way(&trail) {
        assert!(codes.len() < RUNS);
        codes.push(trail.snapshot_with(&org, scheduled).unwrap().exits.code());
    }
    assert!(codes.contains(&4), "{codes:?}");
    assert_eq!(known(&trail, &members).unwrap().captured_at, None);
    assert!(ledger(&trail).domains[&members].baseline_under_way);

    org.running.clear_faults();
    trail.workspace.config.deep_requests = 1000;
    let next_day = |options: &mut RunOptions| {
        scheduled(options);
        options.now += TimeDelta::days(2);
    };
    let taken = trail.snapshot_with(&org, next_day).unwrap();
    assert!(taken.changes.changes.is_empty(), "{:#?}", taken.changes.changes);
    assert_eq!(digests(&trail), digests(&at_once(&org)));
}
