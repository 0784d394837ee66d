//! What `verify` says of a history that is as the tool wrote it, and of one that somebody tampered with.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use orgtrail::canonical::{Digest, canonical_text, read_document, read_str, write_document};
use orgtrail::integrity::{AllowedSigners, Fault, SignatureProblem, check_signature};
use orgtrail::model::{EntityKey, Finding, Subject};
use orgtrail::record::Ledger;
use orgtrail::report::{RemoteView, Signed, Verified};
use orgtrail::session::{VerifyOptions, Workspace, verify};
use orgtrail::sim::{DAY_SEED, Scale};
use orgtrail::trail::SigningKey;
use tempfile::TempDir;

use crate::attribution::{DAY, act, run_at};
use crate::forge::{Raw, commits, copy, file, forget_logs, rewrite, tree_with};
use crate::harness::{Org, TestTrail, git_command, id};
use crate::migrations::catalogue_with;
use crate::terminal::{Terminal, assert_follows, git_in};

const LEDGER: &str = "snapshot/ledger.json";
const SKILLS: &str = "snapshot/routing/skills.json";
const HEARTBEAT: &str = "refs/orgtrail/heartbeat";

/// A trail that is as orgtrail wrote it: a baseline, a day with several people, commits and a merge of users, a migration, a
/// domain that outgrew its file, a run without a change.
pub(crate) fn past() -> &'static Path {
    static PAST: OnceLock<TempDir> = OnceLock::new();
    PAST.get_or_init(|| make_past(TestTrail::new())).path()
}

/// The same, with commits that are signed from the day on.
pub(crate) fn signed_past() -> &'static Path {
    static PAST: OnceLock<TempDir> = OnceLock::new();
    PAST.get_or_init(|| {
        let mut trail = TestTrail::new();
        let toml = std::fs::read_to_string(trail.path().join("orgtrail.toml")).unwrap();
        let toml = toml.replace("# require_signatures = \"none\"", "require_signatures = \"tool\"");
        user_commit(trail.path(), "orgtrail.toml", &toml);
        user_commit(trail.path(), "allowed_signers", &allowed(""));
        trail.workspace.trail.sign_with(Some(key("tool")));
        make_past(trail)
    })
    .path()
}

/// The file that allows the key of the tests, with options.
pub(crate) fn allowed(options: &str) -> String {
    format!("orgtrail@* {options} {}\n", key("tool").public_key())
}

pub(crate) fn key(name: &str) -> SigningKey {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/signing").join(name);
    SigningKey::read(&std::fs::read_to_string(path).unwrap().into(), None).unwrap()
}

fn make_past(mut trail: TestTrail) -> TempDir {
    let org = Org::start(Scale::Small, DAY_SEED);
    let with = trail.workspace.catalogue;
    trail.workspace.catalogue = catalogue_with(&id("routing.queues"), |text| {
        text.replace("volatile = [", "volatile = [\"acwSettings.wrapupPrompt\", ")
    });
    let signing = if trail.path().join("allowed_signers").exists() { Some(key("tool")) } else { None };
    // The first run of a signed trail is not signed yet.
    trail.workspace.trail.sign_with(None);
    run_at(&trail, &org, "08:00");
    trail.workspace.trail.sign_with(signing);
    act(&org, DAY);
    run_at(&trail, &org, "10:00");
    user_commit(trail.path(), "rules.toml", "# none yet\n");
    trail.workspace.catalogue = with;
    run_at(&trail, &org, "11:00");
    git_in(trail.path(), &["checkout", "--quiet", "-b", "side"]);
    user_commit(trail.path(), "notes.md", "seen\n");
    git_in(trail.path(), &["checkout", "--quiet", "main"]);
    git_in(trail.path(), &["merge", "--quiet", "--no-ff", "-m", "a merge", "side"]);
    git_in(trail.path(), &["branch", "--quiet", "-d", "side"]);
    crate::terminal::set(&org, "routing.queues", "/description", "long ".repeat(120_000));
    run_at(&trail, &org, "12:00");
    crate::terminal::set(&org, "routing.skills", "/name", "Last seen");
    run_at(&trail, &org, "12:30");
    run_at(&trail, &org, "13:00");
    trail.dir
}

/// Commits a file outside of the snapshot as a user does.
pub(crate) fn user_commit(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join(name), text).unwrap();
    git_in(dir, &["add", name]);
    git_in(dir, &["commit", "--quiet", "-m", name]);
}

fn options() -> VerifyOptions {
    let now = "2026-03-02T18:00:00Z".parse().unwrap();
    VerifyOptions { until: None, since: None, max_gap: None, now }
}

fn verified(dir: &Path) -> Verified {
    verified_with(dir, options())
}

fn verified_with(dir: &Path, options: VerifyOptions) -> Verified {
    let workspace = Workspace::open(dir, None).unwrap();
    let (verified, exits) = verify(&workspace, &options).unwrap_or_else(|failure| panic!("{}", failure.message));
    let is_broken = verified.findings.iter().any(|finding| Fault::from_id(&finding.rule).unwrap().breaks_integrity());
    assert_eq!((verified.is_sound, exits.codes()), (!is_broken, vec![if is_broken { 6 } else { 0 }]));
    verified
}

/// The findings, each with what it is about: a commit by its number from the first one.
fn found(dir: &Path) -> Vec<String> {
    told(dir, &verified(dir).findings)
}

fn told(dir: &Path, findings: &[Finding]) -> Vec<String> {
    let history = git_in(dir, &["rev-list", "--first-parent", "--reverse", "main"]);
    let number = |id: &str| history.lines().position(|line| line == id);
    let about = |finding: &Finding| match &finding.subject {
        Subject::Trail => "trail".to_owned(),
        Subject::Commit(commit) => number(commit).map_or_else(|| "gone".to_owned(), |number| number.to_string()),
        Subject::File(path) => path.clone(),
        Subject::Domain(domain) => domain.to_string(),
        Subject::Entity { .. } => panic!("{finding:?}"),
    };
    findings.iter().map(|finding| format!("{} {}", finding.rule, about(finding))).collect()
}

/// What is found in a copy of the past after somebody did something to its commits, and took away what git logged.
fn after(change: impl FnOnce(&Path, &mut Vec<Raw>)) -> Vec<String> {
    let (_dir, trail) = copy(past());
    let mut raws = commits(&trail);
    change(&trail, &mut raws);
    rewrite(&trail, &raws);
    forget_logs(&trail);
    found(&trail)
}

/// The numbers of the commits of a kind.
fn of_kind(raws: &[Raw], kind: &str) -> Vec<usize> {
    let is_it = |(number, raw): (usize, &Raw)| (raw.trailer("Orgtrail-Kind") == Some(kind)).then_some(number);
    raws.iter().enumerate().filter_map(is_it).collect()
}

/// The number of the last step of the day, and how many steps it has.
fn day(raws: &[Raw]) -> (usize, usize) {
    let steps = raws.iter().filter_map(|raw| raw.trailer("Orgtrail-Step")).map(|step| step.split_once('/').unwrap().1);
    let most = steps.map(|of| of.parse().unwrap()).max().unwrap();
    let last = format!("{most}/{most}");
    (raws.iter().position(|raw| raw.trailer("Orgtrail-Step") == Some(&last)).unwrap(), most)
}

#[test]
fn a_history_that_orgtrail_wrote_has_no_finding_wherever_it_is() {
    let (_dir, trail) = copy(past());
    let raws = commits(&trail);
    assert!(day(&raws).1 > 2);
    for kind in ["baseline", "schema-migration", "reshard", "observed"] {
        assert!(!of_kind(&raws, kind).is_empty(), "{kind}");
    }
    assert!(raws.iter().any(|raw| !raw.merged.is_empty()));
    let whole = verified(&trail);
    assert_eq!((told(&trail, &whole.findings), whole.is_whole, whole.commits), (vec![], true, raws.len() as u64));
    assert_eq!((&whole.signed, whole.remote), (&Signed::No, RemoteView::None));

    let remote = trail.parent().unwrap().join("remote.git");
    git_in(&trail, &["clone", "--quiet", "--bare", ".", "../remote.git"]);
    git_in(&trail, &["remote", "add", "origin", "../remote.git"]);
    assert_eq!(verified(&trail).remote, RemoteView::NeverSeen);
    git_in(
        &trail,
        &["push", "--quiet", "origin", "main", "refs/orgtrail/*:refs/orgtrail/*", "refs/notes/*:refs/notes/*"],
    );
    git_in(&trail, &["fetch", "--quiet"]);
    for (dir, view) in [(&trail, RemoteView::Agrees { unpushed: 0 }), (&remote, RemoteView::NeverSeen)] {
        let verified = verified(dir);
        assert_eq!((told(dir, &verified.findings), verified.remote), (vec![], view));
    }
    // Of a part of it as well, also where it ends in the middle of a run.
    let workspace = Workspace::open(&trail, None).unwrap();
    let commit = |number: usize| workspace.trail.resolve(&format!("main~{}", raws.len() - 1 - number)).unwrap();
    let (last, _) = day(&raws);
    for (since, until) in [(Some(last - 1), None), (None, Some(last - 1)), (Some(1), Some(last)), (Some(0), Some(0))] {
        let part = VerifyOptions { since: since.map(commit), until: until.map(commit), ..options() };
        let part = verified_with(&trail, part);
        assert_eq!(told(&trail, &part.findings), [""; 0], "{since:?} {until:?}");
    }
    // What a user commits elsewhere is the user's.
    user_commit(&trail, "orgtrail.toml", "[attribution]\naudits = false\n");
    assert_eq!(found(&trail), [""; 0]);
    assert_eq!(verified(&trail).remote, RemoteView::Agrees { unpushed: 1 });
}

#[test]
fn what_git_does_to_a_commit_shows() {
    for (arguments, expected) in [
        (&["commit", "--quiet", "--amend", "-m", "nothing to see"][..], "foreign-commit"),
        (&["commit", "--quiet", "--amend", "--no-edit", "--date=2026-03-02T00:00:00Z"], "foreign-commit"),
        (&["rebase", "--quiet", "--force-rebase", "--root"], "foreign-commit"),
        (&["revert", "--no-edit", "HEAD"], "foreign-commit"),
        (&["reset", "--quiet", "--hard", "HEAD~1"], "history-rewritten"),
    ] {
        let (_dir, trail) = copy(past());
        git_in(&trail, arguments);
        let found = found(&trail);
        assert!(found.iter().any(|one| one.starts_with(expected)), "{arguments:?}: {found:?}");
        let is_rewritten = found.iter().any(|one| one.starts_with("history-rewritten gone"));
        assert_eq!(is_rewritten, arguments[0] != "revert", "{arguments:?}: {found:?}");
    }
}

#[test]
fn a_commit_that_is_dropped_shows_in_what_is_left() {
    let numbers = commits(past());
    let (last, steps) = day(&numbers);
    let tip = numbers.len() - 1;
    // The tip: what the last run ended with is gone.
    assert_eq!(after(|_, raws| drop(raws.pop())), ["history-rewritten trail"]);
    // A step of a run, and with it where the runs after it began.
    let later = |from: usize| -> Vec<String> {
        let runs = (from..tip).filter(|number| {
            let run = |number: usize| numbers[number].trailer("Orgtrail-Run");
            run(*number + 1).is_some() && run(*number + 1) != run(*number)
        });
        runs.map(|number| format!("history-rewritten {number}")).collect()
    };
    let step = last - steps + 2;
    let mut expected = later(last);
    expected.extend([format!("step-missing {step}"), "note-astray gone".to_owned()]);
    assert_eq!(after(|_, raws| drop(raws.remove(step))), expected);
    // A whole run: the next one did not begin from what is before it now.
    let migration = of_kind(&numbers, "schema-migration")[0];
    let run = numbers[migration].trailer("Orgtrail-Run");
    let gone = after(|_, raws| raws.retain(|raw| raw.trailer("Orgtrail-Run") != run));
    assert!(gone[0].starts_with("history-rewritten "), "{gone:?}");
    // A commit of a user is not the tool's, but runs began behind it.
    let user = numbers.iter().position(|raw| raw.message == "rules.toml\n").unwrap();
    assert_eq!(after(|_, raws| drop(raws.remove(user)))[0], format!("history-rewritten {user}"));
}

#[test]
fn commits_in_another_order_show() {
    let numbers = commits(past());
    let (last, steps) = day(&numbers);
    let first = last - steps + 1;
    let swapped = after(|_, raws| raws.swap(first, first + 1));
    assert!(swapped.contains(&format!("step-missing {first}")), "{swapped:?}");
    assert!(swapped.contains(&format!("run-split {}", first + 1)), "{swapped:?}");
    // Two runs, each with its own state.
    let tip = numbers.len() - 1;
    let swapped = after(|_, raws| raws.swap(tip - 1, tip));
    let expected = [("history-rewritten", tip - 1), ("run-split", tip), ("clock-skew", tip)];
    assert_eq!(swapped, expected.map(|(rule, number)| format!("{rule} {number}")));
    // Times that were made to fit do not fit the runs.
    let swapped = after(|_, raws| {
        raws.swap(tip - 1, tip);
        let heads = [raws[tip].head.clone(), raws[tip - 1].head.clone()];
        [raws[tip - 1].head, raws[tip].head] = heads;
    });
    assert_eq!(swapped, [format!("forged-trailer {}", tip - 1), format!("run-split {tip}")]);
}

#[test]
fn content_that_was_edited_under_the_tools_name_shows() {
    let tip = commits(past()).len() - 1;
    let edit = |path: &'static str, edit: fn(String) -> String| {
        after(move |dir, raws| {
            let raw = raws.last_mut().unwrap();
            let text = file(dir, &raw.tree, path);
            let edited = edit(text.clone());
            assert_ne!(text, edited);
            raw.tree = tree_with(dir, &raw.tree, path, Some(edited.as_bytes()));
        })
    };
    let skills = |change: fn(String) -> String| edit(SKILLS, change);
    assert_eq!(skills(|text| text.replace("Last seen", "Never seen")), ["digest-mismatch routing.skills"]);
    assert_eq!(skills(|text| text.replace("  \"name\"", "   \"name\"")), [format!("not-canonical {SKILLS}")]);
    assert_eq!(skills(|text| text.replace("\"Last seen\"", "null")), [format!("not-canonical {SKILLS}")]);
    let moved = skills(|text| text.replace("routing.skills", "routing.wrapupcodes"));
    assert_eq!(moved, [format!("misplaced-file {SKILLS}")]);
    let newer = skills(|text| text.replace("\"schema_version\": 1", "\"schema_version\": 2"));
    assert_eq!(newer, ["digest-mismatch routing.skills"]);

    let number = format!("digest-mismatch {tip}");
    let rewritten = "history-rewritten trail".to_owned();
    let status = |text: String| text.replacen("\"status\": \"complete\"", "\"status\": \"stale\"", 1);
    assert_eq!(edit(LEDGER, status), std::slice::from_ref(&number));
    assert_eq!(edit(LEDGER, |text| text + "\n"), [format!("not-canonical {LEDGER}")]);
    let other = edit(LEDGER, |text| text.replace("\"org\": \"", "\"org\": \"0"));
    assert_eq!(other, [number.clone(), format!("org-mismatch {tip}")]);
    // One who also says the digest of the edited ledger contradicts the last run.
    let said = after(|dir, raws| {
        let raw = raws.last_mut().unwrap();
        let text = status(file(dir, &raw.tree, LEDGER));
        raw.tree = tree_with(dir, &raw.tree, LEDGER, Some(text.as_bytes()));
        let ledger = Ledger::read(text.as_bytes()).unwrap();
        raw.set("Orgtrail-Digest", &Digest::of(ledger.compact().as_bytes()).to_string());
    });
    assert_eq!(said, [rewritten]);
    // Deeper down, all runs that came after it began from another commit.
    let deep = after(|dir, raws| {
        for raw in &mut raws[1..] {
            let text = file(dir, &raw.tree, "snapshot/routing/wrapupcodes.json").replace("name\": \"", "name\": \"x");
            raw.tree = tree_with(dir, &raw.tree, "snapshot/routing/wrapupcodes.json", Some(text.as_bytes()));
        }
    });
    assert!(deep.contains(&"digest-mismatch routing.wrapupcodes".to_owned()), "{deep:?}");
    assert!(deep.iter().filter(|one| one.starts_with("history-rewritten")).count() > 3, "{deep:?}");
}

#[test]
fn files_that_the_tool_does_not_write_show() {
    let numbers = commits(past());
    let tip = numbers.len() - 1;
    let with = |path: &'static str, content: Option<&'static str>| {
        after(move |dir, raws| {
            let raw = raws.last_mut().unwrap();
            raw.tree = tree_with(dir, &raw.tree, path, content.map(str::as_bytes));
        })
    };
    assert_eq!(with("snapshot/notes.txt", Some("hello")), ["misplaced-file snapshot/notes.txt"]);
    assert_eq!(with("snapshot/routing/skills/a.json", Some("{}")), ["not-canonical snapshot/routing/skills/a.json"]);
    let empty = "{\n  \"domain\": \"routing.skills\",\n  \"entities\": {},\n  \"schema_version\": 1\n}\n";
    assert_eq!(with("snapshot/routing/skills/a.json", Some(empty)), ["misplaced-file snapshot/routing/skills/a.json"]);
    let unknown = "{\n  \"domain\": \"no.such\",\n  \"entities\": {},\n  \"schema_version\": 1\n}\n";
    assert_eq!(with("snapshot/no/such.json", Some(unknown)), ["digest-mismatch no.such"]);
    assert_eq!(with(SKILLS, None), ["digest-mismatch routing.skills"]);
    assert_eq!(with(LEDGER, None)[0], format!("not-canonical {LEDGER}"));
    assert_eq!(with("orgtrail.toml", Some("")), [format!("outside-snapshot {tip}")]);
}

/// Content that is put on record whole, by somebody who makes every digest fit, and takes the heartbeat away.
#[test]
fn content_of_a_form_that_the_domain_does_not_give_shows_in_the_tip() {
    let (_dir, trail) = copy(past());
    let mut raws = commits(&trail);
    let raw = raws.last_mut().unwrap();
    let mut content = read_document(file(&trail, &raw.tree, SKILLS).as_bytes()).unwrap();
    let clear = r#"{"name":"Last seen","selfUri":"/api/v2/routing/skills/x","state":"active"}"#;
    let key = EntityKey::new("00000000-0000-4000-8000-0000000000aa");
    content.entities.insert(key, canonical_text(&read_str(clear).unwrap()));
    let bytes = write_document(&content.domain, content.schema_version, &content.entities);
    raw.tree = tree_with(&trail, &raw.tree, SKILLS, Some(&bytes));
    let mut ledger = Ledger::read(file(&trail, &raw.tree, LEDGER).as_bytes()).unwrap();
    let entry = ledger.domains.get_mut(&content.domain).unwrap();
    entry.digest = Some(Digest::of_domain(&content).to_string());
    entry.entities += 1;
    raw.tree = tree_with(&trail, &raw.tree, LEDGER, Some(&ledger.write()));
    raw.set("Orgtrail-Digest", &Digest::of(ledger.compact().as_bytes()).to_string());
    rewrite(&trail, &raws);
    forget_logs(&trail);
    git_in(&trail, &["update-ref", "-d", HEARTBEAT]);
    assert_eq!(found(&trail), [format!("not-canonical {SKILLS}"), "heartbeat-missing trail".to_owned()]);
}

#[test]
fn commits_by_others_under_the_snapshot_show() {
    let number = commits(past()).len();
    let commit = |name: &str, email: &str, change: &dyn Fn(&Path), message: &str| {
        let (_dir, trail) = copy(past());
        change(&trail);
        let mut command = git_command(&trail, &["commit", "--quiet", "--all", "--allow-empty", "-m", message]);
        command.env("GIT_COMMITTER_NAME", name).env("GIT_COMMITTER_EMAIL", email);
        command.env("GIT_COMMITTER_DATE", "2026-03-02T14:00:00Z");
        assert!(command.status().unwrap().success());
        found(&trail)
    };
    let edit = |trail: &Path| {
        let text = std::fs::read_to_string(trail.join(SKILLS)).unwrap().replace("Last seen", "Never seen");
        std::fs::write(trail.join(SKILLS), text).unwrap();
    };
    let foreign = vec![format!("foreign-commit {number}"), "digest-mismatch routing.skills".to_owned()];
    assert_eq!(commit("Uma", "uma@example.com", &edit, "a quick fix"), foreign);
    assert_eq!(commit("orgtrail", "orgtrail@x.invalid", &edit, "a quick fix"), foreign);
    // With trailers that were made up, or copied from the commit before.
    let copied = commits(past()).pop().unwrap();
    let org = format!("orgtrail@{}.invalid", copied.trailer("Orgtrail-Org").unwrap());
    let forged = commit("orgtrail", &org, &edit, &copied.message);
    assert!(forged.contains(&format!("run-split {number}")), "{forged:?}");
    let made_up = copied.message.replace("Orgtrail-Run: ", "Orgtrail-Run: 20260302T140000Z-");
    let forged = commit("orgtrail", &org, &edit, &made_up);
    assert!(forged.contains(&format!("history-rewritten {number}")), "{forged:?}");
    let mode = |trail: &Path| {
        std::fs::set_permissions(trail.join(SKILLS), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    };
    let found = commit("Uma", "uma@example.com", &mode, "executable");
    assert_eq!(found, [format!("foreign-commit {number}"), format!("not-canonical {number}")]);
    // Nothing under snapshot/, and yet the tool's words.
    let nothing = |_: &Path| {};
    assert_eq!(commit("orgtrail", &org, &nothing, &copied.message), [format!("forged-trailer {number}")]);
    assert_eq!(commit("Uma", "u@x", &nothing, "x\n\nOrgtrail-Run: 1\n"), [format!("forged-trailer {number}")]);
    assert_eq!(commit("Uma", "u@x", &nothing, "x\n\nReviewed-by: A\n"), [""; 0]);
}

#[test]
fn trailers_that_were_changed_show() {
    let numbers = commits(past());
    let (last, _) = day(&numbers);
    let at = |number: usize, name: &'static str, value: &'static str| {
        after(move |_, raws| {
            raws.truncate(number + 1);
            raws[number].set(name, value);
        })
    };
    assert!(at(last, "Orgtrail-Severity", "harmless").contains(&format!("forged-trailer {last}")));
    assert!(at(last, "Orgtrail-Kind", "mystery").contains(&format!("forged-trailer {last}")));
    assert!(at(1, "Orgtrail-Kind", "observed").contains(&"forged-trailer 1".to_owned()));
    assert!(at(1, "Orgtrail-Org", "another").contains(&"org-mismatch 1".to_owned()));
    assert!(at(last, "Orgtrail-Org", "another").contains(&format!("org-mismatch {last}")));
    assert!(at(1, "Orgtrail-Run", "20260302T080000Z-00000000").contains(&"history-rewritten 1".to_owned()));
}

#[test]
fn runs_by_a_clock_that_is_wrong_are_told_and_no_more() {
    let (dir, trail) = copy(past());
    let org = Org::start(Scale::Small, DAY_SEED);
    let test = TestTrail::open(dir_of(dir, &trail));
    run_at(&test, &org, "12:10");
    let number = commits(test.path()).len() - 1;
    let verified = verified(test.path());
    assert!(told(test.path(), &verified.findings).contains(&format!("clock-skew {number}")), "{:?}", verified.findings);
    assert!(verified.is_sound);
    let early = VerifyOptions { now: "2026-03-02T09:00:00Z".parse().unwrap(), ..options() };
    let ahead = verified_with(test.path(), early).findings;
    assert!(ahead.len() > 5 && ahead.iter().all(|finding| finding.rule == "clock-skew"), "{ahead:?}");
}

/// A folder whose trail is at its top.
fn dir_of(dir: TempDir, trail: &Path) -> TempDir {
    let moved = tempfile::tempdir().unwrap();
    std::fs::remove_dir(moved.path()).unwrap();
    std::fs::rename(trail, moved.path()).unwrap();
    drop(dir);
    moved
}

#[test]
fn a_heartbeat_that_is_gone_or_of_an_earlier_run_and_times_without_runs_are_told() {
    let (_dir, trail) = copy(past());
    let heartbeat: serde_json::Value = serde_json::from_str(&git_in(&trail, &["cat-file", "blob", HEARTBEAT])).unwrap();
    assert_follows("heartbeat", &heartbeat);
    let gap = VerifyOptions { max_gap: Some(std::time::Duration::from_secs(90 * 60)), ..options() };
    let gaps = verified_with(&trail, gap).findings;
    let messages: Vec<&str> = gaps.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(messages, ["there was no run from 2026-03-02T08:00:00Z to 2026-03-02T10:00:00Z, for 2 hours"]);
    git_in(&trail, &["update-ref", "-d", HEARTBEAT]);
    assert_eq!(found(&trail), ["heartbeat-missing trail"]);
    let mut older = heartbeat;
    older["time"] = "2026-03-02T12:00:00Z".into();
    std::fs::write(trail.join("older"), older.to_string()).unwrap();
    let blob = git_in(&trail, &["hash-object", "-w", "older"]);
    git_in(&trail, &["update-ref", HEARTBEAT, blob.trim()]);
    assert_eq!(found(&trail), ["heartbeat-missing trail"]);
}

#[test]
fn a_note_about_a_commit_that_is_not_there_is_told() {
    let (_dir, trail) = copy(past());
    git_in(&trail, &["notes", "--ref=orgtrail", "add", "-m", "late", "HEAD"]);
    assert_eq!(found(&trail), [""; 0]);
    let aside = git_in(&trail, &["commit-tree", "-m", "aside", "HEAD^{tree}"]);
    git_in(&trail, &["notes", "--ref=orgtrail", "copy", "HEAD", aside.trim()]);
    git_in(&trail, &["notes", "--ref=orgtrail", "remove", "HEAD"]);
    assert_eq!(found(&trail), ["note-astray gone"]);
}

/// A remote that has the past, and a trail that pushed it there.
fn with_remote() -> (TempDir, PathBuf, PathBuf) {
    let (dir, trail) = copy(past());
    git_in(&trail, &["init", "--quiet", "--bare", "-b", "main", "../remote.git"]);
    git_in(&trail, &["remote", "add", "origin", "../remote.git"]);
    git_in(&trail, &["push", "--quiet", "origin", "main", "refs/orgtrail/*:refs/orgtrail/*"]);
    let remote = dir.path().join("remote.git");
    (dir, trail, remote)
}

#[test]
fn a_remote_that_was_rewritten_shows_to_whoever_knew_it() {
    let (dir, trail, remote) = with_remote();
    git_in(dir.path(), &["clone", "--quiet", "remote.git", "elsewhere"]);
    let elsewhere = dir.path().join("elsewhere");
    let mut raws = commits(&elsewhere);
    raws.pop();
    rewrite(&elsewhere, &raws);
    git_in(&elsewhere, &["push", "--quiet", "--force", "origin", "main"]);
    assert_eq!(found(&trail), [""; 0]);
    git_in(&trail, &["fetch", "--quiet", "origin", "+main:refs/remotes/origin/main"]);
    let rewritten = verified(&trail);
    // What is here is whole: it is the remote that lacks a commit, which its log says.
    assert_eq!((told(&trail, &rewritten.findings), rewritten.remote), (vec![], RemoteView::Agrees { unpushed: 1 }));
    // With other commits in their place, it contradicts.
    let mut raws = commits(&elsewhere);
    raws.last_mut().unwrap().message.insert_str(0, "Nothing happened\n\n");
    rewrite(&elsewhere, &raws);
    git_in(&elsewhere, &["push", "--quiet", "--force", "origin", "main"]);
    git_in(&trail, &["fetch", "--quiet", "origin", "+main:refs/remotes/origin/main"]);
    let rewritten = verified(&trail);
    assert_eq!(rewritten.remote, RemoteView::Contradicts);
    assert_eq!(told(&trail, &rewritten.findings), ["history-rewritten gone"]);
    // Where nothing is logged, as in a bare repository, it contradicts all the same.
    forget_logs(&trail);
    assert_eq!(found(&trail), ["history-rewritten gone"]);
    assert!(remote.exists());
}

#[test]
fn a_trail_that_was_rewritten_shows_by_the_remote_whatever_else_was_made_to_fit() {
    let (_dir, trail, _remote) = with_remote();
    let mut raws = commits(&trail);
    raws.last_mut().unwrap().message.insert_str(0, "Nothing happened\n\n");
    rewrite(&trail, &raws);
    let logged = found(&trail);
    assert_eq!(logged, ["history-rewritten gone"]);
    forget_logs(&trail);
    assert_eq!(found(&trail), ["history-rewritten gone"]);
    // Without anything that knew the history before, and without signatures, words that were changed in the tip do not show.
    git_in(&trail, &["remote", "remove", "origin"]);
    assert_eq!(found(&trail), [""; 0]);
}

#[test]
fn what_was_not_pushed_beside_what_others_pushed_is_no_finding_and_neither_is_what_the_tool_makes_of_it() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    terminal.add_remote();
    terminal.snapshot_core(0, &["--push"]).ends_with(0);
    let colleague = terminal.clone_remote("colleague");
    for (name, minutes) in [("One", 15), ("Two", 30)] {
        crate::terminal::set(&org, "routing.queues", "/name", name);
        terminal.snapshot_core(minutes, &[]).ends_with(0);
    }
    user_commit(&colleague, "notes.md", "hello\n");
    git_in(&colleague, &["push", "--quiet"]);
    terminal.git(&["fetch", "--quiet"]);
    let beside = verified(&terminal.trail());
    assert_eq!((told(&terminal.trail(), &beside.findings), beside.remote), (vec![], RemoteView::Beside));
    terminal.snapshot_core(45, &["--push"]).ends_with(0);
    let rebuilt = terminal.git(&["log", "-2", "--format=%(trailers:key=Orgtrail-Rebuilt,valueonly)"]);
    assert_eq!(rebuilt.split_whitespace().count(), 2);
    let after = verified(&terminal.trail());
    assert_eq!((told(&terminal.trail(), &after.findings), after.remote), (vec![], RemoteView::Agrees { unpushed: 0 }));
    // A clone that lags behind is no finding either.
    git_in(&colleague, &["reset", "--quiet", "--hard", "HEAD~1"]);
    git_in(&colleague, &["fetch", "--quiet"]);
    let behind = verified(&colleague);
    assert_eq!(
        (told(&colleague, &behind.findings), behind.remote),
        (vec!["heartbeat-missing trail".to_owned()], RemoteView::Ahead)
    );
}

#[test]
fn what_cannot_be_read_is_said_and_never_passed_over() {
    let (_dir, trail) = copy(past());
    git_in(&trail, &["clone", "--quiet", "--depth", "3", &format!("file://{}", trail.display()), "../shallow"]);
    let shallow = trail.parent().unwrap().join("shallow");
    let cut = verified(&shallow);
    assert_eq!(told(&shallow, &cut.findings), ["heartbeat-missing trail", "history-cut 0"]);
    assert!(cut.is_sound && !cut.is_whole && cut.commits == 2);

    let damaged = |revision: &str| {
        let (dir, trail) = copy(past());
        let object = git_in(&trail, &["rev-parse", revision]);
        let (folder, name) = object.trim().split_at(2);
        std::fs::remove_file(trail.join(".git/objects").join(folder).join(name)).unwrap();
        let found = verified(&trail);
        drop(dir);
        let about: Vec<String> = found.findings.iter().map(|finding| finding.rule.clone()).collect();
        (about, found.commits)
    };
    assert_eq!(damaged(&format!("main:{LEDGER}")).0, ["unreadable"]);
    assert_eq!(damaged(&format!("main:{SKILLS}")).0, ["unreadable"]);
    let (rules, commits) = damaged("main~2");
    assert_eq!((rules[0].as_str(), commits), ("unreadable", 1), "{rules:?}");
    // A tree of a commit deep in the history, in which nothing else is wrong.
    let (rules, _) = damaged("main~1:snapshot");
    assert!(rules.iter().all(|rule| rule == "unreadable"), "{rules:?}");
}

#[test]
fn signatures_are_asked_for_and_checked() {
    let (_dir, trail) = copy(signed_past());
    let numbers = commits(&trail);
    let (last, steps) = day(&numbers);
    let signed = verified(&trail);
    assert_eq!(told(&trail, &signed.findings), [""; 0]);
    let own = signed.own_commits;
    assert!(
        matches!(signed.signed, Signed::Yes { before: 1, commits, .. } if commits == own - 1),
        "{:?}",
        signed.signed
    );
    // Git itself says the same.
    let setting = format!("gpg.ssh.allowedSignersFile={}", trail.join("allowed_signers").display());
    let tip = git_in(&trail, &["-c", &setting, "log", "-1", "--format=%G? %GS"]);
    assert_eq!(tip, "G orgtrail@*\n");

    let with_signers = |text: &str| {
        std::fs::write(trail.join("allowed_signers"), text).unwrap();
        let mut rules = verified(&trail).findings.into_iter().map(|finding| finding.message).collect::<Vec<_>>();
        rules.dedup();
        rules
    };
    let other = allowed("").replace(&key("tool").public_key(), &key("other").public_key());
    let unknown = with_signers(&other);
    assert!(unknown.len() == 1 && unknown[0].contains("is not in allowed_signers"), "{unknown:?}");
    let expired = with_signers(&allowed("valid-before=\"202603021130Z\""));
    assert!(expired.len() == 1 && expired[0].contains("counts until 2026-03-02T11:30:00Z"), "{expired:?}");
    let person = with_signers(&allowed("").replace("orgtrail@*", "uma@example.com"));
    assert!(person[0].contains("is not allowed for orgtrail@"), "{person:?}");
    assert_eq!(with_signers(&allowed("namespaces=\"git\"")), [""; 0]);

    // Signatures that were taken away, moved to another commit, or left where the commit was changed.
    let tampered = |change: &dyn Fn(&mut Vec<Raw>)| {
        let (_dir, trail) = copy(signed_past());
        let mut raws = commits(&trail);
        change(&mut raws);
        rewrite(&trail, &raws);
        forget_logs(&trail);
        let found = found(&trail);
        let is_of_this = |one: &String| !one.starts_with("history-rewritten") && !one.starts_with("note-astray");
        found.into_iter().filter(is_of_this).collect::<Vec<_>>()
    };
    let strip = |raw: &mut Raw| raw.head = raw.head.split("\ngpgsig ").next().unwrap().to_owned();
    let tip = numbers.len() - 1;
    assert_eq!(tampered(&|raws| strip(raws.last_mut().unwrap())), [format!("unsigned {tip}")]);
    let range = tampered(&|raws| raws[tip - 1..].iter_mut().for_each(strip));
    assert_eq!(range, [format!("unsigned {tip}")]);
    let subject = tampered(&|raws| raws[tip].message.insert_str(0, "Nothing happened\n\n"));
    assert_eq!(subject, [format!("bad-signature {tip}")]);
    let step = last - steps + 2;
    let deep = tampered(&|raws| strip(&mut raws[step]));
    let of = |rule: &str| deep.iter().filter(|one| one.starts_with(rule)).count() as u64;
    let behind = numbers[step + 1..].iter().filter(|raw| raw.trailer("Orgtrail-Kind").is_some()).count() as u64;
    assert_eq!((of("unsigned"), of("bad-signature")), (1, behind), "{deep:?}");
    // All of them taken away.
    let none = tampered(&|raws| raws.iter_mut().for_each(strip));
    assert_eq!(none, [format!("unsigned {tip}")]);
}

/// The fixture was made once by `git commit -S`.
#[test]
fn a_signature_that_git_made_is_read_as_git_means_it() {
    let (_dir, trail) = copy(past());
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/signing/by-git.commit");
    let fixture = fixture.to_string_lossy().into_owned();
    let made = git_in(&trail, &["hash-object", "-t", "commit", "-w", &fixture]);
    let found = Workspace::open(&trail, None).unwrap().trail.signature(&made.trim().parse().unwrap()).unwrap().unwrap();
    let signers = |line: &str| AllowedSigners::read(line).unwrap();
    let line = format!("uma@example.com {}", key("tool").public_key());
    let at = "2026-03-02T08:00:00Z".parse().unwrap();
    let check = |content: &[u8], allowed: &AllowedSigners| {
        check_signature(&found.signature, content, allowed, "uma@example.com", at)
    };
    assert_eq!(check(&found.content, &signers(&line)), Ok(()));
    assert_eq!(check(b"something else", &signers(&line)), Err(SignatureProblem::Content));
    let other = format!("uma@example.com {}", key("other").public_key());
    assert!(matches!(check(&found.content, &signers(&other)), Err(SignatureProblem::UnknownKey(_))));
}

#[test]
fn runs_are_signed_with_the_key_of_the_environment_or_of_the_settings_and_nothing_shows_it() {
    let org = Org::small();
    let mut terminal = Terminal::at(&org);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/signing");
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let path = terminal.trail().join("orgtrail.toml");
    let settings = std::fs::read_to_string(&path).unwrap();
    let required = settings.replace("# require_signatures = \"none\"", "require_signatures = \"tool\"");
    std::fs::write(&path, &required).unwrap();
    assert!(terminal.failure(&["verify"]).contains("allowed_signers names no key"));
    std::fs::write(terminal.trail().join("allowed_signers"), "nobody\n").unwrap();
    assert!(terminal.failure(&["verify"]).starts_with("exit 2\nerror: allowed_signers, line 1: it has no key"));
    std::fs::write(terminal.trail().join("allowed_signers"), allowed("")).unwrap();
    let refused = |terminal: &Terminal| terminal.said(&terminal.snapshot_core(0, &[]));
    assert!(refused(&terminal).contains("there is no key to sign with"));
    let key_of = |path: &str| required.replace("# signing_key = \"\"", &format!("signing_key = {path:?}"));
    std::fs::write(&path, key_of("/nowhere/key")).unwrap();
    assert!(refused(&terminal).contains("could not read the signing key"));
    std::fs::write(terminal.trail().join("key"), text("tool")).unwrap();
    std::fs::write(&path, key_of("key")).unwrap();
    assert!(refused(&terminal).contains("it is inside of the trail"));
    std::fs::remove_file(terminal.trail().join("key")).unwrap();
    terminal.set("ORGTRAIL_SIGNING_KEY", &text("encrypted"));
    assert!(refused(&terminal).contains("ORGTRAIL_SIGNING_KEY: it is encrypted, and there is no passphrase for it"));
    terminal.set("ORGTRAIL_SIGNING_PASSPHRASE", "another");
    assert!(refused(&terminal).contains("its passphrase is another one"));
    terminal.set("ORGTRAIL_SIGNING_KEY", "nonsense");
    assert!(refused(&terminal).contains("it is not a private key in the format of OpenSSH"));
    assert!(!refused(&terminal).contains("nonsense"));

    // The environment wins, and its key counts as little as any that is not allowed.
    std::fs::write(&path, key_of(&folder.join("tool").to_string_lossy())).unwrap();
    terminal.set("ORGTRAIL_SIGNING_KEY", &text("other"));
    terminal.snapshot_core(0, &[]).ends_with(0);
    assert_eq!(found(&terminal.trail()), ["bad-signature 1"]);
    terminal.environment.remove("ORGTRAIL_SIGNING_KEY");
    crate::terminal::set(&org, "routing.queues", "/name", "Another");
    terminal.snapshot_core(15, &["-vvv"]).ends_with(0);
    assert_eq!(found(&terminal.trail()), ["bad-signature 1"]);
    let both = allowed("") + &allowed("").replace(&key("tool").public_key(), &key("other").public_key());
    std::fs::write(terminal.trail().join("allowed_signers"), both).unwrap();
    let verified = verified(&terminal.trail());
    assert!(matches!(verified.signed, Signed::Yes { commits: 2, before: 0, .. }), "{:?}", verified.signed);
    git_in(&terminal.trail(), &["fsck", "--strict"]);
}

#[test]
fn what_verify_prints_follows_its_schema_and_shows_hostile_names_as_they_are() {
    let (_dir, trail) = copy(past());
    let text = std::fs::read_to_string(trail.join(SKILLS)).unwrap().replace("Last seen", "Never seen");
    std::fs::write(trail.join(SKILLS), text).unwrap();
    let mut command = git_command(&trail, &["commit", "--quiet", "--all", "-m", "evil \u{1b}[31m\u{202e}"]);
    assert!(command.env("GIT_COMMITTER_NAME", "Eve \u{1b}[2J").status().unwrap().success());
    let terminal = Terminal::empty();
    let document = terminal.run_in(&trail, &["verify", "--format", "json", "--now", "2027-03-02T18:00:00Z"]).json(6);
    assert_follows("verify", &document);
    assert_eq!(document["sound"], false);
    let told = terminal.run_in(&trail, &["verify", "--now", "2027-03-02T18:00:00Z"]).ends_with(6);
    assert!(!told.contains('\u{1b}') && !told.contains('\u{202e}') && told.contains("evil \\"), "{told}");
    assert_eq!(terminal.run_in(&trail, &["verify", "nowhere"]).code, 2);
    assert_eq!(terminal.run_in(&trail, &["verify", "--max-gap", "soon"]).code, 2);
    let part = terminal.run_in(&trail, &["verify", "HEAD~1", "--since", "HEAD~3", "--fail-on", "low"]);
    assert!(part.ends_with(0).contains("2 commits of main"));
}
