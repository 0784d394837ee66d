//! Certificates, as far as it matters when they are over.

use chrono::{DateTime, Utc};
use x509_cert::Certificate;
use x509_cert::der::{DecodePem, Encode};

use crate::canonical::Digest;

/// What a certificate begins with in PEM.
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// What it ends with.
const END: &str = "-----END CERTIFICATE-----";

/// Characters of a line of PEM.
const LINE: usize = 64;

/// Most certificates of one text that are read; a chain has a few.
const MOST: usize = 256;

/// A certificate, and when it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateEnd {
    /// Whom it is about.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// Its serial number, in hexadecimal.
    pub serial: String,
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// The last instant that it is valid.
    pub not_after: DateTime<Utc>,
}

/// The certificates in a text: PEM, or the content of one without the lines around it; `None` where there is something else.
#[must_use]
pub fn certificates(text: &str) -> Option<Vec<CertificateEnd>> {
    let contents: Vec<&str> = if text.contains(BEGIN) {
        let parts = text.split(BEGIN).skip(1).take(MOST);
        parts.map(|part| part.split_once(END).map(|(content, _)| content)).collect::<Option<_>>()?
    } else {
        vec![text]
    };
    contents.into_iter().map(certificate).collect()
}

fn certificate(content: &str) -> Option<CertificateEnd> {
    // The lines of a form or of an export may be of any length.
    let content: Vec<char> = content.chars().filter(|c| !c.is_whitespace()).collect();
    if content.is_empty() {
        return None;
    }
    let lines: Vec<String> = content.chunks(LINE).map(|line| line.iter().collect()).collect();
    let pem = format!("{BEGIN}\n{}\n{END}\n", lines.join("\n"));
    let certificate = Certificate::from_pem(pem).ok()?;
    let body = &certificate.tbs_certificate;
    let seconds = i64::try_from(body.validity.not_after.to_unix_duration().as_secs()).ok()?;
    Some(CertificateEnd {
        subject: body.subject.to_string(),
        issuer: body.issuer.to_string(),
        serial: body.serial_number.to_string(),
        digest: Digest::of(&certificate.to_der().ok()?),
        not_after: DateTime::from_timestamp(seconds, 0)?,
    })
}
