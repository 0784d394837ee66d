//! What neither the table nor the contract says.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The lists of `hints.toml`; what each of them is, is said there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hints {
    pub program_paths: BTreeMap<String, String>,
    pub excluded: BTreeMap<String, String>,
    pub content: Domains,
    pub many: Parents,
    pub relations: BTreeMap<String, Relation>,
    pub named: Domains,
    pub bind: BTreeMap<String, BTreeMap<String, String>>,
    pub parents: BTreeMap<String, String>,
    pub text_items: BTreeMap<String, String>,
    pub models: BTreeMap<String, String>,
    pub targets: BTreeMap<String, String>,
}

#[derive(Deserialize)]
pub struct Domains {
    pub domains: Vec<String>,
}

#[derive(Deserialize)]
pub struct Parents {
    pub parents: Vec<String>,
}

#[derive(Deserialize)]
pub struct Relation {
    pub domain: String,
    pub keep: Vec<String>,
}

/// Reads them.
pub fn hints() -> Result<Hints, String> {
    toml::from_str(include_str!("hints.toml")).map_err(|error| format!("hints.toml: {error}"))
}

impl Hints {
    /// The domain that a member refers to, by the longest word that its name ends with.
    pub fn target(&self, member: &str) -> Option<&str> {
        let member = member.to_ascii_lowercase();
        let fits = self.targets.iter().filter(|(word, _)| member.ends_with(word.as_str()));
        fits.max_by_key(|(word, _)| word.len()).map(|(_, domain)| domain.as_str())
    }
}
