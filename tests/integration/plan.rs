//! What a run costs is told before it begins, and what it may cost is not passed.

use std::collections::BTreeMap;
use std::sync::Arc;

use orgtrail::estimate::{AllowedRate, Told};
use orgtrail::model::DomainId;
use orgtrail::record::RunStatus;
use orgtrail::session::{Exit, Planned, RunOptions, Taken, plan};
use orgtrail::sim::{Effect, Fault, Repeat, Scale, ServerOptions, When, World};

use crate::faults::{digests, incomplete};
use crate::fixtures::catalogue;
use crate::harness::{Org, TestTrail, files, id};
use crate::terminal::Terminal;

/// Tells what the next run of a trail would cost.
fn planned(org: &Org, trail: &TestTrail) -> Planned {
    org.block_on(plan(&trail.workspace, trail.connection(org), &trail.options())).unwrap_or_else(|failure| {
        panic!("{}", failure.message);
    })
}

/// Likewise, where the deeper tiers follow their own cadence.
fn planned_by_cadence(org: &Org, trail: &TestTrail) -> Planned {
    let options = RunOptions { by_cadence: true, ..trail.options() };
    org.block_on(plan(&trail.workspace, trail.connection(org), &options)).unwrap_or_else(|failure| {
        panic!("{}", failure.message);
    })
}

/// The requests of each domain, as they were told and as they were sent.
fn told_and_sent(planned: &Planned, taken: &Taken) -> [BTreeMap<DomainId, u64>; 2] {
    let told = planned.estimate.domains.iter().map(|(id, domain)| (id.clone(), domain.requests()));
    let sent = taken.document.domains.iter().map(|(id, domain)| (id.clone(), domain.requests));
    [told.collect(), sent.collect()]
}

/// Requests to the API so far.
fn sent(org: &Org) -> u64 {
    org.running.served()
}

#[test]
fn a_plan_is_what_the_run_then_takes() {
    for scale in [Scale::Small, Scale::Medium] {
        let (org, trail) = (Org::start(scale, 3), TestTrail::new());
        for told in [Told::Counted, Told::Recorded] {
            let planned = planned(&org, &trail);
            let before = sent(&org);
            let taken = trail.snapshot(&org).unwrap();
            assert_eq!(taken.exits.code(), 0);
            let [expected, found] = told_and_sent(&planned, &taken);
            assert_eq!(expected, found);
            assert_eq!(planned.estimate.requests(), sent(&org) - before);
            let users = &planned.estimate.domains[&id("users.users")];
            assert_eq!(users.told, told);
            assert_eq!(planned.probes == 0, told == Told::Recorded);
        }
    }
}

#[test]
fn a_plan_asks_for_small_pages_and_writes_nothing() {
    let (org, trail) = (Org::small(), TestTrail::new());
    let before = files(trail.path());
    let planned = planned(&org, &trail);
    assert_eq!(files(trail.path()), before);
    let log = org.running.requests();
    let asked: Vec<_> = log.iter().filter(|request| request.path.starts_with("/api/")).collect();
    assert_eq!(asked.len() as u64, 1 + planned.probes);
    // What does not tell how much there is is asked for a whole page.
    let sizes = asked.iter().flat_map(|request| &request.query).filter(|(name, _)| name == "pageSize");
    let larger = sizes.filter(|(_, size)| size != "1").count();
    assert!(larger < asked.len() / 4, "{larger} of {}", asked.len());
}

#[test]
fn a_domain_that_has_its_turn_is_planned_as_a_portion_and_one_that_has_not_is_left_out() {
    let (org, trail) = (Org::small(), TestTrail::new());
    let members = id("routing.queue-members");
    let first = planned_by_cadence(&org, &trail);
    assert!(first.estimate.domains[&members].is_portioned && !first.estimate.domains[&members].is_read_twice);
    let before = sent(&org);
    trail.snapshot_with(&org, |options| options.by_cadence = true).unwrap();
    assert_eq!(first.estimate.requests(), sent(&org) - before);
    let next = planned_by_cadence(&org, &trail);
    assert!(next.estimate.resting.contains(&members) && !next.estimate.domains.contains_key(&members));
}

#[test]
fn the_time_follows_from_the_rate_that_the_api_tells() {
    let world = World::generate(&Arc::new(catalogue()), Scale::Small, 1);
    let options = ServerOptions { allowed_per_minute: Some(30), ..ServerOptions::default() };
    let (org, trail) = (Org::serving(world, options), TestTrail::new());
    let estimate = planned(&org, &trail).estimate;
    assert_eq!(estimate.rate, Some(AllowedRate { allowed: 30, used: 24 }));
    assert_eq!(estimate.duration().unwrap().as_secs(), (estimate.requests() * 60).div_ceil(24));
}

#[test]
fn a_domain_that_is_forbidden_is_said_to_be() {
    let (org, trail) = (Org::small(), TestTrail::new());
    let path = "/api/v2/routing/queues";
    org.running.fault(Fault { when: When::Path(path.to_owned()), effect: Effect::Forbidden, repeat: Repeat::Sticky });
    let estimate = planned(&org, &trail).estimate;
    let [queues, members] = ["routing.queues", "routing.queue-members"].map(|name| &estimate.domains[&id(name)]);
    assert!(queues.trouble.as_ref().unwrap().contains("routing:queue:view"));
    assert_eq!((queues.requests(), members.requests()), (1, 0));
    let taken = trail.snapshot(&org).unwrap();
    assert_eq!(taken.document.domains[&id("routing.queue-members")].requests, 0);
}

#[test]
fn a_run_that_would_take_too_much_is_refused_with_what_helps() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    let four = ["routing.queues", "routing.queue-members", "routing.skills", "users.users"];
    let with = |verb: &'static str, more: &[&'static str]| {
        let only = four.iter().flat_map(|domain| ["--only", domain]);
        [verb].into_iter().chain(only).chain(more.iter().copied()).collect::<Vec<_>>()
    };
    let document = terminal.run(&with("plan", &["--format", "json"])).json(0);
    assert_eq!(document["requests"], 38);
    insta::assert_snapshot!(terminal.failure(&with("plan", &["--max-requests", "40"])), @r#"
    exit 2
    error: the run would take 42 requests (4 of them to estimate it), more than the limit of 40; the costliest are routing.queue-members with 32, users.users with 2, routing.queues with 1
    hint: leave domains out with `--skip`, take a lower `--tier`, or raise `--max-requests`
    "#);
    let before = org.running.requests().len();
    insta::assert_snapshot!(terminal.failure(&with("snapshot", &["--max-requests", "40"])), @r#"
    exit 2
    error: the run would take 42 requests (4 of them to estimate it), more than the limit of 40; the costliest are routing.queue-members with 32, users.users with 2, routing.queues with 1
    hint: leave domains out with `--skip`, take a lower `--tier`, or raise `--max-requests`
    "#);
    assert!(org.running.requests().len() - before < 10);
    let used_up = terminal.failure(&with("snapshot", &["--max-requests", "2"]));
    assert!(used_up.starts_with("exit 2") && used_up.contains("the run would take at least"), "{used_up}");
    assert_eq!(terminal.git(&["log", "--format=%s"]).lines().count(), 1);

    terminal.run(&with("snapshot", &["--now", "2026-03-02T08:00:00Z"])).ends_with(0);
    terminal.run(&with("plan", &["--max-requests", "38"])).ends_with(0);
    terminal.run(&with("snapshot", &["--max-requests", "38"])).ends_with(0);
    let text = terminal.run(&with("plan", &[])).ends_with(0);
    insta::assert_snapshot!(text, @r#"
    DOMAIN                 REQUESTS  PARENTS  PAGES  DETAILS  TOLD
    routing.queue-members        16        8     16        0  recorded
    users.users                   2               2        0  recorded
    routing.queues                1               1        0  recorded
    routing.skills                1               1        0  recorded
    the run itself                8
    total of this run            28

    The API told no rate limit, so that the time is not known
    A removal is confirmed by a second listing alone: routing.queue-members
    "#);
}

#[test]
fn no_request_is_sent_beyond_the_limit_and_what_is_on_record_stays() {
    let (org, trail) = (Org::small(), TestTrail::new());
    // The audit log is asked last, and could make up for what is lacking.
    std::fs::write(trail.path().join("orgtrail.toml"), "[attribution]\naudits = false\n").unwrap();
    let trail = TestTrail::open(trail.dir);
    trail.snapshot(&org).unwrap();
    let (before, limit) = (digests(&trail), planned(&org, &trail).estimate.requests());

    let begun = sent(&org);
    let whole = trail.snapshot_with(&org, |options| options.max_requests = Some(limit)).unwrap();
    assert_eq!((whole.exits.code(), sent(&org) - begun), (0, limit));

    // Each request that has to be made again takes one away from those that come last.
    let path = "/api/v2/routing/skills".to_owned();
    for _ in 0..3 {
        let when = When::Path(path.clone());
        org.running.fault(Fault { when, effect: Effect::Unavailable, repeat: Repeat::Once });
    }
    let begun = sent(&org);
    let cut = trail.snapshot_with(&org, |options| options.max_requests = Some(limit)).unwrap();
    assert_eq!((cut.exits.code(), sent(&org) - begun), (Exit::Partial.code(), limit));
    let incomplete = incomplete(&cut);
    assert!(!incomplete.is_empty());
    for (domain, (status, cause)) in incomplete {
        assert!(matches!(status, RunStatus::Partial | RunStatus::Failed), "{domain} {status:?}");
        let limit = format!("the run's limit of {limit} requests is used up");
        assert!(cause.unwrap().contains(&limit), "{domain}: {cause:?}");
    }
    assert!(cut.changes.changes.is_empty());
    assert_eq!(digests(&trail), before);
    assert!(trail.snapshot(&org).unwrap().changes.changes.is_empty());
}
