//! The `orgtrail` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(orgtrail::cli::run(std::env::args_os()))
}
