//! Channels: how an alert reaches Slack, a pager, a mailbox or a SIEM.
//!
//! A [`Channel`] builds what is sent and says what an answer means; it decides neither what is told nor whether it was told before.
//! What a channel builds is the same bytes each time for the same message, so that it can be shown before it is sent. The
//! [`Courier`] sends it.
//!
//! A type of channel is a file under `schemas/channels/`, with its settings, the limits of its receiver and what statuses mean, and a
//! file here that builds from them. Names and values from an organisation are hostile: each channel puts them where its receiver
//! takes text for text, or escapes them.

mod answers;
mod batch;
mod body;
mod cef;
mod channel;
mod courier;
mod cut;
mod datadog;
mod definition;
mod elastic;
mod email;
mod moment;
mod ocsf;
mod opening;
mod pagerduty;
mod settings;
mod slack;
mod splunk;
mod teams;
mod webhook;
mod words;

pub use channel::{
    Answer, Channel, ChannelKind, HttpTransport, MailServer, MailTls, Payload, Record, Signature, SyslogCarrier,
    SyslogServer, Transport, Verdict,
};
pub use courier::Courier;
pub use definition::{ChannelType, ChannelTypes, DefinitionError, Form, Limit, SettingRule, Statuses, variable};
pub use opening::OpenError;
pub use settings::{ChannelSettings, Secrets, SettingValue};

use opening::Opening;

type Open = fn(&Opening<'_>) -> Result<Box<dyn Channel>, OpenError>;

/// What opens a channel of each type.
const TYPES: [(&str, Open); 10] = [
    ("cef", cef::open),
    ("datadog", datadog::open),
    ("elastic", elastic::open),
    ("email", email::open),
    ("ocsf", ocsf::open),
    ("pagerduty", pagerduty::open),
    ("slack", slack::open),
    ("splunk", splunk::open),
    ("teams", teams::open),
    ("webhook", webhook::open),
];

/// Opens a channel.
///
/// # Errors
/// [`OpenError`] where a secret is not there, or is not of the form that it has to be.
pub fn open(settings: &ChannelSettings, secrets: &Secrets) -> Result<Box<dyn Channel>, OpenError> {
    let types = ChannelTypes::built_in()?;
    let open = TYPES.iter().find(|(name, _)| *name == settings.channel_type).map(|(_, open)| open);
    match (open, types.get(&settings.channel_type)) {
        (Some(open), Some(definition)) => open(&Opening { settings, secrets, definition }),
        _ => Err(OpenError::NoType { channel: settings.name.clone(), channel_type: settings.channel_type.clone() }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
