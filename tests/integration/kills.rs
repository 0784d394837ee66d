//! A run that is killed, at whatever moment, leaves a valid trail with the last complete run, and the next run makes it good.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use chrono::TimeDelta;
use orgtrail::canonical::Digest;
use orgtrail::model::{DomainId, EntityKey};
use orgtrail::record::Archive;
use orgtrail::session::CommitTree;
use orgtrail::sim::{Rng, Scale};

use crate::faults::digests;
use crate::fixtures::catalogue;
use crate::harness::{Org, TestTrail, files, is_core, morning, orgtrail, process};

/// How often a run is begun that is to be killed at some moment.
const ATTEMPTS: u32 = 4;

/// When a run is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// After this many of a thousand of its requests.
    Requests(u64),
    /// After the last request, when the files of the trail were seen to change this often.
    Writes(usize),
    /// As soon as there is a file of such a name in a folder of the trail.
    File(&'static str, &'static str),
}

/// An org, a trail that is written by the binary, and the time of its next run.
struct Scene {
    org: Org,
    trail: TestTrail,
    requests: u64,
    runs: Cell<i64>,
    rng: Rng,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let org = Org::start(Scale::Medium, seed);
        let mut scene = Self { org, trail: TestTrail::new(), requests: 0, runs: Cell::new(0), rng: Rng::new(seed) };
        scene.complete();
        let before = scene.org.running.served();
        scene.complete();
        scene.requests = scene.org.running.served() - before;
        scene
    }

    /// A run over the core domains.
    fn arguments(&self) -> Vec<String> {
        let run = self.runs.get();
        self.runs.set(run + 1);
        let now = morning() + TimeDelta::minutes(15 * run);
        let mut arguments = ["snapshot", "--now", &now.to_rfc3339()].map(ToOwned::to_owned).to_vec();
        for domain in catalogue().names().filter(|domain| is_core(domain)) {
            arguments.extend(["--only".to_owned(), domain.to_string()]);
        }
        arguments
    }

    /// Makes a run that is left to itself and has to succeed.
    fn complete(&self) {
        orgtrail(self.trail.path(), &self.org.environment()).args(self.arguments()).assert().code(0);
    }

    /// Begins a run and kills it; false where it was over before that.
    fn kill(&self, moment: Moment) -> bool {
        let served = self.org.running.served();
        let mut command = process(self.trail.path(), &self.org.environment());
        let mut child = command.args(self.arguments()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let wanted = |share: u64| served + self.requests * share / 1000;
        match moment {
            Moment::Requests(share) => {
                watch(&mut child, || self.org.running.served() >= wanted(share));
            }
            Moment::Writes(count) => {
                let last = wanted(1000);
                let mut seen: Option<Vec<(PathBuf, u64)>> = None;
                let mut left = count;
                watch(&mut child, || {
                    if self.org.running.served() < last {
                        return false;
                    }
                    let now = self.sizes();
                    let is_new = seen.as_ref().is_some_and(|seen| *seen != now);
                    seen = Some(now);
                    left -= usize::from(is_new);
                    left == 0
                });
            }
            Moment::File(folder, name) => {
                let folder = self.trail.path().join(folder);
                watch(&mut child, || has_file(&folder, name));
            }
        }
        child.kill().unwrap();
        // What ended by itself has a code.
        child.wait().unwrap().code().is_none()
    }

    /// Every file of the trail with its size, as far as it is there long enough to be looked at.
    fn sizes(&self) -> Vec<(PathBuf, u64)> {
        let mut found = Vec::new();
        look(self.trail.path(), &mut found);
        found.sort();
        found
    }

    /// Changes leaves in the org: so many, anywhere.
    fn mutate(&mut self, count: usize) {
        let rng = &mut self.rng;
        self.org.running.world(|world| {
            let domains: Vec<DomainId> = world.domains().filter(|id| is_core(id)).cloned().collect();
            let mut left = count;
            while left > 0 {
                let domain = rng.pick(&domains).unwrap();
                let keys: Vec<EntityKey> = world.keys(domain).cloned().collect();
                let Some(key) = rng.pick(&keys) else { continue };
                let leaves = world.leaves(domain, key);
                let Some(leaf) = rng.pick(&leaves) else { continue };
                left -= usize::from(world.mutate(domain, key, leaf, rng).is_some());
            }
        });
    }

    /// Asserts that git finds nothing wrong and that the files at the tip are those that its ledger speaks of.
    fn assert_sound(&self, place: &str) {
        self.trail.git(&["fsck", "--strict", "--no-dangling"]);
        let tip = self.trail.workspace.tip().unwrap();
        let archive = Archive::open(CommitTree::new(&self.trail.workspace.trail, tip)).unwrap();
        for (domain, digest) in digests(&self.trail) {
            let content = archive.domain(&domain).unwrap().unwrap();
            assert_eq!(Digest::of_domain(&content).to_string(), digest, "{place}: {domain}");
        }
    }

    /// Files that should not outlive a run.
    fn scratch(&self) -> Vec<PathBuf> {
        let is_scratch = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy();
            let is_lock = path.extension().is_some_and(|extension| extension == "lock") && name != "orgtrail.lock";
            is_lock || name.ends_with("-unfinished") || name.contains("_git2_")
        };
        files(self.trail.path()).into_iter().filter(is_scratch).collect()
    }

    /// What a trail that is made from the org as it is now has on record.
    fn fresh(&self) -> BTreeMap<DomainId, String> {
        let trail = TestTrail::new();
        assert_eq!(trail.snapshot(&self.org).unwrap().exits.code(), 0);
        digests(&trail)
    }
}

fn has_file(folder: &Path, name: &str) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).any(|found| found.to_string_lossy().contains(name))
}

/// Looks until something is the case, or the process is over.
fn watch(child: &mut Child, mut is_time: impl FnMut() -> bool) {
    while !is_time() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
}

/// Lists files while somebody makes and removes them.
fn look(folder: &Path, found: &mut Vec<(PathBuf, u64)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => look(&entry.path(), found),
            Ok(metadata) => found.push((entry.path(), metadata.len())),
            Err(_) => {}
        }
    }
}

/// Kills a run at each of some moments; each time the org has changed before, a little or a lot.
fn kill_at(seed: u64, moments: &[Moment]) {
    let mut scene = Scene::new(seed);
    let mut killed = 0;
    for (round, &moment) in moments.iter().enumerate() {
        let place = format!("{moment:?}, round {round}");
        let mut before = BTreeMap::new();
        // A moment can be over before it is seen; then the run was simply a complete one.
        for _ in 0..ATTEMPTS {
            before = digests(&scene.trail);
            scene.mutate(if round % 2 == 0 { 3 } else { 40 });
            if scene.kill(moment) {
                killed += 1;
                break;
            }
        }
        scene.assert_sound(&place);
        let after = scene.fresh();
        let found = digests(&scene.trail);
        assert!(found == before || found == after, "{place}: the branch holds no complete run");
        scene.complete();
        scene.trail.git(&["fsck", "--strict", "--no-dangling"]);
        assert_eq!(digests(&scene.trail), after, "{place}");
        assert_eq!(scene.trail.git(&["status", "--porcelain"]), "", "{place}");
        assert_eq!(scene.scratch(), Vec::<PathBuf>::new(), "{place}");
    }
    scene.assert_sound("at the end");
    assert!(killed > 0, "every run was over before it was killed");
}

#[test]
fn killed_while_it_reads_first_part() {
    kill_at(31, &[0, 4, 40, 80, 120, 160, 200, 240, 280, 320].map(Moment::Requests));
}

#[test]
fn killed_while_it_reads_second_part() {
    kill_at(32, &[360, 420, 480, 540, 600, 660, 720, 780, 840, 900, 950, 990, 1000].map(Moment::Requests));
}

#[test]
fn killed_while_it_writes_first_part() {
    kill_at(33, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(Moment::Writes));
}

#[test]
fn killed_while_it_writes_second_part() {
    kill_at(34, &[12, 14, 16, 18, 20, 22, 24].map(Moment::Writes));
}

#[test]
fn killed_in_the_middle_of_replacing_a_file() {
    const FILES: [(&str, &str); 5] = [
        (".git/objects/pack", "_git2_"),
        (".git/refs/heads", "main.lock"),
        ("snapshot/routing", "-unfinished"),
        (".git", "index.lock"),
        (".git/refs/orgtrail", "heartbeat.lock"),
    ];
    let moments: Vec<Moment> = FILES.iter().chain(&FILES).map(|(folder, name)| Moment::File(folder, name)).collect();
    kill_at(35, &moments);
}

#[test]
fn locks_that_a_killed_run_left_do_not_stop_the_next() {
    let mut scene = Scene::new(36);
    scene.mutate(10);
    assert!(scene.kill(Moment::Requests(500)));
    let git = scene.trail.path().join(".git");
    for lock in ["refs/heads/main.lock", "index.lock", "refs/orgtrail/heartbeat.lock", "HEAD.lock", "packed-refs.lock"]
    {
        fs::create_dir_all(git.join(lock).parent().unwrap()).unwrap();
        File::create(git.join(lock)).unwrap();
    }
    scene.complete();
    assert_eq!(digests(&scene.trail), scene.fresh());
    assert_eq!(scene.trail.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_lock_that_no_run_left_is_somebody_elses() {
    let mut scene = Scene::new(37);
    scene.mutate(10);
    let lock = scene.trail.path().join(".git/refs/heads/main.lock");
    File::create(&lock).unwrap();
    let run = orgtrail(scene.trail.path(), &scene.org.environment()).args(scene.arguments()).assert().code(5);
    let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(said.contains("another process is writing it") && said.contains(".lock"), "{said}");
    assert!(lock.exists());
    fs::remove_file(&lock).unwrap();
    scene.complete();
}

#[test]
fn a_second_run_is_refused_while_one_is_under_way() {
    let mut scene = Scene::new(38);
    scene.mutate(3);
    let before = (scene.trail.git(&["show-ref"]), scene.org.running.served());
    let lock = scene.trail.workspace.trail.lock().unwrap();
    let run = orgtrail(scene.trail.path(), &scene.org.environment()).args(scene.arguments()).assert().code(5);
    let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(said.contains("another run holds") && said.contains("wait for the other run to end"), "{said}");
    assert_eq!((scene.trail.git(&["show-ref"]), scene.org.running.served()), before);
    drop(lock);
    scene.complete();
}
