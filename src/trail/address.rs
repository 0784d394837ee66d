//! The address of a remote: a place on this file system, or a server and how it is spoken to.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use reqwest::Url;

use super::remote::RemoteError;

/// What the address of a remote means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// A repository on this file system.
    Local(PathBuf),
    /// One behind a web server.
    Http(Url),
    /// One behind a login shell.
    Ssh(SshAddress),
    /// A protocol that is not spoken.
    Other(String),
}

/// A repository behind a login shell. Nothing in it can be taken for an option or end the quotes around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SshAddress {
    pub(super) user: Option<String>,
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) path: String,
}

impl Address {
    /// Reads an address as git does.
    pub(super) fn read(address: &str) -> Result<Self, RemoteError> {
        match address.split_once("://") {
            Some(("file", path)) => Ok(Self::Local(PathBuf::from(percent_decoded(path)))),
            Some(("http" | "https", _)) => http(address).map(Self::Http),
            Some(("ssh" | "git+ssh" | "ssh+git", rest)) => ssh_url(rest).map(Self::Ssh),
            Some((scheme, _)) => Ok(Self::Other(scheme.to_owned())),
            None => match ssh_short_form(address) {
                Some((login, path)) => {
                    let (user, host) = user_and_host(login);
                    SshAddress::new(user, host, None, path.to_owned()).map(Self::Ssh)
                }
                None => Ok(Self::Local(PathBuf::from(address))),
            },
        }
    }
}

/// The hosts that show commits, and where: `{path}` is the repository.
const COMMIT_PAGES: [(&str, &str); 4] = [
    ("github.com", "https://github.com/{path}/commit/{commit}"),
    ("gitlab.com", "https://gitlab.com/{path}/-/commit/{commit}"),
    ("codeberg.org", "https://codeberg.org/{path}/commit/{commit}"),
    ("bitbucket.org", "https://bitbucket.org/{path}/commits/{commit}"),
];

impl Address {
    /// Where its commits can be looked at, with `{commit}` for the id of one.
    pub(super) fn commit_page(&self) -> Option<String> {
        let (host, path) = match self {
            Self::Http(url) => (url.host_str()?, url.path()),
            Self::Ssh(address) => (address.host.as_str(), address.path.as_str()),
            Self::Local(_) | Self::Other(_) => return None,
        };
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let is_plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "-_./~".contains(c));
        let (_, page) = COMMIT_PAGES.iter().find(|(known, _)| known.eq_ignore_ascii_case(host))?;
        is_plain.then(|| page.replace("{path}", path))
    }
}

impl SshAddress {
    fn new(user: Option<String>, host: &str, port: Option<u16>, path: String) -> Result<Self, RemoteError> {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).to_owned();
        let is_option = |text: &str| text.starts_with('-');
        let is_strange = |text: &str| text.contains(|c: char| c.is_control() || c.is_whitespace());
        let fault = match &user {
            _ if host.is_empty() => "it names no host",
            _ if is_option(&host) => "its host begins with a hyphen",
            Some(user) if is_option(user) => "its user begins with a hyphen",
            Some(user) if is_strange(user) || user.contains('@') => "its user has a character that names do not have",
            _ if is_strange(&host) => "its host has a character that names do not have",
            _ if path.trim_matches('/').is_empty() => "it names no repository",
            _ if path.contains(|c: char| c == '\'' || c.is_control()) => "its path has a quote or a control character",
            _ => return Ok(Self { user, host, port, path }),
        };
        Err(RemoteError::Address { fault })
    }
}

fn http(address: &str) -> Result<Url, RemoteError> {
    let fault = |fault| RemoteError::Address { fault };
    let url = Url::parse(address).map_err(|_| fault("it is not a URL"))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(fault("it has a query or a fragment"));
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(RemoteError::Insecure { host: host_of(&url) });
    }
    Ok(url)
}

/// Host and port of a URL, as far as they are not the usual ones.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Says whether a URL leads to this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn ssh_url(rest: &str) -> Result<SshAddress, RemoteError> {
    let fault = |fault| RemoteError::Address { fault };
    let (login, path) = rest.split_once('/').ok_or(fault("it names no repository"))?;
    let (user, host) = user_and_host(login);
    let after_brackets = host.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match host[after_brackets..].split_once(':') {
        Some((_, "")) => (&host[..host.len() - 1], None),
        Some((_, port)) => {
            let number = port.parse().map_err(|_| fault("its port is not a number"))?;
            (&host[..host.len() - port.len() - 1], Some(number))
        }
        None => (host, None),
    };
    let path = percent_decoded(path);
    // Below the home of somebody there is no slash before.
    let path = if path.starts_with('~') { path } else { format!("/{path}") };
    let user = user.map(|user| percent_decoded(user.split(':').next().unwrap_or_default()));
    SshAddress::new(user, host, port, path)
}

fn user_and_host(login: &str) -> (Option<String>, &str) {
    match login.rsplit_once('@') {
        Some((user, host)) => (Some(user.to_owned()), host),
        None => (None, login),
    }
}

/// Divides `host:path` as git does: a colon before any slash, and no such file here. Brackets can hold more colons.
fn ssh_short_form(address: &str) -> Option<(&str, &str)> {
    let brackets = address.find('[').zip(address.find("]:"));
    let colon = match brackets {
        Some((open, close)) if open < close => close + 1,
        _ => address.find(':')?,
    };
    let (login, path) = (&address[..colon], &address[colon + 1..]);
    let is_drive = cfg!(windows) && login.len() == 1;
    (!login.contains('/') && !is_drive && !Path::new(address).exists()).then_some((login, path))
}

/// Reads `%20` and the like; a percent sign that begins no such thing stands for itself.
pub(super) fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn paths_and_file_addresses_are_local() {
        for (address, path) in [
            ("/srv/trail.git", "/srv/trail.git"),
            ("../trail.git", "../trail.git"),
            ("./odd:name", "./odd:name"),
            ("file:///srv/my%20trail", "/srv/my trail"),
            ("file:///srv/100%", "/srv/100%"),
            ("file:///srv/100%/%c3%a4", "/srv/100%/ä"),
        ] {
            assert_eq!(Address::read(address).unwrap(), Address::Local(PathBuf::from(path)), "{address}");
        }
    }

    #[test]
    fn a_login_shell_is_addressed_in_two_forms() {
        for (address, expected) in [
            ("ssh://host.example/srv/trail.git", (None, "host.example", None, "/srv/trail.git")),
            ("ssh://git@host.example:2222/t", (Some("git"), "host.example", Some(2222), "/t")),
            ("ssh://git:word@host.example:/a%20b", (Some("git"), "host.example", None, "/a b")),
            ("ssh://host.example/~ann/t", (None, "host.example", None, "~ann/t")),
            ("ssh://git@[::1]:22/t", (Some("git"), "::1", Some(22), "/t")),
            ("git@host.example:acme/trail.git", (Some("git"), "host.example", None, "acme/trail.git")),
            ("host:/t", (None, "host", None, "/t")),
            ("git@[::1]:t", (Some("git"), "::1", None, "t")),
        ] {
            let (user, host, port, path) = expected;
            let expected =
                SshAddress { user: user.map(str::to_owned), host: host.to_owned(), port, path: path.to_owned() };
            assert_eq!(Address::read(address).unwrap(), Address::Ssh(expected), "{address}");
        }
    }

    #[test]
    fn what_a_shell_or_ssh_could_take_for_something_else_is_refused() {
        for address in [
            "ssh://-oProxyCommand=touch%20x/t",
            "ssh://-l@host/t",
            "ssh://%2dl@host/t",
            "-oProxyCommand=x:t",
            "-l@host:t",
            "ssh://host/it's",
            "ssh://host/it%27s",
            "host:it's",
            "host:a\nb",
            "ssh://host/%0a",
            "ssh://a b@host/t",
            "ssh://ho st/t",
            "ssh://git@/t",
            "ssh://host",
            "ssh://host/",
            "ssh://host:99999/t",
            "ssh://host:-p/t",
            "host:",
        ] {
            let read = Address::read(address);
            assert!(matches!(read, Err(RemoteError::Address { .. })), "{address:?}: {read:?}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback() {
        for address in ["http://localhost:8080/t", "http://127.0.0.1/t", "http://[::1]:80/t", "https://host.example/t"]
        {
            assert!(matches!(Address::read(address), Ok(Address::Http(_))), "{address}");
        }
        let error = Address::read("http://ann:word@host.example:81/t").unwrap_err();
        assert_eq!(error.to_string(), "plain http is for loopback only, not for host.example:81");
        for address in ["https://", "https://host.example/t?x=y", "https://host.example/t#x"] {
            assert!(matches!(Address::read(address), Err(RemoteError::Address { .. })), "{address}");
        }
    }

    #[test]
    fn any_other_protocol_is_named() {
        for scheme in ["git", "ftp", "ext"] {
            let read = Address::read(&format!("{scheme}://host.example/trail.git")).unwrap();
            assert_eq!(read, Address::Other(scheme.to_owned()));
        }
    }
}
