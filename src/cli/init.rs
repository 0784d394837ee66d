//! `orgtrail init`

use std::path::PathBuf;

use clap::Args;

use super::args::Global;
use super::{Exits, Failure, Ui, now};
use crate::config::{Environment, KeyOrigin, template};
use crate::session::CONFIG_FILE;
use crate::trail::{FileChange, InitOptions, NewCommit, Signature, Trail, TrailError};

/// Make a trail: a git repository with a commented orgtrail.toml
///
/// Uses no network. In an existing clone of a trail it sets up only what a clone does not bring.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder; made if it does not exist
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Make a bare repository, as for a server
    #[arg(long)]
    bare: bool,

    /// The branch to write
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
}

const GITATTRIBUTES: &str = "\
# What orgtrail writes is exact to the byte.
snapshot/** -text -filter diff=orgtrail
";

const GITIGNORE: &str = "\
# Credentials and keys do not belong into a trail.
.env
*.key
*.pem
secret-key
# Scratch files.
*.tmp
";

pub(super) fn run(args: &InitArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let dir = args.dir.as_ref().map_or_else(|| global.directory.clone(), |dir| global.directory.join(dir));
    let environment = Environment::of_process();
    if is_trail(&dir)? {
        tell_key(&environment, ui)?;
        ui.say(format!("{} is a trail already; nothing else was changed", dir.display()));
        return Ok(Exits::default());
    }
    make(&dir, args.branch.as_deref(), args.bare, now(global).timestamp())?;
    tell_key(&environment, ui)?;
    ui.say(format!("{} is a trail now", dir.display()));
    ui.say("next: `orgtrail doctor` checks the credentials, `orgtrail snapshot` takes the first snapshot");
    Ok(Exits::default())
}

/// Makes a trail in a folder.
pub(super) fn make(dir: &std::path::Path, branch: Option<&str>, bare: bool, seconds: i64) -> Result<Trail, Failure> {
    // The organisation is not known before the first snapshot.
    let by = Signature { name: "orgtrail".to_owned(), email: "orgtrail@localhost.invalid".to_owned(), seconds };
    let first = NewCommit {
        author: by.clone(),
        committer: by,
        message: "A trail of a Genesys Cloud organisation\n".to_owned(),
        files: vec![
            FileChange::write(".gitattributes", GITATTRIBUTES),
            FileChange::write(".gitignore", GITIGNORE),
            FileChange::write(CONFIG_FILE, template()),
        ],
    };
    Ok(Trail::init(dir, &InitOptions { branch, bare, first })?)
}

fn is_trail(dir: &std::path::Path) -> Result<bool, Failure> {
    match Trail::open(dir) {
        Ok(trail) => {
            let tip = trail.head_branch()?.map(|branch| trail.tip(&branch)).transpose()?.flatten();
            Ok(match tip {
                Some(tip) => trail.file(&tip, CONFIG_FILE)?.is_some(),
                None => false,
            })
        }
        Err(TrailError::NotARepository { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn tell_key(environment: &Environment, ui: &Ui) -> Result<(), Failure> {
    match environment.ensure_secret_key().map_err(|error| Failure::of(super::Exit::Usage, &error))? {
        KeyOrigin::FromEnvironment => ui.say("secrets are fingerprinted with ORGTRAIL_SECRET_KEY"),
        KeyOrigin::Existing(path) => ui.say(format!("secrets are fingerprinted with your key in {}", path.display())),
        KeyOrigin::Created(path) => ui.say(format!(
            "a new key for the fingerprints of secrets is in {}: keep it safe, and set ORGTRAIL_SECRET_KEY to it elsewhere",
            path.display()
        )),
    }
    Ok(())
}
