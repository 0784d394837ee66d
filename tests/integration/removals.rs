//! A removal is recorded once it is proven, and until then what is on record stays and the run says so.

use std::collections::BTreeSet;

use orgtrail::model::{ChangeKind, DomainId, EntityKey, Severity, Value};
use orgtrail::record::{RunFinding, RunStatus};
use orgtrail::session::Taken;
use orgtrail::sim::Effect;

use crate::faults::{block, digests, ledger};
use crate::harness::{Org, TestTrail, id};

const GRANTS: &str = "/api/v2/authorization/subjects/*";

/// The entities that a run recorded the removal of, apart from children of removed parents.
fn removed(taken: &Taken) -> BTreeSet<EntityKey> {
    let changes = taken.changes.changes.iter().map(|one| &one.change);
    assert!(changes.clone().all(|change| change.kind == ChangeKind::Removed), "{:#?}", taken.changes.changes);
    changes.filter(|change| change.because.is_none()).map(|change| change.key.clone()).collect()
}

/// Asserts that a run holds the removals of a domain back for a reason.
fn assert_held(taken: &Taken, domain: &DomainId, cause: &str) {
    let run = &taken.document.domains[domain];
    assert_eq!((taken.exits.code(), run.status), (4, RunStatus::Partial), "{run:?}");
    assert!(run.cause.as_ref().unwrap().contains(cause), "{run:?}");
    assert_eq!(removed(taken), BTreeSet::new());
}

fn assert_taken(taken: &Taken, keys: &BTreeSet<EntityKey>) {
    assert_eq!((taken.exits.code(), &removed(taken)), (0, keys), "{:#?}", taken.document.domains);
}

fn keys(org: &Org, domain: &DomainId) -> Vec<EntityKey> {
    org.running.world(|world| world.keys(domain).cloned().collect())
}

fn hide(org: &Org, domain: &DomainId, keys: impl IntoIterator<Item = EntityKey>, hidden: bool) {
    org.running.world(|world| keys.into_iter().for_each(|key| world.hide(domain, &key, hidden)));
}

fn remove(org: &Org, domain: &DomainId, keys: impl IntoIterator<Item = EntityKey>) -> BTreeSet<EntityKey> {
    let keys: BTreeSet<EntityKey> = keys.into_iter().collect();
    org.running.world(|world| assert!(keys.iter().all(|key| world.remove(domain, key))));
    keys
}

/// The entities of a domain that are in the division of the first.
fn first_division(org: &Org, domain: &DomainId) -> BTreeSet<EntityKey> {
    org.running.world(|world| {
        let division = |key: &EntityKey| {
            let division = world.entity(domain, key)?.get("division")?;
            division.get("id").and_then(Value::as_str).map(ToOwned::to_owned)
        };
        let first = division(world.keys(domain).next().unwrap()).unwrap();
        world.keys(domain).filter(|key| division(key).as_ref() == Some(&first)).cloned().collect()
    })
}

fn findings<'t>(taken: &'t Taken, rule: &str) -> Vec<&'t RunFinding> {
    taken.document.findings.iter().filter(|finding| finding.rule == rule).collect()
}

#[test]
fn a_division_that_is_lost_from_view_loses_nothing_on_record() {
    let (org, trail) = (Org::small(), TestTrail::new());
    trail.snapshot(&org).unwrap();
    let queues = id("routing.queues");
    let before = digests(&trail);
    let lost = first_division(&org, &queues);
    hide(&org, &queues, lost.clone(), true);
    for _ in 0..2 {
        assert_held(&trail.snapshot(&org).unwrap(), &queues, "still has it");
        assert_eq!(digests(&trail), before);
    }
    hide(&org, &queues, lost, false);
    assert_taken(&trail.snapshot(&org).unwrap(), &BTreeSet::new());
}

#[test]
fn a_disappearance_whose_confirmation_is_forbidden_is_no_removal() {
    let (org, trail) = (Org::small(), TestTrail::new());
    trail.snapshot(&org).unwrap();
    for (domain, path) in [("routing.skills", "/api/v2/routing/skills/*"), ("oauth.clients", "/api/v2/oauth/clients/*")]
    {
        let domain = id(domain);
        let all = keys(&org, &domain);
        let gone = remove(&org, &domain, [all[0].clone()]);
        for effect in [Effect::Forbidden, Effect::Unauthorised, Effect::InternalError, Effect::Html, Effect::Reset] {
            hide(&org, &domain, all.clone(), true);
            block(&org, path, effect);
            let taken = trail.snapshot(&org).unwrap();
            assert_held(&taken, &domain, "could not be told");
            assert_eq!(ledger(&trail).domains[&domain].entities, all.len() as u64, "{effect:?}");
            org.running.clear_faults();
        }
        hide(&org, &domain, all, false);
        assert_taken(&trail.snapshot(&org).unwrap(), &gone);
    }
}

#[test]
fn a_removal_that_empties_a_division_is_held_while_the_grants_cannot_be_read() {
    for effect in [Effect::Forbidden, Effect::NotFound] {
        let (org, trail) = (Org::small(), TestTrail::new());
        block(&org, GRANTS, effect);
        trail.snapshot(&org).unwrap();
        assert_eq!(ledger(&trail).view, None);
        let queues = id("routing.queues");
        let division = first_division(&org, &queues);
        assert!(division.len() > 1);

        let one = remove(&org, &queues, division.first().cloned());
        assert_taken(&trail.snapshot(&org).unwrap(), &one);

        let others = remove(&org, &queues, division.into_iter().skip(1));
        for _ in 0..2 {
            let taken = trail.snapshot(&org).unwrap();
            assert_held(&taken, &queues, "would empty a whole division");
            let found = findings(&taken, "division-out-of-view");
            assert!(found.len() == 1 && found[0].message.ends_with("in routing.queues"), "{found:?}");
        }
        let accepted = BTreeSet::from([queues.clone()]);
        let taken = trail.snapshot_with(&org, |options| options.accepted_removals = accepted).unwrap();
        assert_taken(&taken, &others);
    }
}

#[test]
fn no_more_removals_are_confirmed_in_a_run_than_allowed() {
    let (org, mut trail) = (Org::small(), TestTrail::new());
    trail.workspace.config.confirm_reads = 2;
    trail.snapshot(&org).unwrap();
    let wrapup_codes = id("routing.wrapupcodes");
    let all = keys(&org, &wrapup_codes);
    let mut left = remove(&org, &wrapup_codes, all.into_iter().take(5));
    assert_eq!(left.len(), 5);
    for remaining in [3, 1] {
        let taken = trail.snapshot(&org).unwrap();
        let run = &taken.document.domains[&wrapup_codes];
        assert_eq!((taken.exits.code(), run.status), (4, RunStatus::Partial));
        assert_eq!(run.cause.as_deref().unwrap(), format!("{remaining} removals to confirm"));
        let removed = removed(&taken);
        assert!(removed.len() == 2 && removed.is_subset(&left), "{removed:?}");
        left.retain(|key| !removed.contains(key));
    }
    assert_taken(&trail.snapshot(&org).unwrap(), &left);
}

#[test]
fn a_deleted_person_is_removed_and_an_inactive_one_that_is_not_listed_stays() {
    let (org, trail) = (Org::small(), TestTrail::new());
    let users = id("users.users");
    let inactive = org.running.world(|world| {
        let key = world.keys(&users).last().unwrap().clone();
        let Some(Value::Object(user)) = world.entity_mut(&users, &key) else { panic!("no object") };
        user.insert("state", Value::from("inactive"));
        key
    });
    trail.snapshot(&org).unwrap();
    hide(&org, &users, [inactive.clone()], true);
    let deleted = remove(&org, &users, keys(&org, &users).into_iter().skip(1).take(1));
    let taken = trail.snapshot(&org).unwrap();
    let run = &taken.document.domains[&users];
    assert_eq!((taken.exits.code(), run.status), (4, RunStatus::Partial));
    assert!(run.cause.as_ref().unwrap().contains("restricted by state"), "{run:?}");
    assert_eq!(removed(&taken), deleted);
    hide(&org, &users, [inactive.clone()], false);
    assert_taken(&trail.snapshot(&org).unwrap(), &BTreeSet::new());
    let deleted = remove(&org, &users, [inactive]);
    assert_taken(&trail.snapshot(&org).unwrap(), &deleted);
}

#[test]
fn while_the_grants_differ_no_removal_is_recorded() {
    let (org, trail) = (Org::small(), TestTrail::new());
    trail.snapshot(&org).unwrap();
    let skills = id("routing.skills");
    let view = ledger(&trail).view;
    assert!(view.is_some());
    let grants = org.running.world(|world| world.client_grants().to_vec());
    org.running.world(|world| world.set_client_grants(grants[1..].to_vec()));
    let gone = remove(&org, &skills, keys(&org, &skills).into_iter().take(1));
    for _ in 0..2 {
        let taken = trail.snapshot(&org).unwrap();
        assert_held(&taken, &skills, "grants differ");
        assert_eq!(ledger(&trail).view, view);
        let lost: Vec<&RunFinding> = findings(&taken, "permission-lost");
        let [lost] = lost.as_slice() else { panic!("{lost:?}") };
        let names = org.running.world(|world| {
            let name = |domain: &str, key| world.name_of(&id(domain), key).unwrap().to_owned();
            (name("authorization.roles", &grants[0].role), name("authorization.divisions", &grants[0].division))
        });
        assert_eq!(lost.severity, Severity::High);
        assert!(lost.message.contains(&names.0) && lost.message.contains(&names.1), "{}", lost.message);
    }
    org.running.world(|world| world.set_client_grants(grants));
    assert_taken(&trail.snapshot(&org).unwrap(), &gone);
}

#[test]
fn more_grants_than_before_hold_no_removal() {
    let (org, trail) = (Org::small(), TestTrail::new());
    let grants = org.running.world(|world| world.client_grants().to_vec());
    org.running.world(|world| world.set_client_grants(grants[1..].to_vec()));
    trail.snapshot(&org).unwrap();
    let view = ledger(&trail).view;
    org.running.world(|world| world.set_client_grants(grants));
    let skills = id("routing.skills");
    let gone = remove(&org, &skills, keys(&org, &skills).into_iter().take(1));
    let taken = trail.snapshot(&org).unwrap();
    assert_taken(&taken, &gone);
    assert!(taken.document.findings.is_empty());
    assert_ne!(ledger(&trail).view, view);
}

#[test]
fn grants_that_cannot_be_read_any_more_are_grants_that_differ() {
    let (org, trail) = (Org::small(), TestTrail::new());
    trail.snapshot(&org).unwrap();
    let skills = id("routing.skills");
    let gone = remove(&org, &skills, keys(&org, &skills).into_iter().take(1));
    for effect in [Effect::Forbidden, Effect::NotFound] {
        block(&org, GRANTS, effect);
        for _ in 0..2 {
            assert_held(&trail.snapshot(&org).unwrap(), &skills, "grants differ");
        }
        org.running.clear_faults();
    }
    assert_taken(&trail.snapshot(&org).unwrap(), &gone);
}

#[test]
fn other_grants_under_which_nothing_is_missing_are_the_grants_from_then_on() {
    let (org, trail) = (Org::small(), TestTrail::new());
    trail.snapshot(&org).unwrap();
    let skills = id("routing.skills");
    let view = ledger(&trail).view;
    org.running.world(|world| {
        let grants = world.client_grants()[1..].to_vec();
        world.set_client_grants(grants);
    });
    assert_taken(&trail.snapshot(&org).unwrap(), &BTreeSet::new());
    assert_ne!(ledger(&trail).view, view);
    let gone = remove(&org, &skills, keys(&org, &skills).into_iter().take(1));
    assert_taken(&trail.snapshot(&org).unwrap(), &gone);
}

#[test]
fn other_grants_wait_for_the_domain_that_could_not_be_read_under_them() {
    let (org, trail) = (Org::small(), TestTrail::new());
    trail.snapshot(&org).unwrap();
    let skills = id("routing.skills");
    let view = ledger(&trail).view;
    org.running.world(|world| {
        let grants = world.client_grants()[1..].to_vec();
        world.set_client_grants(grants);
    });
    // What a program may not see any more can look exactly like what is gone.
    let unseen = remove(&org, &skills, keys(&org, &skills).into_iter().take(2));
    block(&org, "/api/v2/routing/skills", Effect::InternalError);
    assert_eq!(trail.snapshot(&org).unwrap().document.domains[&skills].status, RunStatus::Failed);
    org.running.clear_faults();
    assert_eq!(ledger(&trail).view, view);
    let narrow = trail.snapshot_with(&org, |options| options.selection.0.retain(|id| *id != skills)).unwrap();
    assert_eq!((narrow.exits.code(), ledger(&trail).view), (0, view));
    assert_held(&trail.snapshot(&org).unwrap(), &skills, "grants differ");
    let accepted = BTreeSet::from([skills]);
    let taken = trail.snapshot_with(&org, |options| options.accepted_removals = accepted).unwrap();
    assert_taken(&taken, &unseen);
}

#[test]
fn grants_that_could_not_be_told_this_time_are_as_before() {
    let (org, trail) = (Org::small(), TestTrail::new());
    trail.snapshot(&org).unwrap();
    let view = ledger(&trail).view;
    let skills = id("routing.skills");
    for effect in [Effect::InternalError, Effect::Html] {
        block(&org, GRANTS, effect);
        let gone = remove(&org, &skills, keys(&org, &skills).into_iter().take(1));
        assert_taken(&trail.snapshot(&org).unwrap(), &gone);
        assert_eq!(ledger(&trail).view, view);
        org.running.clear_faults();
    }
}
