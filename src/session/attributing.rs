//! Asks the audit log who made the changes of a run, and of earlier runs that it could not tell then.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::failure::Failure;
use super::observer::Observer;
use super::revision::kind;
use super::run::RunOptions;
use super::time::written;
use super::verdict::name_anywhere;
use super::workspace::{CommitTree, Workspace, archive};
use crate::attribution::{
    AuditRecord, CommitAttribution, Coverage, Inquiry, Joined, Note, NoteChange, NoteField, Parting, People, Person,
    SKEW, Services, Told, Transient, Use, trailer, transients,
};
use crate::canonical::{Scan, value_of};
use crate::capture::{AuditLog, AuditReading, Trouble, TroubleKind};
use crate::catalogue::{Catalogue, Domain, KeyPart};
use crate::genesys::Client;
use crate::model::{Actor, Change, ChangeKind, DomainId, EntityKey, EntitySource, Explained, Severity};
use crate::policy::Names;
use crate::record::{Archive, AuditMemory, CommitKind, Heartbeat, RunFinding, between};
use crate::trail::{CommitId, CommitInfo};

/// How long a run waits between two looks at the audit log.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Most commits that are looked at for changes without a record.
const MOST_COMMITS: usize = 400;

/// How far back changes without a record are looked for, at most.
const LONGEST_PENDING: TimeDelta = TimeDelta::days(8);

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

/// Changes of an earlier run that no record explained so far.
struct Pending {
    commit: CommitInfo,
    since: Option<DateTime<Utc>>,
    changes: Vec<Change>,
}

/// What recent commits say of the audit log.
#[derive(Default)]
struct Recent {
    pending: Vec<Pending>,
    used: HashSet<Use>,
    told: HashSet<String>,
    last_run: Option<DateTime<Utc>>,
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
            attributed.told = self.told(changes, &[], &HashSet::new(), &|_| None, &nothing).0;
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
            let (told, joined) = self.told(changes, &look.reading.records, &recent.used, &since, &look.coverage);
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
        changes: &[Change],
        records: &[AuditRecord],
        used: &HashSet<Use>,
        since: &dyn Fn(&DomainId) -> Option<DateTime<Utc>>,
        coverage: &Coverage,
    ) -> (Told, Vec<Joined>) {
        self.told_until(None, changes, records, used, since, coverage)
    }

    fn told_until(
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
        let people = Known { catalogue, after: self.after, before: self.before };
        let told = Parting { catalogue, org, changes, records, people: &people }.part(&joined);
        (told, joined)
    }

    /// What the last commits say: which records they are explained by, and which changes wait for one.
    fn recent(&self, tip: Option<&CommitId>) -> Result<Recent, Failure> {
        let mut recent = Recent::default();
        let Some(tip) = tip else { return Ok(recent) };
        let trail = &self.workspace.trail;
        let oldest = self.options.now - LONGEST_PENDING;
        for commit in trail.first_parents(tip).take(MOST_COMMITS) {
            let commit = commit?;
            let at = DateTime::from_timestamp(commit.committer.seconds, 0).unwrap_or_default();
            if at < oldest {
                break;
            }
            if kind(&commit).is_some() {
                recent.last_run.get_or_insert(at);
            }
            if kind(&commit) != Some(CommitKind::Observed) {
                continue;
            }
            let said = said_by(&commit, trail.note(&commit.id)?.as_deref());
            recent.told.extend(said.audit_ids().map(ToOwned::to_owned));
            recent.used.extend(said.uses());
            if said.is_pending() {
                recent.pending.extend(self.pending(commit, &said)?);
            }
        }
        // The oldest first: a record explains the first change that it fits.
        recent.pending.reverse();
        Ok(recent)
    }

    fn pending(&self, commit: CommitInfo, said: &CommitAttribution) -> Result<Option<Pending>, Failure> {
        let (before, after) =
            (archive(self.workspace, commit.parents.first().copied())?, archive(self.workspace, Some(commit.id))?);
        let mut changes = between(&self.workspace.catalogue, &before, &after, &[])?.changes;
        changes.retain(|change| said.of_change(&change.domain, &change.key).explained == Explained::Pending);
        let interval = commit.trailer(trailer::INTERVAL).and_then(|interval| interval.split_once('/'));
        let since = interval.and_then(|(start, _)| instant(start));
        Ok((!changes.is_empty()).then_some(Pending { commit, since, changes }))
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
                self.told_until(until, &pending.changes, &look.reading.records, &recent.used, &since, &look.coverage);
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

    /// Whether an entity only came or went with what it belongs to.
    fn went_along(&self, change: &Change, changes: &[Change]) -> bool {
        let domain = self.workspace.catalogue.get(&change.domain);
        let body = change.before.as_ref().or(change.after.as_ref()).map(value_of);
        let parent = domain
            .zip(body)
            .and_then(|(domain, body)| Some((domain.source.parent.as_ref()?, domain.parent_of(&change.key, &body)?)));
        let Some((parents, parent)) = parent.filter(|_| change.kind != ChangeKind::Modified) else { return false };
        changes.iter().any(|other| {
            let is_parent = other.key == parent || other.previous_key.as_ref() == Some(&parent);
            other.domain == *parents && is_parent && other.kind != ChangeKind::Modified
        })
    }

    fn unexplained(&self, pending: &Pending, change: &Change, in_part: bool) -> RunFinding {
        let domain = self.workspace.catalogue.get(&change.domain);
        let name = self.called(&change.domain, &change.key);
        let what = if in_part { "a part of the change" } else { "the change" };
        RunFinding {
            rule: "unexplained".to_owned(),
            severity: domain.map_or(Severity::High, |domain| domain.risk.of(change.kind)).max(Severity::High),
            domain: Some(change.domain.clone()),
            entity: Some(change.key.clone()),
            place: Some(pending.commit.id.to_string()),
            message: format!(
                "no audit record explains {what} of {name} ({}, {}) seen at {}, although changes like it are recorded",
                change.domain,
                change.kind.as_str(),
                written(pending.at())
            ),
            remedy:
                "Ask who has access to the organisation besides its administrators, and check the audit log by hand."
                    .to_owned(),
            actors: Vec::new(),
        }
    }

    /// What was done and undone between two captures.
    fn tell_transients(&self, changes: &[Change], recent: &Recent, look: &Look, attributed: &mut Attributed) {
        let oldest = self.options.now - self.settling() * 2 - TimeDelta::days(1);
        let memory = &mut attributed.memory.transient;
        memory.retain(|_, at| instant(at).is_some_and(|at| at >= oldest));
        let records = &look.reading.records;
        let used_up = |id: &str| recent.told.contains(id) || memory.contains_key(id);
        for found in transients(changes, records, &used_up) {
            let ids = found.records.iter().map(|index| &records[*index]);
            memory.extend(ids.map(|record| (record.id.clone(), record.written_at())));
            let finding = Self::transient(self, &found, records);
            attributed.findings.extend(finding);
        }
    }

    fn transient(&self, found: &Transient, records: &[AuditRecord]) -> Option<RunFinding> {
        let last = &records[*found.records.last()?];
        let first = &records[*found.records.first()?];
        let id = last.entity_id.as_deref()?;
        let domain = self.domain_of(last, id)?;
        let key = EntityKey::new(id);
        let joined = Joined {
            behind: crate::attribution::Behind::Whole(found.records.clone()),
            otherwise: Explained::NotCovered,
        };
        let subject = [Change::bare(domain.id.clone(), key.clone())];
        let people = Known { catalogue: &self.workspace.catalogue, after: self.after, before: self.before };
        let parting = Parting {
            catalogue: &self.workspace.catalogue,
            org: self.org,
            changes: &subject,
            records,
            people: &people,
        };
        let actors: Vec<Actor> = parting.part(&[joined]).attributions.into_iter().flat_map(|one| one.actors).collect();
        let name = last.entity_name.clone().unwrap_or_else(|| self.called(&domain.id, &key));
        let by: Vec<&str> = actors.iter().map(Actor::shown).collect();
        let (from, to) = (first.written_at(), last.written_at());
        let what = match &found.property {
            Some(property) => {
                let shown = |values: &[String]| shown(&self.workspace.scan, domain, property, values);
                format!(
                    "{property} of {name} was changed from {} to {} and back",
                    shown(&found.value),
                    shown(&found.meanwhile)
                )
            }
            None if last.others.is_empty() => format!("{name} was made and removed again"),
            None => format!("{} was added to {name} and removed again", last.others.join(", ")),
        };
        Some(RunFinding {
            rule: "transient".to_owned(),
            severity: domain.risk.modified.max(Severity::Medium),
            domain: Some(domain.id.clone()),
            entity: Some(key),
            place: found.property.clone(),
            message: format!("{what} between {from} and {to}, by {}", by.join(", ")),
            remedy: "Ask why it was done: between two snapshots it had an effect, and no commit shows it.".to_owned(),
            actors,
        })
    }

    /// The captured domain that a record speaks of.
    fn domain_of(&self, record: &AuditRecord, id: &str) -> Option<&Domain> {
        let catalogue = &self.workspace.catalogue;
        let known =
            |domain: &&Domain| self.before.ledger().is_some_and(|ledger| ledger.domains.contains_key(&domain.id));
        let by_type = catalogue.iter().filter(known).find(|domain| record.speaks_of(domain));
        by_type.or_else(|| {
            let key = EntityKey::new(id);
            let has = |domain: &&Domain| self.after.entity(&domain.id, &key).is_some();
            catalogue.iter().filter(known).filter(|domain| domain.source.parent.is_none()).find(has)
        })
    }

    fn called(&self, domain: &DomainId, key: &EntityKey) -> String {
        let names = Names::new(&self.workspace.catalogue, self.before, self.after);
        let name = self
            .workspace
            .catalogue
            .get(domain)
            .and_then(|domain| names.of_entity(domain, key, &value_of(&names.entity(&domain.id, key)?)));
        name.unwrap_or_else(|| key.to_string())
    }
}

impl Pending {
    /// When the change was recorded.
    fn at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.commit.committer.seconds, 0).unwrap_or_default()
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

/// What an observed commit and its note say of who made its changes.
pub(super) fn said_by(commit: &CommitInfo, note: Option<&str>) -> CommitAttribution {
    let at = super::time::of_seconds(commit.author.seconds);
    let note = note.and_then(Note::read);
    CommitAttribution::read((&commit.author.name, &commit.author.email, &at), &commit.trailers, note.as_ref())
}

/// The values of a property as a finding may show them.
fn shown(scan: &Scan, domain: &Domain, property: &str, values: &[String]) -> String {
    let is_secret = scan.is_secret_name(property)
        || domain.treat.secret.iter().any(|path| is_called(property, &path.to_string()))
        || values.iter().any(|value| scan.rule_in(value).is_some());
    match values {
        [] => "nothing".to_owned(),
        _ if is_secret => "a secret".to_owned(),
        values => format!("{:?}", values.join(", ")),
    }
}

/// Whether a property, as an audit record calls it, may be one of a domain file's.
fn is_called(property: &str, path: &str) -> bool {
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let (property, path) = (plain(property), plain(path));
    !property.is_empty() && (path.contains(&property) || property.contains(&path))
}

/// People and programs as the snapshot knows them.
struct Known<'k, 't> {
    catalogue: &'k Catalogue,
    after: &'k dyn EntitySource,
    before: &'k Archive<CommitTree<'t>>,
}

impl People for Known<'_, '_> {
    fn person(&self, id: &str) -> Option<Person> {
        let key = EntityKey::new(id);
        let people = self.catalogue.iter().filter_map(|domain| Some((domain, domain.identity.email.as_ref()?)));
        people.into_iter().find_map(|(domain, email)| {
            let text = self.after.entity(&domain.id, &key).or_else(|| self.before.entity(&domain.id, &key))?;
            let body = value_of(&text);
            let text = |path: &crate::catalogue::FieldPath| path.find(&body)?.as_str().map(ToOwned::to_owned);
            Some(Person { name: domain.identity.name.as_ref().and_then(text), email: text(email) })
        })
    }

    fn client(&self, id: &str) -> Option<String> {
        name_anywhere(self.catalogue, self.after, id).or_else(|| name_anywhere(self.catalogue, self.before, id))
    }
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
}
