//! What the API contract says that a request may ask.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::path::{PathTemplate, Placeholders, best};
use crate::catalogue::embedded_file;

/// The paths that the API has.
pub(super) struct Contract(Vec<(PathTemplate, Endpoint)>);

/// One path, read with GET.
#[derive(Deserialize)]
pub(super) struct Endpoint {
    query: Vec<Parameter>,
    #[serde(default)]
    permissions: Vec<String>,
}

/// A query parameter.
#[derive(Deserialize)]
pub(super) struct Parameter {
    name: String,
    default: Option<serde_json::Value>,
    /// The largest value that is taken.
    pub(super) max: Option<u64>,
    /// The values that the contract knows.
    #[serde(default, rename = "enum")]
    pub(super) values: Vec<String>,
}

#[derive(Deserialize)]
struct ContractFile {
    paths: BTreeMap<String, Methods>,
}

#[derive(Deserialize)]
struct Methods {
    get: Option<Endpoint>,
}

impl Contract {
    /// The contract compiled into the binary. An unreadable one knows no path; the tests read it.
    pub(super) fn embedded() -> Self {
        let text = embedded_file("api/contract.json").unwrap_or_default();
        let paths = serde_json::from_str::<ContractFile>(text).map(|file| file.paths).unwrap_or_default();
        let endpoint = |(path, methods): (String, Methods)| Some((PathTemplate::new(&path), methods.get?));
        Self(paths.into_iter().filter_map(endpoint).collect())
    }

    /// What the contract says of a path.
    pub(super) fn endpoint(&self, path: &str) -> Option<&Endpoint> {
        best(&self.0, path).map(|(endpoint, _): (_, Placeholders)| endpoint)
    }
}

impl Endpoint {
    pub(super) fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.query.iter().find(|parameter| parameter.name == name)
    }

    /// The parameters that have a value also where the request names none.
    pub(super) fn defaults(&self) -> impl Iterator<Item = (&str, String)> {
        let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        self.query
            .iter()
            .filter_map(move |parameter| Some((parameter.name.as_str(), text(parameter.default.as_ref()?))))
    }

    /// The permissions that a reader needs.
    pub(super) fn permissions(&self) -> &[String] {
        &self.permissions
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;

    #[test]
    fn every_built_in_domain_is_in_the_contract() {
        let contract = Contract::embedded();
        for domain in Catalogue::built_in().unwrap().iter() {
            let path = domain.source.path.replace(['{', '}'], "");
            let endpoint = contract.endpoint(&path).unwrap();
            for name in domain.source.query.keys().chain(domain.source.passes.iter().flat_map(|pass| pass.keys())) {
                assert!(endpoint.parameter(name).is_some(), "{} {name}", domain.id);
            }
        }
    }
}
