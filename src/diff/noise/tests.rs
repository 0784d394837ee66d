use super::*;
use crate::canonical::{canonical_text, read_str};
use crate::catalogue::FieldPath;

const SCHEMA: &str = r#"{"properties":{"entities":{"additionalProperties":{"type":"object","properties":{
    "id":{"type":"string"},"count":{"type":"integer"},"at":{"type":"string"},"free":{},
    "map":{"type":"object","additionalProperties":{"type":"object","properties":{"seen":{"type":"string"}}}},
    "texts":{"type":"array","items":{"type":"string"}},
    "rings":{"type":"array","items":{"type":"object","properties":{
        "id":{"type":"string"},"seen":{"type":"string"},"skill":{"type":"object","properties":{"id":{"type":"string"}}},
        "level":{"type":"integer"}}}}}}}}}"#;

fn domain() -> Domain {
    let text = "about = \"x\"\nschema_version = 1\ntier = \"standard\"\n[source]\npath = \"/api/v2/a\"\npaging = \"array\"\n\
                [identity]\nkey = [\"id\"]\n[treat]\nvolatile = [\"at\"]\n\
                [risk]\nadded = \"low\"\nremoved = \"low\"\nmodified = \"low\"\n";
    Domain::read("a.b".parse().unwrap(), "a/b.toml", text, "a/b.v1.json", SCHEMA).unwrap()
}

fn entities(texts: &[&str]) -> BTreeMap<EntityKey, CanonicalText> {
    let entity =
        |(index, text): (usize, &&str)| (EntityKey::new(&index.to_string()), canonical_text(&read_str(text).unwrap()));
    texts.iter().enumerate().map(entity).collect()
}

/// The noise between two reads, as a domain file sees it that drops `at`.
fn noise(one: &[&str], other: &[&str]) -> Noise {
    let treated = |_: &EntityKey, text: &CanonicalText| {
        let Value::Object(mut entity) = value_of(text).into_owned() else { panic!() };
        entity.remove("at");
        canonical_text(&Value::Object(entity))
    };
    Noise::between(&domain(), &entities(one), &entities(other), &treated)
}

/// The paths that are told of two forms of an entity, and the lines that cover them.
fn told(one: &str, other: &str) -> (Vec<String>, Vec<String>) {
    let noise = noise(&[one], &[other]);
    let lines = noise.lines(&domain()).into_iter().map(|line| format!("[{}] {}", line.table, line.text));
    (noise.uncovered.keys().map(ToString::to_string).collect(), lines.collect())
}

fn paths(one: &str, other: &str) -> Vec<String> {
    told(one, other).0
}

#[test]
fn what_the_domain_file_covers_is_only_counted() {
    let noise = noise(&[r#"{"at":"1","count":1}"#, r#"{"at":"1"}"#], &[r#"{"at":"2","count":1}"#, r#"{"at":"2"}"#]);
    assert_eq!(noise, Noise { compared: 2, covered: 1, ..Noise::default() });
}

#[test]
fn a_path_that_moved_comes_with_the_line_that_covers_it() {
    let (paths, lines) = told(r#"{"at":"1","count":1}"#, r#"{"at":"2","count":2,"free":[]}"#);
    assert_eq!(paths, ["count", "free"]);
    assert_eq!(lines, [r#"[treat] volatile = ["at", "count", "free"]"#]);
}

#[test]
fn items_and_map_values_share_a_path() {
    assert_eq!(
        paths(r#"{"map":{"x":{"seen":"1"},"y":{"seen":"1"}}}"#, r#"{"map":{"x":{"seen":"2"},"y":{"seen":"3"}}}"#),
        ["map.*.seen"]
    );
    let noise = noise(
        &[r#"{"rings":[{"id":"a","seen":"1"},{"id":"b","seen":"1"}]}"#; 3],
        &[r#"{"rings":[{"id":"a","seen":"2"},{"id":"b","seen":"3"}]}"#; 3],
    );
    let moved = &noise.uncovered[&FieldPath::parse("rings.*.seen")];
    assert_eq!((moved.entities, moved.is_in_schema, noise.uncovered.len()), (3, true, 1));
}

#[test]
fn what_cannot_be_dropped_by_itself_is_told_by_what_holds_it() {
    assert_eq!(paths(r#"{"texts":["a","b"]}"#, r#"{"texts":["a","c"]}"#), ["texts"]);
    assert_eq!(paths(r#"{"rings":[{"id":"a"}]}"#, r#"{"rings":[{"id":"a"},{"id":"b"}]}"#), ["rings"]);
    assert_eq!(paths(r#"{"free":{"a.b":1}}"#, r#"{"free":{"a.b":2}}"#), ["free"]);
}

#[test]
fn an_array_that_only_moved_is_a_set() {
    for (one, other, line) in [
        (r#"{"texts":["a","b"]}"#, r#"{"texts":["b","a"]}"#, r#""texts" = ".""#),
        (r#"{"rings":[{"id":"a"},{"id":"b"}]}"#, r#"{"rings":[{"id":"b"},{"id":"a"}]}"#, r#""rings" = "id""#),
        (
            r#"{"rings":[{"level":1,"skill":{"id":"a"}},{"level":1,"skill":{"id":"b"}}]}"#,
            r#"{"rings":[{"level":1,"skill":{"id":"b"}},{"level":1,"skill":{"id":"a"}}]}"#,
            r#""rings" = "skill.id""#,
        ),
        (
            r#"{"rings":[{"id":"a","level":1},{"id":"a","level":2},{"id":"b","level":1}]}"#,
            r#"{"rings":[{"id":"b","level":1},{"id":"a","level":2},{"id":"a","level":1}]}"#,
            r#""rings" = ["id", "level"]"#,
        ),
    ] {
        assert_eq!(told(one, other).1, [format!("[treat.sets] {line}")]);
    }
}

#[test]
fn order_and_values_of_one_array_are_told_apart() {
    let one = r#"{"rings":[{"id":"a","seen":"1"},{"id":"b","seen":"1"}]}"#;
    let other = r#"{"rings":[{"id":"b","seen":"2"},{"id":"a","seen":"1"}]}"#;
    assert_eq!(
        told(one, other),
        (
            vec!["rings".to_owned(), "rings.*.seen".to_owned()],
            vec![
                r#"[treat] volatile = ["at", "rings.*.seen"]"#.to_owned(),
                r#"[treat.sets] "rings" = "id""#.to_owned()
            ]
        )
    );
}

#[test]
fn an_identity_has_to_fit_every_entity() {
    let one = [r#"{"rings":[{"id":"a","level":1},{"id":"b","level":2}]}"#, r#"{"rings":[{"level":1},{"level":2}]}"#];
    let other = [r#"{"rings":[{"id":"b","level":2},{"id":"a","level":1}]}"#, r#"{"rings":[{"level":2},{"level":1}]}"#];
    let noise = noise(&one, &other);
    assert_eq!(noise.lines(&domain())[0].text, r#""rings" = "level""#);
}

#[test]
fn what_the_schema_lacks_is_said_to_be_missing_there() {
    let noise = noise(&[r#"{"fresh":1,"map":{"x":{"new":1}}}"#], &[r#"{"fresh":2,"map":{"x":{"new":2}}}"#]);
    let told: Vec<_> = noise.uncovered.iter().map(|(path, moved)| (path.to_string(), moved.is_in_schema)).collect();
    assert_eq!(told, [("fresh".to_owned(), false), ("map.*.new".to_owned(), false)]);
}

#[test]
fn entities_of_one_read_alone_are_counted() {
    let noise = noise(&["{}", r#"{"count":1}"#], &["{}"]);
    assert_eq!((noise.compared, noise.apart, noise.uncovered.len()), (1, 1, 0));
}
