//! Channels: how an alert reaches Slack, a pager, a mailbox or a SIEM.
//!
//! A [`Channel`] builds what is sent and says what an answer means; it decides neither what is told nor whether it was told before.
//! What a channel builds is the same bytes each time for the same message, so that it can be shown before it is sent.

mod channel;

pub use channel::{Answer, Channel, ChannelKind, Payload, Record, Transport, Verdict};
