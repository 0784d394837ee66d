//! `schemas`: the schema of every domain, and the part of the contract that they use.

use std::path::Path;
use std::process::ExitCode;

use crate::writing::contract::Contract;
use crate::writing::domain_file::{DomainFile, domain_files};
use crate::writing::reduced::Reduced;
use crate::writing::schema;
use crate::{Files, data, read, say, table, write};

/// Writes all of them; a domain that cannot be written is told and passed over.
pub(crate) fn run(files: &Files, table: &Path) -> Result<ExitCode, String> {
    let contract = files.contract()?;
    let rows = table::read(table)?;
    let contract_path = files.out.join("api/contract.json");
    let replaced = Contract::read(&read(&contract_path)?)?;
    let mut reduced = Reduced::new(&contract, &replaced)?;
    let mut problems = 0;
    let all = domain_files(&files.out).map_err(|error| format!("{}: {error}", files.out.display()))?;
    for (id, path) in &all {
        let written = DomainFile::read(id, &read(path)?).and_then(|domain| {
            let written = schema::write(&domain, &contract)?;
            Ok((domain, written))
        });
        let (domain, written) = match written {
            Ok(both) => both,
            Err(problem) => {
                say(&format!("{}: {problem}", path.display()));
                problems += 1;
                continue;
            }
        };
        write(&files.out.join(domain.schema_path()), &written.text)?;
        let row = rows.iter().find(|row| row.domain == *id);
        reduced.add_domain(&contract, &domain, row.and_then(table::Row::largest_page).as_ref());
        for model in &written.models {
            reduced.add_model(&contract, model);
        }
    }
    for call in data::hints()?.program_paths.keys() {
        let (method, path) = data::call(call);
        reduced.add_path_of_the_program(&contract, path, method);
    }
    write(&contract_path, &reduced.text()?)?;
    say(&format!("{} schemas written, {problems} domain files passed over", all.len() - problems));
    Ok(if problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
