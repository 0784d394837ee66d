//! Which credentials an HTTP server gets.
//!
//! In this order: the token of the caller, what `http.extraHeader` of the repository's own configuration says (where a runner's
//! checkout leaves its token), user and password of the address, and, once the server asks, git's credential helpers. Only the last
//! are looked up in the configuration of the user and of the machine: what is a matter of the trail stays isolated from it.

use std::path::Path;

use git2::{Config, ConfigLevel, CredentialHelper, Repository};
use reqwest::Url;
use reqwest::blocking::RequestBuilder;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::trail::address::percent_decoded;
use crate::trail::remote::{CredentialSource, RemoteError};

/// The user that goes with a token where the address names none. Hosts that want a user with a token take any, or this one.
const TOKEN_USER: &str = "x-access-token";

/// Bytes that the value of another header needs to be taken for a secret: a shorter one could be any word.
const SHORTEST_SECRET: usize = 8;

/// What hides a secret.
const HIDDEN: &str = "…";

/// The credentials for one server, and headers that the configuration asks for.
#[derive(Debug)]
pub(super) struct Credentials {
    login: Option<Login>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Debug)]
struct Login {
    from: CredentialSource,
    how: How,
}

#[derive(Debug)]
enum How {
    Basic { user: String, password: SecretString },
    Header(HeaderValue),
}

impl Credentials {
    /// Gathers what there is before anybody asks.
    pub(super) fn at_hand(url: &Url, token: Option<&SecretString>, git_dir: &Path) -> Self {
        let mut headers = configured_headers(url, git_dir);
        let of_header = headers.iter().rposition(|(name, _)| *name == AUTHORIZATION);
        let of_header = of_header.map(|index| headers.swap_remove(index).1);
        headers.retain(|(name, _)| *name != AUTHORIZATION);
        let user = percent_decoded(url.username());
        let basic = |user: String, password, from| Login { from, how: How::Basic { user, password } };
        let login = if let Some(token) = token {
            let user = if user.is_empty() { TOKEN_USER.to_owned() } else { user };
            Some(basic(user, token.clone(), CredentialSource::Token))
        } else if let Some(value) = of_header {
            Some(Login { from: CredentialSource::Header, how: How::Header(value) })
        } else {
            let password = url.password().map(|password| percent_decoded(password).into());
            password.map(|password| basic(user, password, CredentialSource::Address))
        };
        Self { login, headers }
    }

    /// Asks git's credential helpers, where there are no other credentials; says whether they know some.
    pub(super) fn ask_helpers(&mut self, url: &Url, git_dir: &Path) -> bool {
        if self.login.is_some() {
            return false;
        }
        // The configuration as git itself sees it, not as the trail does.
        let Some(config) = Repository::open(git_dir).and_then(|repo| repo.config()).ok() else { return false };
        let user = percent_decoded(url.username());
        let mut helper = CredentialHelper::new(without_login(url).as_str());
        helper.username((!user.is_empty()).then_some(user.as_str())).config(&config);
        let found = helper.execute();
        self.login = found.map(|(user, password)| Login {
            from: CredentialSource::Helper,
            how: How::Basic { user, password: password.into() },
        });
        self.login.is_some()
    }

    /// Where the credentials come from, if there are any.
    pub(super) fn source(&self) -> Option<CredentialSource> {
        self.login.as_ref().map(|login| login.from)
    }

    /// Adds the credentials and the other headers to a request.
    pub(super) fn add_to(&self, request: RequestBuilder) -> RequestBuilder {
        let headers = self.headers.iter().cloned();
        let request = headers.fold(request, |request, (name, value)| request.header(name, value));
        match &self.login {
            None => request,
            Some(Login { how: How::Basic { user, password }, .. }) => {
                request.basic_auth(user, Some(password.expose_secret()))
            }
            Some(Login { how: How::Header(value), .. }) => request.header(AUTHORIZATION, value.clone()),
        }
    }

    /// A text of the server without the credentials that it was given.
    pub(super) fn hidden_in(&self, text: &str) -> String {
        let hide = |text: String, secret: &str| {
            let secret = secret.trim();
            if secret.is_empty() { text } else { text.replace(secret, HIDDEN) }
        };
        let headers = self.headers.iter().filter_map(|(_, value)| value.to_str().ok());
        let text = headers.filter(|value| value.len() >= SHORTEST_SECRET).fold(text.to_owned(), hide);
        match &self.login {
            None => text,
            Some(Login { how: How::Basic { password, .. }, .. }) => hide(text, password.expose_secret()),
            Some(Login { how: How::Header(value), .. }) => {
                // The scheme before the credentials is none.
                hide(text, value.to_str().unwrap_or_default().rsplit(' ').next().unwrap_or_default())
            }
        }
    }
}

/// A URL without user and password.
pub(super) fn without_login(url: &Url) -> Url {
    let mut url = url.clone();
    // Neither can fail where there is a host.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url
}

/// The headers of `http.extraHeader`, those for more specific addresses last.
fn configured_headers(url: &Url, git_dir: &Path) -> Vec<(HeaderName, HeaderValue)> {
    // A handle of its own, because only that follows `includeIf`, where a runner's checkout has the token.
    let config = Repository::open(git_dir).and_then(|repo| repo.config());
    let read = config.and_then(|config| of_repository(&config));
    let entries = read.unwrap_or_else(|error| {
        tracing::debug!(%error, "http.extraHeader cannot be read");
        Vec::new()
    });
    let mut matching: Vec<(usize, String)> = entries
        .into_iter()
        .filter_map(|(pattern, value)| match pattern {
            None => Some((0, value)),
            Some(pattern) => Some((1 + matched(&pattern, url)?, value)),
        })
        .collect();
    matching.sort_by_key(|(length, _)| *length);
    // An empty one takes back what comes before it.
    let begin = matching.iter().rposition(|(_, value)| value.trim().is_empty()).map_or(0, |at| at + 1);
    matching[begin..].iter().filter_map(|(_, line)| header(line)).collect()
}

/// Each `http.extraHeader` of the repository's own configuration and of what it includes, with the address that it is for.
fn of_repository(config: &Config) -> Result<Vec<(Option<String>, String)>, git2::Error> {
    let mut found = Vec::new();
    let mut entries = config.entries(Some("^http\\..*extraheader$"))?;
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let (Ok(name), Ok(value)) = (entry.name(), entry.value()) else { continue };
        let pattern = name.strip_prefix("http.").and_then(|rest| rest.strip_suffix("extraheader"));
        if let (ConfigLevel::Local | ConfigLevel::Worktree, Some(pattern)) = (entry.level(), pattern) {
            found.push((pattern.strip_suffix('.').map(str::to_owned), value.to_owned()));
        }
    }
    Ok(found)
}

/// Whether the address of a setting stands for a URL; if so, how much of the path it names.
fn matched(pattern: &str, url: &Url) -> Option<usize> {
    let pattern = Url::parse(pattern).ok()?;
    let is_same = pattern.scheme() == url.scheme()
        && pattern.host_str() == url.host_str()
        && pattern.port_or_known_default() == url.port_or_known_default()
        && (pattern.username().is_empty() || pattern.username() == url.username());
    let folder = pattern.path().trim_end_matches('/');
    let rest = url.path().strip_prefix(folder)?;
    (is_same && (rest.is_empty() || rest.starts_with('/'))).then_some(folder.len())
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
    let mut value = HeaderValue::from_str(value.trim()).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}

/// The error of a server that wants credentials, or others.
pub(super) fn refused(host: String, credentials: &Credentials) -> RemoteError {
    match credentials.source() {
        None => RemoteError::NoCredentials { host },
        Some(from) => RemoteError::CredentialsRefused { host, from },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fs;

    use super::*;
    use crate::trail::testing::{Sandbox, git};

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_setting_stands_for_an_address_and_what_is_below() {
        let repository = url("https://ann@host.example/acme/trail.git");
        for (pattern, expected) in [
            ("https://host.example/", Some(0)),
            ("https://host.example", Some(0)),
            ("https://host.example:443/acme", Some(5)),
            ("https://ann@host.example/acme/trail.git", Some(15)),
            ("https://host.example/acme/trail", None),
            ("https://host.example:8443/", None),
            ("http://host.example/", None),
            ("https://other.example/", None),
            ("https://example/", None),
            ("https://bob@host.example/", None),
            ("host.example", None),
        ] {
            assert_eq!(matched(pattern, &repository), expected, "{pattern}");
        }
    }

    #[test]
    fn headers_are_those_of_the_repository_and_of_what_it_includes() {
        let sandbox = Sandbox::new();
        let trail = sandbox.checked_out();
        let dir = trail.git_dir();
        let included = sandbox.path("included");
        fs::write(&included, "[http \"https://host.example/\"]\n\textraheader = Authorization: basic included\n")
            .unwrap();
        git(dir, &["config", "http.extraHeader", "X-All: 1"]);
        git(dir, &["config", "http.https://other.example/.extraHeader", "X-Other: 1"]);
        let condition = format!("includeIf.gitdir:{}.path", dir.display().to_string().trim_end_matches('/'));
        git(dir, &["config", &condition, included.to_str().unwrap()]);

        let told = |address: &str| -> Vec<(String, String)> {
            let headers = configured_headers(&url(address), dir).into_iter();
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let all = pair("x-all", "1");
        assert_eq!(told("https://host.example/t"), [all.clone(), pair("authorization", "basic included")]);
        assert_eq!(told("https://third.example/t"), [all]);

        git(dir, &["config", "http.https://other.example/t.extraHeader", ""]);
        assert_eq!(told("https://other.example/t"), []);
    }

    #[test]
    fn the_token_of_the_caller_comes_first_and_then_what_is_nearest() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        let dir = trail.git_dir();
        let address = url("https://ann:word@host.example/t");
        let source = |token: Option<&SecretString>| Credentials::at_hand(&address, token, dir).source();
        let token = SecretString::from("canary");
        assert_eq!(source(None), Some(CredentialSource::Address));
        git(dir, &["config", "http.extraHeader", "Authorization: basic canary"]);
        assert_eq!(source(None), Some(CredentialSource::Header));
        assert_eq!(source(Some(&token)), Some(CredentialSource::Token));
        let mut credentials = Credentials::at_hand(&address, Some(&token), dir);
        assert_eq!(credentials.headers, []);
        assert!(!credentials.ask_helpers(&address, dir));
    }

    #[test]
    fn credentials_that_a_server_repeats_are_hidden_and_never_printed() {
        let sandbox = Sandbox::new();
        let trail = sandbox.bare();
        git(trail.git_dir(), &["config", "http.extraHeader", "Authorization: basic canary"]);
        git(trail.git_dir(), &["config", "--add", "http.extraHeader", "X-All: 1"]);
        git(trail.git_dir(), &["config", "--add", "http.extraHeader", "X-Key: another canary"]);
        let token = SecretString::from("canary");
        for credentials in [
            Credentials::at_hand(&url("https://host.example/t"), None, trail.git_dir()),
            Credentials::at_hand(&url("https://host.example/t"), Some(&token), trail.git_dir()),
            Credentials::at_hand(&url("https://ann:canary@host.example/t"), None, trail.git_dir()),
        ] {
            assert_eq!(credentials.hidden_in("no canary here, 1"), "no … here, 1");
            assert_eq!(credentials.hidden_in("another canary"), "…");
            assert!(!format!("{credentials:?}").contains("canary"), "{credentials:?}");
        }
    }
}
