//! Every built-in rule fires on its fixture and keeps silent where it must.

use std::collections::{BTreeMap, BTreeSet};

use orgtrail::diff::compare;
use orgtrail::model::{Change, ChangeKind, DomainId, DomainSnapshot, EntityKey, OwnedValue, Value};
use orgtrail::policy::{ClassifiedChange, Names, Policy, Production, built_in_rules};

use crate::fixtures::{catalogue, folder, json, text};

/// Judges the change that a case describes.
fn judged(case: &OwnedValue, defaults: &OwnedValue) -> ClassifiedChange {
    let catalogue = catalogue();
    let member = |name: &str| case.get(name).or_else(|| defaults.get(name)).filter(|value| **value != Value::Null);
    let text_of = |name: &str| member(name).and_then(Value::as_str).unwrap_or_else(|| panic!("no {name}")).to_owned();
    let domain = catalogue.get(&text_of("domain").parse().unwrap()).unwrap();
    let entity = |name: &str| case.get(name).filter(|value| **value != Value::Null);
    let (before, after) = (entity("before"), entity("after"));
    let kind = match text_of("kind").as_str() {
        "added" => ChangeKind::Added,
        "removed" => ChangeKind::Removed,
        "modified" => ChangeKind::Modified,
        "recreated" => ChangeKind::Recreated,
        other => panic!("no such kind: {other}"),
    };
    let fields = match (before, after) {
        (Some(before), Some(after)) => compare(domain, before, after),
        _ => Vec::new(),
    };
    let change = Change {
        domain: domain.id.clone(),
        key: EntityKey::new(member("key").and_then(Value::as_str).unwrap_or("e1")),
        kind,
        previous_key: None,
        before: before.map(text),
        after: after.map(text),
        fields,
        because: None,
        followers: 0,
    };
    let mut context: BTreeMap<DomainId, DomainSnapshot> = BTreeMap::new();
    for (name, entities) in
        member("context").and_then(Value::as_object).into_iter().flat_map(orgtrail::model::Object::iter)
    {
        let id: DomainId = name.parse().unwrap();
        let snapshot = context.entry(id.clone()).or_insert_with(|| DomainSnapshot::empty(id, 1));
        for (key, entity) in entities.as_object().unwrap().iter() {
            snapshot.entities.insert(EntityKey::new(key), text(entity));
        }
    }
    let policy = Policy::new(&catalogue, built_in_rules(&catalogue).unwrap(), Vec::new(), Production::default());
    let mut unjudged = BTreeSet::new();
    let classified = policy.classify(
        change,
        &Names::new(&catalogue, &context, &context),
        &|_| unreachable!("no rule of the program asks how far a change reaches"),
        &mut unjudged,
    );
    assert!(unjudged.is_empty(), "{unjudged:?}");
    classified
}

fn rules_of(change: &ClassifiedChange) -> BTreeSet<String> {
    let fields = change.fields.iter().map(|field| field.judgement.rule.clone());
    fields.chain([change.judgement.rule.clone()]).collect()
}

#[test]
fn every_rule_fires_on_its_fixture_and_nowhere_else() {
    let catalogue = catalogue();
    for rule in built_in_rules(&catalogue).unwrap() {
        let fixture = json(&folder().join("rules").join(format!("{}.json", rule.id)));
        let change = judged(&fixture, &Value::Null);
        assert!(rules_of(&change).contains(&rule.id), "{} did not fire, but {:?}", rule.id, rules_of(&change));
        let message = &change.judgement.message;
        assert!(!message.contains(['{', '}']) && !message.contains("nothing"), "{}: {message}", rule.id);
        for case in fixture.get("not").and_then(Value::as_array).unwrap_or_default() {
            let change = judged(case, &fixture);
            assert!(!rules_of(&change).contains(&rule.id), "{} fired on {case:?}", rule.id);
        }
    }
}

#[test]
fn every_fixture_of_a_rule_has_its_rule() {
    let catalogue = catalogue();
    let ids: BTreeSet<String> = built_in_rules(&catalogue).unwrap().into_iter().map(|rule| rule.id).collect();
    for entry in std::fs::read_dir(folder().join("rules")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(ids.contains(name.trim_end_matches(".json")), "{name} has no rule");
    }
}

#[test]
fn every_rule_says_what_to_do() {
    let catalogue = catalogue();
    for rule in built_in_rules(&catalogue).unwrap() {
        assert!(rule.message.len() > 10 && rule.remedy.len() > 20, "{} says too little", rule.id);
    }
}
