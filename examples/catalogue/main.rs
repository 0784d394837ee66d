//! Keeps the domain files in step with the contract of the API. For maintainers; see CONTRIBUTING, "When the API changes".
//!
//! ```sh
//! cargo run --example catalogue -- draft --contract contract.json --table domains.csv
//! cargo run --example catalogue -- schemas --contract contract.json --table domains.csv
//! cargo run --example catalogue -- check --contract contract.json
//! ```

mod check;
mod data;
mod draft;
mod schemas;
mod table;
mod writing;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Keeps the domain files in step with the contract of the API.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Writes a first domain file for every row of the table that has none.
    Draft {
        #[command(flatten)]
        files: Files,
        /// The table of domains.
        #[arg(long)]
        table: PathBuf,
        /// Only the domains whose name matches.
        #[arg(long, default_value = "*")]
        only: String,
    },
    /// Writes the schema of every domain file, and the part of the contract that they use.
    Schemas {
        #[command(flatten)]
        files: Files,
        /// The table of domains, for the largest pages.
        #[arg(long)]
        table: PathBuf,
    },
    /// Reads every domain file and says what is wrong with it.
    Check {
        #[command(flatten)]
        files: Files,
        /// The table of domains, for the largest pages that the contract does not know.
        #[arg(long)]
        table: Option<PathBuf>,
    },
}

#[derive(Args)]
struct Files {
    /// The contract of the API; `check` takes the one in the folder where none is named.
    #[arg(long)]
    contract: Option<PathBuf>,
    /// The folder of the domain files.
    #[arg(long, default_value = "schemas")]
    out: PathBuf,
}

impl Files {
    fn contract(&self) -> Result<writing::contract::Contract, String> {
        let path = self.contract.clone().unwrap_or_else(|| self.out.join("api/contract.json"));
        writing::contract::Contract::read(&read(&path)?)
    }
}

fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Draft { files, table, only } => draft::run(&files, &table, &only),
        Verb::Schemas { files, table } => schemas::run(&files, &table),
        Verb::Check { files, table } => check::run(&files, table.as_deref()),
    };
    match done {
        Ok(code) => code,
        Err(problem) => {
            say(&problem);
            ExitCode::FAILURE
        }
    }
}

/// Prints a line.
#[allow(clippy::print_stdout, reason = "a tool talks to the terminal it was started in")]
fn say(line: &str) {
    println!("{line}");
}

fn read(path: &std::path::Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &std::path::Path, text: &str) -> Result<(), String> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, text)).map_err(|error| format!("{}: {error}", path.display()))
}
