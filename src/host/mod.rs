//! Pull requests and comments of a git host, over its REST API: GitHub's, and what speaks the same.
//!
//! Knows neither git nor what a text says. Everything is asked for by GET first, so that whatever is run twice is done once:
//! a comment is found again by the marker that its first line holds, a pull request by its branches.
//!
//! Source of paths, fields and limits: GitHub REST API, version 2022-11-28, "Issue comments" and "Pull requests".

mod call;
mod error;

use serde::Deserialize;
use serde_json::{Value as Json, json};

pub use call::HostClient;
pub use error::HostError;

/// Most characters of the body of a comment or a pull request that GitHub takes.
pub const MOST_CHARACTERS: usize = 65_536;

/// How many things a page of a listing has at most.
const PAGE: usize = 100;

/// Most pages of comments that are looked through.
const MOST_PAGES: usize = 50;

/// What became of a comment or a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It is new.
    Created,
    /// It says something else than before.
    Updated,
    /// It said so already.
    Unchanged,
    /// There was nothing to say, and it was not there.
    Nothing,
}

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// What it says.
    pub body: Option<String>,
}

/// Which branches a pull request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branches<'b> {
    /// The branch that is to be merged.
    pub head: &'b str,
    /// The branch that it is to be merged into.
    pub base: &'b str,
}

#[derive(Deserialize)]
struct Comment {
    id: u64,
    body: Option<String>,
    user: Option<User>,
}

#[derive(Deserialize)]
struct User {
    login: String,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl HostClient {
    /// Makes the one comment of a pull request that begins with a marker say a text; none is made where there is none and the
    /// text is absent.
    ///
    /// # Errors
    /// [`HostError`] where the host cannot be asked or refuses.
    pub async fn stick(&self, pull_request: u64, marker: &str, text: Option<&str>) -> Result<Posted, HostError> {
        let known = self.comment(pull_request, marker).await?;
        let body = |text: &str| format!("{marker}\n{text}");
        match (known, text) {
            (None, None) => Ok(Posted::Nothing),
            (Some(_), None) => Ok(Posted::Unchanged),
            (Some(comment), Some(text)) if comment.body.as_deref().is_some_and(|known| is_same(known, &body(text))) => {
                Ok(Posted::Unchanged)
            }
            (Some(comment), Some(text)) => {
                let path = format!("issues/comments/{}", comment.id);
                self.send(reqwest::Method::PATCH, &path, &json!({ "body": body(text) })).await?;
                Ok(Posted::Updated)
            }
            (None, Some(text)) => {
                let path = format!("issues/{pull_request}/comments");
                self.send(reqwest::Method::POST, &path, &json!({ "body": body(text) })).await?;
                Ok(Posted::Created)
            }
        }
    }

    /// Whether a comment with a marker is there.
    ///
    /// # Errors
    /// [`HostError`] where the host cannot be asked.
    pub async fn has_comment(&self, pull_request: u64, marker: &str) -> Result<bool, HostError> {
        Ok(self.comment(pull_request, marker).await?.is_some())
    }

    /// The open pull request of two branches.
    ///
    /// # Errors
    /// [`HostError`] where the host cannot be asked.
    pub async fn pull_request(&self, branches: Branches<'_>) -> Result<Option<PullRequest>, HostError> {
        let head = format!("{}:{}", self.owner(), branches.head);
        let query = [("state", "open"), ("head", &head), ("base", branches.base)];
        let found: Vec<PullRequest> = self.get("pulls", &query).await?;
        Ok(found.into_iter().min_by_key(|one| one.number))
    }

    /// Opens a pull request.
    ///
    /// # Errors
    /// [`HostError`] where the host refuses.
    pub async fn open(&self, branches: Branches<'_>, title: &str, body: &str) -> Result<PullRequest, HostError> {
        let Branches { head, base } = branches;
        let asked = json!({ "title": title, "head": head, "base": base, "body": body });
        self.read(self.send(reqwest::Method::POST, "pulls", &asked).await?)
    }

    /// Makes a pull request say a text.
    ///
    /// # Errors
    /// [`HostError`] where the host refuses.
    pub async fn describe(&self, known: &PullRequest, title: &str, body: &str) -> Result<Posted, HostError> {
        if known.title == title && known.body.as_deref().is_some_and(|known| is_same(known, body)) {
            return Ok(Posted::Unchanged);
        }
        let path = format!("pulls/{}", known.number);
        self.send(reqwest::Method::PATCH, &path, &json!({ "title": title, "body": body })).await?;
        Ok(Posted::Updated)
    }

    /// The comment that begins with a marker and was made by whoever the token is of: anybody can write a marker.
    async fn comment(&self, pull_request: u64, marker: &str) -> Result<Option<Comment>, HostError> {
        let login = self.login().await?;
        let path = format!("issues/{pull_request}/comments");
        for page in 1..=MOST_PAGES {
            let page = page.to_string();
            let query = [("per_page", PAGE.to_string()), ("page", page)];
            let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let found: Vec<Comment> = self.get(&path, &query).await?;
            let is_last = found.len() < PAGE;
            let is_ours = |comment: &Comment| {
                let starts = comment.body.as_deref().is_some_and(|body| body.lines().next() == Some(marker));
                starts && comment.user.as_ref().is_some_and(|user| user.is(login.as_deref()))
            };
            if let Some(comment) = found.into_iter().find(is_ours) {
                return Ok(Some(comment));
            }
            if is_last {
                break;
            }
        }
        Ok(None)
    }

    /// Who the token is of; absent for the token of a job, which may not ask and comments as a bot.
    async fn login(&self) -> Result<Option<String>, HostError> {
        #[derive(Deserialize)]
        struct Own {
            login: String,
        }
        match self.get_at("/user", &[]).await {
            Ok(body) => Ok(Some(self.read::<Own>(body)?.login)),
            Err(HostError::Refused { status: 403 | 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn get<T: for<'d> Deserialize<'d>>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, HostError> {
        let path = format!("/repos/{}/{path}", self.repository());
        self.read(self.get_at(&path, query).await?)
    }

    fn read<T: for<'d> Deserialize<'d>>(&self, body: Json) -> Result<T, HostError> {
        serde_json::from_value(body)
            .map_err(|error| HostError::Unreadable { host: self.host(), reason: error.to_string() })
    }
}

impl User {
    fn is(&self, login: Option<&str>) -> bool {
        match login {
            Some(login) => self.login == login,
            None => self.kind.as_deref() == Some("Bot"),
        }
    }
}

/// A host may store other line ends and drop space at the end.
fn is_same(known: &str, wanted: &str) -> bool {
    known.replace("\r\n", "\n").trim_end() == wanted.trim_end()
}
