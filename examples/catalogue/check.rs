//! `check`: every problem of every domain file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use orgtrail::catalogue::{Catalogue, Domain};

use crate::table::{self, Row};
use crate::writing::contract::{Contract, Kind, Operation};
use crate::writing::domain_file::{DomainFile, domain_files};
use crate::writing::schema;
use crate::{Files, read, say};

/// Prints the problems, each with its file, and fails where there is one.
pub(crate) fn run(files: &Files, table: Option<&Path>) -> Result<ExitCode, String> {
    let contract = files.contract()?;
    let rows = table.map_or(Ok(Vec::new()), table::read)?;
    let all = domain_files(&files.out).map_err(|error| format!("{}: {error}", files.out.display()))?;
    let names: BTreeSet<&str> = all.iter().map(|(id, _)| id.as_str()).collect();
    let mut problems: Vec<String> = Vec::new();
    let mut domains = Vec::new();
    for (id, path) in &all {
        let text = read(path)?;
        let mut found = Vec::new();
        match DomainFile::read(id, &text) {
            Ok(file) => {
                let schema = std::fs::read_to_string(files.out.join(file.schema_path())).unwrap_or_default();
                let row = rows.iter().find(|row| row.domain == *id);
                found.extend(of_the_contract(&file, &contract, row));
                found.extend(of_other_domains(&file, &names));
                found.extend(of_the_schema(&file, &contract, &schema));
                match read_domain(id, path, &text, &file, &schema) {
                    Ok(domain) => domains.push(domain),
                    Err(told) => found.extend(told),
                }
            }
            Err(problem) => found.push(problem),
        }
        if text.lines().any(|line| line == "about = \"\"") {
            found.push("about is empty".to_owned());
        }
        let left = text.lines().filter(|line| line.trim_start().starts_with("# REVIEW:")).count();
        if left > 0 {
            found.push(format!("{left} lines of REVIEW are left"));
        }
        problems.extend(found.into_iter().map(|problem| format!("{}: {problem}", path.display())));
    }
    let read = domains.len();
    if read == all.len()
        && let Err(told) = Catalogue::from_domains(domains)
    {
        problems.extend(told.iter().map(ToString::to_string));
    }
    let told: BTreeSet<String> = problems.into_iter().collect();
    for problem in &told {
        say(problem);
    }
    say(&format!("{read} of {} domain files can be read, {} problems", all.len(), told.len()));
    Ok(if told.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the program itself says of the two files.
fn read_domain(id: &str, path: &Path, text: &str, file: &DomainFile, schema: &str) -> Result<Domain, Vec<String>> {
    let id = id.parse().map_err(|_| vec![format!("{id} is no name of a domain")])?;
    let told = Domain::read(id, &path.display().to_string(), text, &file.schema_path(), schema);
    told.map_err(|problems| {
        let line = |line: Option<usize>| line.map(|line| format!("line {line}: ")).unwrap_or_default();
        problems.into_iter().map(|problem| format!("{}{}", line(problem.line), problem.problem)).collect()
    })
}

fn of_the_schema(file: &DomainFile, contract: &Contract, schema: &str) -> Vec<String> {
    match schema::write(file, contract) {
        Ok(_) if schema.is_empty() => vec![format!("there is no {}", file.schema_path())],
        Ok(written) if written.text != schema => {
            vec![format!("{} is not what the contract says; write it with `schemas`", file.schema_path())]
        }
        Ok(_) => Vec::new(),
        Err(problem) => vec![problem],
    }
}

fn of_other_domains(file: &DomainFile, names: &BTreeSet<&str>) -> Vec<String> {
    let parent = file.source.parent.iter().map(|parent| ("its parent".to_owned(), parent));
    let references = file.references.iter().flat_map(|(path, reference)| {
        reference.targets().iter().map(move |target| (format!("the target of {path}"), target))
    });
    let missing = parent.chain(references).filter(|(_, name)| !names.contains(name.as_str()));
    missing.map(|(what, name)| format!("{what}, {name}, is no domain")).collect()
}

fn of_the_contract(file: &DomainFile, contract: &Contract, row: Option<&Row>) -> Vec<String> {
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
    problems.extend(page_size(file, operation, row));
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

fn page_size(file: &DomainFile, operation: &Operation, row: Option<&Row>) -> Option<String> {
    let size = file.source.page_size?;
    let said = operation.parameter(file.size()).and_then(|parameter| parameter.max);
    let max = said.or_else(|| row.and_then(Row::largest_page).map(|page| page.size))?;
    (size > max).then(|| format!("a page of {size} is larger than {max}"))
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
