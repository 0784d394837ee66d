//! Runs that read no more than what the audit log names end in the same state as runs that read everything.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use orgtrail::model::EntityKey;
use orgtrail::record::RunStatus;
use orgtrail::session::Taken;
use orgtrail::sim::{AuditFaults, DAY_SEED, Edit, Late, Rng, Scale, Script};

use crate::harness::{Org, TestTrail, id, morning};

/// Two trails of one organisation: one is always captured whole.
struct Pair {
    org: Org,
    targeted: TestTrail,
    whole: TestTrail,
    now: DateTime<Utc>,
}

impl Pair {
    fn new() -> Self {
        let org = Org::start(Scale::Small, DAY_SEED);
        let pair = Self { org, targeted: TestTrail::new(), whole: TestTrail::new(), now: morning() };
        pair.run(false);
        pair
    }

    /// Lets both trails make a run; the answer is what the targeted one did.
    fn run(&self, targeted: bool) -> (Taken, Taken) {
        let run = |trail: &TestTrail, targeted: bool| {
            let taken = trail.snapshot_with(&self.org, |options| {
                options.now = self.now;
                options.targeted = targeted;
            });
            taken.unwrap()
        };
        (run(&self.targeted, targeted), run(&self.whole, false))
    }

    fn later(&mut self, minutes: i64) {
        self.now += TimeDelta::minutes(minutes);
    }

    /// Lets somebody do what an edit says, now.
    fn act(&self, edit: &str) {
        let edits: Vec<Edit> = Script::read(&format!("[[edit]]\nat = \"00:00\"\n{edit}")).unwrap().edits;
        for edit in edits {
            self.org.running.world(|world| world.act(&edit, self.now)).unwrap();
        }
    }

    fn assert_same(&self) {
        let tree = |trail: &TestTrail| trail.git(&["rev-parse", "HEAD:snapshot"]);
        if tree(&self.targeted) == tree(&self.whole) {
            return;
        }
        for path in self.whole.git(&["ls-tree", "-r", "--name-only", "HEAD", "snapshot"]).lines() {
            let text = |trail: &TestTrail| trail.git(&["show", &format!("HEAD:{path}")]);
            assert_eq!(text(&self.targeted), text(&self.whole), "{path}");
        }
        panic!("the trails have other files");
    }
}

#[test]
fn what_no_record_names_is_not_read_again() {
    let mut pair = Pair::new();
    pair.later(15);
    let (targeted, whole) = pair.run(true);
    assert!(!targeted.document.changed);
    let (some, all) = (targeted.document.requests, whole.document.requests);
    assert!(some < all, "{some} of {all}");
    let queues = &targeted.document.domains[&id("routing.queues")];
    assert_eq!((queues.status, queues.requests, queues.targeted), (RunStatus::Complete, 0, true));
    // Nobody records changes of these, so they are read as ever.
    assert!(targeted.document.domains[&id("organization.settings")].requests > 0);
    pair.assert_same();
}

#[test]
fn a_day_of_targeted_runs_ends_where_whole_runs_end() {
    let mut pair = Pair::new();
    let edits = [
        "by = \"Lotte Pereira\"\ndomain = \"routing.queues\"\nentity = \"Sales Inbound\"\nset = { \"/acwSettings/timeoutMs\" = 10000 }",
        "by = \"Ines Olsen\"\ndomain = \"routing.skills\"\nadd = { name = \"Returns\", state = \"active\" }",
        "by = \"Olga Quist\"\ndomain = \"routing.queues\"\nentity = \"Complaints\"\nrecreate = true",
        "by = \"Olga Quist\"\ndomain = \"routing.skills\"\nentity = \"Returns\"\nremove = true",
        "by = \"Imran Weiss\"\ndomain = \"authorization.division-grants\"\nparent = \"Home\"\nadd = { subjectId = { \"$id\" = \"users.users\", named = \"Kofi Rahman\" }, role = { \"$ref\" = \"authorization.roles\", named = \"Admin\" }, division = { \"$parent\" = true } }",
        "by = \"Ines Olsen\"\ndomain = \"authorization.divisions\"\nentity = \"Europe\"\nset = { \"/name\" = \"Europe and Africa\" }",
        "by = \"Ines Olsen\"\ndomain = \"telephony.trunk-base-settings\"\nentity = 0\nset = { \"/description\" = \"Changed\" }",
    ];
    for edit in edits {
        pair.later(7);
        pair.act(edit);
        pair.later(8);
        let (targeted, whole) = pair.run(true);
        assert_eq!(targeted.exits.codes(), [0]);
        assert!(targeted.document.changed, "{edit}");
        assert!(targeted.document.requests < whole.document.requests, "{edit}");
        let told = |taken: &Taken| -> Vec<String> {
            taken.changes.changes.iter().map(|change| change.fingerprint.clone()).collect()
        };
        assert_eq!(told(&targeted), told(&whole), "{edit}");
        pair.assert_same();
    }
}

#[test]
fn members_of_one_queue_are_read_again_and_those_of_the_others_are_not() {
    let mut pair = Pair::new();
    pair.later(5);
    let queue = pair.org.running.world(|world| world.find(&id("routing.queues"), "Sales Inbound").unwrap().clone());
    let member = pair.org.running.world(|world| {
        let members = id("routing.queue-members");
        let of_queue = |key: &&EntityKey| key.as_str().starts_with(queue.as_str());
        world.keys(&members).find(of_queue).unwrap().clone()
    });
    pair.act(&format!("by = \"Ines Olsen\"\ndomain = \"routing.queue-members\"\nentity = \"{member}\"\nremove = true"));
    let before = pair.org.running.requests().len();
    let (targeted, _) = pair.run(true);
    let requests = pair.org.running.requests();
    let asked: BTreeSet<&str> = requests[before..].iter().map(|request| request.path.as_str()).collect();
    assert!(targeted.document.changed);
    assert!(asked.contains(format!("/api/v2/routing/queues/{queue}/members").as_str()), "{asked:?}");
    let members = &targeted.document.domains[&id("routing.queue-members")];
    let queues = pair.org.running.world(|world| world.keys(&id("routing.queues")).count());
    assert!(members.requests < u64::try_from(queues).unwrap(), "{}", members.requests);
    pair.assert_same();
}

#[test]
fn a_record_that_is_late_is_followed_when_it_comes() {
    let mut pair = Pair::new();
    pair.org.running.world(|world| {
        world.audits_mut().faults = AuditFaults { late: Some(Late::UntilReleased), ..AuditFaults::default() };
    });
    pair.later(10);
    pair.act(
        "by = \"Ines Olsen\"\ndomain = \"routing.skills\"\nentity = \"Billing\"\nset = { \"/name\" = \"Invoices\" }",
    );
    pair.later(5);
    assert!(!pair.run(true).0.document.changed);
    pair.org.running.world(|world| world.audits_mut().release());
    pair.later(60);
    let (targeted, _) = pair.run(true);
    assert!(targeted.document.changed);
    assert_eq!(targeted.changes.changes[0].attribution.actors[0].shown(), "Ines Olsen");
    pair.assert_same();
}

#[test]
fn what_nobody_records_is_seen_by_the_whole_capture_of_the_day() {
    let mut pair = Pair::new();
    pair.later(10);
    pair.act(
        "by = \"Ines Olsen\"\naudited = false\ndomain = \"routing.skills\"\nentity = \"Billing\"\nset = { \"/name\" = \"Invoices\" }",
    );
    assert!(!pair.run(true).0.document.changed);
    pair.later(24 * 60 - 11);
    assert!(!pair.run(true).0.document.changed);
    pair.later(2);
    assert!(pair.run(true).0.document.changed);
    pair.assert_same();
}

#[test]
fn without_the_audit_log_everything_is_captured_whole() {
    let mut pair = Pair::new();
    pair.later(15);
    pair.org.running.world(|world| world.audits_mut().faults.failing = 100);
    let (targeted, _) = pair.run(true);
    assert!(targeted.document.domains.values().all(|domain| !domain.targeted && domain.requests > 0));
}

#[test]
fn random_edits_that_are_recorded_are_followed_to_the_byte() {
    let mut pair = Pair::new();
    let mut rng = Rng::new(7);
    for round in 0..12 {
        pair.later(15);
        for _ in 0..=rng.below(3) {
            let domain = ["routing.queues", "routing.skills", "users.users", "routing.wrapupcodes", "architect.flows"]
                [rng.below(5)];
            let count = pair.org.running.world(|world| world.keys(&id(domain)).count());
            pair.act(&format!(
                "by = \"Ines Olsen\"\ndomain = \"{domain}\"\nentity = {}\nset = {{ \"/name\" = \"Name {round} {}\" }}",
                rng.below(count),
                rng.below(1000)
            ));
        }
        pair.run(true);
        pair.assert_same();
    }
    let name = pair.targeted.git(&["log", "--format=%an", "--max-count=1"]);
    assert_eq!(name, "Ines Olsen\n");
}
