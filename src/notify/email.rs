//! Mail: one digest for each message, as text and as HTML.
//!
//! The library that writes the mail encodes what stands in a header, and the template escapes what stands in the page, so that a name
//! can begin neither a header nor an element. The id and the boundary come from the message: the same message is the same mail.

use std::sync::Arc;

use askama::Template;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use super::answers;
use super::channel::{Answer, Channel, ChannelKind, MailServer, MailTls, Payload, Record, Transport, Verdict};
use super::cut::{as_many_as_fit, cut, on_one_line};
use super::definition::is_loopback;
use super::moment;
use super::opening::{OpenError, Opening};
use super::words::{self, Fact, Part};
use crate::alert::Message;

/// Most values that are shown of an alert.
const MOST_VALUES: usize = 40;

/// Most characters of one thing that is said about an alert.
const LONGEST_FACT: usize = 2000;

/// Most characters of a subject.
const LONGEST_SUBJECT: usize = 200;

struct Email {
    server: Arc<MailServer>,
    from: Mailbox,
    to: Vec<Mailbox>,
    most_bytes: usize,
}

#[derive(Template)]
#[template(path = "email.html")]
struct Page {
    headline: String,
    sections: Vec<Section>,
    more: Option<String>,
    footer: String,
}

#[derive(Template)]
#[template(path = "email.txt", escape = "none")]
struct Text<'p> {
    page: &'p Page,
}

struct Section {
    /// The title of a group, where one begins.
    group: Option<String>,
    level: &'static str,
    title: String,
    values: Vec<String>,
    facts: Vec<Fact>,
    link: Option<String>,
}

pub(super) fn open(opening: &Opening<'_>) -> Result<Box<dyn Channel>, OpenError> {
    let host = opening.text("host")?;
    let tls = match opening.text("tls")?.as_str() {
        "starttls" => MailTls::Starttls,
        "implicit" => MailTls::Implicit,
        _ if is_loopback(&host) => MailTls::None,
        _ => return Err(opening.unfit("tls", "a way of TLS, without which only a server on this machine is talked to")),
    };
    let mailbox = |setting: &str, text: &str| {
        text.parse::<Mailbox>().map_err(|_| opening.unfit(setting, super::definition::Form::Address.expected()))
    };
    let login = opening.optional_text("user").zip(opening.optional_secret("password")?);
    let server = MailServer { host, port: opening.port("port")?, tls, login, ca_file: opening.ca_file() };
    Ok(Box::new(Email {
        server: Arc::new(server),
        from: mailbox("from", &opening.text("from")?)?,
        to: opening.texts("to").iter().map(|one| mailbox("to", one)).collect::<Result<_, _>>()?,
        most_bytes: opening.limit("bytes")?,
    }))
}

impl Page {
    fn of(message: &Message, parts: &[Part<'_>], most: usize) -> Self {
        let shown = words::first_parts(parts, most);
        let line = |text: &str| on_one_line(text, LONGEST_FACT);
        let mut group = None;
        let mut sections = Vec::new();
        for part in shown {
            match part {
                Part::Group(title) => group = Some(line(title)),
                Part::Alert(alert) => sections.push(Section {
                    group: group.take(),
                    level: alert.severity.as_str(),
                    title: line(&words::title(alert)),
                    values: words::values(alert, MOST_VALUES).iter().map(|value| line(value)).collect(),
                    facts: words::facts(alert)
                        .into_iter()
                        .map(|fact| Fact { label: fact.label, text: line(&fact.text) })
                        .collect(),
                    link: words::link(alert).map(str::to_owned),
                }),
            }
        }
        Self {
            headline: line(&words::headline(message)),
            sections,
            more: words::more(message, words::alerts_in(shown)),
            footer: line(&format!("run {}, route {}, message {}", message.run, message.route, message.id)),
        }
    }
}

impl Email {
    /// The mail with its headers. What is put in is valid for every part of it, so that there is always one.
    fn mail(&self, message: &Message, parts: &[Part<'_>], most: usize) -> Vec<u8> {
        let page = Page::of(message, parts, most);
        let (text, html) = (Text { page: &page }.render(), page.render());
        let domain = self.from.email.domain();
        let mut builder = lettre::Message::builder()
            .date(moment::system_time(&message.at))
            .from(self.from.clone())
            .subject(cut(&page.headline, LONGEST_SUBJECT))
            .message_id(Some(format!("<{}@{domain}>", message.id)));
        for one in &self.to {
            builder = builder.to(one.clone());
        }
        // No holiday notice answers a mail that says that a machine has sent it: RFC 3834.
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let mail = builder.raw_header(HeaderValue::new(automatic, "auto-generated".to_owned())).multipart(
            MultiPart::alternative()
                .boundary(format!("orgtrail-{}", message.id))
                .singlepart(SinglePart::plain(text.unwrap_or_default()))
                .singlepart(SinglePart::html(html.unwrap_or_default())),
        );
        mail.map(|mail| mail.formatted()).unwrap_or_default()
    }
}

impl Channel for Email {
    fn kind(&self) -> ChannelKind {
        ChannelKind::People
    }

    fn payloads(&self, message: &Message) -> Vec<Payload> {
        let parts = words::parts(message);
        let body =
            as_many_as_fit(parts.len(), |most| self.mail(message, &parts, most), |mail| mail.len() <= self.most_bytes);
        let transport = Transport::Mail {
            server: Arc::clone(&self.server),
            from: self.from.to_string(),
            to: self.to.iter().map(ToString::to_string).collect(),
        };
        let covers = message.alerts.iter().map(|alert| alert.id.clone()).collect();
        vec![Payload { covers, transport, body }]
    }

    fn payloads_of_records(&self, _records: &[Record]) -> Option<Vec<Payload>> {
        None
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        answers::without_status(answer)
    }
}
