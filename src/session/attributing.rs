//! Asks the audit log who made the changes of a run, and of earlier runs that it could not tell then.

mod findings;
mod people;
mod recent;

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::failure::Failure;
use super::observer::Observer;
use super::run::RunOptions;
use super::time::{instant, written};
use super::workspace::{CommitTree, Workspace};
use crate::attribution::{
    AuditRecord, Coverage, Inquiry, Joined, Note, NoteChange, NoteField, Parting, SKEW, Services, Told, Use,
};
use crate::capture::{AuditLog, AuditReading, Trouble, TroubleKind};
use crate::catalogue::KeyPart;
use crate::genesys::Client;
use crate::model::{Change, DomainId, EntitySource, Explained, Severity};
use crate::policy::Names;
use crate::record::{Archive, AuditMemory, Heartbeat, RunFinding};
use crate::trail::CommitId;

use people::Known;
use recent::Recent;
pub(super) use recent::said_by;

/// How long a run waits between two looks at the audit log.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What the audit log said.
#[derive(Default)]
pub(super) struct Attributed {
    /// Who made the changes of the run.
    pub(super) told: Told,
    /// The time in which they were made, `start/end`; absent where there are none.
    pub(super) interval: Option<String>,
    /// What is found out about earlier commits.
    pub(super) notes: Vec<(CommitId, Note)>,
    /// What was found that is no change.
    pub(super) findings: Vec<RunFinding>,
    /// What the next run has to know.
    pub(super) memory: AuditMemory,
    /// Up to when the audit log was read; absent where it was not.
    pub(super) watermark: Option<String>,
}

/// What a run asks the audit log with.
pub(super) struct Attributing<'a, 't> {
    pub(super) workspace: &'a Workspace,
    pub(super) client: &'a Client,
    pub(super) org: &'a str,
    pub(super) options: &'a RunOptions,
    pub(super) heartbeat: Option<&'a Heartbeat>,
    /// The state before the run.
    pub(super) before: &'a Archive<CommitTree<'t>>,
    /// The state after it.
    pub(super) after: &'a dyn EntitySource,
    pub(super) observer: &'a dyn Observer,
    /// The clock at the begin of the run.
    pub(super) began: Duration,
    /// Whether the run may wait for records that are late.
    pub(super) may_wait: bool,
}

impl Attributing<'_, '_> {
    /// Asks who made the changes of the run, in the order in which they are given.
    pub(super) async fn ask(&self, tip: Option<&CommitId>, changes: &[Change]) -> Result<Attributed, Failure> {
        let mut attributed = Attributed { memory: self.memory(), ..Attributed::default() };
        if self.before.ledger().is_none() {
            return Ok(attributed);
        }
        if !self.workspace.config.audits {
            let nothing = Coverage::Read { services: Services::default(), spoken_of: BTreeSet::new() };
            attributed.told = self.told(None, changes, &[], &HashSet::new(), &|_| None, &nothing).0;
            return Ok(attributed);
        }
        let recent = self.recent(tip)?;
        let since = |domain: &DomainId| self.captured_at(domain).or(recent.last_run);
        let start = self.start(changes, &recent, &since);
        attributed.interval = changes.first().map(|_| {
            let start = changes.iter().filter_map(|change| since(&change.domain)).min().unwrap_or(start);
            format!("{}/{}", written(start), written(self.options.now))
        });
        let log = AuditLog::new(self.client);
        let mut look = self.look(&log, start).await;
        let clock = self.client.clock();
        let deadline = clock.now() + self.workspace.config.attribution_wait;
        loop {
            self.learn(&mut attributed.memory, &recent, &look, changes);
            look.coverage = coverage(&log, &look, &attributed.memory, changes, &recent).await;
            let (told, joined) = self.told(None, changes, &look.reading.records, &recent.used, &since, &look.coverage);
            attributed.told = told;
            let is_late = joined.iter().any(|one| !one.is_explained() && one.otherwise == Explained::Pending);
            let now = clock.now();
            if !self.may_wait || !is_late || now >= deadline || look.is_hopeless() {
                break;
            }
            self.observer.note("waiting for audit records of what changed last");
            clock.sleep(LOOK_AGAIN.min(deadline.saturating_sub(now))).await;
            look = self.look(&log, start).await;
        }
        self.settle(&recent, &look, &mut attributed);
        self.tell_transients(changes, &recent, &look, &mut attributed);
        attributed.findings.extend(look.finding());
        if let Some(trouble) = &look.reading.trouble {
            if trouble.kind != TroubleKind::Forbidden {
                self.observer.warn(&format!("the audit log could not be read: {}", trouble.cause));
            }
        } else {
            attributed.watermark = Some(written(self.options.now));
        }
        Ok(attributed)
    }

    /// Names as of after the run, else as of before it.
    fn names(&self) -> Names<'_> {
        Names::new(&self.workspace.catalogue, self.before, self.after)
    }

    fn memory(&self) -> AuditMemory {
        self.heartbeat.map(|heartbeat| heartbeat.audits.clone()).unwrap_or_default()
    }

    /// When a domain was captured last.
    fn captured_at(&self, domain: &DomainId) -> Option<DateTime<Utc>> {
        instant(self.heartbeat?.domains.get(domain)?.captured_at.as_deref()?)
    }

    /// From when on records are read: far enough back for what changed, for what is pending, and for what came late.
    fn start(
        &self,
        changes: &[Change],
        recent: &Recent,
        since: &dyn Fn(&DomainId) -> Option<DateTime<Utc>>,
    ) -> DateTime<Utc> {
        let settle = self.settling();
        let watermark = self.heartbeat.and_then(|heartbeat| instant(heartbeat.audit_watermark.as_deref()?));
        let late = watermark.or(recent.last_run).unwrap_or(self.options.now) - settle;
        let captured = changes.iter().filter_map(|change| since(&change.domain));
        let pending = recent.pending.iter().map(|pending| pending.since.unwrap_or(pending.at() - settle));
        let start = captured.chain(pending).chain([late]).min().unwrap_or(late) - SKEW;
        start.min(self.options.now)
    }

    fn settling(&self) -> TimeDelta {
        TimeDelta::from_std(self.workspace.config.attribution_settle).unwrap_or(TimeDelta::hours(2))
    }

    async fn look(&self, log: &AuditLog<'_>, start: DateTime<Utc>) -> Look {
        let passed = self.client.clock().now().saturating_sub(self.began);
        let end = self.options.now + TimeDelta::from_std(passed).unwrap_or_default() + SKEW;
        Look { reading: log.read(start, end).await, coverage: Coverage::Unread }
    }

    /// Remembers the domains that the records speak of.
    fn learn(&self, memory: &mut AuditMemory, recent: &Recent, look: &Look, changes: &[Change]) {
        let named: HashSet<&str> =
            look.reading.records.iter().filter_map(|record| record.entity_id.as_deref()).collect();
        // The id of the organisation stands for many things, and that of a parent for what there is one of below it.
        let has_own_id = |change: &Change| {
            let domain = self.workspace.catalogue.get(&change.domain);
            change.key.as_str() != self.org && domain.is_some_and(|domain| domain.identity.key != [KeyPart::Parent])
        };
        let all = changes.iter().chain(recent.pending.iter().flat_map(|pending| &pending.changes));
        let spoken_of = all
            .filter(|change| has_own_id(change) && named.contains(change.key.as_str()))
            .map(|change| change.domain.clone());
        memory.spoken_of.extend(spoken_of);
    }

    fn told(
        &self,
        until: Option<DateTime<Utc>>,
        changes: &[Change],
        records: &[AuditRecord],
        used: &HashSet<Use>,
        since: &dyn Fn(&DomainId) -> Option<DateTime<Utc>>,
        coverage: &Coverage,
    ) -> (Told, Vec<Joined>) {
        let (catalogue, org) = (&self.workspace.catalogue, self.org);
        let joined = Inquiry { catalogue, org, changes, records, since, until, used, coverage }.join();
        let people = Known { catalogue, names: self.names() };
        let told = Parting { catalogue, org, changes, records, people: &people }.part(&joined);
        (told, joined)
    }

    /// Looks again at what earlier runs could not tell; what is not told when the time is up is unexplained.
    fn settle(&self, recent: &Recent, look: &Look, attributed: &mut Attributed) {
        if matches!(look.coverage, Coverage::Unread | Coverage::Forbidden) {
            return;
        }
        for pending in &recent.pending {
            let until = Some(pending.at());
            let since = |_: &DomainId| pending.since;
            let (told, joined) =
                self.told(until, &pending.changes, &look.reading.records, &recent.used, &since, &look.coverage);
            let is_over = self.options.now - pending.at() >= self.settling();
            let mut noted = Vec::new();
            for ((change, mut by), joined) in pending.changes.iter().zip(told.attributions).zip(&joined) {
                let is_found = !joined.records().is_empty();
                if !is_over && !joined.is_explained() {
                    // Part of it may be known already; it is said once all of it is, or when the time is up.
                    continue;
                }
                if !joined.is_explained() {
                    by.explained = Explained::None;
                    by.fields.values_mut().for_each(|field| {
                        if field.explained != Explained::Audit {
                            field.explained = Explained::None;
                        }
                    });
                    // What went with its parent says nothing that the parent does not.
                    if !self.went_along(change, &pending.changes) {
                        attributed.findings.push(self.unexplained(pending, change, is_found));
                    }
                }
                noted.push(NoteChange {
                    domain: change.domain.clone(),
                    entity: change.key.clone(),
                    explained: by.explained,
                    actors: by.actors,
                    fields: by.fields.into_iter().map(|(path, by)| NoteField { path: path.to_string(), by }).collect(),
                });
            }
            if !noted.is_empty() {
                attributed.notes.push((pending.commit.id, Note::new(noted)));
            }
        }
    }
}

/// What can be said of changes without a record. The services are asked for only where that matters.
async fn coverage(
    log: &AuditLog<'_>,
    look: &Look,
    memory: &AuditMemory,
    changes: &[Change],
    recent: &Recent,
) -> Coverage {
    match &look.reading.trouble {
        Some(Trouble { kind: TroubleKind::Forbidden, .. }) => return Coverage::Forbidden,
        Some(_) => return Coverage::Unread,
        None if changes.is_empty() && recent.pending.is_empty() => return Coverage::Unread,
        None => {}
    }
    match log.services().await {
        Ok(services) => Coverage::Read { services, spoken_of: memory.spoken_of.clone() },
        Err(trouble) if trouble.kind == TroubleKind::Forbidden => Coverage::Forbidden,
        Err(_) => Coverage::Unread,
    }
}

/// One look at the audit log.
struct Look {
    reading: AuditReading,
    coverage: Coverage,
}

impl Look {
    /// Whether waiting cannot help.
    fn is_hopeless(&self) -> bool {
        self.reading.trouble.as_ref().is_some_and(|trouble| trouble.kind != TroubleKind::Failed)
    }

    fn finding(&self) -> Option<RunFinding> {
        let trouble = self.reading.trouble.as_ref().filter(|trouble| trouble.kind == TroubleKind::Forbidden)?;
        Some(RunFinding {
            rule: "audits-forbidden".to_owned(),
            severity: Severity::Low,
            domain: None,
            entity: None,
            place: None,
            message: format!("nobody is told who made a change: {}", trouble.cause),
            remedy: "Give the OAuth client audits:audit:view, or set `audits = false` under [attribution].".to_owned(),
            actors: Vec::new(),
        })
    }
}
