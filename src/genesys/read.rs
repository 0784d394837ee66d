//! What can be read of the API.

use super::client::Get;

/// The endings of the paths that take a query by POST and change nothing (API document: Pagination, Audit API).
const QUERY_ENDINGS: [&str; 3] = ["/query", "/search", "/query/realtime"];

/// Where jobs are made that bring the records of runs of flows. Beside it is a path whose POST launches a flow.
const INSTANCE_JOBS: &str = "/api/v2/flows/instances/jobs";

/// One read.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    /// By GET.
    Get(Get),
    /// By a query that the API takes by POST.
    Query(PostQuery),
    /// By a job that the API takes by POST.
    Job(InstanceJob),
}

/// A job that makes the records of runs of flows ready for download. It changes nothing that an organisation keeps, and its path
/// cannot be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceJob {
    query: Vec<(String, String)>,
    ids: Vec<String>,
}

/// A query that is sent by POST because it does not fit into an address. It changes nothing: only a path that the API has for
/// queries makes one.
#[derive(Debug, Clone, PartialEq)]
pub struct PostQuery {
    path: String,
    query: Vec<(String, String)>,
    body: serde_json::Map<String, serde_json::Value>,
}

/// A path that is none of a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no path of a query, and nothing else is sent by POST")]
pub struct NotAQuery(String);

impl PostQuery {
    /// A query of a path with a body.
    ///
    /// # Errors
    /// [`NotAQuery`] for a path that does not end as queries do.
    pub fn new(path: String, body: serde_json::Map<String, serde_json::Value>) -> Result<Self, NotAQuery> {
        if QUERY_ENDINGS.iter().any(|ending| path.ends_with(ending)) {
            Ok(Self { path, query: Vec::new(), body })
        } else {
            Err(NotAQuery(path))
        }
    }

    /// The same with a parameter in the address.
    #[must_use]
    pub fn with_parameter(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The parameters in the address, not encoded.
    pub(super) fn query(&self) -> &[(String, String)] {
        &self.query
    }

    /// The body, as it is sent.
    pub(super) fn body(&self) -> &serde_json::Map<String, serde_json::Value> {
        &self.body
    }
}

impl InstanceJob {
    /// A job for the runs of some ids.
    #[must_use]
    pub fn new(ids: Vec<String>) -> Self {
        Self { query: Vec::new(), ids }
    }

    /// The parameters in the address, not encoded.
    pub(super) fn query(&self) -> &[(String, String)] {
        &self.query
    }

    /// The body, as it is sent.
    pub(super) fn body(&self) -> serde_json::Value {
        serde_json::json!({ "ids": self.ids })
    }
}

impl Read {
    /// The path, from its first slash.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Get(get) => &get.path,
            Self::Query(query) => &query.path,
            Self::Job(_) => INSTANCE_JOBS,
        }
    }

    /// The same with a parameter more.
    pub(super) fn with_text(self, name: &str, value: &str) -> Self {
        self.with(name, value.to_owned(), value.into())
    }

    /// The same with a parameter more that is a number.
    pub(super) fn with_number(self, name: &str, value: u64) -> Self {
        self.with(name, value.to_string(), value.into())
    }

    fn with(mut self, name: &str, text: String, value: serde_json::Value) -> Self {
        match &mut self {
            Self::Get(get) => get.query.push((name.to_owned(), text)),
            Self::Query(query) => drop(query.body.insert(name.to_owned(), value)),
            Self::Job(job) => job.query.push((name.to_owned(), text)),
        }
        self
    }
}

impl From<PostQuery> for Read {
    fn from(query: PostQuery) -> Self {
        Self::Query(query)
    }
}

impl From<InstanceJob> for Read {
    fn from(job: InstanceJob) -> Self {
        Self::Job(job)
    }
}

impl From<Get> for Read {
    fn from(get: Get) -> Self {
        Self::Get(get)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_a_query_can_be_sent_by_post() {
        let new = |path: &str| PostQuery::new(path.to_owned(), serde_json::Map::new());
        assert!(new("/api/v2/taskmanagement/workbins/query").is_ok());
        assert!(new("/api/v2/responsemanagement/responseassets/search").is_ok());
        assert!(new("/api/v2/audits/query/realtime").is_ok());
        let others = [
            "/api/v2/routing/queues",
            "/api/v2/flows/executions",
            "/api/v2/flows/instances/jobs",
            "/api/v2/users/query/x",
            "",
        ];
        for other in others {
            assert_eq!(new(other), Err(NotAQuery(other.to_owned())));
        }
    }

    #[test]
    fn a_job_leads_to_one_path_whatever_it_is_about() {
        let job = Read::from(InstanceJob::new(vec!["../../executions".to_owned(), "?flowId=1".to_owned()]));
        assert_eq!(job.path(), "/api/v2/flows/instances/jobs");
        assert_eq!(job.with_text("expand", "bots").path(), "/api/v2/flows/instances/jobs");
    }
}
