//! Execution data of flows: from a question to records that are checked, masked, kept and sent.
//!
//! What was kept counts once it is in the checkpoint: an interrupted run goes on behind it, and what was written after it is cut off
//! first. Nothing of it goes into the trail.

mod explain;
mod forward;
mod levels;
mod question;

use std::fs::File;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

pub use explain::explain;
pub use forward::Receiver;
use forward::{Forwarding, unkept};
pub use levels::{RecordingFact, recording};
pub use question::{
    Clear, FlowLogTask, Wish, ask_capabilities, capabilities, check_question, flow_key, refuse_in_trail,
};
use question::{learn, question_of, refused};

use super::exit::{Exit, Exits};
use super::failure::Failure;
use super::observer::Observer;
use super::run::{client, refuse_other_org};
use super::workspace::{Workspace, archive};
use crate::capture::org_of;
use crate::config::Connection;
use crate::execution::{Asked, Checks, DataStatus, Instance, Kept, Leak, Part, Redaction, Window};
use crate::flowlog::{
    Checkpoint, CheckpointError, Entry, FlowLog, Journal, Limits, ReadFailure, Store, alone, private_folder,
};
use crate::genesys::{Client, Clock};
use crate::model::OwnedValue;
use crate::notify::Courier;
use crate::report::Findings;

/// Where the state of runs is, below the folder that holds the history.
const STATE: &str = "orgtrail/flow-logs";

/// Most records of a job.
const BATCH: usize = 50;

/// Tells the present.
pub type Present = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What a run works with.
pub struct FlowLogTools {
    /// The clock that waits go by.
    pub clock: Arc<dyn Clock>,
    /// What tells the present.
    pub present: Present,
    /// Where requests are noted.
    pub journal: Journal,
    /// Who gets the records.
    pub receivers: Vec<Receiver>,
    /// What sends to them.
    pub courier: Courier,
}

/// A run, or several one after the other.
pub struct FlowLogs<'w> {
    workspace: &'w Workspace,
    client: Client,
    org: String,
    task: FlowLogTask,
    checks: Checks,
    redaction: Redaction,
    journal: Journal,
    forwarding: Forwarding,
    clock: Arc<dyn Clock>,
    present: Present,
    checkpoint_path: PathBuf,
    checkpoint: Checkpoint,
    is_begun: bool,
    _lock: File,
}

/// What a run has brought.
pub struct Brought {
    /// How many records.
    pub records: u64,
    /// What is wrong with them.
    pub findings: Findings,
    /// How it ends.
    pub exits: Exits,
}

fn state_folder(workspace: &Workspace) -> PathBuf {
    workspace.trail.git_dir().join(STATE)
}

fn limits_of(workspace: &Workspace) -> Limits {
    let settings = &workspace.config.flow_logs;
    Limits { downloads: settings.downloads, record_bytes: settings.record_kib.saturating_mul(1024) }
}

impl<'w> FlowLogs<'w> {
    /// Begins: with a question that [`check_question`] let pass, it asks the organisation who it is and what it can be asked by.
    pub async fn open(
        workspace: &'w Workspace,
        connection: Connection,
        task: FlowLogTask,
        tools: FlowLogTools,
        observer: &dyn Observer,
    ) -> Result<Self, Failure> {
        let FlowLogTools { clock, present, journal, receivers, courier } = tools;
        let checks = Checks::built_in().map_err(|error| Failure::of(Exit::Internal, &error))?;
        let redaction = Redaction::new(&workspace.config.flow_logs.redaction).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Failure::new(Exit::Usage, lines.join("\n")).hint("`[flow_logs] patterns` has the patterns")
        })?;
        let state = state_folder(workspace);
        private_folder(&state).map_err(unkept)?;
        let question = question_of(&task);
        let lock = alone(&state.join(format!("{question}.lock"))).map_err(unkept)?.ok_or_else(|| {
            Failure::new(Exit::Upstream, "another run with the same question is under way").hint("wait for it to end")
        })?;
        let checkpoint_path = state.join(format!("{question}.json"));
        let known = Checkpoint::read(&checkpoint_path)?;
        let is_begun = known.is_some();
        let checkpoint = known.unwrap_or_else(|| Checkpoint::new(question.clone(), task.window.from, task.window.to));
        let waits = (Arc::clone(&clock), Arc::clone(&present));
        let forwarding = Forwarding::new(receivers, &state, &question, courier, waits)?;

        let client = client(workspace, connection, Arc::clone(&clock), None)?;
        let org = org_of(&client).await?;
        refuse_other_org(&archive(workspace, workspace.tip()?)?, &org)?;
        let log = FlowLog::new(&client, &journal, limits_of(workspace), Arc::clone(&present));
        match learn(workspace, &log).await {
            Ok(told) => {
                let problems = task.criteria.problems(&told);
                refused(&problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
            }
            Err(failure) => {
                observer.note(&format!("what can be asked by is taken from the contract: {}", failure.message));
            }
        }
        Ok(Self {
            workspace,
            client,
            org,
            task,
            checks,
            redaction,
            journal,
            forwarding,
            clock,
            present,
            checkpoint_path,
            checkpoint,
            is_begun,
            _lock: lock,
        })
    }

    /// Brings the records of the window.
    pub async fn retrieve(&mut self, store: &mut dyn Store, observer: &dyn Observer) -> Result<(), Failure> {
        let window = self.task.window;
        if self.is_begun {
            self.go_on(store, observer)?;
            if (self.checkpoint.from, self.checkpoint.to) != (window.from, window.to) {
                let (from, to) = (self.checkpoint.from.to_rfc3339(), self.checkpoint.to.to_rfc3339());
                let message = format!("a run over {from} to {to} was interrupted, and this one is over another window");
                return Err(Failure::new(Exit::Usage, message)
                    .hint("`--resume` finishes it first, `--restart` forgets it and keeps what it has brought"));
            }
        }
        self.forwarding.send_waiting(&self.journal).await?;
        let length = TimeDelta::milliseconds(self.checkpoint.part_ms);
        let asked = Asked::resumed(window, self.checkpoint.done_until, length);
        self.window(window, asked, store, Memory::None).await?;
        self.forwarding.send_waiting(&self.journal).await?;
        Ok(Checkpoint::remove(&self.checkpoint_path)?)
    }

    /// The window of a run that was interrupted.
    #[must_use]
    pub fn interrupted(&self) -> Option<Window> {
        self.is_begun.then_some(Window { from: self.checkpoint.from, to: self.checkpoint.to })
    }

    /// Takes the window of the run that was interrupted for its own.
    pub fn resume(&mut self) -> Result<(), Failure> {
        let window = self.interrupted().ok_or_else(|| {
            Failure::new(Exit::Usage, "no run with this question was interrupted").hint("leave `--resume` out")
        })?;
        self.task.window = window;
        Ok(())
    }

    /// Forgets how far a run has come that was interrupted; what it has brought stays.
    pub fn restart(&mut self, store: &mut dyn Store) -> Result<(), Failure> {
        if self.is_begun {
            store.cut(&self.checkpoint.files).map_err(unkept)?;
        }
        let Window { from, to } = self.task.window;
        self.checkpoint = Checkpoint::new(self.checkpoint.question.clone(), from, to);
        self.is_begun = false;
        Ok(Checkpoint::remove(&self.checkpoint_path)?)
    }

    /// Brings records as they come, until it is asked to end: one window after the other, each of which begins some time before
    /// the end of the last, as records can be late.
    pub async fn follow(
        &mut self,
        store: &mut dyn Store,
        (every, overlap): (Duration, Duration),
        ended: impl Future<Output = ()>,
        observer: &dyn Observer,
    ) -> Result<(), Failure> {
        let mut ended = pin!(ended);
        let overlap = TimeDelta::from_std(overlap).unwrap_or_default();
        if self.is_begun {
            self.go_on(store, observer)?;
        }
        loop {
            let round = async {
                self.forwarding.send_waiting(&self.journal).await?;
                let from = self.checkpoint.from.max(self.checkpoint.done_until - overlap);
                let window = Window { from, to: (self.present)() }.in_milliseconds();
                let asked = Asked::new(window);
                self.window(window, asked, store, Memory::Since(overlap)).await
            };
            let outcome = tokio::select! {
                outcome = round => Some(outcome),
                () = &mut ended => None,
            };
            match outcome {
                None => break,
                Some(Ok(())) => {}
                // The next round goes on where this one stopped.
                Some(Err(failure)) if matches!(failure.exit, Exit::Upstream) => observer.warn(&failure.message),
                Some(Err(failure)) => return Err(failure),
            }
            self.step_back(store)?;
            self.client = self.client.another(None);
            tokio::select! {
                () = self.clock.sleep(every) => {}
                () = &mut ended => break,
            }
        }
        self.step_back(store)
    }

    /// Takes back what was begun behind the checkpoint.
    fn step_back(&mut self, store: &mut dyn Store) -> Result<(), Failure> {
        if store.can_resume()
            && let Some(kept) = Checkpoint::read(&self.checkpoint_path)?
        {
            self.checkpoint = kept;
        }
        store.cut(&self.checkpoint.files).map_err(unkept)
    }

    /// Brings the records of single runs.
    pub async fn single(&mut self, ids: &[String], store: &mut dyn Store) -> Result<(), Failure> {
        self.forget_window();
        self.forwarding.send_waiting(&self.journal).await?;
        for batch in ids.chunks(BATCH) {
            let mut data = self.log().data(batch).await?;
            let mut kept = Vec::new();
            for id in batch {
                match data.remove(id) {
                    Some(Ok(mut value)) => {
                        let leaks = self.treat(&mut value);
                        kept.push(Kept::of(&self.org, id.clone(), (self.present)(), ("data", value), &leaks));
                    }
                    Some(Err(unavailable)) => self.checkpoint.found.unavailable(id, &unavailable.0),
                    None => self.checkpoint.found.unavailable(id, "the job does not tell of it"),
                }
            }
            self.keep(&kept, store).await?;
        }
        self.forwarding.send_waiting(&self.journal).await
    }

    /// Brings what is known of runs that somebody launched.
    pub async fn launched(&mut self, ids: &[String], store: &mut dyn Store) -> Result<(), Failure> {
        self.forget_window();
        for id in ids {
            let mut value = self.log().execution(id).await?;
            let leaks = self.treat(&mut value);
            let kept = Kept::of(&self.org, id.clone(), (self.present)(), ("execution", value), &leaks);
            self.keep(&[kept], store).await?;
        }
        Ok(())
    }

    /// What was brought, and how it ends.
    pub fn finish(self, observer: &dyn Observer) -> Result<Brought, Failure> {
        let mut exits = Exits::default();
        if self.checkpoint.found.is_partial() {
            exits.add(Exit::Partial);
        }
        if self.forwarding.tell(observer)? {
            exits.add(Exit::Delivery);
        }
        let findings = self.checks.findings(&self.checkpoint.found);
        let entry = Entry {
            from: Some(self.task.window.from),
            to: Some(self.task.window.to),
            records: self.checkpoint.records,
            ..Entry::new("run", Duration::ZERO, if exits.code() == 0 { "ok" } else { "partial" })
        };
        self.journal.note((self.present)(), &entry).map_err(unkept)?;
        let findings = Findings::arranged("Flow execution data", None, findings);
        Ok(Brought { records: self.checkpoint.records, findings, exits })
    }

    /// Counts anew, for records that no window has.
    fn forget_window(&mut self) {
        let Window { from, to } = self.task.window;
        self.checkpoint = Checkpoint::new(self.checkpoint.question.clone(), from, to);
    }

    /// Brings what is kept in step with the checkpoint.
    fn go_on(&mut self, store: &mut dyn Store, observer: &dyn Observer) -> Result<(), Failure> {
        if !store.can_resume() {
            let message = "a run that wrote to a file was interrupted, and standard output cannot be gone on with";
            return Err(Failure::new(Exit::Usage, message).hint("`--restart` forgets it"));
        }
        store.cut(&self.checkpoint.files).map_err(unkept)?;
        let (records, until) = (self.checkpoint.records, self.checkpoint.done_until.to_rfc3339());
        observer.note(&format!("goes on behind {until}, with {records} records kept"));
        Ok(())
    }

    fn log(&self) -> FlowLog<'_> {
        FlowLog::new(&self.client, &self.journal, limits_of(self.workspace), Arc::clone(&self.present))
    }

    async fn window(
        &mut self,
        window: Window,
        mut asked: Asked,
        store: &mut dyn Store,
        memory: Memory,
    ) -> Result<(), Failure> {
        let retention = TimeDelta::from_std(self.workspace.config.flow_logs.retention).unwrap_or(TimeDelta::MAX);
        while let Some(part) = asked.next() {
            let answer = self.log().query(self.task.criteria.body(&part), &part).await?;
            let before = self.checkpoint.found.clone();
            match asked.answered(answer.results) {
                Part::Again => continue,
                Part::Incomplete => self.checkpoint.found.incomplete(&part),
                Part::Whole => {}
            }
            let oldest = (self.present)().checked_sub_signed(retention).unwrap_or(DateTime::<Utc>::MIN_UTC);
            let instances = self.instances(answer.entries, &part, oldest);
            let begins: Vec<DateTime<Utc>> = instances.iter().map(|instance| instance.started).collect();
            if store.about_to(&begins).map_err(unkept)? {
                // What is wrong with this part is found again by whoever asks for it again.
                let found = std::mem::replace(&mut self.checkpoint.found, before);
                self.note_checkpoint(store)?;
                self.checkpoint.found = found;
            }
            for batch in instances.chunks(BATCH) {
                let kept = self.records(batch).await?;
                self.keep(&kept, store).await?;
            }
            if let Memory::Since(_) = memory {
                self.checkpoint.recent.extend(instances.into_iter().map(|instance| (instance.id, instance.started)));
            }
            self.checkpoint.done_until = asked.done_until();
            self.checkpoint.part_ms = asked.length().num_milliseconds();
            self.note_checkpoint(store)?;
        }
        if let Memory::Since(overlap) = memory {
            self.checkpoint.recent.retain(|_, started| *started >= window.to - overlap);
            self.checkpoint.to = window.to;
            self.checkpoint.done_until = window.to;
            self.note_checkpoint(store)?;
        }
        Ok(())
    }

    /// What is to be kept of an answer, in order; what cannot be is counted.
    fn instances(&mut self, entries: Vec<OwnedValue>, part: &Window, oldest: DateTime<Utc>) -> Vec<Instance> {
        let mut instances = Vec::new();
        for entry in entries {
            match Instance::read(entry) {
                Ok(instance) => instances.push(instance),
                Err((entry, lacking)) => self.checkpoint.found.lacking(&entry, lacking.0),
            }
        }
        instances.sort_by(|left, right| left.order().cmp(&right.order()));
        instances.dedup_by(|left, right| left.id == right.id);
        instances.retain(|instance| !self.checkpoint.recent.contains_key(&instance.id));
        let (checks, found) = (&self.checks, &mut self.checkpoint.found);
        instances.retain(|instance| checks.look(instance, part, oldest, found));
        instances
    }

    /// The records of some runs, with their data where that is wanted.
    async fn records(&mut self, instances: &[Instance]) -> Result<Vec<Kept>, Failure> {
        let ids: Vec<String> = instances.iter().map(|instance| instance.id.clone()).collect();
        let mut data = match self.task.wish {
            Wish::Index => None,
            Wish::Data => Some(self.log().data(&ids).await?),
        };
        let mut kept = Vec::new();
        for instance in instances {
            let mut instance = instance.clone();
            let mut leaks = self.treat(&mut instance.entry);
            let (value, status) = match data.as_mut().map(|data| data.remove(&instance.id)) {
                None => (None, DataStatus::NotAsked),
                Some(Some(Ok(mut value))) => {
                    leaks.extend(self.treat(&mut value));
                    (Some(value), DataStatus::Complete)
                }
                Some(unavailable) => {
                    let cause = match &unavailable {
                        Some(Err(unavailable)) => unavailable.0.as_str(),
                        _ => "the job does not tell of it",
                    };
                    self.checkpoint.found.without_data(&instance, cause);
                    (None, DataStatus::Missing)
                }
            };
            self.checkpoint.found.leaked(&instance, &leaks);
            kept.push(Kept::new(&self.org, instance, value, status, &leaks));
        }
        Ok(kept)
    }

    /// Keeps records and sends them.
    async fn keep(&mut self, kept: &[Kept], store: &mut dyn Store) -> Result<(), Failure> {
        store.put(kept).map_err(unkept)?;
        self.checkpoint.records += kept.len() as u64;
        self.forwarding.send(kept, &self.journal).await
    }

    /// Looks for what stands in clear, and masks it where that is wanted.
    fn treat(&self, value: &mut OwnedValue) -> Vec<Leak> {
        match self.task.clear {
            Clear::Mask => self.redaction.mask(value),
            Clear::Keep => self.redaction.look(value),
        }
    }

    /// Takes note of how far it has come, where it could go on from there.
    fn note_checkpoint(&mut self, store: &mut dyn Store) -> Result<(), Failure> {
        if store.can_resume() {
            self.checkpoint.files = store.extent().map_err(unkept)?;
            self.checkpoint.write(&self.checkpoint_path)?;
            self.is_begun = true;
        }
        Ok(())
    }
}

/// What is remembered of the records that were kept.
#[derive(Clone, Copy, Debug)]
enum Memory {
    /// Nothing: no window overlaps another.
    None,
    /// Those that began in the last while.
    Since(TimeDelta),
}

impl From<ReadFailure> for Failure {
    fn from(error: ReadFailure) -> Self {
        match error {
            ReadFailure::Fetch(error) => error.into(),
            ReadFailure::Journal(error) => unkept(error),
            error => Self::of(Exit::Upstream, &error).hint("run again: what was kept counts"),
        }
    }
}

impl From<CheckpointError> for Failure {
    fn from(error: CheckpointError) -> Self {
        Self::of(Exit::Upstream, &error).hint("if it is damaged, `--restart` begins anew once the file is taken away")
    }
}
