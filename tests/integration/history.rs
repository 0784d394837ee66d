//! `log`, `show`, `blame`, and who `diff` says it was, on a history with everything that can happen to an entity.

use orgtrail::attribution::{Note, NoteChange, trailer};
use orgtrail::model::{Actor, EntityKey, Explained};
use orgtrail::record::CommitKind;
use orgtrail::trail::{Signature, Trail};

use crate::chronicle::{ANN, BO, Chronicle, Entry, key};
use crate::harness::id;
use crate::terminal::{assert_follows, git_in};

fn queue(name: &str, timeout: u32, rest: &str) -> String {
    format!(
        r#"{{"acwSettings":{{"timeoutMs":{timeout},"wrapupPrompt":"OPTIONAL"}},"division":{{"id":"d1"}},"name":"{name}","queueFlow":{{"id":"{}"}}{rest}}}"#,
        key("f1")
    )
}

/// What is set where, before each commit.
pub(crate) fn story() -> Chronicle {
    let (q1, q2, q9, f1, f2, u1) = (key("1a"), key("2b"), key("9c"), key("f1"), key("f2"), key("0d"));
    let mut story = Chronicle::new();
    let wide = [("users.users", 2)];
    let groups = |members: &[&str]| {
        let members: Vec<String> = members.iter().map(|id| format!(r#"{{"id":"{id}","type":"TEAM"}}"#)).collect();
        format!(r#","memberGroups":[{}]"#, members.join(","))
    };
    story.set("authorization.divisions", "d1", Some(r#"{"name":"Home"}"#));
    story.set("architect.flows", &f1, Some(r#"{"name":"Main Menu","type":"INBOUNDCALL"}"#));
    story.set("architect.flows", &f2, Some(r#"{"name":"Night","type":"INBOUNDCALL"}"#));
    story.set("routing.queues", &q1, Some(&queue("Support EN", 30_000, &groups(&["g1"]))));
    story.set("routing.queues", &q2, Some(&queue("Sales", 30_000, "")));
    for number in 0..40 {
        let key = key(&format!("{number:02x}"));
        story.set("users.users", &key, Some(&format!(r#"{{"email":"u{number}@example.com","name":"User {number}"}}"#)));
    }
    story.commit(&Entry::of(CommitKind::Baseline, 0, "baseline: 4 domains, 45 entities"), &wide);

    story.set("routing.queues", &q1, Some(&queue("Support EN", 10_000, &groups(&["g0", "g1"]))));
    story.commit(&Entry::by(ANN, 15, "high: acwSettings.timeoutMs of Support EN"), &wide);

    // One run, three commits: only the last of them is a state that the organisation was in.
    story.set("routing.queues", &q1, Some(&queue("Support", 10_000, &groups(&["g0", "g1"]))));
    story.commit(&Entry::by(ANN, 30, "medium: Support EN has another name").step("1/3"), &wide);
    let described = format!(r#","description":"For everybody"{}"#, groups(&["g0", "g1"]));
    story.set("routing.queues", &q1, Some(&queue("Support", 10_000, &described)));
    story.set("users.users", &u1, Some(r#"{"email":"u13@example.com","name":"User 13","title":"Lead"}"#));
    story.commit(&Entry::by(BO, 30, "medium: Support is described, User 13 leads").step("2/3"), &wide);
    story.set("routing.queues", &q2, None);
    story.commit(&Entry::unexplained("none", 30, "critical: Sales was removed").step("3/3"), &wide);

    // Made again under another id, in one go with a change.
    story.set("routing.queues", &q1, None);
    story.set("routing.queues", &q9, Some(&queue("Support", 5_000, &described)));
    let mut again = Entry::by(ANN, 45, "high: Support was removed and made again");
    again.trailers.push((trailer::CO_ACTOR, BO.1.to_owned()));
    again.trailers.push((trailer::CO_AUTHOR, format!("{} <{}>", BO.0, BO.2)));
    story.commit(&again, &wide);

    // A change of form, then what was found out later.
    let migrated = queue("Support", 5_000, &described.replace("For everybody", "for everybody"));
    story.set("routing.queues", &q9, Some(&migrated));
    story.commit(&Entry::of(CommitKind::SchemaMigration, 60, "schema migration: routing.queues"), &wide);
    story.set("routing.queues", &q9, Some(&migrated.replace(&f1, &f2)));
    let pending = story.commit(&Entry::unexplained("pending", 75, "high: another flow for Support"), &wide);
    let note = Note::new(vec![NoteChange {
        domain: id("routing.queues"),
        entity: EntityKey::new(&q9),
        explained: Explained::Audit,
        actors: vec![Actor {
            id: Some(BO.1.to_owned()),
            name: Some(BO.0.to_owned()),
            at: "2026-03-02T09:10:00Z".to_owned(),
            ..Actor::default()
        }],
        fields: Vec::new(),
    }]);
    let trail = Trail::open(&story.terminal.trail()).unwrap();
    let by = Signature { name: "orgtrail".to_owned(), email: "o@example.invalid".to_owned(), seconds: 0 };
    trail.write_note(&pending, &note.write(), &by).unwrap();
    story.commit(&Entry::of(CommitKind::Coverage, 90, "coverage: nothing"), &wide);
    story
}

#[test]
fn the_log_of_everything_tells_commits_and_who_made_them() {
    let story = story();
    insta::assert_snapshot!("log_of_everything", story.shows(&["log"]));
    insta::assert_snapshot!("log_of_all_kinds", story.shows(&["log", "--all", "--limit", "4"]));
    insta::assert_snapshot!("log_in_markdown", story.shows(&["log", "--format", "markdown"]));
    let log = |arguments: &[&str]| {
        let document = story.terminal.run(&[&["log", "--format", "json"], arguments].concat()).json(0);
        assert_follows("log", &document);
        let subjects = document["commits"].as_array().unwrap().iter().map(|commit| commit["subject"].as_str().unwrap());
        subjects.map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(log(&[]).len(), 6);
    assert_eq!(log(&["--all"]).len(), 10);
    assert_eq!(log(&["--actor", "BO@EXAMPLE"]).len(), 2);
    assert_eq!(log(&["--actor", "b0000000-"]).len(), 3);
    assert_eq!(log(&["--actor", "nobody"]), [""; 0]);
    assert_eq!(log(&["--min-severity", "critical"]), [""; 0]);
    assert_eq!(log(&["--limit", "1"]), ["high: another flow for Support"]);
    // A run is told as a whole: an instant is never between its steps.
    assert_eq!(log(&["--until", "2026-03-02T08:30:00Z", "--limit", "1"]), ["critical: Sales was removed"]);
    assert_eq!(log(&["--since", "2026-03-02T08:31:00Z"]).len(), 2);
    assert_eq!(log(&["--since", "2026-03-01"]).len(), 6);
    assert_eq!(log(&["--since", "HEAD~2", "--until", "HEAD"]), ["high: another flow for Support"]);
    assert_eq!(story.terminal.run(&["log", "--fail-on", "high"]).code, 1);
    assert_eq!(story.terminal.run(&["log", "--fail-on", "critical"]).code, 0);
}

#[test]
fn the_log_of_an_entity_goes_through_names_keys_and_files() {
    let story = story();
    let support = story.shows(&["log", "routing.queues/Support"]);
    insta::assert_snapshot!("log_of_an_entity", support);
    let (q1, q9) = (format!("routing.queues/{}", key("1a")), format!("routing.queues/{}", key("9c")));
    // By the name and the key that it has, and by those that it had.
    for target in ["routing.queues/support", "routing.queues/Support EN", &q1, &q9] {
        assert_eq!(story.shows(&["log", target]), support, "{target}");
    }
    insta::assert_snapshot!("log_of_an_entity_that_is_gone", story.shows(&["log", "routing.queues/Sales"]));
    insta::assert_snapshot!("log_of_an_entity_in_a_shard", story.shows(&["log", "users.users/User 13"]));
    insta::assert_snapshot!(
        "log_of_an_entity_in_markdown",
        story.shows(&["log", &q9, "--format", "markdown", "--limit", "1"])
    );
    let log = |arguments: &[&str]| {
        let document = story.terminal.run(&[&["log", "--format", "json"], arguments].concat()).json(0);
        assert_follows("log", &document);
        document["commits"].as_array().unwrap().len()
    };
    assert_eq!((log(&[&q9]), log(&[&q9, "--all"])), (5, 7));
    assert_eq!((log(&["routing.queues"]), log(&["routing.queues", "--all"])), (6, 8));
    assert_eq!((log(&["users.users"]), log(&["architect.flows"])), (1, 0));
    assert_eq!(log(&[&q9, "--actor", "Bo"]), 3);
    assert_eq!(log(&[&q9, "--min-severity", "high"]), 3);
    assert_eq!(log(&[&q9, "--since", "2026-03-02T08:40:00Z"]), 2);
}

#[test]
fn what_is_not_there_or_not_clear_is_refused_with_what_could_be_meant() {
    let mut story = story();
    story.set("routing.queues", &key("77"), Some(&queue("Sales", 1, "")));
    story.set("routing.queues", &key("88"), Some(&queue("sales", 1, "")));
    story.set("routing.queues", &key("99"), Some(&queue("Sales", 1, "")));
    story.commit(&Entry::by(ANN, 105, "high: three queues"), &[("users.users", 2)]);
    let said = [
        &["log", "routing.queue"][..],
        &["log", "routing.queues/Sails"],
        &["blame", "routing.queues/Sales"],
        &["blame", "routing.queues"],
        &["blame", "routing.queues/Support", "/acwSettings/timeoutMS"],
        &["blame", "routing.queues/Support", "acwSettings.timeoutMs"],
        &["show", "nowhere", "routing.queues/Support"],
        &["show", "2026-01-01", "routing.queues/Support"],
    ];
    let said: Vec<String> = said.iter().map(|arguments| story.says(arguments)).collect();
    insta::assert_snapshot!("refusals", said.join("\n"));
    // A name in other letters is taken where no other fits.
    let shown = story.terminal.run(&["show", "routing.queues/sales", "--format", "json"]).json(0);
    assert_eq!(shown["subject"]["id"], key("88"));
}

#[test]
fn an_entity_is_shown_as_it_was_and_what_became_of_it() {
    let story = story();
    insta::assert_snapshot!("show_an_entity", story.shows(&["show", "routing.queues/Support"]));
    insta::assert_snapshot!(
        "show_in_markdown",
        story.shows(&["show", "HEAD~3", "routing.queues/Support", "--format", "markdown"])
    );
    let texts = [
        story.shows(&["show", "2026-03-02T08:15:00Z", "routing.queues/Support EN"]),
        // By a key that it got only later.
        story.shows(&["show", "2026-03-02T08:00:00Z", &format!("routing.queues/{}", key("9c"))]),
        story.shows(&["show", "routing.queues/Sales"]),
        story.shows(&["show", "routing.queues"]),
        story.shows(&["show", "HEAD~9", "routing.queues/Support EN"]),
        story.shows(&["show", "HEAD~9", "routing.queues"]),
        story.shows(&["show", "routing.queues", "--format", "markdown"]),
    ];
    insta::assert_snapshot!("show_at_revisions", texts.join("\n"));
    let shown = story.terminal.run(&["show", "routing.queues/Support", "--format", "json"]).json(0);
    assert_follows("entity", &shown);
    assert_eq!(shown["names"], serde_json::json!({ "/division/id": "Home", "/queueFlow/id": "Night" }));
    assert_eq!(shown["last_change"]["actors"][0]["name"], "Bo Berg");
    let gone = story.terminal.run(&["show", "routing.queues/Sales", "--format", "json"]).json(0);
    assert_follows("entity", &gone);
    assert_eq!((&gone["value"], &gone["gone"]["explained"]), (&serde_json::Value::Null, &"none".into()));
    assert_follows("entities", &story.terminal.run(&["show", "users.users", "--format", "json"]).json(0));
}

#[test]
fn each_field_is_blamed_on_who_gave_it_its_value() {
    let story = story();
    insta::assert_snapshot!("blame", story.shows(&["blame", "routing.queues/Support"]));
    insta::assert_snapshot!(
        "blame_below_a_place",
        story.shows(&["blame", "routing.queues/Support", "/memberGroups/g0"])
    );
    insta::assert_snapshot!(
        "blame_of_what_is_gone",
        story.shows(&["blame", "routing.queues/Sales", "--format", "markdown"])
    );
    for entity in ["routing.queues/Support", "routing.queues/Sales", "users.users/User 13"] {
        assert_follows("blame", &story.terminal.run(&["blame", entity, "--format", "json"]).json(0));
    }
}

#[test]
fn a_shallow_clone_tells_what_it_has_and_that_there_is_more() {
    let story = story();
    let url = format!("file://{}", story.terminal.trail().display());
    git_in(&story.terminal.path(""), &["clone", "--quiet", "--depth", "5", &url, "shallow"]);
    let dir = story.terminal.path("shallow");
    let mut said = String::new();
    for arguments in [
        &["log", "--all"][..],
        &["log", "routing.queues"],
        &["log", "routing.queues/Support"],
        &["blame", "routing.queues/Support"],
        &["show", "users.users/User 13"],
    ] {
        let told = story.terminal.run_in(&dir, arguments);
        assert_eq!(told.code, 0, "{}", told.stderr);
        said.extend([&format!("{arguments:?}"), "\n", &told.stdout, &told.stderr, "\n"]);
    }
    insta::assert_snapshot!("shallow", story.told(&said));
}

#[test]
fn a_diff_says_who_made_each_change_once() {
    let story = story();
    insta::assert_snapshot!(
        "diff_of_a_run_in_steps",
        story.shows(&["diff", "2026-03-02T08:15:00Z", "2026-03-02T08:30:00Z"])
    );
    insta::assert_snapshot!("diff_of_all_runs", story.shows(&["diff", "2026-03-02T08:00:00Z"]));
    insta::assert_snapshot!(
        "diff_of_all_runs_in_markdown",
        story.shows(&["diff", "2026-03-02T08:00:00Z", "--format", "markdown"])
    );
    let document = story.terminal.run(&["diff", "2026-03-02T08:00:00Z", "--format", "json"]).json(0);
    assert_follows("changes", &document);
    let changes = document["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 4);
    let support = changes.iter().find(|change| change["entity"]["id"] == key("9c")).unwrap();
    let actors: Vec<&str> =
        support["actors"].as_array().unwrap().iter().map(|actor| actor["name"].as_str().unwrap()).collect();
    assert_eq!(actors, ["Ann Lee", "Bo Berg"]);
    // Backwards it is nobody's doing.
    let back = story.terminal.run(&["diff", "HEAD", "HEAD~8", "--format", "json"]).json(0);
    assert!(back["changes"].as_array().unwrap().iter().all(|change| change["explained"] == "not-covered"));
}
