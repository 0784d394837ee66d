//! Fills the templates of the simulated org: placeholders in strings, and objects that stand for something drawn.
//!
//! In a string: `{n}` the running number, `{first}` and `{last}` the names of a person, `{uuid}`, `{hex:16}`, `{pick:A|B}`.
//! An object with one of these members is replaced as a whole: `$ref` and `$refs` (embedded references to entities of a
//! domain), `$id` and `$ids` (their ids), `$parent` (a reference to the parent), `$int`, `$bool`, `$of`, `$maybe`. References
//! take `named` (the target's name), `where` (members the target must have) and `with` (members of the relation itself).

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::names;
use super::rng::Rng;
use crate::model::{Number, Object, OwnedValue, Value};

/// How often another target is drawn where a list of references has the drawn one already.
const DRAWS_PER_TARGET: usize = 4;

/// Knows the entities that a template can refer to.
pub(super) trait Targets {
    /// The id of any entity of a domain that has certain members; not the one to avoid.
    fn any(&self, domain: &str, having: Option<&OwnedValue>, avoid: Option<&str>, rng: &mut Rng) -> Option<String>;

    /// The id of the entity of this name.
    fn named(&self, domain: &str, name: &str) -> Option<String>;
}

/// What one entity's template is filled with.
pub(super) struct Filling<'f> {
    /// Where references lead.
    pub(super) targets: &'f dyn Targets,
    /// What is drawn from.
    pub(super) rng: Rng,
    /// The running number of the entity, from 1.
    pub(super) number: usize,
    /// The id of the parent entity.
    pub(super) parent: Option<&'f str>,
    /// The id of the entity itself, which it does not refer to.
    pub(super) itself: Option<&'f str>,
    /// Names that no entity has.
    pub(super) unresolved: Vec<String>,
}

impl Filling<'_> {
    /// Fills a template in place; false where it stands for nothing.
    pub(super) fn fill(&mut self, value: &mut OwnedValue) -> bool {
        match value {
            Value::String(text) => {
                if text.contains('{') {
                    *text = Cow::Owned(self.text(text));
                }
                true
            }
            Value::Array(items) => {
                items.retain_mut(|item| self.fill(item));
                true
            }
            Value::Object(object) => {
                let generator = object.iter().map(|(name, _)| name).find(|name| name.starts_with('$'));
                let Some(generator) = generator.map(ToOwned::to_owned) else {
                    object.retain_mut(|_, member| self.fill(member));
                    return true;
                };
                let generated = self.generated(&generator, object);
                generated.map(|generated| *value = generated).is_some()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => true,
        }
    }

    fn generated(&mut self, generator: &str, object: &Object<'static>) -> Option<OwnedValue> {
        let argument = object.get(generator)?;
        match generator {
            "$parent" => self.parent.map(reference_to),
            "$ref" => self.target(object, argument.as_str()?).map(|id| self.reference(&id, object)),
            "$id" => self.target(object, argument.as_str()?).map(Value::from),
            "$refs" => {
                let ids = self.several(object, argument.as_str()?);
                Some(Value::Array(ids.iter().map(|id| self.reference(id, object)).collect()))
            }
            "$ids" => {
                let ids = self.several(object, argument.as_str()?);
                Some(Value::Array(ids.into_iter().map(Value::from).collect()))
            }
            "$int" => {
                let [low, high] = argument.as_array()? else { return None };
                let (low, high) = (low.as_u64()?, high.as_u64()?);
                Some(Value::from(low + self.rng.draw() % (high.saturating_sub(low) + 1)))
            }
            "$bool" => Some(Value::from(self.rng.chance(probability(argument)?))),
            "$of" => {
                let chosen = self.rng.pick(argument.as_array()?)?.clone();
                self.filled(chosen)
            }
            "$maybe" => {
                let is_there = self.rng.chance(probability(argument)?);
                if is_there { self.filled(object.get("value")?.clone()) } else { None }
            }
            _ => None,
        }
    }

    fn filled(&mut self, mut value: OwnedValue) -> Option<OwnedValue> {
        self.fill(&mut value).then_some(value)
    }

    fn target(&mut self, object: &Object<'static>, domain: &str) -> Option<String> {
        if let Some(name) = object.get("named").and_then(Value::as_str) {
            let found = self.targets.named(domain, name);
            if found.is_none() {
                self.unresolved.push(name.to_owned());
            }
            return found;
        }
        let found = self.targets.any(domain, object.get("where"), self.itself, &mut self.rng);
        // A domain that we do not know has entities too; which ones, nobody can tell.
        Some(found.unwrap_or_else(|| self.rng.uuid()))
    }

    fn several(&mut self, object: &Object<'static>, domain: &str) -> BTreeSet<String> {
        let bound = |name| object.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let least = bound("min").unwrap_or(1);
        let most = bound("max").unwrap_or(least).max(least);
        let wanted = least + self.rng.below(most - least + 1);
        let mut ids = BTreeSet::new();
        for _ in 0..wanted * DRAWS_PER_TARGET {
            if ids.len() < wanted {
                ids.extend(self.target(object, domain));
            }
        }
        ids
    }

    fn reference(&mut self, id: &str, object: &Object<'static>) -> OwnedValue {
        let mut reference = reference_to(id);
        if let (Value::Object(reference), Some(Value::Object(own))) = (&mut reference, object.get("with")) {
            for (name, value) in own.clone() {
                reference.insert(name, value);
            }
        }
        self.fill(&mut reference);
        reference
    }

    fn text(&mut self, template: &str) -> String {
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let Some((placeholder, after)) = after.split_once('}') else {
                rest = &rest[before.len()..];
                break;
            };
            text.push_str(&self.placeholder(placeholder));
            rest = after;
        }
        text.push_str(rest);
        text
    }

    fn placeholder(&mut self, name: &str) -> String {
        let (kind, argument) = name.split_once(':').unwrap_or((name, ""));
        match kind {
            "n" => self.number.to_string(),
            "first" => names::person(self.number).0.to_owned(),
            "last" => names::person(self.number).1.to_owned(),
            "uuid" => self.rng.uuid(),
            "hex" => self.rng.hex(argument.parse().unwrap_or(0)),
            "pick" => {
                let choices: Vec<&str> = argument.split('|').collect();
                choices[self.rng.below(choices.len())].to_owned()
            }
            _ => format!("{{{name}}}"),
        }
    }
}

/// A reference that says no more than whom it means.
fn reference_to(id: &str) -> OwnedValue {
    Value::Object(Object::from_iter([(Cow::Borrowed("id"), Value::from(id))]))
}

fn probability(value: &OwnedValue) -> Option<f64> {
    match value {
        Value::Number(number) => number_as_f64(number),
        _ => None,
    }
}

/// The double nearest to a number.
pub(super) fn number_as_f64(number: &Number<'_>) -> Option<f64> {
    number.as_str().parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::{canonical_text, read_str};

    struct Nobody;

    impl Targets for Nobody {
        fn any(&self, domain: &str, having: Option<&OwnedValue>, _: Option<&str>, rng: &mut Rng) -> Option<String> {
            let kind = having.and_then(|having| having.get("type")).and_then(Value::as_str).unwrap_or("any");
            Some(format!("{domain} {kind} {}", rng.below(3)))
        }

        fn named(&self, _: &str, name: &str) -> Option<String> {
            (name == "Nora").then(|| "id of Nora".to_owned())
        }
    }

    fn filled(template: &'static str, seed: u64) -> (Option<String>, Vec<String>) {
        let mut value = read_str(template).unwrap();
        let mut filling = Filling {
            targets: &Nobody,
            rng: Rng::new(seed),
            number: 3,
            parent: Some("p1"),
            itself: None,
            unresolved: Vec::new(),
        };
        let is_there = filling.fill(&mut value);
        (is_there.then(|| canonical_text(&value).as_str().to_owned()), filling.unresolved)
    }

    #[test]
    fn placeholders_are_filled_and_other_braces_stay() {
        let (text, _) = filled(r#"["a{n}b{n}","{first}","x{hex:5}","{pick:A}","{what}","{open"]"#, 1);
        let text = text.unwrap();
        let [number, first, hex, rest @ ..] = &*text.split(',').collect::<Vec<_>>() else { panic!("{text}") };
        assert_eq!(*number, r#"["a3b3""#);
        assert!(first.len() > 2 && !first.contains('{'));
        assert_eq!(hex.len(), 8);
        assert_eq!(rest, [r#""A""#, r#""{what}""#, r#""{open"]"#]);
    }

    #[test]
    fn generators_are_replaced_as_a_whole() {
        let cases = [
            (r#"{"a":{"$parent":true}}"#, r#"{"a":{"id":"p1"}}"#),
            (r#"{"a":{"$int":[4,4]}}"#, r#"{"a":4}"#),
            (r#"{"a":{"$bool":1}}"#, r#"{"a":true}"#),
            (r#"{"a":{"$maybe":0,"value":1},"b":{"$maybe":1,"value":"{n}"}}"#, r#"{"b":"3"}"#),
            (r#"{"a":{"$of":[["{n}"]]}}"#, r#"{"a":["3"]}"#),
            (r#"[{"$ref":"d","named":"Nora","with":{"p":{"$int":[1,1]}}}]"#, r#"[{"id":"id of Nora","p":1}]"#),
        ];
        for (template, expected) in cases {
            assert_eq!(filled(template, 1).0.as_deref(), Some(expected), "{template}");
        }
    }

    #[test]
    fn several_references_are_different_ones_of_the_wanted_kind() {
        for seed in 0..50 {
            let (text, _) = filled(r#"{"$ids":"d","where":{"type":"T"},"min":2,"max":3}"#, seed);
            let text = text.unwrap();
            let ids: Vec<&str> = text.trim_matches(['[', ']']).split(',').collect();
            assert!((2..=3).contains(&ids.len()), "{text}");
            assert!(ids.windows(2).all(|pair| pair[0] != pair[1]) && ids[0].starts_with("\"d T "), "{text}");
        }
    }

    #[test]
    fn a_name_that_nobody_has_is_told() {
        assert_eq!(filled(r#"{"a":{"$id":"d","named":"Who"}}"#, 1), (Some("{}".to_owned()), vec!["Who".to_owned()]));
    }
}
