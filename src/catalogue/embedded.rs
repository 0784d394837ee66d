//! The files under `schemas/`, compiled in.

use include_dir::{Dir, include_dir};

static SCHEMAS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/schemas");

/// The text of a file under `schemas/`.
#[must_use]
pub fn embedded_file(path: &str) -> Option<&'static str> {
    SCHEMAS.get_file(path)?.contents_utf8()
}

/// The files under a folder of `schemas/` whose name ends in `.<extension>`, by path from `schemas/`, in order of path.
#[must_use]
pub fn embedded_files(folder: &str, extension: &str) -> Vec<(String, &'static str)> {
    fn walk(dir: &Dir<'static>, extension: &str, found: &mut Vec<(String, &'static str)>) {
        for file in dir.files() {
            if let (Some(path), Some(text)) = (file.path().to_str(), file.contents_utf8())
                && file.path().extension().is_some_and(|found| found == extension)
            {
                found.push((path.replace('\\', "/"), text));
            }
        }
        dir.dirs().for_each(|dir| walk(dir, extension, found));
    }
    let mut found = Vec::new();
    if folder.is_empty() {
        walk(&SCHEMAS, extension, &mut found);
    } else if let Some(dir) = SCHEMAS.get_dir(folder) {
        walk(dir, extension, &mut found);
    }
    found.sort();
    found
}
