//! A git host that has comments and pull requests and nothing else, on a port of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value as Json, json};

/// The token that it takes.
pub(crate) const TOKEN: &str = "token-canary-5c1f0e";

#[derive(Default)]
pub(crate) struct Hosted {
    /// Comments by their id: the pull request, who wrote it, what it says.
    pub(crate) comments: BTreeMap<u64, (u64, String, String)>,
    /// Pull requests by number: head, base, title, body.
    pub(crate) pulls: BTreeMap<u64, Pull>,
    /// What was asked, but for reads.
    pub(crate) writes: Vec<String>,
    /// What every write is refused with.
    pub(crate) refuses: Option<u16>,
    last: u64,
}

#[derive(Clone, Default)]
pub(crate) struct Pull {
    pub(crate) head: String,
    pub(crate) base: String,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) is_open: bool,
}

/// The host, while it runs.
pub(crate) struct GitHost {
    pub(crate) url: String,
    state: Arc<Mutex<Hosted>>,
    _runtime: tokio::runtime::Runtime,
}

impl GitHost {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let state = Arc::new(Mutex::new(Hosted::default()));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state, _runtime: runtime }
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Hosted) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }

    /// What was written since this was asked last.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.with(|hosted| std::mem::take(&mut hosted.writes))
    }
}

async fn answer(
    State(state): State<Arc<Mutex<Hosted>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let refusal = |status: u16, message: &str| {
        (StatusCode::from_u16(status).unwrap(), json!({ "message": message }).to_string()).into_response()
    };
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
    if authorization != Some(&format!("Bearer {TOKEN}")) {
        return refusal(401, "Bad credentials");
    }
    let mut hosted = state.lock().unwrap();
    if method != Method::GET {
        hosted.writes.push(format!("{method} {}", uri.path()));
        if let Some(status) = hosted.refuses {
            return refusal(status, "Resource not accessible by integration");
        }
    }
    let body: Json = serde_json::from_slice(&body).unwrap_or_default();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let parts: Vec<&str> = uri.path().trim_start_matches('/').split('/').collect();
    let query: BTreeMap<String, String> = uri.query().unwrap_or_default().split('&').filter_map(pair).collect();
    let comment = |id: u64, (_, by, body): &(u64, String, String)| {
        let kind = if by.ends_with("[bot]") { "Bot" } else { "User" };
        json!({ "id": id, "body": body, "user": { "login": by, "type": kind } })
    };
    let pull = |number: u64, pull: &Pull| json!({ "number": number, "title": pull.title, "body": pull.body });
    let answer = match (method.as_str(), parts.as_slice()) {
        ("GET", ["user"]) => return refusal(403, "Resource not accessible by integration"),
        ("GET", ["repos", "acme", "trail", "issues", number, "comments"]) => {
            let number: u64 = number.parse().unwrap();
            let (page, size) = (query["page"].parse::<usize>().unwrap(), query["per_page"].parse::<usize>().unwrap());
            let all = hosted.comments.iter().filter(|(_, comment)| comment.0 == number);
            let page = all.skip((page - 1) * size).take(size);
            Json::Array(page.map(|(id, one)| comment(*id, one)).collect())
        }
        ("POST", ["repos", "acme", "trail", "issues", number, "comments"]) => {
            let id = hosted.next();
            let one = (number.parse().unwrap(), "github-actions[bot]".to_owned(), text("body"));
            hosted.comments.insert(id, one);
            json!({ "id": id })
        }
        ("PATCH", ["repos", "acme", "trail", "issues", "comments", id]) => {
            let Some(one) = hosted.comments.get_mut(&id.parse().unwrap()) else { return refusal(404, "Not Found") };
            one.2 = text("body");
            json!({})
        }
        ("GET", ["repos", "acme", "trail", "pulls"]) => {
            let head = query["head"].strip_prefix("acme:").unwrap().to_owned();
            let is_meant = |one: &Pull| one.is_open && one.head == head && one.base == query["base"];
            let found = hosted.pulls.iter().filter(|(_, one)| is_meant(one));
            Json::Array(found.map(|(number, one)| pull(*number, one)).collect())
        }
        ("POST", ["repos", "acme", "trail", "pulls"]) => {
            let number = hosted.next();
            let new = Pull {
                head: text("head"),
                base: text("base"),
                title: text("title"),
                body: text("body"),
                is_open: true,
            };
            let answer = pull(number, &new);
            hosted.pulls.insert(number, new);
            answer
        }
        ("PATCH", ["repos", "acme", "trail", "pulls", number]) => {
            let Some(one) = hosted.pulls.get_mut(&number.parse().unwrap()) else { return refusal(404, "Not Found") };
            (one.title, one.body) = (text("title"), text("body"));
            json!({})
        }
        _ => return refusal(404, "Not Found"),
    };
    answer.to_string().into_response()
}

impl Hosted {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let plain = percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
    Some((name.to_owned(), plain))
}
