//! One run: from what is on record, through the API, to what is on record afterwards.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use chrono::{DateTime, Utc};

use super::attributing::{Attributed, Attributing};
use super::due::Due;
use super::estimate::estimated;
use super::exit::{Exit, Exits};
use super::failure::Failure;
use super::learned::{former_keys, hidden, learned, migrate, rekeyed, view_on_record};
use super::observer::Observer;
use super::on_record::{OnRecord, archive_after};
use super::reaching::Reaching;
use super::recording::{HEARTBEAT_REF, ObservedStep, Recording};
use super::remote::Remote;
use super::sealing::Sealing;
use super::targeting::Targeting;
use super::time::{of_seconds, written};
use super::verdict::{judge, run_domain};
use super::workspace::{CommitTree, Workspace, archive, archive_of};
use crate::attribution::Part;
use crate::canonical::{Scan, SecretKey};
use crate::capture::{
    CaptureRun, Capturer, Caution, DomainCapture, Progress, RemovalPolicy, Selection, Targets, org_of,
};
use crate::config::Connection;
use crate::genesys::{Client, ClientOptions, Clock};
use crate::model::{Change, DomainId};
use crate::policy::{ClassifiedChange, CountReach, Names, Policy, Unjudged};
use crate::record::{
    Archive, Heartbeat, Ledger, PlanInput, PlannedCommit, RecordPlan, RunDocument, RunDomain, RunId, SNAPSHOT_DIR,
    plan, steps, trailer,
};
use crate::report::{ChangeSet, Endpoint};
use crate::trail::CommitId;
use crate::watch::Touched;

/// What a run is asked for.
pub struct RunOptions {
    /// The domains to capture.
    pub selection: Selection,
    /// The domains of the profile, whatever this run was narrowed to.
    pub profile: BTreeSet<DomainId>,
    /// Whether domains of the deeper tiers follow their own cadence, instead of being captured whole and now.
    pub by_cadence: bool,
    /// Whether no more is read than what the audit log names, where that is known to suffice.
    pub targeted: bool,
    /// What was heard of since the last run, which such a run reads again whatever the audit log says.
    pub heard: Touched,
    /// The most requests that the run may send; `None` for any number.
    pub max_requests: Option<u64>,
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
    /// The commits that the run planned, made or not, before the observed one is divided among its actors.
    pub planned: Vec<PlannedCommit>,
    /// How it ends.
    pub exits: Exits,
}

/// The domains of a profile: a tier and those below it, and what `include` and `exclude` say.
#[must_use]
pub fn profile(workspace: &Workspace, tier: Option<crate::catalogue::Tier>) -> BTreeSet<DomainId> {
    let config = &workspace.config;
    let tier = tier.unwrap_or(config.tier);
    let domains = workspace.catalogue.iter().filter(|domain| {
        (domain.tier <= tier || config.include.is_match(&domain.id)) && !config.exclude.is_match(&domain.id)
    });
    domains.map(|domain| domain.id.clone()).collect()
}

/// Makes a run: captures, plans, judges, commits, pushes. The caller holds the lock.
///
/// # Errors
/// [`Failure`] where the run cannot be made at all. A domain that cannot be captured is told in the run's document.
pub async fn take(
    workspace: &Workspace,
    connection: Connection,
    secrets: &SecretKey,
    options: &RunOptions,
    observer: &dyn Observer,
) -> Result<Taken, Failure> {
    let client_id = connection.client_id.clone();
    let client = client(workspace, connection, options.clock.clone(), options.max_requests)?;
    take_with(workspace, (client, &client_id), secrets, options, observer).await
}

/// Makes a run likewise, with a client for it and the id that this logs in under.
///
/// It writes to the trail before its first request and after its last one, and between the first thing that it puts on record and
/// the last it does not wait: dropped at any moment it leaves nothing half done.
pub async fn take_with(
    workspace: &Workspace,
    (client, client_id): (Client, &str),
    secrets: &SecretKey,
    options: &RunOptions,
    observer: &dyn Observer,
) -> Result<Taken, Failure> {
    let began = options.clock.now();
    let remote = Remote::meet(workspace, options.effect, options.now, observer)?;
    let tip = workspace.tip()?;
    refuse_edits(workspace, tip.as_ref())?;
    let archive = archive(workspace, tip)?;
    let rules = workspace.policy()?;

    let org = org_of(&client).await?;
    let scan = &workspace.scan;
    let ledger = ledger_of(&archive, &org, secrets, scan, observer)?;
    let heartbeat = workspace.trail.read_ref_blob(HEARTBEAT_REF)?.and_then(|bytes| Heartbeat::read(&bytes));
    let sealing = Sealing::of(workspace, options.effect)?;
    let mut due = Due::of(workspace, options, heartbeat.as_ref());
    if let Some(limit) = options.max_requests {
        estimated(workspace, &client, &archive, &options.selection, &due, org.clone()).await?.within(limit)?;
    }
    let reader = Capturer {
        client: &client,
        catalogue: &workspace.catalogue,
        secrets,
        scan,
        keeper: Some(sealing.keeper()),
        org: &org,
        targets: &Targets::default(),
    };
    let about = (options, &mut due, heartbeat.as_ref());
    let captured = capture(workspace, reader, client_id, &archive, &ledger, about, observer).await?;
    let planned = plan(PlanInput {
        catalogue: &workspace.catalogue,
        archive: &archive,
        secret_key: secrets.id(),
        rekeyed: secrets.previous().map(|previous| rekeyed(previous, &captured)),
        view: view_on_record(&workspace.catalogue, &captured, &ledger, options),
        ledger: ledger.clone(),
        observed: learned(workspace, options, &ledger, heartbeat.as_ref(), &captured),
        scan,
        migrate: &|domain, before| migrate(domain, before, (secrets, Some(sealing.keeper())), scan, &org),
        hidden: &|domain, key, value| hidden(secrets, domain, key, value),
    })?;
    let after = archive_after(&archive, &captured);
    let names = Names::new(&workspace.catalogue, &archive, &after);
    let is_to_be = archive_of(workspace, edited(workspace, tip, &planned))?;
    let reaching = Reaching::new(workspace, &archive, &is_to_be);
    let counted = |change: &Change| reaching.counts(change);
    let (mut classified, unjudged) = judged(&planned, &rules, &names, &counted, observer);

    let attributing = Attributing {
        workspace,
        client: &client,
        org: &org,
        options,
        heartbeat: heartbeat.as_ref(),
        before: &archive,
        after: &after,
        observer,
        began,
        may_wait: options.effect != Effect::None,
    };
    let attributed = attributed(&attributing, tip.as_ref(), &mut classified).await?;

    let grants = earlier_grants(heartbeat.as_ref());
    let (exits, mut findings) = judge(workspace, &ledger, &planned, &captured, grants, &after);
    findings.extend(attributed.findings.iter().cloned());

    let (at, mut superseded) = (written(options.now), false);
    let run = RunId::new(&org, &at, tip.map(|tip| tip.to_string()).as_deref());
    let mut commits = Vec::new();
    if options.effect != Effect::None {
        let mut recording = Recording { workspace, run: &run, org: &org, now: options.now, tip };
        let steps = observed_steps(workspace, &planned, &attributed.told.parts, &classified, &|change| {
            rules.classify(change, &names, &counted, &mut BTreeSet::new())
        });
        // Before the branch moves: what is on record under a fingerprint can be opened.
        sealing.seal(workspace, &at)?;
        commits = recording.commit(&planned, &steps, attributed.interval.as_deref())?;
        recording.note(&attributed.notes)?;
        recording.beat(&captured, &due, &planned.ledger, &attributed, &findings, heartbeat.clone())?;
        if let (Effect::Push, Some(remote)) = (options.effect, remote) {
            superseded = remote.push(workspace, options.now, observer)?.is_superseded();
            // The push may have rebuilt them.
            commits = commits_of_run(workspace, &run)?;
        }
    }
    let before = tip.map(|tip| endpoint(workspace, tip)).transpose()?;
    let now = Endpoint { commit: commits.last().map(ToString::to_string), taken_at: at };
    let changes = ChangeSet::arranged(before, Some(now), classified);
    let changes = ChangeSet { baselines: planned.baselines.clone(), unjudged, ..changes };
    let document = RunDocument {
        schema_version: 1,
        run: run.to_string(),
        changed: !planned.commits.is_empty(),
        commits: commits.iter().map(ToString::to_string).collect(),
        superseded,
        counts: changes.counts(),
        requests: client.requests(),
        duration_ms: u64::try_from(options.clock.now().saturating_sub(began).as_millis()).unwrap_or(u64::MAX),
        exit_codes: exits.codes(),
        domains: run_domains(&captured, &planned.ledger),
        baselines: planned.baselines,
        findings,
        org,
    };
    Ok(Taken { document, changes, planned: planned.commits, exits })
}

/// The files that a run leads to.
fn edited<'w>(workspace: &'w Workspace, tip: Option<CommitId>, planned: &RecordPlan) -> CommitTree<'w> {
    let tree = CommitTree::new(&workspace.trail, tip);
    planned.commits.iter().fold(tree, |tree, commit| tree.edited(&commit.edits))
}

/// What somebody changed, judged; what a rule could not tell is warned of.
fn judged(
    planned: &RecordPlan,
    rules: &Policy<'_>,
    names: &Names<'_>,
    counted: &CountReach<'_>,
    observer: &dyn Observer,
) -> (Vec<ClassifiedChange>, BTreeSet<Unjudged>) {
    let mut unjudged = BTreeSet::new();
    let seen = planned.commits.iter().flat_map(|commit| commit.changes.iter().cloned());
    let classified = seen.map(|change| rules.classify(change, names, counted, &mut unjudged)).collect();
    for problem in &unjudged {
        observer.warn(&problem.to_string());
    }
    (classified, unjudged)
}

/// Asks who made the changes, and says it of each.
async fn attributed(
    attributing: &Attributing<'_, '_>,
    tip: Option<&CommitId>,
    classified: &mut [ClassifiedChange],
) -> Result<Attributed, Failure> {
    let changes: Vec<Change> = classified.iter().map(|one| one.change.clone()).collect();
    let attributed = attributing.ask(tip, &changes).await?;
    for (change, by) in classified.iter_mut().zip(&attributed.told.attributions) {
        change.attribution.clone_from(by);
    }
    Ok(attributed)
}

/// What became of each domain.
fn run_domains(captured: &CaptureRun, ledger: &Ledger) -> BTreeMap<DomainId, RunDomain> {
    captured.domains.iter().map(|(id, capture)| (id.clone(), run_domain(capture, ledger, id))).collect()
}

/// The ledger to begin from; that of another organisation is refused.
fn ledger_of(
    archive: &Archive<CommitTree<'_>>,
    org: &str,
    secrets: &SecretKey,
    scan: &Scan,
    observer: &dyn Observer,
) -> Result<Ledger, Failure> {
    refuse_other_org(archive, org)?;
    let ledger = archive.ledger().cloned().unwrap_or_else(|| Ledger::new(org, &secrets.id(), scan.version()));
    let previous_key = secrets.previous().map(SecretKey::id);
    if former_keys(&ledger).any(|key| key != secrets.id() && Some(&key) != previous_key.as_ref()) {
        observer.warn(
            "fingerprints on record were made with another secrets key, so whether those secrets changed cannot be told \
             this time; ORGTRAIL_SECRET_KEY_PREVIOUS names the old key",
        );
    }
    Ok(ledger)
}

/// A trail is of one organisation.
pub(super) fn refuse_other_org(archive: &Archive<CommitTree<'_>>, org: &str) -> Result<(), Failure> {
    match archive.ledger() {
        Some(ledger) if ledger.org != org => {
            let message = format!("the trail belongs to the organisation {}, the credentials to {org}", ledger.org);
            Err(Failure::new(Exit::Integrity, message)
                .hint("use the credentials of the trail's organisation, or a trail of its own for the other"))
        }
        _ => Ok(()),
    }
}

/// The client's own grants as an earlier run saw them.
fn earlier_grants(heartbeat: Option<&Heartbeat>) -> Option<&[String]> {
    heartbeat.and_then(|heartbeat| heartbeat.grants.as_deref())
}

/// Reads the selected domains.
async fn capture(
    workspace: &Workspace,
    reader: Capturer<'_>,
    client_id: &str,
    archive: &Archive<CommitTree<'_>>,
    ledger: &Ledger,
    (options, due, heartbeat): (&RunOptions, &mut Due, Option<&Heartbeat>),
    observer: &dyn Observer,
) -> Result<CaptureRun, Failure> {
    let view = reader.view(client_id).await;
    let policy = RemovalPolicy {
        accepted: options.accepted_removals.clone(),
        caution: view.caution(ledger.view.as_deref(), earlier_grants(heartbeat), archive.ledger().is_none()),
        reads_left: AtomicUsize::new(workspace.config.confirm_reads),
    };
    let (client, secret_key) = (reader.client, &reader.secrets.id());
    let targeting = Targeting { workspace, client, options, heartbeat, archive, secret_key, observer };
    let mut targets = Targets::default();
    // What is out of view for want of a grant is no record's to tell.
    if options.targeted && policy.caution != Caution::GrantsChanged {
        targets = due.followed_by(targeting.ask().await?, &options.selection);
    }
    let reader = Capturer { targets: &targets, ..reader };
    let on_record = OnRecord {
        archive,
        secrets: reader.secrets,
        org: reader.org,
        catalogue: reader.catalogue,
        scan: reader.scan,
        damage: RefCell::new(None),
    };
    let mut domains = reader.run(&due.selection, &on_record, &due.portions, &policy, &Told { observer }).await;
    observer.ends();
    // A run on top of a state that cannot be read would be a guess.
    if let Some(damage) = on_record.damage.take() {
        return Err(damage.into());
    }
    due.settle(&mut domains);
    Ok(CaptureRun { domains, view })
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

/// A client of the API for one run, which may send so many requests.
pub fn client(
    workspace: &Workspace,
    connection: Connection,
    clock: Arc<dyn Clock>,
    max_requests: Option<u64>,
) -> Result<Client, Failure> {
    let mut options = ClientOptions::new(connection.hosts, connection.client_id, connection.client_secret);
    options.in_flight = workspace.config.in_flight;
    options.rate_share = workspace.config.rate_share;
    options.max_requests = max_requests;
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

/// The observed commits, each with its part of the changes, judged.
fn observed_steps<'s>(
    workspace: &Workspace,
    planned: &RecordPlan,
    parts: &'s [Part],
    classified: &[ClassifiedChange],
    classify: &dyn Fn(Change) -> ClassifiedChange,
) -> Vec<ObservedStep<'s>> {
    let steps = steps(&workspace.catalogue, planned, parts);
    let is_whole = steps.len() == 1;
    let step = |(index, commit): (usize, PlannedCommit)| {
        let own = || commit.changes.iter().cloned().map(classify).collect();
        let changes = if is_whole { classified.to_vec() } else { own() };
        ObservedStep { commit, changes, part: parts.get(index) }
    };
    steps.into_iter().enumerate().map(step).collect()
}
