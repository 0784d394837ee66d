//! One process that makes runs on a schedule and on events.
//!
//! Two tasks bring events: one listens for notifications, the other asks the audit log now and then, because most kinds of
//! configuration have no topic. Which run is due when decides [`Scheduler`]; here it is waited for, listened and run. An event
//! costs one targeted run, however many come together.
//!
//! Everything that can go wrong with events leaves the schedule, which alone captures whatever happens. So troubles of that kind
//! are said, not often, and nothing ends because of them.

mod sources;
mod voice;

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use self::sources::{Heard, Task, listen, poll};
use self::voice::Voice;
use super::alerting::{AlertOptions, Outlets, Post, alert};
use super::exit::{Exit, Exits};
use super::failure::Failure;
use super::observer::Observer;
use super::run::{RunOptions, Taken, client, take_with};
use super::workspace::{Workspace, archive};
use crate::canonical::SecretKey;
use crate::capture::{AuditReading, TroubleKind};
use crate::catalogue::{Tier, embedded_file};
use crate::config::Connection;
use crate::genesys::{Client, Clock, Refusal, Subscribed};
use crate::trail::TrailError;
use crate::watch::{Ended, Next, Pacing, Scheduler, Topics, Touched, Trigger};

/// The file of the topics that tell of configuration.
const TOPICS: &str = "watch/topics.toml";

/// How long the sources of events may take to end.
const FAREWELL: Duration = Duration::from_secs(15);

/// How to watch.
#[derive(Clone)]
pub struct WatchOptions {
    /// When to make runs.
    pub pacing: Pacing,
    /// How often to ask the audit log.
    pub poll: Duration,
    /// The clock that everything goes by.
    pub clock: Arc<dyn Clock>,
    /// What tells the present.
    pub present: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
}

/// What a run needs. It is prepared anew for each, so that what is changed in the settings counts from the next run on.
pub struct Errand {
    /// The trail.
    pub workspace: Workspace,
    /// The key for secrets.
    pub secrets: SecretKey,
    /// What a scheduled run is asked for; one for events is targeted besides.
    pub options: RunOptions,
    /// Who is told of what a run puts on record; nobody, where there is no route.
    pub telling: Option<Telling>,
}

/// Who is told, and what sends it.
pub struct Telling {
    /// The channels.
    pub outlets: Outlets,
    /// What sends.
    pub post: Box<dyn Post + Send + Sync>,
}

/// Where an event came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A notification.
    Notification,
    /// The audit log.
    Audit,
}

/// A run that was made, or tried.
pub struct WatchedRun {
    /// Why.
    pub trigger: Trigger,
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it took.
    pub lasted: Duration,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a run.
pub enum Outcome {
    /// It was made, with whatever result.
    Taken(Box<Taken>),
    /// It could not be made.
    Failed(Failure),
    /// Another run holds the trail.
    Busy,
}

/// Told of what happens while a process watches; every method may be left out.
pub trait WatchObserver: Observer {
    /// A run has ended; the wait is that until it is tried again, where it failed.
    fn ran(&self, run: WatchedRun, wait: Option<Duration>) {
        let _ = (run, wait);
    }

    /// Things happened that a run will look at.
    fn happened(&self, source: Source, events: usize) {
        let _ = (source, events);
    }

    /// Notifications come from now on, or come no more.
    fn connected(&self, is_connected: bool) {
        let _ = is_connected;
    }

    /// The audit log was asked, which took so many requests; up to an instant, where it answered.
    fn polled(&self, requests: u64, up_to: Option<DateTime<Utc>>) {
        let _ = (requests, up_to);
    }
}

impl Source {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notification => "notification",
            Self::Audit => "audit",
        }
    }
}

impl Outcome {
    /// What the scheduler has to know of it. A run in which nothing could be captured was made in vain.
    fn ended(&self) -> Ended {
        match self {
            Self::Busy => Ended::Busy,
            Self::Failed(_) => Ended::Failed,
            Self::Taken(taken) => {
                let in_vain = [Exit::Authentication, Exit::Upstream].map(Exit::code);
                match taken.exits.codes().iter().any(|code| in_vain.contains(code)) {
                    true => Ended::Failed,
                    false if taken.document.changed => Ended::Changed,
                    false => Ended::Unchanged,
                }
            }
        }
    }
}

/// Watches until a future ends. A run that is under way then is dropped, unless it is being put on record, which it does without
/// a pause.
///
/// # Errors
/// [`Failure`] where watching on cannot help: what [`Exit::Usage`] and [`Exit::Integrity`] stand for.
pub async fn watch(
    connection: Connection,
    prepare: &dyn Fn(DateTime<Utc>) -> Result<Errand, Failure>,
    options: &WatchOptions,
    observer: &dyn WatchObserver,
    until: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let mut until = pin!(until);
    let errand = prepare((options.present)())?;
    let topics = embedded_file(TOPICS).map(Topics::read);
    let Some(Ok(topics)) = topics else {
        return Err(Failure::new(Exit::Internal, "the topics of notifications cannot be read"));
    };
    let login = connection.client_id.clone();
    let client = client(&errand.workspace, connection, Arc::clone(&options.clock), None)?;

    let (tell, told) = unbounded_channel();
    let (want, wanted) = tokio::sync::watch::channel(Vec::new());
    let listening = Task::spawn(listen(client.clone(), Arc::clone(&options.clock), wanted, tell.clone()));
    let polling =
        errand.workspace.config.audits.then(|| Task::spawn(poll(client.clone(), options.clone(), tell.clone())));
    let voice = Voice::new(observer, Arc::clone(&options.clock));
    if polling.is_none() {
        observer.note("the audit log is not asked for events, as [attribution] says so");
    }

    let mut watch = Watch {
        client,
        login,
        options,
        observer,
        voice,
        scheduler: Scheduler::new(options.pacing.clone()),
        topics,
        want,
        touched: Touched::default(),
        seen: HashSet::new(),
        covered: (options.present)(),
    };
    watch.subscribe(&errand);
    let ended = watch.work(errand, prepare, told, until.as_mut()).await;

    // Without anybody who wants topics the listener gives its channel up.
    drop(watch);
    drop(polling);
    tokio::select! {
        biased;
        () = listening.ended() => {}
        () = options.clock.sleep(FAREWELL) => {}
    }
    ended
}

/// What is known while a process watches.
struct Watch<'w> {
    client: Client,
    login: String,
    options: &'w WatchOptions,
    observer: &'w dyn WatchObserver,
    voice: Voice<'w>,
    scheduler: Scheduler,
    topics: Topics,
    /// Tells the listener what to subscribe to.
    want: tokio::sync::watch::Sender<Vec<String>>,
    /// What events were about that no run has taken.
    touched: Touched,
    /// The records of the last looks at the audit log.
    seen: HashSet<String>,
    /// What was done before is on record.
    covered: DateTime<Utc>,
}

impl Watch<'_> {
    async fn work(
        &mut self,
        mut errand: Errand,
        prepare: &dyn Fn(DateTime<Utc>) -> Result<Errand, Failure>,
        mut told: UnboundedReceiver<Heard>,
        mut until: impl Future<Output = ()> + Unpin,
    ) -> Result<(), Failure> {
        let clock = Arc::clone(&self.options.clock);
        loop {
            let now = clock.now();
            let trigger = match self.scheduler.next(now) {
                Next::Begin(trigger) => trigger,
                Next::Run => return Err(Failure::new(Exit::Internal, "a run is said to be under way that is not")),
                Next::WaitUntil(then) => {
                    tokio::select! {
                        biased;
                        () = &mut until => return Ok(()),
                        Some(heard) = told.recv() => self.hear(heard, &errand),
                        () = clock.sleep_until(then) => {}
                    }
                    continue;
                }
            };
            let at = (self.options.present)();
            // What a run that cannot be prepared was made for is judged by what the one before it was asked for.
            let prepared = prepare(at).map(|fresh| errand = fresh);
            let takes_events = trigger == Trigger::Event || takes_events(&errand);
            self.scheduler.begins(trigger, now, takes_events);
            let taken = if takes_events { std::mem::take(&mut self.touched) } else { Touched::default() };
            errand.options.clock = Arc::clone(&clock);
            errand.options.targeted |= trigger == Trigger::Event;
            errand.options.heard = taken.clone();

            let outcome = if let Err(failure) = prepared {
                Outcome::Failed(failure)
            } else {
                let client = self.client.another(errand.options.max_requests);
                let (voice, login) = (self.voice.clone(), self.login.clone());
                let mut run = pin!(run(&errand, client, &login, &voice));
                loop {
                    tokio::select! {
                        biased;
                        () = &mut until => return Ok(()),
                        outcome = &mut run => break outcome,
                        Some(heard) = told.recv() => self.hear(heard, &errand),
                    }
                }
            };
            let run = WatchedRun { trigger, at, lasted: clock.now().saturating_sub(now), outcome };
            self.settle(run, taken, takes_events, &errand)?;
        }
    }

    /// Takes note of how a run ended.
    fn settle(&mut self, run: WatchedRun, taken: Touched, takes_events: bool, errand: &Errand) -> Result<(), Failure> {
        let now = self.options.clock.now();
        let ended = run.outcome.ended();
        self.scheduler.ended(ended, now);
        let is_good = matches!(ended, Ended::Changed | Ended::Unchanged);
        let wait = match self.scheduler.next(now) {
            _ if is_good => None,
            Next::WaitUntil(then) => Some(then.saturating_sub(now)),
            Next::Begin(_) | Next::Run => Some(Duration::ZERO),
        };
        if is_good && takes_events {
            self.covered = run.at;
        }
        if !is_good {
            self.touched.add(taken);
        }
        let is_final = |failure: &Failure| matches!(failure.exit, Exit::Usage | Exit::Integrity);
        match run.outcome {
            Outcome::Failed(failure) if is_final(&failure) => return Err(failure),
            outcome => self.observer.ran(WatchedRun { outcome, ..run }, wait),
        }
        if ended == Ended::Changed {
            self.subscribe(errand);
        }
        Ok(())
    }

    /// Lets the listener subscribe to what is on record now.
    fn subscribe(&self, errand: &Errand) {
        let workspace = &errand.workspace;
        let state = workspace.tip().map_err(Failure::from).and_then(|tip| archive(workspace, tip));
        // A state that cannot be read ends the next run, which says so.
        let Ok(state) = state else { return };
        let names = self.topics.names(
            |domain| errand.options.selection.0.contains(domain),
            |domain| {
                let domain = state.domain(domain).ok().flatten();
                domain.map(|domain| domain.entities.keys().cloned().collect()).unwrap_or_default()
            },
        );
        // Topics without ids alone are no reason to have a channel before anything is on record.
        let names = if state.ledger().is_some() { names } else { Vec::new() };
        self.want.send_if_modified(|wanted| {
            let is_new = *wanted != names;
            *wanted = names;
            is_new
        });
    }

    fn hear(&mut self, heard: Heard, errand: &Errand) {
        match heard {
            Heard::Event { topic, at } => {
                let touched = self.topics.touched(&topic);
                if touched.is_empty() {
                    tracing::debug!(topic, "an event is about nothing that is known");
                    return;
                }
                tracing::info!(topic, "event");
                self.touched.add(touched);
                self.scheduler.event(at);
                self.observer.happened(Source::Notification, 1);
            }
            Heard::Subscribed(subscribed) => {
                self.observer.connected(true);
                self.voice.forget("notifications");
                self.voice.note("topics", &told_of(&subscribed));
            }
            Heard::Lost { cause } => {
                tracing::info!(cause, "the socket of notifications is lost");
                self.observer.connected(false);
            }
            Heard::Unheard { cause } => {
                self.observer.connected(false);
                let text = format!("no notifications come, so changes are noticed later: {cause}");
                self.voice.warn("notifications", &text);
            }
            Heard::Polled { reading, requests, up_to } => {
                let is_whole = reading.trouble.is_none();
                self.observer.polled(requests, is_whole.then_some(up_to));
                self.follow(&reading, errand);
            }
        }
    }

    /// Takes note of what the audit log says that no run has seen.
    fn follow(&mut self, reading: &AuditReading, errand: &Errand) {
        // What triggered a run was done well before it, and clocks differ by less.
        let margin = TimeDelta::from_std(self.options.pacing.settle / 2).unwrap_or_default();
        let covered = self.covered - margin;
        let selected: Vec<_> = errand
            .workspace
            .catalogue
            .iter()
            .filter(|domain| errand.options.selection.0.contains(&domain.id))
            .collect();
        let is_news = |record: &&crate::attribution::AuditRecord| {
            record.is_done
                && record.at >= covered
                && !self.seen.contains(&record.id)
                && selected.iter().any(|domain| record.speaks_of(domain))
        };
        let news = reading.records.iter().filter(is_news).count();
        if news > 0 {
            self.scheduler.event(self.options.clock.now());
            self.observer.happened(Source::Audit, news);
        }
        let ids = reading.records.iter().map(|record| record.id.clone());
        match &reading.trouble {
            None => {
                self.seen = ids.collect();
                self.voice.forget("audits");
            }
            Some(trouble) => {
                self.seen.extend(ids);
                let what = match trouble.kind {
                    TroubleKind::Forbidden => "the audit log may not be read, so changes are noticed later",
                    _ => "the audit log could not be asked for events",
                };
                self.voice.warn("audits", &format!("{what}: {}", trouble.cause));
            }
        }
    }
}

/// Whether a scheduled run reads whatever an event can be about. It does not where domains wait for their turn.
fn takes_events(errand: &Errand) -> bool {
    let Errand { workspace, options, .. } = errand;
    let waits = |id| workspace.catalogue.get(id).is_some_and(|domain| domain.tier != Tier::Standard);
    options.targeted || !options.by_cadence || !options.selection.0.iter().any(waits)
}

/// Makes a run, if no other one holds the trail.
async fn run(errand: &Errand, client: Client, login: &str, observer: &dyn Observer) -> Outcome {
    let Errand { workspace, secrets, options, telling } = errand;
    let _lock = match workspace.trail.lock() {
        Ok(lock) => lock,
        Err(TrailError::AlreadyRunning { .. }) => return Outcome::Busy,
        Err(error) => return Outcome::Failed(error.into()),
    };
    match take_with(workspace, (client, login), secrets, options, observer).await {
        Ok(mut taken) => {
            if let Some(telling) = telling {
                taken.exits.extend(&tell(workspace, telling, options, observer).await);
                taken.document.exit_codes = taken.exits.codes();
            }
            Outcome::Taken(Box::new(taken))
        }
        Err(failure) => Outcome::Failed(failure),
    }
}

/// Tells what a run has put on record; what fails is told by the next one.
async fn tell(workspace: &Workspace, telling: &Telling, options: &RunOptions, observer: &dyn Observer) -> Exits {
    let told = AlertOptions {
        since: None,
        effect: options.effect,
        explains: false,
        now: options.now,
        clock: Arc::clone(&options.clock),
    };
    match alert(workspace, &telling.outlets, &*telling.post, &told, observer).await {
        Ok((_, exits)) => exits,
        Err(failure) => {
            observer.warn(&format!("nobody was told: {}", failure.message));
            Exit::Delivery.into()
        }
    }
}

/// What a subscription came to, in words.
fn told_of(subscribed: &Subscribed) -> String {
    let mut parts = vec![format!("listening for notifications of {} topics", subscribed.permitted.len())];
    let count = |is_so: fn(&Refusal) -> bool| subscribed.refused.iter().filter(|refused| is_so(&refused.why)).count();
    let mut missing: Vec<&str> = subscribed
        .refused
        .iter()
        .filter_map(|refused| match &refused.why {
            Refusal::Rejected { missing_permissions, .. } => Some(missing_permissions),
            Refusal::Unknown | Refusal::TooMany => None,
        })
        .flatten()
        .map(String::as_str)
        .collect();
    missing.sort_unstable();
    missing.dedup();
    let refused = count(|why| matches!(why, Refusal::Rejected { .. }));
    let for_want = if missing.is_empty() { String::new() } else { format!(" for want of {}", missing.join(", ")) };
    let others = [
        (count(|why| *why == Refusal::TooMany), "do not fit on a channel".to_owned()),
        (count(|why| *why == Refusal::Unknown), "the API does not have".to_owned()),
        (refused, format!("are refused{for_want}")),
    ];
    parts.extend(others.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    parts.join("; ")
}
