//! The small lists beside the tool.

use serde::Deserialize;
use std::collections::BTreeMap;

/// What the table and the contract cannot say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hints {
    /// Paths that the program asks for itself, and what for.
    pub program_paths: BTreeMap<String, String>,
    /// Rows of the table that become no domain, and why.
    pub excluded: BTreeMap<String, String>,
    /// Domains by the name of the member that refers to them.
    pub targets: BTreeMap<String, String>,
}

/// The lists.
pub fn hints() -> Result<Hints, String> {
    toml::from_str(include_str!("hints.toml")).map_err(|error| format!("hints.toml: {error}"))
}
