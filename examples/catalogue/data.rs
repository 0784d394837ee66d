//! What neither the table nor the contract says.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The lists of `hints.toml`; what each of them is, is said there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hints {
    pub(crate) program_paths: BTreeMap<String, String>,
    pub(crate) excluded: BTreeMap<String, String>,
    pub(crate) content: Domains,
    pub(crate) many: Parents,
    pub(crate) relations: BTreeMap<String, Relation>,
    pub(crate) named: Domains,
    pub(crate) bind: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) parents: BTreeMap<String, String>,
    pub(crate) text_items: BTreeMap<String, String>,
    pub(crate) models: BTreeMap<String, String>,
    pub(crate) targets: BTreeMap<String, String>,
}

#[derive(Deserialize)]
pub(crate) struct Domains {
    pub(crate) domains: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Parents {
    pub(crate) parents: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Relation {
    pub(crate) domain: String,
    pub(crate) keep: Vec<String>,
}

/// Reads them.
pub(crate) fn hints() -> Result<Hints, String> {
    toml::from_str(include_str!("hints.toml")).map_err(|error| format!("hints.toml: {error}"))
}

/// The methods of what the program asks for.
const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

/// The method and the path of something that the program asks for; by GET where no method stands before the path.
pub(crate) fn call(text: &str) -> (&'static str, &str) {
    let split = text.split_once(' ').and_then(|(word, path)| {
        let method = METHODS.into_iter().find(|method| method.eq_ignore_ascii_case(word))?;
        Some((method, path))
    });
    split.unwrap_or(("get", text))
}

impl Hints {
    /// The domain that a member refers to, by the longest word that its name ends with.
    pub(crate) fn target(&self, member: &str) -> Option<&str> {
        let member = member.to_ascii_lowercase();
        let fits = self.targets.iter().filter(|(word, _)| member.ends_with(word.as_str()));
        fits.max_by_key(|(word, _)| word.len()).map(|(_, domain)| domain.as_str())
    }
}
