//! Mail, over SMTP.

use lettre::address::Envelope;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::ExposeSecret;

use super::super::channel::{Answer, MailServer, MailTls};
use super::{SendError, TIMEOUT};

pub(super) async fn send(server: &MailServer, from: &str, to: &[String], mail: &[u8]) -> Result<Answer, SendError> {
    let receivers = to.iter().map(|one| address(one)).collect::<Result<Vec<_>, _>>()?;
    let envelope =
        Envelope::new(Some(address(from)?), receivers).map_err(|_| SendError::Request("the mail has no receiver"))?;
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host.as_str())
        .port(server.port)
        .timeout(Some(TIMEOUT))
        .tls(tls(server)?);
    if let Some((user, password)) = &server.login {
        builder = builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()));
    }
    match builder.build().send_raw(&envelope, mail).await {
        Ok(response) => Ok(Answer::Smtp(response.code().into(), response.message().collect::<Vec<_>>().join(" "))),
        Err(error) => match error.status() {
            Some(code) => Ok(Answer::Smtp(code.into(), super::with_causes(&error))),
            None => Err(SendError::Unreachable(error.into())),
        },
    }
}

fn address(text: &str) -> Result<Address, SendError> {
    let mailbox: Mailbox = text.parse().map_err(|_| SendError::Request("a mail address is none"))?;
    Ok(mailbox.email)
}

fn tls(server: &MailServer) -> Result<Tls, SendError> {
    if server.tls == MailTls::None {
        return Ok(Tls::None);
    }
    let mut builder = TlsParameters::builder(server.host.clone());
    if let Some(file) = &server.ca_file {
        let unusable =
            |source: Box<dyn std::error::Error + Send + Sync>| SendError::Certificates { file: file.clone(), source };
        let pem = std::fs::read(file).map_err(|error| unusable(error.into()))?;
        builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| unusable(error.into()))?);
    }
    let parameters = builder.build_rustls().map_err(|error| SendError::Setup(error.into()))?;
    Ok(if server.tls == MailTls::Implicit { Tls::Wrapper(parameters) } else { Tls::Required(parameters) })
}
