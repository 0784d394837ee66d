//! The edge at which texts leave: no secret passes it, and no more of people than the settings allow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::canonical::{Scan, value_of};
use crate::catalogue::{Catalogue, Domain, FieldPath};
use crate::model::{Actor, Change, EntityKey, Pointer, Value};
use crate::policy::Names;

/// Fewest characters that somebody is looked for by in texts.
const SHORTEST: usize = 3;

/// What stands where a text held a secret.
const SECRET: &str = "(secret)";

/// What stands where a text said something of a person that is not to be told.
const PERSONAL: &str = "(personal)";

/// How much alerts tell of people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum People {
    /// All that is on record.
    #[default]
    Full,
    /// Enough to recognise somebody, not enough to reach them.
    Masked,
    /// Ids alone.
    None,
}

impl People {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Full, Self::Masked, Self::None];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Masked => "masked",
            Self::None => "none",
        }
    }

    /// An actor as far as it may be told.
    pub(super) fn actor(self, actor: &Actor) -> Actor {
        match self {
            Self::Full => actor.clone(),
            Self::Masked => Actor {
                name: actor.name.as_deref().map(initials),
                email: actor.email.as_deref().map(masked),
                remote_ip: actor.remote_ip.iter().map(|ip| half_address(ip)).collect(),
                ..actor.clone()
            },
            // Of an actor without an id nothing would be left but that there was one.
            Self::None => Actor { name: None, email: None, remote_ip: Vec::new(), ..actor.clone() },
        }
    }

    fn of(self, text: &str, id: Option<&str>) -> String {
        match self {
            Self::Full => text.to_owned(),
            Self::Masked => masked(text),
            Self::None => id.unwrap_or(PERSONAL).to_owned(),
        }
    }
}

/// What is said of people in the texts of one alert, and what is said in its place.
#[derive(Default)]
pub(super) struct Persons(BTreeMap<String, String>);

impl Persons {
    /// What a change says of people: who made it, what its entity holds, whom it refers to.
    pub(super) fn of_change(
        people: People,
        catalogue: &Catalogue,
        names: &Names<'_>,
        change: &Change,
        actors: &[Actor],
    ) -> Self {
        let mut persons = Self::of_actors(people, actors);
        if people == People::Full {
            return persons;
        }
        let mut ids: Vec<String> = change.key.parts().collect();
        for text in change.before.iter().chain(&change.after) {
            let body = value_of(text);
            if let Some(domain) = catalogue.get(&change.domain) {
                persons.add_values(people, domain, &change.key, &body);
            }
            gather_ids(&body, &mut ids);
        }
        ids.sort_unstable();
        ids.dedup();
        let of_people: Vec<&Domain> = catalogue.iter().filter(|domain| domain.identity.email.is_some()).collect();
        for id in ids {
            if let Some(name) = names.of_key(of_people.iter().map(|domain| &domain.id), &id) {
                persons.add(people, &name, Some(&id));
            }
        }
        persons
    }

    /// What is known of those who did something.
    pub(super) fn of_actors(people: People, actors: &[Actor]) -> Self {
        let mut persons = Self::default();
        for actor in actors.iter().filter(|_| people != People::Full) {
            for text in actor.name.iter().chain(&actor.email) {
                persons.add(people, text, Some(actor.id.as_deref().or(actor.client_id.as_deref()).unwrap_or(PERSONAL)));
            }
            for ip in &actor.remote_ip {
                let told = if people == People::Masked { half_address(ip) } else { PERSONAL.to_owned() };
                persons.0.insert(ip.clone(), told);
            }
        }
        persons
    }

    /// Adds the name of a person.
    pub(super) fn add(&mut self, people: People, text: &str, id: Option<&str>) {
        // What is shorter is a part of words that say nothing of anybody.
        if people != People::Full && text.chars().count() >= SHORTEST {
            self.0.insert(text.to_owned(), people.of(text, id));
        }
    }

    fn add_values(&mut self, people: People, domain: &Domain, key: &EntityKey, body: &Value<'_>) {
        let name = domain.identity.name.as_ref().filter(|_| domain.identity.email.is_some());
        if let Some(text) = name.and_then(|path| path.find(body)).and_then(Value::as_str) {
            self.add(people, text, Some(key.as_str()));
        }
        for path in &domain.treat.personal {
            for value in path.find_all(body) {
                self.add_leaves(people, value);
            }
        }
    }

    fn add_leaves(&mut self, people: People, value: &Value<'_>) {
        match value {
            Value::String(text) if !self.0.contains_key(text.as_ref()) => self.add(people, text, None),
            Value::Array(items) => items.iter().for_each(|item| self.add_leaves(people, item)),
            Value::Object(object) => object.iter().for_each(|(_, member)| self.add_leaves(people, member)),
            _ => {}
        }
    }

    /// A text that says no more of people than it may.
    fn without(&self, text: &str) -> String {
        let mut longest_first: Vec<(&String, &String)> = self.0.iter().filter(|(from, to)| from != to).collect();
        longest_first.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
        // Put aside first, so that what stands in the place of one is not searched for the next.
        let mut parts = vec![(text.to_owned(), true)];
        for (from, to) in longest_first {
            let divide = |(part, is_open): (String, bool)| {
                if !is_open || !part.contains(from.as_str()) {
                    return vec![(part, is_open)];
                }
                let mut divided = Vec::new();
                for (index, piece) in part.split(from.as_str()).enumerate() {
                    if index > 0 {
                        divided.push((to.clone(), false));
                    }
                    divided.push((piece.to_owned(), true));
                }
                divided
            };
            parts = parts.into_iter().flat_map(divide).collect();
        }
        parts.into_iter().map(|(part, _)| part).collect()
    }
}

/// Texts as they may leave.
pub(super) struct Edge<'e> {
    pub(super) scan: &'e Scan,
    pub(super) people: People,
    /// The domain of what is told of; absent where it is in none that is known.
    pub(super) domain: Option<&'e Domain>,
    pub(super) persons: Persons,
}

impl Edge<'_> {
    /// What is told of a value at a place that says something of a person, where that is not all of it.
    pub(super) fn personal(&self, place: &Pointer, value: &Value<'_>) -> Option<String> {
        let segments: Vec<String> = place.segments().collect();
        let leads_to = |path: &FieldPath| {
            let steps = path.segments();
            steps.len() <= segments.len() && steps.iter().zip(&segments).all(|(step, segment)| step.matches(segment))
        };
        let is_personal = self.domain.is_some_and(|domain| domain.treat.personal.iter().any(leads_to));
        if self.people == People::Full || !is_personal {
            return None;
        }
        Some(match value {
            Value::String(text) => self.people.of(&without_secrets(self.scan, text), None),
            _ => PERSONAL.to_owned(),
        })
    }

    /// A text without secrets, and with no more of people than may be told.
    pub(super) fn text(&self, text: &str) -> String {
        self.persons.without(&without_secrets(self.scan, text))
    }
}

/// A text in which every word that looks like a secret is replaced, or all of it where that does not help.
pub(super) fn without_secrets(scan: &Scan, text: &str) -> String {
    if scan.rule_in(text).is_none() {
        return text.to_owned();
    }
    let mut kept = String::new();
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        if scan.rule_in(bare).is_some() {
            kept.push_str(SECRET);
            kept.push_str(&word[bare.len()..]);
        } else {
            kept.push_str(word);
        }
    }
    if scan.rule_in(&kept).is_some() { SECRET.to_owned() } else { kept }
}

/// The strings of a value that can be ids.
fn gather_ids(value: &Value<'_>, ids: &mut Vec<String>) {
    match value {
        Value::String(text) if text.len() == 36 => ids.push(text.to_string()),
        Value::Array(items) => items.iter().for_each(|item| gather_ids(item, ids)),
        Value::Object(object) => {
            for (name, member) in object.iter() {
                if name.len() == 36 {
                    ids.push(name.to_owned());
                }
                gather_ids(member, ids);
            }
        }
        _ => {}
    }
}

/// A text about a person that can be recognised by who knows it.
fn masked(text: &str) -> String {
    if let Some((user, host)) = text.rsplit_once('@').filter(|(_, host)| host.contains('.')) {
        return format!("{}…@{host}", user.chars().next().unwrap_or('…'));
    }
    let digits = text.chars().filter(char::is_ascii_digit).count();
    if digits >= 4 {
        let end: String = text.chars().rev().take(2).collect();
        return format!("…{}", end.chars().rev().collect::<String>());
    }
    initials(text)
}

/// The first letter of each word of a name.
fn initials(name: &str) -> String {
    let letters = name.split_whitespace().filter_map(|word| word.chars().next());
    letters.map(|letter| format!("{letter}.")).collect::<Vec<_>>().join(" ")
}

/// The first half of an address: the network, not the machine.
fn half_address(ip: &str) -> String {
    let separator = if ip.contains(':') { ":" } else { "." };
    let head: Vec<&str> = ip.split(separator).take(2).collect();
    format!("{}{separator}…", head.join(separator))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn actor() -> Actor {
        Actor {
            id: Some("u1".to_owned()),
            name: Some("Ann Olsen".to_owned()),
            email: Some("ann@example.com".to_owned()),
            remote_ip: vec!["203.0.113.7".to_owned(), "2001:db8:1::7".to_owned()],
            ..Actor::default()
        }
    }

    #[test]
    fn a_masked_person_can_be_recognised_and_not_reached() {
        for (text, expected) in
            [("Ann Olsen", "A. O."), ("ann@example.com", "a…@example.com"), ("+49 30 1234567", "…67"), ("Ölaf", "Ö.")]
        {
            assert_eq!(masked(text), expected);
        }
        let told = People::Masked.actor(&actor());
        assert_eq!(told.remote_ip, ["203.0.…", "2001:db8:…"]);
        let told = People::None.actor(&actor());
        assert_eq!((told.name, told.email, told.remote_ip.len(), told.id.unwrap()), (None, None, 0, "u1".to_owned()));
        assert_eq!(People::Full.actor(&actor()), actor());
    }

    #[test]
    fn a_person_is_replaced_wherever_a_text_names_them() {
        let told = |people| {
            let scan = Scan::built_in().unwrap();
            let edge = Edge { scan: &scan, people, domain: None, persons: Persons::of_actors(people, &[actor()]) };
            edge.text("Ann Olsen (ann@example.com) from 203.0.113.7 made Ann a queue")
        };
        assert_eq!(told(People::Full), "Ann Olsen (ann@example.com) from 203.0.113.7 made Ann a queue");
        assert_eq!(told(People::Masked), "A. O. (a…@example.com) from 203.0.… made Ann a queue");
        assert_eq!(told(People::None), "u1 (u1) from (personal) made Ann a queue");
    }

    #[test]
    fn a_secret_in_a_text_is_replaced_and_an_id_stays() {
        let scan = Scan::built_in().unwrap();
        let secret = ["ghp_", "0123456789abcdefghijABCDEFGHIJ012345"].concat();
        let id = "9c1f0a2e-5d1e-4c55-9d0e-0a6f5a1d2b3c";
        assert_eq!(without_secrets(&scan, &format!("token {secret}\nof {id}")), format!("token {SECRET}\nof {id}"));
        assert!(!without_secrets(&scan, &format!("x-{secret}-{secret}")).contains("ghp_"));
    }
}
