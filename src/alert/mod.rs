//! What people are told: alerts, and the messages that carry them.
//!
//! An [`Alert`] is a change or a finding that somebody may have to act on, in words and without a secret. A [`Message`] is what one
//! route says of one run. Whoever sends them gets all there is to say as an argument, and decides nothing but the form.

mod content;

pub use content::{Alert, AlertPhase, ChangedValue, Group, Message, event_id, message_id};
