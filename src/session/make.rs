//! Making a trail.

use std::path::Path;

use super::failure::Failure;
use super::workspace::CONFIG_FILE;
use crate::config::template;
use crate::trail::{FileChange, InitOptions, NewCommit, Signature, Trail};

const GITATTRIBUTES: &str = "\
# What orgtrail writes is exact to the byte.
snapshot/** -text -filter diff=orgtrail
";

/// The attribute of what the tool writes, in the last line of [`GITATTRIBUTES`].
const ATTRIBUTE: &str = "snapshot/** -text -filter diff=orgtrail";

/// How git shows what has that attribute: with names beside ids, and the entity in the header of a hunk. Where orgtrail is not
/// installed or fails, git shows the file as it is.
const DRIVER: [(&str, &str); 3] = [
    ("diff.orgtrail.textconv", r#"f() { orgtrail textconv "$1" 2>/dev/null || cat "$1"; }; f"#),
    ("diff.orgtrail.xfuncname", r#"^    (".*)$"#),
    ("diff.orgtrail.cachetextconv", "false"),
];

const GITIGNORE: &str = "\
# Credentials and keys do not belong into a trail.
.env
*.key
*.pem
secret-key
# Scratch files.
*.tmp
";

/// Makes a trail in a folder, with its configuration as the first commit, at an instant in seconds since 1970.
///
/// # Errors
/// [`Failure`] where the folder has history already or cannot be written.
pub fn make_trail(dir: &Path, branch: Option<&str>, bare: bool, seconds: i64) -> Result<Trail, Failure> {
    make_trail_with(dir, branch, bare, seconds, Vec::new())
}

/// Likewise, with further files in the first commit.
pub fn make_trail_with(
    dir: &Path,
    branch: Option<&str>,
    bare: bool,
    seconds: i64,
    further: Vec<FileChange>,
) -> Result<Trail, Failure> {
    // The organisation is not known before the first snapshot.
    let by = Signature { name: "orgtrail".to_owned(), email: "orgtrail@localhost.invalid".to_owned(), seconds };
    let mut files = vec![
        FileChange::write(".gitattributes", GITATTRIBUTES),
        FileChange::write(".gitignore", GITIGNORE),
        FileChange::write(CONFIG_FILE, template()),
    ];
    files.extend(further);
    let message = "A trail of a Genesys Cloud organisation\n".to_owned();
    let first = NewCommit { author: by.clone(), committer: by, message, files };
    let trail = Trail::init(dir, &InitOptions { branch, bare, first })?;
    set_up_git(&trail)?;
    Ok(trail)
}

/// Sets up how git shows a trail, which no clone brings along; returns the settings that are the user's own and stay.
pub fn set_up_git(trail: &Trail) -> Result<Vec<&'static str>, Failure> {
    if trail.is_bare() {
        // Git reads attributes from a working tree, and not every version from a commit.
        trail.add_attribute(ATTRIBUTE)?;
    }
    Ok(trail.configure(&DRIVER)?)
}
