//! One run of a flow, as a query tells it.

use chrono::{DateTime, Utc};

use crate::model::{OwnedValue, Value};

/// The longest id that is one.
const LONGEST_ID: usize = 64;

/// A run of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// When it began.
    pub started: DateTime<Utc>,
    /// The id of its flow.
    pub flow_id: Option<String>,
    /// What the flow is called.
    pub flow_name: Option<String>,
    /// Why it failed; absent where it did not.
    pub error_reason: Option<String>,
    /// All that the query told of it.
    pub entry: OwnedValue,
}

/// That an entry lacks something without which nothing can be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lacking(pub &'static str);

impl Instance {
    /// Reads an entry of an answer.
    ///
    /// # Errors
    /// The entry and [`Lacking`] where it has no id that can be asked for, or no begin.
    pub fn read(entry: OwnedValue) -> Result<Self, (OwnedValue, Lacking)> {
        match Self::parts(&entry) {
            Ok((id, started)) => {
                let text = |name: &str| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
                let owned = |name: &str| text(name).map(ToOwned::to_owned);
                Ok(Self {
                    id,
                    started,
                    flow_id: owned("flowId"),
                    flow_name: owned("flowName"),
                    error_reason: owned("flowErrorReason"),
                    entry,
                })
            }
            Err(lacking) => Err((entry, lacking)),
        }
    }

    fn parts(entry: &OwnedValue) -> Result<(String, DateTime<Utc>), Lacking> {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let id = text("id").filter(|id| is_plain(id)).ok_or(Lacking("id"))?;
        let started = text("startDateTime").and_then(|at| DateTime::parse_from_rfc3339(at).ok());
        let started = started.ok_or(Lacking("startDateTime"))?.to_utc();
        Ok((id.to_owned(), started))
    }

    /// What puts runs in order.
    #[must_use]
    pub fn order(&self) -> (DateTime<Utc>, &str) {
        (self.started, &self.id)
    }
}

/// Whether a text can be a segment of a path and nothing else.
#[must_use]
pub fn is_plain(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= LONGEST_ID
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::read_str;

    #[test]
    fn an_entry_needs_an_id_and_a_begin() {
        let read = |text: &str| Instance::read(read_str(text).unwrap().into_owned());
        let whole =
            read(r#"{"id":"a-1","startDateTime":"2026-03-03T12:00:00.001Z","flowErrorReason":"","new":1}"#).unwrap();
        assert_eq!((whole.id.as_str(), whole.error_reason, whole.flow_id), ("a-1", None, None));
        for (text, lacks) in [
            (r#"{"startDateTime":"2026-03-03T12:00:00Z"}"#, "id"),
            (r#"{"id":"../executions","startDateTime":"2026-03-03T12:00:00Z"}"#, "id"),
            (r#"{"id":7,"startDateTime":"2026-03-03T12:00:00Z"}"#, "id"),
            (r#"{"id":"a","startDateTime":"today"}"#, "startDateTime"),
            ("[]", "id"),
        ] {
            assert_eq!(read(text).map_err(|(_, lacking)| lacking), Err(Lacking(lacks)), "{text}");
        }
    }
}
