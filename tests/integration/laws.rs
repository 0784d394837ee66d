//! The laws of the canonical form and of the diff, over generated documents.

use std::borrow::Cow;
use std::collections::BTreeMap;

use orgtrail::canonical::{
    Canonical, Canonicaliser, Notes, Scan, SecretKey, canonical_text, read_str, value_of, write_document,
};
use orgtrail::catalogue::Domain;
use orgtrail::diff::{Operation, apply, diff_domain, patch};
use orgtrail::model::{DomainSnapshot, EntityKey, Number, Object, OwnedValue, Value};
use orgtrail::report::Patch;
use proptest::prelude::*;

const DOMAIN: &str = r#"
about = "A domain with every treatment."
schema_version = 1
tier = "standard"
[source]
path = "/api/v2/things"
paging = "unpaged"
[identity]
key = ["id"]
natural = ["a"]
[treat]
volatile = ["version", "b.version"]
secret = ["pin"]
[treat.sets]
"set" = "."
"keyed" = "id"
"keyed.*.set" = "."
"b.keyed" = ["id", "a"]
[risk]
added = "low"
removed = "low"
modified = "low"
"#;

const SCHEMA: &str = r#"{
  "properties": { "entities": { "additionalProperties": { "properties": {
    "id": {"type": "string"}, "a": {}, "version": {}, "pin": {}, "set": {"type": "array"},
    "keyed": {"type": "array", "items": {"properties": {"id": {}, "set": {"type": "array"}}}},
    "b": {}
  } } } }
}"#;

fn domain() -> Domain {
    Domain::read("test.things".parse().unwrap(), "things.toml", DOMAIN, "things.v1.json", SCHEMA).unwrap()
}

fn number() -> impl Strategy<Value = OwnedValue> {
    prop_oneof![
        any::<i32>().prop_map(|n| n.to_string()),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| format!("{n:e}")),
        "-?[1-9][0-9]{17,40}",
        "-?[0-9]\\.[0-9]{1,30}",
    ]
    .prop_map(|literal| Value::Number(Number::parse(&literal).unwrap().into_owned()))
}

/// Documents whose member names often hit the treated places.
fn document() -> impl Strategy<Value = OwnedValue> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number(),
        "[a-c]{0,2}|\\PC{0,5}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let name = "a|b|c|id|set|keyed|version|pin|\\PC{0,3}";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((name, inner), 0..6).prop_map(|members| Value::Object(
                members.into_iter().map(|(name, value)| (Cow::Owned(name), value)).collect()
            )),
        ]
    })
}

fn entity() -> impl Strategy<Value = OwnedValue> {
    let parts = (document(), document(), document(), document(), document());
    (prop::collection::vec(document(), 0..5), prop::collection::vec(document(), 0..4), parts).prop_map(
        |(set, keyed, (a, b, pin, version, c))| {
            let mut object = Object::default();
            object.insert("set", Value::Array(set));
            object.insert("keyed", Value::Array(keyed));
            for (name, value) in [("a", a), ("b", b), ("pin", pin), ("version", version), ("c", c)] {
                object.insert(name, value);
            }
            object.insert("id", Value::from("e1"));
            Value::Object(object)
        },
    )
}

fn canonical(domain: &Domain, raw: OwnedValue) -> (EntityKey, orgtrail::model::CanonicalText) {
    let key = SecretKey::new(&"k".repeat(32)).unwrap();
    let scan = Scan::built_in().unwrap();
    match Canonicaliser::new(domain, &key, &scan, "org").entity(raw, None, &mut Notes::default()).unwrap() {
        Canonical::Entity(key, text) => (key, text),
        Canonical::Deleted(key) => panic!("{key} is not marked as deleted"),
    }
}

/// Reverses every set, which must not matter.
fn with_sets_reversed(domain: &Domain, mut raw: OwnedValue) -> OwnedValue {
    for (path, _) in &domain.treat.sets {
        path.for_each_mut(&mut raw, &mut |place| {
            if let Value::Array(items) = place {
                items.reverse();
            }
        });
    }
    raw
}

/// JSON text of a value with its members backwards and its numbers spelled another way.
fn respelled(value: &OwnedValue, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push_str("[ ");
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "\n,\t" } else { "" });
                respelled(item, out);
            }
            out.push(']');
        }
        Value::Object(object) => {
            out.push_str("{\r\n");
            for (index, (name, value)) in object.iter().rev().enumerate() {
                out.push_str(if index > 0 { " , " } else { "" });
                out.push_str(&serde_json::to_string(name).unwrap());
                out.push_str(" : ");
                respelled(value, out);
            }
            out.push('}');
        }
        Value::String(text) => {
            let escaped: Vec<String> = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
            out.extend(["\"", &escaped.concat(), "\""]);
        }
        Value::Number(number) if number.is_integer() && !number.as_str().contains('e') => {
            out.extend([number.as_str(), ".000"]);
        }
        other => out.push_str(&serde_json::to_string(other).unwrap()),
    }
}

/// A domain as one document, as any reader of JSON sees it; a domain that is not on record is null.
fn as_json(snapshot: Option<&DomainSnapshot>) -> serde_json::Value {
    let file = snapshot.map(|one| write_document(&one.domain, one.schema_version, &one.entities));
    file.map_or(serde_json::Value::Null, |file| serde_json::from_slice(&file).unwrap())
}

/// A snapshot of the domain with some entities.
fn snapshot(domain: &Domain, version: u32, entities: BTreeMap<String, OwnedValue>) -> DomainSnapshot {
    let mut snapshot = DomainSnapshot::empty(domain.id.clone(), version);
    for (key, raw) in entities {
        snapshot.entities.insert(EntityKey::new(&key), canonical(domain, raw).1);
    }
    snapshot
}

/// The operations of a patch as they are printed.
fn printed(domain: &Domain, operations: Vec<Operation>) -> json_patch::Patch {
    let patch = Patch { domains: [(domain.id.clone(), operations)].into(), ..Patch::default() };
    let mut out = Vec::new();
    orgtrail::report::json_patch::render(&patch, &mut out).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
    serde_json::from_value(document["domains"][domain.id.as_str()].clone()).unwrap()
}

proptest! {
    #[test]
    fn applying_a_printed_patch_gives_exactly_the_other_side(
        left in prop::option::of(prop::collection::btree_map("[a-e/~]", entity(), 0..4)),
        right in prop::option::of(prop::collection::btree_map("[a-e/~]", entity(), 0..4)),
        version in 1_u32..3,
    ) {
        let domain = domain();
        let left = left.map(|entities| snapshot(&domain, 1, entities));
        let right = right.map(|entities| snapshot(&domain, version, entities));
        let operations = patch(left.as_ref(), right.as_ref());
        prop_assert_eq!(operations.is_empty(), left == right);
        let (mut state, other) = (as_json(left.as_ref()), as_json(right.as_ref()));
        json_patch::patch(&mut state, &printed(&domain, operations)).unwrap();
        prop_assert_eq!(state, other);
    }

    #[test]
    fn the_canonical_form_is_blind_to_order_and_spelling(raw in entity()) {
        let domain = domain();
        let mut spelling = String::new();
        respelled(&with_sets_reversed(&domain, raw.clone()), &mut spelling);
        let again = read_str(&spelling).unwrap().into_owned();
        prop_assert_eq!(canonical(&domain, raw), canonical(&domain, again));
    }

    #[test]
    fn the_canonical_form_of_a_canonical_form_is_itself(raw in entity()) {
        let domain = domain();
        let secrets = SecretKey::new(&"k".repeat(32)).unwrap();
        let scan = Scan::built_in().unwrap();
        let (key, text) = canonical(&domain, raw);
        prop_assert_eq!(canonical_text(&value_of(&text)), text.clone());
        prop_assert_eq!(Canonicaliser::new(&domain, &secrets, &scan, "org").migrate(&key, &text).text, text);
    }

    #[test]
    fn equal_entities_have_no_diff_and_applying_a_diff_gives_the_other_side(
        left in prop::collection::btree_map("[a-e]", entity(), 0..4),
        right in prop::collection::btree_map("[a-e]", entity(), 0..4),
    ) {
        let domain = domain();
        let (left, right) = (snapshot(&domain, 1, left), snapshot(&domain, 1, right));
        prop_assert!(diff_domain(&domain, &left, &left).is_empty());
        let changes = diff_domain(&domain, &left, &right);
        prop_assert_eq!(apply(&domain, &left, &changes).unwrap(), right);
        prop_assert!(changes.is_sorted_by(|one, next| one.key < next.key));
    }
}

#[test]
fn what_a_double_cannot_hold_survives_the_way_from_response_to_applied_diff() {
    let domain = domain();
    let numbers =
        ["9007199254740993", "18446744073709551616", "123456789012345678901234567890", "0.1234567890123456789012345"];
    let old = read_str(r#"{"id":"e1","a":0,"c":9007199254740992}"#).unwrap().into_owned();
    let (key, before) = canonical(&domain, old);
    for literal in numbers {
        let raw = read_str(&format!(r#"{{"id":"e1","a":{literal},"c":9007199254740992}}"#)).unwrap().into_owned();
        let (_, after) = canonical(&domain, raw);
        let file = orgtrail::canonical::write_document(&domain.id, 1, [(&key, &after)]);
        assert!(String::from_utf8(file.clone()).unwrap().contains(&format!("\"a\": {literal},\n")));
        let read_back = orgtrail::canonical::read_document(&file).unwrap();
        assert_eq!(read_back.entities[&key], after);
        let mut first = DomainSnapshot::empty(domain.id.clone(), 1);
        first.entities.insert(key.clone(), before.clone());
        let changes = diff_domain(&domain, &first, &read_back);
        assert_eq!(changes.len(), 1);
        let field = &changes[0].fields[0];
        assert_eq!(serde_json::to_string(&field.new).unwrap(), literal);
        assert_eq!(apply(&domain, &first, &changes).unwrap(), read_back);
    }
}
