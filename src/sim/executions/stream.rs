//! Which runs there were: minute by minute, each minute for itself.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::api::domain_at;
use super::super::rng::Rng;
use super::super::world::World;
use super::Executions;
use super::recipe::{Reasons, Recipe};
use crate::model::{OwnedValue, Value};

/// Where flows are listed.
const FLOWS: &str = "/api/v2/flows";

/// Milliseconds of a minute.
const MINUTE: i64 = 60_000;

/// The longest that a run lasts, in milliseconds.
const LONGEST: usize = 240_000;

/// Within so many milliseconds half of a burst begins.
const AT_ONCE: usize = 200;

/// A flow that runs.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) version: String,
}

/// A run.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) started: DateTime<Utc>,
    pub(super) ended: DateTime<Utc>,
    /// When it can be found.
    pub(super) found: DateTime<Utc>,
    /// The place of its flow among all.
    pub(super) flow: usize,
    pub(super) conversation: String,
    pub(super) error: Option<String>,
    pub(super) warning: Option<String>,
}

/// A minute, as far as it decides which runs began in it.
struct Minute {
    number: i64,
    /// How many began by themselves.
    of_itself: usize,
    is_burst: bool,
    /// When the others did.
    crowds: Vec<DateTime<Utc>>,
}

impl Minute {
    fn count(&self) -> usize {
        self.of_itself + self.crowds.len()
    }
}

/// The runs of an org.
pub(super) struct Stream<'w> {
    pub(super) flows: Vec<Flow>,
    pub(super) seed: u64,
    executions: &'w Executions,
    recipe: &'static Recipe,
}

impl<'w> Stream<'w> {
    pub(super) fn of(world: &'w World) -> Self {
        let text = |value: &OwnedValue, name| value.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        let flow = |value: &OwnedValue| {
            Some(Flow {
                id: text(value, "id")?,
                name: text(value, "name")?,
                kind: text(value, "type")?.to_lowercase(),
                version: text(value.get("publishedVersion")?, "id")?,
            })
        };
        let members = domain_at(world, FLOWS).map(|domain| world.members(&domain.id));
        let flows =
            members.iter().flat_map(|members| members.iter()).filter_map(|member| flow(&member.value)).collect();
        Self { flows, seed: world.seed(), executions: world.executions(), recipe: Recipe::embedded() }
    }

    /// The minute of a moment.
    pub(super) fn minute(at: DateTime<Utc>) -> i64 {
        at.timestamp_millis().div_euclid(MINUTE)
    }

    /// The runs that began in a minute, in order of time.
    pub(super) fn runs(&self, minute: i64) -> Vec<Run> {
        let made = self.minute_of(minute);
        let mut runs: Vec<Run> = (0..made.count()).filter_map(|index| self.run(&made, index)).collect();
        runs.sort_by(|left, right| (left.started, &left.id).cmp(&(right.started, &right.id)));
        runs
    }

    /// The run of an id; `None` for an id that none has.
    pub(super) fn find(&self, id: &str) -> Option<Run> {
        let (minute, index) =
            (i64::from_str_radix(id.get(..8)?, 16).ok()?, usize::from_str_radix(id.get(9..13)?, 16).ok()?);
        let made = self.minute_of(minute);
        (index < made.count()).then(|| self.run(&made, index)).flatten().filter(|run| run.id == id)
    }

    /// What decides which runs began in a minute.
    fn minute_of(&self, number: i64) -> Minute {
        if self.flows.is_empty() {
            return Minute { number, of_itself: 0, is_burst: false, crowds: Vec::new() };
        }
        let mean = self.executions.per_minute.unwrap_or(self.recipe.per_minute);
        let is_burst = Rng::keyed(self.seed, &["burst", &number.to_string()]).chance(self.recipe.burst.share);
        let count = mean / 2 + Rng::keyed(self.seed, &["minute", &number.to_string()]).below(mean + 1);
        let of_minute = self.executions.crowds.iter().filter(|crowd| Self::minute(crowd.at) == number);
        Minute {
            number,
            of_itself: if is_burst { count * self.recipe.burst.times } else { count },
            is_burst,
            crowds: of_minute.flat_map(|crowd| std::iter::repeat_n(crowd.at, crowd.count)).collect(),
        }
    }

    fn run(&self, made: &Minute, index: usize) -> Option<Run> {
        let minute = made.number;
        let mut rng = Rng::keyed(self.seed, &["run", &minute.to_string(), &index.to_string()]);
        let made_up = rng.uuid();
        let id = format!("{minute:08x}-{index:04x}{}", &made_up[13..]);
        let within = if made.is_burst && rng.chance(0.5) { AT_ONCE } else { 60_000 };
        let begin = DateTime::from_timestamp_millis(minute * MINUTE + i64::try_from(rng.below(within)).ok()?)?;
        let started = if index < made.of_itself { begin } else { *made.crowds.get(index - made.of_itself)? };
        let seconds = rng.below(5);
        let late = if rng.chance(self.recipe.late.share) { 60 * self.recipe.late.minutes } else { seconds };
        let flow = rng.below(self.flows.len());
        let error = self.failing(flow, started, &mut rng).or_else(|| reason(&self.recipe.errors, &mut rng));
        Some(Run {
            ended: started + TimeDelta::milliseconds(i64::try_from(rng.below(LONGEST)).ok()?),
            found: started + TimeDelta::seconds(i64::try_from(rng.below(late + 1)).ok()?),
            conversation: rng.uuid(),
            warning: reason(&self.recipe.warnings, &mut rng),
            id,
            started,
            flow,
            error,
        })
    }

    fn failing(&self, flow: usize, started: DateTime<Utc>, rng: &mut Rng) -> Option<String> {
        let name = &self.flows.get(flow)?.name;
        let mut episodes = self.executions.episodes.iter();
        let episode = episodes.find(|one| one.flow == *name && one.from <= started && started < one.to)?;
        rng.chance(episode.share).then(|| episode.reason.clone())
    }
}

fn reason(reasons: &Reasons, rng: &mut Rng) -> Option<String> {
    if rng.chance(reasons.share) { rng.pick(&reasons.reasons).cloned() } else { None }
}
