//! The lists `[[route]]` and `[[inhibit]]`: who is told of what, and what need not be told beside something else.

use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::entry::{Entry, Reading};
use super::problem::Objection;
use crate::alert::{GroupBy, Inhibition, Route, RouteMatch};
use crate::catalogue::{Catalogue, kind_of};
use crate::model::nearest;

/// The list of routes.
pub(super) const ROUTE: &str = "route";

/// The list of inhibitions.
pub(super) const INHIBIT: &str = "inhibit";

/// Most alerts of a message where a route does not say.
const CAP: usize = 20;

/// The most that a route may say.
const HIGHEST_CAP: usize = 1_000;

/// A key of a table, and what takes its value.
struct Key<T> {
    key: &'static str,
    take: fn(&Entry<'_, '_>, &mut T) -> Reading<()>,
}

static KEYS: [Key<Route>; 9] = [
    Key { key: "name", take: |entry, route| entry.text().map(|name| route.name = name) },
    Key { key: "channels", take: |entry, route| entry.texts().map(|names| route.channels = names) },
    Key { key: "continue", take: |entry, route| entry.flag().map(|goes_on| route.goes_on = goes_on) },
    Key {
        key: "group_by",
        take: |entry, route| {
            entry.word(&GroupBy::ALL.map(|by| (by.as_str(), by))).map(|group_by| route.group_by = group_by)
        },
    },
    Key { key: "repeat", take: |entry, route| entry.duration().map(|after| route.repeat = Some(after)) },
    Key { key: "mute", take: |entry, route| entry.windows().map(|windows| route.mute = windows) },
    Key { key: "hours", take: |entry, route| entry.windows().map(|windows| route.hours = windows) },
    Key { key: "except", take: |entry, route| entry.level().map(|level| route.except = Some(level)) },
    Key { key: "cap", take: |entry, route| entry.whole_number(1..=HIGHEST_CAP).map(|cap| route.cap = cap) },
];

static MATCH_KEYS: [Key<RouteMatch>; 9] = [
    Key { key: "level", take: |entry, matches| entry.level().map(|level| matches.level = Some(level)) },
    Key { key: "domain", take: |entry, matches| entry.domain_globs().map(|globs| matches.domains = globs) },
    Key { key: "path", take: |entry, matches| entry.pointers().map(|paths| matches.paths = paths) },
    Key { key: "entity", take: |entry, matches| entry.globs().map(|globs| matches.entities = globs) },
    Key { key: "division", take: |entry, matches| entry.globs().map(|globs| matches.divisions = globs) },
    Key { key: "actor", take: |entry, matches| entry.globs().map(|globs| matches.actors = globs) },
    Key { key: "explained", take: |entry, matches| entry.explained().map(|words| matches.explained = words) },
    Key { key: "rule", take: |entry, matches| entry.globs().map(|globs| matches.rules = globs) },
    Key { key: "kind", take: |entry, matches| entry.change_kinds().map(|kinds| matches.kinds = kinds) },
];

/// Reads the routes; each channel that they name has to be one of those that there are.
pub(super) fn routes(value: &Spanned<DeValue<'_>>, catalogue: &Catalogue, channels: &[String]) -> Reading<Vec<Route>> {
    let mut objections = Vec::new();
    let mut routes: Vec<(usize, Route)> = Vec::new();
    for (at, table) in tables(ROUTE, value)? {
        match route(at, table, catalogue, channels) {
            Ok(route) => routes.push((at, route)),
            Err(found) => objections.extend(found),
        }
    }
    for (index, (at, route)) in routes.iter().enumerate() {
        let before = || routes[..index].iter().map(|(_, before)| before);
        if before().any(|before| before.name == route.name) {
            objections.push(Objection::new(*at, format!("two routes have the name {:?}", route.name)));
        } else if let Some(before) = before().find(|before| !before.goes_on && before.matches.covers(&route.matches)) {
            let message = format!(
                "[[{ROUTE}]] {}: it is never reached, as {} before it takes all that it is about; put it first, or set \
                 `continue = true` there",
                route.name, before.name
            );
            objections.push(Objection::new(*at, message));
        }
    }
    if objections.is_empty() { Ok(routes.into_iter().map(|(_, route)| route).collect()) } else { Err(objections) }
}

fn route(at: usize, table: &DeTable<'_>, catalogue: &Catalogue, channels: &[String]) -> Reading<Route> {
    let name = table.iter().find(|(key, _)| key.get_ref() == "name").and_then(|(_, value)| value.get_ref().as_str());
    let label = name.map_or_else(|| format!("[[{ROUTE}]]"), |name| format!("[[{ROUTE}]] {name}"));
    let mut route = Route {
        name: String::new(),
        matches: RouteMatch::default(),
        channels: Vec::new(),
        goes_on: false,
        group_by: GroupBy::None,
        repeat: None,
        mute: Vec::new(),
        hours: Vec::new(),
        except: None,
        cap: CAP,
    };
    let mut objections = Vec::new();
    for (key, value) in table {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("match", DeValue::Table(table)) => {
                let label = format!("{label}: match");
                for (key, value) in table {
                    objections.extend(take(&label, &MATCH_KEYS, (key, value), &mut route.matches, catalogue));
                }
            }
            ("match", other) => {
                let message = format!("{label}: match must be a table, not {}", kind_of(other));
                objections.push(Objection::new(value.span().start, message));
            }
            _ => objections.extend(take(&label, &KEYS, (key, value), &mut route, catalogue)),
        }
    }
    for key in ["name", "channels"].into_iter().filter(|key| table.iter().all(|(known, _)| known.get_ref() != key)) {
        objections.push(Objection::new(at, format!("{label} has no {key}")));
    }
    if let Some((_, value)) = table.iter().find(|(key, _)| key.get_ref() == "channels") {
        for unknown in route.channels.iter().filter(|name| !channels.contains(name)) {
            let nearest = nearest(unknown, channels.iter().map(String::as_str)).map(str::to_owned);
            let message = format!("{label}: there is no [channels.{unknown}]");
            objections.push(Objection::new(value.span().start, message).with_nearest(nearest));
        }
    }
    if objections.is_empty() { Ok(route) } else { Err(objections) }
}

fn take<T>(
    label: &str,
    keys: &[Key<T>],
    (key, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>),
    into: &mut T,
    catalogue: &Catalogue,
) -> Vec<Objection> {
    let name: &str = key.get_ref();
    let Some(found) = keys.iter().find(|known| known.key == name) else {
        let nearest = nearest(name, keys.iter().map(|known| known.key)).map(str::to_owned);
        return vec![Objection::new(key.span().start, format!("{label}: unknown key {name:?}")).with_nearest(nearest)];
    };
    let label = format!("{label}: {name}");
    let entry = Entry { setting: &label, value, catalogue };
    (found.take)(&entry, into).err().unwrap_or_default()
}

/// Reads the inhibitions.
pub(super) fn inhibitions(value: &Spanned<DeValue<'_>>) -> Reading<Vec<Inhibition>> {
    let (mut found, mut objections) = (Vec::new(), Vec::new());
    for (at, table) in tables(INHIBIT, value)? {
        let whole = Spanned::new(at..at, DeValue::Table(table.clone()));
        let read = toml::Table::deserialize(whole.into_deserializer()).and_then(|mut table| {
            let name = table.remove("name").and_then(|name| name.as_str().map(ToOwned::to_owned));
            Inhibition::read(name.as_deref().unwrap_or("its own"), table)
        });
        match read {
            Ok(inhibition) => found.push(inhibition),
            Err(error) => objections.push(Objection::new(at, format!("[[{INHIBIT}]]: {}", error.message()))),
        }
    }
    if objections.is_empty() { Ok(found) } else { Err(objections) }
}

/// The tables of a list, each with where it begins.
fn tables<'v, 't>(name: &str, value: &'v Spanned<DeValue<'t>>) -> Reading<Vec<(usize, &'v DeTable<'t>)>> {
    let Some(items) = value.get_ref().as_array() else {
        let message = format!("{name} is a list: it is written [[{name}]], not as {}", kind_of(value.get_ref()));
        return Err(vec![Objection::new(value.span().start, message)]);
    };
    let (mut tables, mut objections) = (Vec::new(), Vec::new());
    for item in &**items {
        match item.get_ref() {
            DeValue::Table(table) => tables.push((item.span().start, table)),
            other => {
                let message = format!("[[{name}]] must be a table, not {}", kind_of(other));
                objections.push(Objection::new(item.span().start, message));
            }
        }
    }
    if objections.is_empty() { Ok(tables) } else { Err(objections) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::Config;
    use super::*;
    use crate::model::Severity;

    const CHANNELS: &str = "[channels.soc]\ntype = \"webhook\"\nurl = \"$SOC_URL\"\nsecret = \"$SOC_KEY\"\n";

    fn parse(text: &str) -> Result<Config, String> {
        let text = format!("{CHANNELS}{text}");
        Config::parse("orgtrail.toml", &text, &Catalogue::built_in().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_route_is_read_with_all_that_it_can_say() {
        let config = parse(
            r#"
            [alerts]
            people = "masked"
            budget = "30s"
            max_age = "2h"
            audits = ["verify"]
            link = "https://git.example.com/acme/trail/commit/{commit}"

            [[route]]
            name = "night"
            match = { level = "high", domain = ["routing.*"], path = "/members/*", entity = ["Sales *"], division = "Home", actor = "*@example.com", explained = ["none", "pending"], rule = "queue-*", kind = ["modified", "removed"] }
            channels = ["soc"]
            continue = true
            group_by = "actor"
            repeat = "7d"
            mute = ["Sat,Sun"]
            hours = "Mon-Fri 08:00-18:00 +01:00"
            except = "critical"
            cap = 5

            [[route]]
            name = "rest"
            channels = []

            [[inhibit]]
            name = "site"
            about = "A site that is gone takes its trunks with it."
            source = { domain = "telephony.sites", kind = "removed" }
            target = { domain = "telephony.*" }
            tie = "reference"
            "#,
        )
        .unwrap();
        let [night, rest] = config.routes.as_slice() else { panic!("{:?}", config.routes) };
        assert_eq!((night.name.as_str(), night.cap, night.goes_on), ("night", 5, true));
        assert_eq!((night.except, night.group_by), (Some(Severity::Critical), GroupBy::Actor));
        assert_eq!((night.mute.len(), night.hours.len()), (1, 1));
        assert_eq!(night.repeat.unwrap().as_secs(), 7 * 24 * 60 * 60);
        assert_eq!((rest.cap, rest.channels.len(), rest.repeat), (CAP, 0, None));
        assert_eq!(config.inhibitions.len(), 1);
        assert_eq!(config.alerts.people, crate::alert::People::Masked);
        assert_eq!(config.alerts.max_age.unwrap().as_secs(), 2 * 60 * 60);
    }

    #[test]
    fn every_problem_of_a_route_is_told_at_its_line() {
        let text = r#"[alerts]
people = "mask"
audits = ["verfy"]
link = "http://git.example.com"
[[route]]
name = "one"
channels = ["sco"]
match = { level = "hihg", domain = "rooting.*", path = "a", entity = "[", explained = "maybe", kinds = [] }
[[route]]
channels = ["soc"]
hours = "Mon 8-9"
cap = 0
[[route]]
name = "two"
channels = ["soc"]
match = { domain = ["routing.*"] }
[[route]]
name = "three"
channels = ["soc"]
match = { level = "high", domain = "routing.*" }
[[inhibit]]
about = "x"
source = {}
tie = "moon"
"#;
        insta::assert_snapshot!(parse(text).unwrap_err());
        let single = parse("[route]\nname = \"one\"\n").unwrap_err();
        assert_eq!(single, "orgtrail.toml:5: route is a list: it is written [[route]], not as a table");
    }
}
