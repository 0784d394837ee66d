//! Fixtures, found by name: adding a case is adding a file.

use std::path::{Path, PathBuf};

use orgtrail::canonical::{canonical_text, read};
use orgtrail::catalogue::Catalogue;
use orgtrail::model::{CanonicalText, OwnedValue, Value};

/// The folder of the fixtures.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The value of a JSON file.
pub(crate) fn json(path: &Path) -> OwnedValue {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    read(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into_owned()
}

/// The canonical text of a value.
pub(crate) fn text(value: &Value<'_>) -> CanonicalText {
    canonical_text(value)
}

/// The built-in domains.
pub(crate) fn catalogue() -> Catalogue {
    Catalogue::built_in().unwrap_or_else(|problems| panic!("{problems:?}"))
}
