//! Between socket and world: login, tokens, rate limit, faults, the log of requests. Synchronous, and without a clock of its own.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::api::{Api, CLIENTS_PATH, Call, domain_at};
use super::contract::Permissions;
use super::executions;
use super::fault::{Effect, Faults, RateHeaders};
use super::login::{Client, Tokens};
use super::notify::{self, Event, Notifications, Wish};
use super::query;
use super::rate::{RateLimit, Usage};
use super::reply::{Body, Refusal, Reply};
use super::rng::Rng;
use super::server::ServerOptions;
use super::world::World;
use crate::catalogue::PermissionMode;
use crate::model::Value;

/// The path of the token endpoint.
const LOGIN_PATH: &str = "/oauth/token";

/// What a proxy shows when the API is not there.
const WEB_PAGE: &str = "<!DOCTYPE html><html><body><h1>Please stand by</h1></body></html>";

/// What `Retry-After` and the reset header say where a fault leaves them open.
const DEFAULT_RESET: u64 = 60;

/// A request as it came in.
pub(super) struct Incoming<'i> {
    pub(super) method: &'i str,
    pub(super) path: &'i str,
    pub(super) query: &'i str,
    pub(super) authorization: Option<&'i str>,
    pub(super) body: &'i str,
}

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRequest {
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Its parameters, decoded, in order.
    pub query: Vec<(String, String)>,
    /// Its body, where it is a query that is sent by POST.
    pub body: String,
    /// The status of the answer; `None` where the connection broke.
    pub status: Option<u16>,
    /// When it came, by the clock of the server.
    pub at: Duration,
}

/// All that requests share.
pub(super) struct Gate {
    api: Api,
    pub(super) client: Client,
    options: ServerOptions,
    seed: u64,
    world: Mutex<World>,
    pub(super) notifications: Notifications,
    /// Where sockets are, without a path.
    pub(super) sockets: String,
    /// Where the server is, without a path.
    pub(super) base: String,
    started: DateTime<Utc>,
    desk: Mutex<Desk>,
}

/// What every request changes.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) tokens: Tokens,
    pub(super) faults: Faults,
    pub(super) log: Vec<LoggedRequest>,
    rate: RateLimit,
    pub(super) served: u64,
}

impl Gate {
    pub(super) fn new(world: World, options: ServerOptions) -> Self {
        let client = options.client.clone().map_or_else(|| client_of(&world), |(id, secret)| Client { id, secret });
        Self {
            api: Api::of(world.catalogue()),
            client,
            seed: world.seed(),
            options,
            world: Mutex::new(world),
            notifications: Notifications::default(),
            sockets: String::new(),
            base: String::new(),
            started: Utc::now(),
            desk: Mutex::default(),
        }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        // A caller that panicked left the world as it was; the test that it failed says so itself.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the org or changes it, and tells who subscribed to what changed.
    pub(super) fn with_world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.world();
        let seen = look(&mut world);
        let events: Vec<Event> = world.take_happenings().iter().flat_map(notify::events).collect();
        self.notifications.deliver(&events);
        seen
    }

    /// The time by the clock of the server.
    pub(super) fn now(&self) -> Duration {
        (self.options.now)()
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a request and logs it.
    pub(super) fn serve(&self, incoming: &Incoming<'_>) -> Reply {
        let at = self.now();
        let reply = if incoming.path == LOGIN_PATH { self.log_in(incoming, at) } else { self.call(incoming, at) };
        let status = (reply.body != Body::Reset).then_some(reply.status);
        self.desk().log.push(LoggedRequest {
            method: incoming.method.to_owned(),
            path: incoming.path.to_owned(),
            query: query::read(incoming.query),
            // A login holds nothing that a test could ask for.
            body: if incoming.path == LOGIN_PATH { String::new() } else { incoming.body.to_owned() },
            status,
            at,
        });
        reply
    }

    fn log_in(&self, incoming: &Incoming<'_>, now: Duration) -> Reply {
        if incoming.method != "POST" {
            return Refusal::new(405, "method.not.allowed", "A token is asked for with POST.").reply("");
        }
        let lifetime = self.options.token_lifetime;
        let authorization = incoming.authorization;
        self.desk().tokens.grant(&self.client, authorization, incoming.body, now, lifetime, self.seed)
    }

    fn call(&self, incoming: &Incoming<'_>, now: Duration) -> Reply {
        let mut world = self.world();
        let mut desk = self.desk();
        let number = desk.served;
        desk.served += 1;
        let is_listing = self.api.is_listing(&world, incoming.path);
        let effect = desk.faults.strike(number, incoming.path, is_listing);
        let is_admitted = desk.tokens.admit(incoming.authorization, now);
        let counted = self.options.allowed_per_minute.filter(|_| is_admitted);
        let usage = counted.map(|allowed| desk.rate.count(allowed, now));
        drop(desk);

        let mut rng = Rng::keyed(self.seed, &["request", &number.to_string()]);
        let correlation = rng.uuid();
        let permissions = self.api.permissions(&world, incoming.method, incoming.path);
        let reply = if let Some(reply) = effect.and_then(|effect| refused_by(effect, &permissions, &correlation)) {
            reply
        } else if incoming.path.starts_with(executions::DOWNLOADS) {
            let at = self.started + now;
            spoiled(effect, executions::download(&world, (incoming.path, incoming.query), incoming.authorization, at))
        } else if !is_admitted {
            let code = if incoming.authorization.is_some() { "bad.credentials" } else { "authentication.required" };
            Refusal::new(401, code, "No authentication bearer token that counts came with the request.")
                .reply(&correlation)
        } else if let Some(usage) = usage.filter(|usage| usage.is_exceeded()) {
            too_many(usage.allowed, usage.reset).reply(&correlation).with_header("retry-after", usage.reset.to_string())
        } else {
            let Incoming { method, path, query, body, .. } = *incoming;
            let wish =
                Wish { method, path, query, body, seed: self.seed, now, started: self.started, sockets: &self.sockets };
            let answer = notify::answer(&self.notifications, &wish).unwrap_or_else(|| {
                let call = Call { method, path, query, body, at: self.started + now, base: &self.base };
                let body = self.api.answer(&mut world, &call, &self.client.id, effect, &mut rng);
                body.map(|body| Reply::json(200, body))
            });
            answer.map_or_else(|refusal| refusal.reply(&correlation), |reply| spoiled(effect, reply))
        };
        let reply = match (usage, effect) {
            (_, Some(Effect::TooManyRequests { .. })) | (None, _) => reply,
            (Some(usage), _) => with_rate(reply, usage),
        };
        reply.with_header("inin-correlation-id", correlation)
    }
}

/// The program that logs in: the first that the org knows, with the secret that it has now.
fn client_of(world: &World) -> Client {
    let known = domain_at(world, CLIENTS_PATH).and_then(|domain| {
        let client = &world.members(&domain.id).first()?.value;
        let text = |name| client.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        Some(Client { id: text("id")?, secret: text("secret")? })
    });
    let mut rng = Rng::keyed(world.seed(), &["client"]);
    known.unwrap_or_else(|| Client { id: rng.uuid(), secret: rng.hex(40) })
}

/// The answer where a fault decides it alone.
fn refused_by(effect: Effect, permissions: &Permissions, correlation: &str) -> Option<Reply> {
    let refusal = match effect {
        Effect::Unauthorised => Refusal::new(401, "bad.credentials", "Invalid login credentials."),
        Effect::Forbidden => {
            let Permissions { names, mode } = permissions;
            let one_would_do = *mode == PermissionMode::Any && names.len() > 1;
            let code = if one_would_do { "missing.any.permissions" } else { "missing.permissions" };
            let needed = names.join(", ");
            let message = format!("Unable to perform the requested action. Missing permission(s): {needed}");
            Refusal::new(403, code, message)
        }
        Effect::NotFound => Refusal::new(404, "not.found", "The requested resource could not be found."),
        Effect::Gone => Refusal::new(410, "gone", "The requested resource is gone."),
        Effect::InternalError => Refusal::new(500, "internal.server.error", "The request could not be processed."),
        Effect::Unavailable => Refusal::new(503, "service.unavailable", "The service is unavailable."),
        Effect::TooManyRequests { retry_after, rate_headers } => {
            let usage = Usage { count: 301, allowed: 300, reset: retry_after.unwrap_or(DEFAULT_RESET) };
            let mut reply = too_many(usage.allowed, usage.reset).reply(correlation);
            if let Some(seconds) = retry_after {
                reply = reply.with_header("retry-after", seconds.to_string());
            }
            return Some(if rate_headers == RateHeaders::UsedUp { with_rate(reply, usage) } else { reply });
        }
        Effect::Reset => return Some(Reply { status: 200, headers: Vec::new(), body: Body::Reset }),
        Effect::Html => return Some(Reply { status: 200, headers: Vec::new(), body: Body::Html(WEB_PAGE) }),
        _ => return None,
    };
    Some(refusal.reply(correlation))
}

/// An answer that a fault cuts off.
fn spoiled(effect: Option<Effect>, mut reply: Reply) -> Reply {
    if let (Some(Effect::TruncatedJson), Body::Json(body)) = (effect, &mut reply.body) {
        body.truncate(body.len() / 2);
    }
    reply
}

fn too_many(allowed: u32, reset: u64) -> Refusal {
    let message = format!("Rate limit exceeded the maximum [{allowed}] requests within [{reset}] seconds");
    Refusal { limit: Some(allowed), ..Refusal::new(429, "too.many.requests", message) }
}

fn with_rate(reply: Reply, usage: Usage) -> Reply {
    reply
        .with_header("inin-ratelimit-count", usage.count.to_string())
        .with_header("inin-ratelimit-allowed", usage.allowed.to_string())
        .with_header("inin-ratelimit-reset", usage.reset.to_string())
}
