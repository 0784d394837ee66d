//! What a run costs, beside a reference measured in the same process.
//!
//! `cargo bench` prints the times of divan, then a table of ratios against the reference: parsing the same bytes into a
//! `serde_json::Value` and writing them back. The ratio is what to watch; times differ from machine to machine. Each answer is
//! checked before it is timed.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use divan::Bencher;
use orgtrail::canonical::{Canonical, Canonicaliser, Digest, Notes, Scan, SecretKey, read};
use orgtrail::catalogue::{Catalogue, Domain};
use orgtrail::diff::diff_domain;
use orgtrail::model::{DomainSnapshot, Value};
use orgtrail::record::{Width, changed_files, first_width};
use orgtrail::trail::{CommitId, FileChange, InitOptions, NewCommit, Signature, Trail};

/// Pages of users as the API lists them: about 2 KB each, with noise that depends on `read_number`.
fn users(count: usize, read_number: usize, changed: impl Fn(usize) -> bool) -> Vec<Vec<u8>> {
    let user = |index: usize| {
        let id = format!("{:08x}-0000-4000-8000-{:012x}", index.wrapping_mul(2_654_435_761) & 0xffff_ffff, index);
        let title = if changed(index) { "Supervisor" } else { "Agent" };
        let skill = |slot: usize| {
            let number = (index * 7 + slot * 13) % 300;
            format!(
                r#"{{"id":"{number:08x}-1111-4111-8111-000000000000","name":"Skill {number}","proficiency":{}.0,"state":"active","selfUri":"/api/v2/users/{id}/routingskills/{number}"}}"#,
                slot % 5 + 1
            )
        };
        let mut skills: Vec<String> = (0..6).map(skill).collect();
        skills.rotate_left(read_number % 6);
        format!(
            r#"{{"version":{},"id":"{id}","name":"User {index}","division":{{"id":"{:08x}-2222-4222-8222-000000000000","name":"Division {}","selfUri":"/api/v2/authorization/divisions/x"}},"chat":{{"jabberId":"{id}@example.orgspan.com"}},"department":"Sales","email":"user{index}@example.com","primaryContactInfo":[{{"address":"user{index}@example.com","mediaType":"EMAIL","type":"PRIMARY"}}],"addresses":[{{"address":"+1555010{:04}","mediaType":"PHONE","type":"WORK","countryCode":"US"}},{{"address":"+1555011{:04}","mediaType":"PHONE","type":"MOBILE"}}],"state":"active","title":"{title}","username":"user{index}@example.com","images":[{{"resolution":"x96","imageUri":"https://cdn.example.com/{id}/x96.jpg"}},{{"resolution":"x48","imageUri":"https://cdn.example.com/{id}/x48.jpg"}}],"skills":[{}],"languages":[{{"id":"33333333-3333-4333-8333-333333333333","name":"English","proficiency":5,"state":"active","selfUri":"/api/v2/x"}}],"groups":[],"locations":[],"profileSkills":["retail","loans"],"certifications":[],"employerInfo":{{"officialName":"User {index}","employeeId":"E{index}","employeeType":"Full-time","dateHire":"2020-01-01"}},"acdAutoAnswer":false,"selfUri":"/api/v2/users/{id}"}}"#,
            read_number + index,
            index % 60,
            index % 60,
            index % 10_000,
            index % 10_000,
            skills.join(","),
        )
    };
    let indexes: Vec<usize> = (0..count).collect();
    let page = |(number, page): (usize, &[usize])| {
        let entities: Vec<String> = page.iter().map(|&index| user(index)).collect();
        format!(
            r#"{{"entities":[{}],"pageSize":500,"pageNumber":{},"total":{count},"pageCount":{}}}"#,
            entities.join(","),
            number + 1,
            count.div_ceil(500)
        )
        .into_bytes()
    };
    indexes.chunks(500).enumerate().map(page).collect()
}

struct Setting {
    catalogue: Catalogue,
    secrets: SecretKey,
    scan: Scan,
}

impl Setting {
    fn new() -> Self {
        let catalogue = Catalogue::built_in().unwrap_or_else(|problems| panic!("{problems:?}"));
        let secrets = SecretKey::new(&"k".repeat(32)).unwrap_or_else(|error| panic!("{error}"));
        let scan = Scan::built_in().unwrap_or_else(|error| panic!("{error}"));
        Self { catalogue, secrets, scan }
    }

    fn domain(&self) -> &Domain {
        let id = "users.users".parse().unwrap_or_else(|error| panic!("{error}"));
        self.catalogue.get(&id).unwrap_or_else(|| panic!("no such domain"))
    }

    /// Raw bytes in, canonical snapshot out.
    fn canonicalise(&self, pages: &[Vec<u8>]) -> DomainSnapshot {
        let domain = self.domain();
        let canonicaliser = Canonicaliser::new(domain, &self.secrets, &self.scan, "org");
        let mut snapshot = DomainSnapshot::empty(domain.id.clone(), domain.schema_version);
        let mut notes = Notes::default();
        for page in pages {
            let Ok(Value::Object(mut envelope)) = read(page) else { panic!("a page is no object") };
            let Some(Value::Array(entities)) = envelope.remove("entities") else { panic!("a page has no entities") };
            for raw in entities {
                match canonicaliser.entity(raw, None, &mut notes) {
                    Ok(Canonical::Entity(key, text)) => snapshot.entities.insert(key, text),
                    other => panic!("{other:?}"),
                };
            }
        }
        snapshot
    }
}

/// What any program does at the least: read the bytes and write them again.
fn reference(pages: &[Vec<u8>]) -> usize {
    let rewrite = |page: &Vec<u8>| {
        let value: serde_json::Value = serde_json::from_slice(page).unwrap_or_else(|error| panic!("{error}"));
        serde_json::to_vec(&value).map_or(0, |bytes| bytes.len())
    };
    pages.iter().map(rewrite).sum()
}

const SIZES: [usize; 2] = [10_000, 50_000];

#[divan::bench(args = SIZES, sample_count = 5)]
fn reference_read_and_write(bencher: Bencher<'_, '_>, count: usize) {
    let pages = users(count, 0, |_| false);
    bencher.bench(|| reference(black_box(&pages)));
}

#[divan::bench(args = SIZES, sample_count = 5)]
fn canonicalise_and_digest(bencher: Bencher<'_, '_>, count: usize) {
    let (setting, pages) = (Setting::new(), users(count, 0, |_| false));
    bencher.bench(|| Digest::of_domain(&setting.canonicalise(black_box(&pages))));
}

#[divan::bench(args = SIZES, sample_count = 5)]
fn diff_of_raw_sides(bencher: Bencher<'_, '_>, count: usize) {
    let setting = Setting::new();
    let (left, right) = (users(count, 0, |_| false), users(count, 1, |index| index % 100 == 0));
    bencher.bench(|| {
        let (before, after) = (setting.canonicalise(&left), setting.canonicalise(&right));
        diff_domain(setting.domain(), &before, &after).len()
    });
}

#[divan::bench(args = SIZES, sample_count = 5)]
fn commit_of_one_changed_user(bencher: Bencher<'_, '_>, count: usize) {
    let mut history = History::new(count);
    bencher.bench_local(|| history.commit_next());
}

/// A trail whose users change one by one.
struct History {
    setting: Setting,
    trail: Trail,
    tip: Option<CommitId>,
    before: DomainSnapshot,
    width: Width,
    changed: usize,
    _dir: tempfile::TempDir,
}

impl History {
    fn new(count: usize) -> Self {
        let setting = Setting::new();
        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let before = setting.canonicalise(&users(count, 0, |_| false));
        let width = first_width(&before);
        let empty = DomainSnapshot::empty(before.domain.clone(), 1);
        let first = new_commit(edits(setting.domain(), &empty, &before, width));
        let options = InitOptions { branch: Some("main"), bare: true, first };
        let trail = init(dir.path(), &options);
        let tip = trail.tip("main").unwrap_or_else(|error| panic!("{error}"));
        Self { setting, trail, tip, before, width, changed: 0, _dir: dir }
    }

    fn commit_next(&mut self) {
        let Some((key, text)) = self.before.entities.iter().nth(self.changed % self.before.entities.len()) else {
            return;
        };
        let changed = read(text.as_str().as_bytes()).ok().map(|mut value| {
            if let Value::Object(object) = &mut value {
                object.insert("title", Value::from(format!("Title {}", self.changed)));
            }
            orgtrail::canonical::canonical_text(&value)
        });
        let mut after = self.before.clone();
        after.entities.extend(changed.map(|text| (key.clone(), text)));
        let commit = new_commit(edits(self.setting.domain(), &self.before, &after, self.width));
        let made = self.trail.commit("main", self.tip.as_ref(), &[commit]).unwrap_or_else(|error| panic!("{error}"));
        self.tip = made.last().copied();
        self.before = after;
        self.changed += 1;
    }
}

fn init(dir: &Path, options: &InitOptions<'_>) -> Trail {
    Trail::init(dir, options).unwrap_or_else(|error| panic!("{error}"))
}

fn edits(
    domain: &Domain,
    before: &DomainSnapshot,
    after: &DomainSnapshot,
    width: Width,
) -> BTreeMap<String, Option<Vec<u8>>> {
    changed_files(domain, before, after, width).unwrap_or_else(|wider| panic!("{wider:?} is needed"))
}

fn new_commit(edits: BTreeMap<String, Option<Vec<u8>>>) -> NewCommit {
    let by = Signature { name: "bench".to_owned(), email: "bench@example.com".to_owned(), seconds: 0 };
    let files = edits.into_iter().map(|(path, content)| FileChange { path, content }).collect();
    NewCommit { author: by.clone(), committer: by, message: "bench\n".to_owned(), files }
}

/// The median of five timings.
fn median(mut work: impl FnMut()) -> Duration {
    work();
    let mut times: Vec<Duration> = (0..5)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[2]
}

fn check_answers(setting: &Setting) {
    let (left, noisy) = (users(2_000, 0, |_| false), users(2_000, 1, |_| false));
    let (before, same) = (setting.canonicalise(&left), setting.canonicalise(&noisy));
    assert_eq!(Digest::of_domain(&before), Digest::of_domain(&same), "noise must not change the digest");
    let after = setting.canonicalise(&users(2_000, 2, |index| index % 100 == 0));
    let changes = diff_domain(setting.domain(), &before, &after);
    assert_eq!(changes.len(), 20);
    assert!(changes.iter().all(|change| change.fields.len() == 1 && change.fields[0].path.as_str() == "/title"));
}

#[allow(clippy::print_stdout, reason = "the table is what the benchmark is run for")]
fn print_ratios(setting: &Setting) {
    println!("\nratios against reading and writing the same bytes with serde_json::Value (median of 5)");
    println!("{:>7}  {:<26} {:>9}  {:>6}", "users", "work", "time", "ratio");
    for count in SIZES {
        let (left, right) = (users(count, 0, |_| false), users(count, 1, |index| index % 100 == 0));
        let baseline = median(|| {
            black_box(reference(&left));
        });
        let mut history = History::new(count);
        let rows = [
            ("reference", baseline),
            (
                "canonicalise and digest",
                median(|| {
                    black_box(Digest::of_domain(&setting.canonicalise(&left)));
                }),
            ),
            (
                "diff of both raw sides",
                median(|| {
                    let (before, after) = (setting.canonicalise(&left), setting.canonicalise(&right));
                    black_box(diff_domain(setting.domain(), &before, &after));
                }),
            ),
            ("commit of one changed user", median(|| history.commit_next())),
        ];
        for (work, time) in rows {
            let ratio = time.as_secs_f64() / baseline.as_secs_f64();
            println!("{count:>7}  {work:<26} {:>6} ms  {ratio:>6.2}", time.as_millis());
        }
    }
}

fn main() {
    let setting = Setting::new();
    check_answers(&setting);
    divan::main();
    print_ratios(&setting);
}
