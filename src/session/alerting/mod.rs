//! Tells what there is to tell: from what runs put on record, over the routes, to the channels; at least once and, but for a
//! death between sending and taking note of it, once.
//!
//! Nothing is sent before it is known to whoever else may send: what a run has to tell is put into the outbox of
//! [`crate::alert::Deliveries`], claimed for a time and given to the remote, which takes it only if nobody else was there first.
//! Then it is sent, then it is noted. Whoever dies in between leaves a claim that ends, and the next one sends the same ids again.

mod incidents;
mod links;
mod news;
mod outbox;
mod sending;
mod sources;
mod store;
mod trial;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

pub use self::sending::Post;
pub use self::store::DELIVERIES_REF;
pub(super) use self::store::{deliveries, keep_deliveries};

use self::outbox::Planned;
use self::sending::{Sending, Sent};
use super::exit::{Exit, Exits};
use super::failure::Failure;
use super::observer::Observer;
use super::remote::Remote;
use super::run::Effect;
use super::time::written;
use super::workspace::{Workspace, archive};
use crate::alert::{Claim, Deliveries, Outgoing, Refused};
use crate::config::{ChannelSettings, Environment};
use crate::genesys::Clock;
use crate::model::nearest;
use crate::notify::{Channel, open};
use crate::report::Undelivered;
use crate::report::alerts::{AlertReport, DeliveryState, ToldDelivery};
use crate::trail::CommitId;

/// How often it is tried again to be the first at the remote.
const ATTEMPTS: u32 = 8;

/// How long after the deliveries of a run have to be over somebody else may take them.
const MARGIN: TimeDelta = TimeDelta::seconds(120);

/// The channels that are open, by name.
pub type Outlets = BTreeMap<String, Box<dyn Channel>>;

/// How to tell.
pub struct AlertOptions {
    /// The commit to begin behind; absent: where the last run stopped telling, and behind the last run but one before that.
    pub since: Option<CommitId>,
    /// What is written: nothing, and then nothing is sent either; the trail; the remote as well.
    pub effect: Effect,
    /// Whether it is told of each alert why it was sent or not, also of the last run's where there is nothing new.
    pub explains: bool,
    /// The present.
    pub now: DateTime<Utc>,
    /// The clock that waits go by.
    pub clock: Arc<dyn Clock>,
}

/// Opens the channels that routes name, or that something waits for.
///
/// # Errors
/// [`Failure`] where a secret is not there or is not of the form that it has to be.
pub fn outlets(workspace: &Workspace, environment: &Environment) -> Result<Outlets, Failure> {
    let config = &workspace.config;
    let waited_for: Vec<String> =
        deliveries(workspace)?.into_iter().flat_map(|known| known.outbox).map(|outgoing| outgoing.channel).collect();
    let is_named = |settings: &&ChannelSettings| {
        waited_for.contains(&settings.name) || config.routes.iter().any(|route| route.channels.contains(&settings.name))
    };
    open_all(config.channels.iter().filter(is_named), environment)
}

/// Opens one channel.
///
/// # Errors
/// [`Failure`] where there is no such channel, or as for [`outlets`].
pub fn outlet(workspace: &Workspace, environment: &Environment, name: &str) -> Result<Outlets, Failure> {
    let channels = &workspace.config.channels;
    if let Some(settings) = channels.iter().find(|settings| settings.name == name) {
        return open_all([settings].into_iter(), environment);
    }
    let failure = Failure::new(Exit::Usage, format!("there is no channel {name:?}"));
    Err(match nearest(name, channels.iter().map(|settings| settings.name.as_str())) {
        Some(near) => failure.hint(format!("did you mean {near:?}?")),
        None => failure.hint("a section [channels.NAME] of orgtrail.toml sets one up"),
    })
}

fn open_all<'c>(
    channels: impl Iterator<Item = &'c ChannelSettings> + Clone,
    environment: &Environment,
) -> Result<Outlets, Failure> {
    let secrets = environment.channel_secrets(channels.clone())?;
    channels.map(|settings| Ok((settings.name.clone(), open(settings, &secrets)?))).collect()
}

/// Sends a message to a channel that says that it is a trial.
///
/// # Errors
/// [`Failure`] where the channel does not take it.
pub async fn try_channel(
    workspace: &Workspace,
    outlets: &Outlets,
    post: &dyn Post,
    name: &str,
    options: &AlertOptions,
) -> Result<ToldDelivery, Failure> {
    let org = archive(workspace, workspace.tip()?)?.ledger().map(|ledger| ledger.org.clone()).unwrap_or_default();
    let outgoing = trial::message(name, &org, &written(options.now));
    let sending = Sending { outlets, post, clock: &*options.clock, budget: workspace.config.alerts.budget };
    let sent = sending.send(std::slice::from_ref(&outgoing)).await;
    match sent.into_iter().next().and_then(|sent| sent.trouble) {
        None => Ok(shown(&outgoing, outlets, DeliveryState::Delivered, None)),
        Some(reason) => {
            Err(Failure::new(Exit::Delivery, format!("the channel {name} did not take the message: {reason}"))
                .hint(format!("see [channels.{name}] of orgtrail.toml, and the secrets that it names")))
        }
    }
}

/// Whether there is anybody to tell.
#[must_use]
pub fn has_routes(workspace: &Workspace) -> bool {
    workspace.config.routes.iter().any(|route| !route.channels.is_empty())
}

/// Tells what is new, and what could not be told before. The caller holds the lock, unless nothing is written.
///
/// # Errors
/// [`Failure`] where it cannot be told what is new, or the remote does not take the claim. A channel that is down is none.
pub async fn alert(
    workspace: &Workspace,
    outlets: &Outlets,
    post: &dyn Post,
    options: &AlertOptions,
    observer: &dyn Observer,
) -> Result<(AlertReport, Exits), Failure> {
    let at = written(options.now);
    let Claimed { planned, own, by } = claim(workspace, outlets, options, observer)?;
    let Planned { deliveries, explained } = planned;
    if options.effect == Effect::None {
        let shown = own.iter().map(|outgoing| shown(outgoing, outlets, DeliveryState::Planned, None));
        let messages = shown.chain(waiting(&deliveries, &own)).collect();
        return Ok((AlertReport { at, is_dry_run: true, messages, explained }, Exits::default()));
    }
    let sending = Sending { outlets, post, clock: &*options.clock, budget: workspace.config.alerts.budget };
    let sent = sending.send(&own).await;
    let mut exits = Exits::default();
    if sent.iter().any(|one| one.trouble.is_some()) {
        exits.add(Exit::Delivery);
    }
    if let Err(failure) = take_note(workspace, (&sent, &by), options, observer) {
        let what = "what was delivered is noted here, and the remote does not know of it yet";
        observer.warn(&format!("{what}: {}", failure.message));
        exits.add(failure.exit);
    }
    let told = sent.iter().map(|one| {
        let state = match (&one.trouble, one.is_refused) {
            (None, _) => DeliveryState::Delivered,
            (Some(_), true) => DeliveryState::Refused,
            (Some(_), false) => DeliveryState::Pending,
        };
        shown(&one.outgoing, outlets, state, one.trouble.clone())
    });
    let messages = told.chain(waiting(&deliveries, &own)).collect();
    Ok((AlertReport { at, is_dry_run: false, messages, explained }, exits))
}

/// What one is about to send.
struct Claimed {
    planned: Planned,
    own: Vec<Outgoing>,
    by: String,
}

/// Plans what is told and says so to whoever else may be about to tell it, until nobody else was there first.
fn claim(
    workspace: &Workspace,
    outlets: &Outlets,
    options: &AlertOptions,
    observer: &dyn Observer,
) -> Result<Claimed, Failure> {
    let now = written(options.now);
    let by = sender(options.now);
    let budget = TimeDelta::from_std(workspace.config.alerts.budget).unwrap_or(MARGIN);
    let until = written(options.now + budget + MARGIN);
    for _ in 0..ATTEMPTS {
        let remote = Remote::meet(workspace, options.effect, options.now, observer)?;
        let before = deliveries(workspace)?;
        let kinds = outlets.iter().map(|(name, channel)| (name.clone(), channel.kind())).collect();
        let mut planned = outbox::plan(workspace, before.clone(), &kinds, options, observer)?;
        let mut own = Vec::new();
        for outgoing in &mut planned.deliveries.outbox {
            if outgoing.is_due(&now, &by) {
                outgoing.claim = Some(Claim { by: by.clone(), until: until.clone() });
                own.push(outgoing.clone());
            }
        }
        let claimed = Claimed { planned, own, by: by.clone() };
        if options.effect == Effect::None || before.as_ref() == Some(&claimed.planned.deliveries) {
            return Ok(claimed);
        }
        store::write(workspace, &claimed.planned.deliveries)?;
        let (Effect::Push, Some(remote)) = (options.effect, remote) else { return Ok(claimed) };
        match remote.offer(workspace, options.now) {
            Ok(true) => return Ok(claimed),
            // Nothing was sent, so what was planned never was.
            Ok(false) => store::put_back(workspace, before.as_ref())?,
            Err(failure) => {
                store::put_back(workspace, before.as_ref())?;
                return Err(failure);
            }
        }
    }
    let remote = &workspace.config.remote;
    let failure = Failure::new(
        Exit::Upstream,
        format!("could not tell {remote:?} what is about to be sent: others keep pushing first"),
    );
    Err(failure.hint("run again: nothing was sent"))
}

/// Notes what became of what was sent, here and at the remote.
fn take_note(
    workspace: &Workspace,
    (sent, by): (&[Sent], &str),
    options: &AlertOptions,
    observer: &dyn Observer,
) -> Result<(), Failure> {
    if sent.is_empty() {
        return Ok(());
    }
    let at = written(options.now);
    // First of all here, whatever becomes of the remote.
    let noted = |workspace: &Workspace| {
        let mut known = deliveries(workspace)?.unwrap_or_else(Deliveries::new);
        for one in sent {
            note(&mut known, one, by, &at);
        }
        store::write(workspace, &known)
    };
    noted(workspace)?;
    for _ in 0..ATTEMPTS {
        let Some(remote) = Remote::meet(workspace, options.effect, options.now, observer)? else { return Ok(()) };
        noted(workspace)?;
        if options.effect != Effect::Push || remote.offer(workspace, options.now)? {
            return Ok(());
        }
    }
    Err(Failure::new(Exit::Upstream, "others keep pushing first").hint("run again"))
}

fn note(known: &mut Deliveries, sent: &Sent, by: &str, at: &str) {
    let Sent { outgoing, settled, trouble, is_refused } = sent;
    let Outgoing { channel, message, .. } = outgoing;
    if let (Some(reason), true) = (trouble, is_refused) {
        let refused = Refused {
            channel: channel.clone(),
            route: message.route.clone(),
            message: message.id.clone(),
            alerts: message.alerts.len(),
            at: at.to_owned(),
            reason: reason.clone(),
        };
        if known.refused.iter().all(|one| (&one.channel, &one.message) != (&refused.channel, &refused.message)) {
            known.refused.push(refused);
        }
    }
    known.settle(channel, settled.iter().cloned(), at);
    let is_same = |one: &&mut Outgoing| one.channel == *channel && one.message.id == message.id;
    if let Some(left) = known.outbox.iter_mut().find(is_same) {
        left.tries = outgoing.tries + 1;
        left.trouble.clone_from(trouble);
        if left.claim.as_ref().is_some_and(|claim| claim.by == by) {
            left.claim = None;
        }
    }
}

/// Who sends, in digits that say nothing of the machine.
fn sender(now: DateTime<Utc>) -> String {
    // Two senders that cannot be told apart would take each other's claims for their own.
    let chance = getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()));
    crate::canonical::Digest::of(format!("{chance} {}", now.timestamp_micros()).as_bytes()).short()
}

/// What is in the outbox and not one's own to send.
fn waiting<'d>(deliveries: &'d Deliveries, own: &[Outgoing]) -> impl Iterator<Item = ToldDelivery> + 'd {
    let own: Vec<(String, String)> =
        own.iter().map(|outgoing| (outgoing.channel.clone(), outgoing.message.id.clone())).collect();
    let others = deliveries.outbox.iter().filter(move |outgoing| {
        !own.iter().any(|(channel, id)| *channel == outgoing.channel && *id == outgoing.message.id)
    });
    others.map(|outgoing| {
        let state = if outgoing.not_before.is_some() { DeliveryState::Held } else { DeliveryState::Claimed };
        shown(outgoing, &Outlets::new(), state, outgoing.not_before.clone().or_else(|| outgoing.trouble.clone()))
    })
}

/// A message as it is told; with its payloads, where its channel is open.
fn shown(outgoing: &Outgoing, outlets: &Outlets, state: DeliveryState, reason: Option<String>) -> ToldDelivery {
    let Outgoing { channel, message, tries, .. } = outgoing;
    let payloads = outlets.get(channel).map(|channel| channel.payloads(message)).unwrap_or_default();
    ToldDelivery {
        channel: channel.clone(),
        route: message.route.clone(),
        id: message.id.clone(),
        alerts: message.alerts.len(),
        more: message.more,
        state,
        reason,
        tries: *tries,
        payloads: payloads.iter().map(sending::shown).collect(),
    }
}

/// What is on its way or was given up, for `status`.
pub(super) fn undelivered(workspace: &Workspace) -> Result<Vec<Undelivered>, Failure> {
    let Some(known) = deliveries(workspace)? else { return Ok(Vec::new()) };
    let waiting = known.outbox.into_iter().map(|outgoing| Undelivered {
        channel: outgoing.channel,
        route: outgoing.message.route,
        alerts: outgoing.message.alerts.len(),
        refused: false,
        reason: outgoing.trouble.or_else(|| outgoing.not_before.map(|begin| format!("not before {begin}"))),
    });
    let refused = known.refused.into_iter().map(|refused| Undelivered {
        channel: refused.channel,
        route: refused.route,
        alerts: refused.alerts,
        refused: true,
        reason: Some(refused.reason),
    });
    Ok(waiting.chain(refused).collect())
}
