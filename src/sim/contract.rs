//! What the API contract says that a request may ask.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::path::Paths;
use crate::catalogue::{PermissionMode, Source, embedded_file};

/// How a path is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// By GET.
    Get,
    /// By a query that is sent with POST.
    Query,
}

/// The paths that the API has.
pub(super) struct Contract {
    paths: Paths<Methods>,
}

/// The ways to ask one path.
struct Methods {
    get: Option<Endpoint>,
    query: Option<Endpoint>,
}

/// One way to ask one path.
pub(super) struct Endpoint {
    parameters: Vec<Parameter>,
    /// Whether other parameters are refused; a body whose model is unknown may have any.
    is_closed: bool,
    permissions: Permissions,
}

/// The permissions that a reader needs.
#[derive(Clone, Debug, Default)]
pub(super) struct Permissions {
    pub(super) names: Vec<String>,
    pub(super) mode: PermissionMode,
}

/// A parameter in the address or the body.
#[derive(Clone, Deserialize)]
pub(super) struct Parameter {
    #[serde(default)]
    name: String,
    default: Option<serde_json::Value>,
    max: Option<serde_json::Number>,
    #[serde(default, rename = "enum")]
    values: Vec<serde_json::Value>,
}

#[derive(Default, Deserialize)]
struct ContractFile {
    paths: BTreeMap<String, RawMethods>,
    #[serde(default)]
    models: BTreeMap<String, RawModel>,
}

#[derive(Deserialize)]
struct RawMethods {
    get: Option<RawOperation>,
    post: Option<RawOperation>,
}

#[derive(Deserialize)]
struct RawOperation {
    query: Vec<Parameter>,
    body: Option<String>,
    #[serde(default)]
    permissions: Vec<String>,
    #[serde(rename = "permissionMode")]
    permission_mode: Option<String>,
}

#[derive(Deserialize)]
struct RawModel {
    #[serde(default)]
    props: BTreeMap<String, Parameter>,
}

static EMBEDDED: LazyLock<Contract> = LazyLock::new(|| {
    let text = embedded_file("api/contract.json").unwrap_or_default();
    Contract::of(serde_json::from_str(text).unwrap_or_default())
});

impl Parameter {
    /// The largest value that is taken.
    pub(super) fn max(&self) -> Option<u64> {
        self.max.as_ref()?.as_u64()
    }

    /// The values that the contract knows.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.values.iter().filter_map(serde_json::Value::as_str)
    }
}

impl Contract {
    /// The contract compiled into the binary. An unreadable one knows no path; the tests read it.
    pub(super) fn embedded() -> &'static Self {
        &EMBEDDED
    }

    fn of(file: ContractFile) -> Self {
        let models = file.models;
        let methods = |methods: RawMethods| Methods {
            get: methods.get.map(|get| Endpoint::of(get, &models)),
            query: methods.post.map(|post| Endpoint::of(post, &models)),
        };
        Self { paths: Paths::of(file.paths.into_iter().map(|(path, raw)| (path, methods(raw)))) }
    }

    /// What the contract says of a path.
    pub(super) fn endpoint(&self, method: Method, path: &str) -> Option<&Endpoint> {
        self.paths.best(path).into_iter().find_map(|(methods, _)| methods.of(method))
    }

    /// What the contract says of the path of a listing.
    pub(super) fn listing(&self, source: &Source) -> Option<&Endpoint> {
        self.endpoint(Method::of(source), &source.path.replace(['{', '}'], ""))
    }
}

impl Method {
    /// How a listing is asked for.
    pub(super) fn of(source: &Source) -> Self {
        if source.body.is_some() { Self::Query } else { Self::Get }
    }

    /// The method of HTTP by its name; `None` for one that changes something.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "GET" => Some(Self::Get),
            "POST" => Some(Self::Query),
            _ => None,
        }
    }
}

impl Methods {
    fn of(&self, method: Method) -> Option<&Endpoint> {
        match method {
            Method::Get => self.get.as_ref(),
            Method::Query => self.query.as_ref(),
        }
    }
}

impl Endpoint {
    fn of(operation: RawOperation, models: &BTreeMap<String, RawModel>) -> Self {
        let mut parameters = operation.query;
        let model = operation.body.as_ref().map(|name| models.get(name));
        for (name, member) in model.flatten().into_iter().flat_map(|model| &model.props) {
            parameters.push(Parameter { name: name.clone(), ..member.clone() });
        }
        let mode = match operation.permission_mode.as_deref() {
            Some("ALL") => PermissionMode::All,
            _ => PermissionMode::Any,
        };
        let permissions = Permissions { names: operation.permissions, mode };
        Self { parameters, is_closed: !matches!(model, Some(None)), permissions }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// Whether a request may name a parameter.
    pub(super) fn takes(&self, name: &str) -> bool {
        !self.is_closed || self.parameter(name).is_some()
    }

    /// The parameters that have a value also where the request names none.
    pub(super) fn defaults(&self) -> impl Iterator<Item = (&str, String)> {
        let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        self.parameters
            .iter()
            .filter_map(move |parameter| Some((parameter.name.as_str(), text(parameter.default.as_ref()?))))
    }

    /// The permissions that a reader needs.
    pub(super) fn permissions(&self) -> &Permissions {
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
            let endpoint = contract.listing(&domain.source).unwrap();
            for name in domain.source.query.keys().chain(domain.source.passes.iter().flat_map(|pass| pass.keys())) {
                assert!(endpoint.takes(name), "{} {name}", domain.id);
            }
        }
    }

    #[test]
    fn a_query_takes_what_its_body_has() {
        let contract = r#"{"paths":{
            "/a/query":{"post":{"query":[{"name":"expand"}],"body":"Known"}},
            "/b/query":{"post":{"query":[],"body":"Unknown"},"get":{"query":[]}}
        },"models":{"Known":{"props":{"pageSize":{"type":"integer","max":50}}}}}"#;
        let contract = Contract::of(serde_json::from_str(contract).unwrap());
        let known = contract.endpoint(Method::Query, "/a/query").unwrap();
        assert_eq!(known.parameter("pageSize").unwrap().max(), Some(50));
        assert!(known.takes("expand") && !known.takes("what"));
        assert!(contract.endpoint(Method::Get, "/a/query").is_none());
        assert!(contract.endpoint(Method::Query, "/b/query").unwrap().takes("what"));
        assert!(!contract.endpoint(Method::Get, "/b/query").unwrap().takes("what"));
    }
}
