//! Settings in the repository's own configuration, and attributes where no working tree can hold them.

use std::fs;
use std::io::Write;

use git2::{Config, ErrorCode};

use super::Trail;
use super::error::{TrailError, doing, handling};

impl Trail {
    /// Sets what is not set yet in the repository's own configuration; returns the names of those that are set otherwise, which
    /// stay as they are.
    pub fn configure<'s>(&self, settings: &[(&'s str, &str)]) -> Result<Vec<&'s str>, TrailError> {
        let path = self.git_dir().join("config");
        let mut config = Config::open(&path).map_err(doing("read", path.display()))?;
        let mut kept = Vec::new();
        for (name, value) in settings {
            match config.get_string(name) {
                Ok(found) if found == *value => {}
                Ok(_) => kept.push(*name),
                Err(error) if error.code() == ErrorCode::NotFound => {
                    config.set_str(name, value).map_err(doing("write", path.display()))?;
                }
                Err(error) => return Err(doing("read", path.display())(error)),
            }
        }
        Ok(kept)
    }

    /// Returns the name and the mail address that git would commit with here, where both are set.
    ///
    /// The one thing that the configuration of the user is read for: an approval is made by a person, not by the tool.
    pub fn user(&self) -> Result<Option<(String, String)>, TrailError> {
        let path = self.git_dir().join("config");
        let read = || {
            let mut config = Config::open_default()?;
            config.add_file(&path, git2::ConfigLevel::Local, true)?;
            let value = |name| match config.get_string(name) {
                Ok(value) if !value.trim().is_empty() => Ok(Some(value)),
                Ok(_) => Ok(None),
                Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
                Err(error) => Err(error),
            };
            Ok(value("user.name")?.zip(value("user.email")?))
        };
        read().map_err(doing("read", path.display()))
    }

    /// Adds a line to the attributes that hold for this repository alone, unless it is there.
    pub fn add_attribute(&self, line: &str) -> Result<(), TrailError> {
        let folder = self.git_dir().join("info");
        let path = folder.join("attributes");
        let known = match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            known => known.map_err(handling("read", &path))?,
        };
        if known.lines().any(|known| known == line) {
            return Ok(());
        }
        let gap = if known.is_empty() || known.ends_with('\n') { "" } else { "\n" };
        fs::create_dir_all(&folder).map_err(handling("make", &folder))?;
        let file = fs::OpenOptions::new().create(true).append(true).open(&path);
        file.and_then(|mut file| file.write_all(format!("{gap}{line}\n").as_bytes())).map_err(handling("write", &path))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use crate::trail::testing::{Sandbox, git};

    #[test]
    fn git_reads_what_was_set_and_what_the_user_set_stays() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        git(trail.git_dir(), &["config", "diff.d.mine", "kept"]);
        let value = "f() { a \"$1\" 2>/dev/null || cat \"$1\"; }; f # \\ ^    (\".*)$";
        for _ in 0..2 {
            let kept = trail.configure(&[("diff.d.ours", value), ("diff.d.mine", "other")]).unwrap();
            assert_eq!(kept, ["diff.d.mine"]);
        }
        assert_eq!(git(trail.git_dir(), &["config", "--get-all", "diff.d.ours"]), format!("{value}\n"));
        assert_eq!(git(trail.git_dir(), &["config", "diff.d.mine"]), "kept\n");
    }

    #[test]
    fn an_attribute_is_added_once() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let path = trail.git_dir().join("info/attributes");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "*.x diff=x").unwrap();
        for _ in 0..2 {
            trail.add_attribute("s/** diff=d").unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), "*.x diff=x\ns/** diff=d\n");
        assert_eq!(git(trail.git_dir(), &["check-attr", "diff", "s/a"]), "s/a: diff: d\n");
    }
}
