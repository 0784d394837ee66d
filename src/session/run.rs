//! One run: from what is on record, through the API, to what is on record afterwards.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::exit::{Exit, Exits};
use super::failure::Failure;
use super::observer::Observer;
use super::remote::Remote;
use super::time::{of_seconds, written};
use super::workspace::{CommitTree, Workspace, archive};
use crate::canonical::{Canonicaliser, SecretKey};
use crate::capture::{
    CaptureRun, Capturer, DomainCapture, Progress, Recorded, RemovalPolicy, Selection, Trouble, TroubleKind, View,
    org_of,
};
use crate::catalogue::Domain;
use crate::config::Connection;
use crate::genesys::{Client, ClientOptions, Clock};
use crate::model::{DomainId, DomainSnapshot, Severity};
use crate::policy::{ClassifiedChange, Names, Policy, Unjudged};
use crate::record::{
    Archive, ArchiveError, CommitFacts, CommitKind, Heartbeat, HeartbeatDomain, Ledger, LedgerStatus, Observed,
    PlanInput, PlannedCommit, RecordPlan, Rekeyed, RunDocument, RunDomain, RunFinding, RunId, RunStatus, SNAPSHOT_DIR,
    commit_message, plan, trailer,
};
use crate::report::{ChangeSet, Endpoint};
use crate::trail::{CommitId, FileChange, NewCommit, Signature};

/// The ref that every run replaces.
pub const HEARTBEAT_REF: &str = "refs/orgtrail/heartbeat";

/// The name that the tool commits under.
pub const TOOL_NAME: &str = "orgtrail";

/// What a run is asked for.
pub struct RunOptions {
    /// The domains to capture.
    pub selection: Selection,
    /// The domains of the profile, whatever this run was narrowed to.
    pub profile: BTreeSet<DomainId>,
    /// Domains whose removals are taken without proof.
    pub accepted_removals: BTreeSet<DomainId>,
    /// Whether anything is written.
    pub effect: Effect,
    /// The instant of the run.
    pub now: DateTime<Utc>,
    /// The clock that waits and the time a run takes go by.
    pub clock: Arc<dyn Clock>,
}

/// What a run writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// Commits.
    Commit,
    /// Commits, and the remote gets them.
    Push,
}

/// What a run did.
pub struct Taken {
    /// The document of the run.
    pub document: RunDocument,
    /// What somebody changed.
    pub changes: ChangeSet,
    /// How it ends.
    pub exits: Exits,
}

/// The domains of a profile: a tier and those below it, and what `include` and `exclude` say.
pub fn profile(workspace: &Workspace, tier: Option<crate::catalogue::Tier>) -> BTreeSet<DomainId> {
    let config = &workspace.config;
    let tier = tier.unwrap_or(config.tier);
    let domains = workspace.catalogue.iter().filter(|domain| {
        (domain.tier <= tier || config.include.is_match(&domain.id)) && !config.exclude.is_match(&domain.id)
    });
    domains.map(|domain| domain.id.clone()).collect()
}

/// Makes a run. The caller holds the lock.
pub async fn take(
    workspace: &Workspace,
    connection: Connection,
    secrets: &SecretKey,
    options: &RunOptions,
    observer: &dyn Observer,
) -> Result<Taken, Failure> {
    let began = options.clock.now();
    let effect = options.effect;
    let remote = Remote::meet(workspace, effect, options.now, observer)?;
    let tip = workspace.tip()?;
    refuse_edits(workspace, tip.as_ref())?;
    let archive = archive(workspace, tip)?;
    let rules = workspace.policy()?;

    let client_id = connection.client_id.clone();
    let client = client(workspace, connection, options.clock.clone())?;
    let org = org_of(&client).await?;
    let ledger = match archive.ledger() {
        Some(ledger) if ledger.org != org => {
            let message = format!("the trail belongs to the organisation {}, the credentials to {org}", ledger.org);
            return Err(Failure::new(Exit::Integrity, message)
                .hint("use the credentials of the trail's organisation, or a trail of its own for the other"));
        }
        Some(ledger) => ledger.clone(),
        None => Ledger::new(&org, &secrets.id()),
    };
    let previous_key = secrets.previous().map(SecretKey::id);
    if former_keys(&ledger).any(|key| key != secrets.id() && Some(&key) != previous_key.as_ref()) {
        observer.warn(
            "fingerprints on record were made with another secrets key, so whether those secrets changed cannot be told \
             this time; ORGTRAIL_SECRET_KEY_PREVIOUS names the old key",
        );
    }

    let capturer = Capturer { client: &client, catalogue: &workspace.catalogue, secrets, org: &org };
    let view = capturer.view(&client_id).await;
    let policy = RemovalPolicy {
        accepted: options.accepted_removals.clone(),
        caution: view.caution(ledger.view.as_deref(), archive.ledger().is_none()),
        reads_left: AtomicUsize::new(workspace.config.confirm_reads),
    };
    let progress = Told { observer };
    let on_record = OnRecord { archive: &archive, damage: RefCell::new(None) };
    let domains = capturer.run(&options.selection, &on_record, &policy, &progress).await;
    observer.ends();
    // A run on top of a state that cannot be read would be a guess.
    if let Some(damage) = on_record.damage.take() {
        return Err(damage.into());
    }

    let heartbeat = workspace.trail.read_ref_blob(HEARTBEAT_REF)?.and_then(|bytes| Heartbeat::read(&bytes));
    let mut captured = CaptureRun { domains, view };
    let observed = observe(workspace, options, &ledger, heartbeat.as_ref(), &mut captured);
    let recorded_view = ledger.view.clone();
    let planned = plan(PlanInput {
        catalogue: &workspace.catalogue,
        archive: &archive,
        secret_key: secrets.id(),
        rekeyed: secrets.previous().map(|previous| rekeyed(previous, &captured)),
        view: view_on_record(&captured, recorded_view),
        ledger: ledger.clone(),
        observed,
        migrate: &|domain, before| migrate(domain, before, secrets, &org),
    })?;

    let mut unjudged = BTreeSet::new();
    let after = archive_after(&archive, &captured);
    let before = tip.map(|tip| endpoint(workspace, tip)).transpose()?;
    let classified = classify(&rules, workspace, &planned, &archive, &after, &mut unjudged);
    for problem in &unjudged {
        observer.warn(&problem.to_string());
    }
    let at = written(options.now);
    let run = RunId::new(&org, &at, tip.map(|tip| tip.to_string()).as_deref());
    let mut run_record = Recording { workspace, run: &run, org: &org, now: options.now, tip };
    let mut commits = match effect {
        Effect::None => Vec::new(),
        Effect::Commit | Effect::Push => run_record.commit(&planned, &classified)?,
    };
    let (exits, findings) = judge(workspace, &ledger, &planned.ledger, &captured);
    let mut superseded = false;
    if effect != Effect::None {
        run_record.beat(&captured, heartbeat)?;
        if effect == Effect::Push
            && let Some(remote) = remote
        {
            superseded = remote.push(workspace, options.now, observer)?.is_superseded();
            // The push may have rebuilt them.
            commits = commits_of_run(workspace, &run)?;
        }
    }
    let changes = ChangeSet::arranged(
        before,
        Some(Endpoint { commit: commits.last().map(ToString::to_string), taken_at: at }),
        classified,
    );
    let changes = ChangeSet { baselines: planned.baselines.clone(), unjudged, ..changes };
    let document = RunDocument {
        schema_version: 1,
        run: run.to_string(),
        org: org.clone(),
        changed: !planned.commits.is_empty(),
        commits: commits.iter().map(ToString::to_string).collect(),
        superseded,
        counts: changes.counts(),
        baselines: planned.baselines.clone(),
        requests: client.requests(),
        duration_ms: u64::try_from((options.clock.now() - began).as_millis()).unwrap_or(u64::MAX),
        exit_codes: exits.codes(),
        domains: captured
            .domains
            .iter()
            .map(|(id, capture)| (id.clone(), run_domain(capture, &planned.ledger, id)))
            .collect(),
        findings,
    };
    Ok(Taken { document, changes, exits })
}

/// The commits of a run at the end of the branch, oldest first.
fn commits_of_run(workspace: &Workspace, run: &RunId) -> Result<Vec<CommitId>, Failure> {
    let Some(tip) = workspace.tip()? else { return Ok(Vec::new()) };
    let mut commits = Vec::new();
    for commit in workspace.trail.first_parents(&tip) {
        let commit = commit?;
        if commit.trailer(trailer::RUN) != Some(run.as_str()) {
            break;
        }
        commits.push(commit.id);
    }
    commits.reverse();
    Ok(commits)
}

/// A commit as one end of a comparison.
pub fn endpoint(workspace: &Workspace, commit: CommitId) -> Result<Endpoint, Failure> {
    let info = workspace.trail.commit_info(&commit)?;
    Ok(Endpoint { commit: Some(commit.to_string()), taken_at: of_seconds(info.committer.seconds) })
}

/// A client of the API for one run.
pub fn client(workspace: &Workspace, connection: Connection, clock: Arc<dyn Clock>) -> Result<Client, Failure> {
    let mut options = ClientOptions::new(connection.hosts, connection.client_id, connection.client_secret);
    options.in_flight = workspace.config.in_flight;
    options.rate_share = workspace.config.rate_share;
    Client::new(options, clock).map_err(|error| Failure::of(Exit::Internal, &error))
}

/// Files under `snapshot/` that hold what no commit has would be lost or taken for the tool's.
fn refuse_edits(workspace: &Workspace, tip: Option<&CommitId>) -> Result<(), Failure> {
    let Some(tip) = tip else { return Ok(()) };
    let edits = workspace.trail.foreign_edits(&workspace.branch, tip, SNAPSHOT_DIR)?;
    match edits.as_slice() {
        [] => Ok(()),
        [first, rest @ ..] => {
            let what = match rest.len() {
                0 => format!("{first} was"),
                more => format!("{first} and {more} more were"),
            };
            let message = format!("{what} edited by hand; only orgtrail writes under {SNAPSHOT_DIR}/");
            let hint =
                format!("`git restore --staged --worktree {SNAPSHOT_DIR} && git clean -f {SNAPSHOT_DIR}` undoes it");
            Err(Failure::new(Exit::Usage, message).hint(hint))
        }
    }
}

/// The state on record, as the capture asks for it.
struct OnRecord<'a, 't> {
    archive: &'a Archive<CommitTree<'t>>,
    /// What is on record and cannot be read.
    damage: RefCell<Option<ArchiveError>>,
}

impl Recorded for OnRecord<'_, '_> {
    fn digest(&self, domain: &DomainId) -> Option<String> {
        self.archive.ledger()?.domains.get(domain)?.digest.clone()
    }

    fn content(&self, domain: &DomainId) -> Result<Option<Rc<DomainSnapshot>>, String> {
        self.archive.domain(domain).map_err(|error| {
            let told = super::failure::chain(&error);
            self.damage.borrow_mut().get_or_insert(error);
            told
        })
    }
}

/// Passes on how far the capture is.
struct Told<'o> {
    observer: &'o dyn Observer,
}

impl Progress for Told<'_> {
    fn begins(&self, domains: usize) {
        self.observer.begins(domains);
    }

    fn captured(&self, domain: &DomainId, capture: &DomainCapture) {
        self.observer.captured(domain, capture);
        tracing::info!(%domain, status = capture.status.as_str(), requests = capture.requests, "captured");
    }
}

fn migrate(domain: &Domain, before: &DomainSnapshot, secrets: &SecretKey, org: &str) -> DomainSnapshot {
    let canonicaliser = Canonicaliser::new(domain, secrets, org);
    let entities = before.entities.iter().map(|(key, text)| (key.clone(), canonicaliser.migrate(key, text)));
    DomainSnapshot { domain: domain.id.clone(), schema_version: domain.schema_version, entities: entities.collect() }
}

/// What the run learned, for the plan; content that is on record already is left out.
fn observe(
    workspace: &Workspace,
    options: &RunOptions,
    ledger: &Ledger,
    heartbeat: Option<&Heartbeat>,
    captured: &mut CaptureRun,
) -> Vec<Observed> {
    let mut observed = Vec::new();
    for (id, capture) in &captured.domains {
        let entry = ledger.domains.get(id);
        let treatment = workspace.catalogue.get(id).map(|domain| domain.treatment().to_string());
        let is_on_record = entry.is_some_and(|entry| {
            entry.digest.is_some()
                && entry.digest == capture.digest().map(|digest| digest.to_string())
                && Some(&entry.treatment) == treatment.as_ref()
        });
        let status = match capture.status {
            RunStatus::Complete => Some(LedgerStatus::Complete),
            RunStatus::Forbidden => Some(LedgerStatus::Forbidden),
            RunStatus::Absent => Some(LedgerStatus::Absent),
            RunStatus::Skipped => Some(LedgerStatus::Skipped),
            RunStatus::Partial | RunStatus::Failed => {
                is_stale(id, heartbeat, options.now, workspace.config.stale_after).then_some(LedgerStatus::Stale)
            }
        };
        observed.push(Observed {
            domain: id.clone(),
            status,
            content: if is_on_record { None } else { capture.content.clone() },
            new_fields: capture.notes.new_fields.clone(),
        });
    }
    for id in ledger.domains.keys() {
        if !options.profile.contains(id) && !captured.domains.contains_key(id) && workspace.catalogue.get(id).is_some()
        {
            let status = Some(LedgerStatus::Skipped);
            observed.push(Observed { domain: id.clone(), status, content: None, new_fields: BTreeSet::new() });
        }
    }
    observed
}

/// Whether the last complete capture of a domain is too long ago; unknown is not stale.
fn is_stale(id: &DomainId, heartbeat: Option<&Heartbeat>, now: DateTime<Utc>, after: Duration) -> bool {
    let captured_at = heartbeat.and_then(|heartbeat| heartbeat.domains.get(id)?.captured_at.as_deref());
    let captured_at = captured_at.and_then(|at| DateTime::parse_from_rfc3339(at).ok());
    captured_at.is_some_and(|at| (now - at.to_utc()).to_std().is_ok_and(|age| age > after))
}

/// The ids of the keys that fingerprints on record are made with.
fn former_keys(ledger: &Ledger) -> impl Iterator<Item = String> {
    let of_domains = ledger.domains.values().filter_map(|entry| entry.secret_key.clone());
    std::iter::once(ledger.secret_key.clone()).chain(of_domains)
}

fn rekeyed(previous: &SecretKey, captured: &CaptureRun) -> Rekeyed {
    let fingerprints = captured.domains.values().flat_map(|capture| capture.notes.rekeyed.clone()).collect();
    Rekeyed { former: previous.id(), fingerprints }
}

/// The view to put on record. While removals are held because it differs, the old one stays, so that they stay held.
fn view_on_record(captured: &CaptureRun, recorded: Option<String>) -> Option<String> {
    let holds = captured.domains.values().any(|capture| capture.status == RunStatus::Partial);
    match (&captured.view, recorded) {
        (_, Some(recorded)) if holds => Some(recorded),
        (View::Known(view), _) => Some(view.clone()),
        (View::Unreadable, _) => None,
        (View::Unknown, recorded) => recorded,
    }
}

/// The state after the run, for names: what was captured, else what is on record.
struct After<'a, 't> {
    captured: BTreeMap<&'a DomainId, &'a DomainSnapshot>,
    archive: &'a Archive<CommitTree<'t>>,
}

fn archive_after<'a, 't>(archive: &'a Archive<CommitTree<'t>>, captured: &'a CaptureRun) -> After<'a, 't> {
    let contents = captured.domains.iter().filter_map(|(id, capture)| Some((id, capture.content.as_ref()?)));
    After { captured: contents.collect(), archive }
}

impl crate::model::EntitySource for After<'_, '_> {
    fn entity(&self, domain: &DomainId, key: &crate::model::EntityKey) -> Option<crate::model::CanonicalText> {
        match self.captured.get(domain) {
            Some(snapshot) => snapshot.entities.get(key).cloned(),
            None => self.archive.entity(domain, key),
        }
    }
}

fn classify(
    rules: &Policy<'_>,
    workspace: &Workspace,
    planned: &RecordPlan,
    before: &Archive<CommitTree<'_>>,
    after: &After<'_, '_>,
    unjudged: &mut BTreeSet<Unjudged>,
) -> Vec<ClassifiedChange> {
    let names = Names::new(&workspace.catalogue, before, after);
    let changes = planned.commits.iter().flat_map(|commit| commit.changes.iter().cloned());
    changes.map(|change| rules.classify(change, &names, unjudged)).collect()
}

/// Writes what a run puts on record.
struct Recording<'r> {
    workspace: &'r Workspace,
    run: &'r RunId,
    org: &'r str,
    now: DateTime<Utc>,
    tip: Option<CommitId>,
}

impl Recording<'_> {
    fn commit(&mut self, planned: &RecordPlan, classified: &[ClassifiedChange]) -> Result<Vec<CommitId>, Failure> {
        let by = tool(self.org, self.now);
        let mut worst_first: Vec<&ClassifiedChange> = classified.iter().collect();
        worst_first.sort_by_key(|change| std::cmp::Reverse(change.judgement.severity));
        let new_commit = |commit: &PlannedCommit| {
            let changes: &[&ClassifiedChange] = if commit.kind == CommitKind::Observed { &worst_first } else { &[] };
            let files =
                commit.edits.iter().map(|(path, content)| FileChange { path: path.clone(), content: content.clone() });
            NewCommit {
                author: by.clone(),
                committer: by.clone(),
                message: commit_message(&CommitFacts { run: self.run, commit, changes }),
                files: files.collect(),
            }
        };
        let commits: Vec<NewCommit> = planned.commits.iter().map(new_commit).collect();
        let Workspace { trail, branch, .. } = self.workspace;
        let made = trail.commit(branch, self.tip.as_ref(), &commits)?;
        if let Some(tip) = made.last().copied().or(self.tip) {
            trail.sync_worktree(branch, &tip, SNAPSHOT_DIR)?;
            self.tip = Some(tip);
        }
        Ok(made)
    }

    /// Replaces the heartbeat.
    fn beat(&self, captured: &CaptureRun, earlier: Option<Heartbeat>) -> Result<(), Failure> {
        let at = written(self.now);
        let domain = |capture: &DomainCapture| HeartbeatDomain {
            status: capture.status,
            cause: capture.trouble.as_ref().map(|trouble| trouble.cause.clone()),
            captured_at: (capture.status == RunStatus::Complete).then(|| at.clone()),
        };
        let heartbeat = Heartbeat {
            schema_version: 1,
            run: self.run.to_string(),
            time: at.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            audit_watermark: None,
            domains: captured.domains.iter().map(|(id, capture)| (id.clone(), domain(capture))).collect(),
            runs: Vec::new(),
        };
        self.workspace.trail.write_ref_blob(HEARTBEAT_REF, &heartbeat.after(earlier).write())?;
        Ok(())
    }
}

/// The signature of the tool.
pub fn tool(org: &str, now: DateTime<Utc>) -> Signature {
    Signature { name: TOOL_NAME.to_owned(), email: format!("{TOOL_NAME}@{org}.invalid"), seconds: now.timestamp() }
}

fn run_domain(capture: &DomainCapture, ledger: &Ledger, id: &DomainId) -> RunDomain {
    RunDomain {
        status: capture.status,
        entities: ledger.domains.get(id).map_or(0, |entry| entry.entities),
        expected: capture.promised,
        requests: capture.requests,
        cause: capture.trouble.as_ref().map(|trouble| trouble.cause.clone()),
    }
}

/// How the run ends, and what it found that is no change.
fn judge(workspace: &Workspace, before: &Ledger, after: &Ledger, captured: &CaptureRun) -> (Exits, Vec<RunFinding>) {
    let mut exits = Exits::default();
    let mut findings = Vec::new();
    let accept = &workspace.config.accept;
    let mut troubles: Vec<&Trouble> = Vec::new();
    for (id, capture) in &captured.domains {
        let is_accepted = matches!(capture.status, RunStatus::Forbidden | RunStatus::Absent) && accept.is_match(id);
        if matches!(capture.status, RunStatus::Complete | RunStatus::Skipped) || is_accepted {
            continue;
        }
        exits.add(Exit::Partial);
        troubles.extend(&capture.trouble);
        let status = |ledger: &Ledger| ledger.domains.get(id).map(|entry| entry.status);
        if status(before) == Some(LedgerStatus::Complete) && status(after) != Some(LedgerStatus::Complete) {
            findings.push(RunFinding {
                rule: "coverage-lost".to_owned(),
                severity: Severity::High,
                domain: Some(id.clone()),
                message: format!("{id} was complete and is {} now", capture.status.as_str()),
                remedy: "Give the OAuth client its permission back, or accept the loss in orgtrail.toml.".to_owned(),
            });
        }
    }
    let is_captured = |capture: &DomainCapture| matches!(capture.status, RunStatus::Complete | RunStatus::Partial);
    let nothing_came = !captured.domains.values().any(is_captured);
    let is_refusal = |trouble: &&Trouble| matches!(trouble.kind, TroubleKind::Forbidden | TroubleKind::Unauthorised);
    if nothing_came && !troubles.is_empty() {
        let exit = if troubles.iter().all(is_refusal) { Exit::Authentication } else { Exit::Upstream };
        exits = Exits::from(exit);
    }
    (exits, findings)
}
