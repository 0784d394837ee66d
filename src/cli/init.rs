//! `orgtrail init`

mod github;

use std::path::PathBuf;

use clap::Args;

use super::args::Global;
use super::{Exits, Failure, Ui, now};
use crate::config::{Environment, KeyOrigin};
use crate::session::{
    ActionSource, CONFIG_FILE, Hearers, Observer, Workspace, add_workflows, install_hooks, make_trail_with, set_up_git,
    workflows,
};
use crate::trail::{FileChange, Hooks, Placed, Trail, TrailError};

/// Make a trail: a git repository with a commented orgtrail.toml
///
/// Uses no network. Makes a key for the fingerprints of secrets where the user has none, and sets git up to show names beside
/// ids. Hooks keep others from writing what only orgtrail writes: in a trail to work in before a commit and before a push, with
/// `--bare` before a push is taken. In a folder that is a trail already, such as a clone of one, only these are looked after, and
/// the workflows where `--github` asks for them.
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

    /// Add the GitHub workflows that take snapshots and notice where none is taken
    ///
    /// With ACTION, such as acme/orgtrail@ and a commit, they use that action; without, they take it from the repository that
    /// the variable `ORGTRAIL_SOURCE` names. In a trail that is there already they are left to be committed, and a file that says
    /// something else stays. Prints the commands that set secrets and variables.
    #[arg(long, value_name = "ACTION", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    github: Option<ActionSource>,
}

pub(super) fn run(args: &InitArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let dir = args.dir.as_ref().map_or_else(|| global.directory.clone(), |dir| global.directory.join(dir));
    let environment = Environment::of_process();
    if is_trail(&dir)? {
        let key = tell_key(&environment, ui)?;
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
        if let Some(source) = &args.github {
            let hearers = Hearers::of(&Workspace::open(&dir, None)?.config);
            for (path, placed) in add_workflows(&trail, source, &hearers)? {
                match placed {
                    Placed::New | Placed::Same => ui.say(github::told_of(path, placed)),
                    Placed::Other => ui.warn(&github::told_of(path, placed)),
                }
            }
            ui.say(github::next_steps(&key, source).join("\n"));
        } else {
            ui.say(format!("{} is a trail already; nothing else was changed", dir.display()));
        }
        return Ok(Exits::default());
    }
    let further =
        args.github.as_ref().map_or_else(Vec::new, |source| workflows(source, &Hearers::default())).into_iter();
    let further = further.map(|file| FileChange::write(file.path, file.content)).collect();
    let trail = make_trail_with(&dir, args.branch.as_deref(), args.bare, now(global).timestamp(), further)?;
    let key = tell_key(&environment, ui)?;
    set_up_hooks(&trail, ui)?;
    ui.say(format!("{} is a trail now", dir.display()));
    ui.say("next: `orgtrail doctor` checks the credentials, `orgtrail snapshot` takes the first snapshot");
    if let Some(source) = &args.github {
        ui.say(github::next_steps(&key, source).join("\n"));
    }
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

fn tell_key(environment: &Environment, ui: &Ui) -> Result<KeyOrigin, Failure> {
    let origin = environment.ensure_secret_key()?;
    match &origin {
        KeyOrigin::FromEnvironment => ui.say("secrets are fingerprinted with ORGTRAIL_SECRET_KEY"),
        KeyOrigin::Existing(path) => ui.say(format!("secrets are fingerprinted with your key in {}", path.display())),
        KeyOrigin::Created(path) => ui.say(format!(
            "a new key for the fingerprints of secrets is in {}: keep it safe, and set ORGTRAIL_SECRET_KEY to it elsewhere",
            path.display()
        )),
    }
    Ok(origin)
}
