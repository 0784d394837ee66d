//! The user's own domains: the files of a trail that add to or replace those that come with the program.

use std::path::Path;

use super::exit::Exit;
use super::failure::Failure;
use super::workspace::{CONFIG_FILE, settings_file};
use crate::catalogue::{Catalogue, CatalogueProblem, USER_DIR, UserFile};
use crate::trail::{Trail, TrailError};

/// How deep the folder is searched: one level more than where files belong, so that a misplaced one is found.
const DEPTH: usize = 3;

/// The domains; a binary whose own files cannot be read is defective.
pub fn catalogue() -> Result<Catalogue, Failure> {
    Catalogue::built_in().map_err(|problems| {
        let message = format!("the built-in domains cannot be read: {}", lines(&problems, "; "));
        Failure::new(Exit::Internal, message)
    })
}

/// The domains that count in a folder: with the user's own where it is a trail.
pub fn catalogue_in(dir: &Path) -> Result<Catalogue, Failure> {
    let trail = match Trail::open(dir) {
        Ok(trail) => trail,
        Err(TrailError::NoFolder { .. } | TrailError::NotARepository { .. }) => return catalogue(),
        Err(error) => return Err(error.into()),
    };
    let head = trail.head_branch()?;
    match settings_file(&trail, head.as_deref(), None, CONFIG_FILE)? {
        Some(_) => catalogue_of(&trail, head.as_deref()),
        None => catalogue(),
    }
}

/// The domains of a trail: the user's own files are those of the working tree, in a bare repository those of the branch.
pub(super) fn catalogue_of(trail: &Trail, branch: Option<&str>) -> Result<Catalogue, Failure> {
    let files = own_files(trail, branch)?;
    if files.is_empty() {
        return catalogue();
    }
    Catalogue::with(&files).map_err(|problems| {
        Failure::new(Exit::Usage, lines(&problems, "\n")).hint("`orgtrail config check` checks again")
    })
}

/// The user's own files.
pub(super) fn own_files(trail: &Trail, branch: Option<&str>) -> Result<Vec<UserFile>, Failure> {
    match trail.workdir() {
        Some(workdir) => {
            let mut files = Vec::new();
            read_folder(&workdir.join(USER_DIR), USER_DIR, DEPTH, &mut files)?;
            files.sort_by(|left, right| left.path.cmp(&right.path));
            Ok(files)
        }
        None => committed(trail, branch),
    }
}

fn read_folder(folder: &Path, path: &str, depth: usize, files: &mut Vec<UserFile>) -> Result<(), Failure> {
    let unreadable = |path: &Path, error: std::io::Error| {
        Failure::new(Exit::Usage, format!("could not read {}: {error}", path.display()))
    };
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| unreadable(folder, error))?,
    };
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(folder, error))?;
        let place = entry.path();
        let path = format!("{path}/{}", entry.file_name().to_string_lossy());
        let is_folder = std::fs::metadata(&place).map_err(|error| unreadable(&place, error))?.is_dir();
        if is_folder && depth > 1 {
            read_folder(&place, &path, depth - 1, files)?;
        } else if !is_folder && is_of_a_domain(&path) {
            let content = std::fs::read(&place).map_err(|error| unreadable(&place, error))?;
            files.push(UserFile { path, content });
        }
    }
    Ok(())
}

fn committed(trail: &Trail, branch: Option<&str>) -> Result<Vec<UserFile>, Failure> {
    let Some(tip) = branch.map(|branch| trail.tip(branch)).transpose()?.flatten() else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for (path, blob) in trail.files_under(&tip, USER_DIR)? {
        if is_of_a_domain(&path) {
            files.push(UserFile { content: trail.blob(&blob)?, path });
        }
    }
    Ok(files)
}

/// Whether a file is meant for a domain: notes and what editors leave behind are not.
fn is_of_a_domain(path: &str) -> bool {
    let is_hidden = path.split('/').any(|name| name.starts_with('.'));
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
    !is_hidden && matches!(extension, Some("toml" | "json"))
}

fn lines(problems: &[CatalogueProblem], between: &str) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}
