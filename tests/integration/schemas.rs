//! The schemas are what the contract and the domain files say; `cargo run --example catalogue` writes them.

use orgtrail::catalogue::embedded_file;

use crate::fixtures::catalogue;

#[path = "../../examples/catalogue/writing/mod.rs"]
mod writing;

use writing::contract::Contract;
use writing::domain_file::DomainFile;

/// After a change of a domain file, `ORGTRAIL_PIN=1 cargo test` writes its schema anew.
#[test]
fn every_schema_is_what_the_contract_says_of_its_domain() {
    let contract = Contract::read(embedded_file("api/contract.json").unwrap()).unwrap();
    for domain in catalogue().iter() {
        let file = DomainFile::read(domain.id.as_str(), embedded_file(&domain.file).unwrap()).unwrap();
        let written = writing::schema::write(&file, &contract).unwrap().text;
        let path = file.schema_path();
        if std::env::var_os("ORGTRAIL_PIN").is_some() {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
            std::fs::write(folder.join(&path), &written).unwrap();
        } else {
            assert!(
                embedded_file(&path) == Some(&*written),
                "{path} is not what the contract says of {}: write it with ORGTRAIL_PIN=1 cargo test",
                domain.file
            );
        }
    }
}
