//! Which run is due when: those of the schedule, and those that events ask for.
//!
//! Events are taken together: the first one arms a timer, the ones after it move it, up to a limit, and one run takes all that
//! came before it began. What comes while a run is under way arms the next one, and so does what a failed run had taken. Event
//! runs that find nothing come further and further apart, because some topics tell of more than configuration.

use std::time::Duration;

/// The paces of a process that watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pacing {
    /// From the begin of a scheduled run to the begin of the next.
    pub every: Duration,
    /// How long after the last event its run begins.
    pub settle: Duration,
    /// How long after the first event its run begins at the latest, if nothing else is in the way.
    pub longest: Duration,
    /// From the begin of a run for events to the begin of the next, at least.
    pub gap: Duration,
    /// The wait after a failed run; it doubles with each further one, up to `every`.
    pub retry: Duration,
    /// The wait where another run holds the trail.
    pub busy: Duration,
}

/// Why a run is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trigger {
    /// It is time.
    Schedule,
    /// Something happened.
    Event,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Begin a run.
    Begin(Trigger),
    /// Wait until an instant, unless something happens before.
    WaitUntil(Duration),
    /// Let the run that is under way end.
    Run,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It saw changes.
    Changed,
    /// There was nothing to see.
    Unchanged,
    /// It failed, and what it was made for is still to be done.
    Failed,
    /// It could not begin, because another one holds the trail.
    Busy,
}

/// Decides when runs begin.
#[derive(Clone, Debug)]
pub struct Scheduler {
    pacing: Pacing,
    /// When the last scheduled run began that did not fail.
    scheduled: Option<Duration>,
    /// When the last run for events began.
    for_events: Option<Duration>,
    /// The gap between runs for events that holds now.
    gap: Duration,
    waiting: Option<Events>,
    running: Option<Running>,
    failures: u32,
    /// Nothing begins before.
    held_until: Duration,
}

/// Events that no run has taken.
#[derive(Clone, Copy, Debug)]
struct Events {
    first: Duration,
    last: Duration,
}

/// The run that is under way.
#[derive(Clone, Copy, Debug)]
struct Running {
    trigger: Trigger,
    began: Duration,
    taken: Option<Events>,
}

impl Trigger {
    /// The word for it, in lines, labels and documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Event => "event",
        }
    }
}

impl Events {
    fn with(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

impl Scheduler {
    /// Begins with a scheduled run that is due at once.
    #[must_use]
    pub fn new(pacing: Pacing) -> Self {
        Self {
            gap: pacing.gap,
            pacing,
            scheduled: None,
            for_events: None,
            waiting: None,
            running: None,
            failures: 0,
            held_until: Duration::ZERO,
        }
    }

    /// Something happened that a run should look at.
    pub fn event(&mut self, at: Duration) {
        self.wait_for_run(Events { first: at, last: at });
    }

    /// What to do at an instant.
    #[must_use]
    pub fn next(&self, now: Duration) -> Next {
        if self.running.is_some() {
            return Next::Run;
        }
        let schedule = self.scheduled.map_or(Duration::ZERO, |began| began.saturating_add(self.pacing.every));
        let (due, trigger) = match self.events_due() {
            // What was due first comes first, so that neither kind of run starves the other.
            Some(events) if events < schedule => (events, Trigger::Event),
            _ => (schedule, Trigger::Schedule),
        };
        let due = due.max(self.held_until);
        if due <= now { Next::Begin(trigger) } else { Next::WaitUntil(due) }
    }

    /// A run begins. One for events takes all that came until now; a scheduled one does where it reads whatever an event can be
    /// about, which only its maker knows.
    pub fn begins(&mut self, trigger: Trigger, now: Duration, takes_events: bool) {
        let taken = if takes_events { self.waiting.take() } else { None };
        if trigger == Trigger::Event {
            self.for_events = Some(now);
        }
        self.running = Some(Running { trigger, began: now, taken });
    }

    /// The run that was under way ended.
    pub fn ended(&mut self, ended: Ended, now: Duration) {
        let Some(running) = self.running.take() else { return };
        match ended {
            Ended::Changed | Ended::Unchanged => {
                self.failures = 0;
                match (running.trigger, ended) {
                    (Trigger::Schedule, _) => self.scheduled = Some(running.began),
                    (Trigger::Event, Ended::Changed) => self.gap = self.pacing.gap,
                    (Trigger::Event, _) => {
                        self.gap = self.gap.saturating_mul(2).min(self.pacing.every.max(self.pacing.gap));
                    }
                }
            }
            Ended::Failed => {
                let wait = self.pacing.retry.saturating_mul(1 << self.failures.min(16));
                self.failures = self.failures.saturating_add(1);
                self.give_back(running, now, wait);
            }
            Ended::Busy => self.give_back(running, now, self.pacing.busy),
        }
    }

    /// How many runs in a row have failed.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    fn give_back(&mut self, running: Running, now: Duration, wait: Duration) {
        self.held_until = now.saturating_add(wait.min(self.pacing.every));
        if let Some(taken) = running.taken {
            self.wait_for_run(taken);
        }
        if running.trigger == Trigger::Event {
            self.for_events = None;
        }
    }

    fn wait_for_run(&mut self, events: Events) {
        self.waiting = Some(self.waiting.map_or(events, |waiting| waiting.with(events)));
    }

    fn events_due(&self) -> Option<Duration> {
        let Events { first, last } = self.waiting?;
        let settled = last.saturating_add(self.pacing.settle).min(first.saturating_add(self.pacing.longest));
        let apart = self.for_events.map_or(Duration::ZERO, |began| began.saturating_add(self.gap));
        Some(settled.max(apart))
    }
}
