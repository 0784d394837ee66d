//! What a run would cost: what the record and the smallest pages tell of the sizes, put through the arithmetic of
//! [`crate::estimate`].

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};

use super::due::Due;
use super::exit::Exit;
use super::failure::Failure;
use super::recording::HEARTBEAT_REF;
use super::run::{RunOptions, client, refuse_other_org};
use super::workspace::{CommitTree, Workspace, archive};
use crate::canonical::value_of;
use crate::capture::{Selection, org_of, probe};
use crate::catalogue::{Binding, Counting, Domain, Paging};
use crate::config::Connection;
use crate::estimate::{AllowedRate, Estimate, Known, Size, Told};
use crate::genesys::Client;
use crate::model::{DomainId, EntityKey};
use crate::record::{Archive, Heartbeat};

/// Requests of a run that belong to no domain: whose credentials they are, and what they may see.
const OWN_REQUESTS: u64 = 2;

/// Requests with which a run asks the audit log, as a rule: a query, three looks whether it is done, its results, and the
/// query that is answered at once. What changed without a record takes more.
const AUDIT_REQUESTS: u64 = 6;

/// Listings that are asked for their size side by side; the client bounds them.
const TOGETHER: usize = 8;

/// Costly domains that a refusal names.
const NAMED: usize = 3;

/// What a run would cost, and what it cost to know.
pub struct Planned {
    /// The id of the organisation.
    pub org: String,
    /// The estimate.
    pub estimate: Estimate,
    /// Requests that were sent for it beyond those that the run itself begins with.
    pub probes: u64,
}

/// Tells what a run would cost; writes nothing.
///
/// # Errors
/// [`Failure`] where the organisation cannot be reached or is not that of the trail, or the record cannot be read.
pub async fn plan(workspace: &Workspace, connection: Connection, options: &RunOptions) -> Result<Planned, Failure> {
    let archive = archive(workspace, workspace.tip()?)?;
    let client = client(workspace, connection, options.clock.clone(), None)?;
    let org = org_of(&client).await?;
    refuse_other_org(&archive, &org)?;
    let heartbeat = workspace.trail.read_ref_blob(HEARTBEAT_REF)?.and_then(|bytes| Heartbeat::read(&bytes));
    let due = Due::of(workspace, options, heartbeat.as_ref());
    let planned = estimated(workspace, &client, &archive, &options.selection, &due, org).await?;
    match options.max_requests {
        Some(limit) => planned.within(limit),
        None => Ok(planned),
    }
}

/// Estimates a run that has begun: its organisation is known, nothing else was asked.
pub(super) async fn estimated(
    workspace: &Workspace,
    client: &Client,
    archive: &Archive<CommitTree<'_>>,
    selection: &Selection,
    due: &Due,
    org: String,
) -> Result<Planned, Failure> {
    let begun = client.api_requests();
    let wanted: BTreeSet<&DomainId> =
        due.selection.0.iter().flat_map(|id| workspace.catalogue.lineage(id)).map(|domain| &domain.id).collect();
    let domains: Vec<&Domain> = wanted.into_iter().filter_map(|id| workspace.catalogue.get(id)).collect();
    let mut known: BTreeMap<DomainId, Known> = BTreeMap::new();
    for domain in &domains {
        let mut on_record = on_record(archive, domain)?;
        if due.portions.after.contains_key(&domain.id) {
            on_record.done = Some(due.rounds.get(&domain.id).map_or(0, |round| round.done));
        }
        known.insert(domain.id.clone(), on_record);
    }
    let unknown = |domain: &&&Domain| {
        let is_listing = domain.source.parent.is_none() && domain.source.paging != Paging::Singleton;
        is_listing && known.get(&domain.id).is_some_and(|known| known.size.is_none())
    };
    let asked: Vec<(&DomainId, Known)> = stream::iter(domains.iter().filter(unknown))
        .map(|domain| async move { (&domain.id, counted(client, domain).await) })
        .buffered(TOGETHER)
        .collect()
        .await;
    for (id, counted) in asked {
        let done = known.get(id).and_then(|known| known.done);
        known.insert(id.clone(), Known { done, ..counted });
    }
    let asks_audits = workspace.config.audits && archive.ledger().is_some();
    let own = OWN_REQUESTS + if asks_audits { AUDIT_REQUESTS } else { 0 };
    let estimate = Estimate::of(&workspace.catalogue, &due.selection.0, &known, own);
    let estimate = Estimate {
        rate: client.rate().map(|rate| AllowedRate { allowed: rate.allowed, used: rate.used }),
        portion: workspace.config.deep_requests as u64,
        resting: selection.0.difference(&due.selection.0).cloned().collect(),
        ..estimate
    };
    Ok(Planned { org, estimate, probes: client.api_requests() - begun })
}

impl Planned {
    /// Refuses a run that would send more than it may.
    pub(super) fn within(self, limit: u64) -> Result<Self, Failure> {
        let total = self.estimate.requests().saturating_add(self.probes);
        if total <= limit {
            return Ok(self);
        }
        let probes = match self.probes {
            0 => String::new(),
            probes => format!(" ({probes} of them to estimate it)"),
        };
        let at_least = if self.probes + 1 >= limit { "at least " } else { "" };
        let costly: Vec<String> = self
            .estimate
            .by_cost()
            .into_iter()
            .take(NAMED)
            .map(|(id, domain)| format!("{id} with {}", domain.requests()))
            .collect();
        let message = format!(
            "the run would take {at_least}{total} requests{probes}, more than the limit of {limit}; the costliest are {}",
            costly.join(", ")
        );
        let hint = "leave domains out with `--skip`, take a lower `--tier`, or raise `--max-requests`";
        Err(Failure::new(Exit::Usage, message).hint(hint))
    }
}

/// What the record tells of a domain's size.
fn on_record(archive: &Archive<CommitTree<'_>>, domain: &Domain) -> Result<Known, Failure> {
    let Some(ledger) = archive.ledger() else { return Ok(Known::default()) };
    let mut known = Known::default();
    if let Some(parent) = &domain.source.parent
        && domain.source.bind.values().any(|binding| matches!(binding, Binding::Field(_)))
        && let Some(parents) = archive.domain(parent)?
    {
        let listings = |(key, text)| domain.source.listings_under(key, &value_of(text)).len() as u64;
        known.listings = Some(parents.entities.iter().map(listings).sum());
    }
    let Some(entry) = ledger.domains.get(&domain.id).filter(|entry| entry.digest.is_some()) else { return Ok(known) };
    known.has_baseline = true;
    known.told = Told::Recorded;
    known.size = Some(Size::Whole(entry.entities));
    let is_more_than_a_page = domain.source.page_size.is_some_and(|size| entry.entities > u64::from(size));
    if domain.source.parent.is_some() && is_more_than_a_page {
        known.size = per_parent(archive, domain)?.or(known.size);
    }
    Ok(known)
}

/// How many entities on record each parent has.
fn per_parent(archive: &Archive<CommitTree<'_>>, domain: &Domain) -> Result<Option<Size>, Failure> {
    let Some(content) = archive.domain(&domain.id)? else { return Ok(None) };
    let mut counts: BTreeMap<Option<EntityKey>, u64> = BTreeMap::new();
    for (key, text) in &content.entities {
        *counts.entry(domain.parent_of(key, &value_of(text))).or_default() += 1;
    }
    Ok(Some(Size::Each(counts.into_values().collect())))
}

/// What the API tells of a domain's size: one question for each pass, for the smallest page where the answer tells how much there
/// is, else for a whole page, which may be all.
async fn counted(client: &Client, domain: &Domain) -> Known {
    let source = &domain.source;
    let tells = source.paging == Paging::PageNumber && source.counting == Counting::Counted;
    let size = if tells { 1 } else { source.page_size.unwrap_or(1) };
    let mut known = Known { told: Told::Counted, is_uncounted: Some(false), ..Known::default() };
    let mut each = Vec::new();
    for pass in &source.passes {
        match probe(client, domain, None, pass, size).await {
            Ok(probed) => {
                known.is_uncounted = known.is_uncounted.map(|is_uncounted| is_uncounted || !probed.is_counted);
                if probed.entities.is_none() {
                    known.told = Told::Assumed;
                }
                // There is more than came; twice as much is a guess.
                each.push(probed.entities.unwrap_or(probed.received.saturating_mul(2)));
            }
            Err(refused) => return Known { trouble: Some(refused.trouble.cause), ..Known::default() },
        }
    }
    Known { size: Some(Size::Each(each)), ..known }
}
