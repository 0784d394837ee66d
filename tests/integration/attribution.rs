//! Whole days with people in them: who is the author of which commit, and what is said of what nobody explains.

use chrono::{DateTime, Utc};
use orgtrail::model::Explained;
use orgtrail::record::RunFinding;
use orgtrail::report::ChangeSet;
use orgtrail::session::Taken;
use orgtrail::sim::{AuditFaults, DAY_SEED, Edit, Effect, Fault, Late, Repeat, Scale, Script, When};
use orgtrail::trail::CommitInfo;

use crate::harness::{Org, TestTrail, morning};

/// The edits of a script.
fn edits(text: &str) -> Vec<Edit> {
    Script::read(text).unwrap().edits
}

/// Lets people do what a script says, on the day of the tests.
pub(crate) fn act(org: &Org, script: &str) {
    for edit in edits(script) {
        let at = morning().date_naive().and_time(edit.at).and_utc();
        org.running.world(|world| world.act(&edit, at)).unwrap();
    }
}

/// Makes a run at a time of the day.
pub(crate) fn run_at(trail: &TestTrail, org: &Org, time: &str) -> Taken {
    trail.snapshot_with(org, |options| options.now = at(time)).unwrap()
}

fn at(time: &str) -> DateTime<Utc> {
    format!("2026-03-02T{time}:00Z").parse().unwrap()
}

/// The commits after the baseline, oldest first.
fn commits(trail: &TestTrail) -> Vec<CommitInfo> {
    let tip = trail.workspace.tip().unwrap().unwrap();
    let mut commits: Vec<CommitInfo> = trail.workspace.trail.first_parents(&tip).map(Result::unwrap).collect();
    commits.reverse();
    commits.retain(|commit| commit.trailer("Orgtrail-Kind") == Some("observed"));
    commits
}

/// What a commit says of who made it, in few lines and without ids.
fn said(org: &Org, commit: &CommitInfo) -> String {
    let time = DateTime::from_timestamp(commit.author.seconds, 0).unwrap().format("%H:%M");
    let mut text = format!("{time} {} | {}\n", commit.author.name, commit.subject);
    let shown = [
        "Orgtrail-Step",
        "Orgtrail-Explained",
        "Orgtrail-Interval",
        "Genesys-Actor-Org",
        "Genesys-Client",
        "Genesys-Action",
        "Co-authored-by",
    ];
    for (name, value) in commit.trailers.iter().filter(|(name, _)| shown.contains(&name.as_str())) {
        text.extend(["    ", name, ": ", &named(org, value), "\n"]);
    }
    text
}

/// A text with names for the ids of the organisation.
fn named(org: &Org, text: &str) -> String {
    let mut text = text.to_owned();
    org.running.world(|world| {
        let all: Vec<_> = world.domains().cloned().collect();
        for domain in all {
            let keys: Vec<_> = world.keys(&domain).cloned().collect();
            for key in keys {
                if text.contains(key.as_str())
                    && let Some(name) = world.name_of(&domain, &key)
                {
                    text = text.replace(key.as_str(), &format!("<{name}>"));
                }
            }
        }
    });
    crate::terminal::without_ids(&text)
}

fn told(org: &Org, trail: &TestTrail) -> String {
    commits(trail).iter().map(|commit| said(org, commit)).collect()
}

fn findings(org: &Org, taken: &Taken) -> Vec<String> {
    taken
        .document
        .findings
        .iter()
        .map(|finding: &RunFinding| format!("{} {}: {}", finding.severity, finding.rule, named(org, &finding.message)))
        .collect()
}

/// Each change with who made it.
fn attributions(set: &ChangeSet) -> Vec<(String, Explained, Vec<String>)> {
    set.changes
        .iter()
        .map(|change| {
            let actors = change.attribution.actors.iter().map(|actor| actor.shown().to_owned()).collect();
            let name = change.name.clone().unwrap_or_default();
            (format!("{} {name}", change.change.domain), change.attribution.explained, actors)
        })
        .collect()
}

/// Three people, five edits, one revert, one edit that nobody recorded, one OAuth client, one rename, one re-creation.
pub(crate) const DAY: &str = r#"
[[edit]]
at = "09:01"
by = "Lotte Pereira"
domain = "routing.queues"
entity = "Sales Inbound"
set = { "/acwSettings/timeoutMs" = 10000 }

[[edit]]
at = "09:05"
by = "Ines Olsen"
domain = "routing.queues"
entity = "Sales Inbound"
set = { "/description" = "Calls about orders" }

[[edit]]
at = "09:10"
by = "Olga Quist"
domain = "routing.queues"
entity = "Complaints"
recreate = true

[[edit]]
at = "09:20"
by = "Lotte Pereira"
domain = "routing.skills"
entity = "Billing"
set = { "/name" = "Invoices" }

[[edit]]
at = "09:25"
by = "Ines Olsen"
domain = "authorization.divisions"
entity = "Europe"
set = { "/name" = "Europe for a while" }

[[edit]]
at = "09:30"
by = "Olga Quist"
domain = "authorization.divisions"
entity = "Europe for a while"
set = { "/name" = "Europe" }

[[edit]]
at = "09:35"
client = "CRM Connector"
domain = "routing.wrapupcodes"
entity = 0
set = { "/name" = "Sold by phone" }

[[edit]]
at = "09:40"
by = "Kofi Rahman"
audited = false
domain = "routing.wrapupcodes"
entity = 1
set = { "/name" = "Called back" }
"#;

/// The organisation and its trail on the morning of the day.
fn morning_of(faults: AuditFaults) -> (Org, TestTrail) {
    let org = Org::start(Scale::Small, DAY_SEED);
    let trail = TestTrail::patient();
    org.running.world(|world| world.audits_mut().faults = faults);
    run_at(&trail, &org, "08:00");
    (org, trail)
}

/// The day up to its first snapshot.
fn day(faults: AuditFaults) -> (Org, TestTrail, Taken) {
    let (org, trail) = morning_of(faults);
    act(&org, DAY);
    let taken = run_at(&trail, &org, "10:00");
    (org, trail, taken)
}

/// The id of what the tip has under `snapshot/`.
fn snapshot_tree(trail: &TestTrail) -> String {
    trail.git(&["rev-parse", "HEAD:snapshot"])
}

/// The notes of the commits, for people, oldest commit first.
fn notes(org: &Org, trail: &TestTrail) -> Vec<String> {
    commits(trail)
        .iter()
        .filter_map(|commit| trail.workspace.trail.note(&commit.id).unwrap())
        .map(|note| named(org, note.split("\n\n").next().unwrap()))
        .collect()
}

#[test]
fn a_day_has_one_commit_for_each_actor_and_one_for_what_nobody_explains() {
    let (org, trail, taken) = day(AuditFaults::default());
    insta::assert_snapshot!("day", told(&org, &trail));
    insta::assert_snapshot!("day_findings", findings(&org, &taken).join("\n"));
    insta::assert_debug_snapshot!("day_attributions", attributions(&taken.changes));
    assert_eq!(taken.exits.codes(), [0]);

    // However the work is divided, the last step is the snapshot to the byte.
    let (other_org, other) = morning_of(AuditFaults::default());
    std::fs::write(other.path().join("orgtrail.toml"), "[attribution]\naudits = false\n").unwrap();
    let other = TestTrail::open(other.dir);
    act(&other_org, DAY);
    let undivided = run_at(&other, &other_org, "10:00");
    assert_eq!(commits(&other).len(), 1);
    assert_eq!(snapshot_tree(&trail), snapshot_tree(&other));
    let explained: Vec<Explained> = undivided.changes.changes.iter().map(|one| one.attribution.explained).collect();
    assert!(explained.iter().all(|one| *one == Explained::NotCovered), "{explained:?}");

    // Every step holds the ledger of its own tree, and one that is in the organisation's past comes next.
    for commit in commits(&trail) {
        let ledger = trail.git(&["show", &format!("{}:snapshot/ledger.json", commit.id)]);
        let ledger = orgtrail::record::Ledger::read(ledger.as_bytes()).unwrap();
        let digest = orgtrail::canonical::Digest::of(ledger.compact().as_bytes()).to_string();
        assert_eq!(commit.trailer("Orgtrail-Digest"), Some(digest.as_str()));
        let archive = orgtrail::session::archive(&trail.workspace, Some(commit.id)).unwrap();
        for (id, entry) in &ledger.domains {
            let content = archive.domain(id).unwrap().unwrap();
            assert_eq!(entry.digest, Some(orgtrail::canonical::Digest::of_domain(&content).to_string()), "{id}");
        }
    }
}

#[test]
fn git_blame_names_the_person_of_each_line() {
    let (_, trail, _) = day(AuditFaults::default());
    let queues = trail.git(&["show", "HEAD:snapshot/routing/queues.json"]);
    let line = |wanted: &str| queues.lines().position(|line| line.contains(wanted)).unwrap() + 1;
    for (wanted, author) in [("\"timeoutMs\": 10000", "Lotte Pereira"), ("Calls about orders", "Ines Olsen")] {
        let range = format!("-L{0},{0}", line(wanted));
        let blame = trail.git(&["blame", "--line-porcelain", "--no-textconv", &range, "snapshot/routing/queues.json"]);
        assert!(blame.contains(&format!("author {author}\n")), "{wanted}: {blame}");
    }
    // What only followed the queue that was made again is by whoever made it.
    let made = queues.lines().position(|line| line.contains("\"name\": \"Complaints\"")).unwrap() + 1;
    let range = format!("-L{made},{made}");
    let blame = trail.git(&["blame", "--line-porcelain", "--no-textconv", &range, "snapshot/routing/queues.json"]);
    assert!(blame.contains("author Olga Quist\n"), "{blame}");
    let by_others = trail.git(&["log", "--format=%an", "HEAD~5..HEAD", "--", "snapshot/routing/queue-members.json"]);
    assert_eq!(by_others, "Olga Quist\n");
}

#[test]
fn records_that_come_twice_out_of_order_or_service_by_service_say_the_same() {
    let (org, trail, _) = day(AuditFaults::default());
    let expected = told(&org, &trail);
    let faults = [
        AuditFaults { duplicated: true, ..AuditFaults::default() },
        AuditFaults { shuffled: true, duplicated: true, ..AuditFaults::default() },
        AuditFaults { needs_service: true, ..AuditFaults::default() },
        AuditFaults { needs_service: true, longest_days: 0, ..AuditFaults::default() },
        AuditFaults { failing: 2, ..AuditFaults::default() },
        AuditFaults { late: Some(Late::AfterQueries(5)), ..AuditFaults::default() },
    ];
    for faults in faults {
        let (org, trail, _) = day(faults.clone());
        assert_eq!(told(&org, &trail), expected, "{faults:?}");
    }
}

#[test]
fn records_that_come_after_the_snapshot_are_added_as_notes() {
    let late = AuditFaults { late: Some(Late::UntilReleased), ..AuditFaults::default() };
    let (org, trail, taken) = day(late);
    insta::assert_snapshot!("late", told(&org, &trail));
    assert!(
        attributions(&taken.changes)
            .iter()
            .all(|(_, explained, actors)| { *explained == Explained::Pending && actors.is_empty() })
    );
    let again = run_at(&trail, &org, "10:15");
    assert!(!again.document.changed && notes(&org, &trail).is_empty());

    org.running.world(|world| world.audits_mut().release());
    let again = run_at(&trail, &org, "10:30");
    assert!(!again.document.changed);
    insta::assert_snapshot!("late_notes", notes(&org, &trail).join("\n"));
    insta::assert_snapshot!("late_findings", findings(&org, &again).join("\n"));

    // When the time is up, what nobody explains is a finding, once.
    let over = run_at(&trail, &org, "12:00");
    insta::assert_snapshot!("late_unexplained", findings(&org, &over).join("\n"));
    assert!(notes(&org, &trail)[0].contains("no audit record explains it"));
    assert_eq!(findings(&org, &run_at(&trail, &org, "12:15")), [""; 0]);
}

#[test]
fn what_is_never_recorded_is_unexplained_once_the_time_is_up() {
    let (org, trail, _) = day(AuditFaults { lost: true, ..AuditFaults::default() });
    assert_eq!(findings(&org, &run_at(&trail, &org, "11:45")), [""; 0]);
    // The run that looks a last time may come much later.
    let found = run_at(&trail, &org, "23:00");
    let unexplained: Vec<&RunFinding> =
        found.document.findings.iter().filter(|finding| finding.rule == "unexplained").collect();
    assert_eq!(unexplained.len(), 5, "{:#?}", findings(&org, &found));
}

#[test]
fn without_the_permission_the_snapshot_is_taken_and_says_so() {
    let (org, trail) = morning_of(AuditFaults::default());
    act(&org, DAY);
    for path in ["/api/v2/audits/query", "/api/v2/audits/query/realtime"] {
        let when = When::Path(path.to_owned());
        org.running.fault(Fault { when, effect: Effect::Forbidden, repeat: Repeat::Sticky });
    }
    let taken = run_at(&trail, &org, "10:00");
    assert_eq!(taken.exits.codes(), [0]);
    assert_eq!(commits(&trail).len(), 1);
    assert!(attributions(&taken.changes).iter().all(|(_, explained, _)| *explained == Explained::NoPermission));
    insta::assert_snapshot!("forbidden", told(&org, &trail) + &findings(&org, &taken).join("\n"));
}

#[test]
fn two_people_at_one_thing_share_a_commit_where_the_records_do_not_tell_them_apart() {
    let (org, trail) = morning_of(AuditFaults::default());
    act(
        &org,
        r#"
        [[edit]]
        at = "09:01"
        by = "Lotte Pereira"
        domain = "routing.queues"
        entity = "Sales Inbound"
        set = { "/acwSettings/timeoutMs" = 20000 }

        [[edit]]
        at = "09:05"
        by = "Ines Olsen"
        domain = "routing.queues"
        entity = "Sales Inbound"
        set = { "/acwSettings/timeoutMs" = 10000 }

        # The order of a list means something, so its items are no one's alone.
        [[edit]]
        at = "09:20"
        by = "Ines Olsen"
        domain = "architect.flows"
        entity = "Main Menu"
        set = { "/supportedLanguages" = [{ language = "de-de" }, { language = "en-us" }, { language = "fr-fr" }] }

        [[edit]]
        at = "09:30"
        by = "Olga Quist"
        domain = "architect.flows"
        entity = "Main Menu"
        append = { "/supportedLanguages" = { language = "it-it" } }
        "#,
    );
    run_at(&trail, &org, "10:00");
    insta::assert_snapshot!("together", told(&org, &trail));
}

#[test]
fn what_a_record_does_not_say_is_not_ascribed_to_its_author() {
    let (org, trail) = morning_of(AuditFaults::default());
    act(
        &org,
        r#"
        [[edit]]
        at = "09:01"
        by = "Lotte Pereira"
        domain = "routing.queues"
        entity = "Sales Inbound"
        set = { "/acwSettings/timeoutMs" = 20000 }

        [[edit]]
        at = "09:05"
        by = "Kofi Rahman"
        audited = false
        domain = "routing.queues"
        entity = "Sales Inbound"
        set = { "/description" = "Changed by a way that nobody records" }

        # Of the other organisation that helps to run this one.
        [[edit]]
        at = "09:20"
        by = "Robin Partner"
        trustee = "0aa0a0aa-0000-4000-8000-00000000000a"
        domain = "routing.skills"
        entity = "Billing"
        set = { "/name" = "Invoices" }

        # No service records these.
        [[edit]]
        at = "09:30"
        by = "Olga Quist"
        domain = "telephony.trunk-base-settings"
        entity = 0
        set = { "/description" = "Changed" }
        "#,
    );
    let taken = run_at(&trail, &org, "10:00");
    insta::assert_snapshot!("apart", told(&org, &trail));
    insta::assert_debug_snapshot!("apart_attributions", attributions(&taken.changes));
    let over = run_at(&trail, &org, "12:00");
    insta::assert_snapshot!("apart_findings", findings(&org, &over).join("\n"));
}

#[test]
fn a_run_in_between_takes_each_record_once() {
    let (org, trail) = morning_of(AuditFaults::default());
    let edits = |at: &str, by: &str, text: &str| {
        format!(
            "[[edit]]\nat = \"{at}\"\nby = \"{by}\"\ndomain = \"routing.queues\"\nentity = \"Sales Inbound\"\n\
             set = {{ \"/description\" = \"{text}\" }}\n"
        )
    };
    act(&org, &edits("08:14", "Lotte Pereira", "one"));
    run_at(&trail, &org, "08:15");
    // Within what clocks may differ by, the first record could explain the second change as well.
    act(&org, &edits("08:16", "Ines Olsen", "two"));
    run_at(&trail, &org, "08:30");
    let changed = org.running.world(|world| {
        let domain = crate::harness::id("routing.queues");
        let key = world.find(&domain, "Sales Inbound").unwrap().clone();
        let entity = world.entity_mut(&domain, &key).unwrap();
        let orgtrail::model::Value::Object(entity) = entity else { panic!() };
        entity.insert("description", "three".into())
    });
    assert!(changed.is_some());
    run_at(&trail, &org, "08:32");
    insta::assert_snapshot!("in_between", told(&org, &trail));
}

#[test]
fn a_secret_in_an_audit_record_is_shown_nowhere() {
    const CANARY: &str = "xoxb-2847561093-4756102938475-Zq7Rf2Lw9KpX4mVt8Yb3Nc6D";
    let (org, trail) = morning_of(AuditFaults { planted: Some(CANARY.to_owned()), ..AuditFaults::default() });
    act(&org, DAY);
    let taken = run_at(&trail, &org, "10:00");
    let told = findings(&org, &taken);
    assert!(told[0].contains("name of Europe was changed from a secret to a secret and back"), "{told:?}");
    let mut shown = Vec::new();
    orgtrail::report::run::render_json(&taken.document, &mut shown).unwrap();
    orgtrail::report::json::render(&taken.changes, &mut shown).unwrap();
    assert!(!String::from_utf8_lossy(&shown).contains(CANARY));
    assert!(!trail.git(&["log", "-p", "--all", "--notes=orgtrail"]).contains(CANARY));
    assert!(!trail.git(&["cat-file", "-p", "refs/orgtrail/heartbeat"]).contains(CANARY));
}

#[test]
fn notes_are_pushed_and_a_runner_that_starts_from_nothing_reads_them() {
    let late = AuditFaults { late: Some(Late::UntilReleased), ..AuditFaults::default() };
    let (org, trail) = morning_of(late);
    let remote = tempfile::tempdir().unwrap();
    crate::terminal::git_in(remote.path(), &["init", "--quiet", "--bare", "-b", "main"]);
    trail.git(&["remote", "add", "origin", &remote.path().to_string_lossy()]);
    let push = |trail: &TestTrail, time: &str| {
        let pushed = trail.snapshot_with(&org, |options| {
            options.now = at(time);
            options.effect = orgtrail::session::Effect::Push;
        });
        pushed.unwrap()
    };
    act(&org, DAY);
    push(&trail, "10:00");
    org.running.world(|world| world.audits_mut().release());

    // The run that finds the records begins with a clone, and so does the one that reads its notes.
    let clone = || {
        let dir = tempfile::tempdir().unwrap();
        crate::terminal::git_in(dir.path(), &["clone", "--quiet", &remote.path().to_string_lossy(), "."]);
        TestTrail::open(dir)
    };
    let second = clone();
    assert!(!push(&second, "10:30").document.changed);
    let expected = notes(&org, &second);
    assert_eq!(expected.len(), 1);
    let third = clone();
    let over = push(&third, "12:00");
    assert!(notes(&org, &third)[0].starts_with(&expected[0]));
    let unexplained = over.document.findings.iter().filter(|finding| finding.rule == "unexplained").count();
    assert_eq!(unexplained, 1);
    let shown = crate::terminal::git_in(remote.path(), &["log", "-1", "--notes=orgtrail", "--format=%N", "main"]);
    assert!(shown.contains("Olga Quist <Olga.Quist@example.com>"), "{shown}");
}
