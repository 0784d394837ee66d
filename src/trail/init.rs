//! Making a trail.

use std::path::Path;

use git2::RepositoryInitOptions;

use super::Trail;
use super::commit::NewCommit;
use super::error::{TrailError, doing};
use super::repository::branch_ref;

const DEFAULT_BRANCH: &str = "main";

/// What a new trail starts with.
#[derive(Debug, Clone)]
pub struct InitOptions<'a> {
    /// The branch to begin; by default the one that an existing repository's `HEAD` names, else `main`.
    pub branch: Option<&'a str>,
    /// Whether a repository that has to be made gets no working tree.
    pub bare: bool,
    /// The first commit.
    pub first: NewCommit,
}

impl Trail {
    /// Makes a trail in a folder, or in the empty repository that is there, and records its first commit.
    ///
    /// A file of that commit which stands in the folder already is left as it is.
    pub fn init(dir: &Path, options: &InitOptions<'_>) -> Result<Self, TrailError> {
        let trail = match Self::open(dir) {
            Ok(trail) => trail,
            Err(TrailError::NoFolder { .. } | TrailError::NotARepository { .. }) => create(dir, options)?,
            Err(error) => return Err(error),
        };
        if trail.has_branches()? {
            return Err(TrailError::HasCommits { dir: dir.to_owned() });
        }
        let head = trail.head_branch()?;
        let branch = options.branch.or(head.as_deref()).unwrap_or(DEFAULT_BRANCH);
        if head.as_deref() != Some(branch) {
            trail.durable()?.set_head(&branch_ref(branch)).map_err(doing("begin the branch", branch))?;
        }
        let made = trail.commit(branch, None, std::slice::from_ref(&options.first))?;
        if let Some(first) = made.last() {
            trail.place_missing(first)?;
        }
        Ok(trail)
    }

    fn has_branches(&self) -> Result<bool, TrailError> {
        let first = self.repo.branches(None).map_err(doing("list the branches of", self.git_dir().display()))?.next();
        Ok(first.is_some())
    }
}

fn create(dir: &Path, options: &InitOptions<'_>) -> Result<Trail, TrailError> {
    let mut init = RepositoryInitOptions::new();
    init.bare(options.bare)
        .mkpath(true)
        // A template is a setting of the machine, hooks and all.
        .external_template(false)
        .initial_head(options.branch.unwrap_or(DEFAULT_BRANCH));
    git2::Repository::init_opts(dir, &init).map_err(doing("make a repository in", dir.display()))?;
    Trail::open(dir)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fs;

    use super::*;
    use crate::trail::FileChange;
    use crate::trail::testing::{Sandbox, assert_sound, commit, git};

    fn options(branch: Option<&str>) -> InitOptions<'_> {
        let files = ["orgtrail.toml", ".github/workflows/orgtrail.yml"];
        InitOptions { branch, bare: false, first: commit("start", files.map(|path| FileChange::write(path, "ours\n"))) }
    }

    #[test]
    fn a_new_trail_is_clean_and_on_its_branch() {
        let sandbox = Sandbox::new();
        let dir = sandbox.path("deep/new");
        let trail = Trail::init(&dir, &options(Some("live"))).unwrap();
        assert_eq!(trail.head_branch().unwrap().as_deref(), Some("live"));
        assert_eq!(git(&dir, &["status", "--porcelain"]), "");
        assert_eq!(trail.on_disk_text(".github/workflows/orgtrail.yml").unwrap(), "ours\n");
        assert!(!trail.git_dir().join("hooks/pre-commit.sample").exists());
        assert_sound(&trail);
    }

    #[test]
    fn a_bare_trail_has_no_working_tree() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        assert!(trail.is_bare());
        assert_eq!(trail.workdir(), None);
        assert_eq!(trail.head_branch().unwrap().as_deref(), Some("main"));
        assert_sound(&trail);
    }

    #[test]
    fn an_empty_repository_keeps_its_branch_and_its_files() {
        let sandbox = Sandbox::new();
        let dir = sandbox.path("empty");
        fs::create_dir(&dir).unwrap();
        git(&dir, &["init", "--quiet", "-b", "trunk"]);
        fs::write(dir.join("orgtrail.toml"), "mine\n").unwrap();
        fs::write(dir.join("staged"), "mine\n").unwrap();
        git(&dir, &["add", "staged"]);

        let trail = Trail::init(&dir, &options(None)).unwrap();
        assert_eq!(trail.head_branch().unwrap().as_deref(), Some("trunk"));
        assert_eq!(trail.on_disk_text("orgtrail.toml").unwrap(), "mine\n");
        assert_eq!(git(&dir, &["status", "--porcelain"]), " M orgtrail.toml\nA  staged\n");
    }

    #[test]
    fn a_repository_with_history_is_left_alone() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        for branch in [None, Some("other")] {
            let error = Trail::init(trail.workdir().unwrap(), &options(branch)).unwrap_err();
            assert!(matches!(error, TrailError::HasCommits { .. }), "{error:?}");
        }
    }

    #[test]
    fn only_the_very_folder_is_opened() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        let below = trail.workdir().unwrap().join("snapshot");
        fs::create_dir(&below).unwrap();
        let error = Trail::open(&below).unwrap_err();
        assert!(matches!(&error, TrailError::NotARepository { dir } if *dir == below), "{error:?}");
    }
}
