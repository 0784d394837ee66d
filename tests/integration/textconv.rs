//! What plain git shows of a trail: names beside ids where orgtrail is at hand, and the files as they are where it is not.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::chronicle::{ANN, Chronicle, Entry, key};
use crate::harness::git_command;
use crate::history::story;
use crate::terminal::Told;

/// Git as it is called where the program is on the path, or where it is not.
fn git(dir: &Path, first_on_path: Option<&Path>, arguments: &[&str]) -> String {
    let told = Told::of(&command(dir, first_on_path, arguments).output().unwrap());
    assert_eq!(told.stderr, "", "{arguments:?}");
    told.ends_with(0)
}

pub(crate) fn command(dir: &Path, first_on_path: Option<&Path>, arguments: &[&str]) -> Command {
    let system = std::env::var_os("PATH").unwrap_or_default();
    let folders = first_on_path.map(Path::to_path_buf).into_iter().chain(std::env::split_paths(&system));
    let mut command = git_command(dir, arguments);
    command.env("PATH", std::env::join_paths(folders).unwrap());
    command
}

/// The folder of the program.
pub(crate) fn program() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_orgtrail")).parent().unwrap().to_path_buf()
}

fn with_names(story: &Chronicle, arguments: &[&str]) -> String {
    git(&story.terminal.trail(), Some(&program()), arguments)
}

/// What follows each line of a text in another, which has to have the same lines.
#[track_caller]
fn beside(plain: &str, shown: &str) -> Vec<String> {
    assert_eq!(plain.lines().count(), shown.lines().count(), "{shown}");
    let rest = |(plain, shown): (&str, &str)| shown.strip_prefix(plain).unwrap_or_else(|| panic!("{shown}")).to_owned();
    plain.lines().zip(shown.lines()).map(rest).filter(|rest| !rest.is_empty()).collect()
}

#[test]
fn diff_log_and_blame_show_names_and_the_entity_of_a_hunk() {
    let story = story();
    let log = with_names(&story, &["log", "-2", "-p", "-U0", "--format=%s", "--", "snapshot/routing"]);
    insta::assert_snapshot!("git_log", without_index(&log));
    let diff = with_names(&story, &["diff", "HEAD~2", "HEAD~1", "--", "snapshot/routing"]);
    assert!(diff.contains(r#"    "id": "f2000000-0000-4000-8000-0000000000f2" (Night)"#), "{diff}");
    assert!(diff.contains(&format!(r#"@@     "{}": {{ (Support)"#, key("9c")).replace("@@     ", "@@ ")), "{diff}");
    let path = "snapshot/routing/queues.json";
    let plain = with_names(&story, &["blame", "-s", "--no-textconv", path]);
    let names = [" (Support)", " (Home)", " (Night)"];
    assert_eq!(beside(&plain, &with_names(&story, &["blame", "-s", path])), names);
    let lines = with_names(&story, &["blame", "-s", "-L", "/queueFlow/,+2", path]);
    assert!(lines.lines().count() == 2 && lines.contains("(Night)"), "{lines}");
    let range = with_names(&story, &["log", "--format=%s", "-s", "-L", &format!("/{}/,+3:{path}", key("9c"))]);
    assert!(range.contains("another flow") || range.contains("made again"), "{range}");
    // The files themselves are as they were.
    assert!(!with_names(&story, &["show", &format!("HEAD:{path}")]).contains("(Support)"));
    assert_eq!(with_names(&story, &["status", "--porcelain"]), "");
}

/// A diff without the ids of its files.
fn without_index(diff: &str) -> String {
    diff.lines().filter(|line| !line.starts_with("index ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn without_the_program_or_with_one_that_fails_git_shows_the_files() {
    let story = story();
    let trail = story.terminal.trail();
    let broken = story.terminal.path("broken");
    std::fs::create_dir(&broken).unwrap();
    let script = broken.join("orgtrail");
    std::fs::write(&script, "#!/bin/sh\necho trouble >&2\nexit 70\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let log = ["log", "-p", "--format=%s", "--", "snapshot"];
    let plain = git(&trail, None, &["log", "-p", "--no-textconv", "--format=%s", "--", "snapshot"]);
    assert!(plain.contains(&format!(r#"@@ "{}": {{"#, key("9c"))), "{plain}");
    assert_eq!(git(&trail, None, &log), plain);
    assert_eq!(git(&trail, Some(&broken), &log), plain);
    assert_ne!(with_names(&story, &log), plain);
    // What keeps it from finding names is no reason to show nothing.
    std::fs::create_dir(trail.join("orgtrail.d")).unwrap();
    std::fs::write(trail.join("orgtrail.d/broken.toml"), "?").unwrap();
    assert_eq!(with_names(&story, &log), plain);
}

#[test]
fn what_is_no_file_of_a_known_domain_is_shown_as_it_is() {
    let story = story();
    let odd = [
        ("a.json", b"{}".to_vec()),
        ("binary", vec![0, 159, 146, 150, 10, 13]),
        ("unknown.json", b"{\n  \"domain\": \"no.such\",\n  \"entities\": {\n    \"a\": {\n".to_vec()),
        (
            "cut.json",
            b"{\n  \"domain\": \"routing.queues\",\n  \"entities\": {\n    \"a\": {\n      \"id\": \"".to_vec(),
        ),
        ("empty", Vec::new()),
    ];
    for (name, content) in &odd {
        std::fs::write(story.terminal.path(name), content).unwrap();
        let path = story.terminal.path(name);
        let output = story.terminal.binary().arg("textconv").arg(&path).current_dir(story.terminal.trail()).output();
        let output = output.unwrap();
        assert_eq!((output.status.code(), &output.stdout), (Some(0), content), "{name}");
    }
    let ledger = story.terminal.trail().join("snapshot/ledger.json");
    let shown = story.terminal.run(&["textconv", "snapshot/ledger.json"]).ends_with(0);
    assert_eq!(shown, std::fs::read_to_string(ledger).unwrap());
    assert_eq!(story.terminal.run(&["textconv", "nowhere"]).code, 2);
    let outside = story.terminal.path("");
    let told = story.terminal.run_in(&outside, &["textconv", "trail/snapshot/routing/queues.json"]);
    assert_eq!((told.code, told.stdout.as_str()), (2, ""));
    // Deeper down the trail is found all the same.
    let told = story.terminal.run_in(&story.terminal.trail().join("snapshot"), &["textconv", "routing/queues.json"]);
    assert!(told.ends_with(0).contains("(Support)"));
}

#[test]
fn names_are_those_of_the_tip_whatever_they_hold() {
    let mut story = Chronicle::new();
    let wide = [("users.users", 2)];
    let evil = "a\\n\\u001b[31m\\u2028\\u202e\\\"\\\\) (";
    story.set(
        "users.users",
        &key("0d"),
        Some(&format!(r#"{{"email":"a","manager":"{}","name":"{evil}"}}"#, key("0e"))),
    );
    story.set("users.users", &key("0e"), Some(r#"{"email":"b","name":"Boss"}"#));
    story.commit(&Entry::by(ANN, 0, "two users"), &wide);
    let path = format!("snapshot/users/users/{}.json", "0d");
    let shown = || story.terminal.run(&["textconv", &path]).ends_with(0);
    let plain = std::fs::read_to_string(story.terminal.trail().join(&path)).unwrap();
    let names = [r#" (a\n\u001b[31m\u2028\u202e"\) ()"#, " (Boss)"];
    assert_eq!(beside(&plain, &shown()), names);
    // Asked for by many at once, with and without what was kept.
    let cache = story.terminal.trail().join(".git/orgtrail/names");
    for _ in 0..3 {
        std::fs::remove_file(&cache).unwrap();
        let children: Vec<_> = (0..6)
            .map(|_| {
                let mut command = story.terminal.binary();
                command.arg("-C").arg(story.terminal.trail()).args(["textconv", &path]);
                command.stdout(std::process::Stdio::piped()).spawn().unwrap()
            })
            .collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert_eq!(beside(&plain, &String::from_utf8(output.stdout).unwrap()), names);
        }
    }
    // What cannot be read is made anew.
    for content in [
        "",
        "orgtrail-names",
        "x\n{}\n",
        "x\n{\"users.users\":{\"entry\":[],\"references\":[],\"key\":[],\"names\":[0,9]}}\n",
    ] {
        std::fs::write(&cache, content).unwrap();
        assert_eq!(beside(&plain, &shown()), names);
    }
    let mut story = story;
    story.set("users.users", &key("0e"), Some(r#"{"email":"b","name":"Chief"}"#));
    story.commit(&Entry::by(ANN, 15, "renamed"), &wide);
    let shown = story.terminal.run(&["textconv", &path]).ends_with(0);
    assert_eq!(beside(&plain, &shown)[1], " (Chief)");
    // A relation is called after what it relates.
    story.set("routing.queues", &key("1a"), Some(r#"{"name":"Q"}"#));
    story.set("routing.queue-members", &format!("{}:{}", key("1a"), key("0e")), Some(r#"{"joined":true}"#));
    story.commit(&Entry::by(ANN, 30, "a member"), &wide);
    let shown = story.terminal.run(&["textconv", "snapshot/routing/queue-members.json"]).ends_with(0);
    assert!(shown.contains(": { (Q · Chief)\n"), "{shown}");
}

#[test]
fn init_sets_a_clone_up_and_leaves_what_the_user_set() {
    let story = story();
    let trail = story.terminal.trail();
    let url = trail.to_string_lossy().into_owned();
    for (name, arguments) in [("clone", &["clone", "--quiet"][..]), ("bare", &["clone", "--quiet", "--bare"])] {
        let dir = story.terminal.path(name);
        git(&trail, None, &[arguments, &[&url, &dir.to_string_lossy()]].concat());
        let log = ["log", "-1", "-p", "--format=", "HEAD~1", "--", "snapshot/routing"];
        let before = git(&dir, Some(&program()), &log);
        assert!(!before.contains("(Night)"), "{before}");
        let told = story.terminal.run_in(&dir, &["init"]);
        assert_eq!(told.code, 0, "{}", told.stderr);
        let hooks = "git asks orgtrail before it goes on here (pre-commit, commit-msg, pre-push)\n";
        let hooks = if name == "bare" { "" } else { hooks };
        assert_eq!(
            story.terminal.shown(&told.stderr),
            format!(
                "secrets are fingerprinted with ORGTRAIL_SECRET_KEY\ngit shows names beside ids here\n{hooks}\
                 ROOT/{name} is a trail already; nothing else was changed\n"
            )
        );
        assert!(git(&dir, Some(&program()), &log).contains("(Night)"));
        // From elsewhere, as scripts call it.
        let git_dir = if name == "bare" { dir.clone() } else { dir.join(".git") };
        let mut elsewhere = command(&story.terminal.path(""), Some(&program()), &log[..5]);
        elsewhere.env("GIT_DIR", &git_dir);
        if name == "bare" {
            assert!(String::from_utf8(elsewhere.output().unwrap().stdout).unwrap().contains("(Night)"));
        }
        git(&dir, None, &["config", "diff.orgtrail.textconv", "cat"]);
        let told = story.terminal.run_in(&dir, &["init"]);
        assert!(told.stderr.contains("diff.orgtrail.textconv is set otherwise here and stays so\n"), "{}", told.stderr);
        assert_eq!(git(&dir, None, &["config", "diff.orgtrail.textconv"]), "cat\n");
    }
}
