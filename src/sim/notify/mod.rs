//! Notifications of the simulated org: channels, their subscriptions and the sockets on which events come.
//!
//! Which topics there are, and which domains they tell of, is in `schemas/sim/topics.toml`. What happened in the
//! [`World`](super::World) is turned into events by [`events`]; [`Notifications`] sends them to whoever subscribed, and lets
//! a test break what it wants to see broken.
//!
//! Limits: all channels belong to one program. An event holds the id and the name of the entity and no more; one that comes while
//! a channel has no socket is lost.

mod channels;
mod requests;
mod socket;
mod topics;

pub use channels::Notifications;
pub(super) use requests::{Wish, answer};
pub(super) use socket::{SOCKET_PATH, connect};
pub(super) use topics::{Event, Happening, events};
