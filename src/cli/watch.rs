//! `orgtrail watch`

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;

use super::alert::courier;
use super::args::{Global, LogFormat};
use super::metrics::Metrics;
use super::print::{Plain, plain};
use super::selection::SelectionArgs;
use super::snapshot::{judged, render};
use super::{Exit, Exits, Failure, Ui, now, open, runtime};
use crate::capture::DomainCapture;
use crate::config::{Environment, time};
use crate::genesys::{Clock, SystemClock};
use crate::model::DomainId;
use crate::report;
use crate::session::{
    Effect, Errand, Observer, Outcome, RunOptions, Source, Taken, Telling, WatchObserver, WatchOptions, WatchedRun,
    has_routes, outlets, watch, written,
};
use crate::watch::Pacing;

/// How long after the first event of many its run begins at the latest.
const LONGEST_SETTLE: Duration = Duration::from_secs(60);

/// The least time between two runs for events.
const GAP: Duration = Duration::from_secs(60);

/// The wait after a first failure.
const RETRY: Duration = Duration::from_secs(30);

/// The wait while another run holds the trail.
const BUSY: Duration = Duration::from_secs(30);

/// Signals so close together are one: some programs send theirs to a process and to its group.
const SAME: Duration = Duration::from_secs(1);

/// Capture on a schedule, and soon after something changed
///
/// Stays and makes a run like `orgtrail snapshot` every quarter of an hour. In between it listens for notifications and asks the
/// audit log; what happened is captured by one targeted run some seconds later. Without the permissions for either it keeps to
/// its schedule.
///
/// SIGTERM or SIGINT ends it, with exit code 0; a run that has not begun to commit then is given up and leaves nothing. A run
/// that fails is tried again. The trail is held only while a run is under way.
#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    #[command(flatten)]
    selection: SelectionArgs,

    /// Time from the begin of a run to the begin of the next
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = above_zero)]
    every: Duration,

    /// How often to ask the audit log what happened
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = above_zero)]
    poll: Duration,

    /// How long after the last of several events to capture what they are about; a minute after the first at the latest
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = length)]
    settle: Duration,

    /// Push the branch and the heartbeat to the remote after each run
    #[arg(long)]
    push: bool,

    /// Serve metrics for Prometheus on this port of the loopback address, such as 127.0.0.1:9464
    #[arg(long, value_name = "ADDRESS", value_parser = loopback)]
    metrics: Option<SocketAddr>,
}

pub(super) fn run(args: &WatchArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let format = plain("watch", global)?;
    let environment = Environment::of_process();
    let connection = environment.connection(&open(global)?.config)?;
    let prepare = |now| {
        let workspace = open(global)?.signing(&environment)?;
        let effect = if args.push { Effect::Push } else { Effect::Commit };
        let targeted = workspace.config.targeted;
        let options = RunOptions { targeted, effect, now, ..args.selection.run(&workspace, global)? };
        let telling = if has_routes(&workspace) {
            let outlets = outlets(&workspace, &environment)?;
            Some(Telling { outlets, post: Box::new(courier(global)) })
        } else {
            None
        };
        Ok(Errand { workspace, secrets: environment.secret_key()?, options, telling })
    };
    let clock = Arc::new(SystemClock::new());
    let options = WatchOptions {
        pacing: Pacing {
            every: args.every,
            settle: args.settle,
            longest: LONGEST_SETTLE.max(args.settle),
            gap: GAP,
            retry: RETRY,
            busy: BUSY,
        },
        poll: args.poll,
        present: present(global, Arc::clone(&clock)),
        clock,
    };
    runtime()?.block_on(async {
        let ended = signals()?;
        let metrics = Arc::new(Metrics::new());
        if let Some(address) = args.metrics {
            let served = metrics.serve(address, Arc::clone(&options.present)).await?;
            ui.say(format!("metrics at http://{served}/metrics"));
        }
        let told = Told { format, global, ui, metrics, was_connected: Cell::new(false) };
        watch(connection, &prepare, &options, &told, ended).await?;
        told.say("note", "ended");
        Ok(Exits::default())
    })
}

/// The present: the clock's, or `--now` and the time since then.
pub(super) fn present(
    global: &Global,
    clock: Arc<SystemClock>,
) -> Arc<dyn Fn() -> chrono::DateTime<chrono::Utc> + Send + Sync> {
    if global.now.is_none() {
        return Arc::new(chrono::Utc::now);
    }
    let begin = now(global);
    Arc::new(move || begin + chrono::TimeDelta::from_std(clock.now()).unwrap_or_default())
}

/// A future that ends with the first signal that asks for the end; the second one ends the process.
pub(super) fn signals() -> Result<impl Future<Output = ()>, Failure> {
    let cannot = |error: std::io::Error| Failure::new(Exit::Internal, format!("could not wait for signals: {error}"));
    let mut asked = asked().map_err(cannot)?;
    let (tell, told) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        asked.next().await;
        // Nobody waits for it where watching has ended by itself.
        let _ = tell.send(());
        let first = Instant::now();
        loop {
            let code = asked.next().await;
            if first.elapsed() >= SAME {
                leave(code);
            }
        }
    });
    Ok(async move {
        // The other end is dropped after it has told.
        let _ = told.await;
    })
}

#[expect(
    clippy::exit,
    reason = "whoever asks twice does not want to wait, and a run that is cut off leaves a valid trail"
)]
fn leave(code: i32) {
    std::process::exit(code);
}

/// The signals that ask for the end.
#[cfg(unix)]
struct Asked {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
fn asked() -> std::io::Result<Asked> {
    use tokio::signal::unix::{SignalKind, signal};
    Ok(Asked { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
}

#[cfg(unix)]
impl Asked {
    /// Waits for the next one, and tells the code of a process that it ends.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        }
    }
}

#[cfg(not(unix))]
struct Asked;

#[cfg(not(unix))]
fn asked() -> std::io::Result<Asked> {
    Ok(Asked)
}

#[cfg(not(unix))]
impl Asked {
    async fn next(&mut self) -> i32 {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without signals nothing but the end of the process ends it.
            std::future::pending::<()>().await;
        }
        130
    }
}

/// Tells what happens: data on stdout, a line for each run on stderr, numbers for the metrics.
struct Told<'t> {
    format: Plain,
    global: &'t Global,
    ui: &'t Ui,
    metrics: Arc<Metrics>,
    was_connected: Cell<bool>,
}

impl Told<'_> {
    fn is_json(&self) -> bool {
        self.global.log_format == LogFormat::Json
    }

    fn say(&self, level: &str, text: &str) {
        if self.is_json() {
            self.ui.say(json!({ "level": level, "message": text }).to_string());
        } else {
            self.ui.say(text);
        }
    }

    /// Prints the data of a run.
    fn print(&self, taken: &Taken) -> Result<(), Failure> {
        let mut out = Vec::new();
        match self.format {
            Plain::Json => report::run::render_line(&taken.document, &mut out),
            Plain::Text | Plain::Markdown => render(taken, self.format, self.global, self.ui, &mut out),
        }
        .map_err(|error| Failure::of(Exit::Internal, &error))?;
        self.ui.data(&out)
    }

    /// The line of a run.
    fn line(&self, run: &WatchedRun, wait: Option<Duration>) -> String {
        let (at, trigger) = (written(run.at), run.trigger.as_str());
        let wait = wait.map(|wait| wait.as_secs());
        if self.is_json() {
            let duration = u64::try_from(run.lasted.as_millis()).unwrap_or(u64::MAX);
            let mut line = json!({ "time": at, "trigger": trigger, "duration_ms": duration });
            let members = match &run.outcome {
                Outcome::Taken(taken) => json!({
                    "outcome": outcome(&run.outcome),
                    "run": taken.document.run,
                    "changes": taken.document.counts.total(),
                    "worst": taken.document.counts.worst().map(crate::model::Severity::as_str),
                    "commits": taken.document.commits.len(),
                    "requests": taken.document.requests,
                    "exit_codes": taken.document.exit_codes,
                }),
                Outcome::Failed(failure) => json!({
                    "outcome": outcome(&run.outcome),
                    "message": failure.message,
                    "hint": failure.hint,
                    "exit_codes": [failure.exit.code()],
                }),
                Outcome::Busy => json!({ "outcome": outcome(&run.outcome) }),
            };
            if let (Some(line), serde_json::Value::Object(members)) = (line.as_object_mut(), members) {
                line.extend(members);
                line.extend(wait.map(|wait| ("again_in_s".to_owned(), wait.into())));
            }
            return line.to_string();
        }
        let again = wait.map(|wait| format!("; again in {wait} s")).unwrap_or_default();
        let what = match &run.outcome {
            Outcome::Taken(taken) => {
                let document = &taken.document;
                let changes = match (document.counts.total(), document.counts.worst()) {
                    (0, _) | (_, None) => "no changes".to_owned(),
                    (1, Some(worst)) => format!("1 change ({worst})"),
                    (count, Some(worst)) => format!("{count} changes (worst {worst})"),
                };
                let codes: Vec<String> = document.exit_codes.iter().map(u8::to_string).collect();
                let commits = match document.commits.len() {
                    1 => "1 commit".to_owned(),
                    count => format!("{count} commits"),
                };
                let (requests, seconds) = (document.requests, run.lasted.as_secs_f64());
                format!("{changes}, {commits}, {requests} requests, {seconds:.1} s, exit {}", codes.join(" "))
            }
            Outcome::Failed(failure) => {
                let hint = failure.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
                format!("failed: {}{hint}", failure.message)
            }
            Outcome::Busy => "another run holds the trail".to_owned(),
        };
        format!("{at} {trigger}: {what}{again}")
    }
}

/// The word for what became of a run.
fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Busy => "busy",
        Outcome::Failed(_) => "failed",
        Outcome::Taken(taken) => {
            let codes = taken.exits.codes();
            let has = |exit: Exit| codes.contains(&exit.code());
            if has(Exit::Authentication) || has(Exit::Upstream) {
                "failed"
            } else if has(Exit::Partial) || has(Exit::HeldBack) {
                "partial"
            } else {
                "complete"
            }
        }
    }
}

impl Observer for Told<'_> {
    fn begins(&self, domains: usize) {
        self.ui.begins(domains);
    }

    fn captured(&self, domain: &DomainId, capture: &DomainCapture) {
        self.ui.captured(domain, capture);
    }

    fn ends(&self) {
        self.ui.ends();
    }

    fn note(&self, text: &str) {
        self.say("note", text);
    }

    fn warn(&self, text: &str) {
        if self.is_json() {
            self.ui.insist(json!({ "level": "warning", "message": text }).to_string());
        } else {
            self.ui.warn(text);
        }
    }
}

impl WatchObserver for Told<'_> {
    fn ran(&self, run: WatchedRun, wait: Option<Duration>) {
        let run = match run.outcome {
            Outcome::Taken(taken) => {
                WatchedRun { outcome: Outcome::Taken(Box::new(judged(*taken, self.global))), ..run }
            }
            Outcome::Failed(_) | Outcome::Busy => run,
        };
        self.metrics.ran(run.trigger.as_str(), outcome(&run.outcome), &run);
        if let Outcome::Taken(taken) = &run.outcome
            && let Err(failure) = self.print(taken)
        {
            self.warn(&failure.message);
        }
        let line = self.line(&run, wait);
        if matches!(run.outcome, Outcome::Failed(_)) { self.ui.insist(line) } else { self.ui.say(line) }
    }

    fn happened(&self, source: Source, events: usize) {
        self.metrics.happened(source.as_str(), events);
    }

    fn connected(&self, is_connected: bool) {
        self.metrics.connected(is_connected, is_connected && self.was_connected.get());
        self.was_connected.set(self.was_connected.get() || is_connected);
    }

    fn polled(&self, requests: u64, up_to: Option<chrono::DateTime<chrono::Utc>>) {
        self.metrics.polled(requests, up_to);
    }
}

fn length(text: &str) -> Result<Duration, String> {
    time(text).ok_or_else(|| "expected a time such as 20s, 15m or 2h".to_owned())
}

pub(super) fn above_zero(text: &str) -> Result<Duration, String> {
    length(text)
        .ok()
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "expected a time above zero such as 60s or 15m".to_owned())
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse::<SocketAddr>().map_err(|_| "expected an address such as 127.0.0.1:9464".to_owned())?;
    let is_loopback = address.ip().is_loopback();
    if is_loopback { Ok(address) } else { Err("metrics are served on the loopback address only".to_owned()) }
}
