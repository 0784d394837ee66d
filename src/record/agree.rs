//! What is agreed after some of the changes between it and what is observed were taken.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::archive::{Archive, ArchiveError, Tree};
use super::between::{Step, carried, count, digest, domains_of, has_digest};
use super::layout::{LEDGER_PATH, Width, changed_files, roots_of};
use super::ledger::Ledger;
use super::steps::{Owner, Shares, up_to};
use crate::attribution::{Part, PartChange};
use crate::canonical::Digest;
use crate::catalogue::{Catalogue, Domain};
use crate::diff::diff_domain;
use crate::model::{Change, ChangeKind, DomainId, DomainSnapshot};

/// What is agreed next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// What becomes of which path, in order: of two that overlap the later counts.
    pub files: Vec<(String, Option<Vec<u8>>)>,
    /// The ledger of it.
    pub ledger: Ledger,
}

/// Takes some of the changes between what is agreed and what is observed.
///
/// What is no administrator's doing (`steps`) is taken with them, so that what is agreed keeps the stored form of what is
/// observed. References that only follow a re-created entity go with it. A domain that is captured but not agreed yet stays so.
///
/// # Errors
/// [`ArchiveError`] where one of the states cannot be read.
pub fn agree<T: Tree>(
    catalogue: &Catalogue,
    (agreed, observed): (&Archive<T>, &Archive<T>),
    steps: &[Step<T>],
    changes: &[Change],
    chosen: &[PartChange],
) -> Result<Agreement, ArchiveError> {
    let mut domains: BTreeMap<DomainId, (Rc<DomainSnapshot>, Rc<DomainSnapshot>)> = BTreeMap::new();
    let mut differences = Vec::new();
    for id in domains_of([agreed.ledger(), observed.ledger()]) {
        let Some(domain) = catalogue.get(&id) else { continue };
        if digest(agreed.ledger(), &id) == digest(observed.ledger(), &id) || !has_digest(agreed.ledger(), &id) {
            continue;
        }
        if let (Some(start), Some(end)) = (carried(domain, agreed, steps, |_| ())?, observed.domain(&id)?) {
            differences.extend(diff_domain(domain, &start, &end));
            domains.insert(id, (Rc::new(start), end));
        }
    }
    let chosen: Vec<PartChange> = chosen.iter().map(|one| by_field(changes, one)).collect();
    let parts = [part(chosen.clone()), part(rest(changes, &chosen))];
    let shares = Shares::of(changes, &parts);
    let owners: Vec<Owner> = differences.iter().map(|difference| shares.owner(changes, difference)).collect();
    let mut ledger = ledger_of(agreed, observed);
    let mut files = Vec::new();
    for (id, (start, _)) in &domains {
        let Some(domain) = catalogue.get(id) else { continue };
        let own = differences.iter().zip(&owners).filter(|(difference, _)| difference.domain == *id);
        let content = up_to(domain, start, own, 0);
        let Some(entry) = ledger.domains.get_mut(id) else { continue };
        entry.entities = count(&content);
        entry.digest = Some(Digest::of_domain(&content).to_string());
        let known = agreed.ledger().and_then(|ledger| ledger.domains.get(id)).map(|entry| entry.width);
        let before = agreed.domain(id)?.filter(|_| known == Some(entry.width));
        files.extend(files_of(domain, before.as_deref(), &content, &mut entry.width));
    }
    files.push((LEDGER_PATH.to_owned(), Some(ledger.write())));
    Ok(Agreement { files, ledger })
}

/// The ledger of what is observed, as far as its domains are agreed.
fn ledger_of<T: Tree>(agreed: &Archive<T>, observed: &Archive<T>) -> Ledger {
    let nothing = || Ledger::new("", "", 0);
    let mut ledger = observed.ledger().or(agreed.ledger()).cloned().unwrap_or_else(nothing);
    ledger.domains.retain(|id, entry| entry.digest.is_none() || has_digest(agreed.ledger(), id));
    for (id, entry) in agreed.ledger().into_iter().flat_map(|ledger| &ledger.domains) {
        ledger.domains.entry(id.clone()).or_insert_with(|| entry.clone());
    }
    ledger
}

/// The files that change; all of them where the domain is laid out otherwise than before or has another form.
fn files_of(
    domain: &Domain,
    before: Option<&DomainSnapshot>,
    content: &DomainSnapshot,
    width: &mut Width,
) -> Vec<(String, Option<Vec<u8>>)> {
    let same_form = before.filter(|before| before.schema_version == content.schema_version);
    if let Some(before) = same_form
        && let Ok(files) = changed_files(domain, before, content, *width)
    {
        return files.into_iter().collect();
    }
    let nothing = DomainSnapshot::empty(domain.id.clone(), content.schema_version);
    let mut files: Vec<(String, Option<Vec<u8>>)> = roots_of(&domain.id).map(|root| (root, None)).into();
    loop {
        match changed_files(domain, &nothing, content, *width) {
            Ok(written) => {
                files.extend(written.into_iter().filter(|(_, bytes)| bytes.is_some()));
                return files;
            }
            Err(wider) => *width = wider,
        }
    }
}

fn part(changes: Vec<PartChange>) -> Part {
    Part { author: None, others: Vec::new(), works: Vec::new(), changes, unexplained: BTreeMap::new() }
}

/// A choice with the fields that it is of, where it is of a modified entity as a whole.
fn by_field(changes: &[Change], chosen: &PartChange) -> PartChange {
    let all = changes.get(chosen.change).filter(|change| change.kind == ChangeKind::Modified);
    let all = all.map(|change| (0..change.fields.len()).collect());
    PartChange { change: chosen.change, fields: chosen.fields.clone().or(all) }
}

/// What of the changes is not chosen.
fn rest(changes: &[Change], chosen: &[PartChange]) -> Vec<PartChange> {
    let of = |index: usize| chosen.iter().filter(move |part| part.change == index);
    let left = |(index, change): (usize, &Change)| {
        if of(index).any(|part| part.fields.is_none()) {
            return None;
        }
        let taken: Vec<usize> = of(index).flat_map(|part| part.fields.clone().unwrap_or_default()).collect();
        let fields: Vec<usize> = (0..change.fields.len()).filter(|field| !taken.contains(field)).collect();
        let fields = (change.kind == ChangeKind::Modified).then_some(fields);
        Some(PartChange { change: index, fields })
    };
    changes.iter().enumerate().filter_map(left).collect()
}
