//! Every domain at once: whatever a part of them does, the others are captured and the run says which are which.

use orgtrail::model::DomainId;
use orgtrail::record::{LedgerStatus, RunStatus};
use orgtrail::sim::{Effect, Fault, Repeat, When};

use crate::faults::{digests, incomplete, kinds, ledger};
use crate::fixtures::catalogue;
use crate::harness::{Org, TestTrail};

/// What goes wrong with three of five domains that have no parent and are none, in turn.
const TROUBLES: [(Effect, RunStatus); 3] = [
    (Effect::Forbidden, RunStatus::Forbidden),
    (Effect::NotFound, RunStatus::Absent),
    (Effect::InternalError, RunStatus::Failed),
];

/// The domains that something is wrong with, and what becomes of them.
fn struck(org: &Org) -> Vec<(DomainId, RunStatus)> {
    let catalogue = catalogue();
    let shares_its_path = |path: &str| catalogue.iter().filter(|domain| domain.source.path == path).count() > 1;
    let is_parent = |id: &DomainId| catalogue.iter().any(|domain| domain.source.parent.as_ref() == Some(id));
    let alone = catalogue.iter().filter(|domain| {
        let source = &domain.source;
        // A read of the run itself must not be struck, nor what a 404 says something else of.
        domain.source.parent.is_none()
            && !is_parent(&domain.id)
            && !source.optional
            && !source.path.starts_with("/api/v2/organizations/me")
            && !shares_its_path(&source.path)
    });
    let mut struck = Vec::new();
    for (index, domain) in alone.enumerate().filter(|(index, _)| index % 5 < 3) {
        let (effect, status) = TROUBLES[index % 5];
        org.running.fault(Fault { when: When::Path(domain.source.path.clone()), effect, repeat: Repeat::Sticky });
        struck.push((domain.id.clone(), status));
    }
    struck
}

#[test]
fn a_third_of_the_domains_forbidden_absent_or_failing_costs_those_domains_alone() {
    let (org, trail) = (Org::small(), TestTrail::wide());
    let struck = struck(&org);
    let all = catalogue().names().count();
    assert!(struck.len() * 3 >= all, "{} of {all}", struck.len());
    let taken = trail.snapshot(&org).unwrap();
    assert_eq!(taken.exits.code(), 4);
    let found: Vec<(DomainId, RunStatus)> = incomplete(&taken)
        .into_iter()
        .map(|(id, (status, cause))| {
            assert!(cause.is_some_and(|cause| !cause.is_empty()), "{id}");
            (id.clone(), status)
        })
        .collect();
    assert_eq!(found, struck);
    assert_eq!(taken.document.baselines.len(), all - struck.len());
    for (id, status) in &struck {
        let told = ledger(&trail).domains.get(id).map(|entry| entry.status);
        let expected = match status {
            RunStatus::Forbidden => Some(LedgerStatus::Forbidden),
            RunStatus::Absent => Some(LedgerStatus::Absent),
            _ => None,
        };
        assert_eq!(told, expected, "{id}");
    }

    // What was complete and no longer is, is a finding; its content stays.
    org.running.clear_faults();
    let whole = trail.snapshot(&org).unwrap();
    assert_eq!((whole.exits.code(), whole.changes.changes.len()), (0, 0), "{:?}", incomplete(&whole));
    let before = digests(&trail);
    assert_eq!(before.len(), all);
    self::struck(&org);
    let lost = trail.snapshot(&org).unwrap();
    assert!(lost.changes.changes.is_empty());
    let findings = lost.document.findings.iter().filter(|finding| finding.rule == "coverage-lost").count();
    let forbidden_or_absent = struck.iter().filter(|(_, status)| *status != RunStatus::Failed).count();
    assert_eq!(findings, forbidden_or_absent);
    assert_eq!(digests(&trail), before);
    assert_eq!(kinds(&trail)[0], "coverage");

    org.running.clear_faults();
    let again = trail.snapshot(&org).unwrap();
    assert_eq!((again.exits.code(), again.changes.changes.len()), (0, 0));
    assert!(!trail.snapshot(&org).unwrap().document.changed);
}
