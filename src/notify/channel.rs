//! What a channel does, whatever it is.

use std::time::Duration;

use secrecy::SecretString;

use crate::alert::Message;
use crate::model::OwnedValue;

/// Who a channel talks to, which decides how much it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChannelKind {
    /// People who read: one message for each route and run, shortened where there is too much.
    People,
    /// Something that opens and closes incidents: an event for each alert, and one when it is over.
    Pager,
    /// Something that keeps events: every alert, none left out; also records of flow executions.
    Siem,
}

/// A place that alerts go to.
pub trait Channel: Send + Sync {
    /// Who it talks to.
    fn kind(&self) -> ChannelKind;

    /// What is sent for a message, in order: each payload can be delivered apart.
    fn payloads(&self, message: &Message) -> Vec<Payload>;

    /// What is sent for records that a SIEM keeps, in as many payloads as its limits ask for; `None` where it takes no records.
    fn payloads_of_records(&self, records: &[Record]) -> Option<Vec<Payload>>;

    /// What an answer means.
    fn verdict(&self, answer: &Answer) -> Verdict;
}

/// One thing to send. Its secrets are in a form that no log prints.
#[derive(Debug)]
pub struct Payload {
    /// The ids of the alerts or records that are delivered with it.
    pub covers: Vec<String>,
    /// How it travels.
    pub transport: Transport,
    /// What is sent; holds no secret.
    pub body: Vec<u8>,
}

/// How a payload travels.
#[derive(Debug)]
pub enum Transport {
    /// By a request to a server.
    Http {
        /// `POST`, unless the receiver asks for another method.
        method: &'static str,
        /// Where to; a secret, as the URL of a webhook is its key.
        url: SecretString,
        /// The headers that hold no secret.
        headers: Vec<(String, String)>,
        /// The headers that do.
        secret_headers: Vec<(String, SecretString)>,
    },
    /// By mail.
    Mail {
        /// The sender.
        from: String,
        /// The receivers.
        to: Vec<String>,
    },
    /// To a syslog daemon.
    Syslog,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An HTTP status with its body, as far as it was read, and what `Retry-After` asks for.
    Http {
        /// The status.
        status: u16,
        /// The first bytes of the body.
        body: String,
        /// The wait that the receiver asks for.
        retry_after: Option<Duration>,
    },
    /// The code of an SMTP server.
    Smtp(u16),
    /// It went out on a connection that answers nothing.
    Sent,
    /// No answer: why, without a secret.
    None(String),
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It arrived.
    Delivered,
    /// It may arrive when it is tried again, not before the given time.
    Retry {
        /// Why it did not arrive, without a secret.
        reason: String,
        /// How long to wait at least.
        after: Option<Duration>,
    },
    /// It will never arrive like this.
    Refused {
        /// Why, without a secret.
        reason: String,
    },
}

/// A record that a SIEM keeps: not an alert, but what an organisation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What a receiver recognises the same record by.
    pub id: String,
    /// What it is a record of, such as `flow-execution`.
    pub kind: &'static str,
    /// When it happened, RFC 3339, UTC.
    pub at: String,
    /// What it says.
    pub body: OwnedValue,
}
