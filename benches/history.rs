//! What a long history costs to read: a year of quarter-hour runs, of which 10,150 saw a change.
//!
//! `cargo bench --bench history` makes the trail, checks each answer, then prints the times; git itself is timed beside, with and
//! without the names that the driver puts behind ids.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use orgtrail::canonical::{canonical_text, read_str};
use orgtrail::catalogue::Catalogue;
use orgtrail::model::{CanonicalText, DomainId, DomainSnapshot, EntityKey, Pointer};
use orgtrail::record::{Width, changed_files};
use orgtrail::report::Log;
use orgtrail::session::{History, LogQuery, Target, Workspace, make_trail};
use orgtrail::trail::{FileChange, NewCommit, Signature};

/// Commits that hold a change.
const COMMITS: usize = 10_150;

/// Commits that are written at once.
const BATCH: usize = 350;

/// How often the entity changes that is looked at.
const EVERY: usize = 100;

/// Domains with the number of their entities, the members of each, their width, and their share of the changes in a hundred.
const DOMAINS: [(&str, usize, usize, u8, usize); 6] = [
    ("users.users", 10_000, 50, 2, 40),
    ("routing.queues", 2_000, 60, 1, 20),
    ("routing.skills", 300, 3, 0, 15),
    ("routing.wrapupcodes", 400, 4, 0, 15),
    ("authorization.divisions", 60, 3, 0, 5),
    ("directory.groups", 200, 8, 0, 5),
];

fn key(index: usize) -> EntityKey {
    let digits = index.wrapping_mul(2_654_435_761) & 0xffff_ffff;
    EntityKey::new(&format!("{digits:08x}-0000-4000-8000-{index:012x}"))
}

fn entity(index: usize, members: usize, version: usize) -> CanonicalText {
    let members: Vec<String> =
        (0..members).map(|member| format!(r#""member{member:02}":"{index} {member}""#)).collect();
    let text = format!(r#"{{{},"name":"Name {index}","title":"Title {version}"}}"#, members.join(","));
    canonical_text(&read_str(&text).unwrap_or_else(|error| panic!("{error}")))
}

/// Makes the trail; returns how often the first user was changed.
fn make(dir: &Path, catalogue: &Catalogue) -> usize {
    let trail = make_trail(dir, Some("main"), false, 0).unwrap_or_else(|failure| panic!("{}", failure.message));
    let mut tip = trail.tip("main").unwrap_or_else(|error| panic!("{error}"));
    let mut states: Vec<DomainSnapshot> = Vec::new();
    let mut first: BTreeMap<String, Option<Vec<u8>>> = BTreeMap::new();
    let width = |digits: u8| serde_json::from_str::<Width>(&digits.to_string()).unwrap_or_default();
    let domain = |name: &str| -> DomainId { name.parse().unwrap_or_else(|error| panic!("{error}")) };
    let edits = |name: &str, before: &DomainSnapshot, after: &DomainSnapshot, digits: u8| {
        let definition = catalogue.get(&domain(name)).unwrap_or_else(|| panic!("{name}"));
        changed_files(definition, before, after, width(digits)).unwrap_or_else(|wider| panic!("{name} needs {wider:?}"))
    };
    for (name, count, members, digits, _) in DOMAINS {
        let empty = DomainSnapshot::empty(domain(name), 1);
        let entities = (0..count).map(|index| (key(index), entity(index, members, 0))).collect();
        let state = DomainSnapshot { entities, ..empty.clone() };
        first.extend(edits(name, &empty, &state, digits));
        states.push(state);
    }
    let mut batch = vec![commit("baseline", 0, first)];
    let (mut changed, mut random) = (0, 1_u64);
    for number in 1..COMMITS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut share = (random >> 33) as usize % 100;
        let is_own = number % EVERY == 0;
        let which = if is_own { 0 } else { pick(&mut share) };
        let (name, count, members, digits, _) = DOMAINS[which];
        // The entity that is looked at changes only where it is meant to.
        let index = if is_own { 0 } else { 1 + (random >> 20) as usize % (count - 1) };
        changed += usize::from(is_own);
        let before = &states[which];
        let text = entity(index, members, number);
        // Only the files of one entity are needed, so the rest of the state is not copied.
        let digits_of = |key: &EntityKey| key.as_str()[..usize::from(digits)].to_owned();
        let file = digits_of(&key(index));
        let part = |state: &DomainSnapshot| DomainSnapshot {
            entities: state
                .entities
                .iter()
                .filter(|(key, _)| digits_of(key) == file)
                .map(|(key, text)| (key.clone(), text.clone()))
                .collect(),
            ..DomainSnapshot::empty(state.domain.clone(), 1)
        };
        let before = part(before);
        let mut after = before.clone();
        after.entities.insert(key(index), text.clone());
        batch.push(commit("observed", number, edits(name, &before, &after, digits)));
        states[which].entities.insert(key(index), text);
        if batch.len() == BATCH || number + 1 == COMMITS {
            let made = trail.commit("main", tip.as_ref(), &batch).unwrap_or_else(|error| panic!("{error}"));
            tip = made.last().copied();
            batch.clear();
        }
    }
    if let Some(tip) = tip {
        trail.sync_worktree("main", &tip, "snapshot").unwrap_or_else(|error| panic!("{error}"));
    }
    changed
}

fn pick(share: &mut usize) -> usize {
    for (which, (_, _, _, _, part)) in DOMAINS.iter().enumerate() {
        if *share < *part {
            return which;
        }
        *share -= part;
    }
    0
}

fn commit(kind: &str, number: usize, edits: BTreeMap<String, Option<Vec<u8>>>) -> NewCommit {
    let seconds = i64::try_from(number).unwrap_or_default() * 3_000;
    let by = Signature { name: "orgtrail".to_owned(), email: "orgtrail@example.invalid".to_owned(), seconds };
    let mut files: Vec<FileChange> = edits.into_iter().map(|(path, content)| FileChange { path, content }).collect();
    // Each commit carries the ledger of its own tree.
    let ledger = format!(
        "{{\n  \"domains\": {{}},\n  \"org\": \"{number}\",\n  \"scan\": 1,\n  \"schema_version\": 1,\n  \
         \"secret_key\": \"key\",\n  \"view\": null\n}}\n"
    );
    files.push(FileChange::write("snapshot/ledger.json", ledger));
    let step = if kind == "observed" { "Orgtrail-Step: 1/1\nOrgtrail-Severity: low\n" } else { "" };
    let explained = if kind == "observed" { "Orgtrail-Explained: none\n" } else { "" };
    let message = format!("{kind} {number}\n\nOrgtrail-Run: r{number}\nOrgtrail-Kind: {kind}\n{step}{explained}");
    NewCommit { author: by.clone(), committer: by, message, files }
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed(), done)
}

fn git(dir: &Path, arguments: &[&str]) -> usize {
    let program = Path::new(env!("CARGO_BIN_EXE_orgtrail")).parent().map(Path::to_path_buf);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = program.into_iter().chain(std::env::split_paths(&path));
    let output = Command::new("git")
        .args(arguments)
        .current_dir(dir)
        .env("PATH", std::env::join_paths(folders).unwrap_or_default())
        .output()
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().count()
}

#[allow(clippy::print_stdout, reason = "the table is what the benchmark is run for")]
fn main() {
    let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let catalogue = Catalogue::built_in().unwrap_or_else(|problems| panic!("{problems:?}"));
    let (time, count) = timed(|| make(dir.path(), &catalogue));
    println!("{COMMITS} commits made in {:.1} s", time.as_secs_f64());
    let workspace = Workspace::open(dir.path(), None).unwrap_or_else(|failure| panic!("{}", failure.message));
    let read = |target: &str, limit: Option<usize>| -> Log {
        let target = (!target.is_empty()).then(|| Target::read(target, &workspace.catalogue));
        let target = target.transpose().unwrap_or_else(|failure| panic!("{}", failure.message));
        let history = History::of(&workspace).unwrap_or_else(|failure| panic!("{}", failure.message));
        let query = LogQuery { target, limit, ..LogQuery::default() };
        history.log(&query).unwrap_or_else(|failure| panic!("{}", failure.message))
    };
    let own = format!("users.users/{}", key(0));
    let mut rows = Vec::new();
    let (time, log) = timed(|| read(&own, None));
    let fields = |log: &Log| {
        let changes = log.entries.iter().flat_map(|entry| entry.changes.iter().flatten());
        changes.flat_map(|change| &change.fields).filter(|field| field.field.path.as_str() == "/title").count()
    };
    assert_eq!((log.entries.len(), fields(&log)), (count, count), "every change of the entity, and nothing else");
    rows.push(("history of one entity over 10,150 commits", time));
    let (time, log) = timed(|| read("users.users/Name 0", None));
    assert_eq!(log.entries.len(), count);
    rows.push(("the same, by its name", time));
    let (time, blame) = timed(|| {
        let history = History::of(&workspace).unwrap_or_else(|failure| panic!("{}", failure.message));
        let tip = workspace.tip().ok().flatten().unwrap_or_else(|| panic!("no tip"));
        let domain: DomainId = "users.users".parse().unwrap_or_else(|error| panic!("{error}"));
        let key = key(0);
        history
            .blame(&domain, key.as_str(), &Pointer::root(), &tip)
            .unwrap_or_else(|failure| panic!("{}", failure.message))
    });
    assert_eq!(blame.fields.iter().filter(|field| field.origin.is_some()).count(), 52);
    rows.push(("blame of one entity", time));
    let (time, log) = timed(|| read("", None));
    assert_eq!(log.entries.len(), COMMITS - 1);
    rows.push(("log of everything", time));
    let (time, log) = timed(|| read("authorization.divisions", None));
    assert!(log.entries.len() > 300);
    rows.push(("log of a small domain", time));
    let shard = format!("snapshot/users/users/{}.json", &key(0).as_str()[..2]);
    let plain = std::fs::read_to_string(dir.path().join(&shard)).map_or(0, |text| text.lines().count());
    for (work, arguments) in [
        ("git blame of a shard, --no-textconv", &["blame", "--no-textconv", &shard][..]),
        ("git blame of a shard, with names", &["blame", &shard]),
        ("git blame of a shard, with names again", &["blame", &shard]),
        (
            "git blame of a domain of one file, --no-textconv",
            &["blame", "--no-textconv", "snapshot/routing/wrapupcodes.json"],
        ),
        ("git blame of a domain of one file, with names", &["blame", "snapshot/routing/wrapupcodes.json"]),
    ] {
        let (time, lines) = timed(|| git(dir.path(), arguments));
        assert!(!arguments.contains(&shard.as_str()) || lines == plain, "git blame has every line");
        rows.push((work, time));
    }
    for (work, time) in rows {
        println!("{work:<52} {:>7.0} ms", time.as_secs_f64() * 1_000.0);
    }
}
