//! What a channel does, whatever it is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::alert::Message;
use crate::model::OwnedValue;

/// Who a channel talks to, which decides how much it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
#[derive(Clone, Debug)]
pub struct Payload {
    /// The ids of the alerts or records that are delivered with it.
    pub covers: Vec<String>,
    /// How it travels.
    pub transport: Transport,
    /// What is sent; holds no secret.
    pub body: Vec<u8>,
}

/// How a payload travels.
#[derive(Clone, Debug)]
pub enum Transport {
    /// By a request to a server.
    Http(HttpTransport),
    /// By mail; the body is the message with its headers.
    Mail {
        /// The server that takes it.
        server: Arc<MailServer>,
        /// The sender.
        from: String,
        /// The receivers.
        to: Vec<String>,
    },
    /// To a syslog daemon; the body is one message of RFC 5424 without a frame.
    Syslog(Arc<SyslogServer>),
}

/// How a request is made.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    /// `POST`, unless the receiver asks for another method.
    pub method: &'static str,
    /// Where to; a secret, as the URL of a webhook is its key.
    pub url: SecretString,
    /// The headers that hold no secret.
    pub headers: Vec<(&'static str, String)>,
    /// The headers that do.
    pub secret_headers: Vec<(&'static str, SecretString)>,
    /// Members that the JSON object of the body gets when it is sent, as they hold secrets.
    pub secret_members: Vec<(&'static str, SecretString)>,
    /// What the request is signed with when it is sent: a signature says when that was.
    pub signature: Option<Signature>,
    /// A file of certificates that are trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
}

/// What a request is signed with, as Standard Webhooks describes it.
#[derive(Clone, Debug)]
pub struct Signature {
    /// The id of the message.
    pub id: String,
    /// The keys, each of which signs: two while one takes the place of the other.
    pub keys: Vec<SecretString>,
}

/// A mail server.
#[derive(Clone, Debug)]
pub struct MailServer {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept private.
    pub tls: MailTls,
    /// The user and the password to log in with.
    pub login: Option<(String, SecretString)>,
    /// A file of certificates that are trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
}

/// How a connection to a mail server is kept private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// It begins in clear and goes on in TLS before anything is said; a server that cannot is not talked to.
    Starttls,
    /// It is TLS from its first byte.
    Implicit,
    /// It stays in clear, which only a server on this machine is asked for.
    None,
}

/// A syslog daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogServer {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What carries a message.
    pub carrier: SyslogCarrier,
    /// A file of certificates that are trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
}

/// What carries a message to a syslog daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyslogCarrier {
    /// TLS, framed as RFC 5425 says.
    Tls,
    /// TCP, framed by counting octets as RFC 6587 says.
    Tcp,
    /// UDP, a datagram for each message as RFC 5426 says.
    Udp,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An HTTP status with its body, as far as it was read, and what `Retry-After` asks for.
    Http {
        /// The status.
        status: u16,
        /// The first bytes of the body, without a secret.
        body: String,
        /// The wait that the receiver asks for.
        retry_after: Option<Duration>,
    },
    /// The code of an SMTP server and what it says, without a secret.
    Smtp(u16, String),
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

impl HttpTransport {
    /// A POST of JSON.
    pub(super) fn post_json(url: SecretString, ca_file: Option<PathBuf>) -> Self {
        Self {
            method: "POST",
            url,
            headers: vec![("content-type", "application/json; charset=utf-8".to_owned())],
            secret_headers: Vec::new(),
            secret_members: Vec::new(),
            signature: None,
            ca_file,
        }
    }
}

impl Transport {
    /// Everything secret that goes out, so that an answer which repeats it can be told without it.
    pub(super) fn secrets(&self) -> Vec<&str> {
        match self {
            Self::Http(http) => {
                let named = http.secret_headers.iter().chain(&http.secret_members).map(|(_, secret)| secret);
                let keys = http.signature.iter().flat_map(|signature| &signature.keys);
                [&http.url].into_iter().chain(named).chain(keys).map(ExposeSecret::expose_secret).collect()
            }
            Self::Mail { server, .. } => server.login.iter().map(|(_, password)| password.expose_secret()).collect(),
            Self::Syslog(_) => Vec::new(),
        }
    }
}
