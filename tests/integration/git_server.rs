//! A git host on loopback: git's own programs behind a web server, or behind a stand-in for `ssh`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tempfile::TempDir;

use crate::terminal::git_in;

/// The password of every repository; what it begins with is nowhere else.
pub(crate) const PASSWORD: &str = "zq7canary-password";

/// What the web server does instead of serving.
#[derive(Clone, Debug)]
pub(crate) enum Mood {
    /// Answers with a status and a text.
    Says(StatusCode, &'static str),
    /// Answers with a page for people.
    ShowsAPage,
    /// Sends everybody to another address.
    SendsTo(String),
    /// Serves a repository under another name, and sends there whoever asks for this one.
    Renamed { from: &'static str, to: &'static str },
    /// Does what it is asked for, and breaks off its answer after so many bytes of it.
    BreaksOff(usize),
    /// Breaks off before it has done anything of what it is asked for.
    HangsUp,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) what: String,
    pub(crate) authorization: Option<String>,
}

/// The web server.
pub(crate) struct GitServer {
    pub(crate) address: String,
    shared: Arc<Shared>,
    _runtime: tokio::runtime::Runtime,
}

struct Shared {
    root: PathBuf,
    /// The headers of who is let in.
    known: Vec<String>,
    mood: Mutex<Option<Mood>>,
    asked: Mutex<Vec<Asked>>,
}

impl GitServer {
    /// Serves the repositories of a folder to who knows the password.
    pub(crate) fn start(root: &Path) -> Self {
        // The client needs a provider of cryptography to be set up, even to speak without.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let known = ["x-access-token", "ann"].map(|user| basic(user, PASSWORD)).to_vec();
        let shared = Shared { root: root.to_owned(), known, mood: Mutex::default(), asked: Mutex::default() };
        let shared = Arc::new(shared);
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let router = Router::new().fallback(serve).with_state(Arc::clone(&shared));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, shared, _runtime: runtime }
    }

    pub(crate) fn url(&self, repository: &str) -> String {
        format!("http://{}/{repository}", self.address)
    }

    pub(crate) fn set_mood(&self, mood: impl Into<Option<Mood>>) {
        *self.shared.mood.lock().unwrap() = mood.into();
    }

    /// Takes what was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.shared.asked.lock().unwrap())
    }
}

/// The value of the header that tells user and password.
pub(crate) fn basic(user: &str, password: &str) -> String {
    let request = reqwest::blocking::Client::new().get("http://localhost/").basic_auth(user, Some(password)).build();
    request.unwrap().headers()["authorization"].to_str().unwrap().to_owned()
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let query = head.uri.query().unwrap_or_default().to_owned();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let authorization = header("authorization");
    let what = format!("{} {path}{}{query}", head.method, if query.is_empty() { "" } else { "?" });
    shared.asked.lock().unwrap().push(Asked { what, authorization: authorization.clone() });
    let Ok(body) = to_bytes(body, usize::MAX).await else { return StatusCode::BAD_REQUEST.into_response() };

    let mood = shared.mood.lock().unwrap().clone();
    let is_post = head.method == "POST";
    let mut path = path;
    match &mood {
        Some(Mood::Says(status, text)) => return (*status, *text).into_response(),
        Some(Mood::ShowsAPage) => return axum::response::Html("<p>log in</p>").into_response(),
        Some(Mood::SendsTo(to)) => {
            return (StatusCode::MOVED_PERMANENTLY, [("location", format!("{to}{path}?{query}"))]).into_response();
        }
        Some(Mood::Renamed { from, to }) if path.contains(from) => {
            let to = format!("{}?{query}", path.replace(from, to));
            return (StatusCode::MOVED_PERMANENTLY, [("location", to)]).into_response();
        }
        Some(Mood::Renamed { from, to }) => path = path.replace(to, from),
        Some(Mood::HangsUp) if is_post => return breaking_off(Bytes::new(), &[]),
        _ => {}
    }
    if !authorization.is_some_and(|value| shared.known.contains(&value)) {
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=\"git\"")], "who is it?").into_response();
    }
    let environment = vec![
        ("GIT_PROJECT_ROOT", shared.root.display().to_string()),
        ("GIT_HTTP_EXPORT_ALL", "1".to_owned()),
        ("REMOTE_USER", "ann".to_owned()),
        ("PATH_INFO", path),
        ("QUERY_STRING", query),
        ("REQUEST_METHOD", head.method.to_string()),
        ("CONTENT_TYPE", header("content-type").unwrap_or_default()),
        ("CONTENT_LENGTH", body.len().to_string()),
        ("GIT_PROTOCOL", header("git-protocol").unwrap_or_default()),
    ];
    let told = tokio::task::spawn_blocking(move || backend(&environment, &body)).await.unwrap();
    answer(
        &told,
        match mood {
            Some(Mood::BreaksOff(after)) if is_post => Some(after),
            _ => None,
        },
    )
}

fn backend(environment: &[(&str, String)], body: &[u8]) -> Vec<u8> {
    let mut command = Command::new("git");
    sealed(&mut command).arg("http-backend").envs(environment.iter().map(|(name, value)| (name, value)));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(body));
        child.wait_with_output().unwrap().stdout
    })
}

/// A command that knows nothing of the machine's configuration.
fn sealed(command: &mut Command) -> &mut Command {
    command
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
}

/// What a program of the common gateway interface told, as an answer.
fn answer(told: &[u8], breaks_off_after: Option<usize>) -> Response {
    let end = told.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&told[..end]).into_owned();
    let headers: Vec<(&str, &str)> = head.lines().filter_map(|line| line.split_once(": ")).collect();
    let body = Bytes::copy_from_slice(&told[end + 4..]);
    if let Some(after) = breaks_off_after {
        return breaking_off(body.slice(..after.min(body.len())), &headers);
    }
    respond(&headers, Body::from(body))
}

fn breaking_off(begin: Bytes, headers: &[(&str, &str)]) -> Response {
    let pieces = [Ok(begin), Err(std::io::Error::other("broken off"))];
    respond(headers, Body::from_stream(futures_util::stream::iter(pieces)))
}

fn respond(headers: &[(&str, &str)], body: Body) -> Response {
    let mut response = body.into_response();
    for (name, value) in headers {
        match *name {
            "Status" => *response.status_mut() = value[..3].parse().unwrap(),
            "Content-Length" => {}
            _ => {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                response.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
            }
        }
    }
    response
}

/// How a host is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Http,
    Ssh,
}

/// A host with one repository, and a folder for clones of it.
pub(crate) struct Host {
    root: TempDir,
    pub(crate) server: GitServer,
    pub(crate) by: By,
}

impl Host {
    /// A host whose repository is empty.
    pub(crate) fn new(by: By) -> Self {
        let root = tempfile::tempdir().unwrap();
        let server = GitServer::start(root.path());
        let host = Self { root, server, by };
        git_in(host.root.path(), &["init", "--quiet", "--bare", "-b", "main", "hub.git"]);
        host.write_script("ssh", "while [ \"$1\" != -- ]; do shift; done\nshift 2\nexec sh -c \"$*\"\n");
        host
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn hub(&self) -> PathBuf {
        self.path("hub.git")
    }

    pub(crate) fn url(&self) -> String {
        match self.by {
            By::Http => self.server.url("hub.git"),
            By::Ssh => format!("ssh://git@host.invalid{}", self.hub().display()),
        }
    }

    /// Lets a repository have the host as its origin, with what it takes to get in.
    pub(crate) fn add_to(&self, dir: &Path) {
        git_in(dir, &["config", "remote.origin.url", &self.url()]);
        let header = format!("Authorization: {}", basic("x-access-token", PASSWORD));
        git_in(dir, &["config", &format!("http.{}.extraHeader", self.server.url("")), &header]);
        let ssh = self.path("ssh").display().to_string();
        git_in(dir, &["config", "core.sshCommand", &ssh]);
    }

    /// A clone that knows no more than a clone does.
    pub(crate) fn clone_into(&self, name: &str, options: &[&str]) -> PathBuf {
        let from = format!("file://{}", self.hub().display());
        git_in(self.root.path(), &[&["clone", "--quiet"], options, &[from.as_str(), name]].concat());
        let dir = self.path(name);
        self.add_to(&dir);
        dir
    }

    /// Gives the repository of the host a hook.
    pub(crate) fn hook(&self, name: &str, script: &str) {
        self.write_script(&format!("hub.git/hooks/{name}"), script);
    }

    pub(crate) fn write_script(&self, name: &str, script: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
}
