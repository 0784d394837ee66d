//! What the simulated API sends back, before there is a socket.

use serde::Serialize;

/// A status, headers and a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Body,
}

/// What follows the headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Json(Vec<u8>),
    Html(&'static str),
    /// The connection breaks.
    Reset,
}

/// A refusal in the manner of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// The limit that is used up.
    pub(super) limit: Option<u32>,
}

/// The error body of the API.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody<'r> {
    message: &'r str,
    code: &'r str,
    status: u16,
    context_id: &'r str,
    details: [(); 0],
    errors: [(); 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<Limit>,
}

#[derive(Serialize)]
struct Limit {
    namespace: &'static str,
    key: &'static str,
    value: u32,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), limit: None }
    }

    pub(super) fn not_found(path: &str) -> Self {
        Self::new(404, "not.found", format!("There is nothing at {path}."))
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "bad.request", message)
    }

    /// The refusal as it is sent, with the correlation id of the request.
    pub(super) fn reply(&self, correlation: &str) -> Reply {
        let limit = self.limit.map(|value| Limit {
            namespace: "platform.api",
            key: "client.credentials.token.rate.per.minute",
            value,
        });
        let body = ErrorBody {
            message: &self.message,
            code: self.code,
            status: self.status,
            context_id: correlation,
            details: [],
            errors: [],
            limit,
        };
        Reply::json(self.status, serde_json::to_vec(&body).unwrap_or_default())
    }
}

impl Reply {
    pub(super) fn json(status: u16, body: Vec<u8>) -> Self {
        Self { status, headers: Vec::new(), body: Body::Json(body) }
    }

    pub(super) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
