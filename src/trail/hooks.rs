//! Hooks: put where git looks for them, and what git has staged when it calls one.

use std::fs;
use std::path::{Path, PathBuf};

use git2::{Config, Delta, ErrorCode, Index};

use super::Trail;
use super::error::{TrailError, doing, handling};
use super::id::BlobId;

/// What a script of ours says of itself, so that it can be told from one of the user's.
const MARK: &str = "# Installed by orgtrail init;";

/// What became of hooks that were to be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hooks {
    /// They are there; those of the user that stand in their place are named.
    Installed {
        /// The hooks that are the user's own and stay.
        kept: Vec<String>,
    },
    /// Git looks for hooks elsewhere, by the user's own setting.
    Elsewhere {
        /// Where.
        path: String,
    },
}

/// A file that git is about to commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedFile {
    /// Its path.
    pub path: String,
    /// Its content; none where it is about to be removed.
    pub content: Option<BlobId>,
}

impl Trail {
    /// Puts scripts, by the name of the hook, where git looks for them; what the user put there stays.
    pub fn install_hooks(&self, scripts: &[(&str, &str)]) -> Result<Hooks, TrailError> {
        if let Some(path) = self.hooks_path()? {
            return Ok(Hooks::Elsewhere { path });
        }
        let folder = self.git_dir().join("hooks");
        fs::create_dir_all(&folder).map_err(handling("make", &folder))?;
        let mut kept = Vec::new();
        for (name, script) in scripts {
            let path = folder.join(name);
            match fs::read(&path) {
                Ok(known) if known == script.as_bytes() => {}
                Ok(known) if !String::from_utf8_lossy(&known).contains(MARK) => kept.push((*name).to_owned()),
                Ok(_) => write_script(&path, script)?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => write_script(&path, script)?,
                Err(error) => return Err(handling("read", &path)(error)),
            }
        }
        Ok(Hooks::Installed { kept })
    }

    /// Where the user lets git look for hooks. The one setting of the user that is asked for: with it, what is put elsewhere
    /// would never run.
    fn hooks_path(&self) -> Result<Option<String>, TrailError> {
        let read = |config: Result<Config, git2::Error>| config?.get_string("core.hooksPath");
        for config in [Config::open(&self.git_dir().join("config")), Config::open_default()] {
            match read(config) {
                Ok(path) => return Ok(Some(path)),
                Err(error) if error.code() == ErrorCode::NotFound => {}
                Err(error) => return Err(doing("read the configuration of", self.git_dir().display())(error)),
            }
        }
        Ok(None)
    }

    /// Lists the files that git is about to commit and that are others than in the commit that `HEAD` names. Git says by `index`
    /// where it has staged them, if not in the usual place.
    pub fn staged(&self, index: Option<&Path>) -> Result<Vec<StagedFile>, TrailError> {
        let list = || {
            let mut index = match index {
                Some(path) => Index::open(path)?,
                None => self.repo.index()?,
            };
            // Git may have written it since this handle read it.
            index.read(true)?;
            let head = match self.repo.head() {
                Ok(head) => Some(head.peel_to_tree()?),
                Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => None,
                Err(error) => return Err(error),
            };
            let diff = self.repo.diff_tree_to_index(head.as_ref(), Some(&index), None)?;
            let file = |delta: git2::DiffDelta<'_>| {
                let is_gone = delta.status() == Delta::Deleted;
                let side = if is_gone { delta.old_file() } else { delta.new_file() };
                let path = String::from_utf8_lossy(side.path_bytes()?).into_owned();
                Some(StagedFile { path, content: (!is_gone).then(|| BlobId(side.id())) })
            };
            Ok(diff.deltas().filter_map(file).collect())
        };
        list().map_err(doing("list what is staged in", self.git_dir().display()))
    }

    /// Also looks for objects in further folders: what is being pushed is kept apart until it is taken.
    pub fn look_in(&self, folders: &[PathBuf]) -> Result<(), TrailError> {
        let add = |folder: &PathBuf| self.repo.odb()?.add_disk_alternate(&folder.to_string_lossy());
        folders.iter().try_for_each(|folder| add(folder).map_err(doing("look for objects in", folder.display())))
    }
}

fn write_script(path: &Path, script: &str) -> Result<(), TrailError> {
    fs::write(path, script).map_err(handling("write", path))?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(path, mode).map_err(handling("make executable", path))?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::trail::testing::{Sandbox, git};

    const OURS: &str = "#!/bin/sh\n# Installed by orgtrail init; it does the work.\n";

    #[test]
    fn hooks_are_put_where_the_user_has_none() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        let hooks = trail.git_dir().join("hooks");
        let installed = |kept: &[&str]| Hooks::Installed { kept: kept.iter().map(|name| (*name).to_owned()).collect() };
        assert_eq!(trail.install_hooks(&[("pre-commit", OURS), ("pre-push", OURS)]).unwrap(), installed(&[]));
        fs::write(hooks.join("pre-push"), "#!/bin/sh\nmine\n").unwrap();
        let newer = format!("{OURS}exit 0\n");
        assert_eq!(
            trail.install_hooks(&[("pre-commit", &newer), ("pre-push", &newer)]).unwrap(),
            installed(&["pre-push"])
        );
        assert_eq!(fs::read_to_string(hooks.join("pre-commit")).unwrap(), newer);
        assert_eq!(fs::read_to_string(hooks.join("pre-push")).unwrap(), "#!/bin/sh\nmine\n");
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(hooks.join("pre-commit")).unwrap().permissions())
                & 0o111,
            0o111
        );
    }

    #[test]
    fn where_git_looks_elsewhere_nothing_is_put() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        git(trail.git_dir(), &["config", "core.hooksPath", "/elsewhere"]);
        let expected = Hooks::Elsewhere { path: "/elsewhere".to_owned() };
        assert_eq!(trail.install_hooks(&[("pre-receive", OURS)]).unwrap(), expected);
        assert!(!trail.git_dir().join("hooks/pre-receive").exists());
    }

    #[test]
    fn what_is_staged_is_what_differs_from_head() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        let dir = trail.workdir().unwrap();
        trail.edit("new/a", "1");
        trail.edit("unstaged", "1");
        git(dir, &["add", "new"]);
        git(dir, &["rm", "--quiet", "orgtrail.toml"]);
        let staged = trail.staged(None).unwrap();
        let told: Vec<(&str, bool)> = staged.iter().map(|file| (&*file.path, file.content.is_some())).collect();
        assert_eq!(told, [("new/a", true), ("orgtrail.toml", false)]);
        assert_eq!(trail.blob(&staged[0].content.unwrap()).unwrap(), b"1");
        let other = sandbox.path("index");
        fs::copy(trail.git_dir().join("index"), &other).unwrap();
        git(dir, &["reset", "--quiet", "--hard"]);
        assert_eq!(trail.staged(None).unwrap(), []);
        assert_eq!(trail.staged(Some(&other)).unwrap(), staged);
    }
}
