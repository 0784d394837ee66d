//! The states before and after a run, as the capture and the rules ask for them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::learned::migrate;
use super::workspace::CommitTree;
use crate::canonical::{Scan, SecretKey};
use crate::capture::{CaptureRun, Recorded};
use crate::catalogue::{Catalogue, Domain};
use crate::model::{CanonicalText, DomainId, DomainSnapshot, EntityKey, EntitySource};
use crate::record::{Archive, ArchiveError};

/// The state on record, as the capture asks for it.
pub(super) struct OnRecord<'a, 't> {
    pub(super) archive: &'a Archive<CommitTree<'t>>,
    pub(super) secrets: &'a SecretKey,
    pub(super) scan: &'a Scan,
    pub(super) org: &'a str,
    pub(super) catalogue: &'a Catalogue,
    /// What is on record and cannot be read.
    pub(super) damage: RefCell<Option<ArchiveError>>,
}

impl Recorded for OnRecord<'_, '_> {
    fn digest(&self, domain: &DomainId) -> Option<String> {
        self.archive.ledger()?.domains.get(domain)?.digest.clone()
    }

    fn content(&self, domain: &DomainId) -> Result<Option<Rc<DomainSnapshot>>, String> {
        let stored = self.archive.domain(domain).map_err(|error| {
            let told = crate::capture::with_causes(&error);
            self.damage.borrow_mut().get_or_insert(error);
            told
        })?;
        // What stays on record because it could not be captured has to have the form that everything gets in this run.
        Ok(match (stored, self.catalogue.get(domain)) {
            (Some(stored), Some(definition)) if !self.has_current_form(definition) => {
                Some(Rc::new(migrate(definition, &stored, (self.secrets, None), self.scan, self.org).content))
            }
            (stored, _) => stored,
        })
    }

    fn is_current(&self, domain: &Domain) -> bool {
        let key = self.archive.ledger().and_then(|ledger| {
            let entry = ledger.domains.get(&domain.id)?;
            Some(entry.secret_key.clone().unwrap_or_else(|| ledger.secret_key.clone()))
        });
        self.has_current_form(domain) && key.is_some_and(|key| key == self.secrets.id())
    }
}

impl OnRecord<'_, '_> {
    fn has_current_form(&self, domain: &Domain) -> bool {
        let Some(ledger) = self.archive.ledger() else { return false };
        let entry = ledger.domains.get(&domain.id);
        ledger.scan == self.scan.version() && entry.is_some_and(|entry| entry.treatment == self.scan.treatment(domain))
    }
}

/// The state after the run, for names: what was captured, else what is on record.
pub(super) struct After<'a, 't> {
    captured: BTreeMap<&'a DomainId, &'a DomainSnapshot>,
    archive: &'a Archive<CommitTree<'t>>,
}

pub(super) fn archive_after<'a, 't>(archive: &'a Archive<CommitTree<'t>>, captured: &'a CaptureRun) -> After<'a, 't> {
    let contents = captured.domains.iter().filter_map(|(id, capture)| Some((id, capture.content.as_ref()?)));
    After { captured: contents.collect(), archive }
}

impl EntitySource for After<'_, '_> {
    fn entity(&self, domain: &DomainId, key: &EntityKey) -> Option<CanonicalText> {
        match self.captured.get(domain) {
            Some(snapshot) => snapshot.entities.get(key).cloned(),
            None => self.archive.entity(domain, key),
        }
    }
}
