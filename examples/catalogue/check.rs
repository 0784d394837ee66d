//! `check`: every problem of every domain file.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use orgtrail::catalogue::{Catalogue, Domain};

use crate::table::{self, Row};
use crate::writing::asks;
use crate::writing::contract::Contract;
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
                let largest = row.and_then(Row::largest_page).map(|page| page.size);
                found.extend(asks::problems(&file, &contract, largest));
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
