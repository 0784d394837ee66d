//! Requests: no redirect is followed, as it would carry a secret elsewhere, and nothing is tried again.

use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Method, Response};
use secrecy::ExposeSecret;

use super::super::channel::{Answer, HttpTransport, Signature};
use super::super::definition::is_loopback;
use super::{CONNECT_TIMEOUT, Courier, SendError, TIMEOUT};

/// Most bytes of an answer that are read.
const ANSWER_LIMIT_BYTES: usize = 1 << 20;

/// The longest wait that a receiver may ask for and be heard.
const LONGEST_WAIT_SECONDS: u64 = 24 * 60 * 60;

impl Courier {
    pub(super) async fn by_http(&self, transport: &HttpTransport, body: &[u8]) -> Result<Answer, SendError> {
        let unfit = SendError::Request;
        let url = reqwest::Url::parse(transport.url.expose_secret()).map_err(|_| unfit("the URL is none"))?;
        let client = self.client(transport, url.host_str().is_some_and(is_loopback))?;
        let method = Method::from_bytes(transport.method.as_bytes()).map_err(|_| unfit("the method is none"))?;
        let mut request = client.request(method, url);
        let plain = transport.headers.iter().map(|(name, value)| (*name, value.as_str(), false));
        let secret = transport.secret_headers.iter().map(|(name, value)| (*name, value.expose_secret(), true));
        let signed = transport.signature.iter().map(|signature| self.signed(signature, body));
        let signed = signed.collect::<Result<Vec<_>, _>>()?;
        let signed = signed.iter().flatten().map(|(name, value)| (*name, value.as_str(), true));
        for (name, value, is_secret) in plain.chain(secret).chain(signed) {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit("the name of a header is none"))?;
            let mut value = HeaderValue::from_str(value).map_err(|_| unfit("a header holds what no header can"))?;
            value.set_sensitive(is_secret);
            request = request.header(name, value);
        }
        let body = with_members(transport, body).ok_or(unfit("the body takes no further members"))?;
        let response = request.body(body).send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let retry_after = retry_after(&response);
        Ok(Answer::Http { status, body: beginning(response).await?, retry_after })
    }

    fn client(&self, transport: &HttpTransport, is_local: bool) -> Result<Client, SendError> {
        let mut clients = self.clients.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let key = (transport.ca_file.clone(), is_local);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let mut builder = Client::builder()
            .user_agent(concat!("orgtrail/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never());
        if let Some(file) = &transport.ca_file {
            let unusable = |source| SendError::Certificates { file: file.clone(), source };
            let pem = std::fs::read(file).map_err(|error| unusable(error.into()))?;
            let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| unusable(error.into()))?;
            builder = builder.tls_certs_merge(certificates);
        }
        let builder = if is_local { builder.no_proxy() } else { builder };
        let client = builder.build().map_err(|error| SendError::Setup(error.into()))?;
        clients.insert(key, client.clone());
        Ok(client)
    }

    /// The headers of Standard Webhooks.
    fn signed(&self, signature: &Signature, body: &[u8]) -> Result<Vec<(&'static str, String)>, SendError> {
        let unfit = || SendError::Request("a key cannot sign it");
        let at = (self.now)();
        let mut signatures = Vec::new();
        for key in &signature.keys {
            let webhook = standardwebhooks::Webhook::new(key.expose_secret()).map_err(|_| unfit())?;
            signatures.push(webhook.sign(&signature.id, at, body).map_err(|_| unfit())?);
        }
        Ok(vec![
            (standardwebhooks::HEADER_WEBHOOK_ID, signature.id.clone()),
            (standardwebhooks::HEADER_WEBHOOK_TIMESTAMP, at.to_string()),
            (standardwebhooks::HEADER_WEBHOOK_SIGNATURE, signatures.join(" ")),
        ])
    }
}

/// The body with the members that hold secrets, before all others; `None` where it is no object.
fn with_members(transport: &HttpTransport, body: &[u8]) -> Option<Vec<u8>> {
    if transport.secret_members.is_empty() {
        return Some(body.to_vec());
    }
    let rest = body.strip_prefix(b"{")?;
    let mut whole = b"{".to_vec();
    for (index, (name, value)) in transport.secret_members.iter().enumerate() {
        let separator = if index > 0 { "," } else { "" };
        let value = serde_json::Value::from(value.expose_secret());
        whole.extend(format!("{separator}{}:{value}", serde_json::Value::from(*name)).into_bytes());
    }
    if rest != b"}" {
        whole.push(b',');
    }
    whole.extend_from_slice(rest);
    Some(whole)
}

fn unreachable(error: reqwest::Error) -> SendError {
    if error.is_timeout() { SendError::TooSlow } else { SendError::Unreachable(error.without_url().into()) }
}

/// The seconds that `Retry-After` names. A date in it would need a clock that agrees with the receiver's, and is passed over.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds: u64 = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_WAIT_SECONDS)))
}

async fn beginning(mut response: Response) -> Result<String, SendError> {
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_LIMIT_BYTES
        && let Some(chunk) = response.chunk().await.map_err(unreachable)?
    {
        bytes.extend_from_slice(&chunk);
    }
    bytes.truncate(ANSWER_LIMIT_BYTES);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
