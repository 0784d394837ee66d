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
