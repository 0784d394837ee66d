//! Runs of flows in the simulated org: which there were, jobs that make their records ready, and downloads that expire.
//!
//! What a run is like follows from `schemas/sim/executions.toml`, the seed and its moment; nothing is made before somebody asks for its
//! minute. What goes wrong is in [`ExecutionFaults`].
//!
//! Limits: criteria about bots and about outputs of actions find nothing, as no run has any.

mod ask;
mod jobs;
mod recipe;
mod stream;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

pub(super) use ask::answer;
use jobs::Job;
use stream::Stream;

use super::world::World;
pub(super) use jobs::{DOWNLOADS, download};

/// The runs of flows of an org, as far as they do not follow from its seed.
#[derive(Clone, Debug, Default)]
pub struct Executions {
    /// What goes wrong.
    pub faults: ExecutionFaults,
    /// The present; the clock of the server where there is none.
    pub present: Option<DateTime<Utc>>,
    /// How many runs begin in a minute; as the data says where it is none.
    pub per_minute: Option<usize>,
    /// Times in which a flow fails.
    pub episodes: Vec<Episode>,
    /// Moments at which many runs begin at once.
    pub crowds: Vec<Crowd>,
    jobs: BTreeMap<String, Job>,
    made: u64,
}

/// A time in which a flow fails.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// The name of the flow.
    pub flow: String,
    /// When it begins.
    pub from: DateTime<Utc>,
    /// When it is over.
    pub to: DateTime<Utc>,
    /// What its runs say.
    pub reason: String,
    /// The share of its runs that fail.
    pub share: f64,
}

/// Runs that begin at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// When.
    pub at: DateTime<Utc>,
    /// How many.
    pub count: usize,
}

/// What goes wrong with jobs and downloads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExecutionFaults {
    /// How many of the next jobs end as failed.
    pub failing_jobs: u32,
    /// How many of the next records that a job is for fail in it.
    pub failing_records: u32,
    /// How many of the next signatures have expired when they are given out.
    pub expired_signatures: u32,
    /// How often a job is asked for before it is done, beyond the first time.
    pub polls: u32,
    /// The share of runs whose record is gone for good.
    pub gone: f64,
}

impl Executions {
    /// What a request finds the present to be.
    pub(super) fn now(&self, clock: DateTime<Utc>) -> DateTime<Utc> {
        self.present.unwrap_or(clock)
    }
}

impl World {
    /// The ids of the runs that began in a span and can be found by now, in order of time.
    #[must_use]
    pub fn runs_between(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<String> {
        let stream = Stream::of(self);
        let now = self.executions().present.unwrap_or(to);
        let runs = (Stream::minute(from)..=Stream::minute(to)).flat_map(|minute| stream.runs(minute));
        let found = runs.filter(|run| from <= run.started && run.started < to && run.found <= now);
        found.map(|run| run.id).collect()
    }
}
