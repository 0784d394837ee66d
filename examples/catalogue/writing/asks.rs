//! Whether the API has what a domain file asks it for.

use std::collections::BTreeMap;

use super::contract::{Contract, Kind, Operation};
use super::domain_file::DomainFile;

/// What a domain file asks for and the API does not have. `largest` is the largest page where the contract names none.
pub(crate) fn problems(file: &DomainFile, contract: &Contract, largest: Option<u64>) -> Vec<String> {
    let source = &file.source;
    let mut problems = Vec::new();
    let Some((_, operation)) = contract.operation(&source.path, file.method()) else {
        return vec![format!("the API has no {} {}", file.method(), source.path)];
    };
    let asks = Asks { contract, operation };
    for (name, value) in source.query.iter().chain(source.passes.iter().flatten()) {
        problems.extend(asks.problem_of(name, Some(value)));
    }
    let size = source.page_size.map(|_| file.size());
    let page = match source.paging.as_str() {
        "page-number" => Some("pageNumber"),
        "cursor" => Some(source.cursor.as_deref().unwrap_or("after")),
        _ => None,
    };
    problems.extend(size.into_iter().chain(page).filter_map(|name| asks.problem_of(name, None)));
    problems.extend(page_size(file, operation, largest));
    problems.extend(entities(file, contract));
    for parameter in operation.query.iter().filter(|parameter| parameter.required) {
        let name = &parameter.name;
        let given = source.query.contains_key(name)
            || source.bind.contains_key(name)
            || (!source.passes.is_empty() && source.passes.iter().all(|pass| pass.contains_key(name)));
        if !given {
            problems.push(format!("{} requires {name}", source.path));
        }
    }
    for permission in source.permission.iter().filter(|permission| !operation.permissions.contains(permission)) {
        problems.push(format!("the API does not ask for {permission}"));
    }
    problems.extend(placeholders(file));
    if let Some(detail) = &source.detail {
        let parameters: BTreeMap<&String, &String> = source.detail_query.iter().chain(&file.removal.query).collect();
        match contract.operation(detail, "get") {
            Some((_, operation)) => {
                let asks = Asks { contract, operation };
                problems.extend(parameters.into_iter().filter_map(|(name, value)| asks.problem_of(name, Some(value))));
            }
            None => problems.push(format!("the API has no get {detail}")),
        }
    }
    problems
}

/// What a listing can be asked: by its query, and by its body where it has one.
struct Asks<'c> {
    contract: &'c Contract,
    operation: &'c Operation,
}

impl Asks<'_> {
    fn problem_of(&self, name: &str, value: Option<&String>) -> Option<String> {
        let body = self.operation.body.as_ref().and_then(|model| self.contract.models.get(model));
        let in_body = body.and_then(|model| model.props.get(name)).map(|member| &member.r#enum);
        let in_query = self.operation.parameter(name).map(|parameter| &parameter.r#enum);
        let Some(values) = in_query.or(in_body) else { return Some(format!("the API takes no {name}")) };
        let known: Vec<&str> = values.iter().flatten().filter_map(|value| value.as_str()).collect();
        let unknown = value?.split(',').find(|one| !known.is_empty() && !known.contains(one))?;
        Some(format!("{name} has no value {unknown}"))
    }
}

fn page_size(file: &DomainFile, operation: &Operation, largest: Option<u64>) -> Option<String> {
    let size = file.source.page_size?;
    let said = operation.parameter(file.size()).and_then(|parameter| parameter.max);
    match said.or(largest) {
        Some(max) => (size > max).then(|| format!("a page of {size} is larger than {max}")),
        // What is asked in a body has no largest value in the contract.
        None if operation.body.is_some() => None,
        None => Some(format!("nothing says whether a page may have {size}")),
    }
}

fn entities(file: &DomainFile, contract: &Contract) -> Option<String> {
    match (file.listed(contract), &file.source.text_items) {
        (Err(problem), _) => Some(problem),
        (Ok(Kind::Model(name)), Some(_)) => Some(format!("source.text_items: the listing has {name}, not text")),
        (Ok(Kind::Scalar(name, _)), None) => {
            Some(format!("the listing has items of type {name}; see source.text_items"))
        }
        _ => None,
    }
}

/// Every placeholder of the path is bound, or stands for the key of the parent.
fn placeholders(file: &DomainFile) -> Vec<String> {
    let source = &file.source;
    let names: Vec<&str> = source.path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
    if source.bind.is_empty() {
        let fits = names.len() == usize::from(source.parent.is_some());
        return if fits { Vec::new() } else { vec![format!("source.path has {} placeholders", names.len())] };
    }
    let unbound = names.into_iter().filter(|name| !source.bind.contains_key(*name));
    unbound.map(|name| format!("source.bind says nothing of {name}")).collect()
}
