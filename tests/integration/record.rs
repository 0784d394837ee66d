//! From what a run captured to files and back, over a tree in memory.

use std::collections::{BTreeMap, BTreeSet};

use orgtrail::canonical::{Scan, canonical_text, read_str, value_of};
use orgtrail::catalogue::{Catalogue, Domain};
use orgtrail::model::{DomainSnapshot, EntityKey};
use orgtrail::record::{
    Archive, CommitKind, Ledger, LedgerStatus, MigratedDomain, Observed, PlanInput, RecordPlan, Tree, plan,
};
use orgtrail::sim::Rng;

use crate::fixtures::catalogue;
use crate::harness::id;

/// The files of a trail.
#[derive(Clone, Default)]
struct Files(BTreeMap<String, Vec<u8>>);

impl Tree for Files {
    fn file(&self, path: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.get(path).cloned())
    }

    fn files_under(&self, folder: &str) -> Result<Vec<String>, String> {
        let prefix = format!("{folder}/");
        Ok(self.0.keys().filter(|path| path.starts_with(&prefix)).cloned().collect())
    }
}

impl Files {
    /// Puts a captured domain on record and returns the kinds of the commits.
    fn record(&mut self, catalogue: &Catalogue, content: &DomainSnapshot, new_fields: &[&str]) -> Vec<CommitKind> {
        let planned = self.plan(catalogue, content, new_fields);
        self.take(&planned, content)
    }

    /// Puts a part of a domain on record, of which later runs bring the rest.
    fn record_part(&mut self, catalogue: &Catalogue, content: &DomainSnapshot) -> Vec<CommitKind> {
        let observed = Observed { is_under_way: true, ..observed(content, &[]) };
        let planned = self.plan_of(catalogue, observed);
        self.take(&planned, content)
    }

    fn take(&mut self, planned: &RecordPlan, content: &DomainSnapshot) -> Vec<CommitKind> {
        for commit in &planned.commits {
            for (path, bytes) in &commit.edits {
                match bytes {
                    Some(bytes) => self.0.insert(path.clone(), bytes.clone()),
                    None => self.0.remove(path),
                };
            }
            self.check_layout(&content.domain);
        }
        planned.commits.iter().map(|commit| commit.kind).collect()
    }

    fn plan(&self, catalogue: &Catalogue, content: &DomainSnapshot, new_fields: &[&str]) -> RecordPlan {
        self.plan_of(catalogue, observed(content, new_fields))
    }

    fn plan_of(&self, catalogue: &Catalogue, observed: Observed) -> RecordPlan {
        let archive = Archive::open(self.clone()).unwrap();
        let scan = Scan::built_in().unwrap();
        let ledger = archive.ledger().cloned().unwrap_or_else(|| Ledger::new("org", "key", scan.version()));
        let input = PlanInput {
            catalogue,
            archive: &archive,
            ledger,
            secret_key: "key".to_owned(),
            rekeyed: None,
            view: None,
            observed: vec![observed],
            scan: &scan,
            migrate: &|_, before| MigratedDomain {
                content: before.clone(),
                unhidden: Vec::new(),
                misplaced: Vec::new(),
            },
            hidden: &|_, _, _| Vec::new(),
        };
        plan(input).unwrap()
    }

    fn read(&self, content: &DomainSnapshot) -> DomainSnapshot {
        (*Archive::open(self.clone()).unwrap().domain(&content.domain).unwrap().unwrap()).clone()
    }

    /// A domain is one file or a folder, never both, and no file is too large for a git host to show.
    fn check_layout(&self, domain: &orgtrail::model::DomainId) {
        let path = format!("snapshot/{}/{}", domain.family(), domain.short_name());
        let has_file = self.0.contains_key(&format!("{path}.json"));
        let shards = self.files_under(&path).unwrap();
        assert!(has_file == shards.is_empty(), "{path}: file {has_file}, shards {shards:?}");
        let limit = if has_file { 512 * 1024 } else { 1024 * 1024 };
        for file in shards.iter().chain(has_file.then_some(&format!("{path}.json"))) {
            assert!(self.0[file].len() <= limit, "{file} has {} bytes", self.0[file].len());
        }
    }
}

/// What a run learned of a domain that it captured.
fn observed(content: &DomainSnapshot, new_fields: &[&str]) -> Observed {
    Observed {
        is_under_way: false,
        domain: content.domain.clone(),
        status: Some(LedgerStatus::Complete),
        content: Some(content.clone()),
        new_fields: new_fields.iter().map(|field| (*field).to_owned()).collect::<BTreeSet<_>>(),
    }
}

fn users(catalogue: &Catalogue) -> &Domain {
    catalogue.get(&id("users.users")).unwrap()
}

fn entity(name: &str, department: &str) -> orgtrail::model::CanonicalText {
    canonical_text(&read_str(&format!(r#"{{"department":"{department}","name":"{name}"}}"#)).unwrap())
}

/// So many users, each of about so many bytes.
fn many(catalogue: &Catalogue, count: usize, bytes: usize) -> DomainSnapshot {
    let mut snapshot = DomainSnapshot::empty(users(catalogue).id.clone(), users(catalogue).schema_version);
    let mut rng = Rng::new(3);
    for number in 0..count {
        let text = entity(&format!("User {number}"), &"x".repeat(bytes));
        snapshot.entities.insert(EntityKey::new(&rng.uuid()), text);
    }
    snapshot
}

#[test]
fn a_domain_that_outgrows_its_files_is_laid_out_anew_first() {
    let catalogue = catalogue();
    let mut files = Files::default();
    let small = many(&catalogue, 100, 100);
    assert_eq!(files.record(&catalogue, &small, &[]), [CommitKind::Baseline]);
    assert!(files.0.contains_key("snapshot/users/users.json"));
    let mut grown = small.clone();
    grown.entities.extend(many(&catalogue, 3_000, 300).entities);
    assert_eq!(files.record(&catalogue, &grown, &[]), [CommitKind::Reshard, CommitKind::Observed]);
    assert_eq!(files.files_under("snapshot/users/users").unwrap().len(), 16);
    assert_eq!(files.read(&grown), grown);
    let mut huge = grown.clone();
    huge.entities.extend(many(&catalogue, 9_000, 3_000).entities);
    assert_eq!(files.record(&catalogue, &huge, &[]), [CommitKind::Reshard, CommitKind::Observed]);
    assert_eq!(files.files_under("snapshot/users/users").unwrap().len(), 256);
    assert_eq!(files.read(&huge), huge);
}

#[test]
fn a_first_capture_that_outgrows_its_file_on_the_way_leaves_none_behind() {
    let catalogue = catalogue();
    let mut files = Files::default();
    let part = many(&catalogue, 100, 100);
    assert_eq!(files.record_part(&catalogue, &part), [CommitKind::Baseline]);
    assert!(files.0.contains_key("snapshot/users/users.json"));
    let mut whole = part.clone();
    whole.entities.extend(many(&catalogue, 3_000, 300).entities);
    assert_eq!(files.record(&catalogue, &whole, &[]), [CommitKind::Baseline]);
    assert_eq!(files.read(&whole), whole);
}

#[test]
fn a_layout_is_kept_when_a_domain_shrinks_and_when_it_is_empty_for_a_while() {
    let catalogue = catalogue();
    let mut files = Files::default();
    let large = many(&catalogue, 3_000, 300);
    files.record(&catalogue, &large, &[]);
    let mut small = large.clone();
    small.entities = large.entities.into_iter().step_by(1_000).collect();
    assert_eq!(files.record(&catalogue, &small, &[]), [CommitKind::Observed]);
    assert_eq!(files.files_under("snapshot/users/users").unwrap().len(), 3);
    assert_eq!(files.read(&small), small);
    let empty = many(&catalogue, 0, 0);
    files.record(&catalogue, &empty, &[]);
    assert!(files.0.contains_key("snapshot/users/users.json"));
    assert_eq!(files.read(&empty), empty);
    files.record(&catalogue, &small, &[]);
    assert!(!files.0.contains_key("snapshot/users/users.json"));
    assert_eq!(files.read(&small), small);
}

#[test]
fn only_the_shards_that_change_are_written() {
    let catalogue = catalogue();
    let mut files = Files::default();
    let mut users = many(&catalogue, 3_000, 300);
    files.record(&catalogue, &users, &[]);
    let key = users.entities.keys().next().unwrap().clone();
    users.entities.insert(key.clone(), entity("Another", "y"));
    let planned = files.plan(&catalogue, &users, &[]);
    let [observed] = planned.commits.as_slice() else { panic!("{:?}", planned.commits) };
    let written: Vec<&String> = observed.edits.keys().collect();
    let shard = format!("snapshot/users/users/{}.json", &key.as_str()[..1]);
    assert_eq!(written, ["snapshot/ledger.json", &shard]);
}

#[test]
fn what_was_captured_again_unchanged_makes_no_commit() {
    let catalogue = catalogue();
    let mut files = Files::default();
    let users = many(&catalogue, 10, 10);
    files.record(&catalogue, &users, &[]);
    assert!(files.record(&catalogue, &users, &[]).is_empty());
}

#[test]
fn a_member_that_the_api_began_to_give_is_a_commit_of_its_own_before_the_real_change() {
    let catalogue = catalogue();
    let mut files = Files::default();
    let before = many(&catalogue, 5, 5);
    files.record(&catalogue, &before, &[]);
    let mut after = before.clone();
    for (number, text) in after.entities.values_mut().enumerate() {
        let old_name = value_of(text).get("name").unwrap().as_str().unwrap().to_owned();
        let name = if number == 2 { "Renamed" } else { &old_name };
        let raw = format!(r#"{{"department":"xxxxx","name":"{name}","shoeSize":{number}}}"#);
        *text = canonical_text(&read_str(&raw).unwrap());
    }
    let planned = files.plan(&catalogue, &after, &["/shoeSize"]);
    let kinds: Vec<CommitKind> = planned.commits.iter().map(|commit| commit.kind).collect();
    assert_eq!(kinds, [CommitKind::NewField, CommitKind::Observed]);
    let [change] = planned.commits[1].changes.as_slice() else { panic!("{:?}", planned.commits[1].changes) };
    let [field] = change.fields.as_slice() else { panic!("{:?}", change.fields) };
    assert_eq!(field.path.as_str(), "/name");
    assert_eq!(planned.ledger.domains[&before.domain].new_fields, ["/shoeSize"]);
    files.record(&catalogue, &after, &["/shoeSize"]);
    assert_eq!(files.read(&after), after);
    // What happens to the member later is a change like any other.
    let key = after.entities.keys().next().unwrap().clone();
    let mut later = after.clone();
    let raw = after.entities[&key].as_str().replace("\"shoeSize\":0", "\"shoeSize\":44");
    later.entities.insert(key, canonical_text(&read_str(&raw).unwrap()));
    assert_eq!(files.record(&catalogue, &later, &["/shoeSize"]), [CommitKind::Observed]);
}
