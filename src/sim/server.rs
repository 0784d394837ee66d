//! The simulated API on a socket of this machine.

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body as HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::routing::any;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::fault::Fault;
use super::gate::{Gate, Incoming, LoggedRequest};
use super::notify::{Notifications, SOCKET_PATH, connect};
use super::reply::{Body, Reply};
use super::world::World;

/// The largest request body that is read; a login is some dozen bytes.
const LARGEST_REQUEST: usize = 64 * 1024;

/// A clock that only ever says how much time has passed since some moment.
pub type Now = Arc<dyn Fn() -> Duration + Send + Sync>;

/// How the simulated API behaves.
#[derive(Clone)]
pub struct ServerOptions {
    /// The port on 127.0.0.1; 0 for any that is free.
    pub port: u16,
    /// The requests allowed in a minute; `None` for no limit and no rate headers.
    pub allowed_per_minute: Option<u32>,
    /// How long a token counts.
    pub token_lifetime: Duration,
    /// The id and secret of the program that may log in; `None` for the first that the org knows.
    pub client: Option<(String, String)>,
    /// The clock that tokens and the rate limit go by.
    pub now: Now,
}

impl Default for ServerOptions {
    fn default() -> Self {
        let start = Instant::now();
        Self {
            port: 0,
            allowed_per_minute: Some(300),
            token_lifetime: Duration::from_secs(24 * 60 * 60),
            client: None,
            now: Arc::new(move || start.elapsed()),
        }
    }
}

/// Serves a [`World`] over HTTP.
pub struct Server;

/// A server that runs; it stops when this is dropped.
pub struct Running {
    /// Where the API is.
    pub api_url: String,
    /// Where tokens are given out.
    pub login_url: String,
    /// The program that may log in.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    gate: Arc<Gate>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Starts to serve an org on the tokio runtime of the caller.
    ///
    /// # Errors
    /// Those of the socket.
    pub async fn start(world: World, options: ServerOptions) -> std::io::Result<Running> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let mut gate = Gate::new(world, options);
        gate.sockets = url.replacen("http", "ws", 1);
        gate.base.clone_from(&url);
        let gate = Arc::new(gate);
        let router = Router::new().route(&format!("{SOCKET_PATH}{{id}}"), any(connect));
        let router = router.fallback(handle).with_state(Arc::clone(&gate));
        let (stop, stopped) = oneshot::channel::<()>();
        let served = axum::serve(listener, router).with_graceful_shutdown(async {
            // An error says that the sender was dropped, which means the same.
            let _ = stopped.await;
        });
        Ok(Running {
            api_url: url.clone(),
            login_url: url,
            client_id: gate.client.id.clone(),
            client_secret: gate.client.secret.clone(),
            gate,
            stop: Some(stop),
            task: tokio::spawn(served.into_future()),
        })
    }
}

impl Running {
    /// The environment that points orgtrail at it.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        let Self { api_url, login_url, client_id, client_secret, .. } = self;
        [
            ("ORGTRAIL_API_URL", api_url),
            ("ORGTRAIL_LOGIN_URL", login_url),
            ("GENESYSCLOUD_OAUTHCLIENT_ID", client_id),
            ("GENESYSCLOUD_OAUTHCLIENT_SECRET", client_secret),
        ]
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .into()
    }

    /// Looks at the org or changes it, between two requests; who subscribed to what an edit changes is told.
    pub fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        self.gate.with_world(look)
    }

    /// The channels and sockets of notifications.
    #[must_use]
    pub fn notifications(&self) -> &Notifications {
        &self.gate.notifications
    }

    /// Lets something go wrong.
    pub fn fault(&self, fault: Fault) {
        self.gate.desk().faults.add(fault);
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.gate.desk().faults.clear();
    }

    /// Ends every token that was given out.
    pub fn revoke_tokens(&self) {
        self.gate.desk().tokens.revoke();
    }

    /// The requests answered so far.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.gate.desk().log.clone()
    }

    /// How many requests to `/api/` have come so far, which is the number that a fault knows the next one by.
    #[must_use]
    pub fn served(&self) -> u64 {
        self.gate.desk().served
    }

    /// Stops after the answers that are under way.
    pub async fn shutdown(mut self) {
        drop(self.stop.take());
        // A server that ended by itself has stopped as well.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.gate.notifications.drop_sockets();
    }
}

async fn handle(State(gate): State<Arc<Gate>>, request: Request) -> Response<HttpBody> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST_REQUEST).await.unwrap_or_default();
    let incoming = Incoming {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        authorization: parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()),
        body: std::str::from_utf8(&body).unwrap_or_default(),
    };
    response(gate.serve(&incoming))
}

fn response(reply: Reply) -> Response<HttpBody> {
    let (content_type, body) = match reply.body {
        Body::Json(body) => ("application/json", HttpBody::from(body)),
        Body::Html(body) => ("text/html", HttpBody::from(body)),
        Body::Reset => {
            let broken = Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
            let parts: [std::io::Result<&'static str>; 2] = [Ok("{"), broken];
            ("application/json", HttpBody::from_stream(futures_util::stream::iter(parts)))
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::read;
    use crate::catalogue::Catalogue;
    use crate::model::{OwnedValue, Value};
    use crate::sim::{Effect, Repeat, Scale, When};

    const ORGANISATION: &str = "/api/v2/organizations/me";

    async fn started() -> (Running, reqwest::Client) {
        // Another test may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let catalogue = Arc::new(Catalogue::built_in().unwrap());
        let world = World::generate(&catalogue, Scale::Small, 1);
        (Server::start(world, ServerOptions::default()).await.unwrap(), reqwest::Client::new())
    }

    async fn json(response: reqwest::Response) -> OwnedValue {
        read(&response.bytes().await.unwrap()).unwrap().into_owned()
    }

    async fn token(running: &Running, http: &reqwest::Client) -> String {
        let login = http
            .post(format!("{}/oauth/token", running.login_url))
            .basic_auth(&running.client_id, Some(&running.client_secret))
            .form(&[("grant_type", "client_credentials")]);
        let answer = json(login.send().await.unwrap()).await;
        answer.get("access_token").and_then(Value::as_str).unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_program_logs_in_and_reads() {
        let (running, http) = started().await;
        let token = token(&running, &http).await;
        let url = format!("{}{ORGANISATION}", running.api_url);
        let answer = http.get(&url).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["inin-ratelimit-allowed"], "300");
        assert_eq!(answer.headers()["ININ-Correlation-Id"].len(), 36);
        let organisation = json(answer).await;
        let id = running.world(|world| world.org_id().to_owned());
        assert_eq!(organisation.get("id").and_then(Value::as_str), Some(id.as_str()));
        let log: Vec<_> = running.requests().into_iter().map(|request| (request.path, request.status)).collect();
        assert_eq!(log, [("/oauth/token".to_owned(), Some(200)), (ORGANISATION.to_owned(), Some(200))]);
    }

    #[tokio::test]
    async fn a_broken_connection_is_one_for_the_client_too() {
        let (running, http) = started().await;
        running.fault(Fault { when: When::Always, effect: Effect::Reset, repeat: Repeat::Once });
        let request = || http.get(format!("{}{ORGANISATION}", running.api_url));
        let answered = match request().send().await {
            Ok(answer) => answer.bytes().await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert!(answered.is_err());
        assert_eq!(running.requests()[0].status, None);
        assert_eq!(request().send().await.unwrap().status(), 401);
    }

    #[tokio::test]
    async fn a_server_that_was_shut_down_answers_no_more() {
        let (running, http) = started().await;
        let url = running.api_url.clone();
        running.shutdown().await;
        assert!(http.get(url).send().await.is_err());
    }
}
