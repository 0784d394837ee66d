//! What `diff` prints in each format, from whole runs: patches that apply, places that are right.

use std::collections::BTreeSet;

use orgtrail::record::CommitKind;
use orgtrail::sim::Script;

use crate::chronicle::{ANN, Chronicle, Entry, key};
use crate::harness::Org;
use crate::terminal::{Terminal, assert_follows};

/// A trail in which a day has passed.
pub(crate) fn day() -> Terminal {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    terminal.snapshot_core(0, &[]).ends_with(0);
    for edit in &Script::built_in().unwrap().edits {
        org.running.world(|world| world.apply(edit)).unwrap();
    }
    terminal.snapshot_core(9 * 60, &[]).ends_with(0);
    terminal
}

/// The document of a domain at a revision; null where it has no file.
fn document(terminal: &Terminal, revision: &str, domain: &str) -> serde_json::Value {
    let path = format!("snapshot/{}.json", domain.replace('.', "/"));
    if terminal.git(&["ls-tree", revision, &path]).is_empty() {
        return serde_json::Value::Null;
    }
    serde_json::from_str(&terminal.git(&["show", &format!("{revision}:{path}")])).unwrap()
}

#[test]
fn a_patch_turns_every_domain_of_one_state_into_that_of_the_other() {
    let terminal = day();
    let first = terminal.git(&["rev-list", "--max-parents=0", "HEAD"]);
    let runs = terminal.git(&["log", "--format=%H", "--reverse", "--", "snapshot"]);
    let baseline = runs.lines().next().unwrap();
    let mut patched = 0;
    for (from, to) in [(baseline, "HEAD"), ("HEAD", baseline), (first.trim(), "HEAD"), ("HEAD", "HEAD")] {
        let patch = terminal.run(&["diff", from, to, "--format", "json-patch"]).json(0);
        assert_follows("patch", &patch);
        let files = [from, to].map(|revision| terminal.git(&["ls-tree", "-r", "--name-only", revision, "snapshot/"]));
        let files: BTreeSet<&str> = files.iter().flat_map(|files| files.lines()).collect();
        for file in files.into_iter().filter(|file| *file != "snapshot/ledger.json") {
            let domain = file.trim_start_matches("snapshot/").trim_end_matches(".json").replace('/', ".");
            let mut state = document(&terminal, from, &domain);
            if let Some(operations) = patch["domains"].get(&domain) {
                patched += 1;
                let operations: json_patch::Patch = serde_json::from_value(operations.clone()).unwrap();
                json_patch::patch(&mut state, &operations).unwrap();
            }
            assert_eq!(state, document(&terminal, to, &domain), "{from} {to} {domain}");
        }
    }
    assert!(patched > 20, "{patched}");
}

#[test]
fn each_changed_field_is_told_with_its_line_and_column() {
    let terminal = day();
    let runs = terminal.git(&["log", "--format=%H", "--reverse", "--", "snapshot"]);
    let baseline = runs.lines().next().unwrap();
    let table = terminal.run(&["diff", baseline, "HEAD", "--format", "csv"]).ends_with(0);
    let mut members = 0;
    for row in csv::Reader::from_reader(table.as_bytes()).records() {
        let row = row.unwrap();
        let [key, path, after, file] = [3, 5, 7, 13].map(|column| row[column].to_owned());
        let [line, column] = [14, 15].map(|column| row[column].parse::<usize>().unwrap());
        let text = std::fs::read_to_string(terminal.trail().join(file)).unwrap();
        let written: String = text.lines().nth(line - 1).unwrap().chars().skip(column - 1).collect();
        let written = written.trim_end_matches(',');
        if row[8].contains("kind: removed") {
            assert_eq!((line, column), (1, 1));
        } else if path.is_empty() {
            assert!(written.starts_with(&format!("\"{key}\": ")), "{written}");
        } else if written.starts_with(&format!("\"{}\": ", path.rsplit('/').next().unwrap())) {
            assert!(after == "another secret" || written.ends_with(&format!(": {after}")), "{written} {after}");
            members += 1;
        }
    }
    assert!(members >= 7, "{members}\n{table}");
}

/// A trail whose users lie in shards: one got a title, one lost its, one is gone.
fn sharded() -> Chronicle {
    let mut chronicle = Chronicle::new();
    let wide = [("users.users", 2)];
    let user = |name: &str, rest: &str| format!(r#"{{"email":"{name}@example.com","name":"{name}"{rest}}}"#);
    for number in 0..40 {
        let title = if number == 13 { r#","title":"Lead""# } else { "" };
        chronicle.set("users.users", &key(&format!("{number:02x}")), Some(&user(&format!("u{number}"), title)));
    }
    chronicle.commit(&Entry::of(CommitKind::Baseline, 0, "baseline: 1 domain, 40 entities"), &wide);
    chronicle.set("users.users", &key("0c"), Some(&user("u12", r#","title":"Lead""#)));
    chronicle.set("users.users", &key("0d"), Some(&user("u13", "")));
    chronicle.set("users.users", &key("0e"), None);
    chronicle.commit(&Entry::by(ANN, 15, "medium: users"), &wide);
    chronicle
}

#[test]
fn what_lies_in_a_shard_is_told_with_its_own_file() {
    let chronicle = sharded();
    let table = chronicle.terminal.run(&["diff", "--format", "csv"]).ends_with(0);
    let rows = csv::Reader::from_reader(table.as_bytes()).into_records().map(Result::unwrap);
    let places = rows.map(|row| [4, 5, 13, 14, 15].map(|column| row[column].to_owned()).join("|"));
    insta::assert_snapshot!(places.collect::<Vec<_>>().join("\n"), @r"
    u14||||
    u12|/title|snapshot/users/users/0c.json|7|7
    u13|/title|snapshot/users/users/0d.json|4|5
    ");
    let patch = chronicle.terminal.run(&["diff", "--format", "json-patch"]).json(0);
    let operations = patch["domains"]["users.users"].as_array().unwrap();
    let told =
        operations.iter().map(|one| format!("{} {}", one["op"].as_str().unwrap(), one["path"].as_str().unwrap()));
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r"
    add /entities/0c000000-0000-4000-8000-00000000000c/title
    test /entities/0d000000-0000-4000-8000-00000000000d/title
    remove /entities/0d000000-0000-4000-8000-00000000000d/title
    test /entities/0e000000-0000-4000-8000-00000000000e
    remove /entities/0e000000-0000-4000-8000-00000000000e
    ");
}
