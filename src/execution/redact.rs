//! What must not stand in a record in clear: found by the names of members and by the look of values, and masked.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;

use super::sums::sum;
use crate::canonical::compact;
use crate::catalogue::embedded_file;
use crate::model::{Object, OwnedValue, Value};

/// What is looked for, without what a user adds.
const BUILT_IN: &str = "execution/redaction.toml";

/// The longest place that is told as a whole.
const LONGEST_PLACE: usize = 120;

/// The shortest number that is looked at as a text: a card has 13 digits.
const SHORTEST_NUMBER: usize = 13;

/// What must be masked.
#[derive(Debug)]
pub struct Redaction {
    masked: RegexSet,
    fields: Vec<FieldRule>,
    values: Vec<ValueRule>,
    any: RegexSet,
    allowed: Vec<String>,
}

/// What a user adds to what must be masked, and takes from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserRedaction {
    /// Names of members whose value must be masked.
    pub fields: Vec<String>,
    /// What is looked for, and the pattern of it.
    pub patterns: Vec<(String, String)>,
    /// Names of members that may stay in clear.
    pub allowed: Vec<String>,
}

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pattern:?} is no pattern: {cause}")]
pub struct RedactionProblem {
    /// The pattern.
    pub pattern: String,
    /// Why.
    pub cause: String,
}

/// Something that stood in clear.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leak {
    /// What it is.
    pub kind: String,
    /// Where: names of members, and `*` for whatever element of a list.
    pub place: String,
}

#[derive(Debug)]
struct FieldRule {
    kind: String,
    endings: Vec<String>,
}

#[derive(Debug)]
struct ValueRule {
    kind: String,
    pattern: Regex,
    holds: Option<fn(&str) -> bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    masked: Vec<String>,
    field: Vec<FileField>,
    value: Vec<FileValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileField {
    kind: String,
    names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileValue {
    kind: String,
    pattern: String,
    check: Option<String>,
}

impl Redaction {
    /// What is compiled in, with what a user adds.
    ///
    /// # Errors
    /// Every pattern that cannot be used.
    pub fn new(user: &UserRedaction) -> Result<Self, Vec<RedactionProblem>> {
        let broken = |cause: String| vec![RedactionProblem { pattern: BUILT_IN.to_owned(), cause }];
        let file: File =
            toml::from_str(embedded_file(BUILT_IN).unwrap_or_default()).map_err(|error| broken(error.to_string()))?;
        let own = user.patterns.iter().map(|(kind, pattern)| FileValue {
            kind: kind.clone(),
            pattern: pattern.clone(),
            check: None,
        });
        let (mut values, mut problems) = (Vec::new(), Vec::new());
        for value in file.value.into_iter().chain(own) {
            let FileValue { kind, pattern, check } = value;
            let holds = match &check {
                Some(name) => Some(sum(name).ok_or_else(|| broken(format!("there is no sum {name:?}")))?),
                None => None,
            };
            match RegexBuilder::new(&pattern).unicode(false).build() {
                Ok(pattern) => values.push(ValueRule { kind, pattern, holds }),
                Err(error) => problems.push(RedactionProblem { pattern, cause: error.to_string() }),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let set = |patterns: Vec<&str>| {
            RegexSetBuilder::new(patterns).unicode(false).build().map_err(|error| broken(error.to_string()))
        };
        let own = FieldRule {
            kind: "configured field".to_owned(),
            endings: user.fields.iter().map(|name| plain(name)).collect(),
        };
        let built_in = file.field.into_iter().map(|field| FieldRule { kind: field.kind, endings: field.names });
        Ok(Self {
            masked: set(file.masked.iter().map(String::as_str).collect())?,
            any: set(values.iter().map(|value| value.pattern.as_str()).collect())?,
            fields: std::iter::once(own).chain(built_in).collect(),
            values,
            allowed: user.allowed.iter().map(|name| plain(name)).collect(),
        })
    }

    /// Masks what stands in clear, and tells what it was: in order of place, one for each time.
    pub fn mask(&self, value: &mut OwnedValue) -> Vec<Leak> {
        let mut leaks = Vec::new();
        self.walk(value, "", &mut leaks);
        leaks
    }

    /// Tells what stands in clear.
    #[must_use]
    pub fn look(&self, value: &OwnedValue) -> Vec<Leak> {
        self.mask(&mut value.clone())
    }

    fn walk(&self, value: &mut OwnedValue, place: &str, leaks: &mut Vec<Leak>) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::String(text) => {
                if let Some(masked) = self.masked_text(text, place, leaks) {
                    *text = Cow::Owned(masked);
                }
            }
            Value::Number(_) => {
                let text = compact(value);
                if text.len() >= SHORTEST_NUMBER
                    && let Some(masked) = self.masked_text(&text, place, leaks)
                {
                    *value = Value::String(Cow::Owned(masked));
                }
            }
            Value::Array(elements) => {
                let place = format!("{place}/*");
                for element in elements.iter_mut() {
                    self.walk(element, &place, leaks);
                }
            }
            Value::Object(object) => *object = self.walk_members(std::mem::take(object), place, leaks),
        }
    }

    fn walk_members(&self, object: Object<'static>, place: &str, leaks: &mut Vec<Leak>) -> Object<'static> {
        let mut masked = Object::default();
        for (name, mut value) in object {
            let mut name = match self.masked_text(&name, place, leaks) {
                Some(masked) => Cow::Owned(masked),
                None => name,
            };
            let below = format!("{place}/{name}");
            let wanted = plain(&name);
            if self.allowed.contains(&wanted) {
                // Somebody has said that it may stay.
            } else if let Some(rule) = self.fields.iter().find(|rule| rule.is_about(&wanted)) {
                self.mask_whole(&mut value, rule, &below, leaks);
            } else {
                self.walk(&mut value, &below, leaks);
            }
            while masked.get(&name).is_some() {
                name = Cow::Owned(format!("{name}+"));
            }
            masked.insert(name, value);
        }
        masked
    }

    /// Masks every value below a member that is known by its name.
    fn mask_whole(&self, value: &mut OwnedValue, rule: &FieldRule, place: &str, leaks: &mut Vec<Leak>) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::String(text) if self.masked.is_match(text) => {}
            Value::String(_) | Value::Number(_) => {
                leaks.push(Leak { kind: rule.kind.clone(), place: shortened(place) });
                *value = Value::String(Cow::Owned(mask_of(&rule.kind)));
            }
            Value::Array(elements) => {
                for element in elements.iter_mut() {
                    self.mask_whole(element, rule, &format!("{place}/*"), leaks);
                }
            }
            Value::Object(object) => object.retain_mut(|name, value| {
                self.mask_whole(value, rule, &format!("{place}/{name}"), leaks);
                true
            }),
        }
    }

    fn masked_text(&self, text: &str, place: &str, leaks: &mut Vec<Leak>) -> Option<String> {
        if !self.any.is_match(text) {
            return None;
        }
        let mut masked = Cow::Borrowed(text);
        for rule in &self.values {
            let replaced = rule.pattern.replace_all(&masked, |found: &regex::Captures<'_>| {
                let Some(whole) = found.get(0) else { return String::new() };
                let holds = rule.holds.is_none_or(|holds| holds(whole.as_str()));
                if holds && stands_alone(&masked, whole.start(), whole.end()) {
                    leaks.push(Leak { kind: rule.kind.clone(), place: shortened(place) });
                    mask_of(&rule.kind)
                } else {
                    whole.as_str().to_owned()
                }
            });
            if replaced != masked {
                masked = Cow::Owned(replaced.into_owned());
            }
        }
        (masked != text).then(|| masked.into_owned())
    }
}

impl FieldRule {
    fn is_about(&self, name: &str) -> bool {
        self.endings.iter().any(|ending| name.ends_with(ending.as_str()))
    }
}

/// What takes the place of a value.
fn mask_of(kind: &str) -> String {
    format!("[masked: {kind}]")
}

/// A name as it is compared.
fn plain(name: &str) -> String {
    let kept = name.chars().filter(|c| !matches!(c, '_' | '-' | ' '));
    kept.flat_map(char::to_lowercase).collect()
}

/// Whether what was found is no part of a longer word or id.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    !text[..start].chars().next_back().is_some_and(is_part) && !text[end..].chars().next().is_some_and(is_part)
}

fn shortened(place: &str) -> String {
    match place.char_indices().nth(LONGEST_PLACE) {
        Some((at, _)) => format!("{}… and {} more characters", &place[..at], place[at..].chars().count()),
        None if place.is_empty() => "/".to_owned(),
        None => place.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::read_str;

    fn masked_by(user: &UserRedaction, text: &str) -> (String, Vec<(String, String)>) {
        let mut value = read_str(text).unwrap().into_owned();
        let redaction = Redaction::new(user).unwrap();
        let leaks = redaction.mask(&mut value);
        assert_eq!(redaction.mask(&mut value.clone()), [], "{text}: what is masked is masked again");
        (compact(&value), leaks.into_iter().map(|leak| (leak.kind, leak.place)).collect())
    }

    fn masked(text: &str) -> (String, Vec<(String, String)>) {
        masked_by(&UserRedaction::default(), text)
    }

    #[test]
    fn values_that_look_personal_are_masked_wherever_they_stand() {
        for (value, expected) in [
            ("ann.smith+x@mail.example.com", "[masked: mail address]"),
            ("write to ann@example.com, please", "write to [masked: mail address], please"),
            ("4111 1111 1111 1111", "[masked: card number]"),
            ("paid with 4111-1111-1111-1111.", "paid with [masked: card number]."),
            ("+49 (30) 1234567", "[masked: phone number]"),
            ("tel:030123456", "[masked: phone number]"),
            ("sip:ann@example.com", "sip:[masked: mail address]"),
            ("123-45-6789", "[masked: national id]"),
            ("QQ123456C, AB 12 34 56 C", "QQ123456C, [masked: national id]"),
            ("12345678Z", "[masked: national id]"),
            ("RSSMRA85T10A562S", "[masked: national id]"),
            ("2 55 08 14 168 025 38", "[masked: national id]"),
            ("DE89 3704 0044 0532 0130 00", "[masked: bank account]"),
        ] {
            let text = serde_json::json!({ "a": [value] }).to_string();
            let (found, leaks) = masked(&text);
            assert_eq!(found, serde_json::json!({ "a": [expected] }).to_string());
            assert_eq!(leaks.len(), 1, "{value}: {leaks:?}");
            assert_eq!(leaks[0].1, "/a/*");
        }
    }

    #[test]
    fn what_only_resembles_them_stays() {
        for value in [
            "4111 1111 1111 1112",
            "3f2a9c01-5d1e-4c55-9d0e-0a6f5a1d2b3c",
            "41111111-1111-4111-8111-111111111111",
            "2026-03-03T12:00:00.123Z",
            "1772539200123",
            "666-12-3456",
            "000-12-3456",
            "12345678A",
            "v14.0.3",
            "user@localhost",
            "[masked: mail address]",
            "****1111",
        ] {
            let text = serde_json::json!({ "a": value }).to_string();
            assert_eq!(masked(&text), (text.clone(), Vec::new()));
        }
    }

    #[test]
    fn members_are_known_by_their_names_and_numbers_count_too() {
        let (found, leaks) = masked(
            r#"{"Flow.customerPIN":1234,"card_number":"x","pin":"****","cvv":null,"n":4111111111111111,"ssn":{"deep":["abc"]}}"#,
        );
        assert_eq!(
            found,
            r#"{"Flow.customerPIN":"[masked: password]","card_number":"[masked: card number]","cvv":null,"n":"[masked: card number]","pin":"****","ssn":{"deep":["[masked: national id]"]}}"#
        );
        let places: Vec<&str> = leaks.iter().map(|(_, place)| place.as_str()).collect();
        assert_eq!(places, ["/Flow.customerPIN", "/card_number", "/n", "/ssn/deep/*"]);
    }

    #[test]
    fn a_name_that_is_personal_itself_is_masked_and_nothing_is_lost() {
        let (found, leaks) = masked(r#"{"a@example.com":1,"b@example.com":2}"#);
        assert_eq!(found, r#"{"[masked: mail address]":1,"[masked: mail address]+":2}"#);
        assert_eq!(leaks.len(), 2);
    }

    #[test]
    fn a_user_adds_fields_and_patterns_and_lets_fields_stay() {
        let user = UserRedaction {
            fields: vec!["customer_email".to_owned()],
            patterns: vec![("order number".to_owned(), "ORD-[0-9]{6}".to_owned())],
            allowed: vec!["ani".to_owned()],
        };
        let (found, leaks) =
            masked_by(&user, r#"{"ANI":"+4930123456789","CustomerEmail":"who","note":"about ORD-123456"}"#);
        assert_eq!(
            found,
            r#"{"ANI":"+4930123456789","CustomerEmail":"[masked: configured field]","note":"about [masked: order number]"}"#
        );
        assert_eq!(leaks.len(), 2);
        let broken = UserRedaction { patterns: vec![("x".to_owned(), "(".to_owned())], ..UserRedaction::default() };
        assert_eq!(Redaction::new(&broken).unwrap_err()[0].pattern, "(");
    }

    #[test]
    fn a_place_is_told_shortened() {
        let text = format!(r#"{{"{}":"a@example.com"}}"#, "x".repeat(500));
        let (_, leaks) = masked(&text);
        assert!(leaks[0].1.ends_with("… and 381 more characters"), "{}", leaks[0].1);
    }
}
