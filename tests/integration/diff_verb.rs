//! `orgtrail diff`: which states it compares, what it leaves to other commits, what it prints; and every document against its
//! schema.

use std::collections::BTreeMap;

use orgtrail::canonical::{Digest, canonical_text, read_document, read_str, write_document};
use orgtrail::diff::apply;
use orgtrail::model::{
    Change, ChangeKind, DomainId, DomainSnapshot, EntityKey, FieldChange, FieldKind, Pointer, Value,
};
use orgtrail::session::{Workspace, archive};
use orgtrail::sim::{Effect, Fault, Repeat, Rng, Script, When};
use orgtrail::trail::FileChange;

use crate::harness::{KEY, Org, id};
use crate::terminal::{Terminal, assert_follows, git_in, set};

/// A day in minutes.
const DAY: i64 = 24 * 60;

/// The change set that `diff` prints.
#[track_caller]
fn diff(terminal: &Terminal, arguments: &[&str]) -> serde_json::Value {
    let document = terminal.run(&[&["diff", "--format", "json"], arguments].concat()).json(0);
    assert_follows("changes", &document);
    document
}

/// The new names of queues that a change set tells of.
fn names(changes: &serde_json::Value) -> Vec<&str> {
    let fields = changes["changes"].as_array().unwrap().iter().flat_map(|change| change["fields"].as_array().unwrap());
    fields.map(|field| field["new"].as_str().unwrap()).collect()
}

/// A trail whose queue got another name each day, and nothing on the third.
fn days(org: &Org) -> Terminal {
    let terminal = Terminal::at(org);
    terminal.snapshot(0, &[]).ends_with(0);
    for (day, name) in [(1, "Monday"), (2, "Tuesday")] {
        set(org, "routing.queues", "/name", name);
        terminal.snapshot(day * DAY, &[]).ends_with(0);
    }
    terminal
}

#[test]
fn the_last_run_is_compared_with_the_one_before() {
    let org = Org::small();
    let terminal = days(&org);
    let changes = diff(&terminal, &[]);
    assert_eq!(names(&changes), ["Tuesday"]);
    assert_eq!(changes["from"]["taken_at"], "2026-03-03T08:00:00Z");
    assert_eq!(changes["to"]["taken_at"], "2026-03-04T08:00:00Z");
    // What the user commits is no run.
    terminal.git(&["commit", "--quiet", "--allow-empty", "-m", "By hand"]);
    assert_eq!(names(&diff(&terminal, &[])), ["Tuesday"]);
    // A run that saw nothing has nothing to show.
    terminal.snapshot(3 * DAY, &[]).ends_with(0);
    assert_eq!(diff(&terminal, &[])["changes"], serde_json::json!([]));
    insta::assert_snapshot!(terminal.shown(&terminal.run(&["diff"]).ends_with(0)).lines().next().unwrap(), @"No changes");
    // A clone does not bring the heartbeat: then the last run is the last that committed.
    git_in(&terminal.path(""), &["clone", "--quiet", "trail", "clone"]);
    let told = terminal.run_in(&terminal.path("clone"), &["diff", "--format", "json"]).json(0);
    assert_eq!(names(&told), ["Tuesday"]);
}

#[test]
fn any_two_states_can_be_compared() {
    let org = Org::small();
    let terminal = days(&org);
    terminal.git(&["tag", "before", "HEAD~1"]);
    let commit = terminal.git(&["rev-parse", "HEAD~2"]);
    let first = [commit.trim(), "HEAD~2", "2026-03-02", "2026-03-02T08:00:00Z", "2026-03-03T07:59:59Z"];
    let second = ["before", "HEAD^", "2026-03-03", "2026-03-03T10:00:00+02:00", "2026-03-03T23:59:59Z"];
    let third = ["HEAD", "main", "2026-03-04", "2030-01-01", "@"];
    let field = |changes: &serde_json::Value| {
        let field = &changes["changes"][0]["fields"][0];
        (field["old"].as_str().map(str::to_owned), field["new"].as_str().map(str::to_owned))
    };
    let some = |text: &str| Some(text.to_owned());
    for from in first {
        assert_eq!(field(&diff(&terminal, &[from])).1, some("Tuesday"), "{from}");
    }
    for (from, to) in first.into_iter().zip(second) {
        assert_eq!(field(&diff(&terminal, &[from, to])).1, some("Monday"), "{from} {to}");
    }
    for (from, to) in second.into_iter().zip(third) {
        assert_eq!(field(&diff(&terminal, &[from, to])), (some("Monday"), some("Tuesday")), "{from} {to}");
        // Backwards as well.
        assert_eq!(field(&diff(&terminal, &[to, from])), (some("Tuesday"), some("Monday")), "{to} {from}");
    }
    for revision in ["before", "2026-03-03"] {
        assert_eq!(diff(&terminal, &[revision, "HEAD^"])["changes"], serde_json::json!([]));
    }
}

/// Replaces the files of a domain as an older version of the tool might have written them, in a commit.
fn age(terminal: &Terminal, domain: &str, change: impl Fn(&mut Value<'static>)) {
    let path = format!("snapshot/{}.json", domain.replace('.', "/"));
    let mut snapshot = read_document(&std::fs::read(terminal.trail().join(&path)).unwrap()).unwrap();
    for text in snapshot.entities.values_mut() {
        let mut value = read_str(text.as_str()).unwrap().into_owned();
        change(&mut value);
        *text = canonical_text(&value);
    }
    let mut file = Vec::new();
    file.extend(write_document(&snapshot.domain, snapshot.schema_version, &snapshot.entities));
    let mut ledger = terminal.read_json("snapshot/ledger.json");
    let entry = &mut ledger["domains"][domain];
    entry["treatment"] = "0".repeat(64).into();
    entry["digest"] = Digest::of_domain(&snapshot).to_string().into();
    let ledger = serde_json::to_string_pretty(&ledger).unwrap() + "\n";
    terminal
        .commit_as("orgtrail", vec![FileChange::write(path, file), FileChange::write("snapshot/ledger.json", ledger)]);
}

/// The kinds of the commits between two, oldest first.
fn kinds(terminal: &Terminal, range: &str) -> Vec<String> {
    let told =
        terminal.git(&["log", "--reverse", "--format=%(trailers:key=Orgtrail-Kind,valueonly,separator=)", range]);
    told.split_whitespace().map(ToOwned::to_owned).collect()
}

/// A trail in which one run had to make a commit of every kind, and what the last commit before it was.
fn every_kind(org: &Org) -> (Terminal, String) {
    let mut terminal = Terminal::at(org);
    terminal.snapshot_core(0, &["--skip", "telephony.*"]).ends_with(0);
    age(&terminal, "routing.skills", |entity| {
        if let Value::Object(object) = entity {
            object.insert("dateModified", Value::from("2026-03-01T00:00:00.000Z"));
        }
    });
    let before = terminal.git(&["rev-parse", "HEAD"]).trim().to_owned();
    set(org, "routing.queues", "/brandNew", "from the API");
    set(org, "routing.queues", "/name", "Somebody's doing");
    terminal.set("ORGTRAIL_SECRET_KEY", "a new key of the tests, also long enough to be taken");
    terminal.set("ORGTRAIL_SECRET_KEY_PREVIOUS", KEY);
    let forbidden = When::Path("/api/v2/architect/ivrs".to_owned());
    org.running.fault(Fault { when: forbidden, effect: Effect::Forbidden, repeat: Repeat::Sticky });
    terminal.snapshot_core(15, &[]).ends_with(4);
    let expected = ["schema-migration", "rekey", "new-field", "baseline", "coverage", "observed"];
    assert_eq!(kinds(&terminal, &format!("{before}..")), expected);
    (terminal, before)
}

#[test]
fn what_other_commits_account_for_is_listed_apart_and_never_as_a_change() {
    let org = Org::small();
    let (terminal, before) = every_kind(&org);
    let changes = diff(&terminal, &[]);
    assert_eq!(changes["from"]["commit"], before.as_str());
    assert_eq!(names(&changes), ["Somebody's doing"]);
    let baselines: BTreeMap<String, u64> = serde_json::from_value(changes["baselines"].clone()).unwrap();
    assert!(baselines.keys().all(|domain| domain.starts_with("telephony.")) && baselines.len() > 2, "{baselines:?}");
    assert_eq!(changes["new_fields"], serde_json::json!({ "routing.queues": ["/brandNew"] }));
    assert_eq!(
        changes["migrations"],
        serde_json::json!({ "oauth.clients": ["rekey"], "routing.skills": ["schema-migration"] })
    );
    assert_eq!(changes["coverage"], serde_json::json!({ "architect.ivrs": { "from": "complete", "to": "forbidden" } }));
    insta::assert_snapshot!(terminal.shown(&terminal.run(&["diff"]).ends_with(0)).lines().skip(2).collect::<Vec<_>>().join("\n"), @r#"
    Captured for the first time: telephony.did-pools, 1 entity
    Captured for the first time: telephony.dids, 8 entities
    Captured for the first time: telephony.trunk-base-settings, 2 entities
    Captured for the first time: telephony.trunks, 2 entities
    New in the API: routing.queues /brandNew
    Stored anew: oauth.clients (rekey)
    Stored anew: routing.skills (schema-migration)
    Coverage: architect.ivrs was complete, is forbidden

    MEDIUM modified routing.queues "Somebody's doing" (UUID)
      name of Somebody's doing was changed
      not yet explained
      It reaches at least 1 flow, 1 queue, 4 agents
        ~ name: "Support EN" → "Somebody's doing"
      rule: routing-queues-modified
      remedy: Check that it was asked for; put the old state back if it was not.
    "#);

    // Each commit by itself: only the observed one holds changes.
    for (back, expected) in (0..6).zip([1, 0, 0, 0, 0, 0]) {
        let (from, to) = (format!("HEAD~{}", back + 1), format!("HEAD~{back}"));
        let changes = diff(&terminal, &[&from, &to]);
        assert_eq!(changes["changes"].as_array().unwrap().len(), expected, "{from} {to}: {changes:#}");
    }
    let later = diff(&terminal, &["HEAD~7", "HEAD"]);
    assert_eq!(names(&later), ["Somebody's doing"]);

    // What happens to a new field later is somebody's doing.
    org.running.clear_faults();
    set(&org, "routing.queues", "/brandNew", "by an administrator");
    terminal.snapshot_core(30, &[]).ends_with(0);
    let changes = diff(&terminal, &[]);
    assert_eq!(names(&changes), ["by an administrator"]);
    assert_eq!(changes["coverage"]["architect.ivrs"]["to"], "complete");
    let all = diff(&terminal, &[&before, "HEAD"]);
    let mut found = names(&all);
    found.sort_unstable();
    assert_eq!(found, ["Somebody's doing", "by an administrator"]);
    assert_eq!(all["coverage"], serde_json::json!({}));
}

#[test]
fn a_level_decides_the_exit_code_and_what_is_left_out_is_said() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    terminal.snapshot(0, &[]).ends_with(0);
    for edit in &Script::built_in().unwrap().edits {
        org.running.world(|world| world.apply(edit)).unwrap();
    }
    let document = terminal.snapshot(15, &["--fail-on", "high", "--format", "json"]).json(1);
    assert_eq!(document["exit_codes"], serde_json::json!([1]));
    let all = diff(&terminal, &[]);
    assert_eq!(all["counts"], document["counts"]);
    assert_eq!(all["left_out"], serde_json::Value::Null);
    let count = |level: &str| all["counts"][level].as_u64().unwrap();
    assert!(count("critical") > 0 && count("low") + count("medium") + count("high") > 0, "{}", all["counts"]);
    for level in ["critical", "high", "medium", "low"] {
        terminal.run(&["diff", "--fail-on", level]).ends_with(1);
        terminal.run(&["diff", "HEAD", "HEAD", "--fail-on", level]).ends_with(0);
    }
    // The filter is for reading: what it hides still fails.
    let told = terminal.run(&["diff", "--fail-on", "low", "--min-severity", "critical", "--format", "json"]).json(1);
    assert_follows("changes", &told);
    let left = count("high") + count("medium") + count("low");
    assert_eq!(told["left_out"], serde_json::json!({ "below": "critical", "changes": left }));
    assert_eq!(told["changes"].as_array().unwrap().len() as u64, count("critical"));
    for format in ["text", "markdown"] {
        let shown = terminal.run(&["diff", "--min-severity", "critical", "--format", format]).ends_with(0);
        assert!(shown.contains(&format!("{left} changes below critical are left out")), "{format}: {shown}");
    }
    // Only what somebody changed counts.
    set(&org, "routing.queues", "/description", "A word");
    terminal.snapshot(30, &[]).ends_with(0);
    assert_eq!(diff(&terminal, &[])["counts"]["critical"], 0);
    terminal.run(&["diff", "--fail-on", "critical"]).ends_with(0);
    let told = terminal.run(&["diff", "--fail-on", "low", "--quiet"]);
    assert_eq!(told.stderr, "");
    told.ends_with(1);
}

#[test]
fn data_goes_to_a_file_when_asked() {
    let org = Org::small();
    let terminal = days(&org);
    let path = terminal.path("changes.json");
    let told = terminal.run(&["diff", "--format", "json", "--output", path.to_str().unwrap()]);
    assert_eq!(told.ends_with(0), "");
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(written, diff(&terminal, &[]));
    let nowhere = terminal.path("no/such/folder");
    insta::assert_snapshot!(terminal.failure(&["diff", "--output", nowhere.to_str().unwrap()]), @r"
    exit 5
    error: could not write ROOT/no/such/folder: No such file or directory (os error 2)
    hint: `--output` takes the path of a file in a folder that can be written
    ");
}

#[test]
fn every_document_follows_its_schema() {
    let org = Org::small();
    let (terminal, _) = every_kind(&org);
    assert_follows("domains", &terminal.run(&["domains", "--format", "json"]).json(0));
    assert_follows("rules", &terminal.run(&["rules", "--format", "json"]).json(0));
    assert_follows("doctor", &terminal.run(&["doctor", "--format", "json"]).json(4));
    for (schema, verb) in [("plan", &["plan"][..]), ("noise", &["doctor", "--noise"]), ("role", &["doctor", "--role"])]
    {
        assert_follows(schema, &terminal.run(&[verb, &["--format", "json", "--only", "routing.*"]].concat()).json(0));
    }
    let heartbeat = || {
        serde_json::from_str::<serde_json::Value>(&terminal.git(&["cat-file", "-p", "refs/orgtrail/heartbeat"]))
            .unwrap()
    };
    let check = |minutes: i64, arguments: &[&str], code: i32| {
        let run = terminal.snapshot(minutes, &[&["--format", "json"], arguments].concat()).json(code);
        assert_follows("run", &run);
        assert_follows("ledger", &terminal.read_json("snapshot/ledger.json"));
        assert_follows("heartbeat", &heartbeat());
        run
    };
    check(30, &[], 4);
    check(45, &["--dry-run"], 4);
    check(60, &["--only", "routing.*"], 0);
    org.running.fault(Fault {
        when: When::Path("/api/v2/authorization/subjects/*".to_owned()),
        effect: Effect::Forbidden,
        repeat: Repeat::Sticky,
    });
    check(75, &[], 4);
    assert_eq!(terminal.read_json("snapshot/ledger.json")["view"], serde_json::Value::Null);
    org.running.clear_faults();
    org.running.fault(Fault {
        when: When::Path("/api/v2/teams*".to_owned()),
        effect: Effect::Gone,
        repeat: Repeat::Sticky,
    });
    let run = check(90, &[], 4);
    assert_eq!(run["domains"]["teams.teams"]["status"], "absent");
    let told = terminal.run(&["doctor", "--format", "json"]);
    assert_follows("doctor", &serde_json::from_str(&told.stdout).unwrap());
    terminal.add_remote();
    check(105, &["--push"], 4);
    // Every ledger of the history, not only the last.
    for commit in terminal.git(&["rev-list", "HEAD", "--", "snapshot/ledger.json"]).lines() {
        let kind = terminal.git(&["log", "-1", "--format=%(trailers:key=Orgtrail-Kind,valueonly,separator=)", commit]);
        if !kind.trim().is_empty() {
            let ledger = terminal.git(&["show", &format!("{commit}:snapshot/ledger.json")]);
            assert_follows("ledger", &serde_json::from_str(&ledger).unwrap());
        }
    }
}

/// The snapshot of a domain at a revision.
fn recorded(terminal: &Terminal, revision: &str, domain: &DomainId) -> DomainSnapshot {
    let workspace = Workspace::open(&terminal.trail(), None).unwrap();
    let commit = workspace.trail.resolve(revision).unwrap();
    let archive = archive(&workspace, Some(commit)).unwrap_or_else(|failure| panic!("{}", failure.message));
    archive.domain(domain).unwrap().map(|snapshot| (*snapshot).clone()).unwrap()
}

/// The changes that a printed change set tells, by domain.
fn told(document: &str) -> BTreeMap<DomainId, Vec<Change>> {
    let document = read_str(document).unwrap();
    let text = |value: &Value<'_>, name: &str| value.get(name).and_then(Value::as_str).unwrap().to_owned();
    let own = |value: &Value<'_>, name: &str| value.get(name).map(|value| value.clone().into_owned());
    let mut changes: BTreeMap<DomainId, Vec<Change>> = BTreeMap::new();
    for change in document.get("changes").and_then(Value::as_array).unwrap() {
        let domain: DomainId = text(change, "domain").parse().unwrap();
        let kinds = [ChangeKind::Added, ChangeKind::Removed, ChangeKind::Modified, ChangeKind::Recreated];
        let kind = kinds.into_iter().find(|kind| kind.as_str() == text(change, "kind")).unwrap();
        let fields = change.get("fields").and_then(Value::as_array).unwrap_or_default();
        let field = |field: &Value<'_>| FieldChange {
            path: Pointer::from_text(text(field, "path")),
            kind: match text(field, "kind").as_str() {
                "added" => FieldKind::Added,
                "removed" => FieldKind::Removed,
                _ => FieldKind::Modified,
            },
            old: own(field, "old"),
            new: own(field, "new"),
        };
        let whole = own(change, "value").map(|value| canonical_text(&value));
        changes.entry(domain.clone()).or_default().push(Change {
            domain,
            key: EntityKey::new(&text(change.get("entity").unwrap(), "id")),
            kind,
            previous_key: change.get("previous_id").and_then(Value::as_str).map(EntityKey::new),
            before: None,
            after: whole.filter(|_| kind == ChangeKind::Added),
            fields: fields.iter().map(field).collect(),
            because: None,
            followers: 0,
        });
    }
    changes
}

/// Applies what `diff` prints to the files before it, which has to give the files after it.
fn assert_tells_everything(terminal: &Terminal, from: &str, to: &str) {
    let printed = terminal.run(&["diff", from, to, "--format", "json"]).ends_with(0);
    let workspace = Workspace::open(&terminal.trail(), None).unwrap();
    let told = told(&printed);
    for domain in workspace.catalogue.iter() {
        let (before, after) = (recorded(terminal, from, &domain.id), recorded(terminal, to, &domain.id));
        let changes = told.get(&domain.id).map(Vec::as_slice).unwrap_or_default();
        let applied = apply(domain, &before, changes).unwrap();
        assert_eq!(applied, after, "{}", domain.id);
    }
}

#[test]
fn what_is_printed_turns_the_old_files_into_the_new_ones() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    terminal.snapshot(0, &[]).ends_with(0);
    for edit in &Script::built_in().unwrap().edits {
        org.running.world(|world| world.apply(edit)).unwrap();
    }
    let mut rng = Rng::new(5);
    let mut mutated = 0;
    org.running.world(|world| {
        let domains: Vec<DomainId> = world.domains().cloned().collect();
        for _ in 0..300 {
            let domain = rng.pick(&domains).unwrap().clone();
            let keys: Vec<EntityKey> = world.keys(&domain).cloned().collect();
            let Some(key) = rng.pick(&keys).cloned() else { continue };
            let leaves = world.leaves(&domain, &key);
            let Some(leaf) = rng.pick(&leaves).cloned() else { continue };
            mutated += usize::from(world.mutate(&domain, &key, &leaf, &mut rng).is_some());
        }
        let queues = id("routing.queues");
        let last = world.keys(&queues).last().unwrap().clone();
        assert!(world.remove(&queues, &last));
    });
    assert!(mutated > 200, "{mutated}");
    terminal.snapshot(15, &[]).ends_with(0);
    assert_tells_everything(&terminal, "HEAD~1", "HEAD");
    assert_tells_everything(&terminal, "HEAD", "HEAD~1");
}
