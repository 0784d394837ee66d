//! Every way in which the API lists things, end to end: the simulated organisation serves it and the client reads it; a capture
//! is whole and holds the right entities, the next one is the same, and what was removed is confirmed to be gone.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use orgtrail::canonical::{Digest, Scan, SecretKey};
use orgtrail::capture::{
    Capturer, Caution, DomainCapture, Portions, Recorded, RemovalPolicy, Selection, Silent, Targets,
};
use orgtrail::catalogue::{Catalogue, Domain, Paging};
use orgtrail::genesys::{Client, ClientOptions, Hosts, InstantClock};
use orgtrail::model::{DomainId, DomainSnapshot, EntityKey, Object, Value};
use orgtrail::record::RunStatus;
use orgtrail::sim::{Scale, World};

use crate::fixtures::folder;
use crate::harness::{KEY, Org};

/// Domains with one schema, each listed in another way.
fn catalogue() -> Arc<Catalogue> {
    let folder = folder().join("listings");
    let schema = std::fs::read_to_string(folder.join("thing.v1.json")).unwrap();
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let domain = |path: std::path::PathBuf| {
        let name = format!("own.{}", path.file_stem()?.to_str()?);
        let text = std::fs::read_to_string(&path).ok().filter(|_| path.extension().is_some_and(|end| end == "toml"))?;
        Some(Domain::read(name.parse().unwrap(), &name, &text, "thing.v1.json", &schema).unwrap())
    };
    Arc::new(Catalogue::from_domains(files.filter_map(domain).collect()).unwrap())
}

/// An organisation of those domains, and what is on record of it.
struct Stage {
    org: Org,
    catalogue: Arc<Catalogue>,
    record: Record,
}

#[derive(Default)]
struct Record(BTreeMap<DomainId, Rc<DomainSnapshot>>);

impl Recorded for Record {
    fn digest(&self, domain: &DomainId) -> Option<String> {
        self.0.get(domain).map(|content| Digest::of_domain(content).to_string())
    }

    fn content(&self, domain: &DomainId) -> Result<Option<Rc<DomainSnapshot>>, String> {
        Ok(self.0.get(domain).cloned())
    }

    fn is_current(&self, _: &Domain) -> bool {
        true
    }
}

impl Stage {
    fn new() -> Self {
        let catalogue = catalogue();
        let org = Org::of(World::generate(&catalogue, Scale::Small, 1));
        Self { org, catalogue, record: Record::default() }
    }

    /// Captures all domains, expects each to be whole, and puts them on record; the answer is what came.
    fn capture(&mut self) -> BTreeMap<DomainId, DomainCapture> {
        let running = &self.org.running;
        let hosts = Hosts::custom(&running.api_url, &running.login_url).unwrap();
        let options = ClientOptions::new(hosts, running.client_id.clone(), running.client_secret.clone().into());
        let client = Client::new(options, Arc::new(InstantClock::new())).unwrap();
        let (secrets, org) = (SecretKey::new(KEY).unwrap(), running.world(|world| world.org_id().to_owned()));
        let scan = Scan::built_in().unwrap();
        let capturer = Capturer {
            client: &client,
            catalogue: &self.catalogue,
            secrets: &secrets,
            scan: &scan,
            keeper: None,
            org: &org,
            targets: &Targets::default(),
        };
        let policy =
            RemovalPolicy { accepted: BTreeSet::new(), caution: Caution::Usual, reads_left: AtomicUsize::new(1000) };
        let selection = Selection(self.catalogue.names().cloned().collect());
        let portions = Portions::default();
        let run = capturer.run(&selection, &self.record, &portions, &policy, &Silent);
        let domains = self.org.block_on(run);
        for (domain, capture) in &domains {
            assert_eq!(capture.status, RunStatus::Complete, "{domain}: {:?}", capture.trouble);
            assert_eq!(capture.notes, orgtrail::canonical::Notes::default(), "{domain}");
            if let Some(content) = &capture.content {
                self.record.0.insert(domain.clone(), Rc::new(content.clone()));
            }
        }
        domains
    }

    fn recorded(&self, domain: &str) -> Vec<EntityKey> {
        self.record.0[&id(domain)].entities.keys().cloned().collect()
    }

    fn there(&self, domain: &str) -> Vec<EntityKey> {
        let mut keys: Vec<EntityKey> = self.org.running.world(|world| world.keys(&id(domain)).cloned().collect());
        keys.sort();
        keys
    }

    /// How many requests were made since some number of them, whose path has a text in it.
    fn asked(&self, since: usize, part: &str) -> usize {
        self.org.running.requests()[since..].iter().filter(|request| request.path.contains(part)).count()
    }
}

fn id(name: &str) -> DomainId {
    format!("own.{name}").parse().unwrap()
}

#[test]
fn a_capture_is_whole_however_things_are_listed() {
    let mut stage = Stage::new();
    stage.capture();
    for domain in stage.catalogue.iter() {
        let name = domain.id.short_name();
        assert_eq!(stage.recorded(name), stage.there(name), "{name}");
    }
    let names = |prefix: &str| {
        let names = stage.catalogue.names().filter(|id| id.short_name().starts_with(prefix)).collect::<Vec<_>>();
        names.iter().filter(|id| stage.recorded(id.short_name()).is_empty()).count()
    };
    assert!((1..6).contains(&names("provider-")), "all or none of the optional ones are there");
    for name in
        ["bases", "variations", "blocks", "rules", "bins", "statuses", "programs", "limits", "dialects", "phrases"]
    {
        assert!(!stage.recorded(name).is_empty(), "{name}");
    }
    let methods: BTreeSet<String> = stage.org.running.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, BTreeSet::from(["GET".to_owned(), "POST".to_owned()]));
}

#[test]
fn what_its_listing_took_of_the_parent_is_stored() {
    let mut stage = Stage::new();
    stage.capture();
    let dialects = stage.recorded("dialects");
    let units: BTreeSet<String> = dialects.iter().filter_map(|key| key.parts().next()).collect();
    assert!(dialects.len() > units.len(), "{dialects:?}");
    for text in stage.record.0[&id("plans")].entities.values() {
        assert!(text.as_str().contains("\"versionId\""), "{}", text.as_str());
    }
}

#[test]
fn a_second_capture_is_the_same_and_asks_nothing_that_cannot_have_changed() {
    let mut stage = Stage::new();
    stage.capture();
    let before = stage.org.running.requests().len();
    for (domain, capture) in stage.capture() {
        assert!(capture.content.is_none(), "{domain} differs");
    }
    assert_eq!(stage.asked(before, "/plan"), 0);
    assert!(stage.asked(before, "/policy") > 0);
}

#[test]
fn what_was_removed_is_confirmed_to_be_gone() {
    let mut stage = Stage::new();
    stage.capture();
    let mut removed = Vec::new();
    for domain in Arc::clone(&stage.catalogue).iter() {
        let name = domain.id.short_name();
        // Every parent has one, so it goes with the parent alone.
        let is_of_all = domain.source.paging == Paging::Singleton && !domain.source.optional;
        if let Some(key) = stage.there(name).first().cloned().filter(|_| !is_of_all) {
            assert!(stage.org.running.world(|world| world.remove(&domain.id, &key)), "{name}");
            removed.push((name.to_owned(), key));
        }
    }
    assert!(removed.len() > 12);
    stage.capture();
    for (name, key) in removed {
        assert!(!stage.recorded(&name).contains(&key), "{name}");
        assert_eq!(stage.recorded(&name), stage.there(&name), "{name}");
    }
}

#[test]
fn a_new_version_of_the_parent_has_an_answer_of_its_own() {
    let mut stage = Stage::new();
    stage.capture();
    let flow = stage.recorded("plans").first().cloned().unwrap();
    let before = stage.record.0[&id("plans")].clone();
    let requests = stage.org.running.requests().len();
    stage.org.running.world(|world| {
        let Some(Value::Object(flow)) = world.entity_mut(&id("flows"), &flow) else { panic!() };
        let mut published = Object::default();
        published.insert("id", Value::from("a later one"));
        flow.insert("published", Value::Object(published));
    });
    stage.capture();
    let after = &stage.record.0[&id("plans")];
    assert!(after.entities[&flow].as_str().contains("\"versionId\":\"a later one\""));
    assert_ne!(after.entities[&flow], before.entities[&flow]);
    assert_eq!(stage.asked(requests, "/plan"), 1);
    assert_eq!(stage.recorded("plans"), stage.there("plans"));
}
