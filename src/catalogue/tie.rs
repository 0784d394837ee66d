//! Ties domains together: every parent, every target of a reference and all that is taken of a parent must be there.

use std::collections::{BTreeMap, BTreeSet};

use super::definition::Domain;
use super::draft::{Draft, Link, LinkKind};
use super::field_path::FieldPath;
use super::file::dead_end;
use super::problem::{CatalogueProblem, meant};
use super::user::is_own;
use crate::model::{DomainId, nearest};

/// The domains of drafts that are sound and fit together.
///
/// # Errors
/// Every problem of every draft and between them, in order of place.
pub(super) fn tie(
    drafts: Vec<Draft>,
    mut problems: Vec<CatalogueProblem>,
) -> Result<BTreeMap<DomainId, Domain>, Vec<CatalogueProblem>> {
    let web = Web::of(&drafts);
    problems.extend(drafts.iter().flat_map(|draft| draft.problems.iter().cloned()));
    problems.extend(drafts.iter().flat_map(|draft| draft.links.iter().filter_map(|link| web.fault(draft, link))));
    problems.extend(web.circles());
    if problems.is_empty() {
        return Ok(drafts.into_iter().filter_map(|draft| Some((draft.id, draft.domain?))).collect());
    }
    problems.sort();
    problems.dedup();
    Err(problems)
}

/// All drafts, by name.
struct Web<'d> {
    drafts: BTreeMap<&'d DomainId, &'d Draft>,
}

impl<'d> Web<'d> {
    fn of(drafts: &'d [Draft]) -> Self {
        Self { drafts: drafts.iter().map(|draft| (&draft.id, draft)).collect() }
    }

    /// What is wrong with a link.
    fn fault(&self, draft: &Draft, link: &Link) -> Option<CatalogueProblem> {
        let target = self.drafts.get(&link.target);
        let problem = |problem| CatalogueProblem { file: draft.file.clone(), line: link.line, problem };
        match &link.kind {
            LinkKind::Parent if target.is_none() => Some(problem(self.unknown("source.parent", &link.target))),
            LinkKind::Reference if target.is_none() => Some(problem(self.unknown("references", &link.target))),
            LinkKind::Parent | LinkKind::Reference => None,
            LinkKind::Takes(path) => {
                let parent = target.and_then(|target| target.domain.as_ref())?;
                let lack = lack(parent, path)?;
                Some(match parent.own_file().filter(|_| !is_own(&draft.file)) {
                    // What comes with orgtrail fits together, so it is the user's file that does not.
                    Some(own) => CatalogueProblem {
                        file: own.to_owned(),
                        line: None,
                        problem: format!("{} is listed under it and takes {path}: {lack}", draft.id),
                    },
                    None => problem(format!("source.bind: {lack}")),
                })
            }
        }
    }

    fn unknown(&self, place: &str, id: &DomainId) -> String {
        let names = self.drafts.keys().map(|id| id.as_str());
        format!("{place}: there is no domain {id}{}", meant(nearest(id.as_str(), names)))
    }

    /// Each circle of parents, told once: at a file of the user's, as what comes with orgtrail has none.
    fn circles(&self) -> Vec<CatalogueProblem> {
        let mut told = BTreeSet::new();
        let mut problems = Vec::new();
        let (own, built_in): (Vec<&Draft>, Vec<&Draft>) = self.drafts.values().partition(|draft| is_own(&draft.file));
        for draft in own.into_iter().chain(built_in) {
            let Some((parent, line)) = parent_of(draft) else { continue };
            let mut way = vec![&draft.id];
            let mut next = Some(parent);
            while let Some(id) = next.filter(|id| !way.contains(id)) {
                way.push(id);
                next = self.drafts.get(id).and_then(|draft| parent_of(draft)).map(|(parent, _)| parent);
            }
            if next == Some(&draft.id) && !told.contains(&draft.id) {
                told.extend(way.iter().copied());
                let way: Vec<&str> = way.into_iter().chain([&draft.id]).map(DomainId::as_str).collect();
                let problem = format!("source.parent: the parents go in a circle: {}", way.join(" → "));
                problems.push(CatalogueProblem { file: draft.file.clone(), line, problem });
            }
        }
        problems
    }
}

fn parent_of(draft: &Draft) -> Option<(&DomainId, Option<usize>)> {
    let parent = draft.links.iter().find(|link| matches!(link.kind, LinkKind::Parent))?;
    Some((&parent.target, parent.line))
}

/// Why nothing can be taken at a path of a stored entity.
fn lack(parent: &Domain, path: &FieldPath) -> Option<String> {
    if let Some(dead_end) = dead_end(&parent.shape, path) {
        return Some(format!("the schema of {} has no {path}{}", parent.id, meant(dead_end.nearest.as_deref())));
    }
    let treat = &parent.treat;
    let mut dropped = [&treat.volatile, &treat.state, &treat.metadata, &treat.copied].into_iter().flatten();
    let dropped = dropped.find(|dropped| dropped.covers(path))?;
    Some(format!("{} does not store {dropped}", parent.id))
}
