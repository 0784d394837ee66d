//! States of an organisation for tests, as plain JSON.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use crate::canonical::{canonical_text, read_str, write_document};
use crate::catalogue::Catalogue;
use crate::model::{DomainId, EntityKey};
use crate::record::{Archive, Ledger, LedgerEntry, LedgerStatus, Tree, Width, path_of};

static FIXTURES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/tests/fixtures/audit");

/// The files of a state, in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files(pub(crate) BTreeMap<String, Vec<u8>>);

impl Tree for Files {
    fn file(&self, path: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.get(path).cloned())
    }

    fn files_under(&self, folder: &str) -> Result<Vec<String>, String> {
        let below = |path: &&String| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        Ok(self.0.keys().filter(below).cloned().collect())
    }
}

/// A state: what there is of each domain by key, and how well each is known. A domain of which nothing is said is complete and
/// empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) state: BTreeMap<DomainId, BTreeMap<String, serde_json::Value>>,
    /// The domains that are not complete, `null` for one that is not on record.
    pub(crate) status: BTreeMap<DomainId, Option<LedgerStatus>>,
}

/// The organisation of the states of tests.
pub(crate) const ORG: &str = "0a000000-0000-4000-8000-000000000000";

impl State {
    pub(crate) fn archive(&self, catalogue: &Catalogue) -> Archive<Files> {
        let mut ledger = Ledger::new(ORG, "key", 1);
        let mut files = Files::default();
        for domain in catalogue.iter() {
            let status = match self.status.get(&domain.id) {
                Some(None) => continue,
                Some(Some(status)) => *status,
                None => LedgerStatus::Complete,
            };
            let entities = self.state.get(&domain.id).into_iter().flatten();
            let entities: BTreeMap<EntityKey, _> = entities
                .map(|(key, body)| (EntityKey::new(key), canonical_text(&read_str(&body.to_string()).unwrap())))
                .collect();
            ledger.domains.insert(
                domain.id.clone(),
                LedgerEntry {
                    status,
                    entities: entities.len() as u64,
                    schema_version: domain.schema_version,
                    treatment: String::new(),
                    width: Width::default(),
                    digest: Some(String::new()),
                    baseline_under_way: false,
                    secret_key: None,
                    new_fields: Vec::new(),
                },
            );
            if let Some(key) = entities.keys().next() {
                let path = path_of(domain, key, Width::default());
                files.0.insert(path, write_document(&domain.id, domain.schema_version, &entities));
            }
        }
        files.0.insert("snapshot/ledger.json".to_owned(), ledger.write());
        Archive::open(files).unwrap()
    }
}

/// The cases in a folder of `tests/fixtures/audit`, by name of file.
pub(crate) fn cases<C: serde::de::DeserializeOwned>(folder: &str) -> Vec<(String, C)> {
    let mut found = Vec::new();
    for file in FIXTURES.get_dir(folder).unwrap().files() {
        let (path, text) = (file.path(), file.contents_utf8().unwrap());
        let case = serde_json::from_str(text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        found.push((path.file_stem().unwrap().to_string_lossy().into_owned(), case));
    }
    found.sort_by(|left, right| left.0.cmp(&right.0));
    assert!(!found.is_empty(), "there are no cases in {folder}");
    found
}
