//! Where the key comes from that secrets are fingerprinted with.

use std::fs::DirBuilder;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::Environment;
use super::environment::{APPDATA, HOME, PREVIOUS_SECRET_KEY, SECRET_KEY, XDG_CONFIG_HOME};
use crate::canonical::{SecretKey, SecretKeyTooShort};

const FILE_NAME: &str = "secret-key";
const NEW_KEY_BYTES: usize = 32;

/// Where the secrets key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyOrigin {
    /// In the environment.
    FromEnvironment,
    /// In this file of the user.
    Existing(PathBuf),
    /// In this file, which has just been made.
    Created(PathBuf),
}

/// A secrets key that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretKeyError {
    /// There is none.
    #[error(
        "there is no secrets key: {SECRET_KEY} is not set and {}",
        match looked_in {
            Some(path) => format!("{} does not exist", path.display()),
            None => format!("none of {XDG_CONFIG_HOME}, {HOME} and {APPDATA} says where the user's is"),
        }
    )]
    Missing {
        /// The file that would hold it; absent where the user has no folder.
        looked_in: Option<PathBuf>,
    },
    /// The environment's is too short.
    #[error("could not use {variable}")]
    ShortVariable {
        /// The variable that holds it.
        variable: &'static str,
        /// How short.
        source: SecretKeyTooShort,
    },
    /// The user's is too short.
    #[error("could not use {}", path.display())]
    ShortFile {
        /// The file that holds it.
        path: PathBuf,
        /// How short.
        source: SecretKeyTooShort,
    },
    /// The user's cannot be read.
    #[error("could not read the secrets key {}", path.display())]
    Unreadable {
        /// The file that holds it.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A new one cannot be kept.
    #[error("could not make the secrets key {}", path.display())]
    NotMade {
        /// The file that would hold it.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Environment {
    /// Reads the secrets key, with the one before it where the environment names that.
    pub fn secret_key(&self) -> Result<SecretKey, SecretKeyError> {
        let (key, _) = self.current_key()?;
        Ok(match self.key_of(PREVIOUS_SECRET_KEY)? {
            Some(previous) => key.with_previous(previous),
            None => key,
        })
    }

    /// Makes a secrets key in the user's configuration folder, unless there is one that can be used.
    pub fn ensure_secret_key(&self) -> Result<KeyOrigin, SecretKeyError> {
        match self.current_key() {
            Ok((_, origin)) => Ok(origin),
            Err(SecretKeyError::Missing { looked_in: Some(path) }) => make(path),
            Err(error) => Err(error),
        }
    }

    fn current_key(&self) -> Result<(SecretKey, KeyOrigin), SecretKeyError> {
        if let Some(key) = self.key_of(SECRET_KEY)? {
            return Ok((key, KeyOrigin::FromEnvironment));
        }
        let path = self.user_folder().ok_or(SecretKeyError::Missing { looked_in: None })?.join(FILE_NAME);
        Ok((read(&path)?, KeyOrigin::Existing(path)))
    }

    fn key_of(&self, variable: &'static str) -> Result<Option<SecretKey>, SecretKeyError> {
        let key = self.get(variable).map(key_in).transpose();
        key.map_err(|source| SecretKeyError::ShortVariable { variable, source })
    }

    /// The user's configuration folder of this program; a base that is not absolute would depend on where one stands.
    fn user_folder(&self) -> Option<PathBuf> {
        let base = |variable| self.get(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || base(HOME).map(|home| home.join(".config"));
        let folder = base(XDG_CONFIG_HOME).or_else(home).or_else(|| base(APPDATA))?;
        Some(folder.join("orgtrail"))
    }
}

/// The key in a text; editors and shells end a line where they write one.
fn key_in(text: &str) -> Result<SecretKey, SecretKeyTooShort> {
    SecretKey::new(text.trim_end_matches(['\r', '\n']))
}

fn read(path: &Path) -> Result<SecretKey, SecretKeyError> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => SecretKeyError::Missing { looked_in: Some(path.to_owned()) },
        _ => SecretKeyError::Unreadable { path: path.to_owned(), source },
    })?;
    key_in(&text).map_err(|source| SecretKeyError::ShortFile { path: path.to_owned(), source })
}

fn make(path: PathBuf) -> Result<KeyOrigin, SecretKeyError> {
    match write_new(&path) {
        Ok(()) => Ok(KeyOrigin::Created(path)),
        // Somebody else was faster. Their key may be in use already.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(&path).map(|_| KeyOrigin::Existing(path)),
        Err(source) => Err(SecretKeyError::NotMade { path, source }),
    }
}

/// Writes a new random key for its owner alone, whole or not at all, and never over a file.
fn write_new(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    private_folder(folder)?;
    let mut random = Zeroizing::new([0; NEW_KEY_BYTES]);
    getrandom::fill(&mut *random).map_err(io::Error::other)?;
    // A temporary file is readable by its owner only.
    let mut file = tempfile::Builder::new().prefix(FILE_NAME).tempfile_in(folder)?;
    file.write_all(&hex_line(&*random))?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    Ok(())
}

fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

fn hex_line(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    // Room for all of it, so that no copy of a part stays behind.
    let mut line = Zeroizing::new(Vec::with_capacity(2 * bytes.len() + 1));
    line.extend(bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).map(|half| DIGITS[usize::from(half)]));
    line.push(b'\n');
    line
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fs;

    use super::*;
    use crate::canonical::MIN_KEY_LENGTH;

    const KEY: &str = "0123456789abcdef0123456789abcdef";
    const OTHER: &str = "another key of thirty-two letters";

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::from_map(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn home(folder: &tempfile::TempDir) -> (&'static str, &str) {
        (HOME, folder.path().to_str().unwrap())
    }

    fn key_file(folder: &tempfile::TempDir) -> PathBuf {
        folder.path().join(".config/orgtrail/secret-key")
    }

    #[test]
    fn the_environment_comes_before_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let user = environment(&[home(&folder)]);
        user.ensure_secret_key().unwrap();
        let both = environment(&[home(&folder), (SECRET_KEY, KEY)]);
        assert_eq!(both.secret_key().unwrap().id(), SecretKey::new(KEY).unwrap().id());
        assert_ne!(both.secret_key().unwrap().id(), user.secret_key().unwrap().id());
        assert_eq!(both.ensure_secret_key().unwrap(), KeyOrigin::FromEnvironment);
    }

    #[test]
    fn a_key_is_made_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let user = environment(&[home(&folder)]);
        let path = key_file(&folder);
        assert_eq!(user.ensure_secret_key().unwrap(), KeyOrigin::Created(path.clone()));
        let written = fs::read_to_string(&path).unwrap();
        assert_eq!(written.len(), 2 * NEW_KEY_BYTES + 1);
        assert!(written.trim_end().bytes().all(|digit| digit.is_ascii_hexdigit()));

        assert_eq!(user.ensure_secret_key().unwrap(), KeyOrigin::Existing(path.clone()));
        assert_eq!(fs::read_to_string(&path).unwrap(), written);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);

        let in_ci = environment(&[(SECRET_KEY, &written)]);
        assert_eq!(in_ci.secret_key().unwrap().id(), user.secret_key().unwrap().id());
    }

    #[test]
    fn a_key_that_somebody_else_makes_meanwhile_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        fs::write(&path, KEY).unwrap();
        assert_eq!(make(path.clone()).unwrap(), KeyOrigin::Existing(path.clone()));
        assert_eq!(fs::read_to_string(&path).unwrap(), KEY);
    }

    #[test]
    fn two_new_keys_differ() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let made = |folder| {
            let user = environment(&[home(folder)]);
            user.ensure_secret_key().unwrap();
            user.secret_key().unwrap().id()
        };
        assert_ne!(made(&one), made(&other));
    }

    #[cfg(unix)]
    #[test]
    fn a_new_key_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        environment(&[home(&folder)]).ensure_secret_key().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&key_file(&folder)), 0o600);
        assert_eq!(mode(key_file(&folder).parent().unwrap()), 0o700);
    }

    #[test]
    fn the_users_folder_is_the_first_that_is_named_by_an_absolute_path() {
        let root = if cfg!(windows) { "C:\\" } else { "/" };
        let at = |name: &str| format!("{root}{name}");
        let (xdg, home, appdata) = (at("xdg"), at("home"), at("appdata"));
        let all = [(XDG_CONFIG_HOME, &*xdg), (HOME, &*home), (APPDATA, &*appdata)];
        let folder = |variables: &[(&str, &str)]| environment(variables).user_folder();
        assert_eq!(folder(&all), Some(Path::new(&xdg).join("orgtrail")));
        assert_eq!(folder(&all[1..]), Some(Path::new(&home).join(".config").join("orgtrail")));
        assert_eq!(folder(&all[2..]), Some(Path::new(&appdata).join("orgtrail")));
        assert_eq!(folder(&[(XDG_CONFIG_HOME, "xdg"), all[2]]), Some(Path::new(&appdata).join("orgtrail")));
        assert_eq!(folder(&[]), None);
    }

    #[test]
    fn a_previous_key_is_known_beside_the_one_in_use() {
        let with = environment(&[(SECRET_KEY, KEY), (PREVIOUS_SECRET_KEY, OTHER)]).secret_key().unwrap();
        assert_eq!(with.previous().unwrap().id(), SecretKey::new(OTHER).unwrap().id());
        assert!(environment(&[(SECRET_KEY, KEY)]).secret_key().unwrap().previous().is_none());
    }

    #[test]
    fn a_missing_key_says_where_it_was_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        let error = environment(&[home(&folder), (PREVIOUS_SECRET_KEY, OTHER)]).secret_key().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "there is no secrets key: ORGTRAIL_SECRET_KEY is not set and {} does not exist",
                key_file(&folder).display()
            )
        );
        for result in [environment(&[]).secret_key().err(), environment(&[]).ensure_secret_key().err()] {
            assert!(matches!(result, Some(SecretKeyError::Missing { looked_in: None })));
        }
    }

    #[test]
    fn a_short_key_is_refused_wherever_it_is_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let short = &KEY[..MIN_KEY_LENGTH - 1];
        let variable = environment(&[home(&folder), (SECRET_KEY, short)]);
        assert!(matches!(
            variable.ensure_secret_key().unwrap_err(),
            SecretKeyError::ShortVariable { variable: SECRET_KEY, source: SecretKeyTooShort(31) }
        ));
        assert!(matches!(
            environment(&[(SECRET_KEY, KEY), (PREVIOUS_SECRET_KEY, short)]).secret_key().unwrap_err(),
            SecretKeyError::ShortVariable { variable: PREVIOUS_SECRET_KEY, .. }
        ));
        fs::create_dir_all(key_file(&folder).parent().unwrap()).unwrap();
        fs::write(key_file(&folder), format!("{short}\n")).unwrap();
        let file = environment(&[home(&folder)]).ensure_secret_key().unwrap_err();
        assert!(matches!(&file, SecretKeyError::ShortFile { source: SecretKeyTooShort(31), .. }));
        assert!(!format!("{file:?}{file}").contains(short));
        assert_eq!(fs::read_to_string(key_file(&folder)).unwrap(), format!("{short}\n"));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".config"), "a file").unwrap();
        let error = environment(&[home(&folder)]).ensure_secret_key().unwrap_err();
        assert!(error.to_string().ends_with(&key_file(&folder).display().to_string()), "{error}");
    }
}
