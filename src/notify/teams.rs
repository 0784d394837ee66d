//! Microsoft Teams: an Adaptive Card for a webhook of Workflows.
//!
//! Texts of the organisation stand in runs of rich text, in which no Markdown is read; a link is an action of its own.

use secrecy::SecretString;
use serde_json::{Value as Json, json};

use super::answers;
use super::body::json as bytes;
use super::channel::{Answer, Channel, ChannelKind, HttpTransport, Payload, Record, Transport, Verdict};
use super::cut::{as_many_as_fit, cut};
use super::definition::Statuses;
use super::opening::{OpenError, Opening};
use super::words::{self, Part};
use crate::alert::{Alert, Message};
use crate::model::Severity;

/// Most values that are shown of an alert.
const MOST_VALUES: usize = 6;

/// Most characters of one thing that is said about an alert.
const LONGEST_FACT: usize = 300;

struct Teams {
    url: SecretString,
    most_bytes: usize,
    statuses: Statuses,
}

pub(super) fn open(opening: &Opening<'_>) -> Result<Box<dyn Channel>, OpenError> {
    Ok(Box::new(Teams { url: opening.url("url")?, most_bytes: opening.limit("bytes")?, statuses: opening.statuses()? }))
}

fn body(message: &Message, parts: &[Part<'_>], most: usize) -> Vec<u8> {
    let shown = words::first_parts(parts, most);
    let mut items = vec![json!({
        "type": "RichTextBlock",
        "inlines": [{ "type": "TextRun", "text": cut(&words::headline(message), LONGEST_FACT), "weight": "Bolder", "size": "Large" }],
    })];
    items.extend(shown.iter().map(|part| match part {
        Part::Group(title) => json!({
            "type": "RichTextBlock",
            "separator": true,
            "inlines": [{ "type": "TextRun", "text": cut(title, LONGEST_FACT), "weight": "Bolder", "size": "Medium" }],
        }),
        Part::Alert(alert) => container(alert),
    }));
    if let Some(more) = words::more(message, words::alerts_in(shown)) {
        items.push(rich_text(&more));
    }
    let told = format!("run {}, route {}, message {}", message.run, message.route, message.id);
    items.push(json!({
        "type": "RichTextBlock",
        "separator": true,
        "inlines": [{ "type": "TextRun", "text": cut(&told, LONGEST_FACT), "isSubtle": true, "size": "Small" }],
    }));
    bytes(&json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "msteams": { "width": "Full" },
                "body": items,
            },
        }],
    }))
}

fn rich_text(text: &str) -> Json {
    json!({ "type": "RichTextBlock", "inlines": [{ "type": "TextRun", "text": text }] })
}

fn container(alert: &Alert) -> Json {
    let style = match alert.severity {
        Severity::Critical => "attention",
        Severity::High => "warning",
        Severity::Medium => "accent",
        Severity::Low => "default",
    };
    let mut items = vec![json!({
        "type": "RichTextBlock",
        "inlines": [{ "type": "TextRun", "text": cut(&words::title(alert), LONGEST_FACT), "weight": "Bolder" }],
    })];
    // A line is a block of its own: not every client breaks lines within one.
    let line = |runs: Json| json!({ "type": "RichTextBlock", "spacing": "None", "inlines": runs });
    items.extend(
        words::values(alert, MOST_VALUES).iter().map(|value| {
            line(json!([{ "type": "TextRun", "text": cut(value, LONGEST_FACT), "fontType": "Monospace" }]))
        }),
    );
    items.extend(words::facts(alert).iter().map(|fact| {
        let label = json!({ "type": "TextRun", "text": format!("{}: ", fact.label), "weight": "Bolder" });
        line(json!([label, { "type": "TextRun", "text": cut(&fact.text, LONGEST_FACT) }]))
    }));
    if let Some(link) = words::link(alert) {
        let open = json!({ "type": "Action.OpenUrl", "title": "Open the commit", "url": link });
        items.push(json!({ "type": "ActionSet", "actions": [open] }));
    }
    json!({ "type": "Container", "style": style, "separator": true, "items": items })
}

impl Channel for Teams {
    fn kind(&self) -> ChannelKind {
        ChannelKind::People
    }

    fn payloads(&self, message: &Message) -> Vec<Payload> {
        let parts = words::parts(message);
        let make = |most| body(message, &parts, most);
        let body = as_many_as_fit(parts.len(), make, |body| body.len() <= self.most_bytes);
        let http = HttpTransport::post_json(self.url.clone(), None);
        let covers = message.alerts.iter().map(|alert| alert.id.clone()).collect();
        vec![Payload { covers, transport: Transport::Http(http), body }]
    }

    fn payloads_of_records(&self, _records: &[Record]) -> Option<Vec<Payload>> {
        None
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        answers::verdict(&self.statuses, answer)
    }
}
