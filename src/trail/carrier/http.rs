//! git's protocol over HTTP: one request for what the server has, one for what is asked of it.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use reqwest::blocking::{Body, Client, RequestBuilder, Response};
use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{StatusCode, Url};

use super::credentials::{Credentials, refused, without_login};
use super::{Means, Scratch};
use crate::trail::address::{host_of, is_loopback};
use crate::trail::remote::RemoteError;
use crate::trail::smart::{Advertisement, Service, announced, one_line};

/// A host that does not take the connection for so long will not.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The time for a server to say what it has.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// The time for a server to take a pack and to answer, and the longest silence while a pack comes.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(600);

/// Most redirects in a row.
const MOST_REDIRECTS: usize = 5;

/// Most bytes that are read of an answer that is an error.
const MOST_OF_AN_ERROR: u64 = 4096;

/// What the address of a repository is followed by.
const LISTING: &str = "/info/refs";

/// A server that was reached over HTTP.
pub(super) struct Http {
    client: Client,
    /// The address of the repository, without user and password.
    base: Url,
    service: Service,
    credentials: Credentials,
}

impl Http {
    /// Asks a server what it has.
    pub(super) fn reach(url: &Url, service: Service, means: &Means) -> Result<(Self, Advertisement), RemoteError> {
        let git_dir = means.git_dir.as_path();
        let credentials = Credentials::at_hand(url, means.access.token.as_ref(), git_dir);
        apart(|| {
            let client = client(url)?;
            let mut http = Self { client, base: without_login(url), service, credentials };
            let has = http.list(url, git_dir)?;
            Ok((http, has))
        })
    }

    /// Sends a request, and returns the whole answer.
    pub(super) fn ask(self, request: Scratch) -> Result<Scratch, RemoteError> {
        apart(|| {
            let name = self.service.name();
            let url = below(&self.base, &format!("/{name}"));
            let length = request.length();
            let body = Body::sized(request.into_reader()?, length);
            let post = self.client.post(url).header(CONTENT_TYPE, format!("application/x-{name}-request"));
            let mut response = self.send(post.header(ACCEPT, format!("application/x-{name}-result")).body(body))?;
            if response.status() != StatusCode::OK {
                return Err(self.error_of(response));
            }
            self.require(&response, "result")?;
            Scratch::of(&mut response)
        })
    }

    fn list(&mut self, given: &Url, git_dir: &Path) -> Result<Advertisement, RemoteError> {
        let name = self.service.name();
        let mut url = below(&self.base, LISTING);
        url.set_query(Some(&format!("service={name}")));
        let mut redirects = 0;
        loop {
            let get = self.client.get(url.clone()).timeout(ANSWER_TIMEOUT).header(CACHE_CONTROL, "no-cache");
            let mut response = self.send(get)?;
            match response.status() {
                StatusCode::OK => {
                    self.require(&response, "advertisement")?;
                    let not_git = || RemoteError::NotGit { host: host_of(&self.base) };
                    if !announced(&mut response, self.service)? {
                        return Err(not_git());
                    }
                    return Advertisement::read(&mut response)?.ok_or_else(not_git);
                }
                StatusCode::UNAUTHORIZED if self.credentials.ask_helpers(given, git_dir) => {}
                status if status.is_redirection() && redirects < MOST_REDIRECTS => {
                    redirects += 1;
                    url = self.follow(&url, &response)?;
                }
                _ => return Err(self.error_of(response)),
            }
        }
    }

    /// Where a redirect leads, if to the same server and to the same place below another repository.
    fn follow(&mut self, from: &Url, response: &Response) -> Result<Url, RemoteError> {
        let to = response.headers().get(LOCATION).and_then(|to| from.join(to.to_str().ok()?).ok());
        let Some(to) = to.map(|to| without_login(&to)) else {
            return Err(RemoteError::NotGit { host: host_of(from) });
        };
        match to.path().strip_suffix(LISTING) {
            Some(repository) if to.origin() == from.origin() => {
                self.base.set_path(repository);
                Ok(to)
            }
            _ => Err(RemoteError::Redirected { host: host_of(from), to: one_line(shown(&to).as_bytes()) }),
        }
    }

    fn send(&self, request: RequestBuilder) -> Result<Response, RemoteError> {
        let sent = self.credentials.add_to(request).send();
        sent.map_err(|error| RemoteError::Unreachable { host: host_of(&self.base), source: error.without_url() })
    }

    /// Fails where an answer is not of the type that git servers give it: what else answers with success is no git server.
    fn require(&self, response: &Response, what: &str) -> Result<(), RemoteError> {
        let expected = format!("application/x-{}-{what}", self.service.name());
        let found = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if found == Some(expected.as_str()) { Ok(()) } else { Err(RemoteError::NotGit { host: host_of(&self.base) }) }
    }

    fn error_of(&self, response: Response) -> RemoteError {
        let host = host_of(&self.base);
        let status = response.status();
        match status {
            StatusCode::UNAUTHORIZED => refused(host, &self.credentials),
            StatusCode::NOT_FOUND | StatusCode::GONE => RemoteError::NotFound {
                host,
                path: one_line(self.base.path().as_bytes()),
                to: self.credentials.source(),
            },
            StatusCode::FORBIDDEN => {
                RemoteError::Forbidden { host, to: self.credentials.source(), said: self.said(response) }
            }
            _ if status.is_redirection() => RemoteError::Redirected { host, to: "yet another place".to_owned() },
            _ => RemoteError::Status { host, status: status.as_u16(), said: self.said(response) },
        }
    }

    /// What a server says of an error, if it says it as plain text.
    fn said(&self, response: Response) -> String {
        let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("text/plain")) {
            return String::new();
        }
        let mut said = Vec::new();
        // What can be read of it is better than nothing.
        let _ = response.take(MOST_OF_AN_ERROR).read_to_end(&mut said);
        one_line(self.credentials.hidden_in(&String::from_utf8_lossy(&said)).as_bytes())
    }
}

/// Sets up the HTTP client. A redirect is followed by hand, because credentials must not follow one elsewhere.
fn client(url: &Url) -> Result<Client, RemoteError> {
    let builder = Client::builder()
        // Some hosts serve only what calls itself git.
        .user_agent(concat!("git/orgtrail-", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TRANSFER_TIMEOUT)
        .redirect(Policy::none())
        .retry(reqwest::retry::never());
    let builder = if is_loopback(url) { builder.no_proxy() } else { builder };
    builder.build().map_err(|source| RemoteError::Unreachable { host: host_of(url), source })
}

/// An address below that of a repository.
fn below(base: &Url, rest: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{rest}", base.path().trim_end_matches('/')));
    url
}

/// Scheme, host and path of a URL.
fn shown(url: &Url) -> String {
    format!("{}://{}{}", url.scheme(), host_of(url), url.path())
}

/// Does something on a thread of its own: a client that blocks must not run where a runtime polls, as the caller may.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let done = std::thread::scope(|scope| scope.spawn(work).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
