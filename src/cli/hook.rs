//! `orgtrail hook`

use std::io::Read;
use std::path::PathBuf;

use clap::Args;

use super::args::Global;
use super::{Exit, Exits, Failure, Ui, now};
use crate::session::{Call, answer_hook};

/// Answer a hook, as git calls it
#[derive(Debug, Args)]
#[command(hide = true)]
pub(super) struct HookArgs {
    /// Name of the hook
    #[arg(value_name = "NAME")]
    name: String,

    /// What git gives to it
    #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Hooks to which git says on standard input what is to be moved.
const WITH_INPUT: [&str; 2] = ["pre-push", "pre-receive"];

pub(super) fn run(args: &HookArgs, global: &Global, _ui: &Ui) -> Result<Exits, Failure> {
    let mut input = Vec::new();
    if WITH_INPUT.contains(&args.name.as_str()) {
        std::io::stdin()
            .read_to_end(&mut input)
            .map_err(|error| Failure::new(Exit::Upstream, format!("could not read what git says: {error}")))?;
    }
    let path = |name: &str| std::env::var_os(name).map(|path| global.directory.join(PathBuf::from(path)));
    let call = Call {
        arguments: args.arguments.clone(),
        input: String::from_utf8_lossy(&input).into_owned(),
        index: path("GIT_INDEX_FILE"),
        quarantine: path("GIT_QUARANTINE_PATH"),
        now: now(global),
    };
    answer_hook(&global.directory, &args.name, &call)?;
    Ok(Exits::default())
}
