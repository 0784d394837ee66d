//! What people read of an alert, in words whose every character can be seen and which no channel has escaped yet.

use std::borrow::Cow;

use crate::alert::{Alert, AlertPhase, Message};
use crate::model::{Actor, Explained, Severity, SeverityCounts, Subject, visible};

use super::body::counts;
use super::cut::grouped;

/// Something said about an alert, with what it is called.
pub(super) struct Fact {
    pub(super) label: &'static str,
    pub(super) text: String,
}

/// The first line of a message: how many of each level there are, and where.
pub(super) fn headline(message: &Message) -> String {
    let told = match levels(counts(message)) {
        none if none.is_empty() => "nothing".to_owned(),
        levels => levels,
    };
    format!("orgtrail: {told} in organisation {}", visible(&message.org))
}

/// How many of each level there are, the worst first, such as `1 critical, 12 low`; empty where there are none.
pub(super) fn levels(counts: SeverityCounts) -> String {
    let present = Severity::WORST_FIRST.into_iter().filter(|level| counts.of(*level) > 0);
    let parts: Vec<String> = present.map(|level| format!("{} {level}", count(counts.of(level)))).collect();
    parts.join(", ")
}

/// What is not in a message: what its route leaves out, and what has no room; `None` where that is nothing.
pub(super) fn more(message: &Message, shown: usize) -> Option<String> {
    let hidden: SeverityCounts = message.alerts.iter().skip(shown).map(|alert| alert.severity).collect();
    let add = |level: Severity| hidden.of(level) + message.more.of(level);
    let more = SeverityCounts {
        critical: add(Severity::Critical),
        high: add(Severity::High),
        medium: add(Severity::Medium),
        low: add(Severity::Low),
    };
    (more.total() > 0).then(|| format!("and {} more: {}", count(more.total()), levels(more)))
}

/// What happened, with the level or with how it is over.
pub(super) fn title(alert: &Alert) -> String {
    let message = visible(&alert.message);
    match alert.phase {
        AlertPhase::Raised => format!("{}: {message}", alert.severity.as_str().to_uppercase()),
        AlertPhase::Reverted => format!("REVERTED ({}): {message}", alert.severity),
        AlertPhase::Approved => format!("APPROVED ({}): {message}", alert.severity),
    }
}

/// What an alert is about, in words.
pub(super) fn place(alert: &Alert) -> String {
    let mut place = match &alert.subject {
        Subject::Trail => "the trail".to_owned(),
        Subject::Domain(domain) => domain.to_string(),
        Subject::Entity { domain, key, name: Some(name), .. } => format!("{domain} {name} ({key})"),
        Subject::Entity { domain, key, name: None, .. } => format!("{domain} {key}"),
        Subject::Commit(id) => format!("commit {id}"),
        Subject::File(file) => file.clone(),
    };
    if let Some(division) = &alert.division {
        place.push_str(", division ");
        place.push_str(division);
    }
    visible(&place).into_owned()
}

/// What differs, a line for each, at most so many.
pub(super) fn values(alert: &Alert, most: usize) -> Vec<String> {
    let value = |value: &Option<String>| {
        value.as_ref().map_or_else(|| "nothing".to_owned(), |value| visible(value).into_owned())
    };
    let lines = alert.values.iter().take(most);
    let mut lines: Vec<String> =
        lines.map(|one| format!("{}: {} → {}", visible(&one.place), value(&one.old), value(&one.new))).collect();
    let left_out = alert.values.len().saturating_sub(most);
    if left_out > 0 {
        lines.push(format!("and {} more", grouped(left_out)));
    }
    lines
}

/// Everything else that there is to say of an alert, in reading order.
pub(super) fn facts(alert: &Alert) -> Vec<Fact> {
    let fact = |label, text: Option<String>| text.map(|text| Fact { label, text: visible(&text).into_owned() });
    let silences =
        (alert.silences > 0).then(|| format!("{} more that it brings along are not told apart", count(alert.silences)));
    [
        fact("Where", Some(place(alert))),
        fact("Who", who(alert)),
        fact("When", Some(alert.at.clone())),
        fact("Why", alert.why.clone()),
        fact("Reach", alert.reach.clone()),
        fact("Also", silences),
        fact("Do", (alert.phase == AlertPhase::Raised).then(|| alert.remedy.clone())),
        fact("Rule", Some(format!("{}, fingerprint {}", alert.rule, alert.fingerprint))),
        fact("Commit", alert.commit.clone()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Who did it, or why nobody can say; `None` for what nobody did.
pub(super) fn who(alert: &Alert) -> Option<String> {
    if !alert.actors.is_empty() {
        return Some(alert.actors.iter().map(actor).collect::<Vec<_>>().join("; "));
    }
    let words = match alert.explained? {
        Explained::Audit => "somebody whom the audit log does not name",
        Explained::Pending => "not known yet; the audit log may still say",
        Explained::None => "unexplained: no audit record tells of it",
        Explained::NotCovered => "not known: the audit log does not cover it",
        Explained::NoPermission => "not known: the audit log may not be read",
    };
    Some(words.to_owned())
}

/// An actor in words.
pub(super) fn actor(actor: &Actor) -> String {
    let mut words = match (&actor.name, &actor.email, &actor.id) {
        (Some(name), Some(email), _) => format!("{name} <{email}>"),
        (Some(name), None, _) => name.clone(),
        (None, Some(email), _) => email.clone(),
        (None, None, Some(id)) => id.clone(),
        (None, None, None) => String::new(),
    };
    if let Some(client) = &actor.client_id {
        let by = if words.is_empty() { "client" } else { " by client" };
        words = format!("{words}{by} {client}");
    }
    if !actor.remote_ip.is_empty() {
        words = format!("{words} from {}", actor.remote_ip.join(", "));
    }
    words
}

/// The link of an alert, where it is one that a browser may follow.
pub(super) fn link(alert: &Alert) -> Option<&str> {
    let link = alert.link.as_deref()?;
    let is_plain = link.chars().all(|c| c.is_ascii_graphic() && !"<>\"|'\\`^{}".contains(c));
    (is_plain && (link.starts_with("https://") || link.starts_with("http://"))).then_some(link)
}

fn count(number: u64) -> String {
    grouped(usize::try_from(number).unwrap_or(usize::MAX))
}

/// A part of a message, in reading order.
pub(super) enum Part<'m> {
    /// What the alerts behind it have in common.
    Group(Cow<'m, str>),
    /// An alert.
    Alert(&'m Alert),
}

/// The parts of a message: each group is announced before its alerts.
pub(super) fn parts(message: &Message) -> Vec<Part<'_>> {
    let mut groups = message.groups.iter();
    let (mut parts, mut rest) = (Vec::new(), 0);
    for alert in &message.alerts {
        while rest == 0
            && let Some(group) = groups.next()
        {
            rest = group.alerts;
            parts.push(Part::Group(visible(&group.title)));
        }
        rest = rest.saturating_sub(1);
        parts.push(Part::Alert(alert));
    }
    parts
}

/// The first parts of a message; a group of which nothing would be shown is left out.
pub(super) fn first_parts<'p, 'm>(parts: &'p [Part<'m>], most: usize) -> &'p [Part<'m>] {
    let first = parts.get(..most).unwrap_or(parts);
    match first {
        [rest @ .., Part::Group(_)] => rest,
        whole => whole,
    }
}

/// How many of some parts are alerts.
pub(super) fn alerts_in(parts: &[Part<'_>]) -> usize {
    parts.iter().filter(|part| matches!(part, Part::Alert(_))).count()
}
