//! A simulated organisation and a trail for it, sealed off from the machine: no environment, no clock, no waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use orgtrail::canonical::SecretKey;
use orgtrail::capture::Selection;
use orgtrail::catalogue::{Domain, Tier, embedded_file};
use orgtrail::config::{Connection, Environment};
use orgtrail::genesys::InstantClock;
use orgtrail::model::DomainId;
use orgtrail::session::{Effect, Failure, RunOptions, Taken, Unobserved, Workspace, make_trail, profile, take};
use orgtrail::sim::{Running, Scale, Server, ServerOptions, World};
use orgtrail::watch::Touched;
use tempfile::TempDir;

use crate::fixtures::catalogue;

/// The key that the tests fingerprint secrets with.
pub(crate) const KEY: &str = "the key of the tests, long enough to be taken";

/// When the first run of a trail is.
pub(crate) fn morning() -> DateTime<Utc> {
    "2026-03-02T08:00:00Z".parse().unwrap()
}

/// A simulated organisation on a port of its own.
pub(crate) struct Org {
    pub(crate) running: Running,
    runtime: tokio::runtime::Runtime,
}

impl Org {
    pub(crate) fn start(scale: Scale, seed: u64) -> Self {
        Self::of(World::generate(&Arc::new(catalogue()), scale, seed))
    }

    pub(crate) fn of(world: World) -> Self {
        Self::serving(world, ServerOptions { allowed_per_minute: None, ..ServerOptions::default() })
    }

    pub(crate) fn serving(world: World, options: ServerOptions) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let running = runtime.block_on(Server::start(world, options)).unwrap();
        Self { running, runtime }
    }

    pub(crate) fn small() -> Self {
        Self::start(Scale::Small, 1)
    }

    /// Waits for something that talks to it.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// The environment that points orgtrail at it.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        let mut environment = self.running.environment();
        environment.insert("ORGTRAIL_SECRET_KEY".to_owned(), KEY.to_owned());
        environment
    }
}

/// A trail in a folder of its own, and how many runs it had.
pub(crate) struct TestTrail {
    pub(crate) dir: TempDir,
    pub(crate) workspace: Workspace,
    /// The domains besides the core ones that its runs are over.
    besides: fn(&Domain) -> bool,
    runs: std::cell::Cell<i64>,
}

impl TestTrail {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        make_trail(dir.path(), Some("main"), false, morning().timestamp()).unwrap();
        wait_for_nothing(dir.path());
        Self::open(dir)
    }

    /// A trail whose runs wait for audit records as long as those of a new trail do.
    pub(crate) fn patient() -> Self {
        let dir = tempfile::tempdir().unwrap();
        make_trail(dir.path(), Some("main"), false, morning().timestamp()).unwrap();
        Self::open(dir)
    }

    pub(crate) fn open(dir: TempDir) -> Self {
        let workspace = Workspace::open(dir.path(), None).unwrap();
        Self { dir, workspace, besides: |_| false, runs: std::cell::Cell::new(0) }
    }

    /// A trail of the core domains and all that hold secrets.
    pub(crate) fn of_secrets() -> Self {
        Self { besides: |domain| !domain.treat.secret.is_empty(), ..Self::new() }
    }

    /// A trail of every domain there is.
    pub(crate) fn wide() -> Self {
        Self { besides: |_| true, ..Self::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Makes a run over the core domains, a quarter of an hour after the one before.
    pub(crate) fn snapshot(&self, org: &Org) -> Result<Taken, Failure> {
        self.snapshot_with(org, |_| {})
    }

    /// Makes a run with other options.
    pub(crate) fn snapshot_with(&self, org: &Org, change: impl FnOnce(&mut RunOptions)) -> Result<Taken, Failure> {
        self.snapshot_keyed(org, &SecretKey::new(KEY).unwrap(), change)
    }

    /// Makes a run with another key for secrets.
    pub(crate) fn snapshot_keyed(
        &self,
        org: &Org,
        secrets: &SecretKey,
        change: impl FnOnce(&mut RunOptions),
    ) -> Result<Taken, Failure> {
        let mut options = self.options();
        self.runs.set(self.runs.get() + 1);
        change(&mut options);
        let _lock = self.workspace.trail.lock().unwrap();
        org.runtime.block_on(take(&self.workspace, self.connection(org), secrets, &options, &Unobserved))
    }

    /// How to reach an organisation.
    pub(crate) fn connection(&self, org: &Org) -> Connection {
        Environment::from_map(org.environment()).connection(&self.workspace.config).unwrap()
    }

    /// What the next run is asked for.
    pub(crate) fn options(&self) -> RunOptions {
        let mut profile = profile(&self.workspace, Some(Tier::Content));
        profile.retain(|id| is_core(id) || self.workspace.catalogue.get(id).is_some_and(self.besides));
        RunOptions {
            selection: Selection(profile.clone()),
            profile,
            by_cadence: false,
            targeted: false,
            heard: Touched::default(),
            max_requests: None,
            accepted_removals: BTreeSet::new(),
            effect: Effect::Commit,
            now: morning() + TimeDelta::minutes(15 * self.runs.get()),
            clock: Arc::new(InstantClock::new()),
        }
    }

    /// How many commits the branch has.
    pub(crate) fn commits(&self) -> usize {
        let tip = self.workspace.tip().unwrap().unwrap();
        self.workspace.trail.first_parents(&tip).count()
    }

    /// Runs git in the trail, without any configuration of the machine.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = git_command(self.path(), arguments).output().unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "git {arguments:?}: {stdout}{stderr}");
        stdout.into_owned()
    }
}

/// Lets runs in a new trail not wait for audit records: the binary would do it by the clock of the machine.
pub(crate) fn wait_for_nothing(trail: &Path) {
    let path = trail.join("orgtrail.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("# wait = \"60s\"", "wait = \"0s\"");
    std::fs::write(path, text).unwrap();
    let mut amend = git_command(trail, &["commit", "--quiet", "--all", "--amend", "--no-edit"]);
    amend.env("GIT_COMMITTER_NAME", "orgtrail").env("GIT_COMMITTER_EMAIL", "orgtrail@localhost.invalid");
    assert!(amend.status().unwrap().success());
}

/// A git command that knows nothing of the machine's configuration.
pub(crate) fn git_command(dir: &Path, arguments: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new("git");
    command
        .args(arguments)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_AUTHOR_NAME", "A")
        .env("GIT_AUTHOR_EMAIL", "a@example.com")
        .env("GIT_COMMITTER_NAME", "A")
        .env("GIT_COMMITTER_EMAIL", "a@example.com");
    command
}

/// The binary, without any environment but what is given.
pub(crate) fn orgtrail(dir: &Path, environment: &BTreeMap<String, String>) -> assert_cmd::Command {
    assert_cmd::Command::from_std(process(dir, environment))
}

/// The binary likewise, as a process that can be watched and killed.
pub(crate) fn process(dir: &Path, environment: &BTreeMap<String, String>) -> std::process::Command {
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("orgtrail"));
    command.env_clear().envs(environment).env("HOME", dir.join("home")).arg("-C").arg(dir);
    command
}

/// Whether a domain is one of those that the simulated org has builders for. What holds for the way a run goes is tried on
/// them; what has to hold for every domain has tests of its own.
pub(crate) fn is_core(domain: &DomainId) -> bool {
    embedded_file(&format!("sim/{domain}.json")).is_some()
}

/// The domain of a name.
pub(crate) fn id(name: &str) -> DomainId {
    name.parse().unwrap()
}

/// Every file of a folder, at any depth.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
