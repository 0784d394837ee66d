//! Writes what a run puts on record: its commits, then the heartbeat.

use chrono::{DateTime, Utc};

use super::attributing::Attributed;
use super::due::Due;
use super::failure::Failure;
use super::time::{instant, written};
use super::verdict::cause;
use super::workspace::Workspace;
use crate::attribution::{Note, Part, author, trailers};
use crate::canonical::Digest;
use crate::capture::{CaptureRun, DomainCapture, View};
use crate::model::{Actor, DomainId};
use crate::policy::ClassifiedChange;
use crate::record::{
    CommitFacts, CommitKind, Heartbeat, HeartbeatDomain, Ledger, PlannedCommit, RecordPlan, Resume, RunFinding, RunId,
    RunStatus, SNAPSHOT_DIR, TOOL_NAME, commit_message,
};
use crate::trail::{CommitId, FileChange, NewCommit, Signature};

/// The ref that every run replaces.
pub const HEARTBEAT_REF: &str = "refs/orgtrail/heartbeat";

/// An observed commit to be made.
pub(super) struct ObservedStep<'s> {
    /// The commit.
    pub(super) commit: PlannedCommit,
    /// Its changes, judged.
    pub(super) changes: Vec<ClassifiedChange>,
    /// Who made them.
    pub(super) part: Option<&'s Part>,
}

/// Writes what a run puts on record.
pub(super) struct Recording<'r> {
    pub(super) workspace: &'r Workspace,
    pub(super) run: &'r RunId,
    pub(super) org: &'r str,
    pub(super) now: DateTime<Utc>,
    pub(super) tip: Option<CommitId>,
}

impl Recording<'_> {
    /// Makes the commits of a run: what is no change first, then what each actor did.
    pub(super) fn commit(
        &mut self,
        planned: &RecordPlan,
        observed: &[ObservedStep<'_>],
        interval: Option<&str>,
    ) -> Result<Vec<CommitId>, Failure> {
        let housekeeping = planned.commits.iter().filter(|commit| commit.kind != CommitKind::Observed);
        let mut commits: Vec<NewCommit> =
            housekeeping.map(|commit| self.new_commit(commit, &[], (1, 1), None, None)).collect();
        for (index, step) in observed.iter().enumerate() {
            let mut worst_first: Vec<&ClassifiedChange> = step.changes.iter().collect();
            worst_first.sort_by_key(|change| std::cmp::Reverse(change.judgement.severity));
            let number = (index + 1, observed.len());
            commits.push(self.new_commit(&step.commit, &worst_first, number, step.part, interval));
        }
        let Workspace { trail, branch, .. } = self.workspace;
        let made = trail.commit(branch, self.tip.as_ref(), &commits)?;
        if let Some(tip) = made.last().copied().or(self.tip) {
            trail.sync_worktree(branch, &tip, SNAPSHOT_DIR)?;
            self.tip = Some(tip);
        }
        Ok(made)
    }

    fn new_commit(
        &self,
        commit: &PlannedCommit,
        changes: &[&ClassifiedChange],
        step: (usize, usize),
        part: Option<&Part>,
        interval: Option<&str>,
    ) -> NewCommit {
        let by = tool(self.org, self.now);
        let said = part.map(|part| trailers(part, self.org, interval)).unwrap_or_default();
        let actor = part.and_then(|part| part.author.as_ref());
        let files =
            commit.edits.iter().map(|(path, content)| FileChange { path: path.clone(), content: content.clone() });
        NewCommit {
            author: actor.map_or_else(|| by.clone(), |actor| self.signature(actor)),
            committer: by,
            message: commit_message(&CommitFacts { run: self.run, commit, changes, step, attribution: &said }),
            files: files.collect(),
        }
    }

    /// The signature of whoever made a change, at that moment.
    fn signature(&self, actor: &Actor) -> Signature {
        let (name, email) = author(actor, self.org);
        let at = instant(&actor.at).unwrap_or(self.now);
        Signature { name, email, seconds: at.timestamp() }
    }

    /// Writes what was found out about earlier commits, beside what their notes say already.
    pub(super) fn note(&self, notes: &[(CommitId, Note)]) -> Result<(), Failure> {
        let by = tool(self.org, self.now);
        let trail = &self.workspace.trail;
        for (commit, note) in notes {
            let known = trail.note(commit)?.and_then(|text| Note::read(&text));
            let whole = known.map_or_else(|| note.clone(), |known| known.with(note.clone()));
            trail.write_note(commit, &whole.write(), &by)?;
        }
        Ok(())
    }

    /// Replaces the heartbeat.
    pub(super) fn beat(
        &self,
        captured: &CaptureRun,
        due: &Due,
        ledger: &Ledger,
        attributed: &Attributed,
        findings: &[RunFinding],
        earlier: Option<Heartbeat>,
    ) -> Result<(), Failure> {
        let at = written(self.now);
        let domain = |id: &DomainId, capture: &DomainCapture| {
            let round = round(id, capture, due, &at);
            let is_complete = capture.status == RunStatus::Complete;
            let is_portioned = due.portions.after.contains_key(id);
            HeartbeatDomain {
                status: capture.status,
                cause: cause(capture),
                captured_at: (is_complete && !capture.is_targeted).then(|| at.clone()),
                followed_at: (is_complete && capture.is_targeted).then(|| at.clone()),
                round_ended_at: (round.is_none() && (is_portioned || is_complete) && !capture.is_targeted)
                    .then(|| at.clone()),
                resume: round,
            }
        };
        let heartbeat = Heartbeat {
            schema_version: 1,
            run: self.run.to_string(),
            time: at.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            audit_watermark: attributed.watermark.clone(),
            audits: attributed.memory.clone(),
            domains: captured.domains.iter().map(|(id, capture)| (id.clone(), domain(id, capture))).collect(),
            // Those that the view on record is the digest of: what was lost since then stays known for as long.
            grants: match &captured.view {
                view @ View::Known(grants) if view.digest() == ledger.view => Some(grants.clone()),
                _ => None,
            },
            digest: Some(Digest::of(ledger.compact().as_bytes()).to_string()),
            runs: Vec::new(),
            findings: Vec::new(),
        };
        let heartbeat = heartbeat.with_findings(findings);
        self.workspace.trail.write_ref_blob(HEARTBEAT_REF, &heartbeat.after(earlier).write())?;
        Ok(())
    }
}

/// Where the next run goes on with a domain; absent where its round has ended.
fn round(id: &DomainId, capture: &DomainCapture, due: &Due, now: &str) -> Option<Resume> {
    let reach = capture.reach.as_ref().filter(|reach| !reach.is_end())?;
    let before = due.rounds.get(id);
    let trouble = before.and_then(|before| before.trouble.clone());
    Some(Resume {
        began_at: before.map_or_else(|| now.to_owned(), |before| before.began_at.clone()),
        after: reach.after.clone().or_else(|| before?.after.clone()),
        done: reach.done,
        parents: reach.parents,
        trouble: trouble.or_else(|| capture.trouble.as_ref().map(|trouble| trouble.cause.clone())),
    })
}

/// The signature of the tool.
pub(super) fn tool(org: &str, now: DateTime<Utc>) -> Signature {
    Signature { name: TOOL_NAME.to_owned(), email: format!("{TOOL_NAME}@{org}.invalid"), seconds: now.timestamp() }
}
