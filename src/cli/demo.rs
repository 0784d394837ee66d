//! `orgtrail demo`

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Days, NaiveTime, Utc};
use clap::Args;

use super::args::Global;
use super::{Exit, Exits, Failure, Ui, now, runtime};
use crate::canonical::SecretKey;
use crate::capture::Selection;
use crate::catalogue::{Catalogue, Tier};
use crate::config::Environment;
use crate::genesys::SystemClock;
use crate::model::Pointer;
use crate::report::{self, Blame};
use crate::session::Workspace;
use crate::session::{
    Approver, Choice, Effect, History, RunOptions, Taken, Target, Wanted, approve, audit_orphans, audit_rbac, drift,
    lint, profile, resolve, take,
};
use crate::session::{make_trail, of_seconds};
use crate::sim::{DAY_SEED, Running, Scale, Script, Server, ServerOptions, World};
use crate::watch::Touched;

/// Show the whole story against a simulated organisation, without credentials
///
/// Takes a snapshot of a simulated organisation, takes another one when nothing has changed, lets several people change things
/// for a day, and shows what the next snapshot makes of it. The trail stays, to be looked at with git.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Make the trail in this folder; by default in a new one among the temporary files
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Who agrees to what is observed.
const APPROVER: (&str, &str) = ("Lotte Pereira", "Lotte.Pereira@example.com");

/// What the demonstration shows the origin of.
const BLAMED: &str = "routing.queues/Sales Inbound";

/// The secrets of the simulated organisation are made up, and so may be the key.
const DEMO_KEY: &str = "the key of a demonstration protects nothing";

pub(super) fn run(args: &DemoArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let dir = match &args.dir {
        Some(dir) => global.directory.join(dir),
        None => scratch_folder()?,
    };
    runtime()?.block_on(async {
        let demo = Demo::start(dir, global, ui).await?;
        demo.tell().await?;
        Ok(Exits::default())
    })
}

fn scratch_folder() -> Result<PathBuf, Failure> {
    let folder = tempfile::Builder::new().prefix("orgtrail-demo-").tempdir();
    let folder = folder.map_err(|error| Failure::new(Exit::Upstream, format!("could not make a folder: {error}")))?;
    Ok(folder.keep())
}

/// The demonstration, with everything it needs.
struct Demo<'d> {
    dir: PathBuf,
    morning: DateTime<Utc>,
    workspace: Workspace,
    running: Running,
    secrets: SecretKey,
    ui: &'d Ui,
}

impl<'d> Demo<'d> {
    async fn start(dir: PathBuf, global: &Global, ui: &'d Ui) -> Result<Self, Failure> {
        let yesterday = now(global).date_naive().checked_sub_days(Days::new(1)).unwrap_or_default();
        let morning = yesterday.and_time(NaiveTime::MIN).and_utc() + chrono::TimeDelta::hours(8);
        make_trail(&dir, None, false, morning.timestamp())?;
        let workspace = Workspace::open(&dir, None)?;
        let catalogue: Arc<Catalogue> = Arc::new(crate::session::catalogue()?);
        let world = World::generate(&catalogue, Scale::Small, DAY_SEED);
        let options = ServerOptions { allowed_per_minute: Some(3_000), ..ServerOptions::default() };
        let running = Server::start(world, options)
            .await
            .map_err(|error| Failure::new(Exit::Upstream, format!("could not open a port on this machine: {error}")))?;
        let secrets = SecretKey::new(DEMO_KEY).map_err(|error| Failure::of(Exit::Internal, &error))?;
        Ok(Self { dir, morning, workspace, running, secrets, ui })
    }

    async fn tell(&self) -> Result<(), Failure> {
        self.chapter("A simulated organisation")?;
        self.print(&format!("It speaks the Genesys Cloud API at {}, with all its noise.\n", self.running.api_url))?;

        self.chapter("The first snapshot")?;
        let first = self.snapshot(0).await?;
        self.print(&run_text(&first)?)?;

        self.chapter("Somebody agrees to it")?;
        self.agree(1, &Choice::Whole, "the state we begin with")?;

        self.chapter("Fifteen minutes later, nothing has changed")?;
        let second = self.snapshot(15).await?;
        self.print(&format!(
            "{} requests, every answer with other timestamps, counters and orders: {}.\n",
            second.document.requests,
            if second.document.changed { "something differs" } else { "no change, no commit" }
        ))?;

        self.chapter("A day passes")?;
        self.print(&self.day()?)?;

        self.chapter("What the evening's snapshot says")?;
        let last = self.snapshot(9 * 60).await?;
        let mut text = Vec::new();
        let style = self.ui.style();
        report::text::render(&last.changes, style, &mut text).map_err(|error| Failure::of(Exit::Internal, &error))?;
        self.ui.data(&text)?;

        let mut blame = Vec::new();
        self.chapter("The history")?;
        self.print(&self.history()?)?;

        self.chapter("Who gave a queue its values")?;
        let queue = blamed(&self.workspace)?;
        report::blame::render_text(&queue, style, &mut blame).map_err(|error| Failure::of(Exit::Internal, &error))?;
        self.ui.data(&blame)?;

        self.chapter("What the configuration means")?;
        self.print(&self.meaning()?)?;

        self.chapter("What is agreed to, and what is not")?;
        let choice = Choice::Some { fingerprints: Vec::new(), entities: vec![BLAMED.to_owned()] };
        self.agree(9 * 60 + 10, &choice, "the shorter time was asked for")?;
        self.print(&self.open_drift()?)?;

        self.chapter("Look at it yourself")?;
        self.print(&look_at(&self.dir))
    }

    /// Takes a snapshot so many minutes after the morning began.
    async fn snapshot(&self, minutes: i64) -> Result<Taken, Failure> {
        let connection = Environment::from_map(self.running.environment());
        let connection = connection.connection(&self.workspace.config);
        let connection = connection.map_err(|error| Failure::of(Exit::Internal, &error))?;
        let profile = profile(&self.workspace, Some(Tier::Deep));
        let options = RunOptions {
            selection: Selection(profile.clone()),
            profile,
            by_cadence: false,
            targeted: false,
            heard: Touched::default(),
            max_requests: None,
            accepted_removals: std::collections::BTreeSet::new(),
            effect: Effect::Commit,
            now: self.morning + chrono::TimeDelta::minutes(minutes),
            clock: Arc::new(SystemClock::new()),
        };
        let _lock = self.workspace.trail.lock()?;
        take(&self.workspace, connection, &self.secrets, &options, self.ui).await
    }

    /// Lets somebody agree to what is observed.
    fn agree(&self, minutes: i64, choice: &Choice, reason: &str) -> Result<(), Failure> {
        let (name, email) = APPROVER;
        let by = Approver {
            name: name.to_owned(),
            email: email.to_owned(),
            reason: reason.to_owned(),
            now: self.morning + chrono::TimeDelta::minutes(minutes),
        };
        let state = resolve(&self.workspace, &self.workspace.branch)?;
        let _lock = self.workspace.trail.lock()?;
        approve(&self.workspace, state, choice, &by, self.ui)?;
        let what = match choice {
            Choice::Whole => "the whole state",
            Choice::Some { .. } => BLAMED,
        };
        self.print(&format!("{name} agrees to {what}: {reason}\n"))
    }

    /// What differs from what is agreed, a line each.
    fn open_drift(&self) -> Result<String, Failure> {
        let tip = resolve(&self.workspace, &self.workspace.branch)?;
        let found = drift(&self.workspace, tip, Wanted::Open, self.ui)?;
        let mut told = String::new();
        for one in &found.changes.changes {
            let name = one.name.as_deref().unwrap_or(one.change.key.as_str());
            let (level, domain) = (one.judgement.severity.as_str(), &one.change.domain);
            let _ = writeln!(told, "  open  {}  {level:<8}  {domain}  {name}", one.fingerprint);
        }
        Ok(told)
    }

    /// What the checks find in the evening, the two worst of each.
    fn meaning(&self) -> Result<String, Failure> {
        let (workspace, now) = (&self.workspace, self.morning + chrono::TimeDelta::hours(10));
        let tip = resolve(workspace, &workspace.branch)?;
        let domains = workspace.catalogue.names().cloned().collect();
        let mut told = String::new();
        for (verb, found) in [
            ("audit rbac", audit_rbac(workspace, tip)?),
            ("audit orphans", audit_orphans(workspace, tip, now)?.findings),
            ("lint", lint(workspace, tip, &workspace.lints()?, &domains, now)?),
        ] {
            let count = found.findings.len();
            let _ = writeln!(told, "  orgtrail {verb}: {count} findings");
            for finding in found.findings.iter().take(2) {
                let _ = writeln!(told, "    {:<8}  {}  {}", finding.severity.as_str(), finding.rule, finding.message);
            }
        }
        Ok(told)
    }

    /// Lets the people of the organisation do what the script says, and tells who did what.
    fn day(&self) -> Result<String, Failure> {
        let script = Script::built_in().map_err(|error| Failure::of(Exit::Internal, &error))?;
        let mut told = String::new();
        for edit in &script.edits {
            let at = self.morning.date_naive().and_time(edit.at).and_utc();
            self.running.world(|world| world.act(edit, at)).map_err(|error| Failure::of(Exit::Internal, &error))?;
            let _ = writeln!(told, "  {}  {:<16}  {}", edit.at.format("%H:%M"), edit.by, edit.domain);
        }
        Ok(told)
    }

    fn history(&self) -> Result<String, Failure> {
        let Some(tip) = self.workspace.tip()? else { return Ok(String::new()) };
        let mut told = String::new();
        for commit in self.workspace.trail.first_parents(&tip) {
            let commit = commit?;
            let at = of_seconds(commit.author.seconds);
            let _ = writeln!(told, "  {}  {at}  {:<14}  {}", commit.id.short(), commit.author.name, commit.subject);
        }
        Ok(told)
    }

    fn chapter(&self, title: &str) -> Result<(), Failure> {
        self.ui.data(format!("\n== {title}\n\n").as_bytes())
    }

    fn print(&self, text: &str) -> Result<(), Failure> {
        self.ui.data(text.as_bytes())
    }
}

/// A queue that several people worked on.
fn blamed(workspace: &Workspace) -> Result<Blame, Failure> {
    let target = Target::read(BLAMED, &workspace.catalogue)?;
    let at = resolve(workspace, &workspace.branch)?;
    let entity = target.entity.unwrap_or_default();
    History::of(workspace)?.blame(&target.domain, &entity, &Pointer::from_text("/acwSettings"), &at)
}

fn run_text(taken: &Taken) -> Result<String, Failure> {
    let mut text = Vec::new();
    report::run::render_text(&taken.document, report::Style::Plain, &mut text)
        .map_err(|error| Failure::of(Exit::Internal, &error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn look_at(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "  git -C {dir} log -p\n  git -C {dir} blame snapshot/routing/queues.json\n  orgtrail -C {dir} log routing.queues\n  \
         orgtrail -C {dir} blame '{BLAMED}'\n  orgtrail -C {dir} diff --format html --output diff.html\n  \
         orgtrail -C {dir} review\n  orgtrail -C {dir} verify\n  \
         orgtrail -C {dir} who-can 'authorization:grant:add'\n  orgtrail -C {dir} impact '{BLAMED}'\n  \
         orgtrail rules explain admin-permission-granted\n"
    )
}
