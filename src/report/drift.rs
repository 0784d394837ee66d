//! What differs from what is agreed, since when, and what of it is over: for people, and `schemas/output/drift.v1.json`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::change_set::ChangeSet;
use super::json::{v1, write_document};
use super::markdown::{self, cell, code};
use super::notes::short_commit;
use super::shown::{counted, visible};
use super::style::Style;
use super::text;
use crate::model::{DomainId, EntityKey, Pointer, Severity, SeverityCounts};

/// What differs from what is agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The approval in force, its `from`, against what is observed.
    pub changes: ChangeSet,
    /// By the fingerprint of a change when it was first seen, as far as the history tells.
    pub first_seen: BTreeMap<String, Sighting>,
    /// What was accepted by the approval in force, or is over since, in order of time; empty where nobody asked for it.
    pub ended: Vec<Ended>,
}

/// When something was seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sighting {
    /// The instant, RFC 3339.
    pub at: String,
    /// The commit that recorded it.
    pub commit: String,
}

/// What became of a drift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It was agreed to.
    Accepted {
        /// By whom.
        by: String,
        /// Why; absent where the approval does not say.
        reason: Option<String>,
    },
    /// The place is again as agreed.
    Reverted,
    /// The place differs in another way.
    Replaced,
}

impl State {
    /// The word for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Reverted => "reverted",
            Self::Replaced => "replaced",
        }
    }
}

/// A drift that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What it was identified by from first sight.
    pub fingerprint: String,
    /// How it ended.
    pub state: State,
    /// The domain.
    pub domain: DomainId,
    /// The entity.
    pub key: EntityKey,
    /// What the entity is called.
    pub name: Option<String>,
    /// The field; absent where it was about the whole entity.
    pub path: Option<Pointer>,
    /// When it was first seen.
    pub first_seen: Option<Sighting>,
    /// When it was over.
    pub ended: Sighting,
}

/// Writes what differs for people.
pub fn render_text(drift: &Drift, style: Style, out: &mut dyn Write) -> io::Result<()> {
    text::render(&drift.changes, style, out)?;
    for change in &drift.changes.changes {
        if let Some(seen) = drift.first_seen.get(&change.fingerprint) {
            let name = change.name.as_deref().unwrap_or(change.change.key.as_str());
            let commit = short_commit(&seen.commit);
            writeln!(out, "  open since {} ({commit})  {}  {}", seen.at, change.fingerprint, visible(name))?;
        }
    }
    if !drift.ended.is_empty() {
        writeln!(out, "\n{}", counted(drift.ended.len() as u64, "drift is over", "drifts are over"))?;
        for ended in &drift.ended {
            writeln!(out, "  {}", visible(&ended_line(ended)))?;
        }
    }
    Ok(())
}

/// Writes what differs in Markdown.
pub fn render_markdown(drift: &Drift, out: &mut dyn Write) -> io::Result<()> {
    markdown::render(&drift.changes, out)?;
    if !drift.ended.is_empty() {
        writeln!(out, "\n| State | What | Place | Since | Until |\n|---|---|---|---|---|")?;
    }
    for ended in &drift.ended {
        let (since, until) = (ended.first_seen.as_ref().map_or("", |seen| &seen.at), &ended.ended.at);
        let what = format!("{} {}", cell(ended.domain.as_str()), cell(called(ended)));
        let place = ended.path.as_ref().map_or(String::new(), |path| cell(path.as_str()));
        let since = if since.is_empty() { String::new() } else { code(since) };
        writeln!(out, "| {} | {what} | {place} | {since} | {} |", ended.state.as_str(), code(until))?;
    }
    Ok(())
}

/// Writes the document.
pub fn render_json(drift: &Drift, out: &mut dyn Write) -> io::Result<()> {
    write_document(&document::Drift::of(drift), out)
}

fn called(ended: &Ended) -> &str {
    ended.name.as_deref().unwrap_or(ended.key.as_str())
}

fn ended_line(ended: &Ended) -> String {
    let mut line = format!("{} {} {} {}", ended.state.as_str(), ended.fingerprint, ended.domain, called(ended));
    if let Some(path) = &ended.path {
        line.extend([" ", path.as_str()]);
    }
    line.extend([" on ", &ended.ended.at]);
    if let State::Accepted { by, reason } = &ended.state {
        line.extend([" by ", by]);
        if let Some(reason) = reason {
            line.extend([": ", reason]);
        }
    }
    line
}

mod document {
    use serde::Serialize;

    use super::{BTreeMap, DomainId, Pointer, Severity, SeverityCounts, State, v1};
    use crate::report::drift;

    #[derive(Serialize)]
    pub(super) struct Drift<'d> {
        schema_version: u32,
        approved: Option<v1::Endpoint<'d>>,
        observed: Option<v1::Endpoint<'d>>,
        counts: SeverityCounts,
        below: Option<Severity>,
        baselines: &'d BTreeMap<DomainId, u64>,
        acknowledged: &'d BTreeMap<String, crate::model::Acknowledged>,
        open: Vec<Open<'d>>,
        ended: Vec<Ended<'d>>,
    }

    #[derive(Serialize)]
    struct Open<'d> {
        first_seen: Option<Sighting<'d>>,
        change: v1::Change<'d>,
    }

    #[derive(Serialize)]
    struct Sighting<'d> {
        at: &'d str,
        commit: &'d str,
    }

    #[derive(Serialize)]
    struct Ended<'d> {
        fingerprint: &'d str,
        state: &'static str,
        domain: &'d DomainId,
        entity: Entity<'d>,
        path: Option<&'d Pointer>,
        first_seen: Option<Sighting<'d>>,
        #[serde(rename = "ended")]
        at_last: Sighting<'d>,
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<&'d str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'d str>,
    }

    #[derive(Serialize)]
    struct Entity<'d> {
        id: &'d str,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'d str>,
    }

    impl<'d> Drift<'d> {
        pub(super) fn of(drift: &'d drift::Drift) -> Self {
            let set = &drift.changes;
            let open = set.changes.iter().map(|change| Open {
                first_seen: drift.first_seen.get(&change.fingerprint).map(Sighting::of),
                change: v1::Change::from(change),
            });
            Self {
                schema_version: 1,
                approved: set.from.as_ref().map(v1::Endpoint::from),
                observed: set.to.as_ref().map(v1::Endpoint::from),
                counts: set.counts(),
                below: set.left_out.map(|left_out| left_out.below),
                baselines: &set.baselines,
                acknowledged: &set.acknowledged,
                open: open.collect(),
                ended: drift.ended.iter().map(Ended::of).collect(),
            }
        }
    }

    impl<'d> Sighting<'d> {
        fn of(sighting: &'d drift::Sighting) -> Self {
            Self { at: &sighting.at, commit: &sighting.commit }
        }
    }

    impl<'d> Ended<'d> {
        fn of(ended: &'d drift::Ended) -> Self {
            let (by, reason) = match &ended.state {
                State::Accepted { by, reason } => (Some(by.as_str()), reason.as_deref()),
                State::Reverted | State::Replaced => (None, None),
            };
            Self {
                fingerprint: &ended.fingerprint,
                state: ended.state.as_str(),
                domain: &ended.domain,
                entity: Entity { id: ended.key.as_str(), name: ended.name.as_deref() },
                path: ended.path.as_ref(),
                first_seen: ended.first_seen.as_ref().map(Sighting::of),
                at_last: Sighting::of(&ended.ended),
                by,
                reason,
            }
        }
    }
}
