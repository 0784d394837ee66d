//! What a verb works with: the trail, its configuration, the domains and the rules.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::failure::Failure;
use super::own_domains::catalogue_of;
use crate::canonical::Scan;
use crate::catalogue::{Catalogue, USER_DIR};
use crate::config::{Config, DomainGlobError, DomainGlobs};
use crate::model::DomainId;
use crate::policy::{
    LintRule, Policy, Rule, RuleProblem, built_in_lints, built_in_rules, lints_in_force, user_lints, user_rules,
};
use crate::record::{Archive, ArchiveError, FileEdits, Tree};
use crate::trail::{CommitId, Trail, TrailError};

/// The name of the configuration file, which makes a repository a trail.
pub const CONFIG_FILE: &str = "orgtrail.toml";

/// The name of the user's rules.
pub const RULES_FILE: &str = "rules.toml";

/// An open trail.
pub struct Workspace {
    /// The repository.
    pub trail: Trail,
    /// The branch that snapshots are committed to.
    pub branch: String,
    /// The domains there are.
    pub catalogue: Catalogue,
    /// What the configuration file settles.
    pub config: Config,
    /// The scan for secrets, with what the configuration allows.
    pub scan: Scan,
}

/// The files of one commit, or those that it would have with some edits.
#[derive(Clone)]
pub struct CommitTree<'t> {
    trail: &'t Trail,
    commit: Option<CommitId>,
    edits: FileEdits,
}

impl<'t> CommitTree<'t> {
    /// The files of a commit; none where there is no commit.
    #[must_use]
    pub fn new(trail: &'t Trail, commit: Option<CommitId>) -> Self {
        Self { trail, commit, edits: FileEdits::new() }
    }

    /// The files with further edits.
    #[must_use]
    pub fn edited(mut self, edits: &FileEdits) -> Self {
        self.edits.extend(edits.clone());
        self
    }
}

impl Tree for CommitTree<'_> {
    fn file(&self, path: &str) -> Result<Option<Vec<u8>>, String> {
        if let Some(edited) = self.edits.get(path) {
            return Ok(edited.clone());
        }
        let Some(commit) = &self.commit else { return Ok(None) };
        self.trail.file(commit, path).map_err(|error| crate::capture::with_causes(&error))
    }

    fn files_under(&self, folder: &str) -> Result<Vec<String>, String> {
        let files = self.commit.as_ref().map(|commit| self.trail.files_under(commit, folder)).transpose();
        let files = files.map_err(|error| crate::capture::with_causes(&error))?.unwrap_or_default();
        let mut paths: BTreeSet<String> = files.into_iter().map(|(path, _)| path).collect();
        let below = |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        for (path, content) in self.edits.iter().filter(|(path, _)| below(path)) {
            if content.is_some() {
                paths.insert(path.clone())
            } else {
                paths.remove(path)
            };
        }
        Ok(paths.into_iter().collect())
    }
}

/// The state of a commit, unless a later version of the program wrote it.
pub fn archive(workspace: &Workspace, commit: Option<CommitId>) -> Result<Archive<CommitTree<'_>>, Failure> {
    archive_of(workspace, CommitTree::new(&workspace.trail, commit))
}

/// The state of some files likewise.
pub(super) fn archive_of<'w>(
    workspace: &'w Workspace,
    tree: CommitTree<'w>,
) -> Result<Archive<CommitTree<'w>>, Failure> {
    let archive = Archive::open(tree)?;
    let (found, known) = (archive.ledger().map_or(0, |ledger| ledger.scan), workspace.scan.version());
    if found > known {
        return Err(ArchiveError::NewerScan { found, known }.into());
    }
    for (id, entry) in archive.ledger().iter().flat_map(|ledger| &ledger.domains) {
        if let Some(domain) = workspace.catalogue.get(id)
            && entry.schema_version > domain.schema_version
        {
            let (found, known) = (entry.schema_version, domain.schema_version);
            let newer = ArchiveError::Newer { what: id.to_string(), found, known };
            let hint = format!(
                "use the version of orgtrail that wrote it, a later one, or the domain file in {USER_DIR}/ that it was \
                 written with"
            );
            return Err(Failure::from(newer).hint(hint));
        }
    }
    Ok(archive)
}

impl Workspace {
    /// Opens the trail in a folder, configured by a file of its own or by the one named.
    pub fn open(dir: &Path, config: Option<&Path>) -> Result<Self, Failure> {
        let trail = Trail::open(dir)?;
        let head = trail.head_branch()?;
        let no_trail = || {
            let place = dir.display();
            Failure::new(Exit::Usage, format!("{place} is a git repository, but no trail: it has no {CONFIG_FILE}"))
                .hint("`orgtrail init` makes a trail in an empty folder")
        };
        let text = settings_file(&trail, head.as_deref(), config, CONFIG_FILE)?.ok_or_else(no_trail)?;
        let file = config.map_or_else(|| CONFIG_FILE.to_owned(), |path| path.display().to_string());
        let catalogue = catalogue_of(&trail, head.as_deref())?;
        let config = Config::parse(&file, &text, &catalogue).map_err(|problems| {
            Failure::new(Exit::Usage, problems.to_string()).hint("`orgtrail config check` checks again")
        })?;
        let branch = config.branch.clone().or(head).ok_or_else(|| {
            Failure::new(Exit::Usage, "the trail has no branch checked out").hint("name one as [trail] branch")
        })?;
        let scan = Scan::built_in().map_err(|error| Failure::of(Exit::Internal, &error))?;
        let scan = scan.allowing(config.allowed_secrets.clone());
        Ok(Self { trail, branch, catalogue, config, scan })
    }

    /// The rules in force.
    pub fn policy(&self) -> Result<Policy<'_>, Failure> {
        let user = self.user_rules()?;
        Ok(Policy::new(&self.catalogue, shipped_rules(&self.catalogue)?, user, self.config.production.clone()))
    }

    /// The lint rules in force, in order of id.
    pub fn lints(&self) -> Result<Vec<LintRule>, Failure> {
        Ok(lints_in_force(shipped_lints(&self.catalogue)?, self.own(user_lints)?))
    }

    /// The user's own severity rules.
    fn user_rules(&self) -> Result<Vec<Rule>, Failure> {
        self.own(user_rules)
    }

    /// What the user's rules file has of one kind.
    fn own<R>(&self, read: RulesReader<R>) -> Result<Vec<R>, Failure> {
        let Some(text) = settings_file(&self.trail, Some(&self.branch), None, RULES_FILE)? else {
            return Ok(Vec::new());
        };
        read(RULES_FILE, &text, &self.catalogue).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Failure::new(Exit::Usage, lines.join("\n")).hint("`orgtrail config check` checks again")
        })
    }

    /// The tip of the branch.
    pub fn tip(&self) -> Result<Option<CommitId>, TrailError> {
        self.trail.tip(&self.branch)
    }
}

/// Reads the rules of one kind in the text of a file.
type RulesReader<R> = fn(&str, &str, &Catalogue) -> Result<Vec<R>, Vec<RuleProblem>>;

/// The severity rules that come with the program.
pub fn shipped_rules(catalogue: &Catalogue) -> Result<Vec<Rule>, Failure> {
    built_in_rules(catalogue).map_err(|problems| unreadable_rules(&problems))
}

/// The lint rules that come with the program.
pub fn shipped_lints(catalogue: &Catalogue) -> Result<Vec<LintRule>, Failure> {
    built_in_lints(catalogue).map_err(|problems| unreadable_rules(&problems))
}

fn unreadable_rules(problems: &[RuleProblem]) -> Failure {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Failure::new(Exit::Internal, format!("the built-in rules cannot be read: {}", lines.join("; ")))
}

/// A settings file: the one named, else that of the working tree, else, in a bare repository, that of the branch.
pub(super) fn settings_file(
    trail: &Trail,
    branch: Option<&str>,
    named: Option<&Path>,
    name: &str,
) -> Result<Option<String>, Failure> {
    let unreadable = |path: &Path, error: std::io::Error| {
        let failure = Failure::new(Exit::Usage, format!("could not read {}: {error}", path.display()));
        if named.is_some() { failure.hint("`--config` takes the path of a file, from where you are") } else { failure }
    };
    let path: Option<PathBuf> = named.map(Path::to_owned).or_else(|| trail.workdir().map(|dir| dir.join(name)));
    let Some(path) = path else {
        let tip = branch.map(|branch| trail.tip(branch)).transpose()?.flatten();
        let bytes = tip.map(|tip| trail.file(&tip, name)).transpose()?.flatten();
        return match bytes.map(String::from_utf8).transpose() {
            Ok(text) => Ok(text),
            Err(_) => Err(Failure::new(Exit::Usage, format!("{name} is not UTF-8"))),
        };
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => Ok(None),
        Err(error) => Err(unreadable(&path, error)),
    }
}

/// The domains that the patterns of a flag match; each pattern must match one.
pub fn matching_domains(flag: &str, patterns: &[String], catalogue: &Catalogue) -> Result<BTreeSet<DomainId>, Failure> {
    let globs = DomainGlobs::parse(patterns.iter().map(String::as_str), catalogue).map_err(|errors| {
        let line = |error: &DomainGlobError| match error {
            DomainGlobError::NoDomain { nearest: Some(nearest), .. } => format!("{error}; did you mean \"{nearest}\"?"),
            _ => error.to_string(),
        };
        let lines: Vec<String> = errors.iter().map(|error| format!("{flag}: {}", line(error))).collect();
        Failure::new(Exit::Usage, lines.join("\n")).hint("`orgtrail domains` lists all domains")
    })?;
    Ok(catalogue.names().filter(|id| globs.is_match(id)).cloned().collect())
}
