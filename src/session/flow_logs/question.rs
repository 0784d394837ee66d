//! The question that records of flows are asked for by, and whether it can be asked.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::forward::unkept;
use super::{FlowLogTools, limits_of, state_folder};
use crate::canonical::{Digest, compact, read_str};
use crate::config::Connection;
use crate::execution::{Capabilities, Checks, Criteria, Window, WindowLimits};
use crate::flowlog::{FlowLog, private_folder, whole_path};
use crate::model::DomainId;
use crate::session::history::History;
use crate::session::run::client;
use crate::session::{Exit, Failure, Workspace};

/// What the organisation said that it can be asked by, in the folder of the state.
const CAPABILITIES: &str = "capabilities.json";

/// What is asked for.
#[derive(Clone, Debug)]
pub struct FlowLogTask {
    /// What has to hold of a run.
    pub criteria: Criteria,
    /// When it has to have begun.
    pub window: Window,
    /// How much is wanted of it.
    pub wish: Wish,
    /// What is done with what stands in clear.
    pub clear: Clear,
    /// Where records go, in words: it tells runs apart that ask for the same.
    pub destination: String,
}

/// How much is wanted of a run of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// What the query tells.
    Index,
    /// All that is recorded.
    Data,
}

/// What is done with what stands in clear and should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clear {
    /// It is masked before it is kept or sent.
    Mask,
    /// It is told of, and stays.
    Keep,
}

/// What can be asked by: as the organisation said last, else as the contract says.
pub fn capabilities(workspace: &Workspace) -> Result<Capabilities, Failure> {
    let known = Capabilities::built_in().map_err(|error| Failure::of(Exit::Internal, &error))?;
    let kept = std::fs::read_to_string(state_folder(workspace).join(CAPABILITIES)).ok();
    let told =
        kept.as_deref().and_then(|text| read_str(text).ok()).and_then(|answer| known.told_by(&answer.into_owned()));
    Ok(told.unwrap_or(known))
}

/// Everything that is wrong with a question, before anything is sent.
pub fn check_question(workspace: &Workspace, task: &FlowLogTask, now: DateTime<Utc>) -> Result<(), Failure> {
    let settings = &workspace.config.flow_logs;
    let length = |time: Duration| TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX);
    let limits = WindowLimits { longest: length(settings.longest_window), retention: length(settings.retention) };
    let mut lines: Vec<String> = task.window.problems(limits, now).iter().map(ToString::to_string).collect();
    let known = capabilities(workspace)?;
    lines.extend(task.criteria.problems(&known).iter().map(ToString::to_string));
    refused(&lines)
}

pub(super) fn refused(lines: &[String]) -> Result<(), Failure> {
    if lines.is_empty() {
        return Ok(());
    }
    let failure = Failure::new(Exit::Usage, lines.join("\n"));
    Err(failure
        .hint("no query was sent; `orgtrail flow-logs --capabilities` tells what the organisation can be asked by"))
}

/// The key of the flow that is meant by an id or a name.
pub fn flow_key(workspace: &Workspace, wanted: &str) -> Result<String, Failure> {
    let domain = flow_domain()?;
    if is_id(wanted) || workspace.tip()?.is_none() {
        return Ok(wanted.to_owned());
    }
    Ok(History::of(workspace)?.key(&domain, wanted)?.as_str().to_owned())
}

pub(super) fn flow_domain() -> Result<DomainId, Failure> {
    let checks = Checks::built_in().map_err(|error| Failure::of(Exit::Internal, &error))?;
    Ok(checks.domain().clone())
}

/// Whether a text has the form of an id, so that a flow that is not on record can be asked for as well.
fn is_id(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Refuses a place in the trail that git would take.
pub fn refuse_in_trail(workspace: &Workspace, place: &Path) -> Result<(), Failure> {
    let whole = whole_path(place);
    if !workspace.trail.would_hold(&whole)? {
        return Ok(());
    }
    let message = format!("{} lies in the trail, and records of flows do not belong into its history", place.display());
    Err(Failure::new(Exit::Usage, message).hint("name a place outside of it, or one that its .gitignore names"))
}

/// Asks the organisation what it can be asked by, and keeps the answer.
pub async fn ask_capabilities(
    workspace: &Workspace,
    connection: Connection,
    tools: FlowLogTools,
) -> Result<Capabilities, Failure> {
    let client = client(workspace, connection, Arc::clone(&tools.clock), None)?;
    let log = FlowLog::new(&client, &tools.journal, limits_of(workspace), Arc::clone(&tools.present));
    learn(workspace, &log).await
}

pub(super) async fn learn(workspace: &Workspace, log: &FlowLog<'_>) -> Result<Capabilities, Failure> {
    let answer = log.capabilities().await?;
    let known = Capabilities::built_in().map_err(|error| Failure::of(Exit::Internal, &error))?;
    let told = known.told_by(&answer).ok_or_else(|| {
        Failure::new(Exit::Upstream, "the organisation did not say what runs of flows can be asked by")
            .hint("run again")
    })?;
    let folder = state_folder(workspace);
    private_folder(&folder).map_err(unkept)?;
    std::fs::write(folder.join(CAPABILITIES), compact(&answer)).map_err(|error| {
        Failure::new(Exit::Upstream, format!("could not write {}: {error}", folder.join(CAPABILITIES).display()))
    })?;
    Ok(told)
}

/// What tells a question from others: what is asked, and what is done with the answer, whenever that is.
pub(super) fn question_of(task: &FlowLogTask) -> String {
    let FlowLogTask { criteria, wish, clear, destination, .. } = task;
    let text = format!("{}\n{wish:?}\n{clear:?}\n{destination}", criteria.digest());
    let mut digits = Digest::of(text.as_bytes()).to_string();
    digits.truncate(16);
    digits
}
