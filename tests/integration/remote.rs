//! Trails with a remote: runners that start from nothing, races, and what belongs to the user.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use chrono::TimeDelta;
use orgtrail::canonical::SecretKey;
use orgtrail::capture::Selection;
use orgtrail::catalogue::Tier;
use orgtrail::config::Environment;
use orgtrail::genesys::InstantClock;
use orgtrail::session::{Effect, Observer, RunOptions, Taken, Workspace, profile, take};

use crate::harness::{KEY, Org, files, morning};
use crate::terminal::{Terminal, git_in, set};

const HEARTBEAT: &str = "refs/orgtrail/heartbeat";

/// A trail whose first snapshot is on its remote.
fn pushed(org: &Org) -> Terminal {
    let terminal = Terminal::at(org);
    terminal.add_remote();
    terminal.snapshot(0, &["--push"]).ends_with(0);
    terminal
}

fn heartbeat(dir: &Path) -> serde_json::Value {
    serde_json::from_str(&git_in(dir, &["cat-file", "-p", HEARTBEAT])).unwrap()
}

/// How many runs the heartbeat of a repository knows.
fn runs(dir: &Path) -> usize {
    heartbeat(dir)["runs"].as_array().unwrap().len()
}

fn tip(dir: &Path) -> String {
    git_in(dir, &["rev-parse", "main"]).trim().to_owned()
}

fn commits(dir: &Path) -> usize {
    git_in(dir, &["rev-list", "--count", "main"]).trim().parse().unwrap()
}

#[track_caller]
fn assert_linear(dir: &Path) {
    assert_eq!(git_in(dir, &["rev-list", "--min-parents=2", "main"]), "");
    git_in(dir, &["fsck", "--strict"]);
}

/// A change that the next snapshot sees.
fn rename(org: &Org, name: &str) {
    set(org, "routing.queues", "/name", name);
}

#[test]
fn a_push_brings_the_branch_and_the_heartbeat() {
    let org = Org::small();
    let terminal = pushed(&org);
    let remote = terminal.path("remote.git");
    for dir in [&remote, &terminal.trail()] {
        assert_eq!((commits(dir), runs(dir)), (2, 1));
    }
    let everything =
        |dir: &Path| git_in(dir, &["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/orgtrail"]);
    assert_eq!(everything(&remote), everything(&terminal.trail()));
    assert_linear(&remote);
}

#[test]
fn a_runner_that_starts_from_nothing_each_time_goes_on_where_the_last_one_stopped() {
    let org = Org::small();
    let terminal = pushed(&org);
    let remote = terminal.path("remote.git");
    let mut expected = 2;
    for (run, minutes) in (1..=6).zip((15..).step_by(15)) {
        if run % 3 == 0 {
            rename(&org, &format!("Queue {run}"));
            expected += 1;
        }
        let before = git_in(&remote, &["rev-parse", HEARTBEAT]);
        let clone = terminal.clone_remote("runner");
        let document = terminal.snapshot_in(&clone, minutes, &["--push", "--format", "json"]).json(0);
        assert_eq!(document["changed"], run % 3 == 0);
        assert_eq!(git_in(&clone, &["status", "--porcelain"]), "");
        std::fs::remove_dir_all(clone).unwrap();
        assert_eq!((commits(&remote), runs(&remote)), (expected, run + 1));
        assert_ne!(git_in(&remote, &["rev-parse", HEARTBEAT]), before);
        assert_linear(&remote);
    }
}

#[test]
fn a_shallow_clone_is_enough_for_a_runner() {
    let org = Org::small();
    let terminal = pushed(&org);
    let remote = terminal.path("remote.git");
    let url = format!("file://{}", remote.display());
    for (run, minutes) in (1..=4).zip((15..).step_by(15)) {
        if run % 2 == 0 {
            rename(&org, &format!("Queue {run}"));
        }
        git_in(&terminal.path(""), &["clone", "--quiet", "--depth", "1", &url, "runner"]);
        let clone = terminal.path("runner");
        let changes = terminal.snapshot_in(&clone, minutes, &["--push", "--format", "json"]).json(0);
        assert_eq!(changes["changed"], run % 2 == 0);
        std::fs::remove_dir_all(clone).unwrap();
        assert_eq!((commits(&remote), runs(&remote)), (2 + run / 2, run + 1));
        assert_linear(&remote);
    }
}

/// Does something once everything was captured and before anything is committed or pushed.
struct Meanwhile<F> {
    what: F,
    said: RefCell<Vec<String>>,
}

impl<F: Fn()> Observer for Meanwhile<F> {
    fn ends(&self) {
        (self.what)();
    }

    fn note(&self, text: &str) {
        self.said.borrow_mut().push(text.to_owned());
    }

    fn warn(&self, text: &str) {
        self.said.borrow_mut().push(text.to_owned());
    }
}

/// Makes a run that pushes in a clone, while something else happens, and what it says.
pub(crate) fn run_while(org: &Org, dir: &Path, minutes: i64, what: impl Fn()) -> (Taken, Vec<String>) {
    let workspace = Workspace::open(dir, None).unwrap();
    let connection = Environment::from_map(org.environment()).connection(&workspace.config).unwrap();
    let profile = profile(&workspace, Some(Tier::Content));
    let options = RunOptions {
        selection: Selection(profile.clone()),
        profile,
        by_cadence: false,
        targeted: false,
        heard: orgtrail::watch::Touched::default(),
        max_requests: None,
        accepted_removals: BTreeSet::new(),
        effect: Effect::Push,
        now: morning() + TimeDelta::minutes(minutes),
        clock: Arc::new(InstantClock::new()),
    };
    let observer = Meanwhile { what, said: RefCell::default() };
    let secrets = SecretKey::new(KEY).unwrap();
    let taken = org.block_on(take(&workspace, connection, &secrets, &options, &observer));
    let taken = taken.unwrap_or_else(|failure| panic!("{}", failure.message));
    (taken, observer.said.into_inner())
}

#[test]
fn a_run_gives_way_to_a_later_one_that_pushed_first() {
    let org = Org::small();
    let terminal = pushed(&org);
    let (remote, slow, fast) =
        (terminal.path("remote.git"), terminal.clone_remote("slow"), terminal.clone_remote("fast"));
    rename(&org, "Both see it");
    let (taken, said) = run_while(&org, &slow, 15, || {
        terminal.snapshot_in(&fast, 20, &["--push"]).ends_with(0);
    });
    assert_eq!(said, ["a later run is on the remote already; this one is superseded"]);
    assert!(taken.document.superseded && taken.document.commits.is_empty());
    assert_eq!(taken.exits.code(), 0);
    assert_eq!((tip(&slow), tip(&fast)), (tip(&remote), tip(&remote)));
    assert_eq!(git_in(&slow, &["status", "--porcelain"]), "");
    assert_eq!((commits(&remote), runs(&remote)), (3, 2));
    assert_eq!(heartbeat(&remote), heartbeat(&slow));
    assert_linear(&remote);
    assert!(!run_while(&org, &slow, 30, || {}).0.document.changed);
}

#[test]
fn a_run_is_rebuilt_on_an_earlier_one_that_pushed_first() {
    let org = Org::small();
    let terminal = pushed(&org);
    let (remote, late, early) =
        (terminal.path("remote.git"), terminal.clone_remote("late"), terminal.clone_remote("early"));
    rename(&org, "Both see it");
    let (taken, said) = run_while(&org, &late, 30, || {
        terminal.snapshot_in(&early, 15, &["--push"]).ends_with(0);
    });
    assert_eq!(said, [""; 0]);
    // What the other run has put on record already is nothing to commit again.
    assert_eq!(taken.document.commits, [""; 0]);
    assert!(!taken.document.superseded);
    assert_eq!((commits(&remote), runs(&remote)), (3, 3));
    assert_eq!(heartbeat(&remote)["run"], taken.document.run);

    rename(&org, "The first sees this");
    let (taken, _) = run_while(&org, &late, 60, || {
        set(&org, "routing.queues", "/description", "The second sees this as well");
        terminal.snapshot_in(&early, 45, &["--push"]).ends_with(0);
    });
    let ids: Vec<String> = taken.document.commits.clone();
    assert_eq!(ids, [tip(&remote)]);
    assert_eq!((commits(&remote), runs(&remote)), (5, 5));
    assert_eq!(git_in(&late, &["status", "--porcelain"]), "");
    assert_linear(&remote);
    let (taken, _) = run_while(&org, &early, 75, || {});
    assert_eq!(taken.changes.changes.len(), 1, "{:#?}", taken.changes.changes);
}

#[test]
fn runs_without_a_change_race_for_the_heartbeat_alone() {
    let org = Org::small();
    let terminal = pushed(&org);
    let (remote, one, other) =
        (terminal.path("remote.git"), terminal.clone_remote("one"), terminal.clone_remote("other"));
    let (taken, _) = run_while(&org, &one, 15, || {
        terminal.snapshot_in(&other, 20, &["--push"]).ends_with(0);
    });
    assert!(taken.document.superseded && !taken.document.changed);
    assert_eq!(heartbeat(&remote)["time"], "2026-03-02T08:20:00Z");
    let (taken, _) = run_while(&org, &one, 40, || {
        terminal.snapshot_in(&other, 35, &["--push"]).ends_with(0);
    });
    assert!(!taken.document.superseded);
    let expected = ["2026-03-02T08:00:00Z", "2026-03-02T08:20:00Z", "2026-03-02T08:35:00Z", "2026-03-02T08:40:00Z"];
    assert_eq!(heartbeat(&remote)["runs"], serde_json::json!(expected));
    assert_eq!(commits(&remote), 2);
}

/// Commits a file outside of the snapshot in a clone, and pushes it.
fn push_file(clone: &Path, name: &str, text: &str) {
    git_in(clone, &["pull", "--quiet", "--rebase"]);
    std::fs::write(clone.join(name), text).unwrap();
    git_in(clone, &["add", name]);
    git_in(clone, &["commit", "--quiet", "-m", name]);
    // A bare trail asks orgtrail before it takes a push.
    let pushed = crate::textconv::command(clone, Some(&crate::textconv::program()), &["push", "--quiet"]).output();
    crate::terminal::Told::of(&pushed.unwrap()).ends_with(0);
}

#[test]
fn what_a_colleague_pushes_during_a_run_stays() {
    let org = Org::small();
    let terminal = pushed(&org);
    let (remote, runner, colleague) =
        (terminal.path("remote.git"), terminal.clone_remote("runner"), terminal.clone_remote("colleague"));
    rename(&org, "Seen");
    let (taken, _) = run_while(&org, &runner, 15, || push_file(&colleague, "rules.toml", "# none yet\n"));
    assert_eq!(taken.document.commits, [tip(&remote)]);
    assert_eq!(git_in(&remote, &["show", "main:rules.toml"]), "# none yet\n");
    assert_eq!(git_in(&remote, &["log", "-2", "--format=%an", "main"]), "orgtrail\nA\n");
    assert_eq!(git_in(&runner, &["status", "--porcelain"]), "");
    assert_eq!(std::fs::read_to_string(runner.join("rules.toml")).unwrap(), "# none yet\n");
    assert_linear(&remote);
}

#[test]
fn commits_that_were_never_pushed_are_rebuilt_on_the_remote_with_the_files_of_others() {
    let org = Org::small();
    let terminal = pushed(&org);
    let (remote, colleague) = (terminal.path("remote.git"), terminal.clone_remote("colleague"));
    for (name, minutes) in [("One", 15), ("Two", 30)] {
        rename(&org, name);
        terminal.snapshot(minutes, &[]).ends_with(0);
    }
    assert_eq!((commits(&remote), runs(&remote), runs(&terminal.trail())), (2, 1, 3));
    let toml = std::fs::read_to_string(colleague.join("orgtrail.toml")).unwrap();
    push_file(&colleague, "orgtrail.toml", &format!("# reviewed\n{toml}"));
    push_file(&colleague, "notes.md", "hello\n");
    terminal.snapshot(45, &["--push"]).ends_with(0);
    assert_eq!(git_in(&remote, &["log", "-4", "--format=%an", "main"]), "orgtrail\norgtrail\nA\nA\n");
    assert!(git_in(&remote, &["show", "main:orgtrail.toml"]).starts_with("# reviewed"));
    assert_eq!(tip(&remote), tip(&terminal.trail()));
    assert_eq!(terminal.git(&["status", "--porcelain"]), "");
    assert_linear(&remote);
}

#[test]
fn commits_that_were_never_pushed_give_way_to_a_later_run() {
    let org = Org::small();
    let terminal = pushed(&org);
    let (remote, other) = (terminal.path("remote.git"), terminal.clone_remote("other"));
    rename(&org, "One");
    terminal.snapshot(15, &[]).ends_with(0);
    rename(&org, "Two");
    terminal.snapshot_in(&other, 30, &["--push"]).ends_with(0);
    let told = terminal.snapshot(45, &["--push", "--format", "json"]);
    assert_eq!(told.stderr, "commits that were never pushed are superseded by a later run on the remote\n");
    let document = told.json(0);
    assert_eq!(document["changed"], false);
    assert_eq!(tip(&remote), tip(&terminal.trail()));
    assert_eq!(commits(&remote), 3);
    assert_eq!(terminal.git(&["status", "--porcelain"]), "");
}

#[test]
fn edits_outside_the_snapshot_are_neither_committed_nor_touched() {
    let org = Org::small();
    let terminal = pushed(&org);
    let colleague = terminal.clone_remote("colleague");
    for name in ["staged.md", "changed.md", "deleted.md", "calm.md"] {
        push_file(&colleague, name, "theirs\n");
    }
    terminal.snapshot(5, &["--push"]).ends_with(0);
    assert_eq!(terminal.git(&["status", "--porcelain"]), "");
    let write = |name: &str, text: &str| std::fs::write(terminal.trail().join(name), text).unwrap();
    write("staged.md", "mine, staged\n");
    write("added.md", "mine, added\n");
    terminal.git(&["add", "staged.md", "added.md"]);
    write("staged.md", "mine, staged and changed\n");
    write("changed.md", "mine, changed\n");
    write("new.md", "mine, new\n");
    write("in-the-way.md", "mine, in the way\n");
    std::fs::remove_file(terminal.trail().join("deleted.md")).unwrap();
    let mine = || {
        let mut files: BTreeMap<String, Option<String>> = BTreeMap::new();
        for name in ["staged.md", "added.md", "changed.md", "new.md", "in-the-way.md", "deleted.md"] {
            files.insert(name.to_owned(), std::fs::read_to_string(terminal.trail().join(name)).ok());
        }
        (files, terminal.git(&["ls-files", "--stage", "staged.md", "added.md", "changed.md", "new.md", "deleted.md"]))
    };
    let before = mine();
    let status = terminal.git(&["status", "--porcelain"]);
    rename(&org, "Seen");
    terminal.snapshot(15, &["--push"]).ends_with(0);
    assert_eq!(mine(), before);
    assert_eq!(terminal.git(&["status", "--porcelain"]), status);

    for name in ["staged.md", "changed.md", "deleted.md", "calm.md", "in-the-way.md"] {
        push_file(&colleague, name, "theirs, again\n");
    }
    rename(&org, "Seen again");
    terminal.snapshot(30, &["--push"]).ends_with(0);
    assert_eq!(mine(), before);
    let read = |name: &str| std::fs::read_to_string(terminal.trail().join(name)).unwrap();
    assert_eq!(read("calm.md"), "theirs, again\n");
    for name in ["staged.md", "changed.md", "deleted.md", "calm.md", "in-the-way.md"] {
        assert_eq!(terminal.git(&["show", &format!("HEAD:{name}")]), "theirs, again\n");
    }
    assert_eq!(terminal.git(&["ls-tree", "--name-only", "HEAD", "added.md", "new.md"]), "");
}

#[test]
fn a_bare_trail_works() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    let bare = terminal.path("bare.git");
    terminal.run(&["init", "--bare", bare.to_str().unwrap()]).ends_with(0);
    let minutes = |minutes: i64| terminal.snapshot_in(&bare, minutes, &["--format", "json"]).json(0);
    minutes(0);
    rename(&org, "Bare");
    assert_eq!(minutes(15)["commits"].as_array().unwrap().len(), 1);
    let changes = terminal.run_in(&bare, &["diff", "--format", "json"]).json(0);
    assert_eq!(changes["changes"].as_array().unwrap().len(), 1);
    assert_eq!(minutes(30)["changed"], false);
    assert_eq!((commits(&bare), runs(&bare)), (3, 3));
    assert_linear(&bare);

    let clone = terminal.path("clone");
    git_in(&terminal.path(""), &["clone", "--quiet", bare.to_str().unwrap(), "clone"]);
    let rule = "[[rule]]\nid = \"mine\"\nlevel = \"low\"\nmatch = { domain = \"routing.queues\" }\nmessage = \"m\"\nremedy = \"r\"\n";
    push_file(&clone, "rules.toml", rule);
    let rules = terminal.run_in(&bare, &["rules", "--format", "json"]).json(0);
    assert!(rules["rules"].as_array().unwrap().iter().any(|rule| rule["id"] == "mine"), "the user's rules count too");
    let changes = terminal.run_in(&bare, &["diff", "HEAD~2", "--format", "json"]).json(0);
    assert_eq!(changes["changes"][0]["rule"], "mine");
}

/// Every file of a folder with its content.
fn bytes(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let name = |path: &Path| path.strip_prefix(dir).unwrap().display().to_string();
    files(dir).into_iter().map(|path| (name(&path), std::fs::read(&path).unwrap())).collect()
}

#[test]
fn init_changes_nothing_in_a_trail() {
    let org = Org::small();
    let terminal = pushed(&org);
    let clone = terminal.clone_remote("clone");
    for dir in [terminal.trail(), clone] {
        // What no clone brings is set up once.
        assert!(terminal.run_in(&dir, &["init"]).stderr.contains("git shows names"));
        let before = bytes(&dir);
        let told = terminal.run_in(&dir, &["init"]);
        assert!(told.stderr.contains("is a trail already; nothing else was changed"), "{}", told.stderr);
        assert_eq!(told.ends_with(0), "");
        assert!(bytes(&dir) == before);
    }
}

#[test]
fn a_dry_run_writes_nothing_at_all() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    let nothing = |minutes: i64, changes: usize| {
        let remote = terminal.path("remote.git");
        let before = (bytes(&terminal.trail()), remote.exists().then(|| bytes(&remote)));
        let told = terminal.snapshot(minutes, &["--dry-run", "--format", "json"]).json(0);
        assert_eq!(told["commits"], serde_json::json!([]));
        let counts: u64 = told["counts"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(counts, changes as u64);
        let after = (bytes(&terminal.trail()), remote.exists().then(|| bytes(&remote)));
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&after.0), names(&before.0));
        assert!(after == before);
    };
    nothing(0, 0);
    terminal.add_remote();
    terminal.snapshot(0, &["--push"]).ends_with(0);
    nothing(15, 0);
    rename(&org, "Seen");
    nothing(30, 1);
    let listed = terminal.snapshot(45, &["--dry-run"]).ends_with(0);
    assert!(listed.contains("Seen"), "{listed}");
}

#[test]
fn the_users_git_configuration_does_not_leak_into_commits() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    terminal.add_remote();
    let hooks = terminal.path("hooks");
    std::fs::create_dir(&hooks).unwrap();
    for hook in ["pre-commit", "commit-msg", "post-commit", "pre-push", "reference-transaction", "post-checkout"] {
        let path = hooks.join(hook);
        std::fs::write(&path, format!("#!/bin/sh\ntouch {}\nexit 1\n", terminal.path("hooked").display())).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let hooks = hooks.to_string_lossy().into_owned();
    for (name, value) in [
        ("core.hooksPath", hooks.as_str()),
        ("commit.gpgsign", "true"),
        ("user.signingkey", "nobody"),
        ("gpg.program", "/nowhere"),
        ("user.name", "Uma User"),
        ("user.email", "uma@example.com"),
        ("author.name", "Uma User"),
        ("committer.email", "uma@example.com"),
        ("core.autocrlf", "true"),
        ("i18n.commitEncoding", "latin1"),
        ("commit.template", "/nowhere"),
    ] {
        terminal.git(&["config", name, value]);
    }
    terminal.snapshot(0, &["--push"]).ends_with(0);
    rename(&org, "Seen");
    terminal.snapshot(15, &["--push"]).ends_with(0);
    let id = org.running.world(|world| world.org_id().to_owned());
    let by = format!("orgtrail <orgtrail@{id}.invalid>");
    let people = terminal.git(&["log", "-2", "--format=%an <%ae>%n%cn <%ce>%n%G?%n%ai%n%ci"]);
    let expected = |at: &str| format!("{by}\n{by}\nN\n2026-03-02 {at}:00 +0000\n2026-03-02 {at}:00 +0000\n");
    assert_eq!(people, expected("08:15") + &expected("08:00"));
    let raw = terminal.git(&["cat-file", "-p", "HEAD"]);
    assert!(!raw.contains("gpgsig") && !raw.contains("encoding"), "{raw}");
    assert!(!terminal.path("hooked").exists());
    let stored = terminal.git(&["cat-file", "-p", "HEAD:snapshot/ledger.json"]);
    assert_eq!(stored, std::fs::read_to_string(terminal.trail().join("snapshot/ledger.json")).unwrap());
    assert!(!stored.contains('\r'));
}

#[test]
fn the_environment_does_not_leak_into_commits() {
    let org = Org::small();
    let mut terminal = Terminal::at(&org);
    for name in ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "USER", "EMAIL"] {
        terminal.set(name, "Uma");
    }
    for (name, value) in
        [("GIT_DIR", "/nowhere"), ("GIT_INDEX_FILE", "/nowhere"), ("TZ", "Asia/Tokyo"), ("LANG", "tr_TR")]
    {
        terminal.set(name, value);
    }
    terminal.snapshot(0, &[]).ends_with(0);
    let people = terminal.git(&["log", "-1", "--format=%an %cn %ai %ci"]);
    assert_eq!(people, "orgtrail orgtrail 2026-03-02 08:00:00 +0000 2026-03-02 08:00:00 +0000\n");
    assert_eq!(terminal.git(&["status", "--porcelain"]), "");
}
