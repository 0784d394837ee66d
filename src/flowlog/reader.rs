//! Asks the API for runs of flows: the query, jobs and how far they are, downloads. Each request is a line of the journal.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};
use serde_json::{Map, Value as Json};

use super::journal::{Entry, Journal};
use super::place::PlaceError;
use crate::canonical::read;
use crate::execution::{RESULT_LIMIT, Window, is_plain};
use crate::genesys::{Client, DownloadError, FetchError, Get, InstanceJob, PostQuery, Read, SignedUri};
use crate::model::{OwnedValue, Value};

const QUERY: &str = "/api/v2/flows/instances/query";
const CAPABILITIES: &str = "/api/v2/flows/instances/querycapabilities";
const JOBS: &str = "/api/v2/flows/instances/jobs";
const EXECUTIONS: &str = "/api/v2/flows/executions";

/// The first wait between two questions whether a job is done; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest such wait.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How often is asked whether a job is done: about two minutes long.
const MOST_POLLS: u32 = 18;

/// How often a record is asked for in a job of its own before it counts as one that cannot be had.
const MOST_ROUNDS: u32 = 3;

/// How much is loaded at a time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many downloads at once.
    pub downloads: usize,
    /// The most bytes of one record.
    pub record_bytes: usize,
}

/// Execution data of an organisation.
pub struct FlowLog<'f> {
    client: &'f Client,
    journal: &'f Journal,
    limits: Limits,
    present: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
}

/// What a query brought.
#[derive(Debug)]
pub struct Answer {
    /// The entries.
    pub entries: Vec<OwnedValue>,
    /// How many there are at least, the entries among them.
    pub results: usize,
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadFailure {
    /// The API did not answer.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The answer is not what it should be.
    #[error("could not use what {path} answered: {cause}")]
    Malformed {
        /// The path.
        path: &'static str,
        /// Why.
        cause: String,
    },
    /// A job did not come to an end.
    #[error("a job of {JOBS} was not done after {MOST_POLLS} questions")]
    Unready,
    /// The journal could not be written.
    #[error(transparent)]
    Journal(#[from] PlaceError),
}

/// Why the data of a record could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable(pub String);

/// What became of a record in a job.
enum Ready {
    At(SignedUri),
    /// The job failed for it, with this status.
    Failed(Option<String>),
}

impl<'f> FlowLog<'f> {
    /// What a client can read, each request noted in a journal.
    #[must_use]
    pub fn new(
        client: &'f Client,
        journal: &'f Journal,
        limits: Limits,
        present: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    ) -> Self {
        Self { client, journal, limits, present }
    }

    /// What runs can be asked by.
    pub async fn capabilities(&self) -> Result<OwnedValue, ReadFailure> {
        self.ask(get(CAPABILITIES.to_owned()), CAPABILITIES, Entry::new("capabilities", Duration::ZERO, ""), |_| 0)
            .await
    }

    /// The runs of a window, by the body of a question.
    pub async fn query(&self, body: Map<String, Json>, window: &Window) -> Result<Answer, ReadFailure> {
        let malformed = |cause: &str| ReadFailure::Malformed { path: QUERY, cause: cause.to_owned() };
        let question = PostQuery::new(QUERY.to_owned(), body).map_err(|error| malformed(&error.to_string()))?;
        let question = question.with_parameter("pageSize", &RESULT_LIMIT.to_string());
        let entry = Entry { from: Some(window.from), to: Some(window.to), ..Entry::new("query", Duration::ZERO, "") };
        let count = |answer: &OwnedValue| answer.get("entities").and_then(Value::as_array).map_or(0, <[_]>::len);
        let answer = self.ask(question.into(), QUERY, entry, count).await?;
        let Value::Object(mut answer) = answer else { return Err(malformed("it is no object")) };
        let total = answer.get("total").and_then(Value::as_u64).and_then(|total| usize::try_from(total).ok());
        let entries = match answer.remove("entities") {
            Some(Value::Array(entries)) => entries,
            // An API that leaves out what is empty says the same.
            None | Some(Value::Null) if total == Some(0) => Vec::new(),
            _ => return Err(malformed("it has no list of entities")),
        };
        let results = entries.len().max(total.unwrap_or(0));
        if results > entries.len() && results < RESULT_LIMIT {
            return Err(malformed(&format!("it says that there are {results} runs and has {}", entries.len())));
        }
        Ok(Answer { entries, results })
    }

    /// A run that somebody launched.
    pub async fn execution(&self, id: &str) -> Result<OwnedValue, ReadFailure> {
        let entry = Entry { about: Some(id.to_owned()), ..Entry::new("execution", Duration::ZERO, "") };
        self.ask(get(format!("{EXECUTIONS}/{id}")), EXECUTIONS, entry, |_| 1).await
    }

    /// The data of some runs, by their ids. What failed in a job, or was ready for too short a time, is asked for in another one.
    pub async fn data(&self, ids: &[String]) -> Result<BTreeMap<String, Result<OwnedValue, Unavailable>>, ReadFailure> {
        let mut found: BTreeMap<String, Result<OwnedValue, Unavailable>> = BTreeMap::new();
        let mut wanted = ids.to_vec();
        for round in 1..=MOST_ROUNDS {
            if wanted.is_empty() {
                break;
            }
            let is_last = round == MOST_ROUNDS;
            let ready = match self.job(&wanted).await? {
                Some(ready) => ready,
                None if is_last => wanted.iter().map(|id| (id.clone(), Ready::Failed(None))).collect(),
                None => continue,
            };
            let mut again = Vec::new();
            let downloads = ready.into_iter().map(|(id, ready)| self.load(id, ready));
            let mut downloads = stream::iter(downloads).buffer_unordered(self.limits.downloads.max(1));
            while let Some((id, outcome)) = downloads.next().await {
                match outcome? {
                    Loaded::Data(data) => drop(found.insert(id, Ok(data))),
                    Loaded::Gone(cause) => drop(found.insert(id, Err(Unavailable(cause)))),
                    Loaded::Again(cause) if is_last => drop(found.insert(id, Err(Unavailable(cause)))),
                    Loaded::Again(_) => again.push(id),
                }
            }
            drop(downloads);
            // Whichever came first must not decide which is asked for first.
            again.sort();
            wanted = again;
        }
        Ok(found)
    }

    /// Has a job made and waits for it; what became of each record, `None` where the job failed as a whole.
    async fn job(&self, ids: &[String]) -> Result<Option<BTreeMap<String, Ready>>, ReadFailure> {
        let malformed = |cause: &str| ReadFailure::Malformed { path: JOBS, cause: cause.to_owned() };
        let count = ids.len() as u64;
        let entry = Entry { records: count, ..Entry::new("job", Duration::ZERO, "") };
        let mut answer = self.ask(Read::from(InstanceJob::new(ids.to_vec())), JOBS, entry, |_| ids.len()).await?;
        let text = |answer: &OwnedValue, name: &str| answer.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        let id = text(&answer, "id").filter(|id| is_plain(id)).ok_or_else(|| malformed("the job has no id"))?;
        let mut polls = 0;
        loop {
            match text(&answer, "jobState").as_deref() {
                Some("Success") => return Ok(Some(ready_in(&answer, ids))),
                Some("Failed") => return Ok(None),
                Some(_) => {}
                None => return Err(malformed("the job has no state")),
            }
            if polls == MOST_POLLS {
                return Err(ReadFailure::Unready);
            }
            self.client.clock().sleep((FIRST_WAIT * 2_u32.pow(polls.min(10))).min(LONGEST_WAIT)).await;
            polls += 1;
            let entry = Entry::new("poll", Duration::ZERO, "");
            answer = self.ask(get(format!("{JOBS}/{id}")), JOBS, entry, |_| 0).await?;
        }
    }

    async fn load(&self, id: String, ready: Ready) -> (String, Result<Loaded, ReadFailure>) {
        let uri = match ready {
            Ready::At(uri) => uri,
            Ready::Failed(status) => {
                let told = status.as_deref().map_or_else(String::new, |status| format!(" with {status}"));
                let cause = format!("the job failed for it{told}");
                // What is not there will not be there in another job.
                let is_gone = matches!(status.as_deref(), Some("404" | "410"));
                return (id, Ok(if is_gone { Loaded::Gone(cause) } else { Loaded::Again(cause) }));
            }
        };
        let started = self.client.clock().now();
        let what = format!("the execution data of {id}");
        let outcome = self.client.download(&uri, &what, self.limits.record_bytes).await;
        let took = self.client.clock().now().saturating_sub(started);
        let (word, loaded) = match outcome {
            Ok(bytes) => match read(&bytes) {
                Ok(data) => ("ok", Ok(Loaded::Data(data.into_owned()))),
                Err(_) => ("malformed", Ok(Loaded::Again("it is no JSON that can be read".to_owned()))),
            },
            Err(DownloadError::Expired { status, .. }) => {
                ("expired", Ok(Loaded::Again(format!("the download was refused with {status}"))))
            }
            Err(DownloadError::TooLarge { limit_bytes, .. }) => {
                ("too-large", Ok(Loaded::Gone(format!("it is larger than {limit_bytes} bytes"))))
            }
            Err(DownloadError::Misplaced { .. }) => {
                ("misplaced", Ok(Loaded::Gone("its download is at no https address".to_owned())))
            }
            Err(DownloadError::Failed(error)) => (word_of(&error), Err(error.into())),
        };
        let records = u64::from(word == "ok");
        let entry = Entry { about: Some(id.clone()), records, ..Entry::new("download", took, word) };
        let noted = self.journal.note((self.present)(), &entry).map_err(ReadFailure::from);
        (id, noted.and(loaded))
    }

    async fn ask(
        &self,
        question: Read,
        path: &'static str,
        entry: Entry,
        count: impl Fn(&OwnedValue) -> usize,
    ) -> Result<OwnedValue, ReadFailure> {
        let started = self.client.clock().now();
        let body = self.client.read(question).await;
        let took = self.client.clock().now().saturating_sub(started);
        let (outcome, answer) = match body {
            Ok(body) => match read(&body.bytes) {
                Ok(answer) => ("ok", Ok(answer.into_owned())),
                Err(error) => ("malformed", Err(ReadFailure::Malformed { path, cause: error.to_string() })),
            },
            Err(error) => (word_of(&error), Err(ReadFailure::from(error))),
        };
        let timed = Entry::new(entry.request, took, outcome);
        let records = answer.as_ref().map_or(0, |answer| count(answer) as u64);
        let entry = Entry { latency_ms: timed.latency_ms, outcome, records, ..entry };
        self.journal.note((self.present)(), &entry)?;
        answer
    }
}

/// What became of a record.
enum Loaded {
    Data(OwnedValue),
    /// Another job may bring it.
    Again(String),
    /// Nothing will.
    Gone(String),
}

/// What a job has ready; a record that it does not tell of failed, and one that nobody asked for is none.
fn ready_in(answer: &OwnedValue, ids: &[String]) -> BTreeMap<String, Ready> {
    let mut ready: BTreeMap<String, Ready> = ids.iter().map(|id| (id.clone(), Ready::Failed(None))).collect();
    for entity in answer.get("entities").and_then(Value::as_array).unwrap_or_default() {
        let text = |name: &str| entity.get(name).and_then(Value::as_str);
        let Some(place) = text("id").and_then(|id| ready.get_mut(id)) else { continue };
        let is_failed = entity.get("failed").and_then(Value::as_bool).unwrap_or(false);
        *place = match text("downloadUri").filter(|_| !is_failed) {
            Some(uri) => Ready::At(SignedUri::new(uri.to_owned())),
            None => Ready::Failed(text("statusCode").filter(|status| is_plain(status)).map(ToOwned::to_owned)),
        };
    }
    ready
}

fn get(path: String) -> Read {
    Get { path, query: Vec::new() }.into()
}

/// The word of the journal for a failure.
fn word_of(error: &FetchError) -> &'static str {
    match error {
        FetchError::Forbidden { .. } => "forbidden",
        FetchError::Unauthorised { .. } | FetchError::LoginRefused { .. } => "unauthorised",
        FetchError::NotFound { .. } => "not-found",
        FetchError::RateLimited { .. } => "rate-limited",
        FetchError::Rejected { .. } => "rejected",
        FetchError::Upstream { .. } => "upstream",
        FetchError::Transport { .. } | FetchError::Silent { .. } => "unreachable",
        FetchError::Malformed { .. } => "malformed",
        FetchError::TooLarge { .. } => "too-large",
        FetchError::LimitReached { .. } => "limit-reached",
    }
}
