//! Reads every domain twice and tells what moved by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::exit::{Exit, Exits};
use super::failure::Failure;
use super::observer::Observer;
use super::run::client;
use super::workspace::Workspace;
use crate::canonical::{Canonicaliser, SecretKey};
use crate::capture::{
    Capturer, Caution, DomainCapture, Portions, Progress, Recorded, RemovalPolicy, Selection, Silent, Targets, org_of,
};
use crate::catalogue::Domain;
use crate::config::Connection;
use crate::diff::Noise;
use crate::genesys::Clock;
use crate::model::{DomainId, DomainSnapshot};

/// What is compared is neither shown nor kept, so that any key will do.
const KEY: &str = "two fingerprints of one secret are equal";

/// What moved in each domain, or why that could not be told.
pub type NoiseOf = BTreeMap<DomainId, Result<Noise, String>>;

/// Reads some domains twice, and compares.
///
/// # Errors
/// [`Failure`] where the organisation cannot be reached. A domain that cannot be read is told in the outcome.
pub async fn noise(
    workspace: &Workspace,
    connection: Connection,
    selection: &Selection,
    clock: Arc<dyn Clock>,
    observer: &dyn Observer,
) -> Result<(NoiseOf, Exits), Failure> {
    let secrets = SecretKey::new(KEY).map_err(|error| Failure::of(Exit::Internal, &error))?;
    let client = client(workspace, connection, clock, None)?;
    let org = org_of(&client).await?;
    let bare = workspace.catalogue.untreated();
    let reader = Capturer {
        client: &client,
        catalogue: &bare,
        secrets: &secrets,
        scan: &workspace.scan,
        keeper: None,
        org: &org,
        targets: &Targets::default(),
    };
    let (mut told, mut exits) = (NoiseOf::new(), Exits::default());
    observer.begins(selection.0.len());
    for family in families(workspace, selection) {
        let mut first = read(&reader, &family, &Silent).await;
        let mut second = read(&reader, &family, &Told { observer }).await;
        for domain in family.0.iter().filter_map(|id| workspace.catalogue.get(id)) {
            let captures = [first.remove(&domain.id), second.remove(&domain.id)];
            let compared = compared(domain, captures, &reader);
            if compared.is_err() && !workspace.config.accept.is_match(&domain.id) {
                exits.add(Exit::Partial);
            }
            told.insert(domain.id.clone(), compared);
        }
    }
    observer.ends();
    Ok((told, exits))
}

/// The selected domains, together with those that are listed under the same ones: memory holds one family at a time.
fn families(workspace: &Workspace, selection: &Selection) -> Vec<Selection> {
    let mut families: BTreeMap<&DomainId, BTreeSet<DomainId>> = BTreeMap::new();
    for id in &selection.0 {
        if let Some(top) = workspace.catalogue.lineage(id).first() {
            families.entry(&top.id).or_default().insert(id.clone());
        }
    }
    families.into_values().map(Selection).collect()
}

async fn read(reader: &Capturer<'_>, family: &Selection, progress: &dyn Progress) -> BTreeMap<DomainId, DomainCapture> {
    let policy = RemovalPolicy { accepted: BTreeSet::new(), caution: Caution::Usual, reads_left: AtomicUsize::new(0) };
    reader.run(family, &NothingToKeep, &Portions::default(), &policy, progress).await
}

fn compared(domain: &Domain, captures: [Option<DomainCapture>; 2], reader: &Capturer<'_>) -> Result<Noise, String> {
    let mut reads = Vec::new();
    for capture in captures.into_iter().flatten() {
        let cause = capture.trouble.map_or_else(|| "it could not be read".to_owned(), |trouble| trouble.cause);
        reads.push(capture.content.ok_or(cause)?.entities);
    }
    let [first, second] = reads.as_slice() else { return Err("it was not read".to_owned()) };
    let canonicaliser = Canonicaliser::new(domain, reader.secrets, reader.scan, reader.org);
    Ok(Noise::between(domain, first, second, &|key, text| canonicaliser.migrate(key, text).text))
}

/// A record that neither asks for a second listing nor has anything to confirm or to carry forward.
struct NothingToKeep;

impl Recorded for NothingToKeep {
    fn digest(&self, _: &DomainId) -> Option<String> {
        Some(String::new())
    }

    fn content(&self, _: &DomainId) -> Result<Option<Rc<DomainSnapshot>>, String> {
        Ok(None)
    }

    fn is_current(&self, _: &Domain) -> bool {
        false
    }
}

/// Passes on what the second read has done.
struct Told<'o> {
    observer: &'o dyn Observer,
}

impl Progress for Told<'_> {
    fn captured(&self, domain: &DomainId, capture: &DomainCapture) {
        self.observer.captured(domain, capture);
    }
}
