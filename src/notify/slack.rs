//! Slack: blocks, by an incoming webhook or by a bot.
//!
//! What comes from the organisation stands in rich text, where it is taken literally: there is nothing to escape, and no name can
//! mention anybody or become a link. The one text with markup is what notifications show; there `&`, `<` and `>` are escaped.

use std::borrow::Cow;

use secrecy::SecretString;
use serde_json::{Value as Json, json};

use super::answers;
use super::body::json as bytes;
use super::channel::{Answer, Channel, ChannelKind, HttpTransport, Payload, Record, Transport, Verdict};
use super::cut::{cut, cut_escaped};
use super::definition::Statuses;
use super::opening::{OpenError, Opening};
use super::words::{self, Part};
use crate::alert::{Alert, Message};

/// Most values that are shown of an alert.
const MOST_VALUES: usize = 10;

/// Most characters of one thing that is said about an alert.
const LONGEST_FACT: usize = 400;

/// Where a message goes.
enum Way {
    Webhook(SecretString),
    Bot { api: SecretString, token: SecretString, channel: String },
}

struct Slack {
    way: Way,
    most_blocks: usize,
    longest_text: usize,
    longest_header: usize,
    passing: Vec<String>,
    statuses: Statuses,
}

pub(super) fn open(opening: &Opening<'_>) -> Result<Box<dyn Channel>, OpenError> {
    let way = match opening.optional_text("channel") {
        Some(channel) => Way::Bot { api: opening.url("api")?, token: opening.header("token", "Bearer ")?, channel },
        None => Way::Webhook(opening.url("url")?),
    };
    Ok(Box::new(Slack {
        way,
        most_blocks: opening.limit("blocks")?,
        longest_text: opening.limit("text")?,
        longest_header: opening.limit("header")?,
        passing: opening.definition.passing.clone(),
        statuses: opening.statuses()?,
    }))
}

impl Slack {
    fn blocks(&self, message: &Message) -> Vec<Json> {
        let header = json!({
            "type": "header",
            "text": { "type": "plain_text", "text": cut(&words::headline(message), self.longest_header), "emoji": false },
        });
        let parts = words::parts(message);
        // The header, what is left out and the last line take a block each.
        let shown = words::first_parts(&parts, self.most_blocks.saturating_sub(3));
        let mut blocks = vec![header];
        blocks.extend(shown.iter().map(|part| match part {
            Part::Group(title) => rich_text(&[section(&[bold(&cut(title, LONGEST_FACT))])]),
            Part::Alert(alert) => self.alert(alert),
        }));
        if let Some(more) = words::more(message, words::alerts_in(shown)) {
            blocks.push(rich_text(&[section(&[bold(&more)])]));
        }
        let told = format!("run {}, route {}, message {}", message.run, message.route, message.id);
        blocks.push(json!({
            "type": "context",
            "elements": [{ "type": "plain_text", "text": cut(&told, LONGEST_FACT), "emoji": false }],
        }));
        blocks
    }

    /// An alert as a block whose texts have no more characters together than one may have.
    fn alert(&self, alert: &Alert) -> Json {
        let mut left = self.longest_text;
        let mut fit = |text: &str, most: usize| {
            let text = cut(text, most.min(left));
            left = left.saturating_sub(text.chars().count());
            text
        };
        let title = fit(&words::title(alert), LONGEST_FACT);
        let values = fit(&words::values(alert, MOST_VALUES).join("\n"), self.longest_text / 3);
        let mut elements = vec![section(&[bold(&title)])];
        if !values.is_empty() {
            elements.push(json!({ "type": "rich_text_preformatted", "elements": [text(&values)] }));
        }
        let mut facts = Vec::new();
        for fact in words::facts(alert) {
            let label = fit(&format!("{}: ", fact.label), LONGEST_FACT);
            let said = fit(&fact.text, LONGEST_FACT);
            if !said.is_empty() {
                facts.extend([bold(&label), text(&said), text("\n")]);
            }
        }
        if let Some(link) = words::link(alert) {
            facts.push(json!({ "type": "link", "url": link, "text": "Open the commit" }));
        }
        elements.push(section(&facts));
        rich_text(&elements)
    }
}

fn rich_text(elements: &[Json]) -> Json {
    json!({ "type": "rich_text", "elements": elements })
}

fn section(elements: &[Json]) -> Json {
    json!({ "type": "rich_text_section", "elements": elements })
}

fn text(text: &str) -> Json {
    json!({ "type": "text", "text": text })
}

fn bold(text: &str) -> Json {
    json!({ "type": "text", "text": text, "style": { "bold": true } })
}

fn escaped(c: char) -> Cow<'static, str> {
    match c {
        '&' => Cow::Borrowed("&amp;"),
        '<' => Cow::Borrowed("&lt;"),
        '>' => Cow::Borrowed("&gt;"),
        c => Cow::Owned(c.to_string()),
    }
}

impl Channel for Slack {
    fn kind(&self) -> ChannelKind {
        ChannelKind::People
    }

    fn payloads(&self, message: &Message) -> Vec<Payload> {
        let worst = message.alerts.first().map(words::title).unwrap_or_default();
        let summary = format!("{}\n{worst}", words::headline(message));
        let mut body = json!({
            "text": cut_escaped(&summary, self.longest_text, escaped, |text| text.chars().count()),
            "blocks": self.blocks(message),
            "unfurl_links": false,
            "unfurl_media": false,
        });
        let http = match &self.way {
            Way::Webhook(url) => HttpTransport::post_json(url.clone(), None),
            Way::Bot { api, token, channel } => {
                body["channel"] = json!(channel);
                body["metadata"] = json!({ "event_type": "orgtrail_alerts", "event_payload": { "id": message.id } });
                let mut http = HttpTransport::post_json(api.clone(), None);
                http.secret_headers.push(("authorization", token.clone()));
                http
            }
        };
        let covers = message.alerts.iter().map(|alert| alert.id.clone()).collect();
        vec![Payload { covers, transport: Transport::Http(http), body: bytes(&body) }]
    }

    fn payloads_of_records(&self, _records: &[Record]) -> Option<Vec<Payload>> {
        None
    }

    /// The API answers with 200 whatever became of a message, and says in the body what did.
    fn verdict(&self, answer: &Answer) -> Verdict {
        let by_status = answers::verdict(&self.statuses, answer);
        let (Verdict::Delivered, Answer::Http { status, body, retry_after }, Way::Bot { .. }) =
            (&by_status, answer, &self.way)
        else {
            return by_status;
        };
        let told: Json = serde_json::from_str(body).unwrap_or_default();
        if told["ok"] == json!(true) {
            return Verdict::Delivered;
        }
        let reason = answers::said(*status, body);
        let is_passing = told["error"].as_str().is_none_or(|code| self.passing.iter().any(|passing| passing == code));
        if is_passing { Verdict::Retry { reason, after: *retry_after } } else { Verdict::Refused { reason } }
    }
}
