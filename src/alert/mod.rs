//! What people are told: alerts, which route tells them when, and what was told to whom.
//!
//! An [`Alert`] is a change or a finding that somebody may have to act on, in words and without a secret. [`Teller`] makes it,
//! [`Routing`] decides who hears of it and who does not, with a reason for either, and a [`Message`] is what one route says of one
//! run. [`Deliveries`] is the memory between runs: what waits to be sent, what was settled, what still holds.
//!
//! Whoever sends gets all there is to say as an argument, and decides nothing but the form. The present is an argument as well.

mod content;
mod deliveries;
mod inhibition;
mod privacy;
mod route;
mod routing;
mod tell;
mod times;
mod values;

pub use content::{Alert, AlertPhase, ChangedValue, Group, Message, event_id, message_id};
pub use deliveries::{Claim, Deliveries, Episode, Incident, Outgoing, Raised, Refused, Watermark};
pub use inhibition::{Inhibition, InhibitionProblem, Side, Tie, built_in_inhibitions};
pub use privacy::People;
pub use route::{GroupBy, Miss, Route, RouteMatch};
pub use routing::{Fate, Routing, compose};
pub use tell::{Facts, Occasion, Teller, Told};
pub use times::{Window, WindowProblem, next_begin};

/// The checks whose findings can be told besides those of runs, as `[alerts] audits` calls them.
pub const AUDITS: [&str; 2] = ["acks", "verify"];
