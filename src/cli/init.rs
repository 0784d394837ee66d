//! `orgtrail init`

use std::path::PathBuf;

use clap::Args;

use super::args::Global;
use super::{Exits, Failure, Ui, now};
use crate::config::{Environment, KeyOrigin};
use crate::session::CONFIG_FILE;
use crate::session::{install_hooks, make_trail, set_up_git};
use crate::trail::{Hooks, Trail, TrailError};

/// Make a trail: a git repository with a commented orgtrail.toml
///
/// Uses no network. Makes a key for the fingerprints of secrets where the user has none, and sets git up to show names beside
/// ids. Hooks keep others from writing what only orgtrail writes: in a trail to work in before a commit and before a push, with
/// `--bare` before a push is taken. In a folder that is a trail already, such as a clone of one, only these are looked after.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Folder to make the trail in; by default the current one
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Make a bare repository, as for a server
    #[arg(long)]
    bare: bool,

    /// Write snapshots to this branch
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
}

pub(super) fn run(args: &InitArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let dir = args.dir.as_ref().map_or_else(|| global.directory.clone(), |dir| global.directory.join(dir));
    let environment = Environment::of_process();
    if is_trail(&dir)? {
        tell_key(&environment, ui)?;
        let trail = Trail::open(&dir)?;
        let kept = set_up_git(&trail)?;
        if kept.is_empty() {
            ui.say("git shows names beside ids here");
        } else {
            ui.say(format!("{} is set otherwise here and stays so", kept.join(", ")));
        }
        if args.bare || !trail.is_bare() {
            set_up_hooks(&trail, ui)?;
        }
        ui.say(format!("{} is a trail already; nothing else was changed", dir.display()));
        return Ok(Exits::default());
    }
    let trail = make_trail(&dir, args.branch.as_deref(), args.bare, now(global).timestamp())?;
    tell_key(&environment, ui)?;
    set_up_hooks(&trail, ui)?;
    ui.say(format!("{} is a trail now", dir.display()));
    ui.say("next: `orgtrail doctor` checks the credentials, `orgtrail snapshot` takes the first snapshot");
    Ok(Exits::default())
}

/// Installs the hooks, and says which of the user's stay in their place.
fn set_up_hooks(trail: &Trail, ui: &Ui) -> Result<(), Failure> {
    let (names, hooks) = install_hooks(trail)?;
    match hooks {
        Hooks::Installed { kept } if kept.is_empty() => {
            ui.say(format!("git asks orgtrail before it goes on here ({})", names.join(", ")));
        }
        Hooks::Installed { kept } => {
            ui.say(format!("your own hooks stay: {}; call `orgtrail hook NAME \"$@\"` from them", kept.join(", ")));
        }
        Hooks::Elsewhere { path } => ui.say(format!(
            "core.hooksPath is {path}, so no hooks were installed; call `orgtrail hook NAME \"$@\"` from yours ({})",
            names.join(", ")
        )),
    }
    Ok(())
}

/// Whether a folder holds a trail, bare or not.
pub(super) fn is_trail(dir: &std::path::Path) -> Result<bool, Failure> {
    match Trail::open(dir) {
        Ok(trail) => {
            let tip = trail.head_branch()?.map(|branch| trail.tip(&branch)).transpose()?.flatten();
            Ok(match tip {
                Some(tip) => trail.file(&tip, CONFIG_FILE)?.is_some(),
                None => false,
            })
        }
        Err(TrailError::NoFolder { .. } | TrailError::NotARepository { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn tell_key(environment: &Environment, ui: &Ui) -> Result<(), Failure> {
    match environment.ensure_secret_key()? {
        KeyOrigin::FromEnvironment => ui.say("secrets are fingerprinted with ORGTRAIL_SECRET_KEY"),
        KeyOrigin::Existing(path) => ui.say(format!("secrets are fingerprinted with your key in {}", path.display())),
        KeyOrigin::Created(path) => ui.say(format!(
            "a new key for the fingerprints of secrets is in {}: keep it safe, and set ORGTRAIL_SECRET_KEY to it elsewhere",
            path.display()
        )),
    }
    Ok(())
}
