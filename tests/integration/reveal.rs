//! Secret values, sealed and opened again: who has the identity reads them, nobody else does, and each time is on record.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use age::secrecy::ExposeSecret;
use orgtrail::sim::World;
use serde_json::{Value, json};

use crate::harness::{Org, files, git_command};
use crate::remote::run_while;
use crate::secrets::{CANARY, assert_clean, assert_trail_is_clean, forbidden, plant, world};
use crate::terminal::{Terminal, Told, assert_follows, git_in, set};

const SEALED: &str = "refs/orgtrail/sealed";
const REVEALS: &str = "refs/orgtrail/reveals";
const DOMAIN: &str = "oauth.clients";

/// Somebody who may open what is sealed.
struct Holder(age::x25519::Identity);

impl Holder {
    fn new() -> Self {
        Self(age::x25519::Identity::generate())
    }

    fn recipient(&self) -> String {
        self.0.to_public().to_string()
    }

    fn text(&self) -> String {
        self.0.to_string().expose_secret().to_owned()
    }

    /// The identity in a file as `age-keygen` writes it, outside of the trail.
    fn file(&self, terminal: &Terminal) -> String {
        let path = terminal.path("identity.txt");
        std::fs::write(&path, format!("# public key: {}\n{}\n", self.recipient(), self.text())).unwrap();
        path.to_string_lossy().into_owned()
    }
}

/// Has the values of a trail sealed from now on.
fn seal_to(trail: &Path, holders: &[&Holder]) {
    let path = trail.join("orgtrail.toml");
    let recipients: Vec<String> = holders.iter().map(|holder| holder.recipient()).collect();
    let text =
        std::fs::read_to_string(&path).unwrap().replace("# recipients = []", &format!("recipients = {recipients:?}"));
    assert!(text.contains("\nrecipients = "));
    std::fs::write(path, text).unwrap();
    git_in(trail, &["commit", "--quiet", "--all", "-m", "Who may open secrets"]);
}

/// A trail whose secrets are sealed, without a snapshot.
fn sealing(org: &Org, holder: &Holder) -> Terminal {
    let terminal = Terminal::at(org);
    seal_to(&terminal.trail(), &[holder]);
    terminal
}

/// Takes a snapshot of the clients alone.
fn snapshot(terminal: &Terminal, dir: &Path, minutes: i64, arguments: &[&str]) -> Told {
    terminal.snapshot_in(dir, minutes, &[&["--only", DOMAIN], arguments].concat())
}

fn rotate(org: &Org, to: &str) {
    set(org, DOMAIN, "/secret", to.to_owned());
}

/// The key of the client whose secret is rotated.
fn client(org: &Org) -> String {
    org.running.world(|world| world.keys(&DOMAIN.parse().unwrap()).next().unwrap().to_string())
}

/// Opens the secret of the client, on the hour.
fn reveal(terminal: &Terminal, dir: &Path, org: &Org, arguments: &[&str]) -> Told {
    reveal_at(terminal, dir, org, 0, arguments)
}

/// Likewise, so many minutes past it.
fn reveal_at(terminal: &Terminal, dir: &Path, org: &Org, minutes: u32, arguments: &[&str]) -> Told {
    let (entity, now) = (format!("{DOMAIN}/{}", client(org)), format!("2026-03-04T09:{minutes:02}:00Z"));
    let own = ["reveal", &entity, "--reason", "CHG-1", "--by", "Ann Admin <ann@example.com>", "--now", &now];
    let format = if arguments.contains(&"--format") { &[][..] } else { &["--format", "json"] };
    terminal.run_in(dir, &[&own, format, arguments].concat())
}

/// The paths of what is sealed in a repository.
fn sealed(dir: &Path) -> BTreeSet<String> {
    let found = git_in(dir, &["for-each-ref", "--format=%(refname)", SEALED]);
    if found.is_empty() {
        return BTreeSet::new();
    }
    git_in(dir, &["ls-tree", "-r", "--name-only", SEALED]).lines().map(ToOwned::to_owned).collect()
}

/// The paths that what is on record in the working tree is sealed at.
fn on_record(dir: &Path) -> BTreeSet<String> {
    const MARK: &str = "hmac-sha256:";
    let texts = files(&dir.join("snapshot")).into_iter().map(|path| std::fs::read_to_string(path).unwrap());
    let mut found = BTreeSet::new();
    for text in texts {
        for (at, _) in text.match_indices(MARK) {
            let digits = &text[at + MARK.len()..at + MARK.len() + 64];
            found.insert(format!("{}/{}.age", &digits[..2], &digits[2..]));
        }
    }
    found
}

/// Before and after of the one secret in a document.
fn sides(document: &Value) -> (&Value, &Value) {
    let [secret] = document["secrets"].as_array().unwrap().as_slice() else { panic!("{document:#}") };
    assert_eq!(secret["path"], "/secret");
    (&secret["before"]["value"], &secret["after"]["value"])
}

fn entries(dir: &Path) -> Vec<String> {
    git_in(dir, &["log", "--no-merges", "--format=%an|%s", REVEALS]).lines().map(ToOwned::to_owned).collect()
}

#[test]
fn what_is_sealed_is_nowhere_in_clear_and_reveal_alone_prints_it() {
    let mut world: World = world();
    plant(&mut world, "first");
    let (org, holder) = (Org::of(world), Holder::new());
    let mut terminal = sealing(&org, &holder);
    let loud = ["-vvv", "--log-format", "json"];
    let mut told = vec![terminal.snapshot(0, &loud)];
    org.running.world(|world| plant(world, "second"));
    told.push(terminal.snapshot(10, &[&["--dry-run"], &loud[..]].concat()));
    let before = sealed(&terminal.trail());
    assert_eq!(before, on_record(&terminal.trail()));
    assert!(before.len() > 20);
    told.push(terminal.snapshot(15, &loud));
    assert!(sealed(&terminal.trail()).is_superset(&on_record(&terminal.trail())));
    assert!(sealed(&terminal.trail()).is_superset(&before));

    terminal.set("ORGTRAIL_AGE_IDENTITY", &holder.text());
    let opened = reveal(&terminal, &terminal.trail(), &org, &[&["/secret", "--both"], &loud[..]].concat());
    let document = opened.clone().json(0);
    assert_follows("reveal", &document);
    let (old, new) = sides(&document);
    assert!(old.as_str().unwrap().starts_with(&format!("{CANARY}-first")), "{document:#}");
    assert!(new.as_str().unwrap().starts_with(&format!("{CANARY}-second")), "{document:#}");
    assert_eq!(document["secrets"][0]["after"]["proof"], "matches");

    let mut words = forbidden(&org);
    words.push(holder.text());
    told.push(Told { stdout: String::new(), ..opened });
    for told in &told {
        assert_eq!(told.code, 0, "{}{}", told.stdout, told.stderr);
        assert_clean("stdout", told.stdout.as_bytes(), &words);
        assert_clean("stderr", told.stderr.as_bytes(), &words);
    }
    assert_trail_is_clean(&terminal.trail(), &words);
}

#[test]
fn without_recipients_nothing_is_kept_and_that_is_said() {
    let (org, holder) = (Org::small(), Holder::new());
    let terminal = Terminal::at(&org);
    snapshot(&terminal, &terminal.trail(), 0, &[]).ends_with(0);
    assert_eq!(terminal.git(&["for-each-ref", SEALED]), "");
    let identity = holder.file(&terminal);
    let refused = reveal(&terminal, &terminal.trail(), &org, &["--identity", &identity]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.contains("nothing is sealed in this trail"), "{}", refused.stderr);
    assert_eq!(terminal.git(&["for-each-ref", REVEALS]), "");

    // Who may open them is said later: what is on record is sealed when it is seen the next time.
    seal_to(&terminal.trail(), &[&holder]);
    let run = snapshot(&terminal, &terminal.trail(), 15, &["--format", "json"]).json(0);
    assert_eq!(run["changed"], false);
    assert_eq!(sealed(&terminal.trail()), on_record(&terminal.trail()));
    reveal(&terminal, &terminal.trail(), &org, &["--identity", &identity]).ends_with(0);
}

#[test]
fn a_run_that_sees_nothing_new_seals_nothing() {
    let (org, holder) = (Org::small(), Holder::new());
    let terminal = sealing(&org, &holder);
    snapshot(&terminal, &terminal.trail(), 0, &[]).ends_with(0);
    let first = terminal.git(&["rev-parse", SEALED]);
    let count = || terminal.git(&["cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"]).lines().count();
    let before = count();
    snapshot(&terminal, &terminal.trail(), 15, &[]).ends_with(0);
    assert_eq!(terminal.git(&["rev-parse", SEALED]), first);
    assert_eq!(count(), before + 1, "but for the heartbeat");
    set(&org, DOMAIN, "/name", "Another name");
    snapshot(&terminal, &terminal.trail(), 30, &[]).ends_with(0);
    assert_eq!(terminal.git(&["rev-parse", SEALED]), first);
}

#[test]
fn both_sides_of_every_rotation_open_and_what_is_inside_follows_its_schema() {
    let (org, holder) = (Org::small(), Holder::new());
    rotate(&org, "one");
    let terminal = sealing(&org, &holder);
    let trail = terminal.trail();
    let mut states = Vec::new();
    for (value, minutes) in [("one", 0), ("two", 15), ("three\u{1b}[31m", 30), ("one", 45)] {
        rotate(&org, value);
        snapshot(&terminal, &trail, minutes, &[]).ends_with(0);
        states.push(terminal.git(&["rev-parse", "HEAD"]).trim().to_owned());
    }
    let identity = holder.file(&terminal);
    let open = |arguments: &[&str]| {
        let arguments = [&["/secret", "--identity", &identity], arguments].concat();
        let document = reveal(&terminal, &trail, &org, &arguments).json(0);
        assert_follows("reveal", &document);
        let (old, new) = sides(&document);
        (old.clone(), new.clone())
    };
    assert_eq!(open(&[]), (Value::Null, json!("one")));
    assert_eq!(open(&["--at", &states[1]]), (Value::Null, json!("two")));
    assert_eq!(open(&["--both"]), (json!("three\u{1b}[31m"), json!("one")));
    assert_eq!(open(&["--both", "--at", &states[2]]), (json!("two"), json!("three\u{1b}[31m")));
    assert_eq!(open(&["--from", &states[0], "--to", &states[1]]), (json!("one"), json!("two")));

    let text = reveal(&terminal, &trail, &org, &["--identity", &identity, "--both", "--format", "text"]).ends_with(0);
    assert!(text.contains("  - \"three\\u001b[31m\"") && text.contains("  + \"one\""), "{text}");

    for path in sealed(&trail) {
        let blob = git_command(&trail, &["cat-file", "blob", &format!("{SEALED}:{path}")]).output().unwrap().stdout;
        let clear = age::decrypt(&holder.0, &blob).unwrap();
        assert_eq!(clear.len() % 512, 0);
        let document: Value = serde_json::from_slice(&clear).unwrap();
        assert_follows("sealed", &document);
        assert_eq!((&document["domain"], &document["path"]), (&json!(DOMAIN), &json!("/secret")));
    }
    assert_eq!(entries(&trail).len(), 6);
}

#[test]
fn who_opens_what_and_why_is_on_record_and_only_then_is_it_printed() {
    let (org, holder) = (Org::small(), Holder::new());
    let mut terminal = sealing(&org, &holder);
    terminal.set("ORGTRAIL_AGE_IDENTITY", &holder.text());
    terminal.set("ORGTRAIL_SIGNING_KEY", include_str!("../fixtures/signing/tool"));
    let remote = terminal.add_remote();
    snapshot(&terminal, &terminal.trail(), 0, &["--push"]).ends_with(0);
    let clones = ["one", "two"].map(|name| terminal.clone_remote(name));
    for clone in &clones {
        let document = reveal(&terminal, clone, &org, &["--push"]).json(0);
        assert_follows("reveal", &document);
    }
    let key = client(&org);
    assert_eq!(entries(&remote).len(), 2);
    let message = git_in(&remote, &["log", "-1", "--no-merges", "--format=%an <%ae>%n%aI%n%B", REVEALS]);
    let fingerprint = on_record(&terminal.trail());
    assert!(message.starts_with("Ann Admin <ann@example.com>\n2026-03-04T09:00:00"), "{message}");
    for line in ["\nCHG-1\n", "Orgtrail-Reason: CHG-1\n", &format!("Orgtrail-Recipient: {}\n", holder.recipient())] {
        assert!(message.contains(line), "{line} is not in {message}");
    }
    assert!(message.contains(&format!(" {DOMAIN}/{key} /secret\n")) && !fingerprint.is_empty(), "{message}");
    assert!(git_in(&remote, &["cat-file", "commit", REVEALS]).contains("gpgsig"));
    git_in(&remote, &["fsck", "--strict"]);

    // Two that were written apart are both kept.
    let before = git_in(&clones[0], &["rev-parse", REVEALS]);
    reveal_at(&terminal, &clones[0], &org, 3, &[]).ends_with(0);
    reveal_at(&terminal, &clones[1], &org, 1, &["--push"]).ends_with(0);
    reveal_at(&terminal, &clones[0], &org, 2, &["--push"]).ends_with(0);
    assert_eq!(entries(&remote).len(), 5);
    assert_ne!(git_in(&clones[0], &["rev-parse", REVEALS]), before);

    // What cannot be told is not shown.
    std::fs::rename(&remote, terminal.path("gone.git")).unwrap();
    let refused = reveal(&terminal, &clones[0], &org, &["--push"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("could not open") && refused.stderr.contains("remote.git"), "{}", refused.stderr);
    let entity = format!("{DOMAIN}/{key}");
    let blank = terminal.run_in(&clones[0], &["reveal", &entity, "--reason", " \n", "--by", "A <a@example.com>"]);
    assert_eq!((blank.code, blank.stdout.as_str()), (2, ""));
    assert!(blank.stderr.contains("opening a secret has to say why"), "{}", blank.stderr);
}

#[test]
fn an_identity_that_it_was_not_sealed_to_opens_nothing() {
    let (org, holder, other) = (Org::small(), Holder::new(), Holder::new());
    let mut terminal = sealing(&org, &holder);
    snapshot(&terminal, &terminal.trail(), 0, &[]).ends_with(0);
    let refuse = |terminal: &Terminal, arguments: &[&str], words: &str| {
        let refused = reveal(terminal, &terminal.trail(), &org, arguments);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{}", refused.stderr);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
        assert_clean("stderr", refused.stderr.as_bytes(), &[holder.text(), other.text()]);
    };
    refuse(&terminal, &[], "there is no identity to open sealed values with");
    refuse(&terminal, &["--identity", &other.file(&terminal)], "it was sealed to other recipients");
    terminal.set("ORGTRAIL_AGE_IDENTITY", &other.text()[..40]);
    refuse(&terminal, &[], "its line 1 is no identity of age");
    let inside = terminal.trail().join("identity.txt");
    std::fs::write(&inside, holder.text()).unwrap();
    refuse(&terminal, &["--identity", &inside.to_string_lossy()], "it is inside of the trail");
    std::fs::remove_file(inside).unwrap();
    assert_eq!(terminal.git(&["for-each-ref", REVEALS]), "");

    // Another list of recipients is that of what is sealed from now on.
    let text = std::fs::read_to_string(terminal.trail().join("orgtrail.toml")).unwrap();
    let text = text.replace(&holder.recipient(), &other.recipient());
    std::fs::write(terminal.trail().join("orgtrail.toml"), text).unwrap();
    rotate(&org, "rotated");
    snapshot(&terminal, &terminal.trail(), 15, &[]).ends_with(0);
    let document =
        reveal(&terminal, &terminal.trail(), &org, &["--both", "--identity", &other.file(&terminal)]).json(0);
    assert_follows("reveal", &document);
    let secret = &document["secrets"][0];
    assert_eq!(
        (&secret["before"]["outcome"], &secret["after"]["value"]),
        (&json!("other-recipients"), &json!("rotated"))
    );
}

/// Puts something in the place of a sealed value.
fn replace(trail: &Path, path: &str, content: &[u8]) {
    let orgtrail = orgtrail::trail::Trail::open(trail).unwrap();
    orgtrail.share_files(SEALED, &[orgtrail::trail::FileChange::write(path, content)]).unwrap();
}

#[test]
fn what_somebody_else_put_in_the_place_of_a_seal_is_told() {
    let (org, holder) = (Org::small(), Holder::new());
    let mut terminal = sealing(&org, &holder);
    terminal.set("ORGTRAIL_AGE_IDENTITY", &holder.text());
    let trail = terminal.trail();
    rotate(&org, "one");
    snapshot(&terminal, &trail, 0, &[]).ends_with(0);
    let first = sealed(&trail);
    rotate(&org, "two");
    snapshot(&terminal, &trail, 15, &[]).ends_with(0);
    let new = sealed(&trail).difference(&first).next().unwrap().clone();
    let blob = git_command(&trail, &["cat-file", "blob", &format!("{SEALED}:{new}")]).output().unwrap().stdout;
    let inside: Value = serde_json::from_slice(&age::decrypt(&holder.0, &blob).unwrap()).unwrap();
    let forged = |change: &dyn Fn(&mut Value)| {
        let mut document = inside.clone();
        change(&mut document);
        age::encrypt(&holder.0.to_public(), document.to_string().as_bytes()).unwrap()
    };
    let says = |content: &[u8], code: i32, words: &str| {
        replace(&trail, &new, content);
        let told = reveal(&terminal, &trail, &org, &[]);
        assert_eq!((told.code, told.stdout.as_str()), (code, ""), "{}", told.stderr);
        assert!(told.stderr.contains(words), "{}", told.stderr);
    };
    says(&forged(&|document| document["value"] = json!("a lie")), 6, "somebody put it there");
    says(&forged(&|document| document["fingerprint"] = json!("hmac-sha256:00")), 6, "somebody put it there");
    says(b"age-encryption.org/v1\n", 6, "the seal is damaged");
    says(b"", 2, "it was sealed, and erased");

    // Nothing is sealed again in the place of what was erased.
    let after = terminal.git(&["rev-parse", SEALED]);
    snapshot(&terminal, &trail, 30, &[]).ends_with(0);
    assert_eq!(terminal.git(&["rev-parse", SEALED]), after);
    replace(&trail, &new, &blob);
    terminal.environment.remove("ORGTRAIL_SECRET_KEY");
    let unchecked = reveal(&terminal, &trail, &org, &[]).json(0);
    assert_eq!(unchecked["secrets"][0]["after"]["proof"], "no-key");
}

#[test]
fn a_value_under_an_earlier_secrets_key_is_sealed_under_the_new_one_as_well() {
    const NEW: &str = "a new key of these tests, long enough to be taken";
    let (org, holder) = (Org::small(), Holder::new());
    let mut terminal = Terminal::at(&org);
    terminal.set("ORGTRAIL_AGE_IDENTITY", &holder.text());
    snapshot(&terminal, &terminal.trail(), 0, &[]).ends_with(0);
    let first = terminal.git(&["rev-parse", "HEAD"]).trim().to_owned();
    seal_to(&terminal.trail(), &[&holder]);
    let old = terminal.environment["ORGTRAIL_SECRET_KEY"].clone();
    terminal.set("ORGTRAIL_SECRET_KEY", NEW);
    terminal.set("ORGTRAIL_SECRET_KEY_PREVIOUS", &old);
    snapshot(&terminal, &terminal.trail(), 15, &[]).ends_with(0);
    assert_eq!(sealed(&terminal.trail()), on_record(&terminal.trail()));
    let document = reveal(&terminal, &terminal.trail(), &org, &[]).json(0);
    assert_eq!(document["secrets"][0]["after"]["proof"], "matches");
    let refused = reveal(&terminal, &terminal.trail(), &org, &["--at", &first]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("its fingerprint is of a secrets key that was replaced since"),
        "{}",
        refused.stderr
    );
}

#[test]
fn runners_that_start_from_nothing_seal_what_is_new_and_lose_nothing() {
    let (org, holder) = (Org::small(), Holder::new());
    let mut terminal = sealing(&org, &holder);
    terminal.set("ORGTRAIL_AGE_IDENTITY", &holder.text());
    let remote = terminal.add_remote();
    snapshot(&terminal, &terminal.trail(), 0, &["--push"]).ends_with(0);
    let first = git_in(&remote, &["rev-parse", SEALED]);
    let clone = terminal.clone_remote("runner");
    snapshot(&terminal, &clone, 15, &["--push"]).ends_with(0);
    assert_eq!(git_in(&remote, &["rev-parse", SEALED]), first);

    // One sealed a value that it never pushed, another one a later value that it did.
    rotate(&org, "between");
    snapshot(&terminal, &terminal.trail(), 30, &[]).ends_with(0);
    rotate(&org, "later");
    snapshot(&terminal, &clone, 45, &["--push"]).ends_with(0);
    let (ours, theirs) = (sealed(&terminal.trail()), sealed(&remote));
    assert!(!ours.is_subset(&theirs) && !theirs.is_subset(&ours));
    snapshot(&terminal, &terminal.trail(), 60, &["--push"]).ends_with(0);
    let whole: BTreeSet<String> = ours.union(&theirs).cloned().collect();
    for dir in [&remote, &terminal.trail()] {
        assert_eq!(sealed(dir), whole);
        git_in(dir, &["fsck", "--strict"]);
    }
    let fresh: PathBuf = terminal.clone_remote("fresh");
    let document = reveal(&terminal, &fresh, &org, &["--push", "--both"]).json(0);
    assert_eq!(sides(&document).1, "later");
}

#[test]
fn two_runs_that_seal_at_once_are_both_kept_whichever_gives_way() {
    let (org, holder) = (Org::small(), Holder::new());
    let terminal = sealing(&org, &holder);
    let remote = terminal.add_remote();
    snapshot(&terminal, &terminal.trail(), 0, &["--push"]).ends_with(0);
    let (slow, fast) = (terminal.clone_remote("slow"), terminal.clone_remote("fast"));
    for (round, own, other, gives_way) in [("first", 15, 20, true), ("second", 60, 45, false)] {
        rotate(&org, &format!("{round}, seen by the slow one"));
        let (taken, _) = run_while(&org, &slow, own, || {
            rotate(&org, &format!("{round}, seen by the fast one"));
            snapshot(&terminal, &fast, other, &["--push"]).ends_with(0);
        });
        assert_eq!(taken.document.superseded, gives_way);
        let (ours, theirs) = (sealed(&slow), sealed(&fast));
        assert!(!ours.is_subset(&theirs), "{round}");
        assert!(sealed(&remote).is_superset(&theirs), "{round}");
        assert_eq!(sealed(&remote), ours, "{round}");
    }
    git_in(&remote, &["fsck", "--strict"]);
}

#[test]
fn killed_between_sealing_and_committing_a_run_does_no_harm() {
    let (org, holder) = (Org::small(), Holder::new());
    let mut terminal = sealing(&org, &holder);
    terminal.set("ORGTRAIL_AGE_IDENTITY", &holder.text());
    let trail = terminal.trail();
    let arguments = ["snapshot", "--only", DOMAIN, "--now", "2026-03-02T08:00:00Z"];
    let mut run = terminal.binary();
    run.arg("-C").arg(&trail).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = run.spawn().unwrap();
    while !trail.join(".git/refs/orgtrail/sealed").exists() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    terminal.git(&["fsck", "--strict", "--no-dangling"]);
    snapshot(&terminal, &trail, 15, &[]).ends_with(0);
    assert_eq!(sealed(&trail), on_record(&trail));

    // A branch that cannot be moved: the seal is there, and what it is of is not on record.
    rotate(&org, "while the branch was locked");
    let (before, lock) = (terminal.git(&["rev-parse", "HEAD"]), trail.join(".git/refs/heads/main.lock"));
    std::fs::write(&lock, "").unwrap();
    assert_eq!(snapshot(&terminal, &trail, 30, &[]).code, 5);
    assert_eq!(terminal.git(&["rev-parse", "HEAD"]), before);
    let after = sealed(&trail);
    assert!(after.is_superset(&on_record(&trail)) && after.len() == on_record(&trail).len() + 1);
    std::fs::remove_file(lock).unwrap();
    snapshot(&terminal, &trail, 45, &[]).ends_with(0);
    assert_eq!(sealed(&trail), after);
    assert_eq!(sides(&reveal(&terminal, &trail, &org, &["--both"]).json(0)).1, "while the branch was locked");
}

#[test]
fn the_log_of_reveals_is_only_added_to() {
    let (org, holder) = (Org::small(), Holder::new());
    let mut terminal = sealing(&org, &holder);
    terminal.set("ORGTRAIL_AGE_IDENTITY", &holder.text());
    snapshot(&terminal, &terminal.trail(), 0, &[]).ends_with(0);
    for _ in 0..2 {
        reveal(&terminal, &terminal.trail(), &org, &[]).ends_with(0);
    }
    let [new, old] =
        [REVEALS, &format!("{REVEALS}~1")].map(|name| terminal.git(&["rev-parse", name]).trim().to_owned());
    let none = "0".repeat(40);
    let bare = terminal.path("bare.git");
    git_in(&terminal.path(""), &["clone", "--quiet", "--bare", &terminal.trail().to_string_lossy(), "bare.git"]);
    git_in(&bare, &["fetch", "--quiet", "origin", "refs/orgtrail/*:refs/orgtrail/*"]);
    let asked = |old: &str, new: &str| terminal.run_in(&bare, &["hook", "update", REVEALS, old, new]);
    for (old, new, code) in [(&old, &new, 0), (&new, &old, 6), (&new, &none, 6), (&none, &new, 0)] {
        let told = asked(old, new);
        assert_eq!(told.code, code, "{}", told.stderr);
    }
}
