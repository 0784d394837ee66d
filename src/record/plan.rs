//! From what a run captured to the commits it makes.
//!
//! Kinds that are not an administrator's doing come first, so that what is left over is exactly what somebody changed: a
//! migrated schema, a new layout, another secrets key, a member that the API began to give, a domain seen for the first time,
//! a domain known less well. Only then comes the observed commit.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::archive::{Archive, ArchiveError, Tree};
use super::forms::{InHistory, MigratedDomain, Rekeyed};
use super::layout::{FileEdits, LEDGER_PATH, Width, changed_files, domain_paths, first_width};
use super::ledger::{Ledger, LedgerEntry, LedgerStatus};
use super::newly_kept::Places;
use crate::canonical::{Digest, Scan, canonical_text, value_of};
use crate::catalogue::{Catalogue, Domain};
use crate::diff::{apply_fields, diff_domain, follow};
use crate::model::{
    Change, ChangeKind, DomainId, DomainSnapshot, EntityKey, FieldChange, FieldKind, OwnedValue, PointerGlob, Value,
};

/// The kind of a commit, as its trailer `Orgtrail-Kind` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommitKind {
    /// A domain's stored form follows its new domain file.
    SchemaMigration,
    /// A domain is laid out anew.
    Reshard,
    /// Fingerprints follow a new secrets key.
    Rekey,
    /// A member that the API began to give.
    NewField,
    /// A domain captured for the first time.
    Baseline,
    /// A domain is known better or less well than before.
    Coverage,
    /// What somebody changed.
    Observed,
    /// What was observed and is agreed from now on; on the branch of what is agreed.
    Approval,
}

impl CommitKind {
    /// Every kind, those of a run in the order in which it makes them.
    pub const IN_ORDER: [Self; 8] = [
        Self::SchemaMigration,
        Self::Reshard,
        Self::Rekey,
        Self::NewField,
        Self::Baseline,
        Self::Coverage,
        Self::Observed,
        Self::Approval,
    ];

    /// The kind of a word in the trailer.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::IN_ORDER.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The word in the trailer.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SchemaMigration => "schema-migration",
            Self::Reshard => "reshard",
            Self::Rekey => "rekey",
            Self::NewField => "new-field",
            Self::Baseline => "baseline",
            Self::Coverage => "coverage",
            Self::Observed => "observed",
            Self::Approval => "approval",
        }
    }
}

/// What a run learned of a domain.
#[derive(Debug)]
pub struct Observed {
    /// The domain.
    pub domain: DomainId,
    /// What its ledger entry says from now on; absent where the run learned nothing that lasts.
    pub status: Option<LedgerStatus>,
    /// Its entities; absent where they are as on record or could not be captured.
    pub content: Option<DomainSnapshot>,
    /// Members that the API gave and the schema does not know.
    pub new_fields: BTreeSet<String>,
    /// Whether the content is a part, and further runs bring the rest.
    pub is_under_way: bool,
}

/// What the commits of a run are planned from.
pub struct PlanInput<'p, T> {
    /// The domains.
    pub catalogue: &'p Catalogue,
    /// The state on record.
    pub archive: &'p Archive<T>,
    /// The ledger to begin from: the one on record, or a new one.
    pub ledger: Ledger,
    /// The id of the secrets key in use.
    pub secret_key: String,
    /// The key in use before, where it is known.
    pub rekeyed: Option<Rekeyed>,
    /// The digest of the client's grants to put on record.
    pub view: Option<String>,
    /// What the run learned.
    pub observed: Vec<Observed>,
    /// The scan for secrets.
    pub scan: &'p Scan,
    /// Brings stored entities into the form that a domain has now.
    pub migrate: &'p dyn Fn(&Domain, &DomainSnapshot) -> MigratedDomain,
    /// What takes the place of a value of an entity if it is a secret, under every key that is known.
    pub hidden: &'p dyn Fn(&DomainId, &EntityKey, &Value<'_>) -> Vec<OwnedValue>,
}

/// A commit to be made.
#[derive(Clone, Debug)]
pub struct PlannedCommit {
    /// Its kind.
    pub kind: CommitKind,
    /// The files it writes and removes, the ledger among them.
    pub edits: FileEdits,
    /// The ledger of its tree.
    pub ledger: Ledger,
    /// The domains that it touches.
    pub domains: Vec<DomainId>,
    /// What somebody changed; empty for every kind but the observed one.
    pub changes: Vec<Change>,
}

/// The commits of a run, in order.
#[derive(Debug)]
pub struct RecordPlan {
    /// The commits; none where nothing differs from what is on record.
    pub commits: Vec<PlannedCommit>,
    /// The ledger after them.
    pub ledger: Ledger,
    /// The domains captured for the first time, with their number of entities.
    pub baselines: BTreeMap<DomainId, u64>,
    /// Those of them that begin anew, because what was on record could not be brought into the form they have now.
    pub anew: BTreeSet<DomainId>,
    /// Secrets that were not known to be any when they were put on record.
    pub in_history: Vec<InHistory>,
    /// What the observed commit, which is the last one, is made from; absent where there is none.
    pub observation: Option<Observation>,
}

/// What an observed commit is made from.
#[derive(Debug)]
pub struct Observation {
    /// The ledger before it.
    pub ledger: Ledger,
    /// The domains that it touches, before and after.
    pub domains: BTreeMap<DomainId, (Rc<DomainSnapshot>, Rc<DomainSnapshot>)>,
    /// What differs in each of them, seen alone: also what only follows from another change.
    pub differences: Vec<Change>,
}

/// Plans the commits of a run.
///
/// # Errors
/// [`ArchiveError`] where the state on record cannot be read.
pub fn plan<T: Tree>(input: PlanInput<'_, T>) -> Result<RecordPlan, ArchiveError> {
    let PlanInput { catalogue, archive, ledger, secret_key, rekeyed, view, observed, scan, migrate, hidden } = input;
    let recorded = archive.ledger().cloned();
    let mut state =
        State { catalogue, scan, ledger, domains: BTreeMap::new(), commits: Vec::new(), in_history: Vec::new() };

    let migrated = state.migrate_all(archive, migrate)?;
    let (mut known, mut first, mut anew) = (Vec::new(), Vec::new(), BTreeSet::new());
    for one in observed {
        let entry = state.ledger.domains.get(&one.domain);
        let has_baseline = entry.is_some_and(|entry| entry.digest.is_some() && !entry.baseline_under_way);
        let is_anew = migrated.contains(&one.domain) && state.has_other_keys(&one);
        if is_anew {
            anew.insert(one.domain.clone());
        }
        if has_baseline && !is_anew { known.push(one) } else { first.push(one) }
    }
    for one in known.iter().filter(|one| one.content.is_some()) {
        state.load(archive, &one.domain)?;
    }
    state.take_other_forms(&known, hidden);
    state.take_newly_kept(&known, &migrated);
    state.reshard(&known);
    let fingerprinted = state.fingerprinted(archive, &secret_key)?;
    state.rekey(&known, &secret_key, rekeyed.as_ref(), &fingerprinted);
    state.take_new_fields(&known);
    for one in &first {
        state.load(archive, &one.domain)?;
    }
    let baselines = state.take_baselines(first);
    state.take_coverage(&known, view);
    let observation = state.take_changes(&known);
    let State { ledger, commits, in_history, .. } = state;
    let unchanged = recorded.is_some_and(|recorded| recorded == ledger);
    let (commits, observation) = if unchanged { (Vec::new(), None) } else { (commits, observation) };
    Ok(RecordPlan { commits, ledger, baselines, anew, in_history, observation })
}

/// The state on record as it becomes, commit by commit.
pub(super) struct State<'p> {
    pub(super) catalogue: &'p Catalogue,
    pub(super) scan: &'p Scan,
    pub(super) ledger: Ledger,
    pub(super) domains: BTreeMap<DomainId, Rc<DomainSnapshot>>,
    pub(super) commits: Vec<PlannedCommit>,
    pub(super) in_history: Vec<InHistory>,
}

impl State<'_> {
    pub(super) fn load<T: Tree>(&mut self, archive: &Archive<T>, id: &DomainId) -> Result<(), ArchiveError> {
        if !self.domains.contains_key(id)
            && let Some(snapshot) = archive.domain(id)?
        {
            self.domains.insert(id.clone(), snapshot);
        }
        Ok(())
    }

    pub(super) fn commit(
        &mut self,
        kind: CommitKind,
        mut edits: FileEdits,
        domains: Vec<DomainId>,
        changes: Vec<Change>,
    ) {
        edits.insert(LEDGER_PATH.to_owned(), Some(self.ledger.write()));
        self.commits.push(PlannedCommit { kind, edits, ledger: self.ledger.clone(), domains, changes });
    }

    /// Puts new content of a domain on record and returns the files that change.
    pub(super) fn put(&mut self, domain: &Domain, content: DomainSnapshot) -> FileEdits {
        let before = self.domains.get(&domain.id).cloned();
        let before = before.unwrap_or_else(|| Rc::new(DomainSnapshot::empty(domain.id.clone(), domain.schema_version)));
        let entry = self.ledger.domains.get_mut(&domain.id);
        let width = entry.as_ref().map(|entry| entry.width).unwrap_or_default();
        let (mut edits, mut fitting) = fitting_files(domain, &before, &content, width);
        if fitting != width && !before.entities.is_empty() {
            // What did not change has to move as well, and no file of the former layout may stay.
            let empty = DomainSnapshot::empty(domain.id.clone(), content.schema_version);
            let (anew, wider) = fitting_files(domain, &empty, &content, fitting);
            edits = domain_paths(domain, &before, width).into_iter().map(|path| (path, None)).collect();
            edits.extend(anew.into_iter().filter(|(_, new)| new.is_some()));
            fitting = wider;
        }
        let width = fitting;
        if let Some(entry) = entry {
            entry.entities = count(&content);
            entry.digest = Some(Digest::of_domain(&content).to_string());
            entry.schema_version = content.schema_version;
            entry.width = width;
        }
        self.domains.insert(domain.id.clone(), Rc::new(content));
        edits
    }

    /// Whether a captured domain has no key in common with what is on record: its identity is another one, and its stored
    /// form cannot be migrated.
    fn has_other_keys(&self, one: &Observed) -> bool {
        let (Some(before), Some(after)) = (self.domains.get(&one.domain), &one.content) else { return false };
        let is_shared = |key| after.entities.contains_key(key);
        !before.entities.is_empty() && !after.entities.is_empty() && !before.entities.keys().any(is_shared)
    }

    /// Takes members that a new treatment begins to keep: no stored entity of the domain has anything at their place.
    fn take_newly_kept(&mut self, known: &[Observed], migrated: &BTreeSet<DomainId>) {
        if migrated.is_empty() {
            return;
        }
        let catalogue = self.catalogue;
        let places: BTreeMap<&DomainId, Places<'_>> = migrated
            .iter()
            .filter_map(|id| Some((id, Places::of(&catalogue.get(id)?.shape, self.domains.get(id)?))))
            .collect();
        self.absorb(CommitKind::SchemaMigration, known, &|id, _, field| {
            field.kind == FieldKind::Added && places.get(id).is_some_and(|places| places.is_new(&field.path))
        });
    }

    /// Lays domains out anew whose content would not fit their files.
    fn reshard(&mut self, known: &[Observed]) {
        let mut edits = FileEdits::new();
        let mut resharded = Vec::new();
        for (domain, before, after) in self.contents(known) {
            let Some(old) = self.ledger.domains.get(&domain.id).map(|entry| entry.width) else { continue };
            let (_, width) = fitting_files(domain, &before, after, old);
            if width == old {
                continue;
            }
            for path in domain_paths(domain, &before, old) {
                edits.insert(path, None);
            }
            let empty = DomainSnapshot::empty(domain.id.clone(), before.schema_version);
            edits.extend(fitting_files(domain, &empty, &before, width).0.into_iter().filter(|(_, new)| new.is_some()));
            resharded.push((domain.id.clone(), width));
        }
        for (id, width) in &resharded {
            if let Some(entry) = self.ledger.domains.get_mut(id) {
                entry.width = *width;
            }
        }
        if !resharded.is_empty() {
            self.commit(CommitKind::Reshard, edits, resharded.into_iter().map(|(id, _)| id).collect(), Vec::new());
        }
    }

    /// Domain, state on record and captured state of everything that was captured.
    fn contents<'o>(&self, known: &'o [Observed]) -> Vec<(&Domain, Rc<DomainSnapshot>, &'o DomainSnapshot)>
    where
        Self: 'o,
    {
        known
            .iter()
            .filter_map(|one| {
                let domain = self.catalogue.get(&one.domain)?;
                Some((domain, self.domains.get(&one.domain)?.clone(), one.content.as_ref()?))
            })
            .collect()
    }

    /// Makes a commit of the fields that `takes` picks.
    pub(super) fn absorb(
        &mut self,
        kind: CommitKind,
        known: &[Observed],
        takes: &dyn Fn(&DomainId, &EntityKey, &FieldChange) -> bool,
    ) {
        let mut absorbed = Vec::new();
        for (domain, before, after) in self.contents(known) {
            let content = with_fields(domain, &before, after, &|key, field| takes(&domain.id, key, field));
            if content != *before {
                absorbed.push((domain.id.clone(), content));
            }
        }
        if absorbed.is_empty() {
            return;
        }
        let mut edits = FileEdits::new();
        let mut domains = Vec::new();
        for (id, content) in absorbed {
            if let Some(domain) = self.catalogue.get(&id) {
                edits.extend(self.put(domain, content));
                domains.push(id);
            }
        }
        self.commit(kind, edits, domains, Vec::new());
    }

    fn take_new_fields(&mut self, known: &[Observed]) {
        let mut fresh: BTreeMap<DomainId, Vec<PointerGlob>> = BTreeMap::new();
        for one in known {
            let Some(entry) = self.ledger.domains.get_mut(&one.domain) else { continue };
            let new: Vec<&String> = one.new_fields.iter().filter(|field| !entry.new_fields.contains(field)).collect();
            if !new.is_empty() {
                fresh.insert(one.domain.clone(), new.iter().map(|field| PointerGlob::new(field)).collect());
                entry.new_fields.extend(new.into_iter().cloned().collect::<Vec<_>>());
                entry.new_fields.sort();
            }
        }
        if !fresh.is_empty() {
            self.absorb(CommitKind::NewField, known, &|id, _, field| {
                let is_fresh = fresh.get(id).is_some_and(|globs| globs.iter().any(|glob| glob.matches(&field.path)));
                is_fresh && field.kind == FieldKind::Added
            });
        }
    }

    /// Puts domains on record that have no whole baseline yet, and what is known of those that still have none.
    fn take_baselines(&mut self, first: Vec<Observed>) -> BTreeMap<DomainId, u64> {
        let mut edits = FileEdits::new();
        let mut baselines = BTreeMap::new();
        let mut touched = Vec::new();
        for one in first {
            let Some(domain) = self.catalogue.get(&one.domain) else { continue };
            let before = self.ledger.domains.get(&one.domain).cloned();
            let Some(status) = one.status.or(before.as_ref().map(|entry| entry.status)) else { continue };
            let has_part = before.as_ref().is_some_and(|entry| entry.digest.is_some());
            let entry = match &before {
                Some(entry) if has_part => LedgerEntry {
                    status,
                    baseline_under_way: one.is_under_way || status != LedgerStatus::Complete,
                    ..entry.clone()
                },
                _ => LedgerEntry {
                    status,
                    entities: 0,
                    schema_version: domain.schema_version,
                    treatment: self.scan.treatment(domain),
                    width: one.content.as_ref().map(first_width).unwrap_or_default(),
                    digest: None,
                    baseline_under_way: one.is_under_way,
                    secret_key: None,
                    new_fields: one.new_fields.into_iter().collect(),
                },
            };
            self.ledger.domains.insert(one.domain.clone(), entry);
            if let Some(content) = one.content {
                let part = before.as_ref().filter(|entry| entry.baseline_under_way);
                let known = part.map_or(0, |entry| entry.entities);
                baselines.insert(one.domain.clone(), count(&content).saturating_sub(known));
                edits.extend(self.put(domain, content));
            }
            if self.ledger.domains.get(&one.domain) != before.as_ref() {
                touched.push(one.domain);
            }
        }
        if !touched.is_empty() {
            self.commit(CommitKind::Baseline, edits, touched, Vec::new());
        }
        baselines
    }

    fn take_coverage(&mut self, known: &[Observed], view: Option<String>) {
        let mut touched = Vec::new();
        for one in known {
            if let (Some(entry), Some(status)) = (self.ledger.domains.get_mut(&one.domain), one.status)
                && entry.status != status
            {
                entry.status = status;
                touched.push(one.domain.clone());
            }
        }
        let view_changed = self.ledger.view != view;
        self.ledger.view = view;
        if touched.is_empty() && !view_changed {
            return;
        }
        match self.commits.last_mut() {
            // A client whose grants differ says nothing by itself that deserves a commit of its own.
            Some(last) if touched.is_empty() => {
                last.ledger = self.ledger.clone();
                last.edits.insert(LEDGER_PATH.to_owned(), Some(self.ledger.write()));
            }
            _ => self.commit(CommitKind::Coverage, FileEdits::new(), touched, Vec::new()),
        }
    }

    fn take_changes(&mut self, known: &[Observed]) -> Option<Observation> {
        let mut observation =
            Observation { ledger: self.ledger.clone(), domains: BTreeMap::new(), differences: Vec::new() };
        let mut edits = FileEdits::new();
        for one in known {
            let (Some(domain), Some(content)) = (self.catalogue.get(&one.domain), &one.content) else { continue };
            let Some(before) = self.domains.get(&one.domain).cloned() else { continue };
            let found = diff_domain(domain, &before, content);
            if !found.is_empty() {
                observation.differences.extend(found);
                observation.domains.insert(one.domain.clone(), (before, Rc::new(content.clone())));
                edits.extend(self.put(domain, content.clone()));
            }
        }
        if observation.domains.is_empty() {
            return None;
        }
        let changes = follow(self.catalogue, observation.differences.clone());
        self.commit(CommitKind::Observed, edits, observation.domains.keys().cloned().collect(), changes);
        Some(observation)
    }
}

/// The files of a change at the width that they fit, which is the given one or a wider one.
fn fitting_files(
    domain: &Domain,
    before: &DomainSnapshot,
    after: &DomainSnapshot,
    mut width: Width,
) -> (FileEdits, Width) {
    loop {
        match changed_files(domain, before, after, width) {
            Ok(edits) => return (edits, width),
            Err(wider) => width = wider,
        }
    }
}

/// The state on record with those fields of the captured state that `takes` picks.
fn with_fields(
    domain: &Domain,
    before: &DomainSnapshot,
    after: &DomainSnapshot,
    takes: &dyn Fn(&EntityKey, &FieldChange) -> bool,
) -> DomainSnapshot {
    let mut content = before.clone();
    for change in diff_domain(domain, before, after) {
        if change.kind != ChangeKind::Modified {
            continue;
        }
        let picked: Vec<FieldChange> = change.fields.into_iter().filter(|field| takes(&change.key, field)).collect();
        if picked.is_empty() {
            continue;
        }
        if let Some(entity) = content.entities.get_mut(&change.key)
            && let Ok(value) = apply_fields(domain, value_of(entity).into_owned(), &picked)
        {
            *entity = canonical_text(&value);
        }
    }
    content
}

fn count(content: &DomainSnapshot) -> u64 {
    u64::try_from(content.entities.len()).unwrap_or(u64::MAX)
}
