//! What goes wrong at the API never becomes a change, a removal or a shorter baseline, and is never passed over in silence.

use std::collections::BTreeMap;

use orgtrail::model::{ChangeKind, DomainId, EntityKey};
use orgtrail::record::{LEDGER_PATH, Ledger, LedgerStatus, RunStatus};
use orgtrail::session::{Failure, Taken};
use orgtrail::sim::{Effect, Fault, RateHeaders, Repeat, Rng, When};

use crate::fixtures::catalogue;
use crate::harness::{Org, TestTrail, id, is_core};

/// A change, by what it happened to.
type Told = (DomainId, EntityKey, ChangeKind);

fn told(taken: &Taken) -> Vec<Told> {
    let changes = taken.changes.changes.iter().map(|one| &one.change);
    changes.map(|change| (change.domain.clone(), change.key.clone(), change.kind)).collect()
}

/// Changes one leaf somewhere.
fn mutate(org: &Org, rng: &mut Rng) -> Told {
    org.running.world(|world| {
        let domains: Vec<DomainId> = world.domains().filter(|id| is_core(id)).cloned().collect();
        loop {
            let domain = rng.pick(&domains).unwrap().clone();
            let keys: Vec<EntityKey> = world.keys(&domain).cloned().collect();
            let Some(key) = rng.pick(&keys).cloned() else { continue };
            let leaves = world.leaves(&domain, &key);
            let Some(leaf) = rng.pick(&leaves) else { continue };
            if world.mutate(&domain, &key, leaf, rng).is_some() {
                return (domain, key, ChangeKind::Modified);
            }
        }
    })
}

/// The ledger at the tip of the branch.
pub(crate) fn ledger(trail: &TestTrail) -> Ledger {
    let tip = trail.workspace.tip().unwrap().unwrap();
    let bytes = trail.workspace.trail.file(&tip, LEDGER_PATH).unwrap();
    Ledger::read(&bytes.expect("there is a ledger")).unwrap()
}

/// The digest of every domain that has a baseline.
pub(crate) fn digests(trail: &TestTrail) -> BTreeMap<DomainId, String> {
    let digests = ledger(trail).domains.into_iter().filter_map(|(id, entry)| Some((id, entry.digest?)));
    digests.collect()
}

/// The kinds of all commits, newest first.
pub(crate) fn kinds(trail: &TestTrail) -> Vec<String> {
    let kinds = trail.git(&["log", "--format=%(trailers:key=Orgtrail-Kind,valueonly,separator=)"]);
    kinds.split_whitespace().map(ToOwned::to_owned).collect()
}

pub(crate) fn incomplete(taken: &Taken) -> BTreeMap<&DomainId, (RunStatus, Option<&str>)> {
    let domains = taken.document.domains.iter().filter(|(_, one)| one.status != RunStatus::Complete);
    domains.map(|(id, one)| (id, (one.status, one.cause.as_deref()))).collect()
}

/// Asserts that a run that one request may have gone wrong in says so, and lost no more than what depends on that request.
fn assert_honest(struck: &Result<Taken, Failure>, place: &str) {
    let taken = match struck {
        Ok(taken) => taken,
        Err(failure) => return assert_ne!(failure.exit.code(), 0, "{place}"),
    };
    let incomplete = incomplete(taken);
    assert_eq!(taken.exits.code(), if incomplete.is_empty() { 0 } else { 4 }, "{place}: {incomplete:?}");
    assert!(
        incomplete.values().all(|(_, cause)| cause.is_some_and(|cause| !cause.is_empty())),
        "{place}: {incomplete:?}"
    );
    let catalogue = catalogue();
    let is_below = |child: &DomainId| {
        let parent = catalogue.get(child).and_then(|domain| domain.source.parent.as_ref());
        parent.is_some_and(|parent| incomplete.contains_key(parent))
    };
    let struck: Vec<_> = incomplete.keys().filter(|id| !is_below(id)).collect();
    assert!(struck.len() <= 1, "{place}: {incomplete:?}");
}

/// A small org with few parents: what their many listings would add is the same again and again.
fn org_of_few_parents() -> Org {
    let org = Org::small();
    let queues = id("routing.queues");
    org.running.world(|world| {
        let surplus: Vec<EntityKey> = world.keys(&queues).skip(3).cloned().collect();
        assert!(surplus.iter().all(|key| world.remove(&queues, key)));
    });
    org
}

/// Lets each request of a snapshot in turn go wrong, in turn with and without a change in the same interval.
fn strike_every_request(effect: Effect) {
    let (org, trail) = (org_of_few_parents(), TestTrail::new());
    trail.snapshot(&org).unwrap();
    let before = org.running.served();
    trail.snapshot(&org).unwrap();
    let requests = org.running.served() - before;
    let mut rng = Rng::new(requests);
    for request in 0..requests {
        let place = format!("{effect:?} at {request}");
        let expected: Vec<Told> = (0..request % 2).map(|_| mutate(&org, &mut rng)).collect();
        strike(&org, request, effect);
        let struck = trail.snapshot(&org);
        org.running.clear_faults();
        assert_honest(&struck, &place);
        let clean = trail.snapshot(&org).unwrap();
        assert_eq!(clean.exits.code(), 0, "{place}: {:?}", incomplete(&clean));
        let mut seen = struck.as_ref().map(told).unwrap_or_default();
        seen.extend(told(&clean));
        assert_eq!(seen, expected, "{place}");
    }
    let kinds = kinds(&trail);
    let observed = kinds.iter().filter(|kind| *kind == "observed").count();
    assert_eq!(observed as u64, requests / 2, "{kinds:?}");
}

/// Lets each request of the first snapshot in turn go wrong.
fn strike_every_first_request(effect: Effect) {
    let (org, reference) = (org_of_few_parents(), TestTrail::new());
    reference.snapshot(&org).unwrap();
    let requests = org.running.served();
    let expected = digests(&reference);
    for request in 0..requests {
        let place = format!("{effect:?} at {request} of the first run");
        let trail = TestTrail::new();
        strike(&org, request, effect);
        let struck = trail.snapshot(&org);
        org.running.clear_faults();
        assert_honest(&struck, &place);
        match &struck {
            Ok(taken) => {
                assert!(told(taken).is_empty(), "{place}");
                let incomplete = incomplete(taken);
                let found = digests(&trail);
                let is_right = |domain: &&DomainId| {
                    found.get(*domain) == expected.get(*domain).filter(|_| !incomplete.contains_key(*domain))
                };
                let wrong: Vec<&DomainId> = expected.keys().filter(|domain| !is_right(domain)).collect();
                assert!(wrong.is_empty(), "{place}: {wrong:?}");
                if incomplete.is_empty() {
                    continue;
                }
            }
            Err(_) => assert_eq!(trail.commits(), 1, "{place}"),
        }
        let clean = trail.snapshot(&org).unwrap();
        assert_eq!((clean.exits.code(), told(&clean)), (0, Vec::new()), "{place}");
        assert_eq!(digests(&trail), expected, "{place}");
    }
}

/// Lets the request of a number, counted from now, go wrong once.
fn strike(org: &Org, request: u64, effect: Effect) {
    let when = When::Request(org.running.served() + request);
    org.running.fault(Fault { when, effect, repeat: Repeat::Once });
}

const fn rate_limited(retry_after: Option<u64>, rate_headers: RateHeaders) -> Effect {
    Effect::TooManyRequests { retry_after, rate_headers }
}

/// Two tests for each effect, so that they run side by side.
macro_rules! effects {
    ($($name:ident: $effect:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn anywhere_in_a_run_is_no_change() {
                strike_every_request($effect);
            }

            #[test]
            fn anywhere_in_the_first_run_leaves_no_partial_baseline() {
                strike_every_first_request($effect);
            }
        }
    )*};
}

effects! {
    a_refused_token: Effect::Unauthorised;
    a_missing_permission: Effect::Forbidden;
    a_missing_path: Effect::NotFound;
    a_rate_limit_that_says_when_it_ends: rate_limited(Some(3), RateHeaders::UsedUp);
    a_rate_limit_that_says_nothing: rate_limited(None, RateHeaders::Missing);
    a_rate_limit_with_headers_alone: rate_limited(None, RateHeaders::UsedUp);
    a_rate_limit_with_a_wait_alone: rate_limited(Some(3), RateHeaders::Missing);
    a_server_error: Effect::InternalError;
    a_broken_connection: Effect::Reset;
    truncated_json: Effect::TruncatedJson;
    a_web_page: Effect::Html;
    a_short_page: Effect::ShortPage;
    an_entity_that_comes_twice: Effect::DuplicateId;
    an_entity_without_id: Effect::EntityWithoutId;
    a_total_that_contradicts: Effect::ContradictingTotal;
    an_empty_page: Effect::EmptyPage;
}

/// Lets every request to a path go wrong until the faults are cleared.
pub(crate) fn block(org: &Org, path: &str, effect: Effect) {
    org.running.fault(Fault { when: When::Path(path.to_owned()), effect, repeat: Repeat::Sticky });
}

/// Renames the first entity of a domain.
fn rename_first(org: &Org, domain: &DomainId) -> Told {
    let key = org.running.world(|world| {
        let key = world.keys(domain).next().unwrap().clone();
        let entity = world.entity_mut(domain, &key).unwrap();
        let orgtrail::model::Value::Object(entity) = entity else { panic!("no object") };
        entity.insert("name", orgtrail::model::Value::from("Another name"));
        key
    });
    (domain.clone(), key, ChangeKind::Modified)
}

/// A domain that cannot be had for two runs, in which something changes in it and elsewhere.
fn lose_and_regain(effect: Effect, status: RunStatus, recorded: LedgerStatus, cause: &str) {
    let (org, trail) = (Org::small(), TestTrail::new());
    trail.snapshot(&org).unwrap();
    let (skills, queues) = (id("routing.skills"), id("routing.queues"));
    let before = digests(&trail);
    block(&org, "/api/v2/routing/skills*", effect);
    let unseen = rename_first(&org, &skills);
    let seen = rename_first(&org, &queues);

    let lost = trail.snapshot(&org).unwrap();
    let run = &lost.document.domains[&skills];
    assert_eq!((lost.exits.code(), run.status), (4, status));
    assert!(run.cause.as_ref().unwrap().contains(cause), "{run:?}");
    assert_eq!(incomplete(&lost).len(), 1);
    assert_eq!(told(&lost), [seen]);
    let findings: Vec<_> = lost.document.findings.iter().map(|one| (one.rule.as_str(), one.domain.as_ref())).collect();
    assert_eq!(findings, [("coverage-lost", Some(&skills))]);
    let entry = &ledger(&trail).domains[&skills];
    assert_eq!((entry.status, entry.digest.as_ref()), (recorded, before.get(&skills)));
    assert!(trail.path().join("snapshot/routing/skills.json").exists());
    assert_eq!(kinds(&trail)[..2], ["observed", "coverage"]);

    let still = trail.snapshot(&org).unwrap();
    assert_eq!((still.exits.code(), still.document.changed), (4, false));
    assert!(still.document.findings.is_empty());

    org.running.clear_faults();
    let regained = trail.snapshot(&org).unwrap();
    assert_eq!((regained.exits.code(), told(&regained)), (0, vec![unseen]));
    assert_eq!(ledger(&trail).domains[&skills].status, LedgerStatus::Complete);
    assert_eq!(kinds(&trail)[..2], ["observed", "coverage"]);
}

#[test]
fn a_domain_that_is_forbidden_keeps_its_content_until_it_is_permitted_again() {
    lose_and_regain(Effect::Forbidden, RunStatus::Forbidden, LedgerStatus::Forbidden, "routing:skill:view");
}

#[test]
fn a_domain_that_is_not_found_keeps_its_content_until_it_is_back() {
    lose_and_regain(Effect::NotFound, RunStatus::Absent, LedgerStatus::Absent, "404");
}

#[test]
fn a_domain_that_is_gone_keeps_its_content_until_it_is_back() {
    lose_and_regain(Effect::Gone, RunStatus::Absent, LedgerStatus::Absent, "410");
}

#[test]
fn a_parent_whose_listing_fails_keeps_its_children_while_those_of_others_change() {
    let (org, trail) = (Org::small(), TestTrail::new());
    trail.snapshot(&org).unwrap();
    let (queues, members) = (id("routing.queues"), id("routing.queue-members"));
    for effect in [Effect::InternalError, Effect::Forbidden, Effect::NotFound, Effect::Html] {
        // The first member of each of two queues goes.
        let (failing, gone) = org.running.world(|world| {
            let parents: Vec<EntityKey> = world.keys(&queues).take(2).cloned().collect();
            let gone = parents.iter().map(|parent| {
                let is_child = |key: &&EntityKey| key.as_str().starts_with(parent.as_str());
                let key = world.keys(&members).find(is_child).unwrap().clone();
                assert!(world.remove(&members, &key));
                (members.clone(), key, ChangeKind::Removed)
            });
            (parents[0].clone(), gone.collect::<Vec<_>>())
        });
        block(&org, &format!("/api/v2/routing/queues/{failing}/members"), effect);
        let taken = trail.snapshot(&org).unwrap();
        assert_eq!((taken.exits.code(), told(&taken)), (4, vec![gone[1].clone()]), "{effect:?}");
        assert_eq!(incomplete(&taken).keys().collect::<Vec<_>>(), [&&members], "{effect:?}");
        assert_eq!(taken.document.domains[&members].status, RunStatus::Partial, "{effect:?}");
        org.running.clear_faults();
        let clean = trail.snapshot(&org).unwrap();
        assert_eq!((clean.exits.code(), told(&clean)), (0, vec![gone[0].clone()]), "{effect:?}");
    }
}

#[test]
fn an_api_that_answers_nothing_but_errors_ends_the_run_and_leaves_the_trail_alone() {
    let (org, trail) = (Org::small(), TestTrail::new());
    trail.snapshot(&org).unwrap();
    let before = trail.git(&["rev-parse", "HEAD"]);
    org.running.fault(Fault { when: When::Always, effect: Effect::InternalError, repeat: Repeat::Sticky });
    assert_eq!(trail.snapshot(&org).err().unwrap().exit.code(), 5);
    org.running.clear_faults();
    // The organisation is still told, and nothing after it.
    for (effect, code) in [(Effect::InternalError, 5), (Effect::Reset, 5), (Effect::Forbidden, 3)] {
        let when = When::Request(org.running.served() + 1);
        org.running.fault(Fault { when, effect, repeat: Repeat::Sticky });
        let taken = trail.snapshot(&org).unwrap();
        assert_eq!((taken.exits.code(), told(&taken)), (code, Vec::new()), "{effect:?}");
        org.running.clear_faults();
        let contents = ["diff", "--stat", before.trim(), "HEAD", "--", "snapshot", ":!snapshot/ledger.json"];
        assert_eq!(trail.git(&contents), "", "{effect:?}");
        if code == 5 {
            assert_eq!(trail.git(&["rev-parse", "HEAD"]), before, "{effect:?}");
        }
    }
    let clean = trail.snapshot(&org).unwrap();
    assert_eq!((clean.exits.code(), told(&clean)), (0, Vec::new()));
}

#[test]
fn a_login_that_is_refused_ends_the_run_with_its_own_code() {
    let (mut org, trail) = (Org::small(), TestTrail::new());
    trail.snapshot(&org).unwrap();
    let before = trail.git(&["show-ref"]);
    org.running.client_secret = "another secret".to_owned();
    assert_eq!(trail.snapshot(&org).err().unwrap().exit.code(), 3);
    assert_eq!(trail.git(&["show-ref"]), before);
}
