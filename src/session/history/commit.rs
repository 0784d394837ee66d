//! What a single commit changed, domain by domain.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::History;
use crate::catalogue::{Catalogue, Domain};
use crate::diff::{diff_domain, follow, predecessors};
use crate::history::entities_of;
use crate::model::{CanonicalText, Change, DomainId, DomainSnapshot, EntityKey};
use crate::policy::{ClassifiedChange, Names};
use crate::record::{SNAPSHOT_DIR, domain_of, roots_of};
use crate::session::reaching::Reaching;
use crate::session::workspace::archive;
use crate::session::{Exit, Failure};
use crate::trail::{CommitId, CommitInfo, FileTurn};

/// What a commit changed in some domains.
pub(super) struct CommitChanges {
    /// The changes, with what only follows others folded into these.
    pub(super) changes: Vec<Change>,
    /// The key that an entity had before it was made again.
    pub(super) predecessors: BTreeMap<(DomainId, EntityKey), EntityKey>,
}

/// What was found out about the commit that was looked at last.
#[derive(Default)]
pub(super) struct Around {
    commit: Option<CommitId>,
    domains: BTreeMap<DomainId, Rc<CommitChanges>>,
}

impl History<'_> {
    /// What a commit changed in a domain, and in those without which its changes cannot be told from what only follows.
    pub(super) fn changes_around(&self, commit: &CommitInfo, domain: &Domain) -> Result<Rc<CommitChanges>, Failure> {
        // Many entities of one commit are asked for one after the other.
        let mut around = self.around.borrow_mut();
        if around.commit != Some(commit.id) {
            *around = Around { commit: Some(commit.id), domains: BTreeMap::new() };
        }
        if let Some(known) = around.domains.get(&domain.id) {
            return Ok(Rc::clone(known));
        }
        let found = Rc::new(self.find_changes_around(commit, domain)?);
        around.domains.insert(domain.id.clone(), Rc::clone(&found));
        Ok(found)
    }

    fn find_changes_around(&self, commit: &CommitInfo, domain: &Domain) -> Result<CommitChanges, Failure> {
        let catalogue = &self.workspace.catalogue;
        let related = related(catalogue, domain);
        let parent = commit.parents.first();
        let mut files: BTreeMap<DomainId, Vec<FileTurn>> = BTreeMap::new();
        for file in self.workspace.trail.files_between(parent, &commit.id, SNAPSHOT_DIR)? {
            if let Some(id) = domain_of(&file.path).filter(|id| related.contains(id)) {
                files.entry(id).or_default().push(file);
            }
        }
        let mut changes = Vec::new();
        for (id, files) in files {
            // Without a state before there is nothing that could have been changed.
            if let Some(domain) = catalogue.get(&id)
                && self.is_on_record(parent, &id)?
            {
                let (before, after) = self.differing(&id, &files)?;
                changes.extend(diff_domain(domain, &before, &after));
            }
        }
        let predecessors = predecessors(catalogue, &changes);
        Ok(CommitChanges { changes: follow(catalogue, changes), predecessors })
    }

    /// Judges a change of a commit, with names as of the commit, and says who made it.
    pub(super) fn classified(&self, change: Change, commit: &CommitInfo) -> Result<ClassifiedChange, Failure> {
        let attribution = self.attribution(commit)?.of_change(&change.domain, &change.key);
        let (before, after) = (self.state(commit.parents.first().copied()), self.state(Some(commit.id)));
        let names = Names::new(&self.workspace.catalogue, &before, &after);
        let counted = |change: &Change| self.reach_counts(commit, change).map_err(|failure| failure.message);
        let judged = self.policy.classify(change, &names, &counted, &mut self.unjudged.borrow_mut());
        Ok(ClassifiedChange { attribution, ..judged })
    }

    /// How many entities of each domain depended on what a commit changed.
    fn reach_counts(&self, commit: &CommitInfo, change: &Change) -> Result<BTreeMap<DomainId, u64>, Failure> {
        let workspace = self.workspace;
        let (before, after) =
            (archive(workspace, commit.parents.first().copied())?, archive(workspace, Some(commit.id))?);
        let counts = Reaching::new(workspace, &before, &after).counts(change);
        counts.map_err(|problem| Failure::new(Exit::Integrity, problem))
    }

    fn is_on_record(&self, commit: Option<&CommitId>, id: &DomainId) -> Result<bool, Failure> {
        let Some(commit) = commit else { return Ok(false) };
        for root in roots_of(id) {
            if self.workspace.trail.tree_entry(commit, &root)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The entities that are not the same before and after.
    pub(super) fn differing(
        &self,
        id: &DomainId,
        files: &[FileTurn],
    ) -> Result<(DomainSnapshot, DomainSnapshot), Failure> {
        let mut texts = [Vec::new(), Vec::new()];
        for file in files {
            for (texts, blob) in texts.iter_mut().zip([file.before, file.after]) {
                if let Some(blob) = blob {
                    texts.push(self.texts.get(&blob.into())?);
                }
            }
        }
        let [before, after] = texts.each_ref().map(|texts| {
            let found = texts.iter().flat_map(|text| entities_of(text));
            found.map(|found| (found.key, found.text)).collect::<BTreeMap<_, _>>()
        });
        let snapshot = |own: &BTreeMap<EntityKey, &str>, other: &BTreeMap<EntityKey, &str>| {
            let differ = own.iter().filter(|(key, text)| other.get(*key) != Some(*text));
            let read = |(key, text): (&EntityKey, &&str)| Some((key.clone(), canonical(text)?));
            DomainSnapshot { entities: differ.filter_map(read).collect(), ..DomainSnapshot::empty(id.clone(), 0) }
        };
        Ok((snapshot(&before, &after), snapshot(&after, &before)))
    }
}

/// A text that was cut out as a value.
pub(super) fn canonical(text: &str) -> Option<CanonicalText> {
    crate::canonical::read_str(text).ok().map(|value| crate::canonical::canonical_text(&value))
}

/// The domain, those that it refers to or is listed under, and those of which the same is true for it.
fn related(catalogue: &Catalogue, domain: &Domain) -> BTreeSet<DomainId> {
    let leads_to = |domain: &Domain| {
        let targets = domain.references.iter().flat_map(|reference| reference.targets.iter().cloned());
        targets.chain(domain.source.parent.clone()).collect::<BTreeSet<DomainId>>()
    };
    let back = catalogue.iter().filter(|other| leads_to(other).contains(&domain.id)).map(|other| other.id.clone());
    back.chain(leads_to(domain)).chain([domain.id.clone()]).collect()
}
