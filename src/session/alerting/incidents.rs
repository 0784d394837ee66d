//! What a pager was told of, until it is over: undone in the organisation, or agreed to.

use std::collections::BTreeMap;

use crate::alert::{Alert, AlertPhase, Deliveries, Incident, Raised, event_id};
use crate::model::{CanonicalText, ChangeKind, DomainId, EntityKey, EntitySource, Pointer};
use crate::record::LedgerStatus;
use crate::review::differences;
use crate::session::workspace::archive;
use crate::session::{Agreed, Failure, Workspace};

/// Begins to follow what a pager is about to be told.
pub(super) fn follow(known: &mut Deliveries, channel: &str, route: &str, alert: &Alert, raised: Raised) {
    let incident = Incident { alert: alert.clone(), route: route.to_owned(), raised };
    if !matches!(incident.raised, Raised::Once) {
        known.incidents.entry(channel.to_owned()).or_default().insert(alert.fingerprint.clone(), incident);
    }
}

/// What is over of all that pagers were told of, by channel and route.
pub(super) fn over(
    workspace: &Workspace,
    known: &Deliveries,
    findings_over: &dyn Fn(&str) -> bool,
    (org, run, at): (&str, &str, &str),
) -> Result<BTreeMap<(String, String), Vec<Alert>>, Failure> {
    let mut ended: BTreeMap<(String, String), Vec<Alert>> = BTreeMap::new();
    if known.incidents.is_empty() {
        return Ok(ended);
    }
    let states = States::of(workspace)?;
    for (channel, incidents) in &known.incidents {
        for (fingerprint, incident) in incidents {
            let phase = match &incident.raised {
                Raised::Change { before, domain, key, kind, paths } => {
                    states.phase(workspace, before, domain, key, (*kind, paths))?
                }
                Raised::Finding if findings_over(fingerprint) => Some(AlertPhase::Reverted),
                Raised::Finding | Raised::Once => None,
            };
            if let Some(phase) = phase {
                let id = event_id(org, run, fingerprint, phase);
                let alert = Alert { id, phase, at: at.to_owned(), silences: 0, ..incident.alert.clone() };
                ended.entry((channel.clone(), incident.route.clone())).or_default().push(alert);
            }
        }
    }
    Ok(ended)
}

/// The state that is observed, and the one that is agreed.
struct States<'w> {
    now: crate::record::Archive<crate::session::CommitTree<'w>>,
    agreed: Option<crate::record::Archive<crate::session::CommitTree<'w>>>,
}

impl<'w> States<'w> {
    fn of(workspace: &'w Workspace) -> Result<Self, Failure> {
        let agreed = Agreed::of(workspace)?.map(|agreed| archive(workspace, Some(agreed.commit))).transpose()?;
        Ok(Self { now: archive(workspace, workspace.tip()?)?, agreed })
    }

    /// How a change is over; `None` where it is not, or where that cannot be told.
    fn phase(
        &self,
        workspace: &Workspace,
        before: &str,
        domain: &DomainId,
        key: &EntityKey,
        (kind, paths): (ChangeKind, &[Pointer]),
    ) -> Result<Option<AlertPhase>, Failure> {
        let is_known = self.now.ledger().and_then(|ledger| ledger.domains.get(domain));
        if is_known.is_none_or(|entry| entry.status != LedgerStatus::Complete) {
            return Ok(None);
        }
        let Ok(before) = workspace.trail.resolve(before) else { return Ok(None) };
        let before = archive(workspace, Some(before))?.entity(domain, key);
        let now = self.now.entity(domain, key);
        let is_same = |one: Option<&CanonicalText>, other: Option<&CanonicalText>| match kind {
            ChangeKind::Modified => is_same_at(workspace, domain, key, one, other, paths),
            _ => one.is_some() == other.is_some(),
        };
        if is_same(before.as_ref(), now.as_ref()) {
            return Ok(Some(AlertPhase::Reverted));
        }
        let agreed = self.agreed.as_ref().map(|agreed| agreed.entity(domain, key));
        let is_agreed = agreed.is_some_and(|agreed| is_same(agreed.as_ref(), now.as_ref()));
        Ok(is_agreed.then_some(AlertPhase::Approved))
    }
}

/// Whether an entity is the same in two states, as far as some places go.
fn is_same_at(
    workspace: &Workspace,
    domain: &DomainId,
    key: &EntityKey,
    one: Option<&CanonicalText>,
    other: Option<&CanonicalText>,
    paths: &[Pointer],
) -> bool {
    let (Some(domain), Some(_), Some(_)) = (workspace.catalogue.get(domain), one, other) else {
        // An entity that is gone is not as it was.
        return false;
    };
    let overlap = |left: &Pointer, right: &Pointer| {
        let is_below = |below: &Pointer, above: &Pointer| {
            below.as_str().strip_prefix(above.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        is_below(left, right) || is_below(right, left)
    };
    let differing = differences(domain, key, one, other);
    let touches =
        |path: &Option<Pointer>| path.as_ref().is_none_or(|path| paths.iter().any(|changed| overlap(changed, path)));
    !differing.iter().any(|difference| touches(&difference.path))
}
