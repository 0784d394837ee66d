//! Who is at the keyboard, for what only a person can do.

use super::environment::{AUTHOR_EMAIL, AUTHOR_NAME, Environment};

/// Somebody who cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PersonError {
    /// A text that is not `NAME <EMAIL>`.
    #[error("{text:?} does not say who: it is not NAME <EMAIL>")]
    Unreadable {
        /// The text.
        text: String,
    },
    /// Nothing says who it is.
    #[error("nothing says who agrees")]
    Unknown,
}

impl Environment {
    /// The name and the mail address of a person: as told, else as the environment says, else as git knows.
    ///
    /// # Errors
    /// [`PersonError`] where nothing says who it is, or not in a form that can be used.
    pub fn person(
        &self,
        told: Option<&str>,
        known: &Option<(String, String)>,
    ) -> Result<(String, String), PersonError> {
        if let Some(told) = told {
            return read(told).ok_or_else(|| PersonError::Unreadable { text: told.to_owned() });
        }
        let set = self.get(AUTHOR_NAME).zip(self.get(AUTHOR_EMAIL));
        let set = set.map(|(name, email)| (name.to_owned(), email.to_owned()));
        set.or_else(|| known.clone()).ok_or(PersonError::Unknown)
    }
}

/// Reads `NAME <EMAIL>`.
fn read(text: &str) -> Option<(String, String)> {
    let (name, rest) = text.split_once('<')?;
    let (email, behind) = rest.split_once('>')?;
    let (name, email) = (name.trim(), email.trim());
    let is_plain = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_control() || c == '<' || c == '>');
    (behind.trim().is_empty() && is_plain(name) && is_plain(email)).then(|| (name.to_owned(), email.to_owned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn pair(name: &str, email: &str) -> (String, String) {
        (name.to_owned(), email.to_owned())
    }

    #[test]
    fn who_is_told_wins_over_the_environment_and_that_over_git() {
        let set = [(AUTHOR_NAME, "Bo"), (AUTHOR_EMAIL, "bo@example.com")];
        let environment = Environment::from_map(set.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let (nobody, git) = (Environment::from_map([].into()), Some(pair("Git", "git@example.com")));
        assert_eq!(
            environment.person(Some("Ann Lee <ann@example.com>"), &git).unwrap(),
            pair("Ann Lee", "ann@example.com")
        );
        assert_eq!(environment.person(None, &git).unwrap(), pair("Bo", "bo@example.com"));
        assert_eq!(nobody.person(None, &git).unwrap(), pair("Git", "git@example.com"));
        assert_eq!(nobody.person(None, &None).unwrap_err(), PersonError::Unknown);
    }

    #[test]
    fn what_is_no_name_with_an_address_is_refused() {
        for text in ["Ann", "<a@example.com>", "Ann <>", "Ann <a> b", "A\nB <a@example.com>", "Ann <<a>"] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
