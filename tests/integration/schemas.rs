//! The domain files ask only for what the API has, and the schemas are what the contract says of them;
//! `cargo run --example catalogue` writes them.

use std::path::Path;

use orgtrail::catalogue::embedded_file;
use orgtrail::genesys::PostQuery;

use crate::fixtures::catalogue;

#[path = "../../examples/catalogue/writing/mod.rs"]
mod writing;

use writing::asks;
use writing::contract::Contract;
use writing::domain_file::{DomainFile, domain_files};

/// After a change of a domain file, `ORGTRAIL_PIN=1 cargo test` writes its schema anew.
#[test]
fn every_schema_is_what_the_contract_says_of_its_domain() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let contract = Contract::read(embedded_file("api/contract.json").unwrap()).unwrap();
    for (id, path) in domain_files(&folder).unwrap() {
        let file = DomainFile::read(&id, &std::fs::read_to_string(&path).unwrap());
        let both = file.and_then(|file| writing::schema::write(&file, &contract).map(|written| (file, written)));
        let (file, written) = both.unwrap_or_else(|problem| panic!("{id}: {problem}"));
        let path = folder.join(file.schema_path());
        if std::env::var_os("ORGTRAIL_PIN").is_some() {
            std::fs::write(&path, &written.text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == written.text, "{} is not what the contract says; pin it", path.display());
    }
}

#[test]
fn every_domain_asks_only_for_what_the_api_has() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let contract = Contract::read(embedded_file("api/contract.json").unwrap()).unwrap();
    for (id, path) in domain_files(&folder).unwrap() {
        let file = DomainFile::read(&id, &std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(asks::problems(&file, &contract, None), Vec::<String>::new(), "{id}");
    }
}

/// The domain files and the client each say which paths take a query by POST.
#[test]
fn what_a_domain_file_may_ask_by_post_the_client_may_send() {
    let queries: Vec<String> = catalogue()
        .iter()
        .filter(|domain| domain.source.body.is_some())
        .map(|domain| domain.source.path.clone())
        .collect();
    assert!(queries.len() >= 3, "{queries:?}");
    for path in queries {
        assert!(PostQuery::new(path.clone(), serde_json::Map::new()).is_ok(), "{path}");
    }
}
