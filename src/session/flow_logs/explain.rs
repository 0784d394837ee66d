//! Which changes may have made flows fail: the errors of a window, and what was changed before they began.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::question::flow_domain;
use super::{FlowLogTask, FlowLogTools, limits_of};
use crate::audit::{Direction, Graph, Node, walk};
use crate::config::Connection;
use crate::execution::{Candidate, Instance, Onset, Part, Tally, Weights, Window, onset};
use crate::flowlog::FlowLog;
use crate::model::EntityKey;
use crate::policy::ClassifiedChange;
use crate::report::suspects::FailingFlow;
use crate::session::compare::compare;
use crate::session::run::client;
use crate::session::time::instant;
use crate::session::{Exit, Exits, Failure, Observer, Workspace, archive};
use crate::trail::CommitId;

/// The most flows that are explained at once: those with the most errors.
const MOST_FLOWS: usize = 5;

/// Asks for the errors of a window, and ranks what was changed before they began, flow by flow; those of a question that
/// [`check_question`](super::check_question) let pass.
pub async fn explain(
    workspace: &Workspace,
    connection: Connection,
    task: &FlowLogTask,
    tools: &FlowLogTools,
    observer: &dyn Observer,
) -> Result<(Vec<FailingFlow>, Exits), Failure> {
    let client = client(workspace, connection, tools.clock.clone(), None)?;
    let log = FlowLog::new(&client, &tools.journal, limits_of(workspace), tools.present.clone());
    let mut tally = Tally::default();
    let mut errors: BTreeMap<String, Vec<Instance>> = BTreeMap::new();
    let mut asked = crate::execution::Asked::new(task.window);
    while let Some(part) = asked.next() {
        let answer = log.query(task.criteria.body(&part), &part).await?;
        match asked.answered(answer.results) {
            Part::Again => continue,
            Part::Incomplete => tally.incomplete(&part),
            Part::Whole => {}
        }
        let mut instances: Vec<Instance> =
            answer.entries.into_iter().filter_map(|entry| Instance::read(entry).ok()).collect();
        instances.sort_by(|left, right| left.order().cmp(&right.order()));
        for instance in instances.into_iter().filter(|instance| instance.error_reason.is_some()) {
            if let Some(flow) = instance.flow_id.clone() {
                errors.entry(flow).or_default().push(instance);
            }
        }
    }
    let mut exits = Exits::default();
    if tally.is_partial() {
        exits.add(Exit::Partial);
        observer.warn("there were more errors at one instant than a query tells, so their number is a lower bound");
    }
    let mut flows: Vec<(String, Vec<Instance>)> = errors.into_iter().collect();
    flows.sort_by_key(|(_, errors)| std::cmp::Reverse(errors.len()));
    if flows.len() > MOST_FLOWS {
        let left = flows.len() - MOST_FLOWS;
        observer.note(&format!("{left} more flows had fewer errors; `--flow` asks for one of them"));
        flows.truncate(MOST_FLOWS);
    }
    let reach = Reaches::of(workspace)?;
    let explained = flows.into_iter().map(|(flow, errors)| reach.explain(flow, &errors, &task.window, observer));
    Ok((explained.collect::<Result<_, _>>()?, exits))
}

/// What is on record, and how what changed is weighed.
struct Reaches<'w> {
    workspace: &'w Workspace,
    graph: Graph,
    weights: Weights,
}

impl<'w> Reaches<'w> {
    fn of(workspace: &'w Workspace) -> Result<Self, Failure> {
        let archive = archive(workspace, workspace.tip()?)?;
        Ok(Self {
            workspace,
            graph: Graph::of(&workspace.catalogue, &archive)?,
            weights: Weights::built_in().map_err(|error| Failure::of(Exit::Internal, &error))?,
        })
    }

    fn explain(
        &self,
        flow: String,
        errors: &[Instance],
        window: &Window,
        observer: &dyn Observer,
    ) -> Result<FailingFlow, Failure> {
        let times: Vec<DateTime<Utc>> = errors.iter().map(|error| error.started).collect();
        let nothing = || Failure::new(Exit::Internal, "there are no errors to explain");
        let onset = onset(&times, window.from, window.to).ok_or_else(nothing)?;
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for reason in errors.iter().filter_map(|error| error.error_reason.clone()) {
            *reasons.entry(reason).or_default() += 1;
        }
        let node = self.graph.node(&flow_domain()?, &EntityKey::new(&flow));
        let distances = node.map(|node| self.distances(node)).unwrap_or_default();
        let mut candidates = self.candidates(&onset, &distances, observer)?;
        let out_of_reach = candidates.iter().filter(|candidate| candidate.distance.is_none()).count();
        candidates.retain(|candidate| candidate.distance.is_some());
        Ok(FailingFlow {
            name: errors.iter().rev().find_map(|error| error.flow_name.clone()),
            suspects: self.weights.ranked(&onset, candidates),
            is_on_record: node.is_some(),
            flow,
            onset,
            reasons,
            out_of_reach,
        })
    }

    /// How far everything is away that a flow uses.
    fn distances(&self, flow: Node) -> BTreeMap<Node, usize> {
        let visits = walk(&self.graph, flow, Direction::Down, Some(self.weights.depth), |link, _| link.kind.passes);
        visits.into_iter().map(|visit| (visit.node, visit.depth)).chain([(flow, 0)]).collect()
    }

    /// The changes of every run that may have seen the cause: those since some time before the errors began, and the first after it.
    fn candidates(
        &self,
        onset: &Onset,
        distances: &BTreeMap<Node, usize>,
        observer: &dyn Observer,
    ) -> Result<Vec<Candidate>, Failure> {
        let since = self.weights.since(onset.began);
        let mut candidates = Vec::new();
        for (before, after) in self.states(since, onset.began)? {
            let set = compare(self.workspace, before.0, after.0, observer)?;
            for change in &set.changes {
                candidates.push(self.candidate(change, (before.1, after), distances));
            }
        }
        Ok(candidates)
    }

    /// The states that runs saw, each with the one before, newest first: one beyond either end.
    fn states(&self, since: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<(Seen, Seen)>, Failure> {
        let Some(tip) = self.workspace.tip()? else { return Ok(Vec::new()) };
        let mut pairs = Vec::new();
        let mut later: Option<(String, Seen)> = None;
        for commit in self.workspace.trail.first_parents(&tip) {
            let commit = commit?;
            let Some(run) = commit.trailer(crate::record::trailer::RUN).map(ToOwned::to_owned) else { continue };
            let at = DateTime::from_timestamp(commit.committer.seconds, 0).unwrap_or_default();
            let seen = Seen(commit.id, at);
            match &later {
                Some((last, _)) if *last == run => {}
                Some((_, newer)) => {
                    if seen.1 <= until && newer.1 >= since {
                        pairs.push((seen, *newer));
                    }
                    later = Some((run, seen));
                }
                None => later = Some((run, seen)),
            }
            if at < since {
                break;
            }
        }
        Ok(pairs)
    }

    fn candidate(
        &self,
        classified: &ClassifiedChange,
        (before, after): (DateTime<Utc>, Seen),
        distances: &BTreeMap<Node, usize>,
    ) -> Candidate {
        let ClassifiedChange { change, name, judgement, attribution, fingerprint, .. } = classified;
        let recorded = attribution.actors.iter().filter_map(|actor| instant(&actor.at)).max();
        let keys = change.previous_key.iter().chain([&change.key]);
        let nodes = keys.flat_map(|key| {
            let ends = self.graph.ends(&change.domain, key).into_iter().flat_map(|(from, to)| [from, to]).flatten();
            self.graph.node(&change.domain, key).into_iter().chain(ends)
        });
        Candidate {
            fingerprint: fingerprint.clone(),
            commit: after.0.to_string(),
            domain: change.domain.clone(),
            key: change.key.clone(),
            name: name.clone(),
            severity: judgement.severity,
            message: judgement.message.clone(),
            actors: attribution.actors.clone(),
            earliest: recorded.unwrap_or(before),
            latest: recorded.unwrap_or(after.1),
            distance: nodes.filter_map(|node| distances.get(&node).copied()).min(),
        }
    }
}

/// A state with when it was seen.
#[derive(Clone, Copy)]
struct Seen(CommitId, DateTime<Utc>);
