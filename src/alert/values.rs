//! Values as an alert shows them: names beside ids, no secrets, long texts shortened by how much is said.

use crate::canonical::{Scan, compact, is_fingerprint, value_of};
use crate::model::{CanonicalText, ChangeKind, Pointer, Value};
use crate::policy::{ClassifiedChange, ClassifiedField};

use super::content::ChangedValue;
use super::privacy::Edge;

/// Most characters of a value.
const EXCERPT: usize = 160;

/// Characters of common text before the first difference of two excerpts.
const LEAD: usize = 20;

/// Most fields or members of an entity.
const MOST: usize = 20;

/// What differs in a change, in reading order.
pub(super) fn changed_values(classified: &ClassifiedChange, edge: &Edge<'_>) -> Vec<ChangedValue> {
    let change = &classified.change;
    let mut values: Vec<ChangedValue> =
        classified.fields.iter().take(MOST).map(|field| changed_field(field, edge)).collect();
    add_rest(&mut values, classified.fields.len(), "field");
    match change.kind {
        ChangeKind::Added => values.extend(members(change.after.as_ref(), edge, false)),
        ChangeKind::Removed => values.extend(members(change.before.as_ref(), edge, true)),
        ChangeKind::Modified | ChangeKind::Recreated => {}
    }
    values
}

fn changed_field(classified: &ClassifiedField, edge: &Edge<'_>) -> ChangedValue {
    let ClassifiedField { field, place, old_name, new_name, .. } = classified;
    let is_secret = |value: Option<&Value<'_>>| value.is_some_and(is_fingerprint);
    let (old, new) = match (field.old.as_ref(), field.new.as_ref()) {
        (Some(_), Some(_)) if is_secret(field.old.as_ref()) || is_secret(field.new.as_ref()) => {
            (Some("secret".to_owned()), Some("another secret".to_owned()))
        }
        (old, new) => {
            // The whole of both is made fit to be told before anything is cut, so that no half of a secret is left.
            let whole = |value: Option<&Value<'_>>| value.map(|value| shown(&field.path, value, edge));
            let (old, new) = (whole(old), whole(new));
            let beside = |text: &Option<String>, other: &Option<String>, name: &Option<String>| {
                let text = text.as_ref()?;
                let short = excerpt_beside(text, other.as_deref().unwrap_or_default());
                Some(name.as_ref().map_or_else(|| short.clone(), |name| format!("{short} ({})", edge.text(name))))
            };
            (beside(&old, &new, old_name), beside(&new, &old, new_name))
        }
    };
    ChangedValue { place: edge.text(place), old, new }
}

/// The simple members of an entity that came or went.
fn members(entity: Option<&CanonicalText>, edge: &Edge<'_>, is_gone: bool) -> Vec<ChangedValue> {
    let Some(Value::Object(entity)) = entity.map(value_of) else { return Vec::new() };
    let is_simple = |value: &Value<'_>| !matches!(value, Value::Array(_) | Value::Object(_)) || is_fingerprint(value);
    let told = entity.iter().filter(|(_, value)| is_simple(value)).take(MOST);
    let mut values: Vec<ChangedValue> = told
        .map(|(name, value)| {
            let side = Some(excerpt_beside(&shown(&Pointer::root().child(name), value, edge), ""));
            let (old, new) = if is_gone { (side, None) } else { (None, side) };
            ChangedValue { place: edge.text(name), old, new }
        })
        .collect();
    add_rest(&mut values, entity.len(), "member");
    values
}

fn add_rest(values: &mut Vec<ChangedValue>, all: usize, what: &str) {
    let more = all.saturating_sub(values.len());
    if more > 0 {
        let plural = if more == 1 { "" } else { "s" };
        values.push(ChangedValue {
            place: "…".to_owned(),
            old: None,
            new: Some(format!("and {more} more {what}{plural}")),
        });
    }
}

/// A value as compact JSON, fit to be told.
fn shown(place: &Pointer, value: &Value<'_>, edge: &Edge<'_>) -> String {
    edge.personal(place, value).unwrap_or_else(|| edge.text(&told(value, edge.scan)))
}

/// A value as compact JSON in which no secret is left, neither one that was known for one nor one that only looks like it.
fn told(value: &Value<'_>, scan: &Scan) -> String {
    match value {
        _ if is_fingerprint(value) => "secret".to_owned(),
        Value::String(text) => compact(&Value::from(super::privacy::without_secrets(scan, text))),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| told(item, scan)).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(object) => {
            let member = |(name, value): (&str, &Value<'_>)| {
                let is_secret = scan.is_secret_name(name) && value.as_str().is_some_and(|text| !text.is_empty());
                let value = if is_secret { "secret".to_owned() } else { told(value, scan) };
                format!("{}:{value}", compact(&Value::from(super::privacy::without_secrets(scan, name))))
            };
            format!("{{{}}}", object.iter().map(member).collect::<Vec<_>>().join(","))
        }
        _ => compact(value),
    }
}

/// The beginning of a text, or of where it begins to differ from another, and how much is left out.
fn excerpt_beside(text: &str, other: &str) -> String {
    if text.chars().count() <= EXCERPT {
        return text.to_owned();
    }
    let common = text.chars().zip(other.chars()).take_while(|(left, right)| left == right).count();
    let skipped = if common + LEAD > EXCERPT { common - LEAD } else { 0 };
    let lead = if skipped > 0 { format!("({skipped} equal characters) …") } else { String::new() };
    let rest: Vec<char> = text.chars().skip(skipped).collect();
    match rest.len().saturating_sub(EXCERPT) {
        0 => format!("{lead}{}", rest.iter().collect::<String>()),
        more => {
            let plural = if more == 1 { "" } else { "s" };
            format!("{lead}{}… ({more} more character{plural})", rest[..EXCERPT].iter().collect::<String>())
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::read_str;

    #[test]
    fn a_long_text_says_how_much_is_left_out_and_begins_where_it_differs() {
        let common = "x".repeat(500);
        assert_eq!(
            excerpt_beside(&format!("{common}old"), &format!("{common}new")),
            format!("(480 equal characters) …{}old", "x".repeat(LEAD))
        );
        let long = "é".repeat(EXCERPT + 1);
        assert_eq!(excerpt_beside(&long, ""), format!("{}… (1 more character)", "é".repeat(EXCERPT)));
        assert_eq!(excerpt_beside("short", &long), "short");
    }

    #[test]
    fn no_secret_is_left_in_a_value_wherever_it_is() {
        let scan = Scan::built_in().unwrap();
        let fingerprint = format!(r#"{{"$secret":"hmac-sha256:{}"}}"#, "0".repeat(64));
        let key = ["ghp_", "0123456789abcdefghijABCDEFGHIJ012345"].concat();
        let text = format!(r#"{{"a":[{fingerprint}],"b":{{"n":"key {key}"}},"password":"hunter2hunter2","c":1.50}}"#);
        let shown = told(&read_str(&text).unwrap(), &scan);
        assert_eq!(shown, r#"{"a":[secret],"b":{"n":"key (secret)"},"c":1.5,"password":secret}"#);
    }
}
