//! A process that watches a simulated organisation, by a clock that the test moves.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use orgtrail::canonical::SecretKey;
use orgtrail::capture::Selection;
use orgtrail::catalogue::Tier;
use orgtrail::config::Environment;
use orgtrail::genesys::Clock;
use orgtrail::session::{
    Effect, Errand, Failure, Observer, Outcome, RunOptions, Source, WatchObserver, WatchOptions, WatchedRun, Workspace,
    profile, watch,
};
use orgtrail::sim::{DAY_SEED, Scale, Script};
use orgtrail::watch::{Pacing, Touched, Trigger};

use crate::harness::{KEY, Org, TestTrail, is_core, morning};

/// Waits up to this pass by themselves: those within a run and between two questions.
const SHORT: Duration = Duration::from_secs(10);

/// How long a test waits for something that has to happen, before it fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// A clock that the test moves. Only short waits move it by themselves.
#[derive(Default)]
pub(crate) struct HandClock(Mutex<(Duration, Vec<Waker>)>);

impl HandClock {
    fn move_to(&self, time: Duration) {
        let mut state = self.0.lock().unwrap();
        state.0 = state.0.max(time);
        state.1.drain(..).for_each(Waker::wake);
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.move_to(self.now() + Duration::from_secs(seconds));
    }

    /// Waits until the time has come.
    async fn reached(&self, until: Duration) {
        std::future::poll_fn(|context| {
            let mut state = self.0.lock().unwrap();
            if state.0 >= until {
                return Poll::Ready(());
            }
            state.1.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Clock for HandClock {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().0
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        let until = self.now() + duration;
        Box::pin(async move {
            if duration <= SHORT {
                tokio::task::yield_now().await;
                self.move_to(until);
            }
            self.reached(until).await;
        })
    }

    // What is waited for stays where it is, though the test moves the clock before anybody waits.
    fn sleep_until(&self, then: Duration) -> BoxFuture<'_, ()> {
        if then.saturating_sub(self.now()) <= SHORT {
            return self.sleep(then.saturating_sub(self.now()));
        }
        Box::pin(self.reached(then))
    }

    fn jitter(&self) -> f64 {
        0.5
    }
}

/// What the watching process tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Ran { trigger: Trigger, outcome: &'static str, changes: u64, requests: u64, wait: Option<u64> },
    Happened(Source, usize),
    Connected(bool),
    Polled(bool),
    Note(String),
    Warning(String),
}

struct Teller(Sender<Told>);

impl Teller {
    fn tell(&self, told: Told) {
        // A test that has seen enough listens no more.
        let _ = self.0.send(told);
    }
}

impl Observer for Teller {
    fn note(&self, text: &str) {
        self.tell(Told::Note(text.to_owned()));
    }

    fn warn(&self, text: &str) {
        self.tell(Told::Warning(text.to_owned()));
    }
}

impl WatchObserver for Teller {
    fn ran(&self, run: WatchedRun, wait: Option<Duration>) {
        let (outcome, changes, requests) = match &run.outcome {
            Outcome::Taken(taken) if taken.document.changed => {
                ("changed", taken.document.counts.total(), taken.document.requests)
            }
            Outcome::Taken(taken) => ("unchanged", 0, taken.document.requests),
            Outcome::Failed(_) => ("failed", 0, 0),
            Outcome::Busy => ("busy", 0, 0),
        };
        let wait = wait.map(|wait| wait.as_secs());
        self.tell(Told::Ran { trigger: run.trigger, outcome, changes, requests, wait });
    }

    fn happened(&self, source: Source, events: usize) {
        self.tell(Told::Happened(source, events));
    }

    fn connected(&self, is_connected: bool) {
        self.tell(Told::Connected(is_connected));
    }

    fn polled(&self, _requests: u64, up_to: Option<DateTime<Utc>>) {
        self.tell(Told::Polled(up_to.is_some()));
    }
}

/// A trail that is watched over an organisation.
pub(crate) struct Watched {
    pub(crate) org: Org,
    pub(crate) trail: TestTrail,
    pub(crate) clock: Arc<HandClock>,
    told: Receiver<Told>,
    pub(crate) all: Vec<Told>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    pub(crate) thread: Option<JoinHandle<Result<(), Failure>>>,
}

/// The errand of each run: a whole snapshot of the core domains.
fn errand(dir: &Path, now: DateTime<Utc>, clock: &Arc<HandClock>) -> Result<Errand, Failure> {
    let workspace = Workspace::open(dir, None)?;
    let mut profile = profile(&workspace, Some(Tier::Content));
    profile.retain(is_core);
    let options = RunOptions {
        selection: Selection(profile.clone()),
        profile,
        by_cadence: false,
        targeted: false,
        heard: Touched::default(),
        max_requests: None,
        accepted_removals: BTreeSet::new(),
        effect: Effect::Commit,
        now,
        clock: clock.clone(),
    };
    Ok(Errand { workspace, secrets: SecretKey::new(KEY).unwrap(), options, telling: None })
}

impl Watched {
    pub(crate) fn begin() -> Self {
        Self::begin_with(|_, _| {})
    }

    /// Begins to watch after something was done to the organisation or the trail.
    pub(crate) fn begin_with(before: impl FnOnce(&Org, &TestTrail)) -> Self {
        let (org, trail, clock) =
            (Org::start(Scale::Small, DAY_SEED), TestTrail::new(), Arc::new(HandClock::default()));
        before(&org, &trail);
        let (tell, told) = channel();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (dir, time, environment) = (trail.path().to_owned(), Arc::clone(&clock), org.environment());
        let thread = std::thread::spawn(move || {
            let settings = Workspace::open(&dir, None).unwrap().config;
            let connection = Environment::from_map(environment).connection(&settings).unwrap();
            let present = Arc::clone(&time);
            let options = WatchOptions {
                pacing: Pacing {
                    every: Duration::from_secs(900),
                    settle: Duration::from_secs(20),
                    longest: Duration::from_secs(60),
                    gap: Duration::from_secs(60),
                    retry: Duration::from_secs(30),
                    busy: Duration::from_secs(30),
                },
                poll: Duration::from_secs(60),
                clock: time.clone(),
                present: Arc::new(move || morning() + TimeDelta::from_std(present.now()).unwrap()),
            };
            let until = async { drop(stopped.await) };
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(watch(connection, &|now| errand(&dir, now, &time), &options, &Teller(tell), until))
        });
        Self { org, trail, clock, told, all: Vec::new(), stop: Some(stop), thread: Some(thread) }
    }

    /// Begins, and waits until the first run was made and notifications come.
    pub(crate) fn settled() -> Self {
        let mut watched = Self::begin();
        watched.run(Trigger::Schedule);
        watched.until(&Told::Connected(true));
        watched
    }

    /// Waits until something is told.
    #[track_caller]
    pub(crate) fn wait(&mut self, is_it: impl Fn(&Told) -> bool) -> Told {
        loop {
            let Ok(told) = self.told.recv_timeout(PATIENCE) else { panic!("nothing more is told: {:#?}", self.all) };
            self.all.push(told.clone());
            if is_it(&told) {
                return told;
            }
        }
    }

    #[track_caller]
    pub(crate) fn until(&mut self, wanted: &Told) {
        self.wait(|told| told == wanted);
    }

    /// Waits until every event that was sent so far has been heard, so that none comes later and puts a run off.
    #[track_caller]
    pub(crate) fn heard(&mut self) {
        let heard = |told: &Told| if let Told::Happened(Source::Notification, events) = told { *events } else { 0 };
        let sent = usize::try_from(self.org.running.notifications().events_sent()).unwrap();
        let mut left = sent - self.all.iter().map(heard).sum::<usize>();
        assert!(left > 0, "nothing was sent that was not heard before");
        while left > 0 {
            left -= heard(&self.wait(|told| heard(told) > 0));
        }
    }

    /// Waits for so many events of a source.
    #[track_caller]
    pub(crate) fn events(&mut self, source: Source, count: usize) {
        let mut left = count;
        while left > 0 {
            if let Told::Happened(_, events) =
                self.wait(|told| matches!(told, Told::Happened(from, _) if *from == source))
            {
                left -= events.min(left);
            }
        }
    }

    /// Waits for the next run, which has to be for this; answers its outcome, and how many changes it saw.
    #[track_caller]
    pub(crate) fn run(&mut self, wanted: Trigger) -> (&'static str, u64) {
        let ran = self.wait(|told| matches!(told, Told::Ran { .. }));
        let Told::Ran { trigger, outcome, changes, .. } = ran else { panic!("{ran:?}") };
        assert_eq!(trigger, wanted, "{:#?}", self.all);
        (outcome, changes)
    }

    /// Lets somebody do something, now.
    pub(crate) fn act(&self, by: &str, edit: &str) {
        let text = format!("[[edit]]\nat = \"00:00\"\nby = \"{by}\"\n{edit}");
        let at = morning() + TimeDelta::from_std(self.clock.now()).unwrap();
        for edit in Script::read(&text).unwrap().edits {
            self.org.running.world(|world| world.act(&edit, at)).unwrap();
        }
    }

    pub(crate) fn warnings(&self, word: &str) -> usize {
        self.all.iter().filter(|told| matches!(told, Told::Warning(text) if text.contains(word))).count()
    }

    /// Ends watching, as a signal does.
    pub(crate) fn end(&mut self) -> Result<(), Failure> {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap()
    }
}
