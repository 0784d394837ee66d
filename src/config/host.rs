//! Where pull requests are, as the environment of a job says.

use secrecy::SecretString;

use super::environment::{Environment, HOST_REF, HOST_REPOSITORY, HOST_TOKEN, HOST_URL};

/// Where the API of GitHub answers unless the environment says otherwise.
const PUBLIC_URL: &str = "https://api.github.com";

/// A repository on a git host, and what opens it.
#[derive(Clone, Debug)]
pub struct HostPlace {
    /// The URL of the API, without a slash at its end.
    pub url: String,
    /// The repository, `OWNER/NAME`.
    pub repository: String,
    /// The token.
    pub token: SecretString,
    /// The number of the pull request that a job is about, where it is about one.
    pub pull_request: Option<u64>,
}

/// An environment that does not say where pull requests are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostPlaceError {
    /// Variables that are needed and not set.
    #[error("the environment does not set {}", variables.join(", "))]
    Missing {
        /// Their names.
        variables: Vec<&'static str>,
    },
    /// A variable that cannot be used.
    #[error("could not use {variable}")]
    Unusable {
        /// Its name.
        variable: &'static str,
    },
}

impl Environment {
    /// Where pull requests are.
    ///
    /// # Errors
    /// Everything that is missing, or the variable that cannot be used.
    pub fn host(&self) -> Result<HostPlace, HostPlaceError> {
        let (token, repository) = (self.secret(HOST_TOKEN), self.get(HOST_REPOSITORY));
        let (Some(token), Some(repository)) = (token, repository) else {
            let needs = [(HOST_TOKEN, token.is_none()), (HOST_REPOSITORY, repository.is_none())];
            let variables = needs.into_iter().filter(|(_, is_missing)| *is_missing).map(|(name, _)| name).collect();
            return Err(HostPlaceError::Missing { variables });
        };
        if !is_repository(repository) {
            return Err(HostPlaceError::Unusable { variable: HOST_REPOSITORY });
        }
        let url = self.get(HOST_URL).unwrap_or(PUBLIC_URL).trim_end_matches('/');
        if !is_url(url) {
            return Err(HostPlaceError::Unusable { variable: HOST_URL });
        }
        Ok(HostPlace {
            url: url.to_owned(),
            repository: repository.to_owned(),
            token: token.clone(),
            pull_request: self.get(HOST_REF).and_then(pull_request),
        })
    }
}

/// Whether a text is two names of letters, digits, `.`, `_` and `-`, which lead nowhere else in a path.
fn is_repository(text: &str) -> bool {
    let is_name = |name: &str| {
        !matches!(name, "" | "." | "..") && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    text.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name))
}

/// A token is sent there: nothing but https, or this machine.
fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").map(|rest| (rest, false));
    let Some((rest, is_plain)) = rest.or_else(|| text.strip_prefix("http://").map(|rest| (rest, true))) else {
        return false;
    };
    let host = rest.split('/').next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_local = matches!(name, "localhost" | "127.0.0.1" | "[::1]");
    !name.is_empty() && !rest.contains(['@', '?', '#', ' ', '\\']) && (!is_plain || is_local)
}

/// The number in `refs/pull/42/merge`.
fn pull_request(reference: &str) -> Option<u64> {
    reference.strip_prefix("refs/pull/")?.split('/').next()?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::from_map(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_job_says_where_it_is() {
        let place = environment(&[
            (HOST_TOKEN, "t"),
            (HOST_REPOSITORY, "acme/org.trail_1"),
            (HOST_REF, "refs/pull/42/merge"),
            (HOST_URL, "https://git.example.com/api/v3/"),
        ]);
        let place = place.host().unwrap();
        assert_eq!((place.url.as_str(), place.pull_request), ("https://git.example.com/api/v3", Some(42)));
        let place = environment(&[(HOST_TOKEN, "t"), (HOST_REPOSITORY, "a/b"), (HOST_REF, "refs/heads/main")]);
        let place = place.host().unwrap();
        assert_eq!((place.url.as_str(), place.pull_request), (PUBLIC_URL, None));
    }

    #[test]
    fn what_is_missing_is_named_and_a_token_goes_nowhere_in_clear() {
        let missing = environment(&[]).host().unwrap_err();
        assert_eq!(missing.to_string(), "the environment does not set GITHUB_TOKEN, GITHUB_REPOSITORY");
        for repository in ["acme", "a/b/c", "../b", "a/..", "a/b?c", "a b/c"] {
            let found = environment(&[(HOST_TOKEN, "t"), (HOST_REPOSITORY, repository)]).host().unwrap_err();
            assert_eq!(found, HostPlaceError::Unusable { variable: HOST_REPOSITORY }, "{repository}");
        }
        for url in ["http://example.com", "ftp://a", "https://u@h", "https://", "http://localhost.example.com", "x"] {
            let place = environment(&[(HOST_TOKEN, "t"), (HOST_REPOSITORY, "a/b"), (HOST_URL, url)]);
            assert_eq!(place.host().unwrap_err(), HostPlaceError::Unusable { variable: HOST_URL }, "{url}");
        }
        assert!(
            environment(&[(HOST_TOKEN, "t"), (HOST_REPOSITORY, "a/b"), (HOST_URL, "http://127.0.0.1:9")])
                .host()
                .is_ok()
        );
    }
}
