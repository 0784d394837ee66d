//! Every path, query parameter and page size of the domain files is one that the API has.

use orgtrail::canonical::read_str;
use orgtrail::catalogue::{Domain, Paging, embedded_file};
use orgtrail::model::Value;

use crate::fixtures::catalogue;

/// A path with its placeholders made alike, so that `{id}` and `{queueId}` are the same place.
fn shape_of(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

struct Contract<'c>(Value<'c>);

impl Contract<'_> {
    fn get(&self, path: &str) -> &Value<'_> {
        let paths = self.0.get("paths").and_then(Value::as_object).unwrap();
        let found = paths.iter().find(|(known, _)| shape_of(known) == shape_of(path));
        let (_, operations) = found.unwrap_or_else(|| panic!("the API has no {path}"));
        operations.get("get").unwrap_or_else(|| panic!("{path} has no GET"))
    }

    fn parameter(&self, path: &str, name: &str) -> &Value<'_> {
        let parameters = self.get(path).get("query").and_then(Value::as_array).unwrap();
        let found = parameters.iter().find(|parameter| parameter.get("name").and_then(Value::as_str) == Some(name));
        found.unwrap_or_else(|| panic!("{path} takes no {name}"))
    }
}

fn check(contract: &Contract<'_>, domain: &Domain) {
    let source = &domain.source;
    for (name, value) in source.query.iter().chain(source.passes.iter().flatten()) {
        check_value(contract, &source.path, name, value);
    }
    if let Some(detail) = &source.detail {
        contract.get(detail);
        for (name, value) in source.detail_query.iter().chain(&domain.removal.query) {
            check_value(contract, detail, name, value);
        }
    }
    let paging: &[&str] = match source.paging {
        Paging::PageNumber => &["pageNumber", "pageSize"],
        Paging::Cursor => &["after", "pageSize"],
        Paging::Unpaged | Paging::Array | Paging::Singleton => &[],
    };
    for name in paging {
        contract.parameter(&source.path, name);
    }
    if let Some(size) = source.page_size {
        let max = contract.parameter(&source.path, "pageSize").get("max").and_then(Value::as_u64);
        assert!(max.is_some_and(|max| u64::from(size) <= max), "{}: a page of {size} passes {max:?}", domain.id);
    }
    let permissions = contract.get(&source.path).get("permissions").and_then(Value::as_array).unwrap_or_default();
    let permissions: Vec<&str> = permissions.iter().filter_map(Value::as_str).collect();
    for permission in &source.permission {
        assert!(permissions.contains(&permission.as_str()), "{}: {permission} is not asked for", domain.id);
    }
}

fn check_value(contract: &Contract<'_>, path: &str, name: &str, value: &str) {
    let values = contract.parameter(path, name).get("enum").and_then(Value::as_array).unwrap_or_default();
    let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
    for one in value.split(',') {
        assert!(values.is_empty() || values.contains(&one), "{path}: {name} has no value {one}");
    }
}

#[test]
fn every_domain_asks_only_for_what_the_api_has() {
    let text = embedded_file("api/contract.json").unwrap();
    let contract = Contract(read_str(text).unwrap());
    catalogue().iter().for_each(|domain| check(&contract, domain));
}
