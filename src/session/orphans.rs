//! What nothing uses at a revision, with when it was last changed and by whom.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::exit::Exit;
use super::failure::Failure;
use super::history::History;
use super::places::place_findings;
use super::run::endpoint;
use super::time::written;
use super::workspace::{Workspace, archive};
use crate::audit::orphans::{Ages, LastChange, is_old, orphans};
use crate::audit::references::broken_references;
use crate::audit::{Graph, Node, Usage};
use crate::model::{DomainId, EntityKey};
use crate::report::Findings;
use crate::report::orphans::{Counts, OrphanReport};
use crate::trail::CommitId;

/// What is meant to be used and is not, and what references lead nowhere or elsewhere, in the state of a commit.
///
/// # Errors
/// [`Failure`] where the state or its history cannot be read.
pub fn audit_orphans(workspace: &Workspace, at: CommitId, now: DateTime<Utc>) -> Result<OrphanReport, Failure> {
    let archive = archive(workspace, Some(at))?;
    let catalogue = &workspace.catalogue;
    let graph = Graph::of(catalogue, &archive)?;
    let usages = Usage::built_in().map_err(|error| Failure::of(Exit::Internal, &error))?;
    let audit = orphans(&graph, &usages, &workspace.config.orphans_exclude, &archive);
    let org = archive.ledger().map(|ledger| ledger.org.clone());
    let broken = broken_references(&graph, catalogue, org.as_deref().unwrap_or_default(), &archive);
    let asked: Vec<(DomainId, EntityKey)> = audit
        .found()
        .map(|node| (graph.domain(node).clone(), graph.key(node).clone()))
        .chain(broken.dangling.iter().flat_map(|one| {
            let key = EntityKey::new(&one.id);
            one.targets.iter().map(move |target| (target.clone(), key.clone()))
        }))
        .collect();
    let changes = History::of(workspace)?.last_changes(&at, asked)?;
    let of_node = |node: Node| {
        let last = changes.get(&(graph.domain(node).clone(), graph.key(node).clone()))?;
        Some((node, last.clone()))
    };
    let last: BTreeMap<Node, LastChange> = audit.found().filter_map(of_node).collect();
    let review_after = workspace.config.orphans_review_after;
    let ages = Ages { now, review_after: TimeDelta::from_std(review_after).unwrap_or(TimeDelta::MAX) };
    let mut findings = audit.findings(&graph, catalogue, &usages, &archive, &last, ages);
    findings.extend(broken.findings(&graph, &changes));
    let findings = place_findings(workspace, &at, findings)?;
    let to_review = audit.found().filter(|node| is_old(last.get(node), ages)).count();
    Ok(OrphanReport {
        org,
        audited_at: written(now),
        review_after,
        to_review,
        to_wait_for: audit.found().count() - to_review,
        domains: audit.domains.iter().map(|domain| Counts::of(domain, &usages)).collect(),
        dangling: broken.dangling.len(),
        foreign: broken.foreign.len(),
        unknown_references: broken.unknown.len(),
        findings: Findings::arranged("Orphans", Some(endpoint(workspace, at)?), findings),
    })
}
