//! The part of the contract that is compiled in.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::contract::{Contract, Kind, Model, Operation};
use super::domain_file::DomainFile;

/// The largest page of a domain's listing, and who says so.
pub(crate) struct LargestPage {
    /// How many entities.
    pub(crate) size: u64,
    /// `swagger`, `provider` or `assumed`.
    pub(crate) from: &'static str,
}

/// The reduced contract.
#[derive(Serialize)]
pub(crate) struct Reduced<'c> {
    #[serde(rename = "_meta")]
    meta: Meta,
    paths: BTreeMap<&'c str, BTreeMap<&'static str, Operation>>,
    models: BTreeMap<&'c str, &'c Model>,
}

#[derive(Deserialize, Serialize)]
struct Meta {
    about: String,
    source: String,
    date: String,
    notation: Notation,
}

#[derive(Deserialize, Serialize)]
struct Notation {
    r#type: String,
    models: String,
    r#enum: String,
    permissions: String,
    max: String,
}

impl<'c> Reduced<'c> {
    /// A contract without paths and models. What it says of itself is taken from the one that it replaces.
    pub(crate) fn new(contract: &Contract, replaced: &Contract) -> Result<Self, String> {
        let mut meta: Meta = serde_json::from_value(replaced.meta.clone())
            .map_err(|error| format!("api/contract.json: its _meta is not what it should be: {error}"))?;
        meta.source = meta.source.replace(replaced.sdk_version(), contract.sdk_version());
        if let Some(date) = contract.date() {
            meta.source = meta.source.replace(&meta.date, date);
            date.clone_into(&mut meta.date);
        }
        Ok(Self { meta, paths: BTreeMap::new(), models: BTreeMap::new() })
    }

    /// Adds what a domain asks for.
    pub(crate) fn add_domain(&mut self, contract: &'c Contract, domain: &DomainFile, page: Option<&LargestPage>) {
        let source = &domain.source;
        self.add_path(contract, &source.path, domain.method());
        if let Some(page) = page
            && let Some((path, _)) = contract.operation(&source.path, domain.method())
            && let Some(operation) = self.paths.get_mut(path).and_then(|methods| methods.get_mut(domain.method()))
            && let Some(parameter) = operation.query.iter_mut().find(|parameter| parameter.name == domain.size())
        {
            parameter.max = Some(page.size);
            parameter.max_from = Some(page.from.to_owned());
        }
        if let Some(detail) = &source.detail {
            self.add_path(contract, detail, "get");
        }
        if let Ok(Kind::Model(name)) = domain.listed(contract) {
            self.add_model(contract, name);
        }
    }

    /// Adds a path with the models of its reply and its body, not what those are made of.
    fn add_path(&mut self, contract: &'c Contract, path: &str, method: &'static str) {
        let Some((path, operation)) = contract.operation(path, method) else { return };
        self.paths.entry(path).or_default().entry(method).or_insert_with(|| operation.clone());
        for text in [&operation.response, &operation.body].into_iter().flatten() {
            if let Some(model) = Kind::parse(text).model() {
                self.add_model(contract, model);
            }
        }
    }

    /// Adds a path that the program asks for itself, with what its reply and body are made of, two models deep.
    pub(crate) fn add_path_of_the_program(&mut self, contract: &'c Contract, path: &str, method: &'static str) {
        self.add_path(contract, path, method);
        let operation = contract.operation(path, method).map(|(_, operation)| operation);
        let types = operation.into_iter().flat_map(|operation| [&operation.response, &operation.body]).flatten();
        let mut level: BTreeSet<&str> = types.filter_map(|text| Kind::parse(text).model()).collect();
        for _ in 0..2 {
            let models = level.into_iter().filter_map(|name| contract.models.get(name));
            level = models
                .flat_map(|model| model.props.values())
                .filter_map(|member| Kind::parse(&member.r#type).model())
                .collect();
            for name in &level {
                self.add_model(contract, name);
            }
        }
    }

    /// Adds a model.
    pub(crate) fn add_model(&mut self, contract: &'c Contract, name: &str) {
        if let Some((name, model)) = contract.models.get_key_value(name) {
            self.models.insert(name, model);
        }
    }

    /// The text of the file.
    pub(crate) fn text(&self) -> Result<String, String> {
        let mut text = Vec::new();
        let layout = serde_json::ser::PrettyFormatter::with_indent(b" ");
        let mut writer = serde_json::Serializer::with_formatter(&mut text, layout);
        self.serialize(&mut writer).map_err(|error| error.to_string())?;
        let mut text = String::from_utf8(text).map_err(|error| error.to_string())?;
        text.push('\n');
        Ok(text)
    }
}
